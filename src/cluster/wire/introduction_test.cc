#include "cluster/wire/introduction.h"

#include <doctest/doctest.h>

#include "base/coding.h"

namespace clustron::cluster {
namespace {

const Introduction kIntroduction{.boot = 7,
                                 .nonce = 0x1122334455667788,
                                 .feature_version = 2,
                                 .held = {.ballot = {8, 3}, .slot = 900},
                                 .set_back = true,
                                 .recovered_boot = 6};
const IntroductionAnswer kAnswer{.boot = 7,
                                 .nonce = 9,
                                 .recovered_boot = 6,
                                 .recorded = false,
                                 .set_back = true,
                                 .why = "a copy",
                                 .known_boot = 8,
                                 .highest = {5, 2},
                                 .chosen = 77,
                                 .accepts_loss = true,
                                 .by = 11};

TEST_CASE("an introduction comes through as it was") {
  Introduction got;
  REQUIRE(DecodeIntroduction(EncodeIntroduction(kIntroduction), &got));
  CHECK(got == kIntroduction);
  IntroductionAnswer answer;
  REQUIRE(DecodeIntroductionAnswer(EncodeIntroductionAnswer(kAnswer), &answer));
  CHECK(answer == kAnswer);
  Standing standing;
  REQUIRE(DecodeStanding(EncodeStanding({{4, 2}, 9}), &standing));
  CHECK((standing == Standing{{4, 2}, 9}));
  CHECK_FALSE(DecodeStanding(EncodeStanding(standing) + "x", &standing));
}

TEST_CASE("what a later version says besides is skipped") {
  std::string bytes = EncodeIntroduction(kIntroduction);
  Writer writer(&bytes);
  writer.U8(200);
  writer.Bytes("of tomorrow");
  Introduction got;
  REQUIRE(DecodeIntroduction(bytes, &got));
  CHECK(got == kIntroduction);
}

TEST_CASE("an introduction cut anywhere, of another format or without a name is malformed") {
  const std::string whole = EncodeIntroduction(kIntroduction);
  const std::string answer = EncodeIntroductionAnswer(kAnswer);
  Introduction got;
  IntroductionAnswer got_answer;
  // What is missing at the end of a field is malformed; without boot and nonce nothing is said.
  for (size_t size = 0; size < 21; ++size) {
    CHECK_FALSE(DecodeIntroduction(whole.substr(0, size), &got));
    CHECK_FALSE(DecodeIntroductionAnswer(answer.substr(0, size), &got_answer));
  }
  std::string other = whole;
  other[0] = 2;
  CHECK_FALSE(DecodeIntroduction(other, &got));
  CHECK_FALSE(DecodeIntroduction(EncodeIntroduction({.boot = 0, .nonce = 1}), &got));
  CHECK_FALSE(DecodeIntroduction(EncodeIntroduction({.boot = 1, .nonce = 0}), &got));
  CHECK_FALSE(DecodeIntroduction(EncodeIntroduction({.boot = 0xffffffff, .nonce = 1}), &got));
  // A field of another length than it has.
  std::string longer(1, '\x01');
  Writer writer(&longer);
  writer.U8(1);
  writer.Bytes("123456789");
  CHECK_FALSE(DecodeIntroduction(longer, &got));
}

}  // namespace
}  // namespace clustron::cluster

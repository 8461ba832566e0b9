#include "cluster/node/digest_log.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include <string>

namespace clustron::cluster {
namespace {

TEST_CASE("every 64th digest is kept and found, the others are not") {
  DigestLog log;
  CHECK(log.newest() == 0);
  CHECK(!log.Find(64));
  for (paxos::Slot slot = 1; slot <= 300; ++slot) log.Note(slot, slot * 7);
  CHECK(log.oldest() == 64);
  CHECK(log.newest() == 256);
  CHECK(log.Find(128) == 128 * 7);
  CHECK(!log.Find(129));
  CHECK(!log.Find(320));
  CHECK(!log.Find(0));
  log.ForgetBelow(129);
  CHECK(log.oldest() == 192);
  CHECK(!log.Find(128));
  CHECK(log.Find(256) == 256 * 7);
  log.ForgetBelow(1000);
  CHECK(log.newest() == 0);
}

TEST_CASE("a gap begins anew: digests across it say nothing of each other's slots") {
  DigestLog log;
  log.Note(64, 1);
  log.Note(128, 2);
  log.Note(640, 3);
  CHECK(log.oldest() == 640);
  CHECK(!log.Find(128));
  CHECK(log.Find(640) == 3);
}

TEST_CASE("kept digests survive a snapshot; bytes that make no sense are refused") {
  DigestLog log;
  for (paxos::Slot slot = 64; slot <= 640; slot += 64) log.Note(slot, slot);
  std::string bytes;
  log.Encode(&bytes);
  DigestLog other;
  other.Note(64, 99);
  REQUIRE(other.Decode(bytes).has_value());
  CHECK(other.oldest() == 64);
  CHECK(other.newest() == 640);
  CHECK(other.Find(64) == 64);
  CHECK_FALSE(other.Decode(bytes.substr(0, bytes.size() - 1)).has_value());
  CHECK_FALSE(other.Decode("").has_value());
  bytes[0] = 3;  // no 64th slot
  CHECK_FALSE(other.Decode(bytes).has_value());
  DigestLog empty;
  bytes.clear();
  empty.Encode(&bytes);
  REQUIRE(other.Decode(bytes).has_value());
  CHECK(other.newest() == 0);
}

TEST_CASE("the oldest digests go when there are too many") {
  DigestLog log;
  const paxos::Slot last = (DigestLog::kKeptMax + 10) * DigestLog::kEvery;
  for (paxos::Slot slot = 64; slot <= last; slot += 64) log.Note(slot, slot);
  CHECK(log.newest() == last);
  CHECK(log.oldest() == 11 * DigestLog::kEvery);
  CHECK(log.Find(11 * DigestLog::kEvery) == 11 * DigestLog::kEvery);
}

}  // namespace
}  // namespace clustron::cluster

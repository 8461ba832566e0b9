#include "cluster/wire/leaderships.h"

#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

Leaderships Of(std::initializer_list<Leadership> all, paxos::Slot behind = 0) {
  Leaderships list;
  if (behind != 0) list.BeginBehind(behind);
  for (const Leadership& leadership : all) list.Note(leadership);
  return list;
}

constexpr Leadership kFirst{1, {1, 1}, 11};
constexpr Leadership kSecond{100, {4, 2}, 22};
constexpr Leadership kThird{200, {5, 3}, 33};

}  // namespace

TEST_CASE("leaderships: one log has the same ones up to where both have come") {
  const Leaderships behind = Of({kFirst, kSecond});
  const Leaderships ahead = Of({kFirst, kSecond, kThird});
  CHECK(behind.Differs(150, ahead, 5000) == 0);
  CHECK(ahead.Differs(5000, behind, 150) == 0);
  CHECK(Leaderships().Differs(0, ahead, 5000) == 0);
  CHECK(behind.Differs(199, ahead, 200) == 0);
}

TEST_CASE("leaderships: a leader in slots that another leader wrote shows another log") {
  // This one has 300 slots of the second leader; there a third one began in slot 200.
  const Leaderships here = Of({kFirst, kSecond});
  const Leaderships there = Of({kFirst, kSecond, kThird});
  CHECK(here.Differs(300, there, 5000) == 200);
  CHECK(there.Differs(5000, here, 300) == 200);
  CHECK(here.Differs(300, there, 199) == 0);  // it has not come so far
  const Leaderships third = Of({kFirst, kThird});
  CHECK(here.Differs(100, third, 250) == 100);
  CHECK(third.Differs(250, here, 100) == 100);
}

TEST_CASE("leaderships: a ballot that was forgotten and used again is another leadership") {
  Leadership again = kSecond;
  again.tag = 23;
  CHECK(Of({kFirst, kSecond}).Differs(150, Of({kFirst, again}), 150) == 100);
}

TEST_CASE("leaderships: of what is not known any more nothing is said") {
  const Leaderships all = Of({kFirst, kSecond, kThird});
  CHECK(Of({kThird}, 150).Differs(300, all, 300) == 0);
  CHECK(all.Differs(300, Of({kThird}, 150), 300) == 0);
  CHECK(Of({}, 250).Differs(300, all, 300) == 0);
  CHECK(Of({}, 150).Differs(300, all, 300) == 200);
  Leaderships many;
  for (uint64_t i = 1; i <= Leaderships::kKeptMax + 5; ++i) many.Note({10 * i, {i, 1}, i});
  CHECK(many.kept().size() == Leaderships::kKeptMax);
  CHECK(many.Differs(20'000, Of({kFirst}), 60) != 0);
  CHECK(many.Differs(20'000, Of({{10, {9, 9}, 9}}), 50) == 0);
}

TEST_CASE("leaderships: what is encoded comes back, what is cut or out of order is refused") {
  const Leaderships list = Of({kSecond, kThird}, 50);
  std::string bytes;
  list.Encode(&bytes);
  Leaderships got;
  Reader whole(bytes);
  REQUIRE(got.Decode(&whole));
  CHECK(whole.Done());
  CHECK(got == list);
  for (size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    Reader cut(std::string_view(bytes).substr(0, size));
    CHECK_FALSE(got.Decode(&cut));
  }
  std::string wrong;
  Writer writer(&wrong);
  writer.U64(100);
  writer.Varint(1);
  writer.U64(100);
  writer.U64(1);
  writer.U32(1);
  writer.U64(1);
  Reader reader(wrong);
  CHECK_FALSE(got.Decode(&reader));
}

}  // namespace clustron::cluster

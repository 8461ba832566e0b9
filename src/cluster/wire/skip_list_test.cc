#include "cluster/wire/skip_list.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include <memory>

namespace clustron::cluster {
namespace {

TEST_CASE("a word of skip-slot names slot and hash, or takes one back; anything else is refused") {
  const auto word = ParseSkip("17:00000000000000ff");
  REQUIRE(word.has_value());
  CHECK(word->skip == Skip{17, 255});
  CHECK_FALSE(word->keep);
  CHECK(SkipText(word->skip) == "17:00000000000000ff");
  const auto keep = ParseSkip("17:keep");
  REQUIRE(keep.has_value());
  CHECK(keep->keep);
  for (const char* wrong : {"", "17", "17:", "17:ff", ":00000000000000ff", "0:00000000000000ff",
                            "17:00000000000000fg", "17:00000000000000ff0", "x:00000000000000ff",
                            "-1:00000000000000ff", "17: 0000000000000ff", "17:KEEP"}) {
    CAPTURE(wrong);
    CHECK_FALSE(ParseSkip(wrong).has_value());
  }
}

TEST_CASE("the hash of a value depends on kind, first ballot and bytes") {
  const auto hash = [](paxos::EntryKind kind, paxos::Ballot ballot, const char* bytes) {
    return HashOf({kind, ballot, std::make_shared<const std::string>(bytes)});
  };
  const uint64_t one = hash(paxos::EntryKind::kBatch, {1, 2}, "abc");
  CHECK(one == hash(paxos::EntryKind::kBatch, {1, 2}, "abc"));
  CHECK(one != hash(paxos::EntryKind::kConfig, {1, 2}, "abc"));
  CHECK(one != hash(paxos::EntryKind::kBatch, {2, 2}, "abc"));
  CHECK(one != hash(paxos::EntryKind::kBatch, {1, 3}, "abc"));
  CHECK(one != hash(paxos::EntryKind::kBatch, {1, 2}, "abd"));
}

TEST_CASE("of slots to come another list says what is skipped") {
  SkipList list, by;
  for (const paxos::Slot slot : {3, 7, 9}) REQUIRE(list.Set({slot, slot}));
  for (const paxos::Slot slot : {2, 5, 9}) REQUIRE(by.Set({slot, slot + 100}));
  REQUIRE(list.ReplaceAbove(5, by));
  CHECK(list.Text() == SkipText({3, 3}) + "," + SkipText({9, 109}));
  by = {};
  for (paxos::Slot slot = 1; slot <= SkipList::kCountMax; ++slot) REQUIRE(by.Set({slot + 9, 1}));
  CHECK_FALSE(list.ReplaceAbove(9, by));
  CHECK(list.skips().size() == SkipList::kCountMax);
}

TEST_CASE("a list of slots to skip is bounded, ordered and survives its encoding") {
  SkipList list;
  CHECK(list.Text() == "none");
  for (paxos::Slot slot = SkipList::kCountMax; slot > 0; --slot) CHECK(list.Set({slot, slot}));
  CHECK_FALSE(list.Set({1000, 1}));
  CHECK(list.Set({5, 77}));  // in its place
  CHECK(list.Find(5)->hash == 77);
  CHECK(list.Find(1000) == nullptr);
  CHECK(list.skips().front().slot == 1);
  list.Remove(5);
  CHECK(list.Find(5) == nullptr);
  std::string bytes;
  list.Encode(&bytes);
  SkipList other;
  Reader reader(bytes);
  REQUIRE(other.Decode(&reader).has_value());
  CHECK(reader.Done());
  CHECK(other == list);
  Reader cut(std::string_view(bytes).substr(0, bytes.size() - 1));
  CHECK_FALSE(other.Decode(&cut).has_value());
}

}  // namespace
}  // namespace clustron::cluster

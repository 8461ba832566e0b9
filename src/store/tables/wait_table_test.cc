// The table of those who wait, by itself: what is found by which key, undo, rows in snapshots.
#include "store/tables/wait_table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/keyspace/store.h"

namespace clustron::store {
namespace {

constexpr WaitOwner kOne{1, 3};
constexpr WaitOwner kTwo{2, 7};

Wait Of(const WaitOwner& owner, uint64_t id, std::vector<std::string> keys, int64_t deadline_ms = 0,
        int db = 0) {
  return {.id = {owner, id},
          .command_id = 717,
          .db = db,
          .resp_version = 3,
          .user = "somebody",
          .args = {"a", "b\0c", "0"},
          .keys = std::move(keys),
          .deadline_ms = deadline_ms};
}

std::vector<WaitPlace> InOrder(const WaitTable& waits, const std::string& key, int db = 0) {
  std::vector<WaitPlace> places;
  while (const WaitPlace* next =
             waits.Next({db, key}, Type::kList, places.empty() ? 0 : places.back()))
    places.push_back(*next);
  return places;
}

TEST_CASE("waiters are found by key, by number, by owner and by time") {
  Store s(1);
  WaitTable& waits = WaitsOf(s);
  CHECK_FALSE(waits.WaitedDb(0));
  waits.Add(Of(kTwo, 9, {"a", "b"}, 500));
  waits.Add(Of(kOne, 1, {"b"}, 300));
  waits.Add(Of(kOne, 2, {"a"}, 0, 4));
  CHECK(waits.Waited(0, "a"));
  CHECK_FALSE(waits.Waited(4, "b"));
  CHECK(waits.WaitedDb(4));
  CHECK_FALSE(waits.WaitedDb(1));
  CHECK(waits.KeysOf(0) == std::vector<std::string>{"a", "b"});
  CHECK(waits.KeysOf(4) == std::vector<std::string>{"a"});
  CHECK(InOrder(waits, "b") == std::vector<WaitPlace>{1, 2});
  CHECK(InOrder(waits, "a", 4) == std::vector<WaitPlace>{3});
  CHECK(*waits.FindId({kTwo, 9}) == 1);
  CHECK(waits.FindId({kTwo, 1}) == nullptr);
  CHECK(waits.Next({0, "b"}, Type::kHash, 0) == nullptr);
  CHECK(waits.NextDueMs() == 300);
  CHECK(waits.Due(299) == nullptr);
  CHECK(*waits.Due(300) == 2);
  CHECK(waits.Served() == std::vector<WaitOwner>{kOne, kTwo});
  CHECK(waits.PlacesOf(kOne) == std::vector<WaitPlace>{2, 3});
  CHECK(waits.OlderThan({1, 9}) == std::vector<WaitOwner>{kOne});
  CHECK(waits.OlderThan(kOne).empty());
  CHECK(waits.OlderThan({2, 7}).empty());
  waits.Remove(2);
  CHECK(waits.NextDueMs() == 500);
  waits.Remove(1);
  CHECK_FALSE(waits.WaitedDb(0));
  CHECK(waits.used_bytes() > 0);
  waits.Remove(3);
  CHECK(waits.used_bytes() == 0);
  CHECK(waits.empty());
  CHECK(waits.NextDueMs() == INT64_MAX);
}

TEST_CASE("what is undone leaves the table as it was") {
  Store s(1);
  WaitTable& waits = WaitsOf(s);
  waits.Add(Of(kOne, 1, {"a"}, 100));
  waits.Add(Of(kTwo, 1, {"a"}));
  const uint64_t digest = waits.Digest();
  const size_t mark = s.Arm();
  waits.Remove(1);
  waits.Add(Of(kOne, 2, {"b"}));
  waits.SetParked(kTwo, true);
  CHECK(waits.Digest() != digest);
  CHECK(InOrder(waits, "a").empty());
  CHECK(waits.AnyParked(kTwo));
  s.Rollback(mark);
  CHECK(waits.Digest() == digest);
  CHECK(InOrder(waits, "a") == std::vector<WaitPlace>{1, 2});
  CHECK_FALSE(waits.AnyParked(kTwo));
  CHECK(waits.Served() == std::vector<WaitOwner>{kOne, kTwo});
  CHECK(waits.NextDueMs() == 100);
}

TEST_CASE("parked waiters are passed over, in snapshots too") {
  Store s(1);
  WaitTable& waits = WaitsOf(s);
  for (uint64_t id = 1; id <= 300; id++) waits.Add(Of(id % 2 == 0 ? kTwo : kOne, id, {"a"}));
  waits.SetParked(kTwo, true);
  CHECK(waits.parked() == 150);
  CHECK(waits.AnyParked(kTwo));
  CHECK_FALSE(waits.AnyParked(kOne));
  CHECK(InOrder(waits, "a").size() == 150);
  CHECK(waits.Served() == std::vector<WaitOwner>{kOne});
  // Written while it changes: as it was when the walk began.
  const uint64_t digest = waits.Digest();
  std::string rows;
  uint64_t sum = 0;
  waits.BeginWalk();
  for (uint64_t id = 300; id > 200; id--) waits.Remove(id);
  waits.SetParked(kTwo, false);
  waits.Add(Of(kOne, 1000, {"new"}));
  for (bool all = false; !all;) {
    const ReplicatedTable::Slice slice = waits.Walk(1000, &rows);
    sum += slice.digest;
    all = slice.all;
  }
  CHECK(sum == digest);
  Store other(1);
  WaitTable& loaded = WaitsOf(other);
  for (Reader reader(rows); !reader.Done();) {
    Reader row(reader.Bytes());
    REQUIRE(loaded.LoadRow(&row).has_value());
    REQUIRE(row.Done());
  }
  CHECK(loaded.size() == 300);
  CHECK(loaded.Digest() == digest);
  CHECK(InOrder(loaded, "a").size() == 150);
  CHECK(loaded.AnyParked(kTwo));
  const Wait& first = *loaded.Find(1);
  CHECK(first.user == "somebody");
  CHECK(first.args == Of(kOne, 1, {"a"}).args);
  CHECK(first.resp_version == 3);
}

TEST_CASE("rows that can't be are refused") {
  Store s(1);
  WaitTable& waits = WaitsOf(s);
  waits.Add(Of(kOne, 1, {"a"}, 100));
  std::string rows;
  waits.BeginWalk();
  while (!waits.Walk(1000, &rows).all) continue;
  const std::string row(Reader(rows).Bytes());
  for (size_t cut = 0; cut < row.size(); cut++) {
    Store other(1);
    Reader in(std::string_view(row).substr(0, cut));
    CHECK_FALSE(WaitsOf(other).LoadRow(&in).has_value());
  }
  // The same waiter at another place.
  Store other(1);
  std::string twice = row;
  Reader in(row);
  REQUIRE(WaitsOf(other).LoadRow(&in).has_value());
  twice[0] = 2;
  Reader again(twice);
  CHECK_FALSE(WaitsOf(other).LoadRow(&again).has_value());
}

}  // namespace
}  // namespace clustron::store

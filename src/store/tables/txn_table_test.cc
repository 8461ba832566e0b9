#include "store/tables/txn_table.h"

#include <map>
#include <string>

#include "base/rng.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::store {
namespace {

using Kind = TxnOutcome::Kind;

std::string Rows(TxnTable& table) {
  std::string rows;
  table.BeginWalk();
  while (!table.Walk(1000, &rows).all) {
  }
  return rows;
}

Result<uint64_t> Load(TxnTable& table, std::string_view bytes) {
  uint64_t digest = 0;
  for (Reader rows(bytes); !rows.Done();) {
    Reader row(rows.Bytes());
    ASSIGN_OR_RETURN(const uint64_t one, table.LoadRow(&row));
    if (!row.Done()) return Fail(Errc::kCorruption, "longer than its row");
    digest += one;
  }
  return digest;
}

TEST_CASE("outcomes come back from a snapshot as they were, with their digest") {
  Store store(1);
  TxnTable& table = TxnsOf(store);
  table.Put("u", "1-a",
            {.kind = Kind::kApplied,
             .number = 7,
             .revision = 12,
             .until_ms = 500,
             .resp_version = 3,
             .reply = "*0\r\n"},
            0);
  table.Put("u", "1-b", {.kind = Kind::kClosed, .revision = 13, .until_ms = 600}, 0);
  table.Put("v", "1-a", {.kind = Kind::kConflict, .number = 8, .until_ms = 700, .reply = "x"}, 0);
  Store other(2);
  TxnTable& loaded = TxnsOf(other);
  const std::string rows = Rows(table);
  const auto digest = Load(loaded, rows);
  REQUIRE(digest.has_value());
  CHECK(*digest == table.Digest());
  CHECK(loaded.Digest() == table.Digest());
  CHECK(loaded.bytes() == table.bytes());
  CHECK(Rows(loaded) == rows);
  const TxnOutcome* a = loaded.Find("u", "1-a", 499);
  REQUIRE(a != nullptr);
  CHECK(a->kind == Kind::kApplied);
  CHECK(a->number == 7);
  CHECK(a->revision == 12);
  CHECK(a->resp_version == 3);
  CHECK(a->reply == "*0\r\n");
  CHECK(loaded.Find("u", "1-a", 500) == nullptr);
  CHECK(loaded.Find("u", "1-b", 500)->kind == Kind::kClosed);
  CHECK(loaded.Find("v", "1-b", 0) == nullptr);
  CHECK(table.committed() == 1);
  CHECK(table.conflicts() == 1);
}

TEST_CASE("each field of an outcome is in the digest") {
  const TxnOutcome base{
      .kind = Kind::kApplied, .number = 1, .revision = 2, .until_ms = 3, .reply = "r"};
  const auto digest = [](const TxnOutcome& outcome) {
    Store store(1);
    TxnsOf(store).Put("u", "1-a", outcome, 0);
    return TxnsOf(store).Digest();
  };
  for (int field = 0; field < 6; field++) {
    TxnOutcome other = base;
    if (field == 0) other.kind = Kind::kFailed;
    if (field == 1) other.number = 9;
    if (field == 2) other.revision = 9;
    if (field == 3) other.until_ms = 9;
    if (field == 4) other.resp_version = 3;
    if (field == 5) other.reply = "s";
    CHECK(digest(other) != digest(base));
  }
}

TEST_CASE("a row that is cut short, or ended in no known way, is refused") {
  Store store(1);
  TxnTable& table = TxnsOf(store);
  table.Put("u", "1-a", {.kind = Kind::kApplied, .until_ms = 5, .reply = "+OK\r\n"}, 0);
  const std::string rows = Rows(table);
  Reader all(rows);
  const std::string_view row = all.Bytes();
  for (size_t size = 0; size < row.size(); size++) {
    Store other(2);
    Reader reader(row.substr(0, size));
    CHECK_FALSE(TxnsOf(other).LoadRow(&reader).has_value());
  }
  std::string odd(row);
  const size_t kind_at = odd.find("1-a") + 3;
  for (const int kind : {static_cast<int>(Kind::kEnd), 255}) {
    odd[kind_at] = static_cast<char>(kind);
    Store other(2);
    Reader reader(odd);
    CHECK_FALSE(TxnsOf(other).LoadRow(&reader).has_value());
  }
}

TEST_CASE("outcomes are bounded in number and bytes, and what is past its time makes room") {
  Store store(1);
  TxnTable& table = TxnsOf(store);
  table.SetLimits({.entries_max = 2});
  table.Put("u", "1-a", {.until_ms = 100}, 0);
  CHECK(table.HasRoom(0));
  table.Put("u", "1-b", {.until_ms = 200}, 0);
  CHECK_FALSE(table.HasRoom(99));
  CHECK(table.HasRoom(100));
  table.Put("u", "1-c", {.until_ms = 300}, 100);
  CHECK(table.size() == 2);
  table.SetLimits({.bytes_max = kStoredReplyBytesMax + 2 * kStoredIdBytesMax + 8});
  CHECK(table.HasRoom(300));
  CHECK(table.HasRoom(0));
  table.SetLimits({.bytes_max = kStoredReplyBytesMax + 2 * kStoredIdBytesMax + 7});
  CHECK_FALSE(table.HasRoom(0));
}

TEST_CASE("outcomes are undone with what put them in") {
  Rng rng(1);
  Store store(1);
  TxnTable& table = TxnsOf(store);
  int64_t now = 0;
  for (int i = 0; i < 2000; i++) {
    now += static_cast<int64_t>(rng.Below(5));
    store.BeginItem();
    const std::string id = "1-" + std::to_string(rng.Below(100));
    if (table.Find("u", id, now) != nullptr) continue;
    const std::string before = Rows(table);
    const uint64_t digest = store.Digest();
    const size_t mark = store.Arm();
    table.Put("u", id,
              {.kind = Kind::kApplied,
               .number = rng.Next(),
               .until_ms = now + 1 + static_cast<int64_t>(rng.Below(300))},
              now);
    if (rng.Percent(50)) {
      store.Rollback(mark);
      REQUIRE(before == Rows(table));
      REQUIRE(store.Digest() == digest);
    } else {
      store.Disarm(mark);
    }
  }
}

}  // namespace
}  // namespace clustron::store

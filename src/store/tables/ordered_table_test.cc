// What all replicated tables have in common, by the example of one that is in no list.
#include "store/tables/ordered_table.h"

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/rng.h"
#include "store/keyspace/digester.h"
#include "tests/support/dies.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::store {
namespace {

// Numbers by name, with a sum that is derived from them. No two rows have the same number, unless
// it is 0.
class Numbers final : public OrderedTable<std::string, uint64_t> {
 public:
  explicit Numbers(Store& store) : OrderedTable(store) {}
  void Set(const std::string& name, uint64_t number) {
    if (!rows().contains(name)) {
      Insert(name, number);
      return;
    }
    const Place place = PlaceOf(name);
    WriteAhead(place->first, place->second);
    sum += number - place->second;
    AddUndo([this, place, before = place->second] {
      sum += before - place->second;
      place->second = before;
    });
    place->second = number;
  }
  void Remove(const std::string& name) { Take(PlaceOf(name)); }
  std::map<std::string, uint64_t> All() const { return {rows().begin(), rows().end()}; }

  std::string_view section() const override { return "numbers"; }
  size_t used_bytes() const override { return size(); }
  std::unique_ptr<SlicedFree> Clear() override {
    sum = 0;
    numbers_.clear();
    return FreedInSlices(SetRowsAside());
  }

  uint64_t sum = 0;

 private:
  void EncodeRow(const std::string& name, const uint64_t& number, std::string* out) const override {
    Writer w(out);
    w.Bytes(name);
    w.Varint(number);
  }
  Result<std::pair<std::string, uint64_t>> DecodeRow(Reader* in) const override {
    std::string name(in->Bytes());
    return std::pair(std::move(name), in->Varint());
  }
  uint64_t RowDigest(const std::string& name, const uint64_t& number) const override {
    Digester d(Digester::kLock);
    d.Bytes(name);
    d.Number(number);
    return d.sum();
  }
  bool Link(const std::string&, uint64_t& number) override {
    sum += number;
    return number < 1'000'000 || numbers_.insert(number).second;
  }
  void Unlink(const std::string&, const uint64_t& number) override {
    sum -= number;
    numbers_.erase(number);
  }
  std::set<uint64_t> numbers_;  // the big ones
};

Result<uint64_t> Load(Numbers& table, std::string_view bytes) {
  uint64_t digest = 0;
  for (Reader rows(bytes); !rows.Done();) {
    Reader row(rows.Bytes());
    ASSIGN_OR_RETURN(const uint64_t one, table.LoadRow(&row));
    digest += one;
  }
  return digest;
}

void AnyChange(Numbers& table, Rng& rng) {
  const std::string name = "n" + std::to_string(rng.Below(300));
  if (rng.Percent(35) && table.All().contains(name)) {
    table.Remove(name);
  } else {
    table.Set(name, rng.Below(1000));
  }
}

TEST_CASE("a walk gives the rows as they were when it began, each once") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    Store store(1);
    const auto table_owner = std::make_unique<Numbers>(store);
    Numbers& table = *table_owner;
    for (int i = 0; i < 400; i++) AnyChange(table, rng);
    const auto before = table.All();
    const uint64_t digest = table.Digest();
    std::string rows;
    uint64_t walked = 0;
    int slices = 0;
    table.BeginWalk();
    for (bool all = false; !all; slices++) {
      const ReplicatedTable::Slice slice = table.Walk(700, &rows);
      all = slice.all;
      walked += slice.digest;
      for (uint64_t n = rng.Below(12); n > 0; n--) AnyChange(table, rng);
    }
    CHECK(slices > 5);
    CHECK(walked == digest);
    Store other(2);
    const auto restored_owner = std::make_unique<Numbers>(other);
    Numbers& restored = *restored_owner;
    const Result<uint64_t> loaded = Load(restored, rows);
    REQUIRE(loaded.has_value());
    CHECK(*loaded == digest);
    CHECK(restored.All() == before);
    CHECK(restored.Digest() == digest);
    CHECK_FALSE(Load(restored, rows).has_value());  // they are there already
  }
}

TEST_CASE("what is rolled back leaves rows and what is derived from them as they were") {
  Rng rng(7);
  Store store(1);
  const auto table_owner = std::make_unique<Numbers>(store);
  Numbers& table = *table_owner;
  for (int i = 0; i < 200; i++) AnyChange(table, rng);
  for (int round = 0; round < 300; round++) {
    store.BeginItem();
    const auto before = table.All();
    const uint64_t sum = table.sum;
    const size_t mark = store.Arm();
    for (uint64_t n = rng.Below(20); n > 0; n--) AnyChange(table, rng);
    if (rng.Percent(50)) {
      store.Rollback(mark);
      REQUIRE(table.All() == before);
      REQUIRE(table.sum == sum);
    } else {
      store.Disarm(mark);
    }
  }
}

TEST_CASE("a row that contradicts another, and one that is cut short, are refused") {
  Store store(1);
  const auto table_owner = std::make_unique<Numbers>(store);
  Numbers& table = *table_owner;
  std::string row;
  Writer w(&row);
  w.Bytes("a");
  w.Varint(5'000'000);
  for (size_t size = 0; size < row.size(); size++) {
    Reader cut(std::string_view(row).substr(0, size));
    CHECK_FALSE(table.LoadRow(&cut).has_value());
    table.Clear();
  }
  Reader first(row);
  CHECK(table.LoadRow(&first).has_value());
  row[1] = 'b';
  Reader second(row);
  CHECK_FALSE(table.LoadRow(&second).has_value());
}

TEST_CASE("rows that were set aside are freed in slices") {
  Store store(1);
  const auto table_owner = std::make_unique<Numbers>(store);
  Numbers& table = *table_owner;
  for (int i = 0; i < 100; i++) table.Set(std::to_string(i), 1);
  const auto old = table.Clear();
  CHECK(table.empty());
  CHECK(table.sum == 0);
  int slices = 1;
  while (old->FreeSome(10)) slices++;
  CHECK(slices >= 10);
}

TEST_CASE("no two walks at a time, and nothing is set aside under one") {
  Store store(1);
  const auto table_owner = std::make_unique<Numbers>(store);
  Numbers& table = *table_owner;
  table.BeginWalk();
  CHECK(Dies([&] { table.BeginWalk(); }));
  CHECK(Dies([&] { table.Clear(); }));
  table.EndWalk();
  table.EndWalk();
  table.BeginWalk();
}

}  // namespace
}  // namespace clustron::store

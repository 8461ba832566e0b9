#include "store/tables/index_table.h"

#include <doctest/doctest.h>

#include <string>

#include "store/snapshot/snapshot_load.h"
#include "store/tables/label_table.h"
#include "tests/support/store_model.h"

namespace clustron::store {

namespace {

void PutField(Store& s, std::string_view key, std::string_view field, std::string_view value) {
  Mutation m = s.Modify(0, key);
  SetHashField(m, field, value);
  m.Commit(kSet);
}

void PutMany(Store& s, int count) {
  for (int i = 0; i < count; i++) PutField(s, "k" + std::to_string(i), "f", std::to_string(i));
}

IndexDefinition OverField() {
  return {.kind = IndexKind::kHash, .fields = {{"f", FieldType::kNum}}};
}

uint64_t Pairs(const Store& s, std::string_view name) {
  return std::get<0>(IndexesOf(s).Find(0, name)->content->column(0)).tree().size();
}

// So many are indexed at once.
constexpr int kFew = static_cast<int>(IndexTable::kSliceKeys);

}  // namespace

TEST_CASE("indexes: one over many keys is built in slices, and keeps up with writes meanwhile") {
  Store s(1);
  s.BeginItem();
  constexpr int kKeys = static_cast<int>(IndexTable::kSliceKeys) * 6;
  PutMany(s, kKeys);
  IndexTable& table = IndexesOf(s);
  table.Create(0, "i", OverField());
  const Index& index = *table.Find(0, "i");
  CHECK_FALSE(index.ready());
  CHECK(table.building() == 1);
  CHECK(index.percent() == 0);
  int slices = 0;
  while (table.BuildSlice() != 0) {
    slices++;
    s.BeginItem();
    PutField(s, "k" + std::to_string(slices), "f", "-1");
    PutField(s, "new" + std::to_string(slices), "f", "-2");
    const std::string gone = "k" + std::to_string(kKeys / 2 + slices);
    Mutation m = s.Modify(0, gone);
    m.Delete();
    m.Commit(kDel);
    REQUIRE(WrongIndex(s) == "");
  }
  CHECK(slices >= 5);
  CHECK(slices <= 9);
  CHECK(index.ready());
  CHECK(table.building() == 0);
  CHECK(index.percent() == 100);
  CHECK(Pairs(s, "i") == kKeys);
}

TEST_CASE("indexes: a build stops while memory is short, and goes on") {
  Store s(1);
  s.BeginItem();
  PutMany(s, kFew * 3);
  IndexTable& table = IndexesOf(s);
  table.Create(0, "i", OverField());
  table.Create(0, "j", OverField());
  const Index& index = *table.Find(0, "i");
  CHECK(table.BuildSlice() != 0);
  const uint64_t below = index.built_below;
  const uint64_t digest = s.Digest();
  CHECK(table.BuildSlice(true) != 0);
  CHECK(table.stopped());
  CHECK(index.stopped);
  CHECK(table.Find(0, "j")->stopped);
  CHECK(index.built_below == below);
  CHECK(s.Digest() != digest);
  CHECK(table.BuildSlice(true) == 0);
  PutField(s, "k1", "f", "-7");
  CHECK(WrongIndex(s) == "");
  table.Drop(0, "j");
  CHECK(table.stopped());
  CHECK(table.BuildSlice() != 0);
  CHECK_FALSE(table.stopped());
  CHECK(index.built_below > below);
  CHECK(table.BuildSlice(true) != 0);
  table.Drop(0, "i");
  CHECK_FALSE(table.stopped());
  CHECK(table.building() == 0);
}

TEST_CASE("indexes: few keys are indexed at once, also inside of what is undone") {
  Store s(1);
  s.BeginItem();
  PutMany(s, kFew);
  const size_t mark = s.Arm();
  IndexesOf(s).Create(0, "i", OverField());
  CHECK(IndexesOf(s).Find(0, "i")->ready());
  CHECK(Pairs(s, "i") == kFew);
  s.Rollback(mark);
  CHECK(IndexesOf(s).Find(0, "i") == nullptr);
  CHECK_FALSE(IndexesOf(s).Has(0));
  while (s.Upkeep(10)) {
  }
}

TEST_CASE("indexes: what a flush or a drop sets aside comes back when it is undone") {
  Store s(1);
  s.BeginItem();
  PutMany(s, kFew);
  IndexesOf(s).Create(0, "i", OverField());
  const std::string before = IndexText(*IndexesOf(s).Find(0, "i")->content);
  const size_t mark = s.Arm();
  s.BeginItem();
  PutField(s, "k1", "f", "77777");
  s.FlushDb(0);
  CHECK(Pairs(s, "i") == 0);
  PutField(s, "k2", "f", "1");
  CHECK(Pairs(s, "i") == 1);
  IndexesOf(s).Drop(0, "i");
  PutField(s, "k3", "f", "1");
  s.Rollback(mark);
  CHECK(IndexText(*IndexesOf(s).Find(0, "i")->content) == before);
  CHECK(WrongIndex(s) == "");
}

TEST_CASE("indexes: contents are the keyspace's memory, and are freed in slices") {
  Store s(1);
  s.BeginItem();
  PutMany(s, 20'000);
  const size_t before = s.used_bytes();
  IndexesOf(s).Create(0, "i", OverField());
  while (IndexesOf(s).BuildSlice() != 0) {
  }
  CHECK((s.used_bytes() - before) / 20'000 <=
        64 + 6);            // a key with one field; its name has 6 bytes
  while (s.Upkeep(1000)) {  // what was put in counts for the next call
  }
  IndexesOf(s).Drop(0, "i");
  int slices = 0;
  while (s.Upkeep(100)) slices++;
  CHECK(slices > 100);
  CHECK(s.used_bytes() == before);
}

TEST_CASE("indexes: the one that has all names with a prefix") {
  Store s(1);
  s.BeginItem();
  IndexTable& table = IndexesOf(s);
  CHECK(table.OfNames(0, "a") == nullptr);
  table.Create(0, "h", OverField());
  table.Create(0, "some", {.kind = IndexKind::kKeys, .prefixes = {"user:"}});
  CHECK(table.OfNames(0, "a") == nullptr);
  CHECK(table.OfNames(0, "use") == nullptr);
  CHECK(table.OfNames(0, "user:7") == table.Find(0, "some"));
  table.Create(0, "all", {.kind = IndexKind::kKeys});
  CHECK(table.OfNames(0, "") == table.Find(0, "all"));
  CHECK(table.OfNames(1, "") == nullptr);
}

TEST_CASE("labels: follow their key, and go with its value") {
  Store s(1);
  s.BeginItem();
  LabelTable& labels = LabelsOf(s);
  const Labels red{.entity = "e", .pairs = {{"tag", "red"}}};
  CHECK_FALSE(labels.Set(0, "a", red));
  Put(s, 0, "a", "1");
  const Revision before = s.Find(0, "a")->revision();
  s.BeginItem();
  CHECK(labels.Set(0, "a", red));
  CHECK(s.Find(0, "a")->revision() > before);
  s.Rename(0, "a", "b");
  CHECK(*labels.Find(0, "b") == red);
  CHECK_FALSE(labels.Has(0, "a"));
  s.Move(0, "b", 3);
  CHECK(labels.Has(3, "b"));
  Put(s, 4, "b", "2");
  CHECK(labels.Set(4, "b", {.entity = {}, .pairs = {{"tag", "blue"}}}));
  s.SwapDb(3, 4);
  CHECK(*labels.Find(4, "b") == red);
  CHECK(labels.Find(3, "b")->pairs[0].second == "blue");
  const size_t mark = s.Arm();
  s.SwapDb(3, 4);
  Put(s, 3, "b", "3");
  CHECK(labels.size() == 1);
  s.FlushDb(4);
  CHECK(labels.empty());
  s.Rollback(mark);
  CHECK(*labels.Find(4, "b") == red);
  CHECK(labels.size() == 2);
  CHECK(WrongIndex(s) == "");
}

}  // namespace clustron::store

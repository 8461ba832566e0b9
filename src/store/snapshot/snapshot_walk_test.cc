// The walk gives the state as it was when it began, whatever happens meanwhile; what is loaded from
// it goes on as the original would have.
#include "store/snapshot/snapshot_walk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "store/snapshot/snapshot_load.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/string_edit.h"
#include "tests/support/store_model.h"

namespace clustron::store {
namespace {

// Loads at once what the walk gives, by way of the encoded attributes.
class LoadingSink : public SnapshotSink {
 public:
  explicit LoadingSink(Store& store) : loader(store), store_(store) {}
  void OnRows(std::string_view section, std::string_view rows) override {
    REQUIRE(loader.HasRows(section));
    slices_of_rows++;
    for (; !rows.empty(); rows.remove_prefix(std::min(cut, rows.size())))
      REQUIRE(loader.LoadRows(section, rows.substr(0, cut)));
  }
  void OnKey(int db, std::string_view key, Type type, const KeyMeta& meta, uint64_t size) override {
    EndKey();
    std::string bytes;
    meta.Encode(&bytes);
    const Result<KeyMeta> decoded = KeyMeta::Decode(bytes);
    REQUIRE(decoded.has_value());
    REQUIRE(*decoded == meta);
    REQUIRE(loader.BeginKey(db, key, type, *decoded, size));
    open_ = true;
    keys++;
  }
  void OnPart(std::string_view part) override { REQUIRE(loader.Part(part)); }
  void Finish() {
    EndKey();
    REQUIRE(loader.Finish());
    CHECK(loader.digest() == store_.Digest());
  }

  StoreLoader loader;
  size_t cut = SIZE_MAX;  // rows come in pieces of this size
  int slices_of_rows = 0;
  size_t keys = 0;

 private:
  void EndKey() {
    if (std::exchange(open_, false)) REQUIRE(loader.EndKey());
  }
  Store& store_;
  bool open_ = false;
};

// What happens between two slices: any change, transactions that fail included.
void Disturb(ModelledStore& p) {
  for (uint64_t n = p.rng().Below(6); n > 0; n--) p.AnyStep();
  for (uint64_t n = p.rng().Below(4); n > 0; n--) p.LeaseStep();
  if (p.rng().Percent(30)) p.BigStep();
  if (p.rng().Percent(5)) p.Advance();
  if (p.rng().Percent(3)) p.ExpireAll();
  if (p.rng().Percent(10)) {
    const auto model = p.Save();
    const size_t mark = p.store.Arm();
    for (int i = 0; i < 10; i++) p.AnyStep();
    if (p.rng().Percent(60)) {
      p.store.Rollback(mark);
      p.PutBack(model);
    } else {
      p.store.Disarm(mark);
    }
  }
  if (p.rng().Percent(1)) {
    p.store.BeginItem();
    p.store.FlushAll();
    for (auto& db : p.model) db.clear();
  }
  p.store.Upkeep(50);
}

void GrowBigValues(ModelledStore& p) {
  p.store.BeginItem();
  {
    Mutation m = p.store.Modify(5, "big hash");
    for (int i = 0; i < 3000; i++) SetHashField(m, "field" + std::to_string(i), std::to_string(i));
    m.Commit(kSet);
  }
  Put(p.store, 5, "big string", std::string(400'000, 'b'));
}

void ChangeBigValues(ModelledStore& p) {
  p.store.BeginItem();
  if (p.rng().Percent(50)) {
    Mutation m = p.store.Modify(5, "big hash");
    if (m.exists() && m.record()->type() == Type::kHash) {
      DeleteHashField(m, "field" + std::to_string(p.rng().Below(3000)));
      SetHashField(m, "field" + std::to_string(p.rng().Below(3000)), "new");
      m.Commit(kSet);
    }
  } else {
    Mutation m = p.store.Modify(5, "big string");
    if (m.exists() && m.record()->type() == Type::kString) {
      WriteString(m, p.rng().Below(400'000), "changed");
      m.Commit(kSet);
    }
  }
}

TEST_CASE("a snapshot is the state at its start, whatever changes meanwhile") {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    CAPTURE(seed);
    ModelledStore p(seed, seed % 3 == 0 ? 2000 : 300);
    for (int i = 0; i < 1500; i++) p.AnyStep();
    for (int round = 0; round < 3; round++) {
      GrowBigValues(p);
      const std::string before = Everything(p.store);
      Store restored(1);
      {
        LoadingSink sink(restored);
        SnapshotWalk walk(p.store, sink);
        REQUIRE(sink.loader.LoadTables(walk.tables()));
        while (walk.Step(1 + p.rng().Below(500)) == SnapshotWalk::Progress::kMore) {
          Disturb(p);
          ChangeBigValues(p);
        }
        sink.Finish();
        CHECK(walk.digest() == restored.Digest());
        size_t keys = 0;
        for (int db = 0; db < kDatabases; db++) keys += walk.keys(db);
        CHECK(keys == sink.keys);
      }
      REQUIRE(Everything(restored) == before);
      p.ExpireAll();
      p.Compare();
    }
  }
}

TEST_CASE("an index that is being built is in the snapshot as far as it was, and goes on there") {
  Store store(7);
  store.BeginItem();
  for (int i = 0; i < 3000; i++) {
    const std::string key = "key" + std::to_string(i);
    Mutation m = store.Modify(0, key);
    SetHashField(m, "f", std::to_string(i));
    m.Commit(kSet);
  }
  IndexesOf(store).Create(0, "i", {.kind = IndexKind::kHash, .fields = {{"f", FieldType::kNum}}});
  REQUIRE(IndexesOf(store).BuildSlice() != 0);
  const uint64_t built = IndexesOf(store).Find(0, "i")->built_below;
  const std::string before = Everything(store);
  Store restored(1);
  {
    LoadingSink sink(restored);
    SnapshotWalk walk(store, sink);
    REQUIRE(sink.loader.LoadTables(walk.tables()));
    IndexesOf(store).BuildSlice();
    while (walk.Step(300) == SnapshotWalk::Progress::kMore) IndexesOf(store).BuildSlice();
    sink.Finish();
    CHECK(walk.digest() == restored.Digest());
  }
  while (IndexesOf(store).BuildSlice() != 0) {
  }
  CHECK(IndexesOf(restored).Find(0, "i")->built_below == built);
  CHECK(Everything(restored) == before);
  CHECK(WrongIndex(restored) == "");
  while (IndexesOf(restored).BuildSlice() != 0) {
  }
  CHECK(WrongIndex(restored) == "");
  CHECK(IndexText(*IndexesOf(restored).Find(0, "i")->content) ==
        IndexText(*IndexesOf(store).Find(0, "i")->content));
}

TEST_CASE("leases and locks that change ahead of the walk are in the snapshot as they were") {
  Store store(7);
  const auto id = [](int i) { return "lease " + std::to_string(100 + i); };
  const auto name = [](int i) { return "lock " + std::to_string(100 + i); };
  Revision tokens[40] = {};
  for (int i = 0; i < 40; i++) {
    store.BeginItem();
    LeasesOf(store).Grant(id(i), 1000, "owner");
    Put(store, 1, "key " + std::to_string(i), "v");
    store.BeginItem();
    REQUIRE(LeasesOf(store).Attach(id(i), 1, "key " + std::to_string(i)) ==
            LeaseTable::AttachResult::kAttached);
    tokens[i] =
        LocksOf(store).Acquire(2, name(i), {.owner = "o", .lease_id = id(i), .ttl_ms = 500});
  }
  const std::string before = Everything(store);
  Store restored(1);
  LoadingSink sink(restored);
  SnapshotWalk walk(store, sink);
  REQUIRE(sink.loader.LoadTables(walk.tables()));
  for (int i = 0; i < 5; i++) walk.Step(1);
  store.BeginItem();
  LeasesOf(store).End(id(2), true);  // behind the walk, its lock is not
  LeasesOf(store).End(id(20), true);
  LeasesOf(store).Grant(id(20), 2000, "another");
  LeasesOf(store).Grant(id(20) + " new", 2000, "another");
  LeasesOf(store).DetachKey(1, "key 21");
  store.Rename(1, "key 22", "other");
  store.SwapDb(1, 3);
  const size_t mark = store.Arm();
  store.BeginItem();
  LeasesOf(store).End(id(23), false);
  store.Rollback(mark);
  LocksOf(store).Renew(2, name(24), tokens[24], 9000);
  LeasesOf(store).Keep(id(25));
  LocksOf(store).Renew(2, name(26), tokens[26], 0);
  for (int i = 0; i < 45; i++) walk.Step(1);  // among the locks
  LocksOf(store).End(2, name(38), tokens[38], LockEventKind::kReleased);
  LocksOf(store).Acquire(2, name(38), {.owner = "p", .ttl_ms = 800});
  LocksOf(store).Acquire(2, name(39) + " new", {.owner = "p", .ttl_ms = 800});
  while (walk.Step(1) == SnapshotWalk::Progress::kMore) {
  }
  sink.Finish();
  CHECK(Everything(restored) == before);
  CHECK(sink.loader.digest() == restored.Digest());
  CHECK(walk.digest() == restored.Digest());
  CHECK(sink.slices_of_rows > 20);
}

TEST_CASE("rows of leases and locks are loaded from pieces of any size") {
  ModelledStore p(5, 300);
  for (int i = 0; i < 3000; i++) p.AnyStep();
  const std::string before = Everything(p.store);
  for (size_t size = 1; size < 40; size += 3) {
    Store restored(1);
    LoadingSink sink(restored);
    sink.cut = size;
    SnapshotWalk walk(p.store, sink);
    REQUIRE(sink.loader.LoadTables(walk.tables()));
    while (walk.Step(100'000) == SnapshotWalk::Progress::kMore) {
    }
    sink.Finish();
    REQUIRE(Everything(restored) == before);
  }
  Store restored(1);
  LoadingSink sink(restored);
  REQUIRE_FALSE(sink.loader.LoadRows("leases", "x"));  // the tables come first
}

TEST_CASE("rows come table by table, before the keys") {
  Store store(1);
  Store restored(2);
  LoadingSink sink(restored);
  SnapshotWalk walk(store, sink);
  REQUIRE(sink.loader.LoadTables(walk.tables()));
  CHECK_FALSE(sink.loader.HasRows("nosuch"));
  CHECK(sink.loader.LoadRows("leases", ""));
  CHECK(sink.loader.LoadRows("locks", ""));
  CHECK_FALSE(sink.loader.LoadRows("leases", "").has_value());
  CHECK(sink.loader.LoadRows("locks", ""));
  REQUIRE(sink.loader.BeginKey(0, "k", Type::kString, {}, 0));
  CHECK_FALSE(sink.loader.LoadRows("locks", "").has_value());
}

TEST_CASE("a restored store goes on exactly as the original") {
  for (uint64_t seed = 31; seed <= 36; seed++) {
    CAPTURE(seed);
    ModelledStore p(seed, 300);
    for (int i = 0; i < 3000; i++) {
      p.AnyStep();
      if (p.rng().Percent(2)) p.Advance();
      if (i % 500 == 499) p.ExpireAll();
    }
    ModelledStore q(seed, 300);
    {
      LoadingSink sink(q.store);
      SnapshotWalk walk(p.store, sink);
      REQUIRE(sink.loader.LoadTables(walk.tables()));
      while (walk.Step(10'000) == SnapshotWalk::Progress::kMore) {
      }
      sink.Finish();
    }
    q.PutBack(p.Save());
    q.rng() = p.rng();
    for (int i = 0; i < 3000; i++) {
      p.AnyStep();
      q.AnyStep();
      if (p.rng().Percent(2)) p.Advance();
      if (q.rng().Percent(2)) q.Advance();
      if (i % 200 == 199) {
        for (ModelledStore* s : {&p, &q}) {  // part of what is due: the same part
          s->store.BeginItem();
          s->store.ExpireDue(5);
        }
      }
      if (i % 500 == 499) REQUIRE(Everything(p.store) == Everything(q.store));
    }
  }
}

TEST_CASE("a walk that would hold too much gives up, and the next one succeeds") {
  ModelledStore p(77, 2000);
  for (int i = 0; i < 4000; i++) p.AnyStep();
  for (int abandoned = 0; abandoned < 20; abandoned++) {
    Store restored(1);
    LoadingSink sink(restored);
    SnapshotWalk walk(p.store, sink, {.held_bytes_max = 2000});
    REQUIRE(sink.loader.LoadTables(walk.tables()));
    REQUIRE(walk.Step(500) == SnapshotWalk::Progress::kMore);
    for (int i = 0; i < 300; i++) p.AnyStep();
    REQUIRE(walk.Step(500) == SnapshotWalk::Progress::kAborted);
  }
  const std::string before = Everything(p.store);
  Store restored(1);
  LoadingSink sink(restored);
  SnapshotWalk walk(p.store, sink);
  REQUIRE(sink.loader.LoadTables(walk.tables()));
  while (walk.Step(500) == SnapshotWalk::Progress::kMore) p.AnyStep();
  sink.Finish();
  CHECK(Everything(restored) == before);
}

TEST_CASE("keys that change between two steps are bounded by themselves") {
  Store store(1);
  store.BeginEntry(1000, 5'000'000);
  const auto set = [&store](int i, char c) {
    const std::string key = "key:" + std::to_string(i);
    Mutation m = store.Modify(0, key);
    SetString(m, std::string(100, c));
    m.Commit(kSet);
  };
  for (int i = 0; i < 500; ++i) set(i, 'a');
  Store restored(1);
  LoadingSink sink(restored);
  SnapshotWalk walk(store, sink, {.held_bytes_max = 20'000});
  REQUIRE(walk.Step(500) == SnapshotWalk::Progress::kMore);
  SUBCASE("few") {
    for (int i = 0; i < 100; ++i) set(i, 'b');
    CHECK(walk.Step(500) == SnapshotWalk::Progress::kMore);
  }
  SUBCASE("all") {
    for (int i = 0; i < 500; ++i) set(i, 'b');
    CHECK(walk.Step(500) == SnapshotWalk::Progress::kAborted);
  }
}

TEST_CASE("many walks after each other all succeed, given up or not") {
  ModelledStore p(78, 200);
  for (int i = 0; i < 1000; i++) p.AnyStep();
  for (int round = 0; round < 80; round++) {
    CAPTURE(round);
    const std::string before = Everything(p.store);
    Store restored(1);
    LoadingSink sink(restored);
    SnapshotWalk walk(p.store, sink);
    REQUIRE(sink.loader.LoadTables(walk.tables()));
    bool given_up = false;
    while (!given_up && walk.Step(300) == SnapshotWalk::Progress::kMore) {
      for (int i = 0; i < 3; i++) p.AnyStep();
      given_up = p.rng().Percent(2);
    }
    if (given_up) continue;
    sink.Finish();
    REQUIRE(Everything(restored) == before);
  }
}

TEST_CASE("changing or deleting a huge value under a walk costs a piece, not the value") {
  Store s(1);
  {
    Mutation m = s.Modify(0, "h");
    for (int i = 0; i < 100'000; i++) SetHashField(m, "field" + std::to_string(i), "value");
    m.Commit(kSet);
  }
  Put(s, 0, "s", std::string(20'000'000, 's'));
  Store restored(1);
  LoadingSink sink(restored);
  SnapshotWalk walk(s, sink);
  REQUIRE(sink.loader.LoadTables(walk.tables()));
  const std::string before = Everything(s);
  const size_t used = s.used_bytes();
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "h");
    SetHashField(m, "field7", "other");
    m.Commit(kSet);
  }
  {
    Mutation m = s.Modify(0, "s");
    AppendString(m, "tail");
    m.Commit(kSet);
  }
  CHECK(s.used_bytes() - used < 300'000);
  while (walk.Step(100'000) == SnapshotWalk::Progress::kMore) {
  }
  sink.Finish();
  CHECK(Everything(restored) == before);
}

TEST_CASE("a damaged snapshot is refused") {
  ModelledStore p(5, 50);
  for (int i = 0; i < 500; i++) p.AnyStep();
  Store other(1);
  LoadingSink sink(other);
  SnapshotWalk walk(p.store, sink);
  const std::string tables = walk.tables();
  for (size_t size = 0; size < tables.size(); size += 7) {
    Store s(1);
    StoreLoader loader(s);
    CHECK_FALSE(loader.LoadTables(tables.substr(0, size)));
  }
  Store s(1);
  StoreLoader loader(s);
  CHECK_FALSE(loader.BeginKey(16, "k", Type::kString, {}, 1));
  CHECK_FALSE(loader.BeginKey(0, "k", Type::kStream, {}, 1));
  CHECK(loader.BeginKey(0, "k", Type::kString, {}, 3));
  CHECK(loader.Part("ab"));
  CHECK_FALSE(loader.EndKey());
  CHECK(loader.BeginKey(0, "k", Type::kString, {}, 2));
  CHECK(loader.Part("ab"));
  CHECK(loader.EndKey());
  CHECK(loader.BeginKey(0, "k", Type::kString, {}, 2));
  CHECK(loader.Part("ab"));
  CHECK_FALSE(loader.EndKey());  // twice
  CHECK(loader.BeginKey(0, "h", Type::kHash, {.form = Form::kObject, .packed = true}, 2));
  for (const char* part : {"f", "1", "f"}) CHECK(loader.Part(part));
  CHECK_FALSE(loader.Part("2"));
  CHECK_FALSE(KeyMeta::Decode("").has_value());
  CHECK_FALSE(KeyMeta::Decode("\x07\x01").has_value());
}

}  // namespace
}  // namespace clustron::store

// Store against a naive model, and its single promises.
#include "store/keyspace/store.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/rng.h"
#include "store/tables/lease_table.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/string_edit.h"
#include "store/types/string/string_value.h"
#include "tests/support/store_model.h"

namespace clustron::store {
namespace {

TEST_CASE("store agrees with a naive model under random operations") {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    CAPTURE(seed);
    ModelledStore p(seed, seed % 2 == 0 ? 30 : 600);
    for (int i = 0; i < 12'000; i++) {
      p.AnyStep();
      if (p.rng().Percent(5)) p.Advance();
      if (p.rng().Percent(1)) p.ExpireAll();
      if (p.rng().Percent(1)) p.store.Upkeep(100);
      if (i % 3000 == 2999) p.Compare();
    }
    p.ExpireAll();
    p.Compare();
  }
}

TEST_CASE("a rollback restores everything, order and revision included") {
  for (const uint64_t seed : {11, 12, 13}) {
    CAPTURE(seed);
    ModelledStore p(seed, 40);
    for (int i = 0; i < 500; i++) p.AnyStep();
    for (int round = 0; round < 60; round++) {
      const std::string before = Everything(p.store);
      const auto model = p.Save();
      const Revision revision = p.store.revision();
      const size_t mark = p.store.Arm();
      const uint64_t steps = p.rng().Below(60);
      for (uint64_t i = 0; i < steps; i++) {
        p.AnyStep();
        if (p.rng().Percent(5)) {  // a nested part that fails or is kept
          const std::string inner_before = Everything(p.store);
          const auto inner_model = p.Save();
          const size_t inner = p.store.Arm();
          for (int j = 0; j < 5; j++) p.AnyStep();
          if (p.rng().Percent(50)) {
            p.store.Rollback(inner);
            p.PutBack(inner_model);
            REQUIRE(Everything(p.store) == inner_before);
          } else {
            p.store.Disarm(inner);
          }
        }
      }
      if (p.rng().Percent(70)) {
        p.store.Rollback(mark);
        p.PutBack(model);
        REQUIRE(Everything(p.store) == before);
        REQUIRE(p.store.revision() == revision);
      } else {
        p.store.Disarm(mark);
      }
      for (int i = 0; i < 20; i++) p.AnyStep();
      p.Advance();
      if (round % 10 == 0) p.ExpireAll();
      while (p.store.Upkeep(100)) {
      }
    }
    p.Compare();
  }
}

TEST_CASE("an item takes one revision, and none when it changes nothing") {
  Store s(1);
  s.BeginItem();
  Put(s, 0, "a", "1");
  Put(s, 0, "b", "2");
  CHECK(s.revision() == 1);
  CHECK(s.Find(0, "a")->revision() == 1);
  CHECK(s.Find(0, "b")->revision() == 1);
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "a");
    CHECK_FALSE(m.ClearDeadline());
    CHECK_FALSE(m.Commit(kDel));
  }
  CHECK(s.ItemRevision() == 0);
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "a");
    m.SetDeadline(Deadline::Elapsed(100));
    CHECK(m.Commit({EventClass::kGeneric, "expire"}));
  }
  CHECK(s.revision() == 2);
  CHECK(s.Find(0, "a")->revision() == 1);  // a TTL doesn't move the key's revision
}

TEST_CASE("a due key is absent to reads and stays until an entry removes it") {
  Store s(1);
  s.BeginEntry(100, 1'000'000);
  Put(s, 0, "k", "v");
  {
    Mutation m = s.Modify(0, "k");
    m.SetDeadline(s.RelativeDeadline(50));
    m.Commit({EventClass::kGeneric, "expire"});
  }
  CHECK(s.NextDueElapsedMs() <= 150);
  s.BeginEntry(149, 1'000'049);
  CHECK(Get(s, 0, "k") == "v");
  CHECK(DueByLive(*s.Find(0, "k"), 150, 0));
  s.BeginEntry(150, 1'000'050);
  CHECK(Get(s, 0, "k") == "(absent)");
  CHECK(s.Size(0) == 1);
  s.BeginItem();
  CHECK(s.ExpireDue(10) == 1);
  CHECK(s.Size(0) == 0);
  CHECK(s.ItemRevision() != 0);
  CHECK(s.NextDueElapsedMs() == INT64_MAX);
}

TEST_CASE("keys leave in order of their deadlines, whatever way they were set") {
  Store s(7);
  s.BeginEntry(1000, 1000);
  Rng rng(5);
  std::map<std::string, int64_t> deadlines;
  for (int i = 0; i < 3000; i++) {
    const std::string key = "k" + std::to_string(rng.Below(500));
    s.BeginItem();
    Put(s, 0, key, "v");
    Mutation m = s.Modify(0, key);
    deadlines[key] = 1001 + static_cast<int64_t>(rng.Below(rng.Percent(20) ? 100'000'000 : 90));
    m.SetDeadline(Deadline::Elapsed(deadlines[key]));
    m.Commit({});
  }
  struct Order : Observer {
    void OnChange(const Change& c) override { keys.emplace_back(c.key); }
    void OnNotify(int, std::string_view, Event) override {}
    void OnFlush(int, Revision) override {}
    void OnSwap(int, int, Revision) override {}
    void OnLease(const LeaseEvent&) override {}
    void OnLock(const LockEvent&) override {}
    std::vector<std::string> keys;
  } order;
  s.set_observer(&order);
  s.SetHook(0, Hook::kWatches, true);
  s.BeginEntry(200'000'000, 1000);
  s.BeginItem();
  size_t removed = 0;
  while (const size_t n = s.ExpireDue(7)) removed += n;
  CHECK(removed == deadlines.size());
  REQUIRE(order.keys.size() == deadlines.size());
  for (size_t i = 1; i < order.keys.size(); i++) {
    const std::string& a = order.keys[i - 1];
    const std::string& b = order.keys[i];
    REQUIRE(std::pair(deadlines[a], s.Hash(a) >> 32) <= std::pair(deadlines[b], s.Hash(b) >> 32));
  }
}

TEST_CASE("keys of one name that are due at once leave in order of their databases, each once") {
  Store s(1);
  s.BeginEntry(100, 1000);
  for (int db = 0; db < 3; db++) {
    s.BeginItem();
    Mutation m = s.Modify(db, "k");
    SetString(m, "v");
    m.SetDeadline(Deadline::Elapsed(200));
    m.Commit(kSet);
  }
  s.BeginItem();
  s.SwapDb(0, 2);  // a node that loads a snapshot behind this knows nothing of it
  s.BeginEntry(300, 1200);
  for (int db = 0; db < 3; db++) {
    CAPTURE(db);
    s.BeginItem();
    CHECK(s.ExpireDue(1) == 1);
    for (int other = 0; other < 3; other++) CHECK(s.Size(other) == (other > db ? 1 : 0));
  }
  CHECK(s.ExpireDue(1) == 0);
}

TEST_CASE("however many keys are due, by whichever clock, no more leave at once than may") {
  Store s(1);
  s.BeginEntry(100, 1000);
  for (int i = 0; i < 3; i++) {
    for (const bool by_wall : {false, true}) {
      s.BeginItem();
      const std::string key = (by_wall ? "wall" : "elapsed") + std::to_string(i);
      Mutation m = s.Modify(0, key);
      SetString(m, "v");
      m.SetDeadline(by_wall ? Deadline::Wall(1100) : Deadline::Elapsed(200));
      m.Commit(kSet);
    }
  }
  s.BeginEntry(300, 1200);
  s.BeginItem();
  CHECK(s.ExpireDue(4) == 4);
  CHECK(s.Size(0) == 2);
  s.BeginItem();
  CHECK(s.ExpireDue(4) == 2);
  CHECK(s.Size(0) == 0);
}

TEST_CASE("strings answer Redis's encodings at Redis's thresholds") {
  Store s(1);
  const auto encoding = [&](std::string_view value) {
    Put(s, 0, "k", value);
    return std::string(s.Find(0, "k")->encoding());
  };
  CHECK(encoding("0") == "int");
  CHECK(encoding("-9223372036854775808") == "int");
  CHECK(encoding("9223372036854775807") == "int");
  CHECK(encoding("9223372036854775808") == "embstr");
  CHECK(encoding("-0") == "embstr");
  CHECK(encoding("01") == "embstr");
  CHECK(encoding("+1") == "embstr");
  CHECK(encoding("") == "embstr");
  CHECK(encoding(std::string(44, 'x')) == "embstr");
  CHECK(encoding(std::string(45, 'x')) == "raw");
  CHECK(encoding(std::string(100'000, 'x')) == "raw");
  Put(s, 0, "k", "1");
  {
    Mutation m = s.Modify(0, "k");
    AppendString(m, "2");
    m.Commit(kSet);
  }
  CHECK(s.Find(0, "k")->encoding() == "raw");
  CHECK(Get(s, 0, "k") == "12");
}

TEST_CASE("a write far behind the end costs no memory for the gap") {
  Store s(1);
  const size_t before = s.used_bytes();
  {
    Mutation m = s.Modify(0, "bits");
    CHECK_FALSE(SetStringBit(m, 4'294'967'295, true));
    m.Commit(kSet);
  }
  CHECK(StringOf(*s.Find(0, "bits")).size() == 536'870'912);
  CHECK(s.used_bytes() - before < 300'000);
  Scratch scratch;
  CHECK(StringOf(*s.Find(0, "bits")).Range(536'870'911, 1, scratch) == "\x01");
}

TEST_CASE("WATCH sees changes, deletes, TTL changes, flushes and swaps") {
  Store s(1);
  Put(s, 0, "k", "v");
  const auto changed_by = [&](auto&& change) {
    const WatchPoint point = s.Watch(0, "k");
    REQUIRE(s.Unchanged(point));
    s.BeginItem();
    change();
    return !s.Unchanged(point);
  };
  CHECK(changed_by([&] { Put(s, 0, "k", "v"); }));
  CHECK_FALSE(changed_by([&] { Put(s, 0, "other", "v"); }));
  CHECK(changed_by([&] {
    Mutation m = s.Modify(0, "k");
    m.SetDeadline(Deadline::Elapsed(1'000'000));
    m.Commit({});
  }));
  CHECK(changed_by([&] {
    Mutation m = s.Modify(0, "k");
    m.ClearDeadline();
    m.Commit({});
  }));
  LeasesOf(s).Grant("l", 1000, "");
  CHECK(changed_by([&] { LeasesOf(s).Attach("l", 0, "k"); }));
  CHECK(changed_by([&] { LeasesOf(s).DetachKey(0, "k"); }));
  CHECK(changed_by([&] {
    s.Rename(0, "k", "there");
    s.BeginItem();
    s.Rename(0, "there", "k");
  }));
  CHECK(changed_by([&] {
    s.SwapDb(0, 1);
    s.BeginItem();
    s.SwapDb(0, 1);
  }));
  CHECK(changed_by([&] {
    Mutation m = s.Modify(0, "k");
    m.Delete();
    m.Commit(kDel);
  }));
  CHECK_FALSE(changed_by([&] { s.FlushAll(); }));  // absent before and after
  CHECK(changed_by([&] {                           // came and went
    Put(s, 0, "k", "v");
    s.BeginItem();
    Mutation m = s.Modify(0, "k");
    m.Delete();
    m.Commit(kDel);
  }));
  Put(s, 0, "k", "v");
  CHECK(changed_by([&] { s.SwapDb(0, 1); }));
  s.SwapDb(0, 1);
  CHECK(changed_by([&] { s.FlushDb(0); }));
}

TEST_CASE("WATCH of an absent key sees that it came and went") {
  for (const char* way : {"flush", "swap", "swap in and back", "swap in and flush", "rename", "due",
                          "renamed and expired", "moved and expired", "copied and expired",
                          "moved, flushed", "rolled back", "only flushed", "only swapped"}) {
    CAPTURE(way);
    Store s(1);
    const std::string_view how = way;
    Put(s, 0, "other", "v");
    if (how.starts_with("swap in")) Put(s, 1, "k", "v");
    s.BeginItem();
    const WatchPoint point = s.Watch(0, "k");
    const auto item = [&](auto&& change) {
      s.BeginItem();
      change();
    };
    if (how == "rename") {
      item([&] { s.Rename(0, "other", "k"); });
      item([&] { s.FlushAll(); });
    } else if (how == "due") {
      Mutation m = s.Modify(0, "k");
      SetString(m, "v");
      m.SetDeadline(Deadline::Elapsed(s.elapsed_ms() + 5));
      m.Commit(kSet);
      s.BeginEntry(s.elapsed_ms() + 10, s.wall_ms() + 10);
      s.BeginItem();
      REQUIRE(s.Find(0, "k") == nullptr);
    } else if (how.ends_with("and expired")) {
      Put(s, 1, "k", "v");
      for (const auto& [db, key] : {std::pair(0, "other"), std::pair(1, "k")}) {
        Mutation m = s.Modify(db, key);
        m.SetDeadline(Deadline::Elapsed(s.elapsed_ms() + 5));
        m.Commit({});
      }
      s.BeginItem();
      if (how.starts_with("renamed")) s.Rename(0, "other", "k");
      if (how.starts_with("moved")) s.Move(1, "k", 0);
      if (how.starts_with("copied")) s.Copy(*s.Find(0, "other"), 0, "k");
      s.BeginEntry(s.elapsed_ms() + 10, s.wall_ms() + 10);
      s.BeginItem();
      s.ExpireDue(100);
      REQUIRE(s.Size(0) + s.Size(1) == 0);
    } else if (how == "moved, flushed") {
      Put(s, 1, "k", "v");
      item([&] { s.Move(1, "k", 0); });
      item([&] { s.FlushDb(0); });
    } else if (how.starts_with("swap in")) {
      item([&] { s.SwapDb(0, 1); });
      how == "swap in and flush" ? item([&] { s.FlushDb(0); }) : item([&] { s.SwapDb(1, 0); });
    } else if (how == "only flushed") {
      item([&] { s.FlushAll(); });
    } else if (how == "only swapped") {
      item([&] { s.SwapDb(0, 1); });
    } else if (how == "rolled back") {
      s.BeginItem();
      const size_t mark = s.Arm();
      Put(s, 0, "k", "v");
      s.Rollback(mark);
      item([&] { s.FlushAll(); });
    } else {
      item([&] { Put(s, 0, "k", "v"); });
      how == "swap" ? item([&] { s.SwapDb(0, 1); }) : item([&] { s.FlushDb(0); });
    }
    REQUIRE(s.Find(0, "k") == nullptr);
    CHECK(s.Unchanged(point) == (how.starts_with("only") || how == "rolled back"));
  }
}

TEST_CASE("records of ends that were taken back are swept, those of keys that have one stay") {
  Store s(5);
  const auto mortal = [&](const std::string& key, Deadline end) {
    Mutation m = s.Modify(0, key);
    SetString(m, "v");
    m.SetDeadline(end);
    m.Commit(kSet);
  };
  const Deadline elapsed = Deadline::Elapsed(s.elapsed_ms() + 60'000);
  const Deadline wall = Deadline::Wall(s.wall_ms() + 60'000);
  mortal("elapsed", elapsed);
  mortal("wall", wall);
  for (int i = 0; i < 20'000; i++) {
    s.BeginItem();
    mortal("again", i % 2 == 0 ? elapsed : wall);
    Put(s, 0, "again", "v");
  }
  for (int i = 0; i < 2000; i++) s.Upkeep(100);
  s.BeginEntry(s.elapsed_ms() + 60'000, s.wall_ms() + 60'000);
  s.BeginItem();
  CHECK(s.ExpireDue(100) == 2);
  CHECK(s.Size(0) == 1);
}

TEST_CASE("SCAN returns what is there throughout, across growth, shrinking and other nodes") {
  Store s(3);
  for (int i = 0; i < 400; i++) Put(s, 0, "stay" + std::to_string(i), "v");
  std::set<std::string> seen;
  uint64_t cursor = 0;
  int round = 0;
  do {
    Store other(3);  // another node, of another size, with the same keys
    s.Scan(0, 0, 1'000'000, [&](const KeyRecord& e) { Put(other, 0, e.key(), "v"); });
    const Store& node = round % 2 == 0 ? s : other;
    cursor = node.Scan(0, cursor, 10, [&](const KeyRecord& e) { seen.emplace(e.key()); });
    for (int i = 0; i < 300; i++) {
      const std::string key = "come" + std::to_string(i) + "." + std::to_string(round % 3);
      if (round % 6 < 3) {
        Put(s, 0, key, "v");
      } else if (s.Find(0, key) != nullptr) {
        Mutation m = s.Modify(0, key);
        m.Delete();
        m.Commit(kDel);
      }
    }
    round++;
  } while (cursor != 0);
  for (int i = 0; i < 400; i++) CHECK(seen.contains("stay" + std::to_string(i)));
}

TEST_CASE("RANDOMKEY reaches every key and finds the only live one") {
  Store s(3);
  CHECK(s.RandomKey(0, 5) == nullptr);
  for (int i = 0; i < 50; i++) Put(s, 0, "k" + std::to_string(i), "v");
  Rng rng(1);
  std::set<std::string> seen;
  for (int i = 0; i < 3000; i++) seen.emplace(s.RandomKey(0, rng.Next())->key());
  CHECK(seen.size() == 50);
  for (int i = 1; i < 50; i++) {
    const std::string key = "k" + std::to_string(i);
    Mutation m = s.Modify(0, key);
    m.SetDeadline(Deadline::Elapsed(10));
    m.Commit({});
  }
  s.BeginEntry(20, 0);
  for (int i = 0; i < 20; i++) CHECK(s.RandomKey(0, rng.Next())->key() == "k0");
}

TEST_CASE("a big change that could have been undone leaves no memory behind") {
  if (AllocatorName() == "libc") return;  // sanitizers keep freed blocks for a while
  for (const bool undone : {false, true}) {
    Store store(7);
    store.BeginItem();
    const uint64_t before = AllocatedBytes();
    const size_t mark = store.Arm();
    for (int i = 0; i < 200'000; ++i) {
      Mutation m = store.Modify(0, "h");
      SetHashField(m, "f", std::to_string(i));
      m.Commit({EventClass::kHash, "hset"});
    }
    CHECK(AllocatedBytes() > before + 5'000'000);
    if (undone) {
      store.Rollback(mark);
    } else {
      store.Disarm(mark);
    }
    CHECK(AllocatedBytes() < before + 1'000'000);
  }
}

}  // namespace
}  // namespace clustron::store

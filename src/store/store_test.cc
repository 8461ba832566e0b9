// Store against a naive model: databases as std::map, deadlines compared directly.
#include "store/store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"

namespace clustron::store {
namespace {

constexpr Event kSet{EventClass::kString, "set"};
constexpr Event kDel{EventClass::kGeneric, "del"};

void Put(Store& s, int db, std::string_view key, std::string_view value) {
  Mutation m = s.Modify(db, key);
  m.SetString(value);
  m.Commit(kSet);
}

std::string Get(const Store& s, int db, std::string_view key) {
  const Entry* e = s.Find(db, key);
  Scratch scratch;
  return e == nullptr ? "(absent)" : std::string(e->String(scratch));
}

struct ModelKey {
  bool is_hash = false;
  std::string text;
  std::map<std::string, std::string> fields;
  Deadline deadline;
};

// The store and its model, driven by the same random operations.
class Pair {
 public:
  Pair(uint64_t seed, size_t keys) : store(99), rng_(seed), keys_(keys) {
    store.set_hash_limits({.packed_fields_max = 8, .packed_value_bytes_max = 20});
    store.BeginEntry(1000, 5'000'000);
  }

  std::string Key() { return "key:" + std::to_string(rng_.Below(keys_)); }
  std::string Value() {
    if (rng_.Percent(20)) return std::to_string(rng_.Below(100'000));
    if (rng_.Percent(3)) return std::string(rng_.Below(200'000), 'v');
    return std::string(rng_.Below(60), static_cast<char>('a' + rng_.Below(26)));
  }
  ModelKey* Live(int db, const std::string& key) {
    const auto it = model[db].find(key);
    if (it == model[db].end()) return nullptr;
    if (it->second.deadline.DueAt(store.elapsed_ms(), store.wall_ms())) {
      model[db].erase(it);
      return nullptr;
    }
    return &it->second;
  }

  void Step() {
    store.BeginItem();
    const int db = static_cast<int>(rng_.Below(3));
    const std::string key = Key();
    ModelKey* live = Live(db, key);
    Mutation m = store.Modify(db, key);
    REQUIRE(m.exists() == (live != nullptr));
    switch (rng_.Below(11)) {
      case 0:
      case 1: {
        const std::string value = Value();
        const Keep keep = rng_.Percent(30) ? Keep::kTtlAndLease : Keep::kNothing;
        Deadline deadline;
        if (rng_.Percent(20)) deadline = RandomDeadline(1);
        m.SetString(value, keep, StringForm::kAuto, deadline);
        ModelKey& k = model[db][key];
        if (deadline.exists()) {
          k.deadline = deadline;
        } else if (keep == Keep::kNothing) {
          k.deadline = {};
        }
        k.is_hash = false;
        k.fields.clear();
        k.text = value;
        break;
      }
      case 2: {
        if (live != nullptr && live->is_hash) return;
        const std::string value = Value();
        const size_t offset = rng_.Below(rng_.Percent(10) ? 70'000 : 50);
        if (rng_.Percent(50) || value.empty()) {
          m.Append(value);
          model[db][key].text += value;
        } else {
          m.SetRange(offset, value);
          std::string& text = model[db][key].text;
          if (text.size() < offset + value.size()) text.resize(offset + value.size());
          text.replace(offset, value.size(), value);
        }
        break;
      }
      case 3:
      case 4:
      case 5: {
        if (live != nullptr && !live->is_hash) return;
        ModelKey& k = model[db][key];
        k.is_hash = true;
        for (uint64_t n = 1 + rng_.Below(6); n > 0; n--) {
          const std::string field = "f" + std::to_string(rng_.Below(40));
          const std::string value(rng_.Below(25), 'x');
          REQUIRE(m.HashSet(field, value) == !k.fields.contains(field));
          k.fields[field] = value;
        }
        break;
      }
      case 6: {
        if (live == nullptr || !live->is_hash) return;
        for (uint64_t n = 1 + rng_.Below(6); n > 0; n--) {
          const std::string field = "f" + std::to_string(rng_.Below(40));
          REQUIRE(m.HashDelete(field) == (live->fields.erase(field) > 0));
        }
        if (live->fields.empty()) model[db].erase(key);
        break;
      }
      case 7: {
        if (live == nullptr) return;
        live->deadline = RandomDeadline(0);
        const bool alive = m.SetDeadline(live->deadline);
        REQUIRE(alive == (Live(db, key) != nullptr));
        break;
      }
      case 8: {
        if (live == nullptr) return;
        REQUIRE(m.ClearDeadline() == live->deadline.exists());
        live->deadline = {};
        break;
      }
      case 9: {
        if (live == nullptr) return;
        m.Delete();
        model[db].erase(key);
        break;
      }
      default: {
        if (live != nullptr && live->is_hash) return;
        const uint64_t bit = rng_.Below(400);
        std::string& text = model[db][key].text;
        if (text.size() <= bit / 8) text.resize(bit / 8 + 1);
        const int mask = 0x80 >> (bit % 8);
        REQUIRE(m.SetBit(bit, true) == ((text[bit / 8] & mask) != 0));
        text[bit / 8] = static_cast<char>(text[bit / 8] | mask);
        break;
      }
    }
    m.Commit(kSet);
  }

  // Whole-database operations.
  void BigStep() {
    store.BeginItem();
    const int a = static_cast<int>(rng_.Below(3));
    const int b = static_cast<int>(rng_.Below(3));
    const std::string from = Key();
    const std::string to = Key();
    switch (rng_.Below(5)) {
      case 0:
        store.SwapDb(a, b);
        std::swap(model[a], model[b]);
        return;
      case 1:
        if (!rng_.Percent(10)) return;
        store.FlushDb(a);
        model[a].clear();
        return;
      case 2:
        if (from == to || Live(a, from) == nullptr) return;
        Live(a, to);
        store.Rename(a, from, to);
        model[a][to] = model[a][from];
        model[a].erase(from);
        return;
      case 3:
        if (a == b || Live(a, from) == nullptr || Live(b, from) != nullptr) return;
        store.Move(a, from, b);
        model[b][from] = model[a][from];
        model[a].erase(from);
        return;
      default:
        if ((a == b && from == to) || Live(a, from) == nullptr) return;
        store.Copy(a, from, b, to);
        model[b][to] = model[a][from];
        return;
    }
  }

  Deadline RandomDeadline(int64_t least) {
    const int64_t ms =
        least + static_cast<int64_t>(rng_.Below(rng_.Percent(5) ? 40'000'000 : 3000));
    return rng_.Percent(70) ? Deadline::Elapsed(store.elapsed_ms() + ms)
                            : Deadline::Wall(store.wall_ms() + ms);
  }

  void Advance() {
    const auto ms = static_cast<int64_t>(rng_.Below(rng_.Percent(3) ? 30'000'000 : 300));
    store.BeginEntry(store.elapsed_ms() + ms, store.wall_ms() + ms + rng_.Between(0, 2));
  }

  // Everything that is due goes, in the order of deadlines.
  void ExpireAll() {
    store.BeginItem();
    size_t due = 0;
    for (auto& db : model) {
      due += std::erase_if(db, [&](const auto& k) {
        return k.second.deadline.DueAt(store.elapsed_ms(), store.wall_ms());
      });
    }
    size_t removed = 0;
    while (const size_t n = store.ExpireDue(3)) removed += n;
    REQUIRE(removed >= due);
    for (int db = 0; db < 3; db++) REQUIRE(store.Size(db) == model[db].size());
  }

  void Compare() {
    for (int db = 0; db < 3; db++) {
      std::set<std::string> seen;
      store.Scan(db, 0, 1'000'000, [&](const Entry& e) { seen.emplace(e.key()); });
      size_t live = 0;
      for (const auto& [key, k] : std::map(model[db])) {
        if (Live(db, key) == nullptr) {
          REQUIRE(store.Find(db, key) == nullptr);
          continue;
        }
        live++;
        const Entry* e = store.Find(db, key);
        REQUIRE(e != nullptr);
        REQUIRE(e->deadline() == k.deadline);
        REQUIRE(seen.contains(key));
        if (!k.is_hash) {
          REQUIRE(Get(store, db, key) == k.text);
          continue;
        }
        std::map<std::string, std::string> fields;
        e->hash().ForEach([&](FieldValue fv) { fields.emplace(fv.field, fv.value); });
        REQUIRE(fields == k.fields);
        REQUIRE(e->hash().size() == fields.size());
      }
      REQUIRE(seen.size() == live);
    }
  }

  Store store;
  std::map<std::string, ModelKey> model[3];
  Rng& rng() { return rng_; }

 private:
  Rng rng_;
  size_t keys_;
};

// All keys in scan order with their whole content, and the digest: what must be equal.
std::string Everything(const Store& s) {
  std::string out = std::to_string(s.Digest()) + "\n";
  Scratch scratch;
  for (int db = 0; db < kDatabases; db++) {
    s.Scan(db, 0, 1'000'000'000, [&](const Entry& e) {
      out += std::to_string(db) + " " + std::string(e.key()) + " " + std::string(e.encoding()) +
             " " + std::to_string(e.revision()) + "\n";
      if (e.type() == Type::kString) {
        out += std::to_string(std::hash<std::string_view>()(e.String(scratch)));
      } else {
        e.hash().ForEach([&](FieldValue fv) {
          out += std::string(fv.field) + "=" + std::string(fv.value) + ",";
        });
      }
    });
  }
  return out;
}

TEST_CASE("store agrees with a naive model under random operations") {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    CAPTURE(seed);
    Pair p(seed, seed % 2 == 0 ? 30 : 600);
    for (int i = 0; i < 12'000; i++) {
      p.Step();
      if (p.rng().Percent(3)) p.BigStep();
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
    Pair p(seed, 40);
    for (int i = 0; i < 500; i++) p.Step();
    for (int round = 0; round < 60; round++) {
      const std::string before = Everything(p.store);
      const auto model = std::vector(std::begin(p.model), std::end(p.model));
      const Revision revision = p.store.revision();
      const size_t mark = p.store.Arm();
      const uint64_t steps = p.rng().Below(60);
      for (uint64_t i = 0; i < steps; i++) {
        p.Step();
        if (p.rng().Percent(10)) p.BigStep();
        if (p.rng().Percent(5)) {  // a nested part that fails or is kept
          const std::string inner_before = Everything(p.store);
          const auto inner_model = std::vector(std::begin(p.model), std::end(p.model));
          const size_t inner = p.store.Arm();
          for (int j = 0; j < 5; j++) p.Step();
          if (p.rng().Percent(50)) {
            p.store.Rollback(inner);
            std::copy(inner_model.begin(), inner_model.end(), p.model);
            REQUIRE(Everything(p.store) == inner_before);
          } else {
            p.store.Disarm(inner);
          }
        }
      }
      if (p.rng().Percent(70)) {
        p.store.Rollback(mark);
        std::copy(model.begin(), model.end(), p.model);
        REQUIRE(Everything(p.store) == before);
        REQUIRE(p.store.revision() == revision);
      } else {
        p.store.Disarm(mark);
      }
      for (int i = 0; i < 20; i++) p.Step();
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
  CHECK(Store::DueByLive(*s.Find(0, "k"), 150, 0));
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
    m.Append("2");
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
    CHECK_FALSE(m.SetBit(4'294'967'295, true));
    m.Commit(kSet);
  }
  CHECK(s.Find(0, "bits")->StringSize() == 536'870'912);
  CHECK(s.used_bytes() - before < 300'000);
  Scratch scratch;
  CHECK(s.Find(0, "bits")->StringRange(536'870'911, 1, scratch) == "\x01");
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

TEST_CASE("SCAN returns what is there throughout, across growth, shrinking and other nodes") {
  Store s(3);
  for (int i = 0; i < 400; i++) Put(s, 0, "stay" + std::to_string(i), "v");
  std::set<std::string> seen;
  uint64_t cursor = 0;
  int round = 0;
  do {
    Store other(3);  // another node, of another size, with the same keys
    s.Scan(0, 0, 1'000'000, [&](const Entry& e) { Put(other, 0, e.key(), "v"); });
    const Store& node = round % 2 == 0 ? s : other;
    cursor = node.Scan(0, cursor, 10, [&](const Entry& e) { seen.emplace(e.key()); });
    for (int i = 0; i < 300; i++) {
      const std::string key = "come" + std::to_string(i);
      if (round % 6 < 3) {
        Put(s, 0, key + "." + std::to_string(round % 3), "v");
      } else if (s.Find(0, key + "." + std::to_string(round % 3)) != nullptr) {
        Mutation m = s.Modify(0, key + "." + std::to_string(round % 3));
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
    Mutation m = s.Modify(0, "k" + std::to_string(i));
    m.SetDeadline(Deadline::Elapsed(10));
    m.Commit({});
  }
  s.BeginEntry(20, 0);
  for (int i = 0; i < 20; i++) CHECK(s.RandomKey(0, rng.Next())->key() == "k0");
}

}  // namespace
}  // namespace clustron::store

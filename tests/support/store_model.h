// A store and a naive model of it (std::map, deadlines compared directly), driven by the same
// random operations. For unit tests of src/store.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/tables/txn_table.h"
#include "store/tables/wait_table.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/hash/hash_value.h"
#include "store/types/list/list_edit.h"
#include "store/types/list/list_value.h"
#include "store/types/string/string_edit.h"
#include "store/types/string/string_value.h"
#include "tests/support/index_check.h"

namespace clustron::store {

inline constexpr Event kSet{EventClass::kString, "set"};
inline constexpr Event kDel{EventClass::kGeneric, "del"};

inline void Put(Store& s, int db, std::string_view key, std::string_view value) {
  Mutation m = s.Modify(db, key);
  SetString(m, value);
  m.Commit(kSet);
}

inline std::string Get(const Store& s, int db, std::string_view key) {
  const KeyRecord* e = s.Find(db, key);
  Scratch scratch;
  return e == nullptr ? "(absent)" : std::string(StringOf(*e).Bytes(scratch));
}

inline std::deque<std::string> Elements(const ListValue& list) {
  std::deque<std::string> elements;
  list.ForEach(0, [&](const ListElement& element) {
    NumberText room;
    elements.emplace_back(element.View(room));
    return true;
  });
  return elements;
}

struct ModelKey {
  bool is_hash = false;
  bool is_list = false;
  bool is_string() const { return !is_hash && !is_list; }
  std::string text;
  std::deque<std::string> elements;
  std::map<std::string, std::string> fields;
  Deadline deadline;
  std::string lease;
};

struct ModelLock {
  Revision token = 0;
  std::string lease;
};

// The store and its model, driven by the same random operations.
class ModelledStore {
 public:
  ModelledStore(uint64_t seed, size_t keys) : store(99), rng_(seed), keys_(keys) {
    CHECK(store.ChangeSetting(*FindSetting("hash-max-listpack-entries"), "8"));
    CHECK(store.ChangeSetting(*FindSetting("hash-max-listpack-value"), "20"));
    // With this most lists are long ones, which are undone by other means than short ones.
    if (seed % 2 != 0) CHECK(store.ChangeSetting(*FindSetting("list-max-listpack-size"), "2"));
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
    switch (rng_.Below(13)) {
      case 0:
      case 1: {
        const std::string value = Value();
        const Keep keep = rng_.Percent(30) ? Keep::kTtlAndLease : Keep::kNothing;
        Deadline deadline;
        if (rng_.Percent(20) && keep == Keep::kNothing) deadline = RandomDeadline(1);
        SetString(m, value, keep, StringForm::kAuto, deadline);
        ModelKey& k = model[db][key];
        if (deadline.exists()) {
          k.deadline = deadline;
        } else if (keep == Keep::kNothing) {
          k.deadline = {};
        }
        if (keep == Keep::kNothing) k.lease.clear();
        k.is_hash = k.is_list = false;
        k.fields.clear();
        k.elements.clear();
        k.text = value;
        break;
      }
      case 2: {
        if (live != nullptr && !live->is_string()) return;
        const std::string value = Value();
        const size_t offset = rng_.Below(rng_.Percent(10) ? 70'000 : 50);
        if (rng_.Percent(50) || value.empty()) {
          AppendString(m, value);
          model[db][key].text += value;
        } else {
          WriteString(m, offset, value);
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
          REQUIRE(SetHashField(m, field, value) == !k.fields.contains(field));
          k.fields[field] = value;
        }
        break;
      }
      case 6: {
        if (live == nullptr || !live->is_hash) return;
        for (uint64_t n = 1 + rng_.Below(6); n > 0; n--) {
          const std::string field = "f" + std::to_string(rng_.Below(40));
          REQUIRE(DeleteHashField(m, field) == (live->fields.erase(field) > 0));
        }
        if (live->fields.empty()) model[db].erase(key);
        break;
      }
      case 7: {
        if (live == nullptr || !live->lease.empty()) return;
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
      case 10: {
        if (live != nullptr && !live->is_list) return;
        std::vector<std::string> elements(1 + rng_.Below(rng_.Percent(5) ? 600 : 5));
        for (std::string& element : elements) element = Value().substr(0, 300);
        const ListEnd end = rng_.Percent(50) ? ListEnd::kFront : ListEnd::kBack;
        PushToList(m, end, std::vector<std::string_view>(elements.begin(), elements.end()));
        ModelKey& k = model[db][key];
        k.is_list = true;
        for (const std::string& element : elements) {
          if (end == ListEnd::kFront) {
            k.elements.push_front(element);
          } else {
            k.elements.push_back(element);
          }
        }
        break;
      }
      case 11: {
        if (live == nullptr || !live->is_list) return;
        ChangeList(m, live->elements);
        if (live->elements.empty()) model[db].erase(key);
        break;
      }
      default: {
        if (live != nullptr && !live->is_string()) return;
        const uint64_t bit = rng_.Below(400);
        std::string& text = model[db][key].text;
        if (text.size() <= bit / 8) text.resize(bit / 8 + 1);
        const int mask = 0x80 >> (bit % 8);
        REQUIRE(SetStringBit(m, bit, true) == ((text[bit / 8] & mask) != 0));
        text[bit / 8] = static_cast<char>(text[bit / 8] | mask);
        break;
      }
    }
    m.Commit(kSet);
  }

  void ChangeList(Mutation& m, std::deque<std::string>& elements) {
    const size_t size = elements.size();
    const size_t index = rng_.Below(size);
    const auto at = [&](size_t i) { return elements.begin() + static_cast<ptrdiff_t>(i); };
    const std::string value = Value().substr(0, 300);
    switch (rng_.Below(8)) {
      case 0:
        SetListElement(m, index, value);
        elements[index] = value;
        return;
      case 1:
        InsertIntoList(m, index, value);
        elements.insert(at(index), value);
        return;
      case 2: {
        const std::string gone = elements[index];
        REQUIRE(RemoveFromList(m, gone, SIZE_MAX, false) == std::erase(elements, gone));
        return;
      }
      case 3: {
        if (!rng_.Percent(20)) return;
        const size_t end = index + rng_.Below(size - index + 1);
        REQUIRE(TrimList(m, index, end) == (end - index != size));
        elements = std::deque<std::string>(at(index), at(end));
        return;
      }
      case 4:
        RotateList(m, ListEnd::kFront, ListEnd::kBack);
        elements.push_back(elements.front());
        elements.pop_front();
        return;
      case 5: {
        const size_t count = 1 + rng_.Below(std::min<size_t>(size, 20));
        PopFromList(m, ListEnd::kBack, count);
        elements.resize(size - count);
        return;
      }
      default:
        PopFromList(m, ListEnd::kFront, 1);
        elements.pop_front();
        return;
    }
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
        if (IndexesOf(store).Has(a) || IndexesOf(store).Has(b)) return;
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
        store.Copy(*store.Find(a, from), b, to);
        model[b][to] = model[a][from];
        model[b][to].lease.clear();
        return;
    }
  }

  // Leases and locks.
  void LeaseStep() {
    store.BeginItem();
    const int db = static_cast<int>(rng_.Below(3));
    const std::string id = "lease" + std::to_string(rng_.Below(4));
    const std::string key = Key();
    const bool granted = LeasesOf(store).Find(id) != nullptr;
    REQUIRE(granted == leases.contains(id));
    switch (rng_.Below(6)) {
      case 0:
        if (granted) return LeasesOf(store).Keep(id);
        leases.insert(id);
        LeasesOf(store).Grant(id, 5000, "owner");
        REQUIRE(LeasesOf(store).Find(id)->grant_revision == store.revision());
        return;
      case 1: {
        if (!granted || !rng_.Percent(40)) return;
        size_t keys = 0;
        for (auto& keys_of_db : model) {
          keys += std::erase_if(keys_of_db, [&](const auto& k) { return k.second.lease == id; });
        }
        std::erase_if(locks, [&](const auto& l) { return l.second.lease == id; });
        leases.erase(id);
        REQUIRE(LeasesOf(store).End(id, rng_.Percent(50)) == keys);
        return;
      }
      case 2: {
        if (!granted) return;
        ModelKey* live = Live(db, key);
        const auto result = LeasesOf(store).Attach(id, db, key);
        if (live == nullptr) {
          REQUIRE(result == LeaseTable::AttachResult::kNoKey);
        } else if (!live->lease.empty()) {
          REQUIRE(result == (live->lease == id ? LeaseTable::AttachResult::kAlready
                                               : LeaseTable::AttachResult::kOtherLease));
        } else if (live->deadline.exists()) {
          REQUIRE(result == LeaseTable::AttachResult::kHasTtl);
        } else {
          REQUIRE(result == LeaseTable::AttachResult::kAttached);
          live->lease = id;
        }
        return;
      }
      case 3: {
        ModelKey* live = Live(db, key);
        REQUIRE(LeasesOf(store).DetachKey(db, key) == (live != nullptr && !live->lease.empty()));
        if (live != nullptr) live->lease.clear();
        return;
      }
      case 4: {
        if (LocksOf(store).Find(db, key) != nullptr) return;
        REQUIRE(!locks.contains({db, key}));
        LockRequest grant{
            .owner = "o", .lease_id = {}, .ttl_ms = 100, .advisory = rng_.Percent(30)};
        if (granted && rng_.Percent(50)) grant.lease_id = id;
        const Revision token = LocksOf(store).Acquire(db, key, grant);
        REQUIRE(token == store.revision());
        locks[{db, key}] = {token, std::string(grant.lease_id)};
        return;
      }
      default: {
        if (locks.empty()) return;
        const auto it = std::next(locks.begin(), static_cast<long>(rng_.Below(locks.size())));
        const auto [lock_db, name] = it->first;
        if (rng_.Percent(20)) {
          LocksOf(store).Renew(lock_db, name, it->second.token, 7000);
        } else if (rng_.Percent(20)) {
          LocksOf(store).Renew(lock_db, name, it->second.token, 0);
        } else {
          LocksOf(store).End(lock_db, name, it->second.token, LockEventKind::kReleased);
          locks.erase(it);
        }
        return;
      }
    }
  }

  // Those who wait for keys.
  void WaitStep() {
    store.BeginItem();
    WaitTable& waiting = WaitsOf(store);
    const WaitOwner owner{static_cast<uint32_t>(1 + rng_.Below(3)), 1};
    switch (rng_.Below(5)) {
      case 0:
      case 1: {
        Wait wait{.id = {owner, ++last_wait_},
                  .db = static_cast<int>(rng_.Below(3)),
                  .args = {Value().substr(0, 100)},
                  .keys = {Key()},
                  .deadline_ms = rng_.Percent(50) ? store.elapsed_ms() + 1000 : 0};
        waits[wait.id] = wait.keys[0];
        waiting.Add(std::move(wait));
        return;
      }
      case 2:
        return waiting.SetParked(owner, rng_.Percent(50));
      default: {
        if (waits.empty()) return;
        const auto it = std::next(waits.begin(), static_cast<long>(rng_.Below(waits.size())));
        REQUIRE(waiting.Remove(*waiting.FindId(it->first)).keys[0] == it->second);
        waits.erase(it);
        return;
      }
    }
  }

  // Transactions that end.
  void TxnStep() {
    store.BeginItem();
    const std::string id = "1-" + std::to_string(rng_.Below(50));
    const TxnOutcome* found = TxnsOf(store).Find("u", id, store.elapsed_ms());
    const auto it = txns.find(id);
    const bool known = it != txns.end() && it->second.first > store.elapsed_ms();
    REQUIRE((found != nullptr) == known);
    if (known) {
      REQUIRE(found->number == it->second.second);
      return;
    }
    const int64_t until_ms = store.elapsed_ms() + 1 + static_cast<int64_t>(rng_.Below(3000));
    txns[id] = {until_ms, rng_.Next()};
    TxnsOf(store).Put("u", id,
                      {.kind = TxnOutcome::Kind::kApplied,
                       .number = txns[id].second,
                       .revision = store.TakeRevision(),
                       .until_ms = until_ms,
                       .reply = Value().substr(0, 100)},
                      store.elapsed_ms());
  }

  // Labels are checked against the records alone: whoever drops a key drops them.
  void LabelStep() {
    store.BeginItem();
    const int db = static_cast<int>(rng_.Below(3));
    const std::string key = Key();
    const bool live = Live(db, key) != nullptr;
    if (rng_.Percent(20)) {
      LabelsOf(store).Unlabel(db, key);
      return;
    }
    Labels labels{.entity = rng_.Percent(30) ? "e" : ""};
    for (uint64_t n = 1 + rng_.Below(4); n > 0; n--) {
      labels.pairs.emplace_back("f" + std::to_string(1 + rng_.Below(3)),
                                std::to_string(rng_.Below(9)) + (rng_.Percent(20) ? " x" : ""));
    }
    REQUIRE(LabelsOf(store).Set(db, key, std::move(labels)) == live);
  }

  // Indexes, and slices of their building.
  void IndexStep() {
    store.BeginItem();
    IndexTable& table = IndexesOf(store);
    const int db = static_cast<int>(rng_.Below(3));
    const std::string name = "i" + std::to_string(rng_.Below(3));
    REQUIRE((table.Find(db, name) != nullptr) == indexes.contains({db, name}));
    if (rng_.Percent(50)) {
      if (!store.undoable()) table.BuildSlice();
    } else if (indexes.erase({db, name}) > 0) {
      table.Drop(db, name);
    } else {
      indexes.insert({db, name});
      IndexDefinition definition{.kind = static_cast<IndexKind>(rng_.Below(3))};
      if (rng_.Percent(50)) definition.prefixes = {"key:1", "key:2"};
      if (definition.kind != IndexKind::kKeys)
        definition.fields = {
            {"f1", FieldType::kTag}, {"f2", FieldType::kNum}, {"f3", FieldType::kText}};
      table.Create(db, name, std::move(definition));
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
    if (rng_.Percent(10)) return FallBack(ms);
    store.BeginEntry(store.elapsed_ms() + ms, store.wall_ms() + ms + rng_.Between(0, 2));
  }

  // The wall clock falls, unless something is due by it (see Executor::WallOf).
  void FallBack(int64_t ms) {
    // The store is asked: what was found due is no longer in the model, and perhaps still there.
    if (store.NextDueWallMs() <= store.wall_ms()) return;
    const int64_t wall_ms = std::max<int64_t>(1, store.wall_ms() - ms);
    store.BeginEntry(store.elapsed_ms(), wall_ms);
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
      store.Scan(db, 0, 1'000'000, [&](const KeyRecord& e) { seen.emplace(e.key()); });
      size_t live = 0;
      for (const auto& [key, k] : std::map(model[db])) {
        if (Live(db, key) == nullptr) {
          REQUIRE(store.Find(db, key) == nullptr);
          continue;
        }
        live++;
        const KeyRecord* e = store.Find(db, key);
        REQUIRE(e != nullptr);
        REQUIRE(e->deadline() == k.deadline);
        const Lease* lease = LeasesOf(store).LeaseOf(db, key);
        REQUIRE((lease == nullptr ? "" : lease->id) == k.lease);
        REQUIRE(e->has_lease() == !k.lease.empty());
        REQUIRE(seen.contains(key));
        if (k.is_string()) {
          REQUIRE(Get(store, db, key) == k.text);
          continue;
        }
        if (k.is_list) {
          REQUIRE(Elements(ListOf(*e)) == k.elements);
          continue;
        }
        std::map<std::string, std::string> fields;
        HashOf(*e).ForEach([&](FieldValue fv) { fields.emplace(fv.field, fv.value); });
        REQUIRE(fields == k.fields);
        REQUIRE(HashOf(*e).size() == fields.size());
      }
      REQUIRE(seen.size() == live);
    }
    REQUIRE(LeasesOf(store).size() == leases.size());
    REQUIRE(LocksOf(store).size() == locks.size());
    REQUIRE(WaitsOf(store).size() == waits.size());
    for (const auto& [id, key] : waits) {
      const WaitPlace* place = WaitsOf(store).FindId(id);
      REQUIRE(place != nullptr);
      REQUIRE(WaitsOf(store).Find(*place)->keys[0] == key);
    }
    for (const auto& [id, outcome] : txns) {
      const TxnOutcome* found = TxnsOf(store).Find("u", id, store.elapsed_ms());
      REQUIRE((found != nullptr) == (outcome.first > store.elapsed_ms()));
      if (found != nullptr) REQUIRE(found->number == outcome.second);
    }
    for (const auto& [db, name] : indexes) REQUIRE(IndexesOf(store).Find(db, name) != nullptr);
    REQUIRE(IndexesOf(store).size() == indexes.size());
    REQUIRE(WrongIndex(store) == "");
    size_t guards = 0;
    for (const auto& [name, lock] : locks) {
      const Lock* found = LocksOf(store).Find(name.first, name.second);
      REQUIRE(found != nullptr);
      REQUIRE(found->holder().token == lock.token);
      REQUIRE(found->holder().lease_id == lock.lease);
      REQUIRE((LocksOf(store).Guard(name.first, name.second) != nullptr) == !found->advisory);
      guards += found->advisory ? 0 : 1;
    }
    REQUIRE(LocksOf(store).guards_any() == (guards > 0));
  }

  // What the model holds, to be put back after a rollback.
  struct Saved {
    std::vector<std::map<std::string, ModelKey>> model;
    std::set<std::string> leases;
    std::map<std::pair<int, std::string>, ModelLock> locks;
    std::map<WaitId, std::string> waits;
    uint64_t last_wait = 0;
    std::map<std::string, std::pair<int64_t, uint64_t>> txns;
    std::set<std::pair<int, std::string>> indexes;
  };
  Saved Save() const {
    return {{std::begin(model), std::end(model)}, leases, locks, waits, last_wait_, txns, indexes};
  }
  void PutBack(const Saved& saved) {
    std::copy(saved.model.begin(), saved.model.end(), model);
    leases = saved.leases;
    locks = saved.locks;
    waits = saved.waits;
    last_wait_ = saved.last_wait;
    txns = saved.txns;
    indexes = saved.indexes;
  }
  // Any operation.
  void AnyStep() {
    Step();
    if (rng_.Percent(4)) BigStep();
    if (rng_.Percent(20)) LeaseStep();
    if (rng_.Percent(10)) WaitStep();
    if (rng_.Percent(10)) TxnStep();
    if (rng_.Percent(5)) IndexStep();
    if (rng_.Percent(15)) LabelStep();
  }

  Store store;
  std::map<std::string, ModelKey> model[3];
  std::set<std::string> leases;
  std::map<std::pair<int, std::string>, ModelLock> locks;
  std::map<WaitId, std::string> waits;                       // the key that each waits for
  std::map<std::string, std::pair<int64_t, uint64_t>> txns;  // until when each is known; its number
  std::set<std::pair<int, std::string>> indexes;
  Rng& rng() { return rng_; }

 private:
  Rng rng_;
  size_t keys_;
  uint64_t last_wait_ = 0;
};

// All keys in scan order with their whole content, and the digest: what must be equal.
inline std::string Everything(const Store& s) {
  std::string out = std::to_string(s.Digest()) + "\n";
  Scratch scratch;
  struct Parts final : PartSink {
    explicit Parts(std::string* o) : out(*o) {}
    void OnPart(std::string_view part) override { out.append(part).append(","); }
    std::string& out;
  } parts(&out);
  for (int db = 0; db < kDatabases; db++) {
    s.Scan(db, 0, 1'000'000'000, [&](const KeyRecord& e) {
      out += std::to_string(db) + " " + std::string(e.key()) + " " + std::string(e.encoding()) +
             " " + std::to_string(e.revision()) + "\n";
      if (e.type() == Type::kString) {
        out += std::to_string(std::hash<std::string_view>()(StringOf(e).Bytes(scratch)));
      } else {
        ValueTypeOf(e).parts(e, parts);
      }
    });
    IndexesOf(s).ForEach(db, [&](std::string_view name, const Index& index) {
      out += "index " + std::string(name) + "\n" + IndexText(*index.content);
    });
  }
  return out;
}

}  // namespace clustron::store

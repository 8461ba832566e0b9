// Leases, locks and events of the store.
#include "store/tables/lease_table.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "store/keyspace/store.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/string_edit.h"
#include "tests/support/store_model.h"

namespace clustron::store {
namespace {

// Writes down what it is told.
class Recorder : public Observer {
 public:
  void OnChange(const Change& c) override {
    static constexpr const char* kKinds[] = {"put", "del", "touch"};
    Line(std::string(kKinds[static_cast<int>(c.kind)]) + " " + std::to_string(c.db) + ":" +
         std::string(c.key) + " " + std::string(ReasonName(c.reason)) + " " +
         std::string(c.event.name) + " " + std::to_string(c.revision) + (c.created ? " new" : "") +
         (c.record == nullptr ? " gone" : ""));
  }
  void OnNotify(int db, std::string_view key, Event event) override {
    Line("notify " + std::to_string(db) + ":" + std::string(key) + " " + std::string(event.name));
  }
  void OnFlush(int db, Revision r) override {
    Line("flush " + std::to_string(db) + " " + std::to_string(r));
  }
  void OnSwap(int a, int b, Revision r) override {
    Line("swap " + std::to_string(a) + " " + std::to_string(b) + " " + std::to_string(r));
  }
  void OnLease(const LeaseEvent& e) override {
    static constexpr const char* kKinds[] = {"granted", "kept", "expired", "revoked"};
    Line("lease " + std::string(e.id) + " " + kKinds[static_cast<int>(e.kind)] + " " +
         std::to_string(e.revision));
  }
  void OnLock(const LockEvent& e) override {
    static constexpr const char* kKinds[] = {"granted", "renewed", "released", "expired", "broken"};
    Line("lock " + std::to_string(e.db) + ":" + std::string(e.name) + " " +
         kKinds[static_cast<int>(e.kind)] + " " + std::to_string(e.token));
  }
  std::vector<std::string> Take() { return std::exchange(lines_, {}); }

 private:
  void Line(std::string line) { lines_.push_back(std::move(line)); }
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

struct Watched {
  Watched() : store(1) {
    store.set_observer(&recorder);
    for (int db = 0; db < kDatabases; db++) store.SetHook(db, Hook::kNotifications, true);
  }
  Recorder recorder;
  Store store;
};

TEST_CASE("observers are told of every change, in order, with its revision and reason") {
  Watched w;
  Store& s = w.store;
  s.BeginEntry(100, 100);
  Put(s, 0, "a", "1");
  s.BeginItem();
  Put(s, 0, "a", "2");
  s.Notify(0, "a", {EventClass::kGeneric, "expire"});
  CHECK(w.recorder.Take() ==
        Lines{"put 0:a cmd set 1 new", "put 0:a cmd set 2", "notify 0:a expire"});
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "h");
    SetHashField(m, "f", "v");
    m.Commit({EventClass::kHash, "hset"});
  }
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "h");
    DeleteHashField(m, "f");
    m.Commit({EventClass::kHash, "hdel"});
  }
  CHECK(w.recorder.Take() ==
        Lines{"put 0:h cmd hset 3 new", "del 0:h cmd hdel 4 gone", "notify 0:h del"});
  s.BeginItem();
  {
    Mutation m = s.Modify(0, "a");
    m.SetDeadline(s.RelativeDeadline(10));
    m.Commit({EventClass::kGeneric, "expire"});
  }
  s.BeginEntry(200, 200);
  s.BeginItem();
  Put(s, 0, "a", "3");  // first the due one goes
  CHECK(w.recorder.Take() ==
        Lines{"touch 0:a cmd expire 5", "del 0:a expire expired 6 gone", "put 0:a cmd set 6 new"});
  s.BeginItem();
  s.Rename(0, "a", "b");
  s.BeginItem();
  s.Move(0, "b", 1);
  s.BeginItem();
  s.Copy(*s.Find(1, "b"), 2, "c");
  s.BeginItem();
  s.SwapDb(1, 2);
  s.BeginItem();
  s.FlushDb(1);
  s.FlushAll();
  CHECK(w.recorder.Take() == Lines{"del 0:a cmd rename_from 7 gone", "put 0:b cmd rename_to 7 new",
                                   "del 0:b cmd move_from 8 gone", "put 1:b cmd move_to 8 new",
                                   "put 2:c cmd copy_to 9 new", "swap 1 2 10", "flush 1 11",
                                   "flush -1 11"});
  for (int db = 0; db < kDatabases; db++) s.SetHook(db, Hook::kNotifications, false);
  s.BeginItem();
  Put(s, 0, "a", "1");
  CHECK(w.recorder.Take().empty());
}

TEST_CASE("events of a transaction come out when it is kept, and never when it is undone") {
  Watched w;
  Store& s = w.store;
  const size_t outer = s.Arm();
  s.BeginItem();
  Put(s, 0, "a", "1");
  const size_t inner = s.Arm();
  Put(s, 0, "b", "1");
  s.Notify(0, "b", {EventClass::kGeneric, "expire"});
  LocksOf(s).Acquire(0, "l", {.ttl_ms = 5});
  s.Rollback(inner);
  CHECK(w.recorder.Take().empty());
  Put(s, 0, "c", "1");
  s.Disarm(outer);
  CHECK(w.recorder.Take() == Lines{"put 0:a cmd set 1 new", "put 0:c cmd set 1 new"});
  s.BeginItem();
  const size_t again = s.Arm();
  Put(s, 0, "d", "1");
  s.Rollback(again);
  CHECK(w.recorder.Take().empty());
  CHECK(s.ItemRevision() == 0);
  CHECK(s.revision() == 1);
}

TEST_CASE("the end of a lease takes its keys and locks along, at one revision") {
  Watched w;
  Store& s = w.store;
  s.BeginItem();
  LeasesOf(s).Grant("l1", 5000, "me");
  for (const char* key : {"z", "a", "m"}) {
    s.BeginItem();
    Put(s, 1, key, "v");
    CHECK(LeasesOf(s).Attach("l1", 1, key) == LeaseTable::AttachResult::kAttached);
  }
  CHECK(LeasesOf(s).Attach("l1", 1, "a") == LeaseTable::AttachResult::kAlready);
  s.BeginItem();
  const Revision token =
      LocksOf(s).Acquire(0, "lock", {.owner = "me", .lease_id = "l1", .ttl_ms = 9});
  CHECK(token == s.revision());
  CHECK(LocksOf(s).Guard(0, "lock") != nullptr);
  CHECK(LocksOf(s).guards_db(0));
  CHECK_FALSE(LocksOf(s).guards_db(1));
  w.recorder.Take();
  s.BeginItem();
  CHECK(LeasesOf(s).End("l1", true) == 3);
  const std::string r = std::to_string(s.revision());
  CHECK(w.recorder.Take() ==
        Lines{"del 1:z lease expired " + r + " gone", "del 1:a lease expired " + r + " gone",
              "del 1:m lease expired " + r + " gone",
              "lock 0:lock expired " + std::to_string(token), "lease l1 expired " + r});
  CHECK(LeasesOf(s).empty());
  CHECK_FALSE(LocksOf(s).guards_any());
  CHECK(s.Size(1) == 0);
}

TEST_CASE("what a lease is attached to follows the rules of the commands") {
  Store s(1);
  LeasesOf(s).Grant("l", 5000, "");
  const auto attached = [&](int db, std::string_view key) {
    const Lease* lease = LeasesOf(s).LeaseOf(db, key);
    const KeyRecord* e = s.Find(db, key);
    if (e != nullptr) CHECK(e->has_lease() == (lease != nullptr));
    return lease != nullptr;
  };
  const auto fresh = [&](std::string_view key) {
    s.BeginItem();
    Put(s, 0, key, "v");
    REQUIRE(LeasesOf(s).Attach("l", 0, key) == LeaseTable::AttachResult::kAttached);
  };
  fresh("k");
  {
    Mutation m = s.Modify(0, "k");
    SetString(m, "2", Keep::kTtlAndLease);
    m.Commit(kSet);
  }
  CHECK(attached(0, "k"));
  {
    Mutation m = s.Modify(0, "k");
    AppendString(m, "2");
    m.Commit(kSet);
  }
  CHECK(attached(0, "k"));
  s.Copy(*s.Find(0, "k"), 0, "copy");
  CHECK_FALSE(attached(0, "copy"));
  s.Rename(0, "k", "renamed");
  CHECK(attached(0, "renamed"));
  s.Move(0, "renamed", 3);
  CHECK(attached(3, "renamed"));
  fresh("renamed");  // the same name in another database
  s.SwapDb(3, 0);
  CHECK(attached(0, "renamed"));
  CHECK(attached(3, "renamed"));
  s.FlushDb(3);
  CHECK_FALSE(attached(3, "renamed"));
  Put(s, 0, "renamed", "replaced");
  CHECK_FALSE(attached(0, "renamed"));
  fresh("gone");
  {
    Mutation m = s.Modify(0, "gone");
    m.Delete();
    m.Commit(kDel);
  }
  CHECK_FALSE(attached(0, "gone"));
  CHECK(LeasesOf(s).Find("l")->keys.empty());
  fresh("x");
  CHECK(LeasesOf(s).DetachKey(0, "x"));
  CHECK_FALSE(LeasesOf(s).DetachKey(0, "x"));
  CHECK_FALSE(attached(0, "x"));
  LeasesOf(s).Grant("l2", 1, "");
  fresh("y");
  CHECK(LeasesOf(s).Attach("l2", 0, "y") == LeaseTable::AttachResult::kOtherLease);
  {
    Mutation m = s.Modify(0, "x");
    m.SetDeadline(Deadline::Elapsed(1000));
    m.Commit({});
  }
  CHECK(LeasesOf(s).Attach("l2", 0, "x") == LeaseTable::AttachResult::kHasTtl);
  CHECK(LeasesOf(s).Attach("l2", 0, "absent") == LeaseTable::AttachResult::kNoKey);
}

TEST_CASE("a lease holds no more keys than its limit") {
  Store s(1);
  LeasesOf(s).Grant("l", 5000, "");
  for (size_t i = 0; i <= kLeaseKeysMax; i++) {
    const std::string key = std::to_string(i);
    Put(s, 0, key, "v");
    const auto expected =
        i < kLeaseKeysMax ? LeaseTable::AttachResult::kAttached : LeaseTable::AttachResult::kFull;
    REQUIRE(LeasesOf(s).Attach("l", 0, key) == expected);
  }
  CHECK(LeasesOf(s).End("l", false) == kLeaseKeysMax);
  CHECK(s.Size(0) == 1);
}

TEST_CASE("leases and locks count as used memory while they are there") {
  Store s(1);
  const size_t before = s.used_bytes();
  constexpr size_t kCount = 1000;
  const std::string owner(200, 'o');
  for (size_t i = 0; i < kCount; i++) {
    const std::string id = std::to_string(i);
    s.BeginItem();
    LeasesOf(s).Grant(id, 1, owner);
    LocksOf(s).Acquire(0, id, {.owner = owner, .lease_id = id, .ttl_ms = 1});
  }
  const size_t used = s.used_bytes() - before;
  CHECK(used > kCount * 1000);
  CHECK(used < kCount * 2000);
  // Undoing gives it back exactly.
  s.BeginItem();
  const size_t mark = s.Arm();
  LocksOf(s).Acquire(0, "more", {.owner = owner, .ttl_ms = 1});
  LocksOf(s).End(0, "1", LocksOf(s).Find(0, "1")->holder().token, LockEventKind::kBroken);
  LeasesOf(s).End("2", false);
  s.Rollback(mark);
  CHECK(s.used_bytes() - before == used);
  for (size_t i = 0; i < kCount; i++) LeasesOf(s).End(std::to_string(i), false);
  CHECK(s.used_bytes() == before);
}

TEST_CASE("leases and locks are listed in order, page by page") {
  Store s(1);
  for (const char* id : {"c", "a", "d", "b"}) {
    LeasesOf(s).Grant(id, 1, std::string_view(id) == "d" ? "other" : "me");
    LocksOf(s).Acquire(2, std::string("x") + id, {.ttl_ms = 1, .advisory = id[0] == 'a'});
  }
  LocksOf(s).Acquire(2, "y", {.ttl_ms = 1});
  LocksOf(s).Acquire(1, "xa", {.ttl_ms = 1});
  const auto leases = [&](std::string_view after, size_t limit, const std::string_view* owner) {
    std::string out;
    for (const Lease* lease : LeasesOf(s).List(after, limit, owner)) out += lease->id;
    return out;
  };
  const std::string_view me = "me";
  CHECK(leases("", 10, nullptr) == "abcd");
  CHECK(leases("a", 2, nullptr) == "bc");
  CHECK(leases("", 10, &me) == "abc");
  const auto locks = [&](std::string_view prefix, const char* after, size_t limit) {
    std::string out;
    const std::string_view from = after == nullptr ? "" : after;
    for (const auto& row : LocksOf(s).List(2, prefix, after == nullptr ? nullptr : &from, limit)) {
      out += std::string(row.name) + " ";
    }
    return out;
  };
  CHECK(locks("x", nullptr, 10) == "xa xb xc xd ");
  CHECK(locks("x", "xb", 1) == "xc ");
  CHECK(locks("", nullptr, 10) == "xa xb xc xd y ");
  CHECK(locks("x", "a", 10) == "xa xb xc xd ");
  CHECK(locks("z", nullptr, 10).empty());
  CHECK(LocksOf(s).Guard(2, "xa") == nullptr);  // advisory
  CHECK(LocksOf(s).Guard(2, "xb") != nullptr);
  LocksOf(s).Renew(2, "xb", LocksOf(s).Find(2, "xb")->holder().token, 77);
  CHECK(LocksOf(s).Find(2, "xb")->holder().ttl_ms == 77);
}

}  // namespace
}  // namespace clustron::store

// Locks with queues: rows there and back, undo, and what is derived from them.
#include "store/tables/lock_table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/store.h"
#include "store/tables/lease_table.h"
#include "store/tables/wait_table.h"

namespace clustron::store {
namespace {

// The rows of a table, as a snapshot has them.
std::string RowsOf(ReplicatedTable& table) {
  std::string bytes;
  table.BeginWalk();
  while (!table.Walk(1 << 20, &bytes).all) {
  }
  return bytes;
}

void LoadRows(const std::string& bytes, ReplicatedTable& table) {
  Reader all(bytes);
  while (all.remaining() > 0) {
    Reader row(all.Bytes());
    REQUIRE(table.LoadRow(&row).has_value());
  }
}

// All that is derived from rows.
std::string DerivedOf(const Store& store) {
  const LockTable& locks = LocksOf(store);
  std::string text =
      std::to_string(locks.used_bytes()) + " " + std::to_string(locks.index().held()) + " " +
      std::to_string(locks.index().tickets()) + (locks.guards_any() ? " guards" : "");
  for (int db = 0; db < 3; db++) text += locks.guards_db(db) ? "g" : "-";
  if (locks.index().Ready() != nullptr) text += " ready " + locks.index().Ready()->name;
  locks.ForEach([&](int db, std::string_view name, const Lock& lock) {
    text += "\n" + std::to_string(db) + std::string(name) + (lock.guards() ? " guard" : "");
    for (const auto& [owner, part] : lock.by_owner) text += " " + owner + std::to_string(part);
    for (const auto& [ticket, token] : lock.granted)
      text += " " + std::to_string(ticket) + ">" + std::to_string(token);
    for (const Revision ticket : lock.present)
      text += " p" + std::to_string(ticket) + "/" + std::to_string(lock.queue.PlaceOf(ticket));
  });
  for (const Lease* lease : LeasesOf(store).List({}, 100)) {
    text += "\n" + lease->id;
    for (const LockPart& part : lease->locks)
      text += " " + part.name.name + std::to_string(part.part);
  }
  return text;
}

// Random changes by whatever the table allows.
class Changes {
 public:
  explicit Changes(uint64_t seed) : rng_(seed) { store.set_observer(nullptr); }

  void Step() {
    store.BeginItem();
    const int db = static_cast<int>(rng_.Below(3));
    const std::string name(1, static_cast<char>('a' + rng_.Below(3)));
    const std::string lease = "l" + std::to_string(rng_.Below(2));
    if (LeasesOf(store).Find(lease) == nullptr) LeasesOf(store).Grant(lease, 1000, "");
    const Lock* lock = LocksOf(store).Find(db, name);
    LockRequest request{.ttl_ms = 500};
    const std::string owner = "o" + std::to_string(rng_.Below(8));
    if (rng_.Percent(70)) request.owner = owner;
    if (rng_.Percent(30)) request.lease_id = lease;
    request.shared = rng_.Percent(50);
    if (rng_.Percent(20)) request.delay_ms = 70;
    if (lock == nullptr) {
      request.advisory = rng_.Percent(30);
      if (!request.shared && rng_.Percent(30)) request.limit = 3;
      LocksOf(store).Acquire(db, name, request);
      return;
    }
    request.advisory = lock->advisory;
    request.limit = lock->limit;
    if (request.limit > 1) request.shared = false;
    if (rng_.Percent(45)) {
      if (lock->by_owner.contains(request.owner)) return;
      if (!lock->contended() && lock->Grantable(request.shared))
        LocksOf(store).Acquire(db, name, request);
      else
        LocksOf(store).Enqueue(db, name, request, 900, {});
      return;
    }
    Change(db, name, *lock);
    if (rng_.Percent(5)) LeasesOf(store).End(lease, rng_.Percent(50));
  }

  void HandOver() {
    while (LocksOf(store).index().Ready() != nullptr) {
      store.BeginItem();
      LocksOf(store).HandOver(KeyName(*LocksOf(store).index().Ready()));
    }
  }

  Store store{7};

 private:
  void Change(int db, const std::string& name, const Lock& lock) {
    LockTable& locks = LocksOf(store);
    Revision ticket = 0;
    lock.queue.ForEach([&](Revision number, const LockTicket&) {
      ticket = number;
      return rng_.Percent(60);
    });
    if (lock.delayed() && rng_.Percent(30)) return locks.EndDelay(db, name);
    if (ticket != 0 && rng_.Percent(30)) return locks.EndTicket(db, name, ticket);
    if (ticket != 0 && rng_.Percent(30)) return locks.KeepTicket(db, name, ticket);
    if (!lock.held()) return;
    const Revision token =
        rng_.Percent(50) ? lock.holders.begin()->first : std::prev(lock.holders.end())->first;
    if (rng_.Percent(20)) return locks.Renew(db, name, token, 800);
    if (rng_.Percent(20)) return locks.Renew(db, name, token, 0);
    locks.End(db, name, token,
              rng_.Percent(50) ? LockEventKind::kExpired : LockEventKind::kReleased);
  }

  Rng rng_;
};

TEST_CASE("what is undone leaves rows and all that is derived from them as they were") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Changes changes(seed);
    Store& store = changes.store;
    for (int round = 0; round < 60; round++) {
      for (int i = 0; i < 5; i++) {
        changes.Step();
        changes.HandOver();
      }
      const std::string rows = RowsOf(LocksOf(store));
      const std::string derived = DerivedOf(store);
      const size_t mark = store.Arm();
      for (int i = 0; i < 6; i++) changes.Step();
      store.Rollback(mark);
      REQUIRE(RowsOf(LocksOf(store)) == rows);
      REQUIRE(DerivedOf(store) == derived);
    }
  }
}

TEST_CASE("rows that are loaded give what is derived from them, and the same digest") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Changes changes(seed);
    Store& store = changes.store;
    for (int i = 0; i < 150; i++) {
      changes.Step();
      if (i % 3 != 0) changes.HandOver();
    }
    Store loaded(7);
    LoadRows(RowsOf(LeasesOf(store)), LeasesOf(loaded));
    LoadRows(RowsOf(LocksOf(store)), LocksOf(loaded));
    CHECK(DerivedOf(loaded) == DerivedOf(store));
    CHECK(LocksOf(loaded).Digest() == LocksOf(store).Digest());
  }
}

TEST_CASE("a lock as programs before queues know it is written as they wrote it") {
  Store store(7);
  store.BeginItem();
  LocksOf(store).Acquire(2, "n", {.owner = "me", .ttl_ms = 300, .advisory = true});
  std::string row;
  Writer w(&row);
  w.Varint(2);
  w.Bytes("n");
  w.U8(1);
  w.Varint(1);
  w.Varint(1);
  w.Bytes("me");
  w.Bytes("");
  w.Varint(300);
  w.Varint(0);
  std::string rows;
  Writer(&rows).Bytes(row);
  CHECK(RowsOf(LocksOf(store)) == rows);
}

TEST_CASE("rows that can't be are refused") {
  const auto refused = [](std::string_view row) {
    Store store(7);
    Reader in(row);
    return !LocksOf(store).LoadRow(&in).has_value();
  };
  Store store(7);
  store.BeginItem();
  LocksOf(store).Acquire(0, "n", {.owner = "a", .ttl_ms = 300, .shared = true});
  store.BeginItem();
  LocksOf(store).Enqueue(0, "n", {.owner = "b", .ttl_ms = 300}, 500, {});
  const std::string rows = RowsOf(LocksOf(store));
  Reader all(rows);
  const std::string row(all.Bytes());
  CHECK_FALSE(refused(row));
  for (size_t cut = 0; cut < row.size(); cut++) CHECK(refused(row.substr(0, cut)));
  // The owner of the ticket holds the lock, too.
  std::string twice = row;
  twice[twice.rfind('b')] = 'a';
  CHECK(refused(twice));
  // Neither holder nor ticket.
  CHECK(refused(std::string_view("\0\1n\0\0", 5)));
}

TEST_CASE("who waits for a lock must have a ticket that says so") {
  const WaitId id{{1, 5}, 9};
  Store store(7);
  store.BeginItem();
  LocksOf(store).Acquire(0, "n", {.ttl_ms = 300});
  store.BeginItem();
  const Revision ticket = LocksOf(store).Enqueue(0, "n", {.ttl_ms = 300}, 0, id);
  CHECK_FALSE(LocksOf(store).Find(0, "n")->contended());
  WaitsOf(store).Add({.id = id, .command_id = 550, .args = {"n"}, .keys = {"n"}, .ticket = ticket});
  CHECK(LocksOf(store).Find(0, "n")->contended());
  // Undone, the end of a ticket leaves it as it was.
  const size_t mark = store.Arm();
  store.BeginItem();
  LocksOf(store).EndTicket(0, "n", ticket);
  store.Rollback(mark);
  CHECK(LocksOf(store).Find(0, "n")->contended());
  const std::string locks = RowsOf(LocksOf(store));
  const std::string waits = RowsOf(WaitsOf(store));
  Store loaded(7);
  LoadRows(locks, LocksOf(loaded));
  LoadRows(waits, WaitsOf(loaded));
  CHECK(DerivedOf(loaded) == DerivedOf(store));
  Store without(7);
  Reader all(waits);
  Reader row(all.Bytes());
  CHECK_FALSE(WaitsOf(without).LoadRow(&row).has_value());
  // The ticket is another client's.
  Store others(7);
  others.BeginItem();
  LocksOf(others).Acquire(0, "n", {.ttl_ms = 300});
  others.BeginItem();
  REQUIRE(LocksOf(others).Enqueue(0, "n", {.ttl_ms = 300}, 0, {{1, 5}, 10}) == ticket);
  Reader again(waits);
  Reader same(again.Bytes());
  CHECK_FALSE(WaitsOf(others).LoadRow(&same).has_value());
}

}  // namespace
}  // namespace clustron::store

// The store's leases and locks: see lease_table.h, lock_table.h.
#include <utility>

#include "base/check.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/snapshot/snapshot_walk.h"

namespace clustron::store {

// ---- leases ----

const Lease& Store::GrantLease(std::string_view id, int64_t ttl_ms, std::string_view owner) {
  CHECK(!id.empty());
  CHECK(id.size() <= kLeaseIdBytesMax);
  if (walk_ != nullptr) walk_->BeforeChange(id, nullptr);
  auto lease = std::make_unique<Lease>();
  lease->id = id;
  lease->owner = owner;
  lease->ttl_ms = ttl_ms;
  lease->grant_revision = TakeRevision();
  const auto [it, added] = leases_.leases_.emplace(std::string(id), std::move(lease));
  CHECK(added);
  if (journal_->armed()) journal_->Add(undo::LeaseGranted{std::string(id)});
  EmitLease(*it->second, LeaseEventKind::kGranted);
  return *it->second;
}

void Store::KeepLease(std::string_view id) {
  const auto it = leases_.leases_.find(id);
  CHECK(it != leases_.leases_.end());
  Lease& lease = *it->second;
  if (walk_ != nullptr) walk_->BeforeChange(id, &lease);
  if (journal_->armed()) journal_->Add(undo::LeaseRenewed{std::string(id), lease.renewed});
  lease.renewed = TakeRevision();
  EmitLease(lease, LeaseEventKind::kKept);
}

void Store::EmitLease(const Lease& lease, LeaseEventKind kind) {
  EmitHeld({.kind = HeldEvent::Kind::kLease,
            .key = lease.id,
            .lease = {.kind = kind,
                      .revision = lease.grant_revision,
                      .renewed = lease.renewed,
                      .ttl_ms = lease.ttl_ms}});
}

size_t Store::EndLease(std::string_view id, bool expired) {
  const auto it = leases_.leases_.find(id);
  CHECK(it != leases_.leases_.end());
  Lease& lease = *it->second;
  if (walk_ != nullptr) walk_->BeforeChange(id, &lease);
  TakeRevision();

  std::vector<KeyName> keys;
  keys.reserve(lease.keys.size());
  for (const auto& [attach, key] : lease.keys) keys.push_back(key);
  const Event event =
      expired ? Event{EventClass::kExpired, "expired"} : Event{EventClass::kGeneric, "del"};
  for (const KeyName& key : keys) {
    Mutation m = Modify(key.db, key.name);
    m.Delete();
    m.Commit(event, Reason::kLease);
  }
  CHECK(lease.keys.empty());
  const LockEventKind lock_end = expired ? LockEventKind::kExpired : LockEventKind::kReleased;
  while (!lease.locks.empty()) {
    const KeyName name = *lease.locks.begin();
    EndLock(name.db, name.name, locks_.locks_.at(name).holder().token, lock_end);
  }

  EmitHeld({.kind = HeldEvent::Kind::kLease,
            .key = lease.id,
            .lease = {.kind = expired ? LeaseEventKind::kExpired : LeaseEventKind::kRevoked,
                      .revision = item_revision_,
                      .ttl_ms = lease.ttl_ms}});
  std::unique_ptr<Lease> ended = std::move(it->second);
  leases_.leases_.erase(it);
  if (journal_->armed()) journal_->Add(undo::LeaseEnded{std::move(ended)});
  return keys.size();
}

Store::AttachResult Store::AttachKey(std::string_view id, int db, std::string_view key) {
  const auto it = leases_.leases_.find(id);
  CHECK(it != leases_.leases_.end());
  Lease& lease = *it->second;
  Mutation m = Modify(db, key);
  if (m.record() == nullptr) return AttachResult::kNoKey;
  if (m.record()->has_lease()) {
    return leases_.LeaseOf(db, key) == &lease ? AttachResult::kAlready : AttachResult::kOtherLease;
  }
  if (m.record()->has_deadline()) return AttachResult::kHasTtl;
  if (lease.keys.size() >= kLeaseKeysMax) return AttachResult::kFull;
  if (walk_ != nullptr) walk_->BeforeChange(id, &lease);
  m.Begin();
  m.touched_ = true;
  RecordHead(db, *m.entry_);
  KeyRecordEdit::SetLease(*m.entry_, true);
  KeyName name{db, std::string(key)};
  const uint64_t attach = lease.next_attach++;
  lease.keys.emplace(attach, name);
  leases_.by_key_.emplace(name, LeaseTable::Place{&lease, attach});
  if (journal_->armed()) journal_->Add(undo::KeyAttached{std::move(name)});
  m.Commit({});
  return AttachResult::kAttached;
}

bool Store::DetachKey(int db, std::string_view key) {
  Mutation m = Modify(db, key);
  if (m.record() == nullptr || !m.record()->has_lease()) return false;
  m.Begin();
  m.touched_ = true;
  RecordHead(db, *m.entry_);
  Detach(db, key);
  KeyRecordEdit::SetLease(*m.entry_, false);
  m.Commit({});
  return true;
}

void Store::Detach(int db, std::string_view key) {
  const auto it = leases_.by_key_.find(KeyName{db, std::string(key)});
  CHECK(it != leases_.by_key_.end());
  const auto [lease, attach] = it->second;
  if (walk_ != nullptr) walk_->BeforeChange(lease->id, lease);
  lease->keys.erase(attach);
  if (journal_->armed()) journal_->Add(undo::KeyDetached{it->first, lease, attach});
  leases_.by_key_.erase(it);
}

void Store::DetachAll(int db) {
  auto it = leases_.by_key_.lower_bound(KeyName{db, ""});
  while (it != leases_.by_key_.end() && it->first.db == db) {
    const std::string key = (it++)->first.name;
    Detach(db, key);
  }
}

void Store::RenameLeased(const KeyName& from, const KeyName& to) {
  const auto it = leases_.by_key_.find(from);
  CHECK(it != leases_.by_key_.end());
  const LeaseTable::Place place = it->second;
  if (walk_ != nullptr) walk_->BeforeChange(place.lease->id, place.lease);
  leases_.by_key_.erase(it);
  place.lease->keys.at(place.attach) = to;
  const bool added = leases_.by_key_.emplace(to, place).second;
  CHECK(added);
}

void Store::SwapLeases(int a, int b) {
  std::vector<KeyName> of_a;
  std::vector<KeyName> of_b;
  for (const auto& [key, place] : leases_.by_key_) {
    if (key.db == a) of_a.push_back(key);
    if (key.db == b) of_b.push_back(key);
  }
  // A name may stand in both: those of `a` go by way of a database that doesn't exist.
  for (const KeyName& key : of_a) RenameLeased(key, {kDatabases, key.name});
  for (const KeyName& key : of_b) RenameLeased(key, {a, key.name});
  for (const KeyName& key : of_a) RenameLeased({kDatabases, key.name}, {b, key.name});
}

// ---- locks ----

void Store::LinkLock(const KeyName& name, const Lock& lock) {
  locks_.used_bytes_ += LockTable::BytesOf(name, lock);
  if (!lock.advisory) {
    locks_.guard_count_++;
    locks_.guards_per_db_[name.db]++;
  }
  for (const LockHolder& holder : lock.holders) {
    if (!holder.lease_id.empty()) leases_.leases_.at(holder.lease_id)->locks.insert(name);
  }
}

void Store::UnlinkLock(const KeyName& name, const Lock& lock) {
  locks_.used_bytes_ -= LockTable::BytesOf(name, lock);
  if (!lock.advisory) {
    locks_.guard_count_--;
    locks_.guards_per_db_[name.db]--;
  }
  for (const LockHolder& holder : lock.holders) {
    if (!holder.lease_id.empty()) leases_.leases_.at(holder.lease_id)->locks.erase(name);
  }
}

Revision Store::AcquireLock(int db, std::string_view name, const LockGrant& grant) {
  CHECK(grant.lease_id.empty() || leases_.Find(grant.lease_id) != nullptr);
  const Revision token = TakeRevision();
  Lock lock;
  lock.advisory = grant.advisory;
  lock.holders.push_back({.token = token,
                          .owner = std::string(grant.owner),
                          .lease_id = std::string(grant.lease_id),
                          .ttl_ms = grant.ttl_ms});
  const auto [it, added] = locks_.locks_.emplace(KeyName{db, std::string(name)}, std::move(lock));
  CHECK(added);
  if (walk_ != nullptr) walk_->BeforeChange(it->first, nullptr);
  LinkLock(it->first, it->second);
  if (journal_->armed()) journal_->Add(undo::LockAcquired{it->first});
  EmitHeld(
      {.kind = HeldEvent::Kind::kLock,
       .key = std::string(name),
       .lock = {
           .db = db, .kind = LockEventKind::kGranted, .token = token, .ttl_ms = grant.ttl_ms}});
  return token;
}

void Store::EndLock(int db, std::string_view name, Revision token, LockEventKind kind) {
  const auto it = locks_.locks_.find(KeyName{db, std::string(name)});
  CHECK(it != locks_.locks_.end());
  CHECK(it->second.holder().token == token);
  if (walk_ != nullptr) walk_->BeforeChange(it->first, &it->second);
  TakeRevision();
  UnlinkLock(it->first, it->second);
  auto node = locks_.locks_.extract(it);
  EmitHeld({.kind = HeldEvent::Kind::kLock,
            .key = std::string(name),
            .lock = {.db = db, .kind = kind, .token = token}});
  if (journal_->armed()) {
    journal_->Add(undo::LockEnded{std::move(node.key()), std::move(node.mapped())});
  }
}

void Store::RaiseLockTtl(int db, std::string_view name, Revision token, int64_t ttl_ms) {
  const auto it = locks_.locks_.find(KeyName{db, std::string(name)});
  CHECK(it != locks_.locks_.end());
  CHECK(it->second.holder().token == token);
  RenewLock(it->first, it->second, ttl_ms);
}

void Store::KeepLock(int db, std::string_view name) {
  const auto it = locks_.locks_.find(KeyName{db, std::string(name)});
  CHECK(it != locks_.locks_.end());
  RenewLock(it->first, it->second, it->second.holder().ttl_ms);
}

void Store::RenewLock(const KeyName& name, Lock& lock, int64_t ttl_ms) {
  LockHolder& holder = lock.holders.front();
  if (walk_ != nullptr) walk_->BeforeChange(name, &lock);
  if (journal_->armed()) journal_->Add(undo::LockRenewed{name, holder.ttl_ms, holder.renewed});
  holder.ttl_ms = ttl_ms;
  holder.renewed = TakeRevision();
  EmitHeld({.kind = HeldEvent::Kind::kLock,
            .key = name.name,
            .lock = {.db = name.db,
                     .kind = LockEventKind::kRenewed,
                     .token = holder.token,
                     .renewed = holder.renewed,
                     .ttl_ms = holder.ttl_ms}});
}

}  // namespace clustron::store

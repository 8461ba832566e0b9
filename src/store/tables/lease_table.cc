#include "store/tables/lease_table.h"

#include <utility>

#include "base/check.h"
#include "store/keyspace/digester.h"
#include "store/tables/lock_table.h"

namespace clustron::store {

LeaseTable::LeaseTable(Store& store) : OrderedTable(store) { store.followers().attachments = this; }

// ---- reading ----

const Lease* LeaseTable::Find(std::string_view id) const {
  const auto it = rows().find(id);
  return it == rows().end() ? nullptr : &it->second;
}

const Lease* LeaseTable::LeaseOf(int db, std::string_view key) const {
  if (by_key_.empty()) return nullptr;
  const auto it = by_key_.find(KeyName{db, std::string(key)});
  return it == by_key_.end() ? nullptr : it->second.lease;
}

bool LeaseTable::Has(int db, std::string_view key) const { return LeaseOf(db, key) != nullptr; }

std::vector<const Lease*> LeaseTable::List(std::string_view after, size_t limit,
                                           const std::string_view* owner) const {
  std::vector<const Lease*> found;
  for (auto it = rows().upper_bound(after); it != rows().end() && found.size() < limit; ++it) {
    if (owner == nullptr || it->second.owner == *owner) found.push_back(&it->second);
  }
  return found;
}

// ---- changing ----

const Lease& LeaseTable::Grant(std::string_view id, int64_t ttl_ms, std::string_view owner) {
  CHECK(!id.empty());
  CHECK(id.size() <= kLeaseIdBytesMax);
  Lease lease;
  lease.id = id;
  lease.owner = owner;
  lease.ttl_ms = ttl_ms;
  lease.grant_revision = store_.TakeRevision();
  const Lease& granted = Insert(std::string(id), std::move(lease))->second;
  Tell(granted, LeaseEventKind::kGranted);
  return granted;
}

void LeaseTable::Keep(std::string_view id) {
  Lease& lease = PlaceOf(id)->second;
  WriteAhead(lease.id, lease);
  AddUndo([&lease, renewed = lease.renewed] { lease.renewed = renewed; });
  lease.renewed = store_.TakeRevision();
  Tell(lease, LeaseEventKind::kKept);
}

void LeaseTable::Tell(const Lease& lease, LeaseEventKind kind) {
  store_.Tell({.kind = HeldEvent::Kind::kLease,
               .key = lease.id,
               .lease = {.kind = kind,
                         .revision = lease.grant_revision,
                         .renewed = lease.renewed,
                         .ttl_ms = lease.ttl_ms},
               .owner = lease.owner});
}

size_t LeaseTable::End(std::string_view id, bool expired) {
  const Place place = PlaceOf(id);
  Lease& lease = place->second;
  WriteAhead(lease.id, lease);
  const Revision revision = store_.TakeRevision();

  const std::vector<KeyName> keys = DetachAllOf(lease);
  DeleteEnding(
      keys, expired ? Event{EventClass::kExpired, "expired"} : Event{EventClass::kGeneric, "del"});
  while (!lease.locks.empty()) {
    const LockPart part = *lease.locks.begin();
    LocksOf(store_).EndWithLease(part.name, part.part, expired);
  }

  store_.Tell({.kind = HeldEvent::Kind::kLease,
               .key = lease.id,
               .lease = {.kind = expired ? LeaseEventKind::kExpired : LeaseEventKind::kRevoked,
                         .revision = revision,
                         .ttl_ms = lease.ttl_ms},
               .owner = lease.owner});
  Take(place);
  return keys.size();
}

// All at once, with one undo. In the order of attaching.
std::vector<KeyName> LeaseTable::DetachAllOf(Lease& lease) {
  std::vector<KeyName> names;
  names.reserve(lease.keys.size());
  const size_t before = by_key_.size();
  for (const auto& [number, key] : lease.keys) names.push_back(key);
  // Going over all is cheaper than looking for many.
  if (before / 4 < names.size()) {
    std::erase_if(by_key_, [&](const auto& row) { return row.second.lease == &lease; });
  } else {
    for (const KeyName& key : names) by_key_.erase(key);
  }
  CHECK(by_key_.size() + names.size() == before);
  AddUndo([this, &lease, keys = std::exchange(lease.keys, {})]() mutable {
    for (const auto& [number, key] : keys) by_key_.emplace(key, Attachment{&lease, number});
    lease.keys = std::move(keys);
  });
  return names;
}

// They lie anywhere in memory: what is due next is fetched meanwhile.
void LeaseTable::DeleteEnding(const std::vector<KeyName>& keys, Event event) {
  constexpr size_t kAhead = 8;
  std::vector<uint64_t> hashes;
  hashes.reserve(keys.size());
  for (const KeyName& key : keys) hashes.push_back(store_.Hash(key.name));
  ending_ = true;
  for (size_t i = 0; i < keys.size(); i++) {
    if (const size_t next = i + 2 * kAhead; next < keys.size())
      store_.PrefetchBucket(keys[next].db, hashes[next]);
    if (const size_t next = i + kAhead; next < keys.size())
      store_.PrefetchEntry(keys[next].db, hashes[next]);
    Mutation m = store_.Modify(keys[i].db, keys[i].name, hashes[i]);
    CHECK(m.exists());
    m.Delete();
    m.Commit(event, Reason::kLease);
  }
  ending_ = false;
}

LeaseTable::AttachResult LeaseTable::Attach(std::string_view id, int db, std::string_view key) {
  Lease& lease = PlaceOf(id)->second;
  Mutation m = store_.Modify(db, key);
  if (m.record() == nullptr) return AttachResult::kNoKey;
  if (m.record()->has_lease()) {
    return LeaseOf(db, key) == &lease ? AttachResult::kAlready : AttachResult::kOtherLease;
  }
  if (m.record()->has_deadline()) return AttachResult::kHasTtl;
  if (lease.keys.size() >= kLeaseKeysMax) return AttachResult::kFull;
  WriteAhead(lease.id, lease);
  m.SetLeased(true);
  KeyName name{db, std::string(key)};
  const uint64_t number = lease.next_attach++;
  lease.keys.emplace(number, name);
  by_key_.emplace(name, Attachment{&lease, number});
  AddUndo([this, name, &lease, number] {
    const size_t gone = by_key_.erase(name);
    CHECK(gone == 1);
    lease.keys.erase(number);
    lease.next_attach = number;
  });
  m.Commit({});
  return AttachResult::kAttached;
}

bool LeaseTable::DetachKey(int db, std::string_view key) {
  Mutation m = store_.Modify(db, key);
  if (m.record() == nullptr || !m.record()->has_lease()) return false;
  m.SetLeased(false);
  Detach(db, key);
  m.Commit({});
  return true;
}

void LeaseTable::Detach(int db, std::string_view key) {
  if (ending_) return;
  const auto it = by_key_.find(KeyName{db, std::string(key)});
  CHECK(it != by_key_.end());
  Lease& lease = *it->second.lease;
  const uint64_t number = it->second.number;
  WriteAhead(lease.id, lease);
  lease.keys.erase(number);
  AddUndo([this, name = it->first, &lease, number] {
    lease.keys.emplace(number, name);
    by_key_.emplace(name, Attachment{&lease, number});
  });
  by_key_.erase(it);
}

void LeaseTable::DetachAll(int db) {
  auto it = by_key_.lower_bound(KeyName{db, ""});
  while (it != by_key_.end() && it->first.db == db) {
    const std::string key = (it++)->first.name;
    Detach(db, key);
  }
}

void LeaseTable::Rename(const KeyName& from, const KeyName& to) {
  const auto it = by_key_.find(from);
  CHECK(it != by_key_.end());
  const Attachment attachment = it->second;
  WriteAhead(attachment.lease->id, *attachment.lease);
  by_key_.erase(it);
  attachment.lease->keys.at(attachment.number) = to;
  const bool added = by_key_.emplace(to, attachment).second;
  CHECK(added);
}

void LeaseTable::Swap(int db_a, int db_b) {
  std::vector<KeyName> of_a;
  std::vector<KeyName> of_b;
  for (const auto& [key, attachment] : by_key_) {
    if (key.db == db_a) of_a.push_back(key);
    if (key.db == db_b) of_b.push_back(key);
  }
  // A name may stand in both: those of `a` go by way of a database that doesn't exist.
  for (const KeyName& key : of_a) Rename(key, {kDatabases, key.name});
  for (const KeyName& key : of_b) Rename(key, {db_a, key.name});
  for (const KeyName& key : of_a) Rename({kDatabases, key.name}, {db_b, key.name});
}

void LeaseTable::LinkLock(std::string_view id, const LockPart& part) {
  PlaceOf(id)->second.locks.insert(part);
}

void LeaseTable::UnlinkLock(std::string_view id, const LockPart& part) {
  PlaceOf(id)->second.locks.erase(part);
}

// ---- rows ----

void LeaseTable::EncodeRow(const std::string& id, const Lease& lease, std::string* out) const {
  Writer w(out);
  w.Bytes(id);
  w.Bytes(lease.owner);
  w.Varint(static_cast<uint64_t>(lease.ttl_ms));
  w.Varint(lease.grant_revision);
  w.Varint(lease.renewed);
  w.Varint(lease.next_attach);
  w.Varint(lease.keys.size());
  for (const auto& [attach, key] : lease.keys) {
    w.Varint(attach);
    w.Varint(static_cast<uint64_t>(key.db));
    w.Bytes(key.name);
  }
}

Result<std::pair<std::string, Lease>> LeaseTable::DecodeRow(Reader* in) const {
  Reader& r = *in;
  Lease lease;
  lease.id = r.Bytes();
  lease.owner = r.Bytes();
  lease.ttl_ms = static_cast<int64_t>(r.Varint());
  lease.grant_revision = r.Varint();
  lease.renewed = r.Varint();
  lease.next_attach = r.Varint();
  for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
    const uint64_t attach = r.Varint();
    const uint64_t db = r.Varint();
    KeyName key{static_cast<int>(db), std::string(r.Bytes())};
    if (db >= kDatabases || attach >= lease.next_attach ||
        !lease.keys.emplace(attach, std::move(key)).second) {
      return Fail(Errc::kCorruption, "snapshot: keys of a lease");
    }
  }
  std::string id = lease.id;
  return std::pair(std::move(id), std::move(lease));
}

// A key is attached once.
bool LeaseTable::Link(const std::string& /*id*/, Lease& lease) {
  for (const auto& [number, key] : lease.keys) {
    if (!by_key_.emplace(key, Attachment{&lease, number}).second) return false;
  }
  return true;
}

uint64_t LeaseTable::RowDigest(const std::string& id, const Lease& lease) const {
  Digester d(Digester::kLease);
  d.Bytes(id);
  d.Bytes(lease.owner);
  d.Number(static_cast<uint64_t>(lease.ttl_ms));
  d.Number(lease.grant_revision);
  d.Number(lease.renewed);
  d.Number(lease.next_attach);
  for (const auto& [attach, key] : lease.keys) {
    d.Number(attach);
    d.Number(static_cast<uint64_t>(key.db));
    d.Bytes(key.name);
  }
  return d.sum();
}

std::unique_ptr<SlicedFree> LeaseTable::Clear() {
  return FreedInSlices(std::exchange(by_key_, {}), SetRowsAside());
}

}  // namespace clustron::store

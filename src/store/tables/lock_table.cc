#include "store/tables/lock_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/digester.h"
#include "store/tables/lease_table.h"

namespace clustron::store {

namespace {

// Bits of a row.
constexpr uint8_t kAdvisoryBit = 1;
constexpr uint8_t kMoreBit = 2;

// Whether a row has what programs before feature version 5 know nothing of.
bool HasMore(const Lock& lock) {
  if (lock.limit != 1 || lock.delayed() || !lock.queue.empty() || lock.holders.size() != 1)
    return true;
  const LockHolder& h = lock.holder();
  return h.shared || h.delay_ms != 0 || h.ticket != 0 || h.since_ms != 0;
}

// Of a part, in figures of its own: what items cost must not hang on this compiler's strings.
size_t PartBytes(std::string_view owner, std::string_view lease_id) {
  constexpr size_t kNodes = 400;  // of the lock's maps, the lease's list and the timers
  return kNodes + 2 * owner.size() + lease_id.size();
}

void WriteHolder(const LockHolder& holder, Writer& w) {
  w.Varint(holder.token);
  w.Bytes(holder.owner);
  w.Bytes(holder.lease_id);
  w.Varint(static_cast<uint64_t>(holder.ttl_ms));
  w.Varint(holder.renewed);
}

LockHolder ReadHolder(Reader& r) {
  LockHolder holder;
  holder.token = r.Varint();
  holder.owner = r.Bytes();
  holder.lease_id = r.Bytes();
  holder.ttl_ms = static_cast<int64_t>(r.Varint());
  holder.renewed = r.Varint();
  return holder;
}

void WriteMoreOfHolder(const LockHolder& holder, Writer& w) {
  w.U8(holder.shared ? 1 : 0);
  w.Varint(static_cast<uint64_t>(holder.delay_ms));
  w.Varint(holder.ticket);
  w.Varint(static_cast<uint64_t>(holder.claim_ms));
  w.Varint(static_cast<uint64_t>(holder.since_ms));
}

void ReadMoreOfHolder(Reader& r, LockHolder* holder) {
  holder->shared = r.U8() != 0;
  holder->delay_ms = static_cast<int64_t>(r.Varint());
  holder->ticket = r.Varint();
  holder->claim_ms = static_cast<int64_t>(r.Varint());
  holder->since_ms = static_cast<int64_t>(r.Varint());
}

void WriteTicket(Revision number, const LockTicket& ticket, Writer& w) {
  w.Varint(number);
  w.Bytes(ticket.owner);
  w.Bytes(ticket.lease_id);
  w.Varint(static_cast<uint64_t>(ticket.ttl_ms));
  w.U8(ticket.shared ? 1 : 0);
  w.Varint(static_cast<uint64_t>(ticket.delay_ms));
  w.Varint(static_cast<uint64_t>(ticket.ticket_ms));
  w.Varint(ticket.renewed);
  w.Varint(ticket.wait.owner.node);
  w.Varint(ticket.wait.owner.boot);
  w.Varint(ticket.wait.id);
  w.Varint(static_cast<uint64_t>(ticket.since_ms));
}

LockTicket ReadTicket(Reader& r) {
  LockTicket ticket;
  ticket.owner = r.Bytes();
  ticket.lease_id = r.Bytes();
  ticket.ttl_ms = static_cast<int64_t>(r.Varint());
  ticket.shared = r.U8() != 0;
  ticket.delay_ms = static_cast<int64_t>(r.Varint());
  ticket.ticket_ms = static_cast<int64_t>(r.Varint());
  ticket.renewed = r.Varint();
  ticket.wait.owner.node = static_cast<uint32_t>(r.Varint());
  ticket.wait.owner.boot = static_cast<uint32_t>(r.Varint());
  ticket.wait.id = r.Varint();
  ticket.since_ms = static_cast<int64_t>(r.Varint());
  return ticket;
}

void WriteMore(const Lock& lock, Writer& w) {
  w.Varint(lock.limit);
  w.Varint(lock.delay.token);
  w.Varint(static_cast<uint64_t>(lock.delay.ms));
  for (const auto& [token, holder] : lock.holders) WriteMoreOfHolder(holder, w);
  if (Planted(Bug::kLockQueueNotInSnapshot)) return w.Varint(0);
  w.Varint(lock.queue.size());
  lock.queue.ForEach([&w](Revision number, const LockTicket& ticket) {
    WriteTicket(number, ticket, w);
    return true;
  });
}

}  // namespace

// ---- reading ----

const Lock* LockTable::Find(int db, std::string_view name) const {
  if (empty()) return nullptr;
  const auto it = rows().find(KeyName{db, std::string(name)});
  return it == rows().end() ? nullptr : &it->second;
}

const Lock* LockTable::FindGuard(int db, std::string_view key) const {
  if (guards_per_db_[db] == 0) return nullptr;
  const Lock* lock = Find(db, key);
  return lock != nullptr && lock->guards() ? lock : nullptr;
}

std::vector<LockTable::Row> LockTable::List(int db, std::string_view prefix,
                                            const std::string_view* after, size_t limit) const {
  std::vector<Row> found;
  auto it = rows().lower_bound(KeyName{db, std::string(prefix)});
  if (after != nullptr && *after >= prefix)
    it = rows().upper_bound(KeyName{db, std::string(*after)});
  for (; it != rows().end() && found.size() < limit; ++it) {
    if (it->first.db != db || !std::string_view(it->first.name).starts_with(prefix)) break;
    found.push_back({it->first.name, &it->second});
  }
  return found;
}

// ---- grants ----

LockTable::Place LockTable::RowFor(const KeyName& name, const LockRequest& request) {
  CHECK(request.lease_id.empty() || LeasesOf(store_).Find(request.lease_id) != nullptr);
  if (Find(name.db, name.name) == nullptr) {
    Lock lock;
    lock.advisory = request.advisory;
    lock.limit = request.limit;
    return Insert(name, std::move(lock));
  }
  const Place place = PlaceOf(name);
  CHECK(place->second.limit == request.limit);
  CHECK(place->second.advisory == request.advisory);
  return place;
}

void LockTable::TakeIfUnused(Place place) {
  if (!place->second.used()) Take(place);
}

Revision LockTable::Acquire(int db, std::string_view name, const LockRequest& request) {
  const Place place = RowFor({db, std::string(name)}, request);
  Lock& lock = place->second;
  CHECK(!lock.contended() || Planted(Bug::kLockReaderOvertakes));
  CHECK(lock.Grantable(request.shared));
  const Revision token = store_.TakeRevision();
  AddHolder(place, {.token = token,
                    .owner = std::string(request.owner),
                    .lease_id = std::string(request.lease_id),
                    .ttl_ms = request.ttl_ms,
                    .shared = request.shared,
                    .delay_ms = request.delay_ms,
                    .since_ms = Now()});
  Tell(place->first, {.kind = LockEventKind::kGranted, .token = token, .ttl_ms = request.ttl_ms},
       request.owner);
  return token;
}

void LockTable::End(int db, std::string_view name, Revision token, LockEventKind kind) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  const Revision revision = store_.TakeRevision();
  const LockHolder gone = RemoveHolder(place, token);
  Tell(place->first, {.kind = kind, .token = token});
  const bool delays = kind == LockEventKind::kExpired && gone.delay_ms != 0;
  if (delays && !Planted(Bug::kLockDelayForgotten)) {
    // An earlier one may have most of its time before it: the longer of both begins now.
    const LockDelay before = place->second.delay;
    if (before.token != 0)
      Tell(place->first, {.kind = LockEventKind::kDelayOver, .token = before.token});
    const LockDelay delay{revision, std::max(gone.delay_ms, before.ms)};
    SetDelay(place, delay);
    Tell(place->first,
         {.kind = LockEventKind::kDelayed, .token = delay.token, .ttl_ms = delay.ms});
  }
  TakeIfUnused(place);
}

void LockTable::RaiseTtl(int db, std::string_view name, Revision token, int64_t ttl_ms) {
  Renew(PlaceOf(KeyName{db, std::string(name)}), token, ttl_ms);
}

void LockTable::Keep(int db, std::string_view name, Revision token) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  Renew(place, token, place->second.holders.at(token).ttl_ms);
}

void LockTable::Renew(Place place, Revision token, int64_t ttl_ms) {
  const KeyName& name = place->first;
  LockHolder& holder = place->second.holders.at(token);
  WriteAhead(name, place->second);
  AddUndo([this, name, token, ttl = holder.ttl_ms, claim = holder.claim_ms,
           renewed = holder.renewed] {
    LockHolder& same = PlaceOf(name)->second.holders.at(token);
    same.ttl_ms = ttl;
    same.claim_ms = claim;
    same.renewed = renewed;
  });
  holder.ttl_ms = ttl_ms;
  holder.claim_ms = 0;
  holder.renewed = store_.TakeRevision();
  Tell(name, {.kind = LockEventKind::kRenewed,
              .token = token,
              .renewed = holder.renewed,
              .ttl_ms = holder.ttl_ms});
}

void LockTable::EndDelay(int db, std::string_view name) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  const Revision token = place->second.delay.token;
  CHECK(token != 0);
  store_.TakeRevision();
  SetDelay(place, {});
  Tell(place->first, {.kind = LockEventKind::kDelayOver, .token = token});
  TakeIfUnused(place);
}

// ---- the queue ----

Revision LockTable::Enqueue(int db, std::string_view name, const LockRequest& request,
                            int64_t ticket_ms, const WaitId& wait) {
  const Place place = RowFor({db, std::string(name)}, request);
  CHECK(place->second.queue.size() < kLockTicketsMax);
  CHECK((ticket_ms == 0) == (wait.owner.node != 0));
  const Revision number = store_.TakeRevision();
  AddTicket(place, number,
            {.owner = std::string(request.owner),
             .lease_id = std::string(request.lease_id),
             .ttl_ms = request.ttl_ms,
             .shared = request.shared,
             .delay_ms = request.delay_ms,
             .ticket_ms = ticket_ms,
             .wait = wait,
             .since_ms = Now()});
  Tell(place->first, {.kind = LockEventKind::kQueued, .token = number, .ttl_ms = ticket_ms});
  return number;
}

void LockTable::KeepTicket(int db, std::string_view name, Revision number) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  LockTicket ticket = RemoveTicket(place, number);
  ticket.renewed = store_.TakeRevision();
  const int64_t ticket_ms = ticket.ticket_ms;
  const Revision renewed = ticket.renewed;
  AddTicket(place, number, std::move(ticket));
  Tell(place->first, {.kind = LockEventKind::kQueued,
                      .token = number,
                      .renewed = renewed,
                      .ttl_ms = ticket_ms});
}

void LockTable::SetWait(int db, std::string_view name, Revision number, const WaitId& wait) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  LockTicket ticket = RemoveTicket(place, number);
  store_.TakeRevision();
  ticket.wait = wait;
  ticket.ticket_ms = 0;
  AddTicket(place, number, std::move(ticket));
  Tell(place->first, {.kind = LockEventKind::kQueued, .token = number});
}

void LockTable::EndTicket(int db, std::string_view name, Revision number) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  store_.TakeRevision();
  RemoveTicket(place, number);
  Tell(place->first, {.kind = LockEventKind::kUnqueued, .token = number});
  TakeIfUnused(place);
}

void LockTable::SetPresent(const KeyName& name, Revision number, const WaitId& wait,
                           bool present) {
  const Lock* found = Find(name.db, name.name);
  if (found == nullptr || !found->IsWaitedFor(number, wait)) return;
  const Place place = PlaceOf(name);
  if (present) {
    place->second.present.insert(number);
  } else {
    place->second.present.erase(number);
  }
  Judge(place->first, place->second);
}

LockTable::Handed LockTable::HandOver(const KeyName& ready) {
  const Place place = PlaceOf(ready);
  Lock& lock = place->second;
  CHECK(!lock.present.empty());
  Revision number = *lock.present.begin();
  if (Planted(Bug::kLockLastComeFirst)) {
    const Revision last = *lock.present.rbegin();
    if (lock.queue.Find(last)->shared == lock.queue.Find(number)->shared) number = last;
  }
  Handed handed{.token = store_.TakeRevision(), .ticket = RemoveTicket(place, number)};
  const LockTicket& ticket = handed.ticket;
  CHECK(lock.Grantable(ticket.shared));
  LockHolder holder{.token = handed.token,
                    .owner = ticket.owner,
                    .lease_id = ticket.lease_id,
                    .ttl_ms = ticket.ttl_ms,
                    .shared = ticket.shared,
                    .delay_ms = ticket.delay_ms,
                    .ticket = number,
                    .claim_ms = ticket.ticket_ms,
                    .since_ms = Now()};
  const int64_t timer_ms = holder.timer_ms();
  AddHolder(place, std::move(holder));
  Tell(place->first, {.kind = LockEventKind::kUnqueued, .token = number});
  Tell(place->first,
       {.kind = LockEventKind::kGranted,
        .token = handed.token,
        .ttl_ms = timer_ms,
        .ticket = number},
       ticket.owner);
  return handed;
}

void LockTable::EndWithLease(const KeyName& name, Revision part, bool expired) {
  const Place place = PlaceOf(name);
  if (place->second.Find(part) != nullptr)
    return End(name.db, name.name, part,
               expired ? LockEventKind::kExpired : LockEventKind::kReleased);
  const LockTicket* ticket = place->second.queue.Find(part);
  CHECK(ticket != nullptr);
  if (ticket->waits())
    Tell(name, {.kind = LockEventKind::kWaitedInVain, .token = part, .wait = ticket->wait});
  EndTicket(name.db, name.name, part);
}

// ---- parts ----

void LockTable::Tell(const KeyName& name, LockEvent event, std::string_view owner) {
  event.db = name.db;
  store_.Tell({.kind = HeldEvent::Kind::kLock,
               .key = name.name,
               .lock = event,
               .owner = std::string(owner)});
}

void LockTable::AddHolder(Place place, LockHolder holder) {
  WriteAhead(place->first, place->second);
  const Revision token = holder.token;
  CHECK(PutHolder(place->first, place->second, std::move(holder)));
  AddUndo([this, name = place->first, token] {
    const Place same = PlaceOf(name);
    PickHolder(same->first, same->second, token);
  });
}

LockHolder LockTable::RemoveHolder(Place place, Revision token) {
  WriteAhead(place->first, place->second);
  LockHolder gone = PickHolder(place->first, place->second, token);
  AddUndo([this, name = place->first, gone] {
    const Place same = PlaceOf(name);
    CHECK(PutHolder(same->first, same->second, gone));
  });
  return gone;
}

void LockTable::AddTicket(Place place, Revision number, LockTicket ticket) {
  WriteAhead(place->first, place->second);
  CHECK(PutTicket(place->first, place->second, number, std::move(ticket)));
  AddUndo([this, name = place->first, number] {
    const Place same = PlaceOf(name);
    PickTicket(same->first, same->second, number);
  });
}

LockTicket LockTable::RemoveTicket(Place place, Revision number) {
  WriteAhead(place->first, place->second);
  const bool present = place->second.present.contains(number);
  LockTicket gone = PickTicket(place->first, place->second, number);
  AddUndo([this, name = place->first, number, gone, present] {
    const Place same = PlaceOf(name);
    CHECK(PutTicket(same->first, same->second, number, gone));
    if (present && gone.waits()) SetPresent(same->first, number, gone.wait, true);
  });
  return gone;
}

void LockTable::SetDelay(Place place, LockDelay delay) {
  WriteAhead(place->first, place->second);
  const LockDelay before = std::exchange(place->second.delay, delay);
  Judge(place->first, place->second);
  AddUndo([this, name = place->first, before] {
    const Place same = PlaceOf(name);
    same->second.delay = before;
    Judge(same->first, same->second);
  });
}

bool LockTable::PutHolder(const KeyName& name, Lock& lock, LockHolder holder) {
  const Revision token = holder.token;
  if (!LinkPart(name, lock, token, holder.owner, holder.lease_id)) return false;
  if (holder.ticket != 0 && !lock.granted.emplace(holder.ticket, token).second) return false;
  held_ += lock.held() ? 0 : 1;
  const bool added = lock.holders.emplace(token, std::move(holder)).second;
  Judge(name, lock);
  return added;
}

LockHolder LockTable::PickHolder(const KeyName& name, Lock& lock, Revision token) {
  const auto it = lock.holders.find(token);
  CHECK(it != lock.holders.end());
  LockHolder gone = std::move(it->second);
  lock.holders.erase(it);
  held_ -= lock.held() ? 0 : 1;
  if (gone.ticket != 0) lock.granted.erase(gone.ticket);
  UnlinkPart(name, lock, token, gone.owner, gone.lease_id);
  Judge(name, lock);
  return gone;
}

bool LockTable::PutTicket(const KeyName& name, Lock& lock, Revision number, LockTicket ticket) {
  if (!LinkPart(name, lock, number, ticket.owner, ticket.lease_id)) return false;
  tickets_++;
  if (!ticket.waits()) lock.present.insert(number);
  const bool added = lock.queue.Put(number, std::move(ticket));
  Judge(name, lock);
  return added;
}

LockTicket LockTable::PickTicket(const KeyName& name, Lock& lock, Revision number) {
  LockTicket gone = lock.queue.Take(number);
  tickets_--;
  lock.present.erase(number);
  UnlinkPart(name, lock, number, gone.owner, gone.lease_id);
  Judge(name, lock);
  return gone;
}

bool LockTable::LinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                         std::string_view lease_id) {
  used_bytes_ += PartBytes(owner, lease_id);
  if (!owner.empty() && !lock.by_owner.emplace(std::string(owner), part).second) return false;
  if (!lease_id.empty()) LeasesOf(store_).LinkLock(lease_id, {name, part});
  return true;
}

void LockTable::UnlinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                           std::string_view lease_id) {
  used_bytes_ -= PartBytes(owner, lease_id);
  if (!owner.empty()) lock.by_owner.erase(lock.by_owner.find(owner));
  if (!lease_id.empty()) LeasesOf(store_).UnlinkLock(lease_id, {name, part});
}

void LockTable::Judge(const KeyName& name, Lock& lock) {
  const bool guards = lock.guards();
  if (guards != lock.counted_as_guard) {
    lock.counted_as_guard = guards;
    guards ? guard_count_++ : guard_count_--;
    guards ? guards_per_db_[name.db]++ : guards_per_db_[name.db]--;
  }
  const bool ready = !lock.present.empty() &&
                     lock.Grantable(lock.queue.Find(*lock.present.begin())->shared);
  if (ready) {
    ready_.insert(name);
  } else if (!ready_.empty()) {
    ready_.erase(name);
  }
}

// ---- rows ----

namespace {

constexpr size_t kRowBytes = 300;

}  // namespace

// A row that is loaded comes with its parts; any other gets them afterwards.
bool LockTable::Link(const KeyName& name, Lock& lock) {
  used_bytes_ += kRowBytes + 2 * name.name.size();
  if (!lock.used()) return true;
  const auto holders = std::exchange(lock.holders, {});
  const LockQueue queue = std::exchange(lock.queue, {});
  for (const auto& [token, holder] : holders)
    if (!PutHolder(name, lock, holder)) return false;
  bool good = true;
  queue.ForEach([&](Revision number, const LockTicket& ticket) {
    return good = PutTicket(name, lock, number, ticket);
  });
  Judge(name, lock);
  return good;
}

void LockTable::Unlink(const KeyName& name, const Lock& lock) {
  CHECK(!lock.used());
  used_bytes_ -= kRowBytes + 2 * name.name.size();
}

void LockTable::EncodeRow(const KeyName& name, const Lock& lock, std::string* out) const {
  Writer w(out);
  w.Varint(static_cast<uint64_t>(name.db));
  w.Bytes(name.name);
  const bool more = HasMore(lock);
  w.U8(static_cast<uint8_t>((lock.advisory ? kAdvisoryBit : 0) | (more ? kMoreBit : 0)));
  w.Varint(lock.holders.size());
  for (const auto& [token, holder] : lock.holders) WriteHolder(holder, w);
  if (more) WriteMore(lock, w);
}

Result<std::pair<KeyName, Lock>> LockTable::DecodeRow(Reader* in) const {
  Reader& r = *in;
  const uint64_t db = r.Varint();
  KeyName name{static_cast<int>(db), std::string(r.Bytes())};
  Lock lock;
  const uint8_t bits = r.U8();
  lock.advisory = (bits & kAdvisoryBit) != 0;
  bool unknown_lease = false;
  const auto knows = [this, &unknown_lease](const std::string& lease_id) {
    if (!lease_id.empty() && LeasesOf(store_).Find(lease_id) == nullptr) unknown_lease = true;
  };
  for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
    LockHolder holder = ReadHolder(r);
    knows(holder.lease_id);
    lock.holders.emplace(holder.token, std::move(holder));
  }
  if ((bits & kMoreBit) != 0) {
    lock.limit = static_cast<uint32_t>(r.Varint());
    lock.delay.token = r.Varint();
    lock.delay.ms = static_cast<int64_t>(r.Varint());
    for (auto& [token, holder] : lock.holders) ReadMoreOfHolder(r, &holder);
    for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
      const Revision number = r.Varint();
      LockTicket ticket = ReadTicket(r);
      knows(ticket.lease_id);
      if (!lock.queue.Put(number, std::move(ticket))) return Fail(Errc::kCorruption, "snapshot: a ticket twice");
    }
  }
  if (unknown_lease) return Fail(Errc::kCorruption, "snapshot: a lock of an unknown lease");
  if (!r.ok() || db >= kDatabases || !lock.used() || lock.limit == 0)
    return Fail(Errc::kCorruption, "snapshot: a lock");
  return std::pair(std::move(name), std::move(lock));
}

uint64_t LockTable::RowDigest(const KeyName& name, const Lock& lock) const {
  Digester d(Digester::kLock);
  d.Number(static_cast<uint64_t>(name.db));
  d.Bytes(name.name);
  d.Number(lock.advisory);
  for (const auto& [token, holder] : lock.holders) {
    d.Number(holder.token);
    d.Bytes(holder.owner);
    d.Bytes(holder.lease_id);
    d.Number(static_cast<uint64_t>(holder.ttl_ms));
    d.Number(holder.renewed);
  }
  if (HasMore(lock)) {
    std::string more;
    Writer w(&more);
    WriteMore(lock, w);
    d.Bytes(more);
  }
  return d.sum();
}

std::unique_ptr<SlicedFree> LockTable::Clear() {
  used_bytes_ = held_ = tickets_ = guard_count_ = 0;
  for (size_t& guards : guards_per_db_) guards = 0;
  ready_.clear();
  return FreedInSlices(SetRowsAside());
}

}  // namespace clustron::store

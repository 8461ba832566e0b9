#include "store/tables/lock_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_row.h"

namespace clustron::store {

namespace {

int64_t Since(const LockTable& locks, const Store& store) {
  return locks.keeps_age() ? store.elapsed_ms() : 0;
}

}  // namespace

// ---- reading ----

const Lock* LockTable::Find(int db, std::string_view name) const {
  if (empty()) return nullptr;
  const auto it = rows().find(KeyName{db, std::string(name)});
  return it == rows().end() ? nullptr : &it->second;
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

bool LockTable::TakenInThisItem(int db, std::string_view name) const {
  const Revision revision = store_.ItemRevision();
  return revision != 0 && taken_at_ == revision && taken_.contains(KeyName{db, std::string(name)});
}

// The number of a grant or ticket. Not of programs that gave it twice.
Revision LockTable::TakeNumber(const KeyName& name) {
  const Revision number = store_.TakeRevision();
  if (!keeps_age_) return number;
  if (std::exchange(taken_at_, number) != number) taken_.clear();
  if (taken_.insert(name).second) AddUndo([this, name] { taken_.erase(name); });
  return number;
}

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
  const Revision token = TakeNumber(place->first);
  AddHolder(place, {.token = token,
                    .owner = std::string(request.owner),
                    .lease_id = std::string(request.lease_id),
                    .ttl_ms = request.ttl_ms,
                    .shared = request.shared,
                    .delay_ms = request.delay_ms,
                    .since_ms = Since(*this, store_)});
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
    Tell(place->first, {.kind = LockEventKind::kDelayed, .token = delay.token, .ttl_ms = delay.ms});
  }
  TakeIfUnused(place);
}

void LockTable::Renew(int db, std::string_view of, Revision token, int64_t ttl_ms) {
  const Place place = PlaceOf(KeyName{db, std::string(of)});
  const KeyName& name = place->first;
  LockHolder& holder = place->second.holders.at(token);
  WriteAhead(name, place->second);
  AddUndo(
      [this, name, token, ttl = holder.ttl_ms, claim = holder.claim_ms, renewed = holder.renewed] {
        LockHolder& same = PlaceOf(name)->second.holders.at(token);
        same.ttl_ms = ttl;
        same.claim_ms = claim;
        same.renewed = renewed;
      });
  holder.ttl_ms = std::max(holder.ttl_ms, ttl_ms);
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
  const Revision number = TakeNumber(place->first);
  AddTicket(place, number,
            {.owner = std::string(request.owner),
             .lease_id = std::string(request.lease_id),
             .ttl_ms = request.ttl_ms,
             .shared = request.shared,
             .delay_ms = request.delay_ms,
             .ticket_ms = ticket_ms,
             .wait = wait,
             .since_ms = Since(*this, store_)});
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
  Tell(place->first,
       {.kind = LockEventKind::kQueued, .token = number, .renewed = renewed, .ttl_ms = ticket_ms});
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

void LockTable::SetPresent(const KeyName& name, Revision number, const WaitId& wait, bool present) {
  const Lock* found = Find(name.db, name.name);
  if (found == nullptr || !found->IsWaitedFor(number, wait)) return;
  const Place place = PlaceOf(name);
  if (present) {
    place->second.present.insert(number);
  } else {
    place->second.present.erase(number);
  }
  index_.Judge(place->first, place->second);
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
                    .since_ms = Since(*this, store_)};
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
  CHECK(index_.PutHolder(place->first, place->second, std::move(holder)));
  AddUndo([this, name = place->first, token] {
    const Place same = PlaceOf(name);
    index_.PickHolder(same->first, same->second, token);
  });
}

LockHolder LockTable::RemoveHolder(Place place, Revision token) {
  WriteAhead(place->first, place->second);
  LockHolder gone = index_.PickHolder(place->first, place->second, token);
  AddUndo([this, name = place->first, gone] {
    const Place same = PlaceOf(name);
    CHECK(index_.PutHolder(same->first, same->second, gone));
  });
  return gone;
}

void LockTable::AddTicket(Place place, Revision number, LockTicket ticket) {
  WriteAhead(place->first, place->second);
  CHECK(index_.PutTicket(place->first, place->second, number, std::move(ticket)));
  AddUndo([this, name = place->first, number] {
    const Place same = PlaceOf(name);
    index_.PickTicket(same->first, same->second, number);
  });
}

LockTicket LockTable::RemoveTicket(Place place, Revision number) {
  WriteAhead(place->first, place->second);
  const bool present = place->second.present.contains(number);
  LockTicket gone = index_.PickTicket(place->first, place->second, number);
  AddUndo([this, name = place->first, number, gone, present] {
    const Place same = PlaceOf(name);
    CHECK(index_.PutTicket(same->first, same->second, number, gone));
    if (present && gone.waits()) SetPresent(same->first, number, gone.wait, true);
  });
  return gone;
}

void LockTable::SetDelay(Place place, LockDelay delay) {
  WriteAhead(place->first, place->second);
  const LockDelay before = std::exchange(place->second.delay, delay);
  index_.Judge(place->first, place->second);
  AddUndo([this, name = place->first, before] {
    const Place same = PlaceOf(name);
    same->second.delay = before;
    index_.Judge(same->first, same->second);
  });
}

// ---- rows ----

// A row that is loaded comes with its parts; any other gets them afterwards.
bool LockTable::Link(const KeyName& name, Lock& lock) {
  index_.AddRow(name);
  return !lock.used() || index_.PutAll(name, lock);
}

void LockTable::Unlink(const KeyName& name, const Lock& lock) {
  CHECK(!lock.used());
  index_.RemoveRow(name);
}

void LockTable::EncodeRow(const KeyName& name, const Lock& lock, std::string* out) const {
  EncodeLock(name, lock, out);
}

Result<std::pair<KeyName, Lock>> LockTable::DecodeRow(Reader* in) const {
  return DecodeLock(LeasesOf(store_), in);
}

uint64_t LockTable::RowDigest(const KeyName& name, const Lock& lock) const {
  return LockDigest(name, lock);
}

std::unique_ptr<SlicedFree> LockTable::Clear() {
  index_.Clear();
  return FreedInSlices(SetRowsAside());
}

}  // namespace clustron::store

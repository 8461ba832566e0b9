#include "store/keyspace/store.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "base/rng.h"
#include "store/keyspace/alloc.h"
#include "store/keyspace/garbage.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/key_walk.h"
#include "store/keyspace/table.h"
#include "store/keyspace/time_wheel.h"

namespace clustron::store {

std::string_view ReasonName(Reason reason) {
  static constexpr std::string_view kNames[] = {"cmd", "expire", "lease", "evict", "flush", "txn"};
  return kNames[static_cast<size_t>(reason)];
}

bool Observer::OnPut(const KeyRecord& /*record*/, int /*db*/, Reason /*reason*/, bool /*existed*/) {
  return false;
}

Store::Store(uint64_t seed)
    : seed_(seed),
      touch_(kTouchCells),
      elapsed_wheel_(std::make_unique<TimeWheel>()),
      wall_wheel_(std::make_unique<TimeWheel>()),
      journal_(std::make_unique<Journal>(*this)),
      garbage_(std::make_unique<Garbage>()) {
  for (int db = 0; db < kDatabases; db++) {
    tables_[db] = std::make_unique<Table>(db, seed_);
    table_by_id_[db] = tables_[db].get();
  }
  replicated_ = NewReplicatedTables(*this);
  CHECK(followers_.attachments != nullptr && followers_.labels != nullptr);
  CHECK(followers_.indexes != nullptr);
  ApplySettings();
}

Store::~Store() = default;

void Store::BeginEntry(int64_t elapsed_ms, int64_t wall_ms) {
  CHECK(elapsed_ms >= elapsed_ms_);
  if (wall_ms < wall_ms_) wall_wheel_->GoBack(wall_ms);
  elapsed_ms_ = elapsed_ms;
  wall_ms_ = wall_ms;
}

void Store::ReserveRevisions(Revision at_least) { revision_ = std::max(revision_, at_least); }

// ---- reading ----

bool Store::Due(const KeyRecord& e) const {
#ifdef CLUSTRON_SIM
  if (Planted(Bug::kExpiryByLiveClock)) {
    return e.deadline().DueAt(std::max(elapsed_ms_, live_elapsed_ms),
                              std::max(wall_ms_, live_wall_ms));
  }
#endif
  return e.deadline().DueAt(elapsed_ms_, wall_ms_);
}

uint64_t Store::Hash(std::string_view key) const { return HashBytes(key, seed_); }

const KeyRecord* Store::Find(int db, std::string_view key, uint64_t hash) const {
  const HashIndex::Ref ref = table(db).Find(key, hash);
  if (!ref) return nullptr;
  const KeyRecord* e = Table::EntryAt(ref.payload());
  return e->has_deadline() && Due(*e) ? nullptr : e;
}

void Store::PrefetchBucket(int db, uint64_t hash) const {
  table(db).index().Prefetch(hash);
  if (Hooked(db, Hook::kIndexes)) followers_.indexes->PrefetchBuckets(db, hash);
}
void Store::PrefetchEntry(int db, uint64_t hash) const {
  table(db).index().PrefetchTargets(hash);
  if (Hooked(db, Hook::kIndexes)) followers_.indexes->PrefetchKeys(db, hash);
}

Deadline Store::RelativeDeadline(int64_t ttl_ms) const {
  int64_t now = elapsed_ms_;
#ifdef CLUSTRON_SIM
  if (Planted(Bug::kTtlByLocalClock)) now = live_elapsed_ms;
#endif
  if (ttl_ms >= Deadline::kMaxMs - now) return Deadline::Elapsed(Deadline::kMaxMs);
  return Deadline::Elapsed(now + ttl_ms);
}

size_t Store::Size(int db) const { return table(db).size(); }
size_t Store::KeysWithDeadline(int db) const { return table(db).with_deadline; }

uint64_t Store::ScanImpl(int db, uint64_t cursor, size_t count, Visit visit, void* ctx) const {
  DCHECK(count > 0);
  uint64_t visited = 0;
  const uint64_t next = table(db).Scan(cursor, count, [&](const KeyRecord* e) {
    ++visited;
    if (e->has_deadline() && Due(*e)) return false;
    visit(ctx, *e);
    return true;
  });
  constexpr uint64_t kNs = 100;
  work_.SpendEach(visited, kNs);
  return next;
}

uint64_t Store::Walk(int db, uint64_t cursor, size_t count,
                     const std::function<void(const KeyRecord&)>& visit) const {
  return table(db).Scan(cursor, count, [&](const KeyRecord* e) {
    visit(*e);
    return true;
  });
}

const KeyRecord* Store::RandomKey(int db, uint64_t random) const {
  // One of the next few keys in hash order from a random position: gaps between hashes would make
  // the first of them a poor choice.
  constexpr size_t kWindow = 16;
  std::vector<const KeyRecord*> window;
  const uint64_t start = HashPosition(random);
  uint64_t at = start;
  bool wrapped = false;
  while (window.size() < kWindow && !(wrapped && at >= start)) {
    at = Scan(db, at, kWindow - window.size(), [&](const KeyRecord& e) { window.push_back(&e); });
    if (at == 0) {
      if (wrapped) break;
      wrapped = true;
    }
  }
  if (window.empty()) return nullptr;
  return window[Mix64(random) % window.size()];
}

// ---- WATCH ----

size_t Store::TouchCell(int db, uint64_t hash) {
  return (hash ^ static_cast<uint64_t>(db) * 0x9e3779b1) & (kTouchCells - 1);
}

WatchPoint Store::Watch(int db, std::string_view key) const {
  const KeyRecord* e = Find(db, key);
  return {db, std::string(key), e == nullptr ? 0 : e->revision(), revision_};
}

bool Store::Unchanged(const WatchPoint& point) const {
  const uint64_t hash = Hash(point.key);
  const KeyRecord* e = Find(point.db, point.key, hash);
  if ((e == nullptr ? 0 : e->revision()) != point.key_revision) return false;
  if (touch_[TouchCell(point.db, hash)] > point.store_revision) return false;
  if (flush_touch_[point.db] > point.store_revision) {
    // A flush or swap is nothing to a key that was absent and is, unless it came in between.
    if (e != nullptr || flushed_created_[point.db] > point.store_revision) return false;
  }
  if (e != nullptr) return true;
  // It may have come and be due, without having been removed yet.
  const Table& t = table(point.db);
  const HashIndex::Ref ref = t.Find(point.key, hash);
  return !ref || Table::EntryAt(ref.payload())->revision() <= point.store_revision;
}

void Store::Touch(int db, uint64_t hash) {
  Revision& cell = touch_[TouchCell(db, hash)];
  if (armed(db)) journal_->Add(undo::Touched{TouchCell(db, hash), cell});
  cell = item_revision_;
}

void Store::TouchFlush(int db) {
  if (armed(db)) journal_->Add(undo::FlushTouched{db, flush_touch_[db], flushed_created_[db]});
  flush_touch_[db] = TakeRevision();
  flushed_created_[db] = created_[db];
}

void Store::NoteCreated(int db) {
  const Revision revision = TakeRevision();
  if (created_[db] == revision) return;
  if (armed(db)) journal_->Add(undo::CreatedNoted{db, created_[db]});
  created_[db] = revision;
}

// ---- changing keys ----

void Store::BeforeChange(int db, uint64_t hash, KeyRecord* e) {
  if (e == nullptr) return;
  // What an earlier change of the item has left is not how the item found it.
  if (Hooked(db, Hook::kPrevious) && observer_ != nullptr && e->revision() != item_revision_)
    observer_->BeforeChange(db, *e);
  Table& t = table(db);
  if (!Hooked(db, Hook::kSnapshot) || HashPosition(hash) < t.walked_below) return;
  if (KeyRecordEdit::SnapshotEpoch(*e) != snapshot_epoch_) walk_->BeforeChange(t, *e);
}

void Store::MarkForWalk(const Table& t, uint64_t hash, KeyRecord& e) const {
  KeyRecordEdit::SetSnapshotEpoch(e, HashPosition(hash) >= t.walked_below ? snapshot_epoch_ : 0);
}

void Store::NextSnapshotEpoch() {
  // A walk clears the marks that it passes. Those of walks that ended early are told apart by
  // their number, until all numbers are used up.
  if (epochs_until_reuse_ == 0) {
    REACH("snapshot_epochs_used_up");
    for (const auto& t : tables_) {
      t->index().ForEach(
          [](uint64_t payload) { KeyRecordEdit::SetSnapshotEpoch(*Table::EntryAt(payload), 0); });
    }
    epochs_until_reuse_ = KeyRecordEdit::kSnapshotEpochMax;
  }
  epochs_until_reuse_--;
  snapshot_epoch_ = static_cast<uint8_t>(snapshot_epoch_ % KeyRecordEdit::kSnapshotEpochMax + 1);
}

Mutation Store::Modify(int db, std::string_view key, uint64_t hash) {
  return Mutation(*this, db, key, hash);
}

void Store::Install(int db, uint64_t hash, KeyRecord* old, KeyRecord* now, bool same_value) {
  Table& t = table(db);
  installed_++;
  if (Hooked(db, Hook::kSnapshot)) MarkForWalk(t, hash, *now);
  if (old == nullptr) {
    t.Insert(hash, now);
    NoteCreated(db);
  } else {
    const HashIndex::Ref ref = t.Find(old->key(), hash);
    DCHECK(ref);
    if (old->has_labels() && !now->has_labels()) followers_.labels->Drop(db, old->key());
    t.Replace(ref, now);
  }
  if (armed(db)) {
    journal_->Add(undo::EntryChanged{&t, hash, old, now, same_value});
  } else if (old != nullptr) {
    same_value ? KeyRecordEdit::FreeShell(old) : Discard(old);
  }
}

void Store::Remove(int db, std::string_view key, uint64_t hash) {
  Table& t = table(db);
  const HashIndex::Ref ref = t.Find(key, hash);
  CHECK(ref);
  KeyRecord* e = Table::EntryAt(ref.payload());
  if (e->has_lease()) followers_.attachments->Detach(db, key);
  if (e->has_labels()) followers_.labels->Drop(db, key);
  t.Erase(hash, ref);
  if (armed(db)) {
    journal_->Add(undo::EntryChanged{&t, hash, e, nullptr, false});
  } else {
    Discard(e);
  }
}

void Store::RemoveDue(int db, std::string_view key, uint64_t hash) {
  if ((hooks_[db] & kBeforeHooks) != 0) {
    BeforeChange(db, hash, Table::EntryAt(table(db).Find(key, hash).payload()));
  }
  if (Hooked(db, Hook::kIndexes)) journal_->BeforeIndexed(db, key, hash);
  Remove(db, key, hash);
  if (Hooked(db, Hook::kIndexes)) followers_.indexes->OnKey(db, key, hash, nullptr);
  const Revision revision = TakeRevision();
  Emit({.db = db,
        .key = key,
        .kind = ChangeKind::kDelete,
        .reason = Reason::kExpire,
        .event = {EventClass::kExpired, "expired"},
        .revision = revision});
}

void Store::SetRevision(int db, KeyRecord& e, Revision revision) {
  RecordHead(db, e, true);
  KeyRecordEdit::SetRevision(e, revision);
}

void Store::RecordHead(int db, KeyRecord& e, bool written) {
  if (!armed(db)) return;
  journal_->Add(
      undo::HeadChanged{&e, KeyRecordEdit::Head(e), KeyRecordEdit::DeadlineOf(e).bits(), written});
}

std::vector<const KeyRecord*> Store::WrittenSince(size_t mark) const {
  return journal_->WrittenSince(mark);
}

bool Store::MoveEntry(int from_db, std::string_view from, int to_db, std::string_view to) {
  DCHECK(!mutating_);
  Table& source = table(from_db);
  Table& target = table(to_db);
  const uint64_t from_hash = Hash(from);
  const uint64_t to_hash = Hash(to);
  if (Hooked(from_db, Hook::kIndexes)) journal_->BeforeIndexed(from_db, from, from_hash);
  if (Hooked(to_db, Hook::kIndexes)) journal_->BeforeIndexed(to_db, to, to_hash);
  const HashIndex::Ref to_ref = target.Find(to, to_hash);
  bool replaced = false;
  if (to_ref) {
    KeyRecord* old = Table::EntryAt(to_ref.payload());
    if (old->has_deadline() && Due(*old)) {
      RemoveDue(to_db, to, to_hash);
    } else {
      if ((hooks_[to_db] & kBeforeHooks) != 0) BeforeChange(to_db, to_hash, old);
      Remove(to_db, to, to_hash);
      replaced = true;
    }
  }
  const HashIndex::Ref from_ref = source.Find(from, from_hash);
  CHECK(from_ref);
  KeyRecord* e = Table::EntryAt(from_ref.payload());
  if ((hooks_[from_db] & kBeforeHooks) != 0) BeforeChange(from_db, from_hash, e);
  DeadlineWord word = KeyRecordEdit::DeadlineOf(*e);
  if (word.exists()) word = File(to_db, to_hash, word.deadline(), {});
  KeyRecord* now = KeyRecordEdit::Reshape(*e, to, word);
  KeyRecordEdit::SetRevision(*now, TakeRevision());
  if (Hooked(to_db, Hook::kSnapshot)) MarkForWalk(target, to_hash, *now);
  source.Erase(from_hash, from_ref);
  target.Insert(to_hash, now);
  NoteCreated(to_db);
  if (e->has_lease()) {
    followers_.attachments->Rename({from_db, std::string(from)}, {to_db, std::string(to)});
    if (armed(to_db)) {
      journal_->Add(undo::KeyRenamed{std::make_unique<undo::KeyRenamed::Names>(
          KeyName{from_db, std::string(from)}, KeyName{to_db, std::string(to)})});
    }
  }
  if (e->has_labels()) {
    followers_.labels->Rename({from_db, std::string(from)}, {to_db, std::string(to)});
  }
  if (armed(to_db)) {
    journal_->Add(undo::EntryMoved{&source, from_hash, e, &target, to_hash, now});
  } else {
    KeyRecordEdit::FreeShell(e);
  }
  if (Hooked(from_db, Hook::kIndexes)) {
    followers_.indexes->OnKey(from_db, from, from_hash, nullptr);
  }
  if (Hooked(to_db, Hook::kIndexes)) followers_.indexes->OnKey(to_db, to, to_hash, now);
  Touch(from_db, from_hash);
  Touch(to_db, to_hash);
  return replaced;
}

void Store::Rename(int db, std::string_view from, std::string_view to) {
  DCHECK(from != to);
  const bool replaced = MoveEntry(db, from, db, to);
  EmitMove(
      db, from, {EventClass::kGeneric, "rename_from"},
      {.db = db, .key = to, .event = {EventClass::kGeneric, "rename_to"}, .replaced = replaced});
}

void Store::Move(int from_db, std::string_view key, int to_db) {
  DCHECK(from_db != to_db);
  MoveEntry(from_db, key, to_db, key);
  EmitMove(from_db, key, {EventClass::kGeneric, "move_from"},
           {.db = to_db, .key = key, .event = {EventClass::kGeneric, "move_to"}});
}

void Store::EmitMove(int from_db, std::string_view from, Event left, Change came) {
  if ((hooks_[from_db] & kObserverHooks) != 0) {
    Emit({.db = from_db,
          .key = from,
          .kind = ChangeKind::kDelete,
          .reason = reason_,
          .event = left,
          .revision = item_revision_});
  }
  if ((hooks_[came.db] & kObserverHooks) == 0) return;
  came.reason = reason_;
  came.revision = item_revision_;
  came.created = true;
  came.record = Find(came.db, came.key);
  Emit(came);
}

// Labels come before the commit, so that indexes see the copy with them.
void Store::Copy(const KeyRecord& source, int to_db, std::string_view to, Revision kept,
                 const KeyName* labels_of) {
  const uint64_t hash = Hash(to);
  Mutation m = Modify(to_db, to, hash);
  m.Begin();
  m.value_changed_ = true;
  m.touched_ = true;  // it may come with its end
  if (m.entry_ != nullptr && m.entry_->has_lease()) followers_.attachments->Detach(to_db, to);
  DeadlineWord word = KeyRecordEdit::DeadlineOf(source);
  if (word.exists()) word = File(to_db, hash, word.deadline(), {});
  KeyRecord* now = KeyRecordEdit::Clone(source, to, word);
  KeyRecordEdit::SetLease(*now, false);
  KeyRecordEdit::SetLabels(*now, false);
  m.Install(now, false);  // what was there has gone with its labels
  const bool late = Planted(Bug::kIndexCopyElsewhere) && labels_of && labels_of->db != to_db;
  if (late) m.Commit({EventClass::kGeneric, "copy_to"});
  if (labels_of != nullptr) {
    followers_.labels->Copy(*labels_of, {to_db, std::string(to)});
    KeyRecordEdit::SetLabels(*now, true);
  }
  if (!late) m.Commit({EventClass::kGeneric, "copy_to"});
  if (kept != 0) SetRevision(to_db, *now, kept);
}

void Store::FlushOne(int db) {
  followers_.attachments->DetachAll(db);
  followers_.labels->DropAll(db);
  auto fresh = std::make_unique<Table>(tables_[db]->id(), seed_);
  table_by_id_[fresh->id()] = fresh.get();
  std::unique_ptr<Table> old = std::exchange(tables_[db], std::move(fresh));
  TouchFlush(db);
  if (Hooked(db, Hook::kIndexes)) followers_.indexes->OnFlush(db);
  if (armed(db)) {
    journal_->Add(undo::Flushed{db, std::move(old)});
  } else {
    Discard(std::move(old));
  }
}

void Store::FlushDb(int db) {
  DCHECK(!mutating_);
  FlushOne(db);
  Tell({.kind = HeldEvent::Kind::kFlush, .change = {.db = db, .revision = item_revision_}});
}

void Store::FlushAll() {
  DCHECK(!mutating_);
  for (int db = 0; db < kDatabases; db++) FlushOne(db);
  Tell({.kind = HeldEvent::Kind::kFlush, .change = {.db = -1, .revision = item_revision_}});
}

void Store::SwapTables(int a, int b) {
  std::swap(tables_[a], tables_[b]);
  followers_.attachments->Swap(a, b);
}

void Store::SwapDb(int a, int b) {
  DCHECK(!mutating_);
  TakeRevision();
  if (a != b) {
    SwapTables(a, b);
    if (armed(a)) journal_->Add(undo::Swapped{a, b});
    followers_.labels->Swap(a, b);
    TouchFlush(a);
    TouchFlush(b);
    // To the places of keys that are not there now, those of the other database came.
    if (tables_[a]->size() > 0) NoteCreated(a);
    if (tables_[b]->size() > 0) NoteCreated(b);
  }
  Tell({.kind = HeldEvent::Kind::kSwap,
        .change = {.db = a, .revision = item_revision_},
        .swap_db = b});
}

// ---- expiry ----

DeadlineWord Store::File(int db, uint64_t hash, Deadline deadline, DeadlineWord prior) {
  // Moved later: the record filed for the old deadline will lead to the new one.
  if (prior.exists() && prior.clock() == deadline.clock() && prior.ms() <= deadline.ms()) {
    return DeadlineWord(deadline, prior.epoch());
  }
  const DeadlineWord word(deadline, ++epoch_);
  FileRecord(table(db), hash, word);
  return word;
}

void Store::FileRecord(const Table& t, uint64_t hash, DeadlineWord word) {
  const WheelRecord record{static_cast<uint32_t>(hash >> 32), t.id(), word.epoch()};
  if (word.clock() == ClockKind::kWall) {
    wall_wheel_->Add(wall_ms_, word.ms(), record);
  } else {
    elapsed_wheel_->Add(elapsed_ms_, word.ms(), record);
  }
}

size_t Store::ExpireDue(size_t limit) {
  CHECK(!journal_->armed());
  const size_t removed = ExpireFrom(*elapsed_wheel_, ClockKind::kElapsed, elapsed_ms_, limit);
  return removed + ExpireFrom(*wall_wheel_, ClockKind::kWall, wall_ms_, limit - removed);
}

size_t Store::ExpireFrom(TimeWheel& wheel, ClockKind clock, int64_t now, size_t limit) {
  size_t removed = 0;
  int64_t ms;
  std::vector<WheelRecord> group;
  while (removed < limit && wheel.Peek(now, ms, group)) {
    // By database number, not by the tables' own: these differ in history after a SWAPDB.
    std::array<int, kDatabases> db_of_id{};
    if (group.size() > 1) {
      for (int db = 0; db < kDatabases; db++) db_of_id[tables_[db]->id()] = db;
      std::stable_sort(group.begin(), group.end(), [&](const auto& a, const auto& b) {
        return db_of_id[a.table] < db_of_id[b.table];
      });
    }
    for (const WheelRecord& record : group) {
      removed += ExpireRecord(clock, ms, record, limit - removed);
    }
    // With the limit reached some keys of the group may be left: it is looked at again then.
    if (removed < limit || group.size() == 1) wheel.Consume();
  }
  return removed;
}

size_t Store::ExpireRecord(ClockKind clock, int64_t ms, const WheelRecord& record, size_t limit) {
  Table& t = *table_by_id_[record.table];
  int db = 0;
  while (tables_[db].get() != &t) db++;
  const uint64_t hash_from = static_cast<uint64_t>(record.hash_high) << 32;
  std::vector<KeyRecord*> due;
  t.index().VisitCandidates(hash_from, [&](uint64_t payload) {
    KeyRecord* e = Table::EntryAt(payload);
    const DeadlineWord word = KeyRecordEdit::DeadlineOf(*e);
    if (!word.exists() || word.clock() != clock) return;
    const uint64_t hash = t.Hash(e->key());
    if (hash >> 32 != record.hash_high) return;
    if (word.ms() <= ms) {
      due.push_back(e);
    } else if (word.epoch() == record.epoch) {
      FileRecord(t, hash, word);
    }
  });
  std::sort(due.begin(), due.end(), [&](const KeyRecord* a, const KeyRecord* b) {
    return std::pair(t.Hash(a->key()), a->key()) < std::pair(t.Hash(b->key()), b->key());
  });
  if (due.size() > limit) due.resize(limit);
  for (const KeyRecord* e : due) {
    const std::string key(e->key());
    RemoveDue(db, key, t.Hash(key));
  }
  return due.size();
}

int64_t Store::NextDueElapsedMs() const { return elapsed_wheel_->NextMs(); }
int64_t Store::NextDueWallMs() const { return wall_wheel_->NextMs(); }

void Store::SweepWheel(TimeWheel& wheel, ClockKind clock, size_t budget) {
  wheel.Sweep(budget, [&](const WheelRecord& record) {
    const Table& t = *table_by_id_[record.table];
    bool current = false;
    t.index().VisitCandidates(static_cast<uint64_t>(record.hash_high) << 32, [&](uint64_t payload) {
      const KeyRecord* e = Table::EntryAt(payload);
      const DeadlineWord word = KeyRecordEdit::DeadlineOf(*e);
      current |= word.exists() && word.clock() == clock && word.epoch() == record.epoch &&
                 t.Hash(e->key()) >> 32 == record.hash_high;
    });
    return current;
  });
}

// ---- events ----

void Store::Emit(const Change& change) {
  if (!journal_->armed()) {
    if (observer_ != nullptr) observer_->OnChange(change);
    return;
  }
  Tell({.kind = HeldEvent::Kind::kChange, .key = std::string(change.key), .change = change});
}

void Store::Notify(int db, std::string_view key, Event event) {
  if ((hooks_[db] & kObserverHooks) == 0) return;
  if (!journal_->armed()) {
    if (observer_ != nullptr) observer_->OnNotify(db, key, event);
    return;
  }
  Tell({.kind = HeldEvent::Kind::kNotify,
        .key = std::string(key),
        .change = {.db = db, .event = event}});
}

void Store::Tell(HeldEvent event) {
  if (observer_ == nullptr) return;
  if (journal_->armed()) {
    journal_->Hold(std::move(event));
  } else {
    Deliver(event);
  }
}

void Store::Deliver(const HeldEvent& held) {
  Change change = held.change;
  change.key = held.key;
  switch (held.kind) {
    case HeldEvent::Kind::kChange:
      change.record = Find(change.db, change.key);
      return observer_->OnChange(change);
    case HeldEvent::Kind::kNotify:
      return observer_->OnNotify(change.db, change.key, change.event);
    case HeldEvent::Kind::kFlush:
      return observer_->OnFlush(change.db, change.revision);
    case HeldEvent::Kind::kSwap:
      return observer_->OnSwap(change.db, held.swap_db, change.revision);
    case HeldEvent::Kind::kLease: {
      LeaseEvent event = held.lease;
      event.id = held.key;
      event.owner = held.owner;
      return observer_->OnLease(event);
    }
    case HeldEvent::Kind::kLock: {
      LockEvent event = held.lock;
      event.name = held.key;
      event.owner = held.owner;
      return observer_->OnLock(event);
    }
  }
}

void Store::SetHook(int db, Hook hook, bool on) {
  const auto bit = static_cast<uint8_t>(1U << static_cast<int>(hook));
  hooks_[db] = static_cast<uint8_t>(on ? hooks_[db] | bit : hooks_[db] & ~bit);
}

// ---- all or nothing ----

bool Store::undoable() const { return journal_->armed(); }

void Store::AddUndo(std::move_only_function<void()> undo, bool paid) {
  CHECK(journal_->armed());
  undo::RowChanged record{std::move(undo)};
  paid ? journal_->Add(std::move(record)) : journal_->AddUnpaid(std::move(record));
}

size_t Store::Arm() {
  DCHECK(!mutating_);
  for (int db = 0; db < kDatabases; db++) SetHook(db, Hook::kJournal, true);
  return journal_->Arm();
}

void Store::Disarm(size_t mark) {
  DCHECK(!mutating_);
  if (mark == 0) {
    for (int db = 0; db < kDatabases; db++) SetHook(db, Hook::kJournal, false);
  }
  journal_->Disarm(mark);
}

void Store::Rollback(size_t mark) {
  DCHECK(!mutating_);
  if (mark == 0) {
    for (int db = 0; db < kDatabases; db++) SetHook(db, Hook::kJournal, false);
  }
  journal_->Rollback(mark);
}

// ---- upkeep ----

void Store::Discard(KeyRecord* e) { garbage_->Add(e); }
void Store::Discard(std::unique_ptr<Table> t) {
  if (walk_ != nullptr && walk_->Adopt(t)) return;
  garbage_->Add(std::move(t));
}

bool Store::Upkeep(size_t budget) {
  // What is freed keeps pace with what is put in: else emptying and refilling would take ever more.
  budget += 2 * std::exchange(installed_, 0);
  bool more = garbage_->FreeSome(budget);
  more |= followers_.indexes->FreeSome(budget);
  size_t with_deadline = 0;
  for (const auto& t : tables_) {
    more |= t->Upkeep(budget / 8 + 1);
    with_deadline += t->with_deadline;
  }
  // Stale records of the wheels are dropped when they come up; before they pile up they are looked
  // for.
  constexpr size_t kStaleAllowed = 16'384;
  if (elapsed_wheel_->size() + wall_wheel_->size() > 2 * with_deadline + kStaleAllowed) {
    SweepWheel(*elapsed_wheel_, ClockKind::kElapsed, budget);
    SweepWheel(*wall_wheel_, ClockKind::kWall, budget);
  }
  return more;
}

size_t Store::used_bytes() const {
  size_t sum = allocated_bytes;
  for (const auto& table : replicated_) sum += table->used_bytes();
  return sum;
}

}  // namespace clustron::store

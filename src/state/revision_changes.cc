#include "state/revision_changes.h"

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "store/tables/lease_table.h"
#include "store/types/string/string_value.h"

namespace clustron::state {

using store::Reason;

namespace {

// What of an item's values before is kept while it runs.
constexpr size_t kBeforeBytesMax = 16 << 20;
// An item with more changes leaves no memory behind.
constexpr size_t kChangesKept = 64;

// What is told of a value: the bytes of a string that is short enough.
int64_t ValueOf(const store::KeyRecord& record, std::string_view* value) {
  if (!ValueTypeOf(record).bytes) return WatchEvent::kNotKept;
  const store::StringValue string = StringOf(record);
  if (string.size() > kWatchValueBytes) return WatchEvent::kNotKept;
  thread_local store::Scratch scratch;  // not used: short strings lie in one piece
  *value = string.Bytes(scratch);
  return static_cast<int64_t>(value->size());
}

}  // namespace

// --- What is asked for ---------------------------------------------------------------------------

void RevisionChanges::FollowSettings() {
  const store::Settings& settings = store_.settings();
  const int64_t mode = settings.Number("watches");
  previous_ = mode == 2;
  history_.Configure(mode != 0, static_cast<size_t>(settings.Number("watch-history-size")),
                     store_.revision());
  SetHooks();
}

void RevisionChanges::SetOwnNeeds(bool events, bool previous) {
  own_events_ = events;
  own_previous_ = previous;
  SetHooks();
}

void RevisionChanges::SetHooks() {
  const bool events = wanted_ = history_.active() || own_events_;
  for (int db = 0; db < store::kDatabases; ++db) {
    store_.SetHook(db, store::Hook::kWatches, events);
    store_.SetHook(db, store::Hook::kPrevious, events && (previous_ || own_previous_));
  }
}

// --- While an item runs --------------------------------------------------------------------------

RevisionChanges::Changed& RevisionChanges::Add() {
  if (count_ == changed_.size()) changed_.emplace_back();
  return changed_[count_++];
}

void RevisionChanges::OnChange(const store::Change& change) {
  // A touch may have given the key another record.
  lone_ = nullptr;
  if (change.kind == store::ChangeKind::kTouch) return;
  CHECK(wanted_);
  CHECK(change.revision != 0);
  if (count_ == 0) {
    revision_ = change.revision;
    Changed& only = Add();
    only.db = change.db;
    only.existed = !change.created || change.replaced;
    only.reset = false;
    only.reason = change.reason;
    only.key.assign(change.key);
    only.lease.clear();
    if (change.kind == store::ChangeKind::kPut) lone_ = change.record;
    if (Planted(Bug::kWatchToldEarly)) End(true);
    return;
  }
  CHECK(change.revision == revision_ || Planted(Bug::kWatchUndoneTold));
  if (places_.empty()) {
    for (size_t i = 0; i < count_; ++i)
      if (!changed_[i].reset) places_.emplace(NameView{changed_[i].db, changed_[i].key}, i);
  }
  if (const auto it = places_.find({change.db, change.key}); it != places_.end()) {
    changed_[it->second].reason = change.reason;
    changed_[it->second].lease.clear();
    return;
  }
  Changed& one = Add();
  one = {.db = change.db,
         .existed = !change.created || change.replaced,
         .reason = change.reason,
         .key = std::string(change.key),
         .lease = {}};
  places_.emplace(NameView{one.db, one.key}, count_ - 1);
}

void RevisionChanges::BeforeChange(int db, const store::KeyRecord& record) {
  const auto [it, added] = before_.emplace(Name{db, std::string(record.key())}, Before{});
  if (!added) return;
  std::string_view value;
  const int64_t size = ValueOf(record, &value);
  if (size < 0 || before_bytes_ + value.size() > kBeforeBytesMax) return;
  it->second = {size, std::string(value)};
  before_bytes_ += value.size();
}

// What is left of a database's changes in this item is a part of its reset.
void RevisionChanges::Reset(int db, Reason reason, store::Revision revision) {
  CHECK(count_ == 0 || revision_ == revision || Planted(Bug::kWatchUndoneTold));
  lone_ = nullptr;
  revision_ = revision;
  for (size_t i = 0; i < count_; ++i)
    if (changed_[i].reset && (changed_[i].db == db || changed_[i].db < 0)) return;
  Changed& one = Add();
  one = {.db = db, .reset = true, .reason = reason, .key = {}, .lease = {}};
}

void RevisionChanges::OnFlush(int db, store::Revision revision) {
  Reset(db, Reason::kFlush, revision);
}

void RevisionChanges::OnSwap(int db_a, int db_b, store::Revision revision) {
  if (db_a == db_b) return;
  Reset(db_a, Reason::kCmd, revision);
  Reset(db_b, Reason::kCmd, revision);
}

void RevisionChanges::OnLeaseEnd(std::string_view id) {
  for (size_t i = 0; i < count_; ++i)
    if (changed_[i].reason == Reason::kLease && changed_[i].lease.empty()) changed_[i].lease = id;
}

// --- When it is done -----------------------------------------------------------------------------

void RevisionChanges::AddPrevious(const Changed& changed, WatchEvent* event) {
  const auto it = before_.find(Name{changed.db, changed.key});
  if (it == before_.end()) {
    if (!changed.existed) event->previous_size = WatchEvent::kNone;
    return;
  }
  event->previous_size = it->second.size;
  event->previous = it->second.value;
}

// False: the key came and went.
bool RevisionChanges::AddEvent(const Changed& changed) {
  WatchEvent event{.reason = changed.reason, .db = changed.db, .key = changed.key};
  if (changed.reset) {
    event.kind = WatchKind::kReset;
    events_.push_back(event);
    return true;
  }
  const store::KeyRecord* record = lone_ != nullptr ? lone_ : store_.Find(changed.db, changed.key);
  if (record != nullptr) {
    event.value_size = ValueOf(*record, &event.value);
    if (record->has_lease()) [[unlikely]]
      event.lease = LeasesOf(store_).LeaseOf(changed.db, changed.key)->id;
  } else {
    CHECK(lone_ == nullptr);
    if (!changed.existed) return false;
    event.kind = WatchKind::kDelete;
    event.lease = changed.lease;
  }
  if (!before_.empty()) {
    AddPrevious(changed, &event);
  } else if (!changed.existed) {
    event.previous_size = WatchEvent::kNone;
  }
  events_.push_back(event);
  return true;
}

void RevisionChanges::Tell(bool told) {
  CHECK(revision_ <= store_.revision() || Planted(Bug::kWatchUndoneTold));
  const WatchRevision revision{revision_, events_};
  // What an item did before it began the history is not a part of it.
  if (history_.active()) {
    const bool fresh = revision_ > history_.newest();
    CHECK(fresh || revision_ <= history_.oldest() || Planted(Bug::kWatchToldEarly) ||
          Planted(Bug::kWatchUndoneTold));
    if (fresh) history_.Append(revision);
  }
  if (!told || sink_ == nullptr) return;
  if (Planted(Bug::kWatchTornRevision) && events_.size() > 1) {
    sink_->OnRevision({revision_, revision.events.first(1)});
    return sink_->OnRevision({revision_, revision.events.subspan(1)});
  }
  sink_->OnRevision(revision);
}

void RevisionChanges::End(bool told) {
  if (count_ == 1) {
    events_.clear();
    if (AddEvent(changed_.front())) Tell(told);
    lone_ = nullptr;
    count_ = 0;
    if (!places_.empty()) places_.clear();  // it has changed twice
  } else if (count_ != 0) {
    events_.clear();
    uint32_t reset = 0;  // databases
    bool all = false;
    for (size_t i = 0; i < count_; ++i) {
      if (!changed_[i].reset) continue;
      all |= changed_[i].db < 0;
      reset |= changed_[i].db < 0 ? UINT32_MAX : uint32_t{1} << changed_[i].db;
    }
    // Of a database one reset is told, be it that of all.
    for (size_t i = 0; i < count_; ++i) {
      const Changed& one = changed_[i];
      if (one.reset ? !all || one.db < 0 : (reset >> one.db & 1) == 0) AddEvent(one);
    }
    if (!events_.empty()) Tell(told);
    lone_ = nullptr;
    count_ = 0;
    if (!places_.empty()) places_.clear();
    if (changed_.size() > kChangesKept) std::deque<Changed>().swap(changed_);
  }
  if (before_.empty()) return;
  before_.clear();
  before_bytes_ = 0;
}

}  // namespace clustron::state

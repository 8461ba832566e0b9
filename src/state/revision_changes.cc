#include "state/revision_changes.h"

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "store/keyspace/watch_mode.h"
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

void RevisionChanges::OnSetting() {
  if (store_.ItemRevision() == 0) return FollowSettings();  // the state is another
  settings_changed_ = true;
  history_.AllowShort(false);
}

void RevisionChanges::FollowSettings() {
  CHECK(!any_change());
  settings_changed_ = false;
  const store::Settings& settings = store_.settings();
  const auto mode = static_cast<store::WatchMode>(settings.Number("watches"));
  previous_ = mode == store::WatchMode::kPrevious;
  history_.Configure(mode != store::WatchMode::kOff,
                     static_cast<size_t>(settings.Number("watch-history-size")), store_.revision());
  SetHooks();
}

void RevisionChanges::SetOwnNeeds(bool events, bool previous) {
  own_events_ = events;
  own_previous_ = previous;
  SetHooks();
}

void RevisionChanges::SetOthersHear(bool others) {
  others_hear_ = others;
  if (!any() || others) history_.AllowShort(!others);
}

void RevisionChanges::SetHooks() {
  const bool events = wanted_ = history_.active() || own_events_;
  for (int db = 0; db < store::kDatabases; ++db) {
    store_.SetHook(db, store::Hook::kWatches, events);
    store_.SetHook(db, store::Hook::kPrevious, events && (previous_ || own_previous_));
  }
  if (!any()) history_.AllowShort(!others_hear_);
}

// --- While an item runs --------------------------------------------------------------------------

RevisionChanges::Changed& RevisionChanges::Add() {
  history_.AllowShort(false);
  if (count_ == changed_.size()) changed_.emplace_back();
  return changed_[count_++];
}

// False: it is to be gathered.
bool RevisionChanges::Stage(const store::Change& change) {
  // What an item did before it began the history is not a part of it.
  if (!history_.Takes(change.revision)) return false;
  const store::KeyRecord* record = change.record;
  // Told late it may not be what the item leaves; and the name of a lease that ends comes later.
  const bool put = change.kind == store::ChangeKind::kPut;
  if (put != (record != nullptr) || change.reason == Reason::kLease) return false;
  const bool existed = !change.created || change.replaced;
  history_.Stage(change.revision, EventOf({change.db, change.key}, change.reason, existed, record));
  return true;
}

bool RevisionChanges::StagedIsFollowed() const {
  const std::string_view staged = history_.staged_text();
  return sink_ != nullptr && sink_->Follows(WatchRecordAt(staged, 0).db, WatchKeyAt(staged, 0));
}

void RevisionChanges::Unstage() {
  if (!history_.staged()) return;
  CHECK(count_ == 0);
  revision_ = history_.staged_revision();
  const WatchEvent event = history_.Staged();
  Add() = {.db = event.db,
           .existed = event.previous_size != WatchEvent::kNone,
           .reason = event.reason,
           .key = std::string(event.key),
           .lease = {}};
  history_.DropStaged();
}

void RevisionChanges::OnChange(const store::Change& change) {
  const bool touch = change.kind == store::ChangeKind::kTouch;
  if (!any_change() && !touch && Stage(change)) {
    if (Planted(Bug::kWatchToldEarly)) End(true);
    return;
  }
  // A touch may have given the key another lease.
  Unstage();
  if (touch) return;
  CHECK(wanted_);
  CHECK(change.revision != 0);
  CHECK(count_ == 0 || change.revision == revision_ || Planted(Bug::kWatchUndoneTold));
  if (count_ == 0) revision_ = change.revision;
  // One that is there may be of this key.
  if (places_.empty()) {
    for (size_t i = 0; i < count_; ++i)
      if (!changed_[i].reset) places_.Add(HashOf(changed_[i].db, changed_[i].key), i);
  }
  const uint64_t hash = HashOf(change.db, change.key);
  const size_t place = places_.Find(hash, [&](size_t at) {
    return changed_[at].db == change.db && changed_[at].key == change.key;
  });
  if (place != ChangePlaces::kNone) {
    changed_[place].reason = change.reason;
    changed_[place].lease.clear();
    return;
  }
  Changed& one = Add();
  one = {.db = change.db,
         .existed = !change.created || change.replaced,
         .reason = change.reason,
         .key = std::string(change.key),
         .lease = {}};
  places_.Add(hash, count_ - 1);
  if (count_ == 1 && Planted(Bug::kWatchToldEarly)) End(true);
}

void RevisionChanges::BeforeChange(int db, const store::KeyRecord& record) {
  history_.AllowShort(false);
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
  Unstage();
  CHECK(count_ == 0 || revision_ == revision || Planted(Bug::kWatchUndoneTold));
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

void RevisionChanges::AddPrevious(const NameView& name, bool existed, WatchEvent* event) const {
  const auto it = before_.find(Name{name.db, std::string(name.key)});
  if (it == before_.end()) {
    if (!existed) event->previous_size = WatchEvent::kNone;
    return;
  }
  event->previous_size = it->second.size;
  event->previous = it->second.value;
}

// Of a key as it is now; `record` null: it is gone.
WatchEvent RevisionChanges::EventOf(const NameView& name, Reason reason, bool existed,
                                    const store::KeyRecord* record) const {
  WatchEvent event{.reason = reason, .db = name.db, .key = name.key};
  if (record == nullptr) {
    event.kind = WatchKind::kDelete;
  } else {
    event.value_size = ValueOf(*record, &event.value);
    if (record->has_lease()) event.lease = LeasesOf(store_).LeaseOf(name.db, name.key)->id;
  }
  if (!before_.empty()) {
    AddPrevious(name, existed, &event);
  } else if (!existed) {
    event.previous_size = WatchEvent::kNone;
  }
  return event;
}

void RevisionChanges::AddEvent(const Changed& changed) {
  if (changed.reset) {
    events_.push_back({.kind = WatchKind::kReset, .reason = changed.reason, .db = changed.db});
    return;
  }
  const store::KeyRecord* record = store_.Find(changed.db, changed.key);
  // It came and went.
  if (record == nullptr && !changed.existed) return;
  WatchEvent event = EventOf({changed.db, changed.key}, changed.reason, changed.existed, record);
  if (record == nullptr) event.lease = changed.lease;
  events_.push_back(event);
}

void RevisionChanges::Tell(WatchSink* listener) {
  CHECK(revision_ <= store_.revision() || Planted(Bug::kWatchUndoneTold));
  const WatchRevision revision{revision_, events_};
  // What an item did before it began the history is not a part of it.
  if (history_.active()) {
    const bool fresh = history_.Takes(revision_);
    CHECK(fresh || revision_ <= history_.oldest() || Planted(Bug::kWatchToldEarly) ||
          Planted(Bug::kWatchUndoneTold));
    if (fresh) history_.Append(revision);
  }
  if (listener == nullptr) return;
  if (Planted(Bug::kWatchTornRevision) && events_.size() > 1) {
    listener->OnRevision({revision_, revision.events.first(1)});
    return listener->OnRevision({revision_, revision.events.subspan(1)});
  }
  listener->OnRevision(revision);
}

void RevisionChanges::EndStaged(WatchSink* listener) {
  CHECK(count_ == 0);
  const store::Revision revision = history_.staged_revision();
  CHECK(revision <= store_.revision() || Planted(Bug::kWatchUndoneTold));
  if (listener == nullptr) return EndShort();
  const WatchEvent event = history_.Staged();
  history_.Publish();
  listener->OnRevision({revision, {&event, 1}});
  history_.Trim();
}

void RevisionChanges::EndGathered(WatchSink* listener) {
  events_.clear();
  events_.reserve(count_);
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
  if (!events_.empty()) Tell(listener);
  count_ = 0;
  places_.Clear();
  if (changed_.size() <= kChangesKept) return;
  std::deque<Changed>().swap(changed_);
  std::vector<WatchEvent>().swap(events_);
}

void RevisionChanges::End(bool told) {
  WatchSink* const listener = told && own_events_ ? sink_ : nullptr;
  if (history_.staged()) {
    EndStaged(listener);
  } else if (count_ != 0) {
    EndGathered(listener);
  }
  if (settings_changed_) FollowSettings();
  if (!before_.empty()) {
    before_.clear();
    before_bytes_ = 0;
  }
  history_.AllowShort(!others_hear_);
}

}  // namespace clustron::state

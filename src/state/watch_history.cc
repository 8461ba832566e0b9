#include "state/watch_history.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "store/keyspace/store.h"

namespace clustron::state {

using store::Revision;

namespace {

// A snapshot's section: a head (version, oldest and newest revision, lost ranges), then records.
constexpr uint8_t kHeadVersion = 1;
constexpr size_t kPieceBytes = 64 << 10;
// A key has 512 MB at most.
constexpr size_t kRecordBytesMax = 600 << 20;
// Of a history that is small segments are, too: what is evicted is one.
constexpr size_t kSegmentsLeast = 8;
constexpr size_t kSegmentBytesLeast = 512;
// Crashes of a node alone; of more the oldest are answered as what has left the ring.
constexpr size_t kLostRangesMax = 64;
// A slice of a search: the segments whose index is to be built, and those looked at.
constexpr size_t kIndexedPerStep = 1;
constexpr size_t kLookedAtPerStep = 128;

constexpr uint8_t kDbAll = 255;

size_t Positive(int64_t size) { return size > 0 ? static_cast<size_t>(size) : 0; }

WatchRecord HeadAt(std::string_view bytes, size_t at) {
  WatchRecord head;
  std::memcpy(&head, bytes.data() + at, sizeof head);
  return head;
}

size_t SizeOf(const WatchEvent& event) {
  return sizeof(WatchRecord) + event.lease.size() + event.key.size() + event.value.size() +
         event.previous.size();
}

size_t SizeOf(const WatchRecord& head) {
  return sizeof head + head.lease_size + head.key_size + Positive(head.value_size) +
         Positive(head.previous_size);
}

std::string_view KeyAt(std::string_view bytes, size_t at) {
  const WatchRecord head = HeadAt(bytes, at);
  return bytes.substr(at + sizeof head + head.lease_size, head.key_size);
}

void AppendRecord(Revision revision, const WatchEvent& event, std::string* out) {
  CHECK(event.lease.size() <= UINT8_MAX);
  CHECK(event.value.size() == Positive(event.value_size));
  CHECK(event.previous.size() == Positive(event.previous_size));
  const WatchRecord head{.revision = revision,
                         .key_size = static_cast<uint32_t>(event.key.size()),
                         .value_size = static_cast<int32_t>(event.value_size),
                         .previous_size = static_cast<int32_t>(event.previous_size),
                         .kind = static_cast<uint8_t>(event.kind),
                         .reason = static_cast<uint8_t>(event.reason),
                         .db = event.db < 0 ? kDbAll : static_cast<uint8_t>(event.db),
                         .lease_size = static_cast<uint8_t>(event.lease.size())};
  // In one step: this is a part of each write.
  const size_t before = out->size();
  const size_t size = before + SizeOf(event);
  // (The library hands on a capacity that may be more.)
  out->resize_and_overwrite(size, [&](char* bytes, size_t) {
    char* at = bytes + before;
    const auto put = [&at](const void* from, size_t part) {
      std::memcpy(at, from, part);
      at += part;
    };
    put(&head, sizeof head);
    if (!event.lease.empty()) put(event.lease.data(), event.lease.size());
    put(event.key.data(), event.key.size());
    if (!event.value.empty()) put(event.value.data(), event.value.size());
    if (!event.previous.empty()) put(event.previous.data(), event.previous.size());
    DCHECK(at == bytes + size);
    return size;
  });
}

std::unexpected<Error> Malformed() {
  return Fail(Errc::kCorruption, "snapshot: the history of watches is malformed");
}

}  // namespace

size_t ReadWatchRecord(std::string_view bytes, size_t at, Revision* revision, WatchEvent* event) {
  if (bytes.size() - at < sizeof(WatchRecord)) return 0;
  const WatchRecord head = HeadAt(bytes, at);
  const size_t size = SizeOf(head);
  const bool known = head.kind <= static_cast<uint8_t>(WatchKind::kReset) &&
                     head.reason <= static_cast<uint8_t>(store::Reason::kTxn) &&
                     (head.db < store::kDatabases || head.db == kDbAll);
  if (!known || bytes.size() - at < size || head.value_size < WatchEvent::kNotKept ||
      head.previous_size < WatchEvent::kNone)
    return 0;
  *revision = head.revision;
  size_t from = at + sizeof head;
  const auto take = [&](size_t part) {
    const std::string_view view = bytes.substr(from, part);
    from += part;
    return view;
  };
  event->kind = static_cast<WatchKind>(head.kind);
  event->reason = static_cast<store::Reason>(head.reason);
  event->db = head.db == kDbAll ? WatchEvent::kAllDbs : head.db;
  event->lease = take(head.lease_size);
  event->key = take(head.key_size);
  event->value = take(Positive(head.value_size));
  event->value_size = head.value_size;
  event->previous = take(Positive(head.previous_size));
  event->previous_size = head.previous_size;
  return at + size;
}

void WatchSegment::BuildIndex() {
  if (std::exchange(indexed, true)) return;
  by_key.reserve(events);
  for (size_t at = 0; at < bytes.size();) {
    const WatchRecord head = HeadAt(bytes, at);
    const bool reset = head.kind == static_cast<uint8_t>(WatchKind::kReset);
    (reset ? resets : by_key).push_back(static_cast<uint32_t>(at));
    at += SizeOf(head);
  }
  std::sort(by_key.begin(), by_key.end(), [&](uint32_t a, uint32_t b) {
    const uint8_t db_a = HeadAt(bytes, a).db;
    const uint8_t db_b = HeadAt(bytes, b).db;
    if (db_a != db_b) return db_a < db_b;
    const int order = KeyAt(bytes, a).compare(KeyAt(bytes, b));
    return order != 0 ? order < 0 : a < b;
  });
}

// --- The ring ------------------------------------------------------------------------------------

void WatchHistory::Configure(bool on, size_t limit, Revision now) {
  on = on && limit > 0;
  if (on != active_) Clear(now);
  active_ = on;
  limit_ = limit;
  Evict();
}

void WatchHistory::Clear(Revision now) {
  segments_.clear();
  lost_.clear();
  bytes_ = 0;
  oldest_ = newest_ = loaded_ = now;
  cut_.clear();
}

// A revision stands in one segment.
WatchSegment& WatchHistory::Room(Revision revision) {
  const size_t most = std::clamp(limit_ / kSegmentsLeast, kSegmentBytesLeast, kSegmentBytes);
  if (segments_.empty() ||
      (segments_.back()->bytes.size() >= most && segments_.back()->last != revision)) {
    if (!segments_.empty()) segments_.back()->full = true;
    segments_.push_back(std::make_shared<WatchSegment>());
    segments_.back()->bytes.reserve(most + most / 8);
  }
  return *segments_.back();
}

void WatchHistory::Put(WatchSegment& segment, Revision revision, const WatchEvent& event) {
  CHECK(revision >= segment.last);
  const size_t before = segment.bytes.size();
  AppendRecord(revision, event, &segment.bytes);
  if (segment.first == 0) segment.first = revision;
  segment.last = revision;
  ++segment.events;
  bytes_ += segment.bytes.size() - before + sizeof(uint32_t);  // its place in the index
}

void WatchHistory::Append(const WatchRevision& revision) {
  CHECK(active_);
  CHECK(!revision.events.empty());
  CHECK(revision.revision > newest_);
  newest_ = revision.revision;
  if (revision.events.size() > 1) {
    size_t size = 0;
    for (const WatchEvent& event : revision.events) size += SizeOf(event);
    if (size > limit_) return Forget();
  }
  WatchSegment& segment = Room(revision.revision);
  for (const WatchEvent& event : revision.events) Put(segment, revision.revision, event);
  if (bytes_ > limit_) Evict();
}

// What came last is too much to be kept, and nothing before it without it.
void WatchHistory::Forget() {
  REACH("revision too large for the watch history");
  segments_.clear();
  bytes_ = 0;
  oldest_ = newest_;
  Evict();
}

void WatchHistory::Evict() {
  while (bytes_ > limit_ && !segments_.empty()) {
    REACH("segment of the watch history evicted");
    const WatchSegment& segment = *segments_.front();
    CHECK(segment.last >= oldest_);
    CHECK(bytes_ >= segment.bytes.size());
    bytes_ -= segment.bytes.size() + segment.events * sizeof(uint32_t);
    oldest_ = segment.last;
    segments_.pop_front();
  }
  while (!lost_.empty() && lost_.front().next <= oldest_) lost_.erase(lost_.begin());
}

bool WatchHistory::Knows(Revision revision, Revision* instead) const {
  *instead = oldest_;
  if (revision < oldest_) return false;
  for (const LostRange& range : lost_) {
    if (revision <= range.last || revision >= range.next) continue;
    *instead = range.next;
    return false;
  }
  return true;
}

void WatchHistory::NoteLost(Revision last, Revision next) {
  if (!active_ || next <= last + 1) return;
  lost_.push_back({last, next});
  if (lost_.size() <= kLostRangesMax) return;
  while (!segments_.empty() && segments_.front()->first <= lost_.front().next) {
    bytes_ -= segments_.front()->bytes.size() + segments_.front()->events * sizeof(uint32_t);
    oldest_ = segments_.front()->last;
    segments_.pop_front();
  }
  oldest_ = std::max(oldest_, lost_.front().next);
  lost_.erase(lost_.begin());
}

// --- Snapshots -----------------------------------------------------------------------------------

std::unique_ptr<WatchHistory::Image> WatchHistory::Capture() const {
  if (!active_) return nullptr;
  std::string bytes;
  Writer head(&bytes);
  head.U8(kHeadVersion);
  head.U64(oldest_);
  head.U64(newest_);
  head.Varint(lost_.size());
  for (const LostRange& range : lost_) {
    head.U64(range.last);
    head.U64(range.next);
  }
  std::vector<Image::Part> parts;
  for (const auto& segment : segments_) parts.push_back({segment, segment->bytes.size()});
  return std::make_unique<Image>(std::move(bytes), std::move(parts));
}

bool WatchHistory::Image::Next(std::string* piece) {
  if (!head_.empty()) {
    *piece = std::exchange(head_, {});
    return true;
  }
  if (part_ == parts_.size()) return false;
  const Part& part = parts_[part_];
  CHECK(at_ < part.end);
  CHECK(part.end <= part.segment->bytes.size());
  const size_t size = std::min(part.end - at_, kPieceBytes);
  piece->assign(part.segment->bytes, at_, size);
  at_ += size;
  if (at_ == part.end) {
    parts_[part_++].segment.reset();
    at_ = 0;
  }
  return true;
}

Status WatchHistory::LoadHead(std::string_view piece) {
  Reader head(piece);
  if (head.U8() != kHeadVersion) return Malformed();
  Clear(head.U64());
  newest_ = head.U64();
  const uint64_t lost = head.Varint();
  for (uint64_t i = 0; i < lost && head.ok(); ++i) {
    const Revision last = head.U64();
    lost_.push_back({last, head.U64()});
  }
  load_ = Load::kEvents;
  return head.Done() && newest_ >= oldest_ && lost <= kLostRangesMax ? Status() : Malformed();
}

Status WatchHistory::LoadPiece(std::string_view piece, bool keep) {
  if (!active_ || load_ == Load::kNone) return Malformed();
  if (load_ == Load::kHead) return LoadHead(piece);
  // Records may stand across pieces.
  cut_.append(piece);
  size_t at = 0;
  while (cut_.size() - at >= sizeof(WatchRecord)) {
    if (SizeOf(HeadAt(cut_, at)) > kRecordBytesMax) return Malformed();
    if (SizeOf(HeadAt(cut_, at)) > cut_.size() - at) break;
    Revision revision = 0;
    WatchEvent event;
    at = ReadWatchRecord(cut_, at, &revision, &event);
    if (at == 0 || revision < loaded_ || revision <= oldest_ || revision > newest_)
      return Malformed();
    loaded_ = revision;
    if (!keep || (Planted(Bug::kWatchRevisionMissing) && revision % 5 == 0)) continue;
    Put(Room(revision), revision, event);
  }
  cut_.erase(0, at);
  if (bytes_ > limit_) Evict();
  return {};
}

Status WatchHistory::EndLoad(Revision now) {
  // A snapshot without one: it begins here.
  if (load_ == Load::kHead && active_) Clear(now);
  const bool whole = cut_.empty() && (!active_ || newest_ <= now);
  cut_ = {};
  load_ = Load::kNone;
  return whole ? Status() : Malformed();
}

// --- Search --------------------------------------------------------------------------------------

bool WatchSearch::Matches(const WatchEvent& event) const {
  if (!event.OfDb(db_)) return false;
  if (event.kind == WatchKind::kReset) return true;
  return prefix_ ? event.key.starts_with(name_) : event.key == name_;
}

void WatchSearch::Places(const WatchSegment& segment, std::vector<uint32_t>* places) const {
  const std::string_view bytes = segment.bytes;
  if (!segment.indexed) {  // not full yet
    for (size_t at = 0; at < bytes.size();) {
      Revision revision;
      WatchEvent event;
      const size_t next = ReadWatchRecord(bytes, at, &revision, &event);
      CHECK(next != 0);
      if (revision > up_to_ && Matches(event)) places->push_back(static_cast<uint32_t>(at));
      at = next;
    }
    return;
  }
  const auto before = [&](uint32_t place, std::string_view name) {
    const uint8_t db = HeadAt(bytes, place).db;
    return db != db_ ? db < db_ : KeyAt(bytes, place) < name;
  };
  auto it = std::lower_bound(segment.by_key.begin(), segment.by_key.end(), std::string_view(name_),
                             before);
  for (; it != segment.by_key.end() && HeadAt(bytes, *it).db == db_; ++it) {
    const std::string_view key = KeyAt(bytes, *it);
    if (prefix_ ? !key.starts_with(name_) : key != name_) break;
    places->push_back(*it);
  }
  for (const uint32_t place : segment.resets) {
    const uint8_t db = HeadAt(bytes, place).db;
    if (db == db_ || db == kDbAll) places->push_back(place);
  }
  std::sort(places->begin(), places->end());
}

// False: the answer is full.
bool WatchSearch::Take(const WatchSegment& segment) {
  std::vector<uint32_t> places;
  Places(segment, &places);
  for (const uint32_t place : places) {
    const WatchRecord head = HeadAt(segment.bytes, place);
    if (head.revision <= up_to_) continue;
    if (head.revision != taken_) {
      if (revisions_ == limit_ || found_.size() >= kAnswerBytes) return false;
      ++revisions_;
      taken_ = head.revision;
    }
    found_.append(segment.bytes, place, SizeOf(head));
  }
  return true;
}

WatchSearch::Progress WatchSearch::Step(const WatchHistory& history) {
  complete_ = false;
  if (up_to_ < history.oldest()) return Progress::kGone;
  size_t built = 0;
  size_t looked_at = 0;
  // The segments' revisions rise: the first that may have something is found by halving.
  const auto first =
      std::partition_point(history.segments().begin(), history.segments().end(),
                           [&](const auto& segment) { return segment->last <= up_to_; });
  for (auto it = first; it != history.segments().end(); ++it) {
    WatchSegment& segment = **it;
    if (segment.full && !segment.indexed && built++ == kIndexedPerStep) return Progress::kMore;
    if (segment.full) segment.BuildIndex();
    if (looked_at++ == kLookedAtPerStep) return Progress::kMore;
    const bool all = Take(segment);
    up_to_ = all ? segment.last : taken_;
    if (!all) return Progress::kDone;
  }
  up_to_ = std::max(up_to_, history.newest());
  complete_ = true;
  return Progress::kDone;
}

}  // namespace clustron::state

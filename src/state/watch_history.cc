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

constexpr uint8_t kDbAll = WatchRecord::kDbAll;

std::unexpected<Error> Malformed() {
  return Fail(Errc::kCorruption, "snapshot: the history of watches is malformed");
}

}  // namespace

// --- The ring ------------------------------------------------------------------------------------

void WatchHistory::Configure(bool on, size_t limit, Revision now) {
  CHECK(!staged());
  on = on && limit > 0;
  if (on != active_) Clear(now);
  active_ = on;
  limit_ = limit;
  Trim();
}

void WatchHistory::Clear(Revision now) {
  CHECK(!staged());
  DropAll();
  next_.reset();
  lost_.clear();
  oldest_ = newest_ = loaded_ = now;
  cut_.clear();
}

std::shared_ptr<WatchSegment> WatchHistory::NewSegment(size_t bytes) const {
  const size_t most = std::clamp(limit_ / kSegmentsLeast, kSegmentBytesLeast, kSegmentBytes);
  return std::make_shared<WatchSegment>(std::max(most - sizeof(WatchRecord), bytes));
}

// next_ has its place in the ring.
void WatchHistory::PushNext() {
  if (back_ != nullptr) {
    sealed_bytes_ += back_->cost();
    back_->Seal();
  }
  segments_.push_back(std::move(next_));
  back_ = segments_.back().get();
}

// For so many bytes of a revision, which stands in one segment.
WatchSegment& WatchHistory::Room(Revision revision, size_t bytes) {
  if (back_ != nullptr && back_->last() == revision) {
    back_->Grow(bytes);
  } else if (back_ == nullptr || back_->room() < bytes) {
    next_ = NewSegment(bytes);
    PushNext();
  }
  return *back_;
}

void WatchHistory::Put(WatchSegment& segment, Revision revision, const WatchEvent& event) {
  WriteWatchRecord(revision, event, segment.end());
  segment.Add(revision, WatchRecordSize(event));
}

void WatchHistory::Append(const WatchRevision& revision) {
  CHECK(Takes(revision.revision));
  CHECK(!staged());
  CHECK(!revision.events.empty());
  newest_ = revision.revision;
  size_t size = 0;
  for (const WatchEvent& event : revision.events) size += WatchRecordSize(event);
  if (size > limit_ && revision.events.size() > 1) return Forget();
  WatchSegment& segment = Room(revision.revision, size);
  for (const WatchEvent& event : revision.events) Put(segment, revision.revision, event);
  Trim();
}

void WatchHistory::DropAll() {
  segments_.clear();
  back_ = nullptr;
  sealed_bytes_ = 0;
  AllowShort(false);  // StageShort doesn't ask whether there is a segment
}

// What came last is too much to be kept, and nothing before it without it.
void WatchHistory::Forget() {
  REACH("revision too large for the watch history");
  DropAll();
  next_.reset();
  oldest_ = newest_;
  Trim();
}

void WatchHistory::PopFront() {
  const WatchSegment& segment = *segments_.front();
  CHECK(segment.last() >= oldest_);
  oldest_ = segment.last();
  if (segments_.size() == 1) {
    DropAll();
    return;
  }
  CHECK(sealed_bytes_ >= segment.cost());
  sealed_bytes_ -= segment.cost();
  segments_.pop_front();
}

void WatchHistory::Trim() {
  while (!segments_.empty()) {
    const bool one = segments_.size() == 1;
    if ((one ? back_->cost() : sealed_bytes_ + back_->cost_max()) <= limit_) break;
    REACH("segment of the watch history evicted");
    PopFront();
  }
  while (!lost_.empty() && lost_.front().next <= oldest_) lost_.erase(lost_.begin());
}

// --- A revision of one event ---------------------------------------------------------------------

// A segment without an event is not in the ring yet. One that was made for a long event is not
// kept for others: the ring would fill it.
char* WatchHistory::NextRoom(size_t bytes) {
  if (next_ == nullptr || next_->room() < bytes || next_->room() > kSegmentBytes)
    next_ = NewSegment(bytes);
  return next_->end();
}

void WatchHistory::Stage(Revision revision, const WatchEvent& event) {
  CHECK(Takes(revision) && !staged());
  WriteWatchRecord(revision, event, StageRoom(revision, WatchRecordSize(event)));
}

WatchEvent WatchHistory::Staged() const {
  CHECK(staged());
  Revision revision = 0;
  WatchEvent event;
  const size_t end = ReadWatchRecord(staged_text(), 0, &revision, &event);
  CHECK(end == staged_bytes_);
  CHECK(revision == staged_revision_);
  return event;
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
  CHECK(!staged());
  lost_.push_back({last, next});
  if (lost_.size() <= kLostRangesMax) return;
  while (!segments_.empty() && segments_.front()->first() <= lost_.front().next) PopFront();
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
  for (const auto& segment : segments_) parts.push_back({segment, segment->bytes().size()});
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
  CHECK(part.end <= part.segment->bytes().size());
  const size_t size = std::min(part.end - at_, kPieceBytes);
  piece->assign(part.segment->bytes().substr(at_, size));
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
    const size_t size = WatchRecordAt(cut_, at).size();
    if (size > kRecordBytesMax) return Malformed();
    if (size > cut_.size() - at) break;
    Revision revision = 0;
    WatchEvent event;
    at = ReadWatchRecord(cut_, at, &revision, &event);
    if (at == 0 || revision < loaded_ || revision <= oldest_ || revision > newest_)
      return Malformed();
    loaded_ = revision;
    if (!keep || (Planted(Bug::kWatchRevisionMissing) && revision % 5 == 0)) continue;
    Put(Room(revision, size), revision, event);
  }
  cut_.erase(0, at);
  Trim();
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
  const std::string_view bytes = segment.bytes();
  if (!segment.indexed()) {  // not full yet
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
    const uint8_t db = WatchRecordAt(bytes, place).db;
    return db != db_ ? db < db_ : WatchKeyAt(bytes, place) < name;
  };
  auto it = std::lower_bound(segment.by_key().begin(), segment.by_key().end(),
                             std::string_view(name_), before);
  for (; it != segment.by_key().end() && WatchRecordAt(bytes, *it).db == db_; ++it) {
    const std::string_view key = WatchKeyAt(bytes, *it);
    if (prefix_ ? !key.starts_with(name_) : key != name_) break;
    places->push_back(*it);
  }
  for (const uint32_t place : segment.resets()) {
    const uint8_t db = WatchRecordAt(bytes, place).db;
    if (db == db_ || db == kDbAll) places->push_back(place);
  }
  std::sort(places->begin(), places->end());
}

// False: the answer is full.
bool WatchSearch::Take(const WatchSegment& segment) {
  std::vector<uint32_t> places;
  Places(segment, &places);
  for (const uint32_t place : places) {
    const WatchRecord head = WatchRecordAt(segment.bytes(), place);
    if (head.revision <= up_to_) continue;
    if (head.revision != taken_) {
      if (revisions_ == limit_ || found_.size() >= kAnswerBytes) return false;
      ++revisions_;
      taken_ = head.revision;
    }
    found_.append(segment.bytes().substr(place, head.size()));
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
                           [&](const auto& segment) { return segment->last() <= up_to_; });
  for (auto it = first; it != history.segments().end(); ++it) {
    WatchSegment& segment = **it;
    if (segment.full() && !segment.indexed() && built++ == kIndexedPerStep) return Progress::kMore;
    if (segment.full()) segment.BuildIndex();
    if (looked_at++ == kLookedAtPerStep) return Progress::kMore;
    const bool all = Take(segment);
    up_to_ = all ? segment.last() : taken_;
    if (!all) return Progress::kDone;
  }
  up_to_ = std::max(up_to_, history.newest());
  complete_ = true;
  return Progress::kDone;
}

}  // namespace clustron::state

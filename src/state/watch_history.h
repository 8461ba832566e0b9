// The last changes of all keys, for WATCHKEY SINCE: a ring of segments, bounded in bytes, filled by
// apply on every node from the first use of watches in the cluster on, and a section of snapshots.
// It is no part of the digest: a node may have less of it than another.
//
// A segment is a run of events, some 256 KB of bytes. When a search first needs one that is full,
// the segment gets its index: the places of its events by their keys' bytes, so that a key and a
// prefix are both found by halving. An append costs a copy of the event and nothing else.
//
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "state/watch_event.h"

namespace clustron::state {

// An event as it lies in a segment and in a snapshot: this head, numbers in the machine's (little
// endian) order, then lease, key, value and previous value.
struct WatchRecord {
  uint64_t revision;
  uint32_t key_size;
  int32_t value_size;
  int32_t previous_size;
  uint8_t kind;
  uint8_t reason;
  uint8_t db;  // 255: all
  uint8_t lease_size;
};
static_assert(sizeof(WatchRecord) == 24);

// Reads the event at `at`; returns where the next one is, or 0 if it is malformed.
size_t ReadWatchRecord(std::string_view bytes, size_t at, store::Revision* revision,
                       WatchEvent* event);

struct WatchSegment {
  std::string bytes;
  store::Revision first = 0;
  store::Revision last = 0;
  uint32_t events = 0;
  bool full = false;
  bool indexed = false;
  std::vector<uint32_t> by_key;  // places of puts and deletes, by (db, key), then place
  std::vector<uint32_t> resets;  // places of the others

  void BuildIndex();
};

class WatchHistory {
 public:
  static constexpr size_t kSegmentBytes = 256 << 10;

  // `bytes` 0: nothing is kept. What begins anew begins behind `now`.
  void Configure(bool on, size_t bytes, store::Revision now);
  bool active() const { return active_; }
  // REQUIRES: active, and a revision above all before.
  void Append(const WatchRevision& revision);

  // Every change above it is there: the lowest that a search may begin at.
  store::Revision oldest() const { return oldest_; }
  store::Revision newest() const { return newest_; }
  size_t bytes() const { return bytes_; }
  // Whether a search may begin behind `revision`. False also where revisions that were given before
  // a crash are lost; *instead: one that will do.
  bool Knows(store::Revision revision, store::Revision* instead) const;
  // All revisions behind it, as they were appended: void(const WatchRevision&). False, and nothing
  // is called: that would be more than so many bytes.
  template <typename F>
  bool ReplaySince(store::Revision after, size_t bytes_max, F&& f) const;
  // Revisions above `last` and below `next` were given by an earlier process whose changes are
  // lost.
  void NoteLost(store::Revision last, store::Revision next);

  // --- Snapshots
  // The history as it is now, to be written while it goes on. OWNS: a share of the segments.
  class Image {
   public:
    struct Part {
      std::shared_ptr<const WatchSegment> segment;
      size_t end;
    };
    Image(std::string head, std::vector<Part> parts)
        : head_(std::move(head)), parts_(std::move(parts)) {}
    // The next piece, some 64 KB; false: there is none.
    bool Next(std::string* piece);

   private:
    std::string head_;
    std::vector<Part> parts_;
    size_t part_ = 0;
    size_t at_ = 0;
  };
  std::unique_ptr<Image> Capture() const;
  // Before the settings that come with a snapshot.
  void BeginLoad() { load_ = Load::kHead; }
  // A piece of its section, in order; `keep` false: only looked at. kCorruption: it is malformed.
  Status LoadPiece(std::string_view piece, bool keep);
  Status EndLoad(store::Revision now);

  // In order, for searches.
  const std::deque<std::shared_ptr<WatchSegment>>& segments() const { return segments_; }

 private:
  struct LostRange {
    store::Revision last;
    store::Revision next;
  };

  enum class Load : uint8_t { kNone, kHead, kEvents };
  Status LoadHead(std::string_view piece);
  WatchSegment& Room(store::Revision revision);
  void Put(WatchSegment& segment, store::Revision revision, const WatchEvent& event);
  void Forget();
  void Evict();
  void Clear(store::Revision now);

  bool active_ = false;
  size_t limit_ = 0;
  size_t bytes_ = 0;
  store::Revision oldest_ = 0;
  store::Revision newest_ = 0;
  std::deque<std::shared_ptr<WatchSegment>> segments_;
  std::vector<LostRange> lost_;  // rising

  Load load_ = Load::kNone;
  std::string cut_;             // the beginning of a record
  store::Revision loaded_ = 0;  // of the last record
};

// A search for the changes of a key, or of all keys with a prefix, behind a revision: in slices.
class WatchSearch {
 public:
  // What one answer holds, beyond its last revision.
  static constexpr size_t kAnswerBytes = 1 << 20;

  WatchSearch(int db, bool prefix, std::string_view name, store::Revision after, size_t limit)
      : db_(db), prefix_(prefix), name_(name), up_to_(after), limit_(limit) {}

  enum class Progress : uint8_t { kMore, kDone, kGone };
  // Looks at some segments. kDone: everything up to up_to() is found. kGone: the history has lost
  // what it was about to look at.
  Progress Step(const WatchHistory& history);

  // The revision up to which found() is all there is; below the history's newest if the limit was
  // met.
  store::Revision up_to() const { return up_to_; }
  size_t revisions() const { return revisions_; }
  // Everything there is was looked at, and the answer has room for it.
  bool complete() const { return complete_; }
  // void(Revision, const WatchEvent&), in order.
  template <typename F>
  void ForEach(F&& f) const {
    for (size_t at = 0; at < found_.size();) {
      store::Revision revision;
      WatchEvent event;
      at = ReadWatchRecord(found_, at, &revision, &event);
      f(revision, event);
    }
  }

 private:
  bool Matches(const WatchEvent& event) const;
  void Places(const WatchSegment& segment, std::vector<uint32_t>* places) const;
  bool Take(const WatchSegment& segment);

  const int db_;
  const bool prefix_;
  const std::string name_;
  store::Revision up_to_;      // of the segments that are looked at
  store::Revision taken_ = 0;  // the last revision in found_
  const size_t limit_;
  std::string found_;  // records
  size_t revisions_ = 0;
  bool complete_ = false;
};

template <typename F>
bool WatchHistory::ReplaySince(store::Revision after, size_t bytes_max, F&& f) const {
  size_t bytes = 0;
  for (const auto& segment : segments_)
    if (segment->last > after) bytes += segment->bytes.size();
  if (bytes > bytes_max) return false;
  std::vector<WatchEvent> events;
  for (const auto& segment : segments_) {
    store::Revision at_hand = 0;
    for (size_t at = 0; segment->last > after && at < segment->bytes.size();) {
      store::Revision revision = 0;
      WatchEvent event;
      at = ReadWatchRecord(segment->bytes, at, &revision, &event);
      if (revision <= after) continue;
      if (revision != at_hand && !events.empty()) {
        f(WatchRevision{at_hand, events});
        events.clear();
      }
      at_hand = revision;
      events.push_back(event);
    }
    if (!events.empty()) f(WatchRevision{at_hand, events});
    events.clear();
  }
  return true;
}

}  // namespace clustron::state

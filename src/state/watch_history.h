// The last changes of all keys, for WATCHKEY SINCE: a ring of segments, bounded in bytes, filled by
// apply on every node from the first use of watches in the cluster on, and a section of snapshots.
// It is no part of the digest: a node may have less of it than another.
//
// Most revisions are one put of a short string: it is copied from the key's record to the ring's
// end when the change is made, and is a part of the ring when its item is done (Stage, Publish).
//
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "state/watch_event.h"
#include "state/watch_segment.h"

namespace clustron::state {

class WatchHistory {
 public:
  static constexpr size_t kSegmentBytes = 256 << 10;

  // `bytes` 0: nothing is kept. What begins anew begins behind `now`.
  void Configure(bool on, size_t bytes, store::Revision now);
  bool active() const { return active_; }
  // Whether a revision may be put in: it is above all before, and the history is kept.
  bool Takes(store::Revision revision) const { return active_ && revision > newest_; }
  // REQUIRES: it takes the revision, and nothing is staged.
  void Append(const WatchRevision& revision);

  // --- A revision of one event, while its item runs
  // The event is kept behind the ring's end: no search and no snapshot sees it. REQUIRES: as
  // Append.
  void Stage(store::Revision revision, const WatchEvent& event);
  // The same of a put of a string without a lease, in two steps; with the first nothing is staged
  // yet. `existed`: there was another value, which is not kept. Returns what the second step takes,
  // which follows at once or not at all. REQUIRES: TakesShort.
  char* WriteShort(store::Revision revision, store::Reason reason, int db, bool existed) {
    DCHECK(TakesShort(revision));
    DCHECK(Takes(revision));
    DCHECK(!staged());
    char* const to = back_->end();
    WatchRecord::WritePut(revision, static_cast<uint8_t>(reason), static_cast<uint8_t>(db),
                          existed ? WatchEvent::kNotKept : WatchEvent::kNone, to);
    return to;
  }
  // `text` is its key and value, one behind the other. False: the last segment has no room, and
  // nothing is done.
  bool StageShort(store::Revision revision, char* to, std::string_view text, size_t key_size);
  bool staged() const { return staged_bytes_ != 0; }
  // Whether StageShort may be called: one test for a revision above all before, nothing staged, and
  // a segment.
  bool TakesShort(store::Revision revision) const { return revision > staged_revision_; }
  // From here on it may be, or not before it is said again. While something is staged nothing of
  // its item comes with a higher revision.
  void AllowShort(bool allowed) {
    if (!staged()) staged_revision_ = allowed && back_ != nullptr ? newest_ : UINT64_MAX;
  }
  store::Revision staged_revision() const { return staged_revision_; }
  // As it lies there (WatchRecordAt, WatchKeyAt).
  std::string_view staged_text() const {
    DCHECK(staged());
    return {(staged_in_next_ ? next_.get() : back_)->end(), staged_bytes_};
  }
  // Good until DropStaged or, behind Publish, Trim.
  WatchEvent Staged() const;
  void DropStaged() {
    staged_bytes_ = 0;
    staged_long_ = staged_in_next_ = false;
    AllowShort(false);
  }
  // Its item is done: it is the newest of the ring. False: it was not staged in short; Trim and
  // AllowShort follow.
  bool Publish() {
    DCHECK(staged());
    newest_ = staged_revision_;
    const size_t bytes = std::exchange(staged_bytes_, 0);
    if (staged_long_) [[unlikely]] {
      if (staged_in_next_) PushNext();
      back_->Add(newest_, bytes);
      staged_long_ = staged_in_next_ = false;
      return false;
    }
    back_->AddAbove(newest_, bytes);
    return true;
  }
  // What the ring has no room for goes. Room is kept for what fits into the last segment.
  void Trim();

  // Every change above it is there: the lowest that a search may begin at.
  store::Revision oldest() const { return oldest_; }
  store::Revision newest() const { return newest_; }
  size_t bytes() const { return sealed_bytes_ + (back_ != nullptr ? back_->cost() : 0); }
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
  WatchSegment& Room(store::Revision revision, size_t bytes);
  std::shared_ptr<WatchSegment> NewSegment(size_t bytes) const;
  // Where so many bytes may be staged.
  char* StageRoom(store::Revision revision, size_t bytes) {
    DCHECK(Takes(revision));
    DCHECK(!staged());
    staged_revision_ = revision;
    staged_bytes_ = bytes;
    staged_long_ = true;
    staged_in_next_ = back_ == nullptr || back_->room() < bytes;
    return staged_in_next_ ? NextRoom(bytes) : back_->end();
  }
  char* NextRoom(size_t bytes);
  void Put(WatchSegment& segment, store::Revision revision, const WatchEvent& event);
  void PushNext();
  void PopFront();
  void DropAll();
  void Forget();
  void Clear(store::Revision now);

  bool active_ = false;
  size_t limit_ = 0;
  size_t sealed_bytes_ = 0;  // of all segments but the last
  store::Revision oldest_ = 0;
  store::Revision newest_ = 0;
  std::deque<std::shared_ptr<WatchSegment>> segments_;
  WatchSegment* back_ = nullptr;  // the last one; null: there is none
  std::vector<LostRange> lost_;   // rising

  // What is staged stands at the end of the last segment or, by Stage alone, of one that is to
  // come.
  std::shared_ptr<WatchSegment> next_;
  bool staged_in_next_ = false;
  bool staged_long_ = false;                      // not by StageShort
  store::Revision staged_revision_ = UINT64_MAX;  // while nothing is: see TakesShort
  size_t staged_bytes_ = 0;                       // 0: nothing

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
    ForEachFrom(0, SIZE_MAX, f);
  }
  // At most so many from a place on: 0, or what the last call returned.
  template <typename F>
  size_t ForEachFrom(size_t at, size_t most, F&& f) const {
    for (; at < found_.size() && most > 0; --most) {
      store::Revision revision;
      WatchEvent event;
      at = ReadWatchRecord(found_, at, &revision, &event);
      f(revision, event);
    }
    return at;
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

inline bool WatchHistory::StageShort(store::Revision revision, char* to, std::string_view text,
                                     size_t key_size) {
  DCHECK(to == back_->end());
  const size_t bytes = sizeof(WatchRecord) + text.size();
  if (back_->limit() < to + bytes) [[unlikely]]
    return false;
  staged_revision_ = revision;
  staged_bytes_ = bytes;
  WatchRecord::WriteSizes(key_size, text.size() - key_size, to);
  std::memcpy(to + sizeof(WatchRecord), text.data(), text.size());
  return true;
}

template <typename F>
bool WatchHistory::ReplaySince(store::Revision after, size_t bytes_max, F&& f) const {
  size_t bytes = 0;
  for (const auto& segment : segments_)
    if (segment->last() > after) bytes += segment->bytes().size();
  if (bytes > bytes_max) return false;
  std::vector<WatchEvent> events;
  for (const auto& segment : segments_) {
    store::Revision at_hand = 0;
    for (size_t at = 0; segment->last() > after && at < segment->bytes().size();) {
      store::Revision revision = 0;
      WatchEvent event;
      at = ReadWatchRecord(segment->bytes(), at, &revision, &event);
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

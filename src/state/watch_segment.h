// A run of the history's events, in one block of memory, and how an event lies in it: written once,
// at the end, and read where it lies.
//
// When a search first needs a segment that is full, the segment gets its index: the places of its
// events by their keys' bytes, so that a key and a prefix are both found by halving.
//
// All of its memory counts as the store's (store/keyspace/alloc.h), so maxmemory bounds it.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "state/watch_event.h"
#include "store/keyspace/alloc.h"

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
  uint8_t db;  // kDbAll: all
  uint8_t lease_size;

  static constexpr uint8_t kDbAll = 255;

  // The head of a put without a lease and without the value before, field by field where it is to
  // lie (made elsewhere and copied it costs twice as much), and without its sizes. REQUIRES: room
  // for it at `to`.
  static void WritePut(store::Revision revision, uint8_t reason, uint8_t db, int64_t previous_size,
                       char* to) {
    static_assert(static_cast<uint8_t>(WatchKind::kPut) == 0);
    Set(to + offsetof(WatchRecord, revision), revision);
    Set(to + offsetof(WatchRecord, previous_size), static_cast<int32_t>(previous_size));
    Set(to + offsetof(WatchRecord, kind), uint8_t{0});
    Set(to + offsetof(WatchRecord, reason), reason);
    Set(to + offsetof(WatchRecord, db), db);
    Set(to + offsetof(WatchRecord, lease_size), uint8_t{0});
  }

  static void WriteSizes(size_t key_size, size_t value_size, char* to) {
    Set(to + offsetof(WatchRecord, key_size), static_cast<uint32_t>(key_size));
    Set(to + offsetof(WatchRecord, value_size), static_cast<int32_t>(value_size));
  }

  // With what stands behind it.
  size_t size() const {
    return sizeof *this + lease_size + key_size + Positive(value_size) + Positive(previous_size);
  }

 private:
  template <typename T>
  static void Set(char* to, T value) {
    std::memcpy(to, &value, sizeof value);
  }
  static size_t Positive(int32_t size) { return size > 0 ? static_cast<size_t>(size) : 0; }
};
static_assert(sizeof(WatchRecord) == 24);

// Reads the event at `at`; returns where the next one is, or 0 if it is malformed.
size_t ReadWatchRecord(std::string_view bytes, size_t at, store::Revision* revision,
                       WatchEvent* event);
WatchRecord WatchRecordAt(std::string_view bytes, size_t at);
std::string_view WatchKeyAt(std::string_view bytes, size_t at);
size_t WatchRecordSize(const WatchEvent& event);
// REQUIRES: room for WatchRecordSize bytes at `to`.
void WriteWatchRecord(store::Revision revision, const WatchEvent& event, char* to);

class WatchSegment {
 public:
  // Room for so many bytes.
  explicit WatchSegment(size_t bytes);
  ~WatchSegment();
  WatchSegment(const WatchSegment&) = delete;
  WatchSegment& operator=(const WatchSegment&) = delete;

  std::string_view bytes() const { return {data_, size()}; }
  // 0: no events yet.
  store::Revision first() const { return first_; }
  store::Revision last() const { return last_; }
  // What the history counts: the bytes of its events, and their places in the index.
  size_t cost() const { return size() + events_ * sizeof(uint32_t); }
  // What that may come to before the room is used up.
  size_t cost_max() const {
    return cost() + room() + room() / sizeof(WatchRecord) * sizeof(uint32_t);
  }

  // --- Filling
  size_t room() const { return static_cast<size_t>(limit_ - end_); }
  // Where the room ends. The head of one more event has room beyond it.
  const char* limit() const { return limit_; }
  // Room for so many bytes more.
  void Grow(size_t bytes);
  // Behind its events. What is written there is none of them before Add.
  char* end() { return end_; }
  const char* end() const { return end_; }
  // The event of so many bytes that was written there. REQUIRES: room for it; revisions rise.
  void Add(store::Revision revision, size_t bytes) {
    CHECK(revision >= last_);
    if (first_ == 0) first_ = revision;
    AddAbove(revision, bytes);
  }
  // The same where it is known that they rise, and that there are some.
  void AddAbove(store::Revision revision, size_t bytes) {
    DCHECK(first_ != 0);
    DCHECK(revision >= last_);
    DCHECK(bytes <= room());
    DCHECK(!full_);
    last_ = revision;
    end_ += bytes;
    ++events_;
  }
  // Nothing is added any more: room that is left is given back.
  void Seal();
  bool full() const { return full_; }

  // --- Its index
  bool indexed() const { return indexed_; }
  void BuildIndex();
  // Places of puts and deletes, by (db, key), then place; and of the others.
  const std::vector<uint32_t>& by_key() const { return by_key_; }
  const std::vector<uint32_t>& resets() const { return resets_; }

 private:
  size_t size() const { return static_cast<size_t>(end_ - data_); }
  // Of the block.
  size_t capacity() const { return static_cast<size_t>(limit_ - data_) + sizeof(WatchRecord); }
  // To a block with room for so many bytes.
  void Move(size_t bytes);
  static size_t BlockFor(size_t bytes) { return store::AllocSize(bytes + sizeof(WatchRecord)); }

  char* data_;   // OWNS
  char* end_;    // of the events
  char* limit_;  // of the room
  store::Revision first_ = 0;
  store::Revision last_ = 0;
  uint32_t events_ = 0;
  bool full_ = false;
  bool indexed_ = false;
  size_t index_bytes_ = 0;  // as counted
  std::vector<uint32_t> by_key_;
  std::vector<uint32_t> resets_;
};

}  // namespace clustron::state

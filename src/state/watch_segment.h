// A run of the history's events, in one block of memory, and how an event lies in it: written once,
// at the end, and read where it lies.
//
// When a search first needs a segment that is full, the segment gets its index: the places of its
// events by their keys' bytes, so that a key and a prefix are both found by halving.
//
// All of its memory counts as the store's (store/keyspace/alloc.h), so maxmemory bounds it.
// THREAD: core loop.
#pragma once

#include <bit>
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

  // The head of a put without a lease and without the value before, in three steps. REQUIRES: room
  // for it at `to`.
  static void WritePut(store::Revision revision, uint8_t reason, uint8_t db, int64_t previous_size,
                       size_t key_size, size_t value_size, char* to) {
    static_assert(std::endian::native == std::endian::little);
    static_assert(static_cast<uint8_t>(WatchKind::kPut) == 0);
    const uint64_t sizes = key_size | value_size << 32;
    const uint64_t rest =
        static_cast<uint32_t>(previous_size) | uint64_t{reason} << 40 | uint64_t{db} << 48;
    std::memcpy(to, &revision, 8);
    std::memcpy(to + 8, &sizes, 8);
    std::memcpy(to + 16, &rest, 8);
  }

  // With what stands behind it.
  size_t size() const {
    return sizeof *this + lease_size + key_size + Positive(value_size) + Positive(previous_size);
  }

 private:
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

  std::string_view bytes() const { return {data_, size_}; }
  // 0: no events yet.
  store::Revision first() const { return first_; }
  store::Revision last() const { return last_; }
  // What the history counts: the bytes of its events, and their places in the index.
  size_t cost() const { return size_ + events_ * sizeof(uint32_t); }

  // --- Filling
  size_t room() const { return capacity_ - size_; }
  // Room for so many bytes more.
  void Grow(size_t bytes);
  // Behind its events. What is written there is none of them before Add.
  char* end() { return data_ + size_; }
  const char* end() const { return data_ + size_; }
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
    size_ += bytes;
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
  void Move(size_t capacity);

  char* data_;  // OWNS
  size_t size_ = 0;
  size_t capacity_;
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

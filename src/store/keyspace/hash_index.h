// A hash table of 48-bit payloads (pointers, positions) that never stops to rehash.
//
// The bucket of an element is given by the top bits of its 64-bit hash, so buckets are ranges of
// hashes in rising order, at every size: growing splits bucket i into 2i and 2i+1, shrinking joins
// them, a bucket or two with every insert and erase. A position in hash order is therefore a cursor
// that survives any resize, and that another node or a restored copy understands.
//
// A bucket is one cache line: nine one-byte tags (a byte of the hash, never 0), compared at
// once, and nine 6-byte payloads. A full bucket turns its last payload into a link to another one;
// nothing is ever probed elsewhere. At eight elements a bucket on average the table doubles: some
// 10 to 16 bytes an element.
//
// The elements themselves are elsewhere: lookups take an equality test, resizing a function from
// payload to hash. THREAD: core loop.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {

class HashIndex {
 public:
  static constexpr int kSlots = 9;

  struct alignas(64) Bucket {
    uint8_t tags[kSlots];  // 0: free
    uint8_t linked;        // slot 8 is the address of the next bucket of this chain
    uint8_t payloads[54];

    uint64_t Get(int slot) const {
      uint64_t word;  // the 8 bytes that end with the payload: always inside the bucket
      std::memcpy(&word, reinterpret_cast<const char*>(this) + 8 + 6 * slot, 8);
      return word >> 16;
    }
    void Set(int slot, uint64_t payload) { std::memcpy(payloads + 6 * slot, &payload, 6); }
    Bucket* next() const {
      return linked != 0 ? reinterpret_cast<Bucket*>(Get(kSlots - 1)) : nullptr;
    }
    // Bit i: slot i has this tag.
    unsigned Match(uint8_t tag) const {
      const __m128i line = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
      const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(line, wanted))) & 0x1ffU;
    }
    unsigned Used() const { return ~Match(0) & 0x1ffU; }
  };
  static_assert(sizeof(Bucket) == 64);

  // Where an element is; invalid after the next Insert or Erase.
  struct Ref {
    Bucket* bucket = nullptr;
    int slot = 0;
    explicit operator bool() const { return bucket != nullptr; }
    uint64_t payload() const { return bucket->Get(slot); }
  };

  HashIndex() = default;
  ~HashIndex() { Clear(); }
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  size_t size() const { return size_; }

  // Has the bucket's line fetched, without waiting for it. Many calls in a row overlap.
  void Prefetch(uint64_t hash) const {
    if (size_ != 0) FetchAhead(reinterpret_cast<const char*>(BucketOf(hash)));
  }
  // The same of the first lines of what the payloads that may match point to, once the bucket's
  // line has come. REQUIRES: they are addresses.
  void PrefetchTargets(uint64_t hash) const {
    if (size_ == 0) return;
    const Bucket* bucket = BucketOf(hash);
    for (unsigned m = bucket->Match(Tag(hash)); m != 0; m &= m - 1) {
      const char* target = reinterpret_cast<const char*>(bucket->Get(std::countr_zero(m)));
      FetchAhead(target);
      FetchAhead(target + 64);
      FetchAhead(target + 127);
    }
  }

  template <typename Eq>  // bool(uint64_t payload)
  Ref Find(uint64_t hash, Eq&& eq) const {
    if (size_ == 0) return {};
    const uint8_t tag = Tag(hash);
    for (Bucket* b = BucketOf(hash); b != nullptr; b = b->next()) {
      for (unsigned m = b->Match(tag); m != 0; m &= m - 1) {
        const int slot = std::countr_zero(m);
        if (eq(b->Get(slot))) return {b, slot};
      }
    }
    return {};
  }
  // Calls f(payload) for all that a hash with these top 32 bits may stand for, and a few others.
  template <typename F>
  void VisitCandidates(uint64_t hash, F&& f) const {
    Find(hash, [&](uint64_t payload) {
      f(payload);
      return false;
    });
  }
  static void Replace(Ref ref, uint64_t payload) { ref.bucket->Set(ref.slot, payload); }

  // REQUIRES: the element is absent. `hash_of`: uint64_t(uint64_t payload).
  template <typename HashOf>
  void Insert(uint64_t hash, uint64_t payload, HashOf&& hash_of) {
    if (cur_.segments == nullptr) InitFirst();
    Put(BucketOf(hash), Tag(hash), payload);
    size_++;
    MaybeResize();
    if (migrating_) Migrate(1, hash_of);
  }

  template <typename HashOf>
  void Erase(uint64_t hash, Ref ref, HashOf&& hash_of) {
    Bucket* head = BucketOf(hash);
    Take(head, ref);
    size_--;
    MaybeResize();
    if (migrating_) Migrate(1, hash_of);
  }

  // Moves a resize on by `units` buckets; true if more is left.
  template <typename HashOf>
  bool Upkeep(size_t units, HashOf&& hash_of) {
    if (cur_.segments != nullptr) MaybeResize();
    if (migrating_) Migrate(units, hash_of);
    return migrating_;
  }

  // Calls f(payload) for all elements of the bucket that `hash` belongs to, in no useful order, and
  // returns the first hash behind the bucket's range: 0 at the end.
  template <typename F>
  uint64_t VisitBucket(uint64_t hash, F&& f) const {
    if (size_ == 0) return 0;
    for (const Bucket* b = BucketOf(hash); b != nullptr; b = b->next()) VisitSlots(*b, f);
    return RangeEnd(hash);
  }
  template <typename F>
  void ForEach(F&& f) const {
    uint64_t at = 0;
    while ((at = VisitBucket(at, f)) != 0) {
    }
  }

  // Frees a part of the memory without regard to the elements; true if more is left. For an index
  // that is being thrown away: nothing else may be called but this and the destructor.
  bool FreeSome(size_t buckets);
  void Clear();
  // An equal copy, bucket by bucket.
  void CopyFrom(const HashIndex& other);

  size_t MemoryUsage() const { return bytes_; }

 private:
  static constexpr int kSegmentBits = 10;
  static constexpr size_t kSegmentBuckets = size_t{1} << kSegmentBits;
  static constexpr size_t kGrowAbove = 8;  // elements a bucket
  static constexpr size_t kShrinkBelow = 2;
  static constexpr int kMinBits = 1;

  // 2^bits buckets in segments, which are allocated and freed one by one as a resize proceeds.
  struct Directory {
    Bucket** segments = nullptr;
    int bits = 0;
    size_t buckets() const { return size_t{1} << bits; }
    size_t segment_count() const {
      return bits <= kSegmentBits ? 1 : size_t{1} << (bits - kSegmentBits);
    }
    size_t segment_buckets() const { return bits <= kSegmentBits ? buckets() : kSegmentBuckets; }
    Bucket* At(size_t i) const { return segments[i >> kSegmentBits] + (i & (kSegmentBuckets - 1)); }
    void Init(int new_bits);  // with its only segment, when there is one only
    void AllocSegment(size_t s);
    void FreeSegment(size_t s);
    void Release();  // everything but chained buckets
  };

  // The prefetch instruction. Not __builtin_prefetch: to GCC 12 that has no effect, so a function
  // that does nothing else is pure, and compiled to nothing.
  static void FetchAhead(const char* address) { asm volatile("prefetcht0 %0" : : "m"(*address)); }

  // From the upper half of the hash, so that its top 32 bits are enough to look for candidates.
  static uint8_t Tag(uint64_t hash) {
    const auto byte = static_cast<uint8_t>(hash >> 32);
    return byte == 0 ? 1 : byte;
  }
  Bucket* BucketOf(uint64_t hash) const {
    if (!migrating_) [[likely]]
      return cur_.At(hash >> (64 - cur_.bits));
    const int coarse = other_.bits < cur_.bits ? other_.bits : cur_.bits;
    const Directory& d = hash >> (64 - coarse) < moved_ ? other_ : cur_;
    return d.At(hash >> (64 - d.bits));
  }
  // The first hash behind the bucket of `hash`.
  uint64_t RangeEnd(uint64_t hash) const {
    int bits = cur_.bits;
    if (migrating_) {
      const int coarse = other_.bits < bits ? other_.bits : bits;
      if (hash >> (64 - coarse) < moved_) bits = other_.bits;
    }
    return ((hash >> (64 - bits)) + 1) << (64 - bits);  // wraps to 0 at the end
  }
  template <typename F>
  static void VisitSlots(const Bucket& b, F&& f) {
    for (unsigned m = b.Used(); m != 0; m &= m - 1) f(b.Get(std::countr_zero(m)));
  }

  void MaybeResize() {
    if (migrating_) return;
    if (size_ > cur_.buckets() * kGrowAbove) {
      StartResize(cur_.bits + 1);
    } else if (size_ < cur_.buckets() * kShrinkBelow && cur_.bits > kMinBits) {
      StartResize(cur_.bits - 1);
    }
  }
  void InitFirst();
  void StartResize(int bits);
  void FinishResize();
  // Makes the target's bucket usable before the first element goes there.
  void EnsureTarget(size_t bucket) {
    const size_t segment = bucket >> kSegmentBits;
    if (other_.segments[segment] == nullptr) {
      other_.AllocSegment(segment);
      bytes_ += other_.segment_buckets() * sizeof(Bucket);
    }
  }
  void DropSource(size_t first, size_t count);

  // Moves one unit (a bucket split in two, or two joined) at a time.
  template <typename HashOf>
  void Migrate(size_t units, HashOf&& hash_of) {
    const bool growing = other_.bits > cur_.bits;
    const size_t total = growing ? cur_.buckets() : other_.buckets();
    while (units-- > 0 && moved_ < total) {
      const size_t unit = moved_;
      const size_t first = growing ? unit : unit * 2;
      const size_t count = growing ? 1 : 2;
      EnsureTarget(growing ? unit * 2 : unit);
      // From here on lookups of this unit's hashes would go to the target; none happens meanwhile.
      for (size_t i = first; i < first + count; i++) {
        for (Bucket* b = cur_.At(i); b != nullptr; b = b->next()) {
          VisitSlots(*b, [&](uint64_t payload) {
            const uint64_t hash = hash_of(payload);
            Put(other_.At(hash >> (64 - other_.bits)), Tag(hash), payload);
          });
        }
      }
      DropSource(first, count);
      moved_ = unit + 1;
      PrefetchUnit(growing, total);
    }
    if (moved_ == total) FinishResize();
  }
  // Splitting reads every element's key: fetched ahead, a step or two before they are needed.
  void PrefetchUnit(bool growing, size_t total) const {
    if (!prefetch_targets_ || !growing || moved_ + 2 >= total) return;
    FetchAhead(reinterpret_cast<const char*>(cur_.At(moved_ + 2)));
    VisitSlots(*cur_.At(moved_ + 1),
               [](uint64_t payload) { FetchAhead(reinterpret_cast<const char*>(payload)); });
  }

  void Put(Bucket* head, uint8_t tag, uint64_t payload);
  // Removes the element at `ref` from the chain of `head`, keeping the chain dense.
  void Take(Bucket* head, Ref ref);
  Bucket* NewBucket();
  void FreeBucket(Bucket* bucket);
  void FreeChain(Bucket* head);

 public:
  // Payloads are addresses worth fetching ahead while the table grows.
  void set_prefetch_targets() { prefetch_targets_ = true; }

 private:
  Directory cur_;
  Directory other_;  // the target of a resize
  bool migrating_ = false;
  bool prefetch_targets_ = false;
  size_t moved_ = 0;  // units of the resize that are done
  size_t size_ = 0;
  size_t bytes_ = 0;
  size_t freed_ = 0;  // progress of FreeSome
};

}  // namespace clustron::store

#include "store/keyspace/hash_index.h"

#include <cstdlib>
#include <new>

namespace clustron::store {
namespace {

constexpr size_t kBucketBytes = sizeof(HashIndex::Bucket);

HashIndex::Bucket* AllocBuckets(size_t count) {
  const size_t bytes = count * kBucketBytes;
  void* p = ::operator new(bytes, std::align_val_t{kBucketBytes});
  std::memset(p, 0, bytes);
  allocated_bytes += bytes;
  return static_cast<HashIndex::Bucket*>(p);
}

void FreeBuckets(HashIndex::Bucket* buckets, size_t count) {
  ::operator delete(buckets, count * kBucketBytes, std::align_val_t{kBucketBytes});
  allocated_bytes -= count * kBucketBytes;
}

}  // namespace

void HashIndex::Directory::Init(int new_bits) {
  bits = new_bits;
  segments = static_cast<Bucket**>(std::calloc(segment_count(), sizeof(Bucket*)));
  CHECK(segments != nullptr);
  if (segment_count() == 1) AllocSegment(0);
}

void HashIndex::Directory::AllocSegment(size_t s) { segments[s] = AllocBuckets(segment_buckets()); }

void HashIndex::Directory::FreeSegment(size_t s) {
  if (segments[s] == nullptr) return;
  FreeBuckets(segments[s], segment_buckets());
  segments[s] = nullptr;
}

void HashIndex::Directory::Release() {
  if (segments == nullptr) return;
  for (size_t s = 0; s < segment_count(); s++) FreeSegment(s);
  std::free(segments);
  *this = Directory{};
}

HashIndex::Bucket* HashIndex::NewBucket() {
  bytes_ += kBucketBytes;
  return AllocBuckets(1);
}

void HashIndex::FreeBucket(Bucket* bucket) {
  bytes_ -= kBucketBytes;
  FreeBuckets(bucket, 1);
}

void HashIndex::FreeChain(Bucket* head) {
  for (Bucket* b = head->next(); b != nullptr;) {
    Bucket* next = b->next();
    FreeBucket(b);
    b = next;
  }
}

void HashIndex::Put(Bucket* head, uint8_t tag, uint64_t payload) {
  DCHECK(payload >> 48 == 0);
  Bucket* b = head;
  while (Bucket* next = b->next()) b = next;  // chains are dense: room is in the last one only
  unsigned free = b->Match(0);
  if (free == 0) {
    Bucket* next = NewBucket();
    next->tags[0] = b->tags[kSlots - 1];
    next->Set(0, b->Get(kSlots - 1));
    b->tags[kSlots - 1] = 0;
    b->linked = 1;
    b->Set(kSlots - 1, reinterpret_cast<uint64_t>(next));
    b = next;
    free = b->Match(0);
  }
  const int slot = std::countr_zero(free);
  b->tags[slot] = tag;
  b->Set(slot, payload);
}

void HashIndex::Take(Bucket* head, Ref ref) {
  Bucket* parent = nullptr;
  Bucket* last = head;
  while (Bucket* next = last->next()) {
    parent = last;
    last = next;
  }
  const int end = 31 - std::countl_zero(last->Used());
  CHECK(end >= 0);
  ref.bucket->tags[ref.slot] = last->tags[end];
  ref.bucket->Set(ref.slot, last->Get(end));
  last->tags[end] = 0;
  if (parent != nullptr && end == 1) {  // one left: it fits where the link is
    const uint8_t tag = last->tags[0];
    const uint64_t payload = last->Get(0);
    parent->linked = 0;
    parent->tags[kSlots - 1] = tag;
    parent->Set(kSlots - 1, payload);
    FreeBucket(last);
  }
}

void HashIndex::InitFirst() {
  cur_.Init(kMinBits);
  bytes_ = cur_.segment_buckets() * kBucketBytes;
}

void HashIndex::StartResize(int bits) {
  other_.Init(bits);
  if (other_.segment_count() == 1) bytes_ += other_.segment_buckets() * kBucketBytes;
  migrating_ = true;
  moved_ = 0;
}

void HashIndex::DropSource(size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++) {
    Bucket* b = cur_.At(i);
    FreeChain(b);
    std::memset(b, 0, kBucketBytes);
  }
  const size_t end = first + count;
  if (cur_.segment_count() > 1 && end % kSegmentBuckets == 0) {
    cur_.FreeSegment((end >> kSegmentBits) - 1);
    bytes_ -= kSegmentBuckets * kBucketBytes;
  }
}

void HashIndex::FinishResize() {
  if (cur_.segment_count() == 1) bytes_ -= cur_.segment_buckets() * kBucketBytes;
  cur_.Release();
  cur_ = std::exchange(other_, Directory{});
  migrating_ = false;
  moved_ = 0;
}

bool HashIndex::FreeSome(size_t buckets) {
  // Whole directories in order, source first; `freed_` counts buckets over both.
  for (Directory* d : {&cur_, &other_}) {
    if (d->segments == nullptr) continue;
    while (freed_ < d->buckets()) {
      if (buckets-- == 0) return true;
      Bucket* segment = d->segments[freed_ >> kSegmentBits];
      if (segment == nullptr) {
        freed_ = ((freed_ >> kSegmentBits) + 1) << kSegmentBits;
        continue;
      }
      FreeChain(segment + (freed_ & (kSegmentBuckets - 1)));
      std::memset(segment + (freed_ & (kSegmentBuckets - 1)), 0, kBucketBytes);
      freed_++;
    }
    d->Release();
    freed_ = 0;
  }
  migrating_ = false;
  size_ = moved_ = bytes_ = 0;
  return false;
}

void HashIndex::Clear() {
  freed_ = 0;
  while (FreeSome(SIZE_MAX)) {
  }
}

void HashIndex::CopyFrom(const HashIndex& other) {
  CHECK(cur_.segments == nullptr);
  const auto copy_directory = [this](const Directory& from, Directory& to) {
    if (from.segments == nullptr) return;
    to.bits = from.bits;
    to.segments = static_cast<Bucket**>(std::calloc(from.segment_count(), sizeof(Bucket*)));
    CHECK(to.segments != nullptr);
    for (size_t s = 0; s < from.segment_count(); s++) {
      if (from.segments[s] == nullptr) continue;
      to.AllocSegment(s);
      std::memcpy(static_cast<void*>(to.segments[s]), from.segments[s],
                  from.segment_buckets() * kBucketBytes);
      for (size_t i = 0; i < from.segment_buckets(); i++) {
        for (Bucket* b = to.segments[s] + i; b->linked != 0; b = b->next()) {
          Bucket* copy = NewBucket();
          std::memcpy(static_cast<void*>(copy), b->next(), kBucketBytes);
          b->Set(kSlots - 1, reinterpret_cast<uint64_t>(copy));
        }
      }
    }
  };
  copy_directory(other.cur_, cur_);
  copy_directory(other.other_, other_);
  migrating_ = other.migrating_;
  prefetch_targets_ = other.prefetch_targets_;
  moved_ = other.moved_;
  size_ = other.size_;
  bytes_ = other.bytes_;
}

}  // namespace clustron::store

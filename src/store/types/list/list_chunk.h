// Some hundred elements of a list in one allocation of at most 4 KB.
//
//   | header 24 | data → …            free             … ← codes |
//
// The elements' bytes stand in order from the low end, their codes (list_element.h) from the high
// end downwards, so both ends of the order can be taken off without a move, and the high end of the
// order grows without one. Where all codes are equal, the header has the code and no code is
// written: integers and ids of one length cost their bytes and nothing else. A chunk that began
// with an LPUSH is *reversed*: its order runs against the list's, and so it is the list's front
// that grows without a move.
//
// Chunks are counted: copies and frozen values share them, and who changes one that is shared
// copies it first (BigList::Own). Nothing that is state depends on where a list is cut into chunks.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "store/types/list/list_element.h"

namespace clustron::store {

class ListChunk {
 public:
  static constexpr size_t kHeaderBytes = 24;
  static constexpr size_t kAllocMax = 4096;
  static constexpr size_t kRoomMax = kAllocMax - kHeaderBytes;
  static constexpr size_t kCountMax = 2048;

  // With room for `room` bytes of codes and data at least; one reference.
  static ListChunk* New(size_t room, bool reversed);
  static void Unref(ListChunk* chunk);
  ListChunk* Clone() const;
  void Ref() { refs_++; }
  bool shared() const { return refs_ > 1; }

  size_t count() const { return count_; }
  // Sum of ListpackBytes.
  uint64_t listpack_bytes() const { return listpack_bytes_; }
  // Of the chunk and of blobs that it has.
  size_t MemoryUsage() const;
  size_t AllocBytes() const { return kHeaderBytes + room_; }
  // Bytes of codes and data.
  size_t used() const { return static_cast<size_t>(end_ - begin_) + (uniform() ? 0 : count_); }

  // A place in the chunk, in the list's order: begin … end. Steps cost nothing.
  struct Cursor {
    size_t physical;  // which element in the chunk's own order
    size_t offset;    // of its data
  };
  Cursor At(size_t index) const;  // index <= count()
  ListElement Read(const Cursor& at) const {
    return EncodedElement::Read(CodeAt(at.physical), bytes() + at.offset);
  }
  bool Equals(const Cursor& at, const EncodedElement& element) const {
    return element.Equals(CodeAt(at.physical), bytes() + at.offset);
  }
  // To the next element of the list's order. REQUIRES: it is not the last.
  void Next(Cursor* at) const { reversed_ ? Down(at) : Up(at); }
  EncodedElement Encoded(const Cursor& at) const {
    return {CodeAt(at.physical), bytes() + at.offset};
  }
  void Previous(Cursor* at) const { reversed_ ? Up(at) : Down(at); }

  // ---- changes. REQUIRES: !shared(). `*chunk` may move to a larger allocation. ----
  // False: there is no room, and nothing was done.
  static bool Insert(ListChunk** chunk, size_t index, const EncodedElement& element);
  // Without a look at what the element is.
  void Erase(size_t index);
  // Cuts the last count() - index elements off into a chunk of their own. 0 < index < count().
  ListChunk* Split(size_t index);
  // Removes elements [begin, end).
  void EraseRange(size_t begin, size_t end);
  // Removes up to `limit` elements that are equal to this one, from the front or from the back.
  // Returns how many.
  static size_t EraseEqual(ListChunk** chunk, const EncodedElement& element, size_t limit,
                           bool from_back);
  // Moves the elements of `from`, which is freed, behind those of `*chunk`. REQUIRES: they fit.
  static void Join(ListChunk** chunk, ListChunk* from);

 private:
  ListChunk() = default;
  bool uniform() const { return uniform_; }
  char* bytes() { return reinterpret_cast<char*>(this) + kHeaderBytes; }
  const char* bytes() const { return reinterpret_cast<const char*>(this) + kHeaderBytes; }
  // Codes stand downwards from here.
  uint8_t* codes() { return reinterpret_cast<uint8_t*>(bytes() + room_ - 1); }
  const uint8_t* codes() const { return reinterpret_cast<const uint8_t*>(bytes() + room_ - 1); }
  uint8_t CodeAt(size_t physical) const {
    DCHECK(physical < count_);
    return uniform_ ? code_ : codes()[-static_cast<ptrdiff_t>(first_ + physical)];
  }
  size_t Physical(size_t index) const { return reversed_ ? count_ - 1 - index : index; }
  size_t OffsetOf(size_t physical) const;  // physical <= count_
  void Up(Cursor* at) const {
    at->offset += EncodedElement::SizeOf(CodeAt(at->physical));
    at->physical++;
  }
  void Down(Cursor* at) const {
    if (at->physical == 0) {  // before the first
      at->physical = SIZE_MAX;
      return;
    }
    at->physical--;
    at->offset -= EncodedElement::SizeOf(CodeAt(at->physical));
  }
  // Free bytes between data and codes.
  size_t Gap() const { return room_ - end_ - (uniform_ ? 0 : first_ + count_); }
  // Everything to the two ends.
  void Compact();
  // Writes the codes out. REQUIRES: uniform, and a gap of count_ bytes.
  void SpellCodes();
  // Another allocation with the same elements, of `room`.
  static ListChunk* Moved(ListChunk* chunk, size_t room);
  static void Append(ListChunk** chunk, const EncodedElement& element);
  void InsertAt(size_t physical, const EncodedElement& element);
  void ForgetBlob(uint8_t code, size_t offset) {
    if (code == EncodedElement::kBlob) ListBlob::Unref(EncodedElement::BlobAt(bytes() + offset));
  }

  uint32_t refs_;
  uint16_t count_;
  uint16_t first_;  // codes that were taken off before the first
  uint16_t begin_;  // the data: [begin_, end_)
  uint16_t end_;
  uint16_t room_;
  uint8_t code_ : 8;
  bool uniform_ : 1;
  bool reversed_ : 1;
  bool has_blobs_ : 1;  // or had
  uint64_t listpack_bytes_;
};
static_assert(sizeof(ListChunk) == ListChunk::kHeaderBytes);

}  // namespace clustron::store

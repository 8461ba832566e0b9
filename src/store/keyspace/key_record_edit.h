// How the store builds, changes and frees records. See key_record.h for the layout.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/keyspace/key_record.h"

namespace clustron::store {

// The 8 bytes of a deadline inside an entry: ms (55) | epoch (8) | clock (1). The epoch tells the
// record of the time wheel that is the key's from older ones of the same key; it is local, not
// state. 0: no deadline (a deadline of 0 ms is stored as 1; both are long past).
class DeadlineWord {
 public:
  constexpr DeadlineWord() = default;
  constexpr DeadlineWord(Deadline d, uint8_t epoch)
      : bits_(static_cast<uint64_t>(d.ms() > 0 ? d.ms() : 1) << 9 |
              static_cast<uint64_t>(epoch) << 1 | (d.clock() == ClockKind::kWall ? 1U : 0U)) {}
  static constexpr DeadlineWord FromBits(uint64_t bits) {
    DeadlineWord word;
    word.bits_ = bits;
    return word;
  }
  constexpr bool exists() const { return bits_ != 0; }
  constexpr uint64_t bits() const { return bits_; }
  constexpr uint8_t epoch() const { return static_cast<uint8_t>(bits_ >> 1); }
  constexpr ClockKind clock() const { return bits_ & 1 ? ClockKind::kWall : ClockKind::kElapsed; }
  constexpr int64_t ms() const { return static_cast<int64_t>(bits_ >> 9); }
  constexpr Deadline deadline() const {
    return exists() ? Deadline::At(clock(), ms()) : Deadline();
  }

 private:
  uint64_t bits_ = 0;
};

class KeyRecordEdit {
 public:
  static constexpr size_t kInlineMax = 4096;  // longer strings go out of line

  // ---- building; revision 0, no flags but the deadline's ----
  // An inline string with room for `size` bytes, to be filled through InlineBytes.
  static KeyRecord* NewInline(std::string_view key, size_t size, Form form, DeadlineWord deadline);
  static KeyRecord* NewPointer(std::string_view key, Type type, Form form, uintptr_t value,
                               DeadlineWord deadline);
  // The same entry under another key or with another deadline; out-of-line values are shared in
  // pointer only: exactly one of the two may be freed with its value. Revision and flags are kept.
  static KeyRecord* Reshape(const KeyRecord& e, std::string_view key, DeadlineWord deadline);
  // An entry with a value of its own (big ones share pieces), under `key`.
  static KeyRecord* Clone(const KeyRecord& e, std::string_view key, DeadlineWord deadline);

  static void FreeShell(KeyRecord* e);
  // With its value, whatever its size.
  static void Destroy(KeyRecord* e);

  // ---- reading ----
  static size_t ShellBytes(const KeyRecord& e);
  static DeadlineWord DeadlineOf(const KeyRecord& e);
  static uintptr_t Pointer(const KeyRecord& e) { return reinterpret_cast<uintptr_t>(e.pointer()); }
  // Where the word of a value out of line stands.
  static void* PointerPlace(KeyRecord& e) { return Mutable(e.after_deadline()); }
  static std::string_view InlineValue(const KeyRecord& e) { return e.inline_value(); }
  // Key and value, one behind the other; empty if the key is longer than 127 bytes. REQUIRES:
  // IsInline.
  static std::string_view InlineText(const KeyRecord& e, size_t* key_size) {
    static_assert(kInlineMax < 1 << 14);  // so that sizes of values have two bytes at most
    const auto* p = reinterpret_cast<const uint8_t*>(e.after_deadline());
    if (p[0] >= 128) return {};
    *key_size = p[0];
    const bool two = p[1] >= 128;
    const size_t size = two ? (p[1] & 127) | size_t{p[2]} << 7 : p[1];
    return {reinterpret_cast<const char*>(p + (two ? 3 : 2)), *key_size + size};
  }
  static bool IsInline(const KeyRecord& e) { return !e.out_of_line(); }
  static bool IsInlineWithoutLease(const KeyRecord& e) {
    static_assert(KeyRecord::kHasLease == uint64_t{0x20} << 52);  // one test for form and lease
    return (e.head_ >> 52 & 0x2f) < static_cast<uint64_t>(Form::kBig);
  }
  static char* InlineBytes(KeyRecord& e);
  static size_t InlineSize(const KeyRecord& e) { return e.inline_value().size(); }
  // Whether an inline value of `size` bytes fits into the same allocation without moving the key.
  static bool FitsInPlace(const KeyRecord& e, size_t size);
  static uint64_t Head(const KeyRecord& e) { return e.head_; }

  // ---- changing in place ----
  static void SetHead(KeyRecord& e, uint64_t head) { e.head_ = head; }
  static void SetRevision(KeyRecord& e, Revision revision) {
    e.head_ = (e.head_ & ~KeyRecord::kRevisionMask) | (revision & KeyRecord::kRevisionMask);
  }
  static void SetForm(KeyRecord& e, Type type, Form form) {
    e.head_ = (e.head_ & ~(uint64_t{255} << 48)) | static_cast<uint64_t>(type) << 48 |
              static_cast<uint64_t>(form) << 52;
  }
  static void SetDeadline(KeyRecord& e, DeadlineWord word);  // REQUIRES: it has one already
  static void SetPointer(KeyRecord& e, uintptr_t value);
  static void SetInlineSize(KeyRecord& e, size_t size);  // REQUIRES: FitsInPlace
  static void SetLease(KeyRecord& e, bool on) { SetFlag(e, KeyRecord::kHasLease, on); }
  static void SetLabels(KeyRecord& e, bool on) { SetFlag(e, KeyRecord::kHasLabels, on); }
  // Not state: the number of the snapshot walk that has the key already or must not have it; 0:
  // none.
  static constexpr uint8_t kSnapshotEpochMax = 15;
  static uint8_t SnapshotEpoch(const KeyRecord& e) {
    return static_cast<uint8_t>(e.head_ >> kSnapshotShift);
  }
  static void SetSnapshotEpoch(KeyRecord& e, uint8_t epoch) {
    e.head_ = (e.head_ & ~(~uint64_t{0} << kSnapshotShift)) | uint64_t{epoch} << kSnapshotShift;
  }

 private:
  static constexpr int kSnapshotShift = 60;
  static void SetFlag(KeyRecord& e, uint64_t flag, bool on) {
    e.head_ = on ? e.head_ | flag : e.head_ & ~flag;
  }
  static char* Mutable(const char* p) { return const_cast<char*>(p); }
  static KeyRecord* NewShell(size_t body_bytes, Type type, Form form, DeadlineWord deadline);
};

}  // namespace clustron::store

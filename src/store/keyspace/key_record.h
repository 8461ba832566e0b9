// One key with its value: a single allocation for everything small.
//
//   | head 8 | deadline 8, if any | pointer 8, if the value is out of line | varint key size |
//   | varint value size, if inline | key | value, if inline |
//
// head: revision (48 bits) | type (4) | form (4) | flags (8). Entries are owned by the table that
// they are in; everybody else holds `const KeyRecord*` at most until the next mutation of the
// store. What any key has is read here, a value by its type's own view (store/types: StringOf,
// HashOf …); both are changed only through Mutation (mutation.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

#include "base/check.h"
#include "store/keyspace/varint.h"

namespace clustron::store {

using Revision = uint64_t;  // of the store; key revisions keep the low 48 bits

// Numbers stay for good: they are in snapshots. At most 16. A new one gets a name below, a row
// (types/value_types.cc) and an RdbKind (persist/rdb_format.h): the compiler asks for each.
enum class Type : uint8_t { kString, kList, kSet, kZset, kHash, kStream, kEnd };
inline constexpr size_t kTypes = static_cast<size_t>(Type::kEnd);
// Redis's words for TYPE.
inline constexpr std::string_view kTypeNames[] = {"string", "list", "set",
                                                  "zset",   "hash", "stream"};
static_assert(std::size(kTypeNames) == kTypes && kTypes <= 16);
constexpr std::string_view TypeName(Type type) { return kTypeNames[static_cast<size_t>(type)]; }

// How a value is kept. The first three are strings kept as text (so reading never converts) and
// differ in what OBJECT ENCODING says; kBig strings are in pieces and are "raw" too.
enum class Form : uint8_t {
  kInt,     // canonical decimal of an int64, inline
  kEmbstr,  // up to 44 bytes, inline
  kRaw,     // inline, but longer or changed in place (APPEND, SETRANGE, SETBIT)
  kBig,     // BigString, out of line
  kObject,  // a collection, out of line; the collection knows its own encoding
};

enum class ClockKind : uint8_t {
  kElapsed,  // the log's elapsed clock: relative TTLs
  kWall,     // the log's wall clock: …AT
};

// When a key ends, and by which of the log's two clocks. None by default.
class Deadline {
 public:
  static constexpr int64_t kMaxMs = (int64_t{1} << 54) - 1;  // later ones are cut to this

  constexpr Deadline() = default;
  // Negative times (long past) count as 0: due at once.
  static constexpr Deadline At(ClockKind clock, int64_t ms) {
    const int64_t cut = ms < 0 ? 0 : ms > kMaxMs ? kMaxMs : ms;
    return Deadline(static_cast<uint64_t>(cut) << 1 | (clock == ClockKind::kWall ? 1U : 0U), true);
  }
  static constexpr Deadline Elapsed(int64_t ms) { return At(ClockKind::kElapsed, ms); }
  static constexpr Deadline Wall(int64_t ms) { return At(ClockKind::kWall, ms); }

  constexpr bool exists() const { return exists_; }
  constexpr ClockKind clock() const { return bits_ & 1 ? ClockKind::kWall : ClockKind::kElapsed; }
  constexpr int64_t ms() const { return static_cast<int64_t>(bits_ >> 1); }
  // A deadline is due from its millisecond on.
  constexpr bool DueAt(int64_t elapsed_ms, int64_t wall_ms) const {
    return exists_ && ms() <= (bits_ & 1 ? wall_ms : elapsed_ms);
  }
  friend constexpr bool operator==(Deadline, Deadline) = default;

 private:
  constexpr Deadline(uint64_t bits, bool exists) : bits_(bits), exists_(exists) {}
  uint64_t bits_ = 0;  // ms << 1 | clock
  bool exists_ = false;
};

class KeyRecord {
 public:
  KeyRecord(const KeyRecord&) = delete;
  KeyRecord& operator=(const KeyRecord&) = delete;

  std::string_view key() const;
  Type type() const { return static_cast<Type>(head_ >> 48 & 15); }
  Form form() const { return static_cast<Form>(head_ >> 52 & 15); }
  // The revision that last changed the value.
  Revision revision() const { return head_ & kRevisionMask; }
  Deadline deadline() const;
  bool has_deadline() const { return head_ & kHasDeadline; }
  bool has_lease() const { return head_ & kHasLease; }  // which: LeaseTable::LeaseOf
  bool has_labels() const { return head_ & kHasLabels; }

  // OBJECT ENCODING's answer: int, embstr, raw, listpack, hashtable …
  std::string_view encoding() const;

  // MEMORY USAGE: the entry with its value, table overhead included. Collections: the sum is known,
  // not estimated, so no SAMPLES are needed.
  size_t MemoryUsage() const;

 private:
  friend class KeyRecordEdit;  // key_record_edit.h: how the store builds and changes records
  friend class Mutation;
  static constexpr uint64_t kRevisionMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kHasDeadline = uint64_t{1} << 56;
  static constexpr uint64_t kHasLease = uint64_t{1} << 57;
  static constexpr uint64_t kHasLabels = uint64_t{1} << 58;

  KeyRecord() = default;
  bool out_of_line() const { return form() >= Form::kBig; }
  const char* body() const { return reinterpret_cast<const char*>(this) + sizeof(head_); }
  const char* after_deadline() const { return body() + (has_deadline() ? 8 : 0); }
  void* pointer() const {
    DCHECK(out_of_line());
    void* p;
    std::memcpy(&p, after_deadline(), sizeof p);
    return p;
  }
  std::string_view inline_value() const;

  uint64_t head_ = 0;
};
static_assert(sizeof(KeyRecord) == 8);

inline std::string_view KeyRecord::inline_value() const {
  DCHECK(!out_of_line());
  const char* p = after_deadline();
  const size_t key_size = GetVarint(p);
  const size_t size = GetVarint(p);
  return {p + key_size, size};
}

}  // namespace clustron::store

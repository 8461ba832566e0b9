// The one way to change a key: Modify … typed operations … Commit.
//
//   Mutation m = store.Modify(db, key);
//   if (m.entry() != nullptr && m.entry()->type() != Type::kHash) return WrongType();
//   for (…) added += m.HashSet(field, value);
//   m.Commit({EventClass::kHash, "hset"});
//
// Every operation keeps the hooks: the snapshot walk gets the key before its first change, an
// armed journal gets the inverse. Commit gives the key its revision, marks the touch table and
// tells observers; it costs one test of a mask when nobody listens. A mutation that changed
// nothing may be left without Commit, and Commit does nothing then; one that did change must be
// committed (DCHECK). One mutation at a time; views and entry pointers taken before an operation
// are invalid after it, and arguments may not point into the key that is being changed.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/keyspace/events.h"
#include "store/keyspace/key_record.h"
#include "store/types/hash/hash_value.h"

namespace clustron::store {

class Store;

// What SetString keeps of the key's attributes.
enum class Keep : uint8_t {
  kNothing,      // SET: deadline, lease and labels go
  kTtlAndLease,  // SET … KEEPTTL
  kAll,          // a value computed from the old one (INCR, GETSET-like modifications)
};

// How a string that replaces another is kept; see Form.
enum class StringForm : uint8_t {
  kAuto,  // int if it is a canonical int64, embstr up to 44 bytes, else raw: SET, INCR
  kText,  // never int: INCRBYFLOAT's result
  kRaw,   // BITOP, and values changed in place
};

class Mutation {
 public:
  Mutation(const Mutation&) = delete;
  Mutation& operator=(const Mutation&) = delete;
  ~Mutation();

  // The key as it is now, changes so far included; null when absent or due by the applied clocks.
  // A due key is removed (reason expire, event "expired") by the first operation that changes.
  const KeyRecord* record() const { return entry_; }
  bool exists() const { return entry_ != nullptr; }

  // ---- strings ----
  // Creates the key or replaces whatever it holds, of any type. `deadline`, if it exists, becomes
  // the key's (SET … EX, in one go); REQUIRES then: it is not due, and no lease is kept.
  void SetString(std::string_view value, Keep keep = Keep::kNothing,
                 StringForm form = StringForm::kAuto, Deadline deadline = {});
  // Changes in place; an absent key counts as empty and is created. REQUIRES: absent or a string.
  // The caller has checked proto-max-bulk-len.
  void Append(std::string_view bytes);
  // Zero-filled up to `offset`; grows as needed. REQUIRES: bytes not empty.
  void SetRange(size_t offset, std::string_view bytes);
  // The old bit. Bit 0 is the highest of byte 0 (SETBIT's count); grows with zeros. Growing counts
  // as a change, writing the same bit does too (as in Redis, SETBIT is always dirty).
  bool SetBit(uint64_t bit_offset, bool bit);

  // ---- hashes ----
  // True if the field is new. Creates the key when absent. REQUIRES: absent or a hash.
  bool HashSet(std::string_view field, std::string_view value);
  // True if it was there. The key goes with its last field (kind delete, see Commit).
  bool HashDelete(std::string_view field);

  // ---- attributes (the key's revision stays) ----
  // REQUIRES: exists(), and no lease (`entry()->has_lease()` is the caller's error to report).
  // A deadline already due deletes the key at once, as Redis does; then it returns false, and the
  // event to commit is "del".
  bool SetDeadline(Deadline deadline);
  // True if there was one. REQUIRES: exists().
  bool ClearDeadline();

  // REQUIRES: exists(). Frees big values later, in slices.
  void Delete();

  // Ends the mutation: revision, touch table, observers. `event` describes the change; when a
  // collection went empty, "del" is announced after it. Returns true if anything was changed.
  bool Commit(Event event, Reason reason = Reason::kCmd);

 private:
  friend class Store;
  Mutation(Store& store, int db, std::string_view key, uint64_t hash);

  // Before any operation that changes: tells the hooks, removes a due entry.
  void Begin();
  void Install(KeyRecord* now, bool same_value);
  // The inline value as `size` bytes that may be written, the old ones kept; form raw.
  char* WritableInline(size_t size);
  // The value out of line; it is moved there when need be.
  BigString& WritableBig();
  void WriteBig(size_t offset, std::string_view bytes);

  Store& store_;
  std::string_view key_;
  uint64_t hash_;
  KeyRecord* entry_ = nullptr;
  int db_;
  bool due_ = false;      // there is an entry, but it is due
  bool existed_ = false;  // live at the start
  bool begun_ = false;
  bool value_changed_ = false;  // takes a key revision
  bool touched_ = false;        // attributes changed
  bool deleted_ = false;
  bool emptied_ = false;  // deleted because the last member went
  bool committed_ = false;
};

}  // namespace clustron::store

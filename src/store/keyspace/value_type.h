// What the keyspace, snapshots, digests and upkeep ask of a value, whatever its type: one row for
// each type. Nothing else in the program branches on a key's type but the type's own commands.
//
// A value is seen as a sequence of parts, byte strings in an order that is part of the state: the
// bytes of a string (cut anywhere), a hash's fields, each before its value. Out of line, a value is
// one word of its record, which owns it; what the word means is the type's own business.
//
// A new type: a folder store/types/NAME with its value and a row, and the row's name in
// store/types/value_types.cc. THREAD: core loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "store/keyspace/key_record_edit.h"

namespace clustron::store {

struct KeyMeta;

class PartSink {
 public:
  virtual void OnPart(std::string_view part) = 0;

 protected:
  ~PartSink() = default;
};

// A big value as it was at one moment, while the key goes on changing. OWNS: what it shares.
class FrozenValue {
 public:
  virtual ~FrozenValue() = default;
  // Hands on some parts, in order, about 64 KB or some hundred elements; true if more are left.
  virtual bool Step(PartSink& sink) = 0;
};

// Bytes copied because a frozen value shared them: a snapshot's bound is counted in these.
inline uint64_t shared_bytes_copied = 0;

// What waits to be freed, a slice at a time.
class SlicedFree {
 public:
  virtual ~SlicedFree() = default;
  // Frees about `count` elements, or pieces of 64 KB; true if more are left.
  virtual bool FreeSome(size_t count) = 0;
};

// A value that comes part by part.
class ValueBuilder {
 public:
  virtual ~ValueBuilder() = default;
  // kCorruption: no value of this type has this part here.
  virtual Status Part(std::string_view part) = 0;
  // The value as the record of `key`; revision 0, no flags but the deadline's. Once, at the end.
  virtual KeyRecord* Finish(std::string_view key, DeadlineWord deadline) = 0;
};

// The inverse of one change within a value. OWNS: what the change set aside.
class ValueUndo {
 public:
  virtual ~ValueUndo() = default;
  // REQUIRES: the value is as the change left it.
  virtual void Undo(KeyRecord& record) = 0;
  // Bytes that were copied to keep it.
  virtual size_t kept_bytes() const = 0;
};

struct ValueType {
  Type type;
  // Its parts are one byte string, cut anywhere, and count() is its size; it may be empty. Else
  // each element is so many parts, and an empty value is none.
  bool bytes;
  uint64_t parts_per_element;

  uint64_t (*count)(const KeyRecord&);             // elements; of bytes their number
  std::string_view (*encoding)(const KeyRecord&);  // as OBJECT ENCODING has it
  bool (*packed)(const KeyRecord&);                // kept in the small form of a collection
  uint64_t (*stored_bytes)(const KeyRecord&);      // what a copy stands for, on every node
  size_t (*memory_usage)(const KeyRecord&);        // of what is out of line
  void (*parts)(const KeyRecord&, PartSink&);      // all of them
  std::unique_ptr<FrozenValue> (*freeze)(const KeyRecord&);  // null: small, written as a whole
  std::unique_ptr<ValueBuilder> (*build)(const KeyMeta&, uint64_t count, uint64_t seed);
  // The value of a field, for indexes over fields; null: values of this type have none.
  std::optional<std::string_view> (*field)(const KeyRecord&, std::string_view name) = nullptr;

  // Of a value out of line:
  uintptr_t (*share)(const KeyRecord&);  // an equal one; big ones share what they can
  void (*destroy)(uintptr_t value);
  // Takes it over, to be freed in slices; null: it is small, and the caller's still.
  std::unique_ptr<SlicedFree> (*set_aside)(uintptr_t value);
};

// Null: there is no such type yet.
const ValueType* FindValueType(Type type);
// REQUIRES: there is one, as of any key's.
const ValueType& ValueTypeOf(Type type);
inline const ValueType& ValueTypeOf(const KeyRecord& record) { return ValueTypeOf(record.type()); }

}  // namespace clustron::store

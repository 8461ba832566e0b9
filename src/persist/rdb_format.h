// The RDB file format as Redis 7 writes it, as far as we use it: numbers shared by RdbWriter and
// RdbReader. Prose: snapshot_format.md.
//
//   "REDIS0010" { AUX | SELECTDB | RESIZEDB | [EXPIRETIME_MS | EXPIRETIME | IDLE | FREQ] type key
//   value } EOF crc64
//
// Our own data travels in AUX fields named "clustron:<section>", any number of them, anywhere in
// the file: Redis and its tools skip AUX fields that they don't know.
#pragma once

#include <cstdint>
#include <string_view>

namespace clustron::persist {

inline constexpr int kRdbVersion = 10;     // written: Redis 7.0 reads it
inline constexpr int kRdbVersionMax = 12;  // read, as long as it holds no newer types
inline constexpr std::string_view kRdbSectionPrefix = "clustron:";

enum class RdbOpcode : uint8_t {
  kFunction2 = 245,
  kFunctionPreGa = 246,
  kModuleAux = 247,
  kIdle = 248,
  kFreq = 249,
  kAux = 250,
  kResizeDb = 251,
  kExpireTimeMs = 252,
  kExpireTime = 253,
  kSelectDb = 254,
  kEof = 255,
};

// What a value is; how it is written says its RdbType. The numbers are those of store::Type.
enum class RdbKind : uint8_t { kString, kList, kSet, kZset, kHash, kStream, kEnd };

// Redis's numbers. A type that Redis doesn't have takes one from 200 on, below the opcodes; what
// such a type is in, redis-server can't load.
enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kHash = 4,
  kListZiplist = 10,
  kHashZiplist = 13,
  kListQuicklist = 14,
  kHashListpack = 16,
  kListQuicklist2 = 18,
};

// The types that are read, and of each kind the one that is written.
struct RdbShape {
  RdbType type;
  RdbKind kind;
  // How a collection stands there: elements one by one; as one packed string; as a number of nodes,
  // each packed, or each saying whether it is packed or one element.
  enum class Form : uint8_t { kText, kPlain, kListpack, kZiplist, kZiplists, kNodes } form;
  // Byte strings that an element of a collection consists of: a hash's field and value are two. The
  // same as the type's own parts_per_element.
  uint64_t parts_per_element;
};
inline constexpr RdbShape kRdbShapes[] = {
    {RdbType::kString, RdbKind::kString, RdbShape::Form::kText, 0},
    {RdbType::kList, RdbKind::kList, RdbShape::Form::kPlain, 1},
    {RdbType::kListZiplist, RdbKind::kList, RdbShape::Form::kZiplist, 1},
    {RdbType::kListQuicklist, RdbKind::kList, RdbShape::Form::kZiplists, 1},
    {RdbType::kListQuicklist2, RdbKind::kList, RdbShape::Form::kNodes, 1},
    {RdbType::kHash, RdbKind::kHash, RdbShape::Form::kPlain, 2},
    {RdbType::kHashZiplist, RdbKind::kHash, RdbShape::Form::kZiplist, 2},
    {RdbType::kHashListpack, RdbKind::kHash, RdbShape::Form::kListpack, 2},
};

// The one that is written: kText, or kPlain.
constexpr const RdbShape* WrittenShape(RdbKind kind) {
  const RdbShape* found = nullptr;
  for (const RdbShape& shape : kRdbShapes)
    if (shape.kind == kind && shape.form <= RdbShape::Form::kPlain) found = &shape;
  return found;
}
// No number is an opcode or stands twice, and each kind that is read is written in one way.
constexpr bool RdbShapesAreSound() {
  for (const RdbShape& shape : kRdbShapes) {
    if (static_cast<uint8_t>(shape.type) >= static_cast<uint8_t>(RdbOpcode::kFunction2))
      return false;
    int same_type = 0;
    int written = 0;
    for (const RdbShape& other : kRdbShapes) {
      same_type += other.type == shape.type;
      written += other.kind == shape.kind && other.form <= RdbShape::Form::kPlain;
      if (other.kind == shape.kind && other.parts_per_element != shape.parts_per_element)
        return false;
    }
    if (same_type != 1 || written != 1) return false;
  }
  return true;
}
static_assert(RdbShapesAreSound());

// First two bits of a length.
inline constexpr uint8_t kRdbLen6 = 0;
inline constexpr uint8_t kRdbLen14 = 1;
inline constexpr uint8_t kRdbLen32 = 0x80;  // whole byte
inline constexpr uint8_t kRdbLen64 = 0x81;  // whole byte
inline constexpr uint8_t kRdbEncoded = 3;
// What follows kRdbEncoded.
inline constexpr uint8_t kRdbInt8 = 0;
inline constexpr uint8_t kRdbInt16 = 1;
inline constexpr uint8_t kRdbInt32 = 2;
inline constexpr uint8_t kRdbLzf = 3;

// The end of every file: the opcode and the checksum of all before it (Redis's CRC-64, Jones).
inline constexpr uint64_t kRdbFooterBytes = 9;

}  // namespace clustron::persist

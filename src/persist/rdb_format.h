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

// What a value is; how it is written says its RdbType.
enum class RdbKind : uint8_t { kString, kList, kSet, kZset, kHash, kStream };

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
};
inline constexpr RdbShape kRdbShapes[] = {
    {RdbType::kString, RdbKind::kString, RdbShape::Form::kText},
    {RdbType::kList, RdbKind::kList, RdbShape::Form::kPlain},
    {RdbType::kListZiplist, RdbKind::kList, RdbShape::Form::kZiplist},
    {RdbType::kListQuicklist, RdbKind::kList, RdbShape::Form::kZiplists},
    {RdbType::kListQuicklist2, RdbKind::kList, RdbShape::Form::kNodes},
    {RdbType::kHash, RdbKind::kHash, RdbShape::Form::kPlain},
    {RdbType::kHashZiplist, RdbKind::kHash, RdbShape::Form::kZiplist},
    {RdbType::kHashListpack, RdbKind::kHash, RdbShape::Form::kListpack},
};

// Byte strings that an element of a collection consists of: a hash's field and value are two.
constexpr uint64_t PartsPerElement(RdbKind kind) { return kind == RdbKind::kHash ? 2 : 1; }

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

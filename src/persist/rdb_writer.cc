#include "persist/rdb_writer.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc64.h"
#include "base/numeric.h"

namespace clustron::persist {
namespace {

constexpr size_t kIntegerTextMax = 11;  // "-2147483648"

template <typename T>
bool Fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

// Lengths are big endian, unlike all else.
void BigEndian(Writer& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.U8(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace

void RdbWriter::Begin() {
  CHECK(total_bytes() == 0);
  const std::string version = std::to_string(kRdbVersion);
  buffer_ += "REDIS" + std::string(4 - version.size(), '0') + version;
}

void RdbWriter::Opcode(RdbOpcode opcode) { Writer(&buffer_).U8(static_cast<uint8_t>(opcode)); }

void RdbWriter::Length(uint64_t length) {
  Writer out(&buffer_);
  if (length < 1 << 6) {
    out.U8(static_cast<uint8_t>(length));
  } else if (length < 1 << 14) {
    out.U8(static_cast<uint8_t>(kRdbLen14 << 6 | length >> 8));
    out.U8(static_cast<uint8_t>(length));
  } else if (length <= std::numeric_limits<uint32_t>::max()) {
    out.U8(kRdbLen32);
    BigEndian(out, length, 4);
  } else {
    out.U8(kRdbLen64);
    BigEndian(out, length, 8);
  }
}

void RdbWriter::Bytes(std::string_view bytes) {
  if (bytes.size() <= kIntegerTextMax) {
    const std::optional<int64_t> value = ParseInt64(bytes);
    if (value && Fits<int32_t>(*value)) {
      Writer out(&buffer_);
      const uint8_t tag = kRdbEncoded << 6;
      const auto bits = static_cast<uint64_t>(*value);
      if (Fits<int8_t>(*value)) {
        out.U8(tag | kRdbInt8);
        out.U8(static_cast<uint8_t>(bits));
      } else if (Fits<int16_t>(*value)) {
        out.U8(tag | kRdbInt16);
        out.U16(static_cast<uint16_t>(bits));
      } else {
        out.U8(tag | kRdbInt32);
        out.U32(static_cast<uint32_t>(bits));
      }
      return;
    }
  }
  Length(bytes.size());
  buffer_ += bytes;
}

void RdbWriter::Aux(std::string_view name, std::string_view value) {
  CHECK(parts_left_ == 0);
  CHECK(bytes_left_ == 0);
  Opcode(RdbOpcode::kAux);
  Bytes(name);
  Bytes(value);
}

void RdbWriter::Section(std::string_view name, std::string_view bytes) {
  const std::string full = std::string(kRdbSectionPrefix) + std::string(name);
  do {
    const std::string_view chunk = bytes.substr(0, kSectionChunkBytes);
    bytes.remove_prefix(chunk.size());
    Aux(full, chunk);
  } while (!bytes.empty());
}

void RdbWriter::SelectDb(uint32_t db) {
  CHECK(parts_left_ == 0);
  Opcode(RdbOpcode::kSelectDb);
  Length(db);
}

void RdbWriter::ResizeDb(uint64_t keys, uint64_t expires) {
  Opcode(RdbOpcode::kResizeDb);
  Length(keys);
  Length(expires);
}

void RdbWriter::ExpireAtMs(int64_t unix_ms) {
  CHECK(parts_left_ == 0);
  Opcode(RdbOpcode::kExpireTimeMs);
  Writer(&buffer_).I64(unix_ms);
}

void RdbWriter::Type(RdbType type, std::string_view key) {
  CHECK(parts_left_ == 0);
  CHECK(bytes_left_ == 0);
  Writer(&buffer_).U8(static_cast<uint8_t>(type));
  if (use_ == Use::kFile) Bytes(key);
}

void RdbWriter::String(std::string_view key, std::string_view value) {
  Type(RdbType::kString, key);
  Bytes(value);
}

void RdbWriter::StringBegin(std::string_view key, uint64_t size) {
  CHECK(size > kIntegerTextMax);
  Type(RdbType::kString, key);
  Length(size);
  bytes_left_ = size;
}

void RdbWriter::StringBytes(std::string_view bytes) {
  CHECK(bytes.size() <= bytes_left_);
  bytes_left_ -= bytes.size();
  buffer_ += bytes;
}

void RdbWriter::Begin(RdbKind kind, std::string_view key, uint64_t elements) {
  CHECK(elements > 0);
  const RdbShape* shape = WrittenShape(kind);
  CHECK(shape != nullptr && shape->parts_per_element > 0);
  Type(shape->type, key);
  Length(elements);
  parts_left_ = elements * shape->parts_per_element;
}

void RdbWriter::Part(std::string_view bytes) {
  CHECK(parts_left_ > 0);
  --parts_left_;
  Bytes(bytes);
}

void RdbWriter::End() {
  CHECK(parts_left_ == 0);
  CHECK(bytes_left_ == 0);
  Opcode(RdbOpcode::kEof);
  Checksum();
  Writer(&buffer_).U64(crc_);
}

void RdbWriter::EndPayload() {
  CHECK(use_ == Use::kPayload);
  CHECK(parts_left_ == 0);
  CHECK(bytes_left_ == 0);
  Writer(&buffer_).U16(kRdbVersion);
  Checksum();
  Writer(&buffer_).U64(crc_);
}

void RdbWriter::Checksum() {
  crc_ = Crc64(std::string_view(buffer_).substr(summed_), crc_);
  summed_ = buffer_.size();
}

std::string RdbWriter::Take() {
  Checksum();
  taken_bytes_ += buffer_.size();
  summed_ = 0;
  return std::exchange(buffer_, {});
}

}  // namespace clustron::persist

#include "base/crc64.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace clustron {

namespace {

constexpr uint64_t kPolynomialReflected = 0x95ac9329ac4bc9b5ULL;  // of 0xad93d23594c935a9

// tables[k][b]: the checksum of byte b followed by k zero bytes ("slicing by 8", Kounavis and
// Berry 2005), so that eight bytes take eight look-ups that don't wait for each other.
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomialReflected : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint64_t Crc64(std::string_view bytes, uint64_t crc) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, sizeof word);
    crc ^= word;
    uint64_t next = 0;
    for (size_t k = 0; k < 8; ++k) next ^= kTables[7 - k][(crc >> (8 * k)) & 0xff];
    crc = next;
  }
  for (; left > 0; ++p, --left)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*p)) & 0xff];
  return crc;
}

}  // namespace clustron

#include "base/crc64.h"

#include <immintrin.h>

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

// Folding by carry-less multiplication (Gopal et al., "Fast CRC Computation for Generic Polynomials
// Using PCLMULQDQ", Intel 2009): 64 bytes of message are replaced by what they leave 64 bytes
// further on. Reflected, bit i of a word stands for x^(63-i), the first word of a block for the
// higher powers, and a product comes out multiplied by x once more.
constexpr size_t kBlock = 16;
constexpr size_t kFolded = 4 * kBlock;

// x^n modulo the polynomial.
constexpr uint64_t PowerOfX(int n) {
  uint64_t power = uint64_t{1} << 63;
  for (; n > 0; --n) power = (power & 1) != 0 ? (power >> 1) ^ kPolynomialReflected : power >> 1;
  return power;
}

// What moves a block on by so many bits.
struct Mover {
  uint64_t first;
  uint64_t second;
};
constexpr Mover MoverBy(int bits) { return {PowerOfX(bits + 63), PowerOfX(bits - 1)}; }

__attribute__((target("pclmul"))) inline __m128i Moved(__m128i block, __m128i mover) {
  return _mm_xor_si128(_mm_clmulepi64_si128(block, mover, 0x00),
                       _mm_clmulepi64_si128(block, mover, 0x11));
}

inline __m128i Load(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// Writes 16 bytes whose checksum, with nothing before them, is that of the whole blocks of `bytes`;
// returns how many bytes those are. REQUIRES: there are at least kFolded; the CPU has PCLMULQDQ.
__attribute__((target("pclmul"))) size_t Fold(std::string_view bytes, uint64_t crc, char* out) {
  static constexpr Mover kFar = MoverBy(8 * kFolded);
  static constexpr Mover kNear = MoverBy(8 * kBlock);
  const char* p = bytes.data();
  const char* const end = p + bytes.size() / kBlock * kBlock;
  __m128i lanes[4];
  for (size_t i = 0; i < 4; ++i) lanes[i] = Load(p + i * kBlock);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, static_cast<int64_t>(crc)));
  p += kFolded;
  const __m128i far = Load(&kFar);
  for (; p + kFolded <= end; p += kFolded) {
    for (size_t i = 0; i < 4; ++i)
      lanes[i] = _mm_xor_si128(Moved(lanes[i], far), Load(p + i * kBlock));
  }
  const __m128i near = Load(&kNear);
  __m128i folded = lanes[0];
  for (size_t i = 1; i < 4; ++i) folded = _mm_xor_si128(Moved(folded, near), lanes[i]);
  for (; p < end; p += kBlock) folded = _mm_xor_si128(Moved(folded, near), Load(p));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), folded);
  return static_cast<size_t>(p - bytes.data());
}

const bool kCanFold = __builtin_cpu_supports("pclmul");

uint64_t ByTables(std::string_view bytes, uint64_t crc) {
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

}  // namespace

uint64_t Crc64(std::string_view bytes, uint64_t crc) {
  if (bytes.size() < 2 * kFolded || !kCanFold) return ByTables(bytes, crc);
  char folded[kBlock];
  const size_t done = Fold(bytes, crc, folded);
  return ByTables(bytes.substr(done), ByTables({folded, sizeof folded}, 0));
}

}  // namespace clustron

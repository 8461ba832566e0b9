// The only place that touches raw offsets and byte order. All integers are little endian.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace clustron {

static_assert(std::endian::native == std::endian::little, "one byte order per cluster: little");

// Appends to a string that the caller owns.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(*out) {}

  void U8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void U16(uint16_t v) { Fixed(v); }
  void U32(uint32_t v) { Fixed(v); }
  void U64(uint64_t v) { Fixed(v); }
  void I64(int64_t v) { Fixed(v); }
  // LEB128, at most 10 bytes.
  void Varint(uint64_t v) {
    char buf[10];
    int n = 0;
    while (v >= 0x80) {
      buf[n++] = static_cast<char>(v | 0x80);
      v >>= 7;
    }
    buf[n++] = static_cast<char>(v);
    out_.append(buf, static_cast<size_t>(n));
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  // A varint length, then the bytes.
  void Bytes(std::string_view bytes) {
    Varint(bytes.size());
    out_.append(bytes);
  }
  size_t size() const { return out_.size(); }

 private:
  template <typename T>
  void Fixed(T v) {
    char buf[sizeof v];
    std::memcpy(buf, &v, sizeof v);
    out_.append(buf, sizeof v);
  }
  std::string& out_;
};

// Reads from bytes that the caller keeps alive; views returned point into them. The first
// overrun latches: every later read returns zero or an empty view, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view in) : p_(in.data()), end_(in.data() + in.size()) {}

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  int64_t I64() { return Fixed<int64_t>(); }
  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Latch();
      const uint8_t byte = static_cast<uint8_t>(*p_++);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    return Latch();
  }
  std::string_view Raw(uint64_t size) {
    if (size > remaining()) {
      Latch();
      return {};
    }
    std::string_view view(p_, size);
    p_ += size;
    return view;
  }
  std::string_view Bytes() { return Raw(Varint()); }

  size_t remaining() const { return static_cast<size_t>(end_ - p_); }
  bool ok() const { return ok_; }
  // True when all was read and nothing overran.
  bool Done() const { return ok_ && p_ == end_; }

 private:
  template <typename T>
  T Fixed() {
    if (remaining() < sizeof(T)) return static_cast<T>(Latch());
    T v;
    std::memcpy(&v, p_, sizeof v);
    p_ += sizeof v;
    return v;
  }
  uint64_t Latch() {
    ok_ = false;
    p_ = end_;
    return 0;
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace clustron

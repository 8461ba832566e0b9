#include "persist/packed_reader.h"

#include "base/coding.h"

namespace clustron::persist {
namespace {

constexpr size_t kListpackHeaderBytes = 6;  // total bytes u32, elements u16
constexpr size_t kZiplistHeaderBytes = 10;  // total bytes u32, tail u32, elements u16
constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kZiplistBigPrevious = 0xfe;

// Little endian, sign extended.
int64_t SignedOf(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  const int shift = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<int64_t>(value << shift) >> shift;
}

// Bytes of the length behind a listpack element, by which it is walked backwards.
size_t BackLengthBytes(uint64_t size) {
  size_t bytes = 1;
  for (; size > 127 && bytes < 5; size >>= 7) ++bytes;
  return bytes;
}

}  // namespace

PackedReader::PackedReader(Format format, std::string_view bytes) : format_(format), bytes_(bytes) {
  const size_t header = format == Format::kListpack ? kListpackHeaderBytes : kZiplistHeaderBytes;
  Reader in(bytes);
  const uint32_t total = in.U32();
  if (bytes.size() < header + 1 || total != bytes.size() || Byte(bytes.size() - 1) != kEnd) {
    Fail();
    return;
  }
  at_ = header;
}

bool PackedReader::Fail() {
  ok_ = false;
  at_ = bytes_.size();
  return false;
}

bool PackedReader::Next(std::string_view* element) {
  if (!ok_ || left() == 0) return false;
  if (Byte(at_) == kEnd) return left() == 1 ? false : Fail();
  return format_ == Format::kListpack ? NextListpack(element) : NextZiplist(element);
}

bool PackedReader::Count(uint64_t* count) const {
  PackedReader copy = *this;
  std::string_view element;
  for (*count = 0; copy.Next(&element); ++*count) {
  }
  return copy.ok();
}

bool PackedReader::Integer(size_t bytes, std::string_view* element) {
  if (left() <= bytes) return Fail();
  number_ = std::to_string(SignedOf(bytes_.substr(at_, bytes)));
  *element = number_;
  at_ += bytes;
  return true;
}

bool PackedReader::Text(uint64_t size, std::string_view* element) {
  if (left() <= size) return Fail();
  *element = bytes_.substr(at_, size);
  at_ += size;
  return true;
}

bool PackedReader::NextListpack(std::string_view* element) {
  const size_t begin = at_;
  const uint8_t tag = Byte(at_);
  const auto need = [&](size_t bytes) { return left() > bytes; };
  bool read = false;
  if (tag < 0x80) {  // 0xxxxxxx: 7 bits
    number_ = std::to_string(tag);
    *element = number_;
    ++at_;
    read = true;
  } else if (tag < 0xc0) {  // 10xxxxxx: text
    ++at_;
    read = Text(tag & 0x3f, element);
  } else if (tag < 0xe0) {  // 110xxxxx: 13 bits
    if (!need(2)) return Fail();
    const int64_t value = (tag & 0x1f) << 8 | Byte(at_ + 1);
    number_ = std::to_string(value >= 1 << 12 ? value - (1 << 13) : value);
    *element = number_;
    at_ += 2;
    read = true;
  } else if (tag < 0xf0) {  // 1110xxxx: text with 12 bits of length
    if (!need(2)) return Fail();
    const uint64_t size = static_cast<uint64_t>(tag & 0x0f) << 8 | Byte(at_ + 1);
    at_ += 2;
    read = Text(size, element);
  } else if (tag == 0xf0) {
    if (!need(5)) return Fail();
    Reader in(bytes_.substr(at_ + 1, 4));
    at_ += 5;
    read = Text(in.U32(), element);
  } else if (tag <= 0xf4) {
    constexpr size_t kIntegerBytes[] = {2, 3, 4, 8};
    ++at_;
    read = Integer(kIntegerBytes[tag - 0xf1], element);
  }
  if (!read) return Fail();
  const size_t back = BackLengthBytes(at_ - begin);
  if (left() <= back) return Fail();
  at_ += back;
  return true;
}

bool PackedReader::NextZiplist(std::string_view* element) {
  const size_t previous = Byte(at_) == kZiplistBigPrevious ? 5 : 1;
  if (left() <= previous + 1) return Fail();
  at_ += previous;
  const uint8_t tag = Byte(at_++);
  switch (tag >> 6) {
    case 0:
      return Text(tag & 0x3f, element);
    case 1: {
      if (left() < 2) return Fail();
      const uint64_t size = static_cast<uint64_t>(tag & 0x3f) << 8 | Byte(at_++);
      return Text(size, element);
    }
    case 2: {
      if (left() < 5) return Fail();
      uint64_t size = 0;
      for (int i = 0; i < 4; ++i) size = size << 8 | Byte(at_++);
      return Text(size, element);
    }
    default:
      break;
  }
  switch (tag) {
    case 0xc0:
      return Integer(2, element);
    case 0xd0:
      return Integer(4, element);
    case 0xe0:
      return Integer(8, element);
    case 0xf0:
      return Integer(3, element);
    case 0xfe:
      return Integer(1, element);
    default:
      break;
  }
  if (tag < 0xf1 || tag > 0xfd) return Fail();
  number_ = std::to_string((tag & 0x0f) - 1);
  *element = number_;
  return true;
}

}  // namespace clustron::persist

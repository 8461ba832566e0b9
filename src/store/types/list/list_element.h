// One element of a list: a byte string, or the integer that it spells.
//
// A text that is the canonical decimal of an int64 is kept as the integer where that is shorter, so
// reading an element may have to spell it again: View() takes the room for that.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace clustron::store {

// Room for the decimal of any int64.
struct NumberText {
  char bytes[24];
};

struct ListElement {
  std::string_view text = {};  // unless is_number
  int64_t number = 0;
  bool is_number = false;

  // Valid as long as the list is not changed and `room` lives.
  std::string_view View(NumberText& room) const {
    if (!is_number) return text;
    const auto end = std::to_chars(room.bytes, room.bytes + sizeof room.bytes, number).ptr;
    return {room.bytes, static_cast<size_t>(end - room.bytes)};
  }
};

// An element longer than what fits beside others: one allocation, counted, never changed.
struct ListBlob {
  uint32_t refs;
  uint32_t size;
  char bytes[8];  // really `size` of them

  static ListBlob* New(std::string_view text);
  static void Unref(ListBlob* blob);
  std::string_view view() const { return {bytes, size}; }
  static size_t AllocBytes(size_t size) { return offsetof(ListBlob, bytes) + size; }
};

// How an element is kept in a chunk: a code of one byte, and the bytes that the code asks for.
//   0 … 239    a text of so many bytes
//   240 … 247  an integer of 1 … 8 bytes, little endian
//   255        a pointer to a ListBlob
class EncodedElement {
 public:
  static constexpr size_t kTextMax = 239;
  static constexpr uint8_t kFirstInteger = 240;
  static constexpr uint8_t kBlob = 255;

  // Keeps a view of `text`.
  explicit EncodedElement(std::string_view text);
  // As it stands in a chunk, which must outlive this; a blob is shared when it is written.
  EncodedElement(uint8_t code, const char* data);

  uint8_t code() const { return code_; }
  // Bytes in the chunk, the code not counted.
  size_t size() const { return SizeOf(code_); }
  // See ListpackBytes below.
  size_t listpack_bytes() const;
  // Writes size() bytes; a long text gets its blob.
  void Write(char* to) const;
  // Whether the bytes behind `code` are this element.
  bool Equals(uint8_t code, const char* data) const;

  static constexpr size_t SizeOf(uint8_t code) {
    if (code <= kTextMax) return code;
    return code == kBlob ? sizeof(ListBlob*) : code - kFirstInteger + size_t{1};
  }
  static ListElement Read(uint8_t code, const char* data);
  static ListBlob* BlobAt(const char* data) {
    ListBlob* blob;
    std::memcpy(&blob, data, sizeof blob);
    return blob;
  }

 private:
  std::string_view text_;  // unless it is an integer
  ListBlob* blob_ = nullptr;
  int64_t integer_ = 0;
  uint8_t code_;
};

// What an element takes in a Redis listpack: by this the limit of the packed form is judged, as
// Redis judges it, and the sum over a list is what a copy of it stands for.
size_t ListpackBytes(std::string_view text);
size_t ListpackBytes(const ListElement& element);

}  // namespace clustron::store

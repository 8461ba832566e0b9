// Reads Redis's packed collections as they stand in RDB files: listpack and ziplist.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clustron::persist {

// Walks the elements of a listpack or a ziplist that the caller keeps alive. Everything is checked
// against the end of the bytes; nothing is trusted.
class PackedReader {
 public:
  enum class Format : uint8_t { kListpack, kZiplist };
  PackedReader(Format format, std::string_view bytes);

  // The next element; an integer as its decimal text. False at the end or if malformed (see ok).
  // The view is valid until the next call.
  bool Next(std::string_view* element);
  bool ok() const { return ok_; }

  // How many elements there are, by walking a copy of this reader; nullopt-like: false if
  // malformed.
  bool Count(uint64_t* count) const;

 private:
  bool Fail();
  bool Integer(size_t bytes, std::string_view* element);
  bool Text(uint64_t size, std::string_view* element);
  bool NextListpack(std::string_view* element);
  bool NextZiplist(std::string_view* element);
  uint8_t Byte(size_t at) const { return static_cast<uint8_t>(bytes_[at]); }
  size_t left() const { return bytes_.size() - at_; }

  Format format_;
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
  std::string number_;
};

}  // namespace clustron::persist

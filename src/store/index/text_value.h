// Byte strings of an index, each kept once with a count of references; the words of a text.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {

// The first eight bytes as a number: where two differ they are in the order of the bytes. What lies
// behind the end counts as zeros.
inline uint64_t TextHead(std::string_view bytes) {
  uint64_t head = 0;
  std::memcpy(&head, bytes.data(), std::min<size_t>(bytes.size(), sizeof head));
  return std::byteswap(head);
}

class Text {
 public:
  static Text* New(std::string_view bytes) {
    Text* text = new (Alloc(BytesOf(bytes.size()))) Text;
    text->size_ = static_cast<uint32_t>(bytes.size());
    if (bytes.size() < sizeof(uint64_t)) std::memset(text->bytes(), 0, sizeof(uint64_t));
    std::memcpy(text->bytes(), bytes.data(), bytes.size());
    return text;
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  uint64_t head() const {
    uint64_t head;
    std::memcpy(&head, this + 1, sizeof head);
    return std::byteswap(head);
  }
  // Whether it comes before these bytes, whose head is `head`.
  bool IsBefore(std::string_view bytes, uint64_t head) const {
    const uint64_t own = this->head();
    return own != head ? own < head : view() < bytes;
  }
  Text* Use() {
    references_++;
    return this;
  }
  // Frees it with the last reference.
  void Drop() {
    CHECK(references_ > 0);
    if (--references_ == 0) Free(this, BytesOf(size_));
  }

 private:
  Text() = default;
  static size_t BytesOf(size_t size) { return sizeof(Text) + std::max(size, sizeof(uint64_t)); }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  uint32_t references_ = 0;
  uint32_t size_ = 0;
};

// Equal bytes are one text.
struct ByBytes {
  static bool Less(const Text* a, const Text* b) {
    return a != b && a->IsBefore(b->view(), b->head());
  }
  static bool Equal(const Text* a, const Text* b) { return a == b; }
};

// ASCII letters and digits, and all bytes above 127, make words; ASCII letters become lower case.
inline void AppendWords(std::string_view text, std::vector<std::string>* words) {
  std::string word;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool part = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
    if (part) {
      word.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
    } else if (!word.empty()) {
      words->push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words->push_back(std::move(word));
}

}  // namespace clustron::store

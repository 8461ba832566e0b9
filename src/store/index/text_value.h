// Byte strings of an index, each kept once with a count of references; the words of a text.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {

class Text {
 public:
  static Text* New(std::string_view bytes) {
    Text* text = new (Alloc(sizeof(Text) + bytes.size())) Text;
    text->size_ = static_cast<uint32_t>(bytes.size());
    std::memcpy(text->bytes(), bytes.data(), bytes.size());
    return text;
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  Text* Use() {
    references_++;
    return this;
  }
  // Frees it with the last reference.
  void Drop() {
    CHECK(references_ > 0);
    if (--references_ == 0) Free(this, sizeof(Text) + size_);
  }

 private:
  Text() = default;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  uint32_t references_ = 0;
  uint32_t size_ = 0;
};

struct ByBytes {
  static bool Less(const Text* a, const Text* b) { return a != b && a->view() < b->view(); }
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

#include "store/types/list/list_element.h"

#include <bit>
#include <optional>

#include "base/check.h"
#include "base/numeric.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {

namespace {

// Bytes of the two's complement.
size_t IntegerBytes(int64_t value) {
  const auto bits = static_cast<uint64_t>(value < 0 ? ~value : value);
  return static_cast<size_t>(std::bit_width(bits)) / 8 + 1;
}

// The integer that a text spells, if it does.
bool SpellsInteger(std::string_view text, int64_t* value) {
  if (text.empty() || text.size() > 20 || text[0] > '9') return false;
  const std::optional<int64_t> parsed = ParseInt64(text);
  if (parsed) *value = *parsed;
  return parsed.has_value();
}

size_t BackLengthBytes(size_t entry) {
  size_t bytes = 1;
  for (size_t left = entry; left > 127 && bytes < 5; left >>= 7) bytes++;
  return bytes;
}

size_t WithBackLength(size_t entry) { return entry + BackLengthBytes(entry); }

size_t TextEntry(size_t size) { return size + (size < 64 ? 1 : size < 4096 ? 2 : 5); }

size_t IntegerEntry(int64_t value) {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value <= 4095) return 2;
  const size_t bytes = IntegerBytes(value);
  return 1 + (bytes <= 4 ? bytes : 8);
}

}  // namespace

ListBlob* ListBlob::New(std::string_view text) {
  auto* blob = static_cast<ListBlob*>(Alloc(AllocBytes(text.size())));
  blob->refs = 1;
  blob->size = static_cast<uint32_t>(text.size());
  std::memcpy(reinterpret_cast<char*>(blob) + offsetof(ListBlob, bytes), text.data(), text.size());
  return blob;
}

void ListBlob::Unref(ListBlob* blob) {
  DCHECK(blob->refs > 0);
  if (--blob->refs == 0) Free(blob, AllocBytes(blob->size));
}

EncodedElement::EncodedElement(std::string_view text) : text_(text) {
  if (SpellsInteger(text, &integer_)) {
    const size_t bytes = IntegerBytes(integer_);
    if (bytes < text.size()) {
      code_ = static_cast<uint8_t>(kFirstInteger + bytes - 1);
      return;
    }
  }
  code_ = text.size() <= kTextMax ? static_cast<uint8_t>(text.size()) : kBlob;
}

EncodedElement::EncodedElement(uint8_t code, const char* data) : code_(code) {
  const ListElement element = Read(code, data);
  text_ = element.text;
  integer_ = element.number;
  if (code == kBlob) blob_ = BlobAt(data);
}

void EncodedElement::Write(char* to) const {
  static_assert(std::endian::native == std::endian::little);
  if (code_ <= kTextMax) {
    std::memcpy(to, text_.data(), text_.size());
  } else if (code_ == kBlob) {
    ListBlob* blob = blob_;
    if (blob != nullptr) {
      blob->refs++;
    } else {
      blob = ListBlob::New(text_);
    }
    std::memcpy(to, &blob, sizeof blob);
  } else {
    std::memcpy(to, &integer_, size());
  }
}

size_t EncodedElement::listpack_bytes() const {
  if (code_ <= kTextMax || code_ == kBlob) return ListpackBytes(text_);
  return WithBackLength(IntegerEntry(integer_));
}

bool EncodedElement::Equals(uint8_t code, const char* data) const {
  if (code != code_) return false;
  if (code == kBlob) return BlobAt(data)->view() == text_;
  if (code <= kTextMax) return std::memcmp(data, text_.data(), code) == 0;
  return std::memcmp(data, &integer_, SizeOf(code)) == 0;
}

ListElement EncodedElement::Read(uint8_t code, const char* data) {
  if (code <= kTextMax) return {.text = {data, code}};
  if (code == kBlob) return {.text = BlobAt(data)->view()};
  const size_t bytes = SizeOf(code);
  uint64_t bits = 0;
  std::memcpy(&bits, data, bytes);
  const int shift = static_cast<int>(64 - 8 * bytes);
  return {.number = static_cast<int64_t>(bits << shift) >> shift, .is_number = true};
}

size_t ListpackBytes(std::string_view text) {
  int64_t value = 0;
  return WithBackLength(SpellsInteger(text, &value) ? IntegerEntry(value) : TextEntry(text.size()));
}

size_t ListpackBytes(const ListElement& element) {
  if (element.is_number) return WithBackLength(IntegerEntry(element.number));
  return ListpackBytes(element.text);
}

}  // namespace clustron::store

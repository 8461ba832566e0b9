#include "store/types/string/string_type.h"

#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "store/keyspace/key_meta.h"
#include "store/types/string/string_value.h"

namespace clustron::store {

namespace {

constexpr size_t kEmbstrMax = 44;

// Whether `text` is the canonical decimal form of an int64: what Redis keeps as an integer.
bool IsCanonicalInt(std::string_view text) {
  if (text.empty() || text.size() > 20) return false;
  const size_t sign = text[0] == '-' ? 1 : 0;
  if (text.size() == sign) return false;
  if (text[sign] < '0' || text[sign] > '9') return false;
  if (text[sign] == '0') return text.size() == 1;
  int64_t value;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

}  // namespace

BigString& BigOf(const KeyRecord& record) {
  CHECK(record.form() == Form::kBig);
  return *reinterpret_cast<BigString*>(KeyRecordEdit::Pointer(record));
}

KeyRecord* NewBigString(std::string_view key, std::unique_ptr<BigString> big,
                        DeadlineWord deadline) {
  return KeyRecordEdit::NewPointer(key, Type::kString, Form::kBig,
                                   reinterpret_cast<uintptr_t>(big.release()), deadline);
}

Form ClassifyString(std::string_view value) {
  if (value.size() <= 20 && IsCanonicalInt(value)) return Form::kInt;
  return value.size() <= kEmbstrMax ? Form::kEmbstr : Form::kRaw;
}

namespace string_type {

namespace {

constexpr size_t kFrozenBytesMin = 64 << 10;  // longer ones are written in slices, by reference
constexpr size_t kFreedAtOnce = 16;           // pieces

BigString* BigAt(uintptr_t value) { return reinterpret_cast<BigString*>(value); }

class Frozen final : public FrozenValue {
 public:
  explicit Frozen(const BigString& big) : big_(big.Share()) {}
  bool Step(PartSink& sink) override {
    CHECK(next_ < big_->piece_count());
    sink.OnPart(big_->piece(next_));
    return ++next_ < big_->piece_count();
  }

 private:
  const std::unique_ptr<BigString> big_;
  size_t next_ = 0;
};

class Freed final : public SlicedFree {
 public:
  explicit Freed(uintptr_t value) : big_(BigAt(value)) {}
  bool FreeSome(size_t count) override { return big_->FreeSome(count); }

 private:
  const std::unique_ptr<BigString> big_;
};

class Builder final : public ValueBuilder {
 public:
  Builder(const KeyMeta& meta, uint64_t size) : form_(meta.form), foreign_(meta.foreign) {
    if (size > KeyRecordEdit::kInlineMax) big_ = std::make_unique<BigString>();
  }
  Status Part(std::string_view part) override {
    if (big_ != nullptr) {
      big_->Append(part);
    } else {
      text_.append(part);
    }
    return {};
  }
  KeyRecord* Finish(std::string_view key, DeadlineWord deadline) override {
    if (big_ != nullptr) return NewBigString(key, std::move(big_), deadline);
    // A form that the bytes contradict would be corruption that no checksum saw; harmless, though.
    const bool fits = form_ <= Form::kRaw && (form_ != Form::kInt || IsCanonicalInt(text_));
    const Form form = foreign_ ? ClassifyString(text_) : fits ? form_ : Form::kRaw;
    KeyRecord* record = KeyRecordEdit::NewInline(key, text_.size(), form, deadline);
    std::memcpy(KeyRecordEdit::InlineBytes(*record), text_.data(), text_.size());
    return record;
  }

 private:
  const Form form_;
  const bool foreign_;
  std::string text_;
  std::unique_ptr<BigString> big_;
};

}  // namespace

uint64_t Count(const KeyRecord& record) { return StringOf(record).size(); }

std::string_view Encoding(const KeyRecord& record) {
  return record.form() == Form::kInt ? "int" : record.form() == Form::kEmbstr ? "embstr" : "raw";
}

bool Packed(const KeyRecord&) { return false; }

size_t MemoryUsage(const KeyRecord& record) {
  return record.form() == Form::kBig ? BigOf(record).MemoryUsage() : 0;
}

void Parts(const KeyRecord& record, PartSink& sink) {
  StringOf(record).ForEachPiece([&sink](std::string_view piece) { sink.OnPart(piece); });
}

std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record) {
  if (StringOf(record).size() <= kFrozenBytesMin) return nullptr;
  return std::make_unique<Frozen>(BigOf(record));
}

std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t count, uint64_t) {
  return std::make_unique<Builder>(meta, count);
}

uintptr_t Share(const KeyRecord& record) {
  return reinterpret_cast<uintptr_t>(BigOf(record).Share().release());
}

void Destroy(uintptr_t value) { delete BigAt(value); }

std::unique_ptr<SlicedFree> SetAside(uintptr_t value) {
  if (BigAt(value)->piece_count() <= kFreedAtOnce) return nullptr;
  return std::make_unique<Freed>(value);
}

}  // namespace string_type

}  // namespace clustron::store

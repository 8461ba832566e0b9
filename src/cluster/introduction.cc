#include "cluster/introduction.h"

#include "base/coding.h"

namespace clustron::cluster {

namespace {

constexpr uint8_t kFormat = 1;

enum class Tag : uint8_t {
  kBoot = 1,            // u64
  kNonce = 2,           // u64
  kFeatureVersion = 3,  // u16
};

class FieldWriter {
 public:
  FieldWriter() { Writer(&out_).U8(kFormat); }
  // `fill` appends the field's bytes with the Writer that it gets.
  template <typename F>
  void Add(Tag tag, F&& fill) {
    std::string bytes;
    Writer writer(&bytes);
    fill(writer);
    Writer out(&out_);
    out.U8(static_cast<uint8_t>(tag));
    out.Bytes(bytes);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Calls take(tag, reader of the field's bytes), which is false if they can't be read.
template <typename F>
bool ReadFields(std::string_view body, F&& take) {
  Reader reader(body);
  if (reader.U8() != kFormat) return false;
  while (reader.ok() && reader.remaining() > 0) {
    const Tag tag = static_cast<Tag>(reader.U8());
    Reader field(reader.Bytes());
    if (!reader.ok() || !take(tag, field)) return false;
  }
  return reader.ok();
}

}  // namespace

std::string EncodeIntroduction(const Introduction& introduction) {
  FieldWriter fields;
  fields.Add(Tag::kBoot, [&](Writer& out) { out.U64(introduction.boot); });
  fields.Add(Tag::kNonce, [&](Writer& out) { out.U64(introduction.nonce); });
  fields.Add(Tag::kFeatureVersion, [&](Writer& out) { out.U16(introduction.feature_version); });
  return fields.Take();
}

bool DecodeIntroduction(std::string_view body, Introduction* introduction) {
  *introduction = {};
  const bool read = ReadFields(body, [&](Tag tag, Reader& in) {
    switch (tag) {
      case Tag::kBoot:
        introduction->boot = in.U64();
        return in.Done();
      case Tag::kNonce:
        introduction->nonce = in.U64();
        return in.Done();
      case Tag::kFeatureVersion:
        introduction->feature_version = in.U16();
        return in.Done();
    }
    return true;
  });
  return read && introduction->boot != 0 && introduction->nonce != 0;
}

std::string EncodeIntroductionAnswer(const IntroductionAnswer& answer) {
  FieldWriter fields;
  fields.Add(Tag::kBoot, [&](Writer& out) { out.U64(answer.boot); });
  fields.Add(Tag::kNonce, [&](Writer& out) { out.U64(answer.nonce); });
  return fields.Take();
}

bool DecodeIntroductionAnswer(std::string_view body, IntroductionAnswer* answer) {
  *answer = {};
  const bool read = ReadFields(body, [&](Tag tag, Reader& in) {
    switch (tag) {
      case Tag::kBoot:
        answer->boot = in.U64();
        return in.Done();
      case Tag::kNonce:
        answer->nonce = in.U64();
        return in.Done();
      case Tag::kFeatureVersion:
        break;
    }
    return true;
  });
  return read && answer->nonce != 0;
}

}  // namespace clustron::cluster

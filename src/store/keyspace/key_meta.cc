#include "store/keyspace/key_meta.h"

#include "base/coding.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {
namespace {

// flags: form (3 bits) | packed | has a deadline | deadline by the wall clock
constexpr uint8_t kFormMask = 7;
constexpr uint8_t kPacked = 8;
constexpr uint8_t kDeadline = 16;
constexpr uint8_t kWall = 32;

}  // namespace

KeyMeta KeyMeta::Of(const KeyRecord& e) {
  KeyMeta meta;
  meta.revision = e.revision();
  meta.deadline = e.deadline();
  meta.form = e.form() == Form::kBig ? Form::kRaw : e.form();
  meta.packed = ValueTypeOf(e).packed(e);
  return meta;
}

KeyMeta KeyMeta::Foreign() {
  KeyMeta meta;
  meta.revision = 1;
  meta.foreign = true;
  return meta;
}

void KeyMeta::Encode(std::string* out) const {
  Writer w(out);
  auto flags = static_cast<uint8_t>(form);
  if (packed) flags |= kPacked;
  if (deadline.exists()) flags |= kDeadline;
  if (deadline.exists() && deadline.clock() == ClockKind::kWall) flags |= kWall;
  w.U8(flags);
  w.Varint(revision);
  if (deadline.exists()) w.Varint(static_cast<uint64_t>(deadline.ms()));
}

Result<KeyMeta> KeyMeta::Decode(std::string_view bytes) {
  Reader r(bytes);
  const uint8_t flags = r.U8();
  KeyMeta meta;
  meta.form = static_cast<Form>(flags & kFormMask);
  meta.packed = (flags & kPacked) != 0;
  meta.revision = r.Varint();
  if ((flags & kDeadline) != 0) {
    const auto ms = static_cast<int64_t>(r.Varint());
    meta.deadline = Deadline::At((flags & kWall) != 0 ? ClockKind::kWall : ClockKind::kElapsed, ms);
  }
  if (!r.Done() || meta.form > Form::kObject || meta.form == Form::kBig ||
      meta.revision >> 48 != 0) {
    return Fail(Errc::kCorruption, "attributes of a key in the snapshot");
  }
  return meta;
}

}  // namespace clustron::store

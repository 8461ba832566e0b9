#include "store/types/hash/hash_type.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "store/keyspace/key_meta.h"
#include "store/types/hash/big_hash.h"
#include "store/types/hash/hash_word.h"

namespace clustron::store {

HashValue& HashToChange(KeyRecord& record) {
  CHECK(record.type() == Type::kHash);
  return HashWord::From(KeyRecordEdit::PointerPlace(record));
}

const HashValue& HashOf(const KeyRecord& record) {
  return HashToChange(const_cast<KeyRecord&>(record));
}

namespace hash_type {

namespace {

constexpr size_t kWholeFieldsMax = 512;  // more are written, and freed, in slices
constexpr HashLimits kNoLimits{UINT32_MAX, UINT32_MAX};

class Frozen final : public FrozenValue {
 public:
  explicit Frozen(HashFreeze hash) : hash_(std::move(hash)) {}
  bool Step(PartSink& sink) override {
    CHECK(next_ < hash_.chunk_count());
    const HashChunk& chunk = hash_.chunk(next_);
    for (uint32_t i = 0; i < chunk.count; i++) {
      sink.OnPart(chunk.items[i]->field());
      sink.OnPart(chunk.items[i]->value());
    }
    return ++next_ < hash_.chunk_count();
  }

 private:
  const HashFreeze hash_;
  size_t next_ = 0;
};

class Freed final : public SlicedFree {
 public:
  explicit Freed(uintptr_t value) : hash_(HashWord::Big(value)) {}
  bool FreeSome(size_t count) override { return hash_->FreeSome(count + HashChunk::kItems); }

 private:
  const std::unique_ptr<BigHash> hash_;
};

class Builder final : public ValueBuilder {
 public:
  Builder(const KeyMeta& meta, uint64_t seed)
      : limits_(meta.foreign ? HashLimits() : kNoLimits), seed_(seed), word_(HashWord::New()) {
    if (!meta.packed && !meta.foreign) HashWord::MakeBig(HashWord::From(&word_), seed);
  }
  ~Builder() override {
    if (word_ != 0) HashWord::Destroy(word_);
  }
  Status Part(std::string_view part) override {
    if (std::exchange(half_, !half_)) {
      if (!HashWord::Set(HashWord::From(&word_), field_, part, limits_, seed_, nullptr))
        return Fail(Errc::kCorruption, "snapshot: a field twice in a hash");
    } else {
      field_.assign(part);
    }
    return {};
  }
  KeyRecord* Finish(std::string_view key, DeadlineWord deadline) override {
    CHECK(word_ != 0 && !half_);
    return KeyRecordEdit::NewPointer(key, Type::kHash, Form::kObject, std::exchange(word_, 0),
                                     deadline);
  }

 private:
  const HashLimits limits_;
  const uint64_t seed_;
  uintptr_t word_;
  std::string field_;  // whose value comes next
  bool half_ = false;
};

}  // namespace

uint64_t Count(const KeyRecord& record) { return HashOf(record).size(); }
std::string_view Encoding(const KeyRecord& record) {
  return Packed(record) ? "listpack" : "hashtable";
}
bool Packed(const KeyRecord& record) { return HashOf(record).packed(); }
uint64_t StoredBytes(const KeyRecord& record) { return HashOf(record).StoredBytes(); }
size_t MemoryUsage(const KeyRecord& record) { return HashOf(record).MemoryUsage(); }

void Parts(const KeyRecord& record, PartSink& sink) {
  HashOf(record).ForEach([&sink](FieldValue fv) {
    sink.OnPart(fv.field);
    sink.OnPart(fv.value);
  });
}

std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record) {
  if (Packed(record) || Count(record) <= kWholeFieldsMax) return nullptr;
  return std::make_unique<Frozen>(HashWord::Big(KeyRecordEdit::Pointer(record))->Freeze());
}

std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t, uint64_t seed) {
  return std::make_unique<Builder>(meta, seed);
}

std::optional<std::string_view> Field(const KeyRecord& record, std::string_view name) {
  return HashOf(record).Get(name);
}

uintptr_t Share(const KeyRecord& record) { return HashWord::Copy(HashOf(record)); }
void Destroy(uintptr_t value) { HashWord::Destroy(value); }

std::unique_ptr<SlicedFree> SetAside(uintptr_t value) {
  if (HashWord::IsPacked(value) || HashWord::Big(value)->size() <= kWholeFieldsMax) return nullptr;
  return std::make_unique<Freed>(value);
}

}  // namespace hash_type

}  // namespace clustron::store

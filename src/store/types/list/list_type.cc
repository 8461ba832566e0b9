#include "store/types/list/list_type.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/key_meta.h"
#include "store/types/list/list_word.h"

namespace clustron::store {

ListValue& ListToChange(KeyRecord& record) {
  CHECK(record.type() == Type::kList);
  return ListWord::From(KeyRecordEdit::PointerPlace(record));
}

const ListValue& ListOf(const KeyRecord& record) {
  return ListToChange(const_cast<KeyRecord&>(record));
}

namespace list_type {

namespace {

constexpr uint64_t kWholeBytes = 64 << 10;  // longer lists are written, and freed, in slices
constexpr uint64_t kSliceBytes = 64 << 10;  // of the elements' own bytes
constexpr size_t kSliceElements = 1024;
constexpr int64_t kDefaultFill = -2;

bool Small(const ListValue& list) {
  return ListWord::IsChunk(ListWord::Of(list)) || list.listpack_bytes() <= kWholeBytes;
}

class Frozen final : public FrozenValue {
 public:
  explicit Frozen(std::unique_ptr<BigList> list) : list_(std::move(list)), at_(list_->At(0)) {}
  bool Step(PartSink& sink) override {
    uint64_t bytes = 0;
    for (size_t i = 0; i < kSliceElements && bytes < kSliceBytes; i++) {
      NumberText room;
      const std::string_view element = list_->Read(at_).View(room);
      sink.OnPart(element);
      bytes += element.size();
      if (!list_->Next(&at_)) return false;
    }
    return true;
  }

 private:
  const std::unique_ptr<BigList> list_;
  BigList::Place at_;
};

class Freed final : public SlicedFree {
 public:
  explicit Freed(uintptr_t value) : list_(ListWord::Big(value)) {}
  bool FreeSome(size_t count) override { return list_->FreeSome(count); }

 private:
  const std::unique_ptr<BigList> list_;
};

class Builder final : public ValueBuilder {
 public:
  explicit Builder(const KeyMeta& meta) : form_(meta), word_(ListWord::New(ListEnd::kBack)) {}
  ~Builder() override {
    if (word_ != 0) ListWord::Destroy(word_);
  }
  Status Part(std::string_view part) override {
    ListValue& list = ListWord::From(&word_);
    if (Planted(Bug::kListTailLost) && list.size() >= kSliceElements) return {};
    ListWord::Insert(list, list.size(), EncodedElement(part));
    return {};
  }
  KeyRecord* Finish(std::string_view key, DeadlineWord deadline) override {
    CHECK(word_ != 0);
    ListValue& list = ListWord::From(&word_);
    const bool packed = form_.foreign
                            ? ListLimits(kDefaultFill).Fits(list.listpack_bytes(), list.size())
                            : form_.packed;
    if (packed != list.packed()) ListWord::SetPacked(list, packed);
    return KeyRecordEdit::NewPointer(key, Type::kList, Form::kObject, std::exchange(word_, 0),
                                     deadline);
  }

 private:
  const KeyMeta form_;
  uintptr_t word_;
};

}  // namespace

uint64_t Count(const KeyRecord& record) { return ListOf(record).size(); }
std::string_view Encoding(const KeyRecord& record) {
  return Packed(record) ? "listpack" : "quicklist";
}
bool Packed(const KeyRecord& record) { return ListOf(record).packed(); }
uint64_t StoredBytes(const KeyRecord& record) { return ListOf(record).listpack_bytes(); }
size_t MemoryUsage(const KeyRecord& record) { return ListOf(record).MemoryUsage(); }

void Parts(const KeyRecord& record, PartSink& sink) {
  ListOf(record).ForEach(0, [&sink](const ListElement& element) {
    NumberText room;
    sink.OnPart(element.View(room));
    return true;
  });
}

std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record) {
  const ListValue& list = ListOf(record);
  if (Small(list)) return nullptr;
  return std::make_unique<Frozen>(ListWord::Big(ListWord::Of(list))->Copy());
}

std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t, uint64_t) {
  return std::make_unique<Builder>(meta);
}

uintptr_t Share(const KeyRecord& record) { return ListWord::Copy(ListOf(record)); }
void Destroy(uintptr_t value) { ListWord::Destroy(value); }

std::unique_ptr<SlicedFree> SetAside(uintptr_t value) {
  if (ListWord::IsChunk(value) || ListWord::Big(value)->size() <= kSliceElements) return nullptr;
  return std::make_unique<Freed>(value);
}

}  // namespace list_type

}  // namespace clustron::store

#include "store/types/list/list_edit.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/types/list/list_type.h"
#include "store/types/list/list_word.h"

namespace clustron::store {

namespace {

// What an undo of a big list counts for; it shares the elements.
constexpr size_t kBigUndoBytes = ListChunk::kAllocMax;

// The whole value as it was: of a short list a copy, of a big one its groups.
class Whole final : public ValueUndo {
 public:
  explicit Whole(const ListValue& list)
      : word_(ListWord::Copy(list)),
        kept_bytes_(list.packed() ? list.listpack_bytes() : kBigUndoBytes) {}
  ~Whole() override {
    if (word_ != 0) ListWord::Destroy(word_);
  }
  void Undo(KeyRecord& record) override {
    ListValue& list = ListToChange(record);
    ListWord::Destroy(ListWord::Of(list));
    ListWord::Set(list, std::exchange(word_, 0));
  }
  size_t kept_bytes() const override { return kept_bytes_; }

 private:
  uintptr_t word_;
  size_t kept_bytes_;
};

// Elements that came to an end of a big list.
class Pushed final : public ValueUndo {
 public:
  Pushed(ListEnd end, size_t count) : end_(end), count_(count) {}
  void Undo(KeyRecord& record) override {
    ListValue& list = ListToChange(record);
    for (size_t i = 0; i < count_; i++)
      ListWord::Erase(list, end_ == ListEnd::kFront ? 0 : list.size() - 1);
  }
  size_t kept_bytes() const override { return 0; }

 private:
  const ListEnd end_;
  const size_t count_;
};

// One that left an end of a big list.
class Popped final : public ValueUndo {
 public:
  Popped(ListEnd end, std::string element) : end_(end), element_(std::move(element)) {}
  void Undo(KeyRecord& record) override {
    ListValue& list = ListToChange(record);
    ListWord::Insert(list, end_ == ListEnd::kFront ? 0 : list.size(), EncodedElement(element_));
  }
  size_t kept_bytes() const override { return element_.size(); }

 private:
  const ListEnd end_;
  const std::string element_;
};

ListLimits Limits(const Mutation& m) { return ListLimits(m.store().limits().list_fill); }

// The list of a mutation that has begun, to be changed in place; what it is now can be restored.
ListValue& Begin(Mutation& m) {
  m.BeginValue();
  ListValue& list = ListToChange(*m.writable());
  if (m.undoable()) m.AddUndo(std::make_unique<Whole>(list));
  return list;
}

// Before elements of so many bytes come in.
void Grow(ListValue& list, const ListLimits& limits, uint64_t bytes, uint64_t count) {
  if (list.packed() && !limits.Fits(list.listpack_bytes() + bytes, list.size() + count))
    ListWord::SetPacked(list, false);
}

bool Shrinks(const ListValue& list, const ListLimits& limits, uint64_t bytes, uint64_t count) {
  return !list.packed() && limits.FitsHalf(bytes, count);
}

void Shrink(ListValue& list, const ListLimits& limits) {
  if (Shrinks(list, limits, list.listpack_bytes(), list.size())) ListWord::SetPacked(list, true);
}

void FreeLater(Mutation& m, std::unique_ptr<BigList> cut) {
  struct Freed final : SlicedFree {
    explicit Freed(std::unique_ptr<BigList> list_in) : list(std::move(list_in)) {}
    bool FreeSome(size_t count) override { return list->FreeSome(count); }
    std::unique_ptr<BigList> list;
  };
  if (cut != nullptr) m.FreeLater(std::make_unique<Freed>(std::move(cut)));
}

}  // namespace

void PushToList(Mutation& m, ListEnd end, std::span<const std::string_view> elements) {
  const bool front = end == ListEnd::kFront;
  m.BeginValue();
  const bool created = !m.exists();
  if (created)
    m.Install(
        KeyRecordEdit::NewPointer(m.key(), Type::kList, Form::kObject, ListWord::New(end), {}));
  ListValue& list = ListToChange(*m.writable());
  uint64_t bytes = 0;
  for (const std::string_view element : elements) bytes += element.size();
  if (m.undoable() && !created) {
    if (list.packed()) {
      m.AddUndo(std::make_unique<Whole>(list));
    } else {
      m.AddUndo(std::make_unique<Pushed>(end, elements.size()));
    }
  }
  Grow(list, Limits(m), bytes, elements.size());
  for (const std::string_view element : elements)
    ListWord::Insert(list, front ? 0 : list.size(), EncodedElement(element));
}

void PopFromList(Mutation& m, ListEnd end, size_t count) {
  CHECK(m.exists());
  const size_t size = ListOf(*m.record()).size();
  CHECK(count > 0 && count <= size);
  m.BeginValue();
  if (count == size) return m.RemoveEmptied();
  const bool front = end == ListEnd::kFront;
  ListValue& list = ListToChange(*m.writable());
  const ListLimits limits = Limits(m);
  if (count > 1) {
    if (m.undoable()) m.AddUndo(std::make_unique<Whole>(list));
    FreeLater(m, ListWord::Cut(list, end, count));
    return Shrink(list, limits);
  }
  const size_t index = front ? 0 : size - 1;
  if (m.undoable()) {
    NumberText room;
    const std::string_view element = list.At(index).View(room);
    if (list.packed() ||
        Shrinks(list, limits, list.listpack_bytes() - ListpackBytes(element), size - 1)) {
      m.AddUndo(std::make_unique<Whole>(list));
    } else {
      m.AddUndo(std::make_unique<Popped>(end, std::string(element)));
    }
  }
  ListWord::Erase(list, index);
  Shrink(list, limits);
}

void SetListElement(Mutation& m, size_t index, std::string_view element) {
  ListValue& list = Begin(m);
  CHECK(index < list.size());
  const ListLimits limits = Limits(m);
  Grow(list, limits, element.size(), 1);
  // In front of the old one, so that the list is never empty.
  ListWord::Insert(list, index, EncodedElement(element));
  ListWord::Erase(list, index + 1);
  Shrink(list, limits);
}

void InsertIntoList(Mutation& m, size_t index, std::string_view element) {
  ListValue& list = Begin(m);
  CHECK(index <= list.size());
  Grow(list, Limits(m), element.size(), 1);
  ListWord::Insert(list, index, EncodedElement(element));
}

size_t RemoveFromList(Mutation& m, std::string_view element, size_t limit, bool from_back) {
  const EncodedElement wanted(element);
  const ListValue& present = ListOf(*m.record());
  size_t matches = 0;
  present.Compare(from_back ? present.size() - 1 : 0, from_back, wanted, [&](bool equal) {
    matches += equal;
    return matches < limit;
  });
  if (matches == 0) return 0;
  if (matches == present.size()) {
    m.BeginValue();
    m.RemoveEmptied();
    return matches;
  }
  ListValue& list = Begin(m);
  const size_t gone = ListWord::EraseEqual(list, wanted, matches, from_back);
  CHECK(gone == matches);
  Shrink(list, Limits(m));
  return gone;
}

bool TrimList(Mutation& m, size_t begin, size_t end) {
  const size_t size = ListOf(*m.record()).size();
  CHECK(begin <= end && end <= size);
  if (begin == end) {
    m.BeginValue();
    m.RemoveEmptied();
    return true;
  }
  if (end - begin == size) return false;
  ListValue& list = Begin(m);
  if (end < size) FreeLater(m, ListWord::Cut(list, ListEnd::kBack, size - end));
  if (begin > 0) FreeLater(m, ListWord::Cut(list, ListEnd::kFront, begin));
  Shrink(list, Limits(m));
  return true;
}

void RotateList(Mutation& m, ListEnd from, ListEnd to) {
  ListValue& list = Begin(m);
  if (from == to || list.size() == 1) return;
  NumberText room;
  const size_t last = list.size() - 1;
  const size_t index = from == ListEnd::kFront ? 0 : last;
  const std::string element(list.At(index).View(room));
  Grow(list, Limits(m), element.size(), 1);
  ListWord::Erase(list, index);
  ListWord::Insert(list, to == ListEnd::kFront ? 0 : last, EncodedElement(element));
  Shrink(list, Limits(m));
}

}  // namespace clustron::store

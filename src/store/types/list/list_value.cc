#include "store/types/list/list_value.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "store/types/list/list_word.h"

namespace clustron::store {

namespace {

constexpr size_t kFirstRoom = 24;  // of a new list

constexpr uint64_t kNoLimit = UINT64_MAX;
constexpr uint64_t kSafetyBytes = 8192;  // for limits by count
constexpr uint64_t kListpackHeaderBytes = 7;

}  // namespace

ListElement ListValue::At(size_t index) const {
  CHECK(index < size());
  if (is_chunk()) return chunk()->Read(chunk()->At(index));
  return big()->Read(big()->At(index));
}

ListLimits::ListLimits(int64_t fill) {
  constexpr std::array<uint64_t, 5> kBytes = {4096, 8192, 16384, 32768, 65536};
  if (fill >= 0) {
    bytes_max_ = kSafetyBytes - kListpackHeaderBytes;
    half_bytes_max_ = kNoLimit;
    count_max_ = static_cast<uint64_t>(std::max<int64_t>(fill, 1));
    return;
  }
  const auto level = static_cast<size_t>(std::min<int64_t>(-(fill + 1), kBytes.size() - 1));
  bytes_max_ = kBytes[level] - kListpackHeaderBytes;
  half_bytes_max_ = kBytes[level] / 2 - kListpackHeaderBytes;
  count_max_ = kNoLimit;
}

uintptr_t ListWord::New(ListEnd grows) {
  return Word(ListChunk::New(kFirstRoom, grows == ListEnd::kFront));
}

void ListWord::Destroy(uintptr_t word) {
  if (IsChunk(word)) {
    ListChunk::Unref(Chunk(word));
  } else {
    delete Big(word);
  }
}

uintptr_t ListWord::Copy(const ListValue& list) {
  if (list.is_chunk()) return Word(list.chunk()->Clone());
  return reinterpret_cast<uintptr_t>(list.big()->Copy().release());
}

BigList& ListWord::MakeBig(ListValue& list, bool packed) {
  CHECK(list.is_chunk());
  auto big = std::make_unique<BigList>();
  big->set_packed(packed);
  if (list.chunk()->count() > 0) {
    big->AppendChunk(list.chunk());
  } else {
    ListChunk::Unref(list.chunk());
  }
  list.word_ = reinterpret_cast<uintptr_t>(big.release());
  return *list.big();
}

void ListWord::Insert(ListValue& list, size_t index, const EncodedElement& element) {
  if (list.is_chunk()) {
    ListChunk* chunk = list.chunk();
    const bool fits = ListChunk::Insert(&chunk, index, element);
    list.word_ = Word(chunk);
    if (fits) return;
    MakeBig(list, true);
  }
  list.big()->Insert(index, element);
}

void ListWord::Erase(ListValue& list, size_t index) {
  if (list.is_chunk()) return list.chunk()->Erase(index);
  BigList& big = *list.big();
  if (index == 0) return big.Pop(ListEnd::kFront);
  if (index + 1 == big.size()) return big.Pop(ListEnd::kBack);
  big.Erase(index);
}

size_t ListWord::EraseEqual(ListValue& list, const EncodedElement& element, size_t limit,
                            bool from_back) {
  if (!list.is_chunk()) return list.big()->EraseEqual(element, limit, from_back);
  ListChunk* chunk = list.chunk();
  const size_t gone = ListChunk::EraseEqual(&chunk, element, limit, from_back);
  list.word_ = Word(chunk);
  return gone;
}

std::unique_ptr<BigList> ListWord::Cut(ListValue& list, ListEnd end, size_t count) {
  if (!list.is_chunk()) return list.big()->Cut(end, count);
  const size_t begin = end == ListEnd::kFront ? 0 : list.size() - count;
  list.chunk()->EraseRange(begin, begin + count);
  return nullptr;
}

void ListWord::SetPacked(ListValue& list, bool packed) {
  CHECK(list.packed() != packed);
  if (list.is_chunk()) {
    MakeBig(list, false);
    return;
  }
  BigList* big = list.big();
  big->set_packed(packed);
  if (!packed) return;
  if (ListChunk* only = big->TakeOnly(); only != nullptr) {
    delete big;
    list.word_ = Word(only);
  }
}

}  // namespace clustron::store

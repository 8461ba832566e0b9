#include "store/index/index_content.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/numeric.h"

namespace clustron::store {

namespace {

// Nothing: it can't be indexed.
std::optional<double> NumberOf(std::string_view value) {
  const std::optional<double> number = ParseDouble(value);
  if (!number || !std::isfinite(*number)) return std::nullopt;
  return *number + 0.0;  // no -0
}

}  // namespace

IndexContent::IndexContent(IndexDefinition definition, uint64_t seed)
    : definition_(std::move(definition)), seed_(seed) {
  for (const IndexField& field : definition_.fields) {
    columns_.push_back(field.type == FieldType::kNum
                           ? std::make_unique<AnyColumn>(std::in_place_index<0>)
                           : std::make_unique<AnyColumn>(std::in_place_index<1>));
  }
  by_hash_.set_prefetch_targets();
}

IndexContent::~IndexContent() {
  while (FreeSome(SIZE_MAX)) {
  }
}

uint64_t IndexContent::HashOf::operator()(uint64_t payload) const {
  return HashBytes(KeyAt(payload)->name(), seed);
}

// ---- ids ----

uint32_t IndexContent::TakeId() {
  if (free_id_ != kNoId) {
    const uint32_t id = free_id_;
    Unlist(id);
    return id;
  }
  CHECK(id_end_ < kNoId);
  if (id_end_ % kSegment == 0)
    segments_.push_back(static_cast<uint64_t*>(Alloc(kSegment * sizeof(uint64_t))));
  return id_end_++;
}

void IndexContent::GiveId(uint32_t id) {
  *WordOf(id) = uint64_t{free_id_} << 32 | uint64_t{kNoId} << 1 | kFree;
  LinkFree(id, free_id_);
  free_id_ = id;
}

void IndexContent::LinkFree(uint32_t previous, uint32_t next) {
  constexpr uint64_t kLow = UINT32_MAX;
  if (previous != kNoId) *WordOf(previous) = (*WordOf(previous) & kLow) | uint64_t{next} << 32;
  if (next != kNoId) *WordOf(next) = (*WordOf(next) & ~kLow) | uint64_t{previous} << 1 | kFree;
}

void IndexContent::Unlist(uint32_t id) {
  const uint32_t next = NextFree(id);
  LinkFree(PreviousFree(id), next);
  if (free_id_ == id) free_id_ = next;
}

size_t IndexContent::ValuesOf(const IndexedKey& key) const {
  size_t values = 0;
  for (size_t field = 0; field < columns_.size(); field++)
    std::visit([&](const auto& column) { values += column.KeysOf(key.slot(field)).size(); },
               *columns_[field]);
  return values;
}

void IndexContent::TrimIds() {
  while (id_end_ > 0 && At(id_end_ - 1) == nullptr) {
    Unlist(--id_end_);
    if (id_end_ % kSegment != 0) continue;
    Free(segments_.back(), kSegment * sizeof(uint64_t));
    segments_.pop_back();
  }
}

// Two for each key that goes keep pace with what twice as many may be. One with many values keeps
// its id, and those below it: to move it would be work that the command at hand does not pay.
void IndexContent::CompactIds() {
  for (int i = 0; i < 2 && id_end_ > 2 * size_ + kSegment; i++) {
    const uint32_t from = id_end_ - 1;
    IndexedKey* key = KeyAt(*WordOf(from));
    if (ValuesOf(*key) > kMovedValuesMax) return;
    const uint32_t to = TakeId();
    CHECK(to < from);
    for (size_t field = 0; field < columns_.size(); field++) {
      std::visit([&](auto& column) { column.Renumber(key->slot(field), from, to); },
                 *columns_[field]);
    }
    if (definition_.kind == IndexKind::kKeys) {
      names_.Erase(key, from);
      names_.Insert(key, to);
    }
    key->set_id(to);
    *WordOf(to) = reinterpret_cast<uint64_t>(key);
    GiveId(from);
    TrimIds();
  }
}

// ---- keys ----

IndexedKey* IndexContent::FindKey(std::string_view name, uint64_t hash) const {
  if (definition_.kind == IndexKind::kKeys) {
    const auto place =
        names_.Seek([&](const IndexedKey* key, uint32_t) { return key->name() < name; });
    if (place.leaf == nullptr) return nullptr;
    const IndexedKey* key = place.leaf->keys[place.at];
    return key->name() == name ? const_cast<IndexedKey*>(key) : nullptr;
  }
  const HashIndex::Ref ref =
      by_hash_.Find(hash, [&](uint64_t payload) { return KeyAt(payload)->name() == name; });
  return ref ? KeyAt(ref.payload()) : nullptr;
}

const IndexedKey* IndexContent::Find(std::string_view name, uint64_t hash) const {
  return FindKey(name, hash);
}

IndexedKey* IndexContent::Add(std::string_view name, uint64_t hash) {
  CHECK(name.size() <= UINT32_MAX);
  const uint32_t id = TakeId();
  const size_t before = columns_.size() * sizeof(Slot);
  char* block = static_cast<char*>(Alloc(before + sizeof(IndexedKey) + name.size()));
  IndexedKey* key = new (block + before) IndexedKey(id, static_cast<uint32_t>(name.size()));
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(key + 1));
  for (size_t i = 0; i < columns_.size(); i++) {
    key->slot(i) = std::visit([](const auto& column) { return column.kNone; }, *columns_[i]);
  }
  *WordOf(id) = reinterpret_cast<uint64_t>(key);
  if (definition_.kind == IndexKind::kKeys) {
    names_.Insert(key, id);
  } else {
    by_hash_.Insert(hash, reinterpret_cast<uint64_t>(key), HashOf{seed_});
  }
  size_++;
  return key;
}

void IndexContent::FreeKey(IndexedKey* key) {
  const size_t before = columns_.size() * sizeof(Slot);
  Free(reinterpret_cast<char*>(key) - before, before + sizeof(IndexedKey) + key->name().size());
}

void IndexContent::Set(std::string_view name, uint64_t hash,
                       std::span<const std::vector<std::string_view>> values) {
  CHECK(values.size() == columns_.size());
  IndexedKey* key = FindKey(name, hash);
  if (key == nullptr) key = Add(name, hash);
  for (size_t i = 0; i < columns_.size(); i++) Assign(key, i, values[i]);
}

bool IndexContent::Remove(std::string_view name, uint64_t hash) {
  IndexedKey* key = FindKey(name, hash);
  if (key == nullptr) return false;
  for (size_t i = 0; i < columns_.size(); i++) {
    std::visit([&](auto& column) { column.Unassign(&key->slot(i), key->id()); }, *columns_[i]);
  }
  if (definition_.kind == IndexKind::kKeys) {
    names_.Erase(key, key->id());
  } else {
    const HashIndex::Ref ref =
        by_hash_.Find(hash, [&](uint64_t payload) { return KeyAt(payload) == key; });
    CHECK(ref);
    by_hash_.Erase(hash, ref, HashOf{seed_});
  }
  GiveId(key->id());
  FreeKey(key);
  size_--;
  TrimIds();
  CompactIds();
  return true;
}

// ---- values ----

void IndexContent::Assign(IndexedKey* key, size_t field,
                          const std::vector<std::string_view>& values) {
  if (definition_.fields[field].type == FieldType::kNum) {
    AssignNumbers(key, field, values);
  } else {
    AssignTexts(key, field, values);
  }
}

void IndexContent::AssignNumbers(IndexedKey* key, size_t field,
                                 const std::vector<std::string_view>& values) {
  auto& column = std::get<0>(*columns_[field]);
  if (values.size() == 1) {
    const std::optional<double> one = NumberOf(values[0]);
    const double number = one.value_or(0);
    return column.Assign(&key->slot(field), key->id(), {&number, one ? size_t{1} : 0}, !one);
  }
  std::vector<double> numbers;
  bool bad = false;
  for (const std::string_view value : values) {
    const std::optional<double> number = NumberOf(value);
    if (number) {
      numbers.push_back(*number);
    } else {
      bad = true;
    }
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  column.Assign(&key->slot(field), key->id(), numbers, bad);
}

void IndexContent::AssignTexts(IndexedKey* key, size_t field,
                               const std::vector<std::string_view>& values) {
  auto& column = std::get<1>(*columns_[field]);
  const bool words = definition_.fields[field].type == FieldType::kText;
  const size_t longest = words ? kTextBytesMax : kTagBytesMax;
  if (!words && values.size() == 1 && values[0].size() <= longest)
    return column.Assign(&key->slot(field), key->id(), values, false);
  std::vector<std::string> split;
  std::vector<std::string_view> texts;
  bool bad = false;
  for (const std::string_view value : values) {
    if (value.size() > longest) {
      bad = true;
    } else if (words) {
      AppendWords(value, &split);
    } else {
      texts.push_back(value);
    }
  }
  texts.insert(texts.end(), split.begin(), split.end());
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  column.Assign(&key->slot(field), key->id(), texts, bad);
}

// ---- the end ----

bool IndexContent::FreeSome(size_t count) {
  for (const auto& column : columns_) {
    if (std::visit([&](auto& c) { return c.FreeSome(count); }, *column)) return true;
  }
  if (names_.FreeSome(count, [](const IndexedKey*) {})) return true;
  if (by_hash_.size() > 0 && by_hash_.FreeSome(count == SIZE_MAX ? count : count + 1)) return true;
  for (; id_end_ > 0 && count > 0; count--) {
    id_end_--;
    const uint64_t word = *WordOf(id_end_);
    if ((word & kFree) == 0) {
      IndexedKey* key = KeyAt(word);
      for (size_t i = 0; i < columns_.size(); i++)
        std::visit([&](auto& c) { c.FreeList(key->slot(i)); }, *columns_[i]);
      FreeKey(key);
    }
    if (id_end_ % kSegment == 0) {
      Free(segments_.back(), kSegment * sizeof(uint64_t));
      segments_.pop_back();
    }
  }
  return id_end_ > 0;
}

void IndexContent::CheckInvariants() const {
  names_.CheckInvariants();
  size_t keys = 0;
  std::vector<uint64_t> pairs(columns_.size());
  std::vector<uint64_t> bad(columns_.size());
  for (uint32_t id = 0; id < id_end_; id++) {
    const IndexedKey* key = At(id);
    if (key == nullptr) continue;
    keys++;
    CHECK(key->id() == id);
    CHECK(Find(key->name(), HashBytes(key->name(), seed_)) == key);
    for (size_t i = 0; i < columns_.size(); i++) {
      std::visit(
          [&](const auto& column) {
            pairs[i] += column.KeysOf(key->slot(i)).size();
            bad[i] += column.IsBad(key->slot(i));
          },
          *columns_[i]);
    }
  }
  CHECK(keys == size_);
  CHECK(id_end_ == 0 || At(id_end_ - 1) != nullptr);
  CHECK(segments_.size() == (size_t{id_end_} + kSegment - 1) / kSegment);
  size_t free = 0;
  for (uint32_t id = free_id_, last = kNoId; id != kNoId; last = id, id = NextFree(id), free++) {
    CHECK(At(id) == nullptr);
    CHECK(PreviousFree(id) == last);
  }
  CHECK(free + keys == id_end_);
  CHECK(definition_.kind != IndexKind::kKeys || names_.size() == size_);
  for (size_t i = 0; i < columns_.size(); i++) {
    std::visit(
        [&](const auto& column) {
          column.tree().CheckInvariants();
          CHECK(column.tree().size() == pairs[i]);
          CHECK(column.not_indexed() == bad[i]);
        },
        *columns_[i]);
  }
}

}  // namespace clustron::store

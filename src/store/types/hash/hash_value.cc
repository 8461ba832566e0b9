#include "store/types/hash/hash_value.h"

#include <utility>

#include "base/check.h"
#include "store/types/hash/big_hash.h"
#include "store/types/hash/hash_word.h"
#include "store/types/hash/packed_hash.h"

namespace clustron::store {

size_t HashValue::size() const { return packed() ? packed_hash()->count() : big_hash()->size(); }

std::optional<std::string_view> HashValue::Get(std::string_view field) const {
  if (packed()) {
    const PackedHash& p = *packed_hash();
    size_t at = p.Find(field);
    if (at == PackedHash::kNone) return std::nullopt;
    return p.Read(at).value;
  }
  const size_t place = big_hash()->Find(field);
  if (place == BigHash::kNone) return std::nullopt;
  return big_hash()->At(place).value();
}

FieldValue HashValue::At(size_t index) const {
  DCHECK(index < size());
  if (packed()) {
    size_t at = packed_hash()->OffsetOf(index);
    return packed_hash()->Read(at);
  }
  const HashItem& item = big_hash()->At(index);
  return {item.field(), item.value()};
}

bool HashValue::Next(size_t& at, FieldValue& out) const {
  if (packed()) {
    const PackedHash& p = *packed_hash();
    if (at == 0) at = p.begin();
    if (at == p.end()) return false;
    out = p.Read(at);
    return true;
  }
  if (at == big_hash()->size()) return false;
  const HashItem& item = big_hash()->At(at++);
  out = {item.field(), item.value()};
  return true;
}

uint64_t HashValue::ScanImpl(uint64_t cursor, size_t count, Visit visit, void* ctx) const {
  if (!packed()) return big_hash()->Scan(cursor, count, visit, ctx);
  // All at once, whatever the cursor: a hash that was a table when the scan began can't have
  // become packed under its name without having been replaced.
  ForEach([&](FieldValue fv) { visit(ctx, fv); });
  return 0;
}

size_t HashValue::MemoryUsage() const {
  return packed() ? packed_hash()->MemoryUsage() : big_hash()->MemoryUsage();
}

size_t HashValue::StoredBytes() const {
  return packed() ? packed_hash()->end() : big_hash()->stored_bytes();
}

HashUndo::HashUndo(HashUndo&& other) noexcept
    : kind_(std::exchange(other.kind_, Kind::kNone)),
      word_(other.word_),
      place_(other.place_),
      item_(other.item_) {}

HashUndo::~HashUndo() {
  if (kind_ == Kind::kBlock) HashWord::Destroy(word_);
  if (kind_ == Kind::kReplace || kind_ == Kind::kRemove) HashItem::Unref(item_);
}

size_t HashUndo::kept_bytes() const {
  if (kind_ != Kind::kBlock || !HashWord::IsPacked(word_)) return 0;
  return reinterpret_cast<const PackedHash*>(word_ & ~uintptr_t{1})->end();
}

uintptr_t HashWord::New() { return Word(PackedHash::New()); }

void HashWord::Destroy(uintptr_t word) {
  if (IsPacked(word)) {
    PackedHash::Delete(Packed(word));
  } else {
    delete Big(word);
  }
}

uintptr_t HashWord::Copy(const HashValue& h) {
  if (h.packed()) return Word(h.packed_hash()->Clone());
  return reinterpret_cast<uintptr_t>(h.big_hash()->Copy().release());
}

PackedHash* HashWord::Writable(HashValue& h, HashUndo* undo) {
  if (undo == nullptr) return Packed(h.word_);
  undo->kind_ = HashUndo::Kind::kBlock;
  undo->word_ = h.word_;
  return Packed(h.word_)->Clone();
}

bool HashWord::Set(HashValue& h, std::string_view field, std::string_view value, HashLimits limits,
                   uint64_t seed, HashUndo* undo) {
  if (h.packed()) {
    const PackedHash& p = *h.packed_hash();
    const size_t at = p.Find(field);
    const bool fits = field.size() <= limits.packed_value_bytes_max &&
                      value.size() <= limits.packed_value_bytes_max &&
                      (at != PackedHash::kNone || p.count() < limits.packed_fields_max);
    if (fits) {
      PackedHash* block = Writable(h, undo);
      block = at == PackedHash::kNone ? PackedHash::Add(block, field, value)
                                      : PackedHash::Replace(block, at, value);
      h.word_ = Word(block);
      return at == PackedHash::kNone;
    }
    auto big = std::make_unique<BigHash>(seed);
    h.ForEach([&](FieldValue fv) { big->Add(HashItem::New(fv.field, fv.value)); });
    bool added = true;
    if (const size_t place = big->Find(field); place != BigHash::kNone) {
      HashItem::Unref(big->Replace(place, HashItem::New(field, value)));
      added = false;
    } else {
      big->Add(HashItem::New(field, value));
    }
    if (undo != nullptr) {
      undo->kind_ = HashUndo::Kind::kBlock;
      undo->word_ = h.word_;
    } else {
      PackedHash::Delete(Packed(h.word_));
    }
    h.word_ = reinterpret_cast<uintptr_t>(big.release());
    return added;
  }
  BigHash& big = *Big(h.word_);
  const size_t place = big.Find(field);
  HashItem* item = HashItem::New(field, value);
  if (place == BigHash::kNone) {
    big.Add(item);
    if (undo != nullptr) undo->kind_ = HashUndo::Kind::kAdd;
    return true;
  }
  HashItem* old = big.Replace(place, item);
  if (undo != nullptr) {
    undo->kind_ = HashUndo::Kind::kReplace;
    undo->place_ = place;
    undo->item_ = old;
  } else {
    HashItem::Unref(old);
  }
  return false;
}

bool HashWord::Remove(HashValue& h, std::string_view field, HashUndo* undo) {
  if (h.packed()) {
    const size_t at = h.packed_hash()->Find(field);
    if (at == PackedHash::kNone) return false;
    h.word_ = Word(PackedHash::Remove(Writable(h, undo), at));
    return true;
  }
  BigHash& big = *Big(h.word_);
  const size_t place = big.Find(field);
  if (place == BigHash::kNone) return false;
  HashItem* item = big.Remove(place);
  if (undo != nullptr) {
    undo->kind_ = HashUndo::Kind::kRemove;
    undo->place_ = place;
    undo->item_ = item;
  } else {
    HashItem::Unref(item);
  }
  return true;
}

void HashWord::Undo(HashValue& h, HashUndo& undo) {
  switch (std::exchange(undo.kind_, HashUndo::Kind::kNone)) {
    case HashUndo::Kind::kNone:
      return;
    case HashUndo::Kind::kBlock:
      Destroy(h.word_);
      h.word_ = undo.word_;
      return;
    case HashUndo::Kind::kAdd:
      HashItem::Unref(Big(h.word_)->Remove(h.size() - 1));
      return;
    case HashUndo::Kind::kReplace:
      HashItem::Unref(Big(h.word_)->Replace(undo.place_, undo.item_));
      return;
    case HashUndo::Kind::kRemove:
      Big(h.word_)->InsertAt(undo.place_, undo.item_);
      return;
  }
}

void HashWord::MakeBig(HashValue& h, uint64_t seed) {
  CHECK(h.size() == 0);
  Destroy(h.word_);
  h.word_ = reinterpret_cast<uintptr_t>(new BigHash(seed));
}

}  // namespace clustron::store

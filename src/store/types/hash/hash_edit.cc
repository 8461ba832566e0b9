#include "store/types/hash/hash_edit.h"

#include <memory>
#include <utility>

#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/types/hash/hash_type.h"
#include "store/types/hash/hash_word.h"

namespace clustron::store {

namespace {

class Changed final : public ValueUndo {
 public:
  explicit Changed(HashUndo undo) : undo_(std::move(undo)) {}
  void Undo(KeyRecord& record) override { HashWord::Undo(HashToChange(record), undo_); }
  size_t kept_bytes() const override { return undo_.kept_bytes(); }

 private:
  HashUndo undo_;
};

}  // namespace

bool SetHashField(Mutation& m, std::string_view field, std::string_view value) {
  m.BeginValue();
  if (!m.exists())
    m.Install(KeyRecordEdit::NewPointer(m.key(), Type::kHash, Form::kObject, HashWord::New(), {}));
  HashValue& hash = HashToChange(*m.writable());
  const Store& store = m.store();
  if (!m.undoable())
    return HashWord::Set(hash, field, value, store.limits().hash, store.seed(), nullptr);
  HashUndo inverse;
  const bool added = HashWord::Set(hash, field, value, store.limits().hash, store.seed(), &inverse);
  m.AddUndo(std::make_unique<Changed>(std::move(inverse)));
  return added;
}

bool DeleteHashField(Mutation& m, std::string_view field) {
  if (!m.exists()) return false;
  if (!HashOf(*m.record()).Has(field)) return false;
  m.BeginValue();
  HashValue& hash = HashToChange(*m.writable());
  if (hash.size() == 1) {
    m.RemoveEmptied();
    return true;
  }
  if (!m.undoable()) return HashWord::Remove(hash, field, nullptr);
  HashUndo inverse;
  HashWord::Remove(hash, field, &inverse);
  m.AddUndo(std::make_unique<Changed>(std::move(inverse)));
  return true;
}

}  // namespace clustron::store

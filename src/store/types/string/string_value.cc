#include "store/types/string/string_value.h"

#include "store/keyspace/key_record_edit.h"
#include "store/types/string/big_string.h"
#include "store/types/string/string_type.h"

namespace clustron::store {

size_t StringValue::size() const {
  return record_->form() == Form::kBig ? BigOf(*record_).size()
                                       : KeyRecordEdit::InlineSize(*record_);
}

std::string_view StringValue::Bytes(Scratch& scratch) const {
  if (record_->form() != Form::kBig) return KeyRecordEdit::InlineValue(*record_);
  const BigString& big = BigOf(*record_);
  return big.Range(0, big.size(), scratch);
}

std::string_view StringValue::Range(size_t offset, size_t size, Scratch& scratch) const {
  if (record_->form() == Form::kBig) return BigOf(*record_).Range(offset, size, scratch);
  const std::string_view value = KeyRecordEdit::InlineValue(*record_);
  return offset >= value.size() ? std::string_view() : value.substr(offset, size);
}

size_t StringValue::PieceCount() const {
  return record_->form() == Form::kBig ? BigOf(*record_).piece_count() : 1;
}

std::string_view StringValue::Piece(size_t index) const {
  return record_->form() == Form::kBig ? BigOf(*record_).piece(index)
                                       : KeyRecordEdit::InlineValue(*record_);
}

SharedBytes StringValue::SharedPiece(size_t index, size_t offset, size_t size) const {
  return BigOf(*record_).SharePiece(index, offset, size);
}

}  // namespace clustron::store

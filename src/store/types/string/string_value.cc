// Reading strings: what KeyRecord says of them, wherever their bytes are.
#include "base/check.h"
#include "store/keyspace/key_record.h"
#include "store/types/string/big_string.h"
#include "store/types/string/string_type.h"

namespace clustron::store {

size_t KeyRecord::StringSize() const {
  CHECK(type() == Type::kString);
  return form() == Form::kBig ? BigOf(*this).size() : inline_value().size();
}

std::string_view KeyRecord::String(Scratch& scratch) const {
  CHECK(type() == Type::kString);
  if (form() != Form::kBig) return inline_value();
  const BigString& big = BigOf(*this);
  return big.Range(0, big.size(), scratch);
}

std::string_view KeyRecord::StringRange(size_t offset, size_t size, Scratch& scratch) const {
  CHECK(type() == Type::kString);
  if (form() == Form::kBig) return BigOf(*this).Range(offset, size, scratch);
  const std::string_view value = inline_value();
  return offset >= value.size() ? std::string_view() : value.substr(offset, size);
}

size_t KeyRecord::PieceCount() const {
  CHECK(type() == Type::kString);
  return form() == Form::kBig ? BigOf(*this).piece_count() : 1;
}

std::string_view KeyRecord::Piece(size_t index) const {
  return form() == Form::kBig ? BigOf(*this).piece(index) : inline_value();
}

SharedBytes KeyRecord::SharedPiece(size_t index, size_t offset, size_t size) const {
  return BigOf(*this).SharePiece(index, offset, size);
}

}  // namespace clustron::store

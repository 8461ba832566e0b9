// The value of a string: bytes. Short ones stand in the key's record, long ones are in pieces
// (big_string.h).
//
// Here are the reads; string_edit.h has the changes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/output_block.h"
#include "store/keyspace/key_record.h"
#include "store/keyspace/key_record_edit.h"

namespace clustron::store {

// A value's bytes where they can't be handed out in one piece. Reused between calls.
using Scratch = std::string;

// A view of a record; the next mutation of the store ends it, and all that it has handed out but
// shared bytes.
class StringValue {
 public:
  // REQUIRES: a string; CHECKed, as everything that another type would be taken for.
  explicit StringValue(const KeyRecord& record) : record_(&record) {
    CHECK(record.type() == Type::kString);
  }

  size_t size() const;
  // The whole value; a view into the record, or of `scratch` when the value is in pieces (> 64 KB).
  std::string_view Bytes(Scratch& scratch) const;
  // Bytes [offset, offset + size), cut at the end of the value. Costs by `size` only.
  std::string_view Range(size_t offset, size_t size, Scratch& scratch) const;
  // Piece by piece, in order, without copying: for replies and serializing.
  template <typename F>  // void(std::string_view)
  void ForEachPiece(F&& f) const;
  // The same for bytes [offset, offset + size), cut at the end of the value.
  template <typename F>
  void ForEachPiece(size_t offset, size_t size, F&& f) const;
  // For each piece of such a range either short(std::string_view), or a reference that outlives the
  // value: long(SharedBytes), if it is worth one.
  template <typename Short, typename Long>
  void SharePieces(size_t offset, size_t size, Short&& with_short, Long&& with_long) const;

 private:
  size_t PieceCount() const;
  std::string_view Piece(size_t index) const;
  // [offset, offset + size) of it. REQUIRES: form() == Form::kBig.
  SharedBytes SharedPiece(size_t index, size_t offset, size_t size) const;

  const KeyRecord* record_;
};

inline StringValue StringOf(const KeyRecord& record) { return StringValue(record); }

// Key and value of a short string without a lease, one behind the other, as they lie in its record:
// for copying both in one step. Empty: it is no such string, or its key is a long one.
inline std::string_view ShortStringText(const KeyRecord& record, size_t* key_size) {
  return KeyRecordEdit::IsInlineWithoutLease(record) ? KeyRecordEdit::InlineText(record, key_size)
                                                     : std::string_view();
}

template <typename Short, typename Long>
void StringValue::SharePieces(size_t offset, size_t size, Short&& with_short,
                              Long&& with_long) const {
  // Shorter ones are copied sooner than they are counted and sent on their own.
  constexpr size_t kSharedBytesMin = 16 * 1024;
  const size_t piece_size = std::max<size_t>(Piece(0).size(), 1);
  ForEachPiece(offset, size, [&](std::string_view piece) {
    if (record_->form() != Form::kBig || piece.size() < kSharedBytesMin) {
      with_short(piece);
    } else {
      with_long(SharedPiece(offset / piece_size, offset % piece_size, piece.size()));
    }
    offset += piece.size();
  });
}

template <typename F>
void StringValue::ForEachPiece(F&& f) const {
  const size_t count = PieceCount();
  for (size_t i = 0; i < count; i++) f(Piece(i));
}

template <typename F>
void StringValue::ForEachPiece(size_t offset, size_t wanted, F&& f) const {
  const size_t all = size();
  const size_t end = wanted < all - std::min(offset, all) ? offset + wanted : all;
  while (offset < end) {
    // All pieces but the last have the same size.
    const size_t piece_size = std::max<size_t>(Piece(0).size(), 1);
    std::string_view piece = Piece(offset / piece_size).substr(offset % piece_size);
    piece = piece.substr(0, end - offset);
    f(piece);
    offset += piece.size();
  }
}

}  // namespace clustron::store

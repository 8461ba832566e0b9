// A long string in pieces: all full but the last, which grows geometrically up to a piece.
//
// Pieces are shared by counting: a snapshot, a copy of the key or a reply on its way takes
// references, and the next change copies only the piece that it touches. Gaps made by writing far
// behind the end share one piece of zeros. THREAD: core loop.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/output_block.h"

namespace clustron::store {

class BigString {
 public:
  static constexpr size_t kPieceBytes = 65'536 - 8;  // with its header a size class of its own

  BigString() = default;
  ~BigString();
  BigString& operator=(const BigString&) = delete;

  size_t size() const { return size_; }
  size_t piece_count() const { return pieces_.size(); }
  std::string_view piece(size_t i) const {
    return {pieces_[i]->data(), i + 1 < pieces_.size() ? kPieceBytes : size_ - i * kPieceBytes};
  }
  // [offset, offset + size) cut at the end; in place when one piece holds it, else in `scratch`.
  std::string_view Range(size_t offset, size_t size, std::string& scratch) const;
  uint8_t ByteAt(size_t offset) const {
    return static_cast<uint8_t>(pieces_[offset / kPieceBytes]->data()[offset % kPieceBytes]);
  }

  void Append(std::string_view bytes) { Write(size_, bytes); }
  // Overwrites from `offset` on, zero-filling a gap behind the end and growing as needed.
  void Write(size_t offset, std::string_view bytes);
  // REQUIRES: size <= this->size().
  void Truncate(size_t size);

  // Piece i as a reference that keeps it as it is now: what changes the string later, or ends it,
  // leaves it alone. [offset, offset + size) of the piece.
  SharedBytes SharePiece(size_t i, size_t offset, size_t size) const;
  // The same bytes; costs by the number of pieces.
  std::unique_ptr<BigString> Share() const;
  // Drops up to `count` pieces from the end; true if more is left. For a string being thrown away.
  bool FreeSome(size_t count);
  size_t MemoryUsage() const;

 private:
  struct Piece {
    uint32_t refs;
    uint32_t capacity;
    char* data() { return reinterpret_cast<char*>(this + 1); }
    const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  };
  static_assert(sizeof(Piece) == 8);
  BigString(const BigString&) = default;

  static Piece* NewPiece(size_t capacity);
  static void Unref(Piece* piece);
  static Piece* ZeroPiece();
  // Bytes of piece i that are in use.
  size_t Used(size_t i) const {
    return i + 1 < pieces_.size() ? kPieceBytes : size_ - i * kPieceBytes;
  }
  // Piece i, ours alone and with room for `capacity` bytes; `keep` bytes of it are kept.
  Piece* Own(size_t i, size_t keep, size_t capacity);
  void GrowTo(size_t size);  // with zeros

  std::vector<Piece*> pieces_;
  size_t size_ = 0;
};

}  // namespace clustron::store

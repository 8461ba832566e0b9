#include "store/types/string/big_string.h"

#include <algorithm>

#include "base/breather.h"
#include "base/memory.h"
#include "store/keyspace/alloc.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

BigString::~BigString() { FreeSome(SIZE_MAX); }

BigString::Piece* BigString::NewPiece(size_t capacity) {
  const size_t bytes = AllocSize(sizeof(Piece) + capacity);
  auto* piece = static_cast<Piece*>(Alloc(bytes));
  piece->refs = 1;
  piece->capacity = static_cast<uint32_t>(bytes - sizeof(Piece));
  return piece;
}

void BigString::Unref(Piece* piece) {
  if (--piece->refs == 0) Free(piece, sizeof(Piece) + piece->capacity);
}

BigString::Piece* BigString::ZeroPiece() {
  static Piece* zeros = [] {
    Piece* piece = NewPiece(kPieceBytes);
    std::memset(piece->data(), 0, kPieceBytes);
    return piece;  // never freed: it keeps the first reference
  }();
  zeros->refs++;
  return zeros;
}

std::string_view BigString::Range(size_t offset, size_t size, std::string& scratch) const {
  if (offset >= size_) return {};
  size = std::min(size, size_ - offset);
  const size_t first = offset / kPieceBytes;
  const size_t at = offset % kPieceBytes;
  if (at + size <= kPieceBytes) return {pieces_[first]->data() + at, size};
  scratch.clear();
  ReserveBig(&scratch, size);
  for (size_t i = first; scratch.size() < size; i++) {
    Breathe();
    const size_t skip = i == first ? at : 0;
    scratch.append(pieces_[i]->data() + skip, std::min(kPieceBytes - skip, size - scratch.size()));
  }
  return scratch;
}

BigString::Piece* BigString::Own(size_t i, size_t keep, size_t capacity) {
  Piece* piece = pieces_[i];
  if (piece->refs == 1 && piece->capacity >= capacity) return piece;
  if (piece->refs > 1) shared_bytes_copied += keep;
  // Room to grow, so that appending costs a copy now and then only.
  size_t room = std::max(capacity, keep);
  if (capacity > keep && i + 1 == pieces_.size()) room = std::max(room, keep + keep / 2);
  Piece* own = NewPiece(std::min(room, kPieceBytes));
  std::memcpy(own->data(), piece->data(), keep);
  Unref(piece);
  pieces_[i] = own;
  return own;
}

void BigString::GrowTo(size_t size) {
  // The last piece first, then whole pieces of zeros that all share one.
  if (!pieces_.empty()) {
    const size_t last = pieces_.size() - 1;
    const size_t used = Used(last);
    const size_t target = std::min(kPieceBytes, size - last * kPieceBytes);
    if (target > used) {
      Piece* piece = Own(last, used, target);
      std::memset(piece->data() + used, 0, target - used);
    }
  }
  while (pieces_.size() * kPieceBytes < size) {
    const size_t rest = size - pieces_.size() * kPieceBytes;
    if (rest >= kPieceBytes) {
      pieces_.push_back(ZeroPiece());
    } else {
      pieces_.push_back(NewPiece(rest));
      std::memset(pieces_.back()->data(), 0, rest);
    }
  }
  size_ = size;
}

void BigString::Write(size_t offset, std::string_view bytes) {
  if (offset > size_) GrowTo(offset);
  while (!bytes.empty()) {
    // Looks at a clock to decide whether heartbeats are answered now; touches nothing that apply
    // sees.
    if (bytes.size() > kPieceBytes) Breathe();
    const size_t i = offset / kPieceBytes;
    const size_t at = offset % kPieceBytes;
    const size_t part = std::min(bytes.size(), kPieceBytes - at);
    if (i == pieces_.size()) pieces_.push_back(NewPiece(std::min(bytes.size(), kPieceBytes)));
    const size_t used =
        i * kPieceBytes < size_ ? std::min(kPieceBytes, size_ - i * kPieceBytes) : 0;
    Piece* piece = Own(i, used, std::max(used, at + part));
    std::memcpy(piece->data() + at, bytes.data(), part);
    offset += part;
    bytes.remove_prefix(part);
    size_ = std::max(size_, offset);
  }
}

void BigString::Truncate(size_t size) {
  CHECK(size <= size_);
  size_ = size;
  while (!pieces_.empty() && (pieces_.size() - 1) * kPieceBytes >= size) {
    Unref(pieces_.back());
    pieces_.pop_back();
  }
}

SharedBytes BigString::SharePiece(size_t i, size_t offset, size_t size) const {
  pieces_[i]->refs++;
  return {piece(i).substr(offset, size), pieces_[i],
          [](void* held) { Unref(static_cast<Piece*>(held)); }};
}

std::unique_ptr<BigString> BigString::Share() const {
  std::unique_ptr<BigString> copy(new BigString(*this));
  for (Piece* piece : copy->pieces_) piece->refs++;
  return copy;
}

bool BigString::FreeSome(size_t count) {
  while (!pieces_.empty() && count-- > 0) {
    Unref(pieces_.back());
    pieces_.pop_back();
  }
  size_ = std::min(size_, pieces_.size() * kPieceBytes);
  return !pieces_.empty();
}

size_t BigString::MemoryUsage() const {
  size_t sum = sizeof(*this) + pieces_.capacity() * sizeof(Piece*);
  for (const Piece* piece : pieces_) sum += AllocSize(sizeof(Piece) + piece->capacity);
  return sum;
}

}  // namespace clustron::store

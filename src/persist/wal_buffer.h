// Encoded records on their way to disk: laid out by the owner's thread, written by another one.
//
// Small things are copied together. A big payload is somebody else's, who never changes it, and
// stays where it is: the buffer keeps it alive and has it written from there.
//
// THREAD: one at a time may change it; Find may run beside the writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/payload.h"
#include "persist/wal_format.h"

namespace clustron::persist {

// Consecutive bytes of one segment within a buffer.
struct WalPiece {
  uint64_t segment = 0;
  uint64_t offset = 0;  // in the segment; 0: the segment starts here
  size_t begin = 0;     // in the buffer
  size_t size = 0;
};

class WalBuffer {
 public:
  // Payloads from this size on are referred to, if they are shared.
  static constexpr size_t kGuestBytes = 32 << 10;

  bool empty() const { return last_lsn_ == 0; }
  Lsn last_lsn() const { return last_lsn_; }
  size_t size() const { return own_.size() + guest_bytes_; }
  // What this buffer holds itself.
  size_t capacity() const { return own_.capacity(); }
  void Clear();  // keeps up to 1 MB of capacity

  // What is added next stands at this place of the log.
  void BeginPiece(uint64_t segment, uint64_t offset);
  // Copied bytes are appended to this. REQUIRES: a piece was begun.
  std::string* own() { return &own_; }
  void AddGuest(Payload payload);
  // Everything up to now belongs to records up to this one.
  void EndRecord(Lsn lsn) { last_lsn_ = lsn; }

  size_t piece_count() const { return pieces_.size(); }
  WalPiece piece(size_t index) const;
  // The beginning of these bytes of the buffer, as far as it lies in one place in memory.
  std::string_view Part(size_t begin, size_t size) const;
  // What will stand at this place of the log; empty if it is not (all) in this buffer, or part of
  // it is a guest.
  std::string_view Find(uint64_t segment, uint64_t offset, uint64_t size) const;

  size_t pieces_written = 0;  // by WalWriter; a second try goes on there

 private:
  struct Guest {
    size_t begin = 0;   // in the buffer
    size_t before = 0;  // bytes of guests before it
    Payload payload;
  };

  std::string own_;
  std::vector<Guest> guests_;  // by rising `begin`
  size_t guest_bytes_ = 0;
  std::vector<WalPiece> pieces_;  // `size` is not set: a piece ends where the next one begins
  Lsn last_lsn_ = 0;              // 0: empty
};

}  // namespace clustron::persist

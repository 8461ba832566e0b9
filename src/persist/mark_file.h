// A small durable value in two alternating, checksummed copies (`name.a`, `name.b`).
//
// Each write goes to the copy that does not hold the newest value, so a write that is torn, or one
// copy that rots, never takes the last good value along. Format of a copy, little endian:
//
//   magic "CLMK"  u32 crc32c of all that follows  u64 sequence  u32 length  bytes
//
// The copy with the higher sequence holds. Used for the node's identity, the log's durable mark and
// the reserved revisions.
//
// THREAD: one at a time; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "persist/fs.h"

namespace clustron::persist {

class MarkFile {
 public:
  enum class CopyState : uint8_t { kMissing, kGood, kDamaged };

  MarkFile(Fs* fs, std::string dir, std::string name);

  // Reads both copies. Damage is not an error here: the value is the newest good one (none if no
  // copy is good), and damaged() says that a copy was there but could not be read, in which case a
  // newer value than value() may have existed.
  Status Load();
  const std::optional<std::string>& value() const { return value_; }
  // Makes what was read durable, by writing it again; nothing if there is none. It need not be on
  // disk yet: a process whose sync failed ends, the kernel has forgotten then that the bytes were
  // not written, so no later sync writes them, but who reads the file sees them until the machine
  // loses power. For whoever relies on the value; once behind Load().
  Status Keep();
  // The same for a value that is always written to both copies: one that is damaged, or holds
  // another value because writing both was interrupted, gets this one. Else the next copy to rot
  // would bring an earlier value back. A disk that is full leaves it for the next start.
  Status KeepBoth();
  bool damaged() const;
  // Neither copy exists.
  bool missing() const;

  // REQUIRES: Load() was called. Replaces the older copy; durable on return. Torn by a power cut it
  // leaves the other copy, which was synced when it was written.
  Status Write(std::string_view value);
  // Writes both copies, one after the other, each synced: heals a damaged
  // one.
  Status WriteBoth(std::string_view value);

 private:
  struct Copy {
    CopyState state = CopyState::kMissing;
    uint64_t sequence = 0;
    std::string value;
  };
  std::string PathOf(int copy) const;
  Result<Copy> LoadCopy(int copy);

  Fs& fs_;
  const std::string dir_;
  const std::string name_;
  CopyState states_[2] = {CopyState::kMissing, CopyState::kMissing};
  bool alike_ = false;     // both copies hold value_
  uint64_t sequence_ = 0;  // of value_
  int newest_ = 1;         // the copy that holds value_
  // Not after Load(): who wrote a copy may have been killed before its name was on disk.
  bool names_synced_ = false;
  std::optional<std::string> value_;
};

}  // namespace clustron::persist

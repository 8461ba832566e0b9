// Reads accepts back from the log, be they on disk or in a buffer on its way there.
//
// THREAD: the owner's loop; blocking, mostly from the page cache. OWNS: handles of segments.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/log/log_index.h"
#include "cluster/paxos/types.h"
#include "persist/fs.h"
#include "persist/wal_format.h"
#include "persist/wal_writer.h"

namespace clustron::cluster {

class LogReader {
 public:
  // `wal_dir`, `salt`: as LogStoreOptions has them.
  LogReader(persist::Fs& fs, const LogIndex& index, std::string wal_dir, uint64_t salt)
      : fs_(fs), index_(index), wal_dir_(std::move(wal_dir)), salt_(salt) {}

  // Slots first, first + 1, … while they are there, up to `last` and about `bytes_max` of payload
  // (at least one). Reads ahead. `buffers`: what is not on disk yet.
  Result<std::vector<paxos::Accepted>> ReadRange(
      paxos::Slot first, paxos::Slot last, size_t bytes_max,
      std::span<const persist::WalBuffer* const> buffers);
  // These segments are gone.
  void ForgetBefore(uint64_t segment) {
    handles_.erase(handles_.begin(), handles_.lower_bound(segment));
  }

 private:
  // What was read of a segment, beyond what was asked for.
  struct Ahead {
    std::string bytes;
    uint64_t segment = 0;
    uint64_t offset = 0;
  };
  Result<std::string_view> ReadRecord(const persist::WalLocation& location, size_t wanted,
                                      Ahead* ahead);
  Result<persist::File*> Handle(uint64_t segment);
  Result<paxos::Accepted> Decode(paxos::Slot slot, const persist::WalLocation& location,
                                 std::string_view head, std::string_view payload) const;

  persist::Fs& fs_;
  const LogIndex& index_;
  const std::string wal_dir_;
  const uint64_t salt_;
  std::map<uint64_t, std::unique_ptr<persist::File>> handles_;
};

}  // namespace clustron::cluster

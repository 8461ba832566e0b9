// Writing the log: the encoder lays records out (owner's thread, no I/O), the writer puts finished
// buffers on disk (one thread at a time). Between the two a buffer is handed over by value, so that
// one fills while the other is written: natural group commit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "persist/fs.h"
#include "persist/wal_buffer.h"
#include "persist/wal_format.h"

namespace clustron::persist {

struct WalOptions {
  std::string dir;  // of the segments
  uint64_t salt = 0;
  // A segment is closed when the next record would pass this; a bigger record has one of its own.
  uint64_t segment_bytes = 64 << 20;
  // How far beyond what is known an accept's slot may lie: bounds what damaged records at the very
  // end may have held. Not below paxos::Config::ahead_slots_max.
  uint64_t ahead_slots_max = 256;
};

// What the last records were about: bounds the slots of records that turn out unreadable later.
struct WalRecent {
  WalType last_type = WalType::kNone;
  uint64_t last_slot = 0;
  // Lowest and highest accept slot of the current and the last block of 64 LSNs; high 0: none. The
  // two together cover at least the last 64 records.
  uint64_t low[2] = {};
  uint64_t high[2] = {};
  Lsn block = 0;  // the current one
  // Records up to `hidden_until` were damaged when the log was read: count as accepts of any slot
  // from hidden_low to hidden_high.
  Lsn hidden_until = 0;
  uint64_t hidden_low = 0;
  uint64_t hidden_high = 0;

  void Add(Lsn lsn, WalType type, uint64_t slot);
  void AddHidden(Lsn last, uint64_t low, uint64_t high);
  // Over at least the 64 records before `lsn`.
  void Bounds(Lsn lsn, uint64_t* low, uint64_t* high) const;

 private:
  void MoveTo(Lsn lsn);
};

// Where a log goes on: what recovery found, or nothing.
struct WalEnd {
  uint64_t segment = 0;  // 0: no segment yet; the first will be base.first_segment
  uint64_t offset = 0;
  Lsn last_lsn = 0;
  WalBase base;
  WalRecent recent;
};

class WalEncoder {
 public:
  WalEncoder(const WalOptions& options, const WalEnd& end);

  // Lays out one record behind those before it. `durable` is the LSN up to which everything is on
  // disk before this buffer is written; it never falls.
  WalLocation Add(const WalRecord& record, Lsn durable, WalBuffer* out);
  void SetFloor(uint64_t floor, uint64_t first_segment);

  // As of the last record, with the durable fields as if all of it were on disk: the mark to be
  // written once it is.
  WalBase BaseAtEnd() const;
  Lsn last_lsn() const { return end_.last_lsn; }
  // Where the next record would go, if it fits.
  uint64_t segment() const { return end_.segment; }
  uint64_t offset() const { return end_.offset; }
  uint64_t max_slot() const { return end_.base.max_slot; }

 private:
  void StartSegment(Lsn durable, WalBuffer* out);
  WalLocation Put(const WalRecord& record, Lsn durable, WalBuffer* out);

  const WalOptions options_;
  WalEnd end_;
};

// THREAD: one at a time.
class WalWriter {
 public:
  WalWriter(Fs* fs, const WalOptions& options);

  // Opens the segment that recovery left off in. 0: none yet.
  Status Resume(uint64_t segment);
  // Writes the buffer's pieces in order, after allocating what they need: one write for what is
  // copied together, and one for each payload that isn't.
  // kNoSpace: nothing that was there before is harmed, and the same buffer is to be given again,
  // before any other. On a full disk segments are allocated only as far as needed.
  Status Write(WalBuffer* buffer);
  // Of the segment being written: bytes that can be written into it whatever happens to the disk.
  uint64_t segment() const { return segment_; }
  uint64_t allocated() const { return allocated_; }
  // What a sync has to do since it was last taken: files written to, and whether names changed.
  // Taken where the writer is used; run anywhere, also while later writes go on.
  struct SyncWork {
    std::vector<std::shared_ptr<File>> files;  // in the order written
    bool dir = false;
    bool empty() const { return files.empty() && !dir; }
  };
  SyncWork TakeSyncWork();
  static Status Run(Fs& fs, const std::string& dir, const SyncWork& work);

  // Removes segments [from, to) as far as they exist, oldest first, and syncs the directory.
  static Status RemoveSegments(Fs& fs, const std::string& dir, uint64_t from, uint64_t to);

 private:
  Status OpenSegment(uint64_t segment);
  Status EnsureAllocated(uint64_t size);

  Fs& fs_;
  const WalOptions options_;
  uint64_t segment_ = 0;
  std::shared_ptr<File> file_;
  uint64_t allocated_ = 0;
  SyncWork sync_work_;
};

}  // namespace clustron::persist

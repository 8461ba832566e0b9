// Writing the log: the encoder lays records out (owner's thread, no I/O), the writer puts finished
// buffers on disk (one thread at a time). Between the two a buffer is handed over by value, so that
// one fills while the other is written: natural group commit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "persist/fs.h"
#include "persist/wal_format.h"

namespace clustron::persist {

struct WalOptions {
  std::string dir;  // of the segments
  uint64_t salt = 0;
  // A segment is closed when the next record would pass this; a bigger record has one of its own.
  uint64_t segment_bytes = 64 << 20;
};

// Consecutive bytes of one segment within a buffer.
struct WalPiece {
  uint64_t segment = 0;
  uint64_t offset = 0;  // in the segment
  size_t begin = 0;     // in the buffer
  size_t size = 0;
  bool new_segment = false;  // its first bytes: create the file
};

// Encoded records on their way to disk.
struct WalBuffer {
  std::string bytes;
  std::vector<WalPiece> pieces;
  Lsn last_lsn = 0;  // 0: empty

  bool empty() const { return last_lsn == 0; }
  void Clear();  // keeps up to 1 MB of capacity
};

// Where the next record goes and what its header repeats.
class WalEncoder {
 public:
  // Goes on behind `end` (segment, offset, LSN of the last record) with `base` as of there. With
  // segment 0: an empty log, whose first segment will be `base.first_segment`.
  WalEncoder(const WalOptions& options, const WalBase& base, uint64_t segment, uint64_t offset,
             Lsn last_lsn);

  // Lays out one record behind those before it. `durable` is the LSN up to which everything is on
  // disk before this buffer is written.
  WalLocation Add(const WalRecord& record, Lsn durable, WalBuffer* out);

  // As of the last record. The durable* fields are the caller's to fill.
  const WalBase& base() const { return base_; }
  void SetFloor(uint64_t floor, uint64_t first_segment);
  Lsn last_lsn() const { return last_lsn_; }
  uint64_t segment() const { return segment_; }
  uint64_t offset() const { return offset_; }

 private:
  void StartSegment(Lsn durable, WalBuffer* out);
  WalLocation Put(const WalRecord& record, Lsn durable, WalBuffer* out);
  void Remember(const WalRecord& record);

  const WalOptions options_;
  WalBase base_;
  uint64_t segment_;
  uint64_t offset_;
  Lsn last_lsn_;
  WalType prev_type_ = WalType::kPromise;
  uint64_t prev_slot_ = 0;
  std::vector<uint64_t> recent_;  // accept slots of the last 64 records, a ring by LSN; 0: other
};

// THREAD: one at a time.
class WalWriter {
 public:
  WalWriter(Fs* fs, const WalOptions& options);

  // Opens the segment that recovery left off in.
  Status Resume(uint64_t segment);
  // Writes the buffer's pieces in order: one write each, after allocating what they need.
  // kNoSpace: nothing that was there before is harmed, and the same buffer may be given again. On a
  // full disk segments are allocated only as far as needed.
  Status Write(const WalBuffer& buffer);
  // What Sync() has to do since it was last taken: files written to, and whether names changed.
  // Taken by the owner, run on any thread, so that syncing needs no access to the writer.
  struct SyncWork {
    std::vector<std::shared_ptr<File>> files;  // in the order written
    bool dir = false;
  };
  SyncWork TakeSyncWork();
  static Status Run(Fs& fs, const std::string& dir, const SyncWork& work);

  // Removes segments [from, to), oldest first, and syncs the directory.
  static Status RemoveSegments(Fs& fs, const std::string& dir, uint64_t from, uint64_t to);

  uint64_t segment() const { return segment_; }

 private:
  Status OpenSegment(const WalPiece& piece);
  Status EnsureAllocated(uint64_t size);

  Fs& fs_;
  const WalOptions options_;
  uint64_t segment_ = 0;
  std::shared_ptr<File> file_;
  uint64_t allocated_ = 0;
  SyncWork sync_work_;
};

}  // namespace clustron::persist

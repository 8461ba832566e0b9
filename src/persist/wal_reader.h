// Reading the log back: what is there, what is damaged, where it ends.
//
// A bad place in the log is one of two things, and telling them apart is the point of this file:
//   - a **torn tail**: the last, never acknowledged write was cut short by a crash. It is dropped,
//     and everything behind it (the rest of the same write) with it.
//   - **corruption**: something that was on disk has changed. It is never dropped: each record that
//     may have been there is reported, with its slot where it is known, else with a range of slots.
// A bad place at LSN n is corruption if anything proves that n was durable: the `durable` field of
// a record behind it, the mark file, or that no sector of the place is as it was before the write
// (a torn write leaves whole sectors unwritten, that is, zero). Else it is a torn tail.
//
// If records that were durable are missing without a trace at the end (files lost or cut short), or
// if damage may hide a promise, no report is enough: that is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "persist/fs.h"
#include "persist/wal_format.h"
#include "persist/wal_writer.h"

namespace clustron::persist {

// Records with these LSNs can't be read. Accepts among them were of slots in [slot_low, slot_high]
// (high 0: there were none). What older records say of these slots may be out of date.
struct WalDamage {
  Lsn lsn_first = 0;
  Lsn lsn_last = 0;
  uint64_t slot_low = 0;
  uint64_t slot_high = 0;
  std::string where;  // segment, offset and what is wrong, for the log
};

// Hears of everything in the order of the log, so that what comes later holds.
class WalVisitor {
 public:
  virtual ~WalVisitor() = default;
  // An intact record. The payload is valid during the call.
  virtual void OnRecord(const WalHeader& header, const WalLocation& location,
                        std::string_view payload) = 0;
  virtual void OnDamage(const WalDamage& damage) = 0;
};

struct WalScan {
  WalEnd end;  // where to go on writing, and the best knowledge of what still counts
  uint64_t records = 0;
  uint64_t damages = 0;
  uint64_t torn_bytes = 0;          // dropped at the end
  std::vector<std::string> report;  // lines for people
};

// THREAD: one; blocking.
class WalReader {
 public:
  // `mark`: the newest readable mark, or null. `mark_damaged`: a newer one may have existed.
  WalReader(Fs* fs, const WalOptions& options, const WalBase* mark, bool mark_damaged);

  // Reads everything; changes nothing on disk. kCorruption: acknowledged records, or a promise, may
  // be gone without a trace; the node must not vote again under its identity.
  Result<WalScan> Scan(WalVisitor* visitor);

  // Prepares the log for writing behind `scan`: removes segments that are not part of it, and
  // replaces those that were written last by copies of their good bytes, synced under their old
  // names (after a failed fsync the page cache may show what the disk does not have; reading proves
  // nothing, a new file does). Without room for a copy they are rewritten in place. REQUIRES: the
  // mark file says scan.end.base's floor and first_segment already; the records that said so may be
  // among those removed.
  Status Repair(const WalScan& scan);

  // One record, checked; kCorruption if it changed since. `file` is its segment.
  static Result<std::string> ReadRecord(File& file, uint64_t salt, const WalLocation& location,
                                        WalHeader* header);

 private:
  Result<std::vector<uint64_t>> ListSegments();
  Status CopySegment(uint64_t segment, uint64_t bytes);
  Status RewriteSegment(uint64_t segment, uint64_t bytes);

  Fs& fs_;
  const WalOptions options_;
  const WalBase* const mark_;
  const bool mark_damaged_;
};

}  // namespace clustron::persist

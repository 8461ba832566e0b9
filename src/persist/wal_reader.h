// Reading the log back: what is there, what is damaged, where it ends.
//
// A bad place in the log is one of two things, and telling them apart is the point of this file:
//   - a **torn tail**: the last, never acknowledged write was cut short by a crash. It is dropped.
//   - **corruption**: something that was on disk has changed. It is never dropped: each record that
//     may have been there is reported, with its slot where it is known, else with a range of slots.
// A bad place at LSN n is corruption if anything proves that n was durable: a later record's
// `durable` field, the mark file, or that no sector of the place is as it was before the write (a
// torn write leaves whole sectors unwritten, that is, zero). Else it is a torn tail, and everything
// behind it goes too.
//
// If records that were durable are missing without a trace at the end (files lost or cut short), no
// range is safe: that is an error, not damage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "persist/fs.h"
#include "persist/wal_format.h"
#include "persist/wal_writer.h"

namespace clustron::persist {

// Records with these LSNs can't be read. Accepts among them were of slots in [slot_low, slot_high]
// (both 0: there were none). An intact accept of a slot with a higher LSN supersedes the damage.
struct WalDamage {
  Lsn lsn_first = 0;
  Lsn lsn_last = 0;
  uint64_t slot_low = 0;
  uint64_t slot_high = 0;
  std::string where;  // segment, offset and what is wrong, for the log
};

struct WalScan {
  WalBase base;  // best knowledge: promise, floor, chosen, last mark
  // Behind the last record; segment 0: the log is empty.
  uint64_t segment = 0;
  uint64_t offset = 0;
  Lsn last_lsn = 0;
  uint64_t first_segment = 0;  // the oldest that is still needed
  std::vector<WalDamage> damage;
  uint64_t torn_bytes = 0;  // dropped at the end
  uint64_t records = 0;
};

class WalReader {
 public:
  // Intact records in order. The payload is valid during the call.
  using OnRecord = std::function<void(const WalHeader&, const WalLocation&, std::string_view)>;

  // `mark`: the newest readable mark, if any; `mark_damaged`: a copy of it could not be read, so a
  // newer one may have existed.
  WalReader(Fs* fs, const WalOptions& options, const WalBase* mark, bool mark_damaged);

  // Reads everything; changes nothing on disk. kCorruption: acknowledged records, or a promise, may
  // be gone without a trace; the node must not vote again under its identity.
  Result<WalScan> Scan(const OnRecord& on_record);

  // Prepares the log for writing behind `scan`: removes what is not part of it, and replaces the
  // last segment by a copy of its good bytes, synced under its old name (after a failed fsync the
  // page cache may show what the disk does not have; reading proves nothing, a new file does).
  Status Repair(const WalScan& scan);

  // One record's payload, checked; kCorruption if it changed since.
  static Result<std::string> ReadPayload(File& file, uint64_t salt, const WalLocation& location,
                                         WalHeader* header);

 private:
  struct Bad;
  struct Segment;
  Status ListSegments();
  Fs& fs_;
  const WalOptions options_;
  const WalBase* mark_;
  const bool mark_damaged_;
  std::vector<uint64_t> segments_;
};

}  // namespace clustron::persist

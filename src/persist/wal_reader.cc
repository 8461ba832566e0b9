#include "persist/wal_reader.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/crc.h"
#include "base/reach.h"

namespace clustron::persist {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kCopyStepBytes = 1 << 20;
// Fewer set bytes than this can't be what is left of a record's header.
constexpr int kHeaderSetBytesMin = 16;

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// The end of the last byte that is not zero; `from` if there is none behind it.
uint64_t EndOfData(std::string_view content, uint64_t from) {
  static constexpr char kZeros[4096] = {};
  uint64_t end = content.size();
  // Most of a segment may never have been written.
  while (end - from >= sizeof kZeros &&
         std::memcmp(content.data() + end - sizeof kZeros, kZeros, sizeof kZeros) == 0) {
    end -= sizeof kZeros;
  }
  while (end > from && content[end - 1] == 0) --end;
  return end;
}

uint64_t RoundUp(uint64_t offset) {
  return (offset + kWalAlignment - 1) / kWalAlignment * kWalAlignment;
}

// Whether some sector of [begin, end) is as it was before anything was written there, or its end is
// missing.
bool LooksTorn(std::string_view content, uint64_t begin, uint64_t end) {
  if (end - begin < kWalRecordHeaderBytes || content[end - 1] == 0) return true;
  const std::string_view header = content.substr(begin, kWalRecordHeaderBytes);
  const auto set = std::count_if(header.begin(), header.end(), [](char c) { return c != 0; });
  if (set < kHeaderSetBytesMin) return true;
  for (uint64_t at = begin; at < end;) {
    const uint64_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    if (AllZero(content.substr(at, next - at))) return true;
    at = next;
  }
  return false;
}

}  // namespace

// One pass over the segments. Events are held back behind a bad place until it is known whether
// that is corruption (then they follow it) or the torn end (then they are dropped).
class WalScanner {
 public:
  WalScanner(Fs* fs, const WalOptions& options, const WalBase* mark, bool mark_damaged,
             WalVisitor* visitor)
      : fs_(*fs), options_(options), mark_(mark), mark_damaged_(mark_damaged), visitor_(*visitor) {
    if (mark_ == nullptr) return;
    durable_ = mark_->durable;
    scan_.end.base = *mark_;
  }

  Result<WalScan> Run(std::vector<uint64_t> segments) {
    ASSIGN_OR_RETURN(segments, SkipRemoved(std::move(segments)));
    if (segments.empty()) {
      if (durable_ > 0) return Lost("there is no segment");
      return std::move(scan_);
    }
    uint64_t expected = scan_.end.base.first_segment;
    // Only the first segment ever, or one behind compacted ones, starts at an LSN we can't foresee.
    if (segments.front() != expected || expected == 1) next_ = 1;
    first_ = expected;
    for (const uint64_t segment : segments) {
      if (segment != expected) {
        OpenBad(expected, kWalSegmentHeaderBytes,
                "segments are missing before " + WalSegmentName(segment));
      }
      TRY(ReadSegment(segment));
      expected = segment + 1;
    }
    TRY(Finish());
    return std::move(scan_);
  }

 private:
  // A stretch that can't be read, from the first LSN missing on.
  struct Bad {
    uint64_t segment = 0;
    uint64_t offset = 0;
    uint64_t end = 0;  // of its bytes; offset if it has none
    bool torn = true;  // looks like a write that did not complete
    std::string what;
  };
  struct Event {
    bool is_damage = false;
    WalDamage damage;
    bool torn = false;        // damage: what Bad says
    uint64_t torn_bytes = 0;  // of it and what is dropped with it
    WalHeader header;         // damage: as far as it could be read, else empty
    WalLocation location;
    std::string payload;
    uint64_t segment = 0;  // behind the event
    uint64_t end = 0;
  };

  std::unexpected<Error> Lost(const std::string& what) const {
    return Fail(Errc::kCorruption,
                options_.dir + ": " + what + ", but records up to number " +
                    std::to_string(durable_) + " were durable (this log ends at " +
                    std::to_string(next_ == 0 ? 0 : next_ - 1) +
                    "). What this node has acknowledged is gone without a trace; it must not vote "
                    "again under its identity");
  }

  // Drops segments that were compacted away, as later ones and the mark tell, but that a crash left
  // behind.
  Result<std::vector<uint64_t>> SkipRemoved(std::vector<uint64_t> segments) {
    WalBase& base = scan_.end.base;
    for (const uint64_t segment : segments) {
      const std::string path = options_.dir + "/" + WalSegmentName(segment);
      ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs_.Open(path, OpenMode::kRead));
      WalHeader header;
      const WalLocation location{
          .segment = segment, .offset = kWalSegmentHeaderBytes, .payload_size = 0};
      const Result<std::string> payload =
          WalReader::ReadRecord(*file, options_.salt, location, &header);
      if (!payload) {
        if (payload.error().code != Errc::kCorruption) return std::unexpected(payload.error());
        continue;
      }
      const std::optional<WalBase> found = DecodeWalBase(*payload);
      if (header.type != WalType::kBase || !found) continue;
      // Both are facts about a snapshot, true even if the record itself is dropped later on.
      base.first_segment = std::max(base.first_segment, found->first_segment);
      base.floor = std::max(base.floor, found->floor);
    }
    std::erase_if(segments, [&](uint64_t segment) { return segment < base.first_segment; });
    return segments;
  }

  Status ReadSegment(uint64_t segment) {
    const std::string path = options_.dir + "/" + WalSegmentName(segment);
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs_.Open(path, OpenMode::kRead));
    ASSIGN_OR_RETURN(const uint64_t size, file->Size());
    std::string content;
    Result<size_t> read = 0;
    content.resize_and_overwrite(size, [&](char* out, size_t room) {
      read = file->ReadAt(0, out, room);
      return read ? *read : 0;
    });
    TRY(read);
    if (next_ == 0 && segment == first_) {
      const std::optional<Lsn> first = DecodeWalSegmentHeader(options_.salt, segment, content);
      if (first) next_ = *first;
    }
    for (uint64_t pos = kWalSegmentHeaderBytes; pos < content.size();) {
      const std::optional<WalHeader> header = HeaderAt(content, segment, pos);
      pos = header ? TakeRecord(content, segment, pos, *header) : SkipBad(content, segment, pos);
    }
    return {};
  }

  std::optional<WalHeader> HeaderAt(std::string_view content, uint64_t segment,
                                    uint64_t pos) const {
    std::optional<WalHeader> header =
        DecodeWalHeader(options_.salt, segment, pos, content.substr(pos));
    // An LSN that was passed already is a leftover, not a record.
    if (header && header->lsn < next_) return std::nullopt;
    return header;
  }

  // Returns the end of the record.
  uint64_t TakeRecord(std::string_view content, uint64_t segment, uint64_t pos,
                      const WalHeader& header) {
    if (next_ == 0) next_ = segment == first_ ? FirstLsn(pos, header) : 1;
    CloseBad(segment, pos, header);
    durable_ = std::max(durable_, header.durable);
    const uint64_t end =
        std::min<uint64_t>(pos + WalRecordBytes(header.payload_size), content.size());
    const std::string_view payload =
        content.substr(pos + kWalRecordHeaderBytes, header.payload_size);
    next_ = header.lsn + 1;
    last_ = header;
    Event event;
    event.header = header;
    event.segment = segment;
    event.end = RoundUp(end);
    if (payload.size() == header.payload_size && Crc32c(payload) == header.payload_crc) {
      event.location = {.segment = segment, .offset = pos, .payload_size = header.payload_size};
      if (!held_.empty()) event.payload = std::string(payload);
      Push(std::move(event), payload);
      return end;
    }
    event.is_damage = true;
    event.damage = {
        .lsn_first = header.lsn,
        .lsn_last = header.lsn,
        .slot_low = header.type == WalType::kAccept ? header.slot : 0,
        .slot_high = header.type == WalType::kAccept ? header.slot : 0,
        .where = Where(segment, pos, "payload of record " + std::to_string(header.lsn))};
    event.torn = LooksTorn(content, pos, end);
    event.torn_bytes = end - pos;
    Push(std::move(event), {});
    return end;
  }

  // The log starts here, but its first records can't be read: how many may there have been?
  static Lsn FirstLsn(uint64_t pos, const WalHeader& header) {
    const uint64_t records = (pos - kWalSegmentHeaderBytes) / kWalRecordHeaderBytes;
    return header.lsn - std::min<uint64_t>(header.lsn - 1, records);
  }

  // Returns where the next record starts, or the end of the segment.
  uint64_t SkipBad(std::string_view content, uint64_t segment, uint64_t pos) {
    uint64_t end = EndOfData(content, pos);
    uint64_t found = content.size();
    for (uint64_t at = pos + kWalAlignment; at + kWalRecordHeaderBytes <= end;
         at += kWalAlignment) {
      if (!HeaderAt(content, segment, at)) continue;
      found = end = at;
      break;
    }
    // Nothing but zeros to the end: the segment's clean end.
    if (end > pos) {
      OpenBad(segment, pos, "record header");
      if (bad_->segment != segment) {
        bad_->segment = segment;
        bad_->offset = pos;
      }
      bad_->end = RoundUp(end);
      bad_->torn = bad_->torn && LooksTorn(content, pos, end);
    }
    return found;
  }

  void OpenBad(uint64_t segment, uint64_t offset, const std::string& what) {
    if (bad_) {
      bad_->what += ", " + what;
      return;
    }
    bad_ = Bad{.segment = segment,
               .offset = offset,
               .end = offset,
               .torn = true,
               .what = Where(segment, offset, what)};
  }

  std::string Where(uint64_t segment, uint64_t offset, const std::string& what) const {
    return WalSegmentName(segment) + " at " + std::to_string(offset) + ": " + what;
  }

  uint64_t ChosenBefore() const {
    return std::max(last_ ? last_->chosen : 0, scan_.end.base.floor);
  }

  // A good record follows. If LSNs are missing before it, something unreadable held them.
  void CloseBad(uint64_t segment, uint64_t pos, const WalHeader& header) {
    const uint64_t count = header.lsn - next_;
    if (count == 0) {
      if (bad_) scan_.report.push_back(bad_->what + " (holds no record)");
      bad_.reset();
      return;
    }
    if (!bad_) OpenBad(segment, pos, "records are missing");
    Event event;
    event.is_damage = true;
    event.torn = bad_->torn;
    event.torn_bytes = bad_->end - bad_->offset;
    event.segment = segment;
    event.end = pos;
    event.damage.lsn_first = next_;
    event.damage.lsn_last = header.lsn - 1;
    event.damage.where = bad_->what;
    BoundSlots(count, header, &event.damage);
    bad_.reset();
    Push(std::move(event), {});
  }

  // From what the record behind the damage repeats. A slot that was known as chosen before can't
  // have been accepted with another value since: what an older record says of it still holds.
  void BoundSlots(uint64_t count, const WalHeader& header, WalDamage* damage) const {
    if (last_ && header.max_slot < last_->max_slot) {
      // A cut is among what is missing: what it took back must not come back.
      REACH("wal damage hides a cut");
      if (count == 1 && header.prev_type == WalType::kCut) {
        damage->slot_low = header.prev_slot;
      } else {
        const uint64_t recent = count <= kWalRecentRecords ? header.recent_low : 1;
        damage->slot_low = std::min(header.max_slot + 1, std::max<uint64_t>(recent, 1));
      }
      damage->slot_high = last_->max_slot;
      return;
    }
    if (count == 1 && header.prev_type != WalType::kNone) {
      if (header.prev_type != WalType::kAccept) return;
      damage->slot_low = damage->slot_high = header.prev_slot;
      return;
    }
    uint64_t low = 1;
    uint64_t high = header.max_slot;
    if (count <= kWalRecentRecords) {
      low = header.recent_low;
      high = header.recent_high;
    }
    low = std::max(low, ChosenBefore() + 1);
    if (low > high) return;
    damage->slot_low = low;
    damage->slot_high = high;
  }

  // Hands out what is certain by now. `payload` is the event's, if it is not in it.
  void Push(Event event, std::string_view payload) {
    if (held_.empty() && !event.is_damage) {
      Emit(event, payload);
      return;
    }
    held_.push_back(std::move(event));
    Release();
  }

  void Release() {
    while (!held_.empty()) {
      const Event& event = held_.front();
      if (event.is_damage && event.torn && event.damage.lsn_first > durable_) return;
      Emit(event, event.payload);
      held_.pop_front();
    }
  }

  void Emit(const Event& event, std::string_view payload) {
    WalEnd& end = scan_.end;
    end.segment = event.segment;
    end.offset = event.end;
    end.base.promised = std::max(end.base.promised, event.header.promised);
    end.base.chosen = std::max(end.base.chosen, event.header.chosen);
    end.base.max_slot = std::max(end.base.max_slot, event.header.max_slot);
    if (event.is_damage) {
      REACH("wal corruption");
      const WalDamage& damage = event.damage;
      ++scan_.damages;
      scan_.report.push_back(damage.where + " is damaged (" + Slots(damage) + ")");
      end.last_lsn = damage.lsn_last;
      end.recent.AddHidden(damage.lsn_last, damage.slot_low, damage.slot_high);
      end.base.max_slot = std::max(end.base.max_slot, damage.slot_high);
      visitor_.OnDamage(damage);
      return;
    }
    ++scan_.records;
    if (event.header.type == WalType::kCut) {
      end.base.chosen = event.header.chosen;
      end.base.max_slot = event.header.max_slot;
    }
    end.last_lsn = event.header.lsn;
    end.recent.Add(event.header.lsn, event.header.type, event.header.slot);
    if (event.header.type == WalType::kMark) end.base.mark = std::string(payload);
    if (event.header.type == WalType::kBase) MergeBase(payload);
    visitor_.OnRecord(event.header, event.location, payload);
  }

  void MergeBase(std::string_view payload) {
    const std::optional<WalBase> base = DecodeWalBase(payload);
    if (!base) return;
    WalBase& known = scan_.end.base;
    if (!base->mark.empty()) known.mark = base->mark;
  }

  static std::string Slots(const WalDamage& damage) {
    if (damage.slot_high == 0) return "no slot";
    if (damage.slot_low == damage.slot_high) return "slot " + std::to_string(damage.slot_low);
    return "slots " + std::to_string(damage.slot_low) + " to " + std::to_string(damage.slot_high);
  }

  // Everything was read: what is the end?
  Status Finish() {
    if (next_ == 0) next_ = 1;
    if (!held_.empty()) {
      // The first bad place is not proven, so it and what is behind it were one unfinished write.
      REACH("wal torn batch");
      CHECK(held_.front().damage.lsn_first > durable_);
      for (const Event& event : held_) {
        scan_.torn_bytes +=
            event.is_damage ? event.torn_bytes : WalRecordBytes(event.header.payload_size);
      }
      if (bad_) scan_.torn_bytes += bad_->end - bad_->offset;
      return {};
    }
    const bool proven = durable_ >= next_;
    if (!bad_) {
      if (proven) return Lost("records are missing at the end");
      return {};
    }
    if (!proven && bad_->torn) {
      REACH("wal torn tail");
      scan_.torn_bytes = bad_->end - bad_->offset;
      return {};
    }
    return FinishDamaged(proven);
  }

  // The last records are damaged, but their bytes are there.
  Status FinishDamaged(bool proven) {
    REACH("wal corruption at the end");
    if (proven && (mark_->durable_segment != bad_->segment ||
                   bad_->end + kWalAlignment < mark_->durable_offset)) {
      return Lost("the end is gone (" + bad_->what + ")");
    }
    if (mark_damaged_) {
      return Fail(Errc::kCorruption,
                  options_.dir + ": " + bad_->what +
                      " is damaged at the end of the log, and so is the mark that would tell "
                      "whether a promise was there; this node must not vote again under its "
                      "identity");
    }
    const uint64_t known_end = proven ? mark_->durable_offset : bad_->offset;
    const uint64_t more =
        bad_->end <= known_end
            ? 0
            : std::max<uint64_t>((bad_->end - known_end) / kWalRecordHeaderBytes, proven ? 0 : 1);
    Event event;
    event.is_damage = true;
    event.segment = bad_->segment;
    event.end = std::max(bad_->end, known_end);
    WalDamage& damage = event.damage;
    damage.where = bad_->what;
    damage.lsn_first = next_;
    damage.lsn_last = (proven ? durable_ : next_ - 1) + more;
    if (more == 0 && durable_ == next_ && mark_->durable_type != WalType::kNone &&
        mark_->durable_type != WalType::kCut) {
      if (mark_->durable_type == WalType::kAccept) {
        damage.slot_low = damage.slot_high = mark_->durable_slot;
      }
    } else {
      const uint64_t known = std::max(scan_.end.base.max_slot, last_ ? last_->max_slot : 0);
      damage.slot_low = ChosenBefore() + 1;
      // The mark knows of a cut that is not readable any more.
      if (proven && last_ && mark_->max_slot < last_->max_slot)
        damage.slot_low = std::min(damage.slot_low, mark_->max_slot + 1);
      damage.slot_high = more == 0 ? known : known + more + options_.ahead_slots_max;
      if (damage.slot_low > damage.slot_high) damage.slot_low = damage.slot_high = 0;
    }
    bad_.reset();
    Push(std::move(event), {});
    return {};
  }

  Fs& fs_;
  const WalOptions options_;
  const WalBase* const mark_;
  const bool mark_damaged_;
  WalVisitor& visitor_;
  WalScan scan_;
  uint64_t first_ = 0;  // segment that the log starts with
  Lsn next_ = 0;        // the LSN expected next; 0: not known yet
  Lsn durable_ = 0;     // highest LSN proven to have been on disk
  std::optional<WalHeader> last_;
  std::optional<Bad> bad_;  // open: no good record behind it yet
  std::deque<Event> held_;  // the front one is a damage that is not proven
};

WalReader::WalReader(Fs* fs, const WalOptions& options, const WalBase* mark, bool mark_damaged)
    : fs_(*fs), options_(options), mark_(mark), mark_damaged_(mark_damaged) {}

Result<std::vector<uint64_t>> WalReader::ListSegments() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs_.List(options_.dir));
  std::vector<uint64_t> segments;
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> segment = ParseWalSegmentName(name)) {
      segments.push_back(*segment);
    }
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

Result<WalScan> WalReader::Scan(WalVisitor* visitor) {
  ASSIGN_OR_RETURN(std::vector<uint64_t> segments, ListSegments());
  // A log is never without its mark.
  const bool damaged = mark_damaged_ || mark_ == nullptr;
  WalScanner scanner(&fs_, options_, mark_, damaged, visitor);
  return scanner.Run(std::move(segments));
}

Status WalReader::Repair(const WalScan& scan) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> segments, ListSegments());
  const uint64_t first = scan.end.base.first_segment;
  // Of the end that is dropped the youngest first: what is left is a log at every moment.
  bool removed = false;
  for (auto it = segments.rbegin(); it != segments.rend() && *it > scan.end.segment; ++it) {
    TRY(fs_.Remove(options_.dir + "/" + WalSegmentName(*it)));
    removed = true;
  }
  if (removed) TRY(fs_.SyncDir(options_.dir));
  if (!segments.empty() && segments.front() < first) {
    TRY(WalWriter::RemoveSegments(fs_, options_.dir, segments.front(), first));
  }
  // The mark was synced after what it covers: that is on disk for certain. Its names need not be:
  // an earlier start may have died with a repaired copy in place, and its new name nowhere else.
  if (mark_ != nullptr && mark_->durable >= scan.end.last_lsn && scan.torn_bytes == 0)
    return fs_.SyncDir(options_.dir);
  // Below `always` several segments may have been written since the last sync.
  const uint64_t copy_from =
      mark_ == nullptr ? 0 : std::min(mark_->durable_segment, scan.end.segment);
  for (const uint64_t segment : segments) {
    if (segment < first || segment < copy_from) continue;
    if (segment > scan.end.segment) break;
    const uint64_t bytes = segment == scan.end.segment ? scan.end.offset : ~uint64_t{0};
    Status copied = CopySegment(segment, bytes);
    if (!copied && copied.error().code == Errc::kNoSpace) {
      REACH("wal segment rewritten in place on a full disk");
      copied = RewriteSegment(segment, bytes);
    }
    TRY(copied);
  }
  return {};
}

Status WalReader::CopySegment(uint64_t segment, uint64_t bytes) {
  const std::string path = options_.dir + "/" + WalSegmentName(segment);
  const std::string copy = options_.dir + "/copy.tmp";
  ASSIGN_OR_RETURN(const std::unique_ptr<File> from, fs_.Open(path, OpenMode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, from->Size());
  bytes = std::min(bytes, size);
  ASSIGN_OR_RETURN(const std::unique_ptr<File> to, fs_.Open(copy, OpenMode::kCreate));
  std::string buffer;
  for (uint64_t done = 0; done < bytes; done += buffer.size()) {
    buffer.resize(std::min(kCopyStepBytes, bytes - done));
    ASSIGN_OR_RETURN(const size_t read, from->ReadAt(done, buffer.data(), buffer.size()));
    if (read != buffer.size()) return Fail(Errc::kIo, path + ": shorter than it was");
    TRY(to->WriteAt(done, buffer));
  }
  TRY(to->Sync());
  TRY(fs_.Rename(copy, path));
  return fs_.SyncDir(options_.dir);
}

// The same bytes at the same places: a crash in the middle leaves each sector as it was. What is
// behind them is dropped. The segment's name may be as new as its bytes: it is synced too.
Status WalReader::RewriteSegment(uint64_t segment, uint64_t bytes) {
  const std::string copy = options_.dir + "/copy.tmp";
  if (fs_.Exists(copy)) TRY(fs_.Remove(copy));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                   fs_.Open(options_.dir + "/" + WalSegmentName(segment), OpenMode::kReadWrite));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  bytes = std::min(bytes, size);
  std::string buffer;
  for (uint64_t done = 0; done < size; done += buffer.size()) {
    buffer.assign(std::min(kCopyStepBytes, size - done), '\0');
    if (done < bytes) {
      ASSIGN_OR_RETURN(const size_t read,
                       file->ReadAt(done, buffer.data(), std::min(buffer.size(), bytes - done)));
      static_cast<void>(read);
    }
    TRY(file->WriteAt(done, buffer));
  }
  TRY(file->Sync());
  return fs_.SyncDir(options_.dir);
}

Result<std::string> WalReader::ReadRecord(File& file, uint64_t salt, const WalLocation& location,
                                          WalHeader* header) {
  // The size is only known from the header where the caller does not say.
  std::string bytes(kWalRecordHeaderBytes + location.payload_size, '\0');
  ASSIGN_OR_RETURN(const size_t read, file.ReadAt(location.offset, bytes.data(), bytes.size()));
  bytes.resize(read);
  const auto damaged = [&] {
    return Fail(Errc::kCorruption, WalSegmentName(location.segment) + " at " +
                                       std::to_string(location.offset) + " is damaged");
  };
  const std::optional<WalHeader> found =
      DecodeWalHeader(salt, location.segment, location.offset, bytes);
  if (!found) return damaged();
  *header = *found;
  std::string payload = bytes.substr(kWalRecordHeaderBytes);
  if (payload.size() != found->payload_size) {
    ASSIGN_OR_RETURN(const uint64_t size, file.Size());
    if (location.offset + WalRecordBytes(found->payload_size) > size) return damaged();
    payload.resize(found->payload_size);
    ASSIGN_OR_RETURN(const size_t more, file.ReadAt(location.offset + kWalRecordHeaderBytes,
                                                    payload.data(), payload.size()));
    if (more != payload.size()) return damaged();
  }
  if (Crc32c(payload) != found->payload_crc) return damaged();
  return payload;
}

}  // namespace clustron::persist

#include "persist/wal_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crc.h"
#include "base/memory.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::persist {
namespace {

// What a segment grows by when the disk has no room for a whole one, and behind big records.
constexpr uint64_t kSmallAllocationBytes = 64 << 10;

uint64_t RoundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

// Widens [*low, *high] to hold [from, to]; high 0: empty.
void Widen(uint64_t from, uint64_t to, uint64_t* low, uint64_t* high) {
  if (to == 0) return;
  *low = *high == 0 ? from : std::min(*low, from);
  *high = std::max(*high, to);
}

// What the log says with one more record.
void Include(const WalRecord& record, WalBase* base) {
  switch (record.type) {
    case WalType::kPromise:
      base->promised = std::max(base->promised, record.ballot);
      break;
    case WalType::kAccept:
      base->promised = std::max(base->promised, record.ballot);
      base->max_slot = std::max(base->max_slot, record.slot);
      break;
    case WalType::kChosen:
      base->chosen = std::max(base->chosen, record.slot);
      break;
    case WalType::kCut:
      base->chosen = std::min(base->chosen, record.slot - 1);
      base->max_slot = std::min(base->max_slot, record.slot - 1);
      break;
    case WalType::kMark:
      base->mark = std::string(record.payload);
      break;
    case WalType::kBase:
    case WalType::kNone:
      break;
  }
}

}  // namespace

void WalRecent::MoveTo(Lsn lsn) {
  const Lsn now = lsn / kWalRecentRecords;
  if (now == block) return;
  const bool next = now == block + 1;
  low[1] = next ? low[0] : 0;
  high[1] = next ? high[0] : 0;
  low[0] = high[0] = 0;
  block = now;
}

void WalRecent::Add(Lsn lsn, WalType type, uint64_t slot) {
  MoveTo(lsn);
  last_type = type;
  last_slot = type == WalType::kAccept || type == WalType::kCut ? slot : 0;
  if (type == WalType::kAccept) Widen(slot, slot, &low[0], &high[0]);
}

void WalRecent::AddHidden(Lsn last, uint64_t from, uint64_t to) {
  last_type = WalType::kNone;
  last_slot = 0;
  if (to == 0) return;
  if (hidden_until + kWalRecentRecords < last) hidden_low = hidden_high = 0;
  Widen(from, to, &hidden_low, &hidden_high);
  hidden_until = last;
}

void WalRecent::Bounds(Lsn lsn, uint64_t* from, uint64_t* to) const {
  *from = *to = 0;
  // The block may be one behind, if `lsn` starts the next.
  Widen(low[0], high[0], from, to);
  Widen(low[1], high[1], from, to);
  if (lsn <= hidden_until + kWalRecentRecords) Widen(hidden_low, hidden_high, from, to);
}

WalEncoder::WalEncoder(const WalOptions& options, const WalEnd& end)
    : options_(options), end_(end) {
  CHECK(options_.segment_bytes >= 2 * kWalSegmentHeaderBytes);
  CHECK(end_.offset % kWalAlignment == 0);
}

WalLocation WalEncoder::Add(const WalRecord& record, Lsn durable, WalBuffer* out) {
  const uint64_t bytes = WalRecordBytes(record.payload.size());
  if (end_.segment == 0) {
    StartSegment(durable, out);
  } else if (end_.offset + bytes > options_.segment_bytes) {
    REACH("wal segment roll");
    StartSegment(durable, out);
  }
  return Put(record, durable, out);
}

void WalEncoder::StartSegment(Lsn durable, WalBuffer* out) {
  end_.segment = end_.segment == 0 ? end_.base.first_segment : end_.segment + 1;
  end_.offset = kWalSegmentHeaderBytes;
  out->BeginPiece(end_.segment, 0);
  *out->own() += EncodeWalSegmentHeader(options_.salt, end_.segment, end_.last_lsn + 1);
  // Whatever segments are removed later, the ones that stay say all that still counts.
  std::string payload;
  EncodeWalBase(end_.base, &payload);
  Put({.type = WalType::kBase,
       .kind = 0,
       .slot = 0,
       .ballot = {},
       .first_ballot = {},
       .payload = payload,
       .shared = nullptr},
      durable, out);
}

WalLocation WalEncoder::Put(const WalRecord& record, Lsn durable, WalBuffer* out) {
  CHECK(record.payload.size() <= ~uint32_t{0});
  CHECK(durable <= end_.last_lsn);
  const Lsn lsn = ++end_.last_lsn;
  WalBase& base = end_.base;
  Include(record, &base);
  WalHeader header;
  header.type = record.type;
  header.kind = record.kind;
  header.payload_size = static_cast<uint32_t>(record.payload.size());
  header.payload_crc = Crc32c(record.payload);
  header.lsn = lsn;
  header.slot = record.slot;
  header.ballot = record.ballot;
  header.first_ballot = record.first_ballot;
  header.promised = base.promised;
  header.max_slot = base.max_slot;
  header.chosen = base.chosen;
  header.durable = durable;
  header.prev_type = end_.recent.last_type;
  header.prev_slot = end_.recent.last_slot;
  end_.recent.Bounds(lsn, &header.recent_low, &header.recent_high);
  end_.recent.Add(lsn, record.type, record.slot);

  const WalLocation location{
      .segment = end_.segment, .offset = end_.offset, .payload_size = header.payload_size};
  // A buffer's first piece goes on where the one before it ended.
  if (out->piece_count() == 0) out->BeginPiece(end_.segment, end_.offset);
  if (record.shared != nullptr && record.payload.size() >= WalBuffer::kGuestBytes) {
    CHECK(record.payload.data() == record.shared.view().data());
    CHECK(record.payload.size() == record.shared.size());
    EncodeWalHeader(options_.salt, end_.segment, end_.offset, header, out->own());
    out->AddGuest(record.shared);
    AppendWalPadding(record.payload.size(), out->own());
  } else {
    EncodeWalRecord(options_.salt, end_.segment, end_.offset, header, record.payload, out->own());
  }
  out->EndRecord(lsn);
  end_.offset += WalRecordBytes(record.payload.size());
  return location;
}

void WalEncoder::SetFloor(uint64_t floor, uint64_t first_segment) {
  CHECK(floor >= end_.base.floor);
  CHECK(first_segment >= end_.base.first_segment);
  end_.base.floor = floor;
  end_.base.first_segment = first_segment;
}

WalBase WalEncoder::BaseAtEnd() const {
  WalBase base = end_.base;
  base.durable = end_.last_lsn;
  base.durable_segment = end_.segment;
  base.durable_offset = end_.offset;
  base.durable_type = end_.recent.last_type;
  base.durable_slot = end_.recent.last_slot;
  return base;
}

WalWriter::WalWriter(Fs* fs, const WalOptions& options) : fs_(*fs), options_(options) {}

Status WalWriter::Resume(uint64_t segment) {
  segment_ = segment;
  if (segment == 0) return {};
  ASSIGN_OR_RETURN(file_,
                   fs_.Open(options_.dir + "/" + WalSegmentName(segment), OpenMode::kReadWrite));
  ASSIGN_OR_RETURN(allocated_, file_->Size());
  return {};
}

Status WalWriter::OpenSegment(uint64_t segment) {
  CHECK(segment > segment_ || segment_ == 0);
  ASSIGN_OR_RETURN(file_,
                   fs_.Open(options_.dir + "/" + WalSegmentName(segment), OpenMode::kCreate));
  segment_ = segment;
  allocated_ = 0;
  sync_work_.dir = true;
  return {};
}

Status WalWriter::EnsureAllocated(uint64_t size) {
  if (size <= allocated_) return {};
  // A whole segment if there is room, else what is needed: a full disk must still take the few
  // control records that the spare file made room for.
  const uint64_t small = RoundUp(size, kSmallAllocationBytes);
  const uint64_t wanted = size <= options_.segment_bytes ? options_.segment_bytes : small;
  Status status = file_->Allocate(wanted);
  if (!status && status.error().code == Errc::kNoSpace && small < wanted) {
    REACH("wal small segment on a full disk");
    status = file_->Allocate(small);
    if (status) allocated_ = small;
    return status;
  }
  if (status) allocated_ = wanted;
  return status;
}

Status WalWriter::Write(WalBuffer* buffer) {
  for (; buffer->pieces_written < buffer->piece_count(); ++buffer->pieces_written) {
    const WalPiece piece = buffer->piece(buffer->pieces_written);
    if (piece.segment != segment_ || file_ == nullptr) {
      CHECK(piece.offset == 0);
      TRY(OpenSegment(piece.segment));
    }
    TRY(EnsureAllocated(piece.offset + piece.size));
    if (sync_work_.files.empty() || sync_work_.files.back() != file_) {
      sync_work_.files.push_back(file_);
    }
    for (size_t done = 0; done < piece.size;) {
      const std::string_view part = buffer->Part(piece.begin + done, piece.size - done);
      TRY(file_->WriteAt(piece.offset + done, part));
      done += part.size();
    }
  }
  return {};
}

WalWriter::SyncWork WalWriter::TakeSyncWork() { return std::exchange(sync_work_, {}); }

Status WalWriter::Run(Fs& fs, const std::string& dir, const SyncWork& work) {
  // What a failed fsync leaves on the disk nobody knows, for lack of room or for any other reason.
  const auto failed = [](const Status& status) { return Fail(Errc::kIo, status.error().detail); };
  for (const std::shared_ptr<File>& file : work.files) {
    const Status synced = file->Sync();
    if (!synced && !Planted(Bug::kFailedSyncIgnored)) return failed(synced);
  }
  if (!work.dir) return {};
  const Status synced = fs.SyncDir(dir);
  return synced ? Status() : failed(synced);
}

Status WalWriter::RemoveSegments(Fs& fs, const std::string& dir, uint64_t from, uint64_t to) {
  for (uint64_t segment = from; segment < to; ++segment) {
    const std::string path = dir + "/" + WalSegmentName(segment);
    if (!fs.Exists(path)) continue;
    TRY(fs.Remove(path));
  }
  return fs.SyncDir(dir);
}

}  // namespace clustron::persist

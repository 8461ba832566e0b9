#include "cluster/log/log_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/log/log_store_shared.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalBase;
using persist::WalBuffer;
using persist::WalLocation;
using persist::WalRecord;
using persist::WalType;

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

WalRecord RecordOf(const paxos::LogRecord& record) {
  WalRecord out;
  switch (record.type) {
    case paxos::LogRecord::Type::kPromise:
      out.type = WalType::kPromise;
      out.ballot = ToWal(record.ballot);
      break;
    case paxos::LogRecord::Type::kAccept:
      out.type = WalType::kAccept;
      out.slot = record.accepted.slot;
      out.ballot = ToWal(record.accepted.ballot);
      out.kind = static_cast<uint8_t>(record.accepted.value.kind);
      out.first_ballot = ToWal(record.accepted.value.first_ballot);
      out.payload = paxos::BytesOf(record.accepted.value.payload);
      out.shared = record.accepted.value.payload;
      break;
    case paxos::LogRecord::Type::kChosen:
      out.type = WalType::kChosen;
      out.slot = record.slot;
      break;
  }
  return out;
}

}  // namespace

// --- Index ---------------------------------------------------------------------------------------

bool LogStore::Has(Slot slot) const { return index_.Find(slot) != nullptr; }

Slot LogStore::last_slot() const { return index_.last_slot(); }

uint64_t LogStore::log_bytes() const { return index_.bytes(); }

uint64_t LogStore::BytesBehind(Slot slot) const { return index_.BytesFrom(slot + 1); }

// --- Appending -----------------------------------------------------------------------------------

WalLocation LogStore::Encode(const WalRecord& record) {
  const WalLocation location = encoder_->Add(record, claim_lsn_, &open_);
  index_.NoteRecord(location, record.type == WalType::kAccept ? record.slot : 0);
  return location;
}

void LogStore::Append(std::span<const paxos::LogRecord> records) {
  uint64_t bytes = 0;
  for (const paxos::LogRecord& record : records) {
    CHECK(record.seq > appended_seq_);
    appended_seq_ = record.seq;
    if (record.type == paxos::LogRecord::Type::kPromise) {
      promised_ = std::max(promised_, record.ballot);
    } else if (record.type == paxos::LogRecord::Type::kAccept) {
      promised_ = std::max(promised_, record.accepted.ballot);
    } else {
      chosen_ = std::max(chosen_, record.slot);
    }
    if (encoder_ == nullptr) continue;
    if (record.type == paxos::LogRecord::Type::kChosen && durable_floor_ < distrusted_) {
      // It would call chosen what is not to be trusted.
      held_chosen_ = chosen_;
      continue;
    }
    const WalLocation location = Encode(RecordOf(record));
    if (record.type == paxos::LogRecord::Type::kAccept) index_.Add(record.accepted.slot, location);
    bytes += paxos::BytesOf(record.accepted.value.payload).size();
    if (record.type != paxos::LogRecord::Type::kChosen) open_urgent_ = true;
    if (record.type == paxos::LogRecord::Type::kPromise) {
      open_promise_ = true;
      promise_seq_ = record.seq;
      if (unsafe_promise_seq_ == 0) unsafe_promise_seq_ = record.seq;
    }
  }
  if (space_.NoteBytes(bytes)) space_.Look();
}

void LogStore::AppendMark(const LocalMark& mark) {
  if (encoder_ == nullptr) return;
  Encode({.type = WalType::kMark,
          .kind = 0,
          .slot = 0,
          .ballot = {},
          .first_ballot = {},
          .payload = EncodeMark(mark),
          .shared = nullptr});
}

size_t LogStore::pending_bytes() const {
  return open_.size() + (flushing_ ? shared_->buffer.size() : 0);
}

void LogStore::Flush() {
  if (failed_) return;
  switch (durability_) {
    case Durability::kAlways:
      if (open_urgent_) FlushAlways();
      break;
    case Durability::kEverySec:
      FlushEverySec();
      break;
    case Durability::kMemory:
      written_seq_ = synced_seq_ = appended_seq_;
      Report();
      break;
  }
}

// --- kAlways: write and fsync on the runner -----------------------------------------------------

void LogStore::FlushAlways() {
  // Nothing to write, but something to sync: directly behind a change from kEverySec.
  if (flushing_ || (open_.empty() && synced_lsn_ == written_lsn_)) return;
  flushing_ = true;
  ++flush_count_;
  std::swap(shared_->buffer, open_);
  flushing_seq_ = appended_seq_;
  // The first mark comes with the first records: from then on a log is known not to be empty.
  flush_mark_ = open_promise_ || mark_due_ || mark_.durable == 0;
  mark_due_ = false;
  open_promise_ = open_urgent_ = false;
  claim_lsn_ = encoder_->last_lsn();
  if (flush_mark_) next_mark_ = encoder_->BaseAtEnd();
  WriteOnRunner();
}

void LogStore::WriteOnRunner() {
  // A promise is in two places before it is given: damage to one of them can't hide it.
  std::optional<WalBase> mark;
  if (flush_mark_) mark = next_mark_;
  auto refusal = std::make_shared<std::string>();
  writing_ = true;
  // What was written before it came to lack room is not written again.
  tasks_.Run(
      [shared = shared_, mark = std::move(mark), refusal]() -> Status {
        TRY(shared->Write(refusal.get()));
        TRY(persist::WalWriter::Run(shared->fs, shared->options.dir,
                                    shared->writer.TakeSyncWork()));
        return mark ? shared->WriteMark(*mark, refusal.get()) : Status();
      },
      [this, refusal](const Status& status) {
        writing_ = false;
        if (!status && status.error().code == Errc::kNoSpace) {
          REACH("log waits on a full disk");
          space_.NoteRefusal(status.error().detail);
          space_.SetStalled(true);
          return;
        }
        space_.SetStalled(false);
        if (!refusal->empty()) space_.NoteRefusal(*refusal);
        OnFlushed(status);
      });
}

void LogStore::RunWithRoom(LogTasks::WorkForRoom work, std::function<void()> done) {
  tasks_.RunWithRoom(
      std::move(work), [this](const std::string& refusal) { space_.NoteRefusal(refusal); },
      [this, done = std::move(done)](const Status& status) {
        if (!status) return Fatal(status.error());
        done();
      });
}

void LogStore::OnFlushed(const Status& status) {
  if (!status) return Fatal(status.error());
  ++fsync_count_;
  if (flush_mark_) MarkWritten(next_mark_);
  flushing_ = false;
  written_lsn_ = synced_lsn_ = std::max(written_lsn_, shared_->buffer.last_lsn());
  written_seq_ = synced_seq_ = flushing_seq_;
  shared_->buffer.Clear();
  Report();
  Flush();
}

// --- kEverySec: write here, fsync on the runner --------------------------------------------------

void LogStore::FlushEverySec() {
  if (flushing_ || open_.empty()) return;
  flushing_ = true;
  ++flush_count_;
  std::swap(shared_->buffer, open_);
  flushing_seq_ = appended_seq_;
  flush_promise_ = open_promise_;
  open_promise_ = open_urgent_ = false;
  WriteHere();
}

void LogStore::WriteHere() {
  std::string refusal;
  const Status status = shared_->Write(&refusal);
  if (!status && status.error().code == Errc::kNoSpace) {
    REACH("log waits on a full disk");
    space_.NoteRefusal(status.error().detail);
    space_.SetStalled(true);
    return;
  }
  if (!status) return Fatal(status.error());
  space_.SetStalled(false);
  if (!refusal.empty()) space_.NoteRefusal(refusal);
  flushing_ = false;
  written_lsn_ = shared_->buffer.last_lsn();
  written_seq_ = flushing_seq_;
  shared_->buffer.Clear();
  if (flush_promise_) StartSync();
  Report();
}

void LogStore::StartSync() {
  if (syncing_) {
    sync_again_ = true;
    return;
  }
  if (synced_lsn_ == written_lsn_) return;
  syncing_ = true;
  sync_again_ = false;
  syncing_lsn_ = written_lsn_;
  syncing_seq_ = written_seq_;
  // The encoder is where the disk is, unless something waits for space.
  const bool written = !flushing_ && open_.empty();
  next_mark_ = written ? encoder_->BaseAtEnd() : mark_;
  RunWithRoom(
      [shared = shared_, work = shared_->writer.TakeSyncWork(),
       mark = next_mark_](std::string* refusal) -> Status {
        TRY(persist::WalWriter::Run(shared->fs, shared->options.dir, work));
        return shared->WriteMark(mark, refusal);
      },
      [this] {
        CHECK(syncing_);
        CHECK(syncing_lsn_ <= written_lsn_);
        ++fsync_count_;
        syncing_ = false;
        MarkWritten(next_mark_);
        synced_lsn_ = std::max(synced_lsn_, syncing_lsn_);
        synced_seq_ = std::max(synced_seq_, syncing_seq_);
        claim_lsn_ = std::max(claim_lsn_, synced_lsn_);
        if (sync_again_) StartSync();
        Report();
      });
}

// --- Telling -------------------------------------------------------------------------------------

void LogStore::Report() {
  if (unsafe_promise_seq_ != 0 && unsafe_promise_seq_ <= synced_seq_) {
    unsafe_promise_seq_ = promise_seq_ > synced_seq_ ? synced_seq_ + 1 : 0;
  }
  uint64_t safe = durability_ == Durability::kAlways ? synced_seq_ : written_seq_;
  if (unsafe_promise_seq_ != 0) safe = std::min(safe, unsafe_promise_seq_ - 1);
  if (safe > reported_seq_) {
    reported_seq_ = safe;
    if (listener_ != nullptr) listener_->OnDurable(safe);
  }
  // A waiter may come back here: take those that are due out first.
  std::vector<Waiter> due;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    if (waiter.lsn > synced_lsn_) return false;
    due.push_back(std::move(waiter));
    return true;
  });
  for (Waiter& waiter : due) waiter.done();
}

void LogStore::Fatal(const Error& error) {
  if (std::exchange(failed_, true)) return;
  REACH("log failed");
  if (listener_ != nullptr) listener_->OnFatal(error);
}

void LogStore::Sync(std::function<void()> done) {
  if (failed_) return;
  if (encoder_ == nullptr || (synced_lsn_ == encoder_->last_lsn() && !flushing_)) {
    tasks_.Run([]() -> Status { return {}; },
               [done = std::move(done)](const Status& status) {
                 CHECK(status.has_value());
                 done();
               });
    return;
  }
  waiters_.push_back({.lsn = encoder_->last_lsn(), .done = std::move(done)});
  open_urgent_ = open_urgent_ || !open_.empty();
  Flush();
  if (durability_ == Durability::kEverySec) StartSync();
}

void LogStore::SetDurability(Durability durability, Slot floor, std::function<void()> done) {
  CHECK(durability != Durability::kMemory || durability_ == Durability::kMemory);
  if (durability_ == Durability::kMemory && durability != Durability::kMemory) {
    if (const Status status = StartEmptyLog(floor); !status) return Fatal(status.error());
    durability_ = durability;
    return Sync(std::move(done));
  }
  // The mode changes at a moment when nothing is under way: in a waiter.
  Sync([this, durability, done = std::move(done)] {
    durability_ = durability;
    if (durability == Durability::kAlways) FlushAlways();
    done();
  });
}

// --- Now and then --------------------------------------------------------------------------------

void LogStore::Tick(int64_t now_ns) {
  if (failed_) return;
  tasks_.Retry();
  if (stalled() && !writing_) durability_ == Durability::kAlways ? WriteOnRunner() : WriteHere();
  if (failed_) return;
  space_.Tick(now_ns);
  if (encoder_ == nullptr || now_ns - synced_at_ns_ < kSecondNs) return;
  synced_at_ns_ = now_ns;
  if (durability_ == Durability::kEverySec) {
    Flush();
    if (!Planted(Bug::kEverySecNotSynced)) StartSync();
    return;
  }
  // Hints that nothing has taken along, and the durable mark.
  open_urgent_ = open_urgent_ || !open_.empty();
  mark_due_ = mark_.durable != encoder_->last_lsn();
  Flush();
  if (mark_due_ && !flushing_ && open_.empty()) WriteMark();
}

void LogStore::WriteMark() {
  if (marking_) return;
  marking_ = true;
  mark_due_ = false;
  const persist::WalBase mark = encoder_->BaseAtEnd();
  CHECK(mark.durable == synced_lsn_);
  RunWithRoom(
      [shared = shared_, mark](std::string* refusal) { return shared->WriteMark(mark, refusal); },
      [this, mark] {
        marking_ = false;
        MarkWritten(mark);
      });
}

void LogStore::MarkWritten(const persist::WalBase& written) {
  CHECK(encoder_ != nullptr);
  CHECK(written.durable <= encoder_->last_lsn());
  // One that waited for room may come behind a later one, as in Shared::WriteMark.
  if (written.durable >= mark_.durable) {
    const Slot floor = std::max(written.floor, mark_.floor);
    const uint64_t first_segment = std::max(written.first_segment, mark_.first_segment);
    mark_ = written;
    mark_.floor = floor;
    mark_.first_segment = first_segment;
  }
  DropSegments(false);
}

void LogStore::SetLowWater(uint64_t bytes) {
  space_.SetLowWater(bytes);
  if (!failed_) space_.Look();
}

bool LogStore::LooksRoomFor(uint64_t bytes) const {
  // For ticks, marks and hints; for what a new segment takes beyond the record.
  constexpr uint64_t kKeptBytes = 256 << 10;
  if (encoder_ == nullptr || durability_ != Durability::kEverySec) return true;
  if (stalled()) return false;
  const uint64_t needed = bytes + open_.size() + kKeptBytes;
  const bool same_segment = encoder_->segment() == shared_->writer.segment();
  const uint64_t segment_end =
      same_segment ? std::min(shared_->writer.allocated(), options_.segment_bytes) : 0;
  const uint64_t end = encoder_->offset() + needed;
  if (end <= segment_end) return true;
  return space_.Takes(needed, !same_segment || end > options_.segment_bytes);
}

void LogStore::OnDiskLow(bool low) {
  if (listener_ != nullptr) listener_->OnDiskLow(low);
}

void LogStore::OnWaitsForRoom(bool waits) {
  if (listener_ != nullptr) listener_->OnWaitsForRoom(waits);
}

Status LogStore::Close() {
  if (failed_) return Fail(Errc::kIo, "the log failed before");
  CHECK(!busy());
  failed_ = true;  // nothing may follow
  if (encoder_ == nullptr) return {};
  std::string refusal;
  if (stalled()) TRY(shared_->Write(&refusal));
  shared_->buffer.Clear();
  std::swap(shared_->buffer, open_);
  TRY(shared_->Write(&refusal));
  TRY(persist::WalWriter::Run(fs_, shared_->options.dir, shared_->writer.TakeSyncWork()));
  return shared_->WriteMark(encoder_->BaseAtEnd(), &refusal);
}

// --- Compaction and reserved numbers -------------------------------------------------------------

void LogStore::CompactTo(Slot slot, bool in_both_copies) {
  if (slot <= floor_ || failed_) return;
  floor_ = slot;
  if (encoder_ == nullptr) return;
  if (in_both_copies) distrusted_ = slot;
  DropSegments(true, in_both_copies);
  // Only what lies before the durable mark goes, and the mark moves once a second: on a small disk
  // that is long.
  if (index_.FirstNeeded(floor_, encoder_->segment()) == first_segment_) return;
  REACH("log let go at once behind a snapshot");
  if (durability_ == Durability::kEverySec) StartSync();
  if (durability_ == Durability::kAlways) mark_due_ = true;
}

void LogStore::DropSegments(bool mark, bool in_both_copies) {
  const uint64_t from = first_segment_;
  first_segment_ = std::max(first_segment_, index_.FirstNeeded(floor_, mark_.durable_segment));
  if (first_segment_ == from && !mark) return;
  encoder_->SetFloor(floor_, first_segment_);
  // All else in the mark stays as of what is durable: a hint or promise that the disk does not have
  // must not outlive the records that it came with.
  mark_.floor = floor_;
  mark_.first_segment = first_segment_;
  if (first_segment_ > from) {
    index_.DropBefore(first_segment_, floor_);
    reader_.ForgetBefore(first_segment_);
  }
  RunWithRoom(
      [shared = shared_, mark = mark_, in_both_copies, from,
       to = first_segment_](std::string* refusal) -> Status {
        TRY(shared->WriteMark(mark, refusal, in_both_copies));
        if (from == to) return {};
        return persist::WalWriter::RemoveSegments(shared->fs, shared->options.dir, from, to);
      },
      [this, floor = floor_] {
        durable_floor_ = std::max(durable_floor_, floor);
        AppendHeldChosen();
      });
}

void LogStore::AppendHeldChosen() {
  if (durable_floor_ < distrusted_) return;
  const Slot slot = std::exchange(held_chosen_, 0);
  if (slot <= floor_) return;
  Encode({.type = WalType::kChosen,
          .kind = 0,
          .slot = slot,
          .ballot = {},
          .first_ballot = {},
          .payload = {},
          .shared = nullptr});
}

bool LogStore::FloorDurable() const { return encoder_ == nullptr || durable_floor_ == floor_; }

void LogStore::PersistReserve(uint64_t value, std::function<void()> done) {
  if (failed_) return;
  RunWithRoom([shared = shared_,
               value](std::string* refusal) { return shared->WriteReserve(value, refusal); },
              std::move(done));
}

// --- The longest lease ---------------------------------------------------------------------------

Status LogStore::RecordLease(int64_t lease_ns) {
  std::string refusal;
  return shared_->WriteLease(lease_ns, &refusal);
}

void LogStore::LowerLease(int64_t lease_ns) {
  if (failed_) return;
  RunWithRoom([shared = shared_,
               lease_ns](std::string* refusal) { return shared->WriteLease(lease_ns, refusal); },
              [] {});
}

// --- Reading -------------------------------------------------------------------------------------

Result<paxos::Accepted> LogStore::Read(Slot slot) {
  ASSIGN_OR_RETURN(std::vector<paxos::Accepted> found, ReadRange(slot, slot, 0));
  if (found.empty()) return Fail(Errc::kNotFound, "slot " + std::to_string(slot));
  return std::move(found.front());
}

Result<std::vector<paxos::Accepted>> LogStore::ReadRange(Slot first, Slot last, size_t bytes_max) {
  const WalBuffer* const buffers[] = {&open_, &shared_->buffer};
  return reader_.ReadRange(first, last, bytes_max, std::span(buffers, flushing_ ? 2 : 1));
}

}  // namespace clustron::cluster

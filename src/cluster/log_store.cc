#include "cluster/log_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"
#include "base/reach.h"
#include "persist/mark_file.h"
#include "persist/wal_reader.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalBase;
using persist::WalBuffer;
using persist::WalHeader;
using persist::WalLocation;
using persist::WalRecord;
using persist::WalType;

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// In WalLocation::segment: the slot's newest record is damaged.
constexpr uint64_t kUnknownSegment = ~uint64_t{0};
// Slots further apart than this can only lie on both sides of an installed snapshot.
constexpr Slot kSlotGapMax = 1 << 16;
constexpr size_t kReadHandlesMax = 8;
constexpr size_t kReadAheadBytes = 256 << 10;

persist::WalBallot ToWal(const paxos::Ballot& ballot) {
  return {.round = ballot.round, .node = ballot.node};
}

paxos::Ballot FromWal(const persist::WalBallot& ballot) {
  return {.round = ballot.round, .node = ballot.node};
}

WalRecord ToWal(const paxos::LogRecord& record) {
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
      break;
    case paxos::LogRecord::Type::kChosen:
      out.type = WalType::kChosen;
      out.slot = record.slot;
      break;
  }
  return out;
}

std::string EncodeMark(const LocalMark& mark) {
  std::string bytes;
  Writer out(&bytes);
  out.U64(mark.boot);
  out.I64(mark.elapsed_ms);
  out.I64(mark.wall_ms);
  out.U64(mark.slot);
  return bytes;
}

std::optional<LocalMark> DecodeMark(std::string_view bytes) {
  Reader in(bytes);
  LocalMark mark;
  mark.boot = in.U64();
  mark.elapsed_ms = in.I64();
  mark.wall_ms = in.I64();
  mark.slot = in.U64();
  if (!in.Done()) return std::nullopt;
  return mark;
}

std::string Encoded(const WalBase& base) {
  std::string bytes;
  EncodeWalBase(base, &bytes);
  return bytes;
}

std::string SparePath(const std::string& wal_dir) { return wal_dir + "/spare"; }

// Makes the spare file if it is not there. It is only good with its space behind it.
Status MakeSpare(persist::Fs& fs, const std::string& wal_dir, uint64_t bytes) {
  const std::string path = SparePath(wal_dir);
  if (bytes == 0 || fs.Exists(path)) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<persist::File> file,
                   fs.Open(path, persist::OpenMode::kCreate));
  Status status = file->Allocate(bytes);
  if (!status) TRY(fs.Remove(path));
  return status;
}

}  // namespace

struct LogStore::Shared {
  Shared(persist::Fs* fs_in, const std::string& dir, const persist::WalOptions& options_in)
      : fs(*fs_in),
        options(options_in),
        writer(fs_in, options_in),
        mark(fs_in, dir, "wal"),
        reserve(fs_in, dir, "reserve") {}

  // Writes the buffer; gives up the spare file if the disk is full.
  Status Write() {
    Status status = writer.Write(&buffer);
    if (status || status.error().code != Errc::kNoSpace) return status;
    const std::string path = SparePath(options.dir);
    if (!fs.Exists(path)) return status;
    REACH("log spare released");
    TRY(fs.Remove(path));
    TRY(fs.SyncDir(options.dir));
    return writer.Write(&buffer);
  }

  persist::Fs& fs;
  const persist::WalOptions options;
  persist::WalWriter writer;
  WalBuffer buffer;
  persist::MarkFile mark;
  persist::MarkFile reserve;
};

// --- Opening -------------------------------------------------------------------------------------

LogStore::LogStore(persist::Fs* fs, TaskRunner* runner, std::string dir,
                   const LogStoreOptions& options)
    : fs_(*fs),
      runner_(*runner),
      dir_(std::move(dir)),
      options_(options),
      durability_(options.durability),
      shared_(std::make_shared<Shared>(
          fs, dir_,
          persist::WalOptions{
              .dir = dir_ + "/wal", .salt = options.salt, .segment_bytes = options.segment_bytes})),
      alive_(std::make_shared<bool>(true)) {}

LogStore::~LogStore() = default;

Result<std::unique_ptr<LogStore>> LogStore::Open(persist::Fs* fs, TaskRunner* runner,
                                                 std::string dir, const LogStoreOptions& options,
                                                 RecoveredLog* recovered) {
  *recovered = RecoveredLog();
  std::unique_ptr<LogStore> store(new LogStore(fs, runner, std::move(dir), options));
  TRY(fs->MakeDir(store->shared_->options.dir));
  TRY(store->shared_->mark.Load());
  TRY(store->shared_->reserve.Load());
  if (const auto& value = store->shared_->reserve.value()) {
    Reader in(*value);
    recovered->reserved = in.U64();
    if (!in.Done()) return Fail(Errc::kCorruption, store->dir_ + "/reserve can't be read");
  }
  // A value counts when both copies have it, so one damaged copy hides nothing.
  if (store->shared_->reserve.damaged() && !store->shared_->reserve.value()) {
    return Fail(Errc::kCorruption, store->dir_ + ": both copies of `reserve` are damaged");
  }
  TRY(options.durability == Durability::kMemory ? store->OpenMemory(recovered)
                                                : store->Recover(recovered));
  return store;
}

Status LogStore::OpenMemory(RecoveredLog* recovered) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs_.List(shared_->options.dir));
  const bool segments = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return persist::ParseWalSegmentName(name).has_value();
  });
  if (segments || !shared_->mark.missing() || options_.must_exist) {
    return Fail(Errc::kMismatch, dir_ +
                                     " holds a log, which durability `memory` would ignore; start "
                                     "with `everysec` or `always`, or with an empty directory");
  }
  recovered->existed = false;
  return {};
}

Status LogStore::StartEmptyLog(Slot floor) {
  WalBase base;
  base.floor = floor;
  base.chosen = std::max(floor, chosen_);
  base.promised = ToWal(promised_);
  mark_ = base;
  floor_ = floor;
  // The mark comes first: a log without one is a damaged log.
  TRY(shared_->mark.WriteBoth(Encoded(base)));
  encoder_ = std::make_unique<persist::WalEncoder>(
      shared_->options,
      persist::WalEnd{.segment = 0, .offset = 0, .last_lsn = 0, .base = base, .recent = {}});
  return shared_->writer.Resume(0);
}

// Builds the index from the log, in its order: what comes later holds.
class LogStore::Recovery : public persist::WalVisitor {
 public:
  explicit Recovery(LogStore* store) : store_(*store) {}

  void OnRecord(const WalHeader& header, const WalLocation& location,
                std::string_view payload) override {
    static_cast<void>(payload);
    const Slot slot = header.type == WalType::kAccept ? header.slot : 0;
    store_.NoteSegment(location, std::max(slot, damaged_high_));
    damaged_high_ = 0;
    if (slot != 0) store_.Index(slot, location);
  }

  void OnDamage(const persist::WalDamage& damage) override {
    if (damage.slot_high == 0) return;
    // It may lie in the segment of the record before it or of the one behind it.
    damaged_high_ = std::max(damaged_high_, damage.slot_high);
    if (!store_.segments_.empty()) {
      Segment& last = store_.segments_.back();
      last.max_slot = std::max(last.max_slot, damage.slot_high);
    }
    for (Slot slot = std::max(damage.slot_low, store_.floor_ + 1); slot <= damage.slot_high;
         ++slot) {
      store_.Index(slot, {.segment = kUnknownSegment, .offset = 0, .payload_size = 0});
    }
  }

 private:
  LogStore& store_;
  Slot damaged_high_ = 0;
};

Status LogStore::Recover(RecoveredLog* recovered) {
  std::optional<WalBase> mark;
  bool mark_damaged = shared_->mark.damaged();
  if (shared_->mark.value()) {
    mark = persist::DecodeWalBase(*shared_->mark.value());
    if (!mark) mark_damaged = true;
  }
  if (mark) floor_ = mark->floor;
  persist::WalReader reader(&fs_, shared_->options, mark ? &*mark : nullptr, mark_damaged);
  Recovery visitor(this);
  ASSIGN_OR_RETURN(const persist::WalScan scan, reader.Scan(&visitor));
  if (shared_->mark.missing() && scan.end.segment == 0) {
    if (options_.must_exist) {
      return Fail(Errc::kCorruption,
                  dir_ +
                      ": the log that was written here is gone. What this node has acknowledged "
                      "is lost with it; it must not vote again under its identity");
    }
    TRY(StartEmptyLog(0));
  } else {
    recovered->existed = true;
    if (mark && mark->first_segment != scan.end.base.first_segment) {
      mark->floor = scan.end.base.floor;
      mark->first_segment = scan.end.base.first_segment;
      TRY(shared_->mark.Write(Encoded(*mark)));
    }
    Status repaired = reader.Repair(scan);
    if (!repaired && repaired.error().code == Errc::kNoSpace &&
        fs_.Exists(SparePath(shared_->options.dir))) {
      TRY(fs_.Remove(SparePath(shared_->options.dir)));
      repaired = reader.Repair(scan);
    }
    TRY(repaired);
    encoder_ = std::make_unique<persist::WalEncoder>(shared_->options, scan.end);
    TRY(shared_->writer.Resume(scan.end.segment));
    floor_ = scan.end.base.floor;
    first_segment_ = scan.end.base.first_segment;
    promised_ = FromWal(scan.end.base.promised);
    chosen_ = std::max(scan.end.base.chosen, floor_);
    synced_lsn_ = written_lsn_ = claim_lsn_ = scan.end.last_lsn;
    mark_ = encoder_->BaseAtEnd();
    TRY(shared_->mark.WriteBoth(Encoded(mark_)));
    recovered->mark = DecodeMark(mark_.mark);
  }
  recovered->promised = promised_;
  recovered->floor = floor_;
  recovered->chosen = chosen_;
  recovered->torn_bytes = scan.torn_bytes;
  recovered->report.insert(recovered->report.end(), scan.report.begin(), scan.report.end());
  for (size_t i = 0; i < index_.size(); ++i) {
    const Slot slot = index_first_ + i;
    if (slot <= floor_ || index_[i].segment == 0) continue;
    if (index_[i].segment == kUnknownSegment) {
      recovered->unknown.push_back(slot);
      index_[i].segment = 0;
      continue;
    }
    if (recovered->first_slot == 0) recovered->first_slot = slot;
    recovered->last_slot = slot;
  }
  // Without room for the spare the node starts with disk_low.
  const Status spare = MakeSpare(fs_, shared_->options.dir, options_.spare_bytes);
  if (!spare && spare.error().code != Errc::kNoSpace) return spare;
  ASSIGN_OR_RETURN(const uint64_t free, fs_.FreeBytes(dir_));
  disk_low_ = !spare || free < options_.low_water_bytes;
  return {};
}

// --- Index ---------------------------------------------------------------------------------------

void LogStore::Index(Slot slot, const WalLocation& location) {
  CHECK(slot != 0);
  if (index_.empty()) index_first_ = slot;
  if (slot >= index_first_ + index_.size() + kSlotGapMax || slot + kSlotGapMax < index_first_) {
    REACH("log index jumps over a snapshot");
    index_.clear();
    index_first_ = slot;
  }
  while (slot < index_first_) {
    index_.emplace_front();
    --index_first_;
  }
  while (slot >= index_first_ + index_.size()) index_.emplace_back();
  index_[slot - index_first_] = location;
}

void LogStore::NoteSegment(const WalLocation& location, Slot slot) {
  if (segments_.empty() || segments_.back().number != location.segment) {
    segments_.push_back({.number = location.segment, .max_slot = 0, .bytes = 0});
  }
  Segment& segment = segments_.back();
  segment.max_slot = std::max(segment.max_slot, slot);
  segment.bytes = location.offset + persist::WalRecordBytes(location.payload_size);
}

void LogStore::DropRemoved() {
  while (!segments_.empty() && segments_.front().number < first_segment_) segments_.pop_front();
  while (!index_.empty() && index_.front().segment < first_segment_) {
    index_.pop_front();
    ++index_first_;
  }
  read_handles_.erase(read_handles_.begin(), read_handles_.lower_bound(first_segment_));
}

bool LogStore::Has(Slot slot) const {
  return slot >= index_first_ && slot - index_first_ < index_.size() &&
         index_[slot - index_first_].segment >= first_segment_;
}

Slot LogStore::last_slot() const {
  for (size_t i = index_.size(); i > 0; --i) {
    if (index_[i - 1].segment >= first_segment_) return index_first_ + i - 1;
  }
  return 0;
}

// --- Appending -----------------------------------------------------------------------------------

WalLocation LogStore::Encode(const WalRecord& record) {
  const WalLocation location = encoder_->Add(record, claim_lsn_, &open_);
  NoteSegment(location, record.type == WalType::kAccept ? record.slot : 0);
  return location;
}

void LogStore::Append(std::span<const paxos::LogRecord> records) {
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
    const WalLocation location = Encode(ToWal(record));
    if (record.type == paxos::LogRecord::Type::kAccept) Index(record.accepted.slot, location);
    if (record.type != paxos::LogRecord::Type::kChosen) open_urgent_ = true;
    if (record.type == paxos::LogRecord::Type::kPromise) {
      open_promise_ = true;
      promise_seq_ = record.seq;
      if (unsafe_promise_seq_ == 0) unsafe_promise_seq_ = record.seq;
    }
  }
}

void LogStore::AppendMark(const LocalMark& mark) {
  if (encoder_ == nullptr) return;
  Encode({.type = WalType::kMark,
          .kind = 0,
          .slot = 0,
          .ballot = {},
          .first_ballot = {},
          .payload = EncodeMark(mark)});
}

size_t LogStore::pending_bytes() const {
  return open_.bytes.size() + (flushing_ ? shared_->buffer.bytes.size() : 0);
}

uint64_t LogStore::log_bytes() const {
  uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.bytes;
  return sum;
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
  stalled_ = false;
  // A promise is in two places before it is given: damage to one of them can't hide it.
  std::string mark = flush_mark_ ? Encoded(next_mark_) : std::string();
  auto write_status = std::make_shared<Status>();
  RunTask(
      [shared = shared_, mark = std::move(mark), write_status]() -> Status {
        *write_status = shared->Write();
        if (!*write_status) return {};
        TRY(persist::WalWriter::Run(shared->fs, shared->options.dir,
                                    shared->writer.TakeSyncWork()));
        if (!mark.empty()) TRY(shared->mark.Write(mark));
        return {};
      },
      [this, write_status](const Status& status) {
        if (!*write_status && write_status->error().code == Errc::kNoSpace) {
          REACH("log waits on a full disk");
          stalled_ = true;
          SetDiskLow(true);
          return;
        }
        OnFlushed(*write_status ? status : *write_status);
      });
}

void LogStore::OnFlushed(const Status& status) {
  if (!status) return Fatal(status.error());
  ++fsync_count_;
  if (flush_mark_) mark_ = next_mark_;
  flushing_ = false;
  written_lsn_ = synced_lsn_ = std::max(written_lsn_, shared_->buffer.last_lsn);
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
  const Status status = shared_->Write();
  stalled_ = !status && status.error().code == Errc::kNoSpace;
  if (stalled_) {
    REACH("log waits on a full disk");
    SetDiskLow(true);
    return;
  }
  if (!status) return Fatal(status.error());
  flushing_ = false;
  written_lsn_ = shared_->buffer.last_lsn;
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
  RunTask(
      [shared = shared_, work = shared_->writer.TakeSyncWork(),
       mark = Encoded(next_mark_)]() -> Status {
        TRY(persist::WalWriter::Run(shared->fs, shared->options.dir, work));
        return shared->mark.Write(mark);
      },
      [this](const Status& status) { OnSynced(status); });
}

void LogStore::OnSynced(const Status& status) {
  if (!status) return Fatal(status.error());
  ++fsync_count_;
  syncing_ = false;
  if (next_mark_.floor >= mark_.floor) mark_ = next_mark_;
  synced_lsn_ = std::max(synced_lsn_, syncing_lsn_);
  synced_seq_ = std::max(synced_seq_, syncing_seq_);
  claim_lsn_ = std::max(claim_lsn_, synced_lsn_);
  if (sync_again_) StartSync();
  Report();
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

void LogStore::RunTask(std::function<Status()> work, std::function<void(const Status&)> done) {
  auto status = std::make_shared<Status>();
  runner_.Run([work = std::move(work), status] { *status = work(); },
              [done = std::move(done), status, alive = std::weak_ptr<bool>(alive_)] {
                if (!alive.expired()) done(*status);
              });
}

void LogStore::Sync(std::function<void()> done) {
  if (failed_) return;
  if (encoder_ == nullptr || (synced_lsn_ == encoder_->last_lsn() && !flushing_)) {
    RunTask([]() -> Status { return {}; },
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
  if (stalled_) durability_ == Durability::kAlways ? WriteOnRunner() : WriteHere();
  if (failed_) return;
  if (checked_at_ns_ == 0 || now_ns - checked_at_ns_ >= kSecondNs) {
    checked_at_ns_ = now_ns;
    CheckSpace();
  }
  if (encoder_ == nullptr || now_ns - synced_at_ns_ < kSecondNs) return;
  synced_at_ns_ = now_ns;
  if (durability_ == Durability::kEverySec) {
    Flush();
    StartSync();
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
  mark_ = encoder_->BaseAtEnd();
  CHECK(mark_.durable == synced_lsn_);
  RunTask([shared = shared_, mark = Encoded(mark_)] { return shared->mark.Write(mark); },
          [this](const Status& status) {
            marking_ = false;
            if (!status) Fatal(status.error());
          });
}

void LogStore::CheckSpace() {
  if (checking_) return;
  checking_ = true;
  const uint64_t enough = options_.low_water_bytes + options_.low_water_bytes / 4;
  // low: now too little. Else, if it was low: only over when there is enough, spare file included.
  auto low = std::make_shared<bool>(disk_low_);
  RunTask(
      [shared = shared_, low, enough, was_low = disk_low_, low_water = options_.low_water_bytes,
       spare_bytes = options_.spare_bytes, has_log = encoder_ != nullptr]() -> Status {
        ASSIGN_OR_RETURN(const uint64_t free, shared->fs.FreeBytes(shared->options.dir));
        *low = free < low_water || (was_low && free < enough);
        const bool spare_missing =
            has_log && spare_bytes > 0 && !shared->fs.Exists(SparePath(shared->options.dir));
        if (!spare_missing) return {};
        if (free >= enough + spare_bytes) {
          const Status made = MakeSpare(shared->fs, shared->options.dir, spare_bytes);
          if (made) return {};
          if (made.error().code != Errc::kNoSpace) return made;
        }
        *low = true;
        return {};
      },
      [this, low](const Status& status) {
        checking_ = false;
        if (!status) return Fatal(status.error());
        SetDiskLow(*low || stalled_);
      });
}

void LogStore::SetDiskLow(bool low) {
  if (std::exchange(disk_low_, low) == low) return;
  if (low) REACH("log disk low");
  if (!low) REACH("log disk has room again");
  if (listener_ != nullptr) listener_->OnDiskLow(low);
}

Status LogStore::Close() {
  if (failed_) return Fail(Errc::kIo, "the log failed before");
  CHECK(!syncing_);
  CHECK(!marking_);
  CHECK(!flushing_ || stalled_);
  failed_ = true;  // nothing may follow
  if (encoder_ == nullptr) return {};
  if (stalled_) TRY(shared_->Write());
  shared_->buffer.Clear();
  std::swap(shared_->buffer, open_);
  TRY(shared_->Write());
  TRY(persist::WalWriter::Run(fs_, shared_->options.dir, shared_->writer.TakeSyncWork()));
  return shared_->mark.Write(Encoded(encoder_->BaseAtEnd()));
}

// --- Compaction and reserved numbers -------------------------------------------------------------

void LogStore::CompactTo(Slot slot) {
  if (slot <= floor_ || failed_) return;
  floor_ = slot;
  if (encoder_ == nullptr) return;
  const uint64_t from = first_segment_;
  // A segment goes when it holds nothing above, and a later one, which repeats what still counts,
  // is on disk. mark_ tells how far that is certain.
  for (const Segment& segment : segments_) {
    if (segment.max_slot > floor_ || segment.number >= mark_.durable_segment) break;
    first_segment_ = segment.number + 1;
  }
  encoder_->SetFloor(floor_, first_segment_);
  // All else in the mark stays as of what is durable: a hint or promise that the disk does not have
  // must not outlive the records that it came with.
  mark_.floor = floor_;
  mark_.first_segment = first_segment_;
  if (first_segment_ > from) DropRemoved();
  RunTask(
      [shared = shared_, mark = Encoded(mark_), from, to = first_segment_]() -> Status {
        TRY(shared->mark.Write(mark));
        if (from == to) return {};
        return persist::WalWriter::RemoveSegments(shared->fs, shared->options.dir, from, to);
      },
      [this](const Status& status) {
        if (!status) Fatal(status.error());
      });
}

void LogStore::PersistReserve(uint64_t value, std::function<void()> done) {
  if (failed_) return;
  RunTask(
      [shared = shared_, value] {
        std::string bytes;
        Writer(&bytes).U64(value);
        return shared->reserve.WriteBoth(bytes);
      },
      [this, done = std::move(done)](const Status& status) {
        if (!status) return Fatal(status.error());
        done();
      });
}

// --- Reading -------------------------------------------------------------------------------------

Result<persist::File*> LogStore::ReadHandle(uint64_t segment) {
  if (const auto it = read_handles_.find(segment); it != read_handles_.end()) {
    return it->second.get();
  }
  if (read_handles_.size() >= kReadHandlesMax) read_handles_.erase(read_handles_.begin());
  ASSIGN_OR_RETURN(std::unique_ptr<persist::File> file,
                   fs_.Open(shared_->options.dir + "/" + persist::WalSegmentName(segment),
                            persist::OpenMode::kRead));
  return (read_handles_[segment] = std::move(file)).get();
}

Result<paxos::Accepted> LogStore::Decode(Slot slot, const WalLocation& location,
                                         std::string_view record) const {
  const std::optional<WalHeader> header =
      persist::DecodeWalHeader(options_.salt, location.segment, location.offset, record);
  const std::string_view payload =
      record.size() < persist::kWalRecordHeaderBytes + location.payload_size
          ? std::string_view()
          : record.substr(persist::kWalRecordHeaderBytes, location.payload_size);
  const bool sound = header && header->type == WalType::kAccept && header->slot == slot &&
                     header->payload_size == payload.size() && header->kind != 0 &&
                     header->kind <= paxos::kEntryKindMax && Crc32c(payload) == header->payload_crc;
  if (!sound) {
    return Fail(Errc::kCorruption, persist::WalSegmentName(location.segment) + " at " +
                                       std::to_string(location.offset) + ": slot " +
                                       std::to_string(slot) + " is damaged");
  }
  paxos::Accepted accepted;
  accepted.slot = slot;
  accepted.ballot = FromWal(header->ballot);
  accepted.value.kind = static_cast<paxos::EntryKind>(header->kind);
  accepted.value.first_ballot = FromWal(header->first_ballot);
  if (!payload.empty()) accepted.value.payload = std::make_shared<const std::string>(payload);
  return accepted;
}

Result<paxos::Accepted> LogStore::Read(Slot slot) {
  ASSIGN_OR_RETURN(std::vector<paxos::Accepted> found, ReadRange(slot, slot, 0));
  if (found.empty()) return Fail(Errc::kNotFound, "slot " + std::to_string(slot));
  return std::move(found.front());
}

Result<std::vector<paxos::Accepted>> LogStore::ReadRange(Slot first, Slot last, size_t bytes_max) {
  std::vector<paxos::Accepted> found;
  size_t bytes = 0;
  std::string ahead;  // what stands from ahead_offset on in ahead_segment
  uint64_t ahead_segment = 0;
  uint64_t ahead_offset = 0;
  for (Slot slot = first; slot <= last && Has(slot) && (found.empty() || bytes < bytes_max);
       ++slot) {
    const WalLocation& location = index_[slot - index_first_];
    const uint64_t size = persist::kWalRecordHeaderBytes + location.payload_size;
    std::string_view record = open_.Find(location.segment, location.offset, size);
    if (record.empty() && flushing_) {
      record = shared_->buffer.Find(location.segment, location.offset, size);
    }
    if (record.empty()) {
      if (ahead_segment != location.segment || location.offset < ahead_offset ||
          location.offset + size > ahead_offset + ahead.size()) {
        ASSIGN_OR_RETURN(persist::File* const file, ReadHandle(location.segment));
        ahead.resize(first == last ? size : std::max<size_t>(size, kReadAheadBytes));
        ASSIGN_OR_RETURN(const size_t read,
                         file->ReadAt(location.offset, ahead.data(), ahead.size()));
        ahead.resize(read);
        ahead_segment = location.segment;
        ahead_offset = location.offset;
      }
      record = std::string_view(ahead).substr(
          std::min<size_t>(location.offset - ahead_offset, ahead.size()), size);
    }
    ASSIGN_OR_RETURN(paxos::Accepted accepted, Decode(slot, location, record));
    bytes += location.payload_size;
    found.push_back(std::move(accepted));
  }
  return found;
}

}  // namespace clustron::cluster

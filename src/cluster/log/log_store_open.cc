// Opening the log: reading it back, deciding what may be trusted, making it ready for writing.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/reach.h"
#include "cluster/log/log_store.h"
#include "cluster/log/log_store_shared.h"
#include "persist/wal_reader.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalBase;
using persist::WalHeader;
using persist::WalLocation;
using persist::WalType;

template <typename Step>
Status LogStore::Shared::WithRoom(std::string* refusal, const Step& step) {
  Status status = step();
  if (status || status.error().code != Errc::kNoSpace || !spare.Exists()) return status;
  REACH("log spare released");
  *refusal = status.error().detail;
  TRY(spare.Remove());
  TRY(fs.SyncDir(options.dir));
  return step();
}

Status LogStore::Shared::Write(std::string* refusal) {
  return WithRoom(refusal, [this] { return writer.Write(&buffer); });
}

Status LogStore::Shared::WriteReserve(uint64_t value, std::string* refusal) {
  reserved = std::max(reserved, value);
  std::string bytes;
  Writer(&bytes).U64(reserved);
  return WithRoom(refusal, [&] { return reserve.WriteBoth(bytes); });
}

Status LogStore::Shared::WriteLease(int64_t lease_ns, std::string* refusal) {
  std::string bytes;
  Writer(&bytes).I64(lease_ns);
  return WithRoom(refusal, [&] { return lease.WriteBoth(bytes); });
}

Status LogStore::Shared::WriteMark(WalBase next, std::string* refusal, bool in_both_copies) {
  const Slot floor = std::max(next.floor, written_mark.floor);
  const uint64_t first_segment = std::max(next.first_segment, written_mark.first_segment);
  if (next.durable < written_mark.durable) next = written_mark;
  next.floor = floor;
  next.first_segment = first_segment;
  TRY(WithRoom(refusal, [&] {
    return in_both_copies ? mark.WriteBoth(Encoded(next)) : mark.Write(Encoded(next));
  }));
  written_mark = std::move(next);
  return {};
}

Status LogStore::Shared::ReplaceMark(const WalBase& next) {
  written_mark = next;
  return mark.WriteBoth(Encoded(next));
}

std::string EncodeMark(const LocalMark& mark) {
  std::string bytes;
  Writer out(&bytes);
  out.U64(mark.boot);
  out.I64(mark.elapsed_ms);
  out.I64(mark.wall_ms);
  out.I64(mark.monotonic_ns);
  out.U64(mark.slot);
  if (!mark.members.empty()) out.Bytes(mark.members);
  return bytes;
}

std::optional<LocalMark> DecodeMark(std::string_view bytes) {
  Reader in(bytes);
  LocalMark mark;
  mark.boot = in.U64();
  mark.elapsed_ms = in.I64();
  mark.wall_ms = in.I64();
  mark.monotonic_ns = in.I64();
  mark.slot = in.U64();
  if (in.ok() && in.remaining() > 0) mark.members = in.Bytes();
  if (!in.Done()) return std::nullopt;
  return mark;
}

std::string Encoded(const WalBase& base) {
  std::string bytes;
  EncodeWalBase(base, &bytes);
  return bytes;
}

LogStore::LogStore(persist::Fs* fs, TaskRunner* runner, std::string dir,
                   const LogStoreOptions& options)
    : fs_(*fs),
      tasks_(*runner),
      dir_(std::move(dir)),
      options_(options),
      durability_(options.durability),
      shared_(std::make_shared<Shared>(
          fs, dir_,
          persist::WalOptions{
              .dir = dir_ + "/wal", .salt = options.salt, .segment_bytes = options.segment_bytes})),
      space_(*fs, tasks_,
             {.dir = dir_,
              .wal_dir = shared_->options.dir,
              .spare_bytes = options.spare_bytes,
              .low_water_bytes = options.low_water_bytes},
             *this),
      reader_(*fs, index_, shared_->options.dir, options.salt) {}

LogStore::~LogStore() = default;

Result<std::unique_ptr<LogStore>> LogStore::Open(persist::Fs* fs, TaskRunner* runner,
                                                 std::string dir, const LogStoreOptions& options,
                                                 RecoveredLog* recovered) {
  *recovered = RecoveredLog();
  std::unique_ptr<LogStore> store(new LogStore(fs, runner, std::move(dir), options));
  TRY(fs->MakeDir(store->shared_->options.dir));
  TRY(store->shared_->mark.Load());
  TRY(store->shared_->mark.Keep());
  TRY(store->shared_->reserve.Load());
  TRY(store->shared_->reserve.KeepBoth());
  if (const auto& value = store->shared_->reserve.value()) {
    Reader in(*value);
    recovered->reserved = in.U64();
    if (!in.Done()) return Fail(Errc::kCorruption, store->dir_ + "/reserve can't be read");
  }
  // A value counts when both copies have it, so one damaged copy hides nothing.
  if (store->shared_->reserve.damaged() && !store->shared_->reserve.value()) {
    return Fail(Errc::kCorruption, store->dir_ + ": both copies of `reserve` are damaged");
  }
  TRY(store->LoadLease(recovered));
  TRY(options.durability == Durability::kMemory ? store->OpenMemory(recovered)
                                                : store->Recover(recovered));
  return store;
}

// Absent in directories of earlier versions.
Status LogStore::LoadLease(RecoveredLog* recovered) {
  TRY(shared_->lease.Load());
  TRY(shared_->lease.KeepBoth());
  if (const auto& value = shared_->lease.value()) {
    Reader in(*value);
    recovered->lease_ns = in.I64();
    const bool sound = in.Done() && recovered->lease_ns > 0 && recovered->lease_ns <= kLeaseNsMax;
    if (!sound) return Fail(Errc::kCorruption, dir_ + "/lease can't be read");
  } else if (shared_->lease.damaged()) {
    recovered->lease_ns = kLeaseNsMax;
    recovered->report.push_back(dir_ + ": both copies of `lease` are damaged");
  }
  return {};
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
  TRY(shared_->ReplaceMark(base));
  durable_floor_ = floor;
  space_.SetHasLog();
  encoder_ = std::make_unique<persist::WalEncoder>(
      shared_->options,
      persist::WalEnd{.segment = 0, .offset = 0, .last_lsn = 0, .base = base, .recent = {}});
  return shared_->writer.Resume(0);
}

// Builds the index from the log, in its order: what comes later holds.
class LogStore::Recovery : public persist::WalVisitor {
 public:
  Recovery(LogStore* store, RecoveredLog* recovered) : store_(*store), recovered_(*recovered) {}

  void OnRecord(const WalHeader& header, const WalLocation& location,
                std::string_view payload) override {
    static_cast<void>(payload);
    const Slot slot = header.type == WalType::kAccept ? header.slot : 0;
    store_.index_.NoteRecord(location, slot);
    if (header.type == WalType::kCut) store_.index_.Cut(header.slot);
    if (slot != 0) store_.index_.Add(slot, location);
  }

  void OnDamage(const persist::WalDamage& damage) override {
    if (damage.slot_high == 0) return;
    recovered_.damage.push_back(
        {.low = damage.slot_low, .high = damage.slot_high, .where = damage.where});
    store_.index_.NoteDamage(damage.slot_high);
    for (Slot slot = std::max(damage.slot_low, store_.floor_ + 1); slot <= damage.slot_high;
         ++slot) {
      store_.index_.AddUnknown(slot);
    }
  }

 private:
  LogStore& store_;
  RecoveredLog& recovered_;
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
  Recovery visitor(this, recovered);
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
    if (!repaired && repaired.error().code == Errc::kNoSpace && shared_->spare.Exists()) {
      TRY(shared_->spare.Remove());
      repaired = reader.Repair(scan);
    }
    TRY(repaired);
    encoder_ = std::make_unique<persist::WalEncoder>(shared_->options, scan.end);
    space_.SetHasLog();
    TRY(shared_->writer.Resume(scan.end.segment));
    floor_ = scan.end.base.floor;
    first_segment_ = scan.end.base.first_segment;
    index_.DropBefore(first_segment_, 0);  // nothing below the floor is unknown in it
    promised_ = FromWal(scan.end.base.promised);
    chosen_ = std::max(scan.end.base.chosen, floor_);
    synced_lsn_ = written_lsn_ = claim_lsn_ = scan.end.last_lsn;
    mark_ = encoder_->BaseAtEnd();
    TRY(shared_->ReplaceMark(mark_));
    durable_floor_ = floor_;
    recovered->mark = DecodeMark(mark_.mark);
  }
  recovered->promised = promised_;
  recovered->floor = floor_;
  recovered->chosen = chosen_;
  recovered->torn_bytes = scan.torn_bytes;
  recovered->report.insert(recovered->report.end(), scan.report.begin(), scan.report.end());
  recovered->unknown = index_.Unknown(floor_);
  recovered->first_slot = index_.first_slot_above(floor_);
  if (recovered->first_slot != 0) recovered->last_slot = index_.last_slot();
  return space_.Start();
}

Status LogStore::RaiseFloor(Slot floor, RecoveredLog* recovered) {
  CHECK(appended_seq_ == 0);
  if (floor <= floor_) return {};
  REACH("log floor raised at a start");
  floor_ = floor;
  chosen_ = std::max(chosen_, floor);
  recovered->floor = floor_;
  recovered->chosen = chosen_;
  if (encoder_ == nullptr) return {};
  // The segments stay until the first compaction: they are only no longer believed.
  encoder_->SetFloor(floor_, first_segment_);
  mark_ = encoder_->BaseAtEnd();
  TRY(shared_->ReplaceMark(mark_));
  durable_floor_ = floor_;
  recovered->unknown = index_.Unknown(floor_);
  recovered->first_slot = index_.first_slot_above(floor_);
  recovered->last_slot = recovered->first_slot == 0 ? 0 : index_.last_slot();
  return {};
}

Status LogStore::Cut(Slot slot, uint64_t reserve, RecoveredLog* recovered) {
  CHECK(encoder_ != nullptr);
  CHECK(appended_seq_ == 0);
  CHECK(slot > floor_);
  REACH("log cut at a damaged slot");
  if (reserve > recovered->reserved) {
    // First: a token of what is given up must not come again.
    std::string bytes;
    Writer(&bytes).U64(reserve);
    TRY(shared_->reserve.WriteBoth(bytes));
    recovered->reserved = reserve;
  }
  Encode({.type = WalType::kCut,
          .kind = 0,
          .slot = slot,
          .ballot = {},
          .first_ballot = {},
          .payload = {}});
  std::swap(shared_->buffer, open_);
  std::string refusal;
  TRY(shared_->Write(&refusal));
  TRY(persist::WalWriter::Run(fs_, shared_->options.dir, shared_->writer.TakeSyncWork()));
  shared_->buffer.Clear();
  written_lsn_ = synced_lsn_ = claim_lsn_ = encoder_->last_lsn();
  mark_ = encoder_->BaseAtEnd();
  TRY(shared_->ReplaceMark(mark_));
  index_.Cut(slot);
  chosen_ = std::min(chosen_, slot - 1);
  recovered->chosen = chosen_;
  recovered->unknown = index_.Unknown(floor_);
  recovered->first_slot = index_.first_slot_above(floor_);
  recovered->last_slot = recovered->first_slot == 0 ? 0 : index_.last_slot();
  return {};
}

}  // namespace clustron::cluster

#include "persist/snapshot_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "persist/rdb_format.h"
#include "persist/rdb_reader.h"

namespace clustron::persist {
namespace {

// The newest, and the one before.
size_t Kept() { return Planted(Bug::kOneSnapshotKept) ? 1 : 2; }
constexpr size_t kSlotDigits = 20;
constexpr std::string_view kSuffix = ".rdb";
constexpr std::string_view kPartSuffix = ".part";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::string_view kDamagedSuffix = ".damaged";

std::string NameOf(uint64_t slot) {
  const std::string digits = std::to_string(slot);
  return std::string(kSlotDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<uint64_t> SlotOf(std::string_view name) {
  if (name.size() != kSlotDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  uint64_t slot = 0;
  const char* const end = name.data() + kSlotDigits;
  const auto [parsed, error] = std::from_chars(name.data(), end, slot);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return slot;
}

// The last 8 bytes of the file: its checksum.
Result<uint64_t> ChecksumOf(File& file, uint64_t size) {
  if (size < kRdbFooterBytes) return Fail(Errc::kCorruption, "snapshot is too short");
  char footer[sizeof(uint64_t)];
  ASSIGN_OR_RETURN(const size_t read, file.ReadAt(size - sizeof footer, footer, sizeof footer));
  Reader in(std::string_view(footer, read));
  const uint64_t checksum = in.U64();
  if (!in.ok()) return Fail(Errc::kCorruption, "snapshot is too short");
  return checksum;
}

}  // namespace

// A file being written. `error`, `file` belong to the worker; the rest to the loop.
struct SnapshotStore::Pending {
  SnapshotInfo info;
  std::string temporary;
  uint64_t file_id = 0;  // receiving
  uint64_t offset = 0;   // handed over so far
  uint64_t found = 0;    // of it, what an earlier process had received
  size_t backlog = 0;    // of it, not written yet
  Status so_far;         // as far as the loop knows

  std::unique_ptr<File> file;
  Status error;
};

SnapshotStore::SnapshotStore(Fs* fs, TaskRunner* runner, std::string dir)
    : fs_(*fs), runner_(*runner), dir_(std::move(dir)), alive_(std::make_shared<bool>(true)) {}

SnapshotStore::~SnapshotStore() = default;

std::string SnapshotStore::PathOf(uint64_t slot) const { return dir_ + "/" + NameOf(slot); }

Result<std::unique_ptr<SnapshotStore>> SnapshotStore::Open(Fs* fs, TaskRunner* runner,
                                                           std::string dir) {
  std::unique_ptr<SnapshotStore> store(new SnapshotStore(fs, runner, std::move(dir)));
  TRY(fs->MakeDir(store->dir_));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(store->dir_));
  std::string part;  // the newest transfer; names sort by slot
  for (const std::string& name : names) {
    const std::string path = store->dir_ + "/" + name;
    if (name.ends_with(kTemporarySuffix)) TRY(fs->Remove(path));
    if (name.ends_with(kPartSuffix)) {
      if (!part.empty()) TRY(fs->Remove(part));
      part = path;
    }
    const std::optional<uint64_t> slot = SlotOf(name);
    if (!slot) continue;
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs->Open(path, OpenMode::kRead));
    ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
    store->Insert({.slot = *slot, .bytes = bytes});
  }
  return store;
}

void SnapshotStore::Insert(const SnapshotInfo& info) {
  std::erase_if(list_, [&](const SnapshotInfo& other) { return other.slot == info.slot; });
  const auto at = std::find_if(list_.begin(), list_.end(),
                               [&](const SnapshotInfo& other) { return other.slot < info.slot; });
  list_.insert(at, info);
}

Status SnapshotStore::SetNewestAside() {
  const std::string path = PathOf(list_.front().slot);
  TRY(fs_.Rename(path, path + std::string(kDamagedSuffix)));
  list_.erase(list_.begin());
  return {};
}

Status SnapshotStore::SetAllAside() {
  while (!list_.empty()) TRY(SetNewestAside());
  return fs_.SyncDir(dir_);
}

Result<SnapshotStore::Opened> SnapshotStore::OpenNewestValid() {
  if (list_.empty()) return Fail(Errc::kNotFound, dir_ + " holds no snapshot");
  Opened opened;
  for (size_t i = 0; i < list_.size(); ++i) {
    const SnapshotInfo info = list_[i];
    ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs_.Open(PathOf(info.slot), OpenMode::kRead));
    const Status verified = VerifyRdb(*file);
    if (!verified) {
      if (verified.error().code != Errc::kCorruption) return std::unexpected(verified.error());
      REACH("snapshot damaged");
      if (!opened.skipped.empty()) opened.skipped += ", ";
      opened.skipped += PathOf(info.slot) + " (" + verified.error().detail + ")";
      continue;
    }
    // Damaged ones get out of the way, so that they don't count as one to fall back on. If none is
    // sound they stay: a later start must not find nothing.
    for (; i > 0; --i) TRY(SetNewestAside());
    // Who wrote it may have been killed before its name was on disk; all that follows builds on it.
    TRY(fs_.SyncDir(dir_));
    opened.info = info;
    opened.file = std::move(file);
    return opened;
  }
  return Fail(Errc::kCorruption, "no snapshot in " + dir_ + " is sound: " + opened.skipped);
}

// --- Writing -------------------------------------------------------------------------------------

std::shared_ptr<SnapshotStore::Pending> SnapshotStore::Start(const SnapshotInfo& info,
                                                             std::string temporary, bool resume) {
  auto pending = std::make_shared<Pending>();
  pending->info = info;
  pending->temporary = std::move(temporary);
  runner_.Run(
      [fs = &fs_, pending, resume] {
        Result<std::unique_ptr<File>> file =
            fs->Open(pending->temporary, resume ? OpenMode::kReadWrite : OpenMode::kCreate);
        if (!file) {
          pending->error = std::unexpected(std::move(file).error());
          return;
        }
        pending->file = std::move(*file);
      },
      [] {});
  return pending;
}

void SnapshotStore::Write(const std::shared_ptr<Pending>& pending, std::string bytes) {
  const size_t size = bytes.size();
  const uint64_t offset = pending->offset;
  pending->offset += size;
  pending->backlog += size;
  auto status = std::make_shared<Status>();
  runner_.Run(
      [pending, status, offset, bytes = std::move(bytes)] {
        if (pending->error) pending->error = pending->file->WriteAt(offset, bytes);
        *status = pending->error;
      },
      [pending, status, size] {
        pending->backlog -= size;
        if (pending->so_far) pending->so_far = *status;
      });
}

// What the worker does at the end.
namespace {
struct Outcome {
  Status status;
  bool fatal = false;
};

// An fsync of the process that wrote it may have failed: then the page cache shows what the disk
// does not have, and takes it for written. What is written again is synced.
Status WriteAgain(File& file, uint64_t end) {
  std::string piece;
  for (uint64_t at = 0; at < end; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kSnapshotChunkBytesMax, end - at));
    ASSIGN_OR_RETURN(const size_t read, file.ReadAt(at, piece.data(), piece.size()));
    if (read != piece.size()) return Fail(Errc::kCorruption, "the snapshot was cut short");
    TRY(file.WriteAt(at, piece));
  }
  return {};
}

Outcome SyncAndRename(Fs& fs, File& file, const std::string& dir, const std::string& from,
                      const std::string& to, bool verify) {
  if (const Status synced = file.Sync(); !synced) return {.status = synced, .fatal = true};
  // Behind the sync, so that what is read is what was written.
  if (verify) {
    if (const Status verified = VerifyRdb(file); !verified) {
      return {.status = verified, .fatal = false};
    }
  }
  if (const Status renamed = fs.Rename(from, to); !renamed) {
    return {.status = renamed, .fatal = false};
  }
  if (const Status synced = fs.SyncDir(dir); !synced) return {.status = synced, .fatal = true};
  return {};
}

// All but the newest, by slot, and what was found damaged; what can't be removed now goes next
// time.
void RemoveOld(Fs& fs, const std::string& dir) {
  const Result<std::vector<std::string>> names = fs.List(dir);
  if (!names) return;
  size_t found = 0;
  for (auto name = names->rbegin(); name != names->rend(); ++name) {
    const bool old = SlotOf(*name) && ++found > Kept();
    if (old || name->ends_with(kDamagedSuffix)) static_cast<void>(fs.Remove(dir + "/" + *name));
  }
}
}  // namespace

void SnapshotStore::Finish(std::shared_ptr<Pending> pending, bool verify,
                           std::function<void(Status, bool fatal)> done) {
  pending->info.bytes = pending->offset;
  auto outcome = std::make_shared<Outcome>();
  runner_.Run(
      [fs = &fs_, dir = dir_, to = PathOf(pending->info.slot), pending, outcome, verify] {
        outcome->status = pending->error;
        if (outcome->status) outcome->status = WriteAgain(*pending->file, pending->found);
        if (outcome->status) {
          *outcome = SyncAndRename(*fs, *pending->file, dir, pending->temporary, to, verify);
        }
        pending->file.reset();
        if (outcome->status) {
          RemoveOld(*fs, dir);
        } else if (!outcome->fatal) {
          static_cast<void>(fs->Remove(pending->temporary));
        }
      },
      [this, info = pending->info, outcome, done = std::move(done),
       alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        if (outcome->status) {
          Insert(info);
          if (list_.size() > Kept()) list_.resize(Kept());
        }
        done(outcome->status, outcome->fatal);
      });
}

void SnapshotStore::Abort(std::shared_ptr<Pending> pending) {
  runner_.Run(
      [fs = &fs_, pending] {
        pending->file.reset();
        static_cast<void>(fs->Remove(pending->temporary));
      },
      [] {});
}

void SnapshotStore::BeginWrite(uint64_t slot) {
  CHECK(writing_ == nullptr);
  writing_ = Start({.slot = slot, .bytes = 0}, PathOf(slot) + std::string(kTemporarySuffix), false);
}

void SnapshotStore::Append(std::string bytes) {
  CHECK(writing_ != nullptr);
  if (!bytes.empty()) Write(writing_, std::move(bytes));
}

size_t SnapshotStore::backlog_bytes() const { return writing_ ? writing_->backlog : 0; }

void SnapshotStore::FinishWrite(std::function<void(Status, bool fatal)> done) {
  CHECK(writing_ != nullptr);
  Finish(std::exchange(writing_, nullptr), false, std::move(done));
}

void SnapshotStore::AbortWrite() {
  if (writing_ != nullptr) Abort(std::exchange(writing_, nullptr));
}

// --- Sending -------------------------------------------------------------------------------------

Result<std::unique_ptr<SnapshotStore::Sender>> SnapshotStore::OpenSender(uint64_t slot) {
  auto sender = std::make_unique<Sender>();
  ASSIGN_OR_RETURN(sender->file, fs_.Open(PathOf(slot), OpenMode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, sender->file->Size());
  ASSIGN_OR_RETURN(sender->file_id, ChecksumOf(*sender->file, size));
  sender->info = {.slot = slot, .bytes = size};
  return sender;
}

void SnapshotStore::Check(uint64_t slot, std::function<void(Status)> done) {
  auto status = std::make_shared<Status>();
  runner_.Run(
      [fs = &fs_, path = PathOf(slot), status] {
        const Result<std::unique_ptr<File>> file = fs->Open(path, OpenMode::kRead);
        *status = file ? VerifyRdb(**file) : Status(std::unexpected(file.error()));
      },
      [this, slot, status, done = std::move(done), alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        const bool damaged = !*status && status->error().code == Errc::kCorruption;
        // Without another one it stays: a later start must not find nothing.
        if (damaged && list_.size() > 1 && list_.front().slot == slot) {
          const Status aside = SetNewestAside();
          if (!aside)
            Log(LogLevel::kWarning, "a damaged snapshot could not be renamed: {}",
                aside.error().detail);
        }
        done(*status);
      });
}

Result<SnapshotChunk> SnapshotStore::ReadChunk(Sender& sender, uint64_t offset) {
  if (offset >= sender.info.bytes) return Fail(Errc::kInvalidArgument, "behind the snapshot's end");
  SnapshotChunk chunk;
  chunk.offset = offset;
  chunk.bytes.resize(std::min<uint64_t>(kSnapshotChunkBytesMax, sender.info.bytes - offset));
  ASSIGN_OR_RETURN(const size_t read,
                   sender.file->ReadAt(offset, chunk.bytes.data(), chunk.bytes.size()));
  if (read != chunk.bytes.size()) return Fail(Errc::kCorruption, "the snapshot was cut short");
  chunk.crc32c = Crc32c(chunk.bytes);
  return chunk;
}

// --- Receiving -----------------------------------------------------------------------------------

std::string SnapshotStore::ReceivePath(const SnapshotInfo& info, uint64_t file_id) const {
  return PathOf(info.slot) + "." + std::to_string(info.bytes) + "." + std::to_string(file_id) +
         std::string(kPartSuffix);
}

Result<uint64_t> SnapshotStore::BeginReceive(const SnapshotInfo& info, uint64_t file_id) {
  if (info.bytes < kRdbFooterBytes) return Fail(Errc::kInvalidArgument, "not a snapshot's size");
  const std::string path = ReceivePath(info, file_id);
  bool afresh = false;
  if (receiving_ != nullptr) {
    const bool same = receiving_->info == info && receiving_->file_id == file_id;
    if (same && receiving_->so_far) return receiving_->offset;
    // A transfer that could not be written (a full disk) is no good for going on: its file is about
    // to be removed.
    afresh = same;
    if (afresh) REACH("failed snapshot transfer begins anew");
    AbortReceive();
  }
  uint64_t offset = 0;
  if (!afresh && fs_.Exists(path)) {
    // What an earlier process wrote may be wrong (the checksum at the end tells), or not on its way
    // to the disk any more (it is written again before the sync).
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs_.Open(path, OpenMode::kRead));
    ASSIGN_OR_RETURN(offset, file->Size());
    offset = std::min(offset, info.bytes);
    if (offset > 0) REACH("snapshot transfer resumed");
  }
  receiving_ = Start(info, path, offset > 0);
  receiving_->file_id = file_id;
  receiving_->offset = receiving_->found = offset;
  return offset;
}

Status SnapshotStore::Receive(const SnapshotChunk& chunk) {
  if (receiving_ == nullptr) return Fail(Errc::kInvalidArgument, "no snapshot is being received");
  TRY(receiving_->so_far);
  if (chunk.bytes.size() > kSnapshotChunkBytesMax || chunk.offset != receiving_->offset ||
      chunk.bytes.size() > receiving_->info.bytes - receiving_->offset) {
    return Fail(Errc::kInvalidArgument, "not the piece that was expected");
  }
  if (Crc32c(chunk.bytes) != chunk.crc32c) {
    return Fail(Errc::kCorruption, "a piece of the snapshot was damaged on its way");
  }
  Write(receiving_, chunk.bytes);
  return {};
}

uint64_t SnapshotStore::receive_offset() const { return receiving_ ? receiving_->offset : 0; }

void SnapshotStore::OpenReceived(std::function<void(Result<std::unique_ptr<File>>)> done) {
  CHECK(receiving_ != nullptr);
  CHECK(receiving_->offset == receiving_->info.bytes);
  auto opened = std::make_shared<Result<std::unique_ptr<File>>>();
  runner_.Run(
      [fs = &fs_, pending = receiving_, opened] {
        if (!pending->error) {
          *opened = std::unexpected(pending->error.error());
          return;
        }
        *opened = fs->Open(pending->temporary, OpenMode::kRead);
        if (!*opened) return;
        if (const Status verified = VerifyRdb(***opened); !verified)
          *opened = std::unexpected(verified.error());
      },
      [this, pending = receiving_, opened, done = std::move(done),
       alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        if (!*opened && receiving_ == pending) AbortReceive();
        done(std::move(*opened));
      });
}

void SnapshotStore::FinishReceive(std::function<void(Status, bool fatal)> done) {
  CHECK(receiving_ != nullptr);
  CHECK(receiving_->offset == receiving_->info.bytes);
  Finish(std::exchange(receiving_, nullptr), true, std::move(done));
}

void SnapshotStore::AbortReceive() {
  if (receiving_ != nullptr) Abort(std::exchange(receiving_, nullptr));
}

}  // namespace clustron::persist

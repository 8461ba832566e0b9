#include "cluster/log/log_space.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

Status SpareFile::Make(uint64_t bytes) const {
  if (bytes == 0 || Exists()) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<persist::File> file,
                   fs_.Open(Path(), persist::OpenMode::kCreate));
  Status status = file->Allocate(bytes);
  if (!status) TRY(fs_.Remove(Path()));
  return status;
}

LogSpace::LogSpace(persist::Fs& fs, LogTasks& tasks, const Options& options,
                   LogSpaceListener& listener)
    : fs_(fs), tasks_(tasks), options_(options), listener_(listener), spare_(fs, options.wal_dir) {}

Status LogSpace::Start() {
  const Status spare = spare_.Make(options_.spare_bytes);
  if (!spare && spare.error().code != Errc::kNoSpace) return spare;
  ASSIGN_OR_RETURN(free_, fs_.Free(options_.dir));
  if (!spare) NoteRefusal(spare.error().detail);
  SetLow(!spare || free_.bytes < options_.low_water_bytes || free_.files < kFilesLow);
  return {};
}

bool LogSpace::NoteBytes(uint64_t bytes) {
  unseen_bytes_ += bytes;
  return unseen_bytes_ > options_.low_water_bytes / 16;
}

void LogSpace::Tick(int64_t now_ns) {
  if (looked_at_ns_ != 0 && now_ns - looked_at_ns_ < kSecondNs) return;
  looked_at_ns_ = now_ns;
  Look();
}

void LogSpace::Look() {
  if (looking_) return;
  looking_ = true;
  unseen_bytes_ = 0;
  refused_ = false;
  // In memory nothing is written that a snapshot would have to let go.
  const uint64_t room = has_log_ ? snapshot_room_ : 0;
  const uint64_t low_water = options_.low_water_bytes + room;
  const uint64_t enough = low_water + options_.low_water_bytes / 4;
  CHECK(enough >= low_water);
  // low: now too little. Else, if it was low: only over when there is enough, spare file included.
  struct Seen {
    bool low = false;
    persist::FreeSpace free;
    std::string refusal;
  };
  auto seen = std::make_shared<Seen>();
  tasks_.Run(
      [&fs = fs_, spare = spare_, dir = options_.wal_dir, seen, enough, was_low = low_, low_water,
       spare_bytes = options_.spare_bytes, has_log = has_log_]() -> Status {
        ASSIGN_OR_RETURN(seen->free, fs.Free(dir));
        const auto& [bytes, files] = seen->free;
        seen->low = bytes < (was_low ? enough : low_water) ||
                    files < (was_low ? kFilesLow + kFilesLow / 4 : kFilesLow);
        const bool spare_missing = has_log && spare_bytes > 0 && !spare.Exists();
        if (!spare_missing) return {};
        if (bytes >= enough + spare_bytes) {
          const Status made = spare.Make(spare_bytes);
          if (made) return {};
          if (made.error().code != Errc::kNoSpace) return made;
          seen->refusal = made.error().detail;
        }
        seen->low = true;
        return {};
      },
      [this, seen](const Status& status) {
        looking_ = false;
        if (!status) return listener_.OnSpaceFailed(status.error());
        Looked(seen->low, seen->free, seen->refusal);
      });
}

void LogSpace::Looked(bool low, const persist::FreeSpace& free, const std::string& refusal) {
  free_ = free;
  if (!refusal.empty()) NoteRefusal(refusal);
  const bool now_low = low || stalled_ || refused_;
  if (!now_low) refusal_.clear();
  SetLow(now_low);
}

void LogSpace::NoteRefusal(const std::string& refusal) {
  refused_ = true;
  if (const auto free = fs_.Free(options_.dir)) free_ = *free;
  // The spare file that was given up for it may be among these bytes.
  const bool claims_room =
      free_.bytes >= options_.low_water_bytes + options_.spare_bytes && free_.files >= kFilesLow;
  if (claims_room) refusal_ = refusal;
  SetLow(true);
}

std::string LogSpace::Text() const {
  if (free_.files < kFilesLow)
    return "only " + std::to_string(free_.files) + " more files (inodes) can be made";
  const std::string bytes = std::to_string(free_.bytes) + " bytes are free";
  if (refusal_.empty() || free_.bytes < options_.low_water_bytes) return bytes;
  return "the file system refuses more (" + refusal_ + "), though " + bytes;
}

bool LogSpace::Takes(uint64_t bytes, bool new_file) const {
  const Result<persist::FreeSpace> free = fs_.Free(options_.dir);
  if (!free) return true;  // writing will tell
  const bool spare = spare_.Exists();
  if (new_file && free->files == 0 && !spare) return false;
  const uint64_t left = refusal_.empty() ? free->bytes : 0;
  return bytes <= left + (spare ? options_.spare_bytes : 0);
}

void LogSpace::SetStalled(bool stalled) {
  if (std::exchange(stalled_, stalled) == stalled) return;
  listener_.OnWaitsForRoom(stalled);
  if (stalled) SetLow(true);
}

void LogSpace::SetLow(bool low) {
  if (std::exchange(low_, low) == low) return;
  if (low) {
    REACH("log disk low");
    Log(LogLevel::kWarning,
        "disk low: {} in {}, where {} (disk-low-water), {} for the next snapshot and a reserve of "
        "{} (disk-reserve) are needed: while this node leads, writes that may need space are "
        "refused",
        Text(), options_.dir, options_.low_water_bytes, snapshot_room_, options_.spare_bytes);
  } else {
    REACH("log disk has room again");
    Log(LogLevel::kNotice, "the disk has room again: {} bytes are free in {}", free_.bytes,
        options_.dir);
  }
  listener_.OnDiskLow(low);
}

}  // namespace clustron::cluster

// The room that the log has on its disk: whether that is low, whether records wait for some, and
// the spare file, which a full disk gives back. The disk is looked at on the runner, now and then
// and after so many bytes; between looks only the file system's refusals tell.
//
// THREAD: the owner's loop, but for SpareFile.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cluster/log/log_tasks.h"
#include "persist/fs.h"

namespace clustron::cluster {

// With fewer inodes than this the disk is low: segments, snapshots and marks are files. It is low
// until there is a quarter more.
inline constexpr uint64_t kFilesLow = 16;

// Room that is kept for control records when the disk is full. THREAD: any, one at a time.
class SpareFile {
 public:
  SpareFile(persist::Fs& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  bool Exists() const { return fs_.Exists(Path()); }
  // Makes it if it is not there. It is only good with its space behind it.
  Status Make(uint64_t bytes) const;
  // Gives its room back. Two may come to need it at once.
  Status Remove() const {
    const Status removed = fs_.Remove(Path());
    return removed || Exists() ? removed : Status();
  }

 private:
  std::string Path() const { return dir_ + "/spare"; }

  persist::Fs& fs_;
  const std::string dir_;
};

class LogSpaceListener {
 public:
  virtual void OnDiskLow(bool low) = 0;
  // Records wait for room: nothing that is appended becomes durable before that has passed.
  virtual void OnWaitsForRoom(bool waits) = 0;
  // The disk can't be looked at.
  virtual void OnSpaceFailed(const Error& error) = 0;

 protected:
  ~LogSpaceListener() = default;
};

class LogSpace {
 public:
  struct Options {
    std::string dir;      // of the node's data
    std::string wal_dir;  // of the segments and the spare file
    uint64_t spare_bytes = 0;
    // Low from fewer free bytes than this, until there are a quarter more and the spare file is
    // there again.
    uint64_t low_water_bytes = 0;
  };
  LogSpace(persist::Fs& fs, LogTasks& tasks, const Options& options, LogSpaceListener& listener);

  bool low() const { return low_; }
  // Records wait.
  bool stalled() const { return stalled_; }
  // As last looked at.
  const persist::FreeSpace& free() const { return free_; }
  uint64_t low_water_bytes() const { return options_.low_water_bytes; }
  // What room there is, or what is missing: for people.
  std::string Text() const;
  // Whether the file system would take `bytes` more: beyond what is allocated already, and with a
  // new file if `new_file`.
  bool Takes(uint64_t bytes, bool new_file) const;

  // At a start: makes the spare file and looks at the disk. Without room for the spare the disk is
  // low.
  Status Start();
  // A log is written here: spare file and next snapshot count.
  void SetHasLog() { has_log_ = true; }
  void SetLowWater(uint64_t bytes) { options_.low_water_bytes = bytes; }
  // What the next snapshot will take: the disk is low while it has no room for that besides.
  void SetSnapshotRoom(uint64_t bytes) { snapshot_room_ = bytes; }
  // Bytes were appended. Much can be written between two ticks: true if the disk should be looked
  // at.
  bool NoteBytes(uint64_t bytes);
  // Looks at the disk, unless that is under way.
  void Look();
  // Looks once a second.
  void Tick(int64_t now_ns);
  // The file system has refused room: it is full, whatever it says of itself, and the disk is low.
  void NoteRefusal(const std::string& refusal);
  void SetStalled(bool stalled);
  void SetLow(bool low);

 private:
  void Looked(bool low, const persist::FreeSpace& free, const std::string& refusal);

  persist::Fs& fs_;
  LogTasks& tasks_;
  Options options_;
  LogSpaceListener& listener_;
  const SpareFile spare_;
  bool has_log_ = false;
  bool low_ = false;
  bool stalled_ = false;
  persist::FreeSpace free_;
  int64_t looked_at_ns_ = 0;
  bool looking_ = false;
  bool refused_ = false;  // since the disk was last looked at
  // What the file system said, if it refused room that it claims to have (a quota, a limit on
  // files' sizes).
  std::string refusal_;
  uint64_t snapshot_room_ = 0;
  uint64_t unseen_bytes_ = 0;  // appended since the disk was last looked at
};

}  // namespace clustron::cluster

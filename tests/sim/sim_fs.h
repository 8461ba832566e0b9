// A disk in memory that forgets as a real one may.
//
// Every change is kept as unsynced until a Sync (of the file) or a SyncDir (of the directory)
// covers it. Crash() throws away some of what is unsynced, as CrashMode says. Directories
// themselves are durable when made. Bits can be flipped, the disk can be filled, any operation can
// be made to fail, and the process can be stopped dead at its nth operation (a *crash point*).
//
// Time does not pass in here: slow disks are the business of the simulator's TaskRunner.
// THREAD: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "persist/fs.h"

namespace clustron::sim {

enum class CrashMode : uint8_t {
  kLost,     // nothing unsynced survives
  kPrefix,   // the operations up to some moment survive, the last write up to some byte
  kTorn,     // all but the last write; of that one, some 512-byte sectors
  kReorder,  // any operations survive, of each write any sectors
};
inline constexpr CrashMode kCrashModes[] = {CrashMode::kLost, CrashMode::kPrefix, CrashMode::kTorn,
                                            CrashMode::kReorder};

class SimFs : public persist::Fs {
 public:
  SimFs();
  ~SimFs() override;

  // --- persist::Fs
  Result<std::unique_ptr<persist::File>> Open(const std::string& path,
                                              persist::OpenMode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& dir) override;
  Status MakeDir(const std::string& dir) override;
  Status SyncDir(const std::string& dir) override;
  bool Exists(const std::string& path) override;
  Result<persist::FreeSpace> Free(const std::string& dir) override;

  // --- Crashes

  // The machine loses power and comes back: handles opened before are dead, unsynced changes
  // survive as `mode` says, a crash point is cleared.
  void Crash(Rng& rng, CrashMode mode);
  // The process dies, the machine does not: handles are dead, everything written is still there
  // (unsynced as before).
  void Kill();

  // No crash point, no failures to come, no limit.
  void ClearFaults();

  // Changes so far: write, allocate, truncate, sync, create, rename, remove, sync of a directory.
  uint64_t operations() const { return operations_; }
  // From the operation with this number (1 = the next) on nothing happens any more: it and all
  // later calls fail with kIo. It may have reached the disk in part, if it is not a sync.
  void StopAt(uint64_t operation) { stop_at_ = operations_ + operation; }
  bool stopped() const { return stop_at_ != 0 && operations_ >= stop_at_; }

  // --- Faults

  // The operation with this number (1 = the next) fails so, once; it changes nothing.
  void FailAt(uint64_t operation, Errc code);
  // The next sync of a file or directory fails; as on Linux what it covered is then clean in the
  // cache and lost in a power cut.
  void FailNextSync() { fail_next_sync_ = true; }
  // Room for the bytes of all files together. 0: no limit.
  void SetCapacity(uint64_t bytes) { capacity_ = bytes; }
  // Likewise, but Free knows nothing of it.
  void SetQuota(uint64_t bytes) { quota_ = bytes; }
  // So many files at most; 0: no limit.
  void SetFilesMax(uint64_t files) { files_max_ = files; }
  uint64_t used_bytes() const;

  // Rot: changes bytes that are on disk. REQUIRES: the file is that long.
  void FlipBit(const std::string& path, uint64_t offset, int bit);
  void Overwrite(const std::string& path, uint64_t offset, std::string_view bytes);

  // --- Looking

  std::vector<std::string> Files() const;  // paths, sorted
  // As a reader would see it now.
  std::string Content(const std::string& path) const;
  bool AllSynced() const;
  // An independent copy of the disk as it is (synced and unsynced alike), without handles.
  std::unique_ptr<SimFs> Clone() const;
  // From now on this disk holds what `other` does; handles are dead.
  void Become(const SimFs& other);

 private:
  friend class SimFile;
  struct Inode;
  struct Change;
  using InodeRef = std::shared_ptr<Inode>;
  using Names = std::map<std::string, InodeRef>;

  // One of write, resize, link, rename, unlink: what a crash may keep or drop.
  struct Change {
    enum class Kind : uint8_t { kWrite, kResize, kLink, kRename, kUnlink };
    Kind kind = Kind::kWrite;
    InodeRef inode;       // kWrite, kResize, kLink
    uint64_t offset = 0;  // kWrite; kResize: the new size
    std::string bytes;    // kWrite
    std::string name;     // kLink, kUnlink; kRename: from
    std::string to;       // kRename
  };

  Status Begin(const std::string& what, bool is_sync);
  Status Room(uint64_t more) const;
  static void ApplyTo(Names& names, const Change& change);
  void SyncFile(const InodeRef& inode);
  static void Write(std::string& data, uint64_t offset, std::string_view bytes);
  static void KeepTorn(Rng& rng, const Change& change, const std::string& cache);

  Names names_;                  // as processes see it
  Names durable_names_;          // as a crash would leave it without `changes_`
  std::vector<Change> changes_;  // unsynced, in the order made
  std::set<std::string> dirs_;
  uint64_t generation_ = 1;  // of handles
  uint64_t operations_ = 0;
  uint64_t stop_at_ = 0;
  std::map<uint64_t, Errc> fail_at_;
  bool fail_next_sync_ = false;
  uint64_t capacity_ = 0;
  uint64_t quota_ = 0;
  uint64_t files_max_ = 0;
};

}  // namespace clustron::sim

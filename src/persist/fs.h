// The file interface that everything durable goes through: PosixFs in the server, SimFs
// (tests/sim/sim_fs.h) in tests and in the simulator.
//
// Nothing is durable before a Sync: a file's bytes and size after File::Sync, a name (created,
// renamed or removed) after SyncDir of its directory. A power cut may keep any part of the rest.
//
// Errors: kIo with the call, the path and errno's text; kNoSpace when the disk or a quota is full;
// kNotFound / kExists for names. **A failed Sync or SyncDir is final**: the kernel may have dropped
// the dirty pages, and a second try would succeed without them. The caller ends the process.
//
// THREAD: any for Fs (it holds no state but settings); a File by one thread at a time, but Sync may
// run while another thread writes (it covers what was written before it), and several Files may be
// open on one path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clustron::persist {

enum class OpenMode : uint8_t {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // read and write; made if missing, emptied if not
};

class File {
 public:
  virtual ~File() = default;  // closes; unsynced bytes stay in the page cache
  // Fills `out` from `offset`; fewer bytes only at the end of the file. Returns how many.
  virtual Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) = 0;
  // All or an error (then any part may have been written). Grows the file if it is too short; a
  // gap reads as zeros.
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // fdatasync: bytes, and the size if it grew.
  virtual Status Sync() = 0;
  // Makes the file at least `size` bytes long with disk space behind all of it; new bytes read as
  // zeros. kNoSpace: nothing has changed but that space may have been taken.
  virtual Status Allocate(uint64_t size) = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() = 0;
};

struct FreeSpace {
  uint64_t bytes = 0;
  uint64_t files = UINT64_MAX;  // inodes, where the file system has a limit
};

class Fs {
 public:
  virtual ~Fs() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  // Replaces `to` if it exists, atomically.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Names (not paths) of the entries, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> List(const std::string& dir) = 0;
  // Also makes missing parents; no error if it exists.
  virtual Status MakeDir(const std::string& dir) = 0;
  virtual Status SyncDir(const std::string& dir) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // What an ordinary user may still take on the disk of this directory. Quotas may allow less.
  virtual Result<FreeSpace> Free(const std::string& dir) = 0;
};

// The operating system's files.
class PosixFs : public Fs {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& dir) override;
  Status MakeDir(const std::string& dir) override;
  Status SyncDir(const std::string& dir) override;
  bool Exists(const std::string& path) override;
  Result<FreeSpace> Free(const std::string& dir) override;
};

// The whole file. kLimit if it is longer than `size_max`.
Result<std::string> ReadFile(Fs& fs, const std::string& path, uint64_t size_max);

}  // namespace clustron::persist

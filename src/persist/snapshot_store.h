// Snapshot files: `dir/<slot, 20 digits>.rdb`, newest and the one before.
//
// A snapshot is written aside in pieces, fsynced, renamed, and the directory fsynced; then, and not
// before, it counts, and those older than the previous one are removed. The file's own checksum
// proves it whole. The same holds for one that comes from a peer, in chunks with a checksum each;
// a transfer that broke off goes on where it stopped.
//
// THREAD: the owner's loop; file work goes to the runner (not the WAL's: it may take seconds).
// Functions marked "blocking" are for the start, or for a worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task_runner.h"
#include "persist/fs.h"

namespace clustron::persist {

struct SnapshotInfo {
  uint64_t slot = 0;  // the last entry that it holds
  uint64_t bytes = 0;
  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

// A piece of a snapshot on its way to a peer.
inline constexpr size_t kSnapshotChunkBytesMax = 256 << 10;
struct SnapshotChunk {
  uint64_t offset = 0;
  std::string bytes;
  uint32_t crc32c = 0;
};

class SnapshotStore {
 public:
  // Makes the directory, removes unfinished files of an earlier run (but not a transfer that can
  // go on). Blocking. The references must outlive the store and its running work.
  static Result<std::unique_ptr<SnapshotStore>> Open(Fs* fs, TaskRunner* runner, std::string dir);
  ~SnapshotStore();

  // Newest first. Not verified.
  const std::vector<SnapshotInfo>& list() const { return list_; }
  std::string PathOf(uint64_t slot) const;

  // The newest whose checksum is right, opened for reading; tries the previous one if it is not
  // (then `skipped` names it). kNotFound: there are none. kCorruption: there are, but none is good:
  // never to be taken for an empty start. Blocking.
  struct Opened {
    SnapshotInfo info;
    std::unique_ptr<File> file;
    std::string skipped;
  };
  Result<Opened> OpenNewestValid();

  // None is sound, and none is needed: they get out of the way. list() is empty then.
  Status SetAllAside();

  // --- Writing one. At most one at a time.

  // Bytes go out in the order appended. backlog_bytes() is what the runner has not written yet: the
  // owner pauses its walk above a bound of its own.
  void BeginWrite(uint64_t slot);
  void Append(std::string bytes);
  // done(ok): durable under its name, list() has it, older ones are gone. done(error): nothing has
  // changed (kNoSpace, kIo). A failed fsync is kIo with fatal = true: the owner ends the process.
  void FinishWrite(std::function<void(Status, bool fatal)> done);
  void AbortWrite();
  bool writing() const { return writing_ != nullptr; }
  size_t backlog_bytes() const;

  // --- Sending one. The file stays readable while open, also when it has been superseded.

  struct Sender {
    SnapshotInfo info;
    uint64_t file_id = 0;  // its checksum: tells two snapshots of one slot apart
    std::unique_ptr<File> file;
  };
  Result<std::unique_ptr<Sender>> OpenSender(uint64_t slot);
  // Whether it is still as it was written. kCorruption: it is not; if there is an older one it is
  // set aside then, and list() begins with the older one.
  void Check(uint64_t slot, std::function<void(Status)> done);
  // At most kSnapshotChunkBytesMax from `offset`; fewer only at the end. Blocking, some 0.1 ms.
  static Result<SnapshotChunk> ReadChunk(Sender& sender, uint64_t offset);

  // --- Receiving one. At most one at a time; independent of writing.

  // Returns the offset to go on from: 0, or behind what an interrupted transfer of the same file
  // (slot, size, id) already brought. Drops a transfer of another file.
  Result<uint64_t> BeginReceive(const SnapshotInfo& info, uint64_t file_id);
  // In order, without gaps. kCorruption: wrong checksum, ask for it again; kInvalidArgument: not
  // the offset expected. Written on the runner.
  Status Receive(const SnapshotChunk& chunk);
  uint64_t receive_offset() const;
  // All bytes are there: opens the file for reading, if its checksum is right. kCorruption: it is
  // not, the transfer is dropped. Another error: it could not be written or read.
  void OpenReceived(std::function<void(Result<std::unique_ptr<File>>)> done);
  // All bytes are there: verifies, fsyncs, renames as FinishWrite does. On kCorruption the transfer
  // is dropped and must start anew.
  void FinishReceive(std::function<void(Status, bool fatal)> done);
  void AbortReceive();
  bool receiving() const { return receiving_ != nullptr; }

 private:
  struct Pending;
  SnapshotStore(Fs* fs, TaskRunner* runner, std::string dir);

  std::shared_ptr<Pending> Start(const SnapshotInfo& info, std::string temporary, bool resume);
  void Write(const std::shared_ptr<Pending>& pending, std::string bytes);
  void Finish(std::shared_ptr<Pending> pending, bool verify,
              std::function<void(Status, bool fatal)> done);
  void Abort(std::shared_ptr<Pending> pending);
  void Insert(const SnapshotInfo& info);
  Status SetNewestAside();
  std::string ReceivePath(const SnapshotInfo& info, uint64_t file_id) const;

  Fs& fs_;
  TaskRunner& runner_;
  const std::string dir_;
  std::vector<SnapshotInfo> list_;
  std::shared_ptr<Pending> writing_;
  std::shared_ptr<Pending> receiving_;
  std::shared_ptr<bool> alive_;  // tasks hold it weakly
};

}  // namespace clustron::persist

// The Paxos log on disk: the replica's records ↔ the write-ahead log (persist/wal_*), group commit,
// compaction, reading back, and what to do when the disk is full.
//
// Life of a record: Append lays it out in the open buffer; Flush hands that buffer over, unless one
// is under way, then everything that comes meanwhile goes with the next: one write and one fsync
// each, however many records. When it is safe OnDurable(seq) tells. What "safe" means:
//
//   kAlways   written and fsynced, on the runner (the WAL thread).
//   kEverySec written by Flush itself, on the owner's thread, before it returns; an fsync follows
//             with the first Tick a second later. Records with must_sync (promises) wait for
//             theirs.
//   kMemory   at once; nothing is written. Only identity and reserved revisions are on disk.
//
// Files in `dir`: wal/*.log, wal.a, wal.b (durable mark, promise, compaction point), reserve.a/.b
// (reserved revisions), lease.a/.b (the longest lease that may have been granted), wal/spare (64 MB
// that a full disk gives back).
//
// A full disk: segments are allocated before anything is written into them, so running out harms
// nothing that is there. The spare file is removed, which gives room for control records (promises,
// deletes, chosen hints); disk_low() has been true for a while by then and the node refuses client
// writes. If even that is used up, the buffer waits, and so does a mark: nothing that hangs on it
// is acknowledged, Tick tries again, and records pile up in memory: pending_bytes(), bounded by
// paxos::Config::undurable_bytes_max.
//
// A failed fsync of the log, or any other I/O error of a write, is final: OnFatal, and nothing is
// acknowledged any more. The owner ends the process.
//
// THREAD: the owner's loop. Work for the runner touches nothing of this object but what it was
// handed. OWNS: the files under dir/wal while open.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task_runner.h"
#include "cluster/log/log_index.h"
#include "cluster/log/log_reader.h"
#include "cluster/log/log_space.h"
#include "cluster/log/log_tasks.h"
#include "cluster/paxos/types.h"
#include "persist/fs.h"
#include "persist/wal_format.h"
#include "persist/wal_writer.h"

namespace clustron::cluster {

// If both copies of the record can't be read, a lease of any length may run: the longest that
// `cluster-lease-ms` takes.
inline constexpr int64_t kLeaseNsMax = 600'000'000'000;

enum class Durability : uint8_t { kAlways, kEverySec, kMemory };

// The node's own notes in the log: carried over a restart, known to no one else.
struct LocalMark {
  uint64_t boot = 0;
  int64_t elapsed_ms = 0;    // the elapsed clock …
  int64_t wall_ms = 0;       // … when the wall clock showed this
  int64_t monotonic_ns = 0;  // … and the monotonic clock of this `boot` this
  paxos::Slot slot = 0;      // the last applied entry then
  std::string members;       // what the others acknowledged (member_watch.h)

  friend bool operator==(const LocalMark&, const LocalMark&) = default;
};

struct LogStoreOptions {
  Durability durability = Durability::kEverySec;
  uint64_t salt = 0;  // of cluster id and node id: records of another node's log are not records
  // The identity says that a log was written here: its absence is loss, not a first start.
  bool must_exist = false;
  uint64_t segment_bytes = 64 << 20;
  uint64_t spare_bytes = 64 << 20;
  // disk_low() from fewer free bytes than this, until there are low_water × 1.25 and the spare file
  // is there again.
  uint64_t low_water_bytes = 128 << 20;
};

// What the disk said.
struct RecoveredLog {
  paxos::Ballot promised;
  // Slots up to here were compacted: they are in a snapshot. Entries at or below may still be
  // readable, for catch-up.
  paxos::Slot floor = 0;
  paxos::Slot chosen = 0;  // hint: everything up to it is chosen
  // Slots above the floor with an intact, newest accept: Read() them.
  paxos::Slot first_slot = 0;  // lowest and highest with one; 0: none
  paxos::Slot last_slot = 0;
  // Slots above the floor of which a newer record than any readable one may have been lost: never
  // to be taken for empty, nor for what an older record says. Rising.
  std::vector<paxos::Slot> unknown;
  std::optional<LocalMark> mark;    // the last one written
  uint64_t reserved = 0;            // see PersistReserve; 0: none
  int64_t lease_ns = 0;             // see RecordLease; 0: none was recorded
  bool existed = false;             // false: there was no log here
  uint64_t torn_bytes = 0;          // an unacknowledged tail that was cut
  std::vector<std::string> report;  // lines for the log: what was damaged and where
  // The damage that made slots unknown: in which segment, at which offset.
  struct Damage {
    paxos::Slot low = 0;
    paxos::Slot high = 0;
    std::string where;
  };
  std::vector<Damage> damage;
};

class LogStore final : private LogSpaceListener {
 public:
  // Calls come on the owner's loop, from Flush (kEverySec, kMemory), Tick or the runner's `done`.
  class Listener {
   public:
    // All records up to this sequence number are safe. Rises.
    virtual void OnDurable(uint64_t seq) = 0;
    virtual void OnDiskLow(bool low) = 0;
    // Records wait for room: nothing that is appended becomes durable before that has passed.
    virtual void OnWaitsForRoom(bool waits) { static_cast<void>(waits); }
    // fsync or write failed: end the process, acknowledge nothing more.
    virtual void OnFatal(const Error& error) = 0;

   protected:
    ~Listener() = default;
  };

  // Reads what is there, cuts a torn tail, makes the log ready for writing. Blocking. Errors are
  // final and fail closed: kCorruption (records that were acknowledged, or a promise, may be gone
  // without a trace; or must_exist and there is nothing), kMismatch (kMemory on a directory with a
  // log), kIo, kNoSpace. All references must outlive the store.
  static Result<std::unique_ptr<LogStore>> Open(persist::Fs* fs, TaskRunner* runner,
                                                std::string dir, const LogStoreOptions& options,
                                                RecoveredLog* recovered);
  ~LogStore();  // no flush: as a crash would; Close first for a clean end
  LogStore(const LogStore&) = delete;
  LogStore& operator=(const LogStore&) = delete;

  // Before anything else is done with an open log, on a node without peers, at a person's demand:
  // gives up all accepts from `slot` on; what is still known is put into *recovered. No number up
  // to `reserve` will be given again. Durable on return. Blocking. REQUIRES: not kMemory.
  Status Cut(paxos::Slot slot, uint64_t reserve, RecoveredLog* recovered);

  // Before anything else is done with an open log: a snapshot says what slots up to `floor` hold,
  // and what the log has of them may be votes for what was never chosen. The floor goes up to it in
  // both copies of the mark, so that no later start takes the log's word for these slots, should
  // the snapshot get lost; *recovered follows. Durable on return. Blocking.
  Status RaiseFloor(paxos::Slot floor, RecoveredLog* recovered);

  void SetListener(Listener* listener) { listener_ = listener; }

  // --- Writing

  // REQUIRES: record.seq rises. Records of one call stay in order; call Flush when the loop turn's
  // records are in.
  void Append(std::span<const paxos::LogRecord> records);
  void AppendMark(const LocalMark& mark);
  // Below kAlways: whether so many bytes of records, appended and flushed now, would be written
  // without waiting for room on a full disk. A little is kept back for records that nobody asked
  // for. It can only be wrong if others fill the disk at this moment.
  bool HasRoomFor(uint64_t bytes) {
    return (bytes <= space_.low_water_bytes() / 8 && !disk_low()) || LooksRoomFor(bytes);
  }
  // Starts the group commit of what was appended; see the top. Cheap when there is nothing.
  // Promises are always fsynced before their OnDurable. In kEverySec and kMemory, OnDurable for
  // everything else comes before Flush returns.
  void Flush();
  // Call about every 100 ms (and in kEverySec at least once a second): fsync in kEverySec, the
  // durable mark, free space, retries after a full disk.
  void Tick(int64_t now_ns);
  // `done` runs once everything appended so far is fsynced, whatever the mode.
  void Sync(std::function<void()> done);
  // kEverySec → kAlways, kMemory → either; `done` once everything appended so far is fsynced.
  // From kMemory the log starts behind `floor`, the slot of a durable snapshot.
  void SetDurability(Durability durability, paxos::Slot floor, std::function<void()> done);
  // fsyncs everything and writes the durable mark to the end, so that the next start knows that
  // nothing is missing. Nothing may be called afterwards. Blocking.
  Status Close();

  // --- Reading

  // The newest accept of a slot, also one not yet on disk. kNotFound: none (compacted, or never
  // accepted); kCorruption: its bytes changed. Blocking, mostly from the page cache.
  Result<paxos::Accepted> Read(paxos::Slot slot);
  // Slots first, first + 1, … while they are there, up to `last` and about `bytes_max` of payload
  // (at least one). Reads ahead: for catch-up, and for replay at start.
  Result<std::vector<paxos::Accepted>> ReadRange(paxos::Slot first, paxos::Slot last,
                                                 size_t bytes_max);
  bool Has(paxos::Slot slot) const;

  // --- Compaction

  // Slots up to `slot` are in a durable snapshot and no longer needed: removes the segments that
  // hold nothing above. Returns at once; the files go on the runner, before all that is appended
  // later. Never goes back. `in_both_copies`: what the log has of these slots is not to be trusted,
  // so one damaged copy of the mark must not bring an older floor back.
  void CompactTo(paxos::Slot slot, bool in_both_copies = false);

  // --- Reserved numbers

  // A durable upper bound for numbers given out (revisions, tokens, ids), for modes in which the
  // log itself may lose its end: `done` runs once no number up to `value` can be given twice after
  // any crash. Rises; works in every mode.
  void PersistReserve(uint64_t value, std::function<void()> done);

  // --- The longest lease

  // The longest lease that this node may have granted and that may still run, from now on. Before a
  // longer one than recorded is granted: RecordLease, durable on return. Blocking. When all longer
  // ones are over: LowerLease, which returns at once.
  Status RecordLease(int64_t lease_ns);
  void LowerLease(int64_t lease_ns);

  // --- State

  Durability durability() const { return durability_; }
  bool disk_low() const { return space_.low(); }
  // As last looked at, once a second or more often.
  uint64_t free_bytes() const { return space_.free().bytes; }
  // What room there is, or what is missing: for people.
  std::string RoomText() const { return space_.Text(); }
  bool waits_for_room() const { return stalled(); }
  // What the next snapshot will take: the disk is low while it has no room for that besides
  // low_water. A log whose snapshots find no room grows until the disk is full for good.
  void SetSnapshotRoom(uint64_t bytes) { space_.SetSnapshotRoom(bytes); }
  // While running; the disk is looked at anew.
  void SetLowWater(uint64_t bytes);
  bool failed() const { return failed_; }
  // Below kAlways: the highest slot that has been fsynced. The last ones may be missing in it.
  paxos::Slot synced_slot() const { return mark_.max_slot; }
  // Something is on its way to the disk: Close() has to wait for it.
  bool busy() const { return (flushing_ && (!stalled() || writing_)) || tasks_.busy(); }
  // Appended, not yet written: bounded by the owner, which takes nothing more.
  size_t pending_bytes() const;
  // Of log on disk.
  uint64_t log_bytes() const;
  // Of what is behind this slot, about: when to take a snapshot.
  uint64_t BytesBehind(paxos::Slot slot) const;
  paxos::Slot floor() const { return floor_; }
  // The mark on disk says floor(): the next start knows of it.
  bool FloorDurable() const;
  paxos::Slot last_slot() const;
  uint64_t fsync_count() const { return fsync_count_; }
  uint64_t flush_count() const { return flush_count_; }

 private:
  // What tasks on the runner work on; outlives the store if a task does.
  struct Shared;
  struct Waiter {
    persist::Lsn lsn = 0;
    std::function<void()> done;
  };
  class Recovery;

  LogStore(persist::Fs* fs, TaskRunner* runner, std::string dir, const LogStoreOptions& options);
  Status LoadLease(RecoveredLog* recovered);
  Status OpenMemory(RecoveredLog* recovered);
  Status Recover(RecoveredLog* recovered);
  Status StartEmptyLog(paxos::Slot floor);

  persist::WalLocation Encode(const persist::WalRecord& record);

  void FlushAlways();
  void WriteOnRunner();
  void OnFlushed(const Status& status);
  void FlushEverySec();
  void WriteHere();
  void StartSync();
  void WriteMark();
  void MarkWritten(const persist::WalBase& written);
  // On the runner; without room on the disk it waits and is tried again, any other error is fatal.
  void RunWithRoom(LogTasks::WorkForRoom work, std::function<void()> done);
  void AppendHeldChosen();
  // A segment goes when it holds nothing above the floor, and a later one, which repeats what still
  // counts, is on disk. mark_ tells how far that is certain: to be looked at again when it has
  // moved. Writes the mark if segments go, or if asked to.
  void DropSegments(bool mark, bool in_both_copies = false);
  // Tells what is safe by now, then runs the waiters for it.
  void Report();
  void Fatal(const Error& error);
  bool LooksRoomFor(uint64_t bytes) const;
  bool stalled() const { return space_.stalled(); }

  // LogSpaceListener
  void OnDiskLow(bool low) override;
  void OnWaitsForRoom(bool waits) override;
  void OnSpaceFailed(const Error& error) override { Fatal(error); }

  persist::Fs& fs_;
  LogTasks tasks_;
  const std::string dir_;
  LogStoreOptions options_;
  Durability durability_;
  Listener* listener_ = nullptr;
  std::shared_ptr<Shared> shared_;
  LogSpace space_;

  // --- Laid out, not yet on its way
  std::unique_ptr<persist::WalEncoder> encoder_;  // null: kMemory
  persist::WalBuffer open_;
  bool open_urgent_ = false;  // more than hints
  bool open_promise_ = false;
  // What records laid out now may say of those before them: all up to here are on disk before the
  // open buffer is written.
  persist::Lsn claim_lsn_ = 0;

  // --- On its way
  bool flushing_ = false;       // shared_->buffer is being written and synced, or waits for room
  bool writing_ = false;        // kAlways: the runner has it
  bool flush_promise_ = false;  // kEverySec: it holds a promise
  bool flush_mark_ = false;     // kAlways: the mark is written with it
  bool syncing_ = false;        // kEverySec: an fsync is under way
  bool sync_again_ = false;
  bool marking_ = false;  // a mark is being written by itself
  bool mark_due_ = false;

  uint64_t appended_seq_ = 0;  // sequence numbers of the last record appended, …
  uint64_t flushing_seq_ = 0;
  uint64_t written_seq_ = 0;
  uint64_t syncing_seq_ = 0;
  uint64_t synced_seq_ = 0;
  uint64_t reported_seq_ = 0;
  uint64_t promise_seq_ = 0;         // last promise appended
  uint64_t unsafe_promise_seq_ = 0;  // first promise not fsynced, at the earliest; 0: none
  persist::Lsn written_lsn_ = 0;
  persist::Lsn syncing_lsn_ = 0;
  persist::Lsn synced_lsn_ = 0;
  std::vector<Waiter> waiters_;

  // --- On disk
  persist::WalBase mark_;       // last one written or being written
  persist::WalBase next_mark_;  // as of the buffer or sync under way
  paxos::Ballot promised_;
  paxos::Slot chosen_ = 0;
  paxos::Slot floor_ = 0;
  paxos::Slot durable_floor_ = 0;
  paxos::Slot distrusted_ = 0;   // what the log has up to here may be votes for what is not chosen
  paxos::Slot held_chosen_ = 0;  // a hint that comes when the floor is durable; 0: none
  uint64_t first_segment_ = 1;
  LogIndex index_;
  LogReader reader_;

  int64_t synced_at_ns_ = 0;
  bool failed_ = false;
  uint64_t fsync_count_ = 0;
  uint64_t flush_count_ = 0;
};

}  // namespace clustron::cluster

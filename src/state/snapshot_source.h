// The snapshot file's content: plain keys as RDB that Redis's tools read, our own state in sections
// beside them.
//
//   section "state"   Executor::EncodeTables: slot, ballots, sessions, digest …
//   section "digests" cluster::DigestLog: those of every 64th slot
//   section "tables"  Store: clocks, revision, touch table, settings
//   sections "once", "leases", "locks": rows of replicated tables, each with its size before it
//   per key: section "k" (revision, deadline's clock, form), then the key as RDB has it
//   section "digest"  Store::Digest of the state, compared after loading
//
// THREAD: core loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cluster/node/state_machine.h"
#include "persist/rdb_writer.h"
#include "state/watch_history.h"
#include "store/snapshot/snapshot_walk.h"

namespace clustron::state {

class Executor;

class ExecutorSnapshot final : public cluster::SnapshotSource, private store::SnapshotSink {
 public:
  // Of the state as it is now. The executor outlives it.
  explicit ExecutorSnapshot(Executor& executor);
  ~ExecutorSnapshot() override;
  Progress Step(size_t budget_bytes, std::string* out) override;
  cluster::Slot slot() const override { return slot_; }

 private:
  void OnRows(std::string_view section, std::string_view rows) override;
  void OnKey(int db, std::string_view key, store::Type type, const store::KeyMeta& meta,
             uint64_t size) override;
  void OnPart(std::string_view part) override;

  void WriteWatches(size_t budget_bytes, std::string* out);
  void BeginString(std::string_view key, uint64_t size);
  void StringPart(std::string_view bytes);

  const cluster::Slot slot_;
  const int64_t elapsed_ms_;  // to tell deadlines as unix times
  const int64_t wall_ms_;
  persist::RdbWriter rdb_;
  int db_ = -1;
  std::string key_;    // of the string being put together
  std::string value_;  // and what there is of it
  uint64_t string_left_ = 0;
  bool in_pieces_ = false;  // it is long, and written as it comes
  bool bytes_ = false;      // what is being written is one byte string
  bool head_out_ = false;
  store::SnapshotWalk walk_;
  std::unique_ptr<WatchHistory::Image> watches_;  // null: there is none, or it is written
};

// Reads such a file (or a plain Redis dump) into the executor's store and tables. Empties them at
// once. Borrows both.
std::unique_ptr<cluster::SnapshotRestore> BeginLoad(persist::File& file, Executor& executor);
// Reads it and leaves `state` alone: whether it can be loaded, is of this slot, and what never
// falls is not below `state`'s. Borrows both.
std::unique_ptr<cluster::SnapshotRestore> BeginCheck(persist::File& file, const Executor& state,
                                                     cluster::Slot slot);

}  // namespace clustron::state

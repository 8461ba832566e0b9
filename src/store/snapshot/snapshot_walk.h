// The store as it is now, written out a slice at a time while it goes on changing. No fork.
//
// The walk goes through each table in hash order. What it has not reached yet is written out
// before it changes (Store::BeforeChange), so that every key comes out exactly once and as it was
// when the walk began. Big values are not copied: the walk takes references to their pieces, and
// the next change copies the piece that it touches.
//
// The replicated tables come first, each with a walk of its own (replicated_table.h). Meanwhile
// keys that change are held back.
//
// Memory for what is held back is bounded; over the bound the walk gives up (kAborted) and is to
// be tried again later. What is neither (clocks, revision, touch table, settings) is taken at the
// start: tables().
//
// A key already written out carries the walk's number in its head (4 bits), until the walk passes
// it: so a walk never visits a key twice, and an abandoned one leaves nothing that has to be
// cleaned before the next.
//
// OWNS: tables that were flushed before they were walked. THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/events.h"
#include "store/keyspace/key_meta.h"
#include "store/keyspace/key_record.h"
#include "store/keyspace/key_walk.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

// Takes the snapshot. Calls for one key are never interleaved with another's.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  // Some rows of a replicated table, whole ones, for StoreLoader: table by table, before the first
  // key.
  virtual void OnRows(std::string_view section, std::string_view rows) = 0;
  // `count`: the value's elements, of a string its bytes; its parts follow. Views: during the call.
  virtual void OnKey(int db, std::string_view key, Type type, const KeyMeta& meta,
                     uint64_t count) = 0;
  virtual void OnPart(std::string_view part) = 0;
};

class SnapshotWalk final : private KeyWalk {
 public:
  struct Limits {
    uint64_t held_bytes_max = uint64_t{256} << 20;
  };
  enum class Progress : uint8_t { kMore, kDone, kAborted };

  // One at a time. The sink and the store outlive it.
  SnapshotWalk(Store& store, SnapshotSink& sink, Limits limits);
  SnapshotWalk(Store& store, SnapshotSink& sink) : SnapshotWalk(store, sink, Limits()) {}
  ~SnapshotWalk();  // gives up if not done
  SnapshotWalk(const SnapshotWalk&) = delete;
  SnapshotWalk& operator=(const SnapshotWalk&) = delete;

  // Everything but the replicated tables and keys, for StoreLoader::LoadTables; to be written
  // before the first Step.
  const std::string& tables() const { return tables_bytes_; }
  // Keys of a database at the start.
  uint64_t keys(int db) const { return keys_[db]; }
  uint64_t keys_with_deadline(int db) const { return with_deadline_[db]; }

  // Hands about `budget_bytes` more to the sink. REQUIRES: between two entries.
  Progress Step(size_t budget_bytes);

  // Store::Digest() of the state at the start. REQUIRES: kDone.
  uint64_t digest() const { return digest_; }

 private:
  // A value that waits for its turn.
  struct Held {
    int db = 0;
    KeyRecord* small = nullptr;  // ours, whole; or else:
    std::string key;
    Type type = Type::kString;
    KeyMeta meta;
    uint64_t count = 0;
    std::unique_ptr<FrozenValue> value;
    bool begun = false;
    uint64_t digest = 0;
  };
  struct Source {
    Table* table;
    std::unique_ptr<Table> owned;  // once flushed
    uint64_t at = 0;               // hash
    bool done = false;
  };

  // KeyWalk
  void BeforeChange(Table& t, KeyRecord& e) override;
  bool Adopt(std::unique_ptr<Table>& t) override;

  // Some rows more of the table at hand.
  void WalkRows();
  void Emit(int db, const KeyRecord& e);
  void Write(int db, const KeyRecord& e);
  void Hold(int db, const KeyRecord& e, std::unique_ptr<FrozenValue> big);
  // Writes a slice of the first held value; drops it when it is done.
  void WriteHeld();
  void WalkBucket(Source& source);
  void FinishTable(Source& source);
  void Stop();
  uint64_t HeldBytes() const;

  Store& store_;
  SnapshotSink& sink_;
  Limits limits_;
  std::string tables_bytes_;
  std::array<uint64_t, kDatabases> keys_ = {};
  std::array<uint64_t, kDatabases> with_deadline_ = {};
  std::array<Source, kDatabases> sources_;
  std::array<int, kDatabases> db_of_id_ = {};  // at the start
  size_t table_ = 0;                           // the replicated table that is being walked
  int current_ = 0;
  std::deque<Held> held_;
  uint64_t held_bytes_ = 0;     // of held_
  uint64_t early_bytes_ = 0;    // handed to the sink outside of Step, since the last one
  uint64_t written_bytes_ = 0;  // in this Step
  uint64_t budget_bytes_ = 0;   // of it
  uint64_t shared_copied_from_ = 0;
  uint64_t digest_ = 0;
  bool stopped_ = false;
  bool aborted_ = false;
};

}  // namespace clustron::store

// All replicated state that is data: 16 databases of keys, the clocks of the last applied entry,
// the revision counter, touch table, time wheels, and the tables beside the keys.
//
// Deterministic: the same calls give the same state, the same answers and the same order of
// events, on every node and after every restart from a snapshot. No clock, no random source, no
// dependence on addresses, on the tables' sizes or on local settings.
//
// THREAD: core loop. Changes come only from applying log entries:
//
//   store.BeginEntry(elapsed_ms, wall_ms);
//   for each item:  store.BeginItem();  … handler: Modify/Commit, rows of tables …
//                   store.ItemRevision() != 0 says that it changed something
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "base/result.h"
#include "base/work_meter.h"
#include "store/keyspace/events.h"
#include "store/keyspace/key_record.h"
#include "store/keyspace/mutation.h"
#include "store/keyspace/replicated_table.h"
#include "store/keyspace/settings.h"

namespace clustron::store {

class BigHash;
class BigString;
class DeadlineWord;
class Garbage;
class Journal;
class KeyWalk;
class SnapshotWalk;
class Table;
class TimeWheel;
struct WheelRecord;

inline constexpr int kDatabases = 16;

// Who wants to be told. A bit is on only while in use; the sum of all is tested once per commit.
enum class Hook : uint8_t {
  kNotifications = 0,  // keyspace notifications
  kWatches = 1,
  kTracking = 2,
  kIndexes = 3,   // set by IndexTable
  kSnapshot = 4,  // set by SnapshotWalk
  kJournal = 5,   // set by Arm/Disarm
  kWaiters = 6,   // set by the table of those who wait for keys
  kPrevious = 7,  // watches that tell the value before
};

// Of those, who are told behind a change, and who before it.
inline constexpr uint8_t kObserverHooks = 0x47;
inline constexpr uint8_t kCommitHooks = 0x4f;  // the former, and indexes
inline constexpr uint8_t kBeforeHooks = 0x90;
// What has to do with a commit, and what of it is on where changes are told in short.
inline constexpr uint8_t kTellingHooks = 0x6f;  // kCommitHooks and the journal
inline constexpr uint8_t kShortHooks = 0x02;    // watches

// Whether a key that Find returns is due by clocks that are ahead of the applied ones: then the
// read path has a tick chosen first.
inline bool DueByLive(const KeyRecord& record, int64_t elapsed_ms, int64_t wall_ms) {
  return record.has_deadline() && record.deadline().DueAt(elapsed_ms, wall_ms);
}

// What WATCH remembers of a key. Valid across failovers: it is made of log positions only.
struct WatchPoint {
  int db = 0;
  std::string key;
  Revision key_revision = 0;    // 0: was absent
  Revision store_revision = 0;  // of the store when WATCH ran
};

class Store {
 public:
  // `seed` keys the hash: chosen at formation, replicated.
  explicit Store(uint64_t seed);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // ---- applying ----
  // Sets the applied clocks. REQUIRES: neither falls.
  void BeginEntry(int64_t elapsed_ms, int64_t wall_ms);
  // Starts an item: its changes will share one revision, taken by the first of them.
  void BeginItem() { item_revision_ = 0; }
  // What the item at hand has cost. Scans and the journal add to it.
  WorkMeter& work() { return work_; }
  // 0 while the item has changed nothing.
  Revision ItemRevision() const { return item_revision_; }
  // The item's revision, taking it if need be: for changes outside the store (labels, queues, a
  // command that Redis counts as dirty although it left the key alone).
  Revision TakeRevision() {
    if (item_revision_ == 0) item_revision_ = ++revision_;
    return item_revision_;
  }
  // Ahead of what was used: after an unclean end in a weak durability mode.
  void ReserveRevisions(Revision at_least);

  Revision revision() const { return revision_; }  // the last one given
  int64_t elapsed_ms() const { return elapsed_ms_; }
  int64_t wall_ms() const { return wall_ms_; }
  uint64_t seed() const { return seed_; }

  const TypeLimits& limits() const { return limits_; }
  uint64_t item_reply_max() const { return item_reply_max_; }

  // ---- cluster-wide settings ----
  const Settings& settings() const { return settings_; }
  // True if it differs from before; then the item takes a revision. Errors are Redis's complaints.
  Result<bool> ChangeSetting(const OptionSpec& spec, std::string_view text);

  // ---- reading ----
  uint64_t Hash(std::string_view key) const;
  // Null when absent or due by the applied clocks: due is absent, and reads never remove.
  const KeyRecord* Find(int db, std::string_view key) const { return Find(db, key, Hash(key)); }
  const KeyRecord* Find(int db, std::string_view key, uint64_t hash) const;
  // For pipelined batches: first all buckets, then all entries, then the commands.
  void PrefetchBucket(int db, uint64_t hash) const;
  void PrefetchEntry(int db, uint64_t hash) const;

  // Remaining life and unix time of a deadline, by the given clocks (applied or live).
  static int64_t RemainingMs(Deadline deadline, int64_t elapsed_ms, int64_t wall_ms) {
    return deadline.ms() - (deadline.clock() == ClockKind::kWall ? wall_ms : elapsed_ms);
  }
  static int64_t UnixMs(Deadline deadline, int64_t elapsed_ms, int64_t wall_ms) {
    return deadline.clock() == ClockKind::kWall ? deadline.ms()
                                                : deadline.ms() - elapsed_ms + wall_ms;
  }
  // The deadline of a relative TTL given in an applied command.
  Deadline RelativeDeadline(int64_t ttl_ms) const;

  // Keys, those that are due but not yet removed included (as DBSIZE in Redis).
  size_t Size(int db) const;
  size_t KeysWithDeadline(int db) const;

  // SCAN: visits the next `count` live keys in hash order from `cursor` on, returns the next
  // cursor, 0 at the end. Cursors (< 2^48) are hash positions: valid at any size, on any node,
  // after a restart; a key that is there all the time is visited. The order depends on nothing but
  // the keys, so it may be used inside scripts. void(const KeyRecord&).
  template <typename F>
  uint64_t Scan(int db, uint64_t cursor, size_t count, F&& f) const {
    return ScanImpl(
        db, cursor, count, [](void* ctx, const KeyRecord& e) { (*static_cast<F*>(ctx))(e); }, &f);
  }
  // Visits about `count` keys in hash order from position `cursor` on, due ones included; returns
  // the next position, 0 at the end. The item does not pay. void(const KeyRecord&).
  uint64_t Walk(int db, uint64_t cursor, size_t count,
                const std::function<void(const KeyRecord&)>& visit) const;
  // A live key chosen by a random number, near enough to evenly; null when there is none. A
  // function of the keys and of `random` only.
  const KeyRecord* RandomKey(int db, uint64_t random) const;

  // ---- WATCH ----
  WatchPoint Watch(int db, std::string_view key) const;
  // False when the key may have changed since: also if it is absent as before, but was there in
  // between. Rarely when another key was deleted or re-timed, or created before a flush or swap.
  bool Unchanged(const WatchPoint& point) const;

  // ---- changing keys ----
  // See mutation.h. `key` must outlive the mutation.
  Mutation Modify(int db, std::string_view key) { return Modify(db, key, Hash(key)); }
  template <typename S>
    requires std::is_same_v<S, std::string>
  Mutation Modify(int db, S&& temporary) = delete;
  Mutation Modify(int db, std::string_view key, uint64_t hash);
  // A further keyspace event of a committed change: Notify(db, key, {kGeneric, "expire"}).
  void Notify(int db, std::string_view key, Event event);
  // Why keys change from here on, where nothing else says it: for observers only. Returns what held
  // before, which whoever sets it sets again.
  Reason SetReason(Reason reason) { return std::exchange(reason_, reason); }

  // Moves the value, deadline, lease and labels to another name, replacing what is there.
  // REQUIRES: `from` exists, and differs from `to`. Announces rename_from and rename_to.
  void Rename(int db, std::string_view from, std::string_view to);
  // The same to another database. REQUIRES: `key` exists there and not in `to_db`. Announces
  // move_from and move_to.
  void Move(int from_db, std::string_view key, int to_db);
  // Copies value and deadline, not the lease, replacing what is there. Announces copy_to. `source`
  // may be a key of another store; then the copy may keep its revision (0: it gets the item's). Of
  // this store's key `labels_of`, if any, it gets the labels.
  void Copy(const KeyRecord& source, int to_db, std::string_view to, Revision kept = 0,
            const KeyName* labels_of = nullptr);

  // Freed later, in slices. Take a revision even when empty (Redis counts FLUSHALL as dirty).
  void FlushDb(int db);
  void FlushAll();
  void SwapDb(int a, int b);

  // ---- expiry: removal is an entry ----
  // Removes up to `limit` keys that are due by the applied clocks, in order of deadlines; all at
  // the item's revision. Returns how many; fewer than `limit` means that none is left.
  // REQUIRES: no journal is armed (what comes up in the wheel isn't put back).
  size_t ExpireDue(size_t limit);
  // The next moment at which something may be due, by each clock; INT64_MAX if none. May be early.
  int64_t NextDueElapsedMs() const;
  int64_t NextDueWallMs() const;

  // ---- tables beside the keys: store/tables has them by their types ----
  size_t replicated_count() const { return replicated_.size(); }
  ReplicatedTable& replicated_table(size_t place) { return *replicated_[place]; }
  const ReplicatedTable& replicated_table(size_t place) const { return *replicated_[place]; }
  // Tables that follow what becomes of keys say so here.
  KeyFollowers& followers() { return followers_; }
  // For these tables: whether a change may have to be taken back, and how. `undo` finds the store
  // as the change left it; `paid`: keeping it is a part of the item's work.
  bool undoable() const;
  void AddUndo(std::move_only_function<void()> undo, bool paid);
  // Tells the observer: at once, or when it is known that the change stays.
  void Tell(HeldEvent event);

  // ---- all or nothing ----
  // While armed, every change records its inverse. Arms nest (TXN in ONCE …): a mark is returned,
  // and Rollback(mark) undoes what came after it, exactly: values, order inside of them, deadlines,
  // touch table, revision, leases, locks. Disarm(mark) keeps it; the outermost one lets the
  // events out that were held back.
  size_t Arm();
  void Disarm(size_t mark);
  void Rollback(size_t mark);  // also disarms
  // While armed: the entries whose values were changed or moved since, sorted by address. Those of
  // keys that are gone again are dangling: to be compared with Find() only. (Addresses differ from
  // node to node, but nobody walks along them: the order serves a search for one that is known, and
  // what the journal set aside keeps its address until the end, so none comes twice.)
  std::vector<const KeyRecord*> WrittenSince(size_t mark) const;

  // ---- hooks ----
  // At most one observer; it is told about a database only while one of its hooks is on there, but
  // of keys that expire always: they are counted.
  void set_observer(Observer* observer) { observer_ = observer; }
  void SetHook(int db, Hook hook, bool on);

  // ---- upkeep: local, not state ----
  // Frees what was set aside and moves tables' growth on, for about `budget` values and two more
  // for each that was put in since the last call. True if more is left: then it is to be called
  // again soon, also when nothing else happens. Called between loop turns.
  bool Upkeep(size_t budget);
  // What `maxmemory` bounds: keys, and about what the replicated tables take.
  size_t used_bytes() const;

  // Sum of per-key hashes over everything, plus clocks, revision and tables: equal states have
  // equal digests, whatever their history. Walks all keys: for tests and for the snapshot walk.
  uint64_t Digest() const;

 private:
  friend class Journal;
  friend class Mutation;
  friend class SnapshotWalk;
  friend class StoreLoader;

  static constexpr size_t kTouchCells = 65'536;

  using Visit = void (*)(void* ctx, const KeyRecord&);
  uint64_t ScanImpl(int db, uint64_t cursor, size_t count, Visit visit, void* ctx) const;

  Table& table(int db) { return *tables_[db]; }
  const Table& table(int db) const { return *tables_[db]; }
  bool Due(const KeyRecord& e) const;
  bool Hooked(int db, Hook hook) const { return hooks_[db] >> static_cast<int>(hook) & 1; }
  bool armed(int db) const { return Hooked(db, Hook::kJournal); }
  // Called before the first change of a key while one of kBeforeHooks is on; `e` null: absent.
  void BeforeChange(int db, uint64_t hash, KeyRecord* e);
  // Marks an entry that has just been put in, for the walk.
  void MarkForWalk(const Table& t, uint64_t hash, KeyRecord& e) const;
  void NextSnapshotEpoch();
  void EncodeTables(std::string* out) const;
  Status DecodeTables(std::string_view bytes);
  void Clear();
  // Takes a key out, to the journal or for good; its lease attachment too. No events.
  void Remove(int db, std::string_view key, uint64_t hash);
  void RemoveDue(int db, std::string_view key, uint64_t hash);
  // Puts an entry in the place of `old` (null: absent), which is freed or set aside.
  void Install(int db, uint64_t hash, KeyRecord* old, KeyRecord* now, bool same_value);
  // True if `to` had a value.
  bool MoveEntry(int from_db, std::string_view from, int to_db, std::string_view to);
  void EmitMove(int from_db, std::string_view from, Event left, Change came);
  // A deadline ready to be stored, its record filed; `prior` is the one that it replaces.
  DeadlineWord File(int db, uint64_t hash, Deadline deadline, DeadlineWord prior);
  void FileRecord(const Table& t, uint64_t hash, DeadlineWord word);
  size_t ExpireFrom(TimeWheel& wheel, ClockKind clock, int64_t now, size_t limit);
  // Removes the keys that a record stands for and that are due at `ms`; files others again.
  size_t ExpireRecord(ClockKind clock, int64_t ms, const WheelRecord& record, size_t limit);
  void SweepWheel(TimeWheel& wheel, ClockKind clock, size_t budget);
  static size_t TouchCell(int db, uint64_t hash);
  void Touch(int db, uint64_t hash);
  void TouchFlush(int db);
  void NoteCreated(int db);
  void SetRevision(int db, KeyRecord& e, Revision revision);
  // Before a change in place of head or deadline.
  void RecordHead(int db, KeyRecord& e, bool written = false);
  void Emit(const Change& change);
  void Deliver(const HeldEvent& event);
  void FlushOne(int db);
  void SwapTables(int a, int b);
  // Frees an entry: a big value later, in slices.
  void Discard(KeyRecord* e);
  void Discard(std::unique_ptr<Table> t);
  // What TablesDigest is the sum of, but for the replicated tables.
  uint64_t ClocksDigest() const;
  uint64_t TablesDigest() const;

  Revision revision_ = 0;
  Revision item_revision_ = 0;
  int64_t elapsed_ms_ = 0;
  int64_t wall_ms_ = 0;
  uint64_t seed_;
  void ApplySettings();
  void UndoSetting(const OptionSpec& spec, std::string_view text);
  void RestoreSettings(Settings settings);

  TypeLimits limits_;
  uint64_t item_reply_max_ = 0;  // as the setting says
  // Of the item, not state: what a scan of a const store costs counts, too.
  mutable WorkMeter work_;
  Settings settings_;
  std::array<std::unique_ptr<Table>, kDatabases> tables_;
  std::array<Table*, kDatabases> table_by_id_ = {};
  std::array<uint8_t, kDatabases> hooks_ = {};
  // For WATCH: the last flush or swap; the last time that a key was created; that as of the last
  // flush or swap.
  std::array<Revision, kDatabases> flush_touch_ = {};
  std::array<Revision, kDatabases> created_ = {};
  std::array<Revision, kDatabases> flushed_created_ = {};
  std::vector<Revision> touch_;
  std::unique_ptr<TimeWheel> elapsed_wheel_;
  std::unique_ptr<TimeWheel> wall_wheel_;
  uint8_t epoch_ = 0;  // local: tells records of the wheels apart
  Observer* observer_ = nullptr;
  Reason reason_ = Reason::kCmd;
  std::vector<std::unique_ptr<ReplicatedTable>> replicated_;
  KeyFollowers followers_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Garbage> garbage_;
  size_t installed_ = 0;  // entries put in since the last Upkeep
  KeyWalk* walk_ = nullptr;
  uint8_t snapshot_epoch_ = 0;       // local: the last walk's number, 1 … 15
  uint8_t epochs_until_reuse_ = 15;  // walks that may end early before marks are wiped
  bool mutating_ = false;

#ifdef CLUSTRON_SIM
 public:
  // What planted bugs look at instead of the applied clocks.
  int64_t live_elapsed_ms = 0;
  int64_t live_wall_ms = 0;
#endif
};

}  // namespace clustron::store

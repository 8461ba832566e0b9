// Replicated rows beside the keys: leases, locks, and whatever else has names of its own. One
// mechanism serves them all: snapshots, loading, digests, undo and clearing go over a list of these
// tables and know none of them.
//
// A new one: a file in store/tables with the row and its class on OrderedTable (ordered_table.h),
// and the class's name in the list in store/tables/tables.h. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/result.h"
#include "store/keyspace/key_name.h"

namespace clustron::store {

class KeyRecord;
class SlicedFree;
class Store;

class ReplicatedTable {
 public:
  virtual ~ReplicatedTable() = default;
  // Of its rows in a snapshot; for good.
  virtual std::string_view section() const = 0;
  // What its rows take, about: a part of what `maxmemory` bounds.
  virtual size_t used_bytes() const = 0;

  // ---- snapshots ----
  // From here on Walk hands out the rows as they are now, in order of their names, while the table
  // goes on changing: a row ahead of the walk is written before it changes. One walk at a time.
  virtual void BeginWalk() = 0;
  struct Slice {
    bool all = false;     // it was the last one, and the walk is over
    uint64_t cost = 0;    // in bytes: of the rows, and of walking to them
    uint64_t digest = 0;  // sum of the digests of these rows
  };
  // Appends some rows, each with its size before it, for about `budget` bytes.
  virtual Slice Walk(size_t budget, std::string* rows) = 0;
  virtual void EndWalk() = 0;  // gives up; nothing if none is under way

  // ---- loading ----
  // Puts a row in; returns its digest. After an error the store is to be thrown away.
  virtual Result<uint64_t> LoadRow(Reader* in) = 0;
  // Sum of the digests of all rows: equal tables have equal ones, whatever their history.
  virtual uint64_t Digest() const = 0;
  // Begins anew; what was there is to be freed in slices. REQUIRES: no walk, no armed journal.
  virtual std::unique_ptr<SlicedFree> Clear() = 0;
};

// Whoever keeps what is attached to keys (has_lease() of a record says that something is). The
// keyspace tells what becomes of such keys; all of it can be undone.
class Attachments {
 public:
  virtual void Detach(int db, std::string_view key) = 0;  // REQUIRES: attached
  virtual void DetachAll(int db) = 0;
  virtual void Rename(const KeyName& from, const KeyName& to) = 0;  // REQUIRES: `from` is attached
  virtual void Swap(int db_a, int db_b) = 0;
  virtual bool Has(int db, std::string_view key) const = 0;
  virtual size_t attached_keys() const = 0;

 protected:
  ~Attachments() = default;
};

// Whoever keeps the labels of keys (has_labels() of a record says that there are some). All of it
// can be undone, and undoes itself.
class KeyLabels {
 public:
  virtual void Drop(int db, std::string_view key) = 0;              // REQUIRES: it has some
  virtual void Rename(const KeyName& from, const KeyName& to) = 0;  // REQUIRES: `from` has some
  virtual void DropAll(int db) = 0;
  virtual void Swap(int db_a, int db_b) = 0;
  virtual bool Has(int db, std::string_view key) const = 0;
  virtual size_t labelled_keys() const = 0;
  // REQUIRES: `from` has some, and `to` none.
  virtual void Copy(const KeyName& from, const KeyName& to) = 0;

 protected:
  ~KeyLabels() = default;
};

// Whoever keeps what is derived from the values of keys. Told in the commit step, before observers
// are, of databases with Hook::kIndexes on; and again when a change is undone.
class KeyIndexes {
 public:
  // The key, due or not, is as `now` says; null: it is gone. `hash`: Store::Hash(key).
  virtual void OnKey(int db, std::string_view key, uint64_t hash, const KeyRecord* now) = 0;
  // A key that a loaded snapshot has: the same, outside of items.
  virtual void OnLoadedKey(int db, std::string_view key, uint64_t hash, const KeyRecord& now) = 0;
  // All keys of the database are gone. Can be undone.
  virtual void OnFlush(int db) = 0;
  // Frees about so many of what was set aside; true if more is left.
  virtual bool FreeSome(size_t count) = 0;
  // As Store::PrefetchBucket and PrefetchEntry, of the database's indexes.
  virtual void PrefetchBuckets(int db, uint64_t hash) const = 0;
  virtual void PrefetchKeys(int db, uint64_t hash) const = 0;

 protected:
  ~KeyIndexes() = default;
};

// Who follows what becomes of keys.
struct KeyFollowers {
  Attachments* attachments = nullptr;
  KeyLabels* labels = nullptr;
  KeyIndexes* indexes = nullptr;
};

// All tables of a store, in the order of snapshots. See store/tables/tables.h.
std::vector<std::unique_ptr<ReplicatedTable>> NewReplicatedTables(Store& store);

}  // namespace clustron::store

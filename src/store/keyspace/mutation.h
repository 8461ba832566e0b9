// The one way to change a key: Modify … operations … Commit. Those that any key has are here; what
// a type can do with its values is beside the type (store/types/NAME/NAME_edit.h).
//
//   Mutation m = store.Modify(db, key);
//   if (!CheckType(ctx, m.record(), Type::kHash)) return;
//   for (…) added += SetHashField(m, field, value);
//   m.Commit({EventClass::kHash, "hset"});
//
// Every operation keeps the hooks: the snapshot walk gets the key before its first change, an
// armed journal gets the inverse. Commit gives the key its revision, marks the touch table and
// tells observers; it costs one test of a mask when nobody listens. A mutation that changed
// nothing may be left without Commit, and Commit does nothing then; one that did change must be
// committed (DCHECK). One mutation at a time; views and entry pointers taken before an operation
// are invalid after it, and arguments may not point into the key that is being changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "store/keyspace/events.h"
#include "store/keyspace/key_record.h"
#include "store/keyspace/key_record_edit.h"

namespace clustron::store {

class SlicedFree;
class Store;
class ValueUndo;

class Mutation {
 public:
  Mutation(const Mutation&) = delete;
  Mutation& operator=(const Mutation&) = delete;
  ~Mutation();

  // The key as it is now, changes so far included; null when absent or due by the applied clocks.
  // A due key is removed (reason expire, event "expired") by the first operation that changes.
  const KeyRecord* record() const { return entry_; }
  bool exists() const { return entry_ != nullptr; }

  // ---- attributes (the key's revision stays) ----
  // REQUIRES: exists(), and no lease (`entry()->has_lease()` is the caller's error to report).
  // A deadline already due deletes the key at once, as Redis does; then it returns false, and the
  // event to commit is "del".
  bool SetDeadline(Deadline deadline);
  // True if there was one. REQUIRES: exists().
  bool ClearDeadline();

  // REQUIRES: exists(). Frees big values later, in slices.
  void Delete();

  // Ends the mutation: revision, touch table, observers. `event` describes the change; when a
  // collection went empty, "del" is announced after it. Returns true if anything was changed.
  bool Commit(Event event, Reason reason = Reason::kCmd);

  // ---- for the types' edits ----
  // Before the value changes: the hooks are told, a due entry goes. Commit gives a revision then.
  void BeginValue();
  std::string_view key() const { return key_; }
  const Store& store() const { return store_; }
  // To change the value in place. REQUIRES: BeginValue().
  KeyRecord* writable() {
    DCHECK(begun_);
    return entry_;
  }
  // Puts `now` in the present record's place, which is freed with its value, or set aside.
  void Install(KeyRecord* now) { Install(now, false); }
  // Whether a change may have to be taken back: then no value that is replaced may be overwritten,
  // and each change within a value says how to undo it.
  bool undoable() const { return undoable_; }
  void AddUndo(std::unique_ptr<ValueUndo> undo);
  // What left the value and is too much to be freed at once.
  void FreeLater(std::unique_ptr<SlicedFree> gone);
  // The last element is about to go, and the key with it.
  void RemoveEmptied();
  // A deadline ready to be stored; `prior` is the one that it replaces.
  DeadlineWord FileDeadline(Deadline deadline, DeadlineWord prior);
  // Ends the key's attachment to its lease.
  void DetachLease();
  // The record says whether something is attached. REQUIRES: exists().
  void SetLeased(bool leased);
  // The same of labels; this moves the key's revision. REQUIRES: exists().
  void SetLabelled(bool labelled);
  // Before a value is overwritten in place: nothing if it has no labels. REQUIRES: BeginValue().
  void DropLabels();

 private:
  friend class Store;
  Mutation(Store& store, int db, std::string_view key, uint64_t hash);

  // Before any operation that changes: tells the hooks, removes a due entry.
  void Begin();
  void Install(KeyRecord* now, bool same_value);
  // The end of Commit for those who are told, if OnPut isn't all.
  void Tell(const Event& event, Reason reason);
  Store& store_;
  std::string_view key_;
  uint64_t hash_;
  KeyRecord* entry_ = nullptr;
  int db_;
  bool undoable_;
  bool due_ = false;      // there is an entry, but it is due
  bool existed_ = false;  // live at the start
  bool begun_ = false;
  bool value_changed_ = false;  // takes a key revision
  bool touched_ = false;        // attributes changed
  bool deleted_ = false;
  bool emptied_ = false;  // deleted because the last member went
  bool committed_ = false;
};

}  // namespace clustron::store

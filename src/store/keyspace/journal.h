// The undo journal: the inverse of every change since it was armed, newest last.
//
// Replaced values are set aside here and put back by a rollback, so both keeping and undoing cost
// by the work that was done, not by the size of the values. Undoing goes strictly backwards: each
// record finds the store exactly as its change left it, entry addresses included.
//
// Events for observers are held back while armed: let out when the outermost arm ends, dropped
// with what is rolled back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/chunked_stack.h"
#include "base/option.h"
#include "store/keyspace/events.h"
#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/table.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

class Store;

namespace undo {

// A key's entry was put in (old == nullptr), exchanged, or taken out (now == nullptr).
struct EntryChanged {
  Table* table;
  uint64_t hash;
  KeyRecord* old;   // ours
  KeyRecord* now;   // the table's
  bool same_value;  // the out-of-line value belongs to `now`
};
// The value went from one key to another; both places were as `to` absent, `from` present.
struct EntryMoved {
  Table* from;
  uint64_t from_hash;
  KeyRecord* old;  // ours, its value now belongs to `now`
  Table* to;
  uint64_t to_hash;
  KeyRecord* now;
};
// Revision, flags or deadline changed in place.
struct HeadChanged {
  KeyRecord* record;
  uint64_t head;
  uint64_t deadline_bits;  // 0: none
  bool written = false;    // the value was changed with it
};
// Something within its value.
struct ValueChanged {
  KeyRecord* record;
  std::unique_ptr<ValueUndo> undo;
};
struct Touched {
  size_t cell;
  Revision revision;
};
struct FlushTouched {
  int db;
  Revision revision;
  Revision created;
};
struct CreatedNoted {
  int db;
  Revision revision;
};
struct Flushed {
  int db;
  std::unique_ptr<Table> table;
};
struct Swapped {
  int a;
  int b;
};
struct KeyRenamed {  // what is attached to it follows
  struct Names {
    KeyName from;
    KeyName to;
  };
  std::unique_ptr<Names> names;
};
// A key of indexes, before it changed.
struct KeyIndexed {
  int db;
  uint64_t hash;
  std::string key;
};
// In a replicated table.
struct RowChanged {
  std::move_only_function<void()> undo;
};
struct SettingChanged {
  const OptionSpec* spec;
  std::string text;
};

using Record = std::variant<EntryChanged, EntryMoved, HeadChanged, ValueChanged, Touched,
                            FlushTouched, CreatedNoted, Flushed, Swapped, KeyRenamed, KeyIndexed,
                            RowChanged, SettingChanged>;
// A transaction makes a hundred thousand of them.
static_assert(sizeof(Record) <= 56);

}  // namespace undo

class Journal {
 public:
  explicit Journal(Store& store) : store_(store) {}
  ~Journal();

  bool armed() const { return !marks_.empty(); }
  size_t Arm();
  void Disarm(size_t mark);
  void Rollback(size_t mark);

  // Keeping it is work, too: the item pays for what is set aside.
  template <typename R>
  void Add(R record) {
    Pay(BytesKept(record));
    records_.emplace_back(std::move(record));
  }
  template <typename R>
  void AddUnpaid(R record) {
    records_.emplace_back(std::move(record));
  }
  // In front of the first change of a key of indexes: when all that follows is undone, they are
  // told how the key is again. Nothing if it is not armed.
  void BeforeIndexed(int db, std::string_view key, uint64_t hash) {
    if (armed()) Add(undo::KeyIndexed{db, hash, std::string(key)});
  }
  void Hold(HeldEvent event) { events_.emplace_back(std::move(event)); }
  size_t size() const { return records_.size(); }
  // The entries whose values were changed or moved since Arm() gave the mark, sorted by address.
  std::vector<const KeyRecord*> WrittenSince(size_t mark) const;

 private:
  struct Mark {
    size_t records;
    size_t events;
    Revision revision;
    Revision item_revision;
  };
  // One overload for each kind of record: undo it, or let what it keeps go.
  void Undo(undo::EntryChanged& r);
  void Undo(undo::EntryMoved& r);
  void Undo(undo::HeadChanged& r);
  void Undo(undo::ValueChanged& r);
  void Undo(undo::Touched& r);
  void Undo(undo::FlushTouched& r);
  void Undo(undo::CreatedNoted& r);
  void Undo(undo::Flushed& r);
  void Undo(undo::Swapped& r);
  void Undo(undo::KeyRenamed& r);
  void Undo(undo::KeyIndexed& r);
  void Undo(undo::RowChanged& r);
  void Undo(undo::SettingChanged& r);
  void Keep(undo::EntryChanged& r);
  void Keep(undo::EntryMoved& r);
  void Keep(undo::Flushed& r);
  template <typename R>
  void Keep(R&) {}
  static uint64_t BytesKept(const undo::EntryChanged& r) {
    return r.old == nullptr ? 0 : KeyRecordEdit::ShellBytes(*r.old);
  }
  static uint64_t BytesKept(const undo::KeyIndexed& r) { return r.key.size(); }
  static uint64_t BytesKept(const undo::EntryMoved& r) { return KeyRecordEdit::ShellBytes(*r.old); }
  static uint64_t BytesKept(const undo::ValueChanged& r) { return r.undo->kept_bytes(); }
  template <typename R>
  static uint64_t BytesKept(const R&) {
    return 0;
  }
  void Pay(uint64_t bytes_kept);
  void End();
  void Deliver();

  Store& store_;
  ChunkedStack<undo::Record> records_;
  ChunkedStack<HeldEvent> events_;
  std::vector<Mark> marks_;
};

}  // namespace clustron::store

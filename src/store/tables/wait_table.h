// Commands that wait for a key (BLPOP …) or a lock: who waits, for what, and in which order. A
// waiter enters with the item that found nothing, and leaves with the item that serves it, with its
// deadline, or when its node says so. All of that is a function of the log, so the order is one on
// all nodes, whoever leads, and nobody is served twice.
//
// A waiter is named by its place in the order of arrival; its owner knows it by (node, boot, id).
// The waiters of a node that can't be reached are parked: they keep their places, and are not
// served, since nobody would take the answer along. Replicated state; changed only in apply.
// THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"
#include "store/keyspace/wait_id.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

struct Wait {
  WaitId id;
  uint16_t command_id = 0;
  int db = 0;
  int resp_version = 2;
  std::string user;                  // empty: default
  std::vector<std::string> args;     // of the command, without its name
  std::vector<std::string> keys;     // that it waits for, each once, in its order
  std::vector<std::string> targets;  // other keys that it writes, each once
  Type type = Type::kList;           // that a value must have to be of use
  uint64_t ticket = 0;               // in the queue of the lock of this name; 0: waits for a value
  int64_t deadline_ms = 0;           // by the elapsed clock; 0: none
  bool parked = false;

  bool for_lock() const { return ticket != 0; }
};

// Rising with arrival.
using WaitPlace = uint64_t;

class WaitTable final : public OrderedTable<WaitPlace, Wait> {
 public:
  // More than this many, or than so many bytes, wait nowhere: the next one is refused.
  static constexpr size_t kWaitersMax = 200'000;
  static constexpr size_t kBytesMax = 256 << 20;

  explicit WaitTable(Store& store) : OrderedTable(store) {}

  bool HasRoom(const Wait& wait) const {
    return size() < kWaitersMax && used_bytes_ + BytesOf(wait) <= kBytesMax;
  }
  // Behind all others. REQUIRES: HasRoom; none of this id is there.
  void Add(Wait wait);
  // REQUIRES: it is there.
  Wait Remove(WaitPlace place);
  const Wait* Find(WaitPlace place) const;
  const WaitPlace* FindId(const WaitId& id) const;

  // Whether somebody who is not parked waits for a key, or for any in a database.
  bool Waited(int db, std::string_view key) const;
  bool WaitedDb(int db) const { return waited_keys_[db] != 0; }
  std::vector<std::string> KeysOf(int db) const;
  // The first one behind `after` who can use a value of this type under the key, and is not parked;
  // null: nobody.
  const WaitPlace* Next(const KeyName& key, Type type, WaitPlace after) const;
  // Whom a lock of this name may hold back, in order, those who are parked left out: any key that a
  // waiter writes may be locked.
  std::vector<WaitPlace> HeldBackBy(int db, std::string_view name) const;

  // The earliest deadline; INT64_MAX: none.
  int64_t NextDueMs() const;
  // One whose deadline has come; null: there is none.
  const WaitPlace* Due(int64_t elapsed_ms) const;

  // Owners some of whose waiters are served, in order.
  std::vector<WaitOwner> Served() const;
  std::vector<WaitPlace> PlacesOf(const WaitOwner& owner) const;
  size_t parked() const;
  // Whether any of its waiters is parked.
  bool AnyParked(const WaitOwner& owner) const;
  // Owners of this node with an older boot.
  std::vector<WaitOwner> OlderThan(const WaitOwner& owner) const;
  void SetParked(const WaitOwner& owner, bool parked);

  // In order of arrival: f(WaitPlace, const Wait&).
  template <typename F>
  void ForEach(F&& f) const {
    for (const auto& [place, wait] : rows()) f(place, wait);
  }

  std::string_view section() const override { return "waits"; }
  size_t used_bytes() const override { return used_bytes_; }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  struct OwnerCounts {
    size_t served = 0;
    std::set<WaitPlace> places;
  };

  // row: place, node, boot, id, command, db, RESP version, type, parked (one byte each), user,
  // args, keys, targets (counts before them), deadline; numbers are varints. Of who waits for a
  // lock the type is 255, and the ticket follows
  void EncodeRow(const WaitPlace& place, const Wait& wait, std::string* out) const override;
  Result<std::pair<WaitPlace, Wait>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const WaitPlace& place, const Wait& wait) const override;
  bool Link(const WaitPlace& place, Wait& wait) override;
  void Unlink(const WaitPlace& place, const Wait& wait) override;

  static size_t BytesOf(const Wait& wait);
  // In or out of what serving looks at: a node that is gone costs nobody's push anything.
  void LinkKeys(WaitPlace place, const Wait& wait);
  void UnlinkKeys(WaitPlace place, const Wait& wait);

  // Of those who are not parked.
  std::map<std::pair<KeyName, Type>, std::set<WaitPlace>> by_key_;
  std::map<KeyName, std::set<WaitPlace>> by_target_;
  std::map<WaitId, WaitPlace> by_id_;
  std::set<std::pair<int64_t, WaitPlace>> by_deadline_;
  std::map<WaitOwner, OwnerCounts> owners_;
  std::array<size_t, kDatabases> waited_keys_ = {};  // in by_key_
  size_t used_bytes_ = 0;
};

inline WaitTable& WaitsOf(Store& store) { return TableOf<WaitTable>(store); }
inline const WaitTable& WaitsOf(const Store& store) { return TableOf<WaitTable>(store); }

}  // namespace clustron::store

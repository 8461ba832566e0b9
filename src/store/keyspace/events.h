// What the store tells others about its changes: keyspace notifications, watches, client tracking,
// indexes. Observers are told only while a hook of theirs is on, after the change, in order, in
// the apply step. While an undo journal is armed everything is held back until it is disarmed, and
// dropped when it is rolled back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/keyspace/key_record.h"
#include "store/keyspace/wait_id.h"

namespace clustron::store {

enum class ChangeKind : uint8_t {
  kPut,     // the value is new or changed; the key's revision is the change's
  kDelete,  // the key is gone
  kTouch,   // deadline, lease or labels changed; the key keeps its revision
};

// Why a key changed: the words of WATCHKEY.
enum class Reason : uint8_t { kCmd, kExpire, kLease, kEvict, kFlush, kTxn };
std::string_view ReasonName(Reason reason);  // "cmd", "expire" …

// The classes of notify-keyspace-events, by their letters.
enum class EventClass : uint8_t {
  kGeneric,  // g
  kString,   // $
  kList,     // l
  kSet,      // s
  kHash,     // h
  kZset,     // z
  kStream,   // t
  kExpired,  // x
  kEvicted,  // e
  kMiss,     // m
  kNew,      // n
};

// A keyspace event: class and name ("set", "hset", "del" …). Names are literals: they are kept by
// view. An empty name: a change that Redis doesn't announce.
struct Event {
  EventClass cls = EventClass::kGeneric;
  std::string_view name = {};
};

struct Change {
  int db = 0;
  std::string_view key = {};  // valid during the call
  ChangeKind kind = ChangeKind::kPut;
  Reason reason = Reason::kCmd;
  Event event = {};
  Revision revision = 0;
  bool created = false;               // kPut of a key that wasn't there (class n)
  bool replaced = false;              // by RENAME: `created`, but in the place of another value
  const KeyRecord* record = nullptr;  // the key now; null when it is gone (again)
};

// What the leader's timers and the reserved channels follow. kKept and kRenewed: a keepalive that
// came in an entry, so that every possible leader starts its timer again.
enum class LeaseEventKind : uint8_t { kGranted, kKept, kExpired, kRevoked };
struct LeaseEvent {
  std::string_view id = {};
  LeaseEventKind kind = LeaseEventKind::kGranted;
  Revision revision = 0;  // kGranted, kKept: the grant's; else the end's
  Revision renewed = 0;   // kKept: by this item
  int64_t ttl_ms = 0;     // as granted
  std::string_view owner = {};
};

enum class LockEventKind : uint8_t {
  kGranted,
  kRenewed,  // or claimed
  kReleased,
  kExpired,
  kBroken,
  kQueued,        // `token` is the ticket's number, as in the next two; also when it is kept
  kUnqueued,      // the ticket is granted or has ended
  kWaitedInVain,  // its lease ended while the client `wait` waited for it; kUnqueued follows
  kDelayed,       // `token` names the delay
  kDelayOver,
};
struct LockEvent {
  int db = 0;
  std::string_view name = {};
  LockEventKind kind = LockEventKind::kGranted;
  Revision token = 0;
  Revision renewed = 0;         // kRenewed, kQueued: by this item
  int64_t ttl_ms = 0;           // what the leader's timer gives it; 0: it has none
  Revision ticket = 0;          // kGranted: that the grant came from; 0: from none
  std::string_view owner = {};  // kGranted
  WaitId wait = {};             // kWaitedInVain
};

// What an observer will be told, when it is known that it stays.
struct HeldEvent {
  enum class Kind : uint8_t { kChange, kNotify, kFlush, kSwap, kLease, kLock };
  Kind kind;
  std::string key = {};
  Change change = {};
  LeaseEvent lease = {};
  LockEvent lock = {};
  std::string owner = {};  // of `lock` or `lease`
  int swap_db = 0;
};

class Observer {
 public:
  virtual ~Observer() = default;
  // With Hook::kPrevious: the key as it is before its first change within the item, which may yet
  // turn out to be none, or be taken back.
  virtual void BeforeChange(int /*db*/, const KeyRecord& /*record*/) {}
  virtual void OnChange(const Change& change) = 0;
  // A further keyspace event without a change of its own (SET … EX gives "set" and "expire").
  virtual void OnNotify(int db, std::string_view key, Event event) = 0;
  // db == -1: all databases.
  virtual void OnFlush(int db, Revision revision) = 0;
  virtual void OnSwap(int db_a, int db_b, Revision revision) = 0;
  // A cluster-wide setting has another value.
  virtual void OnSetting() {}
  virtual void OnLease(const LeaseEvent& event) = 0;
  virtual void OnLock(const LockEvent& event) = 0;
  // A kPut in short, where a database has Hook::kWatches and no other observer's, and no journal is
  // armed. The record is the key's now; `existed`: there was a value before. False: it is to be
  // told by OnChange. A kTouch comes, too, and is to be refused: its record has a revision below
  // the item's.
  virtual bool OnPut(const KeyRecord& record, int db, Reason reason, bool existed);
};

}  // namespace clustron::store

// What watches are told of: the changes of one revision, whole, each key once, as it was left.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "store/keyspace/events.h"

namespace clustron::state {

enum class WatchKind : uint8_t {
  kPut,
  kDelete,
  kReset,  // all keys of the database: flushed, or swapped with another one's
};

struct WatchEvent {
  static constexpr int64_t kNotKept = -1;  // there is a value, but no string of up to 64 KB
  static constexpr int64_t kNone = -2;     // there is none
  static constexpr int kAllDbs = -1;

  WatchKind kind = WatchKind::kPut;
  // kReset: kFlush, or kCmd of a swap.
  store::Reason reason = store::Reason::kCmd;
  int db = 0;  // kReset: may be kAllDbs
  std::string_view key = {};
  std::string_view lease = {};  // empty: none
  std::string_view value = {};
  int64_t value_size = 0;  // of `value`, or kNotKept; 0 unless kPut
  std::string_view previous = {};
  int64_t previous_size = kNotKept;  // of `previous`, or kNotKept (also: not asked for), kNone

  bool OfDb(int other) const { return db == other || db == kAllDbs; }
};

// Views are good during the call that hands it on.
struct WatchRevision {
  store::Revision revision = 0;
  std::span<const WatchEvent> events;
};

// Values up to this size are told and kept.
inline constexpr uint64_t kWatchValueBytes = 64 << 10;

// Told of each revision when its item is done, in order; not while entries are applied again.
// THREAD: core loop.
class WatchSink {
 public:
  virtual void OnRevision(const WatchRevision& revision) = 0;
  // A snapshot has taken the state's place, which was at `told`.
  virtual void OnReplaced(store::Revision told) = 0;
  // False: nobody is to be told of changes of this key, so that a revision that changes nothing
  // else may be left out.
  virtual bool Follows(int /*db*/, std::string_view /*key*/) const { return true; }

 protected:
  ~WatchSink() = default;
};

}  // namespace clustron::state

// What the clients of the waiting workload have pushed, waited for and got, and the judgement over
// it. Each element is pushed once and each call has a time-out that is written as no other: so the
// log says of each call what came of it, whatever its client was told.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/keyspace/store.h"
#include "tests/sim/history.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

class WaitingLedger {
 public:
  explicit WaitingLedger(World* world) : world_(*world) {}

  struct Call {
    int db = 0;
    std::vector<std::string> keys;
    bool moves = false;  // what it takes is in another list then
    enum class End : uint8_t { kNone, kElements, kNothing, kRefused, kUnknown };
    End end = End::kNone;
    int64_t end_ns = 0;
    std::vector<std::string> elements;
  };
  static constexpr const char* EndName(Call::End end) {
    constexpr const char* kNames[] = {"open", "elements", "nothing", "refused", "unknown"};
    return kNames[static_cast<size_t>(end)];
  }

  // Of so many milliseconds, a little more; 0: for ever.
  std::string NewTimeout(int64_t ms);
  void Begin(const std::string& timeout, Call call) { calls_[timeout] = std::move(call); }
  // Null: its answer was lost.
  void End(const std::string& timeout, const Reply* reply);

  // A new element, about to be pushed; then what came of that.
  std::string NewElement();
  void Pushed(const std::vector<std::string>& elements, Outcome outcome);
  // A list that elements may be in.
  void AddList(int db, std::string key) { lists_.insert({db, std::move(key)}); }

  void Check(const CallsThatWait& log, const store::Store& state);

 private:
  struct Element {
    bool there = false;    // certainly pushed
    bool refused = false;  // certainly not
    std::string taken_by;  // a call's time-out
  };

  void Fail(const std::string& what) { world_.report->Fail("waiting", what); }
  void CheckCall(const std::string& timeout, const Call& call, const CallThatWaits& logged);
  void CheckLate(const std::string& timeout, const Call& call, const CallThatWaits& logged);
  void CheckOrder(const CallsThatWait& log);
  void CheckElements(const store::Store& state);
  void Take(const std::string& element, const std::string& timeout);

  World& world_;
  std::map<std::string, Call> calls_;  // by time-out
  std::map<std::string, Element> elements_;
  std::set<std::pair<int, std::string>> lists_;
};

// The elements in a reply to BLPOP ([key, element]), BLMPOP ([key, [element ...]]), BLMOVE
// (element).
std::vector<std::string> ElementsOf(const Reply& reply);
// An answer that says for certain that nothing was done, beside those that any write may get: a
// lock is in the way, a key is there already, not every member knows the command, a command of a
// transaction was refused, the reply would be too long.
bool RefusedForCertain(const Reply& reply);

}  // namespace clustron::sim

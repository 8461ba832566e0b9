// Sequential objects for the linearizability checker: what a correct server would answer if it did
// one thing at a time.
//
// Time: a key, lock or lease with a time to live may be found gone by an operation that returned
// not before `expire_from`, the earliest moment (of true time) at which it may have ended; once
// found gone, it stays gone. How late it may end is no question of safety and not asked here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/linearizability.h"

namespace clustron::test {

// The earliest true moment at which something may end that was given `ttl_ms` by an operation
// called at `call_ns`, when no node's clock runs faster than true time by more than `drift`.
inline int64_t EarliestEnd(int64_t call_ns, int64_t ttl_ms, double drift) {
  // One millisecond is lost to rounding at each end.
  return call_ns + static_cast<int64_t>(static_cast<double>(ttl_ms - 1) * 1e6 / (1.0 + drift)) -
         1'000'000;
}

// A reply, as far as the models look at it.
struct Answer {
  enum class Kind : uint8_t { kNone, kNil, kOk, kInteger, kText };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  std::string text;

  static Answer Nil() { return {Kind::kNil, 0, {}}; }
  static Answer Ok() { return {Kind::kOk, 0, {}}; }
  static Answer Integer(int64_t v) { return {Kind::kInteger, v, {}}; }
  static Answer Text(std::string v) { return {Kind::kText, 0, std::move(v)}; }
  friend bool operator==(const Answer&, const Answer&) = default;
  std::string ToString() const;
};

// A few string keys that change together: plain commands, MULTI/EXEC with WATCH, one-shot TXN.
struct StringsModel {
  enum class Kind : uint8_t {
    kGet,
    kSet,        // text; drops the expiry
    kSetExpire,  // text, expire_from
    kSetNx,      // text; OK or nil
    kGetSet,     // text
    kDelete,     // 1 or 0
    kAppend,     // text; the new length
    kIncrBy,     // number; the new value
    kExpire,     // expire_from; 1 or 0
    kPersist,    // 1 or 0
    kExists,     // 1 or 0
  };
  // One command on one key.
  struct Command {
    Kind kind = Kind::kGet;
    uint32_t key = 0;
    std::string text;
    int64_t number = 0;
    int64_t expire_from = 0;
    Answer answer;  // not looked at when the outcome is unknown
  };
  // What must hold for the commands to run: a WATCH that was not broken, or TXN IF.
  struct Condition {
    uint32_t key = 0;
    bool present = false;
    std::string value;
  };
  struct Op {
    int64_t call_ns = 0;
    int64_t return_ns = kNever;
    std::vector<Condition> conditions;
    // Known outcomes only: false when the server said that the conditions did not hold.
    bool conditions_held = true;
    // Of a WATCH: may be taken for broken although the values are the same again (a rewrite of the
    // same value, a touch). TXN IF: may not.
    bool may_fail_spuriously = false;
    std::vector<Command> commands;
  };
  struct Cell {
    bool present = false;
    int64_t expire_from = 0;  // 0: no time to live
    std::string value;
  };
  struct State {
    std::vector<Cell> cells;  // by key; grows as keys are named
    void Mix(StateHash* hash) const;
  };
  static State Initial() { return {}; }
  static void Step(const State& state, const Op& op, std::vector<State>* next);
  static std::string Describe(const Op& op);
};

// One hash key.
struct HashModel {
  enum class Kind : uint8_t {
    kSet,     // field, text: 1 if new
    kGet,     // field
    kDelete,  // field: 1 or 0
    kIncrBy,  // field, number: the new value
    kLength,
    kGetAll,  // answer in `all`
    kDrop,    // DEL key
  };
  struct Op {
    int64_t call_ns = 0;
    int64_t return_ns = kNever;
    Kind kind = Kind::kGet;
    std::string field;
    std::string text;
    int64_t number = 0;
    Answer answer;
    std::map<std::string, std::string> all;
  };
  struct State {
    std::map<std::string, std::string> fields;
    void Mix(StateHash* hash) const;
  };
  static State Initial() { return {}; }
  static void Step(const State& state, const Op& op, std::vector<State>* next);
  static std::string Describe(const Op& op);
};

// Two lists, between which elements move.
struct ListsModel {
  enum class Kind : uint8_t {
    kPush,    // text at the end: the new length
    kPop,     // the element, or nil
    kMove,    // from one end of this list to an end of the other: the element, or nil
    kRotate,  // the same within the list
    kLength,
    kAll,     // answer in `all`
    kRemove,  // all that equal text: how many
    kInsert,  // text before the element `pivot`: the new length, -1 if there is none, 0 if no list
    kDrop,    // DEL key
    // As kPop from this list, or from the other one if it is empty: the element behind the number
    // of its list and a space, or nil
    kPopEither,
  };
  struct Op {
    int64_t call_ns = 0;
    int64_t return_ns = kNever;
    Kind kind = Kind::kLength;
    uint8_t list = 0;
    bool back = false;     // the end pushed to, or popped from
    bool to_back = false;  // kMove, kRotate: the end that it goes to
    std::string text;
    std::string pivot;
    Answer answer;
    std::vector<std::string> all;
  };
  struct State {
    std::vector<std::string> lists[2];
    void Mix(StateHash* hash) const;
  };
  static State Initial() { return {}; }
  static void Step(const State& state, const Op& op, std::vector<State>* next);
  static std::string Describe(const Op& op);
};

// One lock with the data key that it guards.
struct LockModel {
  enum class Kind : uint8_t {
    kAcquire,   // owner, expire_from: granted (token) or held by `holder_token`
    kRenew,     // token, expire_from: true or lost
    kRelease,   // token: true or not ours
    kDoSet,     // token, text: LOCK DO name token SET name text; done, or fenced
    kPlainSet,  // text: SET name text; done, or refused because it is locked
    kGet,       // the guarded key: text, or nil
  };
  struct Op {
    int64_t call_ns = 0;
    int64_t return_ns = kNever;
    Kind kind = Kind::kAcquire;
    std::string owner;
    std::string text;
    int64_t token = 0;         // asked with, or granted (also if that may have been forgotten)
    int64_t holder_token = 0;  // told by a refusal; 0: not told
    int64_t expire_from = 0;
    bool done = false;  // granted, renewed, released, written
    Answer answer;      // kGet
  };
  static constexpr int64_t kUnknownToken = -1;
  struct State {
    bool held = false;
    int64_t token = 0;  // kUnknownToken: granted to somebody who never heard of it
    std::string owner;
    int64_t expire_from = 0;
    int64_t last_token = 0;  // the highest one known to have been given
    bool present = false;    // the guarded key
    std::string value;
    void Mix(StateHash* hash) const;
  };
  static State Initial() { return {}; }
  static void Step(const State& state, const Op& op, std::vector<State>* next);
  static std::string Describe(const Op& op);
};

// One lease and two keys that are only ever written through it.
struct LeaseModel {
  enum class Kind : uint8_t {
    kGrant,      // expire_from; done. The same lease again if it lives
    kKeepAlive,  // expire_from; done, or gone
    kRevoke,     // done, or gone
    kDoSet,      // both keys in one step, `text`: done, or gone (NOLEASE)
    kRead,       // both keys in one step: `first`, `second`
    kAlive,      // LEASE TTL: done if alive
  };
  struct Op {
    int64_t call_ns = 0;
    int64_t return_ns = kNever;
    Kind kind = Kind::kRead;
    std::string text;
    int64_t expire_from = 0;
    bool done = false;
    Answer first, second;
  };
  struct State {
    bool alive = false;
    int64_t expire_from = 0;
    bool present = false;
    std::string value;
    void Mix(StateHash* hash) const;
  };
  static State Initial() { return {}; }
  static void Step(const State& state, const Op& op, std::vector<State>* next);
  static std::string Describe(const Op& op);
};

}  // namespace clustron::test

// The grammar of the one-shot TXN:
//   TXN [IF n cond …] THEN n (argc arg …) … [ELSE n (argc arg …) …]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"

namespace clustron::commands {

inline constexpr size_t kTxnCommandsMax = 1024;  // of both branches
inline constexpr size_t kTxnConditionsMax = 1024;

struct TxnCondition {
  enum class Kind : uint8_t {
    kExists,    // EXISTS k
    kAbsent,    // ABSENT k
    kRevision,  // REV k op n: 0 when absent
    kValue,     // VALUE k op v
    kLength,    // LEN k op n: bytes or members; 0 when absent
    kField,     // FIELD k f op v
    kLease,     // LEASE k id: the key is attached to it
    kLock,      // LOCK name token: held by this token; opens the guard
    kAlive,     // ALIVE lease-id
  };
  enum class Op : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };
  Kind kind = Kind::kExists;
  Op op = Op::kEq;
  std::string_view key;    // key, lock or lease
  std::string_view field;  // kField
  std::string_view value;  // kValue, kField; kLease: the lease
  uint64_t number = 0;     // kRevision, kLength, kLock
  size_t key_index = 0;    // of `key` in the arguments
};

struct TxnCall {
  std::vector<TxnCondition> conditions;
  std::vector<Args> then_commands;  // views into the arguments
  std::vector<Args> else_commands;
};

// Empty: well formed. Else the error.
std::string ParseTxn(Args args, TxnCall* out);

// Whether the condition holds by the state. Sets *error to an error text if it can't be judged
// (wrong type).
bool ConditionHolds(const TxnCondition& condition, const store::Store& store, int db,
                    std::string_view* error);

}  // namespace clustron::commands

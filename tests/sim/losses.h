// What a node alone, below `durability always`, may forget, and what of a history that touches.
//
// A crash takes the end of the log: everything from some slot on is as if it had never happened.
// What the node itself has applied is compared slot by slot (History), so that the rest is known to
// be a prefix; of what clients were told, all that was answered before the first lost slot was
// committed must hold for good, and the outcome of the rest is unknown.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/support/models.h"

namespace clustron::sim {

struct Loss {
  int64_t from_ns = 0;      // when the first lost slot was committed
  int64_t crash_ns = 0;     // what was asked later has nothing to do with it
  bool everything = false;  // `memory`: the next start was empty
};
using Losses = std::vector<Loss>;

inline bool MayBeLost(const Losses& losses, int64_t call_ns, int64_t return_ns) {
  for (const Loss& loss : losses) {
    if (call_ns <= loss.crash_ns && return_ns >= loss.from_ns) return true;
  }
  return false;
}

// Takes back what was answered. False: then it can be left out altogether.
inline bool TakeBack(test::StringsModel::Op* op) {
  using Kind = test::StringsModel::Kind;
  bool writes = false;
  for (test::StringsModel::Command& command : op->commands) {
    writes |= command.kind != Kind::kGet && command.kind != Kind::kExists;
    command.answer = {};
  }
  const bool held = std::exchange(op->conditions_held, true);
  op->return_ns = test::kNever;
  return writes && held;
}
inline bool TakeBack(test::HashModel::Op* op) {
  using Kind = test::HashModel::Kind;
  op->return_ns = test::kNever;
  return op->kind != Kind::kGet && op->kind != Kind::kLength && op->kind != Kind::kGetAll;
}
inline bool TakeBack(test::ListsModel::Op* op) {
  using Kind = test::ListsModel::Kind;
  op->return_ns = test::kNever;
  return op->kind != Kind::kLength && op->kind != Kind::kAll;
}
inline bool TakeBack(test::LockModel::Op* op) {
  op->return_ns = test::kNever;
  return op->kind != test::LockModel::Kind::kGet && op->done;
}
inline bool TakeBack(test::LeaseModel::Op* op) {
  using Kind = test::LeaseModel::Kind;
  op->return_ns = test::kNever;
  return op->kind != Kind::kRead && op->kind != Kind::kAlive && op->done;
}

// The histories to be judged, each from an empty state on.
template <typename Op>
std::vector<std::vector<Op>> WithLosses(const Losses& losses, const std::vector<Op>& ops) {
  std::vector<std::vector<Op>> parts(1);
  std::vector<int64_t> starts_ns = {0};
  for (const Loss& loss : losses) {
    if (!loss.everything) continue;
    starts_ns.push_back(loss.crash_ns);
    parts.emplace_back();
  }
  for (const Op& op : ops) {
    size_t part = starts_ns.size() - 1;
    while (part > 0 && op.call_ns <= starts_ns[part]) --part;
    Op copy = op;
    bool lost = false;
    for (const Loss& loss : losses) {
      if (loss.everything || op.return_ns == test::kNever) continue;
      lost |= op.call_ns <= loss.crash_ns && op.return_ns >= loss.from_ns;
    }
    if (lost && !TakeBack(&copy)) continue;
    parts[part].push_back(std::move(copy));
  }
  return parts;
}

}  // namespace clustron::sim

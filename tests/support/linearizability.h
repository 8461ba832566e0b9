// Is there an order of these operations, each within its interval, that a sequential object would
// have answered in the same way? The search of Wing & Gong (1993) as Lowe (2017) made it fast: a
// linked list of calls and returns, and a cache of (operations done, state) that were tried; states
// are compared by 128 bits of hash, as porcupine does.
//
// Of two tries with the same state and the same known operations done, the one that used up fewer
// of the unknown ones can do whatever the other can. So the cache keeps sets of unknown ones, and a
// try is dropped when it holds a set that was tried before.
//
// Intervals are closed. An operation whose outcome is unknown may take effect at any time after its
// call, or never; such are tried last, because most of them never matter. Operations that certainly
// did not happen, and reads without an answer, are left out by the caller.
//
// The cost grows with how many operations overlap, not with how many there are. A search that takes
// more steps than allowed is `undecided`, which is no verdict.
//
// A model is a struct with
//   struct State   copyable;   void Mix(StateHash*) const  tells equal from different states
//   struct Op      int64_t call_ns, return_ns (kNever: outcome unknown)
//   static State Initial();
//   // Every state that the object may be in after `op` with its answer; none: impossible here.
//   static void Step(const State&, const Op&, std::vector<State>* next);
//   static std::string Describe(const Op&);
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/rng.h"

namespace clustron::test {

inline constexpr int64_t kNever = INT64_MAX;

// Collects what a state is made of.
class StateHash {
 public:
  void Add(uint64_t word) {
    low_ = Mix64(low_ ^ word);
    high_ = Mix64(high_ + (word * 0x9e3779b97f4a7c15ULL) + 1);
  }
  void Add(std::string_view bytes) {
    Add(HashBytes(bytes, 1));
    Add(HashBytes(bytes, 2));
  }
  uint64_t low() const { return low_; }
  uint64_t high() const { return high_; }

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
};

struct LinearizabilityResult {
  enum class Verdict : uint8_t { kYes, kNo, kUndecided };
  Verdict verdict = Verdict::kYes;
  uint64_t steps = 0;
  // kNo: where the search got furthest: the operation that must have happened and could not, and
  // the ones just before and around it, described.
  std::string explanation;
};

namespace internal {

struct Key128 {
  uint64_t low, high;
  bool operator==(const Key128&) const = default;
};
struct Key128Hash {
  size_t operator()(const Key128& key) const { return key.low ^ (key.high << 1); }
};

// The calls and returns of operations with known outcome, by time; calls first within a moment.
class EventList {
 public:
  static constexpr uint32_t kEnd = 0;  // also the head

  template <typename Op>
  explicit EventList(const std::vector<Op>& ops) {
    struct Event {
      int64_t time_ns;
      bool is_return;
      uint32_t op;
    };
    std::vector<Event> events;
    for (uint32_t i = 0; i < ops.size(); ++i) {
      if (ops[i].return_ns == kNever) continue;
      events.push_back({ops[i].call_ns, false, i});
      events.push_back({ops[i].return_ns, true, i});
    }
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      if (a.time_ns != b.time_ns) return a.time_ns < b.time_ns;
      if (a.is_return != b.is_return) return !a.is_return;
      return a.op < b.op;
    });
    const uint32_t count = static_cast<uint32_t>(events.size());
    next_.resize(count + 1);
    prev_.resize(count + 1);
    op_.resize(count + 1);
    return_of_.resize(ops.size());
    is_return_.resize(count + 1);
    for (uint32_t i = 0; i <= count; ++i) {
      next_[i] = i == count ? kEnd : i + 1;
      prev_[i] = i == 0 ? count : i - 1;
      if (i == 0) continue;
      op_[i] = events[i - 1].op;
      is_return_[i] = events[i - 1].is_return;
      if (is_return_[i]) return_of_[op_[i]] = i;
    }
  }

  uint32_t first() const { return next_[kEnd]; }
  uint32_t next(uint32_t event) const { return next_[event]; }
  bool is_return(uint32_t event) const { return is_return_[event]; }
  uint32_t op(uint32_t event) const { return op_[event]; }

  // Takes a call and its return out, or puts them back in the opposite order.
  void Lift(uint32_t call) {
    Unlink(call);
    Unlink(return_of_[op_[call]]);
  }
  void Restore(uint32_t call) {
    Relink(return_of_[op_[call]]);
    Relink(call);
  }

 private:
  void Unlink(uint32_t event) {
    next_[prev_[event]] = next_[event];
    prev_[next_[event]] = prev_[event];
  }
  void Relink(uint32_t event) {
    next_[prev_[event]] = event;
    prev_[next_[event]] = event;
  }
  std::vector<uint32_t> next_, prev_, op_, return_of_;
  std::vector<bool> is_return_;
};

}  // namespace internal

template <typename Model>
class LinearizabilityChecker {
 public:
  using Op = typename Model::Op;
  using State = typename Model::State;

  static LinearizabilityResult Check(const std::vector<Op>& ops, uint64_t steps_max = 2'000'000) {
    LinearizabilityChecker checker(ops, steps_max);
    return checker.Run();
  }

 private:
  // A choice that was made: an operation took effect, with one of its possible results.
  struct Frame {
    bool unknown;  // of unknown_ (position), else an event of the list
    uint32_t place;
    uint32_t branch;
    State before;
  };

  LinearizabilityChecker(const std::vector<Op>& ops, uint64_t steps_max)
      : ops_(ops), steps_max_(steps_max), events_(ops), state_(Model::Initial()) {
    for (uint32_t i = 0; i < ops.size(); ++i) {
      if (ops[i].return_ns == kNever) unknown_.push_back(i);
    }
    std::stable_sort(unknown_.begin(), unknown_.end(),
                     [&](uint32_t a, uint32_t b) { return ops_[a].call_ns < ops_[b].call_ns; });
    unknown_done_.resize((unknown_.size() + 63) / 64);
  }

  LinearizabilityResult Run() {
    LinearizabilityResult result;
    bool unknown = false;  // whether `place` is in unknown_
    uint32_t place = events_.first();
    uint32_t branch = 0;
    while (true) {
      if (++result.steps > steps_max_) {
        result.verdict = LinearizabilityResult::Verdict::kUndecided;
        return result;
      }
      if (!unknown) {
        if (place == internal::EventList::kEnd) return result;  // all known ones found a place
        if (!events_.is_return(place)) {
          if (TryStep(false, place, branch, events_.op(place))) {
            place = events_.first();
          } else {
            place = events_.next(place);
          }
          branch = 0;
          continue;
        }
        NoteStuck(events_.op(place));
        unknown = true;
        place = 0;
      }
      // Something that must have happened by now did not. Perhaps behind one of the unknown ones?
      bool stepped = false;
      const int64_t by_ns = ops_[BlockingOp()].return_ns;
      for (; place < unknown_.size() && ops_[unknown_[place]].call_ns <= by_ns; ++place) {
        if (!UnknownDone(place) && TryStep(true, place, branch, unknown_[place])) {
          stepped = true;
          break;
        }
        branch = 0;
      }
      if (stepped) {
        unknown = false;
        place = events_.first();
        branch = 0;
        continue;
      }
      if (stack_.empty()) {
        result.verdict = LinearizabilityResult::Verdict::kNo;
        result.explanation = Explain();
        return result;
      }
      const Frame& frame = stack_.back();
      unknown = frame.unknown;
      place = frame.place;
      branch = frame.branch + 1;
      state_ = frame.before;
      Undo(frame);
      stack_.pop_back();
    }
  }

  // The first return in the list: nothing behind it may go first.
  uint32_t BlockingOp() const {
    uint32_t event = events_.first();
    while (!events_.is_return(event)) event = events_.next(event);
    return events_.op(event);
  }

  bool TryStep(bool unknown, uint32_t place, uint32_t branch, uint32_t op) {
    next_.clear();
    Model::Step(state_, ops_[op], &next_);
    for (; branch < next_.size(); ++branch) {
      StateHash hash;
      next_[branch].Mix(&hash);
      if (unknown && OneBeforeIsWasted(op, hash)) continue;
      if (!unknown) ToggleKnown(op);
      if (unknown) ToggleUnknown(place);
      if (!Remember({hash.low() ^ done_low_, hash.high() ^ done_high_})) {
        if (!unknown) ToggleKnown(op);
        if (unknown) ToggleUnknown(place);
        continue;
      }
      stack_.push_back({unknown, place, branch, std::move(state_)});
      state_ = std::move(next_[branch]);
      if (!unknown) events_.Lift(place);
      return true;
    }
    return false;
  }

  // An unknown operation directly behind another: if it leads to the same state without that one,
  // then that one is better saved (and that try comes, or came, by itself).
  bool OneBeforeIsWasted(uint32_t op, const StateHash& hash) {
    if (stack_.empty() || !stack_.back().unknown) return false;
    without_.clear();
    Model::Step(stack_.back().before, ops_[op], &without_);
    return std::any_of(without_.begin(), without_.end(), [&](const State& state) {
      StateHash other;
      state.Mix(&other);
      return other.low() == hash.low() && other.high() == hash.high();
    });
  }

  void Undo(const Frame& frame) {
    if (frame.unknown) {
      ToggleUnknown(frame.place);
    } else {
      ToggleKnown(events_.op(frame.place));
      events_.Restore(frame.place);
    }
  }

  void ToggleKnown(uint32_t op) {
    done_low_ ^= Mix64(op + 1);
    done_high_ ^= Mix64(~uint64_t{op});
  }
  bool UnknownDone(uint32_t place) const { return (unknown_done_[place / 64] >> (place % 64)) & 1; }
  void ToggleUnknown(uint32_t place) { unknown_done_[place / 64] ^= uint64_t{1} << (place % 64); }

  // False: this state, or one that can do all that this one can, was there before.
  bool Remember(const internal::Key128& key) {
    const size_t words = unknown_done_.size();
    uint32_t& head = tried_.try_emplace(key, kNoSet).first->second;
    for (uint32_t set = head; set != kNoSet; set = next_set_[set]) {
      bool within = true;
      for (size_t w = 0; w < words; ++w)
        within &= (sets_[set * words + w] & ~unknown_done_[w]) == 0;
      if (within) return false;
    }
    next_set_.push_back(head);
    head = static_cast<uint32_t>(next_set_.size() - 1);
    sets_.insert(sets_.end(), unknown_done_.begin(), unknown_done_.end());
    return true;
  }

  void NoteStuck(uint32_t op) {
    if (stack_.size() < deepest_) return;
    deepest_ = stack_.size();
    stuck_ = op;
    path_.clear();
    const size_t from = stack_.size() > 12 ? stack_.size() - 12 : 0;
    for (size_t i = from; i < stack_.size(); ++i) {
      const Frame& f = stack_[i];
      path_.push_back(f.unknown ? unknown_[f.place] : events_.op(f.place));
    }
  }

  std::string Explain() const {
    std::string text = "order found so far ends with:\n";
    for (uint32_t op : path_) text += "    " + Line(op);
    text += "  and then this finds no place:\n    " + Line(stuck_);
    text += "  overlapping it:\n";
    const Op& stuck = ops_[stuck_];
    int lines = 0;
    for (uint32_t i = 0; i < ops_.size() && lines < 20; ++i) {
      if (i == stuck_ || ops_[i].call_ns > stuck.return_ns) continue;
      if (ops_[i].return_ns < stuck.call_ns) continue;
      if (std::find(path_.begin(), path_.end(), i) != path_.end()) continue;
      text += "    " + Line(i);
      ++lines;
    }
    return text;
  }
  std::string Line(uint32_t op) const {
    const Op& o = ops_[op];
    const auto ms = [](int64_t ns) {
      return ns == kNever ? std::string("never") : std::to_string(ns / 1'000) + "us";
    };
    return "[" + ms(o.call_ns) + " .. " + ms(o.return_ns) + "] " + Model::Describe(o) + "\n";
  }

  const std::vector<Op>& ops_;
  const uint64_t steps_max_;
  internal::EventList events_;
  std::vector<uint32_t> unknown_;       // by call
  std::vector<uint64_t> unknown_done_;  // a bit for each of unknown_
  std::vector<Frame> stack_;
  std::vector<State> next_;
  std::vector<State> without_;
  State state_;
  uint64_t done_low_ = 0;  // of the known ones
  uint64_t done_high_ = 0;
  // By known operations done and state: a list of sets of unknown ones done.
  static constexpr uint32_t kNoSet = ~uint32_t{0};
  std::unordered_map<internal::Key128, uint32_t, internal::Key128Hash> tried_;
  std::vector<uint32_t> next_set_;
  std::vector<uint64_t> sets_;
  size_t deepest_ = 0;
  uint32_t stuck_ = 0;
  std::vector<uint32_t> path_;
};

template <typename Model>
LinearizabilityResult CheckLinearizable(const std::vector<typename Model::Op>& ops,
                                        uint64_t steps_max = 2'000'000) {
  return LinearizabilityChecker<Model>::Check(ops, steps_max);
}

}  // namespace clustron::test

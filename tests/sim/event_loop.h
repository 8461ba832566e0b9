// The one queue of everything that happens in a simulated cluster, in virtual time.
//
// Virtual ("true") time is in nanoseconds from 0 and moves only from event to event. Events of one
// moment run in the order in which they were filed. All randomness of a simulation comes from
// rng(), and everything of note is mixed into a trace hash: the same seed gives the same hash, or
// something outside of the simulation leaked in.
//
// No allocation per event: callables live in pooled slots of a fixed size.
//
// THREAD: one; a simulation is single-threaded by construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/rng.h"

namespace clustron::sim {

inline constexpr int64_t kMicrosecond = 1'000;
inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

class EventLoop {
 public:
  explicit EventLoop(uint64_t seed) : rng_(Mix64(seed)) {}
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  int64_t now_ns() const { return now_ns_; }
  Rng& rng() { return rng_; }

  // Runs f() at `time_ns`, or now if that has passed.
  template <typename F>
  void At(int64_t time_ns, F&& f) {
    using Fn = std::decay_t<F>;
    static_assert(sizeof(Fn) <= kCallableBytes, "pass a pointer to the big part");
    const uint32_t slot = TakeSlot();
    Event& event = EventAt(slot);
    ::new (static_cast<void*>(event.storage)) Fn(std::forward<F>(f));
    event.run = [](void* p) { (*static_cast<Fn*>(p))(); };
    event.destroy = [](void* p) { static_cast<Fn*>(p)->~Fn(); };
    Push(time_ns < now_ns_ ? now_ns_ : time_ns, slot);
  }
  template <typename F>
  void After(int64_t delay_ns, F&& f) {
    At(now_ns_ + delay_ns, std::forward<F>(f));
  }

  // Runs the next event. False: there is none, or it lies beyond `until_ns` (time stays).
  bool Step(int64_t until_ns);
  // Runs everything up to and including `until_ns`, which is the time afterwards; stops early when
  // Stop() was called.
  void RunUntil(int64_t until_ns);
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  // What happened, for the comparison of two runs.
  void Trace(uint64_t word) { trace_ = Mix64(trace_ ^ word); }
  void Trace(std::string_view bytes) { trace_ = Mix64(trace_ ^ HashBytes(bytes, 7)); }
  uint64_t trace_hash() const { return trace_; }
  uint64_t events_run() const { return events_run_; }
  size_t pending() const { return heap_.size(); }

 private:
  static constexpr size_t kCallableBytes = 80;
  static constexpr uint32_t kBlockEvents = 256;

  struct Event {
    void (*run)(void*);
    void (*destroy)(void*);
    alignas(std::max_align_t) unsigned char storage[kCallableBytes];
  };
  struct Filed {
    int64_t time_ns;
    uint64_t order;
    uint32_t slot;
    // For a heap whose top is the earliest.
    bool operator<(const Filed& other) const {
      return time_ns != other.time_ns ? time_ns > other.time_ns : order > other.order;
    }
  };

  Event& EventAt(uint32_t slot) { return blocks_[slot / kBlockEvents][slot % kBlockEvents]; }
  uint32_t TakeSlot();
  void Push(int64_t time_ns, uint32_t slot);

  int64_t now_ns_ = 0;
  bool stopped_ = false;
  Rng rng_;
  uint64_t order_ = 0;
  uint64_t trace_ = 0;
  uint64_t events_run_ = 0;
  std::vector<Filed> heap_;
  std::vector<std::unique_ptr<Event[]>> blocks_;
  std::vector<uint32_t> free_;
};

}  // namespace clustron::sim

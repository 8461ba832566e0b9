#include "tests/sim/event_loop.h"

#include <algorithm>

namespace clustron::sim {

EventLoop::~EventLoop() {
  for (const Filed& filed : heap_) {
    Event& event = EventAt(filed.slot);
    event.destroy(event.storage);
  }
}

uint32_t EventLoop::TakeSlot() {
  if (free_.empty()) {
    const uint32_t first = static_cast<uint32_t>(blocks_.size()) * kBlockEvents;
    blocks_.push_back(std::make_unique<Event[]>(kBlockEvents));
    for (uint32_t i = kBlockEvents; i-- > 0;) free_.push_back(first + i);
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void EventLoop::Push(int64_t time_ns, uint32_t slot) {
  heap_.push_back({time_ns, order_++, slot});
  std::push_heap(heap_.begin(), heap_.end());
}

bool EventLoop::Step(int64_t until_ns) {
  if (heap_.empty() || heap_.front().time_ns > until_ns) return false;
  const Filed filed = heap_.front();
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  CHECK(filed.time_ns >= now_ns_);
  now_ns_ = filed.time_ns;
  ++events_run_;
  trace_ = Mix64(trace_ ^ static_cast<uint64_t>(now_ns_));
  Event& event = EventAt(filed.slot);
  event.run(event.storage);
  event.destroy(event.storage);
  free_.push_back(filed.slot);
  return true;
}

void EventLoop::RunUntil(int64_t until_ns) {
  while (!stopped_ && Step(until_ns)) {
  }
  if (!stopped_) now_ns_ = std::max(now_ns_, until_ns);
}

}  // namespace clustron::sim

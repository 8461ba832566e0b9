#include "tests/sim/sim_task_runner.h"

#include <utility>

namespace clustron::sim {

void SimTaskRunner::Run(std::function<void()> work, std::function<void()> done) {
  tasks_.push_back({std::move(work), std::move(done)});
  if (tasks_.size() == 1) StartNext();
}

void SimTaskRunner::StartNext() {
  Rng& rng = loop_.rng();
  int64_t latency_ns = speed_.base_ns + rng.Between(0, speed_.jitter_ns);
  if (speed_.slow_percent > 0 && rng.Percent(speed_.slow_percent)) {
    latency_ns += rng.Between(0, speed_.slow_ns);
  }
  const int64_t end_ns = loop_.now_ns() + latency_ns;
  loop_.At(loop_.now_ns() + rng.Between(0, latency_ns), [this, alive = alive_, end_ns] {
    if (!*alive) return;
    const std::function<void()> work = std::move(tasks_.front().work);  // outlives a crash in it
    host_.RunWork(work);
    if (!*alive) return;  // the disk crashed, and the node with it
    loop_.At(end_ns, [this, alive] {
      if (!*alive) return;
      std::function<void()> done = std::move(tasks_.front().done);
      tasks_.pop_front();
      if (!tasks_.empty()) StartNext();
      if (done) host_.RunOnLoop(std::move(done));
    });
  });
}

}  // namespace clustron::sim

// Blocking file work in virtual time. A task's work is done in one piece somewhere within its
// latency; its `done` runs on the node's loop at the end of it. So a crash can fall before the
// work, between the work and the news of it, or (by the simulated disk's own crash points) inside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/ring.h"
#include "base/task_runner.h"
#include "tests/sim/event_loop.h"

namespace clustron::sim {

// How long a task takes.
struct DiskSpeed {
  int64_t base_ns = 200 * kMicrosecond;    // at least
  int64_t jitter_ns = 300 * kMicrosecond;  // plus up to this
  double slow_percent = 0;                 // of the tasks take up to …
  int64_t slow_ns = 2 * kSecond;
};

class SimTaskRunner final : public TaskRunner {
 public:
  // Around each piece that runs on the node: may refuse to run it later (paused) and looks at what
  // came of it (crash points hit). Same lifetime as the runner.
  class Host {
   public:
    // Runs `done`, or keeps it until the node is no longer paused.
    virtual void RunOnLoop(std::function<void()> done) = 0;
    // Runs `work`: the node's disk may crash under it.
    virtual void RunWork(const std::function<void()>& work) = 0;

   protected:
    ~Host() = default;
  };

  SimTaskRunner(EventLoop* loop, Host* host, const DiskSpeed* speed)
      : loop_(*loop), host_(*host), speed_(*speed), alive_(std::make_shared<bool>(true)) {}
  // A crash or an end: what was not done yet never will be.
  ~SimTaskRunner() override { *alive_ = false; }

  void Run(std::function<void()> work, std::function<void()> done) override;
  size_t queued() const { return tasks_.size(); }

 private:
  struct Task {
    std::function<void()> work;
    std::function<void()> done;
  };
  void StartNext();

  EventLoop& loop_;
  Host& host_;
  const DiskSpeed& speed_;
  Ring<Task> tasks_;  // the first is under way
  std::shared_ptr<bool> alive_;
};

}  // namespace clustron::sim

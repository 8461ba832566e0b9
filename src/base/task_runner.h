// Where blocking work goes. In the server a thread of its own; in the simulator a moment of
// virtual time, so that the same log and snapshot code runs in both.
#pragma once

#include <functional>

namespace clustron {

class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  // Runs `work` elsewhere, then `done` on the caller's loop. Tasks of one runner run one after
  // another, in the order given. After a crash or a shutdown `done` may never run.
  virtual void Run(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace clustron

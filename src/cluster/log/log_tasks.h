// The log's work on the runner: what comes back after the log is gone is dropped.
//
// THREAD: the owner's loop. Work touches nothing but what it was handed.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/task_runner.h"

namespace clustron::cluster {

class LogTasks {
 public:
  explicit LogTasks(TaskRunner& runner) : runner_(runner), alive_(std::make_shared<bool>(true)) {}

  // `work` on the runner, then `done` here unless this is gone by then.
  void Run(std::function<Status()> work, std::function<void(const Status&)> done) {
    auto status = std::make_shared<Status>();
    runner_.Run([work = std::move(work), status] { *status = work(); },
                [done = std::move(done), status, alive = std::weak_ptr<bool>(alive_)] {
                  if (!alive.expired()) done(*status);
                });
  }

 private:
  TaskRunner& runner_;
  std::shared_ptr<bool> alive_;  // tasks hold it weakly
};

}  // namespace clustron::cluster

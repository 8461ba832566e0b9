// A thread for blocking work, and the way back to the loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/task_runner.h"
#include "net/mailbox.h"

namespace clustron::net {

// One thread that runs tasks in order; their `done` runs on the loop, in the same order.
// THREAD: Run on the loop's.
class Worker final : public TaskRunner {
 public:
  explicit Worker(Loop& loop);
  // Finishes what was given; `done` of what was not reported yet is dropped.
  ~Worker() override;
  void Run(std::function<void()> work, std::function<void()> done) override;

 private:
  struct Task {
    std::function<void()> work;
    std::function<void()> done;
  };
  void ThreadMain();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;  // guarded by mutex_
  bool stop_ = false;       // guarded by mutex_
  Mailbox results_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace clustron::net

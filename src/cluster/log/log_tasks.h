// The log's work on the runner: what comes back after the log is gone is dropped; what found no
// room on the disk waits and is tried again.
//
// THREAD: the owner's loop. Work touches nothing but what it was handed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

  // Work that can be repeated. It may say kNoSpace, and that the file system refused room:
  // *refusal.
  using WorkForRoom = std::function<Status(std::string* refusal)>;
  // The same, but kNoSpace is no end: `refused` hears of it, and the next Retry() tries again.
  // `refused` also hears of refusals behind which the work succeeded.
  void RunWithRoom(WorkForRoom work, std::function<void(const std::string&)> refused,
                   std::function<void(const Status&)> done) {
    auto refusal = std::make_shared<std::string>();
    ++under_way_;
    Run([work, refusal] { return work(refusal.get()); },
        [this, work, refusal, refused = std::move(refused),
         done = std::move(done)](const Status& status) {
          --under_way_;
          const bool no_room = !status && status.error().code == Errc::kNoSpace;
          if (no_room) *refusal = status.error().detail;
          if (!refusal->empty()) refused(*refusal);
          if (!no_room) return done(status);
          waiting_.push_back([this, work, refused, done] { RunWithRoom(work, refused, done); });
        });
  }
  // Of RunWithRoom: something is on the runner, and does not wait for room.
  bool busy() const { return under_way_ > 0; }
  void Retry() {
    for (const std::function<void()>& again : std::exchange(waiting_, {})) again();
  }

 private:
  TaskRunner& runner_;
  std::vector<std::function<void()>> waiting_;  // for room
  int under_way_ = 0;
  std::shared_ptr<bool> alive_;  // tasks hold it weakly
};

}  // namespace clustron::cluster

#include "net/worker.h"

namespace clustron::net {

Worker::Worker(Loop& loop)
    : async_(loop, [this] { RunDone(); }), thread_([this] { ThreadMain(); }) {}

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::Run(std::function<void()> work, std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void Worker::ThreadMain() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task.work();
    lock.lock();
    if (task.done) {
      done_.push_back(std::move(task.done));
      async_.Send();
    }
  }
}

void Worker::RunDone() {
  std::vector<std::function<void()>> done;
  {
    std::lock_guard lock(mutex_);
    std::swap(done, done_);
  }
  for (auto& callback : done) callback();
}

}  // namespace clustron::net

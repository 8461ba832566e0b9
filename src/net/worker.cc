#include "net/worker.h"

#include <utility>

namespace clustron::net {

Worker::Worker(Loop& loop) : results_(loop), thread_([this] { ThreadMain(); }) {}

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
    task.work = nullptr;  // what it holds dies on this thread, not on the loop
    if (task.done) results_.Post(std::move(task.done));
    lock.lock();
  }
}

}  // namespace clustron::net

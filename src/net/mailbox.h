// The only way from another thread into a loop: functions posted from anywhere run on the loop, in
// the order in which they were posted.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "net/loop.h"

namespace clustron::net {

class Mailbox {
 public:
  // THREAD: the loop's, as the destructor; nobody may post any more then. What is still in the box
  // is dropped.
  explicit Mailbox(Loop& loop);
  // THREAD: any. Values cross by moving into the function.
  void Post(std::function<void()> letter);

 private:
  void Deliver();

  std::mutex mutex_;
  std::vector<std::function<void()>> letters_;  // guarded by mutex_
  Async wake_;
};

}  // namespace clustron::net

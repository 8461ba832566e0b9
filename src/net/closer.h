// Ends connections so that the other side gets the last reply: closing a socket with unread input
// would make the kernel send a reset, which may overtake what was written before it.
#pragma once

#include <memory>
#include <unordered_map>

#include "net/loop.h"
#include "net/socket.h"

namespace clustron::net {

// THREAD: the loop's. OWNS: the sockets that are being closed.
class Closer {
 public:
  explicit Closer(Loop& loop);
  ~Closer();
  // Says that no more will be sent, throws away what still comes, and closes when the other side
  // has closed, has sent 1 MB more, or a second has passed. At most some hundred wait at a time;
  // beyond that sockets are closed at once.
  void Close(Fd fd);
  size_t waiting() const { return waiting_.size(); }
  // Closes the one that has waited longest, now. REQUIRES: waiting() > 0.
  void EndOldest();

 private:
  struct Waiting;
  void OnReadable(int fd);
  void Sweep();

  Loop& loop_;
  Timer timer_;
  std::unordered_map<int, std::unique_ptr<Waiting>> waiting_;
};

}  // namespace clustron::net

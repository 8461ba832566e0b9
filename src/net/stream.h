// A connected socket on a loop: bytes come in as they arrive, output leaves with one system call
// per turn. For clients and for peers alike.
//
// Reading uses one buffer that all streams of a loop share, so an idle connection costs some
// hundred bytes. Nothing is read while paused: the kernel's buffers fill and the sender has to
// wait. The owner writes when the turn ends, everything at once (Write); what the kernel doesn't
// take stays here and leaves when it can. Bounding that is the owner's: see unsent_bytes().
//
// THREAD: the loop's. OWNS: the descriptor. May be destroyed at any time, also by its handler from
// within a callback.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/output_block.h"
#include "base/ring.h"
#include "net/loop.h"
#include "net/send_queue.h"
#include "net/socket.h"

namespace clustron::net {

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Bytes that arrived; they are gone when this returns.
  virtual void OnBytes(std::string_view bytes) = 0;
  // The other side sends nothing more. What was asked can still be answered: it may have closed
  // only its sending half. No further OnBytes.
  virtual void OnEnd() = 0;
  // The connection is broken; nothing can be read or written any more. Called at most once, never
  // from within Write.
  virtual void OnBroken(int error) = 0;
  // All that Write had to leave behind has left now.
  virtual void OnDrained() = 0;
};

class Stream {
 public:
  // Starts reading. REQUIRES: `fd` is non-blocking and connected.
  Stream(Loop& loop, Fd fd, StreamHandler& handler);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Sends `bytes`: to the kernel at once if nothing is waiting, the rest is kept. Leaves `bytes`
  // empty; its memory stays if it is small, for the next turn. A broken connection swallows them
  // and says so through OnBroken on the loop.
  void Write(std::string* bytes);
  // The same for `blocks` and what stands behind them. They are handed over without a copy.
  void Write(Ring<OutputBlock>* blocks, std::string* bytes);
  // Of Write, what the kernel has not taken.
  size_t unsent_bytes() const { return queue_.size_bytes(); }

  void PauseReading();
  void ResumeReading();
  bool reading() const { return reading_; }

  int fd() const { return fd_.get(); }
  // Gives the descriptor away and stops watching it. No callback and no write may follow.
  Fd Release();

 private:
  void OnEvents(int events) noexcept;
  void OnReadable();
  void ReportBroken();
  void Break(int error);
  void UpdateWatch();

  Loop& loop_;
  Fd fd_;
  StreamHandler& handler_;
  std::optional<Poll> poll_;  // behind fd_: it must let go before the descriptor is closed
  SendQueue queue_;
  bool reading_ = true;
  bool ended_ = false;   // OnEnd was called
  bool broken_ = false;  // a write failed; OnBroken is called from the loop
  int error_ = 0;
};

// Accepts connections of one listening socket. When descriptors run out it rests for a moment
// instead of spinning. THREAD: the loop's.
class Listener {
 public:
  // `accepted(fd)` per connection, non-blocking already.
  Listener(Loop& loop, Fd fd, std::function<void(Fd)> accepted);
  int fd() const { return fd_.get(); }
  // The port it really listens on (asked for 0: any); 0 for unix sockets.
  uint16_t port() const;
  uint64_t times_out_of_descriptors() const { return times_out_of_descriptors_; }

 private:
  void OnReadable();

  Fd fd_;
  std::function<void(Fd)> accepted_;
  Poll poll_;
  Timer rest_;
  uint64_t times_out_of_descriptors_ = 0;
};

}  // namespace clustron::net

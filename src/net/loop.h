// The event loop and what hangs on it: timers, wake-ups from other threads, descriptors. Thin RAII
// over libuv; a handle is closed in the destructor and freed in libuv's close callback, so owners
// may go at any time, also from within their own callback.
//
// THREAD: everything here belongs to the thread that runs the loop, but for Async::Send,
// Mailbox::Post and Worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

struct uv_loop_s;
struct uv_timer_s;
struct uv_async_s;
struct uv_poll_s;
struct uv_check_s;
struct uv_prepare_s;
struct uv_idle_s;
struct uv_signal_s;

namespace clustron::net {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until Stop. `end_of_turn` runs after each round of input and before each wait for more.
  void Run(std::function<void()> end_of_turn);
  void Stop();
  // While input comes within `spin_ns` of the last turn more often than not, the loop looks for it
  // so long before it sleeps: being woken costs the sender more than that. 0: never.
  void SetSpin(int64_t spin_ns) { spin_ns_ = spin_ns; }
  bool spinning() const { return spinning_; }
  // While busy, the loop looks for input between turns, but does not wait for it.
  void SetBusy(bool busy);
  void NoteInput();  // a descriptor has some, in this turn
  // Milliseconds, as of the beginning of this turn; of no particular origin.
  uint64_t NowMs() const;
  bool OnOwnThread() const;
  // In `end_of_turn`: this one comes behind a round of input (not: behind timers, before a wait).
  bool after_input() const { return after_input_; }
  // What arrives is read into here, by whoever reads on this loop, and used up before it returns.
  std::span<char> read_buffer() { return {read_buffer_.get(), kReadBufferBytes}; }
  uv_loop_s* raw() { return loop_.get(); }

 private:
  static constexpr size_t kReadBufferBytes = 64 * 1024;
  static constexpr int kSpinScoreMax = 8;
  void RunEndOfTurn(bool after_input) noexcept;
  void ChooseSleepOrSpin();
  std::unique_ptr<uv_loop_s> loop_;
  std::unique_ptr<uv_check_s> check_;
  std::unique_ptr<uv_prepare_s> prepare_;
  std::unique_ptr<uv_idle_s> idle_;  // active: the loop doesn't sleep
  std::unique_ptr<uv_idle_s> busy_;  // as well, for another reason
  std::function<void()> end_of_turn_;
  std::unique_ptr<char[]> read_buffer_;
  bool after_input_ = false;
  int64_t spin_ns_ = 0;
  bool had_input_ = false;  // in this turn
  bool spinning_ = false;
  int64_t idle_since_ns_ = 0;
  int spin_score_ = 0;  // up for input that came in time, down for what didn't
  uint64_t thread_ = 0;
};

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  // First after `delay_ms`, then every `repeat_ms` (0: once).
  void Start(uint64_t delay_ms, uint64_t repeat_ms = 0);
  void Stop();

 private:
  struct State;
  State* state_;
};

// Wakes the loop. Several sends may make one callback.
class Async {
 public:
  Async(Loop& loop, std::function<void()> callback);
  ~Async();
  Async(const Async&) = delete;
  Async& operator=(const Async&) = delete;
  void Send();  // THREAD: any

 private:
  struct State;
  State* state_;
};

// Watches a descriptor that somebody else owns and closes after this is gone.
class Poll {
 public:
  enum : int { kReadable = 1, kWritable = 2 };
  // `callback(events)`; on an error of the descriptor both are set, again and again until the owner
  // has read it and lets go.
  Poll(Loop& loop, int fd, std::function<void(int)> callback);
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;
  void Watch(int events);  // 0: none

 private:
  struct State;
  State* state_;
};

// A signal of the process, delivered on the loop.
class Signal {
 public:
  Signal(Loop& loop, int signal, std::function<void()> callback);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

 private:
  struct State;
  State* state_;
};

}  // namespace clustron::net

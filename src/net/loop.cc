#include "net/loop.h"

#include <pthread.h>
#include <uv.h>

#include <algorithm>

#include "base/check.h"

namespace clustron::net {

namespace {

int UvMask(int events) {
  return (events & Poll::kReadable ? UV_READABLE : 0) |
         (events & Poll::kWritable ? UV_WRITABLE : 0);
}

uint64_t ThisThread() { return static_cast<uint64_t>(pthread_self()); }

}  // namespace

// --- Loop ----------------------------------------------------------------------------------------

Loop::Loop()
    : loop_(std::make_unique<uv_loop_s>()),
      check_(std::make_unique<uv_check_s>()),
      prepare_(std::make_unique<uv_prepare_s>()),
      idle_(std::make_unique<uv_idle_s>()),
      busy_(std::make_unique<uv_idle_s>()),
      read_buffer_(new char[kReadBufferBytes]),
      thread_(ThisThread()) {
  CHECK(uv_loop_init(loop_.get()) == 0);
  CHECK(uv_check_init(loop_.get(), check_.get()) == 0);
  CHECK(uv_prepare_init(loop_.get(), prepare_.get()) == 0);
  CHECK(uv_idle_init(loop_.get(), idle_.get()) == 0);
  CHECK(uv_idle_init(loop_.get(), busy_.get()) == 0);
  check_->data = prepare_->data = this;
  loop_->data = this;
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(check_.get()), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(prepare_.get()), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(idle_.get()), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(busy_.get()), nullptr);
  // Lets close callbacks run; handles whose owners are still there would be a bug of theirs.
  uv_run(loop_.get(), UV_RUN_NOWAIT);
  uv_run(loop_.get(), UV_RUN_NOWAIT);
  if (uv_loop_close(loop_.get()) == 0) return;
  // A name look-up that hangs in its thread still holds the loop: leave it to the process's end.
  CHECK(loop_->active_reqs.count > 0);
  static_cast<void>(loop_.release());
}

void Loop::RunEndOfTurn(bool after_input) noexcept {
  after_input_ = after_input;
  end_of_turn_();
}

void Loop::NoteInput() {
  if (had_input_ || spin_ns_ == 0) return;
  had_input_ = true;
  const bool in_time = static_cast<int64_t>(uv_hrtime()) - idle_since_ns_ <= spin_ns_;
  spin_score_ = in_time ? std::min(spin_score_ + 1, kSpinScoreMax) : std::max(spin_score_ - 1, 0);
}

void Loop::SetBusy(bool busy) {
  if (busy == (uv_is_active(reinterpret_cast<uv_handle_t*>(busy_.get())) != 0)) return;
  if (busy) {
    uv_idle_start(busy_.get(), [](uv_idle_t*) noexcept {});
  } else {
    uv_idle_stop(busy_.get());
  }
}

void Loop::ChooseSleepOrSpin() {
  if (spin_ns_ == 0 || (!had_input_ && !spinning_)) return;
  const int64_t now_ns = static_cast<int64_t>(uv_hrtime());
  if (had_input_) {
    had_input_ = false;
    idle_since_ns_ = now_ns;
  }
  const bool spin = spin_score_ > kSpinScoreMax / 2 && now_ns - idle_since_ns_ < spin_ns_;
  if (spin == spinning_) return;
  spinning_ = spin;
  if (spin) {
    uv_idle_start(idle_.get(), [](uv_idle_t*) noexcept {});
  } else {
    uv_idle_stop(idle_.get());
  }
}

void Loop::Run(std::function<void()> end_of_turn) {
  thread_ = ThisThread();
  end_of_turn_ = std::move(end_of_turn);
  uv_check_start(check_.get(),
                 [](uv_check_t* h) noexcept { static_cast<Loop*>(h->data)->RunEndOfTurn(true); });
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* h) noexcept {
    static_cast<Loop*>(h->data)->RunEndOfTurn(false);
    static_cast<Loop*>(h->data)->ChooseSleepOrSpin();
  });
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  uv_check_stop(check_.get());
  uv_prepare_stop(prepare_.get());
}

void Loop::Stop() { uv_stop(loop_.get()); }
uint64_t Loop::NowMs() const { return uv_now(loop_.get()); }
bool Loop::OnOwnThread() const { return thread_ == ThisThread(); }

// --- Handles: the state outlives its owner until libuv has let go of it --------------------------

struct Timer::State {
  uv_timer_t handle;
  std::function<void()> callback;
};

Timer::Timer(Loop& loop, std::function<void()> callback) : state_(new State) {
  state_->callback = std::move(callback);
  state_->handle.data = state_;
  CHECK(uv_timer_init(loop.raw(), &state_->handle) == 0);
}

Timer::~Timer() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* h) noexcept { delete static_cast<State*>(h->data); });
}

void Timer::Start(uint64_t delay_ms, uint64_t repeat_ms) {
  uv_timer_start(
      &state_->handle, [](uv_timer_t* h) noexcept { static_cast<State*>(h->data)->callback(); },
      delay_ms, repeat_ms);
}

void Timer::Stop() { uv_timer_stop(&state_->handle); }

struct Async::State {
  uv_async_t handle;
  std::function<void()> callback;
};

Async::Async(Loop& loop, std::function<void()> callback) : state_(new State) {
  state_->callback = std::move(callback);
  state_->handle.data = state_;
  CHECK(uv_async_init(loop.raw(), &state_->handle, [](uv_async_t* h) noexcept {
          static_cast<State*>(h->data)->callback();
        }) == 0);
}

Async::~Async() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* h) noexcept { delete static_cast<State*>(h->data); });
}

void Async::Send() { uv_async_send(&state_->handle); }

struct Poll::State {
  uv_poll_t handle;
  std::function<void(int)> callback;
  int events = 0;  // what libuv watches
};

Poll::Poll(Loop& loop, int fd, std::function<void(int)> callback) : state_(new State) {
  state_->callback = std::move(callback);
  state_->handle.data = state_;
  CHECK(uv_poll_init(loop.raw(), &state_->handle, fd) == 0);
}

Poll::~Poll() {
  uv_poll_stop(&state_->handle);  // at once: the descriptor may be closed next
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* h) noexcept { delete static_cast<State*>(h->data); });
}

void Poll::Watch(int events) {
  if (events == state_->events) return;
  state_->events = events;
  if (events == 0) {
    uv_poll_stop(&state_->handle);
    return;
  }
  uv_poll_start(&state_->handle, UvMask(events), [](uv_poll_t* h, int status, int got) noexcept {
    State* state = static_cast<State*>(h->data);
    static_cast<Loop*>(h->loop->data)->NoteInput();
    int seen = (got & UV_READABLE ? kReadable : 0) | (got & UV_WRITABLE ? kWritable : 0);
    if (status < 0) {
      // libuv stops watching a descriptor with an error; the owner may first want to read what
      // arrived before it.
      seen = kReadable | kWritable;
      uv_poll_start(h, UvMask(state->events), h->poll_cb);
    }
    state->callback(seen);
  });
}

struct Signal::State {
  uv_signal_t handle;
  std::function<void()> callback;
};

Signal::Signal(Loop& loop, int signal, std::function<void()> callback) : state_(new State) {
  state_->callback = std::move(callback);
  state_->handle.data = state_;
  CHECK(uv_signal_init(loop.raw(), &state_->handle) == 0);
  CHECK(uv_signal_start(
            &state_->handle,
            [](uv_signal_t* h, int) noexcept { static_cast<State*>(h->data)->callback(); },
            signal) == 0);
}

Signal::~Signal() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
           [](uv_handle_t* h) noexcept { delete static_cast<State*>(h->data); });
}

}  // namespace clustron::net

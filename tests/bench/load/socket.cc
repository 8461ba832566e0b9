#include "tests/bench/load/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace clustron::load {

int64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

void Fail(std::string_view what) {
  std::fprintf(stderr, "load: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

Socket::Socket(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    Fail("no connection to port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Socket::~Socket() { close(fd_); }

bool Socket::Flush() {
  size_t done = 0;
  while (done < out_.size()) {
    const ssize_t n =
        send(fd_, out_.data() + done, out_.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      Fail(std::string("write: ") + std::strerror(errno));
    }
  }
  out_.erase(0, done);
  return !out_.empty();
}

void Socket::Fill() {
  if (at_ == in_.size()) {
    in_.clear();
    at_ = 0;
  } else if (at_ > 1 << 20) {
    in_.erase(0, at_);
    at_ = 0;
  }
  char buffer[1 << 16];
  const ssize_t n = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n > 0) {
    in_.append(buffer, static_cast<size_t>(n));
  } else if (n == 0) {
    Fail("the server has closed a connection");
  } else if (errno != EAGAIN && errno != EINTR) {
    Fail(std::string("read: ") + std::strerror(errno));
  }
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop() {
  if (timer_ >= 0) close(timer_);
  close(epoll_);
}

void Loop::Add(Socket* socket) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = socket}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->fd(), &event) != 0) Fail("epoll_ctl");
}

void Loop::Flush(Socket* socket) {
  const uint32_t room = socket->Flush() ? uint32_t{EPOLLOUT} : 0U;
  epoll_event event{.events = EPOLLIN | room, .data = {.ptr = socket}};
  if (room != 0) epoll_ctl(epoll_, EPOLL_CTL_MOD, socket->fd(), &event);
}

void Loop::EachMillisecond(std::function<void()> call) {
  each_ms_ = std::move(call);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const itimerspec each{.it_interval = {0, 1'000'000}, .it_value = {0, 1'000'000}};
  timerfd_settime(timer_, 0, &each, nullptr);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &timer_}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event);
}

void Loop::OnReadable(int fd, std::function<void()> call) {
  other_ = fd;
  on_other_ = std::move(call);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &other_}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl of the other descriptor");
}

void Loop::RunUntil(int64_t end_ns) {
  Run([] { return false; }, end_ns);
}

void Loop::Run(const std::function<bool()>& done, int64_t end_ns) {
  epoll_event events[256];
  while (!done() && NowNs() < end_ns) {
    const int n = epoll_wait(epoll_, events, 256, 10);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr == &timer_) {
        uint64_t times = 0;
        if (read(timer_, &times, sizeof times) > 0) each_ms_();
        continue;
      }
      if (events[i].data.ptr == &other_) {
        on_other_();
        continue;
      }
      auto* socket = static_cast<Socket*>(events[i].data.ptr);
      if ((events[i].events & EPOLLOUT) != 0 && !socket->Flush()) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = socket}};
        epoll_ctl(epoll_, EPOLL_CTL_MOD, socket->fd(), &event);
      }
      if ((events[i].events & ~uint32_t{EPOLLOUT}) != 0) {
        socket->Fill();
        socket->OnInput();
      }
    }
  }
}

}  // namespace clustron::load

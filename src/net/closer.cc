#include "net/closer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace clustron::net {

namespace {

constexpr size_t kWaitingMax = 512;
constexpr uint64_t kWaitMs = 1000;
constexpr uint64_t kSweepMs = 250;
constexpr size_t kDiscardedBytesMax = 1024 * 1024;

}  // namespace

struct Closer::Waiting {
  Fd fd;  // before poll: closed after it has let go
  std::unique_ptr<Poll> poll;
  uint64_t until_ms;
  size_t discarded_bytes = 0;
};

Closer::Closer(Loop& loop) : loop_(loop), timer_(loop, [this] { Sweep(); }) {}

Closer::~Closer() = default;

void Closer::Close(Fd fd) {
  const int number = fd.get();
  if (waiting_.size() >= kWaitingMax || shutdown(number, SHUT_WR) != 0) return;
  auto waiting = std::make_unique<Waiting>();
  waiting->fd = std::move(fd);
  waiting->until_ms = loop_.NowMs() + kWaitMs;
  waiting->poll =
      std::make_unique<Poll>(loop_, number, [this, number](int) { OnReadable(number); });
  waiting->poll->Watch(Poll::kReadable);
  if (waiting_.empty()) timer_.Start(kSweepMs, kSweepMs);
  waiting_.emplace(number, std::move(waiting));
}

void Closer::OnReadable(int fd) {
  const auto it = waiting_.find(fd);
  if (it == waiting_.end()) return;
  Waiting& waiting = *it->second;
  const std::span<char> buffer = loop_.read_buffer();
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got > 0) waiting.discarded_bytes += static_cast<size_t>(got);
  if (got <= 0 || waiting.discarded_bytes > kDiscardedBytesMax) waiting_.erase(it);
}

void Closer::EndOldest() {
  waiting_.erase(std::min_element(
      waiting_.begin(), waiting_.end(),
      [](const auto& a, const auto& b) { return a.second->until_ms < b.second->until_ms; }));
}

void Closer::Sweep() {
  std::erase_if(waiting_,
                [this](const auto& entry) { return entry.second->until_ms <= loop_.NowMs(); });
  if (waiting_.empty()) timer_.Stop();
}

}  // namespace clustron::net

#include "net/stream.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace clustron::net {

namespace {

// Output buffers up to this size stay with their connection between turns.
constexpr size_t kKeptOutputBytes = 64 * 1024;
// Per turn and listener, so that a storm of connections doesn't starve the clients.
constexpr int kAcceptsPerTurn = 256;
constexpr uint64_t kRestMs = 100;

}  // namespace

// --- Stream -------------------------------------------------------------------------------------

Stream::Stream(Loop& loop, Fd fd, StreamHandler& handler)
    : loop_(loop), fd_(std::move(fd)), handler_(handler) {
  poll_.emplace(loop, fd_.get(), [this](int events) { OnEvents(events); });
  UpdateWatch();
}

void Stream::UpdateWatch() {
  if (!poll_) return;
  int events = 0;
  if (reading_ && !ended_) events |= Poll::kReadable;
  // A broken stream is reported from the loop: writable is true at once then.
  if (!queue_.empty() || broken_) events |= Poll::kWritable;
  poll_->Watch(events);
}

void Stream::Write(std::string* bytes) {
  DCHECK(loop_.OnOwnThread());
  if (!bytes->empty() && !broken_) {
    ptrdiff_t sent = 0;
    if (queue_.empty()) sent = SendSome(fd_.get(), *bytes);
    if (sent < 0) {
      Break(errno);
    } else if (static_cast<size_t>(sent) < bytes->size()) {
      queue_.Append(std::move(*bytes), static_cast<size_t>(sent));
      UpdateWatch();
    }
  }
  bytes->clear();
  if (bytes->capacity() > kKeptOutputBytes) std::string().swap(*bytes);
}

void Stream::Write(Ring<OutputBlock>* blocks, std::string* bytes) {
  if (blocks->empty()) return Write(bytes);
  DCHECK(loop_.OnOwnThread());
  if (!broken_) {
    const bool waits = !queue_.empty();
    for (; !blocks->empty(); blocks->pop_front()) queue_.Append(std::move(blocks->front()));
    queue_.Append(std::move(*bytes));
    if (!waits && queue_.Send(fd_.get()) == SendQueue::Outcome::kFailed) Break(errno);
    UpdateWatch();
  }
  blocks->Release();
  FreeString(bytes);
}

void Stream::Break(int error) {
  broken_ = true;
  error_ = error;
  queue_.Clear();
  UpdateWatch();
}

void Stream::PauseReading() {
  reading_ = false;
  UpdateWatch();
}

void Stream::ResumeReading() {
  reading_ = true;
  UpdateWatch();
}

Fd Stream::Release() {
  // At once: letting go later would take the descriptor from its new owner's watch, too.
  poll_.reset();
  return std::move(fd_);
}

// At most one call to the handler, and nothing after it: it may have destroyed this. What else is
// ready is reported again in the next turn.
void Stream::OnEvents(int events) noexcept {
  if (broken_) return ReportBroken();
  if ((events & Poll::kWritable) != 0 && !queue_.empty()) {
    const SendQueue::Outcome outcome = queue_.Send(fd_.get());
    if (outcome == SendQueue::Outcome::kFailed) {
      Break(errno);
      return ReportBroken();
    }
    UpdateWatch();
    if (outcome == SendQueue::Outcome::kEmpty) return handler_.OnDrained();
  }
  if ((events & Poll::kReadable) != 0 && reading_ && !ended_) OnReadable();
}

void Stream::ReportBroken() {
  poll_->Watch(0);
  handler_.OnBroken(error_);
}

void Stream::OnReadable() {
  const std::span<char> buffer = loop_.read_buffer();
  const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    Break(errno);
    return ReportBroken();
  }
  if (got == 0) ended_ = true;
  UpdateWatch();
  if (got > 0) return handler_.OnBytes({buffer.data(), static_cast<size_t>(got)});
  if (got == 0) return handler_.OnEnd();
}

// --- Listener -----------------------------------------------------------------------------------

Listener::Listener(Loop& loop, Fd fd, std::function<void(Fd)> accepted)
    : fd_(std::move(fd)),
      accepted_(std::move(accepted)),
      poll_(loop, fd_.get(), [this](int) { OnReadable(); }),
      rest_(loop, [this] { poll_.Watch(Poll::kReadable); }) {
  poll_.Watch(Poll::kReadable);
}

uint16_t Listener::port() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (storage.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

void Listener::OnReadable() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    bool out_of_descriptors;
    Fd fd = Accept(fd_.get(), &out_of_descriptors);
    if (!fd.valid()) {
      if (out_of_descriptors) {
        ++times_out_of_descriptors_;
        poll_.Watch(0);
        rest_.Start(kRestMs);
      }
      return;
    }
    accepted_(std::move(fd));
  }
}

}  // namespace clustron::net

#include "net/send_queue.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace clustron::net {

namespace {

constexpr size_t kBlocksPerCall = 64;

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

}  // namespace

ptrdiff_t SendSome(int fd, std::string_view bytes) {
  for (;;) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    return WouldBlock(errno) ? 0 : -1;
  }
}

void SendQueue::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  size_bytes_ += bytes.size();
  const bool behind_shared = !blocks_.empty() && blocks_.back().shared();
  if (!blocks_.empty() && !behind_shared) {
    std::string& last = blocks_.back().own();
    if (last.size() + bytes.size() <= last.capacity()) {
      last.append(bytes);
      return;
    }
  }
  std::string block;
  // Behind a piece of a value there mostly comes a line's end, a header and the next value.
  block.reserve(std::max(bytes.size(), behind_shared ? kBlockBytes / 64 : kBlockBytes));
  block.append(bytes);
  blocks_.push_back(OutputBlock(std::move(block)));
}

void SendQueue::Append(OutputBlock&& block) {
  if (!block.shared()) return Append(std::move(block.own()));
  size_bytes_ += block.size();
  blocks_.push_back(std::move(block));
}

void SendQueue::Append(std::string&& bytes, size_t sent) {
  DCHECK(sent <= bytes.size());
  const std::string_view rest = std::string_view(bytes).substr(sent);
  if (rest.size() < kBlockBytes || (sent > 0 && !empty())) {
    Append(rest);
    bytes.clear();
    return;
  }
  if (blocks_.empty()) sent_bytes_ = sent;
  size_bytes_ += rest.size();
  blocks_.push_back(OutputBlock(std::move(bytes)));
  FreeString(&bytes);
}

void SendQueue::Drop(size_t bytes) {
  size_bytes_ -= bytes;
  bytes += sent_bytes_;
  while (!blocks_.empty() && bytes >= blocks_.front().size()) {
    bytes -= blocks_.front().size();
    blocks_.pop_front();
  }
  sent_bytes_ = bytes;
}

void SendQueue::Clear() {
  blocks_.Release();
  sent_bytes_ = 0;
  size_bytes_ = 0;
}

SendQueue::Outcome SendQueue::Send(int fd) {
  while (!blocks_.empty()) {
    iovec parts[kBlocksPerCall];
    const size_t count = std::min(blocks_.size(), kBlocksPerCall);
    size_t offered = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t skip = i == 0 ? sent_bytes_ : 0;
      const std::string_view bytes = blocks_[i].view().substr(skip);
      parts[i] = {const_cast<char*>(bytes.data()), bytes.size()};
      offered += parts[i].iov_len;
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return WouldBlock(errno) ? Outcome::kBlocked : Outcome::kFailed;
    }
    Drop(static_cast<size_t>(sent));
    // Less than offered: its buffer is full, asking again would only say so.
    if (static_cast<size_t>(sent) < offered) return Outcome::kBlocked;
  }
  blocks_.Release();  // an idle connection keeps nothing
  return Outcome::kEmpty;
}

}  // namespace clustron::net

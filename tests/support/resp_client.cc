#include "tests/support/resp_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/strings.h"

namespace clustron::testing {

namespace {

Status WaitFor(int fd, short events, int timeout_ms) {
  pollfd entry{fd, events, 0};
  for (;;) {
    const int ready = poll(&entry, 1, timeout_ms);
    if (ready > 0) return {};
    if (ready == 0) return Fail(Errc::kUnavailable, "timed out");
    if (errno != EINTR) return Fail(Errc::kIo, std::strerror(errno));
  }
}

}  // namespace

std::string EncodeRequest(const std::vector<std::string>& args) {
  std::string out = "*" + std::to_string(args.size()) + "\r\n";
  for (const std::string& arg : args)
    out += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  return out;
}

Result<RespClient> RespClient::Connect(const std::string& host, uint16_t port) {
  ASSIGN_OR_RETURN(net::Fd fd, net::StartConnect(host, port));
  TRY(WaitFor(fd.get(), POLLOUT, 5000));
  if (const int error = net::ConnectError(fd.get()); error != 0)
    return Fail(Errc::kIo, std::strerror(error));
  net::SetNoDelay(fd.get());
  return RespClient(std::move(fd));
}

Status RespClient::SendRaw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(WaitFor(fd_.get(), POLLOUT, timeout_ms_));
    } else if (errno != EINTR) {
      return Fail(Errc::kIo, std::strerror(errno));
    }
  }
  return {};
}

Status RespClient::Send(const std::vector<std::string>& args) {
  return SendRaw(EncodeRequest(args));
}

Status RespClient::Fill() {
  for (;;) {
    TRY(WaitFor(fd_.get(), POLLIN, timeout_ms_));
    char chunk[65536];
    const ssize_t got = recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0) {
      buffer_.append(chunk, static_cast<size_t>(got));
      return {};
    }
    if (got == 0) return Fail(Errc::kNotFound, "closed by the server");
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      return Fail(Errc::kIo, std::strerror(errno));
  }
}

Result<resp::ReplyValue> RespClient::ReadAny() {
  for (;;) {
    switch (parser_.Parse(buffer_)) {
      case resp::ReplyParser::Outcome::kReply: {
        resp::ReplyValue value = std::move(parser_.value());
        buffer_.erase(0, parser_.consumed());
        return value;
      }
      case resp::ReplyParser::Outcome::kError:
        return Fail(Errc::kCorruption, parser_.error());
      case resp::ReplyParser::Outcome::kNeedMore:
        TRY(Fill());
    }
  }
}

Result<resp::ReplyValue> RespClient::Read() {
  for (;;) {
    ASSIGN_OR_RETURN(resp::ReplyValue value, ReadAny());
    if (value.kind != resp::ReplyValue::Kind::kPush) return value;
    pushes_.push_back(std::move(value));
  }
}

Result<resp::ReplyValue> RespClient::ReadPush() {
  if (pushes_.empty()) {
    ASSIGN_OR_RETURN(resp::ReplyValue value, ReadAny());
    if (value.kind != resp::ReplyValue::Kind::kPush)
      return Fail(Errc::kMismatch, "a reply instead of a push: " + ToText(value));
    return value;
  }
  resp::ReplyValue value = std::move(pushes_.front());
  pushes_.pop_front();
  return value;
}

std::string RespClient::Call(const std::vector<std::string>& args) {
  if (const Status sent = Send(args); !sent) return "!" + sent.error().detail;
  const Result<resp::ReplyValue> reply = Read();
  return reply ? ToText(*reply) : "!" + reply.error().detail;
}

std::string RespClient::Line(std::string_view line) {
  const auto words = SplitArgs(line);
  return words ? Call(*words) : "!unbalanced quotes";
}

bool RespClient::WaitClosed() {
  for (;;) {
    const Status more = Fill();
    if (!more) return more.error().code != Errc::kUnavailable;
    buffer_.clear();
  }
}

}  // namespace clustron::testing

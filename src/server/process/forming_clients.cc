#include "server/process/forming_clients.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/strings.h"
#include "resp/reply_writer.h"
#include "server/process/errors.h"

namespace clustron::server {

namespace {

constexpr size_t kInputMax = 64 * 1024;   // of one request
constexpr size_t kOutputMax = 16 * 1024;  // while more waits, nothing is read or answered
constexpr size_t kReadBytes = 16 * 1024;
constexpr int kAcceptsPerTurn = 256;
constexpr int kRestMs = 100;

}  // namespace

FormingClients::FormingClients(std::vector<Listening> listening,
                               std::function<std::string(int, bool)> refusal,
                               size_t connections_max, std::string waits_for)
    : listening_(std::move(listening)),
      refusal_(std::move(refusal)),
      connections_max_(connections_max) {
  CHECK(connections_max > 0);
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  wake_[0] = net::Fd(ends[0]);
  wake_[1] = net::Fd(ends[1]);
  WaitsFor(std::move(waits_for));
  thread_ = std::thread([this] { ThreadMain(); });
}

FormingClients::~FormingClients() { Stop(); }

void FormingClients::WaitsFor(std::string what) {
  for (char& c : what)
    if (c < ' ' || c > '~') c = '?';  // it becomes a line of the protocol
  const std::lock_guard lock(mutex_);
  waits_for_ = std::move(what);
}

std::string FormingClients::waits_for() const {
  const std::lock_guard lock(mutex_);
  return waits_for_;
}

std::vector<FormingClients::Accepted> FormingClients::Stop() {
  if (!thread_.joinable()) return {};
  CHECK(write(wake_[1].get(), "x", 1) == 1);
  thread_.join();
  std::vector<Accepted> whole;
  for (Connection& connection : connections_) {
    if (!connection.in.empty() || !connection.out.empty() || connection.ended) continue;
    whole.push_back({std::move(connection.fd), connection.unix_socket});
  }
  connections_.clear();
  return whole;
}

void FormingClients::ThreadMain() {
  std::vector<pollfd> polled;
  for (;;) {
    polled.assign(1, {wake_[0].get(), POLLIN, 0});
    const bool rests = std::exchange(out_of_descriptors_, false);
    for (const Listening& listening : listening_)
      polled.push_back({listening.fd, static_cast<int16_t>(rests ? 0 : POLLIN), 0});
    for (const Connection& connection : connections_) {
      const int events = (connection.out.size() < kOutputMax && !connection.ended ? POLLIN : 0) |
                         (connection.out.empty() ? 0 : POLLOUT);
      polled.push_back({connection.fd.get(), static_cast<int16_t>(events), 0});
    }
    if (poll(polled.data(), polled.size(), rests ? kRestMs : -1) < 0) continue;  // EINTR
    if (polled[0].revents != 0) return;
    const size_t first = 1 + listening_.size();
    for (size_t i = first; i < polled.size(); ++i) {
      Connection& connection = connections_[i - first];
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) Read(connection);
      if (connection.out.empty()) continue;
      Write(connection);
      if (!connection.in.empty()) Answer(connection);
    }
    std::erase_if(connections_, [](const Connection& connection) {
      return !connection.fd.valid() || (connection.ended && connection.out.empty());
    });
    for (size_t i = 1; i < first; ++i)
      if (polled[i].revents != 0) Accept(listening_[i - 1]);
  }
}

void FormingClients::Accept(const Listening& listening) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    bool out_of_descriptors;
    net::Fd fd = net::Accept(listening.fd, &out_of_descriptors);
    if (out_of_descriptors) out_of_descriptors_ = true;
    if (!fd.valid()) return;
    Welcome(std::move(fd), listening.unix_socket);
  }
}

void FormingClients::EndLongestIdle() {
  const auto longest =
      std::min_element(connections_.begin(), connections_.end(),
                       [](const Connection& a, const Connection& b) { return a.heard < b.heard; });
  std::swap(*longest, connections_.back());
  connections_.pop_back();
}

void FormingClients::Welcome(net::Fd fd, bool unix_socket) {
  Connection connection;
  connection.fd = std::move(fd);
  connection.unix_socket = unix_socket;
  connection.heard = ++heard_;
  connection.parser.set_authenticated(false);  // its bounds are those of strangers
  if (std::string why = refusal_(connection.fd.get(), unix_socket); !why.empty()) {
    connection.out = std::move(why);
    connection.ended = true;
    Write(connection);
  }
  if (!connection.fd.valid() || (connection.ended && connection.out.empty())) return;
  if (connections_.size() >= connections_max_) EndLongestIdle();
  connections_.push_back(std::move(connection));
}

void FormingClients::Read(Connection& connection) {
  char buffer[kReadBytes];
  const ssize_t n = read(connection.fd.get(), buffer, sizeof buffer);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    connection.fd.Reset();
    connection.out.clear();
    return;
  }
  connection.heard = ++heard_;
  connection.in.append(buffer, static_cast<size_t>(n));
  Answer(connection);
  if (connection.in.size() > kInputMax) connection.ended = true;
}

void FormingClients::Answer(Connection& connection) {
  using Outcome = resp::RequestParser::Outcome;
  size_t used = 0;
  resp::ReplyWriter reply(&connection.out, 2);
  while (!connection.ended && connection.out.size() < kOutputMax) {
    const Outcome outcome = connection.parser.Parse(std::string_view(connection.in).substr(used));
    if (outcome == Outcome::kNeedMore) break;
    if (outcome == Outcome::kError) {
      reply.Error(connection.parser.error());
      connection.ended = true;
      break;
    }
    used += connection.parser.consumed();
    if (outcome == Outcome::kNothing) continue;
    const auto args = connection.parser.args();
    if (EqualsIgnoreCase(args[0], "PING") && args.size() <= 2) {
      if (args.size() == 2) {
        reply.Bulk(args[1]);
      } else {
        reply.Simple("PONG");
      }
    } else if (EqualsIgnoreCase(args[0], "QUIT")) {
      reply.Simple("OK");
      connection.ended = true;
    } else {
      reply.Error(StillForming(waits_for()));
    }
  }
  connection.in.erase(0, used);
}

void FormingClients::Write(Connection& connection) {
  const ssize_t n =
      send(connection.fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
  if (n >= 0) {
    connection.out.erase(0, static_cast<size_t>(n));
  } else if (errno != EAGAIN && errno != EINTR) {
    connection.fd.Reset();
    connection.out.clear();
  }
}

}  // namespace clustron::server

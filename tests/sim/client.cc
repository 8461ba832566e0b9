#include "tests/sim/client.h"

#include <utility>

namespace clustron::sim {

Client::Client(EventLoop* loop, ClientNetwork* network, Report* report, int id,
               const ClientOptions& options, Handler* handler)
    : loop_(*loop),
      network_(*network),
      report_(*report),
      id_(id),
      options_(options),
      handler_(*handler) {}

void Client::Start() {
  ConnectLater();
  Watchdog();
}

void Client::ConnectLater() {
  const int64_t delay_ns = next_ >= 0 ? 1 : loop_.rng().Between(1, options_.reconnect_ns);
  loop_.After(delay_ns, [this] {
    if (connection_ != 0) return;
    node_ = options_.home >= 0
                ? options_.home
                : static_cast<int>(loop_.rng().Below(static_cast<uint64_t>(network_.node_count())));
    if (next_ >= 0) node_ = std::exchange(next_, -1);
    connection_ = network_.NextConnection();
    last_reply_ns_ = loop_.now_ns();
    network_.Connect(this, connection_, node_);
  });
}

void Client::Watchdog() {
  loop_.After(options_.patience_ns / 4, [this] {
    const bool waits = connection_ != 0 && (!connected_ || !waiting_.empty());
    if (waits && loop_.now_ns() - last_reply_ns_ > options_.patience_ns) {
      report_.Count("client lost patience");
      HangUp();
    }
    Watchdog();
  });
}

void Client::Send(std::span<const std::string_view> args, uint64_t tag) {
  CHECK(connected_);
  out_ += "*" + std::to_string(args.size()) + "\r\n";
  for (std::string_view arg : args) {
    out_ += "$" + std::to_string(arg.size()) + "\r\n";
    out_ += arg;
    out_ += "\r\n";
  }
  if (waiting_.empty()) last_reply_ns_ = loop_.now_ns();
  waiting_.push_back(tag);
  if (report_.tracing()) {
    std::string line = "client " + std::to_string(id_) + " -> node " + std::to_string(node_);
    for (std::string_view arg : args) line += " " + std::string(arg.substr(0, 40));
    report_.Trace(std::move(line));
  }
  if (flush_filed_) return;
  flush_filed_ = true;
  loop_.After(0, [this] {
    flush_filed_ = false;
    if (!connected_ || out_.empty()) return;
    network_.SendToNode(connection_, std::exchange(out_, {}));
  });
}

void Client::SendForPushes(std::initializer_list<std::string_view> args) {
  Send(args, 0);
  waiting_.pop_back();
}

void Client::HangUp() {
  if (connection_ == 0) return;
  const uint64_t connection = std::exchange(connection_, 0);
  network_.CloseByClient(connection);
  Lose();
}

void Client::GoTo(int node) {
  next_ = node;
  HangUp();
}

void Client::MoveHome(int node) {
  options_.home = node;
  if (connection_ != 0 && node_ != node) HangUp();
}

void Client::Lose() {
  connection_ = 0;
  connected_ = false;
  stalled_until_ns_ = 0;
  in_.clear();
  out_.clear();
  while (!waiting_.empty()) {
    const uint64_t tag = waiting_.front();
    waiting_.pop_front();
    handler_.OnLost(tag);
  }
  ConnectLater();
}

void Client::OnEstablished(uint64_t connection) {
  if (connection != connection_) return;
  connected_ = true;
  last_reply_ns_ = loop_.now_ns();
  handler_.OnConnected();
}

void Client::OnBytes(uint64_t connection, std::string_view bytes) {
  if (connection != connection_) return;
  in_ += bytes;
  last_reply_ns_ = loop_.now_ns();
  size_t used = 0;
  Reply reply;
  while (connection == connection_ && used < in_.size()) {
    const int64_t size = ParseReply(std::string_view(in_).substr(used), &reply);
    if (size == 0) break;
    if (size < 0) {
      report_.Fail("replies", "malformed: " + in_.substr(used, 200));
      return;
    }
    used += static_cast<size_t>(size);
    if (reply.push) {
      if (report_.tracing())
        report_.Trace("client " + std::to_string(id_) + " <- " + reply.ToString().substr(0, 100));
      loop_.Trace(reply.ToString());
      handler_.OnPush(reply);
      continue;
    }
    if (waiting_.empty()) {
      report_.Fail("replies", "one more than there were requests: " + reply.ToString());
      return;
    }
    const uint64_t tag = waiting_.front();
    waiting_.pop_front();
    if (report_.tracing()) {
      report_.Trace("client " + std::to_string(id_) + " <- " + reply.ToString().substr(0, 100));
    }
    loop_.Trace(reply.ToString());
    if (reply.IsError("CLUSTERDOWN") || reply.IsError("UNCERTAIN")) refused_by_ = node_;
    handler_.OnReply(tag, reply);
  }
  if (connection == connection_) in_.erase(0, used);
}

void Client::OnClosed(uint64_t connection) {
  if (connection != connection_) return;
  if (report_.tracing()) report_.Trace("client " + std::to_string(id_) + " cut off");
  Lose();
}

}  // namespace clustron::sim

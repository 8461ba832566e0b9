// A small server on the loop, in a thread of its own: streams, parser, writer and the test client
// together, over real sockets.
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/strings.h"
#include "net/closer.h"
#include "net/mailbox.h"
#include "net/stream.h"
#include "resp/reply_writer.h"
#include "resp/request_parser.h"
#include "tests/support/resp_client.h"
// clang-format off: behind ours, since both define CHECK and a test wants doctest's.
#include <doctest/doctest.h>
// clang-format on

namespace clustron::net {
namespace {

class EchoServer;

class EchoConnection : public StreamHandler {
 public:
  EchoConnection(EchoServer& server, Loop& loop, Fd fd)
      : server_(server), stream_(loop, std::move(fd), *this) {}
  void OnBytes(std::string_view bytes) override;
  void OnEnd() override;
  void OnBroken(int) override;
  void OnDrained() override { stream_.ResumeReading(); }
  void Flush();

 private:
  static constexpr size_t kUnsentMax = 1024 * 1024;
  EchoServer& server_;
  Stream stream_;
  resp::RequestParser parser_;
  std::string in_;
  std::string out_;
  bool dirty_ = false;
};

// Answers PING, ECHO x, BIG n (a bulk of n bytes); protocol errors end the connection.
class EchoServer {
 public:
  EchoServer() {
    std::promise<uint16_t> port;
    thread_ = std::thread([this, &port] { Run(port); });
    port_ = port.get_future().get();
  }
  ~EchoServer() {
    mailbox_->Post([this] { loop_->Stop(); });
    thread_.join();
  }
  uint16_t port() const { return port_; }
  size_t connections() {
    std::promise<size_t> count;
    mailbox_->Post([&] { count.set_value(connections_.size()); });
    return count.get_future().get();
  }
  // For the connections.
  void Dirty(EchoConnection* connection) { dirty_.push_back(connection); }
  void Drop(EchoConnection* connection) {
    std::erase(dirty_, connection);
    connections_.erase(connection);
  }
  Closer& closer() { return *closer_; }

 private:
  void Run(std::promise<uint16_t>& port) {
    Loop loop;
    loop_ = &loop;
    {
      Mailbox mailbox(loop);
      mailbox_ = &mailbox;
      Closer closer(loop);
      closer_ = &closer;
      Listener listener(loop, std::move(*ListenTcp("127.0.0.1", 0, 511)), [&](Fd fd) {
        auto made = std::make_unique<EchoConnection>(*this, loop, std::move(fd));
        EchoConnection* key = made.get();
        connections_.emplace(key, std::move(made));
      });
      port.set_value(listener.port());
      loop.Run([this] {
        for (EchoConnection* connection : std::exchange(dirty_, {})) connection->Flush();
      });
      connections_.clear();
    }
  }

  Loop* loop_ = nullptr;
  Mailbox* mailbox_ = nullptr;
  Closer* closer_ = nullptr;
  std::unordered_map<EchoConnection*, std::unique_ptr<EchoConnection>> connections_;
  std::vector<EchoConnection*> dirty_;
  uint16_t port_ = 0;
  std::thread thread_;
};

void EchoConnection::OnBytes(std::string_view bytes) {
  in_.append(bytes);
  size_t done = 0;
  resp::ReplyWriter writer(&out_, 2);
  bool bad = false;
  for (bool more = true; more && !bad;) {
    switch (parser_.Parse(std::string_view(in_).substr(done))) {
      case resp::RequestParser::Outcome::kRequest:
        if (EqualsIgnoreCase(parser_.args()[0], "PING")) {
          writer.Simple("PONG");
        } else if (EqualsIgnoreCase(parser_.args()[0], "BIG")) {
          writer.Bulk(std::string(std::stoul(std::string(parser_.args()[1])), 'b'));
        } else {
          writer.Bulk(parser_.args().back());
        }
        [[fallthrough]];
      case resp::RequestParser::Outcome::kNothing:
        done += parser_.consumed();
        break;
      case resp::RequestParser::Outcome::kNeedMore:
        more = false;
        break;
      case resp::RequestParser::Outcome::kError:
        writer.Error(parser_.error());
        bad = true;
    }
  }
  in_.erase(0, done);
  if (bad) {
    stream_.Write(&out_);
    server_.closer().Close(stream_.Release());
    return server_.Drop(this);
  }
  if (!out_.empty() && !dirty_) {
    dirty_ = true;
    server_.Dirty(this);
  }
}

void EchoConnection::OnEnd() { server_.Drop(this); }
void EchoConnection::OnBroken(int) { server_.Drop(this); }

void EchoConnection::Flush() {
  dirty_ = false;
  stream_.Write(&out_);
  // A client that doesn't read isn't listened to.
  if (stream_.unsent_bytes() > kUnsentMax) stream_.PauseReading();
}

std::unique_ptr<testing::RespClient> ClientOf(EchoServer& server) {
  auto client = testing::RespClient::Connect("127.0.0.1", server.port());
  REQUIRE(client.has_value());
  return std::make_unique<testing::RespClient>(std::move(*client));
}

TEST_CASE("requests over sockets: alone, pipelined, large, malformed") {
  EchoServer server;
  auto client = ClientOf(server);
  CHECK(client->Line("PING") == "+PONG");
  CHECK(client->Line("ECHO 'a b'") == "\"a b\"");
  CHECK(client->SendRaw("ping\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n").has_value());
  CHECK(ToText(*client->Read()) == "+PONG");
  CHECK(ToText(*client->Read()) == "\"hi\"");

  const std::string large(20'000'000, 'x');
  CHECK(client->Send({"ECHO", large}).has_value());
  const auto reply = client->Read();
  REQUIRE(reply.has_value());
  CHECK(reply->text == large);

  std::string pipeline;
  for (int i = 0; i < 20'000; ++i) pipeline += testing::EncodeRequest({"ECHO", std::to_string(i)});
  std::thread writer([&] { CHECK(client->SendRaw(pipeline).has_value()); });
  for (int i = 0; i < 20'000; ++i) {
    const auto one = client->Read();
    REQUIRE(one.has_value());
    if (one->text != std::to_string(i)) FAIL("reply out of order");
  }
  writer.join();

  // The error arrives, although more input is under way; then the end.
  CHECK(client->SendRaw("*1\r\nPING\r\n" + std::string(200'000, 'x')).has_value());
  CHECK(ToText(*client->Read()) == "-ERR Protocol error: expected '$', got 'P'");
  CHECK(client->WaitClosed());
}

TEST_CASE("a client that doesn't read is not listened to, and doesn't hold up others") {
  EchoServer server;
  auto deaf = ClientOf(server);
  deaf->set_timeout_ms(200);
  std::string many;
  for (int i = 0; i < 50; ++i) many += "BIG 1000000\r\n";
  CHECK(deaf->SendRaw(many).has_value());
  auto other = ClientOf(server);
  CHECK(other->Line("PING") == "+PONG");
  // When it reads at last, nothing is missing.
  deaf->set_timeout_ms(5000);
  for (int i = 0; i < 50; ++i) {
    const auto reply = deaf->Read();
    REQUIRE(reply.has_value());
    CHECK(reply->text.size() == 1'000'000);
  }
}

TEST_CASE("many connections at once") {
  // Both ends are ours: two descriptors each.
  const size_t count = RaiseDescriptorLimit(4096) >= 4096 ? 1500 : 300;
  EchoServer server;
  std::vector<std::unique_ptr<testing::RespClient>> clients;
  for (size_t i = 0; i < count; ++i) clients.push_back(ClientOf(server));
  for (size_t i = 0; i < count; i += 7) CHECK(clients[i]->Line("PING") == "+PONG");
  CHECK(clients.back()->Line("PING") == "+PONG");
  CHECK(server.connections() == count);
  clients.clear();
  for (int i = 0; i < 2000 && server.connections() > 0; ++i) std::this_thread::yield();
  CHECK(server.connections() == 0);
}

}  // namespace
}  // namespace clustron::net

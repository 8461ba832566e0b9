#include "net/stream.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "net/closer.h"
#include "net/connector.h"

namespace clustron::net {
namespace {

// The loop's side and the test's side of a connection; both non-blocking.
struct Pair {
  Fd ours;
  Fd theirs;
  Pair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    ours = Fd(fds[0]);
    theirs = Fd(fds[1]);
  }
};

std::string ReadAll(int fd) {
  std::string all;
  char buffer[65536];
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    all.append(buffer, static_cast<size_t>(got));
  return all;
}

void Send(int fd, std::string_view bytes) {
  REQUIRE(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

struct Recorder : StreamHandler {
  std::string got;
  int ends = 0;
  int drains = 0;
  int breaks = 0;
  int error = 0;
  std::function<void()> on_bytes = [] {};
  void OnBytes(std::string_view bytes) override {
    got.append(bytes);
    on_bytes();
  }
  void OnEnd() override { ++ends; }
  void OnBroken(int why) override {
    ++breaks;
    error = why;
  }
  void OnDrained() override { ++drains; }
};

// Runs the loop until `done` holds, at most for two seconds; `turn` at each end of turn.
bool RunUntil(
    Loop& loop, const std::function<bool()>& done, const std::function<void()>& turn = [] {}) {
  bool held = false;
  Timer deadline(loop, [&] { loop.Stop(); });
  deadline.Start(2000);
  // Keeps the turns coming.
  Timer tick(loop, [] {});
  tick.Start(1, 1);
  loop.Run([&] {
    turn();
    if (!held && done()) {
      held = true;
      loop.Stop();
    }
  });
  return held;
}

TEST_CASE("bytes come in as they arrive, and output leaves at once") {
  Loop loop;
  Pair pair;
  Recorder recorder;
  Stream stream(loop, std::move(pair.ours), recorder);
  Send(pair.theirs.get(), "PING\r\n");
  CHECK(RunUntil(loop, [&] { return recorder.got == "PING\r\n"; }));
  std::string out = "+PONG\r\n";
  stream.Write(&out);
  CHECK(out.empty());
  CHECK(stream.unsent_bytes() == 0);
  CHECK(ReadAll(pair.theirs.get()) == "+PONG\r\n");
}

TEST_CASE("what the kernel doesn't take stays in order and leaves when it can") {
  const uint64_t seed = 7;
  CAPTURE(seed);
  Rng rng(seed);
  Loop loop;
  Pair pair;
  Recorder recorder;
  Stream stream(loop, std::move(pair.ours), recorder);
  std::string expected;
  std::deque<std::string> shared;
  int references = 0;
  for (int i = 0; i < 300; ++i) {
    std::string out;
    const uint64_t size = rng.Percent(20) ? rng.Below(200'000) : rng.Below(500);
    for (uint64_t k = 0; k < size; ++k) out.push_back(static_cast<char>(rng.Next()));
    expected += out;
    if (rng.Percent(50)) {
      stream.Write(&out);
      CHECK(out.empty());
      continue;
    }
    // In blocks, some of which are somebody else's too.
    Ring<OutputBlock> blocks;
    const size_t cut = rng.Below(out.size() + 1);
    shared.push_back(out.substr(0, cut));
    ++references;
    blocks.push_back(OutputBlock(
        SharedBytes(shared.back(), &references, [](void* count) { --*static_cast<int*>(count); })));
    if (rng.Percent(50)) blocks.push_back(OutputBlock(out.substr(cut)));
    std::string rest = blocks.size() == 2 ? std::string() : out.substr(cut);
    stream.Write(&blocks, &rest);
    CHECK(blocks.empty());
    CHECK(rest.empty());
  }
  CHECK(stream.unsent_bytes() > 0);
  CHECK(references > 0);
  CHECK(recorder.drains == 0);
  std::string got;
  CHECK(RunUntil(
      loop, [&] { return got.size() == expected.size(); },
      [&] { got += ReadAll(pair.theirs.get()); }));
  CHECK(got == expected);
  CHECK(stream.unsent_bytes() == 0);
  CHECK(recorder.drains == 1);
  CHECK(references == 0);
}

TEST_CASE("a paused stream reads nothing; resumed it goes on") {
  Loop loop;
  Pair pair;
  Recorder recorder;
  Stream stream(loop, std::move(pair.ours), recorder);
  stream.PauseReading();
  Send(pair.theirs.get(), "x");
  int turns = 0;
  CHECK(RunUntil(loop, [&] { return ++turns > 10; }));
  CHECK(recorder.got.empty());
  stream.ResumeReading();
  CHECK(RunUntil(loop, [&] { return recorder.got == "x"; }));
}

TEST_CASE("the other side's end is told once, and it can still be answered") {
  Loop loop;
  Pair pair;
  Recorder recorder;
  Stream stream(loop, std::move(pair.ours), recorder);
  Send(pair.theirs.get(), "GET k\r\n");
  REQUIRE(shutdown(pair.theirs.get(), SHUT_WR) == 0);
  CHECK(RunUntil(loop, [&] { return recorder.ends > 0; }));
  CHECK(recorder.got == "GET k\r\n");
  int turns = 0;
  CHECK(RunUntil(loop, [&] { return ++turns > 10; }));
  CHECK(recorder.ends == 1);
  std::string out = "$-1\r\n";
  stream.Write(&out);
  CHECK(ReadAll(pair.theirs.get()) == "$-1\r\n");
}

TEST_CASE("writing to a connection that is gone breaks it, on the loop and once") {
  Loop loop;
  Pair pair;
  Recorder recorder;
  Stream stream(loop, std::move(pair.ours), recorder);
  pair.theirs.Reset();
  std::string out = "x";
  stream.Write(&out);
  out = "y";
  stream.Write(&out);
  CHECK(out.empty());
  CHECK(recorder.breaks == 0);
  CHECK(RunUntil(loop, [&] { return recorder.breaks > 0; }));
  CHECK(recorder.error == EPIPE);
  int turns = 0;
  CHECK(RunUntil(loop, [&] { return ++turns > 10; }));
  CHECK(recorder.breaks == 1);
}

TEST_CASE("a stream may be destroyed by its handler") {
  Loop loop;
  Pair pair;
  Recorder recorder;
  auto stream = std::make_unique<Stream>(loop, std::move(pair.ours), recorder);
  recorder.on_bytes = [&] { stream.reset(); };
  Send(pair.theirs.get(), "x");
  CHECK(RunUntil(loop, [&] { return stream == nullptr; }));
  char byte;
  CHECK(recv(pair.theirs.get(), &byte, 1, 0) == 0);
}

TEST_CASE("a released descriptor belongs to its new owner, whenever the stream goes") {
  Loop loop;
  Pair pair;
  Recorder first;
  Recorder second;
  auto stream = std::make_unique<Stream>(loop, std::move(pair.ours), first);
  Stream heir(loop, stream->Release(), second);
  int turns = 0;
  CHECK(RunUntil(loop, [&] { return ++turns > 5; }));
  stream.reset();
  Send(pair.theirs.get(), "x");
  CHECK(RunUntil(loop, [&] { return second.got == "x"; }));
  CHECK(first.got.empty());
}

TEST_CASE("one send per turn, however many replies") {
  // A datagram-like socket keeps the sends apart: each recv returns one of them.
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  Fd theirs(fds[1]);
  Loop loop;
  Recorder recorder;
  Stream stream(loop, Fd(fds[0]), recorder);
  std::string out;
  for (int i = 0; i < 100; ++i) out += "+OK\r\n";
  stream.Write(&out);
  char buffer[1000];
  CHECK(recv(theirs.get(), buffer, sizeof buffer, 0) == 500);
  CHECK(recv(theirs.get(), buffer, sizeof buffer, 0) == -1);
}

// --- Connecting ---------------------------------------------------------------------------------

TEST_CASE("a listener accepts, over TCP by address and by name, and over a unix socket") {
  Loop loop;
  std::vector<Fd> accepted;
  const auto accept = [&](Fd fd) { accepted.push_back(std::move(fd)); };
  auto listening = ListenTcp("127.0.0.1", 0, 10);
  REQUIRE(listening.has_value());
  Listener tcp(loop, std::move(*listening), accept);
  REQUIRE(tcp.port() != 0);

  for (const char* host : {"127.0.0.1", "localhost"}) {
    Result<Fd> connected = Fail(Errc::kUnavailable, "not yet");
    bool done = false;
    Connector connector(loop, host, tcp.port(), 1000, [&](Result<Fd> fd) {
      connected = std::move(fd);
      done = true;
    });
    const size_t before = accepted.size();
    CHECK(RunUntil(loop, [&] { return done && accepted.size() > before; }));
    REQUIRE(connected.has_value());
    CHECK(LocalName(connected->get()) == PeerName(accepted.back().get()));
    CHECK(PeerName(connected->get()) == "127.0.0.1:" + std::to_string(tcp.port()));
    CHECK(PeerIsLoopback(accepted.back().get()));
  }

  const std::string path = "/tmp/clustron-test-" + std::to_string(getpid()) + ".sock";
  auto local = ListenUnix(path, 0700, 10);
  REQUIRE(local.has_value());
  {
    Listener listener(loop, std::move(*local), accept);
    CHECK(listener.port() == 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd client(socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const size_t before = accepted.size();
    CHECK(RunUntil(loop, [&] { return accepted.size() > before; }));
    CHECK(PeerName(accepted.back().get()) == path + ":0");
    // Another server's socket is not taken away from it.
    CHECK(!ListenUnix(path, 0700, 10).has_value());
    CHECK(access(path.c_str(), F_OK) == 0);
  }
  // What nobody listens on any more is.
  CHECK(ListenUnix(path, 0700, 10).has_value());
  unlink(path.c_str());
}

TEST_CASE("connecting fails with a reason, in its time") {
  Loop loop;
  auto closed = ListenTcp("127.0.0.1", 0, 1);
  REQUIRE(closed.has_value());
  const std::string name = LocalName(closed->get());
  const auto port = static_cast<uint16_t>(std::stoi(name.substr(name.find(':') + 1)));
  closed->Reset();
  std::string why;
  const auto note = [&](Result<Fd> fd) { why = fd ? "connected" : fd.error().detail; };
  {
    Connector connector(loop, "127.0.0.1", port, 1000, note);
    CHECK(why.empty());
    CHECK(RunUntil(loop, [&] { return !why.empty(); }));
    CHECK(why == "127.0.0.1:" + std::to_string(port) + ": Connection refused");
  }
  why.clear();
  {  // Nobody takes the connection: its queue is full.
    auto full = ListenTcp("127.0.0.1", 0, 0);
    REQUIRE(full.has_value());
    const std::string full_name = LocalName(full->get());
    const auto full_port =
        static_cast<uint16_t>(std::stoi(full_name.substr(full_name.find(':') + 1)));
    std::vector<Fd> fill;
    for (int i = 0; i < 4; ++i) fill.push_back(std::move(*StartConnect("127.0.0.1", full_port)));
    Connector connector(loop, "127.0.0.1", full_port, 50, note);
    CHECK(RunUntil(loop, [&] { return !why.empty(); }));
    CHECK(why == "127.0.0.1:" + std::to_string(full_port) + ": timed out");
  }
  why.clear();
  {
    Connector connector(loop, std::string(2000, 'x'), port, 1000, note);
    CHECK(RunUntil(loop, [&] { return !why.empty(); }));
    CHECK(why != "connected");
  }
  why.clear();
  {
    Connector given_up(loop, "127.0.0.1", port, 1000, note);
  }
  int turns = 0;
  CHECK(RunUntil(loop, [&] { return ++turns > 20; }));
  CHECK(why.empty());
}

TEST_CASE("a listener without descriptors rests, and accepts once there are some") {
  Loop loop;
  std::vector<Fd> accepted;
  auto listening = ListenTcp("127.0.0.1", 0, 10);
  REQUIRE(listening.has_value());
  Listener listener(loop, std::move(*listening), [&](Fd fd) { accepted.push_back(std::move(fd)); });
  auto client = StartConnect("127.0.0.1", listener.port());
  REQUIRE(client.has_value());
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const Fd lowest(dup(0));
  rlimit none = limit;
  none.rlim_cur = static_cast<rlim_t>(lowest.get());
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  int turns = 0;
  const uint64_t began_ms = loop.NowMs();
  const bool ran = RunUntil(loop, [&] { return ++turns > 30; });
  const size_t accepted_without = accepted.size();
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(ran);
  CHECK(accepted_without == 0);
  CHECK(listener.times_out_of_descriptors() >= 1);
  // It rests for 100 ms each time, however many turns there were.
  CHECK(listener.times_out_of_descriptors() <= 1 + (loop.NowMs() - began_ms) / 100);
  CHECK(RunUntil(loop, [&] { return accepted.size() == 1; }));
}

TEST_CASE("the last reply arrives although more input was on its way") {
  Loop loop;
  auto listening = ListenTcp("127.0.0.1", 0, 10);
  REQUIRE(listening.has_value());
  Fd accepted;
  Listener listener(loop, std::move(*listening), [&](Fd fd) { accepted = std::move(fd); });
  auto client = StartConnect("127.0.0.1", listener.port());
  REQUIRE(client.has_value());
  CHECK(RunUntil(loop, [&] { return accepted.valid(); }));
  Send(client->get(), std::string(100'000, 'x'));
  Send(accepted.get(), "-ERR Protocol error\r\n");
  Closer closer(loop);
  closer.Close(std::move(accepted));
  CHECK(closer.waiting() == 1);
  std::string got;
  CHECK(RunUntil(
      loop, [&] { return got == "-ERR Protocol error\r\n"; },
      [&] { got += ReadAll(client->get()); }));
  client->Reset();
  CHECK(RunUntil(loop, [&] { return closer.waiting() == 0; }));
}

TEST_CASE("of the connections that are being closed the oldest can be ended before its time") {
  Loop loop;
  auto listening = ListenTcp("127.0.0.1", 0, 10);
  REQUIRE(listening.has_value());
  std::vector<Fd> accepted;
  Listener listener(loop, std::move(*listening), [&](Fd fd) { accepted.push_back(std::move(fd)); });
  std::vector<Fd> clients;
  Closer closer(loop);
  for (size_t i = 0; i < 3; ++i) {
    auto client = StartConnect("127.0.0.1", listener.port());
    REQUIRE(client.has_value());
    clients.push_back(*std::move(client));
    CHECK(RunUntil(loop, [&] { return accepted.size() == i + 1; }));
    const uint64_t now_ms = loop.NowMs();
    CHECK(RunUntil(loop, [&] { return loop.NowMs() > now_ms; }));
    closer.Close(std::move(accepted.back()));
  }
  // Reset, not only told that nothing more comes.
  const auto open = [&](size_t i) {
    return send(clients[i].get(), "x", 1, MSG_NOSIGNAL) == 1 &&
           send(clients[i].get(), "x", 1, MSG_NOSIGNAL) == 1;
  };
  closer.EndOldest();
  CHECK(closer.waiting() == 2);
  CHECK(!open(0));
  CHECK((open(1) && open(2)));
  closer.EndOldest();
  CHECK(!open(1));
  CHECK(open(2));
}

}  // namespace
}  // namespace clustron::net

#include "server/process/client_door.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

// A door with so many clients behind it, each by a pair of sockets.
struct Door {
  EngineBench bench{1, 1, cluster::Durability::kMemory};
  net::Loop loop;
  Config config;
  DescriptorBudget descriptors{1, 1};
  OwnFiles own_files;
  ClientDoor door{config, descriptors, loop, own_files};
  std::vector<net::Fd> theirs;
  size_t most_in_a_turn = 0;

  explicit Door(size_t count) {
    descriptors.Raise(2 * count);
    std::vector<FormingClients::Accepted> ours;
    for (size_t i = 0; i < count; i++) {
      int fds[2];
      REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
      ours.push_back({net::Fd(fds[0]), true});
      theirs.emplace_back(fds[1]);
    }
    door.TakeEarly(std::move(ours));
    door.Accept(bench.engine());
  }
  ~Door() { door.Close(); }

  size_t clients() { return bench.engine().client_table().size(); }
  // Turns, until so many clients are left.
  void RunUntil(size_t left) {
    size_t before = clients();
    loop.Run([&] {
      bench.Turn();
      loop.SetBusy(door.Reap());
      most_in_a_turn = std::max(most_in_a_turn, before - clients());
      before = clients();
      if (before <= left) loop.Stop();
    });
  }
};

TEST_CASE("clients that leave at once are ended some hundred a turn") {
  Door d(700);
  REQUIRE(d.clients() == 700);
  std::vector<net::Fd> stay;
  std::move(d.theirs.begin(), d.theirs.begin() + 50, std::back_inserter(stay));
  d.theirs.clear();
  d.RunUntil(50);
  CHECK(d.clients() == 50);
  CHECK(d.most_in_a_turn > 0);
  CHECK(d.most_in_a_turn <= 256);
}

TEST_CASE("who says no more is answered what it asked, also when many leave") {
  Door d(600);
  for (const net::Fd& fd : d.theirs) {
    REQUIRE(send(fd.get(), "PING\r\n", 6, MSG_NOSIGNAL) == 6);
    REQUIRE(shutdown(fd.get(), SHUT_WR) == 0);
  }
  d.RunUntil(0);
  CHECK(d.most_in_a_turn <= 256);
  d.door.Reap();
  for (const net::Fd& fd : d.theirs) {
    char reply[16];
    REQUIRE(recv(fd.get(), reply, sizeof reply, 0) == 7);
    CHECK(std::string_view(reply, 7) == "+PONG\r\n");
  }
}

}  // namespace
}  // namespace clustron::server

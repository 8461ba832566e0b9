// A disk that stands still: what is told of it, and what piles up behind it.
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

constexpr size_t kUndurableMax = 300'000;
const std::string kBig(10'000, 'x');

struct SlowDisk {
  EngineBench bench{3};
  SlowDisk() {
    bench.node_config.paxos.window_bytes_max = 50'000;
    bench.node_config.paxos.undurable_bytes_max = kUndurableMax;
    bench.Restart(2);
  }
  // What node 2, which leads, is asked for; it answers polls.
  std::vector<paxos::CatchUpRequest> AskedOfTwo(paxos::Slot chosen) {
    std::vector<paxos::CatchUpRequest> asked;
    for (const std::string& body : bench.TakeSent(2, cluster::WireKind::kPaxos)) {
      const Result<paxos::Message> message = paxos::Decode(body);
      REQUIRE(message.has_value());
      if (const auto* request = std::get_if<paxos::CatchUpRequest>(&*message))
        asked.push_back(*request);
      const auto* heartbeat = std::get_if<paxos::Heartbeat>(&*message);
      if (heartbeat == nullptr) continue;
      paxos::HeartbeatReply reply;
      reply.probe = heartbeat->probe;
      reply.sent_ns = heartbeat->sent_ns;
      reply.promised = reply.leader = kTwo;
      reply.happy = true;
      reply.chosen = reply.durable = chosen;
      bench.From(2, reply);
    }
    return asked;
  }
};

TEST_CASE_FIXTURE(SlowDisk, "a leader counts nothing that its own disk does not have") {
  bench.Lead();
  auto& client = bench.Connect();
  auto& other = bench.Connect();
  bench.disks_stand_still = true;
  REQUIRE(bench.Ask(client, "SET first v") == "+OK\r\n");
  const paxos::Slot first = bench.executor().applied_slot();
  int taken = 0;
  while (taken < 1000 && bench.Ask(other, "SET big " + kBig) == "+OK\r\n") ++taken;
  // Far more than memory keeps of what is applied, and no more than may wait for the disk.
  CHECK(taken > 20);
  CHECK(taken <= 30);
  CHECK(bench.node().log().pending_bytes() < kUndurableMax + 2 * kBig.size());
  CHECK(bench.node().replica().window_bytes() < kUndurableMax + 2 * kBig.size());
  CHECK(bench.node().parts().disk.DurableSlot() < first);
  bench.Say(client, "WAITAOF 1 0 20");
  for (int i = 0; i < 5; ++i) {
    bench.Tick(20);
    bench.AnswerAll();
  }
  CHECK(client.Take() == "*2\r\n:0\r\n:0\r\n");
  CHECK(other.Take() == "");

  bench.disks_stand_still = false;
  bench.Turn();
  for (int i = 0; i < 4; ++i) bench.AnswerAll();
  CHECK(other.Take() == "+OK\r\n");
  CHECK(bench.node().parts().disk.DurableSlot() == bench.executor().applied_slot());
  CHECK(bench.Ask(client, "WAITAOF 1 0 0") == "*2\r\n:1\r\n:0\r\n");
}

TEST_CASE_FIXTURE(SlowDisk, "a follower takes no more than may wait for its disk, and asks later") {
  FollowTwo(bench, {});
  const paxos::Slot durable = bench.node().parts().disk.DurableSlot();
  REQUIRE(durable == bench.executor().applied_slot());
  bench.disks_stand_still = true;
  const std::string entry =
      EntryOf(1000, 1'700'000'000'000, {CommandItem({"SET", "big", std::string_view(kBig)})});
  for (paxos::Slot slot = durable + 1; slot <= durable + 100; ++slot) {
    const paxos::Value value{paxos::EntryKind::kBatch, kTwo,
                             std::make_shared<const std::string>(entry)};
    bench.From(2, paxos::Accept{{slot, kTwo, value}, slot});
    bench.Turn();
  }
  const paxos::Slot taken = bench.executor().applied_slot();
  CHECK(taken > durable + 20);
  CHECK(taken <= durable + 30);
  CHECK(bench.node().replica().last_slot() == taken);
  CHECK(bench.node().log().pending_bytes() < kUndurableMax + 2 * kBig.size());
  CHECK(bench.node().parts().disk.DurableSlot() == durable);
  const auto wait = [&] {
    std::vector<paxos::CatchUpRequest> asked;
    for (int i = 0; i < 30; ++i) {
      bench.Follow(kTwo);
      bench.Tick(20);
      for (const paxos::CatchUpRequest& request : AskedOfTwo(durable + 100))
        asked.push_back(request);
    }
    return asked;
  };
  CHECK(wait().empty());
  CHECK(bench.node().parts().disk.DurableSlot() == durable);

  bench.disks_stand_still = false;
  const auto asked = wait();
  REQUIRE(!asked.empty());
  CHECK(asked.front().first == taken + 1);
  CHECK(bench.node().parts().disk.DurableSlot() == taken);
}

}  // namespace
}  // namespace clustron::server

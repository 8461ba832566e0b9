// Writes, and WAIT for them: what it says is held against the nodes themselves.
#include <utility>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

struct Waits final : Workload {
  const char* name() const override { return "waits"; }
  void Check(Report*) override {}
};

class WaitActor final : public Actor {
 public:
  using Actor::Actor;

 private:
  enum Tag : uint64_t { kSet, kWait };

  void Act() override {
    if (written_ && rng().Percent(60)) {
      // Also long behind the write: what others said of it then counts no more.
      asked_ns_ = now_ns();
      const std::string others = std::to_string(rng().Between(1, world().network->node_count()));
      const std::string patience_ms = std::to_string(rng().Between(1, 300));
      client().Send({"WAIT", others, patience_ms}, kWait);
    } else {
      const std::string value = world().UniqueValue();
      client().Send({"SET", "waits:" + std::to_string(client().id()), value}, kSet);
    }
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kSet) {
      written_ = Judge(world(), reply) == Outcome::kReply;
      return;
    }
    if (Judge(world(), reply) != Outcome::kReply) return;
    world().report->Count("writes waited for");
    const auto holders = world().count_holders(client(), asked_ns_);
    if (!holders || reply.integer <= static_cast<int64_t>(*holders)) return;
    world().report->Fail("durability", "WAIT says " + reply.ToString() + " where " +
                                           std::to_string(*holders) + " others have the write");
  }
  void Lost(uint64_t) override { written_ = false; }

  bool written_ = false;  // on this connection
  int64_t asked_ns_ = 0;
};

}  // namespace

std::unique_ptr<Workload> MakeWaits(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<WaitActor>(setup.world, setup.first_actor_id + i, ClientOptions{}));
  }
  return std::make_unique<Waits>();
}

}  // namespace clustron::sim

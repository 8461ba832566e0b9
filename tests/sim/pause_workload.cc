// CLIENT PAUSE now and then, on whatever node the actor is at: what ends meanwhile is seen gone but
// stays in the state, on all nodes alike. What that does is judged by the other workloads, and by
// the nodes' digests.
#include <string>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

struct Pauses final : Workload {
  const char* name() const override { return "pauses"; }
  void Check(Report*) override {}
};

class PauseActor final : public Actor {
 public:
  using Actor::Actor;

 private:
  void Act() override {
    if (!rng().Percent(10)) return client().Send({"PING"}, 0);
    const std::string ms = std::to_string(rng().Between(1, 300));
    client().Send({"CLIENT", "PAUSE", ms, rng().Percent(50) ? "WRITE" : "ALL"}, 1);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (Judge(world(), reply) == Outcome::kReply && tag == 1)
      world().report->Count("times clients were paused");
  }
  void Lost(uint64_t) override {}
};

}  // namespace

std::unique_ptr<Workload> MakePauses(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<PauseActor>(setup.world, setup.first_actor_id + i, ClientOptions{}));
  }
  return std::make_unique<Pauses>();
}

}  // namespace clustron::sim

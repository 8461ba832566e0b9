#include "tests/sim/workload.h"

#include <cmath>

namespace clustron::sim {

Outcome Judge(World& world, const Reply& reply, std::string_view expected) {
  if (!reply.IsError()) {
    ++world.replies;
    return Outcome::kReply;
  }
  // EXEC was refused as each of its writes would have been.
  constexpr std::string_view kDiscarded = "EXECABORT Transaction discarded because of: ";
  if (reply.text.starts_with(kDiscarded)) {
    Reply inner = reply;
    inner.text.erase(0, kDiscarded.size());
    return Judge(world, inner, expected);
  }
  ++world.errors;
  if (reply.IsError("CLUSTERDOWN") || reply.IsError("MISCONF") || reply.IsError("LOADING")) {
    world.report->Count(reply.IsError("CLUSTERDOWN") ? "replies CLUSTERDOWN" : "replies MISCONF");
    return Outcome::kNo;
  }
  if (reply.IsError("UNCERTAIN")) {
    world.report->Count("replies UNCERTAIN");
    return Outcome::kUnknown;
  }
  if (!expected.empty() && reply.IsError(expected)) {
    ++world.replies;
    return Outcome::kReply;
  }
  world.report->Fail("replies", "an error that nothing explains: " + reply.text);
  return Outcome::kUnknown;
}

Actor::Actor(World* world, int id, const ClientOptions& options)
    : world_(*world), client_(world->loop, world->network, world->report, id, options, this) {}

void Actor::OnReply(uint64_t tag, const Reply& reply) {
  progress_ |= !reply.IsError();
  version_refused_ |=
      reply.IsError() && reply.text.find("needs feature version") != std::string::npos;
  Answered(tag, reply);
  if (!client_.connected() || client_.outstanding() != 0) return;
  Settled();
  if (client_.connected() && client_.outstanding() == 0) ActLater();
}

void Actor::OnLost(uint64_t tag) { Lost(tag); }

void Actor::OnConnected() { ActLater(); }

void Actor::ActLater() {
  if (filed_ && !hurry_) return;
  filed_ = true;
  int64_t pause_ns =
      static_cast<int64_t>(-std::log(1.0 - rng().Unit()) * static_cast<double>(world_.think_ns));
  if (hurry_) pause_ns = 0;
  world_.loop->After(pause_ns, [this] {
    filed_ = false;
    if (client_.connected() && client_.outstanding() == 0) ActNow();
  });
}

void Actor::HurryTo(int node) {
  if (world_.stopping) return;
  hurry_ = true;
  client_.GoTo(node);
}

void Actor::ActNow() {
  const bool hurry = std::exchange(hurry_, false);
  if (world_.stopping) {
    FinalAct();
  } else if (hurry) {
    ActInHurry();
  } else {
    Act();
  }
  if (client_.connected() && client_.outstanding() == 0) ActLater();
}

}  // namespace clustron::sim

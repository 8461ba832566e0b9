#include "server/ops/node_control.h"

#include <utility>

#include "server/ops/errors.h"

namespace clustron::server {

commands::RoleView NodeControl::Role() const {
  const cluster::Node& node = around_.node;
  commands::RoleView role;
  role.leader = node.leading() || node.alone();
  role.takes_writes = around_.watch.takes_writes();
  role.advertised = static_cast<commands::AdvertisedRole>(around_.config.Int(Opt::kAdvertiseRole));
  role.applied_slot = around_.executor.applied_slot();
  if (!role.leader) {
    const cluster::NodeId leader = node.leader();
    if (leader != 0 && leader != node.self()) {
      const cluster::Member* member = node.members().Find(leader);
      role.connected = member != nullptr && node.leader_in_sight();
      if (member == nullptr) return role;
      role.leader_host = member->host;
      role.leader_port = member->port;
    }
    return role;
  }
  for (const paxos::PeerStatus& peer : node.replica().peers()) {
    const cluster::Member* member = node.members().Find(peer.node);
    if (member == nullptr) continue;
    if (around_.clock.MonotonicNs() - peer.heard_ns > 1'000'000'000) continue;
    role.followers.push_back(
        {.host = member->host, .port = member->port, .durable_slot = peer.durable});
  }
  return role;
}

int64_t NodeControl::WallUs() const {
  return around_.node.parts().clock.ShownWallMs() * 1000 +
         (around_.clock.MonotonicNs() / 1000) % 1000;
}

Status NodeControl::BeginFailover(const commands::FailoverRequest& request) {
  return around_.failover.Begin(request);
}

Status NodeControl::BeginShutdown(const commands::ShutdownRequest& request) {
  return around_.departure.Begin(request);
}

Status NodeControl::BeginSnapshot() {
  if (around_.node.halted())
    return Fail(Errc::kUnavailable, std::string(around_.outage.StandstillError()));
  if (around_.node.parts().snapshots.running())
    return Fail(Errc::kExists, std::string(kErrSaveRunning));
  around_.node.parts().snapshots.Want();
  return {};
}

uint64_t NodeControl::LastWriteSlot(const commands::ClientPort& client) const {
  const Client* found = around_.clients.Find(client.id());
  return found == nullptr ? 0 : found->last_write_slot;
}

commands::Durability NodeControl::DurableAt(uint64_t slot, uint64_t round) {
  return {.here = around_.node.parts().disk.DurableSlot() >= slot,
          .others = around_.node.parts().disk.OthersWithSlot(slot, round)};
}

std::string_view NodeControl::RefusesWrites() const {
  if (!around_.watch.takes_writes()) return "no-leader";
  if (around_.node.log().disk_low()) return "disk";
  return around_.node.parts().proposer.over_memory() ? "memory" : "";
}

NodeReport NodeControl::Report() const {
  return {.halt_reason = around_.outage.halt_reason(),
          .damaged_slot = around_.damage.slot(),
          .refuses_writes = RefusesWrites(),
          .failing_over = around_.failover.running(),
          .majority_in_sight = around_.outage.MajorityInSight(),
          .snapshots = around_.snapshots,
          .peer_messages_left_out = around_.host.PeerMessagesLeftOut()};
}

}  // namespace clustron::server

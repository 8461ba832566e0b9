#include "cluster/node/node_parts.h"

#include <utility>

#include "base/rng.h"

namespace clustron::cluster {

NodeParts::NodeParts(const NodeConfig& config, const Clock& machine_clock, LogStore& log,
                     StateMachine& state, persist::SnapshotStore& store, Transport& transport,
                     NodeHost& host, paxos::Recovered recovered, const Listeners& listeners)
    : core{.config = config,
           .clock = machine_clock,
           .log = log,
           .state = state,
           .transport = transport,
           .host = host,
           .longest_lease_ns = recovered.longest_lease_ns,
           .replica = {config.paxos, std::move(recovered), Rng(config.seed),
                       machine_clock.MonotonicNs()}},
      leader(core, listeners.leader),
      introductions(core, versions, digests, writes),
      roster({.own = config.life, .records = config.member_records, .store = config.member_store},
             {.again_ns = config.paxos.round_ns, .silence_ns = 3 * config.paxos.round_ns},
             core.replica, state, introductions, machine_clock.MonotonicNs()),
      clock(core, leader, roster),
      reserve(core),
      proposer(core, leader, clock, roster, reserve, ticks),
      ticks(core, leader, proposer),
      reads(core, leader, clock),
      calls(core, leader, reads),
      writes(core, leader, roster, proposer),
      versions(core, proposer, listeners.halt),
      digests(core, leader, roster, listeners.halt),
      snapshot_sender(core, store, snapshots),
      snapshots(core, store, snapshot_sender),
      snapshot_receiver(core, store,
                        {.writer = snapshots,
                         .digests = digests,
                         .clock = clock,
                         .writes = writes,
                         .leader_view = leader}),
      pump(core, {.leader_view = leader,
                  .clock = clock,
                  .writer = snapshots,
                  .sender = snapshot_sender,
                  .receiver = snapshot_receiver,
                  .halt = listeners.halt,
                  .listener = listeners.pump}),
      inline_path(core, {.leader_view = leader,
                         .reserve = reserve,
                         .writes = writes,
                         .proposer = proposer,
                         .pump = pump,
                         .writer = snapshots}),
      lead(core, {.leader_view = leader,
                  .clock = clock,
                  .reserve = reserve,
                  .proposer = proposer,
                  .writer = snapshots,
                  .inline_path = inline_path}),
      disk(core, leader, digests) {}

}  // namespace clustron::cluster

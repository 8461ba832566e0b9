// The parts of a node, each with a duty of its own, and how they are put together. What happens in
// which order is the node's (node.h).
//
// THREAD: core loop.
#pragma once

#include "cluster/node/digest_watch.h"
#include "cluster/node/disk_watch.h"
#include "cluster/node/inline_path.h"
#include "cluster/node/introductions.h"
#include "cluster/node/lead_duty.h"
#include "cluster/node/leader_calls.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_calls.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/proposer.h"
#include "cluster/node/pump.h"
#include "cluster/node/read_index.h"
#include "cluster/node/revision_reserve.h"
#include "cluster/node/roster.h"
#include "cluster/node/snapshot_receiver.h"
#include "cluster/node/snapshot_sender.h"
#include "cluster/node/snapshot_writer.h"
#include "cluster/node/tick_index.h"
#include "cluster/node/versions.h"
#include "cluster/node/write_path.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

struct CallParts {
  LeaderCalls leader;
  NodeCalls node;
};

struct NodeParts {
  // Whom the parts tell: the node.
  struct Listeners {
    LeaderViewListener& leader;
    PumpListener& pump;
    HaltSwitch& halt;
  };
  NodeParts(const NodeConfig& config, const Clock& clock, LogStore& log, StateMachine& state,
            persist::SnapshotStore& snapshots, Transport& transport, NodeHost& host,
            paxos::Recovered recovered, const Listeners& listeners);
  NodeParts(const NodeParts&) = delete;
  NodeParts& operator=(const NodeParts&) = delete;

  NodeCore core;                       // replica, log, state, transport, host; halted, restoring
  LeaderView leader;                   // who leads, and whether it is this node
  Introductions introductions;         // what members say first
  Roster roster;                       // who the members are
  NodeClock clock;                     // elapsed and wall
  RevisionReserve reserve;             // below `always`: no revision is given twice
  Proposer proposer;                   // as leader: batches with clocks
  TickIndex ticks;                     // entries wanted for their clocks
  ReadIndex reads;                     // linearizable reads
  CallParts calls;                     // keepalives, transactions that others hold
  WritePath writes;                    // own items on their way to the leader
  Versions versions;                   // whose rules apply goes by
  DigestWatch digests;                 // are all states the same?
  SnapshotSender snapshot_sender;      // to peers that are far behind
  SnapshotWriter snapshots;            // of this node
  SnapshotReceiver snapshot_receiver;  // if this node is
  Pump pump;                           // persist, send, apply
  InlinePath inline_path;              // alone, below `always`: commands run at once
  LeadDuty lead;                       // as leader: ends, due keys, snapshots
  DiskWatch disk;                      // what is durable, and room
};

}  // namespace clustron::cluster

// What a machine says binds it: noted as it leaves, held against it later, over restarts too.
#include <algorithm>
#include <set>
#include <string>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "cluster/node/node_messages.h"
#include "cluster/paxos/messages.h"
#include "tests/sim/sim_node.h"
#include "tests/support/index_check.h"

namespace clustron::sim {

// A promise once given binds this machine for good, restarts included; so does the one that it
// gives itself when it asks for others'. (Messages may leave in another order than they were made,
// so the order says nothing.) A lease binds it for its time.
void SimNode::NoteObligations(cluster::NodeId to, std::string_view message) {
  // On the wire, see paxos/messages.cc.
  constexpr std::string_view kBinding = "\x01\x02\x03\x04\x0b";
  constexpr char kPromise = 4;
  constexpr char kAcceptOk = 7;
  if (message.size() < 2 || message[0] != static_cast<char>(cluster::WireKind::kPaxos)) return;
  if (message[1] == kAcceptOk) CheckMayVote("an accept");
  if (message[1] == kPromise) CheckMayVote("a promise");
  if (kBinding.find(message[1]) == std::string_view::npos) return;
  const Result<paxos::Message> decoded = paxos::Decode(message.substr(1));
  CHECK(decoded.has_value());
  if (const auto* promise = std::get_if<paxos::Promise>(&*decoded)) {
    promised_ = std::max(promised_, promise->ballot);
    CheckLeaseKept(to, promise->ballot);
  }
  const auto* heartbeat = std::get_if<paxos::Heartbeat>(&*decoded);
  if (heartbeat != nullptr && heartbeat->ballot) around_.said->led.insert(heartbeat->ballot);
  const auto* release = std::get_if<paxos::Release>(&*decoded);
  if (release != nullptr) around_.said->released.insert(release->ballot);
  const auto* prepare = std::get_if<paxos::Prepare>(&*decoded);
  if (prepare != nullptr && !PlantedBallotTwice()) {
    promised_ = std::max(promised_, prepare->ballot);
  }
  const auto* reply = std::get_if<paxos::HeartbeatReply>(&*decoded);
  if (reply != nullptr && reply->granted && reply->ballot >= lease_to_) {
    const int64_t until_ns = around_.loop->now_ns() + clock_.TrueDelay(reply->lease_ns);
    lease_until_ns_ = reply->ballot == lease_to_ ? std::max(lease_until_ns_, until_ns) : until_ns;
    lease_to_ = reply->ballot;
  }
}

// Phase 1 is not answered against a lease that was given to another. A late answer to who leads
// already changes nothing; who has stopped leading has ended the leases before its own too.
void SimNode::CheckLeaseKept(cluster::NodeId to, paxos::Ballot promise) {
  const bool runs = around_.loop->now_ns() < lease_until_ns_;
  const Said& said = *around_.said;
  if (!runs || lease_to_.node == to || lease_to_ >= promise || said.led.contains(promise) ||
      said.released.lower_bound(lease_to_) != said.released.end())
    return;
  around_.report->Fail("leases", "node " + std::to_string(index_) + " answers phase 1 of node " +
                                     std::to_string(to - 1) + " under a lease of node " +
                                     std::to_string(lease_to_.node - 1));
}

bool SimNode::IsBoundTo(paxos::Ballot leader) const {
  return lease_to_ == leader && around_.loop->now_ns() < lease_until_ns_;
}

bool SimNode::MayHaveToldOf(paxos::Slot slot, int64_t since_ns) const {
  // What an earlier life knew to be chosen, and said, this one may have to learn again.
  if (crash_ns_ >= since_ns) return true;
  if (node() == nullptr) return false;
  const paxos::Replica& replica = node()->replica();
  return replica.chosen_slot() >= slot && replica.durable_slot() >= slot;
}

void SimNode::NoteOffer(std::string_view message) {
  cluster::SnapshotName name;
  if (message[0] == static_cast<char>(cluster::WireKind::kSnapshotOffer) &&
      cluster::ReadSnapshotOffer(message.substr(1), &name))
    beyond_log_.insert(name.slot);
}

void SimNode::NoteRead(cluster::NodeId to, std::string_view message) {
  cluster::WireKind kind;
  std::string_view body;
  CHECK(cluster::ReadWireKind(message, &kind, &body));
  uint64_t round = 0;
  cluster::ReadGrant grant;
  if (kind == cluster::WireKind::kReadAsk && cluster::ReadReadAsk(body, &round)) {
    around_.history->OnReadAsked(index_, round);
  } else if (kind == cluster::WireKind::kReadGrant &&
             cluster::ReadReadGrant(body, &round, &grant)) {
    around_.history->OnReadGranted(static_cast<int>(to) - 1, round, grant.index);
  }
}

// Every few entries, as it costs by all keys.
void SimNode::CheckIndexes(paxos::Slot slot, const store::Store& state) const {
  if (slot % 4 != 0 || IndexesOf(state).empty()) return;
  around_.report->Count("indexes compared with a scan");
  const std::string wrong = store::WrongIndex(state);
  if (wrong.empty()) return;
  around_.report->Fail("indexes", "node " + std::to_string(index_) + ", slot " +
                                      std::to_string(slot) + ": " + wrong +
                                      " is not what a scan gives");
}

}  // namespace clustron::sim

#include "cluster/node/node.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/reach.h"

namespace clustron::cluster {

Node::Node(const NodeConfig& config, const Clock& clock, LogStore& log, StateMachine& state,
           persist::SnapshotStore& snapshots, Transport& transport, NodeHost& host,
           paxos::Recovered recovered)
    : parts_(config, clock, log, state, snapshots, transport, host, std::move(recovered),
             {.leader = *this, .pump = *this, .halt = *this}) {
  const AppliedMembers& members = parts_.core.members;
  CHECK(members.Roles() == parts_.core.replica.members());
  members.Follow([this] { parts_.roster.OnMembersChanged(NowNs()); });
}

void Node::Halt(HaltCause cause, const std::string& reason) {
  if (parts_.core.halted) return;
  REACH("node halted");
  parts_.leader.End();
  parts_.snapshots.Abort();
  parts_.core.halted = true;
  parts_.core.host.Halted(cause, reason);
}

bool Node::Takes(NodeId from) const {
  return parts_.roster.Taken(from) && !parts_.versions.Refused(from);
}

bool Node::Settled() const {
  return !alone() || (leading() && parts_.proposer.Empty() &&
                      parts_.core.replica.last_slot() <= parts_.core.state.applied_slot());
}

// --- Messages ------------------------------------------------------------------------------------

bool Node::OnMessage(NodeId from, std::string message) {
  WireKind kind;
  std::string_view body;
  if (!ReadWireKind(message, &kind, &body)) return halted();
  if (halted()) {
    if (kind == WireKind::kIntroductionAnswer) parts_.roster.OnAnsweredHalted(from);
    return true;
  }
  if (kind >= WireKind::kIntroduction && kind <= WireKind::kStanding) {
    const bool well_formed = parts_.roster.OnMessage(from, kind, body, NowNs());
    parts_.leader.NoticeDeposed();
    return well_formed;
  }
  // Whom this node refused may have been taken in an earlier life.
  if (!Takes(from)) {
    REACH("message before the introduction");
    return true;
  }
  if (parts_.digests.HasOtherLog(from) && kind < WireKind::kDigestAsk) {
    REACH("message of another log");
    return true;
  }
  if (kind == WireKind::kPaxos) return OnPaxos(from, std::move(message), body);
  if (kind == WireKind::kPublish) {
    parts_.core.host.Published(body);
    return true;
  }
  MessageHandler* const handler = HandlerOf(kind);
  return handler != nullptr && handler->OnMessage(from, kind, body);
}

MessageHandler* Node::HandlerOf(WireKind kind) {
  switch (kind) {
    case WireKind::kForward:
      return &parts_.proposer;
    case WireKind::kReadAsk:
    case WireKind::kReadGrant:
      return &parts_.reads;
    case WireKind::kTickAsk:
    case WireKind::kTickGrant:
      return &parts_.ticks;
    case WireKind::kLeaderCall:
    case WireKind::kLeaderAnswer:
      return &parts_.calls.leader;
    case WireKind::kNodeCall:
    case WireKind::kNodeAnswer:
      return &parts_.calls.node;
    case WireKind::kSnapshotOffer:
    case WireKind::kSnapshotChunk:
      return &parts_.snapshot_receiver;
    case WireKind::kSnapshotAck:
      return &parts_.snapshot_sender;
    case WireKind::kDigestAsk:
    case WireKind::kDigest:
    case WireKind::kBeyond:
      return &parts_.digests;
    case WireKind::kClockAsk:
    case WireKind::kClockAnswer:
      return &parts_.clock;
    case WireKind::kPaxos:
    case WireKind::kPublish:
    case WireKind::kIntroduction:
    case WireKind::kIntroductionAnswer:
    case WireKind::kStanding:
      break;  // OnMessage's own
  }
  return nullptr;
}

// `body` stands at the message's end.
bool Node::OnPaxos(NodeId from, std::string message, std::string_view body) {
  // A big entry stays where it came: in the message, which lives as long as the entry does.
  std::shared_ptr<const std::string> shared;
  if (message.size() > kSharedBytesMin) {
    const size_t size = body.size();
    shared = std::make_shared<const std::string>(std::move(message));
    body = std::string_view(*shared).substr(shared->size() - size);
  }
  Result<paxos::Message> decoded = paxos::Decode(body, shared);
  if (!decoded || !parts_.introductions.BallotCredible(from, paxos::HighestRound(*decoded)))
    return false;
  parts_.core.replica.Step(from, *std::move(decoded), NowNs());
  parts_.leader.NoticeDeposed();
  return true;
}

bool Node::OnMessageWhileBusy(NodeId from, std::string_view message) {
  if (halted()) return true;
  constexpr size_t kHeartbeatBytesMax = 4096;
  WireKind kind;
  std::string_view body;
  if (message.size() > kHeartbeatBytesMax || !ReadWireKind(message, &kind, &body) ||
      kind != WireKind::kPaxos || !Takes(from) || parts_.digests.HasOtherLog(from))
    return false;
  const Result<paxos::Message> decoded = paxos::Decode(body);
  const auto* heartbeat = decoded ? std::get_if<paxos::Heartbeat>(&*decoded) : nullptr;
  if (heartbeat == nullptr || !parts_.introductions.BallotCredible(from, heartbeat->ballot.round))
    return false;
  const auto reply = parts_.core.replica.AnswerWhileBusy(from, *heartbeat, NowNs());
  if (!reply) return false;
  std::string bytes;
  paxos::Encode(*reply, &bytes);
  parts_.core.transport.Send(from, Urgency::kUrgent, WirePaxos(bytes));
  return true;
}

void Node::TickWhileBusy() {
  if (halted()) return;
  const auto heartbeat = parts_.core.replica.HeartbeatWhileBusy(NowNs());
  if (!heartbeat) return;
  std::string bytes;
  paxos::Encode(*heartbeat, &bytes);
  SendToAll(Urgency::kUrgent, WirePaxos(bytes));
}

void Node::SendToAll(Urgency urgency, const std::string& message) {
  const paxos::Members& members = parts_.core.replica.members();
  for (const auto* list : {&members.voters, &members.learners})
    for (NodeId node : *list)
      if (node != self()) parts_.core.transport.Send(node, urgency, message);
}

void Node::Publish(std::string_view body) {
  if (!halted()) SendToAll(Urgency::kBulk, WirePublish(body));
}

void Node::OnPeerUp(NodeId peer) {
  parts_.roster.OnLinkUp(peer, NowNs());
  parts_.calls.node.OnLinkUp(peer);
  if (halted()) return;
  parts_.clock.Ask(peer, NowNs());
  parts_.core.replica.OnLinkUp(peer, NowNs());
  // What was on its way when the link broke is lost.
  if (parts_.leader.OnLinkUp(peer)) {
    parts_.writes.OnNewWay();
    parts_.calls.leader.SendAllAgain();
  }
}

void Node::OnPeerDown(NodeId peer) {
  parts_.leader.OnLinkDown(peer);
  parts_.lead.OnLinkDown(peer);
  parts_.calls.node.OnLinkDown(peer);
}

// --- Time and turns ------------------------------------------------------------------------------

void Node::Tick() {
  const int64_t now = NowNs();
  if (halted()) {
    parts_.roster.TickHalted(now);
    ExpireClients(now);
    return;
  }
  parts_.roster.Tick(now, !parts_.core.restoring);
  parts_.core.replica.Tick(now);
  // Who would lead without its state: better another does.
  if (parts_.core.restoring && parts_.core.IsLeader()) parts_.core.replica.StepDown(now);
  parts_.leader.NoticeDeposed();
  parts_.clock.Look(now);
  if (parts_.disk.Tick(now)) {
    parts_.clock.NoteMark();
    parts_.reserve.Extend();
    parts_.disk.ForgetLongerLease(now);
    parts_.digests.Tick(now);
    if (halted()) return;
    parts_.disk.LookForRoom(now);
  }
  ExpireClients(now);
  parts_.calls.leader.Send(now);
  if (leading()) {
    parts_.versions.MaybeRaise();
    parts_.lead.ProposeDue(now);
  }
  parts_.snapshots.Tick(now);
  parts_.snapshot_sender.Tick(now);
  parts_.snapshot_receiver.Tick(now);
}

void Node::ExpireClients(int64_t now_ns) {
  parts_.writes.Expire(now_ns);
  parts_.reads.Expire(now_ns);
  parts_.ticks.Expire(now_ns);
  parts_.calls.leader.Expire(now_ns);
}

void Node::EndOfTurn() {
  if (halted()) return;
  parts_.snapshot_receiver.Step();
  parts_.pump.BeginTurn();
  for (int round = 0; round < 4; ++round) {
    parts_.leader.Look();
    parts_.writes.Send();
    parts_.calls.leader.SendNew();
    parts_.ticks.Ask();
    if (leading()) parts_.proposer.Propose();
    parts_.pump.Run();
    parts_.ticks.Grant();
    parts_.reads.Ask();
    if (!parts_.core.restoring) {
      parts_.reads.Deliver();
      parts_.ticks.Deliver();
    }
    if (halted()) return;
    const bool unsent = parts_.writes.CanSend();
    if (leading() ? !parts_.core.replica.CanPropose() || (!unsent && parts_.proposer.Empty())
                  : !unsent)
      break;
  }
  parts_.snapshots.BeginIfWanted();
  parts_.snapshots.Step();
}

// --- What parts tell -----------------------------------------------------------------------------

void Node::OnLeadingBegins() {
  parts_.versions.OnLeadingBegins();
  parts_.calls.leader.OnLeadingBegins();
  parts_.lead.Begin();
  parts_.versions.MaybeRaise();
}

void Node::OnLeadingEnds() {
  parts_.digests.OnLeadingEnds();
  parts_.proposer.Reset();
  parts_.lead.End();
  parts_.reads.OnLeadingEnds();
  parts_.ticks.OnLeadingEnds();
  parts_.calls.leader.OnLeadingEnds();
}

void Node::OnLeaderChanged() {
  parts_.proposer.Reset();
  parts_.writes.OnNewWay();
  parts_.calls.leader.SendAllAgain();
  parts_.reads.OnLeaderChanged();
  parts_.ticks.OnLeaderChanged();
}

void Node::OnRoundConfirmed(uint64_t round) {
  if (!leading()) return;
  parts_.digests.OnRoundConfirmed(round);
  if (halted()) return;
  parts_.reads.OnRoundConfirmed(round);
  parts_.calls.leader.OnRoundConfirmed(round);
}

}  // namespace clustron::cluster

#include "cluster/node/node.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node_snapshot.h"

namespace clustron::cluster {

namespace {

// Smaller entries are copied rather than shared.
constexpr size_t kSharedBytesMin = 16 * 1024;
constexpr int64_t kLeapSaidEveryNs = 60'000'000'000;

// Where the numbers of what this process asks others for start: elsewhere at each start.
uint64_t FirstNumber(uint64_t seed, uint64_t of) { return Mix64(seed + of) >> 8; }

constexpr int64_t kApplySliceNs = 5'000'000;  // of a backlog, per loop turn

}  // namespace

Node::Node(const NodeConfig& config, const Clock& clock, LogStore& log, StateMachine& state,
           persist::SnapshotStore& snapshots, Transport& transport, NodeHost& host,
           paxos::Recovered recovered)
    : config_(config),
      clock_(clock),
      log_(log),
      state_(state),
      snapshots_(snapshots),
      transport_(transport),
      host_(host),
      longer_lease_until_ns_(recovered.longest_lease_ns > config.paxos.lease_ns
                                 ? clock.MonotonicNs() + recovered.longest_lease_ns
                                 : 0),
      replica_(config.paxos, std::move(recovered), Rng(config.seed), clock.MonotonicNs()),
      roster_({.own = config.life, .records = config.member_records, .store = config.member_store},
              {.again_ns = config.paxos.round_ns, .silence_ns = 3 * config.paxos.round_ns},
              replica_, state, *this, clock.MonotonicNs()),
      origin_(Session{config.paxos.self, config.boot}, config.window_bytes),
      reads_(FirstNumber(config.seed, 1)),
      ticks_(FirstNumber(config.seed, 3)),
      next_call_(FirstNumber(config.seed, 2)) {
  const auto& list = snapshots_.list();
  if (!list.empty()) {
    snapshot_slot_ = list.front().slot;
    snapshot_bytes_ = list.front().bytes;
  }
  loaded_slot_ = snapshot_slot_;
  if (list.size() > 1) previous_snapshot_slot_ = list[1].slot;
  cluster_clock_.Continue(state_.elapsed_ms(), clock_.MonotonicNs());
  if (state_.wall_ms() > 0) wall_clock_.GoOnFrom(state_.wall_ms(), clock_.MonotonicNs());
  log_.SetListener(this);
}

Node::~Node() { log_.SetListener(nullptr); }

void Node::ContinueClock(int64_t elapsed_ms, int64_t at_ns, Slot slot) {
  cluster_clock_.Continue(elapsed_ms, at_ns);
  cluster_clock_.Observe(state_.elapsed_ms(), NowNs());
  clock_slot_ = slot;
}

// --- Events --------------------------------------------------------------------------------------

void Node::Halt(HaltCause cause, const std::string& reason) {
  if (halted_) return;
  REACH("node halted");
  if (leading_) StopLeading();
  snapshots_.AbortWrite();
  snapshot_.reset();
  halted_ = true;
  known_leader_ = paxos::kNoNode;
  announced_ = false;
  host_.Halted(cause, reason);
}

bool Node::OnMessage(NodeId from, std::string message) {
  WireKind kind;
  std::string_view body;
  if (!ReadWireKind(message, &kind, &body)) return halted_;
  if (halted_) {
    if (kind == WireKind::kIntroductionAnswer) roster_.OnAnsweredHalted(from);
    return true;
  }
  if (kind >= WireKind::kIntroduction && kind <= WireKind::kStanding) {
    const bool well_formed = roster_.OnMessage(from, kind, body, NowNs());
    NoticeDeposed();
    return well_formed;
  }
  // Whom this node refused may have been taken in an earlier life.
  if (!roster_.Taken(from) || refused_.contains(from)) {
    REACH("message before the introduction");
    return true;
  }
  if (HasOtherLog(from) && kind < WireKind::kDigestAsk) {
    REACH("message of another log");
    return true;
  }
  uint64_t id = 0;
  switch (kind) {
    case WireKind::kPaxos: {
      // A big entry stays where it came: in the message, which lives as long as the entry does.
      std::shared_ptr<const std::string> shared;
      if (message.size() > kSharedBytesMin) {
        shared = std::make_shared<const std::string>(std::move(message));
        body = std::string_view(*shared).substr(shared->size() - body.size());
      }
      Result<paxos::Message> decoded = paxos::Decode(body, shared);
      if (!decoded || !BallotCredible(from, paxos::HighestRound(*decoded))) return false;
      replica_.Step(from, *std::move(decoded), NowNs());
      NoticeDeposed();
      return true;
    }
    case WireKind::kForward: {
      Ballot ballot;
      std::string_view items;
      if (!ReadForward(body, &ballot, &items)) return false;
      return OnForward(from, ballot, items);
    }
    case WireKind::kReadAsk:
      if (!ReadReadAsk(body, &id)) return false;
      ServeReadAsk(from, id);
      return true;
    case WireKind::kReadGrant: {
      ReadGrant grant;
      if (!ReadReadGrant(body, &id, &grant)) return false;
      reads_.Granted(id, grant);
      return true;
    }
    case WireKind::kTickAsk:
      if (!ReadTickAsk(body, &id)) return false;
      ServeTickAsk(from, id);
      return true;
    case WireKind::kTickGrant: {
      Slot slot;
      if (!ReadTickGrant(body, &id, &slot)) return false;
      ticks_.Granted(id, {.index = slot});
      return true;
    }
    case WireKind::kClockAsk: {
      int64_t asked_ns;
      if (!ReadClockAsk(body, &asked_ns)) return false;
      transport_.Send(from, Urgency::kUrgent, WireClockAnswer(asked_ns, clock_.WallMs()));
      return true;
    }
    case WireKind::kClockAnswer: {
      int64_t asked_ns, wall_ms;
      if (!ReadClockAnswer(body, &asked_ns, &wall_ms)) return false;
      wall_clock_.Hear(from, wall_ms, asked_ns, NowNs());
      LookAtClocks(NowNs());
      return true;
    }
    case WireKind::kLeaderCall:
      if (!ReadCall(body, &id, &body)) return false;
      ServeCall(from, id, body);
      return true;
    case WireKind::kLeaderAnswer:
      if (!ReadCall(body, &id, &body)) return false;
      OnCallAnswer(id, body);
      return true;
    case WireKind::kPublish:
      host_.Published(body);
      return true;
    case WireKind::kSnapshotOffer: {
      SnapshotName name;
      if (!ReadSnapshotOffer(body, &name)) return false;
      OnSnapshotOffer(from, name);
      return true;
    }
    case WireKind::kSnapshotChunk: {
      SnapshotName name;
      persist::SnapshotChunk chunk;
      if (!ReadSnapshotChunk(body, &name, &chunk)) return false;
      OnSnapshotChunk(from, name, chunk);
      return true;
    }
    case WireKind::kDigestAsk:
    case WireKind::kDigest:
    case WireKind::kBeyond:
      return OnCompare(from, kind, body);
    case WireKind::kSnapshotAck: {
      SnapshotName name;
      if (!ReadSnapshotAck(body, &name, &id)) return false;
      OnSnapshotAck(from, name, id);
      return true;
    }
    case WireKind::kIntroduction:
    case WireKind::kIntroductionAnswer:
    case WireKind::kStanding:
      break;
  }
  return false;
}

// --- The members ---------------------------------------------------------------------------------

void Node::SendToMember(NodeId to, WireKind kind, const std::string& body) {
  transport_.Send(to, Urgency::kUrgent, WireOf(kind, body));
}

void Node::BootRaised(uint32_t boot) {
  REACH("boot raised while running");
  Log(LogLevel::kNotice, "this node's boot is {} from now on", boot);
  std::vector<ItemOwner*> uncertain;
  origin_.StartAnew({self(), boot}, &uncertain);
  for (ItemOwner* owner : uncertain) host_.FailWrite(*owner, Failure::kUncertain);
  host_.SessionChanged(origin_.session());
}

bool Node::BallotCredible(NodeId from, uint64_t round) {
  const uint64_t promised = replica_.promised().round;
  if (round <= promised || round - promised <= paxos::kRoundLeapUsual) return true;
  const bool credible = round - promised <= paxos::kRoundLeapMax;
  const int64_t now = NowNs();
  if (leap_said_ns_ == 0 || now - leap_said_ns_ >= kLeapSaidEveryNs) {
    leap_said_ns_ = now;
    Log(LogLevel::kWarning, "node {} speaks of ballot {}, far beyond {}, the highest seen here{}",
        from, round, promised, credible ? "" : ": refused, no elections lead there");
  }
  return credible;
}

bool Node::FloorDurable() const { return log_.FloorDurable(); }

void Node::RosterFailed(const Error& error) { host_.Fatal("log: members: " + error.detail); }

bool Node::OnMessageWhileBusy(NodeId from, std::string_view message) {
  if (halted_) return true;
  constexpr size_t kHeartbeatBytesMax = 4096;
  WireKind kind;
  std::string_view body;
  if (message.size() > kHeartbeatBytesMax || !ReadWireKind(message, &kind, &body) ||
      kind != WireKind::kPaxos || !roster_.Taken(from) || refused_.contains(from) ||
      HasOtherLog(from))
    return false;
  const Result<paxos::Message> decoded = paxos::Decode(body);
  const auto* heartbeat = decoded ? std::get_if<paxos::Heartbeat>(&*decoded) : nullptr;
  if (heartbeat == nullptr || !BallotCredible(from, heartbeat->ballot.round)) return false;
  const auto reply = replica_.AnswerWhileBusy(from, *heartbeat, NowNs());
  if (!reply) return false;
  std::string bytes;
  paxos::Encode(*reply, &bytes);
  transport_.Send(from, Urgency::kUrgent, WirePaxos(bytes));
  return true;
}

void Node::TickWhileBusy() {
  if (halted_) return;
  const auto heartbeat = replica_.HeartbeatWhileBusy(NowNs());
  if (!heartbeat) return;
  std::string bytes;
  paxos::Encode(*heartbeat, &bytes);
  const paxos::Members& members = replica_.members();
  for (const auto* list : {&members.voters, &members.learners})
    for (NodeId peer : *list)
      if (peer != self()) transport_.Send(peer, Urgency::kUrgent, WirePaxos(bytes));
}

void Node::OnPeerUp(NodeId peer) {
  roster_.OnLinkUp(peer, NowNs());
  if (halted_) return;
  AskClock(peer, NowNs());
  replica_.OnLinkUp(peer, NowNs());
  // What was on its way when the link broke is lost.
  if (peer == known_leader_) {
    leader_link_down_ = false;
    origin_.OnNewWay(NowNs());
    for (PendingCall& call : calls_) call.sent_ns = 0;
  }
}

void Node::OnPeerDown(NodeId peer) {
  if (peer == known_leader_) leader_link_down_ = true;
}

void Node::Tick() {
  const int64_t now = NowNs();
  if (halted_) {
    roster_.TickHalted(now);
    ExpireClients(now);
    return;
  }
  roster_.Tick(now, restore_ == nullptr);
  replica_.Tick(now);
  // Who would lead without its state: better another does.
  if (restore_ != nullptr && replica_.role() == paxos::Role::kLeader) replica_.StepDown(now);
  NoticeDeposed();
  LookAtClocks(now);
  if (now - log_tick_ns_ >= 100'000'000) {
    log_tick_ns_ = now;
    log_.Tick(now);
    NoteFullLog();
    NoteClock();
    ReserveRevisions();
    ForgetLongerLease(now);
    CompareStates(now);
    if (halted_) return;
    LookForRoom(now);
  }
  ExpireClients(now);
  SendCalls(now);
  if (leading_) {
    MaybeRaiseVersion();
    ProposeDue(now);
  }
  TickSnapshots(now);
}

// What an earlier setting may have granted is over.
void Node::ForgetLongerLease(int64_t now_ns) {
  if (longer_lease_until_ns_ == 0 || now_ns < longer_lease_until_ns_) return;
  longer_lease_until_ns_ = 0;
  log_.LowerLease(config_.paxos.lease_ns);
}

void Node::EndOfTurn() {
  if (halted_) return;
  StepRestore();
  StepSnapshotCheck();
  apply_entries_ = 0;
  apply_until_ns_ = NowNs() + kApplySliceNs;
  for (int round = 0; round < 4; ++round) {
    LookAtLeadership();
    SendOwnItems();
    if (unsent_calls_) SendCalls(NowNs());
    AskTicks();
    if (leading_) ProposeBatches();
    Pump();
    GrantTicks();
    AskReads();
    DeliverReads();
    if (halted_) return;
    const bool unsent = origin_.HasUnsent() && known_leader_ != paxos::kNoNode;
    if (leading_ ? !replica_.CanPropose() || (!unsent && batcher_.Empty()) : !unsent) break;
  }
  if (snapshot_wanted_) BeginSnapshot();
  StepSnapshot();
}

// Persist, send, apply until there is nothing left to do in this turn.
void Node::Pump() {
  CHECK(!in_pump_);
  in_pump_ = true;
  bool applied = false;
  for (;;) {
    replica_.TakeReady(&ready_);
    if (!ready_.contradiction.empty()) {
      host_.Fatal(ready_.contradiction);
      break;
    }
    if (!ready_.persist.empty()) log_.Append(ready_.persist);
    log_.Flush();
    for (const paxos::Outgoing& out : ready_.send) SendPaxos(out.to, out.message);
    for (const paxos::CatchUpNeed& need : ready_.catch_up) ServeCatchUp(need);
    if (ready_.leadership_changed) LookAtLeadership();
    if (ready_.read_round_confirmed != 0) OnReadRoundConfirmed(ready_.read_round_confirmed);
    const bool progress = ApplyChosen();
    if (halted_) break;
    applied |= progress;
    if (ready_.Empty() && !progress) break;
  }
  in_pump_ = false;
  if (applied) {
    RetryWaitingCalls();
  }
}

bool Node::ApplyChosen() {
  if (restore_ != nullptr) return false;
  bool any = false;
  backlog_ = false;
  while (const paxos::Accepted* chosen = replica_.NextChosen()) {
    const Slot slot = chosen->slot;
    if (slot > state_.applied_slot()) {
      if (ApplyTimeIsUp()) {
        REACH("applied in slices");
        backlog_ = true;
        break;
      }
      CHECK(slot == state_.applied_slot() + 1 || Planted(Bug::kChosenOutOfOrder));
      if (const Status can = state_.CanApply(slot, chosen->value); !can) {
        const bool another_log = can.error().code == Errc::kCorruption;
        Halt(another_log ? HaltCause::kDiverged : HaltCause::kCannotApply, can.error().detail);
        return any;
      }
      // The replica may let go of the entry while its items are answered: hold the bytes.
      const paxos::Value value = chosen->value;
      const int64_t elapsed_before = state_.elapsed_ms();
      const int64_t wall_before = state_.wall_ms();
      state_.Apply(slot, value, false);
      // From here on it counts what the leader logged, even if this node, leading before, had
      // counted further: else its next leadership would leap, and end what has just been given its
      // time. Alone it is the only one who counts: what it logged after its last mark is applied
      // again before it leads, and does not take back the time that passed meanwhile.
      if (!leading_ && !alone() && slot > clock_slot_ && state_.elapsed_ms() != elapsed_before) {
        cluster_clock_.Continue(state_.elapsed_ms(), NowNs());
      }
      if (!leading_ && !alone() && !wall_clock_.sure() && state_.wall_ms() != wall_before)
        wall_clock_.GoOnFrom(state_.wall_ms(), NowNs());
      if (!announced_ && known_leader_ != self() && value.first_ballot == known_ballot_)
        AnnounceLeader();
      if (snapshot_wanted_) BeginSnapshot();
      any = true;
    }
    replica_.Advance();
    if (!leading_ && replica_.own_noop_chosen() && slot == replica_.own_noop_slot())
      LookAtLeadership();
  }
  return any;
}

// Who was away may have much to catch up with, and has to answer heartbeats meanwhile. A leader is
// never behind by more than what it may propose, and reads its state at once: it does all.
bool Node::ApplyTimeIsUp() {
  if (leading_ || Planted(Bug::kNoOwnBallotNoop)) return false;
  return apply_entries_++ >= config_.apply_entries_per_turn || NowNs() > apply_until_ns_;
}

void Node::OnDurable(uint64_t seq) {
  if (halted_) return;
  replica_.OnDurable(seq, NowNs());
  NoticeDeposed();
}

// A leadership ends in the middle of a turn: what comes behind in it must not take this node for
// the leader.
void Node::NoticeDeposed() {
  if (leading_ && (replica_.role() != paxos::Role::kLeader || replica_.ballot() != known_ballot_)) {
    REACH("deposed in the middle of a turn");
    LookAtLeadership();
  }
}

bool Node::TransferLeadership(NodeId to) {
  if (halted_) return false;
  const bool begun = replica_.TransferLeadership(to, NowNs());
  if (begun) host_.HandingOver();
  return begun;
}

void Node::OnDiskLow(bool low) {
  // A leader whose disk is full hands over to one that has room; alone, it refuses writes.
  if (!low || !leading_ || alone()) return;
  REACH("leader with a full disk steps down");
  Log(LogLevel::kWarning, "leadership is given away: this node's disk is low");
  host_.HandingOver();
  replica_.StepDown(NowNs());
  NoticeDeposed();
}

void Node::OnWaitsForRoom(bool waits) {
  if (waits) {
    Log(LogLevel::kWarning,
        "the log waits for room on the disk ({}): slots from {} on are not durable "
        "on this node",
        log_.RoomText(), DurableSlot() + 1);
  } else {
    Log(LogLevel::kNotice, "the log no longer waits for room on the disk");
  }
}

// A disk that is slow or hangs, with or without room.
void Node::NoteFullLog() {
  if (replica_.log_full() == log_full_) return;
  log_full_ = replica_.log_full();
  if (log_full_) {
    Log(LogLevel::kWarning,
        "the disk is behind by {} bytes of the log: this node takes no more entries until it has "
        "some of them; slots from {} on are not durable on this node",
        replica_.undurable_bytes(), DurableSlot() + 1);
  } else {
    Log(LogLevel::kNotice, "the disk is no longer too far behind: this node takes entries again");
  }
}

void Node::OnFatal(const Error& error) { host_.Fatal("log: " + error.detail); }

void Node::LookAtLeadership() {
  const bool leads =
      restore_ == nullptr && replica_.role() == paxos::Role::kLeader &&
      replica_.own_noop_chosen() &&
      (state_.applied_slot() >= replica_.own_noop_slot() || Planted(Bug::kNoOwnBallotNoop));
  const bool leads_early =
      Planted(Bug::kNoOwnBallotNoop) && replica_.role() == paxos::Role::kLeader;
  const Ballot ballot = replica_.ballot();
  const NodeId leader = replica_.leader();
  const bool changed = leader != known_leader_ || ballot != known_ballot_;
  if (leading_ && (changed || replica_.role() != paxos::Role::kLeader || restore_ != nullptr))
    StopLeading();
  if (changed) {
    if (announced_) leaderless_ns_ = NowNs();
    announced_ = false;
    leader_link_down_ = false;
    known_leader_ = leader;
    known_ballot_ = ballot;
    batcher_.Reset();
    origin_.OnNewWay(NowNs());
    for (PendingCall& call : calls_) call.sent_ns = 0;
    if (reads_.Unanswered()) reads_again_ = true;
    if (ticks_.Unanswered()) ticks_again_ = true;
  }
  if (!leading_ && (leads || leads_early)) StartLeading();
  if (!announced_ && LeaderInOffice()) AnnounceLeader();
}

// Its no-op may have been applied by an earlier life of this node, and have come back from its log
// or with a snapshot: an idle leader sends no other entry.
bool Node::LeaderInOffice() const {
  if (leading_) return true;
  return restore_ == nullptr && known_leader_ != paxos::kNoNode && known_leader_ != self() &&
         state_.newest_noop() == known_ballot_;
}

// Clients that look again must find the new leader in office, not one who is still about to be.
void Node::AnnounceLeader() {
  announced_ = true;
  if (!alone()) {
    Log(LogLevel::kNotice, "node {} leads{} under ballot {}.{}", known_leader_,
        leading_ ? " (this one)" : "", known_ballot_.round, known_ballot_.node);
  }
  host_.LeadershipChanged();
}

void Node::SendPaxos(NodeId to, const paxos::Message& message) {
  if (wire_.capacity() > (1 << 20)) FreeString(&wire_);
  wire_.clear();
  wire_.push_back(static_cast<char>(WireKind::kPaxos));
  paxos::Payload tail = paxos::EncodeHead(message, &wire_);
  if (tail.size() <= kSharedBytesMin) {
    wire_.append(tail.view());
    tail.reset();
  }
  const Urgency urgency = paxos::IsUrgent(message) ? Urgency::kUrgent : Urgency::kBulk;
  if (wire_.size() > kSharedBytesMin) {
    std::string big;
    big.swap(wire_);
    transport_.Send(to, urgency, std::move(big), std::move(tail));
  } else {
    transport_.Send(to, urgency, wire_, std::move(tail));
  }
}

void Node::ServeCatchUp(const paxos::CatchUpNeed& need) {
  if (restore_ != nullptr) return;
  // What the log has of slots that came with a snapshot may be votes for what was never chosen.
  const bool within_snapshot = need.first <= loaded_slot_ && !Planted(Bug::kOldVoteServed);
  if (within_snapshot) REACH("catch-up wants slots that came with a snapshot");
  if (within_snapshot || !log_.Has(need.first)) {
    StartSnapshotSend(need.peer);
    return;
  }
  auto entries = log_.ReadRange(need.first, std::min(need.last, state_.applied_slot()),
                                config_.paxos.catch_up_bytes_max);
  if (!entries) {
    REACH("own record unreadable while serving catch-up");
    return;  // the peer asks again, and another node may have it
  }
  SendPaxos(need.peer, paxos::CatchUpReply{.chosen = replica_.chosen_slot(),
                                           .compacted = log_.floor(),
                                           .entries = *std::move(entries)});
}

size_t Node::OthersWithSlot(Slot slot, uint64_t round) {
  constexpr int64_t kAskAgainNs = 5'000'000;
  size_t have = 0;
  bool all = true;
  for (const paxos::PeerStatus& peer : replica_.peers()) {
    const bool has = Planted(Bug::kWaitCountsVotes)
                         ? peer.durable >= slot
                         : peer.answered_probe > round && peer.safe >= slot;
    have += has ? 1 : 0;
    all = all && has;
  }
  const int64_t now = NowNs();
  if (!all && now - durability_asked_ns_ >= kAskAgainNs) {
    durability_asked_ns_ = now;
    replica_.AskAll(now);
  }
  return have;
}

// --- The inline path -----------------------------------------------------------------------------

bool Node::InlineReady() const {
  return config_.weak_durability && leading_ && alone() && RevisionsReserved() && origin_.Empty() &&
         batcher_.Empty() && replica_.last_slot() == state_.applied_slot() &&
         replica_.CanPropose() && log_.pending_bytes() == 0;  // nothing waits for a full disk
}

void Node::CommitInline(std::string entry) {
  CHECK(config_.weak_durability);
  const Slot slot = replica_.Propose(
      paxos::EntryKind::kBatch, std::make_shared<const std::string>(std::move(entry)), NowNs());
  CHECK(slot == state_.applied_slot());  // sealed by the caller
  Pump();
  if (snapshot_wanted_) BeginSnapshot();
}

}  // namespace clustron::cluster

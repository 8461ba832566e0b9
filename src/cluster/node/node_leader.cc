// Node: what it does as leader: batches, ticks, ends of leases and locks, calls of others.
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node.h"

namespace clustron::cluster {

namespace {

constexpr size_t kEndsPerRound = 1000;
// Some seconds of writes at full speed.
constexpr uint64_t kReserveAhead = 16'000'000;

std::string U64Bytes(uint64_t value) {
  std::string out;
  Writer(&out).U64(value);
  return out;
}

}  // namespace

void Node::StartLeading() {
  leading_ = true;
  // Nothing comes before what the state is to begin with.
  if (state_.revision() == 0) batcher_.Reset();
  timers_.Clear();
  tick_wanted_ = false;
  // What an earlier leadership here proposed is applied by now, or will be void.
  proposed_elapsed_ms_ = proposed_wall_ms_ = 0;
  proposed_slot_ = paxos::kNoSlot;
  snapshot_proposed_ = false;
  raise_proposed_ = 0;
  calls_confirmed_ = 0;
  cluster_clock_.Observe(state_.elapsed_ms(), NowNs());
  // Nobody knows how much time each had left: all start anew with the full TTL.
  state_.ForEachLease([&](const StateMachine::LeaseInfo& lease) { OnLeaseGranted(lease); });
  state_.ForEachLock([&](const StateMachine::LockInfo& lock) { OnLockGranted(lock); });
  // Nothing was ever done here, not even this.
  if (state_.revision() == 0)
    for (const std::string& item : config_.first_items) batcher_.AddOwn(item);
  if (config_.reserved_revision > state_.revision() && !Planted(Bug::kReserveForgotten)) {
    // The log may have lost its end: numbers that were given out then are not given again.
    REACH("reserved numbers kept from being given again");
    const std::string revision = U64Bytes(config_.reserved_revision);
    const std::string_view args[] = {revision};
    std::string item;
    AppendItem({.kind = ItemKind::kReserve}, args, &item);
    batcher_.AddOwn(item);
    reserved_revision_ = std::max(reserved_revision_, config_.reserved_revision);
  }
  MaybeRaiseVersion();
}

// Whether all that a turn or the entries in flight may take is below the durable bound.
bool Node::RevisionsReserved() const {
  constexpr uint64_t kTakenMax = kReserveAhead / 4;
  const uint64_t used = std::max(state_.revision(), config_.reserved_revision);
  return used + kTakenMax < reserved_revision_;
}

// Below `always`: keeps the durable bound well ahead of the revisions in use.
void Node::ReserveRevisions() {
  const uint64_t used = std::max(state_.revision(), config_.reserved_revision);
  if (!config_.weak_durability || used + kReserveAhead / 2 < reserving_) return;
  reserving_ = used + kReserveAhead;
  const uint64_t value = reserving_;
  log_.PersistReserve(value,
                      [this, value] { reserved_revision_ = std::max(reserved_revision_, value); });
}

void Node::StopLeading() {
  beyond_round_ = 0;
  REACH("stopped leading");
  Log(LogLevel::kNotice, "no longer the leader");
  leading_ = false;
  batcher_.Reset();
  timers_.Clear();
  waiting_asks_.clear();
  waiting_ticks_.clear();
  waiting_calls_.clear();
}

// --- Batches -------------------------------------------------------------------------------------

uint8_t Node::Verdicts() const {
  uint8_t flags = 0;
  if (log_.disk_low()) flags |= kVerdictDiskLow;
  if (over_memory_) flags |= kVerdictOom;
  return flags;
}

// A leader whose disk is low has all clients' writes refused, also one that came to lead when it
// was low already: somebody who has room leads in its place, if there is one.
void Node::LookForRoom(int64_t now_ns) {
  constexpr int64_t kAgainNs = 1'000'000'000;
  if (!leading_ || alone() || !log_.disk_low() || now_ns - room_sought_ns_ < kAgainNs) return;
  room_sought_ns_ = now_ns;
  const paxos::PeerStatus* best = nullptr;
  for (const paxos::PeerStatus& peer : replica_.peers()) {
    StateNews news;
    const bool has_room = peer.voter && peer.voting && now_ns - peer.heard_ns <= kAgainNs &&
                          NewsOf(peer, &news) && !news.disk_low;
    if (has_room && (best == nullptr || peer.durable > best->durable)) best = &peer;
  }
  if (best == nullptr || !TransferLeadership(best->node)) return;
  REACH("leader with a full disk hands over");
  Log(LogLevel::kWarning, "leadership is given to node {}: this node's disk is low", best->node);
}

bool Node::OnForward(NodeId from, Ballot ballot, std::string_view items) {
  // Only what was meant for this leadership: anything else is sent again by its origin. It may come
  // before the own no-op is applied, and waits for that.
  const bool wanted = known_leader_ == self() && ballot == known_ballot_ &&
                      replica_.role() == paxos::Role::kLeader && ballot == replica_.ballot();
  const uint8_t verdicts = wanted ? Verdicts() : 0;
  const std::vector<MemberRecord>& records = roster_.watch().records();
  const auto introduced = std::find_if(records.begin(), records.end(),
                                       [from](const MemberRecord& r) { return r.node == from; });
  CHECK(introduced != records.end());  // else nothing of it is taken
  Reader reader(items);
  while (reader.remaining() > 0) {
    ItemHeader header;
    std::string_view bytes;
    if (!PeekItem(&reader, &header, &bytes) || header.session.node != from) return false;
    // A node speaks for the start that it introduced itself as, and no other: a later one would end
    // the session of its clients, and of an earlier one nothing is of use.
    if (header.session.boot != introduced->boot) continue;
    if (wanted && !state_.CanTake(header, bytes)) return false;
    if (!wanted || batcher_.Add(header, bytes, verdicts)) continue;
    // What is applied is never asked for again, whatever is waited for here.
    batcher_.Advance(header.session, state_.NextSequence(header.session));
    if (!batcher_.Add(header, bytes, verdicts)) REACH("forwarded item not taken");
  }
  return true;
}

void Node::OnGap(Session session, uint64_t next_sequence) {
  batcher_.Rewind(session, next_sequence);
}

void Node::ProposeBatches() {
  // No token is given that could be given again: right after the start the bound is being written.
  if (config_.weak_durability && !RevisionsReserved()) return;
  const int64_t now = NowNs();
  while (replica_.CanPropose()) {
    // The clocks of entries in flight must not fall either.
    const EntryHeader header{
        .elapsed_ms =
            std::max({proposed_elapsed_ms_, cluster_clock_.ElapsedMs(now), state_.elapsed_ms()}),
        .wall_ms = state_.feature_version() >= kWallMayFall
                       ? LiveWallMs()
                       : std::max({proposed_wall_ms_, LiveWallMs(), state_.wall_ms()}),
        .feature_version = state_.feature_version(),
        .flags = EntryFlags()};
    std::string entry;
    if (!batcher_.Empty()) {
      entry = batcher_.Take(header);
    } else if (tick_wanted_) {
      AppendEntryHeader(header, &entry);
    } else {
      return;
    }
    proposed_elapsed_ms_ = header.elapsed_ms;
    proposed_wall_ms_ = header.wall_ms;
    TickProposed(replica_.Propose(paxos::EntryKind::kBatch,
                                  std::make_shared<const std::string>(std::move(entry)), now));
  }
}

// --- What is due ---------------------------------------------------------------------------------

void Node::ProposeDue(int64_t now_ns) {
  const int64_t elapsed = cluster_clock_.ElapsedMs(now_ns);
  const int64_t wall = LiveWallMs();
  // An entry removes so many keys at most: the rest need not wait for the next tick's time.
  const bool left = (state_.NextDueElapsedMs() <= state_.elapsed_ms() ||
                     state_.NextDueWallMs() <= state_.wall_ms()) &&
                    replica_.last_slot() == state_.applied_slot();
  const bool any_due =
      EntryFlags() == 0 && (state_.NextDueElapsedMs() <= elapsed ||
                            state_.NextDueWallMs() <= std::max(wall, state_.wall_ms()));
  // Nobody needs to write for a wall that was wrong to be put right.
  const bool wrong =
      state_.feature_version() >= kWallMayFall && state_.wall_ms() - wall > WallClock::kApartMaxMs;
  if ((left || now_ns - last_tick_ns_ >= config_.tick_ns) && (any_due || wrong)) {
    last_tick_ns_ = now_ns;
    if (!InlineReady()) {
      tick_wanted_ = true;
    } else {
      host_.InlineTick();
    }
  }
  std::vector<EndTimers::Due> due;
  timers_.TakeDue(now_ns, kEndsPerRound, &due);
  for (const EndTimers::Due& end : due) {
    std::string item;
    const std::string revision = U64Bytes(end.revision);
    const std::string renewed = U64Bytes(end.renewed);
    if (end.key.db < 0) {
      const std::string_view args[] = {end.key.name, revision, renewed};
      AppendItem({.kind = ItemKind::kLeaseEnd}, args, &item);
    } else {
      const char db = static_cast<char>(end.key.db);
      const std::string_view args[] = {std::string_view(&db, 1), end.key.name, revision, renewed};
      AppendItem({.kind = ItemKind::kLockEnd}, args, &item);
    }
    batcher_.AddOwn(item);
  }
  MaybeWantSnapshot();
}

void Node::KeepDue(bool keep) {
  keep_due_ = keep;
  if (keep || !leading_ || halted_) return;
  last_tick_ns_ = 0;
  ProposeDue(NowNs());
}

void Node::OnLeaseGranted(const StateMachine::LeaseInfo& lease) {
  if (!leading_) return;
  timers_.Set({-1, std::string(lease.id)}, lease.revision, lease.renewed, lease.ttl_ms, NowNs());
}

void Node::OnLeaseEnded(std::string_view id) {
  if (leading_) timers_.Erase({-1, std::string(id)});
}

void Node::OnLockGranted(const StateMachine::LockInfo& lock) {
  if (!leading_) return;
  timers_.Set({lock.db, std::string(lock.name)}, lock.token, lock.renewed, lock.ttl_ms, NowNs());
}

void Node::OnLockEnded(int db, std::string_view name) {
  if (leading_) timers_.Erase({db, std::string(name)});
}

// --- Calls ---------------------------------------------------------------------------------------

// A keepalive is acknowledged only under a valid leader lease: else another leader may already have
// ended what it keeps alive.
void Node::ServeCall(NodeId from, uint64_t id, std::string_view body) {
  if (!leading_ || waiting_calls_.size() >= kWaitingMax) return;
  uint64_t round = 0;
  if (!LeadsByLease(NowNs()) && !Planted(Bug::kKeepaliveWithoutLease)) {
    REACH("leader call waits for a quorum round");
    round = replica_.StartReadRound(NowNs());
  }
  if (round == 0) {
    if (std::optional<std::string> answer = host_.RunLeaderCall(body)) {
      AnswerCall(from, id, *answer);
      return;
    }
  }
  // A repeated call replaces the one that still waits.
  std::erase_if(waiting_calls_,
                [&](const WaitingCall& call) { return call.from == from && call.id == id; });
  waiting_calls_.push_back({from, id, std::string(body), round});
}

void Node::RetryWaitingCalls() {
  if (waiting_calls_.empty() || !leading_) return;
  std::vector<WaitingCall> calls;
  std::swap(calls, waiting_calls_);
  for (WaitingCall& call : calls) {
    std::optional<std::string> answer;
    if (call.read_round <= calls_confirmed_) answer = host_.RunLeaderCall(call.body);
    if (answer) {
      AnswerCall(call.from, call.id, *answer);
    } else {
      waiting_calls_.push_back(std::move(call));
    }
  }
}

void Node::AnswerCall(NodeId to, uint64_t id, std::string_view answer) {
  if (to == self()) {
    OnCallAnswer(id, answer);
  } else {
    transport_.Send(to, UrgencyOfCall(answer), WireCall(WireKind::kLeaderAnswer, id, answer));
  }
}

}  // namespace clustron::cluster

#include "cluster/node/lead_duty.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/coding.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "cluster/log/wait_item.h"

namespace clustron::cluster {

namespace {

constexpr size_t kEndsPerRound = 1000;
// Without a word from a node for so many heartbeats, its clients count as gone.
constexpr int64_t kSilentRounds = 3;

std::string U64Bytes(uint64_t value) {
  std::string out;
  Writer(&out).U64(value);
  return out;
}

}  // namespace

void LeadDuty::Begin() {
  CHECK(around_.leader_view.leading());
  timers_.Clear();
  around_.proposer.Begin();
  snapshot_proposed_ = left_out_lost_ = false;
  began_ns_ = core_.NowNs();
  // In front of what releases a lock, or pushes: clients of the leader before may wait for that.
  parked_ns_ = began_ns_ - core_.config.tick_ns;
  ParkWaiters(began_ns_);
  around_.clock.OnLeading();
  core_.state.ForEachLease([&](const StateMachine::LeaseInfo& lease) { OnLeaseGranted(lease); });
  core_.state.ForEachLockPart([&](const StateMachine::LockPart& part) { OnLockPart(part); });
  // Nothing was ever done here, not even this.
  if (core_.state.revision() == 0)
    for (const std::string& item : core_.config.first_items) around_.proposer.AddOwn(item);
  if (const std::string item = around_.reserve.TakeItem(); !item.empty())
    around_.proposer.AddOwn(item);
  LeaveOutLost();
}

// In front of whatever gives out a revision. Who has given up what it lost counts as set back until
// it has applied this (Roster::StepRecovery), so that no later leader goes without it.
void LeadDuty::LeaveOutLost() {
  if (!around_.roster.watch().AnyGaveUp() || std::exchange(left_out_lost_, true)) return;
  const std::string item = around_.reserve.TakeLossItem();
  core_.state.revision() == 0 ? around_.proposer.AddOwn(item) : around_.proposer.AddOwnFirst(item);
}

// --- What is due ---------------------------------------------------------------------------------

bool LeadDuty::TickIsDue(int64_t now_ns) const {
  const StateMachine& state = core_.state;
  const int64_t elapsed = around_.clock.ElapsedMs(now_ns);
  const int64_t wall = around_.clock.LiveWallMs();
  // An entry removes so many keys at most: the rest need not wait for the next tick's time.
  const bool left =
      (state.NextDueElapsedMs() <= state.elapsed_ms() ||
       state.NextWaitEndMs() <= state.elapsed_ms() || state.NextDueWallMs() <= state.wall_ms()) &&
      core_.replica.last_slot() == state.applied_slot();
  // A CLIENT PAUSE keeps keys, but not those who have waited long enough.
  const bool any_due = state.NextWaitEndMs() <= elapsed ||
                       ((around_.proposer.Flags() & kEntryKeepsDue) == 0 &&
                        (state.NextDueElapsedMs() <= elapsed ||
                         state.NextDueWallMs() <= std::max(wall, state.wall_ms())));
  // Nobody needs to write for a wall that was wrong to be put right.
  const bool wrong =
      state.feature_version() >= kWallMayFall && state.wall_ms() - wall > WallClock::kApartMaxMs;
  return (left || now_ns - last_tick_ns_ >= core_.config.tick_ns) && (any_due || wrong);
}

void LeadDuty::ProposeDue(int64_t now_ns) {
  CHECK(around_.leader_view.leading());
  if (TickIsDue(now_ns)) {
    last_tick_ns_ = now_ns;
    if (!around_.inline_path.Ready()) {
      around_.proposer.WantTick();
    } else {
      core_.host.InlineTick();
    }
  }
  LeaveOutLost();
  ProposeEnds(now_ns);
  ParkWaiters(now_ns);
  MaybeProposeSnapshot();
}

bool LeadDuty::Lives(const Session& session, int64_t now_ns) const {
  if (session.node == core_.self()) return session.boot == around_.writes.origin().session().boot;
  for (const MemberRecord& record : around_.roster.watch().records())
    if (record.node == session.node && record.boot > session.boot) return false;
  const int64_t silence_ns = kSilentRounds * core_.config.paxos.round_ns;
  for (const paxos::PeerStatus& peer : core_.replica.peers())
    if (peer.node == session.node)
      return now_ns - (peer.heard_ns != 0 ? peer.heard_ns : began_ns_) <= silence_ns;
  return false;
}

// An element that is taken off for somebody who is gone is lost, and a lock that is granted to him
// is held until its TTL ends.
void LeadDuty::ParkWaiters(int64_t now_ns) {
  CHECK(around_.leader_view.leading());
  if (now_ns - parked_ns_ < core_.config.tick_ns || Planted(Bug::kGoneWaitersServed)) return;
  for (const Session& session : core_.state.ServedWaiters()) {
    CHECK(session.node != 0);
    if (Lives(session, now_ns)) continue;
    parked_ns_ = now_ns;
    Park(session);
  }
}

void LeadDuty::OnLinkDown(NodeId peer) {
  if (!around_.leader_view.leading() || core_.halted || Planted(Bug::kGoneWaitersServed)) return;
  for (const Session& session : core_.state.ServedWaiters())
    if (session.node == peer) Park(session);
}

void LeadDuty::Park(const Session& session) {
  Log(LogLevel::kNotice,
      "node {} can't be seen, or was started again: its clients that wait for keys or locks are "
      "not served until it says that they are there",
      session.node);
  around_.proposer.AddOwnFirst(WaitItem({.what = WaitNews::What::kPark, .owner = session}, {}));
}

void LeadDuty::ProposeEnds(int64_t now_ns) {
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
    around_.proposer.AddOwn(item);
  }
}

void LeadDuty::MaybeProposeSnapshot() {
  if (snapshot_proposed_ || !around_.writer.IsDue()) return;
  snapshot_proposed_ = true;
  std::string item;
  AppendItem({.kind = ItemKind::kSnapshot}, {}, &item);
  around_.proposer.AddOwn(item);
}

void LeadDuty::KeepDue(bool keep) {
  around_.proposer.SetKeepDue(keep);
  if (keep || !around_.leader_view.leading() || core_.halted) return;
  last_tick_ns_ = 0;
  ProposeDue(core_.NowNs());
}

// --- What apply tells ----------------------------------------------------------------------------

void LeadDuty::OnGap(Session session, uint64_t next_sequence) {
  around_.proposer.OnGap(session, next_sequence);
}

void LeadDuty::OnSnapshotWanted() {
  snapshot_proposed_ = false;
  around_.writer.Want();
}

void LeadDuty::OnLeaseGranted(const StateMachine::LeaseInfo& lease) {
  if (!around_.leader_view.leading()) return;
  timers_.Set({-1, std::string(lease.id)}, lease.revision, lease.renewed, lease.ttl_ms,
              core_.NowNs());
}

void LeadDuty::OnLeaseEnded(std::string_view id) {
  if (around_.leader_view.leading()) timers_.Erase({-1, std::string(id)});
}

void LeadDuty::OnLockPart(const StateMachine::LockPart& part) {
  if (!around_.leader_view.leading()) return;
  CHECK(part.db >= 0);  // below it are leases
  EndTimers::Key key{part.db, std::string(part.name), part.revision};
  if (part.ttl_ms == 0) return timers_.Erase(key);
  timers_.Set(std::move(key), part.revision, part.renewed, part.ttl_ms, core_.NowNs());
}

void LeadDuty::OnLockPartEnded(int db, std::string_view name, uint64_t revision) {
  if (around_.leader_view.leading()) timers_.Erase({db, std::string(name), revision});
}

}  // namespace clustron::cluster

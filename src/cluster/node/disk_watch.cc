#include "cluster/node/disk_watch.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

DiskWatch::DiskWatch(NodeCore& core, LeaderView& leader_view, const DigestWatch& digests)
    : core_(core),
      leader_view_(leader_view),
      digests_(digests),
      longer_lease_until_ns_(core.longest_lease_ns > core.config.paxos.lease_ns
                                 ? core.NowNs() + core.longest_lease_ns
                                 : 0) {
  core_.log.SetListener(this);
}

DiskWatch::~DiskWatch() { core_.log.SetListener(nullptr); }

// --- What is durable -----------------------------------------------------------------------------

void DiskWatch::OnDurable(uint64_t seq) {
  if (core_.halted) return;
  core_.replica.OnDurable(seq, core_.NowNs());
  leader_view_.NoticeDeposed();
}

Slot DiskWatch::DurableSlot() const {
  const Slot accepted = core_.replica.durable_slot();
  return core_.config.weak_durability ? std::min(accepted, core_.log.synced_slot()) : accepted;
}

size_t DiskWatch::OthersWithSlot(Slot slot, uint64_t round) {
  constexpr int64_t kAskAgainNs = 5'000'000;
  size_t have = 0;
  bool all = true;
  for (const paxos::PeerStatus& peer : core_.replica.peers()) {
    const bool has = Planted(Bug::kWaitCountsVotes)
                         ? peer.durable >= slot
                         : peer.answered_probe > round && peer.safe >= slot;
    have += has ? 1 : 0;
    all = all && has;
  }
  const int64_t now = core_.NowNs();
  if (!all && now - durability_asked_ns_ >= kAskAgainNs) {
    durability_asked_ns_ = now;
    core_.replica.AskAll(now);
  }
  return have;
}

// What an earlier setting may have granted is over.
void DiskWatch::ForgetLongerLease(int64_t now_ns) {
  if (longer_lease_until_ns_ == 0 || now_ns < longer_lease_until_ns_) return;
  longer_lease_until_ns_ = 0;
  core_.log.LowerLease(core_.config.paxos.lease_ns);
}

void DiskWatch::OnFatal(const Error& error) { core_.host.Fatal("log: " + error.detail); }

// --- Room ----------------------------------------------------------------------------------------

void DiskWatch::OnDiskLow(bool low) {
  // A leader whose disk is full hands over to one that has room; alone, it refuses writes.
  if (!low || !leader_view_.leading() || core_.alone()) return;
  REACH("leader with a full disk steps down");
  Log(LogLevel::kWarning, "leadership is given away: this node's disk is low");
  leader_view_.StepDown();
}

// A leader whose disk is low has all clients' writes refused, also one that came to lead when it
// was low already: somebody who has room leads in its place, if there is one.
void DiskWatch::LookForRoom(int64_t now_ns) {
  constexpr int64_t kAgainNs = 1'000'000'000;
  if (!leader_view_.leading() || core_.alone() || !core_.log.disk_low() ||
      now_ns - room_sought_ns_ < kAgainNs)
    return;
  room_sought_ns_ = now_ns;
  const paxos::PeerStatus* best = nullptr;
  for (const paxos::PeerStatus& peer : core_.replica.peers()) {
    StateNews news;
    const bool has_room = peer.voter && peer.vote != paxos::PeerVote::kIgnored &&
                          now_ns - peer.heard_ns <= kAgainNs && digests_.NewsOf(peer, &news) &&
                          !news.disk_low;
    if (has_room && (best == nullptr || peer.durable > best->durable)) best = &peer;
  }
  if (best == nullptr || !leader_view_.HandOver(best->node)) return;
  REACH("leader with a full disk hands over");
  Log(LogLevel::kWarning, "leadership is given to node {}: this node's disk is low", best->node);
}

void DiskWatch::OnWaitsForRoom(bool waits) {
  if (waits) {
    Log(LogLevel::kWarning,
        "the log waits for room on the disk ({}): slots from {} on are not durable "
        "on this node",
        core_.log.RoomText(), DurableSlot() + 1);
  } else {
    Log(LogLevel::kNotice, "the log no longer waits for room on the disk");
  }
}

bool DiskWatch::Tick(int64_t now_ns) {
  constexpr int64_t kTickNs = 100'000'000;
  if (now_ns - ticked_ns_ < kTickNs) return false;
  ticked_ns_ = now_ns;
  core_.log.Tick(now_ns);
  NoteFullLog();
  return true;
}

// A disk that is slow or hangs, with or without room.
void DiskWatch::NoteFullLog() {
  if (core_.replica.log_full() == log_full_) return;
  log_full_ = core_.replica.log_full();
  if (log_full_) {
    Log(LogLevel::kWarning,
        "the disk is behind by {} bytes of the log: this node takes no more entries until it has "
        "some of them; slots from {} on are not durable on this node",
        core_.replica.undurable_bytes(), DurableSlot() + 1);
  } else {
    Log(LogLevel::kNotice, "the disk is no longer too far behind: this node takes entries again");
  }
}

}  // namespace clustron::cluster

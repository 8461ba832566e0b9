// What a leader proposes by itself: entries when something is due, the ends of leases and locks,
// snapshots, that nobody is to be served who waits at a node that is gone, and what an empty state
// begins with. It hears from apply what was granted and what has ended.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/end_timers.h"
#include "cluster/node/inline_path.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/proposer.h"
#include "cluster/node/revision_reserve.h"
#include "cluster/node/roster.h"
#include "cluster/node/snapshot_writer.h"
#include "cluster/node/write_path.h"

namespace clustron::cluster {

class LeadDuty final : public ApplyListener {
 public:
  struct Around {
    const LeaderView& leader_view;
    NodeClock& clock;
    RevisionReserve& reserve;
    Proposer& proposer;
    SnapshotWriter& writer;
    const InlinePath& inline_path;
    const Roster& roster;
    const WritePath& writes;
  };
  LeadDuty(NodeCore& core, const Around& around) : core_(core), around_(around) {}

  EndTimers& timers() { return timers_; }
  // Clients' writes that may need space are refused: it decides about the writes of all.
  bool RefusesForDisk() const { return around_.leader_view.leading() && core_.log.disk_low(); }
  // Leading: nobody knows how much time each lease and lock had left, and all start anew with the
  // full TTL.
  void Begin();
  void End() { timers_.Clear(); }
  // As leader, now and then.
  void ProposeDue(int64_t now_ns);
  // The link to it broke: as a rule its process is gone.
  void OnLinkDown(NodeId peer);
  // While set (CLIENT PAUSE), entries leave in place what is due. What has come together goes at
  // once when that ends.
  void KeepDue(bool keep);

  // ApplyListener
  void OnGap(Session session, uint64_t next_sequence) override;
  void OnSnapshotWanted() override;
  void OnLeaseGranted(const StateMachine::LeaseInfo& lease) override;
  void OnLeaseEnded(std::string_view id) override;
  void OnLockPart(const StateMachine::LockPart& part) override;
  void OnLockPartEnded(int db, std::string_view name, uint64_t revision) override;

 private:
  bool TickIsDue(int64_t now_ns) const;
  bool Lives(const Session& session, int64_t now_ns) const;
  void ParkWaiters(int64_t now_ns);
  void Park(const Session& session);
  void ProposeEnds(int64_t now_ns);
  void LeaveOutLost();
  void MaybeProposeSnapshot();

  NodeCore& core_;
  const Around around_;
  EndTimers timers_;
  int64_t last_tick_ns_ = 0;
  int64_t began_ns_ = 0;   // this leadership
  int64_t parked_ns_ = 0;  // when waiters were last said to be nobody's
  bool snapshot_proposed_ = false;
  bool left_out_lost_ = false;
};

}  // namespace clustron::cluster

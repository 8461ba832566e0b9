// Makes things go wrong, as often as the seed's knobs say: each kind of fault is a process of its
// own with exponential pauses.
//
// What it never does: damage the disks of more machines than a cluster must survive. Rot hits one
// chosen machine, and not while another has lost its disk for good.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/sim/cluster.h"

namespace clustron::sim {

class Nemesis {
 public:
  explicit Nemesis(Cluster* cluster);
  ~Nemesis();

  void Start();
  // No more faults; what is going on is the cluster's to heal.
  void Stop() { stopped_ = true; }
  // One of the shapes that divide a cluster, at random.
  void Partition();

 private:
  using Fault = void (Nemesis::*)();
  void Every(int64_t mean_ns, Fault fault);
  int64_t Exponential(int64_t mean_ns);
  int AnyNode();
  // Some running node; -1: none.
  int RunningNode();

  void CutOneLink();
  void DoPartition();
  void DoBreak();
  void DoClog();
  void DoKill();
  void DoPower();
  void DoAllDown();
  void DoStopPoint();
  void DoPause();
  void DoWallJump();
  void DoWallGlitch();
  void DoDiskFull();
  void DoSlowDisk();
  void DoRot();
  void DoSnapshotRot();
  void DoSyncError();
  void DoShutdown();
  void DoHandOver();
  void DoLeaseRace();
  void DoRotRace();
  void DoVoteRace();
  void DoLateAckRace();
  void DoGapRace();
  void DoStaleRace();
  void DoSleepRace();
  void DoOldVoteRace();
  void DoSetBack();
  void DoLateReleaseRace();
  void DoBehindSnapshotRace();
  void DieWhileLoading(int node, int64_t until_ns);
  // Cuts the links of `node` but those with `friend_of`.
  void Apart(int node, int friend_of);
  void DoLoss();
  void DoTwoLivesRace();
  void BeginSecondLife(int leader, int candidate, int witness, int64_t awake_ns);
  void Cut(int a, int b, bool cut);
  void DoDisturb();
  void DoPoison();
  void SkipPoison();
  void SnapshotsNow();
  void AwaitNextLeader(int deposed, int64_t until_ns);
  // Two nodes other than the leader; false if there is no leader or too few nodes.
  bool PickThree(int* leader, int* first, int* second);

  Cluster& cluster_;
  Rng& rng_;
  bool stopped_ = false;
  uint64_t partition_ = 0;  // the one in force; 0: none
  uint64_t partitions_ = 0;
  int rot_victim_ = -1;
  // See nemesis_set_back.cc.
  struct SetBackRace;
  std::shared_ptr<SetBackRace> set_back_;
  void CopyDirectory();
  void AwaitKnowledge(int64_t until_ns);
  void DivideForSetBack();
  void PutDirectoryBack();
  void WatchVote(int64_t until_ns);
  void EndSetBack(int64_t until_ns);
  // See nemesis_loss.cc.
  struct LossRace;
  std::shared_ptr<LossRace> loss_;
  bool quiet_ = false;          // no other fault begins
  int64_t alone_until_ns_ = 0;  // the same, until then
  bool AllWell();
  void AwaitOthersKnow(int64_t until_ns);
  void DivideForLoss();
  void Lose();
  void AwaitVictimsKnow(int64_t until_ns);
  void ReckonLoss();
  void AwaitLeaderBehindLoss(int64_t until_ns);
  void DivideBehindLoss();
  void EndLoss();
};

}  // namespace clustron::sim

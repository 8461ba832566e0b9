// A whole cluster under test: machines, links, clients, faults, and the judgement over all of it.
//
// A run has three phases:
//   faults   everything that the seed's knobs allow, at any time, for three quarters of the time
//   healing  all links whole, all machines up that can be: within a bound there is a leader and
//   every
//            node answers (liveness)
//   the end  clients read everything once more; then all nodes must have applied the same log
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/paxos/invariants.h"
#include "tests/sim/history.h"
#include "tests/sim/knobs.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/wait_watch.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

class Nemesis;

class Cluster final : private SimNetwork::Host, private ClientNetwork, private ClientCarrier {
 public:
  Cluster(EventLoop* loop, Report* report, const Knobs& knobs);
  ~Cluster();

  // Prints, at the end, the log's items whose arguments contain this.
  void DumpAtEnd(const char* needle) { dump_ = needle; }
  // All of it: `duration_ns` of virtual time, a little more if healing takes longer.
  void Run(int64_t duration_ns);

  EventLoop& loop() { return loop_; }
  Report& report() { return report_; }
  const Knobs& knobs() const { return knobs_; }
  SimNetwork& network() { return network_; }
  int size() const { return static_cast<int>(nodes_.size()); }
  SimNode& node(int i) { return *nodes_[i]; }
  // The node that leads for sure, or -1.
  int Leader() const;
  // Every other machine has told the node that it has recorded this start of it.
  bool RecordedByOthers(paxos::NodeId node, uint64_t nonce) const;
  // The value that was applied in the slot; null: nobody has applied it.
  const paxos::Value* ValueAt(paxos::Slot slot) const { return history_.ValueAt(slot); }
  // All went down, and nobody has what was above this slot any more.
  void LoseAbove(paxos::Slot slot, int64_t crash_ns);
  // The operator's part, if there is one.
  void LookAfterSetBack();
  // Clients that have something of that kind to do go there and do it at once.
  void HurryTo(int node, Actor::Hurry what);
  // Nobody is set back, as far as anybody knows.
  bool NobodySetBack() const;
  // Alive ones that may be lost without stopping the cluster for good.
  int DeadCount() const;
  // An operator has all members leave an entry out.
  void SkipSlot(const cluster::SkipWord& word) { history_.SkipSlot(word.skip); }
  // The link between these two is cut, and nothing else is wrong: from now on the leader stays, and
  // clients of all other nodes are served without a gap.
  void BeginStability(int a, int b);
  std::string Standing() const;
  std::string Unserved() const;

 private:
  struct Connection {
    Client* client = nullptr;
    int node = 0;
    int64_t to_node_ns = 0;  // when what was last sent arrives
    int64_t to_client_ns = 0;
  };

  // SimNetwork::Host
  void OnMessage(int to, int from, std::string message) override;
  void OnLinkUp(int node, int peer) override;
  void OnLinkDown(int node, int peer) override;
  // ClientNetwork
  void Connect(Client* client, uint64_t connection, int node) override;
  void SendToNode(uint64_t connection, std::string bytes) override;
  void CloseByClient(uint64_t connection) override;
  uint64_t NextConnection() override { return ++last_connection_; }
  int node_count() const override { return static_cast<int>(nodes_.size()); }
  // ClientCarrier
  void ToClient(uint64_t connection, std::string bytes) override;
  size_t Untaken(uint64_t connection) const override;
  void ClosedByNode(uint64_t connection, bool died) override;

  void MakeWorkloads();
  void AddActors(const WorkloadMix& work);
  void CheckLater();
  void CheckNow();
  std::optional<size_t> CountHolders(const Client& client, int64_t since_ns) const;
  void CheckLeaseIsBacked(const SimNode& leader);
  void CheckWalls();
  int64_t Drift(int64_t ms) const;
  int64_t WallAheadMsMax() const;
  void CheckStability();
  bool Whole(int node) const { return node != cut_a_ && node != cut_b_; }
  void CheckFlow();
  void Heal();
  int64_t RecoveryNs() const;
  void NoteRecorded(int to, int from, std::string_view message);
  bool Live();
  bool Converged() const;
  void CheckDisturbed();
  void CheckWorkloads();
  void CheckConverged();
  int64_t ClientDelay();

  EventLoop& loop_;
  Report& report_;
  const Knobs& knobs_;
  History history_;
  SimNetwork network_;
  Said said_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  WaitWatch wait_watch_;
  std::unique_ptr<Nemesis> nemesis_;
  paxos::Agreement agreement_;

  World world_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::map<uint64_t, Connection> connections_;
  uint64_t last_connection_ = 0;
  const char* dump_ = nullptr;
  uint64_t checks_ = 0;
  // By whom, whose start: its nonce.
  std::map<std::pair<paxos::NodeId, paxos::NodeId>, uint64_t> recorded_;
  int64_t looked_after_ns_ = 0;
  int stable_leader_ = -1;  // see BeginStability; -1: not judged
  int cut_a_ = -1;
  int cut_b_ = -1;
  int64_t clock_behind_ns_ = -kSecond * 100;  // when that of node 0 last was
  paxos::Ballot calm_ballot_;                 // of a calm run, once it has settled
  uint64_t calm_errors_ = 0;                  // … and the errors until then
  std::map<const Actor*, bool> progressed_;   // since the healing; only looked up
};

}  // namespace clustron::sim

// A whole Paxos group in one thread and virtual time: replicas with disks that lose what is not
// fsynced, a network that loses, doubles, delays and reorders, clocks that differ. After every step
// the invariants are checked; the first violation stops the run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cluster/paxos/invariants.h"
#include "cluster/paxos/replica.h"

namespace clustron::paxos {

struct ClusterOptions {
  uint32_t voters = 3;
  uint32_t learners = 0;  // ids above the voters'
  uint64_t seed = 1;
  double loss_percent = 0;
  double doubling_percent = 0;
  // Messages that take up to `straggle_ns_max` instead.
  double straggle_percent = 0;
  int64_t straggle_ns_max = 1'000'000'000;
  // A node that has just sent something loses its power, and is back within 100 ms.
  double power_loss_percent = 0;
  int64_t delay_ns_min = 200'000;
  int64_t delay_ns_max = 1'000'000;
  int64_t fsync_ns_min = 100'000;
  int64_t fsync_ns_max = 2'000'000;
  // Clock rates lie within 1 ± this; offsets are anything.
  double drift = 0.004;
  // Each node gets its own, wildly different election timings: safety must not rest on them.
  bool uneven_timings = false;
  bool encode = true;  // every message goes through its encoding
  Config config;       // self and members are filled in
};

class TestCluster {
 public:
  explicit TestCluster(ClusterOptions options);
  ~TestCluster();

  // --- Running
  // Until then, or until a violation.
  void RunFor(int64_t ns);
  // True if the condition held before the time was over. Looked at once a millisecond.
  bool RunUntil(const std::function<bool()>& condition, int64_t ns_max);
  int64_t now_ns() const { return now_ns_; }
  // Empty while all is well.
  const std::string& violation() const { return violation_; }

  // --- Faults
  void SetLink(NodeId from, NodeId to, bool up) { links_[from][to] = up; }
  void Cut(NodeId a, NodeId b) { SetLink(a, b, false), SetLink(b, a, false); }
  void Isolate(NodeId node);
  void HealLinks();
  void SetLoss(double loss_percent, double doubling_percent);
  void SetPowerLoss(double percent) { options_.power_loss_percent = percent; }
  void SetStragglers(double percent) { options_.straggle_percent = percent; }
  // Loses what is not fsynced, but for a random number of the oldest unsynced records.
  void Crash(NodeId node, bool keep_some = true);
  // `damage`: slots whose records can't be read any more.
  void Restart(NodeId node, const std::vector<Slot>& damage = {});
  // The disk answers no fsync until further notice.
  void HoldDisk(NodeId node, bool hold);
  // Stops the process, as SIGSTOP does: what is sent to it meanwhile is lost.
  void Pause(NodeId node, bool pause) { nodes_.at(node).paused = pause; }
  // Takes a snapshot of what is applied and forgets the log before it.
  void Compact(NodeId node);

  // --- Work
  bool Up(NodeId node) const { return nodes_.at(node).replica != nullptr; }
  Replica& At(NodeId node) { return *nodes_.at(node).replica; }
  int64_t LocalNow(NodeId node) const;
  // Proposes something unique if the node can. Returns the slot or 0.
  Slot Propose(NodeId node, size_t bytes = 20);
  Slot ProposeConfig(NodeId node, const Members& members);
  // Starts a read on a leader: by lease if valid, else by a round. Checked when confirmed: the
  // index must cover everything acknowledged before the read began. False: the node can't.
  bool Read(NodeId node);
  // A node that leads, has its own no-op chosen and is heard by a quorum; 0: none.
  NodeId Leader() const;
  // Proposes at the leader until something is acknowledged. False: not within the time.
  bool Progress(int64_t ns_max);
  // All nodes that are up have applied the same, and everything acknowledged.
  bool Converged();
  // Slots acknowledged to whoever proposed them, the highest.
  Slot acknowledged() const { return acknowledged_; }
  uint64_t reads_done() const { return reads_done_; }
  // Highest slot with a durable record on the node's disk.
  Slot LastOnDisk(NodeId node) const;
  uint32_t node_count() const { return static_cast<uint32_t>(nodes_.size()); }
  const Members& initial_members() const { return options_.config.members; }
  Rng& rng() { return rng_; }
  // Hash of everything that happened; equal for equal seeds.
  uint64_t trace() const { return trace_; }

 private:
  struct Node {
    NodeId id = kNoNode;
    std::unique_ptr<Replica> replica;
    Invariants invariants;
    uint64_t life = 0;  // events of an earlier life are void
    // Clock: local = offset + rate · true.
    int64_t offset_ns = 0;
    double rate = 1;
    int64_t round_ns = 0;
    uint32_t bad_rounds_max = 0;
    // Disk.
    std::vector<LogRecord> durable;
    std::set<Slot> damaged;  // their records can't be read; one written later can
    std::vector<LogRecord> unsynced;
    std::map<Slot, uint64_t> durable_hashes;  // of the accepts in `durable`
    Slot durable_checked = 0;                 // as leader: up to here its choices were checked
    bool fsync_running = false;
    bool disk_held = false;
    bool paused = false;
    bool ever_started = false;
    // Snapshot: the state up to `snapshot.size() - 1` slots; slot 0 unused.
    std::vector<uint64_t> snapshot = {0};
    Members snapshot_members;
    // State machine: hashes of what was applied, by slot.
    std::vector<uint64_t> state = {0};
    Members members;                    // as applied
    std::map<Slot, uint64_t> proposed;  // own proposals awaiting their outcome
    struct PendingRead {
      uint64_t round;
      Slot index;
      Slot acknowledged_before;
      Ballot ballot;
      uint64_t begun_at;  // as Commitments counts
    };
    std::vector<PendingRead> reads;
  };

  void Start(Node& node, const std::vector<Slot>& damage);
  Recovered Recover(const Node& node);
  void At(int64_t at_ns, std::function<void()> event);
  void ScheduleTick(Node& node);
  // After each input: does what the replica asks, then checks.
  void Drain(Node& node);
  void Persist(Node& node, std::vector<LogRecord>& records);
  void StartFsync(Node& node);
  void Send(NodeId from, const Outgoing& out);
  void Deliver(NodeId from, NodeId to, const Message& message);
  void MaybeLosePower(Node& node);
  void ServeCatchUp(Node& node, const CatchUpNeed& need);
  void ApplyChosen(Node& node);
  void FinishReads(Node& node, uint64_t confirmed);
  void CheckRead(const Node& node, Slot index, Slot acknowledged_before);
  void CheckAll(Node& node);
  void CheckLeaseIsBacked(const Node& leader);
  void CheckChosenIsDurable(Node& leader);
  void Fail(const std::string& what);

  ClusterOptions options_;
  Rng rng_;
  int64_t now_ns_ = 0;
  std::map<NodeId, Node> nodes_;
  std::map<NodeId, std::map<NodeId, bool>> links_;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> events_;
  uint64_t event_number_ = 0;
  uint64_t proposal_number_ = 0;
  Agreement agreement_;
  Commitments commitments_;
  Slot acknowledged_ = 0;
  uint64_t reads_done_ = 0;
  uint64_t trace_ = 0;
  std::string violation_;
  Ready ready_;
};

// --- What tests of whole groups begin with.

inline constexpr int64_t kMs = 1'000'000;
inline constexpr int64_t kSecond = 1000 * kMs;

#define CHECK_SAFE(cluster) CHECK_MESSAGE((cluster).violation().empty(), (cluster).violation())

inline ClusterOptions Options(uint32_t voters, uint64_t seed) {
  ClusterOptions options;
  options.voters = voters;
  options.seed = seed;
  return options;
}

// Nobody if none leads within the time.
inline NodeId AwaitLeader(TestCluster& cluster, int64_t ns_max = 3 * kSecond) {
  cluster.RunUntil([&] { return cluster.Leader() != kNoNode; }, ns_max);
  return cluster.Leader();
}

}  // namespace clustron::paxos

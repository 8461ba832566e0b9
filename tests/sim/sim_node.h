// One machine of the simulated cluster: disk and clocks that outlive the process, and the process:
// the product's engine with its node, log, snapshots and replicated state.
//
// The process runs in turns, as the server's loop does: what comes in is handled at once, and a
// moment later one EndOfTurn. A paused machine handles nothing; its events wait for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/log/log_store.h"
#include "cluster/membership/formation.h"
#include "cluster/node/node.h"
#include "cluster/paxos/invariants.h"
#include "persist/snapshot_store.h"
#include "server/config/config.h"
#include "server/dispatch/engine.h"
#include "tests/sim/history.h"
#include "tests/sim/knobs.h"
#include "tests/sim/losses.h"
#include "tests/sim/report.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_fs.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_task_runner.h"

namespace clustron::sim {

// What any machine has said, as far as it decides what others may.
struct Said {
  std::set<paxos::Ballot> led;       // phase 1 was completed under them
  std::set<paxos::Ballot> released;  // their leaders have stopped
};

// What the machines have in common.
struct Surroundings {
  EventLoop* loop = nullptr;
  Report* report = nullptr;
  const Knobs* knobs = nullptr;
  SimNetwork* network = nullptr;
  History* history = nullptr;
  Losses* losses = nullptr;
  Said* said = nullptr;
  std::string cluster_id = "0123456789abcdef0123456789abcdef";
  uint64_t hash_seed = 0;
  // Every other machine has recorded this start of the node.
  std::function<bool(paxos::NodeId node, uint64_t nonce)> recorded_by_others;
  // A person restarts the node: its session holds an item that no leader takes.
  std::function<void(int node)> restart_for_its_item;
};

// The node's end of a client's connection goes to whoever carries the bytes.
class ClientCarrier {
 public:
  virtual void ToClient(uint64_t connection, std::string bytes) = 0;
  // What the socket has not taken, as far as the node is told.
  virtual size_t Untaken(uint64_t connection) const = 0;
  // Closed by the node, in order behind what it sent; or by its death.
  virtual void ClosedByNode(uint64_t connection, bool died) = 0;

 protected:
  ~ClientCarrier() = default;
};

class SimNode final : private server::EngineHost,
                      private cluster::Transport,
                      private SimTaskRunner::Host {
 public:
  SimNode(const Surroundings& around, ClientCarrier* carrier, int index, double drift,
          int64_t wall_offset_ms);
  ~SimNode() override;

  // --- Life
  // Makes the identity of a cluster that was just formed. Once.
  void Form();
  // Starts the process; if that fails for the disk's sake it is tried again, or given up.
  void Start();
  // `power`: the machine as a whole goes down, unsynced data with it.
  // Started again after `down_ns`; below 0: as the knobs say.
  void Crash(bool power, const char* why, int64_t down_ns = -1);
  // As SHUTDOWN does it, and then the power goes: nothing may be missing. Not while it is paused.
  void ShutDown();
  // As SHUTDOWN does it in a cluster: what is under way goes first, and the leadership.
  void BeginShutdown(bool now);
  // FAILOVER as a client says it here.
  void AskForFailover(int64_t timeout_ms, bool abort);
  // Where the newest records of the log are.
  void RotLogTail(Rng& rng);
  void RotNewestSnapshot(Rng& rng);
  void Pause(int64_t until_ns);
  bool running() const { return process_ != nullptr; }
  bool paused() const { return around_.loop->now_ns() < paused_until_ns_; }
  // Every other pause is one of the loop only: something takes long, and heartbeats are answered
  // from the middle of it.
  bool busy() const { return process_ != nullptr && paused() && paused_until_ns_ % 2 == 0; }
  // Its disk lost what it had promised: it must never vote again.
  bool dead() const { return dead_; }
  // The highest promise that has left it, since its directory was last put back.
  paxos::Ballot promised() const { return promised_; }
  // Its directory was put back, or lost, and it has not recovered since.
  bool may_be_set_back() const { return may_be_set_back_; }
  void LookWhetherSetBack();

  // --- Faults
  SimFs& fs() { return fs_; }
  SimClock& clock() { return clock_; }
  const SimClock& clock() const { return clock_; }
  DiskSpeed& disk() { return disk_; }
  void SlowDisk();
  void RestoreDisk();
  // Bits on this machine's disk may change: then its start may be refused for good.
  void AllowRot() { rot_allowed_ = true; }
  void Rot(Rng& rng);
  void HandOver(int to);
  void TakeSnapshot();
  // --- Directories that are put back. While it is down:
  std::unique_ptr<SimFs> CopyDisk() const { return fs_.Clone(); }
  void PutBack(const SimFs& copy);
  // Its disk is a new, empty one, and an operator gives it its place again.
  void TakePlace(uint64_t boot);
  // cluster-accept-loss, from the next start on.
  void SetAcceptLoss(bool accepts) { accept_loss_ = accepts; }
  // Its state becomes another one than its log's: only the comparison of digests can see it.
  void Disturb();
  // Has an entry proposed that no program can apply.
  void Poison();
  // What an operator adds to its next starts; restarts it now if it runs.
  void SkipSlot(const cluster::SkipWord& word);
  // The word that its last halt named; none: it did not halt, or not for an entry.
  const std::optional<cluster::SkipWord>& wanted_skip() const { return wanted_skip_; }
  // Disturb was seen by nobody.
  bool wrong() const { return disturbed_ && !dead_; }

  // --- From outside
  void OnPeerMessage(int from, std::string message);
  void OnLinkUp(int peer);
  void OnLinkDown(int peer);
  void OnClientOpen(uint64_t connection);
  void OnClientBytes(uint64_t connection, std::string bytes);
  void OnClientClose(uint64_t connection);

  // --- Looking (null while it is down)
  int index() const { return index_; }
  paxos::NodeId id() const { return static_cast<paxos::NodeId>(index_) + 1; }
  const cluster::Node* node() const;
  server::Engine* engine();
  const server::Engine* engine() const;
  std::optional<std::string> CheckInvariants();
  // It has promised this leader not to answer others' phase 1, and the time is not over.
  bool IsBoundTo(paxos::Ballot leader) const;
  // Of the client of this connection; 0: it has none, or is not here.
  paxos::Slot LastWriteSlot(uint64_t connection) const;
  // It may have said at that time or later that it knows the slot chosen and has it on its disk.
  bool MayHaveToldOf(paxos::Slot slot, int64_t since_ns) const;

 private:
  struct Process;
  struct Connection;

  // cluster::Transport: this machine's end of the network
  void Send(cluster::NodeId to, cluster::Urgency urgency, std::string message,
            Payload tail) override;
  // server::EngineHost
  void Halted(cluster::HaltCause cause, const std::string& reason) override;
  void Fatal(const std::string& reason) override;
  void Warn(const std::string&) override {}
  void Stop() override { stopping_ = true; }
  // SimTaskRunner::Host
  void RunOnLoop(std::function<void()> done) override;
  void RunWork(const std::function<void()>& work) override;

  cluster::Genesis GenesisRecord() const;
  Status StartProcess();
  void StartLater(int64_t delay_ns);
  // Runs `f` as part of the process's turn, now or when the pause is over; not if it has died.
  template <typename F>
  void Enter(F&& f);
  void Entered();
  void FileTurnEnd();
  void EndTurn();
  void ShowLiveClocks();
  void TickLater();
  void CheckMayVote(const char* what);
  void NoteObligations(cluster::NodeId to, std::string_view message);
  void CheckLeaseKept(cluster::NodeId to, paxos::Ballot promise);
  void NoteRead(cluster::NodeId to, std::string_view message);
  void NoteOffer(std::string_view message);
  void CheckWritten();
  bool RotExcuses(const std::string& refusal) const;
  void CloseDown();
  void NoteCommits();
  void CheckRecovered();
  int64_t SyncedWithinNs() const;
  bool weak() const { return around_.knobs->durability != cluster::Durability::kAlways; }
  std::string DirName() const { return "/data"; }
  void Flip(const std::string& path, uint64_t offset, int bit);
  // What each node keeps beside the keys must follow from them.
  void CheckIndexes(paxos::Slot slot, const store::Store& state) const;
  bool Damaged(const std::string& path) const;
  bool rotten() const { return !flipped_.empty(); }

  Surroundings around_;
  ClientCarrier& carrier_;
  const int index_;
  SimFs fs_;
  SimClock clock_;
  DiskSpeed disk_;
  int64_t paused_until_ns_ = 0;
  bool dead_ = false;
  bool rot_allowed_ = false;
  bool accept_loss_ = false;
  // Its disk is an earlier one, which all others can know: no vote leaves before they do.
  bool put_back_ = false;
  bool may_be_set_back_ = false;
  bool seen_set_back_ = false;
  // The recovery that the copy knew of; none before the first start from it.
  std::optional<uint64_t> recovered_before_;
  // What is known of its snapshots: slots of those that reach beyond what its own log could have
  // given back (they came from others, or were durable before the log), and whether an older one
  // has had to do before.
  std::set<paxos::Slot> beyond_log_;
  std::set<paxos::Slot> rotted_snapshots_;  // also those whose files are gone
  bool fell_back_ = false;
  std::set<std::string> flipped_;  // files that a bit was changed in
  bool stopping_ = false;          // its loop has ended; the log is about to be closed
  // What has left this machine and binds it: the highest promise, and the last lease, which ends in
  // true time.
  paxos::Ballot promised_;
  paxos::Ballot lease_to_;
  int64_t lease_until_ns_ = 0;
  uint64_t incarnation_ = 0;
  // Alone, below `always`: when each turn's entries were committed, and how the process ended.
  struct Commit {
    int64_t at_ns;
    paxos::Slot slot;
  };
  std::vector<Commit> commits_;
  int64_t crash_ns_ = 0;
  bool lost_power_ = false;
  bool shut_down_ = false;
  int64_t slowed_ns_ = -1;  // when it was last paused, or its disk last slow
  std::string fatal_;
  bool disturbed_ = false;
  bool halted_ = false;
  uint16_t version_ = 0;  // of its program, if that is not the same everywhere
  std::vector<cluster::SkipWord> skips_;
  std::optional<cluster::SkipWord> wanted_skip_;
  std::unique_ptr<Process> process_;
};

}  // namespace clustron::sim

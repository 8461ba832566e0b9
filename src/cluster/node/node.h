// One member of the cluster: the consensus core, its log, the replicated state and this node's own
// session, put together. It knows nothing of sockets, threads or RESP, so the simulator runs it as
// it is.
//
// The transport calls: OnMessage, OnPeerUp, OnPeerDown as things happen.
// The owner calls:     Tick (every 10 ms) and client calls as things happen; EndOfTurn once after
//                      each turn of its loop, before replies are written.
// The node calls:      Transport for messages to other nodes, NodeHost for all else that leaves it.
//
// What happens when (docs/architecture.md tells it as a story):
//   SubmitWrite → Origin (numbered) → [forward to the leader] → Batcher → Replica::Propose
//   → LogStore and peers at once → chosen → StateMachine::Apply on every node
//   → TakeOwnItem on the node that has the client, which replies.
//
// THREAD: core loop. OWNS: replica, origin, batcher, timers; borrows log, state machine, host.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/rng.h"
#include "cluster/log/log_store.h"
#include "cluster/node/batcher.h"
#include "cluster/node/cluster_clock.h"
#include "cluster/node/divergence.h"
#include "cluster/node/end_timers.h"
#include "cluster/node/node_messages.h"
#include "cluster/node/origin.h"
#include "cluster/node/read_rounds.h"
#include "cluster/node/roster.h"
#include "cluster/node/state_machine.h"
#include "cluster/node/wall_clock.h"
#include "cluster/paxos/replica.h"
#include "cluster/wire/transport.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

// What certainly or possibly happened to a client's write that can't be answered by its reply.
enum class Failure : uint8_t {
  kClusterDown,  // it did not happen
  kUncertain,    // it may or may not happen
};

// Why a node goes on no more: see Node::Halt.
enum class HaltCause : uint8_t {
  kCannotApply,  // the next entry is not known to this program
  kTooOld,       // the feature version in force is not known to it
  kDiverged,     // a majority contradicts its state: for good, restarts included
};

// What a node tells its owner; messages to other nodes go by the Transport. THREAD: core loop.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  // The owner's oldest write that is under way will not be answered by apply.
  virtual void FailWrite(ItemOwner& owner, Failure failure) = 0;
  // All read rounds up to `round` may read now: what is due by the grant's clocks must be gone
  // first (JoinTick). !ok: no leader could be asked in time.
  virtual void ReadsReady(uint64_t round, bool ok, const ReadGrant& grant) = 0;
  // An entry with clocks not older than the question is applied here, for all ticks up to `tick`.
  // !ok: no leader could be asked in time.
  virtual void TicksReady(uint64_t tick, bool ok) = 0;
  // As leader: run a command of class kLeader. Nullopt: it has met an end that is under way; it
  // will be run again after the next apply.
  virtual std::optional<std::string> RunLeaderCall(std::string_view body) = 0;
  // The answer to CallLeader; nullopt: none came in time
  // (`failure` says what that means).
  virtual void LeaderAnswer(uint64_t call, std::optional<std::string_view> answer,
                            Failure failure) = 0;
  // Something is due while the inline path is in use: make a tick entry.
  virtual void InlineTick() = 0;
  virtual void Published(std::string_view body) = 0;
  // A leader is in office, on its own node and as far as this one has applied.
  virtual void LeadershipChanged() = 0;
  // This node gives its leadership away on purpose.
  virtual void HandingOver() = 0;
  // This node's items are of this session from now on; what waits here has been told.
  virtual void SessionChanged(Session session) = 0;
  virtual void SnapshotDone(bool ok, int64_t took_ns) = 0;
  // This node takes part in nothing any more; the process and what it has stay. Once.
  virtual void Halted(HaltCause cause, const std::string& reason) = 0;
  // This node can't go on: its disk failed. The process ends.
  virtual void Fatal(const std::string& reason) = 0;
};

// Verdicts that the leader puts on items (the values of commands::ItemFlag).
inline constexpr uint8_t kVerdictOom = 1;
inline constexpr uint8_t kVerdictDiskLow = 2;

struct NodeConfig {
  paxos::Config paxos;
  uint32_t boot = 1;  // this start's boot counter
  OwnLife life;       // who this start is
  std::vector<MemberRecord> member_records;
  MemberStore* member_store = nullptr;                   // null: nothing of this is kept
  uint16_t feature_version = SupportedFeatureVersion();  // the highest that this program knows
  bool weak_durability = false;                 // alone, below `always`: commands run inline
  int64_t hold_ns = 2'000'000'000;              // writes and reads without a leader
  int64_t resend_ns = 300'000'000;              // own items and read rounds without progress
  size_t window_bytes = Origin::kWindowBytes;   // of own items under way
  int64_t tick_ns = 100'000'000;                // least time between ticks
  size_t restore_keys_per_turn = 20'000;        // at most, and not for longer than some ms
  size_t apply_entries_per_turn = 1'000'000;    // the same, unless leading
  uint64_t snapshot_log_bytes_min = 256 << 20;  // snapshot when the log exceeds this or …
  uint64_t seed = 0;
  // Encoded items of the server itself that an empty state begins with (settings from files). They
  // take revisions.
  std::vector<std::string> first_items;
  // Below `always`: no revision up to this one may be given again (0: none was reserved).
  uint64_t reserved_revision = 0;
};

class Node final : public TransportListener,
                   public ApplyListener,
                   private LogStore::Listener,
                   private RosterHost {
 public:
  // `log` is open, `state` is at the newest snapshot plus the entries that the log knows to be
  // chosen (server/process/boot.h).
  Node(const NodeConfig& config, const Clock& clock, LogStore& log, StateMachine& state,
       persist::SnapshotStore& snapshots, Transport& transport, NodeHost& host,
       paxos::Recovered recovered);
  ~Node() override;

  // At start: the elapsed clock stood at `elapsed_ms` at `at_ns` of this machine's clock, when
  // `slot` was the last entry applied.
  void ContinueClock(int64_t elapsed_ms, int64_t at_ns, Slot slot);
  // At start, alone: by this node's own note the wall clock would stand there now, at least.
  void ContinueWall(int64_t wall_ms) { wall_clock_.GoOnFrom(wall_ms, NowNs()); }

  // --- Clients -------------------------------------------------------------------------------

  // `item`: encoded with session(). Exactly one of: TakeOwnItem (apply), FailWrite. Null owner:
  // nobody waits.
  void SubmitWrite(std::string item, ItemOwner* owner);
  // The item of this node's session that is being applied is forgotten here. Null: nobody waits.
  ItemOwner* TakeOwnItem(uint64_t sequence);
  // True if this node's state may be read at once; *grant has the clocks for what is due.
  bool CanReadNow(ReadGrant* grant) const;
  // The read waits for host.ReadsReady(round >= returned).
  uint64_t JoinReadRound();
  // Has an entry applied here whose clocks are not older than this call: the caller waits for
  // host.TicksReady(tick >= returned). What that entry left in place may be read, whatever its
  // clocks turn out to be.
  uint64_t JoinTick() { return ticks_.Join(NowNs()); }
  // Runs a command in the leader's memory. The answer comes by host.LeaderAnswer(id).
  uint64_t CallLeader(std::string body);
  void Publish(std::string_view body);  // to all other nodes

  // --- Events --------------------------------------------------------------------------------

  // TransportListener. While busy only heartbeats are answered.
  bool OnMessage(NodeId from, std::string message) override;
  bool OnMessageWhileBusy(NodeId from, std::string_view message) override;
  void OnPeerUp(NodeId peer) override;
  void OnPeerDown(NodeId peer) override;
  void TickWhileBusy();
  // What a peer introduced itself with: its boot counter.
  void OnPeerStarted(NodeId peer, uint64_t boot);
  // What a peer introduced itself with: the highest feature version that its program knows.
  void OnPeerSupports(NodeId peer, uint16_t version);
  void Tick();
  void EndOfTurn();

  // --- The inline path (alone, below `always`) -----------------------------------------------

  // True while commands may be applied at parse time: alone, weak durability, leading, nothing in
  // flight.
  bool InlineReady() const;
  Slot NextInlineSlot() const { return replica_.last_slot() + 1; }
  // What CommitInline gets may be read again: at a start, or by peers.
  bool InlineIsRead() const { return log_.durability() != Durability::kMemory; }
  Ballot ballot() const { return replica_.ballot(); }
  // The entry that the turn's inline items made; the state has it already. Written (not synced)
  // when this returns, unless the disk is full: see InlineUnwritten.
  void CommitInline(std::string entry);
  // Below `always`: an entry with so many bytes of items would be written at once. Else a write
  // must not be begun: its entry would wait, and every reader of what it did with it.
  bool HasRoomFor(size_t bytes) { return !config_.weak_durability || log_.HasRoomFor(bytes); }
  // Entries that the state has already wait for room on the disk: nobody may be told of them.
  bool InlineUnwritten() const {
    return config_.weak_durability && replica_.chosen_slot() < state_.applied_slot();
  }

  // --- Timers of leases and locks (for RunLeaderCall and reports) ------------------------------

  EndTimers& timers() { return timers_; }
  bool timers_valid() const { return leading_; }

  // --- Control and state ---------------------------------------------------------------------

  // Stops everything but failing the clients that wait: no vote, no message, no record, no entry
  // applied. What the disk and the state hold stays as it is. `reason`: for people.
  void Halt(HaltCause cause, const std::string& reason);
  bool halted() const { return halted_; }
  bool TransferLeadership(NodeId to);
  // Over maxmemory here: as leader, items are marked for it.
  // The replicated setting: nothing is to rest on the leader's lease.
  void SetQuorumReads(bool quorum) { quorum_reads_ = quorum; }
  void SetOverMemory(bool over) { over_memory_ = over; }
  bool over_memory() const { return over_memory_; }
  // While set (CLIENT PAUSE), the entries that this node proposes leave in place what is due: it
  // counts as gone, but is there. What has come together goes at once when that ends.
  void KeepDue(bool keep);
  // Of the entries that this node proposes: EntryFlag.
  uint16_t EntryFlags() const {
    return keep_due_ && state_.feature_version() >= kEntriesHaveFlags ? kEntryKeepsDue : 0;
  }
  void StepDown() { replica_.StepDown(NowNs()); }
  Session session() const { return origin_.session(); }
  NodeId self() const { return config_.paxos.self; }
  NodeId leader() const { return halted_ ? paxos::kNoNode : replica_.leader(); }
  bool leading() const { return leading_; }  // leader with its own no-op applied
  // A leader is in office as far as this node has applied, and nothing speaks against its living.
  bool leader_in_sight() const { return announced_ && !leader_link_down_; }
  // A command that has been here since then has been held as long as commands are held, in vain.
  bool HeldInVain(int64_t since_ns) const {
    const bool nobody = known_leader_ == paxos::kNoNode || (known_leader_ == self() && !leading_);
    return nobody && !announced_ && NowNs() - std::max(leaderless_ns_, since_ns) > config_.hold_ns;
  }
  bool alone() const { return replica_.members().voters.size() == 1; }
  // Alone: leading, and all that its log had and what its state begins with is applied. With peers
  // there is no such moment to wait for.
  bool Settled() const {
    return !alone() ||
           (leading_ && batcher_.Empty() && replica_.last_slot() <= state_.applied_slot());
  }
  const paxos::Replica& replica() const { return replica_; }
  const LogStore& log() const { return log_; }
  const Origin& origin() const { return origin_; }
  const Roster& roster() const { return roster_; }
  const MemberWatch& members() const { return roster_.watch(); }
  // The clocks that an entry proposed now would have.
  int64_t LiveElapsedMs() const { return cluster_clock_.ElapsedMs(NowNs()); }
  int64_t LiveWallMs() const;
  // What TIME tells.
  int64_t ShownWallMs() const { return wall_clock_.known() ? LiveWallMs() : clock_.WallMs(); }
  // See WallClock.
  const WallClock& wall_clock() const { return wall_clock_; }
  bool snapshot_running() const { return snapshot_ != nullptr; }
  int64_t snapshot_running_ns() const;  // since when; -1: there is none
  // The state is being replaced by a snapshot: it may not be looked at.
  bool restoring() const { return restore_ != nullptr; }
  // The turn's time was up with chosen entries left to apply. To the outside that is as if they had
  // not been heard of yet.
  bool backlog() const { return backlog_; }
  // The next turn goes on with something. A halted node goes on with nothing.
  bool has_work() const { return !halted_ && (backlog_ || restoring() || checking_snapshot()); }
  // BGSAVE: this node alone, of the state as it is.
  void TakeSnapshotNow() { snapshot_wanted_ = true; }
  // The highest slot that this node's disk has, fsynced, without a gap.
  Slot DurableSlot() const {
    const Slot accepted = replica_.durable_slot();
    return config_.weak_durability ? std::min(accepted, log_.synced_slot()) : accepted;
  }
  // Of the others: how many have this slot, chosen, on their disks, by what they said in answer to
  // a question that was asked after `round` began. Asks again for those who have not.
  uint64_t BeginDurabilityRound() { return replica_.AskAll(NowNs()); }
  size_t OthersWithSlot(Slot slot, uint64_t round);
  uint8_t verdicts() const { return Verdicts(); }
  void SetDiskLowWater(uint64_t bytes) { log_.SetLowWater(bytes); }
  // As leader, as which it decides about the writes of all.
  bool refuses_for_disk() const { return leading_ && log_.disk_low(); }
  Slot snapshot_slot() const { return snapshot_slot_; }
  // Of peers, that were whole and could not be loaded, since the start.
  uint64_t snapshots_refused() const { return snapshots_refused_; }
  uint16_t supported_version() const { return config_.feature_version; }
  // Some peer's state differs from this one's, from no later slot on; 0: none is known.
  Slot diverged_slot() const { return diverged_slot_; }
  int64_t NowNs() const { return clock_.MonotonicNs(); }

  // --- ApplyListener -------------------------------------------------------------------------

  void OnGap(Session session, uint64_t next_sequence) override;
  void OnSnapshotWanted() override;
  void OnLeaseGranted(const StateMachine::LeaseInfo& lease) override;
  void OnLeaseEnded(std::string_view id) override;
  void OnLockGranted(const StateMachine::LockInfo& lock) override;
  void OnLockEnded(int db, std::string_view name) override;

 private:
  struct SnapshotWrite;
  struct SnapshotSend;
  struct SnapshotReceive;
  struct Restore;
  struct PendingCall {  // of a client here
    uint64_t id;
    std::string body;
    int64_t since_ns;
    int64_t sent_ns;  // 0: to be sent
    bool ever_sent = false;
  };
  struct WaitingCall {  // at the leader: for a lease, or for an end that is under way
    NodeId from;
    uint64_t id;
    std::string body;
    uint64_t read_round;  // 0: none needed
  };
  struct WaitingAsk {  // at the leader: a read round of a node that waits for a quorum round
    NodeId from;
    uint64_t id;
    uint64_t read_round;
    Slot index;
  };
  struct WaitingTick {  // at the leader
    NodeId from;
    uint64_t id;
    Slot slot;  // of an entry proposed since; kNoSlot: none is yet
  };

  // LogStore::Listener
  void OnDurable(uint64_t seq) override;
  void OnDiskLow(bool low) override;
  void OnWaitsForRoom(bool waits) override;
  void OnFatal(const Error& error) override;

  // RosterHost
  void SendToMember(NodeId to, WireKind kind, const std::string& body) override;
  void BootRaised(uint32_t boot) override;
  void DescribeState(Introduction* own) const override;
  bool GoesTogether(NodeId from, const Introduction& peer) override;
  void MemberIntroduced(NodeId from, const Introduction& peer) override;
  bool BallotCredible(NodeId from, uint64_t round) override;
  bool FloorDurable() const override;
  void RosterFailed(const Error& error) override;

  // node.cc
  void Pump();
  bool ApplyChosen();
  bool ApplyTimeIsUp();
  void LookAtLeadership();
  void AnnounceLeader();
  bool LeaderInOffice() const;
  void NoticeDeposed();
  void NoteFullLog();
  void SendPaxos(NodeId to, const paxos::Message& message);
  void ServeCatchUp(const paxos::CatchUpNeed& need);

  // node_time.cc
  void NoteClock();
  void LookAtClocks(int64_t now_ns);
  void LogDoubt(int64_t now_ns);
  void AskClock(NodeId voter, int64_t now_ns);
  void AskTicks();
  void ServeTickAsk(NodeId from, uint64_t id);
  void TickProposed(Slot slot);
  void GrantTicks();
  void ForgetLongerLease(int64_t now_ns);

  // Leading for certain without asking anybody: alone, or by a valid lease where the cluster lets
  // it be used.
  bool LeadsByLease(int64_t now_ns) const {
    return alone() || (!quorum_reads_ && replica_.LeaseValid(now_ns));
  }

  // node_clients.cc
  void SendOwnItems();
  void AskReads();
  void DeliverReads();
  void ExpireClients(int64_t now_ns);
  void SendCalls(int64_t now_ns);
  bool ServeReadAsk(NodeId from, uint64_t id);
  void GrantRead(NodeId to, uint64_t id, Slot index);
  void OnReadRoundConfirmed(uint64_t round);
  void OnCallAnswer(uint64_t id, std::string_view answer);

  // node_leader.cc
  bool OnForward(NodeId from, Ballot ballot, std::string_view items);
  uint8_t Verdicts() const;
  void LookForRoom(int64_t now_ns);
  void ProposeBatches();
  void ProposeDue(int64_t now_ns);
  void ServeCall(NodeId from, uint64_t id, std::string_view body);
  void AnswerCall(NodeId to, uint64_t id, std::string_view answer);
  void RetryWaitingCalls();
  void StartLeading();
  void StopLeading();
  void MaybeWantSnapshot();
  void ReserveRevisions();
  bool RevisionsReserved() const;

  // node_divergence.cc
  void CompareLogs();
  bool HasOtherLog(NodeId peer) const;
  bool ContradictedByLogs() const;
  void CompareStates(int64_t now_ns);
  void OnClaim(NodeId peer, Slot slot, uint64_t digest);
  bool NewsOf(const paxos::PeerStatus& peer, StateNews* news) const;
  bool OnCompare(NodeId from, WireKind kind, std::string_view body);
  void LookBeyond(int64_t now_ns);
  void JudgeBeyond();
  void JudgeStates();
  void SendDigest(NodeId to, Slot slot);

  // node_versions.cc
  uint16_t VersionOfAll() const;
  void MaybeRaiseVersion();

  // node_snapshot.cc
  void BeginSnapshot();
  void StepSnapshot();
  void FinishSnapshotWrite(Slot slot, const Status& status);
  void StartSnapshotSend(NodeId peer);
  void SendSnapshotChunks(NodeId peer, SnapshotSend& send);
  void TickSnapshots(int64_t now_ns);
  void RelieveDisk(int64_t now_ns);
  uint64_t NextSnapshotBytes() const;
  void OnSnapshotAck(NodeId from, const SnapshotName& name, uint64_t offset);
  void CheckSentSnapshot(paxos::Slot slot);
  bool StillCatchesUp(NodeId node);
  void OnSnapshotOffer(NodeId from, const SnapshotName& name);
  void OnSnapshotChunk(NodeId from, const SnapshotName& name, const persist::SnapshotChunk& chunk);
  // It is being read, to see whether it may be loaded.
  bool checking_snapshot() const;
  void CheckReceivedSnapshot();
  void StepSnapshotCheck();
  Result<bool> StepSlice(SnapshotRestore& read, int64_t slice_ns);
  void RefuseSnapshot(const Error& error);
  void InstallReceivedSnapshot(NodeId from, const SnapshotName& name);
  void BeginRestore(NodeId from, const SnapshotName& name);
  void StepRestore();
  void FinishRestore();
  void Compact();

  NodeConfig config_;
  const Clock& clock_;
  LogStore& log_;
  StateMachine& state_;
  persist::SnapshotStore& snapshots_;
  Transport& transport_;
  NodeHost& host_;
  // Until then a lease that is longer than the setting may run, and the disk says so; 0: none.
  int64_t longer_lease_until_ns_ = 0;
  int64_t durability_asked_ns_ = 0;
  bool quorum_reads_ = false;
  paxos::Replica replica_;
  paxos::Ready ready_;
  Roster roster_;
  Origin origin_;
  Batcher batcher_;
  ReadRounds reads_;
  ReadRounds ticks_;  // asked for and granted like rounds of reads
  EndTimers timers_;
  ClusterClock cluster_clock_;
  WallClock wall_clock_;
  int64_t clocks_asked_ns_ = 0;
  bool wall_doubted_ = false;  // and said so
  int64_t wall_doubted_ns_ = 0;
  Slot clock_slot_ = 0;  // entries up to it were counted before the restart

  bool halted_ = false;
  bool leading_ = false;     // leader, and its own no-op is applied here
  NodeId known_leader_ = 0;  // whom own items were last sent to, under …
  Ballot known_ballot_;
  bool announced_ = false;         // that leader: an entry of its own is in the state here
  int64_t leaderless_ns_ = 0;      // when the last announced leader was lost
  bool leader_link_down_ = false;  // the link to that leader broke, and is not up again
  bool in_pump_ = false;
  bool reads_again_ = false;  // the leader changed: ask for the reads anew
  bool ticks_again_ = false;
  std::string wire_;  // reused for encoding
  int64_t log_tick_ns_ = 0;
  bool log_full_ = false;  // as last said
  Slot marked_slot_ = 0;
  int64_t marked_ns_ = 0;

  // As leader.
  bool tick_wanted_ = false;  // an entry is, for its clocks
  int64_t last_tick_ns_ = 0;
  std::vector<WaitingTick> waiting_ticks_;

  uint64_t next_call_;
  std::deque<PendingCall> calls_;  // by id; answered mostly in that order
  bool unsent_calls_ = false;
  std::vector<WaitingCall> waiting_calls_;
  std::vector<WaitingAsk> waiting_asks_;
  uint64_t calls_confirmed_ = 0;                // read rounds confirmed so far
  static constexpr size_t kWaitingMax = 65536;  // more asks or calls are dropped, and come again

  // The clocks of the entry that was proposed last in this leadership, and its slot. Elapsed must
  // not fall behind it; before feature version 2 neither must the wall.
  int64_t proposed_elapsed_ms_ = 0;
  int64_t proposed_wall_ms_ = 0;
  Slot proposed_slot_ = paxos::kNoSlot;
  std::map<NodeId, std::string> refused_;     // what was said of whom
  std::map<NodeId, uint16_t> peer_versions_;  // as announced to this process
  uint16_t raise_proposed_ = 0;               // in this leadership
  bool over_memory_ = false;
  bool keep_due_ = false;
  uint64_t reserving_ = 0;          // asked to be durable
  uint64_t reserved_revision_ = 0;  // durable: see LogStore::PersistReserve

  std::unique_ptr<SnapshotWrite> snapshot_;
  bool snapshot_wanted_ = false;
  Slot snapshot_slot_ = 0;           // of the newest complete snapshot here
  Slot previous_snapshot_slot_ = 0;  // the log is kept from here on
  uint64_t snapshot_bytes_ = 0;
  bool snapshot_proposed_ = false;
  std::map<NodeId, std::unique_ptr<SnapshotSend>> snapshot_sends_;
  // Who was offered a snapshot and has not come up to what the log goes back to.
  struct CatchingUp {
    Slot slot = 0;  // of the snapshot
    int64_t progress_ns = 0;
    bool has_all = false;  // and loads it
  };
  std::map<NodeId, CatchingUp> catching_up_;
  std::unique_ptr<SnapshotReceive> snapshot_receive_;
  uint64_t snapshots_refused_ = 0;
  int64_t leap_said_ns_ = 0;       // when a ballot far beyond all others was last logged
  SnapshotName refused_snapshot_;  // the last one
  // The snapshot that this state began with, own or a peer's: the log speaks for later slots only.
  Slot loaded_slot_ = 0;
  int64_t snapshot_not_before_ns_ = 0;
  bool snapshot_failed_ = false;  // the last one
  // Of the last one: what the state took in memory, so that the next one's size can be told.
  uint64_t snapshot_state_bytes_ = 0;
  int64_t relieved_ns_ = 0;  // when a full disk last made this node take one
  std::unique_ptr<Restore> restore_;
  bool backlog_ = false;
  size_t apply_entries_ = 0;  // in this turn
  int64_t apply_until_ns_ = 0;

  Divergence divergence_;
  int64_t digests_asked_ns_ = 0;
  int64_t room_sought_ns_ = 0;
  Slot diverged_slot_ = 0;  // a peer's state differs there: an alarm, in INFO
  // As leader: peers that claimed more than was proposed when the read round began that is to show
  // that this is the leader still.
  std::map<NodeId, Slot> beyond_;
  Slot beyond_last_ = 0;
  uint64_t beyond_round_ = 0;
  // Which leaders wrote the peers' logs, as their introductions say; and whose log is another one.
  struct ToldLog {
    Slot applied = 0;
    Leaderships leaderships;
  };
  std::map<NodeId, ToldLog> told_logs_;
  std::map<NodeId, Slot> other_logs_;  // from where on, at least
  std::set<NodeId> alarmed_;           // whose states are said to differ
  std::map<NodeId, uint64_t> peer_boots_;
  std::set<NodeId> beyond_shown_;  // of whom that was shown, until they start anew
};

}  // namespace clustron::cluster

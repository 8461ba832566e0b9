// What a node is made with, and what it tells its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/log/entry.h"
#include "cluster/log/feature_version.h"
#include "cluster/log/item_owner.h"
#include "cluster/membership/member_store.h"
#include "cluster/membership/member_watch.h"
#include "cluster/node/origin.h"
#include "cluster/node/read_rounds.h"
#include "cluster/paxos/config.h"

namespace clustron::cluster {

using paxos::Ballot;
using paxos::NodeId;
using paxos::Slot;

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

// Verdicts that the leader puts on items (the values of commands::ItemFlag).
inline constexpr uint8_t kVerdictOom = 1;
inline constexpr uint8_t kVerdictDiskLow = 2;

// Whoever has this node's clients. THREAD: core loop.
class NodeClients {
 public:
  virtual ~NodeClients() = default;
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
  // The answer to CallLeader; nullopt: none came in time (`failure` says what that means).
  virtual void LeaderAnswer(uint64_t call, std::optional<std::string_view> answer,
                            Failure failure) = 0;
  virtual void Published(std::string_view body) = 0;
  // This node's items are of this session from now on; what waits here has been told.
  virtual void SessionChanged(Session session) = 0;
};

// Whoever runs this node. THREAD: core loop.
class NodeOwner {
 public:
  virtual ~NodeOwner() = default;
  // Something is due while the inline path is in use: make a tick entry.
  virtual void InlineTick() = 0;
  // A leader is in office, on its own node and as far as this one has applied.
  virtual void LeadershipChanged() = 0;
  // This node gives its leadership away on purpose.
  virtual void HandingOver() = 0;
  virtual void SnapshotDone(bool ok, int64_t took_ns) = 0;
  // This node takes part in nothing any more; the process and what it has stay. Once.
  virtual void Halted(HaltCause cause, const std::string& reason) = 0;
  // This node can't go on: its disk failed. The process ends.
  virtual void Fatal(const std::string& reason) = 0;
};

// All that leaves a node, but for messages to other nodes: those go by the Transport.
class NodeHost : public NodeClients, public NodeOwner {};

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

}  // namespace clustron::cluster

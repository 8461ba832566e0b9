#include "server/ops/leader_watch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace clustron::server {

namespace {

// Without a leader for so long, which is longer than commands wait for one, a node takes no writes.
constexpr int64_t kLeaderlessNs = 2'500'000'000;
// How often, and for how long, a new leader is announced.
constexpr int64_t kAnnounceOftenNs = 400'000'000;
constexpr int64_t kAnnounceOftenForNs = 2'000'000'000;
constexpr int64_t kAnnounceNs = 1'000'000'000;
constexpr int64_t kAnnounceForNs = 12'000'000'000;

// Why commands that need a majority are refused since `since_ms`.
void LogLeaderless(const cluster::Node& node, int64_t since_ms) {
  if (node.halted()) return;  // it said why, and answers with that
  const paxos::Replica& replica = node.replica();
  const int64_t now_ns = node.NowNs();
  int64_t heard = 1;
  paxos::Slot chosen = replica.chosen_slot();
  for (const paxos::PeerStatus& peer : replica.peers()) {
    heard += peer.voter && peer.heard_ns != 0 && now_ns - peer.heard_ns < 1'000'000'000 ? 1 : 0;
    chosen = std::max(chosen, peer.chosen);
  }
  const bool behind = node.leader() != paxos::kNoNode && node.leader() != node.self();
  if (behind && replica.applied_slot() < chosen) {
    Log(LogLevel::kWarning,
        "this node is behind: it has applied the log up to slot {}, and node {}, which leads, is "
        "at slot {}; commands that need a majority are refused here until it has caught up",
        replica.applied_slot(), node.leader(), chosen);
    return;
  }
  Log(LogLevel::kWarning,
      "no leader since {} ms: {} of {} voters are in reach, this one included; commands that "
      "need a majority are refused",
      since_ms, heard, replica.members().voters.size());
}

}  // namespace

// StackExchange.Redis looks at the topology again on a message of MasterNews. One that comes while
// it is looking already is lost on it, and a look lasts up to its connect timeout (5 s) if a node
// is down: so there are some more.
void LeaderWatch::LeadershipChanged() {
  takes_writes_ = true;
  leader_since_ns_ = clock_.MonotonicNs();
  master_news_.TellAgain(leader_since_ns_);
}

// Why nobody led is what one wants to know of an election.
void LeaderWatch::NoteElection() {
  const paxos::Role role = node_.replica().role();
  const cluster::NodeId leader = node_.leader();
  if (role != noted_role_ && role == paxos::Role::kCandidate && !node_.alone()) {
    Log(LogLevel::kVerbose,
        "election: this node stands under ballot {}.{}, as {}; {} of {} nodes "
        "can be reached",
        node_.replica().ballot().round, node_.replica().ballot().node,
        noted_leader_ == 0
            ? "no leader is known"
            : fmt::format("nothing good was heard of the leader, node {}, for {} rounds",
                          noted_leader_, config_.Int(Opt::kElectionBadRounds)),
        outage_.VotersInSight(), node_.replica().members().voters.size());
  }
  noted_role_ = role;
  if (leader != 0) noted_leader_ = leader;
}

void LeaderWatch::NoteLeaderless(int64_t now_ns) {
  if (node_.leader_in_sight()) {
    leaderless_since_ns_ = 0;
    if (std::exchange(told_leaderless_, false))
      Log(LogLevel::kNotice, "node {} leads: commands are answered again", node_.leader());
  } else if (leaderless_since_ns_ == 0) {
    leaderless_since_ns_ = now_ns;
  } else if (takes_writes_ && now_ns - leaderless_since_ns_ > kLeaderlessNs) {
    // Cut off, or without a majority: clients may do better elsewhere.
    takes_writes_ = false;
    told_leaderless_ = true;
    LogLeaderless(node_, (now_ns - leaderless_since_ns_) / 1'000'000);
    master_news_.Tell();
  }
}

void LeaderWatch::Step(int64_t now_ns) {
  NoteLeaderless(now_ns);
  const int64_t age_ns = now_ns - leader_since_ns_;
  if (leader_since_ns_ == 0 || age_ns > kAnnounceForNs) return;
  const int64_t pause_ns = age_ns < kAnnounceOftenForNs ? kAnnounceOftenNs : kAnnounceNs;
  if (now_ns - master_news_.told_ns() < pause_ns) return;
  // A client that looks while there is no leader finds followers alone and is content with that: of
  // a leader that may be dead nothing is said.
  if (node_.leader_in_sight()) master_news_.TellAgain(now_ns);
}

}  // namespace clustron::server

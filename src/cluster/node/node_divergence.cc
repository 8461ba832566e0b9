// Node: are the others' states the same as this one? Heartbeats and their answers carry the last
// digest; whoever has kept that slot compares, and tells the other when they differ
// (divergence.h says who is wrong). And a leader looks for peers that have more than it ever
// proposed: they belong to another log, whatever their digests say.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kAskDigestsNs = 500'000'000;

constexpr const char* kWayBack =
    ". It may hold the only copy of acknowledged writes: look at it before anything is deleted "
    "(clients that send READONLY can). To take this member back, stop it, set its data directory "
    "aside, and start it with an empty one and --cluster-take-place yes";

}  // namespace

void Node::CompareStates(int64_t now_ns) {
  if (restore_ != nullptr || alone()) return;
  StateNews own{.boot = roster_.watch().own().boot,
                .applied = state_.applied_slot(),
                .follows = replica_.ballot(),
                .slot = state_.digests().newest(),
                .disk_low = log_.disk_low()};
  if (own.slot != 0) own.digest = *state_.digests().Find(own.slot);
  replica_.SetBlob(EncodeNews(own));
  for (const paxos::PeerStatus& peer : replica_.peers()) {
    StateNews news;
    if (!NewsOf(peer, &news) || news.slot == 0) continue;
    OnClaim(peer.node, news.slot, news.digest);
  }
  if (divergence_.slot() != 0 && now_ns - digests_asked_ns_ >= kAskDigestsNs) {
    digests_asked_ns_ = now_ns;
    for (const NodeId voter : divergence_.Unheard(replica_.members().voters, self()))
      transport_.Send(voter, Urgency::kUrgent, WireDigestAsk(divergence_.slot()));
  }
  LookBeyond(now_ns);
  JudgeStates();
}

// Only of the life that the peer has introduced: an older one's words may still be around.
bool Node::NewsOf(const paxos::PeerStatus& peer, StateNews* news) const {
  if (!DecodeNews(peer.blob, news)) return false;
  const auto boot = peer_boots_.find(peer.node);
  return boot == peer_boots_.end() || boot->second == news->boot;
}

void Node::OnPeerStarted(NodeId peer, uint64_t boot) {
  const auto [it, fresh] = peer_boots_.try_emplace(peer, boot);
  if (!fresh && it->second == boot) return;
  it->second = boot;
  divergence_.Forget(peer);
  beyond_shown_.erase(peer);
}

// --- Logs that are not the same -----------------------------------------------------------------

// A peer's introduction comes before anything else of it, so nothing of another log is learned.
void Node::CompareLogs() {
  if (restore_ != nullptr || Planted(Bug::kDigestsNeverCompared)) return;
  std::map<NodeId, Slot> others;
  for (const auto& [peer, told] : told_logs_) {
    const Slot slot =
        state_.leaderships().Differs(state_.applied_slot(), told.leaderships, told.applied);
    if (slot != 0) others[peer] = slot;
  }
  if (others == other_logs_) return;
  if (!others.empty()) REACH("a peer has another log");
  other_logs_ = std::move(others);
  JudgeStates();
}

// Nothing of such a peer is taken: what it has would replace what may be the only copy here.
bool Node::HasOtherLog(NodeId peer) const { return other_logs_.contains(peer); }

// Whether more than half of the voters have one log, and it is not this one.
bool Node::ContradictedByLogs() const {
  const std::vector<NodeId>& voters = replica_.members().voters;
  const auto is_voter = [&](NodeId node) {
    return std::find(voters.begin(), voters.end(), node) != voters.end();
  };
  for (const auto& [one, slot] : other_logs_) {
    size_t agree = 0;
    const ToldLog& log = told_logs_.at(one);
    for (const auto& [two, slot_of_two] : other_logs_) {
      const ToldLog& other = told_logs_.at(two);
      const bool same = log.leaderships.Differs(log.applied, other.leaderships, other.applied) == 0;
      agree += is_voter(two) && same ? 1 : 0;
    }
    if (agree * 2 > voters.size()) return true;
  }
  return false;
}

// --- Digests -------------------------------------------------------------------------------------

void Node::OnClaim(NodeId peer, Slot slot, uint64_t digest) {
  if (!divergence_.OnClaim(peer, slot, digest, state_.digests())) return;
  REACH("digests of two nodes differ");
  SendDigest(peer, slot);
}

void Node::SendDigest(NodeId to, Slot slot) {
  if (const auto digest = state_.digests().Find(slot))
    transport_.Send(to, Urgency::kUrgent, WireDigest(slot, *digest));
}

bool Node::OnCompare(NodeId from, WireKind kind, std::string_view body) {
  if (kind == WireKind::kDigestAsk) {
    Slot slot = 0;
    if (!ReadDigestAsk(body, &slot)) return false;
    if (restore_ == nullptr) SendDigest(from, slot);
    return true;
  }
  if (kind == WireKind::kDigest) {
    Slot slot = 0;
    uint64_t digest = 0;
    if (!ReadDigest(body, &slot, &digest)) return false;
    if (restore_ != nullptr) return true;
    // The other knows already that they differ: that goes to and fro no further.
    if (divergence_.OnClaim(from, slot, digest, state_.digests())) JudgeStates();
    return true;
  }
  Beyond beyond;
  if (!ReadBeyond(body, &beyond)) return false;
  if (restore_ != nullptr || state_.applied_slot() <= beyond.proposed) return true;
  const size_t voters = replica_.members().voters.size();
  if (beyond.agree * 2 > voters) {
    Halt(HaltCause::kDiverged,
         "slot " + std::to_string(state_.applied_slot()) +
             " is applied here, but nothing beyond slot " + std::to_string(beyond.proposed) +
             " was ever proposed as the leader, node " + std::to_string(from) + ", and " +
             std::to_string(beyond.agree) + " of " + std::to_string(voters) +
             " members know the log: this node has another one" + kWayBack);
    return true;
  }
  if (beyond_shown_.insert(from).second) JudgeStates();
  return true;
}

// --- Peers that have more than was proposed ------------------------------------------------------

// What is chosen under a leader's ballot or an earlier one is among what it has proposed. So a peer
// with more either follows a later leader, which a read round that begins after its words excludes,
// or its log is another one.
void Node::LookBeyond(int64_t now_ns) {
  if (!leading_ || beyond_round_ != 0 || Planted(Bug::kDigestsNeverCompared)) return;
  beyond_.clear();
  beyond_last_ = replica_.last_slot();
  for (const paxos::PeerStatus& peer : replica_.peers()) {
    StateNews news;
    if (!peer.voter || !NewsOf(peer, &news) || news.applied <= beyond_last_) continue;
    if (!beyond_shown_.contains(peer.node)) beyond_[peer.node] = news.applied;
  }
  if (!beyond_.empty()) beyond_round_ = replica_.StartReadRound(now_ns);
}

// The read round is confirmed: nobody had been promised a later ballot when it began.
void Node::JudgeBeyond() {
  beyond_round_ = 0;
  REACH("a peer has more than its leader proposed");
  uint32_t agree = 1;
  for (const paxos::PeerStatus& peer : replica_.peers()) {
    StateNews news;
    if (!peer.voter || !NewsOf(peer, &news) || beyond_.contains(peer.node)) continue;
    if (news.follows == replica_.ballot() && !divergence_.Differs(peer.node)) ++agree;
  }
  for (const auto& [peer, slot] : beyond_) {
    beyond_shown_.insert(peer);
    transport_.Send(peer, Urgency::kUrgent, WireBeyond({beyond_last_, agree}));
  }
  JudgeStates();
}

// --- What follows --------------------------------------------------------------------------------

void Node::JudgeStates() {
  std::set<NodeId> wrong = divergence_.differing();
  wrong.insert(beyond_shown_.begin(), beyond_shown_.end());
  for (const auto& [peer, from_slot] : other_logs_) wrong.insert(peer);
  const Slot slot = !other_logs_.empty()      ? other_logs_.begin()->second
                    : divergence_.slot() != 0 ? divergence_.slot()
                                              : beyond_last_;
  if (ContradictedByLogs()) {
    Halt(HaltCause::kDiverged, "the majority has another log than this node from slot " +
                                   std::to_string(slot) + " on, and nothing of it was taken" +
                                   kWayBack);
    return;
  }
  if (divergence_.Judge(replica_.members().voters) == Divergence::Verdict::kContradicted) {
    Halt(HaltCause::kDiverged, "the state here differs from the majority's at slot " +
                                   std::to_string(divergence_.slot()) + kWayBack);
    return;
  }
  if (wrong == alarmed_) return;
  alarmed_ = wrong;
  diverged_slot_ = wrong.empty() ? 0 : std::max<Slot>(slot, 1);
  if (wrong.empty()) {
    Log(LogLevel::kNotice, "no member's state is known to differ from this one's any more");
    return;
  }
  std::string names;
  for (const NodeId node : wrong) names += (names.empty() ? "" : ", ") + std::to_string(node);
  Log(LogLevel::kWarning,
      "DIVERGED: the {} of node {} differs from this one's at slot {} or before it; as long as "
      "no majority agrees it is not known who is wrong, and {}. Stop the one whose data "
      "should not count, set its data directory aside, and take it back with an empty one and "
      "--cluster-take-place yes",
      other_logs_.empty() ? "state" : "log", names, diverged_slot_,
      other_logs_.empty() ? "all go on" : "nothing is taken from whoever has another log");
}

}  // namespace clustron::cluster

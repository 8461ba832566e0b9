#include "cluster/node/digest_watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kAskDigestsNs = 500'000'000;

constexpr const char* kWayBack =
    ". It may hold the only copy of acknowledged writes: look at it before anything is deleted "
    "(clients that send READONLY can). To take this member back, stop it, set its data directory "
    "aside, and start it with an empty one and --cluster-take-place yes";

}  // namespace

DigestWatch::DigestWatch(NodeCore& core, const LeaderView& leader_view, const Roster& roster,
                         HaltSwitch& halt)
    : core_(core), leader_view_(leader_view), roster_(roster), halt_(halt) {}

void DigestWatch::TellNews() {
  StateNews own{.boot = roster_.watch().own().boot,
                .applied = core_.state.applied_slot(),
                .follows = core_.replica.ballot(),
                .slot = core_.state.digests().newest(),
                .disk_low = core_.log.disk_low()};
  if (own.slot != 0) own.digest = *core_.state.digests().Find(own.slot);
  core_.replica.SetBlob(EncodeNews(own));
}

void DigestWatch::Tick(int64_t now_ns) {
  if (core_.restoring || core_.alone()) return;
  TellNews();
  for (const paxos::PeerStatus& peer : core_.replica.peers()) {
    StateNews news;
    if (!NewsOf(peer, &news) || news.slot == 0) continue;
    OnClaim(peer.node, news.slot, news.digest);
  }
  if (divergence_.slot() != 0 && now_ns - asked_ns_ >= kAskDigestsNs) {
    asked_ns_ = now_ns;
    const std::vector<NodeId>& voters = core_.replica.members().voters;
    for (const NodeId voter : divergence_.Unheard(voters, core_.self()))
      core_.transport.Send(voter, Urgency::kUrgent, WireDigestAsk(divergence_.slot()));
  }
  LookBeyond(now_ns);
  Judge();
}

bool DigestWatch::NewsOf(const paxos::PeerStatus& peer, StateNews* news) const {
  if (!DecodeNews(peer.blob, news)) return false;
  const auto boot = boots_.find(peer.node);
  return boot == boots_.end() || boot->second == news->boot;
}

void DigestWatch::OnPeerStarted(NodeId peer, uint64_t boot) {
  CHECK(peer != core_.self());
  const auto [it, fresh] = boots_.try_emplace(peer, boot);
  if (!fresh && it->second == boot) return;
  it->second = boot;
  divergence_.Forget(peer);
  beyond_shown_.erase(peer);
}

void DigestWatch::OnIntroduced(NodeId peer, const Introduction& said) {
  told_logs_[peer] = {said.applied, said.leaderships};
  CompareLogs();
  if (!core_.restoring && said.digest_slot != 0) OnClaim(peer, said.digest_slot, said.digest);
}

// --- Logs that are not the same -----------------------------------------------------------------

void DigestWatch::CompareLogs() {
  if (core_.restoring || Planted(Bug::kDigestsNeverCompared)) return;
  std::map<NodeId, Slot> others;
  for (const auto& [peer, told] : told_logs_) {
    const Slot slot = core_.state.leaderships().Differs(core_.state.applied_slot(),
                                                        told.leaderships, told.applied);
    if (slot != 0) others[peer] = slot;
  }
  if (others == other_logs_) return;
  if (!others.empty()) REACH("a peer has another log");
  other_logs_ = std::move(others);
  Judge();
}

// Whether more than half of the voters have one log, and it is not this one.
bool DigestWatch::ContradictedByLogs() const {
  const std::vector<NodeId>& voters = core_.replica.members().voters;
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

void DigestWatch::OnClaim(NodeId peer, Slot slot, uint64_t digest) {
  if (!divergence_.OnClaim(peer, slot, digest, core_.state.digests())) return;
  REACH("digests of two nodes differ");
  SendDigest(peer, slot);
}

void DigestWatch::SendDigest(NodeId to, Slot slot) {
  if (const auto digest = core_.state.digests().Find(slot))
    core_.transport.Send(to, Urgency::kUrgent, WireDigest(slot, *digest));
}

bool DigestWatch::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  Slot slot = 0;
  if (kind == WireKind::kDigestAsk) {
    if (!ReadDigestAsk(body, &slot)) return false;
    if (!core_.restoring) SendDigest(from, slot);
    return true;
  }
  if (kind == WireKind::kBeyond) return OnBeyond(from, body);
  CHECK(kind == WireKind::kDigest);
  uint64_t digest = 0;
  if (!ReadDigest(body, &slot, &digest)) return false;
  if (core_.restoring) return true;
  // The other knows already that they differ: that goes to and fro no further.
  if (divergence_.OnClaim(from, slot, digest, core_.state.digests())) Judge();
  return true;
}

// --- Peers that have more than was proposed ------------------------------------------------------

bool DigestWatch::OnBeyond(NodeId from, std::string_view body) {
  Beyond beyond;
  if (!ReadBeyond(body, &beyond)) return false;
  const Slot applied = core_.state.applied_slot();
  if (core_.restoring || applied <= beyond.proposed) return true;
  const size_t voters = core_.replica.members().voters.size();
  if (beyond.agree * 2 > voters) {
    halt_.Halt(HaltCause::kDiverged,
               "slot " + std::to_string(applied) + " is applied here, but nothing beyond slot " +
                   std::to_string(beyond.proposed) + " was ever proposed as the leader, node " +
                   std::to_string(from) + ", and " + std::to_string(beyond.agree) + " of " +
                   std::to_string(voters) + " members know the log: this node has another one" +
                   kWayBack);
    return true;
  }
  if (beyond_shown_.insert(from).second) Judge();
  return true;
}

// What is chosen under a leader's ballot or an earlier one is among what it has proposed. So a peer
// with more either follows a later leader, which a read round that begins after its words excludes,
// or its log is another one.
void DigestWatch::LookBeyond(int64_t now_ns) {
  if (!leader_view_.leading() || beyond_round_ != 0 || Planted(Bug::kDigestsNeverCompared)) return;
  beyond_.clear();
  beyond_last_ = core_.replica.last_slot();
  for (const paxos::PeerStatus& peer : core_.replica.peers()) {
    StateNews news;
    if (!peer.voter || !NewsOf(peer, &news) || news.applied <= beyond_last_) continue;
    if (!beyond_shown_.contains(peer.node)) beyond_[peer.node] = news.applied;
  }
  if (!beyond_.empty()) beyond_round_ = core_.replica.StartReadRound(now_ns);
}

void DigestWatch::OnRoundConfirmed(uint64_t round) {
  if (beyond_round_ != 0 && round >= beyond_round_) JudgeBeyond();
}

// The read round is confirmed: nobody had been promised a later ballot when it began.
void DigestWatch::JudgeBeyond() {
  CHECK(leader_view_.leading());
  CHECK(!beyond_.empty());
  beyond_round_ = 0;
  REACH("a peer has more than its leader proposed");
  uint32_t agree = 1;
  for (const paxos::PeerStatus& peer : core_.replica.peers()) {
    StateNews news;
    if (!peer.voter || !NewsOf(peer, &news) || beyond_.contains(peer.node)) continue;
    if (news.follows == core_.replica.ballot() && !Differs(peer.node)) ++agree;
  }
  for (const auto& [peer, slot] : beyond_) {
    beyond_shown_.insert(peer);
    core_.transport.Send(peer, Urgency::kUrgent, WireBeyond({beyond_last_, agree}));
  }
  Judge();
}

// --- What follows --------------------------------------------------------------------------------

void DigestWatch::Judge() {
  std::set<NodeId> wrong = divergence_.differing();
  wrong.insert(beyond_shown_.begin(), beyond_shown_.end());
  for (const auto& [peer, from_slot] : other_logs_) wrong.insert(peer);
  const Slot slot = !other_logs_.empty()      ? other_logs_.begin()->second
                    : divergence_.slot() != 0 ? divergence_.slot()
                                              : beyond_last_;
  if (ContradictedByLogs()) {
    halt_.Halt(HaltCause::kDiverged, "the majority has another log than this node from slot " +
                                         std::to_string(slot) + " on, and nothing of it was taken" +
                                         kWayBack);
    return;
  }
  if (divergence_.Judge(core_.replica.members().voters) == Divergence::Verdict::kContradicted) {
    halt_.Halt(HaltCause::kDiverged, "the state here differs from the majority's at slot " +
                                         std::to_string(divergence_.slot()) + kWayBack);
    return;
  }
  if (wrong != alarmed_) Alarm(wrong, slot);
}

void DigestWatch::Alarm(const std::set<NodeId>& wrong, Slot slot) {
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

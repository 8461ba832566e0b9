#include "cluster/node/introductions.h"

#include "base/check.h"
#include "base/log.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kLeapSaidEveryNs = 60'000'000'000;

}  // namespace

void Introductions::SendToMember(NodeId to, WireKind kind, const std::string& body) {
  CHECK(to != core_.self());
  core_.transport.Send(to, Urgency::kUrgent, WireOf(kind, body));
}

// As this node is now.
void Introductions::DescribeState(Introduction* own) const {
  const StateMachine& state = core_.state;
  own->in_force = state.feature_version();
  own->skips = state.skips();
  if (core_.restoring) return;
  own->applied = state.applied_slot();
  own->leaderships = state.leaderships();
  own->digest_slot = state.digests().newest();
  if (own->digest_slot != 0) own->digest = *state.digests().Find(own->digest_slot);
}

bool Introductions::GoesTogether(NodeId from, const Introduction& peer) {
  return versions_.GoesTogether(from, peer);
}

void Introductions::MemberIntroduced(NodeId from, const Introduction& peer) {
  digests_.OnPeerStarted(from, peer.boot);
  versions_.OnPeerSupports(from, peer.feature_version);
  digests_.OnIntroduced(from, peer);
}

bool Introductions::BallotCredible(NodeId from, uint64_t round) {
  const uint64_t promised = core_.replica.promised().round;
  if (round <= promised || round - promised <= paxos::kRoundLeapUsual) return true;
  const bool credible = round - promised <= paxos::kRoundLeapMax;
  const int64_t now = core_.NowNs();
  if (leap_said_ns_ == 0 || now - leap_said_ns_ >= kLeapSaidEveryNs) {
    leap_said_ns_ = now;
    Log(LogLevel::kWarning, "node {} speaks of ballot {}, far beyond {}, the highest seen here{}",
        from, round, promised, credible ? "" : ": refused, no elections lead there");
  }
  return credible;
}

void Introductions::RosterFailed(const Error& error) {
  core_.host.Fatal("log: members: " + error.detail);
}

}  // namespace clustron::cluster

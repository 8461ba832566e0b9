#include "server/ops/failover.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "commands/core/errors.h"
#include "server/ops/engine_news.h"
#include "server/ops/errors.h"

namespace clustron::server {

namespace {

constexpr int64_t kInSightNs = 1'000'000'000;
// A hand-over is called off soon if the other has not everything by then, since nothing may be
// proposed meanwhile; then it is tried again.
constexpr int64_t kTryAgainNs = 1'000'000'000;
constexpr int64_t kDefaultTimeoutMs = 10'000;

std::unexpected<Error> Refused(Errc code, std::string_view error) {
  return Fail(code, std::string(error));
}

}  // namespace

bool InSight(const paxos::PeerStatus& peer, int64_t now_ns) {
  return peer.voter && now_ns - peer.heard_ns <= kInSightNs;
}

bool Failover::IsAt(cluster::NodeId node, const commands::FailoverRequest& request) const {
  const cluster::Member* member = node_.members().Find(node);
  return member != nullptr && member->host == request.host && member->port == request.port;
}

// The node that the request means; 0: there is none in sight.
cluster::NodeId Failover::Target(const commands::FailoverRequest& request) const {
  if (request.host.empty()) return Successor();
  cluster::NodeId to = 0;
  for (const paxos::PeerStatus& peer : node_.replica().peers())
    if (InSight(peer, clock_.MonotonicNs()) && IsAt(peer.node, request)) to = peer.node;
  return to;
}

Status Failover::Begin(const commands::FailoverRequest& request) {
  if (node_.alone()) return Refused(Errc::kUnavailable, commands::kErrFailoverNoReplicas);
  if (!node_.leading()) return AskLeader(kFailoverAsked, request);
  if (running()) return Refused(Errc::kExists, kErrFailoverRunning);
  const cluster::NodeId to = Target(request);
  if (to == 0)
    return Refused(Errc::kNotFound,
                   request.host.empty() ? commands::kErrFailoverNoReplicas : kErrFailoverTarget);
  if (!HandOver(to)) return Refused(Errc::kUnavailable, kErrFailoverVoter);
  target_ = to;
  deadline_ns_ = clock_.MonotonicNs() +
                 (request.timeout_ms > 0 ? request.timeout_ms : kDefaultTimeoutMs) * 1'000'000;
  return {};
}

// COMPAT: Redis takes FAILOVER at the master only. Here any node passes it on; that it was begun is
// all that the reply says there, too.
Status Failover::AskLeader(uint8_t kind, const commands::FailoverRequest& request) {
  if (!node_.leader_in_sight()) return Refused(Errc::kUnavailable, kErrFailoverNoLeader);
  const std::vector<cluster::NodeId>& voters = node_.replica().members().voters;
  if (!request.host.empty() &&
      std::none_of(voters.begin(), voters.end(), [&](cluster::NodeId node) {
        return node != node_.leader() && IsAt(node, request);
      })) {
    return Refused(Errc::kNotFound, kErrFailoverTarget);
  }
  std::string body;
  Writer writer(&body);
  writer.U8(kind);
  writer.Bytes(request.host);
  writer.U16(static_cast<uint16_t>(request.port));
  writer.U64(static_cast<uint64_t>(request.timeout_ms));
  node_.Publish(body);
  return {};
}

Status Failover::Abort() {
  if (!node_.alone() && !node_.leading()) return AskLeader(kFailoverAborted, {});
  if (!running()) return Refused(Errc::kNotFound, kErrNoFailover);
  target_ = 0;
  return {};
}

void Failover::Step(int64_t now_ns) {
  if (!running()) return;
  if (!node_.leading() || now_ns > deadline_ns_) {
    target_ = 0;
  } else if (MayTryAgain(now_ns)) {
    HandOver(target_);
  }
}

bool Failover::MayTryAgain(int64_t now_ns) const { return now_ns - tried_ns_ >= kTryAgainNs; }

bool Failover::HandOver(cluster::NodeId to) {
  CHECK(to != 0);
  CHECK(to != node_.self());
  tried_ns_ = clock_.MonotonicNs();
  return node_.parts().leader.HandOver(to);
}

// The one with the longest log has everything first; 0: none is in sight.
cluster::NodeId Failover::Successor() const {
  cluster::NodeId best = 0;
  uint64_t best_slot = 0;
  for (const paxos::PeerStatus& peer : node_.replica().peers()) {
    if (!InSight(peer, clock_.MonotonicNs())) continue;
    if (best == 0 || peer.durable > best_slot) {
      best = peer.node;
      best_slot = peer.durable;
    }
  }
  return best;
}

void Failover::HandOverToAny() {
  if (const cluster::NodeId to = Successor(); to != 0) HandOver(to);
}

}  // namespace clustron::server

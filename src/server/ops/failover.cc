#include "server/ops/failover.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "server/ops/engine_news.h"

namespace clustron::server {

namespace {

constexpr int64_t kInSightNs = 1'000'000'000;
// A hand-over is called off soon if the other has not everything by then, since nothing may be
// proposed meanwhile; then it is tried again.
constexpr int64_t kTryAgainNs = 1'000'000'000;
constexpr int64_t kDefaultTimeoutMs = 10'000;

}  // namespace

bool InSight(const paxos::PeerStatus& peer, int64_t now_ns) {
  return peer.voter && now_ns - peer.heard_ns <= kInSightNs;
}

bool Failover::IsAt(cluster::NodeId node, const commands::FailoverRequest& request) const {
  std::string host;
  int port = 0;
  return host_.AddressOf(node, &host, &port) && host == request.host && port == request.port;
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
  if (node_.alone()) return Fail(Errc::kUnavailable, "ERR FAILOVER requires connected replicas.");
  if (!node_.leading()) return AskLeader(kFailoverAsked, request);
  if (running()) return Fail(Errc::kExists, "ERR FAILOVER already in progress.");
  const cluster::NodeId to = Target(request);
  if (to == 0) {
    return Fail(Errc::kNotFound, request.host.empty()
                                     ? "ERR FAILOVER requires connected replicas."
                                     : "ERR FAILOVER target HOST and PORT is not a replica.");
  }
  if (!HandOver(to)) return Fail(Errc::kUnavailable, "ERR FAILOVER target is not a voting member.");
  target_ = to;
  deadline_ns_ = clock_.MonotonicNs() +
                 (request.timeout_ms > 0 ? request.timeout_ms : kDefaultTimeoutMs) * 1'000'000;
  return {};
}

// COMPAT: Redis takes FAILOVER at the master only. Here any node passes it on; that it was begun is
// all that the reply says there, too.
Status Failover::AskLeader(uint8_t kind, const commands::FailoverRequest& request) {
  if (!node_.leader_in_sight())
    return Fail(Errc::kUnavailable, "ERR FAILOVER: no leader is in sight.");
  const std::vector<cluster::NodeId>& voters = node_.replica().members().voters;
  if (!request.host.empty() &&
      std::none_of(voters.begin(), voters.end(), [&](cluster::NodeId node) {
        return node != node_.leader() && IsAt(node, request);
      })) {
    return Fail(Errc::kNotFound, "ERR FAILOVER target HOST and PORT is not a replica.");
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
  if (!running()) return Fail(Errc::kNotFound, "ERR No failover in progress.");
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

// Engine: leadership handed over on demand, and the way to a stop.
#include <algorithm>

#include "base/hash.h"
#include "server/dispatch/engine.h"
#include "server/dispatch/engine_news.h"

namespace clustron::server {

namespace {

// Before a node stops: how long clients that look for masters have to see that it is none any more,
// and how often they are told to look.
constexpr int64_t kLeaveNs = 500'000'000;
constexpr int64_t kWhoIsThereNs = 100'000'000;
constexpr int64_t kLeaveOftenNs = 100'000'000;
// A hand-over is called off soon if the other has not everything by then, since nothing may be
// proposed meanwhile; then it is tried again.
constexpr int64_t kHandOverOftenNs = 1'000'000'000;
constexpr int64_t kNsPerS = 1'000'000'000;

}  // namespace

// --- Handing over --------------------------------------------------------------------------------

Status Engine::BeginFailover(const commands::FailoverRequest& request) {
  if (node_->alone()) return Fail(Errc::kUnavailable, "ERR FAILOVER requires connected replicas.");
  if (!node_->leading()) return AskForFailover(kFailoverAsked, request);
  if (failover_target_ != 0) return Fail(Errc::kExists, "ERR FAILOVER already in progress.");
  cluster::NodeId to = 0;
  if (request.host.empty()) {
    to = Successor();
  } else {
    for (const paxos::PeerStatus& peer : node_->replica().peers()) {
      std::string host;
      int port = 0;
      if (InSight(peer) && host_.AddressOf(peer.node, &host, &port) && host == request.host &&
          port == request.port)
        to = peer.node;
    }
  }
  if (to == 0) {
    return Fail(Errc::kNotFound, request.host.empty()
                                     ? "ERR FAILOVER requires connected replicas."
                                     : "ERR FAILOVER target HOST and PORT is not a replica.");
  }
  if (!HandOver(to)) return Fail(Errc::kUnavailable, "ERR FAILOVER target is not a voting member.");
  failover_target_ = to;
  failover_deadline_ns_ =
      clock_.MonotonicNs() + (request.timeout_ms > 0 ? request.timeout_ms : 10'000) * 1'000'000;
  return {};
}

// COMPAT: Redis takes FAILOVER at the master only. Here any node passes it on; that it was begun is
// all that the reply says there, too.
Status Engine::AskForFailover(uint8_t kind, const commands::FailoverRequest& request) {
  if (!node_->leader_in_sight())
    return Fail(Errc::kUnavailable, "ERR FAILOVER: no leader is in sight.");
  if (!request.host.empty()) {
    bool member = false;
    std::string host;
    int port = 0;
    for (cluster::NodeId node : node_->replica().members().voters) {
      member = member || (node != node_->leader() && host_.AddressOf(node, &host, &port) &&
                          host == request.host && port == request.port);
    }
    if (!member)
      return Fail(Errc::kNotFound, "ERR FAILOVER target HOST and PORT is not a replica.");
  }
  std::string body;
  Writer writer(&body);
  writer.U8(kind);
  writer.Bytes(request.host);
  writer.U16(static_cast<uint16_t>(request.port));
  writer.U64(static_cast<uint64_t>(request.timeout_ms));
  node_->Publish(body);
  return {};
}

Status Engine::AbortFailover() {
  if (!node_->alone() && !node_->leading()) return AskForFailover(kFailoverAborted, {});
  if (failover_target_ == 0) return Fail(Errc::kNotFound, "ERR No failover in progress.");
  failover_target_ = 0;
  return {};
}

void Engine::StepFailover(int64_t now_ns) {
  if (failover_target_ == 0) return;
  if (!node_->leading() || now_ns > failover_deadline_ns_) {
    failover_target_ = 0;
  } else if (now_ns - handed_over_ns_ >= kHandOverOftenNs) {
    HandOver(failover_target_);
  }
}

bool Engine::HandOver(cluster::NodeId to) {
  handed_over_ns_ = clock_.MonotonicNs();
  return node_->parts().leader.HandOver(to);
}

bool Engine::InSight(const paxos::PeerStatus& peer) const {
  return peer.voter && clock_.MonotonicNs() - peer.heard_ns <= kNsPerS;
}

// The one with the longest log has everything first; 0: none is in sight.
cluster::NodeId Engine::Successor() const {
  cluster::NodeId best = 0;
  uint64_t best_slot = 0;
  for (const paxos::PeerStatus& peer : node_->replica().peers()) {
    if (!InSight(peer)) continue;
    if (best == 0 || peer.durable > best_slot) {
      best = peer.node;
      best_slot = peer.durable;
    }
  }
  return best;
}

void Engine::HandOverToAny() {
  if (const cluster::NodeId to = Successor(); to != 0) HandOver(to);
}

// --- Stopping ------------------------------------------------------------------------------------

Status Engine::BeginShutdown(const commands::ShutdownRequest& request) {
  shutting_down_ = true;
  shutdown_ = request;
  const int64_t now = clock_.MonotonicNs();
  shutdown_deadline_ns_ = now + config_.Int(Opt::kShutdownTimeout) * kNsPerS;
  // Before leadership is handed over: who moves need not hear of that.
  shutdown_seq_ = maintenance_.NextSeq(clock_.WallMs());
  TellMoving(now);
  if (!request.now && node_->leading() && !node_->alone()) HandOverToAny();
  if (request.save == commands::ShutdownRequest::Save::kSave && !node_->parts().snapshots.running())
    node_->parts().snapshots.Want();
  return {};
}

Status Engine::AbortShutdown() {
  if (!shutting_down_) return Fail(Errc::kNotFound, "ERR No shutdown in progress.");
  shutting_down_ = false;
  maintenance_.ForgetMoving();
  Stay();
  return {};
}

// Clients that asked are sent to another member while this node still serves them; how many have
// not gone yet.
size_t Engine::TellMoving(int64_t now_ns) {
  if (shutdown_.now || shutdown_deadline_ns_ <= now_ns || node_->alone()) return 0;
  bool others = false;
  std::vector<std::string> endpoints;
  for (const paxos::PeerStatus& peer : node_->replica().peers()) {
    std::string host;
    int port = 0;
    if (!InSight(peer) || !host_.AddressOf(peer.node, &host, &port)) continue;
    others = true;
    // Every library splits at the colon: an address with more of them is of no use to any.
    if (host.find(':') == std::string::npos) endpoints.push_back(host + ":" + std::to_string(port));
  }
  // Without another member in sight there is nowhere to go.
  if (others) {
    const int64_t left_s = (shutdown_deadline_ns_ - now_ns + kNsPerS - 1) / kNsPerS;
    maintenance_.TellMoving(shutdown_seq_, std::max<int64_t>(left_s, 1), endpoints);
  }
  return maintenance_.Movers();
}

void Engine::StepShutdown(int64_t now_ns) {
  if (!shutting_down_) return;
  const bool handing_over = !shutdown_.now && node_->leading() && !node_->alone();
  const bool saving = shutdown_.save == commands::ShutdownRequest::Save::kSave &&
                      node_->parts().snapshots.running();
  const bool writing = !node_->origin().Empty();
  const bool moving = TellMoving(now_ns) > 0;
  if (handing_over && now_ns - handed_over_ns_ >= kHandOverOftenNs) HandOverToAny();
  if ((handing_over || saving || writing || moving) && now_ns < shutdown_deadline_ns_) return;
  if (shutdown_.save == commands::ShutdownRequest::Save::kSave && !snapshots_.last_ok &&
      !shutdown_.force) {
    shutting_down_ = false;
    maintenance_.ForgetMoving();
    Stay();
    return;
  }
  if (Leaving(now_ns)) return;
  host_.Stop();
}

// The last thing before a stop. A client that writes to masters only (StackExchange.Redis) marks
// all but one as redundant: what it sends from the loss of that one until it has looked at all
// nodes again waits for the one that is gone, for seconds. So it is made to look while this node,
// not a master any more, still serves what is under way; whether that lasts still.
bool Engine::Leaving(int64_t now_ns) {
  if (shutdown_.now || shutdown_deadline_ns_ <= now_ns || node_->alone()) return false;
  if (leaving_since_ns_ == 0) {
    // Who knows this node alone is served to the end: it would refuse to write from here on.
    bool any = false;
    bool elsewhere = false;
    client_table_.ForEach([&](const Client& client) {
      if (!client.writes_to_masters_only()) return;
      any = true;
      elsewhere |= elsewhere_.contains(MasterWriterId(client));
    });
    if (!any) return false;
    if (asked_ns_ == 0) {
      asked_ns_ = now_ns;
      node_->Publish(std::string(1, static_cast<char>(kWhoIsThere)));
    }
    if (!elsewhere) return now_ns - asked_ns_ < kWhoIsThereNs;
    leaving_since_ns_ = now_ns;
    announced_ns_ = 0;
  }
  if (now_ns - announced_ns_ >= kLeaveOftenNs) {
    announced_ns_ = now_ns;
    client_table_.ForEach([&](Client& client) {
      if (elsewhere_.contains(MasterWriterId(client))) client.sent_elsewhere = true;
    });
    hub_.Deliver(kMasterChanged, "*", false);
  }
  return now_ns - leaving_since_ns_ < kLeaveNs;
}

// The stop was called off.
void Engine::Stay() {
  asked_ns_ = 0;
  elsewhere_.clear();
  if (leaving_since_ns_ == 0) return;
  leaving_since_ns_ = 0;
  client_table_.ForEach([](Client& client) { client.sent_elsewhere = false; });
  hub_.Deliver(kMasterChanged, "*", false);
}

// The same for all connections of one client, whichever node they lead to.
uint64_t Engine::MasterWriterId(const Client& client) {
  const std::string& peer = client.address().peer;
  std::string id = peer.substr(0, peer.rfind(':'));
  id += '\0';
  id += client.name();
  return HashBytes(id, 0);
}

void Engine::TellWhoIsHere() {
  std::string body;
  Writer writer(&body);
  writer.U8(kTheseAre);
  client_table_.ForEach([&](const Client& client) {
    if (client.writes_to_masters_only()) writer.U64(MasterWriterId(client));
  });
  node_->Publish(body);
}

}  // namespace clustron::server

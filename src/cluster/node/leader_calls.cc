#include "cluster/node/leader_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

LeaderCalls::LeaderCalls(NodeCore& core, const LeaderView& leader_view, const ReadIndex& reads)
    : core_(core), leader_view_(leader_view), reads_(reads), next_id_(core.FirstNumber(2)) {}

// --- Of clients here -----------------------------------------------------------------------------

uint64_t LeaderCalls::Call(std::string body) {
  calls_.push_back({next_id_, std::move(body), core_.NowNs(), 0});
  unsent_ = true;
  return next_id_++;
}

void LeaderCalls::SendNew() {
  if (unsent_) Send(core_.NowNs());
}

void LeaderCalls::Send(int64_t now_ns) {
  unsent_ = false;  // what can't go now waits for a tick
  if (calls_.empty() || !leader_view_.known()) return;
  if (leader_view_.here() && !leader_view_.leading()) return;
  // Serving one at once takes it out of the list.
  for (size_t i = 0; i < calls_.size();) {
    Pending& call = calls_[i];
    if (call.sent_ns != 0 && now_ns - call.sent_ns < core_.config.resend_ns) {
      ++i;
      continue;
    }
    call.sent_ns = now_ns;
    call.ever_sent = true;
    const uint64_t id = call.id;
    if (leader_view_.here()) {
      const std::string body = call.body;
      Serve(core_.self(), id, body);
    } else {
      core_.transport.Send(leader_view_.leader(), UrgencyOfCall(call.body),
                           WireCall(WireKind::kLeaderCall, id, call.body));
    }
    if (i < calls_.size() && calls_[i].id == id) ++i;
  }
}

void LeaderCalls::SendAllAgain() {
  for (Pending& call : calls_) call.sent_ns = 0;
}

void LeaderCalls::OnAnswer(uint64_t id, std::string_view answer) {
  const auto it =
      std::lower_bound(calls_.begin(), calls_.end(), id,
                       [](const Pending& call, uint64_t wanted) { return call.id < wanted; });
  if (it == calls_.end() || it->id != id) return;
  calls_.erase(it);
  core_.host.LeaderAnswer(id, answer, Failure::kUncertain);
}

void LeaderCalls::Expire(int64_t now_ns) {
  while (!calls_.empty() && now_ns - calls_.front().since_ns > core_.config.hold_ns) {
    const Pending call = std::move(calls_.front());
    calls_.pop_front();
    core_.host.LeaderAnswer(call.id, std::nullopt,
                            call.ever_sent ? Failure::kUncertain : Failure::kClusterDown);
  }
}

// --- At the leader -------------------------------------------------------------------------------

bool LeaderCalls::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  uint64_t id;
  std::string_view rest;
  if (!ReadCall(body, &id, &rest)) return false;
  if (kind == WireKind::kLeaderCall) {
    Serve(from, id, rest);
  } else {
    CHECK(kind == WireKind::kLeaderAnswer);
    OnAnswer(id, rest);
  }
  return true;
}

// A keepalive is acknowledged only under a valid leader lease: else another leader may already have
// ended what it keeps alive.
void LeaderCalls::Serve(NodeId from, uint64_t id, std::string_view body) {
  if (!leader_view_.leading() || waiting_.size() >= kWaitingMax) return;
  uint64_t round = 0;
  if (!reads_.LeadsByLease(core_.NowNs()) && !Planted(Bug::kKeepaliveWithoutLease)) {
    REACH("leader call waits for a quorum round");
    round = core_.replica.StartReadRound(core_.NowNs());
  }
  if (round == 0) {
    if (std::optional<std::string> answer = core_.host.RunLeaderCall(body)) {
      Answer(from, id, *answer);
      return;
    }
  }
  // A repeated call replaces the one that still waits.
  std::erase_if(waiting_, [&](const Waiting& call) { return call.from == from && call.id == id; });
  waiting_.push_back({from, id, std::string(body), round});
}

void LeaderCalls::OnRoundConfirmed(uint64_t round) {
  confirmed_ = std::max(confirmed_, round);
  Retry();
}

void LeaderCalls::Retry() {
  if (waiting_.empty() || !leader_view_.leading()) return;
  std::vector<Waiting> calls;
  std::swap(calls, waiting_);
  for (Waiting& call : calls) {
    std::optional<std::string> answer;
    if (call.read_round <= confirmed_) answer = core_.host.RunLeaderCall(call.body);
    if (answer) {
      Answer(call.from, call.id, *answer);
    } else {
      waiting_.push_back(std::move(call));
    }
  }
}

void LeaderCalls::Answer(NodeId to, uint64_t id, std::string_view answer) {
  if (to == core_.self()) {
    OnAnswer(id, answer);
  } else {
    core_.transport.Send(to, UrgencyOfCall(answer), WireCall(WireKind::kLeaderAnswer, id, answer));
  }
}

}  // namespace clustron::cluster

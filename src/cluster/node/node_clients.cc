// Node: the side that faces this node's own clients: their writes on the way to the leader, their
// reads, their calls, and what happens when there is no leader.
#include <algorithm>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node.h"

namespace clustron::cluster {

// --- Writes --------------------------------------------------------------------------------------

void Node::SubmitWrite(std::string item, ItemOwner* owner) {
  origin_.Add(std::move(item), owner, NowNs());
}

ItemOwner* Node::TakeOwnItem(uint64_t sequence) {
  if (origin_.IsNext(sequence)) return origin_.Take(sequence, NowNs());
  // Of an earlier life of this directory, which was put back from a copy.
  roster_.OnForeignItem();
  return nullptr;
}

void Node::SendOwnItems() {
  if (!origin_.HasUnsent() || known_leader_ == paxos::kNoNode) return;
  const int64_t now = NowNs();
  if (known_leader_ == self()) {
    if (!leading_) return;
    const uint8_t verdicts = Verdicts();
    while (const Origin::Item* item = origin_.NextToSend(now)) {
      Reader reader(item->bytes());
      ItemHeader header;
      std::string_view bytes;
      CHECK(PeekItem(&reader, &header, &bytes));
      batcher_.Add(header, bytes, verdicts);
    }
    return;
  }
  if (!roster_.MaySendItemsTo(known_leader_)) return;
  ForwardBuilder forward(known_ballot_);
  const auto send = [&] {
    if (!forward.empty()) transport_.Send(known_leader_, Urgency::kBulk, forward.Take());
  };
  while (const Origin::Item* item = origin_.NextToSend(now)) {
    if (!forward.empty() && forward.size() + item->bytes().size() > kForwardBytesMax) {
      send();
      forward = ForwardBuilder(known_ballot_);
    }
    if (item->shared != nullptr) {
      transport_.Send(known_leader_, Urgency::kBulk, forward.Take(), item->shared);
      forward = ForwardBuilder(known_ballot_);
    } else {
      forward.Add(item->bytes());
    }
  }
  send();
}

// --- Reads ---------------------------------------------------------------------------------------

bool Node::CanReadNow(ReadGrant* grant) const {
  if (!leading_ || state_.applied_slot() < replica_.chosen_slot()) return false;
  const int64_t now = NowNs();
  if (!LeadsByLease(now)) return false;
  *grant = {state_.applied_slot(), cluster_clock_.ElapsedMs(now), LiveWallMs()};
  return true;
}

uint64_t Node::JoinReadRound() { return reads_.Join(NowNs()); }

void Node::AskReads() {
  const int64_t now = NowNs();
  uint64_t id = reads_.TakeUnasked(now);
  if (id == 0 && reads_.Unanswered() &&
      (reads_again_ || now - reads_.asked_ns() > config_.resend_ns))
    id = reads_.AskAgain(now);
  reads_again_ = false;
  if (id == 0 || known_leader_ == paxos::kNoNode) return;
  if (known_leader_ == self()) {
    ServeReadAsk(self(), id);
  } else {
    transport_.Send(known_leader_, Urgency::kUrgent, WireReadAsk(id));
  }
}

// The leader's side. What it can't answer is dropped: the asker asks again.
bool Node::ServeReadAsk(NodeId from, uint64_t id) {
  if (!leading_) return false;
  const Slot index = replica_.chosen_slot();
  if (LeadsByLease(NowNs())) {
    GrantRead(from, id, index);
    return true;
  }
  REACH("read by quorum round");
  if (waiting_asks_.size() >= kWaitingMax) return false;
  waiting_asks_.push_back({from, id, replica_.StartReadRound(NowNs()), index});
  return true;
}

void Node::GrantRead(NodeId to, uint64_t id, Slot index) {
  const ReadGrant grant{index, cluster_clock_.ElapsedMs(NowNs()), LiveWallMs()};
  if (to == self()) {
    reads_.Granted(id, grant);
  } else {
    transport_.Send(to, Urgency::kUrgent, WireReadGrant(id, grant));
  }
}

void Node::OnReadRoundConfirmed(uint64_t round) {
  if (!leading_) return;
  if (beyond_round_ != 0 && round >= beyond_round_) JudgeBeyond();
  if (halted_) return;
  std::vector<WaitingAsk> asks;
  std::swap(asks, waiting_asks_);
  for (const WaitingAsk& ask : asks) {
    if (ask.read_round <= round) {
      GrantRead(ask.from, ask.id, ask.index);
    } else {
      waiting_asks_.push_back(ask);
    }
  }
  calls_confirmed_ = std::max(calls_confirmed_, round);
  RetryWaitingCalls();
}

void Node::DeliverReads() {
  if (restore_ != nullptr) return;
  uint64_t round;
  ReadGrant grant;
  while (reads_.TakeReady(state_.applied_slot(), &round, &grant))
    host_.ReadsReady(round, true, grant);
  while (ticks_.TakeReady(state_.applied_slot(), &round, &grant)) host_.TicksReady(round, true);
}

// --- Calls to the leader's memory ----------------------------------------------------------------

uint64_t Node::CallLeader(std::string body) {
  const int64_t now = NowNs();
  calls_.push_back({next_call_, std::move(body), now, 0});
  unsent_calls_ = true;
  return next_call_++;
}

void Node::SendCalls(int64_t now_ns) {
  unsent_calls_ = false;  // what can't go now waits for a tick
  if (calls_.empty() || known_leader_ == paxos::kNoNode) return;
  if (known_leader_ == self() && !leading_) return;
  // Serving one at once takes it out of the list.
  for (size_t i = 0; i < calls_.size();) {
    PendingCall& call = calls_[i];
    if (call.sent_ns != 0 && now_ns - call.sent_ns < config_.resend_ns) {
      ++i;
      continue;
    }
    call.sent_ns = now_ns;
    call.ever_sent = true;
    const uint64_t id = call.id;
    if (known_leader_ == self()) {
      const std::string body = call.body;
      ServeCall(self(), id, body);
    } else {
      transport_.Send(known_leader_, UrgencyOfCall(call.body),
                      WireCall(WireKind::kLeaderCall, id, call.body));
    }
    if (i < calls_.size() && calls_[i].id == id) ++i;
  }
}

void Node::OnCallAnswer(uint64_t id, std::string_view answer) {
  const auto it =
      std::lower_bound(calls_.begin(), calls_.end(), id,
                       [](const PendingCall& call, uint64_t wanted) { return call.id < wanted; });
  if (it == calls_.end() || it->id != id) return;
  calls_.erase(it);
  host_.LeaderAnswer(id, answer, Failure::kUncertain);
}

void Node::Publish(std::string_view body) {
  if (halted_) return;
  const paxos::Members& members = replica_.members();
  for (const auto* list : {&members.voters, &members.learners})
    for (NodeId node : *list)
      if (node != self()) transport_.Send(node, Urgency::kBulk, WirePublish(body));
}

// --- Nobody answers ------------------------------------------------------------------------------

void Node::ExpireClients(int64_t now_ns) {
  std::vector<ItemOwner*> definite, uncertain;
  // Big commands take their time to get to the disks of a majority: that is no lack of an answer.
  constexpr int64_t kNsPerByte = 100;
  const int64_t moving_ns = static_cast<int64_t>(origin_.window_bytes()) * kNsPerByte;
  origin_.Expire(now_ns, config_.hold_ns + moving_ns, &definite, &uncertain);
  // A client's items fail in the order in which they were asked for.
  for (ItemOwner* owner : uncertain) {
    host_.FailWrite(
        *owner, Planted(Bug::kUncertainAsDefinite) ? Failure::kClusterDown : Failure::kUncertain);
  }
  for (ItemOwner* owner : definite) host_.FailWrite(*owner, Failure::kClusterDown);
  if (now_ns - origin_.StalledSinceNs() > config_.resend_ns + moving_ns &&
      origin_.StalledSinceNs() <= now_ns) {
    REACH("own items sent again for lack of progress");
    origin_.SendAllAgain(now_ns);
  }
  if (const uint64_t round = reads_.TakeExpired(now_ns, config_.hold_ns))
    host_.ReadsReady(round, false, {});
  if (const uint64_t tick = ticks_.TakeExpired(now_ns, config_.hold_ns))
    host_.TicksReady(tick, false);
  while (!calls_.empty() && now_ns - calls_.front().since_ns > config_.hold_ns) {
    const PendingCall call = std::move(calls_.front());
    calls_.pop_front();
    host_.LeaderAnswer(call.id, std::nullopt,
                       call.ever_sent ? Failure::kUncertain : Failure::kClusterDown);
  }
}

}  // namespace clustron::cluster

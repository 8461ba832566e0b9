#include "server/dispatch/blocked_clients.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "commands/core/waiting.h"
#include "resp/reply_writer.h"
#include "store/tables/wait_table.h"

namespace clustron::server {

namespace {

// An end that did not come for so long after its time is given up.
constexpr int64_t kUncertainNs = 2'000'000'000;
// What was told and has not shown is told again.
constexpr int64_t kAgainNs = 1'000'000'000;
// How often all waiters are looked at for what is overdue.
constexpr int64_t kLookNs = 100'000'000;
constexpr int64_t kNsPerMs = 1'000'000;

store::WaitOwner OwnerOf(const cluster::Session& session) { return {session.node, session.boot}; }

// Of CLIENT UNBLOCK: how the wait ended.
class UnblockReply final : public commands::LateReply {
 public:
  explicit UnblockReply(std::shared_ptr<std::optional<bool>> unblocked)
      : unblocked_(std::move(unblocked)) {}
  bool Poll(bool expired, resp::ReplyWriter& reply) override {
    if (!unblocked_->has_value()) {
      if (expired) reply.Error(commands::kErrUnblockUncertain);
      return expired;
    }
    reply.Int(**unblocked_ ? 1 : 0);
    return true;
  }

 private:
  const std::shared_ptr<std::optional<bool>> unblocked_;
};

}  // namespace

const store::Wait* BlockedClients::RowOf(uint64_t id) const {
  const store::WaitTable& waits = WaitsOf(std::as_const(around_.executor).store());
  const store::WaitPlace* place = waits.FindId({OwnerOf(around_.node.session()), id});
  return place == nullptr ? nullptr : waits.Find(*place);
}

void BlockedClients::Submit(const cluster::WaitNews& news) {
  around_.node.parts().writes.Submit(cluster::WaitItem(news, around_.node.session()), nullptr);
}

void BlockedClients::AskEnd(uint64_t id, Waiter& waiter) {
  waiter.told_ns = around_.clock.MonotonicNs();
  Submit({.what = cluster::WaitNews::What::kEnd, .owner = {}, .id = id, .how = waiter.end});
}

void BlockedClients::Add(Session* session, uint64_t id) {
  const auto [it, added] = waiters_.emplace(id, Waiter{.session = session, .unblocked = {}});
  CHECK(added);
  Waiter& waiter = it->second;
  if (session == nullptr || session->sink == nullptr) {
    REACH("waiter that nobody asked to the end");
    waiter.session = nullptr;
    return AskEnd(id, waiter);
  }
  const store::Wait* row = RowOf(id);
  CHECK(row != nullptr);
  if (row->deadline_ms != 0) {
    const int64_t left_ms = row->deadline_ms - std::as_const(around_.executor).store().elapsed_ms();
    waiter.uncertain_ns = around_.clock.MonotonicNs() + left_ms * kNsPerMs + kUncertainNs;
    // Long before the clock's end.
    if (left_ms > INT64_MAX / (2 * kNsPerMs)) waiter.uncertain_ns = 0;
  }
  session->client.blocked = id;
  session->queue.BecomeBlocked(id);
  around_.sessions.MarkDirty(*session);  // its socket is read on
}

void BlockedClients::Forget(Session* session) {
  const uint64_t id = std::exchange(session->client.blocked, 0);
  if (id == 0) return;
  Waiter& waiter = waiters_.at(id);
  CHECK(waiter.session == session);
  waiter.session = nullptr;
  waiter.end = cluster::WaitEnd::kGone;
  AskEnd(id, waiter);
}

state::OwnCall BlockedClients::BeginServed(uint64_t id) {
  const auto it = waiters_.find(id);
  if (it == waiters_.end() || it->second.session == nullptr) return {};
  Session& session = *it->second.session;
  session.ShowState();
  session.client.last_write_slot = around_.executor.applied_slot() + 1;
  answer_ = around_.recorder.Begin(session, session.queue.front().muted);
  around_.recorder.StartTiming();
  return {answer_.out, &session.client};
}

void BlockedClients::EndServed(uint64_t id, state::WaitOutcome outcome) {
  const auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  Waiter& waiter = it->second;
  Session* session = waiter.session;
  if (outcome == state::WaitOutcome::kWaitsOn) {
    if (session != nullptr) around_.recorder.Cancel(*session);
    return;
  }
  if (session != nullptr) {
    const Pending& front = session->queue.front();
    CHECK(front.kind == Pending::Kind::kBlocked);
    std::vector<std::string_view> args{front.spec->name};
    around_.recorder.End(*session, *front.spec, args, answer_);
    GoOn(*session);
  }
  if (waiter.unblocked != nullptr) *waiter.unblocked = outcome == state::WaitOutcome::kEnded;
  waiters_.erase(it);
}

// Its wait is answered. What stands behind it has not been held for lack of a leader so far.
void BlockedClients::GoOn(Session& session) {
  CHECK(session.client.blocked != 0);
  session.client.blocked = 0;
  session.queue.PopFront();
  session.input.NoteBacklog(false, 0);
  around_.sessions.MarkDirty(session);
  around_.sessions.LookLater(session);
}

// What comes of it nobody here will hear of.
void BlockedClients::GiveUp(Waiter& waiter) {
  Session* session = std::exchange(waiter.session, nullptr);
  if (session == nullptr) return;
  const Pending& front = session->queue.front();
  CHECK(front.kind == Pending::Kind::kBlocked);
  const std::string_view error = around_.outage.ErrorOf(cluster::Failure::kUncertain);
  around_.stats.commands.ErrorReplied(error);
  resp::ReplyWriter reply(around_.recorder.OutputOf(*session, front.muted), front.resp_version);
  if (Planted(Bug::kTimeoutWhileServed)) {
    commands::ReplyTimedOut(reply);
  } else {
    reply.Error(error);
  }
  GoOn(*session);
  waiter.end = cluster::WaitEnd::kGone;
  if (waiter.unblocked != nullptr) *waiter.unblocked = false;
}

void BlockedClients::WaitersReplaced() {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (RowOf(it->first) != nullptr) {
      ++it;
      continue;
    }
    REACH("waiter gone behind a snapshot");
    GiveUp(it->second);
    it = waiters_.erase(it);
  }
  // What came with an item whose client was told that its outcome is not known.
  const store::WaitTable& waits = WaitsOf(std::as_const(around_.executor).store());
  for (const store::WaitPlace place : waits.PlacesOf(OwnerOf(around_.node.session()))) {
    const uint64_t id = waits.Find(place)->id.id;
    if (!waiters_.contains(id)) Add(nullptr, id);
  }
  back_due_ns_ = 0;
}

void BlockedClients::OnNewSession() {
  for (auto& [id, waiter] : waiters_) GiveUp(waiter);
  waiters_.clear();
}

void BlockedClients::Step() {
  const int64_t now = around_.clock.MonotonicNs();
  if (around_.node.restoring()) return;
  // A node that stops has had its waiters parked itself.
  if (now >= back_due_ns_ && !around_.departure.going_on()) {
    back_due_ns_ = INT64_MAX;
    const store::WaitTable& waits = WaitsOf(std::as_const(around_.executor).store());
    if (waits.AnyParked(OwnerOf(around_.node.session()))) {
      REACH("waiters taken for gone are here");
      Submit({.what = cluster::WaitNews::What::kBack, .owner = {}});
      back_due_ns_ = now + kAgainNs;
    }
  }
  if (now - looked_ns_ < kLookNs) return;
  looked_ns_ = now;
  const bool early = Planted(Bug::kTimeoutWhileServed);
  for (auto& [id, waiter] : waiters_) {
    const bool overdue =
        waiter.uncertain_ns != 0 && now >= waiter.uncertain_ns - (early ? kUncertainNs : 0);
    if (overdue && waiter.session != nullptr) {
      REACH("wait given up by its node");
      GiveUp(waiter);
      AskEnd(id, waiter);
    } else if (waiter.told_ns != 0 && now - waiter.told_ns >= kAgainNs) {
      AskEnd(id, waiter);
    }
  }
}

std::unique_ptr<commands::LateReply> BlockedClients::Unblock(Client& client, bool with_error) {
  const uint64_t id = client.blocked;
  if (id == 0) return nullptr;
  Waiter& waiter = waiters_.at(id);
  if (waiter.unblocked == nullptr) {
    waiter.unblocked = std::make_shared<std::optional<bool>>();
    waiter.end = with_error ? cluster::WaitEnd::kUnblocked : cluster::WaitEnd::kTimeout;
    AskEnd(id, waiter);
  }
  return std::make_unique<UnblockReply>(waiter.unblocked);
}

}  // namespace clustron::server

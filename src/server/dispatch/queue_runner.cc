#include "server/dispatch/queue_runner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "resp/reply_writer.h"

namespace clustron::server {

using Kind = Pending::Kind;

// Runs a read or a local command, now.
state::Executor::Verdict QueueRunner::Run(Session& session, Pending& pending) {
  std::vector<std::string_view> views;
  std::swap(views, views_);
  pending.args.Views(&views);
  state::Executor::Caller caller = around_.reads.CallerOf(session.client);
  caller.db = pending.db;
  caller.resp_version = pending.resp_version;
  if (!around_.reads.Granted(pending)) caller.live_elapsed_ms = caller.live_wall_ms = 0;
  around_.recorder.StartTiming();
  const server::Answer answer = around_.recorder.Begin(session, pending.muted);
  const state::Executor::Verdict verdict =
      around_.executor.RunHere(*pending.spec, views, caller, answer.out);
  if (verdict.needs_entry) {
    around_.recorder.Cancel(session);
  } else {
    around_.stats.keyspace_hits += verdict.key_hits;
    around_.recorder.End(session, *pending.spec, views, answer);
  }
  std::swap(views, views_);
  around_.sessions.MarkDirty(session);
  return verdict;
}

// A command that looks at the state, while a snapshot takes the state's place.
bool QueueRunner::MeetsLoad(const Pending& pending) {
  if (!around_.node.restoring()) return false;
  pending.args.Views(&views_);
  return pending.spec->ClassOf(views_) != commands::Class::kLocal;
}

// A granted read that could meet a key due by its grant's clocks waits until a tick is applied,
// once: what that has left is there. (Clocks are no measure: the wall may fall.)
bool QueueRunner::WaitsForTick(Session& session) {
  Pending& front = session.queue.front();
  if (front.round == 0 || front.tick != 0) return false;
  front.args.Views(&views_);
  if (!around_.reads.NeedsTick(*front.spec, views_, front.db)) return false;
  REACH("queued read waits for a tick");
  around_.reads.JoinTick(session, front);
  return true;
}

void QueueRunner::Answer(Session& session, const Pending& front) {
  CHECK(front.kind == Kind::kReply);
  if (!front.muted) session.out.Append(front.reply);
  around_.sessions.MarkDirty(session);
}

void QueueRunner::FailFront(Session& session, std::string_view error) {
  const Pending& front = session.queue.front();
  resp::ReplyWriter(around_.recorder.OutputOf(session, front.muted), front.resp_version)
      .Error(error);
  around_.sessions.MarkDirty(session);
}

// True: the front is answered.
bool QueueRunner::RunFront(Session& session) {
  Pending& front = session.queue.front();
  if (around_.reads.Failed(front)) {
    FailFront(session, around_.outage.ErrorOf(cluster::Failure::kClusterDown));
    return true;
  }
  if (around_.reads.Waits(front)) return false;
  if (MeetsLoad(front)) {
    // It was granted before, or needs no grant, and waited behind a write.
    REACH("queued read met a snapshot being loaded");
    FailFront(session, commands::kErrLoading);
    around_.stats.commands.Rejected(*front.spec);
    around_.stats.commands.ErrorReplied(commands::kErrLoading);
    return true;
  }
  if (WaitsForTick(session)) return false;
  const state::Executor::Verdict verdict = Run(session, front);
  if (verdict.needs_entry && front.spec->Is(commands::kMadeHere)) {
    around_.writes.SubmitFront(session, around_.transactions.TakeItem());
    return false;
  }
  if (verdict.needs_entry) {
    around_.writes.SubmitFront(session, std::min(verdict.entry_ttl_ms, front.ttl_max_ms));
    return false;
  }
  if (session.client.late_reply() == nullptr) return true;
  // Else a write behind it could be answered first.
  CHECK(front.spec->Is(commands::kStalls));
  session.queue.BecomeLate();
  around_.late.Add(session);
  return false;
}

// True: the front is answered.
bool QueueRunner::Step(Session& session) {
  switch (session.queue.front().kind) {
    case Kind::kWrite:
    case Kind::kCalled:
    case Kind::kBlocked:
      return false;
    case Kind::kRest:
      around_.writes.SubmitFront(session, /*ttl_ms=*/0);
      return false;
    case Kind::kReply:
      Answer(session, session.queue.front());
      return true;
    case Kind::kCall:
      around_.calls.Start(session);
      return false;
    case Kind::kLate:
      return around_.late.Poll(session);
    case Kind::kRun:
      return RunFront(session);
  }
  UNREACHABLE();
}

void QueueRunner::Drain(Session& session) {
  session.ShowState();
  while (!session.queue.empty()) {
    if (!Step(session)) return;
    session.queue.PopFront();
  }
  session.queue.Resume();
}

// --- Items ---------------------------------------------------------------------------------------

state::OwnCall QueueRunner::BeginItem(Session& session) {
  // Reads that came before the item are linearizable here at the latest: nothing behind it can have
  // been answered to anybody when they arrived.
  while (session.queue.front().kind != Kind::kWrite) {
    Pending& front = session.queue.front();
    if (front.kind == Kind::kReply) {
      Answer(session, front);
    } else {
      CHECK(front.kind == Kind::kRun);
      Run(session, front);
    }
    session.queue.PopFront();
  }
  item_rest_.clear();
  if (session.sink == nullptr) return {};
  session.ShowState();
  session.client.last_write_slot = around_.executor.applied_slot() + 1;
  item_answer_ = around_.recorder.Begin(session, session.queue.front().muted);
  around_.recorder.StartTiming();
  return {item_answer_.out, &session.client, &item_rest_};
}

void QueueRunner::EndItem(Session& session, bool waits) {
  if (waits && session.sink != nullptr) return around_.recorder.Cancel(session);
  // Of a client that is gone nobody asked for it.
  if (!item_rest_.empty()) {
    REACH("command goes on in an entry of its own");
    around_.recorder.Cancel(session);
    views_.assign(item_rest_.begin(), item_rest_.end());
    session.queue.BecomeRest(OwnedArgs(views_));
    return around_.sessions.LookLater(session);
  }
  if (session.sink != nullptr) {
    around_.recorder.End(session, *session.queue.front().spec, around_.executor.item_args(),
                         item_answer_);
  }
  session.queue.EndWrite();
  around_.sessions.MarkDirty(session);
  around_.sessions.LookLater(session);
}

// Items fail in order: it is the session's first that is still under way.
void QueueRunner::FailItem(Session& session, cluster::Failure failure) {
  const size_t at = session.queue.FailFirstWrite();
  Pending& pending = session.queue[at];
  // What has begun was not without effect, whatever became of this item.
  if (pending.begun) failure = cluster::Failure::kUncertain;
  const std::string_view error = around_.outage.ErrorOf(failure);
  resp::ReplyWriter(&pending.reply, pending.resp_version).Error(error);
  around_.stats.commands.ErrorReplied(error);
  if (failure == cluster::Failure::kUncertain) FailReadsBefore(session, at);
  around_.sessions.LookLater(session);
}

// The write at `end` may yet take effect; a read in front of it that is still waiting would then
// see what was asked for later.
void QueueRunner::FailReadsBefore(Session& session, size_t end) {
  for (size_t i = 0; i < end; ++i) {
    Pending& pending = session.queue[i];
    if (pending.kind != Kind::kRun || pending.round == 0) continue;
    REACH("read given up because a write behind it is uncertain");
    std::string& reply = session.queue.BecomeReply(pending);
    const std::string_view error = around_.outage.ErrorOf(cluster::Failure::kClusterDown);
    resp::ReplyWriter(&reply, pending.resp_version).Error(error);
    around_.stats.commands.ErrorReplied(error);
  }
}

}  // namespace clustron::server

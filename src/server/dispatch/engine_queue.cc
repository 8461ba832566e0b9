// Engine: what waits. Replies leave a session's queue in order; see session.h.
#include <algorithm>

#include "base/check.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "commands/generic/expire.h"
#include "resp/reply_writer.h"
#include "server/dispatch/engine.h"

namespace clustron::server {

using commands::CommandSpec;

namespace {

// The first byte of the leader's answer to a call.
constexpr char kAnswered = 'a';
constexpr char kNeedsEntry = 'e';

// A round of reads, or a tick, that nobody could be asked for in time.
bool Failed(uint64_t round, uint64_t failed, uint64_t ready) {
  return round != 0 && round <= failed && round > ready;
}

}  // namespace

std::string_view Engine::ErrorOf(cluster::Failure failure) {
  if (failure != cluster::Failure::kClusterDown) return commands::kErrUncertain;
  if (const std::string_view error = StandstillError(); !error.empty()) return error;
  gave_up_ = gave_up_ || !MajorityInSight();
  const size_t voters = node_->replica().members().voters.size();
  down_error_ = std::string(commands::kErrClusterDown) + " (" + std::to_string(VotersInSight()) +
                " of " + std::to_string(voters) + " nodes can be reached, " +
                std::to_string(voters / 2 + 1) + " are needed)";
  return down_error_;
}

// This node, and who answered within three rounds of the election.
size_t Engine::VotersInSight() const {
  const int64_t recent_ns = 3 * config_.Int(Opt::kElectionRoundMs) * 1'000'000;
  const int64_t now = clock_.MonotonicNs();
  size_t count = 1;
  for (const paxos::PeerStatus& peer : node_->replica().peers())
    count += peer.voter && peer.heard_ns != 0 && now - peer.heard_ns < recent_ns;
  return count;
}

bool Engine::MajorityInSight() const {
  return 2 * VotersInSight() > node_->replica().members().voters.size();
}

Engine::Pending& Engine::Enqueue(Session& session, Pending::Kind kind) {
  session.queue_.push_back({});
  Pending& pending = session.queue_.back();
  pending.kind = kind;
  pending.resp_version = static_cast<int8_t>(session.client.resp_version());
  pending.db = static_cast<int8_t>(session.client.db());
  return pending;
}

void Engine::MarkDirty(Session& session) {
  if (session.dirty_) return;
  session.dirty_ = true;
  dirty_.push_back(&session);
}

void Engine::LookLater(Session& session) {
  if (session.in_ready_) return;
  session.in_ready_ = true;
  look_.push_back(&session);
}

// What was tried otherwise first goes the way of a write, in its place at the queue's front; with
// another TTL, if one is given.
void Engine::MakeWrite(Session& session, Pending& front, int64_t ttl_ms) {
  std::vector<std::string_view> args;
  front.args.Views(&args);
  std::vector<std::string_view> words = args;
  std::string number;
  const CommandSpec* row = front.spec;
  if (ttl_ms != 0) row = &commands::WithTtlMs(*front.spec, args, ttl_ms, &number, &words);
  std::string item;
  cluster::AppendItem(
      {.command_id = row->id,
       .db = static_cast<uint8_t>(front.db),
       .resp_version = static_cast<uint8_t>(front.resp_version),
       .session = node_->session(),
       .user = session.client.user() == "default" ? std::string_view() : session.client.user()},
      words, &item);
  front.kind = Pending::Kind::kWrite;
  front.args = {};
  session.EndUnderWay(front);
  session.CountUnderWay(front, item.size());
  ++session.writes_;
  node_->parts().writes.Submit(std::move(item), &session);
}

// Runs a read or a local command from the queue's front, now.
state::Executor::Verdict Engine::RunPending(Session& session, Pending& pending) {
  discarded_.Clear();
  std::vector<std::string_view> views;
  std::swap(views, views_);
  pending.args.Views(&views);
  state::Executor::Caller caller = CallerOf(session);
  caller.db = pending.db;
  caller.resp_version = pending.resp_version;
  caller.key_hash = 0;
  if (pending.round > ready_round_) caller.live_elapsed_ms = caller.live_wall_ms = 0;
  resp::ReplyOutput* out = OutputOf(session, pending.muted);
  const uint64_t reply_at = out->size();
  StartTiming();
  session.answering_ = true;
  const state::Executor::Verdict verdict = executor_.RunHere(*pending.spec, views, caller, out);
  if (!verdict.needs_entry) {
    stats_.keyspace_hits += verdict.key_hits;
    NoteCall(session, *pending.spec, views, out->View(reply_at));
  }
  EndAnswer(session);
  std::swap(views, views_);
  MarkDirty(session);
  return verdict;
}

bool Engine::MeetsLoad(const Pending& pending) {
  if (!node_->restoring()) return false;
  pending.args.Views(&views_);
  return pending.spec->ClassOf(views_) != commands::Class::kLocal;
}

// A granted read that could meet a key due by its grant's clocks waits until a tick is applied,
// once: what that has left is there. (Clocks are no measure: the wall may fall.)
bool Engine::WaitsForTick(Session& session, Pending& front) {
  if (front.round == 0 || front.tick != 0) return false;
  front.args.Views(&views_);
  if (!executor_.NeedsTick(*front.spec, views_, front.db, grant_)) return false;
  REACH("queued read waits for a tick");
  front.tick = node_->parts().ticks.Join();
  tick_waiters_.push_back({front.tick, &session});
  return true;
}

// Answers what can be answered, from the front.
void Engine::Drain(Session& session) {
  session.shows_state_ = true;
  while (!session.queue_.empty()) {
    Pending& front = session.queue_.front();
    if (front.kind == Pending::Kind::kWrite || front.kind == Pending::Kind::kCalled) return;
    if (front.kind == Pending::Kind::kReply) {
      if (!front.muted) session.out.Append(front.reply);
      MarkDirty(session);
    } else if (front.kind == Pending::Kind::kCall) {
      StartCall(session, front);
      return;
    } else if (front.kind == Pending::Kind::kLate) {
      PollLate(session, front);
      if (session.client.late_reply() != nullptr) return;
    } else if (Failed(front.round, failed_round_, ready_round_) ||
               Failed(front.tick, failed_tick_, ready_tick_)) {
      resp::ReplyWriter(OutputOf(session, front.muted), front.resp_version)
          .Error(ErrorOf(cluster::Failure::kClusterDown));
      MarkDirty(session);
    } else if (front.round > ready_round_ || front.tick > ready_tick_) {
      return;
    } else if (MeetsLoad(front)) {
      // It was granted before, or needs no grant, and waited behind a write.
      REACH("queued read met a snapshot being loaded");
      resp::ReplyWriter(OutputOf(session, front.muted), front.resp_version)
          .Error(commands::kErrLoading);
      stats_.commands.Rejected(*front.spec);
      stats_.commands.ErrorReplied(commands::kErrLoading);
      MarkDirty(session);
    } else {
      if (WaitsForTick(session, front)) return;
      const state::Executor::Verdict verdict = RunPending(session, front);
      if (verdict.needs_entry) {
        MakeWrite(session, front, std::min(verdict.entry_ttl_ms, front.ttl_max_ms));
        return;
      }
      if (session.client.late_reply() != nullptr) {
        front.kind = Pending::Kind::kLate;
        session.stalled_ = true;
        late_waiters_.push_back(&session);
        return;
      }
    }
    session.PopFront();
  }
  session.stalled_ = false;
}

// --- Writes --------------------------------------------------------------------------------------

state::OwnCall Engine::BeginOwnItem(uint64_t sequence) {
  CHECK(applying_.session == nullptr);
  applying_.session = static_cast<Session*>(node_->parts().writes.Take(sequence));
  if (applying_.session == nullptr) return {};
  Session& session = *applying_.session;
  // Reads that came before the item are linearizable here at the latest: nothing behind it can have
  // been answered to anybody when they arrived.
  while (session.queue_.front().kind != Pending::Kind::kWrite) {
    Pending& front = session.queue_.front();
    if (front.kind == Pending::Kind::kReply) {
      if (!front.muted) session.out.Append(front.reply);
    } else {
      CHECK(front.kind == Pending::Kind::kRun);
      RunPending(session, front);
    }
    session.PopFront();
  }
  if (session.sink == nullptr) return {};
  session.shows_state_ = true;
  session.client.last_write_slot = executor_.applied_slot() + 1;
  discarded_.Clear();
  resp::ReplyOutput* out = OutputOf(session, session.queue_.front().muted);
  applying_.reply_at = out->size();
  session.answering_ = true;
  StartTiming();
  return {out, &session.client};
}

void Engine::EndOwnItem(uint64_t) {
  if (applying_.session == nullptr) return;
  Session& session = *std::exchange(applying_.session, nullptr);
  const Pending& front = session.queue_.front();
  CHECK(front.kind == Pending::Kind::kWrite);
  if (session.sink != nullptr) {
    const resp::ReplyOutput& out = *OutputOf(session, front.muted);
    NoteCall(session, *front.spec, executor_.item_args(), out.View(applying_.reply_at));
    EndAnswer(session);
  }
  session.PopFront();
  CHECK(session.writes_ > 0);
  --session.writes_;
  MarkDirty(session);
  LookLater(session);
}

void Engine::FailWrite(cluster::ItemOwner& owner, cluster::Failure failure) {
  Session& session = static_cast<Session&>(owner);
  // Items fail in order: this is the session's first that is still under way.
  for (size_t i = 0; i < session.queue_.size(); ++i) {
    Pending& pending = session.queue_[i];
    if (pending.kind != Pending::Kind::kWrite) continue;
    pending.kind = Pending::Kind::kReply;
    resp::ReplyWriter(&pending.reply, pending.resp_version).Error(ErrorOf(failure));
    session.EndUnderWay(pending);
    --session.writes_;
    stats_.commands.ErrorReplied(ErrorOf(failure));
    if (failure == cluster::Failure::kUncertain) FailReadsBefore(session, i);
    LookLater(session);
    return;
  }
  UNREACHABLE();
}

// The write at `end` may yet take effect; a read in front of it that is still waiting would then
// see what was asked for later.
void Engine::FailReadsBefore(Session& session, size_t end) {
  for (size_t i = 0; i < end; ++i) {
    Pending& pending = session.queue_[i];
    if (pending.kind != Pending::Kind::kRun || pending.round == 0) continue;
    REACH("read given up because a write behind it is uncertain");
    pending.kind = Pending::Kind::kReply;
    resp::ReplyWriter(&pending.reply, pending.resp_version)
        .Error(ErrorOf(cluster::Failure::kClusterDown));
    stats_.commands.ErrorReplied(ErrorOf(cluster::Failure::kClusterDown));
  }
}

// --- Reads ---------------------------------------------------------------------------------------

void Engine::ReadsReady(uint64_t round, bool ok, const cluster::ReadGrant& grant) {
  if (ok) {
    ready_round_ = std::max(ready_round_, round);
    grant_ = grant;
  } else {
    failed_round_ = std::max(failed_round_, round);
  }
  LookAtWaiters(round_waiters_, round);
}

void Engine::TicksReady(uint64_t tick, bool ok) {
  uint64_t& reached = ok ? ready_tick_ : failed_tick_;
  reached = std::max(reached, tick);
  LookAtWaiters(tick_waiters_, tick);
}

void Engine::LookAtWaiters(RoundWaiters& waiters, uint64_t round) {
  while (!waiters.empty() && waiters.front().round <= round) {
    if (Session* session = waiters.front().session) LookLater(*session);
    waiters.pop_front();
  }
}

// --- Calls ---------------------------------------------------------------------------------------

void Engine::StartCall(Session& session, Pending& pending) {
  pending.args.Views(&views_);
  std::string body;
  cluster::AppendItem(
      {.command_id = pending.spec->id,
       .db = static_cast<uint8_t>(pending.db),
       .resp_version = static_cast<uint8_t>(pending.resp_version),
       .user = session.client.user() == "default" ? std::string_view() : session.client.user()},
      views_, &body);
  pending.kind = Pending::Kind::kCalled;
  pending.round = node_->parts().calls.Call(std::move(body));
  call_waiters_.push_back({pending.round, &session});
}

std::optional<std::string> Engine::RunLeaderCall(std::string_view body) {
  Reader reader(body);
  cluster::ItemHeader header;
  std::vector<std::string_view> args;
  std::string out;
  const CommandSpec* spec = nullptr;
  if (cluster::ReadItem(&reader, &header, &args) && header.kind == cluster::ItemKind::kCommand)
    spec = registry_.ById(header.command_id);
  // A member may say anything: what a connection would have refused gets no further here either.
  if (spec == nullptr || spec->handler == nullptr || !spec->ArityOk(args.size()) ||
      spec->ClassOf(args) != commands::Class::kLeader || header.db >= store::kDatabases ||
      (header.resp_version != 2 && header.resp_version != 3)) {
    out.push_back(kAnswered);
    resp::ReplyWriter(&out, 2).Error("ERR unknown command for the leader");
    return out;
  }
  args[0] = spec->name;
  state::Executor::Caller caller{header.db, header.resp_version, header.user};
  caller.timers = this;
  resp::ReplyChunks reply;
  const state::Executor::Verdict verdict = executor_.RunHere(*spec, args, caller, &reply);
  if (verdict.met_ending) return std::nullopt;
  out = reply.TakeAll();
  // First a byte: whether the caller must make it an entry instead.
  out.insert(out.begin(), verdict.needs_entry ? kNeedsEntry : kAnswered);
  return out;
}

void Engine::LeaderAnswer(uint64_t call, std::optional<std::string_view> answer,
                          cluster::Failure failure) {
  const auto it = std::find_if(call_waiters_.begin(), call_waiters_.end(),
                               [call](const CallWaiter& waiter) { return waiter.call == call; });
  if (it == call_waiters_.end()) return;
  Session& session = *it->session;
  call_waiters_.erase(it);
  CHECK(!session.queue_.empty());
  Pending& front = session.queue_.front();
  CHECK(front.kind == Pending::Kind::kCalled);
  CHECK(front.round == call);
  if (answer && !answer->empty() && answer->front() == kNeedsEntry) {
    MakeWrite(session, front);
    return;
  }
  front.kind = Pending::Kind::kReply;
  if (answer) {
    front.reply = answer->substr(1);
    NoteLeaderCall(*front.spec, front.reply);
  } else {
    // What only asks takes no effect, wherever the question is.
    if (front.spec->Is(commands::kReadonly)) failure = cluster::Failure::kClusterDown;
    stats_.commands.ErrorReplied(ErrorOf(failure));
    resp::ReplyWriter(&front.reply, front.resp_version).Error(ErrorOf(failure));
  }
  LookLater(session);
}

// --- Late replies (WAIT …) -----------------------------------------------------------------------

void Engine::PollLate(Session& session, Pending& pending) {
  Client& client = session.client;
  const int64_t now_ms = client_table_.NowMs();
  if (pending.round == 0 && client.late_timeout_ms() > 0)
    pending.round = static_cast<uint64_t>(now_ms + client.late_timeout_ms());
  const bool expired = pending.round != 0 && now_ms >= static_cast<int64_t>(pending.round);
  discarded_.Clear();
  resp::ReplyWriter reply(OutputOf(session, pending.muted), pending.resp_version);
  if (!client.late_reply()->Poll(expired, reply)) {
    CHECK(!expired);
    return;
  }
  client.TakeLateReply();
  std::erase(late_waiters_, &session);
  MarkDirty(session);
}

}  // namespace clustron::server

#include "server/dispatch/leader_calls.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "resp/reply_writer.h"
#include "server/dispatch/errors.h"

namespace clustron::server {

namespace {

// The first byte of the leader's answer to a call: whether the caller must make it an entry.
constexpr char kAnswered = 'a';
constexpr char kNeedsEntry = 'e';

}  // namespace

void LeaderCalls::Start(Session& session) {
  const Pending& front = session.queue.front();
  front.args.Views(&views_);
  const Client& client = session.client;
  std::string body;
  cluster::AppendItem({.command_id = front.spec->id,
                       .db = static_cast<uint8_t>(front.db),
                       .resp_version = static_cast<uint8_t>(front.resp_version),
                       .user = client.user() == "default" ? std::string_view() : client.user()},
                      views_, &body);
  const uint64_t call = around_.node.parts().calls.leader.Call(std::move(body));
  session.queue.BeginCall(call);
  waiters_.push_back({call, &session});
}

std::optional<std::string> LeaderCalls::Run(std::string_view body) {
  Reader reader(body);
  cluster::ItemHeader header;
  std::vector<std::string_view> args;
  std::string out;
  const commands::CommandSpec* spec = nullptr;
  if (cluster::ReadItem(&reader, &header, &args) && header.kind == cluster::ItemKind::kCommand)
    spec = commands::Registry::Get().ById(header.command_id);
  // What a connection would have refused gets no further here either.
  if (spec == nullptr || !spec->Accepts(args.size()) ||
      spec->ClassOf(args) != commands::Class::kLeader || header.db >= store::kDatabases ||
      (header.resp_version != 2 && header.resp_version != 3)) {
    out.push_back(kAnswered);
    resp::ReplyWriter(&out, 2).Error(kErrNotForLeader);
    return out;
  }
  args[0] = spec->name;
  state::Executor::Caller caller{header.db, header.resp_version, header.user};
  caller.timers = &timers_;
  caller.live_elapsed_ms = around_.node.parts().clock.LiveElapsedMs();
  resp::ReplyChunks reply;
  const state::Executor::Verdict verdict = around_.executor.RunHere(*spec, args, caller, &reply);
  if (verdict.met_ending) return std::nullopt;
  out = reply.TakeAll();
  out.insert(out.begin(), verdict.needs_entry ? kNeedsEntry : kAnswered);
  return out;
}

void LeaderCalls::Finish(uint64_t call, std::optional<std::string_view> answer,
                         cluster::Failure failure) {
  const auto it = std::find_if(waiters_.begin(), waiters_.end(),
                               [call](const Waiter& waiter) { return waiter.call == call; });
  if (it == waiters_.end()) return;
  Session& session = *it->session;
  waiters_.erase(it);
  CHECK(!session.queue.empty());
  Pending& front = session.queue.front();
  CHECK(front.kind == Pending::Kind::kCalled);
  CHECK(front.round == call);
  if (answer && !answer->empty() && answer->front() == kNeedsEntry) {
    around_.writes.SubmitFront(session, 0);
    return;
  }
  std::string& reply = session.queue.BecomeReply(front);
  if (answer) {
    reply = answer->substr(1);
    around_.recorder.NoteLeaderCall(*front.spec, reply);
  } else {
    // What only asks takes no effect, wherever the question is.
    if (front.spec->Is(commands::kReadonly)) failure = cluster::Failure::kClusterDown;
    const std::string_view error = around_.outage.ErrorOf(failure);
    around_.stats.commands.ErrorReplied(error);
    resp::ReplyWriter(&reply, front.resp_version).Error(error);
  }
  around_.sessions.LookLater(session);
}

void LeaderCalls::Forget(const Session* session) {
  std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.session == session; });
}

}  // namespace clustron::server

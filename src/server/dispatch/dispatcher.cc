#include "server/dispatch/dispatcher.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"
#include "base/rng.h"
#include "cluster/log/feature_version.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/errors.h"
#include "commands/core/wrapper.h"
#include "commands/generic/expire.h"
#include "commands/transaction/multi.h"
#include "resp/reply_writer.h"
#include "server/front/auth.h"
#include "server/front/errors.h"

namespace clustron::server {

using commands::Args;
using commands::Class;
using commands::CommandSpec;

namespace {

// COMPAT: HTTP's POST and Host: end the connection at once, so that a web page can't make a browser
// behind the firewall send commands.
bool IsHttp(std::string_view word) {
  return commands::IsWord(word, "POST") || commands::IsWord(word, "HOST:");
}

// COMPAT: what is answered though CLIENT REPLY says no: confirmations of subscriptions (they are
// pushes), ON itself, and a RESET that ends OFF.
bool AnswersMuted(const CommandSpec& spec, Args args, bool replies_off) {
  return spec.answers_muted != nullptr && spec.answers_muted(args, replies_off);
}

// What CLIENT PAUSE WRITE holds back. COMPAT: messages too, since Redis replicates them. What the
// leader tells from its memory is no write, nor is a keepalive: leases outlast a pause.
bool MayWrite(const CommandSpec& spec, Class cls, const Client& client) {
  const auto writes = [](const CommandSpec& one, Class one_cls) {
    return one_cls == Class::kWrite || one.Is(commands::kMayReplicate) ||
           (one_cls == Class::kLeader && one.Is(commands::kWriteFlag));
  };
  if (!spec.Is(commands::kRunsQueue)) return writes(spec, cls);
  return std::any_of(client.transaction().queued().begin(), client.transaction().queued().end(),
                     [&](const commands::QueuedCommand& one) {
                       const std::vector<std::string_view> views(one.args.begin(), one.args.end());
                       return writes(*one.spec, one.spec->ClassOf(views));
                     });
}

// Whether what is queued may take memory.
bool QueuesGrowth(const Client& client) {
  return std::any_of(
      client.transaction().queued().begin(), client.transaction().queued().end(),
      [](const commands::QueuedCommand& one) { return one.spec->Is(commands::kDenyOom); });
}

// Of an EXEC of what is queued. *stalls: something in it is about the connection.
Class ClassOfQueue(const Client& client, bool* stalls = nullptr) {
  Class cls = client.transaction().watched().empty() ? Class::kLocal : Class::kRead;
  std::vector<std::string_view> views;
  for (const commands::QueuedCommand& command : client.transaction().queued()) {
    views.assign(command.args.begin(), command.args.end());
    const Class one = command.spec->ClassOf(views);
    if (stalls != nullptr) *stalls = *stalls || one == Class::kLocal;
    // Inside an entry a keepalive is a part of it.
    if (one == Class::kWrite || one == Class::kLeader) cls = Class::kWrite;
    if (one == Class::kRead && cls == Class::kLocal) cls = Class::kRead;
  }
  return cls;
}

}  // namespace

Dispatcher::Dispatcher(const Around& around)
    : around_(around), registry_(commands::Registry::Get()) {}

// --- Refusals ------------------------------------------------------------------------------------

void Dispatcher::ReplyError(Session& session, std::string_view error) {
  around_.stats.commands.ErrorReplied(error);
  session.client.transaction().Spoil();
  const bool muted = session.client.TakeReplyMuted();
  if (muted) return;
  const int version = session.client.modes().resp_version;
  if (session.queue.empty()) {
    resp::ReplyWriter(&session.out, version).Error(error);
  } else {
    Pending& pending = session.queue.Push(Pending::Kind::kReply, session.client);
    resp::ReplyWriter(&pending.reply, version).Error(error);
  }
  around_.sessions.MarkDirty(session);
}

// COMPAT: whatever refuses an EXEC ends its transaction, and the reply says so.
void Dispatcher::Refuse(Session& session, const CommandSpec& spec, std::string_view error) {
  around_.stats.commands.Rejected(spec);
  if (!spec.Is(commands::kRunsQueue)) return ReplyError(session, error);
  ReplyError(session, commands::ExecAborted(error));
  session.client.transaction().End();
}

// Why a call has to wait until every member runs a program that knows it; empty: it has not.
std::string Dispatcher::NotKnownByAll(const CommandSpec& spec, Args args) const {
  const uint16_t needed = commands::VersionOfCall(spec, args);
  if (needed <= around_.executor.feature_version() ||
      needed <= around_.node.parts().versions.OfAll())
    return {};
  return commands::NotKnownByAll(spec.name, needed);
}

// The row that serves the call, or null after an error reply.
const CommandSpec* Dispatcher::Admit(Session& session, Args args) {
  Client& client = session.client;
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = registry_.Resolve(args, &container);
  if (spec == nullptr && IsHttp(args[0])) {
    Log(LogLevel::kWarning, "closed {}: HTTP request on the Redis port (a cross-protocol attack?)",
        client.address().peer);
    session.CloseNow();
    return nullptr;
  }
  if (spec == nullptr || !spec->Accepts(args.size())) {
    std::string reply;
    resp::ReplyWriter writer(&reply, 2);
    commands::ReplyBadCommand(args, container, spec, writer);
    const std::string error = reply.substr(1, reply.size() - 3);
    if (spec != nullptr) around_.stats.commands.Rejected(*spec);
    ReplyError(session, error);
    if (spec != nullptr && spec->Is(commands::kRunsQueue)) client.transaction().End();
    return nullptr;
  }
  if (!client.authenticated() && NeedsAuth(*spec, around_.config.Text(Opt::kRequirePass))) {
    Refuse(session, *spec, kErrNoAuth);
    return nullptr;
  }
  if (around_.executor.feature_version() < cluster::kFeatureVersion) [[unlikely]] {
    if (const std::string error = NotKnownByAll(*spec, args); !error.empty()) {
      Refuse(session, *spec, error);
      return nullptr;
    }
  }
  if (client.subscribed()) {
    if (const std::string error = RefusedWhileSubscribed(*spec, client); !error.empty()) {
      Refuse(session, *spec, error);
      return nullptr;
    }
  }
  return spec;
}

// --- Where it runs -------------------------------------------------------------------------------

void Dispatcher::Dispatch(Session& session, Args args, Turn& turn) {
  Client& client = session.client;
  const CommandSpec* spec = Admit(session, args);
  if (spec == nullptr) return;
  const Class cls = spec->ClassOf(args);
  const bool exec = spec->Is(commands::kRunsQueue);
  if (around_.node.restoring()) {
    const Class all = exec && client.transaction().open() ? ClassOfQueue(client) : cls;
    if (all != Class::kLocal) return Refuse(session, *spec, commands::kErrLoading);
  }
  if (around_.clients.paused() && around_.clients.Holds(*spec, MayWrite(*spec, cls, client))) {
    client.Touch(turn.now_ms(), spec);
    around_.pause.Hold(session);
    return;
  }
  ++around_.stats.commands_processed;
  client.Touch(turn.now_ms(), spec);
  if (client.transaction().open() && !spec->Is(commands::kActsInMulti))
    return QueueInMulti(session, *spec, args);
  // COMPAT: this reason goes before an error of the queue.
  if (exec && client.transaction().spoiled() && around_.node.parts().proposer.over_memory() &&
      QueuesGrowth(client))
    return Refuse(session, *spec, commands::kErrOom);
  const bool muted = client.TakeReplyMuted() && !AnswersMuted(*spec, args, client.replies_off());
  const Call call{session, turn, *spec, args, exec ? Class::kLocal : cls, muted};
  if (exec && client.transaction().open() && !client.transaction().spoiled()) return RunExec(call);
  Run(call);  // of EXEC it answers the error
}

void Dispatcher::QueueInMulti(Session& session, const CommandSpec& spec, Args args) {
  Client& client = session.client;
  CHECK(client.transaction().open());
  if (spec.Is(commands::kNoMulti)) return Refuse(session, spec, commands::kErrNotInMulti);
  // COMPAT: refused while queueing, so that EXEC is refused too; over maxmemory even a read is,
  // since the queue takes memory.
  if (around_.node.parts().proposer.over_memory()) return Refuse(session, spec, commands::kErrOom);
  if (spec.Is(commands::kDenyOom) && around_.node.parts().lead.RefusesForDisk())
    return Refuse(session, spec, commands::kErrDiskLow);
  client.transaction().Queue({&spec, std::vector<std::string>(args.begin(), args.end())});
  if (!client.TakeReplyMuted()) ReplyQueued(session);
}

void Dispatcher::ReplyQueued(Session& session) {
  const int version = session.client.modes().resp_version;
  if (session.queue.empty()) {
    resp::ReplyWriter(&session.out, version).Simple("QUEUED");
  } else {
    Pending& pending = session.queue.Push(Pending::Kind::kReply, session.client);
    resp::ReplyWriter(&pending.reply, version).Simple("QUEUED");
  }
  around_.sessions.MarkDirty(session);
}

// EXEC becomes one command that carries the watched keys and the queue: an item if anything in it
// writes, else a read.
void Dispatcher::RunExec(const Call& exec) {
  Client& client = exec.session.client;
  bool stalls = false;
  const Class cls = ClassOfQueue(client, &stalls);
  commands::ExecEncoder encoder(client.transaction().watched(),
                                client.transaction().queued().size());
  std::vector<std::string_view> views;
  for (const commands::QueuedCommand& command : client.transaction().queued()) {
    views.assign(command.args.begin(), command.args.end());
    encoder.Add(views);
  }
  // The bytes of the queue and of the watched keys are needed until the command has been copied or
  // run.
  exec.turn.key_hash = 0;
  const std::vector<commands::QueuedCommand> queued = client.transaction().TakeQueued();
  const std::vector<commands::WatchedKey> watched = client.transaction().TakeWatched();
  client.transaction().End();
  Run({exec.session, exec.turn, exec.spec, encoder.args(), cls, exec.muted});
  // What changes the connection (SELECT, SUBSCRIBE, HELLO …) does so when the EXEC has run: how the
  // commands behind it are to be read is not known before.
  if (stalls && !exec.session.queue.empty()) exec.session.queue.Stall();
}

state::Executor::Caller Dispatcher::CallerOf(const Call& call) const {
  state::Executor::Caller caller = around_.reads.CallerOf(call.session.client);
  caller.key_hash = call.turn.key_hash;
  return caller;
}

// Why the cluster can't serve the command now; empty: it is to be tried.
std::string_view Dispatcher::OutageError(const Call& call) {
  CHECK(call.cls != Class::kLocal);
  // A COMMIT is tried all the same: refused or not, its transaction is open no more.
  if (!call.session.client.modes().local_reads && !call.spec.Is(commands::kMadeHere)) {
    // What stood behind commands that were held in vain is not held once more.
    const int64_t backlog_ns = call.session.input.backlog_ns();
    if (backlog_ns != 0 && around_.node.parts().leader.HeldInVain(backlog_ns)) {
      REACH("pipelined command answered without a hold of its own");
      return around_.outage.ErrorOf(cluster::Failure::kClusterDown);
    }
    if (around_.outage.gave_up()) {
      REACH("command answered at once for want of a majority");
      return around_.outage.ErrorOf(cluster::Failure::kClusterDown);
    }
  }
  if (call.cls == Class::kRead && call.session.client.modes().local_reads) return {};
  return around_.outage.StandstillError();
}

void Dispatcher::Run(Call call) {
  // A write that may turn out to need no entry is tried as a read, if it needn't wait for that; the
  // connection's next commands wait for the outcome.
  if (call.cls == Class::kWrite && call.spec.Is(commands::kCoalesce)) {
    call.ttl_max_ms = Refreshes(call);
    if (!call.session.queue.empty() || call.session.client.modes().local_reads)
      call.ttl_max_ms = std::nullopt;
    if (call.ttl_max_ms) call.cls = Class::kRead;
  }
  if (call.cls != Class::kLocal &&
      (!around_.outage.calm() || call.session.input.backlog_ns() != 0)) {
    if (const std::string_view error = OutageError(call); !error.empty()) {
      if (!call.muted) ReplyError(call.session, error);
      return;
    }
  }
  // Its item is made when its turn has come.
  if (call.spec.Is(commands::kMadeHere)) call.cls = Class::kLocal;
  if (call.cls == Class::kWrite) return RunWrite(call, {&call.spec, call.args});
  if (MayRunNow(call)) return RunNow(call);
  Wait(call);
}

bool Dispatcher::MayRunNow(const Call& call) {
  const bool at_head = call.session.queue.empty();
  if (call.cls == Class::kLocal) {
    // An EXEC that has nothing to execute only ends the transaction.
    return at_head || call.spec.Is(commands::kEarly) ||
           (call.spec.Is(commands::kRunsQueue) && call.args.size() == 1);
  }
  if (call.cls != Class::kRead || !at_head) return false;
  const Client& client = call.session.client;
  if (client.modes().local_reads) return true;  // after READONLY only the applied clock counts
  if (!around_.reads.MayReadNow(call.turn)) return false;
  if (around_.executor.inline_open() ||
      !around_.reads.NeedsTickNow(call.turn, call.spec, call.args, client.modes().db))
    return true;
  if (around_.writes.OpenInlineFor(around_.reads.grant())) return true;
  REACH("read meets a due key");
  return false;
}

void Dispatcher::RunNow(const Call& call) {
  if (!call.session.queue.empty() && !call.muted) return RunAside(call);
  if (RunHere(call, around_.recorder.Begin(call.session, call.muted)) &&
      call.session.client.late_reply() != nullptr)
    AddLate(call);
}

// Behind what waits.
void Dispatcher::RunAside(const Call& call) {
  Session& session = call.session;
  resp::ReplyChunks in_its_place;
  if (!RunHere(call, around_.recorder.BeginAside(session, &in_its_place))) return;
  session.queue.Push(Pending::Kind::kReply, session.client).reply = in_its_place.TakeAll();
  if (session.client.late_reply() != nullptr) AddLate(call);
}

// The command's reply comes later.
void Dispatcher::AddLate(const Call& call) {
  SessionQueue& queue = call.session.queue;
  Pending& pending = queue.Push(Pending::Kind::kLate, call.session.client);
  pending.muted = call.muted;
  pending.spec = &call.spec;  // an item may come of it
  queue.Stall();
  around_.late.Add(call.session);
}

// False: it went the way of a write.
bool Dispatcher::RunHere(const Call& call, const Answer& answer) {
  Session& session = call.session;
  if (call.cls != Class::kLocal) session.ShowState();
  const state::Executor::Verdict verdict =
      around_.executor.RunHere(call.spec, call.args, CallerOf(call), answer.out);
  if (verdict.needs_entry) {
    around_.recorder.Cancel(session);
    if (call.spec.Is(commands::kMadeHere)) {
      RunMade(call);
      return false;
    }
    std::string number;
    std::vector<std::string_view> words(call.args.begin(), call.args.end());
    const CommandSpec* row = &call.spec;
    const int64_t ttl_ms = std::min(verdict.entry_ttl_ms, call.ttl_max_ms.value_or(0));
    if (ttl_ms != 0) row = &commands::WithTtlMs(call.spec, call.args, ttl_ms, &number, &words);
    RunWrite(call, {row, words});
    return false;
  }
  around_.stats.keyspace_hits += verdict.key_hits;
  around_.recorder.End(session, call.spec, call.args, answer);
  around_.sessions.MarkDirty(session);
  return true;
}

// The item that the command has made of this node's memory.
void Dispatcher::RunMade(const Call& call) {
  const std::vector<std::string> words = around_.transactions.TakeItem();
  const std::vector<std::string_view> views(words.begin(), words.end());
  RunWrite(call, {&call.spec, views});
}

// In its session's queue.
void Dispatcher::Wait(const Call& call) {
  Session& session = call.session;
  const bool at_head = session.queue.empty();
  const bool asks_leader = call.cls == Class::kLeader;
  Pending& pending =
      session.queue.Push(asks_leader ? Pending::Kind::kCall : Pending::Kind::kRun, session.client);
  pending.muted = call.muted;
  pending.spec = &call.spec;
  pending.args = OwnedArgs(call.args);
  pending.ttl_max_ms = call.ttl_max_ms.value_or(0);
  session.queue.CountBytes(pending, pending.args.bytes());
  if (call.cls == Class::kRead && !session.client.modes().local_reads)
    around_.reads.JoinRound(session, pending);
  if (call.spec.Is(commands::kStalls) || asks_leader || call.ttl_max_ms) session.queue.Stall();
  if (at_head) around_.sessions.LookLater(session);
}

// --- Writes --------------------------------------------------------------------------------------

void Dispatcher::RunWrite(const Call& call, const Written& written) {
  Session& session = call.session;
  call.turn.due = Turn::Due::kUnknown;
  if (const std::string_view error = around_.writes.Refuses(written.args); !error.empty()) {
    if (!call.muted) Refuse(session, call.spec, error);
    return;
  }
  const bool sliced = call.spec.MayTakeEntries(written.args);
  if (!sliced && session.queue.empty() && around_.writes.OpenInline() && RunInline(call, written))
    return;
  Pending& pending = session.queue.Push(Pending::Kind::kRun, session.client);
  pending.muted = call.muted;
  pending.spec = &call.spec;
  ++around_.stats.logged_writes;
  around_.writes.Submit(session, pending, written);
  // What stands behind a command that waits waits, too.
  if (sliced || call.spec.MayWait(call.args)) session.queue.Stall();
}

// False: it would wait, for which it has to become an item.
bool Dispatcher::RunInline(const Call& call, const Written& written) {
  Session& session = call.session;
  const Answer answer = around_.recorder.Begin(session, call.muted);
  session.ShowState();
  if (!around_.executor.RunInline(*written.spec, written.args, CallerOf(call),
                                  around_.node.parts().proposer.Verdicts(), answer.out)) {
    around_.recorder.Cancel(session);
    return false;
  }
  around_.recorder.End(session, call.spec, written.args, answer);
  around_.executor.ServeWaiting();
  session.client.last_write_slot = around_.executor.applied_slot() + 1;
  ++around_.stats.inline_writes;
  around_.sessions.MarkDirty(session);
  return true;
}

// Notes a plain EXPIRE, PEXPIRE or GETEX. If it repeats the last one on its key here: the longest
// TTL that it may be logged with.
std::optional<int64_t> Dispatcher::Refreshes(const Call& call) {
  if (!around_.config.Bool(Opt::kExpireCoalesce)) return std::nullopt;
  const std::optional<int64_t> ttl_ms = commands::PlainTtlMs(call.spec, call.args);
  if (!ttl_ms) return std::nullopt;
  const uint64_t known = call.turn.key_hash;
  const uint64_t hash = known != 0 ? known : around_.executor.store().Hash(call.args[1]);
  const uint64_t key = hash ^ Mix64(static_cast<uint64_t>(call.session.client.modes().db));
  const auto asked_for_ms = refreshes_.Repeats(key, *ttl_ms, call.turn.now_ms());
  if (!asked_for_ms || *ttl_ms < commands::kRefreshTtlMinMs) return std::nullopt;
  return commands::RefreshTtlMaxMs(*ttl_ms, *asked_for_ms);
}

}  // namespace clustron::server

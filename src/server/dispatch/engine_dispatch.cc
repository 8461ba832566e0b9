// Engine: from bytes to the place where a command runs. The only code that decides it.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/reach.h"
#include "base/rng.h"
#include "base/strings.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/errors.h"
#include "commands/generic/expire.h"
#include "commands/transaction/multi.h"
#include "commands/transaction/multi.spec.h"
#include "resp/reply_writer.h"
#include "server/dispatch/engine.h"
#include "server/front/auth.h"

namespace clustron::server {

using commands::Args;
using commands::Class;
using commands::CommandSpec;

namespace {

// What one command, or what is between MULTI and EXEC, may take in the log: within what an entry's
// formats can tell, and more than its budget of work lets anybody use.
constexpr size_t kItemBytesMax = 1 << 30;
constexpr std::string_view kErrTooBig =
    "ERR the command is too big: with its arguments, or all that MULTI has queued, it takes more "
    "than 1 GB in the log";

// What an item of these words takes in the log, about.
size_t ItemBytes(Args args) {
  constexpr size_t kItemBytes = 128;  // without its words
  size_t bytes = kItemBytes;
  for (std::string_view arg : args) bytes += arg.size() + sizeof(uint32_t);
  return bytes;
}

// Output that is worth a look at its limit while requests of one read are run.
constexpr size_t kOutputLookBytes = 64 * 1024;

// COMPAT: HTTP's POST and Host: end the connection at once, so that a web page can't make a browser
// behind the firewall send commands.
bool IsHttp(std::string_view word) {
  return commands::IsWord(word, "POST") || commands::IsWord(word, "HOST:");
}

// COMPAT: what is answered though CLIENT REPLY says no: confirmations of subscriptions (they are
// pushes), ON itself, and a RESET that ends OFF.
bool AnswersMuted(const CommandSpec& spec, Args args, bool replies_off) {
  if (spec.Is(commands::kPubsub)) return spec.name.ends_with("SUBSCRIBE");
  if (spec.name == "RESET") return replies_off;
  return spec.name == "CLIENT|REPLY" && commands::IsWord(args[2], "ON");
}

// What CLIENT PAUSE WRITE holds back. COMPAT: messages too, since Redis replicates them. What the
// leader tells from its memory is no write, nor is a keepalive: leases outlast a pause.
bool MayWrite(const CommandSpec& spec, Class cls, const Client& client) {
  const auto writes = [](const CommandSpec& one, Class one_cls) {
    return one_cls == Class::kWrite ||
           (one_cls == Class::kLeader && one.Is(commands::kWriteFlag)) || one.name == "PUBLISH" ||
           one.name == "SPUBLISH";
  };
  if (spec.handler != commands::CmdExec) return writes(spec, cls);
  return std::any_of(client.queued().begin(), client.queued().end(), [&](const QueuedCommand& one) {
    const std::vector<std::string_view> views(one.args.begin(), one.args.end());
    return writes(*one.spec, one.spec->ClassOf(views));
  });
}

// Whether what is queued may take memory.
bool QueuesGrowth(const Client& client) {
  return std::any_of(client.queued().begin(), client.queued().end(),
                     [](const QueuedCommand& one) { return one.spec->Is(commands::kDenyOom); });
}

// Of an EXEC of what is queued. *stalls: something in it is about the connection.
Class ClassOfQueue(const Client& client, bool* stalls = nullptr) {
  Class cls = client.watched().empty() ? Class::kLocal : Class::kRead;
  std::vector<std::string_view> views;
  for (const QueuedCommand& command : client.queued()) {
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

// MULTI's own family acts at once, also between MULTI and EXEC.
bool Engine::ActsOnMulti(const CommandSpec* spec) const {
  return std::find(multi_family_.begin(), multi_family_.end(), spec) != multi_family_.end();
}

void Engine::Feed(Session& session, std::string_view bytes) {
  stats_.input_bytes += bytes.size();
  stats_.reads++;
  if (session.parsing_) {  // from inside its own command: taken up by the loop that is running
    session.in_.append(bytes);
    return;
  }
  read_now_ = ReadNow::kUnknown;
  CheckMemory();
  StartTiming();
  now_ms_ = timed_ns_ / 1'000'000;
  session.parsing_ = true;
  if (session.in_.empty()) {
    session.reading_bytes_ = bytes.size();
    const size_t used = ParseAll(session, bytes);
    session.reading_bytes_ = 0;
    if (used < bytes.size()) {
      const size_t wanted = session.parser_.bytes_wanted();
      if (wanted > session.in_.capacity()) ReserveBig(&session.in_, wanted);
      session.in_.append(bytes.substr(used));
    }
  } else {
    session.in_.append(bytes);
    const size_t used = ParseAll(session, session.in_);
    session.in_.erase(0, used);
    if (session.in_.empty() && session.in_.capacity() > 256 * 1024) FreeString(&session.in_);
  }
  session.parsing_ = false;
  if (session.in_.empty() || session.WantsInput()) {
    session.backlog_ns_ = 0;
  } else if (session.backlog_ns_ == 0) {
    session.backlog_ns_ = timed_ns_;
  }
  if ((session.in_.size() > 0 || session.client.in_multi()) &&
      client_table_.OverQueryLimit(session.client)) {
    REACH("query buffer over its limit");
    Log(LogLevel::kWarning, "closed {}: more than {} without a whole request or EXEC",
        session.client.address().peer,
        client_table_.Stranger(session.client) ? "64 KB before it has authenticated"
                                               : "client-query-buffer-limit");
    session.CloseNow();
  }
  LimitMemory(session);
}

void Engine::CheckOutput(Session& session) {
  if (session.close_now() || !client_table_.OverHardLimit(session.client)) return;
  Log(LogLevel::kWarning, "closed {}: its replies are more than client-output-buffer-limit",
      session.client.address().peer);
  session.CloseNow();
}

void Engine::OutputGrew(Session& session) {
  CheckOutput(session);
  LimitMemory(session);
}

void Engine::LimitMemory(Session& session) {
  client_table_.NoteMemory(session.client);
  stats_.evicted_clients += client_table_.Evict();
}

// Returns how many bytes were used up.
//
// A pipeline is taken in batches: parsed ahead, the table's lines of all its keys fetched, then
// run. Memory latency is most of what a GET or SET costs in a store that doesn't fit the caches.
size_t Engine::ParseAll(Session& session, std::string_view bytes) {
  size_t used = 0;
  while (session.WantsInput()) {
    Batch& batch = batch_;
    batch.Clear();
    using Outcome = resp::RequestParser::Outcome;
    Outcome outcome = Outcome::kNothing;
    size_t parsed = used;
    // Before AUTH requests are small, and one at a time: the next may be behind it.
    const bool authenticated = session.client.authenticated() || password().empty();
    session.parser_.set_authenticated(authenticated);
    while (batch.requests.size() < kBatchMax) {
      const std::string_view rest = bytes.substr(parsed);
      outcome = session.parser_.Parse(rest);
      if (outcome == Outcome::kNeedMore || outcome == Outcome::kError) break;
      parsed += session.parser_.consumed();
      if (outcome == Outcome::kNothing) {
        batch.skip = parsed;
        continue;
      }
      batch.Add(session.parser_.args(), parsed);
      // The words of an inline request are the parser's own: run it before the next is parsed.
      if (rest[0] != '*' || !authenticated) break;
    }
    Prefetch(session, batch);
    size_t done = 0;
    for (const Request& request : batch.requests) {
      key_hash_ = request.key_hash;
      Dispatch(session, Args(batch.args).subspan(request.first, request.count));
      if (session.held_) break;  // it stays unparsed
      ++done;
      used = request.end;
      // One write can ask for any amount.
      if (session.out.memory_bytes() >= kOutputLookBytes || !authenticated) CheckOutput(session);
      if (!session.WantsInput()) break;
    }
    if (done < batch.requests.size()) {
      session.parser_.Reset();
      return used;
    }
    used = std::max(used, batch.skip);
    if (outcome == Outcome::kError) {
      ReplyError(session, "ERR " + std::string(session.parser_.error()));
      session.CloseAfterReply();
      return bytes.size();
    }
    if (outcome == Outcome::kNeedMore) return used;
  }
  return used;
}

void Engine::Prefetch(const Session& session, Batch& batch) {
  if (batch.requests.size() < 2) return;
  const store::Store& store = executor_.store();
  const int db = session.client.db();
  for (Request& request : batch.requests) {
    if (request.count < 2) continue;
    request.key_hash = store.Hash(batch.args[request.first + 1]);
    store.PrefetchBucket(db, request.key_hash);
  }
  for (const Request& request : batch.requests)
    if (request.key_hash != 0) store.PrefetchEntry(db, request.key_hash);
}

void Engine::ReplyError(Session& session, std::string_view error) {
  stats_.commands.ErrorReplied(error);
  session.client.SpoilMulti();
  const bool muted = session.client.TakeReplyMuted();
  if (muted) return;
  const int version = session.client.resp_version();
  if (session.queue_.empty()) {
    resp::ReplyWriter(&session.out, version).Error(error);
  } else {
    resp::ReplyWriter(&Enqueue(session, Pending::Kind::kReply).reply, version).Error(error);
  }
  MarkDirty(session);
}

// COMPAT: whatever refuses an EXEC ends its transaction, and the reply says so.
void Engine::Refuse(Session& session, const CommandSpec& spec, std::string_view error) {
  stats_.commands.Rejected(spec);
  if (spec.handler != commands::CmdExec) return ReplyError(session, error);
  const std::string_view text = error.starts_with("ERR ") ? error.substr(4) : error;
  ReplyError(session, "EXECABORT Transaction discarded because of: " + std::string(text));
  session.client.DiscardMulti();
}

const CommandSpec* Engine::Admit(Session& session, Args args) {
  Client& client = session.client;
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = registry_.Resolve(args, &container);
  if (spec == nullptr && IsHttp(args[0])) {
    Log(LogLevel::kWarning, "closed {}: it speaks HTTP, as a web page does that is to do us harm",
        client.address().peer);
    session.CloseNow();
    return nullptr;
  }
  if (spec == nullptr || spec->handler == nullptr || !spec->ArityOk(args.size())) {
    std::string reply;
    resp::ReplyWriter writer(&reply, 2);
    commands::ReplyBadCommand(args, container, spec, writer);
    const std::string error = reply.substr(1, reply.size() - 3);
    if (spec != nullptr) stats_.commands.Rejected(*spec);
    ReplyError(session, error);
    if (spec != nullptr && spec->handler == commands::CmdExec) client.DiscardMulti();
    return nullptr;
  }
  if (!client.authenticated() && NeedsAuth(*spec, password())) {
    Refuse(session, *spec, kErrNoAuth);
    return nullptr;
  }
  if (client.subscribed()) {
    if (const std::string error = RefusedWhileSubscribed(*spec, client); !error.empty()) {
      Refuse(session, *spec, error);
      return nullptr;
    }
  }
  return spec;
}

void Engine::Dispatch(Session& session, Args args) {
  Client& client = session.client;
  const CommandSpec* spec = Admit(session, args);
  if (spec == nullptr) return;
  const Class cls = spec->ClassOf(args);
  if (node_->restoring()) {
    const bool exec = spec->handler == commands::CmdExec && client.in_multi();
    if ((exec ? ClassOfQueue(client) : cls) != Class::kLocal)
      return Refuse(session, *spec, commands::kErrLoading);
  }
  if (client_table_.paused() && client_table_.Holds(*spec, MayWrite(*spec, cls, client))) {
    session.held_ = client.held = true;
    client.Touch(now_ms_, spec);
    held_.push_back(&session);
    return;
  }
  ++stats_.commands_processed;
  client.Touch(now_ms_, spec);
  if (client.in_multi() && !ActsOnMulti(spec)) {
    if (spec->Is(commands::kNoMulti)) {
      return Refuse(session, *spec, commands::kErrNotInMulti);
    }
    // COMPAT: refused while queueing, so that EXEC is refused too; over maxmemory even a read is,
    // since the queue takes memory.
    if (node_->parts().proposer.over_memory()) {
      return Refuse(session, *spec, commands::kErrOom);
    }
    if (spec->Is(commands::kDenyOom) && node_->parts().lead.RefusesForDisk()) {
      return Refuse(session, *spec, commands::kErrDiskLow);
    }
    std::vector<std::string> owned(args.begin(), args.end());
    client.Queue({spec, std::move(owned)});
    if (client.TakeReplyMuted()) return;
    if (session.queue_.empty()) {
      resp::ReplyWriter(&session.out, client.resp_version()).Simple("QUEUED");
    } else {
      std::string* reply = &Enqueue(session, Pending::Kind::kReply).reply;
      resp::ReplyWriter(reply, client.resp_version()).Simple("QUEUED");
    }
    MarkDirty(session);
    return;
  }
  // COMPAT: this reason goes before an error of the queue.
  if (client.multi_spoiled() && spec->handler == commands::CmdExec &&
      node_->parts().proposer.over_memory() && QueuesGrowth(client)) {
    return Refuse(session, *spec, commands::kErrOom);
  }
  const bool muted = client.TakeReplyMuted() && !AnswersMuted(*spec, args, client.replies_off());
  if (spec->handler == commands::CmdExec && client.in_multi() && !client.multi_spoiled()) {
    DispatchExec(session, *spec, muted);
    return;
  }
  if (spec->handler == commands::CmdExec) {
    Run(session, *spec, args, Class::kLocal, muted);  // answers the error
    return;
  }
  Run(session, *spec, args, cls, muted);
}

// EXEC becomes one command that carries the watched keys and the queue: an item if anything in it
// writes, else a read.
void Engine::DispatchExec(Session& session, const CommandSpec& exec, bool muted) {
  Client& client = session.client;
  bool stalls = false;
  const Class cls = ClassOfQueue(client, &stalls);
  commands::ExecEncoder encoder(client.watched(), client.queued().size());
  std::vector<std::string_view> views;
  for (const QueuedCommand& command : client.queued()) {
    views.assign(command.args.begin(), command.args.end());
    encoder.Add(views);
  }
  // The bytes of the queue and of the watched keys are needed until the command has been copied or
  // run.
  key_hash_ = 0;
  const std::vector<QueuedCommand> queued = client.TakeQueued();
  const std::vector<commands::WatchedKey> watched = client.TakeWatched();
  client.DiscardMulti();
  Run(session, exec, encoder.args(), cls, muted);
  // What changes the connection (SELECT, SUBSCRIBE, HELLO …) does so when the EXEC has run: how the
  // commands behind it are to be read is not known before.
  if (stalls && !session.queue_.empty()) session.stalled_ = true;
}

state::Executor::Caller Engine::CallerOf(Session& session) const {
  Client& client = session.client;
  state::Executor::Caller caller;
  caller.db = client.db();
  caller.resp_version = client.resp_version();
  if (client.user() != "default") caller.user = client.user();
  caller.client = &client;
  if (!client.local_reads()) {
    caller.live_elapsed_ms = grant_.elapsed_ms;
    caller.live_wall_ms = grant_.wall_ms;
  }
  caller.key_hash = key_hash_;
  return caller;
}

void Engine::Run(Session& session, const CommandSpec& spec, Args args, Class cls, bool muted) {
  // A write that may turn out to need no entry is tried as a read, if it needn't wait for that; the
  // connection's next commands wait for the outcome.
  std::optional<int64_t> ttl_max_ms;
  if (cls == Class::kWrite && spec.Is(commands::kCoalesce))
    ttl_max_ms = Refreshes(session, spec, args);
  const bool maybe_write = ttl_max_ms && session.queue_.empty() && !session.client.local_reads();
  if (maybe_write) cls = Class::kRead;
  // What stood behind commands that were held in vain is not held once more.
  if (session.backlog_ns_ != 0 && cls != Class::kLocal && !session.client.local_reads() &&
      node_->parts().leader.HeldInVain(session.backlog_ns_)) {
    REACH("pipelined command answered without a hold of its own");
    if (!muted) ReplyError(session, ErrorOf(cluster::Failure::kClusterDown));
    return;
  }
  if (gave_up_ && cls != Class::kLocal && !session.client.local_reads()) {
    REACH("command answered at once for want of a majority");
    if (!muted) ReplyError(session, ErrorOf(cluster::Failure::kClusterDown));
    return;
  }
  if (!StandstillError().empty() && cls != Class::kLocal &&
      (cls != Class::kRead || !session.client.local_reads())) {
    if (!muted) ReplyError(session, StandstillError());
    return;
  }
  if (cls == Class::kWrite) {
    RunWrite(session, spec, {&spec, args}, muted);
    return;
  }
  // An EXEC that has nothing to execute only ends the transaction.
  const bool early =
      spec.Is(commands::kEarly) || (spec.handler == commands::CmdExec && args.size() == 1);
  const bool at_head = session.queue_.empty();
  bool now = cls == Class::kLocal && (at_head || early);
  if (cls == Class::kRead && at_head) {
    if (session.client.local_reads()) {
      now = true;  // after READONLY only the applied clock counts
    } else {
      if (read_now_ == ReadNow::kUnknown)
        read_now_ = node_->parts().reads.CanReadNow(&grant_) ? ReadNow::kYes : ReadNow::kNo;
      now = read_now_ == ReadNow::kYes;
      if (now && !executor_.inline_open() &&
          executor_.NeedsTick(spec, args, session.client.db(), grant_)) {
        if (node_->parts().inline_path.Ready()) {
          OpenInline(grant_.elapsed_ms, grant_.wall_ms);
        } else {
          REACH("read meets a due key");
          now = false;
        }
      }
    }
  }
  if (now) {
    discarded_.Clear();
    resp::ReplyChunks in_its_place;
    resp::ReplyOutput* out = muted     ? static_cast<resp::ReplyOutput*>(&discarded_)
                             : at_head ? &session.out
                                       : &in_its_place;
    const uint64_t reply_at = out->size();
    session.answering_ = true;
    session.shows_state_ = session.shows_state_ || cls != Class::kLocal;
    const state::Executor::Verdict verdict = executor_.RunHere(spec, args, CallerOf(session), out);
    if (verdict.needs_entry) {
      EndAnswer(session);
      std::string number;
      std::vector<std::string_view> words(args.begin(), args.end());
      const CommandSpec* row = &spec;
      const int64_t ttl_ms = std::min(verdict.entry_ttl_ms, ttl_max_ms.value_or(0));
      if (ttl_ms != 0) row = &commands::WithTtlMs(spec, args, ttl_ms, &number, &words);
      RunWrite(session, spec, {row, words}, muted);
      return;
    }
    stats_.keyspace_hits += verdict.key_hits;
    NoteCall(session, spec, args, out->View(reply_at));
    EndAnswer(session);
    if (!at_head && !muted) {
      Enqueue(session, Pending::Kind::kReply).reply = in_its_place.TakeAll();
    }
    if (session.client.late_reply() != nullptr) {
      Enqueue(session, Pending::Kind::kLate).muted = muted;
      session.stalled_ = true;
      late_waiters_.push_back(&session);
    }
    MarkDirty(session);
    return;
  }
  Pending& pending =
      Enqueue(session, cls == Class::kLeader ? Pending::Kind::kCall : Pending::Kind::kRun);
  pending.muted = muted;
  pending.spec = &spec;
  pending.args = OwnedArgs(args);
  pending.ttl_max_ms = ttl_max_ms.value_or(0);
  session.CountUnderWay(pending, pending.args.bytes());
  if (cls == Class::kRead && !session.client.local_reads()) {
    pending.round = node_->parts().reads.Join();
    round_waiters_.push_back({pending.round, &session});
  }
  if (spec.Is(commands::kStalls) || cls == Class::kLeader || maybe_write) session.stalled_ = true;
  if (at_head) LookLater(session);
}

// COMPAT: as in Redis, a full disk refuses writes and nobody else waits for it. What has no room in
// the log is refused before it does anything.
bool Engine::HasRoomFor(Args args) {
  return node_->parts().inline_path.HasRoomFor(executor_.inline_bytes() + ItemBytes(args));
}

void Engine::RunWrite(Session& session, const CommandSpec& spec, const Written& written,
                      bool muted) {
  const size_t bytes = ItemBytes(written.args);
  if (bytes > kItemBytesMax) {
    REACH("write refused because it is too big for an entry");
    if (!muted) Refuse(session, spec, kErrTooBig);
    return;
  }
  // Many big ones within one turn are several entries.
  if (executor_.inline_bytes() + bytes > kItemBytesMax) SealInline();
  if (!HasRoomFor(written.args)) {
    REACH("write refused for lack of room in the log");
    if (!muted) Refuse(session, spec, commands::kErrDiskLow);
    return;
  }
  if (session.queue_.empty() && TryInline(session, spec, written, muted)) return;
  Client& client = session.client;
  std::string item;
  cluster::AppendItem({.command_id = written.spec->id,
                       .db = static_cast<uint8_t>(client.db()),
                       .resp_version = static_cast<uint8_t>(client.resp_version()),
                       .session = node_->session(),
                       .user = client.user() == "default" ? std::string_view() : client.user()},
                      written.args, &item);
  Pending& pending = Enqueue(session, Pending::Kind::kWrite);
  pending.muted = muted;
  pending.spec = &spec;
  session.CountUnderWay(pending, item.size());
  ++session.writes_;
  ++stats_.logged_writes;
  node_->parts().writes.Submit(std::move(item), &session);
}

// Notes a plain EXPIRE, PEXPIRE or GETEX. If it repeats the last one on its key here: the longest
// TTL that it may be logged with.
std::optional<int64_t> Engine::Refreshes(const Session& session, const CommandSpec& spec,
                                         Args args) {
  if (!config_.Bool(Opt::kExpireCoalesce)) return std::nullopt;
  const std::optional<int64_t> ttl_ms = commands::PlainTtlMs(spec, args);
  if (!ttl_ms) return std::nullopt;
  const uint64_t hash = key_hash_ != 0 ? key_hash_ : executor_.store().Hash(args[1]);
  const uint64_t key = hash ^ Mix64(static_cast<uint64_t>(session.client.db()));
  const auto asked_for_ms = refreshes_.Repeats(key, *ttl_ms, clock_.MonotonicNs() / 1'000'000);
  if (!asked_for_ms || *ttl_ms < commands::kRefreshTtlMinMs) return std::nullopt;
  return commands::RefreshTtlMaxMs(*ttl_ms, *asked_for_ms);
}

void Engine::OpenInline(int64_t elapsed_ms, int64_t wall_ms) {
  executor_.OpenInline(node_->parts().inline_path.NextSlot(), elapsed_ms, wall_ms,
                       node_->parts().inline_path.IsRead());
}

bool Engine::TryInline(Session& session, const CommandSpec& spec, const Written& written,
                       bool muted) {
  if (!executor_.inline_open()) {
    if (!node_->parts().inline_path.Ready()) return false;
    OpenInline(node_->parts().clock.LiveElapsedMs(), node_->parts().clock.LiveWallMs());
  }
  discarded_.Clear();
  resp::ReplyOutput* out = OutputOf(session, muted);
  const uint64_t reply_at = out->size();
  session.answering_ = true;
  session.shows_state_ = true;
  executor_.RunInline(*written.spec, written.args, CallerOf(session),
                      node_->parts().proposer.Verdicts(), out);
  NoteCall(session, spec, written.args, out->View(reply_at));
  EndAnswer(session);
  session.client.last_write_slot = executor_.applied_slot() + 1;
  ++stats_.inline_writes;
  MarkDirty(session);
  return true;
}

}  // namespace clustron::server

// Engine: how often, how long, how well. What INFO, SLOWLOG and LATENCY tell.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "commands/core/arg_cursor.h"
#include "server/dispatch/engine.h"

namespace clustron::server {

namespace {

// COMPAT: no password gets into the slow log.
std::vector<std::string_view> WithoutSecrets(const commands::CommandSpec& spec,
                                             commands::Args args) {
  constexpr std::string_view kRedacted = "(redacted)";
  std::vector<std::string_view> shown(args.begin(), args.end());
  const auto redact = [&](size_t first, size_t end) {
    for (size_t i = first; i < std::min(end, shown.size()); i++) shown[i] = kRedacted;
  };
  if (spec.name == "AUTH") redact(1, shown.size());
  for (size_t i = 1; i < args.size(); i++) {
    if (spec.name == "HELLO" && commands::IsWord(args[i], "AUTH")) redact(i + 1, i + 3);
    if (spec.name == "CONFIG|SET" && commands::IsWord(args[i], "REQUIREPASS")) redact(i + 1, i + 2);
  }
  return shown;
}

}  // namespace

// One look at the clock per command: of a pipeline, parsing counts towards the command.
void Engine::NoteCall(const Session& session, const commands::CommandSpec& spec,
                      commands::Args args, std::string_view reply) {
  const int64_t now_ns = clock_.MonotonicNs();
  const int64_t took_us = (now_ns - timed_ns_) / 1000;
  timed_ns_ = now_ns;
  const bool failed = reply.starts_with('-');
  stats_.commands.Called(spec, took_us, failed);
  // An inner command's error that became the reply has been counted.
  if (failed && inner_errors_ == 0) stats_.commands.ErrorReplied(reply.substr(1));
  inner_errors_ = 0;
  NoteSlow(spec, args, took_us, session.client);
}

void Engine::NoteSlow(const commands::CommandSpec& spec, commands::Args args, int64_t took_us,
                      const Client& client) {
  const int64_t slow_us = config_.Int(Opt::kSlowlogLogSlowerThan);
  if (slow_us < 0 || took_us < slow_us || spec.Is(commands::kSkipSlowlog)) return;
  stats_.slow.Add(WithoutSecrets(spec, args), took_us, clock_.WallMs() / 1000,
                  client.address().peer, client.name(),
                  static_cast<size_t>(config_.Int(Opt::kSlowlogMaxLen)));
}

state::InnerCallCounter::Start Engine::BeginInner() {
  return {clock_.MonotonicNs(), inner_errors_};
}

void Engine::EndInner(const commands::Context& ctx, bool of_exec, const Start& start,
                      std::string_view reply) {
  const bool failed = reply.starts_with('-');
  const int64_t took_us = (clock_.MonotonicNs() - start.ns) / 1000;
  stats_.commands.Called(*ctx.spec, took_us, failed);
  // COMPAT: the slow log has the commands of a transaction, not EXEC.
  if (of_exec && ctx.caller.client != nullptr) {
    NoteSlow(*ctx.spec, ctx.args, took_us, static_cast<const Client&>(*ctx.caller.client));
  }
  if (!failed || inner_errors_ != start.errors) return;
  ++inner_errors_;
  stats_.commands.ErrorReplied(reply.substr(1));
}

// A call that the leader answered. It ran there: it took no time here.
void Engine::NoteLeaderCall(const commands::CommandSpec& spec, std::string_view reply) {
  const bool failed = reply.starts_with('-');
  stats_.commands.Called(spec, 0, failed);
  if (failed) stats_.commands.ErrorReplied(reply.substr(1));
}

void Engine::EndAnswer(Session& session) {
  session.answering_ = false;
  if (session.held_pushes_.empty()) return;
  session.out.Append(session.held_pushes_);
  session.held_pushes_.clear();
}

void Engine::KeyMissed(int db, std::string_view key, bool announce) {
  ++stats_.keyspace_misses;
  if (announce && notifications_.on()) notifications_.OnMiss(db, key);
}

// COMPAT: what Redis tells at this level, and where consensus stands.
void Engine::TellState(int64_t now_ns) {
  constexpr int64_t kEveryNs = 5'000'000'000;
  if (!LogEnabled(LogLevel::kDebug) || now_ns - told_state_ns_ < kEveryNs) return;
  told_state_ns_ = now_ns;
  const ClientTable::Counts clients = client_table_.Count();
  Log(LogLevel::kDebug, "{} clients connected ({} blocked), {} bytes in use", clients.clients,
      clients.blocked, AllocatedBytes());
  const store::Store& store = executor_.store();
  for (int db = 0; db < store::kDatabases; ++db) {
    if (store.Size(db) > 0)
      Log(LogLevel::kDebug, "DB {}: {} keys ({} volatile)", db, store.Size(db),
          store.KeysWithDeadline(db));
  }
  Log(LogLevel::kDebug, "leader {}, ballot {}.{}, {} of {} nodes in reach, slots applied {}",
      node_->leader(), node_->ballot().round, node_->ballot().node, VotersInSight(),
      node_->replica().members().voters.size(), executor_.applied_slot());
}

}  // namespace clustron::server

// Engine: how often, how long, how well. What INFO, SLOWLOG and LATENCY tell.
#include "server/engine.h"

namespace clustron::server {

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
  const int64_t slow_us = config_.Int(Opt::kSlowlogLogSlowerThan);
  if (slow_us < 0 || took_us < slow_us || spec.Is(commands::kSkipSlowlog)) return;
  stats_.slow.Add(args, took_us, clock_.WallMs() / 1000, session.client.address().peer,
                  session.client.name(), static_cast<size_t>(config_.Int(Opt::kSlowlogMaxLen)));
}

InnerCallCounter::Start Engine::BeginInner() { return {clock_.MonotonicNs(), inner_errors_}; }

void Engine::EndInner(const commands::CommandSpec& spec, const Start& start,
                      std::string_view reply) {
  const bool failed = reply.starts_with('-');
  stats_.commands.Called(spec, (clock_.MonotonicNs() - start.ns) / 1000, failed);
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
  session.out.append(session.held_pushes_);
  session.held_pushes_.clear();
}

void Engine::KeyMissed(int db, std::string_view key, bool announce) {
  ++stats_.keyspace_misses;
  if (announce && notifications_.on()) notifications_.OnMiss(db, key);
}

void Engine::NoteRefused(const commands::CommandSpec* spec, std::string_view error) {
  if (spec != nullptr) stats_.commands.Rejected(*spec);
  stats_.commands.ErrorReplied(error);
}

}  // namespace clustron::server

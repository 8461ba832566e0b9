#include "server/dispatch/call_recorder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "commands/core/arg_cursor.h"

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
  const commands::Secrets& secrets = spec.secrets;
  if (secrets.count == 0) return shown;
  if (secrets.behind.empty()) redact(1, 1 + size_t{secrets.count});
  for (size_t i = 1; i < args.size() && !secrets.behind.empty(); i++)
    if (commands::IsWord(args[i], secrets.behind)) redact(i + 1, i + 1 + size_t{secrets.count});
  return shown;
}

}  // namespace

resp::ReplyOutput* CallRecorder::OutputOf(Session& session, bool muted) {
  if (!muted) return &session.out;
  discarded_.Clear();
  return &discarded_;
}

Answer CallRecorder::Begin(Session& session, bool muted) {
  return BeginAside(session, OutputOf(session, muted));
}

Answer CallRecorder::BeginAside(Session& session, resp::ReplyOutput* out) {
  session.BeginAnswer();
  return {out, out->size()};
}

// One look at the clock per command: of a pipeline, parsing counts towards the command.
void CallRecorder::End(Session& session, const commands::CommandSpec& spec, commands::Args args,
                       const Answer& answer) {
  const std::string_view reply = answer.View();
  const int64_t now_ns = clock_.MonotonicNs();
  const int64_t took_us = (now_ns - timed_ns_) / 1000;
  timed_ns_ = now_ns;
  const bool failed = reply.starts_with('-');
  stats_.commands.Called(spec, took_us, failed);
  // An inner command's error that became the reply has been counted.
  if (failed && inner_errors_ == 0) stats_.commands.ErrorReplied(reply.substr(1));
  inner_errors_ = 0;
  if (IsSlow(spec, took_us)) NoteSlow(spec, args, took_us, session.client);
  session.EndAnswer();
}

bool CallRecorder::IsSlow(const commands::CommandSpec& spec, int64_t took_us) const {
  const int64_t slow_us = config_.Int(Opt::kSlowlogLogSlowerThan);
  return slow_us >= 0 && took_us >= slow_us && !spec.Is(commands::kSkipSlowlog);
}

void CallRecorder::NoteSlow(const commands::CommandSpec& spec, commands::Args args, int64_t took_us,
                            const Client& client) {
  stats_.slow.Add(WithoutSecrets(spec, args), took_us, clock_.WallMs() / 1000,
                  client.address().peer, client.modes().name,
                  static_cast<size_t>(config_.Int(Opt::kSlowlogMaxLen)));
}

state::InnerCallCounter::Start CallRecorder::BeginInner() {
  return {clock_.MonotonicNs(), inner_errors_};
}

void CallRecorder::EndInner(const commands::Context& ctx, bool of_exec, const Start& start,
                            std::string_view reply) {
  const bool failed = reply.starts_with('-');
  const int64_t took_us = (clock_.MonotonicNs() - start.ns) / 1000;
  stats_.commands.Called(*ctx.spec, took_us, failed);
  // COMPAT: the slow log has the commands of a transaction, not EXEC.
  if (of_exec && ctx.caller.client != nullptr && IsSlow(*ctx.spec, took_us)) {
    NoteSlow(*ctx.spec, ctx.args, took_us, static_cast<const Client&>(*ctx.caller.client));
  }
  if (!failed || inner_errors_ != start.errors) return;
  ++inner_errors_;
  stats_.commands.ErrorReplied(reply.substr(1));
}

void CallRecorder::NoteLeaderCall(const commands::CommandSpec& spec, std::string_view reply) {
  const bool failed = reply.starts_with('-');
  stats_.commands.Called(spec, 0, failed);
  if (failed) stats_.commands.ErrorReplied(reply.substr(1));
}

}  // namespace clustron::server

// How often commands are called, how long they take, how they end: INFO's counters and the slow
// log. Also the place that a reply is written to, since what it says is counted.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "resp/reply_output.h"
#include "server/config/config.h"
#include "server/front/session.h"
#include "server/observe/stats.h"
#include "state/executor.h"

namespace clustron::server {

// Where one command's reply goes, and where in there it begins.
struct Answer {
  resp::ReplyOutput* out = nullptr;
  uint64_t begin = 0;
  std::string_view View() const { return out->View(begin); }
};

class CallRecorder final : public state::InnerCallCounter {
 public:
  // All outlive it.
  CallRecorder(const Clock& clock, const Config& config, Stats& stats)
      : clock_(clock), config_(config), stats_(stats) {}

  // The next command's time counts from now on. Returns now.
  int64_t StartTiming() { return timed_ns_ = clock_.MonotonicNs(); }

  // A command begins to answer: to the session's output, or, `muted`, to nowhere. End or Cancel
  // follows.
  Answer Begin(Session& session, bool muted);
  // The same, to `out`.
  Answer BeginAside(Session& session, resp::ReplyOutput* out);
  // The command has run.
  void End(Session& session, const commands::CommandSpec& spec, commands::Args args,
           const Answer& answer);
  // It has not: it is run again later.
  void Cancel(Session& session) { session.EndAnswer(); }
  // A call that the leader answered. It ran there: it took no time here.
  void NoteLeaderCall(const commands::CommandSpec& spec, std::string_view reply);

  // Where an error goes that no command wrote.
  resp::ReplyOutput* OutputOf(Session& session, bool muted);

  // --- state::InnerCallCounter -----------------------------------------------------------------
  Start BeginInner() override;
  void EndInner(const commands::Context& ctx, bool of_exec, const Start& start,
                std::string_view reply) override;

 private:
  static constexpr size_t kDiscardedBytes = 64;  // of a reply, for counters and the digest

  bool IsSlow(const commands::CommandSpec& spec, int64_t took_us) const;
  void NoteSlow(const commands::CommandSpec& spec, commands::Args args, int64_t took_us,
                const Client& client);

  const Clock& clock_;
  const Config& config_;
  Stats& stats_;
  int64_t timed_ns_ = 0;       // when the last command was done
  uint64_t inner_errors_ = 0;  // of the command that is running
  resp::ReplyPrefix discarded_{kDiscardedBytes};
};

}  // namespace clustron::server

// The answers of WATCHKEY SINCE, WAIT and of the plain form, which may come later: the history is
// begun first, searched in slices, and WAIT waits for an event. THREAD: core loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands/core/ports.h"
#include "commands/core/watches_port.h"
#include "resp/reply_writer.h"
#include "state/watch_history.h"

namespace clustron::server {

class WatchHub;

// A search of a WATCHKEY command.
class WatchSearchReply final : public commands::LateReply {
 public:
  // Both outlive it.
  WatchSearchReply(WatchHub& hub, commands::SinceCall call, commands::ClientPort& client);
  ~WatchSearchReply() override;

  bool Poll(bool expired, resp::ReplyWriter& reply) override;
  // One that waits is woken by an event.
  bool polled() const override { return !waiting_; }
  // Looks again. `known`: up to there is no event of its target but what it was told of.
  void Wake(store::Revision known);
  uint64_t client_id() const { return client_.id(); }

 private:
  // What is found, as it is written: a revision may have hundreds of thousands of events.
  struct Writing {
    std::string bytes;
    size_t at = 0;               // in what was found
    store::Revision up_to = 0;   // of the answer
    std::vector<size_t> events;  // of each revision
    size_t begun = 0;            // revisions
    size_t left = 0;             // events of the last one
  };

  void BeginAnswer();
  bool Answer(resp::ReplyWriter& reply, bool at_once);

  WatchHub& hub_;
  const commands::SinceCall call_;
  commands::ClientPort& client_;
  std::optional<state::WatchSearch> search_;
  std::optional<Writing> writing_;
  store::Revision searched_;  // nothing up to here
  bool waiting_ = false;
};

// The beginning of watches of the plain form.
class WatchBeginReply final : public commands::LateReply {
 public:
  WatchBeginReply(WatchHub& hub, commands::PlainWatch call, commands::ClientPort& client)
      : hub_(hub), call_(std::move(call)), client_(client) {}

  bool Poll(bool expired, resp::ReplyWriter& reply) override;

 private:
  bool Search(resp::ReplyWriter& reply, bool* refused);

  WatchHub& hub_;
  const commands::PlainWatch call_;
  commands::ClientPort& client_;
  std::vector<std::unique_ptr<state::WatchSearch>> searches_;
};

}  // namespace clustron::server

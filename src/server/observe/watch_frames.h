// What watchers are sent, as it goes out: messages of channels, and frames of WATCHKEY's plain
// form. A message is encoded once for all who get the same. THREAD: core loop.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/watch_target.h"
#include "resp/reply_writer.h"
#include "state/watch_event.h"

namespace clustron::server {

// How a watcher wants it.
struct WatchForm {
  bool plain = false;  // of WATCHKEY; else a message of its channel
  bool previous = false;
  bool values = true;  // plain: with values
  int resp_version = 2;
  // The protocol apart, which may change while it watches.
  size_t kind() const { return (plain ? 1U : 0U) | (previous ? 2U : 0U) | (values ? 4U : 0U); }
  size_t number() const { return kind() | (resp_version == 3 ? 8U : 0U); }
  static constexpr size_t kNumbers = 16;
};

// The channel of a target.
std::string ChannelOf(const commands::WatchTarget& target, bool previous);

// What is told of one target at one time.
class WatchFrames {
 public:
  // `sync <rev>`
  static WatchFrames Sync(const commands::WatchTarget& target, store::Revision revision);
  // `gap <from> <to>`
  static WatchFrames Gap(const commands::WatchTarget& target, store::Revision from,
                         store::Revision to);
  // The events of a revision that concern the target; they are views. REQUIRES: there is one.
  static WatchFrames Events(const commands::WatchTarget& target, store::Revision revision,
                            store::Revision previous,
                            std::span<const state::WatchEvent* const> events);

  // Good as long as this and what was given to it.
  std::string_view For(const WatchForm& form);

 private:
  enum class Kind : uint8_t { kSync, kGap, kReset, kEvents };
  WatchFrames(Kind kind, const commands::WatchTarget& target, store::Revision a, store::Revision b)
      : kind_(kind), target_(target), a_(a), b_(b) {}
  std::string Text(bool previous) const;
  void Plain(const WatchForm& form, resp::ReplyWriter& writer) const;

  const Kind kind_;
  const commands::WatchTarget& target_;
  const store::Revision a_;
  const store::Revision b_;
  std::span<const state::WatchEvent* const> events_;
  std::string bytes_[WatchForm::kNumbers];
};

// An event as an element of an array: [kind, reason, lease or nil, key, value or nil] and, if it is
// asked for, the value before. ["reset", "flush" or "swap"] of a reset.
void ReplyEvent(resp::ReplyWriter& writer, const state::WatchEvent& event, bool values,
                bool previous);

}  // namespace clustron::server

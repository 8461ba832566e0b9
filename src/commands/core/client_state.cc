#include "commands/core/client_state.h"

#include <algorithm>

#include "base/check.h"

namespace clustron::commands {

void ClientTransaction::Queue(QueuedCommand command) {
  CHECK(open_);
  queued_bytes_ += sizeof command;
  for (const std::string& arg : command.args) queued_bytes_ += sizeof arg + arg.capacity();
  queued_.push_back(std::move(command));
}

void ClientTransaction::Watch(WatchedKey key) {
  const auto same = [&](const WatchedKey& other) {
    return other.db == key.db && other.key == key.key;
  };
  if (std::none_of(watched_.begin(), watched_.end(), same)) watched_.push_back(std::move(key));
}

}  // namespace clustron::commands

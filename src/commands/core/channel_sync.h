// The first message on a channel that carries the server's own events: what holds at the
// subscriber's node when it begins to listen, so that nothing before it is missed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clustron::store {
class Store;
}

namespace clustron::commands {

// "sync <revision> <holders>" of a lock's channel, "sync <revision> <1 or 0>" of a lease's: whether
// it lives; "sync <revision>" of a watch's. Nothing: the channel begins with no message.
// `revision`: up to which everything is told.
std::optional<std::string> SyncMessage(const store::Store& store, std::string_view channel,
                                       uint64_t revision);

}  // namespace clustron::commands

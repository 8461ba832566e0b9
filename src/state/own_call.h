// Where the reply to one of this node's own clients goes, whose command is being applied.
#pragma once

namespace clustron::resp {
class ReplyOutput;
}
namespace clustron::commands {
class ClientPort;
}

namespace clustron::state {

struct OwnCall {
  resp::ReplyOutput* out = nullptr;        // null: nobody waits any more
  commands::ClientPort* client = nullptr;  // the caller's connection
};

}  // namespace clustron::state

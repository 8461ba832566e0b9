// Where the reply to one of this node's own clients goes, whose command is being applied.
#pragma once

#include <string>
#include <vector>

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
  // Where the call goes that goes on with the command's work (commands::Verdict), if it leaves one.
  std::vector<std::string>* rest = nullptr;
};

}  // namespace clustron::state

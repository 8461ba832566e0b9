// The item of a COMMIT: the transaction's id, and what it has read and staged; or the id alone,
// which closes it.
//
//   COMMIT id [head key … word …]
//
// head: number (8 bytes), database (1), how many keys, their revisions, how many commands, how many
// words each has; all but the first two are varints. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"
#include "commands/transaction/scratch.h"

namespace clustron::commands {

struct CommitCall {
  uint64_t number = 0;
  int db = 0;
  struct Read {
    std::string_view key;
    store::Revision revision;  // 0: absent
  };
  std::vector<Read> reads;
  std::vector<Args> commands;  // views into the arguments
};

// The words behind "TXN".
std::vector<std::string> CommitWords(std::string_view id, uint64_t number, int db,
                                     const std::vector<SeenKey>& seen,
                                     const std::vector<StagedCommand>& commands);
// The same with the id alone.
std::vector<std::string> ClosingWords(std::string_view id);
// False: no such words. `args` as CommitWords made them, behind the command's name.
bool ReadCommit(Args args, CommitCall* out);

}  // namespace clustron::commands

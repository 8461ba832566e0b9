// EXEC as one item of the log: the watches and the queued commands are its arguments.
//
//   EXEC nwatch (db key key-revision store-revision)* ncmd (argc arg*)*
//
// Numbers are decimal. The dispatcher encodes; the handler checks the watches, then the guards of
// all commands, then runs them. Clients send a bare EXEC; this form never comes from outside.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/numeric.h"
#include "commands/core/context.h"
#include "commands/core/ports.h"

namespace clustron::commands {

// Owns the text of numbers; keys and arguments are the caller's and must outlive args().
class ExecEncoder {
 public:
  explicit ExecEncoder(std::span<const WatchedKey> watches, size_t command_count);
  // One call per queued command.
  void Add(Args command);
  Args args() const { return args_; }

 private:
  void Number(uint64_t value);

  std::vector<std::string_view> args_;
  std::deque<Decimal> numbers_;  // its elements stay where they are
};

struct ExecWatch {
  int db = 0;
  std::string_view key;
  uint64_t key_revision = 0;
  uint64_t store_revision = 0;
};

struct ExecCall {
  std::vector<ExecWatch> watches;
  std::vector<Args> commands;  // views into the decoded arguments
};

// False: malformed.
bool DecodeExec(Args args, ExecCall* out);

// True if every queued command may run on a node's own state: then EXEC is no entry.
bool IsReadOnlyExec(const ExecCall& call);

}  // namespace clustron::commands

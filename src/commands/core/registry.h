// The one command table. Families are listed explicitly, below (no static registrars); the table is
// checked at start-up: unique names and ids, arities, key ranges, syntax, every row a handler.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "commands/core/spec.h"
#include "commands/core/syntax.h"

namespace clustron::resp {
class ReplyWriter;
}

namespace clustron::commands {

// Each family's rows, defined in its own .cc.
std::span<const CommandSpec> StringCommands();
std::span<const CommandSpec> BitmapCommands();
std::span<const CommandSpec> KeyCommands();
std::span<const CommandSpec> ExpireCommands();
std::span<const CommandSpec> ScanCommands();
std::span<const CommandSpec> HashCommands();
std::span<const CommandSpec> ListCommands();
std::span<const CommandSpec> DumpCommands();
std::span<const CommandSpec> MultiCommands();
std::span<const CommandSpec> PubsubCommands();
std::span<const CommandSpec> ConnectionCommands();
std::span<const CommandSpec> ClientCommands();
std::span<const CommandSpec> ConfigCommands();
std::span<const CommandSpec> CommandCommands();
std::span<const CommandSpec> ServerCommands();
std::span<const CommandSpec> LeaseCommands();
std::span<const CommandSpec> LockCommands();
std::span<const CommandSpec> IndexCommands();
std::span<const CommandSpec> TxnCommands();
std::span<const CommandSpec> WatchkeyCommands();

using FamilyFn = std::span<const CommandSpec> (*)();

// Every family there is, in the order in which COMMAND lists them.
inline constexpr FamilyFn kFamilies[] = {
    StringCommands,      // a comment each keeps them on lines of their own
    KeyCommands,         //
    ExpireCommands,      //
    ScanCommands,        //
    DumpCommands,        //
    HashCommands,        //
    ListCommands,        //
    BitmapCommands,      //
    MultiCommands,       //
    CommandCommands,     //
    LeaseCommands,       //
    LockCommands,        //
    IndexCommands,       //
    TxnCommands,         //
    WatchkeyCommands,    //
    ConnectionCommands,  //
    ClientCommands,      //
    ConfigCommands,      //
    PubsubCommands,      //
    ServerCommands,      //
};

// The error of a call that Resolve or ArityOk refused: unknown command, unknown subcommand
// (`container` set), wrong number of arguments (`spec` set).
void ReplyBadCommand(std::span<const std::string_view> args, const CommandSpec* container,
                     const CommandSpec* spec, resp::ReplyWriter& reply);

// The error of a subcommand that takes a range of arguments and got more of them.
void ReplySubcommandSyntax(Context& ctx);

class Registry {
 public:
  // The process's table. Constant after the first call. THREAD: any.
  static const Registry& Get();

  // Case-insensitive look-up of a top-level name; null if unknown.
  const CommandSpec* Find(std::string_view name) const;
  // The row that serves a call: the subcommand's where `args[0]` is a container. Null: unknown
  // command, or (then *container is set) unknown or missing subcommand.
  const CommandSpec* Resolve(std::span<const std::string_view> args,
                             const CommandSpec** container) const;
  const CommandSpec* FindSub(const CommandSpec& container, std::string_view sub) const;
  // By stable id; null if there is no such command.
  const CommandSpec* ById(uint16_t id) const;
  // All top-level rows in the table's order; the subcommands of a container.
  std::span<const CommandSpec* const> All() const;
  std::span<const CommandSpec* const> Subcommands(const CommandSpec& container) const;
  // What the row's syntax says. REQUIRES: the row is the table's.
  std::span<const Argument> ArgumentsOf(const CommandSpec& row) const;

 private:
  Registry();
  struct Tables;
  const Tables* tables_;
};

}  // namespace clustron::commands

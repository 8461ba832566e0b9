// Error texts that name what they are about. Deterministic: they are parts of replies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "commands/core/context.h"

namespace clustron::store {
struct Lock;
}

namespace clustron::commands {

// 'text', of long ones the beginning, with '?' for what is not printable.
std::string Quoted(std::string_view text);

// "CODE rest" becomes "CODE prefix: rest".
std::string WithPrefix(std::string_view error, std::string_view prefix);

// "NOLEASE no such lease 'id'"
std::string NoLease(std::string_view id);

// "held by 'owner' with token 7", "free"; null: nobody holds it.
std::string HeldBy(const store::Lock* lock);

// "INCR greeting", "SET k ...": the command and its first argument. Values are not shown.
std::string Sketch(Args call);

// "ERR unknown command 'name', with args beginning with: 'a' 'b' "
std::string UnknownCommand(std::string_view name, std::string_view args);

// "ERR unknown subcommand 'name'. Try OBJECT HELP."
std::string UnknownSubcommand(std::string_view container, std::string_view name);

// "ERR unknown subcommand or wrong number of arguments for 'name'. Try OBJECT HELP."
std::string SubcommandSyntax(std::string_view container, std::string_view name);

// "ERR wrong number of arguments for 'get' command"
std::string WrongArity(const CommandSpec& spec);

// "ERR invalid expire time in 'set' command"
std::string InvalidExpireTime(const CommandSpec& spec);

// "ERR 'exec' may not stand inside another command"
std::string NotNestable(const CommandSpec& spec);

// "ERR CONFIG SET failed (possibly related to argument 'name') - why"
std::string ConfigSetFailed(std::string_view name, std::string_view why);

// "EXECABORT Transaction discarded because of: error", without "ERR" if that was its code.
std::string ExecAborted(std::string_view error);

// "CODE nothing was done: ...": an item that would cost more than an entry may.
std::string OverBudget(std::string_view code);

// "CODE which: rest"; of FENCED, where programs read the token behind the code, "FENCED rest, in
// which".
std::string InTxn(std::string_view error, std::string_view which);

// "FENCED current=8 lock 'name' is held with token 8"
std::string Fenced(std::string_view name, const store::Lock* lock);

// "LOCKED a lock guards the key 'name': it is held with token 8"
std::string Locked(std::string_view name, const store::Lock* lock);

// "LOCKED a lock guards a key of the database 3"
std::string LockedDb(int db);
// To who names a database that has no such name: "ERR no database has the name 'orders' …".
std::string NoSuchDatabase(std::string_view name);

// Whether Redis has a command of this name, or of this subcommand ("MEMORY|DOCTOR"), that is not in
// Clustron yet. Any case.
bool IsRedisCommand(std::string_view name);

// The error of a call that needs a feature version which not every member is known to support.
std::string NotKnownByAll(std::string_view command, uint16_t feature_version);

}  // namespace clustron::commands

#include "commands/core/error_text.h"

#include <algorithm>

#include "base/strings.h"
#include "commands/core/errors.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

namespace {

// Between blanks, in alphabetical order.
constexpr std::string_view kNotYetHere =
    "ACL BGREWRITEAOF BZMPOP BZPOPMAX BZPOPMIN "
    "CLIENT|CACHING CLIENT|GETREDIR CLIENT|TRACKING CLIENT|TRACKINGINFO "
    "DEBUG DIGEST EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO "
    "FUNCTION GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER "
    "GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GEOSEARCHSTORE HEXPIRE HEXPIREAT "
    "HEXPIRETIME HGETDEL HGETEX HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL "
    "HSETEX HTTL LATENCY|DOCTOR LATENCY|GRAPH LATENCY|HISTORY LOLWUT MEMORY|DOCTOR "
    "MIGRATE MODULE|LOAD MODULE|LOADEX MODULE|UNLOAD MONITOR PFADD PFCOUNT "
    "PFDEBUG PFMERGE PFSELFTEST PSYNC REPLCONF RESTORE-ASKING SADD SCARD SCRIPT "
    "SDIFF SDIFFSTORE SINTER SINTERCARD SINTERSTORE SISMEMBER SMEMBERS SMISMEMBER "
    "SMOVE SORT SORT_RO SPOP SRANDMEMBER SREM SSCAN SUNION SUNIONSTORE SYNC XACK "
    "XACKDEL XADD XAUTOCLAIM XCLAIM XDEL XDELEX XGROUP XINFO XLEN XPENDING XRANGE "
    "XREAD XREADGROUP XREVRANGE XSETID XTRIM ZADD ZCARD ZCOUNT ZDIFF ZDIFFSTORE "
    "ZINCRBY ZINTER ZINTERCARD ZINTERSTORE ZLEXCOUNT ZMPOP ZMSCORE ZPOPMAX ZPOPMIN "
    "ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM "
    "ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX "
    "ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION ZUNIONSTORE";

constexpr size_t kShownBytesMax = 64;

// Behind what Redis says, so that whoever looks for its words finds them.
constexpr std::string_view kNotYet = "(Redis has it, it is not in Clustron yet)";

constexpr std::string_view kFenced = "FENCED ";
constexpr std::string_view kErr = "ERR ";

std::string OfCommand(std::string_view text, const CommandSpec& spec) {
  return std::string(text) + " '" + Lower(spec.name) + "' command";
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string shown = "'";
  for (const char c : text.substr(0, kShownBytesMax)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > kShownBytesMax ? "...'" : "'");
}

std::string WithPrefix(std::string_view error, std::string_view prefix) {
  const size_t blank = std::min(error.find(' '), error.size());
  std::string text(error.substr(0, blank));
  text.append(" ").append(prefix);
  if (blank < error.size()) text.append(": ").append(error.substr(blank + 1));
  return text;
}

std::string NoLease(std::string_view id) { return std::string(kErrNoLease) + " " + Quoted(id); }

std::string HeldBy(const store::Lock* lock) {
  if (lock == nullptr) return "free";
  if (lock->delayed()) return "delayed, because a holder was lost";
  if (!lock->held()) return "free";
  const store::LockHolder& holder = lock->holder();
  if (lock->holders.size() > 1)
    return "held by " + std::to_string(lock->holders.size()) + ", the first with token " +
           std::to_string(holder.token);
  return "held " + (holder.owner.empty() ? std::string() : "by " + Quoted(holder.owner) + " ") +
         "with token " + std::to_string(holder.token);
}

std::string Sketch(Args call) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(call.size(), 2); i++) {
    const std::string word = Quoted(call[i]);
    text.append(i == 0 ? "" : " ").append(word, 1, word.size() - 2);
  }
  return call.size() > 2 ? text + " ..." : text;
}

bool IsRedisCommand(std::string_view name) {
  const std::string wanted = Upper(name);
  if (wanted.empty() || wanted.find(' ') != std::string::npos) return false;
  for (size_t at = kNotYetHere.find(wanted); at != std::string_view::npos;
       at = kNotYetHere.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if ((at == 0 || kNotYetHere[at - 1] == ' ') &&
        (end == kNotYetHere.size() || kNotYetHere[end] == ' '))
      return true;
  }
  return false;
}

std::string UnknownCommand(std::string_view name, std::string_view args) {
  std::string text = "ERR unknown command '" + std::string(name) + "', with args beginning with: ";
  text.append(args);
  if (IsRedisCommand(name)) text.append(kNotYet);
  return text;
}

std::string UnknownSubcommand(std::string_view container, std::string_view name) {
  const std::string whole = std::string(container) + "|" + std::string(name);
  std::string text = "ERR unknown subcommand '" + std::string(name) + "'. Try ";
  text.append(container).append(" HELP.");
  if (IsRedisCommand(whole)) text.append(" ").append(kNotYet);
  return text;
}

std::string SubcommandSyntax(std::string_view container, std::string_view name) {
  return "ERR unknown subcommand or wrong number of arguments for '" + std::string(name) +
         "'. Try " + std::string(container) + " HELP.";
}

std::string WrongArity(const CommandSpec& spec) {
  return OfCommand("ERR wrong number of arguments for", spec);
}

std::string InvalidExpireTime(const CommandSpec& spec) {
  return OfCommand("ERR invalid expire time in", spec);
}

std::string NotNestable(const CommandSpec& spec) {
  return "ERR '" + Lower(spec.name) + "' may not stand inside another command";
}

std::string ConfigSetFailed(std::string_view name, std::string_view why) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(why);
}

std::string ExecAborted(std::string_view error) {
  if (error.starts_with(kErr)) error.remove_prefix(kErr.size());
  return "EXECABORT Transaction discarded because of: " + std::string(error);
}

std::string OverBudget(std::string_view code) {
  return std::string(code) + " " + std::string(kOverBudget);
}

std::string InTxn(std::string_view error, std::string_view which) {
  return error.starts_with(kFenced) ? std::string(error) + ", in " + std::string(which)
                                    : WithPrefix(error, which);
}

std::string Fenced(std::string_view name, const store::Lock* lock) {
  return std::string(kFenced) + "current=" + std::to_string(lock == nullptr ? 0 : lock->current()) +
         " lock " + Quoted(name) + " is " + HeldBy(lock);
}

std::string Locked(std::string_view name, const store::Lock* lock) {
  return "LOCKED a lock guards the key " + Quoted(name) + ": it is " + HeldBy(lock);
}

std::string LockedDb(int db) {
  return "LOCKED a lock guards a key of the database " + std::to_string(db);
}

std::string NoSuchDatabase(std::string_view name) {
  return "ERR no database has the name " + Quoted(name) + " (CONFIG GET database-names)";
}

std::string NotKnownByAll(std::string_view command, uint16_t feature_version) {
  return "ERR " + std::string(command) + " needs feature version " +
         std::to_string(feature_version) +
         " on every member, and one of them runs a program that does not know it or has not been "
         "heard since this node's start";
}

}  // namespace clustron::commands

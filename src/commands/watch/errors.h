// The error texts of WATCHKEY. What SINCE and WAIT are answered is commands/core/error_watch.h.
#pragma once

#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrWatchTarget =
    "ERR what is watched is named by KEY key or by PREFIX prefix";
inline constexpr std::string_view kErrWatchBlock =
    "ERR BLOCK is between 0 (for ever) and 2592000000 ms";
inline constexpr std::string_view kErrWatchLimit = "ERR LIMIT is between 1 and 100000";
inline constexpr std::string_view kErrWatchListAfter =
    "ERR AFTER takes what a row says: database, KEY or PREFIX, name, client id";
inline constexpr std::string_view kErrWatchRevision = "ERR a revision is a number, 0 or above";
inline constexpr std::string_view kErrWatchAfter = "ERR AFTER and LIMIT go with PREFIX";
inline constexpr std::string_view kErrWatchPrefixDatabase =
    "ERR WATCHKEY GET PREFIX looks at all keys of the database, and it has more than 100000: it "
    "takes an index ON KEYS that covers the prefix";
inline constexpr std::string_view kErrWatchPrefixRows =
    "ERR more than 100000 keys have this prefix: ask for them in pages, by LIMIT and AFTER";
inline constexpr std::string_view kErrWatchFrom =
    "ERR FROM takes at most 64 keys or prefixes: the others by further calls";
inline constexpr std::string_view kErrWatchNowhere =
    "ERR WATCHKEY needs the caller's own connection: it may not stand inside other commands";

}  // namespace clustron::commands

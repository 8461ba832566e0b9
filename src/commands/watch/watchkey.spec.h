// Rows of the WATCHKEY family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdWatchkey, CmdWatchkeyGet, CmdWatchkeyHelp, CmdWatchkeyKey, CmdWatchkeyList,
    CmdWatchkeyRev, CmdWatchkeySince, CmdWatchkeyWait, CmdUnwatchkey;

// The plain form's keys: all but the options behind them.
bool WatchkeyKeys(Args args, std::vector<KeyRef>* out);
bool WatchkeyGetKeys(Args args, std::vector<KeyRef>* out);
bool WatchkeySinceKeys(Args args, std::vector<KeyRef>* out);
// Confirmations are pushes.
inline bool WatchkeyAnswersAlways(Args, bool) { return true; }

// The feature version by which every node keeps a history.
constexpr uint16_t kWatchVersion = 5;
constexpr uint64_t kWatchHere = kLocalState | kNoMulti | kNoScript;

constexpr KeySpec kKeysWatchkey[] = {
    {.flags = KeySpec::kRo | KeySpec::kAccess | KeySpec::kIncomplete}};
constexpr KeySpec kKeysWatchkeyGet[] = {
    {.flags = KeySpec::kRo | KeySpec::kAccess | KeySpec::kIncomplete, .begin_index = 2}};
constexpr KeySpec kKeysWatchkeySince[] = {{.flags = KeySpec::kRo | KeySpec::kAccess,
                                           .begin = KeySpec::Begin::kKeyword,
                                           .begin_index = 3,
                                           .keyword = "KEY"}};

// clang-format off
inline constexpr CommandSpec kWatchkeyRows[] = {
    {.name = "WATCHKEY", .since = "0.1.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kCoordination,
     .flags = kReadonly | kMovableKeys | kWatchHere | kStalls | kWhenSubscribed | kOwnCalls,
     .keys = kKeysWatchkey, .get_keys = WatchkeyKeys, .handler = CmdWatchkey,
     .answers_muted = WatchkeyAnswersAlways, .feature_version = kWatchVersion,
     .syntax = "key... [PREFIX] [SNAPSHOT] [FROM revision:int] [NOVALUE] [PREV]",
     .summary = "Tells this connection of changes of keys.",
     .complexity = "O(N) by the number of keys, with FROM as SINCE",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|GET", .id = 750, .since = "0.1.0", .arity = -3, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kMovableKeys | kWide | kUnversioned,
     .keys = kKeysWatchkeyGet, .get_keys = WatchkeyGetKeys, .handler = CmdWatchkeyGet,
     .feature_version = kWatchVersion,
     .syntax = "(key|(PREFIX prefix [LIMIT limit:int] [AFTER after])) [TYPES]",
     .summary = "Reads keys, and the revision at which they are so.",
     .complexity = "O(1), with PREFIX O(N) by the keys of the database",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|HELP", .id = 751, .since = "0.1.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kLoading | kStale,
     .handler = CmdWatchkeyHelp,
     .feature_version = kWatchVersion,
     .summary = "Lists the subcommands.", .complexity = "O(1)", .compat = Compat::kExtension},
    {.name = "WATCHKEY|KEY", .since = "0.1.0", .arity = -3, .cls = Class::kRead,
     .group = Group::kCoordination,
     .flags = kReadonly | kMovableKeys | kWatchHere | kStalls | kWhenSubscribed,
     .keys = kKeysWatchkeyGet, .get_keys = WatchkeyKeys, .handler = CmdWatchkeyKey,
     .answers_muted = WatchkeyAnswersAlways, .feature_version = kWatchVersion,
     .syntax = "key [PREFIX] [SNAPSHOT] [FROM revision:int] [NOVALUE] [PREV]",
     .summary = "WATCHKEY of one key, whatever it is called.",
     .complexity = "O(1), with FROM as SINCE",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|LIST", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kWatchHere,
     .handler = CmdWatchkeyList,
     .feature_version = kWatchVersion,
     .syntax = "[AFTER cursor=(db:int (KEY|PREFIX) name client:int)] [LIMIT limit:int]",
     .summary = "Lists the watchers of this node.",
     .complexity = "O(N + M*log(M)) by the watchers and those listed",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|REV", .since = "0.1.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kFast | kWatchHere,
     .handler = CmdWatchkeyRev,
     .feature_version = kWatchVersion,
     .summary = "The newest revision, and the oldest that SINCE takes.", .complexity = "O(1)",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|SINCE", .since = "0.1.0", .arity = -5, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kMovableKeys | kWatchHere | kStalls,
     .keys = kKeysWatchkeySince, .get_keys = WatchkeySinceKeys, .handler = CmdWatchkeySince,
     .feature_version = kWatchVersion,
     .syntax = "revision:int (KEY key|PREFIX prefix) [LIMIT limit:int] [PREV]",
     .summary = "The changes of a key, or of keys with a prefix, behind a revision.",
     .complexity = "O(M + S*log(N)) by the changes found, and the history's segments behind the "
                   "revision",
     .compat = Compat::kExtension},
    {.name = "WATCHKEY|WAIT", .since = "0.1.0", .arity = -7, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kMovableKeys | kWatchHere | kStalls,
     .keys = kKeysWatchkeySince, .get_keys = WatchkeySinceKeys, .handler = CmdWatchkeyWait,
     .feature_version = kWatchVersion,
     .syntax = "revision:int (KEY key|PREFIX prefix) BLOCK ms:int [LIMIT limit:int] [PREV]",
     .summary = "SINCE, and if there is nothing yet, waits for it.",
     .complexity = "as SINCE",
     .compat = Compat::kExtension},
    {.name = "UNWATCHKEY", .since = "0.1.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kWatchHere | kStalls | kWhenSubscribed,
     .keys = kKeyMetaAll, .handler = CmdUnwatchkey, .answers_muted = WatchkeyAnswersAlways,
     .feature_version = kWatchVersion,
     .syntax = "[key...]",
     .summary = "Ends what WATCHKEY began on this connection.",
     .complexity = "O(N) by the number of keys",
     .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands

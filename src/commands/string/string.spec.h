// Rows of the string family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdGet, CmdSet, CmdSetnx, CmdSetex, CmdPsetex, CmdGetset, CmdGetdel, CmdGetex, CmdMget,
    CmdMset, CmdMsetnx, CmdMsetex, CmdAppend, CmdStrlen, CmdGetrange, CmdSubstr, CmdSetrange,
    CmdLcs, CmdIncr, CmdDecr, CmdIncrby, CmdDecrby, CmdIncrbyfloat, CmdIncrex;

// SET overwrites; with GET it reads too.
bool SetKeys(std::span<const std::string_view> args, std::vector<KeyRef>* out);
// Without options GETEX is GET.
Class GetExClass(Args args);

constexpr KeySpec kKeysSetnx[] = {{.flags = KeySpec::kOw | KeySpec::kInsert}};
constexpr KeySpec kKeysMset[] = {{.flags = KeySpec::kOw | KeySpec::kUpdate, .last = -1, .step = 2}};
constexpr KeySpec kKeysMsetnx[] = {
    {.flags = KeySpec::kOw | KeySpec::kInsert, .last = -1, .step = 2}};
constexpr KeySpec kKeysMsetex[] = {{.flags = KeySpec::kOw | KeySpec::kUpdate,
                                    .find = KeySpec::Find::kKeyNum,
                                    .first_key = 1,
                                    .keynum_step = 2}};
constexpr KeySpec kKeysLcs[] = {{.flags = KeySpec::kRo | KeySpec::kAccess, .last = 1}};

// clang-format off
inline constexpr CommandSpec kStringRows[] = {
    {.name = "GET", .id = 100, .since = "1.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kString, .flags = kFast | kReadonly | kWide, .acl = kAclString,
     .keys = kKeyRead1, .handler = CmdGet,
     .syntax = "key",
     .summary = "Returns the string at a key.", .complexity = "O(1)"},
    {.name = "SET", .id = 101, .since = "1.0.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyVariable1, .get_keys = SetKeys, .handler = CmdSet, .wide_args = 4,
     .syntax = "key value condition=[NX|XX|IFREV revision:int|IFEQ equal|IFNE not-equal|"
               "IFDEQ digest|IFDNE other-digest]@2.6.12 [GET@6.2.0] "
               "expiration=[EX seconds:int@2.6.12|PX milliseconds:int@2.6.12|"
               "EXAT unix-time-seconds:time@6.2.0|PXAT unix-time-milliseconds:time@6.2.0|"
               "KEEPTTL@6.0.0|LEASE lease]",
     .summary = "Sets a key to a string, whatever it held, on conditions and with an end if asked.",
     .complexity = "O(1)",
     .compat_note = "takes IFREV and LEASE too, and Redis 8.4's IFEQ, IFNE, IFDEQ, IFDNE"},
    {.name = "SETNX", .id = 102, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeysSetnx, .handler = CmdSetnx,
     .syntax = "key value",
     .summary = "Sets a key to a string if it does not exist.", .complexity = "O(1)"},
    {.name = "SETEX", .id = 103, .since = "2.0.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag, .acl = kAclString,
     .keys = kKeyOverwrite1, .handler = CmdSetex,
     .syntax = "key seconds:int value",
     .summary = "Sets a key to a string that ends after seconds.", .complexity = "O(1)"},
    {.name = "PSETEX", .id = 104, .since = "2.6.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag, .acl = kAclString,
     .keys = kKeyOverwrite1, .handler = CmdPsetex,
     .syntax = "key milliseconds:int value",
     .summary = "Sets a key to a string that ends after milliseconds.", .complexity = "O(1)"},
    {.name = "GETSET", .id = 105, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdGetset,
     .syntax = "key value",
     .summary = "Sets a key to a string and returns the one before.", .complexity = "O(1)",
     .deprecated_since = "6.2.0", .replaced_by = "SET with the !GET argument"},
    {.name = "GETDEL", .id = 106, .since = "6.2.0", .arity = 2, .cls = Class::kWrite,
     .group = Group::kString, .flags = kFast | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyReadDelete1, .handler = CmdGetdel,
     .syntax = "key",
     .summary = "Returns the string at a key and deletes the key.", .complexity = "O(1)"},
    {.name = "GETEX", .id = 107, .since = "6.2.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kString, .flags = kFast | kWriteFlag | kCoalesce | kWide, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdGetex, .class_of = GetExClass,
     .syntax = "key expiration=[EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|"
               "PXAT unix-time-milliseconds:time|PERSIST]",
     .summary = "Returns the string at a key and changes when it ends.", .complexity = "O(1)"},
    {.name = "MGET", .id = 108, .since = "1.0.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kString, .flags = kFast | kReadonly | kWide, .acl = kAclString,
     .keys = kKeyReadAll, .handler = CmdMget,
     .syntax = "key...",
     .summary = "Returns the strings at several keys.", .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard"},
    {.name = "MSET", .id = 109, .since = "1.0.1", .arity = -3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag, .acl = kAclString,
     .keys = kKeysMset, .handler = CmdMset,
     .syntax = "(key value)...",
     .summary = "Sets several keys to strings.", .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:all_succeeded"},
    {.name = "MSETNX", .id = 110, .since = "1.0.1", .arity = -3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag, .acl = kAclString,
     .keys = kKeysMsetnx, .handler = CmdMsetnx,
     .syntax = "(key value)...",
     .summary = "Sets several keys to strings if none of them exists.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_min"},
    {.name = "APPEND", .id = 111, .since = "2.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeyInsert1, .handler = CmdAppend,
     .syntax = "key value",
     .summary = "Appends to the string at a key.", .complexity = "O(1) amortized"},
    {.name = "STRLEN", .id = 112, .since = "2.2.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kString, .flags = kFast | kReadonly, .acl = kAclString,
     .keys = kKeyMeta1, .handler = CmdStrlen,
     .syntax = "key",
     .summary = "Returns the length of the string at a key.", .complexity = "O(1)"},
    {.name = "GETRANGE", .id = 113, .since = "2.4.0", .arity = 4, .cls = Class::kRead,
     .group = Group::kString, .flags = kReadonly | kWide, .acl = kAclString,
     .keys = kKeyRead1, .handler = CmdGetrange,
     .syntax = "key start:int end:int",
     .summary = "Returns a part of the string at a key.",
     .complexity = "O(N) by the length returned"},
    {.name = "SUBSTR", .id = 114, .since = "1.0.0", .arity = 4, .cls = Class::kRead,
     .group = Group::kString, .flags = kReadonly | kWide, .acl = kAclString,
     .keys = kKeyRead1, .handler = CmdSubstr,
     .syntax = "key start:int end:int",
     .summary = "Returns a part of the string at a key.",
     .complexity = "O(N) by the length returned",
     .deprecated_since = "2.0.0", .replaced_by = "GETRANGE"},
    {.name = "SETRANGE", .id = 115, .since = "2.2.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyUpdate1, .handler = CmdSetrange,
     .syntax = "key offset:int value",
     .summary = "Overwrites a part of the string at a key from an offset on.",
     .complexity = "O(M) by the length written"},
    {.name = "LCS", .id = 116, .since = "7.0.0", .arity = -3, .cls = Class::kRead,
     .group = Group::kString, .flags = kReadonly | kWide, .acl = kAclString,
     .keys = kKeysLcs, .handler = CmdLcs,
     .syntax = "key1:key key2:key#0 [LEN] [IDX] [MINMATCHLEN len:int] [WITHMATCHLEN]",
     .summary = "Finds the longest common subsequence of two strings.",
     .complexity = "O(N*M) by the two lengths"},
    {.name = "INCR", .id = 117, .since = "1.0.0", .arity = 2, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdIncr,
     .syntax = "key",
     .summary = "Adds one to the integer at a key.", .complexity = "O(1)"},
    {.name = "DECR", .id = 118, .since = "1.0.0", .arity = 2, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdDecr,
     .syntax = "key",
     .summary = "Takes one from the integer at a key.", .complexity = "O(1)"},
    {.name = "INCRBY", .id = 119, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdIncrby,
     .syntax = "key increment:int",
     .summary = "Adds to the integer at a key.", .complexity = "O(1)"},
    {.name = "DECRBY", .id = 120, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdDecrby,
     .syntax = "key decrement:int",
     .summary = "Takes from the integer at a key.", .complexity = "O(1)"},
    {.name = "INCRBYFLOAT", .id = 121, .since = "2.6.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdIncrbyfloat,
     .syntax = "key increment:double",
     .summary = "Adds to the number at a key.", .complexity = "O(1)"},
    {.name = "INCREX", .id = 137, .since = "8.8.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kFast | kWriteFlag | kWide, .acl = kAclString,
     .keys = kKeyReadUpdate1, .handler = CmdIncrex, .wide_args = 4, .feature_version = 5,
     .syntax = "key increment=[BYFLOAT float:double|BYINT integer:int] [LBOUND lowerbound] "
               "[UBOUND upperbound] [SATURATE] expiration=[EX seconds:int|PX milliseconds:int|"
               "EXAT unix-time-seconds:time|PXAT unix-time-milliseconds:time|PERSIST] [ENX]",
     .summary = "Adds to the number at a key within bounds, and changes when it ends.",
     .complexity = "O(1)",
     .compat = Compat::kExtension,
     .compat_note = "as Redis 8.8 has it; bounds are finite, and a lease counts as an end for ENX"},
    {.name = "MSETEX", .id = 138, .since = "8.4.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kString, .flags = kDenyOom | kMovableKeys | kWriteFlag, .acl = kAclString,
     .keys = kKeysMsetex, .handler = CmdMsetex, .feature_version = 5,
     .syntax = "numkeys:int data=(key value)... condition=[NX|XX] expiration=[EX seconds:int|"
               "PX milliseconds:int|EXAT unix-time-seconds:time|"
               "PXAT unix-time-milliseconds:time|KEEPTTL]",
     .summary = "Sets several keys to strings, on a condition and with an end if asked.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_min",
     .compat = Compat::kExtension, .compat_note = "as Redis 8.4 has it"},
};
// clang-format on

}  // namespace clustron::commands

// Rows of the TXN and ONCE family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdTxn, CmdTxnBegin, CmdTxnDo, CmdTxnCommit, CmdTxnRollback, CmdTxnList, CmdOnce;

Class TxnClass(Args args);
bool TxnKeys(Args args, std::vector<KeyRef>* out);
Class TxnDoClass(Args args);
bool TxnDoKeys(Args args, std::vector<KeyRef>* out);
Class OnceClass(Args args);
bool OnceKeys(Args args, std::vector<KeyRef>* out);
bool OnceIsRepeat(Args args, const Context& ctx);

// Behind the request id and how long to keep its reply.
constexpr uint8_t kOnceInner = 3;
// Behind the transaction's id.
constexpr uint8_t kTxnDoInner = 3;
// The feature version by which every node knows how open transactions end.
constexpr uint16_t kOpenTxnVersion = 5;

// clang-format off
inline constexpr CommandSpec kTxnRows[] = {
    {.name = "TXN", .id = 600, .since = "0.1.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysWrapped, .get_keys = TxnKeys, .handler = CmdTxn, .class_of = TxnClass,
     .over_budget = "TXNLIMIT",
     .syntax = "[IF condition...] THEN command... [ELSE other-command...]",
     .summary = "Runs commands all or nothing, on conditions.",
     .complexity = "O(N) by the commands",
     .compat = Compat::kExtension},
    {.name = "TXN|BEGIN", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kFast | kLocalState | kNoMulti | kNoScript,
     .handler = CmdTxnBegin,
     .feature_version = kOpenTxnVersion,
     .syntax = "[TTL ttl:int] [ID id]",
     .summary = "Opens a transaction on this node.", .complexity = "O(log N) by the open ones",
     .compat = Compat::kExtension},
    {.name = "TXN|DO", .since = "0.1.0", .arity = -4, .cls = Class::kRead,
     .group = Group::kCoordination,
     .flags = kWriteFlag | kLocalState | kMovableKeys | kNoMulti | kNoScript | kStalls | kWrapper,
     .keys = kKeysWrapped, .get_keys = TxnDoKeys, .handler = CmdTxnDo, .class_of = TxnDoClass,
     .inner = kTxnDoInner, .feature_version = kOpenTxnVersion,
     .syntax = "id command [arg...]",
     .summary = "Reads in an open transaction, or stages a write in it.",
     .complexity = "the command's, and O(N) by the staged commands that write what it reads",
     .compat = Compat::kExtension},
    {.name = "TXN|COMMIT", .id = 650, .since = "0.1.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kCoordination,
     .flags = kWriteFlag | kLocalState | kMadeHere | kNoMulti | kNoScript | kStalls,
     .handler = CmdTxnCommit,
     .over_budget = "TXNLIMIT", .feature_version = kOpenTxnVersion,
     .syntax = "id",
     .summary = "Applies what an open transaction has staged, if what it read is unchanged.",
     .complexity = "O(N) by the keys read and the staged commands",
     .compat = Compat::kExtension},
    {.name = "TXN|ROLLBACK", .since = "0.1.0", .arity = 3, .cls = Class::kLocal,
     .group = Group::kCoordination,
     .flags = kFast | kLocalState | kNoMulti | kNoScript | kStalls,
     .handler = CmdTxnRollback,
     .feature_version = kOpenTxnVersion,
     .syntax = "id",
     .summary = "Forgets an open transaction.", .complexity = "O(N) by what it holds",
     .compat = Compat::kExtension},
    {.name = "TXN|LIST", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kLocalState | kNoMulti | kNoScript,
     .handler = CmdTxnList,
     .feature_version = kOpenTxnVersion,
     .syntax = "[AFTER after] [LIMIT limit:int]",
     .summary = "Lists the transactions that are open on this node, in the order of their ids.",
     .complexity = "O(N*log(N)) by the open transactions",
     .compat = Compat::kExtension},
    {.name = "ONCE", .id = 601, .since = "0.1.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysWrapped, .get_keys = OnceKeys, .handler = CmdOnce, .class_of = OnceClass,
     .inner = kOnceInner, .is_repeat = OnceIsRepeat,
     .syntax = "request-id keep-ms:int command [arg...]",
     .summary = "Runs a command once for a request id; repeats get the stored reply.",
     .complexity = "the command's",
     .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands

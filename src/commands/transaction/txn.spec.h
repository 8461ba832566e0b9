// Rows of the TXN and ONCE family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdTxn, CmdOnce;

Class TxnClass(Args args);
bool TxnKeys(Args args, std::vector<KeyRef>* out);
Class OnceClass(Args args);
bool OnceKeys(Args args, std::vector<KeyRef>* out);
bool OnceIsRepeat(Args args, const Context& ctx);

// Behind the request id and how long to keep its reply.
constexpr uint8_t kOnceInner = 3;

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

// Rows of the TXN and ONCE family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdTxn(Context& ctx);
void CmdOnce(Context& ctx);
Class TxnClass(Args args);
bool TxnKeys(Args args, std::vector<KeyRef>* out);
Class OnceClass(Args args);
bool OnceKeys(Args args, std::vector<KeyRef>* out);
bool OnceIsRepeat(Args args, const Context& ctx);

// Behind the request id and how long to keep its reply.
constexpr uint8_t kOnceInner = 3;

constexpr KeySpec kKeysTxn[] = {kWrappedKeys};
constexpr ArgSpec kTxnArgs[] = {
    {.name = "condition", .token = "IF", .flags = ArgSpec::kOptional | ArgSpec::kMultiple},
    {.name = "command", .token = "THEN", .flags = ArgSpec::kMultiple},
    {.name = "other-command", .token = "ELSE", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kOnceArgs[] = {{.name = "request-id"},
                                 {.name = "keep-ms", .type = ArgSpec::Type::kInteger},
                                 {.name = "command"},
                                 {.name = "arg", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};

inline constexpr CommandSpec kTxnRows[] = {
    {.name = "TXN",
     .id = 600,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -2,
     .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysTxn,
     .get_keys = TxnKeys,
     .handler = CmdTxn,
     .summary = "Runs commands all or nothing, on conditions.",
     .complexity = "O(N) by the commands",
     .args = kTxnArgs,
     .over_budget = "TXNLIMIT",
     .compat = Compat::kExtension,
     .class_of = TxnClass},
    {.name = "ONCE",
     .id = 601,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -4,
     .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysTxn,
     .get_keys = OnceKeys,
     .handler = CmdOnce,
     .summary = "Runs a command once for a request id; repeats get the stored reply.",
     .complexity = "the command's",
     .args = kOnceArgs,
     .inner = kOnceInner,
     .is_repeat = OnceIsRepeat,
     .compat = Compat::kExtension,
     .class_of = OnceClass},
};

}  // namespace clustron::commands

// Rows of the pubsub family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdPsubscribe, CmdPublish, CmdPubsubChannels, CmdPubsubHelp, CmdPubsubNumpat,
    CmdPubsubNumsub, CmdPubsubShardchannels, CmdPubsubShardnumsub, CmdPunsubscribe, CmdSpublish,
    CmdSsubscribe, CmdSubscribe, CmdSunsubscribe, CmdUnsubscribe;

// Confirmations are pushes.
inline bool AnswersAlways(Args, bool) { return true; }

constexpr KeySpec kKeysSpublish[] = {{.flags = KeySpec::kNotKey}};
constexpr KeySpec kKeysSsubscribe[] = {{.flags = KeySpec::kNotKey, .last = -1}};

// clang-format off
inline constexpr CommandSpec kPubsubRows[] = {
    {.name = "PSUBSCRIBE", .id = 450, .since = "2.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdPsubscribe, .answers_muted = AnswersAlways,
     .syntax = "(pattern)...",
     .summary = "Hears messages on channels that match patterns.",
     .complexity = "O(N) by the number of patterns"},
    {.name = "PUBLISH", .id = 411, .since = "2.0.0", .arity = 3, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kFast | kLoading | kPubsub | kStale | kMayReplicate,
     .handler = CmdPublish,
     .syntax = "channel message",
     .summary = "Sends a message to the subscribers of a channel.",
     .complexity = "O(N+M) by the subscribers and the patterns",
     .compat = Compat::kPartial,
     .compat_note = "counts the receivers on this node; 0 inside a transaction (pubsub.case)"},
    {.name = "PUBSUB", .since = "2.8.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub, .summary = "About channels and subscribers of this node."},
    {.name = "PUBSUB|CHANNELS", .id = 451, .since = "2.8.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubChannels,
     .syntax = "[pattern]",
     .summary = "Lists channels with subscribers.", .complexity = "O(N) by the number of channels"},
    {.name = "PUBSUB|HELP", .id = 452, .since = "6.2.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kStale | kLocalState,
     .handler = CmdPubsubHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "PUBSUB|NUMPAT", .id = 453, .since = "2.8.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubNumpat,
     .summary = "Counts the different patterns subscribed to.", .complexity = "O(1)"},
    {.name = "PUBSUB|NUMSUB", .id = 454, .since = "2.8.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubNumsub,
     .syntax = "[channel...]",
     .summary = "Counts the subscribers of channels.",
     .complexity = "O(N) by the number of channels asked for"},
    {.name = "PUBSUB|SHARDCHANNELS", .id = 455, .since = "7.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubShardchannels,
     .syntax = "[pattern]",
     .summary = "Lists shard channels with subscribers.",
     .complexity = "O(N) by the number of channels"},
    {.name = "PUBSUB|SHARDNUMSUB", .id = 456, .since = "7.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubShardnumsub,
     .syntax = "[shardchannel...]",
     .summary = "Counts the subscribers of shard channels.",
     .complexity = "O(N) by the number of channels asked for"},
    {.name = "PUNSUBSCRIBE", .id = 457, .since = "2.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdPunsubscribe, .answers_muted = AnswersAlways,
     .syntax = "[pattern...]",
     .summary = "Ends subscriptions to patterns.", .complexity = "O(N) by the number of patterns"},
    {.name = "SPUBLISH", .id = 412, .since = "7.0.0", .arity = 3, .cls = Class::kLocal,
     .group = Group::kPubsub, .flags = kFast | kLoading | kPubsub | kStale | kMayReplicate,
     .keys = kKeysSpublish, .handler = CmdSpublish,
     .syntax = "shardchannel message",
     .summary = "Sends a message to the subscribers of a shard channel.",
     .complexity = "O(N) by the number of subscribers",
     .compat = Compat::kPartial,
     .compat_note = "counts the receivers on this node; 0 inside a transaction (pubsub.case)"},
    {.name = "SSUBSCRIBE", .id = 458, .since = "7.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .keys = kKeysSsubscribe, .handler = CmdSsubscribe, .answers_muted = AnswersAlways,
     .syntax = "shardchannel...",
     .summary = "Hears messages on shard channels.",
     .complexity = "O(N) by the number of channels"},
    {.name = "SUBSCRIBE", .id = 459, .since = "2.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdSubscribe, .answers_muted = AnswersAlways,
     .syntax = "channel...",
     .summary = "Hears messages on channels.", .complexity = "O(N) by the number of channels"},
    {.name = "SUNSUBSCRIBE", .id = 460, .since = "7.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .keys = kKeysSsubscribe, .handler = CmdSunsubscribe, .answers_muted = AnswersAlways,
     .syntax = "[shardchannel...]",
     .summary = "Ends subscriptions to shard channels.",
     .complexity = "O(N) by the number of channels"},
    {.name = "UNSUBSCRIBE", .id = 461, .since = "2.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kPubsub,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdUnsubscribe, .answers_muted = AnswersAlways,
     .syntax = "[channel...]",
     .summary = "Ends subscriptions to channels.", .complexity = "O(N) by the number of channels"},
};
// clang-format on

}  // namespace clustron::commands

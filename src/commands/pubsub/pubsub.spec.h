// Rows of the pubsub family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdPsubscribe(Context& ctx);
void CmdPublish(Context& ctx);
void CmdPubsubChannels(Context& ctx);
void CmdPubsubHelp(Context& ctx);
void CmdPubsubNumpat(Context& ctx);
void CmdPubsubNumsub(Context& ctx);
void CmdPubsubShardchannels(Context& ctx);
void CmdPubsubShardnumsub(Context& ctx);
void CmdPunsubscribe(Context& ctx);
void CmdSpublish(Context& ctx);
void CmdSsubscribe(Context& ctx);
void CmdSubscribe(Context& ctx);
void CmdSunsubscribe(Context& ctx);
void CmdUnsubscribe(Context& ctx);

// Confirmations are pushes.
inline bool AnswersAlways(Args, bool) { return true; }

constexpr KeySpec kKeysSpublish[] = {{.flags = KeySpec::kNotKey}};
constexpr KeySpec kKeysSsubscribe[] = {{.flags = KeySpec::kNotKey, .last = -1}};

constexpr ArgSpec kPsubscribeArgsPattern[] = {{.name = "pattern", .type = ArgSpec::Type::kPattern}};
constexpr ArgSpec kPsubscribeArgs[] = {{.name = "pattern",
                                        .type = ArgSpec::Type::kBlock,
                                        .flags = ArgSpec::kMultiple,
                                        .args = kPsubscribeArgsPattern}};
constexpr ArgSpec kPublishArgs[] = {{.name = "channel"}, {.name = "message"}};
constexpr ArgSpec kPubsubChannelsArgs[] = {
    {.name = "pattern", .type = ArgSpec::Type::kPattern, .flags = ArgSpec::kOptional}};
constexpr ArgSpec kPubsubNumsubArgs[] = {
    {.name = "channel", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kPubsubShardnumsubArgs[] = {
    {.name = "shardchannel", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kPunsubscribeArgs[] = {{.name = "pattern",
                                          .type = ArgSpec::Type::kPattern,
                                          .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kSpublishArgs[] = {{.name = "shardchannel"}, {.name = "message"}};
constexpr ArgSpec kSsubscribeArgs[] = {{.name = "shardchannel", .flags = ArgSpec::kMultiple}};
constexpr ArgSpec kSubscribeArgs[] = {{.name = "channel", .flags = ArgSpec::kMultiple}};

inline constexpr CommandSpec kPubsubRows[] = {
    {.name = "PSUBSCRIBE",
     .id = 450,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdPsubscribe,
     .summary = "Hears messages on channels that match patterns.",
     .complexity = "O(N) by the number of patterns",
     .args = kPsubscribeArgs,
     .answers_muted = AnswersAlways},
    {.name = "PUBLISH",
     .id = 411,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kPubsub,
     .arity = 3,
     .flags = kFast | kLoading | kPubsub | kStale | kMayReplicate,
     .handler = CmdPublish,
     .summary = "Sends a message to the subscribers of a channel.",
     .complexity = "O(N+M) by the subscribers and the patterns",
     .args = kPublishArgs,
     .compat = Compat::kPartial,
     .compat_note = "counts the receivers on this node; 0 inside a transaction (pubsub.case)"},
    {.name = "PUBSUB",
     .cls = Class::kLocal,
     .since = "2.8.0",
     .group = Group::kPubsub,
     .arity = -2,
     .summary = "About channels and subscribers of this node."},
    {.name = "PUBSUB|CHANNELS",
     .id = 451,
     .cls = Class::kLocal,
     .since = "2.8.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubChannels,
     .summary = "Lists channels with subscribers.",
     .complexity = "O(N) by the number of channels",
     .args = kPubsubChannelsArgs},
    {.name = "PUBSUB|HELP",
     .id = 452,
     .cls = Class::kLocal,
     .since = "6.2.0",
     .group = Group::kPubsub,
     .arity = 2,
     .flags = kLoading | kStale | kLocalState,
     .handler = CmdPubsubHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "PUBSUB|NUMPAT",
     .id = 453,
     .cls = Class::kLocal,
     .since = "2.8.0",
     .group = Group::kPubsub,
     .arity = 2,
     .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubNumpat,
     .summary = "Counts the different patterns subscribed to.",
     .complexity = "O(1)"},
    {.name = "PUBSUB|NUMSUB",
     .id = 454,
     .cls = Class::kLocal,
     .since = "2.8.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubNumsub,
     .summary = "Counts the subscribers of channels.",
     .complexity = "O(N) by the number of channels asked for",
     .args = kPubsubNumsubArgs},
    {.name = "PUBSUB|SHARDCHANNELS",
     .id = 455,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubShardchannels,
     .summary = "Lists shard channels with subscribers.",
     .complexity = "O(N) by the number of channels",
     .args = kPubsubChannelsArgs},
    {.name = "PUBSUB|SHARDNUMSUB",
     .id = 456,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kPubsub | kStale | kLocalState,
     .handler = CmdPubsubShardnumsub,
     .summary = "Counts the subscribers of shard channels.",
     .complexity = "O(N) by the number of channels asked for",
     .args = kPubsubShardnumsubArgs},
    {.name = "PUNSUBSCRIBE",
     .id = 457,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kPubsub,
     .arity = -1,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdPunsubscribe,
     .summary = "Ends subscriptions to patterns.",
     .complexity = "O(N) by the number of patterns",
     .args = kPunsubscribeArgs,
     .answers_muted = AnswersAlways},
    {.name = "SPUBLISH",
     .id = 412,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kPubsub,
     .arity = 3,
     .flags = kFast | kLoading | kPubsub | kStale | kMayReplicate,
     .keys = kKeysSpublish,
     .handler = CmdSpublish,
     .summary = "Sends a message to the subscribers of a shard channel.",
     .complexity = "O(N) by the number of subscribers",
     .args = kSpublishArgs,
     .compat = Compat::kPartial,
     .compat_note = "counts the receivers on this node; 0 inside a transaction (pubsub.case)"},
    {.name = "SSUBSCRIBE",
     .id = 458,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .keys = kKeysSsubscribe,
     .handler = CmdSsubscribe,
     .summary = "Hears messages on shard channels.",
     .complexity = "O(N) by the number of channels",
     .args = kSsubscribeArgs,
     .answers_muted = AnswersAlways},
    {.name = "SUBSCRIBE",
     .id = 459,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kPubsub,
     .arity = -2,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdSubscribe,
     .summary = "Hears messages on channels.",
     .complexity = "O(N) by the number of channels",
     .args = kSubscribeArgs,
     .answers_muted = AnswersAlways},
    {.name = "SUNSUBSCRIBE",
     .id = 460,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kPubsub,
     .arity = -1,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .keys = kKeysSsubscribe,
     .handler = CmdSunsubscribe,
     .summary = "Ends subscriptions to shard channels.",
     .complexity = "O(N) by the number of channels",
     .args = kPubsubShardnumsubArgs,
     .answers_muted = AnswersAlways},
    {.name = "UNSUBSCRIBE",
     .id = 461,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kPubsub,
     .arity = -1,
     .flags = kLoading | kNoScript | kPubsub | kStale | kStalls | kWhenSubscribed,
     .handler = CmdUnsubscribe,
     .summary = "Ends subscriptions to channels.",
     .complexity = "O(N) by the number of channels",
     .args = kPubsubNumsubArgs,
     .answers_muted = AnswersAlways},
};

}  // namespace clustron::commands

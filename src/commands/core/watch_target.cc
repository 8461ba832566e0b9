#include "commands/core/watch_target.h"

#include "base/numeric.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

std::optional<WatchChannel> ParseWatchChannel(std::string_view channel) {
  constexpr std::string_view kHead = "__watch@";
  constexpr std::string_view kBehindDb = "__:";
  constexpr std::string_view kPrevious = ";prev";
  if (!channel.starts_with(kHead)) return std::nullopt;
  channel.remove_prefix(kHead.size());
  const size_t at = channel.find(kBehindDb);
  if (at == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> db = ParseUint64(channel.substr(0, at));
  if (!db || *db >= static_cast<uint64_t>(store::kDatabases)) return std::nullopt;
  channel.remove_prefix(at + kBehindDb.size());
  if (!channel.starts_with("k:") && !channel.starts_with("p:")) return std::nullopt;
  WatchChannel parsed;
  parsed.target.db = static_cast<int>(*db);
  parsed.target.prefix = channel[0] == 'p';
  channel.remove_prefix(2);
  parsed.previous = channel.ends_with(kPrevious);
  if (parsed.previous) channel.remove_suffix(kPrevious.size());
  parsed.target.name = channel;
  return parsed;
}

}  // namespace clustron::commands

#include "commands/core/channel_sync.h"

#include "base/numeric.h"
#include "commands/core/watch_target.h"
#include "store/keyspace/store.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

std::optional<std::string> SyncMessage(const store::Store& store, std::string_view channel,
                                       uint64_t revision) {
  constexpr std::string_view kLease = "__lease__:";
  constexpr std::string_view kOwner = "__leases__:";
  constexpr std::string_view kLock = "__lock@";
  constexpr std::string_view kBehindDb = "__:";
  std::string head = "sync " + std::to_string(revision);
  if (IsWatchChannel(channel) || channel.starts_with(kOwner)) return head;
  head.push_back(' ');
  if (channel.starts_with(kLease))
    return head + (LeasesOf(store).Find(channel.substr(kLease.size())) != nullptr ? "1" : "0");
  if (!channel.starts_with(kLock)) return std::nullopt;
  const std::string_view rest = channel.substr(kLock.size());
  const size_t at = rest.find(kBehindDb);
  if (at == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> db = ParseUint64(rest.substr(0, at));
  if (!db || *db >= static_cast<uint64_t>(store::kDatabases)) return std::nullopt;
  const store::Lock* lock =
      LocksOf(store).Find(static_cast<int>(*db), rest.substr(at + kBehindDb.size()));
  return head + std::to_string(lock == nullptr ? 0 : lock->holders.size());
}

}  // namespace clustron::commands

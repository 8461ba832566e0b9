// Which connections CLIENT LIST shows and CLIENT KILL closes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::commands {

enum class ClientType : uint8_t { kNormal, kPubsub, kMaster, kReplica };

// "normal", "pubsub", "master", "replica", "slave" in any case.
std::optional<ClientType> ParseClientType(std::string_view word);

// All that is set must fit.
struct ClientFilter {
  std::vector<uint64_t> ids;  // empty: any
  std::optional<ClientType> type;
  std::optional<std::string> addr;
  std::optional<std::string> laddr;
  std::optional<std::string> user;
  std::optional<int64_t> max_age_s;  // at least that old
  uint64_t not_id = 0;               // SKIPME
};

}  // namespace clustron::commands

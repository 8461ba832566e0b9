#include "commands/core/client_filter.h"

#include "base/strings.h"

namespace clustron::commands {

std::optional<ClientType> ParseClientType(std::string_view word) {
  if (EqualsIgnoreCase(word, "normal")) return ClientType::kNormal;
  if (EqualsIgnoreCase(word, "pubsub")) return ClientType::kPubsub;
  if (EqualsIgnoreCase(word, "master")) return ClientType::kMaster;
  if (EqualsIgnoreCase(word, "replica")) return ClientType::kReplica;
  if (EqualsIgnoreCase(word, "slave")) return ClientType::kReplica;
  return std::nullopt;
}

}  // namespace clustron::commands

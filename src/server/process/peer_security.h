// Who may be a peer: the cluster's secret, and what holds without one. A node trusts whoever knows
// the secret; without a secret it trusts whoever reaches its peer port, which therefore must not be
// reachable from another machine.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/membership/formation.h"

namespace clustron::server {

class Config;

struct PeerSecurity {
  std::string secret;          // empty: there is none
  bool loopback_only = false;  // peers are on this machine, all of them
  std::string listen_address;  // of the peer port
  std::string warning;         // to be said at each start; empty: none
};

// The secret in `path`, without the line's end. Errors: the file can be read by others than its
// owner, or holds less than 32 bytes.
Result<std::string> ReadClusterSecret(const std::string& path);

// `members`: of the cluster; `self`: this node's place among them. Errors name file, line and
// directive: the secret is none (ReadClusterSecret), or there is none and this node would take
// words from anybody in the network.
Result<PeerSecurity> DecidePeerSecurity(const Config& config,
                                        const std::vector<cluster::Member>& members, size_t self);

}  // namespace clustron::server

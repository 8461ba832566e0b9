// What a configuration says about this node's place among others, and whether a start with it can
// succeed: everything that can be told without touching the data directory or opening a socket.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/membership/formation.h"
#include "server/config/config.h"

namespace clustron::server {

// --cluster-initial: the members to be, in the order of the list; this node alone without it.
struct Membership {
  std::vector<cluster::Member> members;
  size_t self = 0;  // position in the list
};
Result<Membership> FindMembership(const Config& config);

// For --check-config, and before anything else of a start. Errors name file, line and directive.
// REQUIRES: Config::FinishLoading.
Status CheckConfig(const Config& config);

}  // namespace clustron::server

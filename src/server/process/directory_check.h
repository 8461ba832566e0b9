// What a data directory may be taken for: at a start that would make a new server of it, or a
// member of a cluster. THREAD: any; blocking.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/membership/formation.h"
#include "persist/fs.h"
#include "server/config/config.h"

namespace clustron::server {

// A directory without data of ours: an error if it holds a redis-server's, which would look as if
// they were gone. Its files are looked for under the names of the configuration (dbfilename …)
// beside those that they have by default.
Status CheckForeignData(persist::Fs& fs, const std::string& dir, const Config& config);

// A directory that was formed as `genesis` says, at a start that names `initial`: an error if it
// was formed alone and `initial` has others. Else what to warn of; empty: nothing.
Result<std::string> CheckInitial(const std::string& dir, const std::string& cluster_id,
                                 const cluster::Genesis& genesis,
                                 const std::vector<cluster::Member>& initial);

// A directory whose genesis and whose state (the newest snapshot, and the entries behind it) speak
// of members that can't be those of one cluster: an error that names both.
Status CheckGenesis(const std::string& dir, const std::string& cluster_id,
                    const cluster::Genesis& genesis, const cluster::ConfigRecord& applied);

}  // namespace clustron::server

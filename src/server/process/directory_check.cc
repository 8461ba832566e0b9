#include "server/process/directory_check.h"

namespace clustron::server {

Status CheckForeignData(persist::Fs& fs, const std::string& dir, const Config& config) {
  std::vector<std::string> names = {"dump.rdb", "appendonlydir", "appendonly.aof"};
  for (const char* directive : {"dbfilename", "appenddirname", "appendfilename"})
    names.push_back(config.Ignored(directive));
  for (const std::string& name : names) {
    const std::string path = dir + "/" + name;
    if (name.empty() || !fs.Exists(path)) continue;
    return Fail(Errc::kExists,
                path +
                    " looks like the data of a redis-server, and there are none of this server in "
                    "that directory: it would start empty, and is not started. Give it another "
                    "directory (dir); or move that file away if its data are not wanted. To take "
                    "them over, start a redis-server with them and copy its keys from there, for "
                    "example as commands with redis-cli --pipe");
  }
  return {};
}

Result<std::string> CheckInitial(const std::string& dir, const std::string& cluster_id,
                                 const cluster::Genesis& genesis,
                                 const std::vector<cluster::Member>& initial) {
  const std::string wanted = cluster::ListText(initial);
  const std::string members = cluster::ListText(genesis.members);
  if (cluster::SameList(initial, genesis.members)) return std::string();
  if (genesis.alone() && initial.size() > 1)
    return Fail(Errc::kMismatch,
                dir + " holds the data of a server that was formed alone, at " + members +
                    " (cluster " + cluster_id + "); cluster-initial (" + wanted +
                    ") can't make it a member of a cluster, whose nodes begin empty, each with a "
                    "directory of its own. To go on alone, leave cluster-initial out. To form the "
                    "cluster, start every node with an empty directory; then copy the keys from "
                    "this one, started alone at another port, for example as commands with "
                    "redis-cli --pipe");
  return "cluster-initial (" + wanted + ") differs from the members in the data directory (" +
         members + "), which hold";
}

Status CheckGenesis(const std::string& dir, const std::string& cluster_id,
                    const cluster::Genesis& genesis, const cluster::ConfigRecord& applied) {
  const std::string why = cluster::WhyNotUnder(genesis.FirstRecord(), applied);
  if (why.empty()) return {};
  return Fail(Errc::kMismatch,
              dir + ": its identity file says that cluster " + cluster_id + " was formed by " +
                  cluster::ListText(genesis.members) + ", and the configuration that is applied " +
                  "in its state (version " + std::to_string(applied.version) + ") has " +
                  cluster::ListText(applied.members) + ": " + why +
                  ". Files of another directory may have been put into this one: put its own back");
}

}  // namespace clustron::server

#include "server/process/start_checks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/host_port.h"
#include "server/process/peer_security.h"

namespace clustron::server {

namespace {

// The file may be made, or is there and may be written to.
Status CheckWritable(const Config& config, Opt opt) {
  const std::string& path = config.Text(opt);
  if (path.empty()) return {};
  struct stat file;
  if (stat(path.c_str(), &file) == 0) {
    if (S_ISDIR(file.st_mode)) return config.Wrong(opt, std::strerror(EISDIR));
    if (access(path.c_str(), W_OK) != 0) return config.Wrong(opt, std::strerror(errno));
    return {};
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0)
    return config.Wrong(opt, std::strerror(errno));
  return {};
}

}  // namespace

Result<Membership> FindMembership(const Config& config) {
  const int64_t port = config.Int(Opt::kPort);
  const int64_t own_peer_port = config.Int(Opt::kClusterPort);
  const std::vector<std::string> words = config.Words(Opt::kClusterInitial);
  cluster::Member me;
  if (const std::string& announce = config.Text(Opt::kClusterAnnounce); !announce.empty()) {
    ASSIGN_OR_RETURN(const HostPort address, ParseHostPort(announce));
    me.host = address.host;
    me.port = address.port;
  } else if (words.empty() || port != 0) {
    me.host = "127.0.0.1";
    me.port = static_cast<uint16_t>(port);
  } else {
    return config.Wrong(Opt::kClusterInitial,
                        "with `port 0` it needs `cluster-announce`, which says where this node's "
                        "clients are served");
  }
  Membership found;
  if (words.empty()) {
    me.node = 1;
    // Nobody dials it: 0 if there is no such port.
    const int64_t peer_port = own_peer_port != 0 ? own_peer_port : me.port + kPeerPortOffset;
    me.peer_port = static_cast<uint16_t>(peer_port > 65535 ? 0 : peer_port);
    found.members = {me};
    return found;
  }
  found.self = words.size();
  for (size_t i = 0; i < words.size(); ++i) {
    ASSIGN_OR_RETURN(const MemberAddress address, ParseMember(words[i]));
    cluster::Member member;
    member.node = static_cast<uint32_t>(i + 1);
    member.host = address.client.host;
    member.port = address.client.port;
    if (address.peer_port != 0) {
      member.peer_port = address.peer_port;
    } else if (member.port <= 65535 - kPeerPortOffset) {
      member.peer_port = static_cast<uint16_t>(member.port + kPeerPortOffset);
    } else {
      return config.Wrong(Opt::kClusterInitial,
                          "peers use PORT + 10000, so " + words[i] +
                              " is out of range; HOST:PORT@PEERPORT names another one");
    }
    if (member.host == me.host && member.port == me.port) {
      found.self = i;
      // The first node tells the others its own when it forms the cluster; nobody tells it theirs.
      if (own_peer_port != 0 && i != 0 && own_peer_port != member.peer_port)
        return config.Wrong(Opt::kClusterPort,
                            "the other nodes would dial " + std::to_string(member.peer_port) +
                                "; write " + words[i].substr(0, words[i].find('@')) + "@" +
                                std::to_string(own_peer_port) + " in everybody's cluster-initial");
      if (own_peer_port != 0) member.peer_port = static_cast<uint16_t>(own_peer_port);
    }
    found.members.push_back(std::move(member));
  }
  if (found.self == words.size())
    return config.Wrong(Opt::kClusterInitial, "this node, " + PrintHostPort(me.host, me.port) +
                                                  " (cluster-announce), is not in the list");
  return found;
}

Status CheckConfig(const Config& config) {
  // A follower would take over between two heartbeats.
  if (config.Int(Opt::kHeartbeatMs) > config.Int(Opt::kElectionRoundMs)) {
    const bool round = config.Given(Opt::kElectionRoundMs);
    return config.Wrong(round ? Opt::kElectionRoundMs : Opt::kHeartbeatMs,
                        "cluster-heartbeat-ms (" + config.Text(Opt::kHeartbeatMs) +
                            ") must not be above cluster-election-round-ms (" +
                            config.Text(Opt::kElectionRoundMs) + ")");
  }
  ASSIGN_OR_RETURN(const Membership membership, FindMembership(config));
  TRY(CheckWritable(config, Opt::kLogFile));
  TRY(CheckWritable(config, Opt::kPidFile));
  if (membership.members.size() > 1 || !config.Text(Opt::kClusterSecretFile).empty())
    TRY(DecidePeerSecurity(config, membership.members, membership.self));
  if (config.Int(Opt::kPort) == 0 && config.Text(Opt::kUnixSocket).empty())
    return config.Wrong(Opt::kPort, "and no unixsocket is given: nobody could connect");
  if (config.Words(Opt::kBind).empty() && config.Text(Opt::kUnixSocket).empty())
    return config.Wrong(Opt::kBind, "no address, and no unixsocket is given: nobody could connect");
  if (access(config.Text(Opt::kDir).c_str(), R_OK | W_OK | X_OK) != 0)
    return config.Wrong(Opt::kDir, std::strerror(errno));
  return {};
}

}  // namespace clustron::server

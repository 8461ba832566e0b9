#include "server/process/peer_security.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/host_port.h"
#include "cluster/wire/peer_hello.h"
#include "net/socket.h"
#include "server/config/config.h"

namespace clustron::server {

namespace {

constexpr size_t kSecretFileBytesMax = 64 * 1024;
constexpr mode_t kGroupRead = S_IRGRP;
constexpr mode_t kNotTheOwner = S_IRWXG | S_IRWXO;

// Root's file may be readable by a group: so an orchestrator hands secrets to a server that does
// not run as root.
bool ReadableByOthers(const struct stat& file) {
  const bool handed_by_root = file.st_uid == 0 && geteuid() != 0;
  return (file.st_mode & kNotTheOwner & ~(handed_by_root ? kGroupRead : 0)) != 0;
}

std::string WithoutSecret(const std::string& what) {
  return what +
         ", and there is no cluster-secret-file: whoever reaches the peer port could read and "
         "write everything. Give all nodes the same file with a secret of at least 32 bytes, "
         "readable by its owner only (head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE). "
         "`cluster-insecure yes` starts without";
}

// Peers reach this node at the address that it announces: of what is listened on for clients, the
// one that is this address, or one that the announced name stands for; or else the first of its
// family.
std::string PeerBindAddress(const std::vector<std::string>& bind, const std::string& announced) {
  const std::vector<std::string> addresses = net::AddressesOf(announced);
  const bool v6 =
      (addresses.empty() ? announced : addresses.front()).find(':') != std::string::npos;
  std::string first, of_family, of_name;
  for (std::string address : bind) {
    if (address.starts_with('-')) address.erase(0, 1);
    if (address == announced) return address;
    if (first.empty()) first = address;
    if (of_family.empty() && (address.find(':') != std::string::npos) == v6) of_family = address;
    for (const std::string& same : net::AddressesOf(address)) {
      const bool stands = std::find(addresses.begin(), addresses.end(), same) != addresses.end();
      if (of_name.empty() && stands) of_name = address;
    }
  }
  if (!of_name.empty()) return of_name;
  if (!of_family.empty()) return of_family;
  if (!first.empty()) return first;
  return v6 ? "::*" : "*";
}

}  // namespace

Result<std::string> ReadClusterSecret(const std::string& path) {
  const net::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat file{};
  if (!fd.valid() || fstat(fd.get(), &file) != 0) return Fail(Errc::kIo, std::strerror(errno));
  if (!S_ISREG(file.st_mode)) return Fail(Errc::kInvalidArgument, "not a file");
  if (ReadableByOthers(file))
    return Fail(Errc::kInvalidArgument,
                "others than its owner can read or change it; make it readable by its "
                "owner only (chmod 600)");
  std::string secret(kSecretFileBytesMax + 1, '\0');
  const ssize_t size = read(fd.get(), secret.data(), secret.size());
  if (size < 0) return Fail(Errc::kIo, std::strerror(errno));
  if (static_cast<size_t>(size) > kSecretFileBytesMax)
    return Fail(Errc::kInvalidArgument, "longer than 64 KB: not a secret");
  secret.resize(static_cast<size_t>(size));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.size() < cluster::kSecretBytesMin)
    return Fail(Errc::kInvalidArgument, "its secret has " + std::to_string(secret.size()) +
                                            " bytes, and less than " +
                                            std::to_string(cluster::kSecretBytesMin) +
                                            " could be guessed (head -c 32 /dev/urandom | base64)");
  return secret;
}

Result<PeerSecurity> DecidePeerSecurity(const Config& config,
                                        const std::vector<cluster::Member>& members, size_t self) {
  PeerSecurity security;
  security.listen_address = PeerBindAddress(config.Words(Opt::kBind), members[self].host);
  if (const std::string& file = config.Text(Opt::kClusterSecretFile); !file.empty()) {
    auto secret = ReadClusterSecret(file);
    if (!secret) return config.Wrong(Opt::kClusterSecretFile, secret.error().detail);
    security.secret = *std::move(secret);
    return security;
  }
  if (config.Bool(Opt::kClusterInsecure)) {
    security.warning =
        "cluster-insecure is on and there is no cluster secret: whoever reaches the peer port can "
        "read and write everything";
    return security;
  }
  security.loopback_only = true;
  for (const cluster::Member& member : members)
    if (!net::IsLoopbackHost(member.host))
      return config.Wrong(
          Opt::kClusterInitial,
          WithoutSecret(PrintHostPort(member.host, member.port) + " is not on this machine"));
  if (!config.Given(Opt::kBind)) {
    security.listen_address = members[self].host;
  } else if (!net::IsLoopbackHost(security.listen_address)) {
    return config.Wrong(Opt::kBind,
                        WithoutSecret(security.listen_address + " is open to other machines"));
  }
  return security;
}

}  // namespace clustron::server

#include "net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/strings.h"

namespace clustron::net {

namespace {

std::unexpected<Error> SystemError(const std::string& what) {
  return Fail(errno == EADDRINUSE ? Errc::kExists : Errc::kIo, what + ": " + std::strerror(errno));
}

std::string NameOf(const sockaddr_storage& storage, socklen_t size) {
  char text[INET6_ADDRSTRLEN] = "?";
  uint16_t port = 0;
  if (storage.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    port = ntohs(in->sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage);
    inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
    port = ntohs(in->sin6_port);
    return "[" + std::string(text) + "]:" + std::to_string(port);
  } else if (storage.ss_family == AF_UNIX) {
    const auto* un = reinterpret_cast<const sockaddr_un*>(&storage);
    if (size > offsetof(sockaddr_un, sun_path) && un->sun_path[0] != '\0')
      return std::string(un->sun_path) + ":0";
    return "?:0";
  }
  return std::string(text) + ":" + std::to_string(port);
}

struct AddressList {
  addrinfo* first = nullptr;
  AddressList() = default;
  AddressList(AddressList&& other) noexcept : first(std::exchange(other.first, nullptr)) {}
  AddressList& operator=(AddressList&&) = delete;
  ~AddressList() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

}  // namespace

void Fd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<Fd> ListenTcp(const std::string& address, uint16_t port, int backlog) {
  const bool any6 = address == "::*";
  const bool any4 = address == "*" || address.empty();
  addrinfo hints{};
  hints.ai_family = any4 ? AF_INET : any6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  AddressList list;
  const int bad = getaddrinfo(any4 || any6 ? nullptr : address.c_str(),
                              std::to_string(port).c_str(), &hints, &list.first);
  if (bad != 0) return Fail(Errc::kIo, address + ": " + gai_strerror(bad));
  const addrinfo* found = list.first;
  Fd fd(socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemError("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0)
    return SystemError("bind " + address + ":" + std::to_string(port));
  if (listen(fd.get(), backlog) != 0) return SystemError("listen");
  return fd;
}

// What a process that is gone has left behind. A socket on which somebody answers is not ours.
void RemoveStaleSocket(const sockaddr_un& address) {
  struct stat there;
  if (lstat(address.sun_path, &there) != 0 || !S_ISSOCK(there.st_mode)) return;
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED)
    return;
  unlink(address.sun_path);
}

Result<Fd> ListenUnix(const std::string& path, uint32_t permissions, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Fail(Errc::kInvalidArgument, "unixsocket: the path is too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemError("socket");
  RemoveStaleSocket(address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return SystemError("bind " + path);
  const bool permitted = permissions == 0 || chmod(path.c_str(), permissions) == 0;
  if (permitted && listen(fd.get(), backlog) == 0) return fd;
  const auto error = SystemError(permitted ? "listen" : "chmod");
  unlink(path.c_str());
  return error;
}

Fd Accept(int listener, bool* out_of_descriptors) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  *out_of_descriptors = fd < 0 && (errno == EMFILE || errno == ENFILE);
  return Fd(fd);
}

namespace {

Result<Fd> StartConnectTo(const addrinfo& address, const std::string& where) {
  Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SystemError("socket");
  if (connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)
    return SystemError("connect " + where);
  return fd;
}

Result<AddressList> Lookup(const std::string& host, const char* service) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  AddressList list;
  const int bad = getaddrinfo(host.c_str(), service, &hints, &list.first);
  if (bad != 0) return Fail(Errc::kIo, host + ": " + gai_strerror(bad));
  return list;
}

}  // namespace

Result<Fd> StartConnect(const std::string& host, uint16_t port) {
  ASSIGN_OR_RETURN(const AddressList list, Lookup(host, std::to_string(port).c_str()));
  return StartConnectTo(*list.first, host + ":" + std::to_string(port));
}

Result<Fd> ConnectWithin(const std::string& host, uint16_t port, int timeout_ms) {
  const std::string where = host + ":" + std::to_string(port);
  ASSIGN_OR_RETURN(const AddressList list, Lookup(host, std::to_string(port).c_str()));
  Error last;
  for (const addrinfo* address = list.first; address != nullptr; address = address->ai_next) {
    Result<Fd> fd = StartConnectTo(*address, where);
    if (!fd) {
      last = fd.error();
      continue;
    }
    pollfd entry{fd->get(), POLLOUT, 0};
    if (poll(&entry, 1, timeout_ms) != 1) {
      last = {Errc::kUnavailable, "no answer within " + std::to_string(timeout_ms) + " ms"};
    } else if (const int error = ConnectError(fd->get()); error != 0) {
      last = {Errc::kIo, std::strerror(error)};
    } else {
      return fd;
    }
  }
  return std::unexpected(last);
}

std::vector<std::string> AddressesOf(const std::string& host) {
  std::vector<std::string> addresses;
  const Result<AddressList> list = Lookup(host, nullptr);
  for (const addrinfo* a = list ? list->first : nullptr; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  return addresses;
}

int ConnectError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void SetKeepAlive(int fd, int seconds) {
  const int on = seconds > 0 ? 1 : 0;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (on == 0) return;
  const int interval = seconds / 3 > 0 ? seconds / 3 : 1;
  const int count = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

void SetSendTimeout(int fd, int timeout_ms) {
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

void SetUnsentMax(int fd, int bytes) {
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

std::string PeerName(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "?:0";
  if (storage.ss_family == AF_UNIX) return LocalName(fd);
  return NameOf(storage, size);
}

std::string LocalName(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "?:0";
  return NameOf(storage, size);
}

bool PeerIsLoopback(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return false;
  if (storage.ss_family == AF_UNIX) return true;
  if (storage.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr) >> 24) == 127;
  return storage.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
}

bool IsLoopbackHost(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return EqualsIgnoreCase(host, "localhost");
}

uint64_t RaiseDescriptorLimit(uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = wanted;
  if (raised.rlim_max < wanted) raised.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? limit.rlim_max : limit.rlim_cur;
}

}  // namespace clustron::net

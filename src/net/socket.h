// Sockets: opening, options, names. Plain functions over the system calls, all non-blocking.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clustron::net {

// A descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = other.Release();
    }
    return *this;
  }
  ~Fd() { Reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset();

 private:
  int fd_ = -1;
};

// `address`: a name, IPv4, IPv6, "*" (all IPv4) or "::*" (all IPv6). Errc::kExists: the port is in
// use.
Result<Fd> ListenTcp(const std::string& address, uint16_t port, int backlog);
// Removes a stale socket file first. `permissions` 0: as the umask says.
Result<Fd> ListenUnix(const std::string& path, uint32_t permissions, int backlog);
// The next connection, non-blocking; an invalid Fd if there is none (`*out_of_descriptors` says
// whether because there are none left).
Fd Accept(int listener, bool* out_of_descriptors);
// Starts connecting to a name or an address; the socket is writable when it is decided, and
// ConnectError tells how.
Result<Fd> StartConnect(const std::string& host, uint16_t port);
// The same, blocking, with each address that the name has until one answers; `timeout_ms` for each.
Result<Fd> ConnectWithin(const std::string& host, uint16_t port, int timeout_ms);
// The addresses of a name as text; none if it has none.
std::vector<std::string> AddressesOf(const std::string& host);
int ConnectError(int fd);  // errno of a connect, 0: connected

void SetNoDelay(int fd);
void SetKeepAlive(int fd, int seconds);  // 0: off
// Sent bytes that nobody acknowledges for so long break the connection. 0: the system's default,
// many minutes.
void SetSendTimeout(int fd, int timeout_ms);
// The kernel takes about so much that it can't send yet: what is written later can overtake the
// rest.
void SetUnsentMax(int fd, int bytes);
std::string PeerName(int fd);  // "1.2.3.4:5", "[::1]:5" as Redis prints it: "::1:5"
std::string LocalName(int fd);
bool PeerIsLoopback(int fd);  // or a unix socket
// An address of this machine's own loopback interface, or `localhost`. Other names are not asked.
bool IsLoopbackHost(const std::string& host);

// Raises the limit of open descriptors towards `wanted`; returns what it is now.
uint64_t RaiseDescriptorLimit(uint64_t wanted);

}  // namespace clustron::net

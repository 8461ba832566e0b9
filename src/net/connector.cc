#include "net/connector.h"

#include <netdb.h>
#include <sys/socket.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace clustron::net {

// The request and what it found. libuv can't always cancel a look-up, so it may outlive its owner.
struct Connector::Lookup {
  uv_getaddrinfo_t request;
  Connector* owner;
  addrinfo* found = nullptr;
  bool running = true;
};

Connector::Connector(Loop& loop, const std::string& host, uint16_t port, uint64_t timeout_ms,
                     Callback done)
    : loop_(loop),
      where_(host + ":" + std::to_string(port)),
      done_(std::move(done)),
      deadline_(loop, [this] { Finish(Fail(Errc::kUnavailable, where_ + ": " + last_error_)); }),
      lookup_(new Lookup) {
  lookup_->owner = this;
  lookup_->request.data = lookup_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  last_error_ = "timed out";
  deadline_.Start(timeout_ms);
  const int bad = uv_getaddrinfo(
      loop.raw(), &lookup_->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) noexcept {
        Lookup* lookup = static_cast<Lookup*>(request->data);
        lookup->running = false;
        lookup->found = found;
        if (lookup->owner != nullptr) return lookup->owner->OnLookup(status);
        uv_freeaddrinfo(found);
        delete lookup;
      },
      host.c_str(), std::to_string(port).c_str(), &hints);
  if (bad != 0) {  // a name that can't be one; reported from the loop
    lookup_->running = false;
    last_error_ = uv_strerror(bad);
    deadline_.Start(0);
  }
}

Connector::~Connector() {
  if (lookup_->running) {
    lookup_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
    return;
  }
  if (lookup_->found != nullptr) uv_freeaddrinfo(lookup_->found);
  delete lookup_;
}

void Connector::OnLookup(int status) {
  if (status != 0) return Finish(Fail(Errc::kIo, where_ + ": " + uv_strerror(status)));
  next_ = lookup_->found;
  TryNext();
}

void Connector::TryNext() {
  poll_.reset();
  while (next_ != nullptr) {
    const addrinfo* address = static_cast<addrinfo*>(next_);
    next_ = address->ai_next;
    fd_ = Fd(socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd_.valid() &&
        (connect(fd_.get(), address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)) {
      poll_ = std::make_unique<Poll>(loop_, fd_.get(), [this](int) { OnDecided(); });
      poll_->Watch(Poll::kWritable);
      return;
    }
    last_error_ = std::strerror(errno);
  }
  Finish(Fail(Errc::kIo, where_ + ": " + last_error_));
}

void Connector::OnDecided() {
  const int error = ConnectError(fd_.get());
  if (error == 0) {
    poll_.reset();
    return Finish(std::move(fd_));
  }
  last_error_ = std::strerror(error);
  TryNext();
}

void Connector::Finish(Result<Fd> result) {
  poll_.reset();
  deadline_.Stop();
  const Callback done = std::move(done_);
  done(std::move(result));  // this may be gone now
}

}  // namespace clustron::net

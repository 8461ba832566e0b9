// A client's socket and its session. THREAD: core loop.
#pragma once

#include <string_view>

#include "net/closer.h"
#include "net/stream.h"
#include "server/dispatch/engine.h"
#include "server/front/session.h"

namespace clustron::server {

class ClientConnection final : public net::StreamHandler, public SessionSink {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The other side has ended it. False: enough have ended in this turn; EndNow is called in a
    // later one.
    virtual bool MayEndNow(ClientConnection* connection) = 0;
    // The connection is over: it is freed, but not before it has returned.
    virtual void Forget(ClientConnection* connection) = 0;
  };
  // What it works with; all outlive it.
  struct Around {
    net::Loop& loop;
    Engine& engine;
    net::Closer& closer;
    Owner& owner;
  };
  ClientConnection(const Around& around, net::Fd fd, bool unix_socket);
  ~ClientConnection() override;
  // What OnEnd or OnBroken left.
  void EndNow();

  // --- net::StreamHandler ----------------------------------------------------------------------
  void OnBytes(std::string_view bytes) override;
  void OnEnd() override;
  void OnBroken(int error) override;
  void OnDrained() override;

  // --- SessionSink -----------------------------------------------------------------------------
  void Flush(Session& session) override;
  size_t unsent_bytes() const override { return stream_.unsent_bytes(); }

 private:
  void LookAtSession();
  void Die();

  const Around around_;
  net::Stream stream_;
  Session* session_;
  bool ended_ = false;  // the client sends no more; what it asked is still answered
  bool broken_ = false;
  bool dead_ = false;
};

}  // namespace clustron::server

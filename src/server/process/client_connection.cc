#include "server/process/client_connection.h"

#include "base/log.h"

namespace clustron::server {

ClientConnection::ClientConnection(const Around& around, net::Fd fd, bool unix_socket)
    : around_(around), stream_(around.loop, std::move(fd), *this) {
  Client::Address address;
  address.fd = stream_.fd();
  address.peer = net::PeerName(stream_.fd());
  address.local = net::LocalName(stream_.fd());
  address.unix_socket = unix_socket;
  session_ = around_.engine.Open(std::move(address), this);
}

ClientConnection::~ClientConnection() {
  if (session_ != nullptr) around_.engine.Close(session_);
}

void ClientConnection::OnBytes(std::string_view bytes) {
  around_.engine.Feed(*session_, bytes);
  if (!session_->WantsBytes()) stream_.PauseReading();
}

void ClientConnection::OnEnd() {
  ended_ = true;
  if (around_.owner.MayEndNow(this)) EndNow();
}

void ClientConnection::OnBroken(int) {
  broken_ = true;
  if (around_.owner.MayEndNow(this)) EndNow();
}

void ClientConnection::EndNow() { broken_ ? Die() : LookAtSession(); }

void ClientConnection::OnDrained() { LookAtSession(); }

void ClientConnection::Flush(Session& session) {
  if (dead_) return;
  // COMPAT: of what is over the limit nothing is sent.
  around_.engine.CheckOutput(session);
  if (!session.close_now() && !session.out.empty()) {
    around_.engine.stats().output_bytes += session.out.size();
    around_.engine.stats().writes++;
    stream_.Write(&session.out.chunks(), session.out.tail());
    session.out.Taken();
  }
  LookAtSession();
}

// Closes when it is time, else reads on if it may.
void ClientConnection::LookAtSession() {
  if (dead_) return;
  if (session_->close_now()) {
    Die();
    return;
  }
  const bool said_all = session_->out.empty() && stream_.unsent_bytes() == 0;
  if (said_all && ended_ && session_->idle()) return Die();  // nothing unread is left
  if (said_all && session_->close_after_flush()) {
    around_.closer.Close(stream_.Release());
    return Die();
  }
  if (ended_ && session_->client.blocked != 0) {
    // COMPAT: who waits for keys and says no more is gone; nothing is taken off for it.
    Die();
    return;
  }
  if (session_->WantsBytes() && !stream_.reading()) stream_.ResumeReading();
}

void ClientConnection::Die() {
  if (dead_) return;
  dead_ = true;
  Log(LogLevel::kVerbose, "closed {}", session_->client.address().peer);
  around_.engine.Close(session_);
  session_ = nullptr;
  around_.owner.Forget(this);
}

}  // namespace clustron::server

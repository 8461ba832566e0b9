#include "server/dispatch/session_table.h"

#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"

namespace clustron::server {

SessionTable::~SessionTable() {
  for (Session* session : open_) {
    clients_.Remove(session->client);
    hub_.Forget(session->client);
    delete session;
  }
}

Session* SessionTable::Open(Client::Address address, SessionSink* sink) {
  auto session =
      std::make_unique<Session>(*this, clients_.NextId(), std::move(address), clients_.NowMs());
  session->sink = sink;
  session->input.parser().set_bulk_bytes_max(config_.Int(Opt::kProtoMaxBulkLen));
  if (!config_.Text(Opt::kRequirePass).empty()) {
    session->client.RequireAuth();
    session->input.parser().set_authenticated(false);
  }
  clients_.Add(session->client);
  open_.insert(session.get());
  ++stats_.connections_received;
  return session.release();
}

void SessionTable::Close(Session* session) {
  CHECK(open_.erase(session) == 1);
  session->sink = nullptr;
  session->client.closing = true;
  clients_.Remove(session->client);
  hub_.Forget(session->client);
  std::erase(ready_, session);
  std::erase(dirty_, session);
  session->listed = {.dirty = true, .ready = true};  // in no list any more, and in none again
  closed_.emplace_back(session);
}

void SessionTable::Reap() {
  std::erase_if(closed_, [](const std::unique_ptr<Session>& session) {
    CHECK(session->sink == nullptr);
    return session->queue.writes() == 0 && !session->input.parsing();
  });
}

void SessionTable::LookLater(Session& session) {
  if (std::exchange(session.listed.ready, true)) return;
  ready_.push_back(&session);
}

std::vector<Session*> SessionTable::TakeReady() {
  std::vector<Session*> ready;
  std::swap(ready, ready_);
  for (Session* session : ready) session->listed.ready = false;
  return ready;
}

void SessionTable::MarkDirty(Session& session) {
  if (std::exchange(session.listed.dirty, true)) return;
  dirty_.push_back(&session);
}

void SessionTable::FlushDirty(bool state_unwritten) {
  std::vector<Session*> dirty;
  std::swap(dirty, dirty_);
  for (Session* session : dirty) session->listed.dirty = false;
  for (Session* session : dirty) {
    if (state_unwritten && session->shows_state()) {
      REACH("replies wait for room on the disk");
      MarkDirty(*session);
      continue;
    }
    if (session->sink != nullptr) session->sink->Flush(*session);
    session->Flushed();
  }
}

void SessionTable::CheckOutput(Session& session) {
  if (session.close_now() || !clients_.OverHardLimit(session.client)) return;
  Log(LogLevel::kWarning, "closed {}: its replies are more than client-output-buffer-limit",
      session.client.address().peer);
  session.CloseNow();
}

void SessionTable::LimitMemory(Session& session) {
  clients_.NoteMemory(session.client);
  stats_.evicted_clients += clients_.Evict();
}

void SessionTable::OutputGrew(Session& session) {
  CheckOutput(session);
  LimitMemory(session);
}

}  // namespace clustron::server

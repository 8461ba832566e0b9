#include "server/dispatch/late_replies.h"

#include <utility>

#include "base/check.h"
#include "resp/reply_writer.h"

namespace clustron::server {

void LateReplies::Add(Session& session) {
  CHECK(session.client.late_reply() != nullptr);
  CHECK(!session.queue.empty());
  waiters_.push_back(&session);
  // Its time begins with the first look at it.
  sessions_.LookLater(session);
}

bool LateReplies::Poll(Session& session) {
  Pending& front = session.queue.front();
  CHECK(front.kind == Pending::Kind::kLate);
  Client& client = session.client;
  const int64_t now_ms = clients_.NowMs();
  if (front.round == 0 && client.late_timeout_ms() > 0)
    front.round = static_cast<uint64_t>(now_ms + client.late_timeout_ms());
  const bool expired = front.round != 0 && now_ms >= static_cast<int64_t>(front.round);
  resp::ReplyWriter reply(recorder_.OutputOf(session, front.muted), front.resp_version);
  if (!client.late_reply()->Poll(expired, reply)) {
    CHECK(!expired);
    return false;
  }
  const std::vector<std::string> item = client.TakeLateReply()->TakeItem();
  Forget(&session);
  if (!item.empty()) {
    writes_.SubmitFront(session, item);
    return false;
  }
  sessions_.MarkDirty(session);
  return true;
}

void LateReplies::Tick() {
  for (Session* session : waiters_)
    if (session->client.late_reply()->polled() || Overdue(*session)) sessions_.LookLater(*session);
}

bool LateReplies::Overdue(Session& session) const {
  const Pending& front = session.queue.front();
  return front.round != 0 && clients_.NowMs() >= static_cast<int64_t>(front.round);
}

void LateReplies::LookAtAnswers() {
  if (waiters_.empty()) return;
  uint64_t answers = node_.parts().calls.node.answered();
  for (const paxos::PeerStatus& peer : node_.replica().peers()) answers += peer.answered_probe;
  if (std::exchange(answers_seen_, answers) == answers) return;
  Tick();
}

void LateReplies::Forget(Session* session) { std::erase(waiters_, session); }

}  // namespace clustron::server

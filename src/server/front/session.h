// One client's conversation, without its socket: input, the queue of commands that wait for their
// turn, output. The socket (or the simulator) feeds bytes in and takes bytes out. Replies leave in
// the order of their requests. THREAD: core loop. OWNS: the client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cluster/log/item_owner.h"
#include "resp/reply_output.h"
#include "server/front/client.h"
#include "server/front/session_input.h"
#include "server/front/session_queue.h"

namespace clustron::server {

class Session;

// The socket's side of a session.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // Takes what is in session.out, at the turn's end; closes after it if asked to.
  virtual void Flush(Session& session) = 0;
  virtual size_t unsent_bytes() const = 0;
};

// The owner of all sessions.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  // The session has something to flush, or is to be closed, at the turn's end.
  virtual void MarkDirty(Session& session) = 0;
  // The session's queue may have moved.
  virtual void LookLater(Session& session) = 0;
  // In the middle of a reply: looks at the limits. If the connection is to end for them, the
  // command runs on all the same, and what it replies is dropped.
  virtual void OutputGrew(Session& session) = 0;
};

class Session final : public ClientLink,
                      public cluster::ItemOwner,
                      private resp::ReplyChunks::Listener {
 public:
  Session(SessionHost& host, uint64_t id, Client::Address address, int64_t now_ms);

  Client client;
  SessionSink* sink = nullptr;  // null once the socket is gone
  SessionInput input;
  SessionQueue queue;
  resp::ReplyChunks out{this};
  // Which of its owner's lists the session is in; the owner's alone.
  struct Listed {
    bool dirty = false;
    bool ready = false;
  };
  Listed listed;

  // True while more input is wanted: not while much is waiting, or the end is near.
  bool WantsInput() const {
    return queue.TakesMore() && !client.held && !close_after_flush_ && !close_now_ &&
           !client.closing;
  }
  // The same of bytes from the socket: of a client that waits for keys some are taken ahead, so
  // that its end is seen.
  bool WantsBytes() const;
  // Nothing is waiting for an answer, nor for its turn to be parsed.
  bool idle() const { return queue.empty() && !client.held && input.backlog_ns() == 0; }
  bool close_after_flush() const { return close_after_flush_; }
  bool close_now() const { return close_now_; }

  // A reply is written to `out` between the two: pushes would stand in its middle, and what is in
  // `out` from its beginning on goes into the digest. They follow the reply.
  void BeginAnswer() {
    CHECK(!answering_);
    answering_ = true;
  }
  void EndAnswer() {
    CHECK(answering_);
    answering_ = false;
    if (!held_pushes_.empty()) ReleasePushes();
  }

  // Something in `out` may show what the log doesn't hold yet; not so: PING and the like alone.
  bool shows_state() const { return shows_state_; }
  void ShowState() { shows_state_ = true; }
  void Flushed() { shows_state_ = false; }

  // --- ClientLink ------------------------------------------------------------------------------
  void Push(std::string_view frames) override;
  void Wake() override { host_.LookLater(*this); }
  void CloseAfterReply() override;
  void CloseNow() override;
  size_t input_bytes() const override { return input.bytes(); }
  size_t input_free_bytes() const override { return input.free_bytes(); }
  size_t output_bytes() const override;

 private:
  void ReleasePushes();
  void OutputGrew() override { host_.OutputGrew(*this); }

  SessionHost& host_;
  std::string held_pushes_;  // that came while an answer was being written
  bool answering_ = false;
  bool shows_state_ = false;
  bool close_after_flush_ = false;
  bool close_now_ = false;
};

}  // namespace clustron::server

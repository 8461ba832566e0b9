// One client's conversation, without its socket: unparsed input, the queue of commands that wait
// for their turn, output. The socket (or the simulator) feeds bytes in and takes bytes out.
//
// Replies leave in the order of their requests. What can't be answered at once waits in the queue:
//   kReply  a finished reply behind something that isn't finished
//   kRun    a read waiting for its read round, or a local command waiting for its place
//   kWrite  an item on its way through the log
//   kCall   a command in the leader's memory
// INVARIANT: items of one session are applied in the queue's order.
// THREAD: core loop. OWNS: the client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ring.h"
#include "cluster/log/item_owner.h"
#include "commands/core/context.h"
#include "resp/reply_output.h"
#include "resp/request_parser.h"
#include "server/front/client.h"

namespace clustron::server {

class Engine;
class Session;

// Arguments that outlive the buffer they came in: one block and the ends of each.
class OwnedArgs {
 public:
  OwnedArgs() = default;
  explicit OwnedArgs(commands::Args args);
  bool empty() const { return ends_.empty(); }
  // Views into this.
  void Views(std::vector<std::string_view>* out) const;
  size_t bytes() const { return block_.size(); }

 private:
  std::string block_;
  std::vector<size_t> ends_;
};

// The socket's side of a session.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // Takes what is in session.out, at the turn's end; closes after it if asked to.
  virtual void Flush(Session& session) = 0;
  virtual size_t unsent_bytes() const = 0;
};

class Session final : public ClientLink,
                      public cluster::ItemOwner,
                      private resp::ReplyChunks::Listener {
 public:
  Session(Engine& engine, uint64_t id, Client::Address address, int64_t now_ms);

  Client client;
  SessionSink* sink = nullptr;  // null once the socket is gone
  resp::ReplyChunks out{this};

  // True while more input is wanted: not while much is waiting, or the end is near.
  bool WantsInput() const;
  // Bytes that the request being read is known to need; 0: unknown.
  size_t bytes_wanted() const { return parser_.bytes_wanted(); }
  // Nothing is waiting for an answer, nor for its turn to be parsed.
  bool idle() const { return queue_.empty() && !held_ && backlog_ns_ == 0; }
  // Something in `out` may show what the log doesn't hold yet; not so: PING and the like alone.
  bool shows_state() const { return shows_state_; }
  bool close_after_flush() const { return close_after_flush_; }
  bool close_now() const { return close_now_; }

  // --- ClientLink ------------------------------------------------------------------------------
  void Push(std::string_view frames) override;
  void CloseAfterReply() override;
  void CloseNow() override;
  size_t input_bytes() const override { return in_.size() + reading_bytes_; }
  size_t input_free_bytes() const override { return in_.capacity() - in_.size(); }
  size_t output_bytes() const override;

 private:
  friend class Engine;

  // In the middle of a reply: looks at the limits. If the connection is to end for them, the
  // command runs on all the same, and what it replies is dropped.
  void OutputGrew() override;

  // While a reply is being written: pushes would stand in its middle, and what is in `out` from its
  // beginning on goes into the digest. They follow the reply.
  bool answering_ = false;
  std::string held_pushes_;

  struct Pending {
    enum class Kind : uint8_t { kReply, kRun, kWrite, kCall, kCalled, kLate };
    Kind kind = Kind::kReply;
    bool muted = false;  // CLIENT REPLY: its reply is thrown away
    int8_t resp_version = 2;
    int8_t db = 0;
    uint64_t round = 0;  // kRun: of its read; 0: none needed. kCalled: the call's id
    uint64_t tick = 0;   // kRun: that it waits for, or has waited for
    const commands::CommandSpec* spec = nullptr;
    size_t bytes = 0;        // counted in under_way_bytes_
    int64_t ttl_max_ms = 0;  // kRun, of a refresh: the longest that it may be logged with
    OwnedArgs args;
    std::string reply;
  };
  // `pending` has so many bytes under way; once, with its kind.
  void CountUnderWay(Pending& pending, size_t bytes);
  // It has been done, or has failed.
  void EndUnderWay(Pending& pending);
  void PopFront() {
    EndUnderWay(queue_.front());
    queue_.pop_front();
  }

  Engine& engine_;
  resp::RequestParser parser_;
  std::string in_;            // unparsed
  size_t reading_bytes_ = 0;  // of the loop's buffer, while this session's commands in it are run
  Ring<Pending> queue_;
  size_t writes_ = 0;     // kWrite elements, also after the socket is gone
  bool parsing_ = false;  // in Feed: the loop there goes on by itself
  // Since when a whole request has been waiting in in_ for the parser to go on; 0: none is.
  int64_t backlog_ns_ = 0;
  bool stalled_ = false;  // parsing waits until the queue is empty
  // Of writes on their way and of commands in the queue: what they were asked with.
  size_t under_way_bytes_ = 0;
  bool full_ = false;   // parsing waits until half of what may be under way is done
  bool held_ = false;   // parsing waits for CLIENT PAUSE to end
  bool dirty_ = false;  // in the engine's list of sessions to flush
  bool shows_state_ = false;
  bool in_ready_ = false;  // in the engine's list of sessions to look at
  bool close_after_flush_ = false;
  bool close_now_ = false;
};

}  // namespace clustron::server

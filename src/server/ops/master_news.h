// Makes clients that look for masters (StackExchange.Redis) look at all nodes again: a message on
// a channel that they hear. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/observe/pubsub_hub.h"

namespace clustron::server {

class MasterNews {
 public:
  explicit MasterNews(PubsubHub& hub) : hub_(hub) {}

  // Tells this node's clients.
  void Tell() { hub_.Deliver(kChannel, "*", false); }
  // The same, as one of a row of messages.
  void TellAgain(int64_t now_ns) {
    told_ns_ = now_ns;
    Tell();
  }
  // When the last message of a row was sent; 0: none was.
  int64_t told_ns() const { return told_ns_; }
  // A row begins: its first message is due at once.
  void BeginRow() { told_ns_ = 0; }

 private:
  static constexpr std::string_view kChannel = "__Booksleeve_MasterChanged";

  PubsubHub& hub_;
  int64_t told_ns_ = 0;
};

}  // namespace clustron::server

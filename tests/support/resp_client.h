// A client for tests: blocking, RESP2 and RESP3, everything with a deadline.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/socket.h"
#include "resp/reply_parser.h"

namespace clustron::testing {

class RespClient {
 public:
  static Result<RespClient> Connect(const std::string& host, uint16_t port);
  explicit RespClient(net::Fd fd) : fd_(std::move(fd)) {}

  // For each later wait.
  void set_timeout_ms(int timeout_ms) { timeout_ms_ = timeout_ms; }

  Status SendRaw(std::string_view bytes);
  Status Send(const std::vector<std::string>& args);
  // The next reply that isn't a push; pushes that came before it are kept.
  Result<resp::ReplyValue> Read();
  // The next push: one that came already, or one waited for.
  Result<resp::ReplyValue> ReadPush();
  // Send, then Read, as text (ToText); "!reason" if the connection failed.
  std::string Call(const std::vector<std::string>& args);
  // Sends the words of a line, quotes as in redis-cli.
  std::string Line(std::string_view line);
  // True if the other side closes within the time, after whatever it still sends.
  bool WaitClosed();

  net::Fd& fd() { return fd_; }

 private:
  // The next value of either kind.
  Result<resp::ReplyValue> ReadAny();
  // Waits for input and appends it to buffer_; kNotFound at the stream's end.
  Status Fill();

  net::Fd fd_;
  int timeout_ms_ = 5000;
  std::string buffer_;
  resp::ReplyParser parser_;
  std::deque<resp::ReplyValue> pushes_;
};

// The request as bytes.
std::string EncodeRequest(const std::vector<std::string>& args);

}  // namespace clustron::testing

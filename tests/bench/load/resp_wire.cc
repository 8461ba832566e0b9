#include <charconv>

#include "tests/bench/load/wire.h"

namespace clustron::load {
namespace {

// Of the line that begins at `at`: where the next begins; npos if it isn't whole.
size_t NextLine(std::string_view text, size_t at) {
  const size_t end = text.find('\n', at);
  return end == std::string_view::npos ? end : end + 1;
}

int64_t Number(std::string_view text) {
  int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

// Where the value that begins at `at` ends; npos if it isn't whole.
size_t ValueEnd(std::string_view text, size_t at) {
  if (at >= text.size()) return std::string_view::npos;
  const size_t line = NextLine(text, at);
  if (line == std::string_view::npos) return line;
  const char kind = text[at];
  const int64_t n = Number(text.substr(at + 1, line - at - 1));
  if (kind == '$') {
    if (n < 0) return line;
    const size_t end = line + static_cast<size_t>(n) + 2;
    return end > text.size() ? std::string_view::npos : end;
  }
  if (kind != '*' && kind != '>') return line;
  size_t end = line;
  for (int64_t i = 0; i < n && end != std::string_view::npos; i++) end = ValueEnd(text, end);
  return end;
}

class RespWire : public Wire {
 public:
  RespWire(Loop* loop, int port, OnReply on_reply)
      : loop_(loop), socket_(port), on_reply_(std::move(on_reply)) {
    socket_.set_on_input([this] { Take(); });
    loop->Add(&socket_);
  }
  void Send(const Request& request) override { socket_.out() += request.body; }
  void SendOn(const Request& request) override { Send(request); }
  void Flush() override { loop_->Flush(&socket_); }

 private:
  void Take() {
    while (const size_t bytes = ReplyLength(socket_.Input())) {
      const std::string_view reply = socket_.Input().substr(0, bytes);
      socket_.Consume(bytes);
      on_reply_(reply);
    }
  }

  Loop* loop_;
  Socket socket_;
  OnReply on_reply_;
};

}  // namespace

std::string CommandOf(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& w : words) {
    out += "$" + std::to_string(w.size()) + "\r\n" + w + "\r\n";
  }
  return out;
}

std::string Command(std::initializer_list<std::string_view> words) {
  return CommandOf(std::vector<std::string>(words.begin(), words.end()));
}

size_t ReplyLength(std::string_view text) {
  const size_t end = ValueEnd(text, 0);
  return end == std::string_view::npos ? 0 : end;
}

std::string_view Element(std::string_view reply, size_t n) {
  if (reply.empty() || reply[0] != '*') return {};
  size_t at = NextLine(reply, 0);
  for (size_t i = 0; i < n && at < reply.size(); i++) at = ValueEnd(reply, at);
  if (at >= reply.size()) return {};
  const size_t line = NextLine(reply, at);
  if (reply[at] != '$') return reply.substr(at + 1, line - at - 3);
  const int64_t bytes = Number(reply.substr(at + 1));
  return bytes < 0 ? std::string_view{} : reply.substr(line, static_cast<size_t>(bytes));
}

std::unique_ptr<Wire> ConnectResp(Loop* loop, int port, Wire::OnReply on_reply) {
  return std::make_unique<RespWire>(loop, port, std::move(on_reply));
}

}  // namespace clustron::load

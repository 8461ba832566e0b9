// The bytes of one session that are not yet parsed, and the parser's state. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "resp/request_parser.h"

namespace clustron::server {

class SessionInput {
 public:
  resp::RequestParser& parser() { return parser_; }

  // Runs `parse` over what is there and `bytes`; it returns how many bytes it has used up. The
  // rest is kept. From inside `parse`: the bytes are kept for the loop that is running; false.
  template <typename Parse>
  bool Take(std::string_view bytes, Parse&& parse) {
    if (parsing_) {
      kept_.append(bytes);
      return false;
    }
    parsing_ = true;
    if (kept_.empty()) {
      borrowed_bytes_ = bytes.size();
      const size_t used = parse(bytes);
      borrowed_bytes_ = 0;
      Keep(bytes.substr(used));
    } else {
      kept_.append(bytes);
      Drop(parse(std::string_view(kept_)));
    }
    parsing_ = false;
    return true;
  }
  // In Take: the session must not be deleted.
  bool parsing() const { return parsing_; }

  bool empty() const { return kept_.empty(); }
  size_t kept_bytes() const { return kept_.size(); }
  size_t bytes() const { return kept_.size() + borrowed_bytes_; }
  size_t free_bytes() const { return kept_.capacity() - kept_.size(); }
  // Bytes that the request being read is known to need; 0: unknown.
  size_t bytes_wanted() const { return parser_.bytes_wanted(); }

  // Since when a whole request has been waiting for the parser to go on; 0: none is.
  int64_t backlog_ns() const { return backlog_ns_; }
  void NoteBacklog(bool waits, int64_t now_ns) {
    if (!waits) {
      backlog_ns_ = 0;
    } else if (backlog_ns_ == 0) {
      backlog_ns_ = now_ns;
    }
  }

 private:
  void Keep(std::string_view rest);
  void Drop(size_t used);

  resp::RequestParser parser_;
  std::string kept_;
  size_t borrowed_bytes_ = 0;  // of the loop's buffer, while the commands in it are run
  int64_t backlog_ns_ = 0;
  bool parsing_ = false;
};

}  // namespace clustron::server

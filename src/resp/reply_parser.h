// Reads replies, RESP2 and RESP3, into trees: the client side of the protocol.
//
// Incremental like RequestParser: the caller keeps the unread bytes in one piece and calls Parse
// with all of them; after kNeedMore again with the same bytes and more behind them; after kReply
// without the first consumed() bytes. Attributes are read and dropped. Lengths that come later
// ("$?") are refused: no server sends them. Depth and sizes are bounded. THREAD: any, one at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_value.h"

namespace clustron::resp {

class ReplyParser {
 public:
  enum class Outcome : uint8_t {
    kReply,     // value() is one reply; consumed() bytes belong to it
    kNeedMore,  // the bytes end within a reply
    kError,     // error() says what is wrong; the rest of the stream can't be understood
  };
  static constexpr size_t kDepthMax = 64;
  static constexpr size_t kLineBytesMax = 64 * 1024;
  static constexpr int64_t kBulkBytesMax = 512LL * 1024 * 1024;

  Outcome Parse(std::string_view input);
  // Of the last Parse that returned kReply; may be moved from.
  ReplyValue& value() { return value_; }
  size_t consumed() const { return consumed_; }
  const std::string& error() const { return error_; }

 private:
  // An aggregate whose elements are still coming.
  struct Frame {
    ReplyValue value;
    uint64_t remaining;
    bool attribute;  // dropped when complete; the value that it belongs to follows
  };
  enum class Step : uint8_t { kValue, kOpened, kNeedMore, kError };

  Step ReadOne(std::string_view input);
  Step ReadLine(char kind, std::string_view line);
  Step ReadBulk(char kind, std::string_view line, size_t body, std::string_view input);
  Step Open(char kind, std::string_view line);
  Step Fail(std::string text);
  // Puts value_ where it belongs; true: a whole reply is complete in value_.
  bool Place();

  std::vector<Frame> frames_;
  ReplyValue value_;
  size_t pos_ = 0;
  size_t consumed_ = 0;
  std::string error_;
};

}  // namespace clustron::resp

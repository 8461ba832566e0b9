#include "resp/request_parser.h"

#include <charconv>
#include <cstring>

#include "base/strings.h"

namespace clustron::resp {

namespace {

// A line's number, strictly: no blanks, no plus sign.
bool ParseNumber(std::string_view text, int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void RequestParser::Restart() {
  in_multibulk_ = false;
  remaining_ = 0;
  bulk_size_ = -1;
  pos_ = 0;
  wanted_ = 0;
  spans_.clear();
}

RequestParser::Outcome RequestParser::Error(std::string text) {
  error_ = "Protocol error: " + std::move(text);
  return Outcome::kError;
}

RequestParser::Outcome RequestParser::Parse(std::string_view input) {
  consumed_ = 0;
  if (in_multibulk_) return ParseMultibulk(input);
  if (input.empty()) return Outcome::kNeedMore;
  return input[0] == '*' ? ParseMultibulk(input) : ParseInline(input);
}

RequestParser::Outcome RequestParser::ParseInline(std::string_view input) {
  const size_t newline = input.find('\n');
  if (newline == std::string_view::npos) {
    if (input.size() > kInlineBytesMax) return Error("too big inline request");
    return Outcome::kNeedMore;
  }
  size_t size = newline;
  if (size > 0 && input[size - 1] == '\r') --size;
  auto words = SplitArgs(input.substr(0, size));
  consumed_ = newline + 1;
  if (!words) return Error("unbalanced quotes in request");
  inline_args_ = std::move(*words);
  args_.assign(inline_args_.begin(), inline_args_.end());
  return args_.empty() ? Outcome::kNothing : Outcome::kRequest;
}

RequestParser::Outcome RequestParser::ParseMultibulk(std::string_view input) {
  if (!in_multibulk_) {
    const void* cr = std::memchr(input.data(), '\r', input.size());
    if (cr == nullptr) {
      if (input.size() > kInlineBytesMax) return Error("too big mbulk count string");
      return Outcome::kNeedMore;
    }
    const size_t end = static_cast<size_t>(static_cast<const char*>(cr) - input.data());
    if (end + 2 > input.size()) return Outcome::kNeedMore;
    int64_t count;
    if (!ParseNumber(input.substr(1, end - 1), &count) || count > kMultibulkMax)
      return Error("invalid multibulk length");
    if (!authenticated_ && count > kUnauthenticatedArgsMax)
      return Error("unauthenticated multibulk length");
    pos_ = end + 2;
    if (count <= 0) {
      consumed_ = pos_;
      Restart();
      return Outcome::kNothing;
    }
    in_multibulk_ = true;
    remaining_ = count;
    bulk_size_ = -1;
    spans_.clear();
  }
  while (remaining_ > 0) {
    if (bulk_size_ < 0) {
      const std::string_view rest = input.substr(pos_);
      const void* cr = rest.empty() ? nullptr : std::memchr(rest.data(), '\r', rest.size());
      if (cr == nullptr) {
        if (rest.size() > kInlineBytesMax) return Error("too big bulk count string");
        wanted_ = 0;
        return Outcome::kNeedMore;
      }
      const size_t end = static_cast<size_t>(static_cast<const char*>(cr) - rest.data());
      if (end + 2 > rest.size()) return Outcome::kNeedMore;
      if (rest[0] != '$') {
        std::string text = "expected '$', got '";
        text.push_back(rest[0]);
        return Error(text + "'");
      }
      int64_t size;
      if (!ParseNumber(rest.substr(1, end - 1), &size) || size < 0 || size > bulk_bytes_max_)
        return Error("invalid bulk length");
      if (!authenticated_ && size > kUnauthenticatedBulkMax)
        return Error("unauthenticated bulk length");
      pos_ += end + 2;
      bulk_size_ = size;
    }
    const size_t size = static_cast<size_t>(bulk_size_);
    if (input.size() - pos_ < size + 2) {
      wanted_ = pos_ + size + 2;
      return Outcome::kNeedMore;
    }
    spans_.push_back({pos_, size});
    pos_ += size + 2;  // as Redis, what the two bytes behind it are is not looked at
    bulk_size_ = -1;
    --remaining_;
  }
  return Finish(input);
}

RequestParser::Outcome RequestParser::Finish(std::string_view input) {
  args_.resize(spans_.size());
  for (size_t i = 0; i < spans_.size(); ++i)
    args_[i] = std::string_view(input.data() + spans_[i].offset, spans_[i].size);
  consumed_ = pos_;
  Restart();
  return Outcome::kRequest;
}

}  // namespace clustron::resp

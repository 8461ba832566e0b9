#include "resp/reply_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace clustron::resp {

namespace {

using Kind = ReplyValue::Kind;

bool ParseNumber(std::string_view text, int64_t* value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsAggregate(char kind) {
  return kind == '*' || kind == '%' || kind == '~' || kind == '>' || kind == '|';
}

Kind AggregateKind(char kind) {
  switch (kind) {
    case '%':
    case '|':
      return Kind::kMap;
    case '~':
      return Kind::kSet;
    case '>':
      return Kind::kPush;
    default:
      return Kind::kArray;
  }
}

}  // namespace

ReplyParser::Step ReplyParser::Fail(std::string text) {
  error_ = std::move(text);
  return Step::kError;
}

ReplyParser::Outcome ReplyParser::Parse(std::string_view input) {
  consumed_ = 0;
  for (;;) {
    switch (ReadOne(input)) {
      case Step::kNeedMore:
        return Outcome::kNeedMore;
      case Step::kError:
        return Outcome::kError;
      case Step::kOpened:
        break;
      case Step::kValue:
        if (!Place()) break;
        consumed_ = std::exchange(pos_, 0);
        return Outcome::kReply;
    }
  }
}

bool ReplyParser::Place() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.remaining > 0) {
      frame.value.elements.push_back(std::move(value_));
      value_ = ReplyValue();
      --frame.remaining;
    }
    if (frame.remaining > 0) return false;
    const bool attribute = frame.attribute;
    if (!attribute) value_ = std::move(frame.value);
    frames_.pop_back();
    if (attribute) return false;
  }
  return true;
}

ReplyParser::Step ReplyParser::ReadOne(std::string_view input) {
  const std::string_view rest = input.substr(pos_);
  if (rest.empty()) return Step::kNeedMore;
  const size_t newline = rest.find('\n');
  if (newline == std::string_view::npos) {
    if (rest.size() > kLineBytesMax) return Fail("line too long");
    return Step::kNeedMore;
  }
  if (newline < 2 || rest[newline - 1] != '\r') return Fail("line without end");
  const char kind = rest[0];
  const std::string_view line = rest.substr(1, newline - 2);
  const size_t body = pos_ + newline + 1;
  if (kind == '$' || kind == '=' || kind == '!') return ReadBulk(kind, line, body, input);
  const Step step = IsAggregate(kind) ? Open(kind, line) : ReadLine(kind, line);
  if (step != Step::kError) pos_ = body;
  return step;
}

ReplyParser::Step ReplyParser::ReadLine(char kind, std::string_view line) {
  value_ = ReplyValue();
  switch (kind) {
    case '+':
      value_.kind = Kind::kSimple;
      break;
    case '-':
      value_.kind = Kind::kError;
      break;
    case ',':
      value_.kind = Kind::kDouble;
      break;
    case '(':
      value_.kind = Kind::kBigNumber;
      break;
    case ':':
      value_.kind = Kind::kInteger;
      return ParseNumber(line, &value_.integer) ? Step::kValue : Fail("bad integer");
    case '#':
      value_.kind = Kind::kBool;
      value_.integer = line == "t" ? 1 : 0;
      return line == "t" || line == "f" ? Step::kValue : Fail("bad boolean");
    case '_':
      return line.empty() ? Step::kValue : Fail("bad null");
    default:
      return Fail("unknown kind");
  }
  value_.text = line;
  return Step::kValue;
}

ReplyParser::Step ReplyParser::ReadBulk(char kind, std::string_view line, size_t body,
                                        std::string_view input) {
  int64_t size;
  if (!ParseNumber(line, &size) || size < -1 || size > kBulkBytesMax) return Fail("bad length");
  value_ = ReplyValue();
  if (size < 0) {
    if (kind != '$') return Fail("bad length");
    pos_ = body;
    return Step::kValue;
  }
  const size_t bytes = static_cast<size_t>(size);
  if (input.size() - body < bytes + 2) return Step::kNeedMore;
  if (input.substr(body + bytes, 2) != "\r\n") return Fail("bulk without end");
  value_.kind = kind == '$' ? Kind::kBulk : kind == '=' ? Kind::kVerbatim : Kind::kError;
  value_.text = input.substr(body, bytes);
  pos_ = body + bytes + 2;
  return Step::kValue;
}

ReplyParser::Step ReplyParser::Open(char kind, std::string_view line) {
  int64_t count;
  if (!ParseNumber(line, &count) || count < -1 || count > INT32_MAX) return Fail("bad count");
  value_ = ReplyValue();
  if (count < 0) return kind == '*' ? Step::kValue : Fail("bad count");
  const bool pairs = kind == '%' || kind == '|';
  const bool attribute = kind == '|';
  if (count == 0 && !attribute) {
    value_.kind = AggregateKind(kind);
    return Step::kValue;
  }
  if (count == 0) return Step::kOpened;  // an empty attribute says nothing
  if (frames_.size() == kDepthMax) return Fail("too deep");
  Frame frame{ReplyValue(), static_cast<uint64_t>(count) * (pairs ? 2 : 1), attribute};
  frame.value.kind = AggregateKind(kind);
  // Memory only for what has come, whatever the header promises.
  frame.value.elements.reserve(std::min<uint64_t>(frame.remaining, 16));
  frames_.push_back(std::move(frame));
  return Step::kOpened;
}

}  // namespace clustron::resp

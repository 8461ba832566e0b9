#include "resp/request_parser.h"

#include <algorithm>
#include <cstring>

#include "base/numeric.h"
#include "base/strings.h"
#include "resp/errors.h"

namespace clustron::resp {

namespace {

// Requests with more arguments take the general way, and what it allocates for them is given back.
constexpr size_t kWholeArgsMax = 256;
constexpr size_t kKeptArgs = kWholeArgsMax;

// The line "Xnumber\r\n" at `pos`, X being one character.
struct Header {
  enum class Outcome : uint8_t { kNumber, kBad, kNeedMore, kTooLong } outcome;
  int64_t number = 0;
  size_t end = 0;  // behind the line
};

// COMPAT: as Redis, the line ends at \r, and the byte behind it is skipped unseen.
Header ReadHeader(std::string_view input, size_t pos) {
  const std::string_view line = input.substr(std::min(pos, input.size()), kInlineBytesMax + 1);
  const size_t cr = line.find('\r');
  if (cr == std::string_view::npos)
    return {line.size() > kInlineBytesMax ? Header::Outcome::kTooLong : Header::Outcome::kNeedMore};
  if (pos + cr + 2 > input.size()) return {Header::Outcome::kNeedMore};
  const auto number = ParseInt64(cr > 0 ? line.substr(1, cr - 1) : std::string_view());
  if (!number) return {Header::Outcome::kBad, 0, pos + cr + 2};
  return {Header::Outcome::kNumber, *number, pos + cr + 2};
}

// Reads a number of one to nine digits and its \r\n at `p`; null if it is anything else, or cut
// off.
inline const char* ReadShortNumber(const char* p, const char* end, size_t* number) {
  constexpr ptrdiff_t kDigitsMax = 9;
  const auto digit_of = [](char c) { return static_cast<unsigned char>(c) - unsigned{'0'}; };
  const char* const last = p + std::min(end - p - 2, kDigitsMax);  // where \r may stand
  if (p >= last) return nullptr;
  size_t value = digit_of(*p);
  if (value > 9 || (value == 0 && p[1] != '\r')) return nullptr;
  while (*++p != '\r') {
    const unsigned digit = digit_of(*p);
    if (digit > 9 || p == last) return nullptr;
    value = value * 10 + digit;
  }
  *number = value;
  return p + 2;
}

}  // namespace

// The way of nearly all requests: all bytes are here, no number is odd or large. Anything else is
// left, untouched, to the general way.
bool RequestParser::ParseWhole(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  size_t count = 0;
  const char* p = ReadShortNumber(begin + 1, end, &count);
  if (p == nullptr || count == 0 || count > kWholeArgsMax) return false;
  args_.resize(count);
  for (std::string_view& arg : args_) {
    size_t size = 0;
    if (p == end || *p != '$') return false;
    p = ReadShortNumber(p + 1, end, &size);
    if (p == nullptr || static_cast<size_t>(end - p) < size + 2) return false;
    if (size > static_cast<size_t>(bulk_bytes_max_)) return false;
    arg = {p, size};
    p += size + 2;
  }
  consumed_ = static_cast<size_t>(p - begin);
  return true;
}

void RequestParser::Restart() {
  in_multibulk_ = false;
  remaining_ = 0;
  bulk_size_ = -1;
  pos_ = 0;
  wanted_ = 0;
  spans_.clear();
}

RequestParser::Outcome RequestParser::Error(std::string_view text) {
  error_ = text;
  return Outcome::kError;
}

RequestParser::Outcome RequestParser::Parse(std::string_view input) {
  consumed_ = 0;
  if (args_.capacity() > kKeptArgs) std::vector<std::string_view>().swap(args_);
  if (in_multibulk_) return ParseBulks(input);
  if (input.empty()) return Outcome::kNeedMore;
  if (input[0] != '*') return ParseInline(input);
  // Before AUTH the bounds are tighter; only the general way knows them.
  if (authenticated_ && ParseWhole(input)) return Outcome::kRequest;
  return ParseMultibulk(input);
}

RequestParser::Outcome RequestParser::ParseInline(std::string_view input) {
  const size_t newline = input.substr(0, kInlineBytesMax + 1).find('\n');
  if (newline == std::string_view::npos) {
    if (input.size() > kInlineBytesMax) return Error(kErrInlineTooBig);
    return Outcome::kNeedMore;
  }
  size_t size = newline;
  if (size > 0 && input[size - 1] == '\r') --size;
  auto words = SplitArgs(input.substr(0, size));
  consumed_ = newline + 1;
  if (!words) return Error(kErrQuotes);
  inline_args_ = std::move(*words);
  args_.assign(inline_args_.begin(), inline_args_.end());
  return args_.empty() ? Outcome::kNothing : Outcome::kRequest;
}

RequestParser::Outcome RequestParser::ParseMultibulk(std::string_view input) {
  const Header header = ReadHeader(input, 0);
  if (header.outcome == Header::Outcome::kNeedMore) return Outcome::kNeedMore;
  if (header.outcome == Header::Outcome::kTooLong) return Error(kErrCountTooLong);
  if (header.outcome == Header::Outcome::kBad || header.number > kMultibulkMax)
    return Error(kErrCount);
  if (!authenticated_ && header.number > kUnauthenticatedArgsMax) return Error(kErrStrangerCount);
  if (header.number <= 0) {
    consumed_ = header.end;
    return Outcome::kNothing;
  }
  pos_ = header.end;
  in_multibulk_ = true;
  remaining_ = header.number;
  return ParseBulks(input);
}

RequestParser::Outcome RequestParser::ParseBulks(std::string_view input) {
  while (remaining_ > 0) {
    if (bulk_size_ < 0 && !ReadBulkHeader(input)) return outcome_;
    const size_t size = static_cast<size_t>(bulk_size_);
    if (input.size() - pos_ < size + 2) {
      wanted_ = pos_ + size + 2;
      return Outcome::kNeedMore;
    }
    spans_.push_back({pos_, size});
    pos_ += size + 2;  // COMPAT: as Redis, what the two bytes behind it are is not looked at
    bulk_size_ = -1;
    --remaining_;
  }
  Finish(input);
  return Outcome::kRequest;
}

bool RequestParser::ReadBulkHeader(std::string_view input) {
  const Header header = ReadHeader(input, pos_);
  if (header.outcome == Header::Outcome::kNeedMore) {
    wanted_ = 0;
    outcome_ = Outcome::kNeedMore;
  } else if (header.outcome == Header::Outcome::kTooLong) {
    outcome_ = Error(kErrBulkTooLong);
  } else if (input[pos_] != '$') {
    outcome_ = Error(BulkExpected(input[pos_]));
  } else if (header.outcome == Header::Outcome::kBad || header.number < 0 ||
             header.number > bulk_bytes_max_) {
    outcome_ = Error(kErrBulk);
  } else if (!authenticated_ && header.number > kUnauthenticatedBulkMax) {
    outcome_ = Error(kErrStrangerBulk);
  } else {
    pos_ = header.end;
    bulk_size_ = header.number;
    return true;
  }
  return false;
}

void RequestParser::Finish(std::string_view input) {
  args_.resize(spans_.size());
  for (size_t i = 0; i < spans_.size(); ++i)
    args_[i] = std::string_view(input.data() + spans_[i].offset, spans_[i].size);
  consumed_ = pos_;
  if (spans_.capacity() > kKeptArgs) std::vector<Span>().swap(spans_);
  Restart();
}

}  // namespace clustron::resp

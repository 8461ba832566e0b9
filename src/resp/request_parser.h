// Reads client requests: multibulk arrays of bulk strings, and inline commands.
//
// Incremental and without copies: the caller keeps the unparsed bytes in one piece and calls Parse
// with all of them; after kNeedMore it calls again with the same bytes and more behind them. What
// was understood so far isn't parsed again. Memory is bounded by what the caller buffers.
// Texts of protocol errors are Redis's. THREAD: any, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clustron::resp {

inline constexpr size_t kInlineBytesMax = 64 * 1024;
inline constexpr int64_t kMultibulkMax = 2147483647;
inline constexpr int64_t kUnauthenticatedArgsMax = 10;
inline constexpr int64_t kUnauthenticatedBulkMax = 16384;

class RequestParser {
 public:
  enum class Outcome : uint8_t {
    kRequest,   // args() are one request; consumed() bytes belong to it
    kNothing,   // consumed() bytes were an empty request (a blank line, *0): go on
    kNeedMore,  // the bytes end within a request
    kError,     // error() says what is wrong; the connection must be closed after the reply
  };

  void set_bulk_bytes_max(int64_t bytes) { bulk_bytes_max_ = bytes; }
  // Before AUTH, where a password is required: tight bounds.
  void set_authenticated(bool yes) { authenticated_ = yes; }

  Outcome Parse(std::string_view input);
  // Forgets what was understood of a request that is not complete.
  void Reset() { Restart(); }

  // Views into the input of the last Parse (inline requests: into the parser, until the next
  // Parse).
  std::span<const std::string_view> args() const { return args_; }
  size_t consumed() const { return consumed_; }
  std::string_view error() const { return error_; }
  // After kNeedMore: how many bytes the request is known to need from its beginning; 0: unknown. A
  // large value is worth one allocation.
  size_t bytes_wanted() const { return wanted_; }

 private:
  Outcome ParseInline(std::string_view input);
  Outcome ParseMultibulk(std::string_view input);
  bool ParseWhole(std::string_view input);
  Outcome ParseBulks(std::string_view input);
  // Reads "$size"; false: outcome_ says why not.
  bool ReadBulkHeader(std::string_view input);
  void Finish(std::string_view input);
  Outcome Error(std::string_view text);
  void Restart();

  struct Span {
    size_t offset;
    size_t size;
  };

  Outcome outcome_ = Outcome::kNeedMore;
  bool in_multibulk_ = false;
  int64_t remaining_ = 0;   // bulks still to come
  int64_t bulk_size_ = -1;  // of the bulk being read; -1: its header comes next
  size_t pos_ = 0;          // parsed up to here
  size_t consumed_ = 0;
  size_t wanted_ = 0;
  int64_t bulk_bytes_max_ = 512LL * 1024 * 1024;
  bool authenticated_ = true;
  std::vector<Span> spans_;
  std::vector<std::string_view> args_;
  std::vector<std::string> inline_args_;
  std::string error_;
};

}  // namespace clustron::resp

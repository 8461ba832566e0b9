// Result<T> and Status: how everything that can fail says so. No exceptions in our code.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace clustron {

enum class Errc {
  kInvalidArgument,  // the caller's or the operator's mistake
  kNotFound,
  kExists,
  kCorruption,   // bytes that fail their checksum or their format
  kIo,           // the operating system refused; detail holds the call and errno's text
  kNoSpace,      // the disk is full
  kLimit,        // a named bound would be passed
  kUnavailable,  // not now (no leader, closing …)
  kMismatch,     // another cluster, version or node than expected
};

struct Error {
  Errc code = Errc::kInvalidArgument;
  std::string detail;  // for people; names what is wrong
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

[[nodiscard]] inline std::unexpected<Error> Fail(Errc code, std::string detail) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace clustron

#define CLUSTRON_CONCAT_INNER(a, b) a##b
#define CLUSTRON_CONCAT(a, b) CLUSTRON_CONCAT_INNER(a, b)
// TRY(expr): returns the error of a Status or Result from the calling function.
#define TRY(expr)                                             \
  do {                                                        \
    if (auto try_status_ = (expr); !try_status_)              \
      return std::unexpected(std::move(try_status_).error()); \
  } while (false)
// ASSIGN_OR_RETURN(auto x, expr): x = value, or returns the error.
#define ASSIGN_OR_RETURN(target, expr) \
  ASSIGN_OR_RETURN_IMPL(CLUSTRON_CONCAT(try_result_, __LINE__), target, expr)
#define ASSIGN_OR_RETURN_IMPL(tmp, target, expr)            \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  target = *std::move(tmp)

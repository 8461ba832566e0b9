// Reads a command's arguments from left to right. The first error latches: later reads return
// zeros, and the handler looks once at the end. So a handler is: parse, `if (!args.ok()) …`, act.
//
// The errors are Redis's, in Redis's order: what stands further left is complained about first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "commands/core/context.h"
#include "commands/core/errors.h"

namespace clustron::commands {

// Case-insensitive comparison with an upper-case word.
bool IsWord(std::string_view arg, std::string_view upper_word);

class ArgCursor {
 public:
  // Starts behind the command's name (2: behind a subcommand's).
  explicit ArgCursor(Args args, size_t first = 1) : args_(args), at_(first) {}

  bool HasNext() const { return ok() && at_ < args_.size(); }
  size_t remaining() const { return at_ < args_.size() ? args_.size() - at_ : 0; }
  size_t position() const { return at_; }
  // The next argument, without taking it. REQUIRES: HasNext().
  std::string_view Peek() const { return args_[at_]; }

  // The next argument; a syntax error if there is none. Empty after an error.
  std::string_view Next() {
    if (HasNext()) return args_[at_++];
    Fail(kErrSyntax);
    return {};
  }
  // Leaves some out. REQUIRES: remaining() >= count.
  void Skip(size_t count) { at_ += count; }
  // Takes the next argument if it is this word (upper case here, any case there).
  bool Token(std::string_view upper_word) {
    if (!HasNext() || !IsWord(args_[at_], upper_word)) return false;
    at_++;
    return true;
  }
  // Whether the argument taken last is this word. REQUIRES: one was taken.
  bool LastWas(std::string_view upper_word) const { return IsWord(args_[at_ - 1], upper_word); }
  // As Token, for options with a value: taken only if `values` more arguments follow, as Redis's
  // parsers have it (else the word is a syntax error like any unknown one).
  bool Option(std::string_view upper_word, size_t values = 1) {
    return remaining() > values && Token(upper_word);
  }

  // An integer as Redis reads them: no blanks, no "+", no leading zeros.
  int64_t Int(std::string_view error = kErrNotInteger);
  int64_t IntIn(int64_t low, int64_t high, std::string_view error);
  uint64_t Unsigned(std::string_view error = kErrNotInteger);

  void Fail(std::string_view error) {
    if (error_.empty()) error_ = error;
  }
  // For messages that name something; keeps a copy.
  void FailWith(std::string error) {
    if (!error_.empty()) return;
    message_ = std::move(error);
    error_ = message_;
  }
  // Everything must have been taken.
  void ExpectEnd() {
    if (HasNext()) Fail(kErrSyntax);
  }
  bool ok() const { return error_.empty(); }
  std::string_view error() const { return error_; }

 private:
  Args args_;
  size_t at_;
  std::string_view error_;
  std::string message_;
};

}  // namespace clustron::commands

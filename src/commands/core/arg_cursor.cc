#include "commands/core/arg_cursor.h"

#include "base/numeric.h"

namespace clustron::commands {

bool IsWord(std::string_view arg, std::string_view upper_word) {
  if (arg.size() != upper_word.size()) return false;
  for (size_t i = 0; i < arg.size(); i++) {
    const char c = arg[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c) != upper_word[i]) return false;
  }
  return true;
}

int64_t ArgCursor::Int(std::string_view error) {
  const std::string_view text = Next();
  if (!ok()) return 0;
  const std::optional<int64_t> value = ParseInt64(text);
  if (!value) Fail(error);
  return value.value_or(0);
}

int64_t ArgCursor::IntIn(int64_t low, int64_t high, std::string_view error) {
  const int64_t value = Int(error);
  if (ok() && (value < low || value > high)) Fail(error);
  return ok() ? value : 0;
}

uint64_t ArgCursor::Unsigned(std::string_view error) {
  const std::string_view text = Next();
  if (!ok()) return 0;
  const std::optional<uint64_t> value = ParseUint64(text);
  if (!value) Fail(error);
  return value.value_or(0);
}

}  // namespace clustron::commands

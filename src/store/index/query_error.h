// What is wrong with a query, and where. The texts stand here, without the code of an error reply.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clustron::store {

struct QueryError {
  size_t position = 0;  // of a byte of the expression, from 1 on; 0: it has no place
  std::string text = {};
  bool syntax = false;  // the expression can't be read; else it doesn't fit the index
};

inline constexpr std::string_view kQueryTooLong = "an expression has at most 65536 bytes";
inline constexpr std::string_view kQueryParamsTooLong =
    "the parameters that are used have more than 65536 bytes";
inline constexpr std::string_view kQueryTooManyWords = "more than 1024 words";
inline constexpr std::string_view kQueryTooDeep = "more than 31 levels of parentheses and NOT";
inline constexpr std::string_view kQueryTooManyValues = "more than 1024 conditions and values";
inline constexpr std::string_view kQueryOpenString = "this string has no end: a ' is missing";
inline constexpr std::string_view kQueryOpenName = "this name has no end: a \" is missing";
inline constexpr std::string_view kQueryEmptyName = "a name is empty";
inline constexpr std::string_view kQueryBadNumber = "this is no number; texts stand in '…'";
inline constexpr std::string_view kQueryOddByte = "this byte can't stand outside of '…' and \"…\"";
inline constexpr std::string_view kQueryWantsField = "a field, NOT or ( is expected";
inline constexpr std::string_view kQueryWantsOp = "one of = != < <= > >= ^= IN EXISTS is expected";
inline constexpr std::string_view kQueryWantsValue = "a value is expected: 'text', 12.5 or $name";
inline constexpr std::string_view kQueryWantsOpen = "IN is followed by ( and values";
inline constexpr std::string_view kQueryWantsComma = ", or ) is expected";
inline constexpr std::string_view kQueryWantsClose = "AND, OR or ) is expected";
inline constexpr std::string_view kQueryWantsEnd = "AND, OR or the end is expected";
inline constexpr std::string_view kQueryNumPrefix = "^= is for TAG and TEXT, this field is NUM";
inline constexpr std::string_view kQueryTextOrder = "a TEXT field has no order: = != ^= IN EXISTS";
inline constexpr std::string_view kQueryNoWord = "there is no word in this text";
inline constexpr std::string_view kQueryOneWord = "^= on a TEXT field takes one word";

inline QueryError SyntaxError(size_t position, std::string_view text) {
  return {position, std::string(text), true};
}
inline QueryError MisfitError(size_t position, std::string_view text) {
  return {position, std::string(text), false};
}
inline QueryError NoSuchField(size_t position, std::string_view name) {
  return MisfitError(position, "the index has no field '" + std::string(name) + "'");
}
inline QueryError NoSuchParam(size_t position, std::string_view name) {
  return MisfitError(position, "PARAMS has no '" + std::string(name) + "'");
}
inline QueryError NotANumber(size_t position, std::string_view field, std::string_view value) {
  return MisfitError(position, "field '" + std::string(field) + "' is NUM, and '" +
                                   std::string(value.substr(0, 64)) + "' is no number");
}

}  // namespace clustron::store

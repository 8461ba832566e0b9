#include "commands/core/error_txn.h"

#include "commands/core/error_text.h"

namespace clustron::commands {

namespace {

constexpr size_t kShownBytesMax = 32;

std::string Start(std::string_view text) { return std::string(text.substr(0, kShownBytesMax)); }

}  // namespace

std::string TxnPart(std::string_view word, size_t i, int64_t count) {
  return std::string(word) + (word == "IF" ? ": condition " : ": command ") +
         std::to_string(i + 1) + " of " + std::to_string(count);
}

std::string TxnUnknownOperator(std::string_view word) {
  return "ERR unknown operator '" + Start(word) + "' in TXN";
}

std::string TxnUnknownCondition(std::string_view word) {
  return "ERR unknown condition '" + Start(word) + "' in TXN";
}

std::string TxnCountMissing(std::string_view word) {
  return "ERR " + std::string(word) + ": the number of its " +
         (word == "IF" ? "conditions" : "commands") + " is missing";
}

std::string TxnPartMissing(std::string_view part) {
  return "ERR " + std::string(part) + " is missing";
}

std::string TxnPartCut(std::string_view part) {
  return "ERR " + std::string(part) + " ends too early";
}

std::string TxnNoSize(std::string_view part, std::string_view shown) {
  return "ERR " + std::string(part) + ": " + Quoted(shown) + " is not the number of its words";
}

std::string TxnFewWords(std::string_view part, size_t words, int64_t wanted) {
  return "ERR " + std::string(part) + " has " + std::to_string(words) + " words, not " +
         std::to_string(wanted);
}

std::string TxnNoThen(std::string_view word) {
  return "ERR TXN: THEN was expected, not " + Quoted(word);
}

std::string TxnNoElse(std::string_view word) {
  return "ERR TXN: ELSE or the end was expected behind THEN's commands, not " + Quoted(word);
}

std::string TxnNoEnd(std::string_view word) {
  return "ERR TXN: the end was expected behind ELSE's commands, not " + Quoted(word);
}

}  // namespace clustron::commands

// The error texts of a TXN that can't be read. Deterministic: they are parts of replies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clustron::commands {

// "IF: condition 2 of 3", "THEN: command 2 of 3"; i from 0 on.
std::string TxnPart(std::string_view word, size_t i, int64_t count);

// "ERR unknown operator '~' in TXN"
std::string TxnUnknownOperator(std::string_view word);

// "ERR unknown condition 'word' in TXN"
std::string TxnUnknownCondition(std::string_view word);

// "ERR IF: the number of its conditions is missing"
std::string TxnCountMissing(std::string_view word);

// "ERR THEN: command 2 of 3 is missing"
std::string TxnPartMissing(std::string_view part);

// "ERR IF: condition 2 of 3 ends too early"
std::string TxnPartCut(std::string_view part);

// "ERR THEN: command 2 of 3: 'GET' is not the number of its words"
std::string TxnNoSize(std::string_view part, std::string_view shown);

// "ERR THEN: command 3 of 3 has 1 words, not 2"
std::string TxnFewWords(std::string_view part, size_t words, int64_t wanted);

// "ERR TXN: THEN was expected, not 'word'"
std::string TxnNoThen(std::string_view word);

// "ERR TXN: ELSE or the end was expected behind THEN's commands, not 'word'"
std::string TxnNoElse(std::string_view word);

// "ERR TXN: the end was expected behind ELSE's commands, not 'word'"
std::string TxnNoEnd(std::string_view word);

}  // namespace clustron::commands

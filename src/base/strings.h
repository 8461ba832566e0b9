// Small text helpers: ASCII case folding, and the quoting that redis-cli, inline commands and
// configuration files share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clustron {

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char ToUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
std::string Lower(std::string_view text);
std::string Upper(std::string_view text);
// Equal but for ASCII case.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// Words separated by blanks; "…" with \n \r \t \b \a \xHH \" \\ escapes, '…' with \' only. A quote
// must end at a blank or at the end. Nullopt: unbalanced quotes.
std::optional<std::vector<std::string>> SplitArgs(std::string_view line);

// "…" with escapes, so that SplitArgs gives the bytes back.
std::string Quote(std::string_view bytes);

// How many letters must be put in, taken out, exchanged, or swapped with the next one.
// Costs a.size() × b.size().
size_t EditDistance(std::string_view a, std::string_view b);

// At most `bytes_max` bytes of what strangers say, for a log line: what isn't printable ASCII is
// a `?`.
std::string Printable(std::string_view bytes, size_t bytes_max);

// Equal, in a time that doesn't tell where they differ (secrets).
bool EqualsConstantTime(std::string_view a, std::string_view b);

}  // namespace clustron

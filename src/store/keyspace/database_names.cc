#include "store/keyspace/database_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/numeric.h"
#include "store/keyspace/store.h"

namespace clustron::store {

namespace {

constexpr size_t kNameBytesMax = 64;

std::unexpected<Error> Complain(std::string text) {
  return Fail(Errc::kInvalidArgument, std::move(text));
}

// What stands in front of the next blank, and takes it off.
std::string_view TakeWord(std::string_view* text) {
  const size_t begin = text->find_first_not_of(' ');
  if (begin == std::string_view::npos) return *text = {};
  const size_t end = std::min(text->find(' ', begin), text->size());
  const std::string_view word = text->substr(begin, end - begin);
  text->remove_prefix(end);
  return word;
}

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == ':';
}

// Why a text can't be a database's name; empty: it can.
std::string Objection(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax)
    return "a database's name has 1 to " + std::to_string(kNameBytesMax) + " bytes";
  bool digits_only = true;
  for (char c : name) {
    if (!IsNameByte(c)) return "a database's name is made of letters, digits, '-', '_', '.', ':'";
    digits_only = digits_only && c >= '0' && c <= '9';
  }
  if (digits_only || ParseInt64(name)) return "a database's name may not be a number";
  return {};
}

}  // namespace

Result<std::string> CanonicalDatabaseNames(std::string_view text) {
  std::array<std::string_view, kDatabases> names;
  while (true) {
    const std::string_view word = TakeWord(&text);
    if (word.empty()) break;
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos)
      return Complain("argument must be like '0=default 1=orders'");
    const std::optional<int64_t> db = ParseInt64(word.substr(0, equals));
    if (!db || *db < 0 || *db >= kDatabases)
      return Complain("there are the databases 0 to " + std::to_string(kDatabases - 1));
    const std::string_view name = word.substr(equals + 1);
    if (std::string why = Objection(name); !why.empty()) return Complain(std::move(why));
    if (!names[static_cast<size_t>(*db)].empty())
      return Complain("database " + std::to_string(*db) + " has two names");
    for (std::string_view other : names)
      if (other == name) return Complain("two databases have the name '" + std::string(name) + "'");
    names[static_cast<size_t>(*db)] = name;
  }
  std::string canonical;
  for (size_t db = 0; db < names.size(); db++) {
    if (names[db].empty()) continue;
    canonical.append(canonical.empty() ? "" : " ").append(Decimal(uint64_t{db})).append("=");
    canonical.append(names[db]);
  }
  return canonical;
}

bool HasDatabaseNames(const Settings& settings) {
  return !settings.Get("database-names").text.empty();
}

std::optional<int> DatabaseNamed(const Settings& settings, std::string_view name) {
  std::string_view text = settings.Get("database-names").text;
  while (true) {
    const std::string_view word = TakeWord(&text);
    if (word.empty()) return std::nullopt;
    const size_t equals = word.find('=');
    if (word.substr(equals + 1) == name)
      return static_cast<int>(*ParseInt64(word.substr(0, equals)));
  }
}

}  // namespace clustron::store

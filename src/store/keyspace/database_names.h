// The cluster setting database-names: "0=default 1=orders". Names stand for numbers where commands
// take a database (SELECT, MOVE, COPY, SWAPDB). THREAD: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/keyspace/settings.h"

namespace clustron::store {

// For the settings' table. Canonical: by numbers, one blank between them. A database has one name
// at most, a name stands for one database, and is no integer, so that it can't be taken for a
// number.
Result<std::string> CanonicalDatabaseNames(std::string_view text);

bool HasDatabaseNames(const Settings& settings);
// The number of the database with this name, in the same case; nothing: no database has it.
std::optional<int> DatabaseNamed(const Settings& settings, std::string_view name);

}  // namespace clustron::store

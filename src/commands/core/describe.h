// Rows in Redis's words: names of flags, categories, groups; the old-style key range.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/spec.h"
#include "commands/core/syntax.h"

namespace clustron::commands {

// All categories of a command: its row's and those that follow from its flags.
uint32_t AclCategories(const CommandSpec& spec);

// "write", "denyoom" …; "keyspace", "read" …; "RW", "access" …: in Redis's order.
std::vector<std::string_view> FlagNames(const CommandSpec& spec);
std::vector<std::string_view> AclNames(uint32_t categories);
std::vector<std::string_view> KeyFlagNames(uint32_t flags);
// The row's tips, one by one.
std::vector<std::string_view> Tips(const CommandSpec& spec);
// 0 if there is no such category. Any case.
uint32_t AclCategory(std::string_view name);

std::string_view GroupName(Group group);
std::string_view ArgTypeName(Argument::Type type);

// First key, last key and step, as COMMAND had them before key specs.
struct LegacyRange {
  int first = 0;
  int last = 0;
  int step = 0;
};
LegacyRange LegacyKeyRange(std::span<const KeySpec> keys);

}  // namespace clustron::commands

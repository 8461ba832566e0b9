#include "commands/core/describe.h"

#include <algorithm>
#include <climits>

#include "commands/core/arg_cursor.h"

namespace clustron::commands {

namespace {

struct Named {
  uint32_t bit;
  std::string_view name;
};

constexpr Named kFlagNames[] = {
    {kWriteFlag, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubsub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr Named kAclNames[] = {
    {kAclKeyspace, "keyspace"},
    {kAclRead, "read"},
    {kAclWrite, "write"},
    {kAclSet, "set"},
    {kAclSortedSet, "sortedset"},
    {kAclList, "list"},
    {kAclHash, "hash"},
    {kAclString, "string"},
    {kAclBitmap, "bitmap"},
    {kAclHyperLogLog, "hyperloglog"},
    {kAclGeo, "geo"},
    {kAclStream, "stream"},
    {kAclPubsub, "pubsub"},
    {kAclAdmin, "admin"},
    {kAclFast, "fast"},
    {kAclSlow, "slow"},
    {kAclBlocking, "blocking"},
    {kAclDangerous, "dangerous"},
    {kAclConnection, "connection"},
    {kAclTransaction, "transaction"},
    {kAclScripting, "scripting"},
};

constexpr Named kKeyFlagNames[] = {
    {KeySpec::kOw, "OW"},
    {KeySpec::kRo, "RO"},
    {KeySpec::kRw, "RW"},
    {KeySpec::kRm, "RM"},
    {KeySpec::kAccess, "access"},
    {KeySpec::kUpdate, "update"},
    {KeySpec::kInsert, "insert"},
    {KeySpec::kDelete, "delete"},
    {KeySpec::kNotKey, "not_key"},
    {KeySpec::kIncomplete, "incomplete"},
    {KeySpec::kVariableFlags, "variable_flags"},
};

std::vector<std::string_view> NamesOf(std::span<const Named> table, uint64_t bits) {
  std::vector<std::string_view> names;
  for (const Named& row : table) {
    if ((bits & row.bit) != 0) names.push_back(row.name);
  }
  return names;
}

}  // namespace

uint32_t AclCategories(const CommandSpec& spec) {
  uint32_t acl = spec.acl;
  if (spec.Is(kWriteFlag)) acl |= kAclWrite;
  if (spec.Is(kReadonly) && (acl & kAclScripting) == 0) acl |= kAclRead;
  if (spec.Is(kAdmin)) acl |= kAclAdmin | kAclDangerous;
  if (spec.Is(kPubsub)) acl |= kAclPubsub;
  if (spec.Is(kBlocking)) acl |= kAclBlocking;
  acl |= spec.Is(kFast) ? kAclFast : kAclSlow;
  return acl;
}

std::vector<std::string_view> FlagNames(const CommandSpec& spec) {
  return NamesOf(kFlagNames, spec.flags);
}
std::vector<std::string_view> AclNames(uint32_t categories) {
  return NamesOf(kAclNames, categories);
}
std::vector<std::string_view> KeyFlagNames(uint32_t flags) { return NamesOf(kKeyFlagNames, flags); }

std::vector<std::string_view> Tips(const CommandSpec& spec) {
  std::vector<std::string_view> tips;
  std::string_view rest = spec.tips;
  while (!rest.empty()) {
    tips.push_back(rest.substr(0, rest.find(' ')));
    rest.remove_prefix(std::min(rest.size(), tips.back().size() + 1));
  }
  return tips;
}

uint32_t AclCategory(std::string_view name) {
  for (const Named& row : kAclNames) {
    std::string upper(row.name);
    for (char& c : upper) c = static_cast<char>(c - 32);
    if (IsWord(name, upper)) return row.bit;
  }
  return 0;
}

std::string_view GroupName(Group group) {
  constexpr std::string_view kNames[] = {
      "generic", "string",       "list",       "set",    "sorted-set", "hash",
      "pubsub",  "transactions", "connection", "server", "scripting",  "hyperloglog",
      "cluster", "sentinel",     "geo",        "stream", "bitmap",     "coordination"};
  static_assert(std::size(kNames) == static_cast<size_t>(Group::kCoordination) + 1);
  return kNames[static_cast<size_t>(group)];
}

std::string_view ArgTypeName(Argument::Type type) {
  constexpr std::string_view kNames[] = {"string",    "integer",    "double", "key",  "pattern",
                                         "unix-time", "pure-token", "oneof",  "block"};
  static_assert(std::size(kNames) == static_cast<size_t>(Argument::Type::kBlock) + 1);
  return kNames[static_cast<size_t>(type)];
}

LegacyRange LegacyKeyRange(std::span<const KeySpec> keys) {
  const auto is_range = [](const KeySpec& spec) {
    return spec.begin == KeySpec::Begin::kIndex && spec.find == KeySpec::Find::kRange;
  };
  if (keys.empty()) return {};
  if (keys.size() == 1) {
    const KeySpec& spec = keys[0];
    if (!is_range(spec)) return {};
    return {spec.begin_index, spec.last >= 0 ? spec.begin_index + spec.last : spec.last, spec.step};
  }
  // COMPAT: several specs make one range only if they follow one another without a gap.
  LegacyRange range{INT_MAX, 0, 1};
  int previous_last = 0;
  for (const KeySpec& spec : keys) {
    if (!is_range(spec)) continue;
    if (spec.step != 1) return {};
    if (previous_last != 0 && previous_last != spec.begin_index - 1) return {};
    range.first = std::min(range.first, spec.begin_index);
    const int last = spec.last >= 0 ? spec.begin_index + spec.last : spec.last;
    // As unsigned numbers, so that "the last argument" (-1) is above every index.
    range.last =
        static_cast<int>(std::max(static_cast<unsigned>(range.last), static_cast<unsigned>(last)));
    previous_last = range.last;
  }
  return range.first == INT_MAX ? LegacyRange{} : range;
}

}  // namespace clustron::commands

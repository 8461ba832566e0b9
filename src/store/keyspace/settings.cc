#include "store/keyspace/settings.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/strings.h"
#include "store/keyspace/database_names.h"
#include "store/keyspace/event_flags.h"
#include "store/keyspace/watch_mode.h"

namespace clustron::store {

namespace {

constexpr OptionEnum kPolicies[] = {{"noeviction", 0}};
constexpr OptionEnum kReads[] = {{"lease", 0}, {"quorum", 1}};
// Whether a history of changes is kept for watches, and with the values before.
constexpr OptionEnum kWatches[] = {{"off", static_cast<int64_t>(WatchMode::kOff)},
                                   {"on", static_cast<int64_t>(WatchMode::kOn)},
                                   {"previous", static_cast<int64_t>(WatchMode::kPrevious)}};

constexpr OptionSpec kSpecs[] = {
    {.name = "cluster-reads", .type = OptionType::kEnum, .default_value = "lease", .words = kReads},
    {.name = "database-names",
     .type = OptionType::kCustom,
     .default_value = "",
     .canonical = CanonicalDatabaseNames,
     .feature_version = 5,
     .alone = true},
    {.name = "hash-max-listpack-entries",
     .alias = "hash-max-ziplist-entries",
     .type = OptionType::kInt,
     .default_value = "512"},
    {.name = "hash-max-listpack-value",
     .alias = "hash-max-ziplist-value",
     .type = OptionType::kMemory,
     .default_value = "64"},
    // How many keys and values an INDEX QUERY may visit.
    {.name = "index-query-limit",
     .type = OptionType::kInt,
     .default_value = "1000000",
     .min = 1,
     .max = 100'000'000,
     .feature_version = 5},
    {.name = "list-max-listpack-size",
     .alias = "list-max-ziplist-size",
     .type = OptionType::kInt,
     .default_value = "-2",
     .min = INT32_MIN,
     .max = INT32_MAX,
     .feature_version = 3},
    // Judged by the leader, whose verdict travels with the items.
    {.name = "maxmemory", .type = OptionType::kMemory, .default_value = "0"},
    {.name = "item-reply-max",
     .type = OptionType::kMemory,
     .default_value = "536870912",
     .min = 1024,
     .max = int64_t{1} << 40},
    {.name = "maxmemory-policy",
     .type = OptionType::kEnum,
     .default_value = "noeviction",
     .words = kPolicies},
    {.name = "notify-keyspace-events",
     .type = OptionType::kCustom,
     .default_value = "",
     .canonical = CanonicalEventFlags,
     .number = EventFlagsNumber},
    {.name = "watch-history-size",
     .type = OptionType::kMemory,
     .default_value = "67108864",
     .max = int64_t{1} << 40,
     .feature_version = 5},
    {.name = "watches",
     .type = OptionType::kEnum,
     .default_value = "off",
     .words = kWatches,
     .feature_version = 5},
};

size_t RowOf(const OptionSpec& spec) {
  const size_t row = static_cast<size_t>(&spec - kSpecs);
  CHECK(row < std::size(kSpecs));
  return row;
}

OptionValue DefaultOf(const OptionSpec& spec) {
  auto value = ParseOption(spec, spec.default_value);
  CHECK(value.has_value());
  return *std::move(value);
}

}  // namespace

std::span<const OptionSpec> SettingSpecs() { return kSpecs; }

const OptionSpec* FindSetting(std::string_view name) {
  for (const OptionSpec& spec : kSpecs) {
    if (EqualsIgnoreCase(name, spec.name)) return &spec;
    if (!spec.alias.empty() && EqualsIgnoreCase(name, spec.alias)) return &spec;
  }
  return nullptr;
}

Settings::Settings() {
  for (const OptionSpec& spec : kSpecs) values_.push_back(DefaultOf(spec));
}

const OptionValue& Settings::Get(std::string_view name) const {
  const OptionSpec* spec = FindSetting(name);
  CHECK(spec != nullptr);
  return values_[RowOf(*spec)];
}

Result<bool> Settings::Set(const OptionSpec& spec, std::string_view text) {
  ASSIGN_OR_RETURN(OptionValue value, ParseOption(spec, text));
  OptionValue& now = values_[RowOf(spec)];
  if (now.text == value.text) return false;
  now = std::move(value);
  return true;
}

void Settings::Encode(std::string* out) const {
  Writer writer(out);
  uint64_t count = 0;
  for (const OptionSpec& spec : kSpecs) count += Get(spec.name).text != spec.default_value;
  writer.Varint(count);
  for (const OptionSpec& spec : kSpecs) {
    const std::string& text = Get(spec.name).text;
    if (text == spec.default_value) continue;
    writer.Bytes(spec.name);
    writer.Bytes(text);
  }
}

Status Settings::Decode(Reader* in) {
  *this = Settings();
  const uint64_t count = in->Varint();
  for (uint64_t i = 0; i < count && in->ok(); i++) {
    const std::string_view name = in->Bytes();
    const std::string_view text = in->Bytes();
    if (!in->ok()) break;
    const OptionSpec* spec = FindSetting(name);
    if (spec == nullptr || !Set(*spec, text)) {
      return Fail(Errc::kCorruption, "a cluster-wide setting is not known here: " +
                                         std::string(name) + " " + std::string(text));
    }
  }
  if (!in->ok()) return Fail(Errc::kCorruption, "settings are cut short");
  return {};
}

uint64_t Settings::Digest() const {
  std::string bytes;
  Encode(&bytes);
  return HashBytes(bytes, 0);
}

}  // namespace clustron::store

// Cluster-wide settings: replicated state, changed by applying CONFIG SET or a kSetting item only,
// part of snapshots and of the digest. Files of configuration seed them when a cluster is formed.
//
// Values are canonical texts; those that apply reads often are kept parsed where they are used
// (Store::limits, notifications), and set anew by whoever applies the change or restores a
// snapshot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/option.h"
#include "base/result.h"

namespace clustron::store {

// Cluster settings (hash-max-listpack-entries, hash-max-listpack-value).
struct HashLimits {
  uint32_t packed_fields_max = 512;
  uint32_t packed_value_bytes_max = 64;
};

// Sorted by name. The order of the rows is not state: snapshots name them.
std::span<const OptionSpec> SettingSpecs();
// By name or alias, in any case; null: not a cluster-wide setting.
const OptionSpec* FindSetting(std::string_view name);

// Of all types: when their small forms end.
struct TypeLimits {
  HashLimits hash;
  int64_t list_fill = 0;  // list-max-listpack-size
};

class Settings {
 public:
  Settings();  // defaults

  // REQUIRES: `name` is the name of a setting, in lower case.
  const OptionValue& Get(std::string_view name) const;
  int64_t Number(std::string_view name) const { return Get(name).number; }
  // True if it differs from before. Errors are Redis's complaints.
  Result<bool> Set(const OptionSpec& spec, std::string_view text);

  // Only what differs from the defaults.
  void Encode(std::string* out) const;
  // Unknown names are an error: they come from a newer version.
  Status Decode(Reader* in);
  uint64_t Digest() const;

 private:
  std::vector<OptionValue> values_;  // by row
};

}  // namespace clustron::store

// Values of options as redis.conf has them: types, units, bounds, canonical text, and the
// complaints that CONFIG SET makes. Options of a node (server/config_table) and of the whole
// cluster (store/settings) are described by the same rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"

namespace clustron {

enum class OptionType : uint8_t {
  kBool,    // yes, no
  kInt,     // decimal
  kOctal,   // file modes
  kMemory,  // bytes: 100, 1k (1000), 1kb (1024), 2mb, 1gb …
  kEnum,
  kString,
  kCustom,  // its own `canonical`
};

struct OptionEnum {
  std::string_view word;
  int64_t value;
};

struct OptionSpec {
  std::string_view name;   // lower case
  std::string_view alias;  // an older name that means the same; may be empty
  OptionType type = OptionType::kString;
  std::string_view default_value = {};  // canonical
  int64_t min = 0;                      // numbers
  int64_t max = INT64_MAX;
  std::span<const OptionEnum> words = {};
  // kCustom: the canonical text, or a complaint.
  Result<std::string> (*canonical)(std::string_view text) = nullptr;
  int64_t (*number)(std::string_view canonical) = nullptr;  // where the text stands for one
  uint16_t feature_version = 1;  // of a cluster-wide setting: see cluster/log/feature_version.h
  bool alone = false;  // of one: not inside of EXEC, which is judged by the setting at its start
};

struct OptionValue {
  std::string text;    // canonical, as CONFIG GET prints it
  int64_t number = 0;  // 0/1 of a bool, an enum's value; mostly 0 of texts
};

// The error's detail is Redis's complaint ("argument must be 'yes' or 'no'").
Result<OptionValue> ParseOption(const OptionSpec& spec, std::string_view text);

// "100", "1k", "3mb" … without a sign. Nothing else.
Result<int64_t> ParseMemory(std::string_view text);

}  // namespace clustron

#include "commands/core/keys.h"

#include <string>

#include "base/numeric.h"
#include "commands/core/arg_cursor.h"

namespace clustron::commands {

namespace {

using ArgList = std::span<const std::string_view>;

// Where a spec's keys begin: 0 if the keyword isn't there (no keys then, and no mistake).
size_t Begin(const KeySpec& spec, ArgList args) {
  if (spec.begin == KeySpec::Begin::kIndex) return static_cast<size_t>(spec.begin_index);
  const int count = static_cast<int>(args.size());
  const bool forward = spec.begin_index > 0;
  const int start = forward ? spec.begin_index : count + spec.begin_index;
  const int end = forward ? count - 1 : 1;
  for (int i = start; forward ? i <= end : i >= end; i += forward ? 1 : -1) {
    if (i < 1 || i >= count) break;
    if (IsWord(args[static_cast<size_t>(i)], spec.keyword)) return static_cast<size_t>(i) + 1;
  }
  return 0;
}

struct Range {
  int64_t first;
  int64_t last;
  int64_t step;
};

bool FindRange(const KeySpec& spec, ArgList args, int64_t begin, Range* range) {
  const auto count = static_cast<int64_t>(args.size());
  if (spec.find == KeySpec::Find::kRange) {
    range->first = begin;
    range->step = spec.step;
    if (spec.last >= 0) {
      range->last = begin + spec.last;
    } else if (spec.limit <= 1) {
      range->last = count + spec.last;
    } else {
      range->last = begin + (count - begin) / spec.limit + spec.last;
    }
    return true;
  }
  const int64_t at = begin + spec.keynum_index;
  if (at >= count) return false;
  const std::optional<int64_t> keys = ParseInt64(args[static_cast<size_t>(at)]);
  if (!keys || *keys < 0 || *keys > count) return false;
  range->first = begin + spec.first_key;
  range->step = spec.keynum_step;
  range->last = range->first + (*keys - 1) * spec.keynum_step;
  return true;
}

// False: the spec says keys where there are no arguments.
bool AppendKeys(const KeySpec& spec, ArgList args, std::vector<KeyRef>* out) {
  const size_t begin = Begin(spec, args);
  if (begin == 0) return true;
  if (begin >= args.size()) return false;
  Range range;
  if (!FindRange(spec, args, static_cast<int64_t>(begin), &range)) return false;
  const auto count = static_cast<int64_t>(args.size());
  if (spec.find == KeySpec::Find::kKeyNum && range.last < range.first) return true;  // none
  if (range.last < range.first || range.last >= count) return false;
  for (int64_t i = range.first; i <= range.last; i += range.step) {
    out->push_back({static_cast<int>(i), spec.flags});
  }
  return true;
}

}  // namespace

bool KeysOf(const CommandSpec& spec, std::span<const std::string_view> args,
            std::vector<KeyRef>* out) {
  out->clear();
  if (spec.get_keys != nullptr) return spec.get_keys(args, out);
  for (const KeySpec& key_spec : spec.keys) {
    if (key_spec.begin == KeySpec::Begin::kUnknown || key_spec.find == KeySpec::Find::kUnknown) {
      continue;
    }
    if (!AppendKeys(key_spec, args, out)) return false;
  }
  return true;
}

}  // namespace clustron::commands

// Log entries and items in the log's own encoding, for tests that apply them without a node; and
// reading behind that.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/log/entry.h"
#include "commands/core/registry.h"
#include "resp/reply_output.h"
#include "state/executor.h"

namespace clustron::state {

// An entry's bytes.
inline std::string EntryOf(int64_t elapsed_ms, int64_t wall_ms,
                           const std::vector<std::string>& items) {
  std::string entry;
  cluster::AppendEntryHeader({.elapsed_ms = elapsed_ms,
                              .wall_ms = wall_ms,
                              .item_count = static_cast<uint32_t>(items.size())},
                             &entry);
  for (const std::string& item : items) entry += item;
  return entry;
}

// A command as an item of nobody's session, or of `session` under `sequence`.
inline std::string CommandItem(const std::vector<std::string_view>& words,
                               cluster::Session session = {}, uint64_t sequence = 0) {
  const commands::CommandSpec* container = nullptr;
  const commands::CommandSpec* spec =
      commands::Registry::Get().Resolve(commands::Args(words), &container);
  REQUIRE(spec != nullptr);
  std::string item;
  cluster::AppendItem({.command_id = spec->id, .session = session, .sequence = sequence}, words,
                      &item);
  return item;
}

// What a command that reads answers on the state as it is.
inline std::string ReadFrom(Executor& executor, const std::vector<std::string_view>& words) {
  const commands::CommandSpec* container = nullptr;
  const commands::CommandSpec* spec =
      commands::Registry::Get().Resolve(commands::Args(words), &container);
  REQUIRE(spec != nullptr);
  resp::ReplyChunks out;
  executor.RunHere(*spec, words, {}, &out);
  return out.TakeAll();
}

}  // namespace clustron::state

// What a watch is about, and how its channel is called.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace clustron::commands {

// A key, or all keys with a prefix.
struct WatchTarget {
  int db = 0;
  bool prefix = false;
  std::string name;
  friend auto operator<=>(const WatchTarget&, const WatchTarget&) = default;
};

struct WatchChannel {
  WatchTarget target;
  bool previous = false;  // with the values before
};

// Whether the name is that of a watch, well formed or not.
inline bool IsWatchChannel(std::string_view channel) { return channel.starts_with("__watch@"); }
// "__watch@<db>__:k:<key>" and "__watch@<db>__:p:<prefix>", with ";prev" behind it or not. Nothing:
// it is no such name.
std::optional<WatchChannel> ParseWatchChannel(std::string_view channel);

}  // namespace clustron::commands

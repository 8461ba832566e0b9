// The server's own log: to a file or stdout, one line each, by Redis's four levels.
//   Log(LogLevel::kNotice, "node {} leads under ballot {}", id, ballot);
// THREAD: any.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clustron {

// kNothing: as a level to be set.
enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };

// `file` empty: stdout. Until this is called, notices and warnings go to stdout. To be called while
// no other thread logs.
Status OpenLog(const std::string& file, LogLevel level);
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view line);

template <typename... A>
void Log(LogLevel level, fmt::format_string<A...> format, A&&... args) {
  if (LogEnabled(level)) LogLine(level, fmt::format(format, std::forward<A>(args)...));
}

}  // namespace clustron

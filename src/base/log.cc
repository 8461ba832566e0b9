#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace clustron {

namespace {

// As Redis writes it: pid, time, level, text.
constexpr char kPattern[] = "%P:C %d %b %Y %H:%M:%S.%e %v";

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("clustron",
                                                 std::make_shared<spdlog::sinks::stdout_sink_mt>());
    made->set_pattern(kPattern);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return logger;
}

std::atomic<LogLevel> log_level{LogLevel::kNotice};

}  // namespace

Status OpenLog(const std::string& file, LogLevel level) {
  log_level = level;
  if (file.empty()) return {};
  try {
    auto made = std::make_shared<spdlog::logger>(
        "clustron", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    made->set_pattern(kPattern);
    made->flush_on(spdlog::level::info);
    Logger() = std::move(made);
  } catch (const spdlog::spdlog_ex& error) {  // the library's way to say that it can't open it
    return Fail(Errc::kIo, std::string("can't open the log file: ") + error.what());
  }
  return {};
}

void SetLogLevel(LogLevel level) { log_level = level; }

bool LogEnabled(LogLevel level) { return level >= log_level.load(std::memory_order_relaxed); }

void LogLine(LogLevel level, std::string_view line) {
  static constexpr char kMarks[] = {'.', '-', '*', '#'};
  Logger()->log(spdlog::level::info, "{} {}", kMarks[static_cast<size_t>(level)],
                std::string_view(line));
}

}  // namespace clustron

#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <utility>

namespace clustron {

namespace {

// As Redis writes it: pid, time, level, text.
constexpr char kPattern[] = "%P:M %d %b %Y %H:%M:%S.%e %v";

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("clustron", std::move(sink));
  logger->set_pattern(kPattern);
  logger->flush_on(spdlog::level::info);
  return logger;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger =
      MakeLogger(std::make_shared<spdlog::sinks::stdout_sink_mt>());
  return logger;
}

std::atomic<LogLevel> log_level{LogLevel::kNotice};

}  // namespace

Status OpenLog(const std::string& file, LogLevel level) {
  log_level = level;
  try {
    Logger() = file.empty() ? MakeLogger(std::make_shared<spdlog::sinks::stdout_sink_mt>())
                            : MakeLogger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
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

#include "base/log.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include "base/log_format.h"

namespace clustron {

namespace {

// By LogFormat: pid, time, level and text; the last two are LogLine's.
constexpr const char* kPatterns[] = {"%P:M %d %b %Y %H:%M:%S.%e %v",
                                     "%P:M %Y-%m-%dT%H:%M:%S.%e%z %v",
                                     R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","pid":%P,%v})"};

LogFormat log_format = LogFormat::kRedis;

int OpenToAppend(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

// COMPAT: a file that was moved away or removed is made anew for the next line, so that logs are
// rotated without a signal. OWNS: the descriptor.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FileSink(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~FileSink() override { close(fd_); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (Moved()) {
      const int fd = OpenToAppend(path_);
      if (fd >= 0) {  // else the old one is better than none
        close(fd_);
        fd_ = fd;
      }
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    for (size_t done = 0; done < line.size();) {
      const ssize_t n = write(fd_, line.data() + done, line.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;  // nowhere to say so
      done += static_cast<size_t>(n);
    }
  }
  void flush_() override {}

  bool Moved() const {
    struct stat there = {};
    struct stat here = {};
    if (fstat(fd_, &here) != 0) return false;
    return stat(path_.c_str(), &there) != 0 || there.st_ino != here.st_ino ||
           there.st_dev != here.st_dev;
  }

  const std::string path_;
  int fd_;
};

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("clustron", std::move(sink));
  logger->set_pattern(kPatterns[static_cast<size_t>(log_format)]);
  logger->flush_on(spdlog::level::info);
  return logger;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger =
      MakeLogger(std::make_shared<spdlog::sinks::stdout_sink_mt>());
  return logger;
}

std::atomic<LogLevel> log_level{LogLevel::kNotice};

// What is not plain ASCII may be no UTF-8, which JSON wants.
std::string JsonText(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      const uint8_t byte = static_cast<uint8_t>(c);
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out + '"';
}

}  // namespace

void SetLogFormat(LogFormat format) { log_format = format; }

Status OpenLog(const std::string& file, LogLevel level) {
  log_level = level;
  if (file.empty()) {
    Logger() = MakeLogger(std::make_shared<spdlog::sinks::stdout_sink_mt>());
    return {};
  }
  std::error_code error;
  const std::string path = std::filesystem::absolute(file, error).string();
  const int fd = OpenToAppend(path);
  if (fd < 0) return Fail(Errc::kIo, "can't open the log file " + file + ": " + strerror(errno));
  Logger() = MakeLogger(std::make_shared<FileSink>(path, fd));
  return {};
}

void SetLogLevel(LogLevel level) { log_level = level; }

bool LogEnabled(LogLevel level) { return level >= log_level.load(std::memory_order_relaxed); }

void LogLine(LogLevel level, std::string_view line) {
  if (!LogEnabled(level)) return;
  if (log_format == LogFormat::kJson) {
    static constexpr std::string_view kNames[] = {"debug", "verbose", "notice", "warning"};
    Logger()->log(spdlog::level::info, "\"level\":\"{}\",\"message\":{}",
                  kNames[static_cast<size_t>(level)], JsonText(line));
    return;
  }
  static constexpr char kMarks[] = {'.', '-', '*', '#'};
  Logger()->log(spdlog::level::info, "{} {}", kMarks[static_cast<size_t>(level)],
                std::string_view(line));
}

}  // namespace clustron

#include "base/log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/log_format.h"

namespace clustron {
namespace {

// Logging to a file for as long as it lives, then to stdout again.
class LogFile {
 public:
  explicit LogFile(LogLevel level, LogFormat format = LogFormat::kRedis)
      : path_("/tmp/clustron-log-test-" + std::to_string(getpid()) + ".log") {
    SetLogFormat(format);
    REQUIRE(OpenLog(path_, level).has_value());
  }
  ~LogFile() {
    SetLogFormat(LogFormat::kRedis);
    CHECK(OpenLog("", LogLevel::kNotice).has_value());
    std::remove(path_.c_str());
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::string path_;
};

TEST_CASE("log lines look as Redis's do") {
  LogFile file(LogLevel::kDebug);
  Log(LogLevel::kDebug, "a {}", 1);
  Log(LogLevel::kVerbose, "b");
  Log(LogLevel::kNotice, "c {{}} %s");
  Log(LogLevel::kWarning, "d");
  const std::vector<std::string> lines = file.Lines();
  REQUIRE(lines.size() == 4);
  // 4711:M 21 Nov 2026 02:44:05.123 * c
  const std::string start = std::to_string(getpid()) + ":M ";
  for (const std::string& line : lines) {
    CAPTURE(line);
    REQUIRE(line.size() > start.size() + 25);
    CHECK(line.starts_with(start));
    const std::string time = line.substr(start.size(), 25);
    std::string shape;
    for (const char c : time)
      shape.push_back(std::isdigit(static_cast<unsigned char>(c))   ? '9'
                      : std::isalpha(static_cast<unsigned char>(c)) ? 'a'
                                                                    : c);
    CHECK(shape == "99 aaa 9999 99:99:99.999 ");
  }
  const auto tail = [&](size_t i) { return lines[i].substr(start.size() + 25); };
  CHECK(tail(0) == ". a 1");
  CHECK(tail(1) == "- b");
  CHECK(tail(2) == "* c {} %s");
  CHECK(tail(3) == "# d");
}

TEST_CASE("lines with ISO 8601 times, and lines of JSON") {
  const auto shape = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += std::isdigit(static_cast<unsigned char>(c)) ? '9' : c;
    return out;
  };
  {
    LogFile file(LogLevel::kNotice, LogFormat::kIso);
    Log(LogLevel::kNotice, "up");
    const std::string line = file.Lines().at(0);
    const std::string tail = line.substr(line.find(":M "));
    CHECK(shape(tail.substr(0, 26)) == ":M 9999-99-99T99:99:99.999");
    CHECK(shape(tail.substr(27)) == "99:99 * up");
  }
  LogFile file(LogLevel::kNotice, LogFormat::kJson);
  Log(LogLevel::kWarning, "a \"b\" \\ c\n\xff");
  const std::string line = file.Lines().at(0);
  CHECK(line.starts_with("{\"time\":\""));
  CHECK(line.find("\"pid\":" + std::to_string(getpid()) + ",\"level\":\"warning\"") !=
        std::string::npos);
  CHECK(line.ends_with("\"message\":\"a \\\"b\\\" \\\\ c\\u000a\\u00ff\"}"));
}

TEST_CASE("lines below the level are not written") {
  LogFile file(LogLevel::kNotice);
  CHECK(!LogEnabled(LogLevel::kVerbose));
  Log(LogLevel::kVerbose, "quiet");
  Log(LogLevel::kNotice, "heard");
  SetLogLevel(LogLevel::kWarning);
  Log(LogLevel::kNotice, "quiet now");
  LogLine(LogLevel::kNotice, "quiet now");
  CHECK(file.Lines().size() == 1);
  SetLogLevel(LogLevel::kNothing);
  LogLine(LogLevel::kWarning, "quiet now");
  CHECK(file.Lines().size() == 1);
}

TEST_CASE("a log file that was moved away is made anew") {
  LogFile file(LogLevel::kNotice);
  Log(LogLevel::kNotice, "one");
  const std::string moved = file.path() + ".1";
  REQUIRE(std::rename(file.path().c_str(), moved.c_str()) == 0);
  Log(LogLevel::kNotice, "two");
  Log(LogLevel::kNotice, "three");
  CHECK(file.Lines().size() == 2);
  REQUIRE(std::remove(moved.c_str()) == 0);
  REQUIRE(std::remove(file.path().c_str()) == 0);
  Log(LogLevel::kNotice, "four");
  CHECK(file.Lines().size() == 1);
}

TEST_CASE("a log file that can't be opened is an error, not a crash") {
  const Status opened = OpenLog("/dev/null/x.log", LogLevel::kNotice);
  REQUIRE(!opened.has_value());
  CHECK(opened.error().code == Errc::kIo);
}

}  // namespace
}  // namespace clustron

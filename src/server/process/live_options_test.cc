#include "server/process/live_options.h"

#include <sys/resource.h>

#include "base/log.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

namespace {

std::string Set(Config& config, std::string_view name, std::string_view text) {
  const auto status = config.Set(std::vector<Config::PairView>{{name, text}});
  return status ? "" : status.error().detail;
}

}  // namespace

TEST_CASE("the log level follows CONFIG SET at once") {
  Config config;
  LiveOptions live(config);
  config.set_listener(&live);
  CHECK(Set(config, "loglevel", "warning") == "");
  CHECK(!LogEnabled(LogLevel::kNotice));
  CHECK(Set(config, "loglevel", "debug") == "");
  CHECK(LogEnabled(LogLevel::kDebug));
  CHECK(Set(config, "loglevel", "notice") == "");
  CHECK(!LogEnabled(LogLevel::kVerbose));
}

TEST_CASE("more clients than the system has descriptors for are refused") {
  Config config;
  LiveOptions live(config);
  config.set_listener(&live);
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(Set(config, "maxclients", "4294967295").find("not able to handle") != std::string::npos);
  CHECK(config.Int(Opt::kMaxClients) == 10000);
  CHECK(Set(config, "maxclients", "10") == "");
  CHECK(config.Int(Opt::kMaxClients) == 10);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace clustron::server

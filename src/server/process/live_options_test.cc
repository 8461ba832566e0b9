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
  DescriptorBudget descriptors(1, 2);
  LiveOptions live(config, descriptors);
  config.set_listener(&live);
  CHECK(Set(config, "loglevel", "warning") == "");
  CHECK(!LogEnabled(LogLevel::kNotice));
  CHECK(Set(config, "loglevel", "debug") == "");
  CHECK(LogEnabled(LogLevel::kDebug));
  CHECK(Set(config, "loglevel", "notice") == "");
  CHECK(!LogEnabled(LogLevel::kVerbose));
}

TEST_CASE("maxclients may be what there are descriptors for, and anything below") {
  Config config;
  DescriptorBudget descriptors(3, 3);
  LiveOptions live(config, descriptors);
  config.set_listener(&live);
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const std::string refusal = Set(config, "maxclients", "4294967295");
  const std::string_view told = "is not able to handle the specified number of clients, try with ";
  REQUIRE(refusal.find(told) != std::string::npos);
  CHECK(config.Int(Opt::kMaxClients) == 10000);
  const int64_t most = std::stoll(refusal.substr(refusal.find(told) + told.size()));
  CHECK(most == static_cast<int64_t>(descriptors.shares().clients));
  CHECK(Set(config, "maxclients", std::to_string(most + 1)) == refusal);
  for (const int64_t fits : {most, most - 1, int64_t{1}, int64_t{20}, most}) {
    CHECK(Set(config, "maxclients", std::to_string(fits)) == "");
    CHECK(config.Int(Opt::kMaxClients) == fits);
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace clustron::server

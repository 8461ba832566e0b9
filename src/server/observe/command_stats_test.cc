#include "server/observe/command_stats.h"

#include <algorithm>

#include "base/check.h"
#include "base/rng.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

namespace {
constexpr commands::CommandSpec kGet = {.name = "GET"};
constexpr commands::CommandSpec kClientList = {.name = "CLIENT|LIST"};
}  // namespace

TEST_CASE("percentiles are within a sixteenth above the truth") {
  const uint64_t seed = 4;
  CAPTURE(seed);
  Rng rng(seed);
  LatencyHistogram histogram;
  CHECK(histogram.Percentile(50) == 0);
  std::vector<uint64_t> all;
  for (int i = 0; i < 5000; i++) {
    all.push_back(rng.Next() >> (31 + rng.Below(33)));
    if (i % 7 == 0) all.back() = rng.Below(20);
    histogram.Add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (double percent : {1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    CAPTURE(percent);
    const size_t rank = static_cast<size_t>(percent / 100 * 5000 + 0.9999999) - 1;
    const uint64_t truth = all[rank];
    CHECK(histogram.Percentile(percent) >= truth);
    CHECK(histogram.Percentile(percent) <= truth + truth / 16);
  }
}

TEST_CASE("a duration beyond all cells counts as the longest") {
  LatencyHistogram histogram;
  histogram.Add(UINT64_MAX);
  CHECK(histogram.Percentile(50) > uint64_t{1} << 35);
}

TEST_CASE("calls are counted for months") {
  LatencyHistogram histogram;
  const uint64_t calls = uint64_t{1} << 40;
  histogram.Add(1, calls);
  histogram.Add(100);
  CHECK(histogram.count() == calls + 1);
  CHECK(histogram.Percentile(50) == 1);
  CHECK(histogram.UpTo() ==
        std::vector<std::pair<uint64_t, uint64_t>>{{1, calls}, {128, calls + 1}});
}

TEST_CASE("calls are counted up to powers of two, empty ones left out") {
  LatencyHistogram histogram;
  for (uint64_t us : {0, 1, 3, 4, 100, 100}) histogram.Add(us);
  CHECK(histogram.UpTo() == std::vector<std::pair<uint64_t, uint64_t>>{{1, 2}, {4, 4}, {128, 6}});
}

TEST_CASE("commands are counted apart and listed by name") {
  CommandStats stats;
  CHECK(stats.Sorted().empty());
  stats.Called(kGet, 5, false);
  stats.Called(kGet, 7, true);
  stats.Rejected(kGet);
  stats.Called(kClientList, -1, false);
  const auto sorted = stats.Sorted();
  REQUIRE(sorted.size() == 2);
  CHECK(sorted[0]->spec == &kClientList);
  CHECK(sorted[0]->total_us == 0);
  CHECK(sorted[1]->calls == 2);
  CHECK(sorted[1]->total_us == 12);
  CHECK(sorted[1]->failed == 1);
  CHECK(sorted[1]->rejected == 1);
  stats.Reset();
  CHECK(stats.Sorted().empty());
}

TEST_CASE("errors are counted by code, with a bound") {
  CommandStats stats;
  stats.ErrorReplied("ERR syntax error");
  stats.ErrorReplied("ERR other");
  stats.ErrorReplied("WRONGTYPE x");
  CHECK(stats.errors().at("ERR") == 2);
  CHECK(stats.errors().at("WRONGTYPE") == 1);
  for (int i = 0; i < 1000; i++) stats.ErrorReplied("E" + std::to_string(i));
  CHECK(stats.errors().size() <= 129);
  CHECK(stats.errors().at("OTHER") > 800);
  CHECK(stats.error_count() == 1003);
}

TEST_CASE("the slow log keeps the newest, with shortened arguments") {
  SlowLog log;
  std::vector<std::string> words;
  for (int i = 0; i < 40; i++) words.push_back("arg" + std::to_string(i));
  words[1] = std::string(200, 'x');
  const std::vector<std::string_view> args(words.begin(), words.end());
  log.Add(args, 12345, 99, "1.2.3.4:5", "me", 2);
  log.Add(std::vector<std::string_view>{"GET", "k"}, 20000, 100, "a", "", 2);
  auto newest = log.Newest(10);
  REQUIRE(newest.size() == 2);
  CHECK(newest[0].args == std::vector<std::string>{"GET", "k"});
  CHECK(newest[1].id == 0);
  CHECK(newest[1].took_us == 12345);
  CHECK(newest[1].args.size() == 32);
  CHECK(newest[1].args[1] == std::string(128, 'x') + "... (72 more bytes)");
  CHECK(newest[1].args[31] == "... (9 more arguments)");
  log.Add(std::vector<std::string_view>{"A"}, 1, 1, "a", "", 2);
  CHECK(log.size() == 2);
  CHECK(log.Newest(1)[0].id == 2);
  log.Reset();
  CHECK(log.size() == 0);
  log.Add(std::vector<std::string_view>{"A"}, 1, 1, "a", "", 0);
  CHECK(log.size() == 0);
}

}  // namespace clustron::server

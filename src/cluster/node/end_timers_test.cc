#include "cluster/node/end_timers.h"

#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

constexpr int64_t kMs = 1'000'000;

std::vector<std::string> Due(EndTimers& timers, int64_t now_ms) {
  std::vector<EndTimers::Due> due;
  timers.TakeDue(now_ms * kMs, 100, &due);
  std::vector<std::string> names;
  for (const auto& d : due) names.push_back(d.key.name);
  return names;
}
using Names = std::vector<std::string>;

TEST_CASE("a timer ends after its TTL, later when it was kept alive, and once") {
  EndTimers timers;
  timers.Set({-1, "a"}, 1, 0, 1000, 0);
  timers.Set({-1, "b"}, 2, 0, 1000, 0);
  int64_t remaining = 0;
  CHECK(timers.Extend({-1, "b"}, 0, 0, 900 * kMs, &remaining) == EndTimers::Touch::kOk);
  CHECK(remaining == 1000);
  CHECK(Due(timers, 999) == Names{});
  CHECK(Due(timers, 1000) == Names{"a"});
  CHECK(Due(timers, 1800) == Names{});
  CHECK(Due(timers, 1900) == Names{"b"});
  CHECK(Due(timers, 5000) == Names{});
}

TEST_CASE("a keepalive behind a queued end waits for its outcome") {
  EndTimers timers;
  timers.Set({0, "l"}, 7, 0, 100, 0);
  CHECK(Due(timers, 100) == Names{"l"});
  int64_t remaining = 0;
  CHECK(timers.Extend({0, "l"}, 7, 0, 100 * kMs, &remaining) == EndTimers::Touch::kEnding);
  timers.Erase({0, "l"});
  CHECK(timers.Extend({0, "l"}, 7, 0, 100 * kMs, &remaining) == EndTimers::Touch::kGone);
}

TEST_CASE("a grant's token is checked, a renewal never exceeds the grant nor shortens it") {
  EndTimers timers;
  timers.Set({0, "l"}, 7, 0, 1000, 0);
  int64_t remaining = 0;
  CHECK(timers.Extend({0, "l"}, 6, 0, 0, &remaining) == EndTimers::Touch::kGone);
  CHECK(timers.Extend({0, "l"}, 7, 9999, 10 * kMs, &remaining) == EndTimers::Touch::kOk);
  CHECK(remaining == 1000);
  CHECK(timers.Extend({0, "l"}, 7, 5, 20 * kMs, &remaining) == EndTimers::Touch::kOk);
  CHECK(remaining == 990);
}

TEST_CASE("a little more time is more time") {
  EndTimers timers;
  timers.Set({-1, "a"}, 1, 0, 1000, 0);
  int64_t remaining = 0;
  CHECK(timers.Extend({-1, "a"}, 0, 0, 20 * kMs, &remaining) == EndTimers::Touch::kOk);
  CHECK(Due(timers, 1000) == Names{});
  CHECK(Due(timers, 1019) == Names{});
  CHECK(Due(timers, 1020) == Names{"a"});
}

TEST_CASE("a new leadership knows no timers of an earlier one") {
  EndTimers timers;
  timers.Set({-1, "a"}, 1, 0, 1000, 0);
  timers.Clear();
  int64_t remaining = 0;
  CHECK(timers.Extend({-1, "a"}, 0, 0, 20 * kMs, &remaining) == EndTimers::Touch::kGone);
  CHECK_FALSE(timers.RemainingMs({-1, "a"}, 0));
  CHECK(Due(timers, 1000) == Names{});
}

TEST_CASE("a name that is granted again and again leaves nothing behind") {
  EndTimers timers;
  for (int i = 0; i < 1000; ++i) {
    timers.Set({0, "l"}, 7 + i, 0, 100, i * 10 * kMs);
    CHECK(Due(timers, i * 10) == Names{});
  }
  CHECK(timers.filed() <= 11);
}

TEST_CASE("a name that is granted anew starts anew") {
  EndTimers timers;
  timers.Set({0, "l"}, 7, 0, 100, 0);
  timers.Erase({0, "l"});
  timers.Set({0, "l"}, 8, 0, 100, 50 * kMs);
  CHECK(Due(timers, 100) == Names{});
  CHECK(Due(timers, 150) == Names{"l"});
}

}  // namespace
}  // namespace clustron::cluster

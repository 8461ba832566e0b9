#include "cluster/node/replay_window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

TEST_CASE("each number counts once, in any order within the window") {
  ReplayWindow window;
  CHECK(window.Take(1000));
  CHECK_FALSE(window.Take(1000));
  CHECK(window.Take(998));
  CHECK(window.Take(999));
  CHECK_FALSE(window.Take(998));
  CHECK(window.Take(1001));
  CHECK_FALSE(window.Take(1000));
}

TEST_CASE("what is older than the window is not taken") {
  ReplayWindow window;
  REQUIRE(window.Take(5000));
  CHECK(window.Take(5000 - ReplayWindow::kWidth + 1));
  CHECK_FALSE(window.Take(5000 - ReplayWindow::kWidth));
  // A leap forgets what it leaves behind, and no more.
  CHECK(window.Take(5000 + 3 * ReplayWindow::kWidth));
  CHECK_FALSE(window.Take(5000));
  CHECK(window.Take(5000 + 3 * ReplayWindow::kWidth - 1));
}

TEST_CASE("random orders, beside a set") {
  Rng rng(7);
  ReplayWindow window;
  std::set<uint64_t> taken;
  uint64_t newest = 0;
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t base = static_cast<uint64_t>(i) / 8;
    const uint64_t number = base + rng.Below(rng.Percent(2) ? 3000 : 600);
    const bool fresh = !taken.contains(number) && number + ReplayWindow::kWidth > newest;
    REQUIRE(window.Take(number) == fresh);
    if (fresh) taken.insert(number);
    newest = std::max(newest, fresh ? number : 0);
  }
}

}  // namespace
}  // namespace clustron::cluster

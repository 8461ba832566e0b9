#include "base/ring.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string>

#include "base/rng.h"

namespace clustron {
namespace {

TEST_CASE("a ring does what a deque does") {
  Rng rng(7);
  Ring<std::unique_ptr<std::string>> ring;
  std::deque<std::string> model;
  for (int step = 0; step < 20000; ++step) {
    const uint64_t what = rng.Below(100);
    if (what < 52) {
      ring.push_back(std::make_unique<std::string>(std::to_string(step)));
      model.push_back(std::to_string(step));
    } else if (model.empty()) {
      CHECK(ring.empty());
    } else if (what < 80) {
      CHECK(*ring.front() == model.front());
      ring.pop_front();
      model.pop_front();
    } else {
      CHECK(*ring.back() == model.back());
      ring.pop_back();
      model.pop_back();
    }
    REQUIRE(ring.size() == model.size());
    if (!model.empty()) {
      const size_t i = rng.Below(model.size());
      CHECK(*ring[i] == model[i]);
    }
  }
}

}  // namespace
}  // namespace clustron

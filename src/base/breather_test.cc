#include "base/breather.h"

#include <doctest/doctest.h>

#include <thread>

#include "base/clock.h"

namespace clustron {
namespace {

TEST_CASE("long work breathes now and then, not at every step and not inside itself") {
  int breaths = 0;
  SetBreather([&] {
    ++breaths;
    Breathe();
  });
  const SystemClock clock;
  const int64_t begin = clock.MonotonicNs();
  // However slow this machine is just now.
  const auto at_most = [&] { return 1 + (clock.MonotonicNs() - begin) / 10'000'000; };
  Breathe();
  CHECK(breaths == 1);
  for (int i = 0; i < 1000; ++i) Breathe();
  CHECK(breaths <= at_most());
  while (clock.MonotonicNs() - begin < 12'000'000) {
  }
  std::string out = "x";
  AppendBreathing(&out, std::string(5 << 20, 'y'));
  CHECK(breaths >= 2);
  CHECK(breaths <= at_most());
  CHECK(out == "x" + std::string(5 << 20, 'y'));
  SetBreather({});
}

TEST_CASE("other threads have no part in it") {
  int breaths = 0;
  SetBreather([&] { ++breaths; });
  std::thread([] { Breathe(); }).join();
  CHECK(breaths == 0);
  SetBreather({});
}

}  // namespace
}  // namespace clustron

#include "tests/sim/event_loop.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_task_runner.h"

namespace clustron::sim {
namespace {

TEST_CASE("events run by time, and in the order filed within one moment") {
  EventLoop loop(1);
  std::vector<int> ran;
  loop.At(20, [&] { ran.push_back(3); });
  loop.At(10, [&] {
    ran.push_back(1);
    loop.At(5, [&] { ran.push_back(2); });  // the past means now
  });
  loop.At(20, [&] { ran.push_back(4); });
  loop.At(21, [&] { ran.push_back(5); });
  loop.RunUntil(20);
  CHECK(ran == std::vector<int>{1, 2, 3, 4});
  CHECK(loop.now_ns() == 20);
  loop.RunUntil(100);
  CHECK(ran.back() == 5);
  CHECK(loop.now_ns() == 100);
  CHECK(loop.pending() == 0);
}

TEST_CASE("callables are destroyed once, run or not") {
  auto held = std::make_shared<int>(0);
  {
    EventLoop loop(1);
    loop.At(1, [held] { ++*held; });
    loop.At(2, [held] { ++*held; });
    loop.RunUntil(1);
    CHECK(*held == 1);
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("many events reuse their slots and keep order") {
  EventLoop loop(3);
  int64_t last = 0;
  int ran = 0;
  for (int i = 0; i < 2000; ++i) {
    loop.After(loop.rng().Between(0, 1000), [&] {
      CHECK(loop.now_ns() >= last);
      last = loop.now_ns();
      if (++ran < 5000) loop.After(loop.rng().Between(0, 50), [&] { ++ran; });
    });
  }
  loop.RunUntil(kSecond);
  CHECK(ran >= 4000);
}

TEST_CASE("the trace hash depends on the seed and on what was traced") {
  const auto run = [](uint64_t seed, std::string_view note) {
    EventLoop loop(seed);
    for (int i = 0; i < 10; ++i) {
      loop.After(loop.rng().Between(0, 1000), [&loop, note] { loop.Trace(note); });
    }
    loop.RunUntil(kSecond);
    return loop.trace_hash();
  };
  CHECK(run(1, "a") == run(1, "a"));
  CHECK(run(1, "a") != run(2, "a"));
  CHECK(run(1, "a") != run(1, "b"));
}

TEST_CASE("a node's clock drifts, its wall clock jumps, a reboot restarts the monotonic one") {
  EventLoop loop(1);
  SimClock clock(&loop, 0.01, 500, -3000);
  CHECK(clock.MonotonicNs() == 500);
  CHECK(clock.WallMs() == SimClock::kEpochMs - 3000);
  loop.RunUntil(100 * kSecond);
  CHECK(clock.MonotonicNs() == 500 + 101 * kSecond);
  CHECK(clock.TrueDelay(101 * kSecond) == 100 * kSecond);
  clock.JumpWall(3'600'000);
  CHECK(clock.WallMs() == SimClock::kEpochMs + 100'000 + 3'597'000);
  clock.Reboot(7);
  CHECK(clock.MonotonicNs() == 7);
  loop.RunUntil(200 * kSecond);
  CHECK(clock.MonotonicNs() == 7 + 101 * kSecond);
}

struct Loopback final : SimTaskRunner::Host {
  void RunOnLoop(std::function<void()> done) override { done(); }
  void RunWork(const std::function<void()>& work) override { work(); }
};

TEST_CASE("tasks run one after another, news of them later; a crash drops the rest") {
  EventLoop loop(5);
  Loopback host;
  DiskSpeed speed;
  std::string log;
  auto runner = std::make_unique<SimTaskRunner>(&loop, &host, &speed);
  for (char c : std::string("abc")) {
    runner->Run([&log, c] { log += c; }, [&log, c] { log += static_cast<char>(c - 32); });
  }
  CHECK(log.empty());
  loop.RunUntil(kSecond);
  CHECK(log == "aAbBcC");
  CHECK(loop.now_ns() == kSecond);

  log.clear();
  runner->Run([&log] { log += 'x'; }, [&log] { log += 'X'; });
  while (log.empty()) REQUIRE(loop.Step(2 * kSecond));
  runner.reset();  // between the work and the news of it
  loop.RunUntil(3 * kSecond);
  CHECK(log == "x");
}

TEST_CASE("a slow disk is slow") {
  EventLoop loop(5);
  Loopback host;
  DiskSpeed speed{.base_ns = 1000, .jitter_ns = 0, .slow_percent = 100, .slow_ns = kSecond};
  SimTaskRunner runner(&loop, &host, &speed);
  int64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    runner.Run([] {}, [&] { last = loop.now_ns(); });
  }
  loop.RunUntil(100 * kSecond);
  CHECK(last > 4 * kSecond);
}

}  // namespace
}  // namespace clustron::sim

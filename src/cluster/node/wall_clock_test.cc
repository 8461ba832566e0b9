#include "cluster/node/wall_clock.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

constexpr int64_t kWall = 1'700'000'000'000;
constexpr int64_t kYear = 365LL * 86'400'000;
constexpr int64_t kHour = 3'600'000;

// One machine: what its clocks show, and what it makes of them.
struct Machine {
  WallClock clock;
  std::vector<NodeId> voters;
  int64_t ms = 5'000'000;  // monotonic
  int64_t ahead = 0;       // of its wall clock

  int64_t true_wall() const { return kWall + ms; }
  int64_t own() const { return true_wall() + ahead; }
  int64_t now_ns() const { return ms * 1'000'000; }
  int64_t Told() {
    clock.Look(own(), now_ns(), 1, voters);
    const int64_t told = clock.NowMs(own(), now_ns());
    CHECK(clock.NowMs(own(), now_ns()) == told);
    return told;
  }
  // How far it is off.
  int64_t Off() { return Told() - true_wall(); }
  void Pass(int64_t by_ms) {
    for (; by_ms > 1000; by_ms -= 1000) {
      ms += 1000;
      Told();
    }
    ms += by_ms;
  }
  void Hear(NodeId voter, int64_t voter_ahead, int64_t took_ms = 1) {
    clock.Hear(voter, true_wall() + voter_ahead, now_ns() - took_ms * 1'000'000, now_ns());
  }
};

TEST_CASE("with peers the wall is the own clock, held within 500 ms of the median") {
  Machine m{.voters = {1, 2, 3}};
  m.Hear(2, 0);
  m.Hear(3, 100);
  CHECK(m.Off() == 0);
  m.ahead = 450;
  CHECK(m.Off() == 450);
  CHECK(m.clock.ahead_ms() == 0);
  SUBCASE("ten years ahead for a second") {
    m.ahead = 10 * kYear;
    CHECK(m.Off() == 600);
    CHECK(m.clock.ahead_ms() == 10 * kYear - 100);
    m.Pass(1000);
    CHECK(m.Off() == 600);
    m.ahead = 0;
    CHECK(m.Off() == 0);
    CHECK(m.clock.ahead_ms() == 0);
  }
  SUBCASE("back to 1970") {
    m.ahead = -kWall;
    CHECK(m.Off() == -500);
    CHECK(m.clock.ahead_ms() == -kWall);
  }
  SUBCASE("another voter is wrong") {
    m.Hear(2, 10 * kYear);
    m.ahead = 0;
    CHECK(m.Off() == 0);
    m.Hear(2, -kYear);
    CHECK(m.Off() == 0);
    CHECK(m.clock.ahead_ms() == 0);
  }
  SUBCASE("most are wrong") {
    m.Hear(2, kHour);
    m.Hear(3, kHour + 300);
    CHECK(m.Off() == kHour - 500);
  }
}

TEST_CASE("of an even number of clocks the lower middle counts") {
  Machine m{.voters = {1, 2}};
  m.Hear(2, 0);
  m.ahead = kHour;
  CHECK(m.Off() == 500);
  m.ahead = -kHour;
  CHECK(m.Off() == -kHour);
  Machine four{.voters = {1, 2, 3, 4}};
  four.ahead = kHour;
  four.Hear(2, 0);
  four.Hear(3, kHour);
  four.Hear(4, 10);
  CHECK(four.Off() == 510);
}

TEST_CASE("clocks count for ten seconds, and only what was answered soon") {
  Machine m{.voters = {1, 2, 3}};
  m.Hear(2, 0);
  m.Hear(3, 0);
  CHECK(m.Off() == 0);
  m.ahead = kHour;
  m.Pass(9'900);
  CHECK(m.Off() == 500);
  m.Hear(2, kHour, 600);  // on the way for too long
  m.Hear(3, kHour, -5);   // from another life
  m.Pass(200);
  // Nobody is heard: the wall goes on from where it stood.
  CHECK(m.Off() == 500);
  CHECK_FALSE(m.clock.sure());
  m.Pass(3'600'000);
  CHECK(m.Off() == 500);
  m.Hear(2, 0);
  CHECK(m.Off() == 500);  // lower middle
  CHECK(m.clock.sure());
  m.Hear(4, kHour);  // no voter
  CHECK(m.Off() == 500);
}

TEST_CASE("before a majority is heard the wall goes on from the log, or is the own clock") {
  Machine m{.voters = {1, 2, 3, 4, 5}};
  m.ahead = kHour;
  CHECK(m.Off() == kHour);
  m.clock.GoOnFrom(m.true_wall() - 7000, m.now_ns());
  CHECK(m.Off() == -7000);
  CHECK(m.clock.ahead_ms() == kHour + 7000);
  m.Pass(500);
  CHECK(m.Off() == -7000);
  m.Hear(2, 0);
  CHECK(m.Off() == -7000);
  m.Hear(5, 20);
  CHECK(m.Off() == 520);
  m.clock.GoOnFrom(kWall, m.now_ns());  // what is old does not count any more
  CHECK(m.Off() == 520);
}

TEST_CASE("who is no voter goes by the voters") {
  Machine m{.voters = {2, 3, 4}};
  m.ahead = kHour;
  m.Hear(2, 0);
  m.Hear(3, -100);
  m.Hear(4, 100);
  CHECK(m.Off() == 500);
}

TEST_CASE("alone the clock goes back at once, and forward after it has stood for a minute") {
  Machine m{.voters = {1}};
  CHECK(m.Off() == 0);
  m.Pass(5000);
  m.ahead = 9'000;
  CHECK(m.Off() == 9'000);  // a step
  m.Pass(60'000);
  m.ahead = 9'000 + kHour;
  CHECK(m.Off() == 9'000);
  CHECK(m.clock.ahead_ms() == kHour);
  SUBCASE("it was a mistake") {
    m.Pass(59'000);
    CHECK(m.Off() == 9'000);
    m.ahead = -kHour;
    CHECK(m.clock.NowMs(m.own(), m.now_ns()) == m.own());  // before the next look, too
    CHECK(m.Off() == -kHour);
    CHECK(m.clock.ahead_ms() == 0);
    m.Pass(3000);
    CHECK(m.Off() == -kHour);
  }
  SUBCASE("it stays") {
    m.Pass(59'900);
    CHECK(m.Off() == 9'000);
    m.Pass(200);
    CHECK(m.Off() == 9'000 + kHour);
    CHECK(m.clock.ahead_ms() == 0);
  }
  SUBCASE("it leaps again, which is another doubt") {
    m.Pass(40'000);
    m.ahead += kHour;
    m.Pass(40'000);
    CHECK(m.Off() == 9'000);
    m.Pass(21'000);
    CHECK(m.Off() == 9'000 + 2 * kHour);
  }
  SUBCASE("between two looks it is doubted as well") {
    m.ahead = 9'000;
    CHECK(m.Off() == 9'000);
    m.ahead = 9'000 + kHour;
    CHECK(m.clock.NowMs(m.own(), m.now_ns()) == m.true_wall() + 9'000);
  }
}

TEST_CASE("at a start alone the machine is believed, unless it leaps by more than 30 days") {
  Machine m{.voters = {1}};
  constexpr int64_t kDay = 86'400'000;
  m.clock.GoOnFrom(m.true_wall(), m.now_ns());
  SUBCASE("less") {
    m.ahead = 29 * kDay;
    CHECK(m.Off() == 29 * kDay);
  }
  SUBCASE("it is behind") {
    m.ahead = -kYear;
    CHECK(m.Off() == -kYear);
  }
  SUBCASE("more") {
    m.ahead = 31 * kDay;
    CHECK(m.Off() == 0);
    CHECK(m.clock.ahead_ms() == 31 * kDay);
    SUBCASE("it stands") {
      m.Pass(60'500);
      CHECK(m.Off() == 31 * kDay);
    }
    SUBCASE("it is put right") {
      m.Pass(3'000);
      m.ahead = 20'000;  // what passed while nobody ran
      CHECK(m.Off() == 20'000);
      m.ahead = 40'000;  // from here on it runs
      CHECK(m.Off() == 20'000);
    }
  }
}

TEST_CASE("whatever clocks do, a right majority holds the wall") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Machine m{.voters = {1, 2, 3, 4, 5}};
    int64_t told_max = 0;
    for (int step = 0; step < 200; ++step) {
      m.ahead = rng.Between(-kYear, kYear);
      for (const NodeId right : {2, 3, 4}) m.Hear(right, rng.Between(-100, 100));
      if (rng.Percent(30)) m.Hear(5, rng.Between(-kYear, kYear));
      told_max = std::max<int64_t>(told_max, std::abs(m.Off()));
      m.ms += rng.Between(1, 9000);
    }
    CHECK(told_max <= 600);
  }
}

}  // namespace
}  // namespace clustron::cluster

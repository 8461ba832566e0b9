// expire-coalesce, as a client sees it (commands/generic/expire.h).
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

struct RefreshFixture {
  EngineBench bench{1, 1, cluster::Durability::kEverySec};
  EngineBench::BenchClient* client = nullptr;

  RefreshFixture() {
    bench.Lead();
    client = &bench.Connect();
  }
  std::string Ask(const std::string& line) {
    bench.Say(*client, line);
    bench.Turn();
    return client->Take();
  }
  int64_t Left(const std::string& key = "k") { return std::stoll(Ask("PTTL " + key).substr(1)); }
  // Whether it took an entry.
  bool Logged(const std::string& line) {
    const cluster::Slot before = bench.executor().applied_slot();
    Ask(line);
    return bench.executor().applied_slot() != before;
  }
};

TEST_CASE_FIXTURE(RefreshFixture, "a refresh repeats a TTL: the first call with one is exact") {
  Ask("SET k v PX 30000");
  bench.Tick(1200);
  CHECK(Logged("PEXPIRE k 30000"));
  CHECK(Left() == 30'000);
  bench.Tick(1600);
  CHECK(Logged("PEXPIRE k 30000"));
  CHECK(Left() == 31'500);
  for (int i = 0; i < 15; ++i) {
    bench.Tick(100);
    CHECK_FALSE(Logged("PEXPIRE k 30000"));
    CHECK(Left() >= 30'000);
  }
  bench.Tick(1);
  CHECK(Logged("EXPIRE k 30"));  // the same TTL
  CHECK(Left() == 31'500);
  CHECK_FALSE(Logged("GETEX k EX 30"));
  CHECK_FALSE(Logged("GETEX k PX 30000"));
}

// As two readers do that compute what is left of it in the same millisecond, or second.
TEST_CASE_FIXTURE(RefreshFixture, "an absolute end does not move by more than its readers differ") {
  Ask("SET k v");
  Ask("PEXPIRE k 600000");
  bench.Tick(3);
  CHECK(Logged("PEXPIRE k 600000"));
  CHECK(Left() == 600'000);
  bench.Tick(20);
  CHECK(Logged("PEXPIRE k 599980"));
  CHECK(Left() == 599'980);
  Ask("EXPIRE k 599");
  for (int i = 0; i < 100; ++i) {
    bench.Tick(10);
    Ask("EXPIRE k 599");
    CHECK(Left() >= 599'000);
    CHECK(Left() <= 600'000);
  }
  CHECK(Logged("EXPIRE k 598"));
  CHECK(Left() == 598'000);
}

TEST_CASE_FIXTURE(RefreshFixture, "a sliding end costs few entries from the first minute on") {
  int64_t every_ms = 0, at_first_max = 0;
  SUBCASE("read a hundred times a second") {
    every_ms = 10;
    at_first_max = 16;
  }
  SUBCASE("read each second") {
    every_ms = 1000;
    at_first_max = 6;
  }
  Ask("SET k v EX 1200");
  const auto entries = [&](int64_t ms) {
    int64_t count = 0;
    for (int64_t t = 0; t < ms; t += every_ms) {
      bench.Tick(every_ms);
      count += Logged("EXPIRE k 1200") ? 1 : 0;
      CHECK(Left() >= 1'200'000);
    }
    return count;
  };
  CHECK(entries(60'000) <= at_first_max);
  CHECK(entries(60'000) <= 2);
}

TEST_CASE_FIXTURE(RefreshFixture, "what is no refresh is exact, and an entry") {
  Ask("SET k v PX 30000");
  Ask("PEXPIRE k 30000");
  bench.Tick(1600);
  Ask("PEXPIRE k 30000");
  REQUIRE(Left() == 31'500);
  for (int64_t ms = 29'990; ms > 29'900; ms -= 10) {
    CHECK(Logged("PEXPIRE k " + std::to_string(ms)));
    CHECK(Left() == ms);
  }
  CHECK(Logged("EXPIRE k 30 XX"));
  CHECK(Logged("EXPIRE k 30 XX"));
  CHECK(Left() == 30'000);
  bench.Tick(10);
  Ask("MULTI\r\nPEXPIRE k 29910\r\nEXEC");
  CHECK(Left() == 29'910);
  Ask("SET k v EX 30");
  Ask("SET k v EX 30");
  CHECK(Left() == 30'000);
  for (int i = 0; i < 3; ++i) CHECK(Logged("EXPIRE k 19"));
  CHECK(Left() == 19'000);
}

TEST_CASE_FIXTURE(RefreshFixture, "a repeated TTL that shortens is exact") {
  Ask("SET k v");
  Ask("EXPIRE k 100");
  Ask("PERSIST k");
  CHECK(Logged("EXPIRE k 100"));
  CHECK(Left() == 100'000);
  Ask("SET k v PX 900000");
  CHECK(Logged("EXPIRE k 100"));
  CHECK(Left() == 100'000);
}

TEST_CASE_FIXTURE(RefreshFixture, "keys of other databases and names are other keys") {
  Ask("SET k v EX 100\r\nSET j v EX 100\r\nEXPIRE k 100");
  bench.Tick(10);
  CHECK(Logged("EXPIRE j 100"));
  CHECK(Left("j") == 100'000);
  Ask("SELECT 3\r\nSET k v EX 100");
  bench.Tick(10);
  CHECK(Logged("EXPIRE k 100"));
  CHECK(Left() == 100'000);
}

TEST_CASE_FIXTURE(RefreshFixture, "without expire-coalesce all are exact") {
  Ask("CONFIG SET expire-coalesce no");
  Ask("SET k v EX 100");
  for (int i = 0; i < 3; ++i) {
    bench.Tick(10);
    CHECK(Logged("EXPIRE k 100"));
    CHECK(Left() == 100'000);
  }
}

}  // namespace
}  // namespace clustron::server

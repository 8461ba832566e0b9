#include "store/keyspace/time_wheel.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/rng.h"

namespace clustron::store {
namespace {

using Filed = std::tuple<int64_t, uint32_t, int, uint8_t>;  // time, hash, table, epoch

// Takes everything up to `now`, filing those again that came up early, as the store does.
std::vector<Filed> TakeAll(TimeWheel& wheel, int64_t now, const std::map<uint32_t, int64_t>& due) {
  std::vector<Filed> out;
  int64_t ms;
  std::vector<WheelRecord> group;
  while (wheel.Peek(now, ms, group)) {
    for (const WheelRecord& r : group) {
      const int64_t deadline = due.at(r.hash_high);
      REQUIRE(ms <= deadline);
      if (ms == deadline) {
        out.emplace_back(ms, r.hash_high, r.table, r.epoch);
      } else {
        wheel.Add(now, deadline, r);
      }
    }
    wheel.Consume();
  }
  return out;
}

TEST_CASE(
    "records come up in order of time and hash, none early, none lost, also if the clock goes "
    "back") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    TimeWheel wheel;
    int64_t now = seed % 2 == 0 ? 0 : 1'700'000'000'000;
    std::map<uint32_t, int64_t> deadlines;
    std::multiset<Filed> model;
    for (int round = 0; round < 200; round++) {
      for (uint64_t n = rng.Below(20); n > 0; n--) {
        const int64_t horizon[] = {5, 300, 70'000, 20'000'000, 5'000'000'000, 2'000'000'000'000};
        const int64_t ms =
            now + 1 + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(horizon[rng.Below(6)])));
        const auto hash = static_cast<uint32_t>(rng.Next());
        const WheelRecord record{hash, static_cast<int>(rng.Below(16)),
                                 static_cast<uint8_t>(rng.Below(256))};
        deadlines[hash] = ms;
        model.insert({ms, hash, record.table, record.epoch});
        wheel.Add(now, ms, record);
      }
      if (!model.empty()) REQUIRE(wheel.NextMs() <= std::get<0>(*model.begin()));
      if (rng.Percent(20)) {
        const int64_t far[] = {10, 1000, 100'000, 90'000'000, 700'000'000'000};
        now -= std::min(now,
                        static_cast<int64_t>(rng.Below(static_cast<uint64_t>(far[rng.Below(5)]))));
        wheel.GoBack(now);
        REQUIRE(wheel.size() == model.size());
        continue;
      }
      const int64_t step[] = {1, 10, 1000, 100'000, 50'000'000, 400'000'000'000};
      now += static_cast<int64_t>(rng.Below(static_cast<uint64_t>(step[rng.Below(6)])));
      std::vector<Filed> expected;
      while (!model.empty() && std::get<0>(*model.begin()) <= now) {
        expected.push_back(*model.begin());
        model.erase(model.begin());
      }
      REQUIRE(TakeAll(wheel, now, deadlines) == expected);
      REQUIRE(wheel.size() == model.size());
      if (rng.Percent(80)) REQUIRE(wheel.NextMs() > now);  // or a leader would propose for nothing
    }
  }
}

TEST_CASE("very many records of one millisecond come out sorted, a few at a time") {
  TimeWheel wheel;
  Rng rng(1);
  std::multiset<uint32_t> model;
  for (int i = 0; i < 50'000; i++) {
    const auto hash = static_cast<uint32_t>(rng.Below(i % 2 == 0 ? 1000 : 1'000'000'000));
    model.insert(hash);
    wheel.Add(0, 777, {hash, 0, static_cast<uint8_t>(i)});
  }
  int64_t ms;
  std::vector<WheelRecord> group;
  while (wheel.Peek(1000, ms, group)) {
    REQUIRE(ms == 777);
    REQUIRE(wheel.NextMs() == 777);
    REQUIRE(group.front().hash_high == *model.begin());
    REQUIRE(group.size() == model.count(*model.begin()));
    if (rng.Percent(20)) continue;  // looked at again
    model.erase(*model.begin());
    wheel.Consume();
  }
  CHECK(model.empty());
  CHECK(wheel.size() == 0);
  CHECK(wheel.NextMs() == INT64_MAX);
}

TEST_CASE("records for the past come up at once, in order of their times") {
  TimeWheel wheel;
  wheel.Add(1000, 5000, {1, 0, 0});
  wheel.Add(1000, 10, {3, 0, 0});
  wheel.Add(1000, 9, {4, 0, 0});
  CHECK(wheel.NextMs() == 9);
  CHECK(TakeAll(wheel, 1000, {{1, 5000}, {3, 10}, {4, 9}}) ==
        std::vector<Filed>{{9, 4, 0, 0}, {10, 3, 0, 0}});
}

TEST_CASE("sweeping drops what is not kept") {
  TimeWheel wheel;
  std::map<uint32_t, int64_t> deadlines;
  for (uint32_t i = 0; i < 1000; i++) {
    deadlines[i] = 1 + i * 997;
    wheel.Add(0, deadlines[i], {i, 0, 0});
  }
  for (int i = 0; i < 100; i++) {
    wheel.Sweep(100, [](const WheelRecord& r) { return r.hash_high % 10 == 0; });
  }
  CHECK(wheel.size() == 100);
  CHECK(wheel.NextMs() == 1);
  wheel.Sweep(1000, [](const WheelRecord& r) { return r.hash_high >= 500; });
  wheel.Sweep(1000, [](const WheelRecord& r) { return r.hash_high >= 500; });
  CHECK(wheel.NextMs() > 400'000);
  for (uint32_t i = 0; i < 500; i += 10) wheel.Add(0, deadlines[i], {i, 0, 0});
  CHECK(wheel.NextMs() <= deadlines[0]);
  const std::vector<Filed> left = TakeAll(wheel, 1'000'000, deadlines);
  CHECK(left.size() == 100);
  for (const Filed& f : left) CHECK(std::get<1>(f) % 10 == 0);
}

}  // namespace
}  // namespace clustron::store

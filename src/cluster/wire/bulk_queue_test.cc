#include "cluster/wire/bulk_queue.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

std::shared_ptr<const std::string> Shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

TEST_CASE("whatever was put in comes out whole and in order, taken in slices of any size") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    BulkQueue queue;
    FrameReader reader;
    FrameSealer sealer;
    if (seed % 2 == 0) {
      const std::string key(32, 'k');
      sealer = FrameSealer(FrameMac(key, Role::kDialer));
      reader.Expect(FrameMac(key, Role::kDialer));
      queue.SetCheck(sealer.check());
    }
    std::vector<std::string> put, got;
    for (int step = 0; step < 300; ++step) {
      if (rng.Percent(50)) {
        const bool big = rng.Percent(20);
        const auto size = [&] { return rng.Below(big ? 200'000 : 300); };
        const std::string head(size(), static_cast<char>('a' + rng.Below(26)));
        const std::string tail(size(), static_cast<char>('A' + rng.Below(26)));
        const bool with_tail = rng.Percent(50);
        put.push_back(with_tail ? head + tail : head);
        queue.Add(head, with_tail ? Shared(tail) : nullptr);
      } else {
        std::string out;
        const size_t budget = 1 + rng.Below(100'000);
        const size_t before = queue.bytes();
        queue.Take(budget, &out);
        CHECK(out.size() <= budget + 2 * kFrameBytesMax);
        CHECK((before == 0) == out.empty());
        sealer.Seal(&out);
        reader.Feed(out);
      }
    }
    std::string out;
    while (queue.bytes() > 0) queue.Take(1 << 20, &out);
    sealer.Seal(&out);
    reader.Feed(out);
    std::string message;
    for (;;) {
      const auto more = reader.Next(&message);
      REQUIRE(more.has_value());
      if (!*more) break;
      got.push_back(std::move(message));
    }
    CHECK(got == put);
  }
}

TEST_CASE("a big message is not copied, and let go when it has left") {
  BulkQueue queue;
  const auto value = Shared(std::string(1'000'000, 'x'));
  queue.Add("head", value);
  queue.Add("head", value);
  CHECK(value.use_count() == 3);
  CHECK(queue.bytes() == 2'000'008);
  CHECK(queue.biggest() == 1'000'004);
  std::string out;
  queue.Take(1'000'004, &out);
  CHECK(value.use_count() == 2);
  queue.Take(1'000'004, &out);
  CHECK(value.use_count() == 1);
  CHECK(queue.bytes() == 0);
  queue.Add("small", nullptr);
  CHECK(queue.biggest() == 5);
}

}  // namespace
}  // namespace clustron::cluster

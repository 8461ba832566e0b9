#include "server/process/disk_limits.h"

#include <doctest/doctest.h>

namespace clustron::server {
namespace {

constexpr uint64_t kMb = 1 << 20;

TEST_CASE("what nobody has set fits a small disk, and a big one has the defaults") {
  Config small;
  CHECK(FitToDisk(small, "/d", 64 * kMb).empty());
  CHECK(small.Int(Opt::kWalSegmentSize) == 4 * kMb);
  CHECK(small.Int(Opt::kDiskReserve) == 4 * kMb);
  CHECK(small.Int(Opt::kDiskLowWater) == 8 * kMb);
  CHECK(small.Int(Opt::kSnapshotLogSize) == 8 * kMb);
  Config big;
  CHECK(FitToDisk(big, "/d", 4096 * kMb).empty());
  CHECK(big.Int(Opt::kWalSegmentSize) == 64 * kMb);
  CHECK(big.Int(Opt::kDiskReserve) == 64 * kMb);
  CHECK(big.Int(Opt::kDiskLowWater) == 128 * kMb);
  CHECK(big.Int(Opt::kSnapshotLogSize) == 256 * kMb);
}

TEST_CASE("what was set holds, and what it leaves no room for is said") {
  Config config;
  REQUIRE(config.LoadText("disk-low-water 60mb\n", "test").has_value());
  const std::string line = FitToDisk(config, "/the/dir", 64 * kMb);
  CHECK(config.Int(Opt::kDiskLowWater) == 60 * kMb);
  CHECK(config.Int(Opt::kDiskReserve) == 4 * kMb);
  CHECK(line.find("/the/dir") != std::string::npos);
  CHECK(line.find("disk-low-water") != std::string::npos);
  CHECK(line.find("will be refused") != std::string::npos);
}

}  // namespace
}  // namespace clustron::server

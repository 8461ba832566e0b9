#include "server/process/disk_limits.h"

#include <algorithm>

namespace clustron::server {

namespace {

constexpr uint64_t kUnit = 64 * 1024;

struct Share {
  Opt opt;
  uint64_t part;  // of the disk: one in so many
};
// A disk of 2 GB or more has the defaults.
constexpr Share kShares[] = {
    {Opt::kWalSegmentSize, 16},
    {Opt::kDiskReserve, 16},
    {Opt::kDiskLowWater, 8},
    {Opt::kSnapshotLogSize, 8},
};

uint64_t Bytes(const Config& config, Opt opt) { return static_cast<uint64_t>(config.Int(opt)); }

}  // namespace

std::string FitToDisk(Config& config, const std::string& dir, uint64_t disk_bytes) {
  for (const Share& share : kShares) {
    const uint64_t fit = std::max(kUnit, disk_bytes / share.part / kUnit * kUnit);
    if (!config.Given(share.opt) && fit < Bytes(config, share.opt))
      config.SetEffective(share.opt, std::to_string(fit));
  }
  // One segment being written, one to come; the rest must stay free.
  const uint64_t segment = Bytes(config, Opt::kWalSegmentSize);
  const uint64_t reserve = Bytes(config, Opt::kDiskReserve);
  const uint64_t low_water = Bytes(config, Opt::kDiskLowWater);
  const uint64_t needed = 2 * segment + reserve + low_water + low_water / 4;
  if (needed <= disk_bytes) return {};
  return "the disk of " + dir + " has " + std::to_string(disk_bytes) +
         " bytes, and what is set needs " + std::to_string(needed) +
         " before it takes a write: two log segments of " + std::to_string(segment) +
         " (wal-segment-size), a reserve of " + std::to_string(reserve) +
         " (disk-reserve), and a quarter more free than " + std::to_string(low_water) +
         " (disk-low-water): writes that may need space will be refused";
}

}  // namespace clustron::server

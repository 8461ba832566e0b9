// Crash points: a scripted run is stopped at every operation that changes the disk, what is
// unsynced is lost in each of four ways, and what the log says afterwards is compared with what was
// acknowledged. The full battery: unit-tests -ns -tc="crash points: full battery*"
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"

namespace clustron::sim {
namespace {

using cluster::Durability;

constexpr int kSteps = 120;

uint64_t CountOperations(uint64_t seed, Durability durability) {
  SimFs fs;
  LogScript script(&fs, seed, durability);
  for (int i = 0; i < kSteps; ++i) script.Step();
  return fs.operations();
}

struct Tally {
  uint64_t recoveries = 0;
  uint64_t crashed_again = 0;
};

// Stops the script at its nth operation and recovers in all four ways, each also with a crash in
// the middle of the recovery.
void StopAndRecover(uint64_t seed, Durability durability, uint64_t operation, Tally* tally) {
  SimFs fs;
  fs.StopAt(operation);
  LogScript script(&fs, seed, durability);
  for (int i = 0; i < kSteps && !fs.stopped(); ++i) script.Step();
  script.Abandon();
  for (const CrashMode mode : kCrashModes) {
    Rng rng(seed ^ Mix64(operation) ^ static_cast<uint64_t>(mode));
    const std::unique_ptr<SimFs> disk = fs.Clone();
    disk->Crash(rng, mode);
    const std::unique_ptr<SimFs> again = disk->Clone();
    CAPTURE(seed);
    CAPTURE(operation);
    CAPTURE(static_cast<int>(mode));
    const uint64_t before = disk->operations();
    const std::string wrong = script.Verify(disk.get(), false);
    ++tally->recoveries;
    REQUIRE(wrong == "");
    // A crash in the middle of recovering.
    again->StopAt(1 + rng.Below(disk->operations() - before));
    script.Verify(again.get(), false);
    const std::unique_ptr<SimFs> later = again->Clone();
    again->Crash(rng, kCrashModes[rng.Below(4)]);
    const std::string wrong_again = script.Verify(again.get(), false);
    ++tally->recoveries;
    ++tally->crashed_again;
    REQUIRE(wrong_again == "");
    // Or of the process alone; a later one is well, and then the power goes.
    later->Kill();
    later->ClearFaults();
    const std::string wrong_first = script.Verify(later.get(), false);
    REQUIRE(wrong_first == "");
    later->Crash(rng, CrashMode::kLost);
    const std::string wrong_later = script.Verify(later.get(), false);
    ++tally->recoveries;
    REQUIRE(wrong_later == "");
  }
}

Tally Battery(uint64_t first_seed, uint64_t seeds, Durability durability, uint64_t stride) {
  Tally tally;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    const uint64_t operations = CountOperations(seed, durability);
    for (uint64_t op = 1 + seed % stride; op <= operations; op += stride) {
      StopAndRecover(seed, durability, op, &tally);
    }
  }
  return tally;
}

}  // namespace

TEST_CASE("crash points: nothing acknowledged is lost, always") {
  const Tally tally = Battery(1, 3, Durability::kAlways, 3);
  CHECK(tally.recoveries > 500);
}

TEST_CASE("crash points: nothing fsynced is lost, everysec") {
  const Tally tally = Battery(100, 3, Durability::kEverySec, 3);
  CHECK(tally.recoveries > 500);
}

TEST_CASE("crash points: full battery" * doctest::skip()) {
  const Tally always = Battery(1000, 40, Durability::kAlways, 1);
  const Tally everysec = Battery(2000, 20, Durability::kEverySec, 1);
  const uint64_t total = always.recoveries + everysec.recoveries;
  MESSAGE("recoveries: " << total);
  CHECK(total > 20000);
}

}  // namespace clustron::sim

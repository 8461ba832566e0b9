// Damage to what is on disk: flipped bits, lost sectors, files cut short or gone. Nothing that was
// acknowledged may be gone in silence: it is readable, or its slot is unknown, or the log refuses
// to open. The full battery: unit-tests -ns -tc="log damage: full battery*"
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"

namespace clustron::sim {
namespace {

using cluster::Durability;

constexpr int kSteps = 120;
constexpr uint64_t kSectorBytes = 512;

// A disk after a run, and the run to compare with.
struct Run {
  Run(uint64_t seed, Durability durability, bool clean) : script(&fs, seed, durability) {
    for (int i = 0; i < kSteps; ++i) script.Step();
    if (clean) {
      REQUIRE(script.Close());
      script.Abandon();
      return;
    }
    script.Abandon();
    Rng rng(seed);
    fs.Crash(rng, CrashMode::kLost);
  }

  // Where data is: the zeros behind it are not worth the time.
  static uint64_t DataBytes(const std::string& content) {
    return content.find_last_not_of('\0') + 1;
  }

  SimFs fs;
  LogScript script;
};

void Check(const Run& run, SimFs* disk, const std::string& file, uint64_t offset) {
  CAPTURE(file);
  CAPTURE(offset);
  const std::string wrong = run.script.Verify(disk, true);
  REQUIRE(wrong == "");
}

bool IsSegment(const std::string& path) { return path.ends_with(".log"); }

// Flips one bit in every `stride`th byte of every file.
uint64_t FlipBits(uint64_t seed, Durability durability, bool clean, uint64_t stride) {
  Run run(seed, durability, clean);
  Rng rng(seed);
  CAPTURE(seed);
  CAPTURE(clean);
  uint64_t count = 0;
  for (const std::string& file : run.fs.Files()) {
    if (file.ends_with("spare")) continue;
    const uint64_t size = Run::DataBytes(run.fs.Content(file));
    for (uint64_t at = rng.Below(stride); at < size; at += 1 + rng.Below(2 * stride - 1)) {
      const std::unique_ptr<SimFs> disk = run.fs.Clone();
      disk->FlipBit(file, at, static_cast<int>(rng.Below(8)));
      Check(run, disk.get(), file, at);
      ++count;
    }
  }
  return count;
}

// Sectors and pages of zeros or rubbish.
uint64_t LoseSectors(uint64_t seed, Durability durability, bool clean) {
  Run run(seed, durability, clean);
  Rng rng(seed);
  CAPTURE(seed);
  CAPTURE(clean);
  uint64_t count = 0;
  for (const std::string& file : run.fs.Files()) {
    if (!IsSegment(file)) continue;
    const uint64_t size = run.fs.Content(file).size();
    const uint64_t data = Run::DataBytes(run.fs.Content(file));
    for (uint64_t at = 0; at < data; at += kSectorBytes) {
      for (const uint64_t sectors : {1, 3, 8}) {
        std::string bytes(std::min(sectors * kSectorBytes, size - at), '\0');
        if (rng.Percent(50)) {
          for (char& c : bytes) c = static_cast<char>(rng.Next());
        }
        const std::unique_ptr<SimFs> disk = run.fs.Clone();
        disk->Overwrite(file, at, bytes);
        Check(run, disk.get(), file, at);
        ++count;
      }
    }
  }
  return count;
}

// Files gone or cut short. A lost tail can only be noticed where the mark tells of it, so the run
// must have ended cleanly.
uint64_t LoseFiles(uint64_t seed, Durability durability) {
  Run run(seed, durability, true);
  Rng rng(seed);
  CAPTURE(seed);
  uint64_t count = 0;
  for (const std::string& file : run.fs.Files()) {
    if (!IsSegment(file)) continue;
    for (const int part : {0, 1, 2, 3}) {
      const std::unique_ptr<SimFs> disk = run.fs.Clone();
      if (part == 0) {
        REQUIRE(disk->Remove(file));
      } else {
        const auto open = disk->Open(file, persist::OpenMode::kReadWrite);
        REQUIRE(open);
        REQUIRE((*open)->Truncate(rng.Below(Run::DataBytes(disk->Content(file)))));
      }
      disk->Kill();
      Check(run, disk.get(), file, static_cast<uint64_t>(part));
      ++count;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("log damage: no flipped bit makes anything vanish") {
  CHECK(FlipBits(1, Durability::kAlways, true, 23) > 300);
  CHECK(FlipBits(2, Durability::kAlways, false, 23) > 300);
  CHECK(FlipBits(3, Durability::kEverySec, true, 23) > 300);
}

TEST_CASE("log damage: no lost sector makes anything vanish") {
  CHECK(LoseSectors(1, Durability::kAlways, true) > 50);
  CHECK(LoseSectors(3, Durability::kEverySec, true) > 50);
}

TEST_CASE("log damage: no lost or shortened file goes unnoticed") {
  CHECK(LoseFiles(1, Durability::kAlways) > 10);
  CHECK(LoseFiles(2, Durability::kEverySec) > 10);
}

TEST_CASE("log damage: full battery" * doctest::skip()) {
  uint64_t count = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const Durability durability = seed % 3 == 0 ? Durability::kEverySec : Durability::kAlways;
    count += FlipBits(seed, durability, true, 7);
    if (durability == Durability::kAlways) count += FlipBits(seed, durability, false, 7);
    count += LoseSectors(seed, durability, true);
    count += LoseFiles(seed, durability);
  }
  MESSAGE("damaged logs: " << count);
}

}  // namespace clustron::sim

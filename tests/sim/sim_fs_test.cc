#include "tests/sim/sim_fs.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>

namespace clustron::sim {
namespace {

using persist::File;
using persist::OpenMode;

std::unique_ptr<File> Create(SimFs& fs, const std::string& path) {
  auto file = fs.Open(path, OpenMode::kCreate);
  REQUIRE(file);
  return std::move(*file);
}

}  // namespace

TEST_CASE("sim disk: what is synced survives, what is not is lost") {
  SimFs fs;
  REQUIRE(fs.MakeDir("/d"));
  auto file = Create(fs, "/d/f");
  REQUIRE(file->WriteAt(0, "synced"));
  REQUIRE(file->Sync());
  REQUIRE(fs.SyncDir("/d"));
  REQUIRE(file->WriteAt(0, "SYNCED and more"));
  auto other = Create(fs, "/d/g");
  REQUIRE(other->WriteAt(0, "no name"));
  REQUIRE(other->Sync());
  Rng rng(1);
  fs.Crash(rng, CrashMode::kLost);
  CHECK(fs.Content("/d/f") == "synced");
  CHECK(!fs.Exists("/d/g"));
  // Handles died with the process.
  CHECK(!file->WriteAt(0, "x"));
  CHECK(!file->Sync());
}

TEST_CASE("sim disk: renames and removals need the directory's sync") {
  SimFs fs;
  REQUIRE(fs.MakeDir("/d"));
  auto file = Create(fs, "/d/f");
  REQUIRE(file->Sync());
  REQUIRE(fs.SyncDir("/d"));
  REQUIRE(fs.Rename("/d/f", "/d/g"));
  auto lost = fs.Clone();
  Rng rng(1);
  lost->Crash(rng, CrashMode::kLost);
  CHECK(lost->Files() == std::vector<std::string>{"/d/f"});
  REQUIRE(fs.SyncDir("/d"));
  REQUIRE(fs.Remove("/d/g"));
  lost = fs.Clone();
  lost->Crash(rng, CrashMode::kLost);
  CHECK(lost->Files() == std::vector<std::string>{"/d/g"});
}

TEST_CASE("sim disk: each mode loses in its own way") {
  const std::string old(2048, 'o');
  std::set<std::string> seen[4];
  for (const CrashMode mode : kCrashModes) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      SimFs fs;
      REQUIRE(fs.MakeDir("/d"));
      auto file = Create(fs, "/d/f");
      REQUIRE(file->WriteAt(0, old));
      REQUIRE(file->Sync());
      REQUIRE(fs.SyncDir("/d"));
      REQUIRE(file->WriteAt(0, std::string(1024, '1')));
      REQUIRE(file->WriteAt(1024, std::string(1024, '2')));
      Rng rng(seed);
      fs.Crash(rng, mode);
      const std::string content = fs.Content("/d/f");
      seen[static_cast<int>(mode)].insert(content);
      CHECK(content.size() == 2048);
      const bool first = content.substr(0, 1024) == std::string(1024, '1');
      if (mode == CrashMode::kLost) CHECK(content == old);
      if (mode == CrashMode::kTorn) CHECK(first);
      // A prefix: nothing of the second write without all of the first.
      if (mode == CrashMode::kPrefix && content.find('2') != std::string::npos) CHECK(first);
      if (mode == CrashMode::kTorn || mode == CrashMode::kReorder) {
        for (size_t at = 0; at < 2048; at += 512) {
          CHECK(content.substr(at, 512) == std::string(512, content[at]));
        }
      }
    }
  }
  CHECK(seen[static_cast<int>(CrashMode::kLost)].size() == 1);
  CHECK(seen[static_cast<int>(CrashMode::kPrefix)].size() > 10);
  CHECK(seen[static_cast<int>(CrashMode::kTorn)].size() == 4);
  CHECK(seen[static_cast<int>(CrashMode::kReorder)].size() > 10);
}

TEST_CASE("sim disk: a sector is written whole, with what earlier writes put into it") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimFs fs;
    REQUIRE(fs.MakeDir("/d"));
    auto file = Create(fs, "/d/f");
    REQUIRE(file->Allocate(512));
    REQUIRE(file->Sync());
    REQUIRE(fs.SyncDir("/d"));
    REQUIRE(file->WriteAt(0, "first"));
    REQUIRE(file->WriteAt(5, "second"));
    Rng rng(seed);
    fs.Crash(rng, CrashMode::kReorder);
    const std::string content = fs.Content("/d/f").substr(0, 11);
    if (content[5] == 's') CHECK(content == "firstsecond");
  }
}

TEST_CASE("sim disk: stops at the chosen operation and counts them") {
  SimFs fs;
  REQUIRE(fs.MakeDir("/d"));
  auto file = Create(fs, "/d/f");
  CHECK(fs.operations() == 1);
  REQUIRE(file->WriteAt(0, "a"));
  CHECK(fs.operations() == 2);
  fs.StopAt(2);
  REQUIRE(file->Sync());
  CHECK(!fs.stopped());
  CHECK(!file->WriteAt(0, "b"));
  CHECK(fs.stopped());
  CHECK(!fs.SyncDir("/d"));
  CHECK(!fs.Exists("/d/f"));
  fs.Kill();
  CHECK(fs.Content("/d/f") == "b");  // it may have got through
}

TEST_CASE("sim disk: a full disk, failing operations, and a sync that lies afterwards") {
  SimFs fs;
  REQUIRE(fs.MakeDir("/d"));
  auto file = Create(fs, "/d/f");
  fs.SetCapacity(100);
  CHECK(file->Allocate(80));
  CHECK(fs.Free("/d")->bytes == 20u);
  CHECK(file->Allocate(101).error().code == Errc::kNoSpace);
  CHECK(file->WriteAt(90, std::string(11, 'x')).error().code == Errc::kNoSpace);
  CHECK(file->WriteAt(0, std::string(80, 'x')));
  CHECK(file->Size() == 80u);
  fs.FailAt(2, Errc::kIo);
  CHECK(file->WriteAt(0, "1"));
  CHECK(file->WriteAt(0, "2").error().code == Errc::kIo);
  CHECK(file->WriteAt(1, "3"));
  CHECK(fs.Content("/d/f").substr(0, 3) == "13x");
  REQUIRE(fs.SyncDir("/d"));
  fs.FailNextSync();
  CHECK(!file->Sync());
  CHECK(file->Sync());
  CHECK(fs.Content("/d/f").substr(0, 3) == "13x");
  Rng rng(1);
  fs.Crash(rng, CrashMode::kLost);
  CHECK(fs.Content("/d/f").find('3') == std::string::npos);
}

TEST_CASE("sim disk: a copy lives on its own") {
  SimFs fs;
  REQUIRE(fs.MakeDir("/d"));
  auto file = Create(fs, "/d/f");
  REQUIRE(file->WriteAt(0, "a"));
  auto copy = fs.Clone();
  REQUIRE(file->WriteAt(0, "b"));
  CHECK(copy->Content("/d/f") == "a");
  Rng rng(1);
  copy->Crash(rng, CrashMode::kLost);
  CHECK(!copy->Exists("/d/f"));
  CHECK(fs.Content("/d/f") == "b");
  fs.FlipBit("/d/f", 0, 0);
  CHECK(fs.Content("/d/f") == "c");
}

}  // namespace clustron::sim

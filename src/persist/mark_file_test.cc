#include "persist/mark_file.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/sim/sim_fs.h"

namespace clustron::persist {
namespace {

using sim::SimFs;

struct Disk {
  Disk() { REQUIRE(fs.MakeDir("/d")); }
  MarkFile Load() {
    MarkFile file(&fs, "/d", "m");
    REQUIRE(file.Load());
    return file;
  }
  SimFs fs;
};

}  // namespace

TEST_CASE("mark file: what a failed sync left behind in the cache is written anew, not relied on") {
  for (const bool kept : {true, false}) {
    CAPTURE(kept);
    Disk disk;
    MarkFile file = disk.Load();
    REQUIRE(file.WriteBoth("old"));
    disk.fs.FailNextSync();
    CHECK(!file.Write("new"));
    // The next process sees what no sync will write any more.
    MarkFile next = disk.Load();
    CHECK(next.value() == "new");
    if (kept) REQUIRE(next.Keep());
    Rng rng(1);
    disk.fs.Crash(rng, sim::CrashMode::kLost);
    CHECK(disk.Load().value() == (kept ? "new" : "old"));
  }
}

TEST_CASE("mark file: a value that was written to one copy only is in both after a start") {
  enum class How { kSyncFailed, kOtherRotten };
  for (const How how : {How::kSyncFailed, How::kOtherRotten}) {
    for (const bool both : {true, false}) {
      CAPTURE(both);
      Disk disk;
      MarkFile file = disk.Load();
      REQUIRE(file.WriteBoth("old"));
      if (how == How::kSyncFailed) {
        disk.fs.FailNextSync();
        CHECK(!file.WriteBoth("new"));
      } else {
        REQUIRE(file.WriteBoth("new"));
        disk.fs.FlipBit("/d/m.a", 9, 1);
      }
      MarkFile next = disk.Load();
      REQUIRE(next.value() == "new");
      REQUIRE((both ? next.KeepBoth() : next.Keep()));
      CHECK(disk.fs.AllSynced());
      CHECK_FALSE((both && disk.Load().damaged()));
      // Whichever copy rots then, the value stays.
      size_t kept = 0;
      for (const char* copy : {"/d/m.a", "/d/m.b"}) {
        const auto later = disk.fs.Clone();
        later->FlipBit(copy, 9, 1);
        MarkFile rotten(later.get(), "/d", "m");
        REQUIRE(rotten.Load());
        kept += rotten.value() == "new" ? 1 : 0;
      }
      CHECK(kept == (both ? 2U : 1U));
    }
  }
}

TEST_CASE("mark file: to keep both copies on a full disk is left for the next start") {
  Disk disk;
  MarkFile file = disk.Load();
  REQUIRE(file.Write("first"));
  disk.fs.SetCapacity(1);
  MarkFile next = disk.Load();
  CHECK(next.KeepBoth());
  CHECK(next.value() == "first");
  CHECK(disk.Load().value() == "first");
}

TEST_CASE("mark file: to keep nothing writes nothing; a full disk doesn't matter") {
  Disk disk;
  MarkFile file = disk.Load();
  REQUIRE(file.Keep());
  CHECK(disk.fs.Files().empty());
  REQUIRE(file.Write("first"));
  disk.fs.SetCapacity(1);
  MarkFile next = disk.Load();
  CHECK(next.Keep());
  CHECK(next.value() == "first");
}

TEST_CASE("mark file: the newest value comes back, copies alternate") {
  Disk disk;
  MarkFile file = disk.Load();
  CHECK(file.missing());
  CHECK(!file.value());
  for (int i = 1; i <= 5; ++i) {
    const std::string value = std::string(static_cast<size_t>(20 - 3 * i), 'x') + std::to_string(i);
    REQUIRE(file.Write(value));
    CHECK(disk.Load().value() == value);
    CHECK(!disk.Load().damaged());
  }
  CHECK(disk.fs.Files() == std::vector<std::string>{"/d/m.a", "/d/m.b"});
  CHECK(disk.fs.AllSynced());
}

TEST_CASE("mark file: with one copy damaged the other holds, and it says so") {
  for (const char* name : {"/d/m.a", "/d/m.b"}) {
    for (uint64_t byte = 0; byte < 23; ++byte) {
      Disk disk;
      MarkFile file = disk.Load();
      REQUIRE(file.Write("one"));
      REQUIRE(file.Write("two"));
      CAPTURE(byte);
      disk.fs.FlipBit(name, byte, static_cast<int>(byte % 8));
      MarkFile again = disk.Load();
      CHECK(again.damaged());
      const std::string expected = name == std::string("/d/m.b") ? "one" : "two";
      CHECK(again.value() == expected);
      // The next value heals it.
      REQUIRE(again.Write("three"));
      CHECK(!disk.Load().damaged());
      CHECK(disk.Load().value() == "three");
    }
  }
}

TEST_CASE("mark file: a crash leaves the old or the new value, never neither") {
  for (uint64_t op = 1; op <= 12; ++op) {
    for (const sim::CrashMode mode : sim::kCrashModes) {
      Disk disk;
      MarkFile file = disk.Load();
      REQUIRE(file.Write("one"));
      disk.fs.StopAt(op);
      const bool two = file.Write("two").has_value();
      const bool three = two && file.Write("three").has_value();
      Rng rng(op);
      disk.fs.Crash(rng, mode);
      CAPTURE(op);
      CAPTURE(static_cast<int>(mode));
      const std::string value = disk.Load().value().value_or("none");
      if (three) {
        CHECK(value == "three");
      } else if (two) {
        CHECK((value == "two" || value == "three"));
      } else {
        CHECK((value == "one" || value == "two"));
      }
    }
  }
}

TEST_CASE("mark file: a name that a killed process had not synced is synced with the next value") {
  for (uint64_t op = 1; op <= 6; ++op) {
    Disk disk;
    MarkFile file = disk.Load();
    REQUIRE(file.Write("one"));
    disk.fs.StopAt(op);
    static_cast<void>(file.Write("two"));
    disk.fs.Kill();
    MarkFile again = disk.Load();
    REQUIRE(again.Write("three"));
    REQUIRE(again.Write("four"));
    Rng rng(op);
    disk.fs.Crash(rng, sim::CrashMode::kLost);
    CAPTURE(op);
    CHECK(disk.Load().value() == "four");
  }
}

TEST_CASE("mark file: written to both, either copy is enough") {
  for (const char* name : {"/d/m.a", "/d/m.b"}) {
    Disk disk;
    MarkFile file = disk.Load();
    REQUIRE(file.WriteBoth("one"));
    REQUIRE(file.WriteBoth("two"));
    disk.fs.FlipBit(name, 21, 0);
    CHECK(disk.Load().value() == "two");
  }
}

}  // namespace clustron::persist

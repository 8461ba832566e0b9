#include "persist/fs.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/sim/sim_fs.h"

namespace clustron::persist {
namespace {

// A directory of its own, gone afterwards.
struct TempDir {
  TempDir()
      : path(std::filesystem::temp_directory_path() /
             ("clustron-fs-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  const std::filesystem::path path;
};

// What every Fs must do, the simulated one as well.
void CheckContract(Fs& fs, const std::string& root) {
  const std::string dir = root + "/a/b";
  REQUIRE(fs.MakeDir(dir));
  REQUIRE(fs.MakeDir(dir));
  CHECK(fs.Open(dir + "/none", OpenMode::kRead).error().code == Errc::kNotFound);
  CHECK(fs.Open(dir + "/none", OpenMode::kReadWrite).error().code == Errc::kNotFound);
  CHECK(fs.Open(root + "/none/x", OpenMode::kCreate).error().code == Errc::kNotFound);
  CHECK(fs.List(root + "/none").error().code == Errc::kNotFound);
  CHECK(fs.Remove(dir + "/none").error().code == Errc::kNotFound);

  auto file = fs.Open(dir + "/f", OpenMode::kCreate);
  REQUIRE(file);
  CHECK((*file)->WriteAt(5, "hello"));
  CHECK((*file)->Size() == 10u);
  char bytes[16];
  CHECK((*file)->ReadAt(0, bytes, sizeof bytes) == 10u);
  CHECK(std::string(bytes, 10) == std::string("\0\0\0\0\0hello", 10));
  CHECK((*file)->ReadAt(7, bytes, 2) == 2u);
  CHECK(std::string(bytes, 2) == "ll");
  CHECK((*file)->ReadAt(10, bytes, 1) == 0u);
  CHECK((*file)->Allocate(100));
  CHECK((*file)->Size() == 100u);
  CHECK((*file)->Allocate(50));
  CHECK((*file)->Size() == 100u);
  CHECK((*file)->ReadAt(8, bytes, 4) == 4u);
  CHECK(std::string(bytes, 4) == std::string("lo\0\0", 4));
  CHECK((*file)->Truncate(6));
  CHECK((*file)->Size() == 6u);
  CHECK((*file)->Sync());
  CHECK(fs.SyncDir(dir));

  CHECK(fs.Rename(dir + "/f", dir + "/g"));
  CHECK(!fs.Exists(dir + "/f"));
  CHECK(fs.Exists(dir + "/g"));
  REQUIRE(fs.Open(dir + "/e", OpenMode::kCreate));
  CHECK(fs.List(dir) == std::vector<std::string>{"e", "g"});
  CHECK(fs.List(root + "/a") == std::vector<std::string>{"b"});
  CHECK(ReadFile(fs, dir + "/g", 6) == std::string("\0\0\0\0\0h", 6));
  CHECK(ReadFile(fs, dir + "/g", 5).error().code == Errc::kLimit);
  // Replaces, and an open file stays readable without its name.
  CHECK(fs.Rename(dir + "/g", dir + "/e"));
  CHECK(fs.Remove(dir + "/e"));
  CHECK((*file)->ReadAt(5, bytes, 1) == 1u);
  auto again = fs.Open(dir + "/h", OpenMode::kCreate);
  REQUIRE(again);
  CHECK((*again)->WriteAt(0, "x"));
  again = fs.Open(dir + "/h", OpenMode::kCreate);
  REQUIRE(again);
  CHECK((*again)->Size() == 0u);
  const auto free = fs.Free(dir);
  REQUIRE(free);
  CHECK(free->bytes > 0);
  CHECK(free->files > 0);
}

}  // namespace

TEST_CASE("fs: the operating system's files keep the contract") {
  TempDir dir;
  PosixFs fs;
  CheckContract(fs, dir.path.string());
}

TEST_CASE("fs: the simulated disk keeps the contract") {
  sim::SimFs fs;
  REQUIRE(fs.MakeDir("/root"));
  CheckContract(fs, "/root");
}

TEST_CASE("fs: errors say which call, which path and why") {
  PosixFs fs;
  const auto opened = fs.Open("/nonexistent/file", OpenMode::kRead);
  REQUIRE(!opened);
  CHECK(opened.error().detail == "open /nonexistent/file: No such file or directory");
  // /dev/full refuses every write as a full disk does.
  auto full = fs.Open("/dev/full", OpenMode::kReadWrite);
  REQUIRE(full);
  const Status written = (*full)->WriteAt(0, "x");
  REQUIRE(!written);
  CHECK(written.error().code == Errc::kNoSpace);
}

}  // namespace clustron::persist

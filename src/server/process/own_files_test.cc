#include "server/process/own_files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace clustron::server {
namespace {

TEST_CASE("files of this process go with it, another's in their place stay") {
  char name[] = "/tmp/own-files-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  const std::filesystem::path dir = name;
  const auto write = [&](const char* file) { std::ofstream(dir / file) << "x"; };
  auto files = std::make_unique<OwnFiles>();
  for (const char* file : {"kept", "replaced", "gone"}) {
    write(file);
    files->Add(dir / file);
  }
  write("foreign");
  std::filesystem::remove(dir / "gone");
  std::filesystem::remove(dir / "replaced");
  write("replaced");
  files->Add(dir / "never-there");
  files.reset();
  CHECK(!std::filesystem::exists(dir / "kept"));
  CHECK(std::filesystem::exists(dir / "replaced"));
  CHECK(std::filesystem::exists(dir / "foreign"));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace clustron::server

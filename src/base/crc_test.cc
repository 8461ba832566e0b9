#include "base/crc.h"

#include <doctest/doctest.h>

#include <string>

namespace clustron {

TEST_CASE("crc32c gives the published check values") {
  CHECK(Crc32c("123456789") == 0xE3069283u);
  CHECK(Crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(Crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
}

TEST_CASE("crc32c goes on from any point") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view view = text;
    CHECK(Crc32c(view.substr(cut), Crc32c(view.substr(0, cut))) == Crc32c(view));
  }
}

}  // namespace clustron

// Configuration text: any text is taken or refused with a reason that names the line; what was
// taken can be shown. `include` is left out: it would read the machine's own files.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/strings.h"
#include "server/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (clustron::Lower(text).find("include") != std::string::npos) return 0;
  clustron::server::Config config;
  const clustron::Status loaded = config.LoadText(text, "fuzz.conf");
  if (!loaded) {
    CHECK(loaded.error().detail.find("fuzz.conf") != std::string::npos);
    return 0;
  }
  const std::string_view all[] = {"*"};
  CHECK(!config.Get(all).empty());
  return 0;
}

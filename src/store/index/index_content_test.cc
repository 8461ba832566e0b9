#include "store/index/index_content.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/hash.h"

namespace clustron::store {
namespace {

constexpr uint64_t kSeed = 7;

// To give a key another id is work by its values, which a removal of another key does not pay.
TEST_CASE("ids: a key with many values keeps its id, whatever goes") {
  IndexContent content({.fields = {{.name = "f", .type = FieldType::kText}}}, kSeed);
  const auto hash = [](const std::string& name) { return HashBytes(name, kSeed); };
  const auto set = [&](const std::string& name, std::string_view words) {
    content.Set(name, hash(name), std::vector<std::vector<std::string_view>>{{words}});
  };
  constexpr int kSmall = 9000;
  for (int i = 0; i < kSmall; i++) set("s" + std::to_string(i), "one");
  std::string words;
  for (int i = 0; i < 100; i++) words += "w" + std::to_string(i) + " ";
  set("big", words);
  const uint32_t id = content.Find("big", hash("big"))->id();
  for (int i = 0; i < kSmall; i++)
    CHECK(content.Remove("s" + std::to_string(i), hash("s" + std::to_string(i))));
  content.CheckInvariants();
  CHECK(content.size() == 1);
  CHECK(content.Find("big", hash("big"))->id() == id);
  // The ids below are used again.
  set("new", "one");
  CHECK(content.id_end() == id + 1);
  CHECK(content.Remove("big", hash("big")));
  content.CheckInvariants();
  CHECK(content.Find("new", hash("new")) != nullptr);
  CHECK(content.Remove("new", hash("new")));
  CHECK(content.id_end() == 0);
}

}  // namespace
}  // namespace clustron::store

#include "state/change_places.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"

namespace clustron::state {
namespace {

TEST_CASE("change places find what a map finds, also where hashes are the same") {
  Rng rng(9);
  ChangePlaces places;
  for (const uint64_t hashes : {uint64_t{3}, uint64_t{1} << 20, UINT64_MAX}) {
    CAPTURE(hashes);
    std::map<std::string, size_t> model;
    std::vector<std::string> keys;
    const auto hash_of = [&](const std::string& key) {
      return std::hash<std::string>()(key) % hashes;
    };
    for (int step = 0; step < 3000; step++) {
      const std::string key = std::to_string(rng.Below(2000));
      const size_t found =
          places.Find(hash_of(key), [&](size_t place) { return keys[place] == key; });
      const auto it = model.find(key);
      REQUIRE(found == (it == model.end() ? ChangePlaces::kNone : it->second));
      if (it != model.end()) continue;
      places.Add(hash_of(key), keys.size());
      model.emplace(key, keys.size());
      keys.push_back(key);
      CHECK(places.size() == keys.size());
    }
    places.Clear();
    CHECK(places.empty());
    CHECK(places.Find(hash_of("1"), [](size_t) { return true; }) == ChangePlaces::kNone);
  }
}

TEST_CASE("a key is compared with some few of 65,536 others") {
  ChangePlaces places;
  size_t compared = 0;
  Rng rng(3);
  for (size_t i = 0; i < 65'536; i++) {
    const uint64_t hash = rng.Next();
    places.Find(hash, [&](size_t) {
      compared++;
      return false;
    });
    places.Add(hash, i);
  }
  CHECK(compared < 100);
}

}  // namespace
}  // namespace clustron::state

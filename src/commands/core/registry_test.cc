#include "commands/core/registry.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "commands/core/keys.h"
#include "resp/reply_writer.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::commands {

namespace {

using Words = std::vector<std::string_view>;

std::vector<int> KeyIndexes(const Words& args) {
  const CommandSpec* container;
  const CommandSpec* spec = Registry::Get().Resolve(args, &container);
  REQUIRE(spec != nullptr);
  std::vector<KeyRef> keys;
  std::vector<int> indexes;
  if (!KeysOf(*spec, args, &keys)) return {-1};
  for (const KeyRef& key : keys) indexes.push_back(key.index);
  return indexes;
}

std::string BadCommand(const Words& args) {
  const CommandSpec* container;
  const CommandSpec* spec = Registry::Get().Resolve(args, &container);
  std::string out;
  resp::ReplyWriter reply(&out, 2);
  ReplyBadCommand(args, container, spec, reply);
  return out;
}

}  // namespace

TEST_CASE("commands are found in any case, and nothing else is") {
  const Registry& registry = Registry::Get();
  for (const CommandSpec* spec : registry.All()) {
    std::string name(spec->name);
    CHECK(registry.Find(name) == spec);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    CHECK(registry.Find(name) == spec);
    CHECK(registry.Find(name + "x") != spec);
    CHECK(registry.Find(std::string_view(name).substr(1)) != spec);
    CHECK(registry.Find(name + std::string(1, '\0')) == nullptr);
  }
  CHECK(registry.Find("") == nullptr);
  CHECK(registry.Find("a name that is longer than every command's") == nullptr);
  // Only letters fold: these differ from GET and BITFIELD_RO by the letters' case bit alone.
  CHECK(registry.Find("bitfield\x7fro") == nullptr);
}

TEST_CASE("subcommands are found through their container") {
  const Registry& registry = Registry::Get();
  const CommandSpec* container;
  const Words call = {"object", "Encoding", "k"};
  const CommandSpec* spec = registry.Resolve(call, &container);
  REQUIRE(spec != nullptr);
  CHECK(spec->name == "OBJECT|ENCODING");
  const Words unknown = {"OBJECT", "NOSUCH"};
  CHECK(registry.Resolve(unknown, &container) == nullptr);
  CHECK(container != nullptr);
  const Words alone = {"OBJECT"};
  CHECK(registry.Resolve(alone, &container)->name == "OBJECT");
}

TEST_CASE("ids lead back to their rows") {
  const Registry& registry = Registry::Get();
  CHECK(registry.ById(0) == nullptr);
  CHECK(registry.ById(65'000) == nullptr);
  CHECK(registry.ById(101) == registry.Find("SET"));
  for (const CommandSpec* spec : registry.All()) {
    if (spec->id != 0) CHECK(registry.ById(spec->id) == spec);
  }
}

TEST_CASE("keys of a call are found by the key specs") {
  CHECK(KeyIndexes({"GET", "k"}) == std::vector{1});
  CHECK(KeyIndexes({"MSET", "a", "1", "b", "2"}) == std::vector{1, 3});
  CHECK(KeyIndexes({"DEL", "a", "b", "c"}) == std::vector{1, 2, 3});
  CHECK(KeyIndexes({"RENAME", "a", "b"}) == std::vector{1, 2});
  CHECK(KeyIndexes({"BITOP", "AND", "d", "a", "b"}) == std::vector{2, 3, 4});
  CHECK(KeyIndexes({"OBJECT", "ENCODING", "k"}) == std::vector{2});
  CHECK(KeyIndexes({"DBSIZE"}).empty());
  CHECK(KeyIndexes({"RENAME", "a"}) == std::vector{-1});
}

TEST_CASE("bad calls are answered as Redis answers them") {
  CHECK(BadCommand({"nosuch", "a", "b"}) ==
        "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \r\n");
  CHECK(BadCommand({"object", "nosuch"}) ==
        "-ERR unknown subcommand 'nosuch'. Try OBJECT HELP.\r\n");
  CHECK(BadCommand({"get"}) == "-ERR wrong number of arguments for 'get' command\r\n");
  CHECK(BadCommand({"object", "encoding"}) ==
        "-ERR wrong number of arguments for 'object|encoding' command\r\n");
}

TEST_CASE("what the first programs don't know needs a later feature version") {
  // Ids of feature version 1, from … to. The list is closed: a new command's row says which later
  // version every node must know before the command may stand in the log.
  constexpr std::pair<int, int> kFirst[] = {
      {100, 121}, {130, 136}, {200, 214}, {230, 238}, {250, 258}, {300, 315},
      {400, 400}, {410, 412}, {420, 428}, {430, 443}, {445, 448}, {450, 461},
      {470, 474}, {476, 498}, {500, 507}, {550, 557}, {600, 606},
  };
  const auto first = [&](int id) {
    return std::any_of(std::begin(kFirst), std::end(kFirst),
                       [id](auto range) { return range.first <= id && id <= range.second; });
  };
  for (int id = 1; id <= UINT16_MAX; id++) {
    const CommandSpec* spec = Registry::Get().ById(static_cast<uint16_t>(id));
    if (spec == nullptr) continue;
    INFO(spec->name);
    CHECK((spec->feature_version == 1) == first(id));
  }
}

}  // namespace clustron::commands

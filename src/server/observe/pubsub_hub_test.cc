#include "server/observe/pubsub_hub.h"

#include <map>
#include <set>

#include "base/glob.h"
#include "base/rng.h"
#include "server/front/fake_link.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

using Kind = commands::PubsubPort::Kind;

TEST_CASE("a message reaches channel and pattern subscribers, in each one's protocol") {
  PubsubHub hub;
  FakeClient a(1), b(2);
  b.client.modes().resp_version = 3;
  CHECK(hub.Subscribe(a.client, Kind::kChannel, "news"));
  CHECK(!hub.Subscribe(a.client, Kind::kChannel, "news"));
  CHECK(hub.Subscribe(a.client, Kind::kPattern, "n*"));
  CHECK(hub.Subscribe(b.client, Kind::kChannel, "news"));
  CHECK(hub.Deliver("news", "hi", false) == 3);
  CHECK(a.link.Take() ==
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
        "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
  CHECK(b.link.Take() == ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
  CHECK(hub.CountOf(a.client, Kind::kPattern) == 2);
  CHECK(hub.Unsubscribe(a.client, Kind::kChannel, "news"));
  CHECK(!hub.Unsubscribe(a.client, Kind::kChannel, "news"));
  CHECK(hub.Deliver("news", "x", false) == 2);
  hub.Forget(a.client);
  hub.Forget(b.client);
  CHECK(hub.empty());
  CHECK(hub.Deliver("news", "x", false) == 0);
}

TEST_CASE("shard channels are a name space of their own, without patterns") {
  PubsubHub hub;
  FakeClient a(1);
  hub.Subscribe(a.client, Kind::kShard, "s");
  hub.Subscribe(a.client, Kind::kPattern, "*");
  CHECK(hub.Deliver("s", "m", true) == 1);
  CHECK(a.link.Take() == "*3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$1\r\nm\r\n");
  CHECK(hub.Deliver("s", "m", false) == 1);
  CHECK(a.link.Take().starts_with("*4\r\n$8\r\npmessage"));
  CHECK(hub.CountOf(a.client, Kind::kShard) == 1);
  CHECK(hub.CountOf(a.client, Kind::kChannel) == 1);
  CHECK(hub.Names(Kind::kShard, std::nullopt) == std::vector<std::string>{"s"});
  CHECK(hub.Names(Kind::kChannel, std::nullopt).empty());
  hub.Forget(a.client);
}

TEST_CASE("patterns don't match reserved channels, exact subscriptions do") {
  PubsubHub hub;
  FakeClient a(1);
  hub.Subscribe(a.client, Kind::kPattern, "*");
  for (const char* name :
       {"__lock@0__:x", "__lease__:l", "__watch@3__:k:a", "__index@0__:i", "__cluster__"}) {
    CAPTURE(name);
    CHECK(!hub.Listening(name, false));
    CHECK(hub.Deliver(name, "m", false) == 0);
  }
  CHECK(hub.Deliver("__keyspace@0__:x", "set", false) == 1);
  CHECK(hub.Deliver("__cluster__2", "m", false) == 1);
  hub.Subscribe(a.client, Kind::kChannel, "__lock@0__:x");
  CHECK(hub.Deliver("__lock@0__:x", "m", false) == 1);
  hub.Forget(a.client);
}

TEST_CASE("the hub agrees with a naive model") {
  const uint64_t seed = 20;
  CAPTURE(seed);
  Rng rng(seed);
  PubsubHub hub;
  std::vector<std::unique_ptr<FakeClient>> clients;
  for (uint64_t id = 1; id <= 8; id++) clients.push_back(std::make_unique<FakeClient>(id));
  std::set<std::tuple<size_t, Kind, std::string>> model;
  const std::vector<std::string> names = {"a", "ab", "abc", "*", "a*", "?b", "__cluster__"};
  for (int step = 0; step < 3000; step++) {
    const size_t who = rng.Below(clients.size());
    const Kind kind = static_cast<Kind>(rng.Below(3));
    const std::string name = names[rng.Below(names.size())];
    Client& client = clients[who]->client;
    if (rng.Percent(40)) {
      CHECK(hub.Subscribe(client, kind, name) == model.emplace(who, kind, name).second);
    } else if (rng.Percent(50)) {
      CHECK(hub.Unsubscribe(client, kind, name) == (model.erase({who, kind, name}) == 1));
    } else if (rng.Percent(5)) {
      hub.Forget(client);
      std::erase_if(model, [&](const auto& entry) { return std::get<0>(entry) == who; });
    } else {
      const bool sharded = rng.Percent(30);
      uint64_t expected = 0;
      for (const auto& [owner, k, n] : model) {
        if (sharded) {
          expected += k == Kind::kShard && n == name;
        } else {
          expected += k == Kind::kChannel && n == name;
          expected += k == Kind::kPattern && name != "__cluster__" && GlobMatch(n, name);
        }
      }
      CHECK(hub.Listening(name, sharded) == (expected > 0));
      CHECK(hub.Deliver(name, "m", sharded) == expected);
    }
  }
  for (auto& client : clients) hub.Forget(client->client);
  CHECK(hub.empty());
}

}  // namespace clustron::server

#include "server/observe/notifications.h"

#include "server/front/fake_link.h"
#include "server/observe/pubsub_hub.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

using Kind = commands::PubsubPort::Kind;

namespace {

struct Fixture {
  PubsubHub hub;
  Notifications notifications{hub};
  FakeClient a{1};

  Fixture() { hub.Subscribe(a.client, Kind::kPattern, "__key*"); }
  ~Fixture() { hub.Forget(a.client); }
  bool Flags(std::string_view letters) {
    return notifications.SetFlags(*store::ParseEventFlags(letters));
  }
  // "channel message" lines.
  std::string Told() {
    std::string text;
    std::string out = a.link.Take();
    size_t at = 0;
    while ((at = out.find("__key*\r\n", at)) != std::string::npos) {
      at = out.find("\r\n", at + 8) + 2;
      const size_t end = out.find("\r\n", at);
      text += out.substr(at, end - at) + " ";
      at = out.find("\r\n", end + 2) + 2;
      text += out.substr(at, out.find("\r\n", at) - at) + "\n";
    }
    return text;
  }
};

constexpr store::Event kSet = {store::EventClass::kString, "set"};

}  // namespace

TEST_CASE("a change is told on the key's and the event's channel, as the letters say") {
  Fixture f;
  const store::Change change = {.db = 3, .key = "k", .event = kSet, .created = true};
  CHECK(!f.notifications.on());
  f.notifications.OnChange(change);
  CHECK(f.Told().empty());
  CHECK(f.Flags("KEA"));
  f.notifications.OnChange(change);
  CHECK(f.Told() == "__keyspace@3__:k set\n__keyevent@3__:set k\n");
  CHECK(f.Flags("En$"));
  f.notifications.OnChange(change);
  CHECK(f.Told() == "__keyevent@3__:new k\n__keyevent@3__:set k\n");
  CHECK(f.Flags("Kx"));
  f.notifications.OnChange(change);
  CHECK(f.Told().empty());
  f.notifications.OnNotify(0, "gone", {store::EventClass::kExpired, "expired"});
  CHECK(f.Told() == "__keyspace@0__:gone expired\n");
}

TEST_CASE("letters without K or E tell nothing; unnamed changes neither") {
  Fixture f;
  CHECK(!f.Flags("A"));
  CHECK(f.Flags("KEAnm"));
  f.notifications.OnChange({.db = 0, .key = "k"});
  CHECK(f.Told().empty());
  f.notifications.OnMiss(0, "k");
  CHECK(f.Told() == "__keyspace@0__:k keymiss\n__keyevent@0__:keymiss k\n");
}

}  // namespace clustron::server

#include "commands/core/spec.h"
#include "server/config/config.h"
#include "server/front/auth.h"
#include "server/front/client_table.h"
#include "server/front/fake_link.h"
#include "server/observe/pubsub_hub.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

using commands::ClientFilter;
using commands::ReplyMode;
using Kind = commands::PubsubPort::Kind;

namespace {

struct Fixture {
  FakeClock clock;
  Config config;
  ClientTable table{clock, config};
  PubsubHub hub;
  std::vector<std::unique_ptr<FakeClient>> all;

  ~Fixture() {
    for (auto& one : all) {
      hub.Forget(one->client);
      table.Remove(one->client);
    }
  }
  FakeClient& Add() {
    all.push_back(std::make_unique<FakeClient>(table.NextId(), table.NowMs()));
    table.Add(all.back()->client);
    return *all.back();
  }
  void Set(std::string_view name, std::string_view text) {
    REQUIRE(config.Set(std::vector<Config::PairView>{{name, text}}));
  }
};

constexpr commands::CommandSpec kGet = {.name = "GET"};
constexpr commands::CommandSpec kPing = {.name = "PING", .flags = commands::kWhenSubscribed};
constexpr commands::CommandSpec kClientList = {.name = "CLIENT|LIST"};
constexpr commands::CommandSpec kUnpause = {.name = "CLIENT|UNPAUSE",
                                            .flags = commands::kNeverHeld};

}  // namespace

TEST_CASE("CLIENT LIST has Redis's fields in Redis's order") {
  Fixture f;
  FakeClient& a = f.Add();
  a.client.modes().name = "app";
  a.client.library().name = "redis-py";
  a.client.library().version = "1.2";
  a.client.modes().db = 3;
  f.clock.ms += 5500;
  a.client.Touch(f.clock.ms - 2000, &kClientList);
  f.hub.Subscribe(a.client, Kind::kPattern, "x");
  a.link.input = 26;
  CHECK(f.table.Describe(1) ==
        "id=1 addr=10.0.0.1:1 laddr=10.0.0.2:6379 fd=7 name=app age=5 idle=2 flags=P db=3 sub=0 "
        "psub=1 ssub=0 multi=-1 qbuf=26 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 "
        "oll=0 omem=0 tot-mem=" +
            std::to_string(a.client.MemoryBytes()) +
            " events=r cmd=client|list user=default redir=-1 resp=2 lib-name=redis-py "
            "lib-ver=1.2\n");
  CHECK(f.table.Describe(9).empty());
}

TEST_CASE("the flags of CLIENT LIST say what the client is doing") {
  Fixture f;
  FakeClient& a = f.Add();
  const auto flags = [&] {
    const std::string line = f.table.Describe(a.client.id());
    const size_t at = line.find(" flags=") + 7;
    return line.substr(at, line.find(' ', at) - at);
  };
  CHECK(flags() == "N");
  a.client.transaction().Begin();
  a.client.modes().no_evict = true;
  a.client.modes().no_touch = true;
  a.client.modes().local_reads = true;
  CHECK(flags() == "xreT");
  a.client.transaction().Queue({&kGet, {"GET", "k"}});
  CHECK(f.table.Describe(1).find(" multi=1 ") != std::string::npos);
  CHECK(f.table.Describe(1).find(" multi-mem=0 ") == std::string::npos);
  a.client.transaction().End();
  CHECK(flags() == "reT");
  CHECK(f.table.Describe(1).find(" multi=-1 ") != std::string::npos);
}

TEST_CASE("filters of CLIENT LIST and KILL must all fit") {
  Fixture f;
  FakeClient& a = f.Add();
  FakeClient& b = f.Add();
  f.clock.ms += 10'000;
  FakeClient& c = f.Add();
  f.hub.Subscribe(b.client, Kind::kChannel, "x");

  const auto lines = [&](const ClientFilter& filter) {
    const std::string list = f.table.List(filter);
    return std::count(list.begin(), list.end(), '\n');
  };
  CHECK(lines({}) == 3);
  CHECK(lines({.type = commands::ClientType::kPubsub}) == 1);
  CHECK(lines({.type = commands::ClientType::kReplica}) == 0);
  CHECK(lines({.ids = {3, 1, 77}}) == 2);
  CHECK(lines({.max_age_s = 10}) == 2);
  CHECK(lines({.max_age_s = 11}) == 0);
  CHECK(lines({.addr = "10.0.0.1:2"}) == 1);
  CHECK(lines({.laddr = "10.0.0.2:6379"}) == 3);
  CHECK(lines({.user = "nobody"}) == 0);

  CHECK(f.table.Kill({.type = commands::ClientType::kNormal, .not_id = 1}, 1) == 1);
  CHECK(!a.link.closed);
  CHECK(!b.link.closed);
  CHECK(c.link.closed);
  CHECK(f.table.Kill({.ids = {1}}, 1) == 1);
  CHECK(!a.link.closed);
  CHECK(a.link.close_after_reply);
}

TEST_CASE("idle clients are closed after timeout, subscribers never") {
  Fixture f;
  FakeClient& a = f.Add();
  FakeClient& b = f.Add();
  f.hub.Subscribe(b.client, Kind::kChannel, "x");
  f.clock.ms += 100'000;
  CHECK(f.table.SweepLimits().idle == 0);
  f.Set("timeout", "100");
  CHECK(f.table.SweepLimits().idle == 0);
  f.clock.ms += 1;
  CHECK(f.table.SweepLimits().idle == 1);
  CHECK(a.link.closed);
  CHECK(!b.link.closed);
}

TEST_CASE("output limits: hard at once, soft after its time without a break") {
  Fixture f;
  FakeClient& a = f.Add();
  f.Set("client-output-buffer-limit", "normal 1000 100 2");
  a.link.output = 999;
  CHECK(!f.table.OverHardLimit(a.client));
  CHECK(f.table.SweepLimits().output == 0);
  f.clock.ms += 1500;
  a.link.output = 50;
  CHECK(f.table.SweepLimits().output == 0);
  a.link.output = 500;
  CHECK(f.table.SweepLimits().output == 0);
  f.clock.ms += 1900;
  CHECK(f.table.SweepLimits().output == 0);
  f.clock.ms += 200;
  CHECK(f.table.SweepLimits().output == 1);
  CHECK(a.link.closed);

  FakeClient& b = f.Add();
  b.link.output = 1000;
  CHECK(f.table.OverHardLimit(b.client));
  f.hub.Subscribe(b.client, Kind::kChannel, "x");  // another class, with more room
  CHECK(!f.table.OverHardLimit(b.client));
}

TEST_CASE("query buffers and the number of clients are bounded") {
  Fixture f;
  FakeClient& a = f.Add();
  f.Set("client-query-buffer-limit", "1mb");
  a.link.input = 1 << 20;
  CHECK(!f.table.OverQueryLimit(a.client));
  a.link.input++;
  CHECK(f.table.OverQueryLimit(a.client));
  // What MULTI has queued is a part of a request.
  a.link.input = 0;
  a.client.transaction().Begin();
  a.client.transaction().Queue({&kGet, {std::string(1 << 20, 'x')}});
  CHECK(f.table.OverQueryLimit(a.client));
  a.client.transaction().End();
  CHECK(!f.table.OverQueryLimit(a.client));
  f.Set("maxclients", "2");
  CHECK(f.table.HasRoom());
  f.Add();
  CHECK(!f.table.HasRoom());
}

TEST_CASE("strangers cost little and have ten seconds; who authenticates is none any more") {
  Fixture f;
  FakeClient& before = f.Add();
  f.Set("requirepass", "secret");
  const auto stranger = [&]() -> FakeClient& {
    FakeClient& client = f.Add();
    f.table.Remove(client.client);
    client.client.RequireAuth();
    f.table.Add(client.client);
    return client;
  };
  FakeClient& a = stranger();
  FakeClient& b = stranger();
  CHECK(!f.table.Stranger(before.client));  // was here before the password
  CHECK(f.table.Stranger(a.client));
  a.link.output = b.link.output = 17 * 1024 + 1;
  a.link.input = b.link.input = 64 * 1024 + 1;
  CHECK(f.table.OverHardLimit(a.client));
  CHECK(f.table.OverQueryLimit(a.client));
  b.client.SetAuthenticated("default");
  CHECK(!f.table.OverHardLimit(b.client));
  CHECK(!f.table.OverQueryLimit(b.client));
  f.table.SweepLimits();
  CHECK(a.link.closed);
  b.client.RequireAuth();  // RESET, with its replies still on their way
  CHECK(!f.table.OverHardLimit(b.client));
  b.client.SetAuthenticated("default");
  a.link.output = a.link.input = b.link.output = b.link.input = 0;
  a.link.closed = false;

  f.clock.ms += 6'000;
  FakeClient& later = stranger();
  b.client.RequireAuth();  // RESET
  f.table.SweepLimits();
  f.clock.ms += 4'000;
  CHECK(f.table.SweepLimits().strangers == 0);
  f.clock.ms += 1;
  CHECK(f.table.SweepLimits().strangers == 1);
  CHECK(a.link.closed);
  a.client.closing = true;
  f.clock.ms += 5'000;
  CHECK(f.table.SweepLimits().strangers == 1);  // a again, which the test keeps
  f.table.Pause(2'000, false);                  // nobody can authenticate
  f.clock.ms += 1'500;
  CHECK(f.table.SweepLimits().strangers == 0);
  f.table.Unpause();
  CHECK(f.table.SweepLimits().strangers == 3);
  CHECK(later.link.closed);
  CHECK(b.link.closed);
  CHECK(!before.link.closed);
}

TEST_CASE("of too many clients the one that has been a stranger for longest goes") {
  Fixture f;
  f.Set("requirepass", "secret");
  std::vector<FakeClient*> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(&f.Add());
    f.table.Remove(clients.back()->client);
    clients.back()->client.RequireAuth();
    f.table.Add(clients.back()->client);
  }
  CHECK(f.table.OldestStranger() == &clients[0]->client);
  clients[0]->client.SetAuthenticated("default");
  CHECK(f.table.OldestStranger() == &clients[1]->client);
  clients[1]->client.closing = true;
  CHECK(f.table.OldestStranger() == &clients[2]->client);
  f.table.Remove(clients[2]->client);
  CHECK(f.table.OldestStranger() == &clients[3]->client);
  f.table.Add(clients[2]->client);
  clients[3]->client.SetAuthenticated("default");
  CHECK(f.table.OldestStranger() == &clients[2]->client);
  f.Set("requirepass", "");
  CHECK(f.table.OldestStranger() == nullptr);
}

TEST_CASE("a pause ends by itself; of two the longer and stricter one counts") {
  Fixture f;
  CHECK(!f.table.Holds(kGet, true));
  f.table.Pause(100, true);
  CHECK(f.table.Holds(kGet, true));
  CHECK(!f.table.Holds(kGet, false));
  f.table.Pause(50, false);
  CHECK(f.table.Holds(kGet, false));
  CHECK(!f.table.Holds(kUnpause, false));
  f.table.Pause(10, true);
  CHECK(f.table.Holds(kGet, false));
  f.clock.ms += 99;
  CHECK(f.table.Holds(kGet, false));
  f.clock.ms += 1;
  CHECK(!f.table.Holds(kGet, true));
  f.table.Pause(INT64_MAX, false);
  CHECK(f.table.paused());
  f.table.Unpause();
  CHECK(!f.table.paused());
}

TEST_CASE("CLIENT REPLY SKIP mutes the next command, OFF all until ON") {
  FakeClient a(1);
  CHECK(!a.client.TakeReplyMuted());
  a.client.SetReplyMode(ReplyMode::kSkipNext);
  CHECK(a.client.TakeReplyMuted());
  CHECK(!a.client.TakeReplyMuted());
  a.client.SetReplyMode(ReplyMode::kOn);
  a.client.SetReplyMode(ReplyMode::kOff);
  a.client.SetReplyMode(ReplyMode::kSkipNext);
  for (int i = 0; i < 5; i++) CHECK(a.client.TakeReplyMuted());
  a.client.SetReplyMode(ReplyMode::kOn);
  CHECK(!a.client.TakeReplyMuted());
}

TEST_CASE("RESET forgets the handshake, the transaction and the modes") {
  FakeClient a(1);
  a.client.modes().name = "n";
  a.client.modes().db = 4;
  a.client.modes().resp_version = 3;
  a.client.SetReplyMode(ReplyMode::kOff);
  a.client.transaction().Begin();
  a.client.transaction().Watch({.db = 0, .key = "k"});
  a.client.transaction().Watch({.db = 0, .key = "k", .key_revision = 9});
  CHECK(a.client.transaction().watched().size() == 1);
  CHECK(a.client.transaction().watched()[0].key_revision == 0);
  a.client.transaction().Spoil();
  a.client.modes().local_reads = true;
  a.client.modes().no_touch = true;
  a.client.modes().no_evict = true;
  a.client.modes().maint_notices = commands::MaintNotices::kWithEndpoint;
  a.client.Reset();
  CHECK_FALSE(a.client.modes().local_reads);
  CHECK_FALSE(a.client.modes().no_touch);
  CHECK_FALSE(a.client.modes().no_evict);
  CHECK(a.client.modes().maint_notices == commands::MaintNotices::kOff);
  CHECK(a.client.modes().name.empty());
  CHECK(a.client.modes().db == 0);
  CHECK(a.client.modes().resp_version == 2);
  CHECK(!a.client.transaction().open());
  CHECK(!a.client.transaction().spoiled());
  CHECK(a.client.transaction().watched().empty());
  CHECK(!a.client.TakeReplyMuted());
}

TEST_CASE_FIXTURE(Fixture, "over maxmemory-clients the largest clients go, until the rest fits") {
  const auto limit = [&](std::string_view value) { Set("maxmemory-clients", value); };
  FakeClient& small = Add();
  FakeClient& large = Add();
  FakeClient& larger = Add();
  FakeClient& kept = Add();
  small.link.output = 10'000;
  large.link.input = 400'000;
  larger.link.output = 500'000;
  kept.link.output = 600'000;
  kept.client.modes().no_evict = true;
  table.SweepLimits();
  CHECK(table.MemoryLimit() == 0);
  CHECK(table.Evict() == 0);

  limit("2mb");
  table.SweepLimits();
  CHECK(table.Evict() == 0);
  limit("1100kb");
  CHECK(table.Evict() == 1);
  CHECK(larger.link.closed);
  CHECK(!large.link.closed);
  // It counts no more, though it is still there; who is kept counts.
  CHECK(table.Evict() == 0);
  large.link.input = 600'000;
  CHECK(table.Evict() == 0);  // not yet noted
  table.NoteMemory(large.client);
  CHECK(table.Evict() == 1);
  CHECK(large.link.closed);
  CHECK(!small.link.closed);
  CHECK(!kept.link.closed);

  limit("1");
  CHECK(table.MemoryLimit() == 128 * 1024);
  limit("10%");
  CHECK(table.MemoryLimit() == SIZE_MAX);
  config.SetEffective("maxmemory", "52428800");
  CHECK(table.MemoryLimit() == 5 * 1024 * 1024);
  CHECK(!config.Set(std::vector<Config::PairView>{{"maxmemory-clients", "101%"}}));
}

TEST_CASE("RESP2 subscribers may send few commands, RESP3 ones any") {
  PubsubHub hub;
  FakeClient a(1);
  CHECK(RefusedWhileSubscribed(kGet, a.client).empty());
  hub.Subscribe(a.client, Kind::kShard, "x");
  CHECK(RefusedWhileSubscribed(kGet, a.client) ==
        "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
        "allowed in this context");
  CHECK(RefusedWhileSubscribed(kPing, a.client).empty());
  a.client.modes().resp_version = 3;
  CHECK(RefusedWhileSubscribed(kGet, a.client).empty());
  hub.Forget(a.client);
}

}  // namespace clustron::server

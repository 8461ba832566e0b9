#include "server/observe/watch_hub.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/coding.h"
#include "base/rng.h"
#include "cluster/log/entry.h"
#include "commands/core/registry.h"
#include "server/front/fake_link.h"

namespace clustron::server {
namespace {

using commands::PubsubPort;
using commands::WatchTarget;
using Kind = PubsubPort::Kind;

// A state machine alone, its watches, and clients with sockets that are strings.
struct Bench {
  explicit Bench(std::string_view mode = "on") {
    executor.OpenInline(1, 1000, 1'700'000'000'000, false);
    std::string version;
    Writer(&version).U16(cluster::kFeatureVersion);
    const std::string_view words[] = {version};
    std::string raise;
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, words, &raise);
    executor.RunInlineItem(raise);
    Run("CONFIG SET watches " + std::string(mode));
  }
  ~Bench() {
    hub.Forget(a.client);
    hub.Forget(b.client);
  }
  std::string Run(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    const std::vector<std::string_view> args(words.begin(), words.end());
    const commands::CommandSpec* container;
    const commands::CommandSpec* spec = commands::Registry::Get().Resolve(args, &container);
    REQUIRE(spec != nullptr);
    resp::ReplyChunks out;
    REQUIRE(executor.RunInline(*spec, args, {}, 0, &out));
    executor.ServeWaiting();
    return out.TakeAll();
  }
  void Subscribe(FakeClient& client, std::string_view channel) {
    CHECK(hub.Subscribe(client.client, Kind::kChannel, channel));
  }
  // Of messages what stands behind the channel's name.
  static std::string Message(std::string_view frame) {
    return std::string(frame.substr(0, frame.size() - 2));
  }
  store::Revision revision() const { return executor.revision(); }
  commands::SinceCall Since(store::Revision revision, bool waits) const {
    return {.target = {0, true, "k"}, .revision = revision, .limit = 100, .waits = waits};
  }

  FakeClock clock;
  Config config;
  PubsubHub hub;
  state::Executor executor{1};
  WatchHub watches{clock, config, executor, hub};
  FakeClient a{1};
  FakeClient b{2};
};

std::string Frame(std::string_view channel, std::string_view text) {
  std::string bytes;
  resp::ReplyWriter writer(&bytes, 2);
  writer.Push(3);
  writer.Bulk("message");
  writer.Bulk(channel);
  writer.Bulk(text);
  return bytes;
}

TEST_CASE("a channel's messages name the revision told before") {
  Bench bench;
  const std::string channel = "__watch@0__:k:key";
  bench.Subscribe(bench.a, channel);
  const store::Revision began = bench.revision();
  bench.Run("SET other x");
  CHECK(bench.a.link.Take().empty());
  bench.Run("SET key v");
  const store::Revision first = bench.revision();
  CHECK(bench.a.link.Take() == Frame(channel, std::to_string(first) + " " + std::to_string(began) +
                                                  " 1\nput cmd - 3 1\nkeyv"));
  bench.Run("DEL key");
  CHECK(bench.a.link.Take() ==
        Frame(channel, std::to_string(bench.revision()) + " " + std::to_string(first) +
                           " 1\ndel cmd - 3 0\nkey"));
  bench.hub.Unsubscribe(bench.a.client, Kind::kChannel, channel);
  bench.Run("SET key v");
  CHECK(bench.a.link.Take().empty());
  CHECK(bench.watches.Counts().targets == 0);
  CHECK(bench.watches.Counts().watchers == 0);
}

TEST_CASE("a quiet channel is told the revision, and nothing is told before what is due") {
  Bench bench;
  const std::string channel = "__watch@0__:p:";
  bench.Subscribe(bench.a, channel);
  bench.clock.ms += 9'000;
  bench.watches.Step();
  CHECK(bench.a.link.Take().empty());
  bench.Run("SET k v");
  bench.a.link.Take();
  bench.clock.ms += 9'000;
  bench.watches.Step();
  CHECK(bench.a.link.Take().empty());
  bench.clock.ms += 1'000;
  bench.watches.Step();
  CHECK(bench.a.link.Take() == Frame(channel, "sync " + std::to_string(bench.revision())));
}

TEST_CASE("who is too slow is told of a gap in place of the events, and goes on") {
  Bench bench;
  REQUIRE(
      bench.config.Set(std::vector<commands::ConfigPort::PairView>{{"watch-buffer-size", "4096"}})
          .has_value());
  const std::string channel = "__watch@0__:k:key";
  bench.Subscribe(bench.a, channel);
  bench.Subscribe(bench.b, channel);
  const store::Revision began = bench.revision();
  bench.a.link.output = 1 << 20;  // its socket takes nothing
  const std::string value(1000, 'v');
  std::vector<store::Revision> revisions;
  for (int i = 0; i < 10; ++i) {
    bench.Run("SET key " + value);
    revisions.push_back(bench.revision());
  }
  CHECK(bench.watches.List({})[0].slow);
  CHECK(bench.a.link.Take().empty());
  CHECK(std::count(bench.b.link.out.begin(), bench.b.link.out.end(), '*') == 10);
  CHECK(bench.watches.Counts().buffered_bytes <= 4096);
  bench.a.link.output = 0;
  bench.watches.Step();
  std::string expected;
  store::Revision before = began;
  for (int i = 0; i < 3; ++i) {
    expected += Frame(channel, std::to_string(revisions[i]) + " " + std::to_string(before) +
                                   " 1\nput cmd - 3 1000\nkey" + value);
    before = revisions[i];
  }
  // From what was told last on; the next message goes on from the gap's end.
  expected +=
      Frame(channel, "gap " + std::to_string(revisions[2]) + " " + std::to_string(revisions[9]));
  CHECK(bench.a.link.Take() == expected);
  CHECK(bench.watches.Counts().gaps_told == 1);
  bench.Run("SET key x");
  CHECK(bench.a.link.Take() ==
        Frame(channel, std::to_string(bench.revision()) + " " + std::to_string(revisions[9]) +
                           " 1\nput cmd - 3 1\nkeyx"));
  CHECK_FALSE(bench.a.link.closed);
}

TEST_CASE("a slow client that unsubscribes or leaves takes what was kept for it along") {
  Bench bench;
  bench.a.link.output = 1 << 20;
  bench.Subscribe(bench.a, "__watch@0__:k:key");
  bench.Subscribe(bench.a, "__watch@0__:p:k");
  bench.Run("SET key v");
  CHECK(bench.watches.Counts().buffered_bytes > 0);
  bench.hub.Unsubscribe(bench.a.client, Kind::kChannel, "__watch@0__:k:key");
  bench.a.link.output = 0;
  bench.watches.Step();
  CHECK(bench.a.link.Take().find("__:k:key") == std::string::npos);
  bench.a.link.output = 1 << 20;
  bench.Run("SET key v");
  bench.hub.Forget(bench.a.client);
  CHECK(bench.watches.Counts().buffered_bytes == 0);
  bench.a.link.output = 0;
  bench.watches.Step();
  CHECK(bench.a.link.Take().empty());
}

TEST_CASE("a revision that is too large for a message is a gap of its own") {
  Bench bench;
  const std::string channel = "__watch@0__:p:k";
  bench.Subscribe(bench.a, channel);
  const std::string value(60'000, 'v');
  std::string line = "MSET";
  for (int i = 0; i < 20; ++i) line += " k" + std::to_string(i) + " " + value;
  bench.Run(line);
  const std::string revision = std::to_string(bench.revision());
  CHECK(bench.a.link.Take() == Frame(channel, "gap " + revision + " " + revision));
}

TEST_CASE("SINCE answers at once, WAIT when there is something") {
  Bench bench;
  const store::Revision began = bench.revision();
  std::string out;
  resp::ReplyWriter reply(&out, 2);
  bench.Run("SET k1 v");
  CHECK(bench.watches.Since(bench.Since(began, false), bench.a.client)->Poll(false, reply));
  CHECK(out.find("k1") != std::string::npos);
  out.clear();
  const store::Revision now = bench.revision();
  auto wait = bench.watches.Since(bench.Since(now, true), bench.a.client);
  CHECK_FALSE(wait->Poll(false, reply));
  CHECK_FALSE(wait->polled());
  bench.Run("SET other v");
  CHECK_FALSE(wait->polled());
  bench.Run("SET k2 v");
  CHECK(wait->polled());
  CHECK(wait->Poll(false, reply));
  CHECK(out.find("k2") != std::string::npos);
  CHECK(out.find("k1") == std::string::npos);
  out.clear();
  auto vain = bench.watches.Since(bench.Since(bench.revision(), true), bench.a.client);
  CHECK_FALSE(vain->Poll(false, reply));
  bench.Run("SET other w");
  CHECK(vain->Poll(true, reply));
  CHECK(out == "*2\r\n:" + std::to_string(bench.revision()) + "\r\n*0\r\n");
  wait.reset();
  vain.reset();
  CHECK(bench.watches.Counts().targets == 0);
}

TEST_CASE("a long answer of SINCE is written in steps, and is the same as at once") {
  Bench bench;
  const store::Revision began = bench.revision();
  std::string mset = "MSET";
  for (int i = 0; i < 5000; ++i) mset += " k" + std::to_string(i) + " v";
  bench.Run(mset);
  bench.Run("SET k1 w");
  std::string in_steps;
  resp::ReplyWriter reply(&in_steps, 2);
  const auto since = bench.watches.Since(bench.Since(began, false), bench.a.client);
  int steps = 0;
  while (!since->Poll(false, reply)) {
    CHECK(in_steps.empty());
    REQUIRE(++steps < 10'000);
  }
  CHECK(steps >= 2);
  std::string at_once;
  resp::ReplyWriter other(&at_once, 2);
  CHECK(bench.watches.Since(bench.Since(began, false), bench.a.client)->Poll(true, other));
  CHECK(in_steps == at_once);
  CHECK(in_steps.size() > 100'000);
}

TEST_CASE("SINCE is refused above the newest revision and below the oldest") {
  Bench bench;
  bench.Run("CONFIG SET watch-history-size 2000");
  const store::Revision began = bench.revision();
  for (int i = 0; i < 100; ++i) bench.Run("SET k 0123456789");
  const auto ask = [&](store::Revision revision) {
    std::string out;
    resp::ReplyWriter reply(&out, 2);
    const auto since = bench.watches.Since(bench.Since(revision, false), bench.a.client);
    int steps = 0;
    while (!since->Poll(false, reply)) REQUIRE(++steps < 100);
    return out;
  };
  CHECK(ask(began).starts_with("-COMPACTED " + std::to_string(*bench.watches.OldestRevision())));
  CHECK(ask(*bench.watches.OldestRevision()).starts_with("*2"));
  CHECK(ask(bench.revision() + 1).starts_with("-ERR revision "));
  bench.Run("CONFIG SET watch-history-size 0");
  CHECK(ask(bench.revision()).starts_with("-ERR watch-history-size is 0: "));
  CHECK_FALSE(bench.watches.OldestRevision());
}

TEST_CASE("behind a snapshot who follows locks, leases and owners is told anew how they are") {
  Bench bench;
  bench.Run("LEASE GRANT 1000 ID l OWNER o");
  bench.Run("LOCK ACQUIRE k 1000");
  for (const char* channel : {"__lock@0__:k", "__lease__:l", "__leases__:o", "plain"})
    bench.Subscribe(bench.a, channel);
  bench.a.link.Take();
  bench.watches.OnReplaced(bench.revision());
  const std::string now = std::to_string(bench.revision());
  std::string told = bench.a.link.Take();
  for (const std::string& frame :
       {Frame("__lock@0__:k", "sync " + now + " 1"), Frame("__lease__:l", "sync " + now + " 1"),
        Frame("__leases__:o", "sync " + now)}) {
    CAPTURE(frame);
    const size_t at = told.find(frame);
    REQUIRE(at != std::string::npos);
    told.erase(at, frame.size());
  }
  CHECK(told.empty());
}

TEST_CASE("behind a snapshot watches go on where the history can, else they are told of a gap") {
  Bench bench;
  const std::string channel = "__watch@0__:k:key";
  bench.Subscribe(bench.a, channel);
  const store::Revision told = bench.revision();
  bench.Run("SET key v");
  const std::string frame = bench.a.link.Take();
  // As if that had been applied elsewhere.
  SUBCASE("it can") {
    bench.watches.OnReplaced(told);
    CHECK(bench.a.link.Take().find("put cmd - 3 1\nkeyv") != std::string::npos);
  }
  SUBCASE("it can't") {
    const store::Revision last = bench.revision();
    bench.Run("CONFIG SET watch-history-size 0");
    bench.watches.OnReplaced(told);
    CHECK(bench.a.link.Take() ==
          Frame(channel, "gap " + std::to_string(last) + " " + std::to_string(bench.revision())));
  }
}

// Against a look at all of them.
TEST_CASE("a key finds those who watch it or a prefix of it") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    WatchTable table;
    std::vector<WatchTarget> targets;
    const auto name = [&] {
      std::string text;
      for (uint64_t n = rng.Below(6); n > 0; --n)
        text.push_back(static_cast<char>("ab\xff"[rng.Below(3)]));
      return text;
    };
    FakeClient client{1};
    for (int i = 0; i < 60; ++i) {
      const WatchTarget target{static_cast<int>(rng.Below(2)), rng.Below(3) != 0, name()};
      if (table.Find(target) != nullptr) continue;
      table.Add(target, 0, 0).watchers.push_back({&client.client, {}});
      targets.push_back(target);
    }
    for (int i = 0; i < 200; ++i) {
      const int db = static_cast<int>(rng.Below(2));
      const std::string key = name();
      std::vector<WatchTarget> found;
      table.ForEachOf(db, key, [&](Watched& watched) { found.push_back(watched.target); });
      std::vector<WatchTarget> expected;
      for (const WatchTarget& target : targets)
        if (target.db == db && (target.prefix ? key.starts_with(target.name) : key == target.name))
          expected.push_back(target);
      std::sort(found.begin(), found.end());
      std::sort(expected.begin(), expected.end());
      CHECK(found == expected);
    }
    for (const WatchTarget& target : targets) {
      table.Find(target)->watchers.clear();
      table.DropUnused(target);
    }
    CHECK(table.empty());
  }
}

// Watches come and go, so that filters grow, lose names and begin anew.
TEST_CASE("no watch is hidden by a filter, and most other keys are kept off") {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    WatchTable table;
    std::set<WatchTarget> targets;
    const size_t lengths = seed % 2 == 0 ? 6 : 14;  // of prefixes: more than have a filter, or not
    const auto random_target = [&](size_t names) {
      WatchTarget target{static_cast<int>(rng.Below(2)), rng.Below(3) == 0, {}};
      target.name = "user:" + std::to_string(rng.Below(names)) + ":profile";
      if (target.prefix) target.name.resize(rng.Below(lengths));
      return target;
    };
    const auto add = [&](const WatchTarget& target) {
      if (targets.insert(target).second) table.Add(target, 0, 0);
    };
    const auto remove = [&](const WatchTarget& target) {
      table.DropUnused(target);
      targets.erase(target);
    };
    const auto check = [&] {
      for (const WatchTarget& target : targets) {
        size_t found = 0;
        const std::string key = target.name + (target.prefix ? "!" : "");
        CHECK(table.MayWatch(target.db, key));
        table.ForEachOf(target.db, key,
                        [&](Watched& watched) { found += watched.target == target; });
        CHECK(found == 1);
      }
    };
    for (int round = 0; round < 6; ++round) {
      const bool more = round % 2 == 0;
      for (int i = 0; i < 1500; ++i)
        rng.Below(10) < (more ? 8 : 3) ? add(random_target(3000)) : remove(random_target(3000));
      check();
    }
    while (!targets.empty()) remove(WatchTarget(*targets.begin()));
    CHECK(table.empty());
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(table.MayWatch(0, random_target(3000).name));
  }
}

TEST_CASE("few keys that nobody watches pass a filter") {
  WatchTable table;
  const auto target = [](bool prefix, int i) {
    return WatchTarget{0, prefix, "key:" + std::to_string(i) + (prefix ? ":" : "")};
  };
  const auto passed = [&] {
    int count = 0;
    for (int i = 0; i < 10'000; ++i) count += table.MayWatch(0, "key:" + std::to_string(-i) + ":x");
    return count;
  };
  for (const bool prefix : {false, true}) {
    CAPTURE(prefix);
    for (int i = 1; i <= 10'000; ++i) table.Add(target(prefix, i), 0, 0);
    CHECK(passed() < (prefix ? 2500 : 500));  // a prefix's filter is asked for each length
    for (int i = 1; i <= 9'900; ++i) table.DropUnused(target(prefix, i));
    CHECK(passed() < 20);
    for (int i = 9'901; i <= 10'000; ++i) table.DropUnused(target(prefix, i));
  }
}

TEST_CASE("the name of a watch's channel") {
  const auto parse = [](std::string_view channel) { return commands::ParseWatchChannel(channel); };
  CHECK(parse("__watch@3__:k:a")->target == WatchTarget{3, false, "a"});
  CHECK(parse("__watch@15__:p:")->target == WatchTarget{15, true, ""});
  CHECK(parse("__watch@0__:k:a;prev")->previous);
  CHECK(parse("__watch@0__:k:a;prev;prev")->target.name == "a;prev");
  for (const WatchTarget& target : {WatchTarget{0, false, "x:y"}, WatchTarget{9, true, "p"}})
    CHECK(parse(ChannelOf(target, true))->target == target);
  for (const char* bad : {"__watch@16__:k:a", "__watch@__:k:a", "__watch@-1__:k:a",
                          "__watch@0__:x:a", "__watch@0__k:a", "__watch@0__:k"})
    CHECK_FALSE(parse(bad).has_value());
}

}  // namespace
}  // namespace clustron::server

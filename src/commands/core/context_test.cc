#include "commands/core/context.h"

#include <type_traits>

#include "commands/core/registry.h"
#include "store/keyspace/store.h"
#include "tests/support/dies.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::commands {

static_assert(std::is_same_v<decltype(Context::store), const store::Store&>);

TEST_CASE("the store is handed out to be changed inside of an entry only") {
  store::Store store(1);
  store.BeginEntry(1, 1);
  std::string out;
  resp::ReplyWriter reply(&out, 2);
  const std::vector<std::string_view> get = {"GET", "k"};
  const CommandSpec* row = Registry::Get().Find("GET");

  Context read(*row, get, {}, store, nullptr, 1, reply);
  CHECK(!read.in_entry());
  CHECK(Dies([&] { read.Writable(); }));
  Context inner_read = read.ForInner(*row, get, 2, reply);
  CHECK(Dies([&] { inner_read.Writable(); }));

  const EntryView entry{.store = store};
  Context applied(*row, get, {}, store, &entry, 1, reply);
  CHECK(applied.in_entry());
  CHECK(&applied.Writable() == &store);
  Context inner_applied = applied.ForInner(*row, get, 2, reply);
  CHECK(&inner_applied.Writable() == &store);
}

TEST_CASE("a handler that changes something is stopped outside of entries, before it does") {
  store::Store store(1);
  store.BeginEntry(1, 1);
  const std::vector<std::vector<std::string_view>> calls = {
      {"SET", "k", "v"}, {"APPEND", "k", "v"},       {"INCR", "k"},
      {"DEL", "k"},      {"HSET", "k", "f", "v"},    {"PERSIST", "k"},
      {"FLUSHALL"},      {"LEASE", "GRANT", "5000"}, {"LOCK", "ACQUIRE", "l", "5000"}};
  for (const std::vector<std::string_view>& words : calls) {
    CAPTURE(words[0]);
    const CommandSpec* container = nullptr;
    const CommandSpec* row = Registry::Get().Resolve(words, &container);
    REQUIRE(row != nullptr);
    CHECK(Dies([&] {
      std::string out;
      resp::ReplyWriter reply(&out, 2);
      Context ctx(*row, words, {}, store, nullptr, 1, reply);
      row->handler(ctx);
      _exit(store.revision() == 0 ? 1 : 2);
    }));
  }
}

TEST_CASE("a command inside another has its caller, its entry and what it was shown") {
  store::Store store(1);
  std::string out;
  resp::ReplyWriter reply(&out, 3);
  const std::vector<std::string_view> words = {"GET", "k"};
  const CommandSpec& row = *Registry::Get().Find("GET");
  const Caller caller{.db = 3, .resp_version = 3, .user = "ann", .key_hash = 77};
  Context outer(row, words, caller, store, nullptr, 5, reply);
  outer.db = 4;  // SELECT
  outer.guards_checked = true;
  const Context::LockToken shown{"l", 9};
  outer.lock_tokens = {&shown, 1};
  outer.verdict.key_hits = 2;

  Context inner = outer.ForInner(row, words, 6, reply);
  CHECK(inner.db == 4);
  CHECK(inner.caller.db == 4);
  CHECK(inner.caller.key_hash == 0);
  CHECK(inner.user() == "ann");
  CHECK(inner.depth == 1);
  CHECK(inner.seed() == 6);
  CHECK(inner.guards_checked);
  REQUIRE(inner.lock_tokens.size() == 1);
  CHECK(inner.verdict.key_hits == 0);

  inner.db = 5;
  inner.verdict.key_hits = 1;
  outer.EndInner(inner);
  CHECK(outer.db == 5);
  CHECK(outer.verdict.key_hits == 3);
  CHECK(Context(row, words, {}, store, nullptr, 1, reply).user() == "default");
}

TEST_CASE("in an entry no command sees its node's own clocks") {
  store::Store store(1);
  std::string out;
  resp::ReplyWriter reply(&out, 3);
  const std::vector<std::string_view> words = {"GET", "k"};
  const CommandSpec& row = *Registry::Get().Find("GET");
  const Caller caller{.db = 3,
                      .resp_version = 3,
                      .user = "ann",
                      .live_elapsed_ms = 10,
                      .live_wall_ms = 20,
                      .key_hash = 77};
  const Context outside(row, words, caller, store, nullptr, 5, reply);
  CHECK(outside.caller.live_elapsed_ms == 10);
  CHECK(outside.caller.live_wall_ms == 20);
  const EntryView entry{store};
  const Context inside(row, words, caller, store, &entry, 5, reply);
  CHECK(inside.caller.live_elapsed_ms == 0);
  CHECK(inside.caller.live_wall_ms == 0);
  CHECK(inside.caller.timers == nullptr);
  CHECK(inside.caller.db == 3);
  CHECK(inside.caller.resp_version == 3);
  CHECK(inside.user() == "ann");
  CHECK(inside.caller.key_hash == 77);
}

}  // namespace clustron::commands

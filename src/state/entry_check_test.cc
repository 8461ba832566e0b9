#include "state/entry_check.h"

#include <vector>

#include "cluster/log/wait_item.h"
#include "commands/core/registry.h"

// Behind our own headers: it has a CHECK of its own.
#include <doctest/doctest.h>

namespace clustron::state {
namespace {

using cluster::ItemHeader;
using cluster::ItemKind;

// Whether a peer's item of this command is taken.
bool Taken(std::vector<std::string_view> words, ItemHeader header = {}) {
  const commands::CommandSpec* container = nullptr;
  const commands::CommandSpec* spec = commands::Registry::Get().Resolve(words, &container);
  REQUIRE(spec != nullptr);
  header.command_id = spec->id;
  std::string item;
  cluster::AppendItem(header, words, &item);
  return WhyNotTaken(header, item).empty();
}

TEST_CASE("a member has clients' writes proposed, whole ones, and nothing else") {
  CHECK(Taken({"SET", "k", "v"}));
  CHECK(Taken({"TXN", "THEN", "1", "SET", "k", "v"}));
  // What runs at a connection or in the leader's memory finds neither while it is applied.
  for (const char* name : {"PING", "COMMAND", "QUIT", "MULTI"}) CHECK_FALSE(Taken({name}));
  CHECK(Taken({"LOCK", "RENEW", "k", "7", "60000"}));  // an entry if it is above the granted TTL
  CHECK(Taken({"LEASE", "KEEPALIVE", "l"}));
  CHECK_FALSE(Taken({"SUBSCRIBE", "c"}));
  CHECK_FALSE(Taken({"CLIENT", "ID"}));
  CHECK_FALSE(Taken({"GET", "k"}));
  CHECK_FALSE(Taken({"SET", "k"}));
  CHECK_FALSE(Taken({"SET", "k", "v"}, {.db = 16}));
  CHECK_FALSE(Taken({"SET", "k", "v"}, {.resp_version = 4}));
  for (const ItemKind kind : {ItemKind::kReserve, ItemKind::kSnapshot, ItemKind::kEndSession})
    CHECK_FALSE(Taken({"SET", "k", "v"}, {.kind = kind}));
}

TEST_CASE("a member speaks for its own waiters, and only the leader for others'") {
  const auto taken = [](const std::string& item) {
    Reader reader(item);
    ItemHeader header;
    std::string_view bytes;
    REQUIRE(cluster::PeekItem(&reader, &header, &bytes));
    return WhyNotTaken(header, bytes).empty();
  };
  const auto raw = [](std::vector<std::string_view> args, cluster::Session session) {
    std::string item;
    cluster::AppendItem({.kind = ItemKind::kWaits, .session = session}, args, &item);
    return item;
  };
  using What = cluster::WaitNews::What;
  CHECK(taken(cluster::WaitItem({.what = What::kBack}, {2, 1})));
  CHECK(taken(cluster::WaitItem({.what = What::kEnd, .id = 7}, {2, 1})));
  CHECK(taken(cluster::WaitItem({.what = What::kPark, .owner = {2, 1}}, {2, 1})));
  CHECK_FALSE(taken(cluster::WaitItem({.what = What::kPark, .owner = {2, 2}}, {2, 1})));
  CHECK_FALSE(taken(raw({"p", "12345678"}, {2, 1})));
  CHECK_FALSE(taken(raw({"b", "x"}, {2, 1})));
  CHECK_FALSE(taken(raw({"e", "12345678"}, {2, 1})));
  CHECK_FALSE(taken(raw({"e", "12345678\3"}, {2, 1})));
  CHECK_FALSE(taken(raw({"x", ""}, {2, 1})));
  CHECK_FALSE(taken(raw({"b"}, {2, 1})));
  CHECK_FALSE(taken(raw({"", ""}, {2, 1})));
}

}  // namespace
}  // namespace clustron::state

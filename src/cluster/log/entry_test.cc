#include "cluster/log/entry.h"

#include <doctest/doctest.h>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

using Args = std::vector<std::string_view>;

TEST_CASE("items and entries read back as they were written") {
  std::string entry;
  AppendEntryHeader({}, &entry);
  const ItemHeader set{.flags = 2,
                       .command_id = 101,
                       .db = 3,
                       .resp_version = 3,
                       .session = {2, 7},
                       .sequence = 99,
                       .user = "bob"};
  AppendItem(set, Args{"SET", "k\0y", ""}, &entry);
  AppendItem({.kind = ItemKind::kLeaseEnd}, Args{"id", "12345678"}, &entry);
  PatchEntryHeader({.elapsed_ms = -5, .wall_ms = 6, .item_count = 2}, &entry);

  Reader reader(entry);
  EntryHeader header;
  REQUIRE(ReadEntryHeader(&reader, &header));
  CHECK(header.elapsed_ms == -5);
  CHECK(header.wall_ms == 6);
  CHECK(header.item_count == 2);
  ItemHeader item;
  std::vector<std::string_view> args;
  REQUIRE(ReadItem(&reader, &item, &args));
  CHECK(item.kind == ItemKind::kCommand);
  CHECK(item.flags == 2);
  CHECK(item.command_id == 101);
  CHECK(item.db == 3);
  CHECK(item.resp_version == 3);
  CHECK(item.session == Session{2, 7});
  CHECK(item.sequence == 99);
  CHECK(item.user == "bob");
  CHECK(args == Args{"", "k\0y", ""});
  REQUIRE(ReadItem(&reader, &item, &args));
  CHECK(item.kind == ItemKind::kLeaseEnd);
  CHECK(args == Args{"id", "12345678"});
  CHECK(reader.Done());
}

TEST_CASE("number and verdicts are set in place") {
  std::string item;
  AppendItem({.command_id = 1, .session = {1, 1}}, Args{"DEL", "k"}, &item);
  SetItemSequence(&item, 1ULL << 40);
  SetItemFlags(&item, 0, 4);
  Reader reader(item);
  ItemHeader header;
  std::string_view bytes;
  REQUIRE(PeekItem(&reader, &header, &bytes));
  CHECK(header.sequence == 1ULL << 40);
  CHECK(header.flags == 4);
  CHECK(bytes == item);
}

TEST_CASE("damaged items are refused, never read past their end") {
  std::string item;
  AppendItem({.command_id = 1, .user = "u"}, Args{"SET", "key", "value"}, &item);
  Rng rng(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = item;
    for (uint64_t i = 0; i <= rng.Below(3); ++i)
      bad[rng.Below(bad.size())] = static_cast<char>(rng.Next());
    if (rng.Percent(30)) bad.resize(rng.Below(bad.size()));
    Reader reader(bad);
    ItemHeader header;
    std::vector<std::string_view> args;
    if (!ReadItem(&reader, &header, &args)) continue;
    size_t bytes = 0;
    for (std::string_view arg : args) bytes += arg.size();
    CHECK(bytes <= bad.size());
  }
}

}  // namespace
}  // namespace clustron::cluster

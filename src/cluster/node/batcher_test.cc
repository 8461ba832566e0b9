#include "cluster/node/batcher.h"

#include <doctest/doctest.h>

#include <vector>

namespace clustron::cluster {
namespace {

constexpr Session kSession{3, 9};

struct Fixture {
  Batcher batcher;

  bool Add(uint64_t sequence, Session session = kSession) {
    const ItemHeader header{.command_id = 100, .session = session, .sequence = sequence};
    std::string item;
    const std::string_view args[] = {"k"};
    AppendItem(header, args, &item);
    return batcher.Add(header, item, 0);
  }
  // The sequences of the next entry.
  std::vector<uint64_t> Take() {
    const std::string bytes = batcher.Take({});
    Reader reader(bytes);
    EntryHeader entry;
    REQUIRE(ReadEntryHeader(&reader, &entry));
    std::vector<uint64_t> sequences;
    for (uint32_t i = 0; i < entry.item_count; ++i) {
      ItemHeader header;
      std::vector<std::string_view> args;
      REQUIRE(ReadItem(&reader, &header, &args));
      sequences.push_back(header.sequence);
    }
    return sequences;
  }
};
using Sequences = std::vector<uint64_t>;

TEST_CASE_FIXTURE(Fixture, "a session's items are taken from any first one on, without a gap") {
  CHECK(Add(5));
  CHECK_FALSE(Add(7));
  CHECK_FALSE(Add(5));
  CHECK(Add(6));
  CHECK(Take() == Sequences{5, 6});
  CHECK(Add(7));
  CHECK(Take() == Sequences{7});
  CHECK(batcher.Empty());
}

TEST_CASE_FIXTURE(Fixture, "an entry has a bounded number of items") {
  for (uint64_t sequence = 1; sequence <= kBatchItemsMax + 1; ++sequence) REQUIRE(Add(sequence));
  CHECK(Take().size() == kBatchItemsMax);
  CHECK(Take() == Sequences{kBatchItemsMax + 1});
}

TEST_CASE_FIXTURE(Fixture, "what goes first is an entry ahead of all, and bounded") {
  std::string own;
  const std::string_view args[] = {"k"};
  AppendItem({.command_id = 100, .sequence = 77}, args, &own);
  for (uint64_t sequence = 1; sequence <= kBatchItemsMax + 1; ++sequence) REQUIRE(Add(sequence));
  const size_t before = batcher.bytes();
  batcher.AddOwnFirst(own);
  batcher.AddOwnFirst(own);
  CHECK(Take() == Sequences{77, 77});
  CHECK(batcher.bytes() == before);
  for (uint32_t i = 0; i < kBatchItemsMax + 5; ++i) batcher.AddOwnFirst(own);
  CHECK(Take() == Sequences(kBatchItemsMax, 77));
  CHECK(Take().front() == 1);
  CHECK(Take() == Sequences{kBatchItemsMax + 1});
  CHECK(batcher.Empty());
  batcher.AddOwnFirst(own);
  CHECK_FALSE(batcher.Empty());
  batcher.Reset();
  CHECK(batcher.Empty());
}

TEST_CASE_FIXTURE(Fixture, "nothing of an earlier leadership is left to be proposed in a new one") {
  for (uint64_t sequence = 1; sequence <= kBatchItemsMax + 1; ++sequence) REQUIRE(Add(sequence));
  batcher.Reset();
  CHECK(batcher.Empty());
  CHECK(batcher.bytes() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what waits is bounded: the rest is taken when it comes again later") {
  Batcher small(10'000);
  const auto add = [&](uint64_t sequence) {
    const ItemHeader header{.command_id = 100, .session = kSession, .sequence = sequence};
    const std::string value(1000, 'v');
    const std::string_view args[] = {"SET", "k", value};
    std::string item;
    AppendItem(header, args, &item);
    return small.Add(header, item, 0);
  };
  uint64_t sequence = 1;
  while (sequence < 1000 && add(sequence)) ++sequence;
  CHECK(sequence >= 9);
  CHECK(sequence <= 11);
  CHECK_FALSE(add(sequence));
  small.Take({});
  CHECK(add(sequence));
}

TEST_CASE_FIXTURE(Fixture, "a verdict is on the item that it was passed on") {
  uint64_t sequence = 5;
  constexpr uint8_t kFlags[] = {0, 2, 0};
  for (const uint8_t flags : kFlags) {
    const ItemHeader header{.command_id = 100, .session = kSession, .sequence = sequence++};
    const std::string_view args[] = {"k"};
    std::string item;
    AppendItem(header, args, &item);
    CHECK(batcher.Add(header, item, flags));
  }
  const std::string bytes = batcher.Take({});
  Reader reader(bytes);
  EntryHeader entry;
  REQUIRE(ReadEntryHeader(&reader, &entry));
  for (const uint8_t flags : kFlags) {
    ItemHeader header;
    std::vector<std::string_view> args;
    REQUIRE(ReadItem(&reader, &header, &args));
    CHECK(header.flags == flags);
  }
}

TEST_CASE_FIXTURE(Fixture, "a restarted origin begins anew, and its earlier life is over") {
  const Session restarted{kSession.node, kSession.boot + 1};
  CHECK(Add(5));
  CHECK(Add(1, restarted));
  CHECK_FALSE(Add(6));
  CHECK_FALSE(Add(2));
  batcher.Rewind(kSession, 4);
  CHECK(Add(2, restarted));
}

TEST_CASE_FIXTURE(Fixture, "behind a gap the session is taken again from what the state expects") {
  CHECK(Add(35));
  CHECK_FALSE(Add(9));
  batcher.Rewind(kSession, 9);
  CHECK(Add(9));
  CHECK(Add(10));
}

TEST_CASE_FIXTURE(Fixture, "later entries of the run with the gap don't rewind the new run") {
  CHECK(Add(35));
  CHECK(Take() == Sequences{35});
  CHECK(Add(36));
  CHECK(Take() == Sequences{36});
  batcher.Rewind(kSession, 9);  // 35 is applied
  CHECK(Add(9));
  CHECK(Take() == Sequences{9});
  batcher.Rewind(kSession, 9);  // 36 is applied, 9 is on its way
  CHECK(Add(10));
}

TEST_CASE_FIXTURE(Fixture, "what is applied is not waited for") {
  CHECK(Add(9));
  CHECK(Add(10));
  CHECK(Take() == Sequences{9, 10});
  batcher.Rewind(kSession, 9);  // an entry of an earlier leadership, applied late: it had 35
  CHECK_FALSE(Add(11));         // 9 and 10 are applied, and their origin has gone on
  batcher.Advance(kSession, 11);
  CHECK(Add(11));
  batcher.Advance(kSession, 9);  // never back
  CHECK(Add(12));
  batcher.Advance({kSession.node, kSession.boot + 1}, 50);  // another life of the node
  CHECK(Add(13));
}

TEST_CASE_FIXTURE(Fixture, "a new leadership knows nothing of an earlier one's rewinds") {
  CHECK(Add(35));
  batcher.Rewind(kSession, 9);
  batcher.Reset();
  CHECK(Add(35));
  batcher.Rewind(kSession, 9);
  CHECK(Add(9));
}

}  // namespace
}  // namespace clustron::cluster

#include "resp/reply_output.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "base/rng.h"
#include "resp/reply_writer.h"

namespace clustron::resp {
namespace {

// Bytes whose references are counted.
struct Held {
  std::string bytes;
  int references = 0;
  SharedBytes Share() {
    references++;
    return {bytes, this, [](void* held) { static_cast<Held*>(held)->references--; }};
  }
};

TEST_CASE("chunks hold what was appended, wherever things are put in and cut off") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    std::vector<Held> held(60);
    ReplyChunks chunks;
    std::string all;
    for (int step = 0; step < 60; ++step) {
      const std::string bytes(rng.Percent(20) ? rng.Below(600'000) : rng.Below(3000),
                              static_cast<char>('a' + rng.Below(26)));
      switch (rng.Below(8)) {
        case 0: {
          const size_t at = rng.Below(all.size() + 1);
          chunks.Insert(at, bytes.substr(0, 20));
          all.insert(at, bytes.substr(0, 20));
          break;
        }
        case 1: {
          const size_t at = all.size() - std::min<size_t>(all.size(), rng.Below(700'000));
          chunks.Truncate(at);
          all.resize(at);
          break;
        }
        case 2:
        case 3: {
          Held& shared = held[static_cast<size_t>(step)];
          shared.bytes = bytes;
          chunks.AppendShared(shared.Share());
          all += bytes;
          break;
        }
        default:
          chunks.Append(bytes);
          all += bytes;
      }
      REQUIRE(chunks.size() == all.size());
      if (all.empty()) continue;
      const size_t at = rng.Below(all.size());
      const std::string_view view = chunks.View(at);
      REQUIRE(!view.empty());
      REQUIRE(view == std::string_view(all).substr(at, view.size()));
    }
    CHECK(chunks.TakeAll() == all);
    CHECK(chunks.empty());
    for (const Held& one : held) CHECK(one.references == 0);
    chunks.Append("again");
    CHECK(chunks.TakeAll() == "again");
  }
}

TEST_CASE("what is shared is not copied, is never written into, and is let go once") {
  Held value{std::string(100'000, 'v')};
  ReplyChunks chunks;
  ReplyWriter writer(&chunks, 2);
  for (int i = 0; i < 3; ++i) {
    writer.BulkBegin(value.bytes.size());
    writer.BulkShared(value.Share());
    writer.BulkEnd();
  }
  CHECK(value.references == 3);
  CHECK(chunks.View(9).data() == value.bytes.data());
  CHECK(chunks.size() == 3 * (value.bytes.size() + 11));
  chunks.Insert(9, "front");
  CHECK(value.references == 2);
  CHECK(value.bytes == std::string(100'000, 'v'));
  chunks.Truncate(100'000 + 11 + 9 + 5);
  CHECK(value.references == 0);
  writer.BulkShared(value.Share());
  CHECK(value.references == 1);
  SUBCASE("a client that is gone") {
    chunks.Drop();
    CHECK(value.references == 0);
    writer.BulkShared(value.Share());
    CHECK(value.references == 0);
  }
  SUBCASE("over the limit") {
    writer.SetLimit(chunks.size());
    writer.BulkShared(value.Share());
    writer.BulkShared(value.Share());
    CHECK(!writer.HasRoom(0));
    writer.StartOver();
    CHECK(value.references == 0);
  }
  SUBCASE("where one string takes everything, and where nobody waits") {
    std::string plain;
    ReplyWriter(&plain, 2).BulkShared(value.Share());
    CHECK(plain == value.bytes);
    ReplyPrefix prefix(10);
    ReplyWriter(&prefix, 2).BulkShared(value.Share());
    CHECK(prefix.size() == value.bytes.size());
    CHECK(prefix.kept() == "vvvvvvvvvv");
    CHECK(value.references == 1);
  }
}

TEST_CASE("a prefix keeps what stands in front, and the length") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    ReplyPrefix prefix(64);
    std::string all;
    for (int step = 0; step < 100; ++step) {
      const std::string bytes(rng.Below(30), static_cast<char>('a' + rng.Below(26)));
      const size_t at = rng.Below(all.size() + 1);
      switch (rng.Below(5)) {
        case 0:
          prefix.Insert(at, bytes);
          all.insert(at, bytes);
          break;
        case 1:
          prefix.Truncate(at);
          all.resize(at);
          break;
        default:
          prefix.Append(bytes);
          all += bytes;
      }
      REQUIRE(prefix.size() == all.size());
      REQUIRE(prefix.kept() == all.substr(0, 64));
    }
    prefix.Clear();
    CHECK(prefix.size() == 0);
  }
}

TEST_CASE("who is not listened to any more costs nothing and is counted") {
  struct Listener final : ReplyChunks::Listener {
    ReplyChunks* chunks = nullptr;
    int grown = 0;
    void OutputGrew() override {
      if (++grown == 3) chunks->Drop();
    }
  } listener;
  ReplyChunks chunks(&listener);
  listener.chunks = &chunks;
  ReplyWriter writer(&chunks, 2);
  const std::string value(100'000, 'v');
  writer.Array(50);
  for (int i = 0; i < 50; ++i) writer.Bulk(value);
  CHECK(listener.grown == 3);
  CHECK(chunks.memory_bytes() == 0);
  CHECK(chunks.chunks().empty());
  CHECK(writer.SkipParts(0));
  CHECK(chunks.size() == 5 + 50 * (value.size() + 11));

  // What the digest takes from a reply is there all the same.
  const auto head = [&](auto&& write) {
    ReplyWriter next(&chunks, 2);
    write(next);
    return std::string(next.head());
  };
  CHECK(head([](ReplyWriter& w) { w.Int(-7); }) == ":-7\r\n");
  CHECK(head([](ReplyWriter& w) { w.Error("WRONGTYPE no"); }) == "-WRONGTYPE no\r\n");
  CHECK(head([](ReplyWriter& w) { w.Bulk(":1"); }).empty());
  CHECK(head([](ReplyWriter& w) {
          const uint64_t place = w.Deferred();
          w.Int(1);
          w.DeferredArray(place, 1);
        }).empty());
  CHECK(head([](ReplyWriter& w) {
          const ReplyWriter::Mark mark = w.mark();
          w.Array(2);
          w.Int(1);
          w.Rewind(mark);
          w.Error("ERR no");
        }) == "-ERR no\r\n");
  // Also of the reply in whose middle it happens.
  ReplyChunks full(&listener);
  listener.chunks = &full;
  listener.grown = 2;
  full.Append(std::string(ReplyChunks::kChunkBytes - 1, 'x'));
  ReplyWriter last(&full, 2);
  last.Int(5);
  CHECK(full.dropped());
  CHECK(last.head() == ":5\r\n");
}

// The same calls on all three kinds of output.
struct Three {
  explicit Three(uint64_t limit) {
    for (ReplyWriter* w : {&plain, &chunked, &counted}) w->SetLimit(limit);
  }
  template <typename F>
  void All(F&& f) {
    f(plain);
    f(chunked);
    f(counted);
  }
  std::string text;
  ReplyChunks chunks;
  ReplyPrefix prefix{64};
  ReplyWriter plain{&text, 3};
  ReplyWriter chunked{&chunks, 3};
  ReplyWriter counted{&prefix, 3};
};

TEST_CASE("replies are the same wherever they go, and pass the limit or don't together") {
  size_t passed = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    std::deque<std::string> value_kept;
    Three three(rng.Between(1000, 2'000'000));
    ReplyPrefix copies[3] = {ReplyPrefix(500), ReplyPrefix(500), ReplyPrefix(500)};
    uint64_t captured_from = 0;
    bool capturing = false;
    for (int step = 0; step < 40; ++step) {
      const std::string value(rng.Percent(10) ? rng.Below(300'000) : rng.Below(200), 'v');
      switch (rng.Below(10)) {
        case 0:
          three.All([&](ReplyWriter& w) { w.Int(static_cast<int64_t>(value.size())); });
          break;
        case 1:
          three.All([&](ReplyWriter& w) { w.Error("ERR " + value.substr(0, 80)); });
          break;
        case 2: {
          const uint64_t count = rng.Below(5);
          three.All([&](ReplyWriter& w) {
            const uint64_t place = w.Deferred();
            for (uint64_t i = 0; i < count; ++i) w.Bulk(value);
            w.DeferredArray(place, count);
          });
          break;
        }
        case 3: {
          three.All([&](ReplyWriter& w) {
            const ReplyWriter::Mark mark = w.mark();
            w.Bulk(value);
            w.Error("ERR no");
            w.Rewind(mark);
          });
          break;
        }
        case 4:
          three.All([&](ReplyWriter& w) {
            w.BeginUncounted();
            w.Bulk(value);
            w.EndUncounted();
          });
          break;
        case 5:
          if (!capturing) {
            captured_from = three.plain.size();
            three.plain.BeginCapture(&copies[0]);
            three.chunked.BeginCapture(&copies[1]);
            three.counted.BeginCapture(&copies[2]);
            capturing = true;
          }
          break;
        case 6:
          three.All([&](ReplyWriter& w) {
            w.BulkBegin(value.size());
            if (!w.SkipParts(value.size())) w.BulkPart(value);
            w.BulkEnd();
          });
          break;
        case 7:
          three.All([&](ReplyWriter& w) {
            w.BulkBegin(value.size());
            w.BulkShared({value_kept.emplace_back(value), &value_kept, [](void*) {}});
            w.BulkEnd();
          });
          break;
        default:
          three.All([&](ReplyWriter& w) { w.Bulk(value); });
      }
      REQUIRE(three.plain.HasRoom(0) == three.chunked.HasRoom(0));
      REQUIRE(three.plain.HasRoom(0) == three.counted.HasRoom(0));
      if (!three.plain.HasRoom(0)) break;
      REQUIRE(three.plain.size() == three.chunked.size());
      REQUIRE(three.plain.size() == three.counted.size());
      REQUIRE(three.plain.error_count() == three.counted.error_count());
    }
    if (capturing) three.All([](ReplyWriter& w) { w.EndCapture(); });
    if (!three.plain.HasRoom(0)) {
      passed++;
      three.All([](ReplyWriter& w) {
        w.StartOver();
        w.Error("ERR too much");
      });
      CHECK(three.chunks.TakeAll() == "-ERR too much\r\n");
      CHECK(three.text == "-ERR too much\r\n");
      CHECK(three.prefix.kept() == "-ERR too much\r\n");
      CHECK(three.plain.error_count() == 1);
      continue;
    }
    if (capturing) {
      for (const ReplyPrefix& copy : copies) {
        CHECK(copy.size() == three.text.size() - captured_from);
        CHECK(copy.kept() == three.text.substr(captured_from, 500));
      }
    }
    CHECK(three.prefix.kept() == three.text.substr(0, 64));
    CHECK(three.chunks.TakeAll() == three.text);
  }
  CHECK(passed > 20);
  CHECK(passed < 180);
}

}  // namespace
}  // namespace clustron::resp

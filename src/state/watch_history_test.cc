#include "state/watch_history.h"

#include <map>
#include <memory>

#include "base/rng.h"

// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::state {
namespace {

using store::Revision;
using Found = std::vector<std::pair<Revision, std::string>>;  // revision, key (or "reset")

void Put(WatchHistory& history, Revision revision, std::vector<std::string> keys, int db = 0,
         std::string_view value = "v") {
  std::vector<WatchEvent> events;
  for (const std::string& key : keys)
    events.push_back(
        {.db = db, .key = key, .value = value, .value_size = static_cast<int64_t>(value.size())});
  history.Append({revision, events});
}

Found Search(const WatchHistory& history, bool prefix, std::string_view name, Revision after,
             size_t limit = 1000, Revision* up_to = nullptr, int db = 0) {
  WatchSearch search(db, prefix, name, after, limit);
  WatchSearch::Progress progress = WatchSearch::Progress::kMore;
  while (progress == WatchSearch::Progress::kMore) progress = search.Step(history);
  REQUIRE(progress == WatchSearch::Progress::kDone);
  if (up_to != nullptr) *up_to = search.up_to();
  Found found;
  search.ForEach([&](Revision revision, const WatchEvent& event) {
    found.emplace_back(revision,
                       event.kind == WatchKind::kReset ? "reset" : std::string(event.key));
  });
  return found;
}

TEST_CASE("a search finds the changes of a key, or of keys with a prefix, behind a revision") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 10);
  CHECK(history.oldest() == 10);
  Put(history, 11, {"a"});
  Put(history, 13, {"ab", "b", "ac"});
  Put(history, 14, {"a"}, 1);
  const WatchEvent flush{
      .kind = WatchKind::kReset, .reason = store::Reason::kFlush, .db = WatchEvent::kAllDbs};
  history.Append({16, {&flush, 1}});
  CHECK(Search(history, false, "a", 10) == Found{{11, "a"}, {16, "reset"}});
  CHECK(Search(history, false, "a", 11) == Found{{16, "reset"}});
  CHECK(Search(history, true, "a", 10) == Found{{11, "a"}, {13, "ab"}, {13, "ac"}, {16, "reset"}});
  CHECK(Search(history, false, "a", 13, 1000, nullptr, 1) == Found{{14, "a"}, {16, "reset"}});
  Revision up_to = 0;
  CHECK(Search(history, true, "", 10, 2, &up_to).size() == 4);
  CHECK(up_to == 13);  // whole revisions
  CHECK(Search(history, true, "", 16, 2, &up_to).empty());
  CHECK(up_to == 16);
}

TEST_CASE("the history stays within its bytes, and says what is gone") {
  WatchHistory history;
  history.Configure(true, 10'000, 0);
  for (Revision revision = 1; revision <= 2000; ++revision)
    Put(history, revision, {"key" + std::to_string(revision % 7)}, 0, std::string(50, 'x'));
  CHECK(history.bytes() <= 10'000);
  CHECK(history.oldest() > 1000);
  Revision instead = 0;
  CHECK_FALSE(history.Knows(history.oldest() - 1, &instead));
  CHECK(instead == history.oldest());
  CHECK(history.Knows(history.oldest(), &instead));
  WatchSearch gone(0, false, "key1", history.oldest() - 1, 10);
  CHECK(gone.Step(history) == WatchSearch::Progress::kGone);
  // More than all of it: nothing is kept, and nothing is wrong.
  Put(history, 3000, {"big"}, 0, std::string(60'000, 'x'));
  CHECK(history.oldest() == 3000);
  CHECK(Search(history, true, "", 3000).empty());
  Put(history, 3001, {"small"});
  CHECK(Search(history, true, "", 3000) == Found{{3001, "small"}});
}

TEST_CASE("a revision is never torn by the end of a segment") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 0);
  std::vector<std::string> keys;
  for (int i = 0; i < 3000; ++i) keys.push_back("key" + std::to_string(i));
  for (Revision revision = 1; revision <= 20; ++revision) Put(history, revision, keys);
  const Revision oldest = history.oldest();
  Revision up_to = 0;
  const Found found = Search(history, true, "", oldest, 1, &up_to);
  CHECK(found.size() == 3000);
  CHECK(up_to == oldest + 1);
}

WatchEvent PutOf(std::string_view key, std::string_view value) {
  return {.key = key, .value = value, .value_size = static_cast<int64_t>(value.size())};
}

TEST_CASE("an event that is staged is nowhere until it is published") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 0);
  Put(history, 1, {"a"});
  const std::string text = "keyvalue";
  history.AllowShort(true);
  history.StageShort(2, history.WriteShort(2, store::Reason::kTxn, 3, false), text, 3);
  CHECK(history.staged());
  CHECK(history.newest() == 1);
  CHECK(Search(history, true, "", 0) == Found{{1, "a"}});
  CHECK(Search(history, true, "", 0, 1000, nullptr, 3).empty());
  const WatchEvent staged = history.Staged();
  CHECK(staged.kind == WatchKind::kPut);
  CHECK(staged.reason == store::Reason::kTxn);
  CHECK(staged.db == 3);
  CHECK(staged.key == "key");
  CHECK(staged.value == "value");
  CHECK(staged.previous_size == WatchEvent::kNone);
  history.DropStaged();
  Put(history, 2, {"b"});
  history.AllowShort(true);
  history.StageShort(3, history.WriteShort(3, store::Reason::kCmd, 0, true), "c", 1);
  CHECK(history.Staged().previous_size == WatchEvent::kNotKept);
  history.Publish();
  history.Trim();
  CHECK(history.newest() == 3);
  CHECK(Search(history, true, "", 0) == Found{{1, "a"}, {2, "b"}, {3, "c"}});
}

// A follower is sent a snapshot from a node that has less.
TEST_CASE("nothing is staged in short while the ring is empty, however it came to that") {
  WatchHistory empty;
  empty.Configure(true, 1 << 20, 50);
  std::string head;
  REQUIRE(empty.Capture()->Next(&head));
  WatchHistory history;
  history.Configure(true, 1 << 20, 0);
  Put(history, 1, {"a"});
  history.AllowShort(true);
  REQUIRE(history.TakesShort(2));
  SUBCASE("by a snapshot") {
    history.BeginLoad();
    REQUIRE(history.LoadPiece(head, true).has_value());
    REQUIRE(history.EndLoad(60).has_value());
  }
  SUBCASE("by its settings") { history.Configure(true, 1, 1); }
  SUBCASE("anew") {
    history.Configure(false, 1 << 20, 2);
    history.Configure(true, 1 << 20, 3);
  }
  CHECK(history.bytes() == 0);
  CHECK_FALSE(history.TakesShort(1000));
}

// At every place of a segment's end: what comes first in a segment, dropped or not.
TEST_CASE("what is staged is kept or dropped wherever a segment ends") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    WatchHistory history;
    history.Configure(true, 4000 + rng.Below(4000), 0);
    Found all;
    for (Revision revision = 1; revision <= 600; ++revision) {
      const std::string key = "key" + std::to_string(revision);
      const std::string value(rng.Below(rng.Below(20) == 0 ? 3000 : 60), 'v');
      if (rng.Below(3) == 0) {
        history.Stage(revision, PutOf(key + "dropped", value));
        history.DropStaged();
        const std::unique_ptr<WatchHistory::Image> image = history.Capture();
        for (std::string piece; image->Next(&piece);) CHECK_FALSE(piece.empty());
      }
      if (rng.Below(3) == 0) {
        Put(history, revision, {key}, 0, value);
      } else {
        history.AllowShort(true);
        const bool in_short =
            rng.Below(2) == 0 && history.TakesShort(revision) &&
            history.StageShort(revision, history.WriteShort(revision, store::Reason::kCmd, 0, true),
                               key + value, key.size());
        if (!in_short) history.Stage(revision, PutOf(key, value));
        REQUIRE(history.Publish() == in_short);
        if (!in_short) history.Trim();
      }
      all.emplace_back(revision, key);
      CHECK(history.bytes() <= 8000);
    }
    CHECK(history.oldest() > 0);
    all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(history.oldest()));
    CHECK(Search(history, true, "", history.oldest(), 100'000) == all);
  }
}

TEST_CASE("the history's memory is the store's, and comes back") {
  const size_t before = store::allocated_bytes;
  {
    WatchHistory history;
    history.Configure(true, 4 << 20, 0);
    for (Revision revision = 1; revision <= 60'000; ++revision)
      Put(history, revision, {"key" + std::to_string(revision)}, 0, std::string(100, 'v'));
    const size_t used = store::allocated_bytes - before;
    CHECK(used >= history.bytes() * 9 / 10);
    CHECK(used <= (4 << 20) + 2 * WatchHistory::kSegmentBytes);
    CHECK(Search(history, false, "key60000", history.oldest()).size() == 1);  // indexes are built
    CHECK(store::allocated_bytes - before > used);
    CHECK(store::allocated_bytes - before <= history.bytes() + 2 * WatchHistory::kSegmentBytes);
    // Where events are long, a segment that is full has no room left.
    for (Revision revision = 60'001; revision <= 60'200; ++revision)
      Put(history, revision, {"key"}, 0, std::string(140'000, 'v'));
    CHECK(store::allocated_bytes - before <=
          history.bytes() + history.bytes() / 4 + 2 * WatchHistory::kSegmentBytes);
    history.Configure(false, 4 << 20, 70'000);
    CHECK(store::allocated_bytes == before);
  }
  CHECK(store::allocated_bytes == before);
}

TEST_CASE("revisions that a crash took back are answered as gone") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 0);
  Put(history, 5, {"a"});
  history.NoteLost(5, 1000);
  Put(history, 1001, {"a"});
  Revision instead = 0;
  CHECK(history.Knows(5, &instead));
  CHECK_FALSE(history.Knows(6, &instead));
  CHECK(instead == 1000);
  CHECK_FALSE(history.Knows(999, &instead));
  CHECK(history.Knows(1000, &instead));
  CHECK(Search(history, false, "a", 5) == Found{{1001, "a"}});
}

TEST_CASE("off and on again: it begins anew") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 0);
  Put(history, 5, {"a"});
  history.Configure(false, 1 << 20, 6);
  CHECK_FALSE(history.active());
  CHECK(history.Capture() == nullptr);
  history.Configure(true, 1 << 20, 9);
  CHECK(history.oldest() == 9);
  CHECK(Search(history, true, "", 9).empty());
  history.Configure(true, 0, 9);
  CHECK_FALSE(history.active());
}

constexpr Revision kLoadedAt = 20'000;

Status Restore(const std::vector<std::string>& pieces, WatchHistory* history,
               Revision now = kLoadedAt) {
  history->BeginLoad();
  history->Configure(true, 1 << 20, 77);
  for (const std::string& piece : pieces) TRY(history->LoadPiece(piece, true));
  return history->EndLoad(now);
}

TEST_CASE("a snapshot's section holds what was there when it began") {
  WatchHistory history;
  history.Configure(true, 1 << 20, 3);
  history.NoteLost(3, 6);
  for (Revision revision = 7; revision < 3000; ++revision)
    Put(history, revision, {"key" + std::to_string(revision), "other"}, 2,
        std::string(revision % 100, 'v'));
  const Found before = Search(history, true, "", history.oldest(), 100'000, nullptr, 2);
  const std::unique_ptr<WatchHistory::Image> image = history.Capture();
  std::vector<std::string> pieces;
  for (std::string piece; image->Next(&piece);) {
    pieces.push_back(piece);
    Put(history, 10'000 + pieces.size(), {"later"}, 2);  // it goes on
  }
  CHECK(pieces.size() > 3);
  WatchHistory loaded;
  REQUIRE(Restore(pieces, &loaded).has_value());
  CHECK(Search(loaded, true, "", loaded.oldest(), 100'000, nullptr, 2) == before);
  CHECK(loaded.newest() == 2999);
  // Each revision stands in one segment: an answer has both of its events.
  for (Revision after = loaded.oldest(); after < 2999; ++after)
    CHECK(Search(loaded, true, "", after, 1, nullptr, 2).size() == 2);
  Put(loaded, 3000, {"next"}, 2);
  CHECK(Search(loaded, false, "next", 2999, 10, nullptr, 2) == Found{{3000, "next"}});

  SUBCASE("cut short") {
    pieces.back().pop_back();
    CHECK_FALSE(Restore(pieces, &loaded).has_value());
  }
  SUBCASE("changed") {
    pieces[1][0] = '\xff';
    pieces[1][7] = '\xff';
    CHECK_FALSE(Restore(pieces, &loaded).has_value());
  }
  SUBCASE("without the section it begins at the snapshot") {
    REQUIRE(Restore({}, &loaded).has_value());
    CHECK(loaded.oldest() == kLoadedAt);
  }
  SUBCASE("of revisions that the snapshot doesn't have") {
    CHECK_FALSE(Restore(pieces, &loaded, 2998).has_value());
  }
}

// Against the list of all events.
TEST_CASE("searches find what a scan would, whatever is evicted") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    WatchHistory history;
    history.Configure(true, 2000 + rng.Below(60'000), 0);
    std::vector<std::tuple<Revision, int, std::string>> all;
    Revision revision = 0;
    for (int i = 0; i < 1500; ++i) {
      revision += 1 + rng.Below(3);
      std::map<std::string, int> keys;
      for (uint64_t n = 1 + rng.Below(4); n > 0; --n) {
        std::string key;
        for (uint64_t k = rng.Below(5); k > 0; --k)
          key.push_back(static_cast<char>('a' + rng.Below(2)));
        keys[key] = static_cast<int>(rng.Below(2));
      }
      std::vector<WatchEvent> events;
      for (const auto& [key, db] : keys) {
        events.push_back({.db = db, .key = key, .value = "v", .value_size = 1});
        all.emplace_back(revision, db, key);
      }
      history.Append({revision, events});
      if (rng.Below(20) != 0) continue;
      const Revision after = history.oldest() + rng.Below(revision - history.oldest() + 1);
      const bool prefix = rng.Below(2) == 0;
      const std::string name(rng.Below(4), rng.Below(2) == 0 ? 'a' : 'b');
      const int db = static_cast<int>(rng.Below(2));
      Found expected;
      for (const auto& [at, of_db, key] : all)
        if (at > after && of_db == db && (prefix ? key.starts_with(name) : key == name))
          expected.emplace_back(at, key);
      CHECK(Search(history, prefix, name, after, 100'000, nullptr, db) == expected);
    }
  }
}

}  // namespace
}  // namespace clustron::state

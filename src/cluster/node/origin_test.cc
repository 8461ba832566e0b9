#include "cluster/node/origin.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

namespace clustron::cluster {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr Session kSession{3, 9};
constexpr int64_t kNow = 1;

struct Owner : ItemOwner {};

struct Fixture {
  Origin origin{kSession};
  Owner owners[8];

  void Add(int i, int64_t now) {
    std::string item;
    const std::string_view args[] = {"SET", "k"};
    AppendItem({.command_id = static_cast<uint16_t>(100 + i), .session = kSession}, args, &item);
    origin.Add(item, &owners[i], now);
  }
  // {sequence, command id} of the next item to send; {0, 0}: none.
  std::pair<uint64_t, int> Next() {
    const Origin::Item* item = origin.NextToSend(kNow);
    if (item == nullptr) return {0, 0};
    Reader reader(item->bytes());
    ItemHeader header;
    std::string_view all;
    REQUIRE(PeekItem(&reader, &header, &all));
    CHECK(header.session == kSession);
    return {header.sequence, header.kind == ItemKind::kVoid ? -1 : header.command_id};
  }
};
using Sent = std::pair<uint64_t, int>;

TEST_CASE_FIXTURE(Fixture, "items are numbered when they first leave and keep their numbers") {
  Add(0, 0);
  Add(1, 0);
  CHECK(Next() == Sent{1, 100});
  CHECK(Next() == Sent{2, 101});
  CHECK(Next() == Sent{0, 0});
  Add(2, 0);
  origin.SendAllAgain(0);
  CHECK(Next() == Sent{1, 100});
  CHECK(origin.Take(1, 0) == &owners[0]);
  CHECK(Next() == Sent{2, 101});
  CHECK(Next() == Sent{3, 102});
}

TEST_CASE_FIXTURE(Fixture,
                  "each time that sending again has not helped, the next is further away") {
  Add(0, kSecond);
  Add(1, kSecond);
  CHECK(Next() == Sent{1, 100});
  CHECK(Next() == Sent{2, 101});
  CHECK(origin.StalledSinceNs() == kSecond);
  constexpr int64_t kStep = kSecond / 10;
  origin.SendAllAgain(kSecond + kStep);
  CHECK(origin.StalledSinceNs() == kSecond + 2 * kStep);
  origin.SendAllAgain(kSecond + 3 * kStep);
  CHECK(origin.StalledSinceNs() == kSecond + 6 * kStep);
  origin.SendAllAgain(100 * kSecond);  // not for ever
  CHECK(origin.StalledSinceNs() < 101 * kSecond);
  CHECK(Next() == Sent{1, 100});
  CHECK(origin.Take(1, 102 * kSecond) == &owners[0]);
  CHECK(origin.StalledSinceNs() == 102 * kSecond);
}

TEST_CASE_FIXTURE(Fixture, "what never left is dropped, what has left becomes void in its place") {
  Add(0, 0);
  CHECK(Next() == Sent{1, 100});
  Add(1, 0);
  Add(2, kSecond);
  std::vector<ItemOwner*> definite, uncertain;
  origin.Expire(5 * kSecond / 2, 2 * kSecond, &definite, &uncertain);
  CHECK(definite == std::vector<ItemOwner*>{&owners[1]});
  CHECK(uncertain == std::vector<ItemOwner*>{&owners[0]});
  origin.SendAllAgain(0);
  CHECK(Next() == Sent{1, -1});
  CHECK(Next() == Sent{2, 102});  // the dropped item's number was never given
  CHECK(origin.Take(1, 0) == nullptr);
  CHECK(origin.Take(2, 0) == &owners[2]);
  CHECK(origin.Empty());
}

TEST_CASE_FIXTURE(Fixture, "nothing expires while own items are being applied") {
  Add(0, 0);
  Add(1, 0);
  Next();
  Next();
  origin.Take(1, 3 * kSecond);
  std::vector<ItemOwner*> definite, uncertain;
  origin.Expire(4 * kSecond, 2 * kSecond, &definite, &uncertain);
  CHECK(definite.empty());
  CHECK(uncertain.empty());
}

TEST_CASE_FIXTURE(Fixture, "a snapshot that has our items leaves their clients uncertain") {
  Add(0, 0);
  Add(1, 0);
  Add(2, 0);
  Next();
  Next();
  std::vector<ItemOwner*> uncertain;
  origin.SkipTo(3, &uncertain);
  CHECK(uncertain == std::vector<ItemOwner*>{&owners[0], &owners[1]});
  CHECK(Next() == Sent{3, 102});
}

TEST_CASE_FIXTURE(Fixture, "a big item is shared, and left as it is once it has been given away") {
  std::string item;
  const std::string value(1'000'000, 'v');
  const std::string_view args[] = {"SET", value};
  AppendItem({.command_id = 100, .session = kSession}, args, &item);
  const size_t size = item.size();
  origin.Add(std::move(item), &owners[0], 0);
  CHECK(origin.bytes() == size);
  const Origin::Item* sent = origin.NextToSend(kNow);
  REQUIRE(sent != nullptr);
  REQUIRE(sent->shared != nullptr);
  const std::shared_ptr<const std::string> given = sent->shared;
  const std::string before = *given;
  std::vector<ItemOwner*> definite, uncertain;
  origin.Expire(1'000, 1, &definite, &uncertain);
  CHECK(uncertain == std::vector<ItemOwner*>{&owners[0]});
  CHECK(*given == before);
  CHECK(origin.bytes() < 100);  // a void item in its place
  origin.SendAllAgain(0);
  CHECK(Next() == Sent{1, -1});
}

TEST_CASE("under another session what has left is uncertain, and the rest begins anew") {
  Fixture f;
  f.Add(0, 0);
  f.Add(1, 0);
  f.Next();
  CHECK(f.origin.IsNext(1));
  CHECK(!f.origin.IsNext(2));
  std::vector<ItemOwner*> uncertain;
  constexpr Session kLater{3, 12};
  f.origin.StartAnew(kLater, &uncertain);
  CHECK((uncertain == std::vector<ItemOwner*>{&f.owners[0]}));
  CHECK(f.origin.session() == kLater);
  CHECK(!f.origin.IsNext(1));
  const Origin::Item* item = f.origin.NextToSend(kNow);
  REQUIRE(item != nullptr);
  Reader reader(item->bytes());
  ItemHeader header;
  std::string_view all;
  REQUIRE(PeekItem(&reader, &header, &all));
  CHECK(header.session == kLater);
  CHECK(header.sequence == 1u);
  CHECK(header.command_id == 101);
  CHECK(f.origin.IsNext(1));
  CHECK(f.origin.Take(1, 5) == &f.owners[1]);
  CHECK(f.origin.Empty());
}

// --- Flow ---

struct SmallWindow {
  Origin origin{kSession, 1000};
  Owner clients[8];

  // The item says which one it is by its command id.
  void Add(int client, uint16_t id, size_t bytes, int64_t now = 0) {
    const std::string value(bytes, 'v');
    const std::string_view args[] = {"SET", value};
    std::string item;
    AppendItem({.command_id = id, .session = kSession}, args, &item);
    origin.Add(std::move(item), &clients[client], now);
  }
  int Next() {
    const Origin::Item* item = origin.NextToSend(kNow);
    if (item == nullptr) return 0;
    Reader reader(item->bytes());
    ItemHeader header;
    std::string_view all;
    REQUIRE(PeekItem(&reader, &header, &all));
    return header.kind == ItemKind::kVoid ? -1 : header.command_id;
  }
  std::vector<int> All() {
    std::vector<int> ids;
    while (const int id = Next()) ids.push_back(id);
    return ids;
  }
};

TEST_CASE_FIXTURE(SmallWindow, "no more than a window is under way, whatever is asked") {
  for (uint16_t i = 1; i <= 5; ++i) Add(0, i, 400);
  CHECK(All() == std::vector<int>{1, 2});
  CHECK(origin.window_bytes() <= 1000);
  CHECK_FALSE(origin.HasUnsent());
  origin.OnNewWay(0);  // a new leader: the same ones, not one more
  CHECK(All() == std::vector<int>{1, 2});
  CHECK(origin.Take(1, 0) == &clients[0]);
  CHECK(origin.HasUnsent());
  CHECK(All() == std::vector<int>{3});
  for (uint64_t sequence = 2; sequence <= 5; ++sequence) {
    origin.Take(sequence, 0);
    All();
  }
  CHECK(origin.Empty());
  CHECK(origin.bytes() == 0);
}

TEST_CASE_FIXTURE(SmallWindow, "an item that is more than a window goes alone, and is waited for") {
  Add(0, 1, 100);
  Add(0, 2, 5000);
  Add(1, 3, 100);
  CHECK(All() == std::vector<int>{1, 3});
  // Its turn is its turn: what would fit now does not go before it for ever.
  Add(1, 4, 100);
  origin.Take(1, 0);
  std::vector<int> order = All();
  for (uint64_t sequence = 2; !origin.Empty(); ++sequence) {
    origin.Take(sequence, 0);
    for (int id : All()) order.push_back(id);
    REQUIRE(sequence < 10);
  }
  CHECK(order == std::vector<int>{2, 4});
}

TEST_CASE_FIXTURE(SmallWindow,
                  "clients take turns by bytes, and a client's items keep their order") {
  Origin turns(kSession, 1 << 20);
  const auto add = [&](int client, uint16_t id, size_t bytes) {
    const std::string value(bytes, 'v');
    const std::string_view args[] = {"SET", value};
    std::string item;
    AppendItem({.command_id = id, .session = kSession}, args, &item);
    turns.Add(std::move(item), &clients[client], 0);
  };
  // One client has filled the window and more; another sends little.
  for (uint16_t i = 0; i < 100; ++i) add(0, static_cast<uint16_t>(100 + i), 100'000);
  add(1, 1, 10);
  add(1, 2, 10);
  std::vector<int> order;
  uint64_t sequence = 1;
  while (!turns.Empty()) {
    while (const Origin::Item* item = turns.NextToSend(kNow)) {
      Reader reader(item->bytes());
      ItemHeader header;
      std::string_view all;
      REQUIRE(PeekItem(&reader, &header, &all));
      order.push_back(header.command_id);
      CHECK(turns.window_bytes() <= 1 << 20);
    }
    turns.Take(sequence++, 0);
  }
  REQUIRE(order.size() == 102);
  const auto at = [&](int id) { return std::find(order.begin(), order.end(), id) - order.begin(); };
  CHECK(at(1) <= 11);  // behind what had left before it came, and the one whose turn it was
  CHECK(at(2) == at(1) + 1);
  for (int id = 101; id < 200; ++id) CHECK(at(id - 1) < at(id));
}

TEST_CASE("who sends little is next, however many send much; these get the same, by bytes") {
  Origin origin(kSession, 1 << 20);
  constexpr int kBulk = 100;
  Owner clients[kBulk + 1];
  size_t bytes_of[kBulk + 1] = {};
  const auto add = [&](int client, size_t bytes) {
    const std::string value(bytes, 'v');
    const std::string_view args[] = {"SET", value};
    std::string item;
    AppendItem({.command_id = static_cast<uint16_t>(client), .session = kSession}, args, &item);
    origin.Add(std::move(item), &clients[client], 0);
  };
  // Half send big items, half small ones, and each has two waiting all the time.
  const auto refill = [&](int client) { add(client, client % 2 == 0 ? 400'000 : 20'000); };
  for (int round = 0; round < 2; ++round) {
    for (int client = 0; client < kBulk; ++client) refill(client);
  }
  size_t since = 0;  // bytes that left since the small client asked
  size_t longest = 0;
  bool small_waits = false;
  uint64_t sequence = 1;
  for (int step = 0; step < 20'000; ++step) {
    if (!small_waits && step % 3 == 0) {
      add(kBulk, 10);
      small_waits = true;
      since = 0;
    }
    while (const Origin::Item* item = origin.NextToSend(kNow)) {
      Reader reader(item->bytes());
      ItemHeader header;
      std::string_view all;
      REQUIRE(PeekItem(&reader, &header, &all));
      const int client = header.command_id;
      bytes_of[client] += item->counts;
      since += item->counts;
      if (client == kBulk) {
        small_waits = false;
        longest = std::max(longest, since);
      } else {
        refill(client);
      }
    }
    REQUIRE(origin.WithinWindow());
    origin.Take(sequence++, 0);
  }
  CHECK(longest <= 1 << 20);  // of 20 MB that wait
  const auto [least, most] = std::minmax_element(bytes_of, bytes_of + kBulk);
  CHECK(*most - *least <= 900'000);
  CHECK(*least > 5'000'000);
}

// A client with much to say, and a cluster that applies `per_ms` bytes each millisecond,
// `latency_ms` after they left at the earliest. How long an item is under way in the end.
int64_t UnderWayMs(Origin& origin, size_t per_ms, int64_t latency_ms, int64_t run_ms) {
  constexpr int64_t kMs = 1'000'000;
  Owner client;
  const std::string value(60'000, 'v');
  const std::string_view args[] = {"SET", value};
  std::string item;
  AppendItem({.command_id = 1, .session = kSession}, args, &item);
  std::deque<int64_t> left;  // when each of those under way left
  uint64_t sequence = 1;
  size_t credit = 0;
  int64_t took_ms = 0;
  for (int64_t ms = 1; ms < run_ms; ++ms) {
    while (origin.size() < 1000) origin.Add(item, &client, ms * kMs);
    while (origin.NextToSend(ms * kMs) != nullptr) left.push_back(ms);
    CHECK(origin.WithinWindow());
    for (credit += per_ms; credit >= item.size() && left.front() + latency_ms <= ms;) {
      credit -= item.size();
      took_ms = ms - left.front();
      left.pop_front();
      origin.Take(sequence++, ms * kMs);
    }
    credit = std::min(credit, per_ms + item.size());
  }
  return took_ms;
}

TEST_CASE("where things are slow less is under way, so that others don't wait behind it") {
  Origin origin(kSession);
  SUBCASE("a slow disk") {
    const int64_t ms = UnderWayMs(origin, 20'000, 2, 3000);
    CHECK(ms >= 100);
    CHECK(ms <= 200);
    CHECK(origin.room_bytes() < 5 << 20);
  }
  SUBCASE("hardly anything goes through") {
    UnderWayMs(origin, 100, 2, 20'000);
    CHECK(origin.room_bytes() == WindowPace::kLeastBytes);
  }
  SUBCASE("a fast one") {
    CHECK(UnderWayMs(origin, 1'000'000, 1, 2000) < 50);
    CHECK(origin.room_bytes() == Origin::kWindowBytes);
  }
  SUBCASE("far away, but with a broad link: distance is no queue") {
    UnderWayMs(origin, 100'000, 300, 6000);
    CHECK(origin.room_bytes() == Origin::kWindowBytes);
  }
  SUBCASE("a new leader may be faster") {
    UnderWayMs(origin, 5'000, 2, 3000);
    CHECK(origin.room_bytes() < 2 << 20);
    const size_t slow = origin.room_bytes();
    origin.SendAllAgain(3 * kSecond);  // what does not get through is no news of its speed
    CHECK(origin.room_bytes() == slow);
    origin.OnNewWay(3 * kSecond);
    CHECK(origin.room_bytes() == Origin::kWindowBytes);
  }
}

TEST_CASE_FIXTURE(SmallWindow,
                  "what waits for the window fails definitely, what has left does not") {
  for (uint16_t i = 1; i <= 4; ++i) Add(0, i, 400, i * kSecond);
  CHECK(All() == std::vector<int>{1, 2});
  std::vector<ItemOwner*> definite, uncertain;
  origin.Expire(11 * kSecond / 2, 2 * kSecond, &definite, &uncertain);
  CHECK(uncertain.size() == 2);
  CHECK(definite.size() == 1);
  CHECK(origin.window_bytes() == 0);  // void items are outside the window
  definite.clear();
  uncertain.clear();
  origin.SendAllAgain(0);
  const std::vector<int> sent = All();
  REQUIRE(sent.size() == 3);
  CHECK(sent.back() == 4);
  origin.Expire(9 * kSecond, 2 * kSecond, &definite, &uncertain);
  CHECK(definite.empty());
  CHECK(uncertain == std::vector<ItemOwner*>{&clients[0]});
}

TEST_CASE_FIXTURE(SmallWindow, "of one client the items that left are listed as older") {
  Add(0, 1, 600, 0);
  Add(0, 2, 600, kSecond);
  CHECK(All() == std::vector<int>{1});
  std::vector<ItemOwner*> definite, uncertain;
  origin.Expire(4 * kSecond, 2 * kSecond, &definite, &uncertain);
  CHECK(uncertain == std::vector<ItemOwner*>{&clients[0]});
  CHECK(definite == std::vector<ItemOwner*>{&clients[0]});
}

}  // namespace
}  // namespace clustron::cluster

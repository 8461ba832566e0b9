#include "cluster/origin.h"

#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr Session kSession{3, 9};

struct Fixture {
  Origin origin{kSession};
  int cookies[8] = {};

  void Add(int i, int64_t now) {
    std::string item;
    const std::string_view args[] = {"SET", "k"};
    AppendItem({.command_id = static_cast<uint16_t>(100 + i), .session = kSession}, args, &item);
    origin.Add(item, &cookies[i], now);
  }
  // {sequence, command id} of the next item to send; {0, 0}: none.
  std::pair<uint64_t, int> Next() {
    const Origin::Item* item = origin.NextToSend();
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
  origin.SendAllAgain();
  CHECK(Next() == Sent{1, 100});
  CHECK(origin.Take(1, 0) == &cookies[0]);
  CHECK(Next() == Sent{2, 101});
  CHECK(Next() == Sent{3, 102});
}

TEST_CASE_FIXTURE(Fixture, "what never left is dropped, what has left becomes void in its place") {
  Add(0, 0);
  CHECK(Next() == Sent{1, 100});
  Add(1, 0);
  Add(2, kSecond);
  std::vector<void*> definite, uncertain;
  origin.Expire(5 * kSecond / 2, 2 * kSecond, &definite, &uncertain);
  CHECK(definite == std::vector<void*>{&cookies[1]});
  CHECK(uncertain == std::vector<void*>{&cookies[0]});
  origin.SendAllAgain();
  CHECK(Next() == Sent{1, -1});
  CHECK(Next() == Sent{2, 102});  // the dropped item's number was never given
  CHECK(origin.Take(1, 0) == nullptr);
  CHECK(origin.Take(2, 0) == &cookies[2]);
  CHECK(origin.Empty());
}

TEST_CASE_FIXTURE(Fixture, "nothing expires while own items are being applied") {
  Add(0, 0);
  Add(1, 0);
  Next();
  Next();
  origin.Take(1, 3 * kSecond);
  std::vector<void*> definite, uncertain;
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
  std::vector<void*> uncertain;
  origin.SkipTo(3, &uncertain);
  CHECK(uncertain == std::vector<void*>{&cookies[0], &cookies[1]});
  CHECK(Next() == Sent{3, 102});
}

TEST_CASE_FIXTURE(Fixture, "a big item is shared, and left as it is once it has been given away") {
  std::string item;
  const std::string value(1'000'000, 'v');
  const std::string_view args[] = {"SET", value};
  AppendItem({.command_id = 100, .session = kSession}, args, &item);
  const size_t size = item.size();
  origin.Add(std::move(item), &cookies[0], 0);
  CHECK(origin.bytes() == size);
  const Origin::Item* sent = origin.NextToSend();
  REQUIRE(sent != nullptr);
  REQUIRE(sent->shared != nullptr);
  const std::shared_ptr<const std::string> given = sent->shared;
  const std::string before = *given;
  std::vector<void*> definite, uncertain;
  origin.Expire(1'000, 1, &definite, &uncertain);
  CHECK(uncertain == std::vector<void*>{&cookies[0]});
  CHECK(*given == before);
  CHECK(origin.bytes() < 100);  // a void item in its place
  origin.SendAllAgain();
  CHECK(Next() == Sent{1, -1});
}

TEST_CASE("under another session what has left is uncertain, and the rest begins anew") {
  Fixture f;
  f.Add(0, 0);
  f.Add(1, 0);
  f.Next();
  CHECK(f.origin.IsNext(1));
  CHECK(!f.origin.IsNext(2));
  std::vector<void*> uncertain;
  constexpr Session kLater{3, 12};
  f.origin.StartAnew(kLater, &uncertain);
  CHECK((uncertain == std::vector<void*>{&f.cookies[0]}));
  CHECK(f.origin.session() == kLater);
  CHECK(!f.origin.IsNext(1));
  const Origin::Item* item = f.origin.NextToSend();
  REQUIRE(item != nullptr);
  Reader reader(item->bytes());
  ItemHeader header;
  std::string_view all;
  REQUIRE(PeekItem(&reader, &header, &all));
  CHECK(header.session == kLater);
  CHECK(header.sequence == 1u);
  CHECK(header.command_id == 101);
  CHECK(f.origin.IsNext(1));
  CHECK(f.origin.Take(1, 5) == &f.cookies[1]);
  CHECK(f.origin.Empty());
}

}  // namespace
}  // namespace clustron::cluster

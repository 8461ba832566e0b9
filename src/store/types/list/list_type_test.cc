// What a list does as a type among others: frozen for a snapshot, and put together again.
#include "store/types/list/list_type.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/types/list/list_edit.h"
#include "tests/support/store_model.h"

namespace clustron::store {
namespace {

struct Gathered final : PartSink {
  void OnPart(std::string_view part) override { parts.emplace_back(part); }
  std::deque<std::string> parts;
};

void Push(Store& s, std::string_view key, const std::deque<std::string>& elements) {
  s.BeginItem();
  Mutation m = s.Modify(0, key);
  PushToList(m, ListEnd::kBack, std::vector<std::string_view>(elements.begin(), elements.end()));
  m.Commit(kSet);
}

TEST_CASE("a long list that is frozen gives its elements in slices, whatever becomes of the list") {
  // Slices end by bytes, and by elements.
  for (const size_t size : {10, 1000, 70'000}) {
    CAPTURE(size);
    Store s(1);
    s.BeginEntry(1, 1);
    std::deque<std::string> elements;
    for (size_t i = 0; i < 5000; i++) {
      elements.push_back(std::to_string(i) + std::string(size, 'x'));
      if (size == 70'000 && i == 20) break;
    }
    Push(s, "list", elements);
    const KeyRecord& record = *s.Find(0, "list");
    const std::unique_ptr<FrozenValue> frozen = ValueTypeOf(record).freeze(record);
    REQUIRE(frozen != nullptr);
    Gathered gathered;
    size_t steps = 0;
    bool more = true;
    while (more) {
      more = frozen->Step(gathered);
      ++steps;
      s.BeginItem();
      Mutation m = s.Modify(0, "list");
      if (!m.exists()) continue;
      SetListElement(m, ListOf(*m.record()).size() - 1, "changed");
      if (ListOf(*m.record()).size() > 1) PopFromList(m, ListEnd::kFront, 1);
      m.Commit(kSet);
    }
    CHECK(steps > 3);
    CHECK(gathered.parts == elements);
    CHECK(Elements(ListOf(*s.Find(0, "list"))).back() == "changed");
  }
}

TEST_CASE("what came to an end of a long list, or left it, is undone at that end") {
  for (const ListEnd end : {ListEnd::kFront, ListEnd::kBack}) {
    for (const bool push : {true, false}) {
      Store s(1);
      s.BeginEntry(1, 1);
      REQUIRE(s.ChangeSetting(*FindSetting("list-max-listpack-size"), "2").has_value());
      const std::deque<std::string> before{"1", "2", "3", "4", "5", "6", "7", "8"};
      Push(s, "list", before);
      s.BeginItem();
      const size_t mark = s.Arm();
      {
        Mutation m = s.Modify(0, "list");
        const std::string_view elements[] = {"x", "y"};
        if (push) {
          PushToList(m, end, elements);
        } else {
          PopFromList(m, end, 1);
        }
        m.Commit(kSet);
      }
      CHECK(Elements(ListOf(*s.Find(0, "list"))) != before);
      s.Rollback(mark);
      CHECK(Elements(ListOf(*s.Find(0, "list"))) == before);
    }
  }
}

}  // namespace
}  // namespace clustron::store

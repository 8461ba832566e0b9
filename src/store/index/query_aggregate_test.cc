// What a query counts as visits is a function of the state: it decides what the query does.
#include "store/index/query_aggregate.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/hash.h"
#include "store/index/query_page.h"

namespace clustron::store {
namespace {

// Whether a key is past its time is not known everywhere alike.
TEST_CASE("query: what it counts does not depend on who is looked up") {
  const IndexDefinition ages{.fields = {{.name = "age", .type = FieldType::kNum}}};
  const IndexDefinition names{.kind = IndexKind::kKeys};
  const KeepLiving all_live = [](std::span<const IndexedKey*> rows) { return rows.size(); };
  const BoundQuery all;
  for (const IndexDefinition& definition : {ages, names}) {
    IndexContent content(definition, 7);
    std::vector<std::vector<std::string_view>> values(definition.fields.size());
    for (auto& of_field : values) of_field.push_back("42");
    for (int i = 0; i < 100; i++) {
      const std::string name = "k" + std::to_string(i);
      content.Set(name, HashBytes(name, 7), values);
    }
    for (const bool deadlines : {false, true}) {
      CAPTURE(deadlines);
      for (const uint64_t limit : {0, 10, 1000}) {
        CAPTURE(limit);
        const PageRequest plain{.where = all, .limit = limit, .deadlines = deadlines};
        const PageRequest looked{
            .where = all, .limit = limit, .keep_living = all_live, .deadlines = deadlines};
        const auto a = RunPage(content, definition, 10'000, plain);
        const auto b = RunPage(content, definition, 10'000, looked);
        REQUIRE(a);
        REQUIRE(b);
        CHECK(a->visits == b->visits);
        CHECK(a->count == b->count);
        CHECK(RunPage(content, definition, 99, plain).has_value() ==
              RunPage(content, definition, 99, looked).has_value());
      }
      const std::vector<Reducer> count = {{Reducer::Kind::kCount}};
      uint64_t a = 0;
      uint64_t b = 0;
      CHECK(Aggregate(content, definition, 10'000,
                      {.where = all, .reducers = count, .deadlines = deadlines}, &a));
      CHECK(Aggregate(
          content, definition, 10'000,
          {.where = all, .reducers = count, .keep_living = all_live, .deadlines = deadlines}, &b));
      CHECK(a == b);
    }
  }
}

}  // namespace
}  // namespace clustron::store

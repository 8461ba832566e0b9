// Query expressions, over an index of a few hashes: what can be read can be fitted or is refused
// with a place inside of it, and walking conditions finds what asking each key finds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "store/index/bound_query.h"
#include "store/index/index_content.h"
#include "store/index/matcher.h"
#include "store/index/query_expr.h"

namespace {

using namespace clustron::store;

constexpr uint64_t kSeed = 1;

IndexDefinition Definition() {
  return {.kind = IndexKind::kLabels,
          .prefixes = {},
          .entity = {},
          .fields = {{"a", FieldType::kTag}, {"b", FieldType::kNum}, {"c", FieldType::kText}}};
}

const IndexContent& Content() {
  static const IndexContent* const content = [] {
    auto* made = new IndexContent(Definition(), kSeed);
    for (int i = 0; i < 40; ++i) {
      const std::string key = "k" + std::to_string(i);
      const std::string tag(static_cast<size_t>(i % 4), static_cast<char>('a' + i % 3));
      const std::string number = std::to_string(i % 7 - 2);
      const std::string text = tag + " b" + number;
      std::vector<std::vector<std::string_view>> values = {{tag}, {number, "8"}, {text}};
      if (i % 5 == 0) values[i % 3].clear();
      made->Set(key, clustron::HashBytes(key, kSeed), values);
    }
    return made;
  }();
  return *content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expr = ParseQuery(text, {{"p", "b"}});
  if (!expr) {
    CHECK(expr.error().position >= 1 && expr.error().position <= size + 1);
    CHECK(!expr.error().text.empty());
    return 0;
  }
  const IndexDefinition definition = Definition();
  const auto bound = BindQuery(*expr, definition);
  if (!bound) {
    CHECK(bound.error().position >= 1 && bound.error().position <= size);
    return 0;
  }
  const Matcher matcher(Content(), definition, *bound);
  auto ids = matcher.Match(1'000'000);
  CHECK(ids.has_value());
  std::sort(ids->begin(), ids->end());
  CHECK(std::adjacent_find(ids->begin(), ids->end()) == ids->end());
  size_t asked = 0;
  for (uint32_t id = 0; id < Content().id_end(); ++id)
    asked += Matcher::Matches(Content(), *bound, *Content().At(id));
  CHECK(asked == ids->size());
  CHECK(!matcher.Explain().empty());
  return 0;
}

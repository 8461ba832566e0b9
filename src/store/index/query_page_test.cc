#include "store/index/query_page.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "store/index/bound_query.h"
#include "store/index/exact_sum.h"
#include "store/index/index_content.h"
#include "store/index/matcher.h"
#include "store/index/query_aggregate.h"
#include "store/index/query_expr.h"

namespace clustron::store {

namespace {

constexpr uint64_t kSeed = 5;

std::string ErrorOf(std::string_view text, const std::vector<QueryParam>& params = {}) {
  const auto expr = ParseQuery(text, params);
  if (expr) return "(none)";
  return (expr.error().syntax ? "syntax " : "") + std::to_string(expr.error().position) + ": " +
         expr.error().text;
}

// The expression with all parentheses.
std::string Shape(const QueryExpr& expr) {
  static const char* kOps[] = {"=", "!=", "<", "<=", ">", ">=", "^=", " in", " exists"};
  std::string text;
  switch (expr.kind) {
    case QueryExpr::Kind::kAnd:
    case QueryExpr::Kind::kOr:
      for (const QueryExpr& part : expr.parts) {
        if (!text.empty()) text += expr.kind == QueryExpr::Kind::kAnd ? " & " : " | ";
        text += Shape(part);
      }
      return "(" + text + ")";
    case QueryExpr::Kind::kNot:
      return "!" + Shape(expr.parts[0]);
    case QueryExpr::Kind::kCondition:
      break;
  }
  text = expr.field + kOps[static_cast<size_t>(expr.op)];
  for (const QueryValue& value : expr.values) text += "'" + value.bytes + "'";
  return text;
}
std::string ShapeOf(std::string_view text, const std::vector<QueryParam>& params = {}) {
  const auto expr = ParseQuery(text, params);
  return expr ? Shape(*expr) : "error: " + expr.error().text;
}

using Fields = std::map<std::string, std::vector<std::string>>;

// What the conditions mean, said again: by all values of a key, one by one.
class Naive {
 public:
  explicit Naive(const IndexDefinition& definition) : definition_(definition) {}

  std::vector<std::string> Indexed(const Fields& fields, const std::string& name) const {
    const size_t at = *FindField(definition_, name);
    std::vector<std::string> values;
    const auto it = fields.find(name);
    if (it == fields.end()) return values;
    for (const std::string& value : it->second) {
      switch (definition_.fields[at].type) {
        case FieldType::kNum:
          if (const auto n = ParseDouble(value); n && std::isfinite(*n)) values.push_back(value);
          break;
        case FieldType::kText:
          AppendWords(value, &values);
          break;
        default:
          if (value.size() <= kTagBytesMax) values.push_back(value);
      }
    }
    return values;
  }
  bool Matches(const QueryExpr& expr, const std::string& key, const Fields& fields) const {
    switch (expr.kind) {
      case QueryExpr::Kind::kAnd:
        return std::all_of(expr.parts.begin(), expr.parts.end(),
                           [&](const QueryExpr& e) { return Matches(e, key, fields); });
      case QueryExpr::Kind::kOr:
        return std::any_of(expr.parts.begin(), expr.parts.end(),
                           [&](const QueryExpr& e) { return Matches(e, key, fields); });
      case QueryExpr::Kind::kNot:
        return !Matches(expr.parts[0], key, fields);
      case QueryExpr::Kind::kCondition:
        break;
    }
    const bool is_key = expr.field == kKeyField;
    const std::vector<std::string> has = is_key ? std::vector{key} : Indexed(fields, expr.field);
    const FieldType type =
        is_key ? FieldType::kTag : definition_.fields[*FindField(definition_, expr.field)].type;
    if (expr.op == QueryOp::kExists) return !has.empty();
    if (expr.op == QueryOp::kNe) {
      QueryExpr equal = expr;
      equal.op = QueryOp::kEq;
      return !Matches(equal, key, fields);
    }
    for (const QueryValue& value : expr.values) {
      std::vector<std::string> wanted{value.bytes};
      if (type == FieldType::kText) {
        wanted.clear();
        AppendWords(value.bytes, &wanted);
      }
      const bool all = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
        return std::any_of(has.begin(), has.end(),
                           [&](const std::string& h) { return Holds(type, h, expr.op, w); });
      });
      if (all) return true;
    }
    return false;
  }

 private:
  template <typename T>
  static bool Compare(const T& a, QueryOp op, const T& b) {
    switch (op) {
      case QueryOp::kLt:
        return a < b;
      case QueryOp::kLe:
        return a <= b;
      case QueryOp::kGt:
        return a > b;
      case QueryOp::kGe:
        return a >= b;
      default:
        return a == b;
    }
  }
  static bool Holds(FieldType type, const std::string& has, QueryOp op, const std::string& value) {
    if (op == QueryOp::kPrefix) return has.starts_with(value);
    if (type == FieldType::kNum) return Compare(*ParseDouble(has), op, *ParseDouble(value));
    return Compare(has, op, value);
  }
  const IndexDefinition& definition_;
};

// An index beside what was put into it.
struct World {
  explicit World(IndexDefinition d) : definition(std::move(d)), content(definition, kSeed) {}
  void Set(const std::string& key, Fields fields) {
    std::vector<std::vector<std::string_view>> values;
    for (const IndexField& field : definition.fields) {
      values.emplace_back();
      if (const auto it = fields.find(field.name); it != fields.end())
        values.back().assign(it->second.begin(), it->second.end());
    }
    content.Set(key, HashBytes(key, kSeed), values);
    keys[key] = std::move(fields);
  }
  void Remove(const std::string& key) {
    REQUIRE(content.Remove(key, HashBytes(key, kSeed)) == (keys.erase(key) > 0));
  }
  std::vector<std::string> Expected(const QueryExpr& expr) const {
    std::vector<std::string> found;
    const Naive naive(definition);
    for (const auto& [key, fields] : keys)
      if (naive.Matches(expr, key, fields)) found.push_back(key);
    return found;
  }
  BoundQuery Bind(std::string_view text) const {
    const auto expr = ParseQuery(text, {});
    REQUIRE(expr);
    auto bound = BindQuery(*expr, definition);
    REQUIRE(bound);
    return *std::move(bound);
  }
  std::vector<std::string> Find(const BoundQuery& query, std::vector<SortField> sort = {},
                                uint64_t page = 1'000'000) const {
    std::vector<std::string> found;
    std::optional<QueryCursor> after;
    do {
      const auto rows = RunPage(content, definition, 1'000'000,
                                {.where = query, .sort = sort, .after = after, .limit = page});
      REQUIRE(rows);
      for (const IndexedKey* row : rows->rows) found.emplace_back(row->name());
      after.reset();
      if (rows->next) after = QueryCursor::Decode(rows->next->Encode());
      CHECK(after.has_value() == rows->next.has_value());
    } while (after);
    return found;
  }
  std::string QueryErrorOf(std::string_view text) const {
    const auto expr = ParseQuery(text, {});
    REQUIRE(expr);
    const auto bound = BindQuery(*expr, definition);
    return bound ? "(none)" : std::to_string(bound.error().position) + ": " + bound.error().text;
  }

  const IndexDefinition definition;
  IndexContent content;
  std::map<std::string, Fields> keys;
};

IndexDefinition People(IndexKind kind = IndexKind::kHash) {
  return {
      .kind = kind,
      .prefixes = {},
      .entity = {},
      .fields = {{"city", FieldType::kTag}, {"age", FieldType::kNum}, {"bio", FieldType::kText}}};
}

std::string RandomCondition(Rng& rng) {
  const auto word = [&] { return std::string(1, static_cast<char>('a' + rng.Below(6))); };
  const auto number = [&] { return std::to_string(rng.Below(30)); };
  static const std::vector<std::string> kOps = {"=", "!=", "<", "<=", ">", ">="};
  switch (rng.Below(9)) {
    case 0:
      return "city " + kOps[rng.Below(6)] + " '" + word() + word() + "'";
    case 1:
      return "age " + kOps[rng.Below(6)] + " " + number();
    case 2:
      return "age >= " + number() + " AND age < " + number();
    case 3:
      return "bio = '" + word() + " " + word() + "'";
    case 4:
      return "bio ^= '" + word() + "'";
    case 5:
      return "city ^= '" + word() + "'";
    case 6:
      return std::string(rng.Percent(50) ? "city" : rng.Percent(50) ? "age" : "bio") + " EXISTS";
    case 7:
      return rng.Percent(50) ? "age IN (" + number() + ", " + number() + ", " + number() + ")"
                             : "bio IN ('" + word() + "', '" + word() + " " + word() + "')";
    default:
      return "@key " + kOps[rng.Below(6)] + " 'k" + number() + "'";
  }
}
std::string RandomExpr(Rng& rng, int depth) {
  if (depth == 0 || rng.Percent(30)) return RandomCondition(rng);
  switch (rng.Below(3)) {
    case 0:
      return "NOT (" + RandomExpr(rng, depth - 1) + ")";
    case 1:
      return "(" + RandomExpr(rng, depth - 1) + ") AND (" + RandomExpr(rng, depth - 1) + ")";
    default:
      return "(" + RandomExpr(rng, depth - 1) + " OR " + RandomExpr(rng, depth - 1) + ")";
  }
}

Fields RandomFields(Rng& rng, bool many) {
  Fields fields;
  const auto letters = [&](uint64_t most) {
    std::string text;
    for (uint64_t n = rng.Below(most + 1); n > 0; n--)
      text.push_back(static_cast<char>('a' + rng.Below(6)));
    return text;
  };
  for (uint64_t n = 1; n == 1 || (many && n < 4 && rng.Percent(60)); n++) {
    if (rng.Percent(80)) fields["city"].push_back(letters(2));
    if (rng.Percent(80))
      fields["age"].push_back(rng.Percent(10) ? "old" : std::to_string(rng.Below(30)));
    if (rng.Percent(80)) fields["bio"].push_back(letters(1) + ", " + letters(2) + "!");
  }
  if (rng.Percent(2)) fields["city"].push_back(std::string(kTagBytesMax + 1, 'c'));
  if (!many)
    for (auto& [name, values] : fields) values.resize(1);
  return fields;
}

void CheckQueries(World& world, Rng& rng, int queries) {
  for (int i = 0; i < queries; i++) {
    const std::string text = RandomExpr(rng, 3);
    CAPTURE(text);
    const auto expr = ParseQuery(text, {});
    REQUIRE(expr);
    const BoundQuery query = world.Bind(text);
    const std::vector<std::string> expected = world.Expected(*expr);
    CHECK(world.Find(query) == expected);
    CHECK(world.Find(query, {}, 1 + rng.Below(7)) == expected);
    // As sets where they are sorted otherwise, in the same order whatever the size of pages.
    const std::vector<SortField> sort = {{1, rng.Percent(50)}, {0, rng.Percent(50)}};
    std::vector<std::string> sorted = world.Find(query, sort);
    CHECK(world.Find(query, sort, 1 + rng.Below(7)) == sorted);
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == expected);
    const Matcher matcher(world.content, world.definition, query);
    CHECK(!matcher.Explain().empty());
  }
}

void RunRandom(IndexKind kind, uint64_t seed) {
  Rng rng(seed);
  const size_t before = allocated_bytes;
  {
    World world(People(kind));
    for (int round = 0; round < 12; round++) {
      for (int i = 0; i < 120; i++) {
        const std::string key = "k" + std::to_string(rng.Below(200));
        if (rng.Percent(round % 3 == 2 ? 70 : 20)) {
          if (world.keys.contains(key)) world.Remove(key);
        } else {
          world.Set(key, RandomFields(rng, kind == IndexKind::kLabels));
        }
      }
      world.content.CheckInvariants();
      REQUIRE(world.content.size() == world.keys.size());
      CheckQueries(world, rng, 40);
    }
  }
  CHECK(allocated_bytes == before);
}

}  // namespace

TEST_CASE("ids: few are left when most keys are gone, whichever they are") {
  for (const IndexKind kind : {IndexKind::kLabels, IndexKind::kKeys}) {
    Rng rng(5);
    const size_t before = allocated_bytes;
    {
      World world(kind == IndexKind::kKeys ? IndexDefinition{.kind = kind} : People(kind));
      std::vector<std::string> names;
      for (int i = 0; i < 20'000; i++) {
        names.push_back("k" + std::to_string(i));
        world.Set(names.back(), kind == IndexKind::kKeys ? Fields() : RandomFields(rng, true));
      }
      CHECK(world.content.id_end() == 20'000);
      for (size_t i = names.size(); i > 1; i--) std::swap(names[i - 1], names[rng.Below(i)]);
      const size_t full = allocated_bytes;
      for (int i = 0; i < 19'990; i++) {
        world.Remove(names.back());
        names.pop_back();
        CHECK(world.content.id_end() <= 2 * world.content.size() + 4096);
        if (i % 4000 == 0) world.content.CheckInvariants();
      }
      world.content.CheckInvariants();
      CHECK(allocated_bytes < full / 2);
      CHECK(world.Find({}).size() == 10);
      if (kind != IndexKind::kKeys) CheckQueries(world, rng, 20);
      for (int i = 0; i < 5000; i++) world.Set("n" + std::to_string(i), {});
      world.content.CheckInvariants();
    }
    CHECK(allocated_bytes == before);
  }
}

TEST_CASE("query: what binds closer, and how words are written") {
  CHECK(ShapeOf("a = 1 OR b = 2 AND NOT c = 3") == "(a='1' | (b='2' & !c='3'))");
  CHECK(ShapeOf("(a = 1 or b=2)and c exists") == "((a='1' | b='2') & c exists)");
  CHECK(ShapeOf("a IN ('x','y' , 3)") == "a in'x''y''3'");
  CHECK(ShapeOf("\"and\" = 'it''s' AND \"a\"\"b\" ^= ''") == "(and='it's' & a\"b^='')");
  CHECK(ShapeOf("a!=-1.5e3 AND b<=.5 AND c>=+2") == "(a!='-1.5e3' & b<='.5' & c>='+2')");
  CHECK(ShapeOf("user.name:x-y = $p", {{"p", "v"}}) == "user.name:x-y='v'");
  CHECK(ShapeOf("@key ^= 'a' AND NOT NOT b < 1") == "(@key^='a' & !!b<'1')");
}

TEST_CASE("query: errors name their place") {
  CHECK(ErrorOf("") == "syntax 1: " + std::string(kQueryWantsField));
  CHECK(ErrorOf("a =") == "syntax 4: " + std::string(kQueryWantsValue));
  CHECK(ErrorOf("a = b") == "syntax 5: " + std::string(kQueryWantsValue));
  CHECK(ErrorOf("a 1") == "syntax 3: " + std::string(kQueryWantsOp));
  CHECK(ErrorOf("a = 1 b = 2") == "syntax 7: " + std::string(kQueryWantsEnd));
  CHECK(ErrorOf("(a = 1") == "syntax 7: " + std::string(kQueryWantsClose));
  CHECK(ErrorOf("a = 1)") == "syntax 6: " + std::string(kQueryWantsEnd));
  CHECK(ErrorOf("a = 'x") == "syntax 5: " + std::string(kQueryOpenString));
  CHECK(ErrorOf("\"a = 1") == "syntax 1: " + std::string(kQueryOpenName));
  CHECK(ErrorOf("\"\" = 1") == "syntax 1: " + std::string(kQueryEmptyName));
  CHECK(ErrorOf("a = 1x") == "syntax 5: " + std::string(kQueryBadNumber));
  CHECK(ErrorOf("a = 1 & b = 2") == "syntax 7: " + std::string(kQueryOddByte));
  CHECK(ErrorOf("a IN 1") == "syntax 6: " + std::string(kQueryWantsOpen));
  CHECK(ErrorOf("a IN ()") == "syntax 7: " + std::string(kQueryWantsValue));
  CHECK(ErrorOf("a IN (1 2)") == "syntax 9: " + std::string(kQueryWantsComma));
  CHECK(ErrorOf("a = $") == "syntax 5: " + std::string(kQueryEmptyName));
  CHECK(ErrorOf("a = $q", {{"p", "v"}}) == "5: PARAMS has no 'q'");
  CHECK(ErrorOf("AND = 1") == "syntax 1: " + std::string(kQueryWantsField));
  CHECK(ErrorOf("NOT") == "syntax 4: " + std::string(kQueryWantsField));
  CHECK(ErrorOf(std::string(32, '(') + "a = 1" + std::string(32, ')')) ==
        "syntax 33: " + std::string(kQueryTooDeep));
  CHECK(ErrorOf(std::string(31, '(') + "a = 1" + std::string(31, ')')) == "(none)");
  std::string many = "a IN (1";
  for (int i = 0; i < 1022; i++) many += ",1";
  CHECK(ErrorOf(many + ")") == "(none)");
  CHECK(ErrorOf(many + ",1)").ends_with(kQueryTooManyValues));
  CHECK(ErrorOf(std::string(kQueryBytesMax + 1, ' ')).ends_with(kQueryTooLong));
}

TEST_CASE("query: conditions must fit the fields") {
  const World world(People());
  CHECK(world.QueryErrorOf("a = 1 OR town = 2") == "1: the index has no field 'a'");
  CHECK(world.QueryErrorOf("age = 'old'") == "7: field 'age' is NUM, and 'old' is no number");
  CHECK(world.QueryErrorOf("age ^= 1") == "1: " + std::string(kQueryNumPrefix));
  CHECK(world.QueryErrorOf("bio < 'a'") == "1: " + std::string(kQueryTextOrder));
  CHECK(world.QueryErrorOf("bio = '--'") == "7: " + std::string(kQueryNoWord));
  CHECK(world.QueryErrorOf("bio ^= 'a b'") == "8: " + std::string(kQueryOneWord));
  CHECK(world.QueryErrorOf("age = '1e400'") == "7: field 'age' is NUM, and '1e400' is no number");
}

TEST_CASE("query: a hash's fields, as a naive search has it") {
  for (uint64_t seed = 1; seed <= 3; seed++) RunRandom(IndexKind::kHash, seed);
}
TEST_CASE("query: many values a field, as a naive search has it") {
  for (uint64_t seed = 11; seed <= 13; seed++) RunRandom(IndexKind::kLabels, seed);
}

TEST_CASE("query: names of keys in order, with pages") {
  World world({.kind = IndexKind::kKeys, .prefixes = {}, .entity = {}, .fields = {}});
  Rng rng(3);
  for (int i = 0; i < 3000; i++) {
    const std::string key = "k" + std::to_string(rng.Below(900));
    rng.Percent(60) ? world.Set(key, {}) : world.Remove(key);
  }
  world.content.CheckInvariants();
  for (const std::string text : {"@key ^= 'k1'", "@key >= 'k2' AND @key < 'k55'", "@key = 'k7'",
                                 "@key > 'z'", "@key != 'k1'", "@key IN ('k1', 'k2', 'k3')",
                                 "NOT @key ^= 'k8'", "@key < 'k5' AND @key > 'k8'"}) {
    CAPTURE(text);
    const BoundQuery query = world.Bind(text);
    const std::vector<std::string> expected = world.Expected(*ParseQuery(text, {}));
    CHECK(world.Find(query) == expected);
    CHECK(world.Find(query, {}, 3) == expected);
    const auto counted = RunPage(world.content, world.definition, 1'000'000, {.where = query});
    REQUIRE(counted);
    CHECK(counted->count == expected.size());
    std::vector<std::string> down = world.Find(query, {{kKeyItself, true}}, 4);
    std::reverse(down.begin(), down.end());
    CHECK(down == expected);
  }
  CHECK(world.Find({}).size() == world.keys.size());
}

TEST_CASE("query: sorted by a field, absent values last, the key decides between equals") {
  World world(People());
  world.Set("d", {{"age", {"3"}}});
  world.Set("c", {{"age", {"20"}}});
  world.Set("b", {{"age", {"3"}}});
  world.Set("a", {{"age", {"none"}}});
  CHECK(world.Find({}, {{1, false}}, 1) == std::vector<std::string>{"b", "d", "c", "a"});
  CHECK(world.Find({}, {{1, true}}, 1) == std::vector<std::string>{"c", "b", "d", "a"});
  CHECK(std::get<0>(world.content.column(1)).not_indexed() == 1);
  CHECK(!QueryCursor::Decode("zz"));
  CHECK(!QueryCursor::Decode("0102"));
  CHECK(!FitsSort({.values = {}, .key = "a"}, {{1, false}}, world.definition));
  CHECK(!FitsSort({.values = {std::string("x")}, .key = "a"}, {{1, false}}, world.definition));
}

TEST_CASE("query: what would visit too much is refused, and EXPLAIN says what is walked") {
  World world(People());
  for (int i = 0; i < 1000; i++)
    world.Set("k" + std::to_string(i), {{"city", {i % 100 == 0 ? "x" : "y"}}, {"age", {"1"}}});
  const auto visits = [&](std::string_view text, uint64_t limit) {
    const BoundQuery query = world.Bind(text);
    const Matcher matcher(world.content, world.definition, query);
    const auto ids = matcher.Match(limit);
    return ids ? static_cast<int64_t>(matcher.visits()) : -static_cast<int64_t>(ids.error().needed);
  };
  // Walked: ten pairs; of each a second condition is asked.
  CHECK(visits("city = 'x'", 1) == 1);
  CHECK(visits("city = 'x' AND age = 1", 8) == 8);
  CHECK(visits("city = 'x' AND age = 1", 7) == -8);
  // Sets: all keys, and the pairs of each condition.
  CHECK(visits("city = 'y' OR age = 2", 1000) == (1000 + 990 + 3 * 3) / 8);
  CHECK(visits("NOT city = 'y'", 249) == 249);
  CHECK(visits("NOT city = 'y'", 248) == -249);
  // A row that is found is a visit, and one more for each field of SORT; to count them is none.
  const BoundQuery y = world.Bind("city = 'y'");
  const auto page = [&](std::vector<SortField> sort, uint64_t limit, uint64_t visits_max) {
    return RunPage(world.content, world.definition, visits_max,
                   {.where = y, .sort = std::move(sort), .limit = limit});
  };
  CHECK(page({}, 5, 990));
  CHECK(page({}, 5, 990)->count == 990);
  CHECK_FALSE(page({}, 5, 989));
  CHECK(page({}, 5, 989).error().by_rows);
  CHECK(page({}, 5, 989).error().needed == 990);
  CHECK_FALSE(page({{1, false}}, 5, 1979));
  CHECK(page({{1, false}}, 5, 1980));
  CHECK(page({}, 10'000, 990));
  CHECK_FALSE(page({}, 10'001, 990));
  CHECK(page({}, 0, 300)->count == 990);
}

TEST_CASE("query: EXPLAIN says what is walked, and what is refused") {
  World world(People());
  for (int i = 0; i < 1000; i++)
    world.Set("k" + std::to_string(i), {{"city", {i % 100 == 0 ? "x" : "y"}}, {"age", {"1"}}});
  const auto explain = [&](std::string_view text, uint64_t visits_max) {
    const BoundQuery query = world.Bind(text);
    return ExplainPage(world.content, world.definition, visits_max, {.where = query, .limit = 10});
  };
  using Lines = std::vector<std::string>;
  CHECK(explain("bio = 'z' AND city = 'x' AND age = 1", 1000) ==
        Lines{"walks at most 0 of 1000 keys", "AND", "  bio (TEXT): 0 keys, walked",
              "  city (TAG): 10 keys, asked of what is found",
              "  age (NUM): 1000 keys, asked of what is found"});
  CHECK(explain("age = 1 AND NOT city = 'x'", 500) ==
        Lines{"walks at most 1000 of 1000 keys, and is refused if more than 500 match", "AND",
              "  age (NUM): 1000 keys, walked", "  NOT", "    city (TAG): 10 keys, walked"});
  CHECK(explain("NOT @key = 'k1'", 100) ==
        Lines{"walks all 1000 keys, which is refused", "NOT", "  @key, asked of what is found"});
  World names({.kind = IndexKind::kKeys});
  for (int i = 0; i < 50; i++) names.Set("k" + std::to_string(i), {});
  const BoundQuery all;
  const BoundQuery some = names.Bind("@key >= 'k45'");
  CHECK(ExplainPage(names.content, names.definition, 5, {.where = all, .limit = 3}) ==
        Lines{"walks a page of the 50 of 50 keys, in their order"});
  CHECK(ExplainPage(names.content, names.definition, 5, {.where = some, .limit = 3}) ==
        Lines{"walks a page of the 10 of 50 keys, in their order"});
  CHECK(RunPage(names.content, names.definition, 5, {.where = all, .limit = 3})->count == 50);
}

TEST_CASE("query: who is not there is left out, in batches") {
  World world(People());
  World names({.kind = IndexKind::kKeys});
  for (int i = 0; i < 200; i++) {
    world.Set("k" + std::to_string(i), {{"age", {std::to_string(i)}}});
    names.Set("k" + std::to_string(1000 + i), {});
  }
  const KeepLiving even = [](std::span<const IndexedKey*> rows) {
    CHECK(rows.size() <= kFoundBatch);
    size_t kept = 0;
    for (const IndexedKey* row : rows)
      if ((row->name().back() - '0') % 2 == 0) rows[kept++] = row;
    return kept;
  };
  const BoundQuery all;
  const auto page = RunPage(world.content, world.definition, 10'000,
                            {.where = all, .sort = {{1, true}}, .limit = 2, .keep_living = even});
  REQUIRE(page);
  CHECK(page->count == 100);
  CHECK(page->rows[0]->name() == "k198");
  CHECK(page->rows[1]->name() == "k196");
  CHECK(RunPage(world.content, world.definition, 10'000,
                {.where = all, .keep_living = even, .deadlines = true})
            ->count == 100);
  const auto by_name = RunPage(names.content, names.definition, 10'000,
                               {.where = all, .limit = 60, .keep_living = even});
  REQUIRE(by_name);
  CHECK(by_name->rows.size() == 60);
  CHECK(by_name->rows[59]->name() == "k1118");
  CHECK(by_name->next);
  uint64_t visits = 0;
  const auto sums = Aggregate(world.content, world.definition, 10'000,
                              {.where = all,
                               .reducers = {{Reducer::Kind::kCount}, {Reducer::Kind::kSum, 1}},
                               .keep_living = even},
                              &visits);
  REQUIRE(sums);
  CHECK((*sums)[0].results[0] == AggregateValue(uint64_t{100}));
  CHECK((*sums)[0].results[1] == AggregateValue(9900.0));
}

TEST_CASE("query: the first rows of many, whatever their values begin with") {
  Rng rng(11);
  World world(People());
  const char* begins[] = {"", "a", "user:", "user:1", "zz"};
  for (int i = 0; i < 4000; i++) {
    std::string city = begins[rng.Percent(90) ? 3 : rng.Below(5)];
    city += std::to_string(rng.Below(100'000));
    Fields fields = {{"city", {city}}};
    if (rng.Percent(5)) fields.erase("city");
    world.Set(begins[rng.Percent(90) ? 2 : rng.Below(5)] + std::to_string(i), fields);
  }
  const BoundQuery all;
  for (const std::vector<SortField>& sort :
       std::vector<std::vector<SortField>>{{}, {{0, false}}, {{0, true}}, {{kKeyItself, true}}}) {
    const auto whole = RunPage(world.content, world.definition, 100'000,
                               {.where = all, .sort = sort, .limit = 100'000});
    REQUIRE(whole);
    REQUIRE(whole->rows.size() == world.keys.size());
    const RowOrder order(world.content, sort, {});
    for (size_t i = 1; i < whole->rows.size(); i++)
      REQUIRE(order.Less(*whole->rows[i - 1], *whole->rows[i]));
    for (const uint64_t limit : {1, 7, 500, 1500}) {
      std::vector<const IndexedKey*> rows;
      std::optional<QueryCursor> after;
      do {
        const auto page = RunPage(world.content, world.definition, 100'000,
                                  {.where = all, .sort = sort, .after = after, .limit = limit});
        REQUIRE(page);
        rows.insert(rows.end(), page->rows.begin(), page->rows.end());
        after = page->next;
      } while (after && rows.size() < 50 * limit);
      REQUIRE(std::equal(rows.begin(), rows.end(), whole->rows.begin()));
      if (!after) CHECK(rows.size() == world.keys.size());
    }
  }
}

TEST_CASE("aggregate: groups in order, whatever the order of keys") {
  World world(People());
  world.Set("1", {{"city", {"x"}}, {"age", {"1e308"}}});
  world.Set("2", {{"city", {"x"}}, {"age", {"0.25"}}});
  world.Set("3", {{"city", {"x"}}, {"age", {"-1e308"}}});
  world.Set("4", {{"city", {"y"}}});
  world.Set("5", {{"age", {"7"}}});
  const BoundQuery all;
  using Kind = Reducer::Kind;
  uint64_t visits = 0;
  const auto rows = Aggregate(world.content, world.definition, 1000,
                              {.where = all,
                               .group = {0},
                               .reducers = {{Kind::kCount, kKeyItself},
                                            {Kind::kSum, 1},
                                            {Kind::kAvg, 1},
                                            {Kind::kMax, 1},
                                            {Kind::kMin, kKeyItself}}},
                              &visits);
  // To find them, for each its group, sums and extremes, and for three groups two new sums each.
  CHECK(visits == 5 * (1 + 1 + 4 + 2) + 3 * 2 * 32);
  REQUIRE(rows);
  REQUIRE(rows->size() == 3);
  CHECK((*rows)[0].group[0].index() == 0);
  CHECK((*rows)[0].results[1] == AggregateValue(7.0));
  CHECK((*rows)[1].group[0] == SortValue("x"));
  CHECK((*rows)[1].results[0] == AggregateValue(uint64_t{3}));
  CHECK((*rows)[1].results[1] == AggregateValue(0.25));
  CHECK((*rows)[1].results[2] == AggregateValue(0.25 / 3));
  CHECK((*rows)[1].results[3] == AggregateValue(1e308));
  CHECK((*rows)[1].results[4] == AggregateValue("1"));
  CHECK((*rows)[2].results[1].index() == 0);
  const BoundQuery none = world.Bind("city = 'z'");
  const auto empty = Aggregate(world.content, world.definition, 100,
                               {.where = none, .reducers = {{Kind::kCount, kKeyItself}}}, &visits);
  REQUIRE(empty);
  REQUIRE(empty->size() == 1);
  CHECK((*empty)[0].results[0] == AggregateValue(uint64_t{0}));
}

TEST_CASE("aggregate: a key with many values is a visit for each group that it is in") {
  World world(People());
  std::string words;
  for (int i = 0; i < 40; i++) words += "w" + std::to_string(i) + " ";
  const auto bio = FindField(world.definition, "bio");
  REQUIRE(bio);
  world.Set("1", {{"bio", {words}}});
  uint64_t visits = 0;
  const BoundQuery all;
  const auto run = [&](uint64_t most) {
    return Aggregate(world.content, world.definition, most,
                     {.where = all, .group = {*bio}, .reducers = {{Reducer::Kind::kCount}}},
                     &visits);
  };
  CHECK(run(80));
  CHECK(visits == 80);
  const auto refused = run(79);
  REQUIRE_FALSE(refused);
  CHECK(std::holds_alternative<TooManyVisits>(refused.error()));
}

TEST_CASE("query: hundreds of conditions count for each key that they are asked of") {
  World world(People());
  for (int i = 0; i < 50; i++) world.Set("k" + std::to_string(i), {{"age", {std::to_string(i)}}});
  std::string many = "NOT @key = 'x'";
  for (int i = 0; i < 63; i++) many += " AND NOT @key = 'x" + std::to_string(i) + "'";
  const BoundQuery bound = world.Bind(many);
  const Matcher matcher(world.content, world.definition, bound);
  CHECK(matcher.visits() == (50 + 64 * 50 * 6) / 8);
  CHECK(matcher.Match(matcher.visits()));
  CHECK_FALSE(matcher.Match(matcher.visits() - 1));
}

TEST_CASE("sums are exact and rounded once") {
  const auto sum = [](std::vector<double> values) {
    ExactSum s;
    for (const double v : values) s.Add(v);
    return s.Value();
  };
  CHECK(sum({}) == 0);
  CHECK(sum({0.1, 0.2}) == 0.1 + 0.2);
  CHECK(sum({1e300, 1, -1e300}) == 1);
  CHECK(sum({-5e-324, -5e-324}) == -1e-323);
  CHECK(sum({5e-324, -5e-324}) == 0);
  CHECK(sum({1.7976931348623157e308, 1.7976931348623157e308}) ==
        std::numeric_limits<double>::infinity());
  CHECK(sum({9007199254740992.0, 1}) == 9007199254740992.0);
  CHECK(sum({9007199254740992.0, 1, 1e-300}) == 9007199254740994.0);
  const auto mean = [](std::vector<double> values) {
    ExactSum s;
    for (const double v : values) s.Add(v);
    return s.Mean(values.size());
  };
  CHECK(mean({1.7976931348623157e308, 1.7976931348623157e308}) == 1.7976931348623157e308);
  CHECK(mean({-1.5e308, -1.5e308, -1.5e308}) == -1.5e308);
  CHECK(mean({1e308, 1.5e308, 0}) == doctest::Approx(1e308 / 3 + 0.5e308));
  CHECK(mean({5e-324, 5e-324}) == 5e-324);
  Rng rng(1);
  for (int i = 0; i < 2000; i++) {
    // Of two the sum rounds once, as the processor does it.
    const double a =
        std::ldexp(static_cast<double>(rng.Next() >> 11), static_cast<int>(rng.Below(200)) - 150);
    const double b =
        std::ldexp(static_cast<double>(rng.Next() >> 11), static_cast<int>(rng.Below(200)) - 150);
    CHECK(sum({a, b}) == a + b);
    CHECK(sum({a, -b}) == a - b);
    CHECK(sum({-a, -b}) == -(a + b));
  }
}

}  // namespace clustron::store

// Milliseconds of processor time of the longest queries over one index, and bytes a key and field.
// What a query may visit (index-query-limit) is bounded by these. Usage: index_bench [keys]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/rng.h"
#include "store/index/bound_query.h"
#include "store/index/index_content.h"
#include "store/index/query_aggregate.h"
#include "store/index/query_expr.h"
#include "store/index/query_page.h"
#include "store/keyspace/alloc.h"

namespace {

using clustron::Rng;
using namespace clustron::store;

constexpr uint64_t kSeed = 7;
constexpr uint64_t kUnbounded = UINT64_MAX / 4096;  // of visits

// Processor time of this thread: other work on the machine disturbs it less.
double NowMs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

IndexDefinition People() {
  return {.kind = IndexKind::kHash,
          .fields = {{"city", FieldType::kTag},
                     {"age", FieldType::kNum},
                     {"score", FieldType::kNum},
                     {"mail", FieldType::kTag}}};
}

// Keys in random order, as a table in order of hashes gives them.
void Fill(IndexContent* content, size_t n) {
  Rng rng(3);
  std::vector<uint32_t> order(n);
  for (size_t i = 0; i < n; i++) order[i] = static_cast<uint32_t>(i);
  for (size_t i = n; i > 1; i--) std::swap(order[i - 1], order[rng.Below(i)]);
  for (const uint32_t i : order) {
    char name[32];
    char mail[32];
    std::snprintf(name, sizeof name, "user:%09u", i);
    std::snprintf(mail, sizeof mail, "m%08x@example.org", static_cast<unsigned>(rng.Next()));
    const std::string city = "city" + std::to_string(rng.Below(100));
    const std::string age = std::to_string(rng.Below(100));
    const std::string score = std::to_string(rng.Below(1'000'000'000));
    const std::vector<std::vector<std::string_view>> values = {{city}, {age}, {score}, {mail}};
    content->Set(name, clustron::HashBytes(name, kSeed), values);
  }
}

BoundQuery Bound(std::string_view text, const IndexDefinition& definition) {
  if (text.empty()) return {};
  const auto expr = ParseQuery(text, {});
  if (!expr) std::abort();
  auto bound = BindQuery(*expr, definition);
  if (!bound) std::abort();
  return *std::move(bound);
}

template <typename F>
void Measure(const char* what, size_t keys, F&& f) {
  std::vector<double> ms;
  uint64_t found = 0;
  for (int round = 0; round < 5; round++) {
    const double start = NowMs();
    found = f();
    ms.push_back(NowMs() - start);
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%-58s %8.2f ms (%.2f to %.2f) %6.1f ns a key %9llu found\n", what, ms[2], ms[0],
              ms[4], ms[2] * 1e6 / static_cast<double>(keys),
              static_cast<unsigned long long>(found));
}

struct Asked {
  const char* where;
  std::vector<SortField> sort;
  uint64_t limit;
};

void BenchPages(const IndexContent& content, size_t n) {
  const IndexDefinition definition = People();
  const Asked asked[] = {
      {"", {}, 0},
      {"", {}, 1000},
      {"", {}, 100'000},
      {"", {{2, false}}, 1000},
      {"", {{2, true}}, 100'000},
      {"", {{0, false}, {1, true}}, 1000},
      {"", {{3, false}}, 1000},
      {"", {{3, false}}, 100'000},
      {"age >= 0", {}, 1000},
      {"age >= 0 AND score >= 0 AND mail EXISTS", {}, 1000},
      {"age < 50 OR city ^= 'city1' OR mail > 'm8'", {}, 1000},
      {"NOT age < 5 AND NOT mail < 'm1' AND NOT city = 'city7'", {}, 1000},
      {"age < 50 AND @key ^= 'user:00'", {}, 1000},
      {"city = 'city1' AND age = 7", {}, 1000},
  };
  for (const Asked& a : asked) {
    const BoundQuery where = Bound(a.where, definition);
    std::string what = a.where;
    for (const SortField& by : a.sort)
      what += " sort " + definition.fields[by.field].name + (by.descending ? " desc" : "");
    what += " limit " + std::to_string(a.limit);
    Measure(what.c_str(), n, [&] {
      const auto page = RunPage(content, definition, kUnbounded,
                                {.where = where, .sort = a.sort, .limit = a.limit});
      return page->count;
    });
  }
}

void BenchAggregates(const IndexContent& content, size_t n) {
  using Kind = Reducer::Kind;
  const IndexDefinition definition = People();
  const BoundQuery all;
  struct Sums {
    const char* what;
    std::vector<size_t> group;
    std::vector<Reducer> reducers;
  };
  const Sums sums[] = {
      {"count", {}, {{Kind::kCount}}},
      {"sum score", {}, {{Kind::kSum, 2}}},
      {"group city: count", {0}, {{Kind::kCount}}},
      {"group city: count, avg score, max age",
       {0},
       {{Kind::kCount}, {Kind::kAvg, 2}, {Kind::kMax, 1}}},
      {"group city, age: 4 sums",
       {0, 1},
       {{Kind::kSum, 1}, {Kind::kSum, 2}, {Kind::kAvg, 1}, {Kind::kAvg, 2}}},
      {"group city: min and max mail", {0}, {{Kind::kMin, 3}, {Kind::kMax, 3}}},
  };
  for (const Sums& s : sums) {
    Measure(s.what, n, [&] {
      uint64_t visits = 0;
      const auto rows =
          Aggregate(content, definition, kUnbounded,
                    {.where = all, .group = s.group, .reducers = s.reducers}, &visits);
      return rows->size();
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  const size_t before = allocated_bytes;
  IndexContent content(People(), kSeed);
  const double start = NowMs();
  Fill(&content, n);
  std::printf("%zu keys, 4 fields: %.1f bytes a key, put in at %.0f ns a key\n", n,
              static_cast<double>(allocated_bytes - before) / static_cast<double>(n),
              (NowMs() - start) * 1e6 / static_cast<double>(n));
  BenchPages(content, n);
  BenchAggregates(content, n);
  return 0;
}

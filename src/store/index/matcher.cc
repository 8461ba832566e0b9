#include "store/index/matcher.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/numeric.h"

namespace clustron::store {

namespace {

using Kind = BoundQuery::Kind;

// To mark a pair costs about a tenth of what it costs to look at a key.
constexpr uint64_t kMarksPerCandidate = 8;
// Below so many candidates marks cost more than they save.
constexpr size_t kMarkedMin = 64;

std::span<const NumRange> RangesOf(const BoundQuery& query, const Column<NumValues>&) {
  return query.numbers;
}
std::span<const BytesRange> RangesOf(const BoundQuery& query, const Column<TextValues>&) {
  return query.texts;
}

// Calls f(tree, place, count) for the run of each range.
template <typename F>
void ForEachRun(const IndexContent& content, const BoundQuery& query, F&& f) {
  if (query.field == kKeyItself) {
    const NameTree& names = content.names();
    for (const BytesRange& range : query.texts) {
      const auto from =
          names.Seek([&](const IndexedKey* key, uint32_t) { return range.Before(key->name()); });
      const auto end =
          names.Seek([&](const IndexedKey* key, uint32_t) { return range.UpTo(key->name()); });
      if (end.rank > from.rank) f(names, from, end.rank - from.rank);
    }
    return;
  }
  std::visit(
      [&](const auto& column) {
        for (const auto& range : RangesOf(query, column)) {
          const auto run = column.Find(range);
          if (run.count > 0) f(column.tree(), run.from, run.count);
        }
      },
      content.column(query.field));
}

}  // namespace

uint64_t Matcher::WeightOf(const BoundQuery& query) {
  constexpr uint64_t kConditionsPerVisit = 16;
  const auto conditions = [](const auto& self, const BoundQuery& part) -> uint64_t {
    uint64_t count = part.parts.empty() ? 1 : 0;
    for (const BoundQuery& inner : part.parts) count += self(self, inner);
    return count;
  };
  return 1 + conditions(conditions, query) / kConditionsPerVisit;
}

std::optional<uint64_t> Matcher::WalkCost(const BoundQuery& query) const {
  std::optional<uint64_t> cost;
  switch (query.kind) {
    case Kind::kAll:
    case Kind::kNot:
      return std::nullopt;
    case Kind::kAnd:
      for (const BoundQuery& part : query.parts) {
        const std::optional<uint64_t> of_part = WalkCost(part);
        if (of_part && (!cost || *of_part < *cost)) cost = of_part;
      }
      return cost;
    case Kind::kOr:
      cost = 0;
      for (const BoundQuery& part : query.parts) {
        const std::optional<uint64_t> of_part = WalkCost(part);
        if (!of_part) return std::nullopt;
        *cost += *of_part;
      }
      return cost;
    case Kind::kRanges:
      if (query.field == kKeyItself && definition_.kind != IndexKind::kKeys) return std::nullopt;
      cost = 0;
      ForEachRun(content_, query,
                 [&](const auto&, const auto&, uint64_t count) { *cost += count; });
      return cost;
  }
  UNREACHABLE();
}

bool Matcher::Matches(const BoundQuery& query, const IndexedKey& key) const {
  const auto matches = [&](const BoundQuery& part) { return Matches(part, key); };
  switch (query.kind) {
    case Kind::kAll:
      return true;
    case Kind::kAnd:
      return std::all_of(query.parts.begin(), query.parts.end(), matches);
    case Kind::kOr:
      return std::any_of(query.parts.begin(), query.parts.end(), matches);
    case Kind::kNot:
      return !Matches(query.parts[0], key);
    case Kind::kRanges:
      break;
  }
  if (query.field == kKeyItself) {
    return std::any_of(query.texts.begin(), query.texts.end(),
                       [&](const BytesRange& range) { return range.Has(key.name()); });
  }
  return std::visit(
      [&](const auto& column) {
        return column.AnyIn(key.slot(query.field), RangesOf(query, column));
      },
      content_.column(query.field));
}

std::expected<std::vector<uint32_t>, TooManyVisits> Matcher::Match(const BoundQuery& query) {
  const std::optional<uint64_t> cost = WalkCost(query);
  const uint64_t weight = WeightOf(query);
  if (cost && *cost * weight <= visits_max_) return Walk(query);
  if (content_.size() * weight > visits_max_)
    return std::unexpected(
        TooManyVisits{cost.value_or(content_.size()) * weight, !cost.has_value()});
  return TestAll(query);
}

Matcher::Ids Matcher::TestAll(const BoundQuery& query) {
  Ids ids;
  visits_ += content_.size();
  for (uint32_t id = 0; id < content_.id_end(); id++) {
    const IndexedKey* key = content_.At(id);
    if (key != nullptr && Matches(query, *key)) ids.push_back(id);
  }
  return ids;
}

Matcher::Ids Matcher::Walk(const BoundQuery& query) {
  switch (query.kind) {
    case Kind::kAnd:
      return WalkAnd(query);
    case Kind::kOr:
      return WalkOr(query);
    case Kind::kRanges:
      return WalkRanges(query);
    case Kind::kAll:
    case Kind::kNot:
      break;
  }
  UNREACHABLE();
}

Matcher::Marks Matcher::MarksOf(const Ids& ids) const {
  Marks marks(content_.id_end());
  for (const uint32_t id : ids) marks[id] = true;
  return marks;
}

Matcher::Ids Matcher::WalkRanges(const BoundQuery& query) {
  Ids ids;
  ForEachRun(content_, query, [&](const auto& tree, const auto& from, uint64_t count) {
    visits_ += count;
    ids.reserve(ids.size() + count);
    tree.ForEach(from, count, [&](const auto&, uint32_t id) { ids.push_back(id); });
  });
  if (!HasManyValues(definition_, query.field)) return ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

size_t Matcher::Driver(const BoundQuery& all) const {
  size_t driver = all.parts.size();
  std::optional<uint64_t> least;
  for (size_t i = 0; i < all.parts.size(); i++) {
    const std::optional<uint64_t> cost = WalkCost(all.parts[i]);
    if (!cost || (least && *cost >= *least)) continue;
    least = cost;
    driver = i;
  }
  CHECK(driver < all.parts.size());
  return driver;
}

Matcher::Ids Matcher::WalkAnd(const BoundQuery& query) {
  const size_t driver = Driver(query);
  Ids ids = Walk(query.parts[driver]);
  for (size_t i = 0; i < query.parts.size() && !ids.empty(); i++)
    if (i != driver) Keep(query.parts[i], &ids);
  return ids;
}

bool Matcher::ToBeMarked(const BoundQuery& walked, uint64_t candidates) const {
  if (candidates < kMarkedMin) return false;
  const std::optional<uint64_t> cost = WalkCost(walked);
  return cost && *cost <= candidates * kMarksPerCandidate && visits_ + *cost <= visits_max_;
}

void Matcher::Keep(const BoundQuery& query, Ids* ids) {
  const bool negated = query.kind == Kind::kNot;
  const BoundQuery& walked = negated ? query.parts[0] : query;
  if (ToBeMarked(walked, ids->size())) {
    const Marks marks = MarksOf(Walk(walked));
    std::erase_if(*ids, [&](uint32_t id) { return marks[id] == negated; });
  } else {
    std::erase_if(*ids, [&](uint32_t id) { return !Matches(query, *content_.At(id)); });
  }
}

Matcher::Ids Matcher::WalkOr(const BoundQuery& query) {
  Marks marks(content_.id_end());
  Ids all;
  for (const BoundQuery& part : query.parts) {
    for (const uint32_t id : Walk(part)) {
      if (marks[id]) continue;
      marks[id] = true;
      all.push_back(id);
    }
  }
  return all;
}

// ---- EXPLAIN ----

std::string Matcher::NameOf(size_t field) const {
  if (field == kKeyItself) return std::string(kKeyField);
  const IndexField& named = definition_.fields[field];
  return named.name + " (" + std::string(kFieldTypeNames[static_cast<size_t>(named.type)]) + ")";
}

std::vector<std::string> Matcher::Explain(const BoundQuery& query) const {
  std::vector<std::string> lines;
  const std::optional<uint64_t> cost = WalkCost(query);
  const uint64_t weight = WeightOf(query);
  if (cost && *cost * weight <= visits_max_) {
    lines.push_back("walks at most " + std::string(Decimal(*cost).view()) + " of " +
                    std::string(Decimal(uint64_t{content_.size()}).view()) + " keys");
    ExplainPart(query, "", "walked", &lines);
  } else {
    lines.push_back("walks all " + std::string(Decimal(uint64_t{content_.size()}).view()) +
                    " keys" + (content_.size() * weight > visits_max_ ? ", which is refused" : ""));
    ExplainPart(query, "", "asked of each key", &lines);
  }
  return lines;
}

void Matcher::ExplainPart(const BoundQuery& query, std::string indent, std::string_view how,
                          std::vector<std::string>* lines) const {
  const bool walked = how == "walked";
  const auto parts = [&](std::string_view word) {
    lines->push_back(indent + std::string(word));
    const size_t driver = walked && query.kind == Kind::kAnd ? Driver(query) : 0;
    for (size_t i = 0; i < query.parts.size(); i++) {
      const bool drives = query.kind == Kind::kOr || i == driver;
      ExplainPart(query.parts[i], indent + "  ", walked && !drives ? "asked of what is found" : how,
                  lines);
    }
  };
  switch (query.kind) {
    case Kind::kAll:
      return;
    case Kind::kAnd:
      return parts("AND");
    case Kind::kOr:
      return parts("OR");
    case Kind::kNot:
      return parts("NOT");
    case Kind::kRanges:
      break;
  }
  std::string line = indent + NameOf(query.field);
  if (const std::optional<uint64_t> cost = WalkCost(query))
    line += ": " + std::string(Decimal(*cost).view()) + " keys";
  lines->push_back(line + ", " + std::string(how));
}

}  // namespace clustron::store

#include "store/index/matcher.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/numeric.h"

namespace clustron::store {

namespace {

using Kind = BoundQuery::Kind;

// Costs are counted in eighths of a visit, about 3 ns: to walk a pair is one.
constexpr uint64_t kPart = 8;
constexpr uint64_t kAsk = 4;            // and more for many values, which are searched
constexpr uint64_t kKeysPerWord = 256;  // of a set of ids, joined with another one
// So many times more keys than can match: sets of all would cost more than they save.
constexpr uint64_t kNarrow = 32;
constexpr size_t kAhead = 16;  // keys that are fetched before they are looked at

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

// ---- what it costs ----

Matcher::Matcher(const IndexContent& content, const IndexDefinition& definition,
                 const BoundQuery& query)
    : content_(content),
      definition_(definition),
      root_(StepOf(query)),
      narrow_(root_.pairs && *root_.pairs <= content.size() / kNarrow),
      visits_((narrow_ ? CostOfWalk(root_) : content.size() + CostOfSets(root_, content.size())) /
              kPart) {}

Matcher::Step Matcher::StepOf(const BoundQuery& query) const {
  Step step{.query = &query};
  for (const BoundQuery& part : query.parts) {
    step.parts.push_back(StepOf(part));
    step.ask += step.parts.back().ask;
    step.order.push_back(step.order.size());
  }
  if (query.kind == Kind::kRanges) {
    step.ask = kAsk + 2 * std::bit_width(query.numbers.size() + query.texts.size());
    if (query.field == kKeyItself && definition_.kind != IndexKind::kKeys) return step;
    step.pairs = 0;
    ForEachRun(content_, query,
               [&](const auto&, const auto&, uint64_t count) { *step.pairs += count; });
    return step;
  }
  step.pairs = PairsOf(step);
  std::stable_sort(step.order.begin(), step.order.end(), [&](size_t a, size_t b) {
    return step.parts[a].pairs.value_or(UINT64_MAX) < step.parts[b].pairs.value_or(UINT64_MAX);
  });
  return step;
}

std::optional<uint64_t> Matcher::PairsOf(const Step& step) {
  if (step.query->kind != Kind::kAnd && step.query->kind != Kind::kOr) return std::nullopt;
  const bool any = step.query->kind == Kind::kOr;
  std::optional<uint64_t> pairs;
  for (const Step& part : step.parts) {
    if (any && !part.pairs) return std::nullopt;
    if (any) {
      pairs = pairs.value_or(0) + *part.pairs;
    } else if (part.pairs) {
      pairs = std::min(*part.pairs, pairs.value_or(UINT64_MAX));
    }
  }
  return pairs;
}

uint64_t Matcher::CostOfWalk(const Step& step) const {
  uint64_t cost = 0;
  switch (step.query->kind) {
    case Kind::kAnd:
      for (const size_t i : step.order) {
        const Step& part = step.parts[i];
        const uint64_t asked = *step.pairs * part.ask;
        cost += i == step.order[0]                ? CostOfWalk(part)
                : JoinsCheaper(part, *step.pairs) ? *part.pairs + content_.size() / kKeysPerWord
                                                  : asked;
      }
      return cost;
    case Kind::kOr:
      for (const Step& part : step.parts) cost += CostOfWalk(part);
      return cost;
    case Kind::kRanges:
      return *step.pairs;
    case Kind::kAll:
    case Kind::kNot:
      break;
  }
  UNREACHABLE();
}

uint64_t Matcher::CostOfSets(const Step& step, uint64_t candidates) const {
  uint64_t cost = content_.size() / kKeysPerWord;
  if (step.query->kind == Kind::kRanges) {
    const uint64_t asked = candidates * step.ask;
    return cost + (step.pairs ? std::min(*step.pairs, asked) : asked);
  }
  if (step.query->kind == Kind::kAnd && step.pairs) candidates = std::min(candidates, *step.pairs);
  for (const Step& part : step.parts) cost += CostOfSets(part, candidates);
  return cost;
}

bool Matcher::JoinsCheaper(const Step& part, uint64_t candidates) const {
  return part.query->kind == Kind::kRanges && part.pairs &&
         *part.pairs + content_.size() / kKeysPerWord <= candidates * part.ask;
}

std::expected<std::vector<uint32_t>, TooManyVisits> Matcher::Match(uint64_t visits_max) const {
  if (visits_ > visits_max) return std::unexpected(TooManyVisits{.needed = visits_});
  if (narrow_) return Walk(root_);
  IdSet ids = AllIds();
  Narrow(root_, &ids);
  return ids.ToVector();
}

// ---- a key ----

bool Matcher::Matches(const IndexContent& content, const BoundQuery& query, const IndexedKey& key) {
  const auto matches = [&](const BoundQuery& part) { return Matches(content, part, key); };
  switch (query.kind) {
    case Kind::kAll:
      return true;
    case Kind::kAnd:
      return std::all_of(query.parts.begin(), query.parts.end(), matches);
    case Kind::kOr:
      return std::any_of(query.parts.begin(), query.parts.end(), matches);
    case Kind::kNot:
      return !matches(query.parts[0]);
    case Kind::kRanges:
      break;
  }
  if (query.field == kKeyItself) {
    const auto it =
        std::partition_point(query.texts.begin(), query.texts.end(),
                             [&](const BytesRange& range) { return !range.UpTo(key.name()); });
    return it != query.texts.end() && it->Has(key.name());
  }
  return std::visit(
      [&](const auto& column) {
        return column.AnyIn(key.slot(query.field), RangesOf(query, column));
      },
      content.column(query.field));
}

void Matcher::Ask(const BoundQuery& query, Ids* ids) const {
  size_t kept = 0;
  for (size_t i = 0; i < ids->size(); i++) {
    if (i + kAhead < ids->size()) __builtin_prefetch(content_.At((*ids)[i + kAhead]));
    if (Matches(content_, query, *content_.At((*ids)[i]))) (*ids)[kept++] = (*ids)[i];
  }
  ids->resize(kept);
}

// ---- few keys: one by one ----

Matcher::Ids Matcher::Walk(const Step& step) const {
  switch (step.query->kind) {
    case Kind::kAnd:
      return WalkAnd(step);
    case Kind::kOr:
      return WalkOr(step);
    case Kind::kRanges:
      return WalkRanges(step);
    case Kind::kAll:
    case Kind::kNot:
      break;
  }
  UNREACHABLE();
}

Matcher::Ids Matcher::WalkRanges(const Step& step) const {
  Ids ids;
  ids.reserve(*step.pairs);
  ForEachRun(content_, *step.query, [&](const auto& tree, const auto& from, uint64_t count) {
    tree.ForEach(from, count, [&](const auto&, uint32_t id) { ids.push_back(id); });
  });
  if (!HasManyValues(definition_, step.query->field)) return ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Matcher::Ids Matcher::WalkAnd(const Step& step) const {
  Ids ids = Walk(step.parts[step.order[0]]);
  for (size_t i = 1; i < step.order.size() && !ids.empty(); i++) {
    const Step& part = step.parts[step.order[i]];
    if (JoinsCheaper(part, ids.size())) {
      const IdSet found = SetOf(part);
      std::erase_if(ids, [&](uint32_t id) { return !found.Has(id); });
    } else {
      Ask(*part.query, &ids);
    }
  }
  return ids;
}

Matcher::Ids Matcher::WalkOr(const Step& step) const {
  Ids all;
  for (const Step& part : step.parts) {
    const Ids some = Walk(part);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// ---- many: sets ----

IdSet Matcher::AllIds() const {
  IdSet ids(content_.id_end());
  for (uint32_t id = 0; id < content_.id_end(); id++)
    if (content_.At(id) != nullptr) ids.Add(id);
  return ids;
}

void Matcher::Narrow(const Step& step, IdSet* ids) const {
  switch (step.query->kind) {
    case Kind::kAll:
      return;
    case Kind::kAnd:
      for (const size_t i : step.order) Narrow(step.parts[i], ids);
      return;
    case Kind::kNot: {
      IdSet matching = *ids;
      Narrow(step.parts[0], &matching);
      ids->Drop(matching);
      return;
    }
    case Kind::kOr:
      return NarrowToAny(step, ids);
    case Kind::kRanges:
      return NarrowToRanges(step, ids);
  }
  UNREACHABLE();
}

void Matcher::NarrowToAny(const Step& step, IdSet* ids) const {
  IdSet found(content_.id_end());
  for (const Step& part : step.parts) {
    IdSet some = *ids;
    Narrow(part, &some);
    ids->Drop(some);
    found.Merge(some);
  }
  *ids = std::move(found);
}

IdSet Matcher::SetOf(const Step& ranges) const {
  IdSet found(content_.id_end());
  ForEachRun(content_, *ranges.query, [&](const auto& tree, const auto& from, uint64_t count) {
    tree.ForEach(from, count, [&](const auto&, uint32_t id) { found.Add(id); });
  });
  return found;
}

void Matcher::NarrowToRanges(const Step& step, IdSet* ids) const {
  if (step.pairs && *step.pairs <= ids->size() * step.ask) return ids->Retain(SetOf(step));
  IdSet found(content_.id_end());
  Ids asked = ids->ToVector();
  Ask(*step.query, &asked);
  for (const uint32_t id : asked) found.Add(id);
  *ids = std::move(found);
}

// ---- EXPLAIN ----

std::string Matcher::NameOf(size_t field) const {
  if (field == kKeyItself) return std::string(kKeyField);
  const IndexField& named = definition_.fields[field];
  return named.name + " (" + std::string(kFieldTypeNames[static_cast<size_t>(named.type)]) + ")";
}

std::vector<std::string> Matcher::Explain() const {
  const std::string all(Decimal(uint64_t{content_.size()}).view());
  std::vector<std::string> lines;
  lines.push_back(root_.pairs ? "walks at most " + std::string(Decimal(*root_.pairs).view()) +
                                    " of " + all + " keys"
                              : "walks all " + all + " keys");
  ExplainPart(root_, "", narrow_ ? Way::kWalked : Way::kJoined, &lines);
  return lines;
}

void Matcher::ExplainPart(const Step& step, std::string indent, Way way,
                          std::vector<std::string>* lines) const {
  const auto parts = [&](std::string_view word) {
    lines->push_back(indent + std::string(word));
    for (size_t i = 0; i < step.parts.size(); i++) {
      const bool asked =
          way == Way::kWalked && step.query->kind == Kind::kAnd && i != step.order[0];
      ExplainPart(step.parts[i], indent + "  ", asked ? Way::kAsked : way, lines);
    }
  };
  switch (step.query->kind) {
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
  std::string line = indent + NameOf(step.query->field);
  if (step.pairs) line += ": " + std::string(Decimal(*step.pairs).view()) + " keys";
  const bool walked = way == Way::kWalked || (way == Way::kJoined && step.pairs);
  lines->push_back(line + (walked ? ", walked" : ", asked of what is found"));
}

}  // namespace clustron::store

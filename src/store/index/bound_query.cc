#include "store/index/bound_query.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/numeric.h"
#include "store/index/text_value.h"

namespace clustron::store {

namespace {

using Kind = BoundQuery::Kind;
using Bound = std::expected<BoundQuery, QueryError>;

template <typename Range>
Range RangeOf(QueryOp op, decltype(Range::low) value) {
  Range range;
  const bool open = op == QueryOp::kLt || op == QueryOp::kGt;
  if (op != QueryOp::kLt && op != QueryOp::kLe) {
    range.low = value;
    range.low_open = open;
  }
  if (op != QueryOp::kGt && op != QueryOp::kGe) {
    range.high = std::move(value);
    range.high_open = open;
  }
  return range;
}

BoundQuery Negated(BoundQuery query) {
  BoundQuery negated{.kind = Kind::kNot};
  negated.parts.push_back(std::move(query));
  return negated;
}

class Binder {
 public:
  explicit Binder(const IndexDefinition& definition) : definition_(definition) {}

  Bound Bind(const QueryExpr& expr) {
    if (expr.kind == QueryExpr::Kind::kCondition) return Condition(expr);
    BoundQuery query;
    for (const QueryExpr& part : expr.parts) {
      Bound bound = Bind(part);
      if (!bound) return bound;
      query.parts.push_back(*std::move(bound));
    }
    query.kind = expr.kind == QueryExpr::Kind::kNot   ? Kind::kNot
                 : expr.kind == QueryExpr::Kind::kAnd ? Kind::kAnd
                                                      : Kind::kOr;
    if (query.kind == Kind::kAnd) NarrowParts(&query);
    return query;
  }

 private:
  Bound Condition(const QueryExpr& expr) {
    const std::optional<size_t> field = FindField(definition_, expr.field);
    if (!field) return std::unexpected(NoSuchField(expr.position, expr.field));
    if (expr.op == QueryOp::kNe) {
      QueryExpr equal = expr;
      equal.op = QueryOp::kEq;
      Bound bound = Condition(equal);
      return bound ? Bound(Negated(*std::move(bound))) : bound;
    }
    if (*field == kKeyItself) return Bytes(expr, *field);
    switch (definition_.fields[*field].type) {
      case FieldType::kNum:
        return Number(expr, *field);
      case FieldType::kText:
        return Words(expr, *field);
      case FieldType::kTag:
      case FieldType::kEnd:
        break;
    }
    return Bytes(expr, *field);
  }

  Bound Number(const QueryExpr& expr, size_t field) const {
    if (expr.op == QueryOp::kPrefix)
      return std::unexpected(MisfitError(expr.position, kQueryNumPrefix));
    BoundQuery query{.kind = Kind::kRanges, .field = field};
    if (expr.op == QueryOp::kExists) query.numbers.emplace_back();
    std::vector<double> values;
    for (const QueryValue& value : expr.values) {
      const std::optional<double> number = ParseDouble(value.bytes);
      if (!number || std::isnan(*number))
        return std::unexpected(NotANumber(value.position, expr.field, value.bytes));
      values.push_back(*number + 0.0);
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    for (const double value : values) query.numbers.push_back(RangeOf<NumRange>(expr.op, value));
    return query;
  }

  Bound Bytes(const QueryExpr& expr, size_t field) const {
    BoundQuery query{.kind = Kind::kRanges, .field = field};
    if (expr.op == QueryOp::kExists) query.texts.emplace_back();
    std::vector<std::string> values;
    for (const QueryValue& value : expr.values) values.push_back(value.bytes);
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    for (std::string& value : values) {
      query.texts.push_back(expr.op == QueryOp::kPrefix
                                ? BytesRange::OfPrefix(value)
                                : RangeOf<BytesRange>(expr.op, std::move(value)));
    }
    return query;
  }

  // Each value stands for its words; they must all be there.
  Bound Words(const QueryExpr& expr, size_t field) {
    if (expr.op == QueryOp::kExists) return Bytes(expr, field);
    if (expr.op != QueryOp::kEq && expr.op != QueryOp::kIn && expr.op != QueryOp::kPrefix)
      return std::unexpected(MisfitError(expr.position, kQueryTextOrder));
    BoundQuery any{.kind = Kind::kOr};
    for (const QueryValue& value : expr.values) {
      std::vector<std::string> words;
      AppendWords(value.bytes, &words);
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
      words_ += words.size();
      if (words_ > kQueryValuesMax)
        return std::unexpected(MisfitError(value.position, kQueryTooManyWords));
      if (words.empty()) return std::unexpected(MisfitError(value.position, kQueryNoWord));
      const bool prefix = expr.op == QueryOp::kPrefix;
      if (prefix && words.size() > 1)
        return std::unexpected(MisfitError(value.position, kQueryOneWord));
      BoundQuery all{.kind = Kind::kAnd};
      for (std::string& word : words) {
        BoundQuery one{.kind = Kind::kRanges, .field = field};
        one.texts.push_back(prefix ? BytesRange::OfPrefix(word)
                                   : RangeOf<BytesRange>(QueryOp::kEq, std::move(word)));
        all.parts.push_back(std::move(one));
      }
      any.parts.push_back(all.parts.size() == 1 ? std::move(all.parts[0]) : std::move(all));
    }
    return any.parts.size() == 1 ? std::move(any.parts[0]) : std::move(any);
  }

  // Conditions on a field with one value become one: 28 <= age AND age <= 32 is one range.
  void NarrowParts(BoundQuery* all) const {
    std::vector<BoundQuery> kept;
    for (BoundQuery& part : all->parts) {
      BoundQuery* same = nullptr;
      if (IsOneRange(part)) {
        for (BoundQuery& before : kept)
          if (IsOneRange(before) && before.field == part.field) same = &before;
      }
      if (same == nullptr) {
        kept.push_back(std::move(part));
      } else if (part.texts.empty()) {
        same->numbers[0].Narrow(part.numbers[0]);
      } else {
        same->texts[0].Narrow(part.texts[0]);
      }
    }
    if (kept.size() == 1) {
      *all = BoundQuery(std::move(kept[0]));
    } else {
      all->parts = std::move(kept);
    }
  }
  bool IsOneRange(const BoundQuery& query) const {
    return query.kind == Kind::kRanges && query.numbers.size() + query.texts.size() == 1 &&
           !HasManyValues(definition_, query.field);
  }

  const IndexDefinition& definition_;
  size_t words_ = 0;  // each is a condition
};

}  // namespace

std::optional<size_t> FindField(const IndexDefinition& definition, std::string_view name) {
  if (name == kKeyField) return kKeyItself;
  for (size_t i = 0; i < definition.fields.size(); i++)
    if (definition.fields[i].name == name) return i;
  return std::nullopt;
}

std::expected<BoundQuery, QueryError> BindQuery(const QueryExpr& expr,
                                                const IndexDefinition& definition) {
  return Binder(definition).Bind(expr);
}

}  // namespace clustron::store

#include "store/index/query_aggregate.h"

#include <map>
#include <memory>
#include <utility>

#include "base/check.h"
#include "store/index/exact_sum.h"

namespace clustron::store {

namespace {

using Values = std::vector<SortValue>;

// All values of a key in a field.
Values ValuesOf(const IndexContent& content, const IndexedKey& key, size_t field) {
  if (field == kKeyItself) return {std::string(key.name())};
  return std::visit(
      [&](const auto& column) {
        Values values;
        for (const auto& value : column.KeysOf(key.slot(field))) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
            values.emplace_back(value);
          } else {
            values.emplace_back(std::string(value->view()));
          }
        }
        return values;
      },
      content.column(field));
}

class Accumulator {
 public:
  explicit Accumulator(Reducer::Kind kind) : kind_(kind) {
    if (sums()) sum_ = std::make_unique<ExactSum>();
  }
  void AddKey() { count_ += kind_ == Reducer::Kind::kCount; }
  void Add(const SortValue& value) {
    if (sums()) {
      sum_->Add(std::get<double>(value));
      count_++;
    } else if (std::holds_alternative<std::monostate>(extreme_) ||
               (kind_ == Reducer::Kind::kMin ? value < extreme_ : extreme_ < value)) {
      extreme_ = value;
    }
  }
  AggregateValue Result() const {
    if (kind_ == Reducer::Kind::kCount) return count_;
    if (sums()) {
      if (count_ == 0) return {};
      const double sum = sum_->Value();
      return kind_ == Reducer::Kind::kSum ? sum : sum / static_cast<double>(count_);
    }
    if (const auto* number = std::get_if<double>(&extreme_)) return *number;
    if (const auto* bytes = std::get_if<std::string>(&extreme_)) return *bytes;
    return {};
  }

 private:
  bool sums() const { return kind_ == Reducer::Kind::kSum || kind_ == Reducer::Kind::kAvg; }

  Reducer::Kind kind_;
  uint64_t count_ = 0;
  SortValue extreme_;
  std::unique_ptr<ExactSum> sum_;
};

class Grouping {
 public:
  Grouping(const IndexContent& content, const AggregateRequest& request)
      : content_(content), request_(request) {}

  // False: there are too many groups.
  bool Add(const IndexedKey& key) {
    std::vector<Values> reduced;
    for (const Reducer& reducer : request_.reducers) {
      const bool none = reducer.kind == Reducer::Kind::kCount;
      reduced.push_back(none ? Values() : ValuesOf(content_, key, reducer.field));
    }
    return AddTo(key, {}, reduced);
  }
  std::vector<AggregateRow> Rows() const {
    std::vector<AggregateRow> rows;
    for (const auto& [group, accumulators] : groups_) {
      AggregateRow row{.group = group, .results = {}};
      for (const Accumulator& a : accumulators) row.results.push_back(a.Result());
      rows.push_back(std::move(row));
    }
    return rows;
  }
  // Without groups there is a row, even of no key.
  void AddEmpty() { Group({}); }

 private:
  // `group` has the first fields' values; the others are tried one by one.
  bool AddTo(const IndexedKey& key, Values group, const std::vector<Values>& reduced) {
    if (group.size() < request_.group.size()) {
      Values values = ValuesOf(content_, key, request_.group[group.size()]);
      if (values.empty()) values.emplace_back();
      group.emplace_back();
      for (SortValue& value : values) {
        group.back() = std::move(value);
        if (!AddTo(key, group, reduced)) return false;
      }
      return true;
    }
    std::vector<Accumulator>* accumulators = Group(std::move(group));
    if (accumulators == nullptr) return false;
    for (size_t i = 0; i < reduced.size(); i++) {
      (*accumulators)[i].AddKey();
      for (const SortValue& value : reduced[i]) (*accumulators)[i].Add(value);
    }
    return true;
  }
  std::vector<Accumulator>* Group(Values group) {
    const auto it = groups_.find(group);
    if (it != groups_.end()) return &it->second;
    if (groups_.size() == kGroupsMax) return nullptr;
    std::vector<Accumulator>& fresh = groups_[std::move(group)];
    for (const Reducer& reducer : request_.reducers) fresh.emplace_back(reducer.kind);
    return &fresh;
  }

  const IndexContent& content_;
  const AggregateRequest& request_;
  std::map<Values, std::vector<Accumulator>> groups_;
};

}  // namespace

std::expected<std::vector<AggregateRow>, AggregateError> Aggregate(
    const IndexContent& content, const IndexDefinition& definition, uint64_t visits_max,
    const AggregateRequest& request) {
  Matcher matcher(content, definition, visits_max);
  const auto ids = matcher.Match(request.where);
  if (!ids) return std::unexpected(AggregateError(ids.error()));
  Grouping grouping(content, request);
  if (request.group.empty()) grouping.AddEmpty();
  for (const uint32_t id : *ids) {
    const IndexedKey& key = *content.At(id);
    if (request.alive && !request.alive(key)) continue;
    if (!grouping.Add(key)) return std::unexpected(AggregateError(TooManyGroups{}));
  }
  return grouping.Rows();
}

}  // namespace clustron::store

#include "store/index/query_aggregate.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "store/index/exact_sum.h"
#include "store/index/found_rows.h"

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
  void Add(double value) {
    if (sums()) {
      sum_->Add(value);
      count_++;
    } else if (const auto* known = std::get_if<double>(&extreme_);
               known == nullptr || Replaces(value, *known)) {
      extreme_ = value;
    }
  }
  void Add(std::string_view value) {
    CHECK(!sums());
    const auto* known = std::get_if<std::string>(&extreme_);
    if (known == nullptr || Replaces(value, std::string_view(*known)))
      extreme_ = std::string(value);
  }
  AggregateValue Result() const {
    if (kind_ == Reducer::Kind::kCount) return count_;
    if (sums()) {
      if (count_ == 0) return {};
      return kind_ == Reducer::Kind::kSum ? sum_->Value() : sum_->Mean(count_);
    }
    if (const auto* number = std::get_if<double>(&extreme_)) return *number;
    if (const auto* bytes = std::get_if<std::string>(&extreme_)) return *bytes;
    return {};
  }

 private:
  bool sums() const { return kind_ == Reducer::Kind::kSum || kind_ == Reducer::Kind::kAvg; }
  template <typename T>
  bool Replaces(const T& value, const T& known) const {
    return kind_ == Reducer::Kind::kMin ? value < known : known < value;
  }

  Reducer::Kind kind_;
  uint64_t count_ = 0;
  SortValue extreme_;
  std::unique_ptr<ExactSum> sum_;
};

using Accumulators = std::vector<Accumulator>;

struct HashOfSlots {
  using is_transparent = void;
  size_t operator()(std::string_view slots) const { return HashBytes(slots, 0); }
};

class Grouping {
 public:
  Grouping(const IndexContent& content, const AggregateRequest& request, uint64_t visits_max)
      : content_(content),
        request_(request),
        visits_each_(VisitsOfEach(request)),
        sums_(SumsOf(request)),
        visits_max_(visits_max) {}

  // What a key takes that is in one group of few.
  static uint64_t VisitsOfEach(const AggregateRequest& request) {
    uint64_t visits = VisitsOfRow(request.deadlines) + request.group.size() + SumsOf(request);
    for (const Reducer& reducer : request.reducers)
      visits += reducer.kind == Reducer::Kind::kCount ? 0 : 1;
    return visits;
  }

  // Exact sums are large: a new one costs memory, and those of many groups are not in the
  // processor's cache. By the counts alone: keys come in another order on other nodes.
  uint64_t visits() const {
    constexpr size_t kFewGroups = 512;
    constexpr uint64_t kMoreOfMany = 3;
    constexpr uint64_t kOfNewSum = 32;
    const uint64_t more = groups_.size() > kFewGroups ? kMoreOfMany * sums_ : 0;
    return added_ * (visits_each_ + more) + groups_.size() * sums_ * kOfNewSum;
  }
  // False: there are too many groups, or visits.
  bool Add(const IndexedKey& key) {
    if (TakeSlots(key)) {
      const auto it = by_slots_.find(std::string_view(slots_));
      if (it != by_slots_.end()) return AddTo(it->second, key);
      Values group;
      for (const size_t field : request_.group) group.push_back(OnlyValue(key, field));
      Accumulators* accumulators = Group(std::move(group));
      if (accumulators == nullptr) return false;
      by_slots_.emplace(slots_, accumulators);
      return AddTo(accumulators, key);
    }
    return AddToEach(key, {});
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
  // Of groups.
  static uint64_t SumsOf(const AggregateRequest& request) {
    using Kind = Reducer::Kind;
    if (request.group.empty()) return 0;
    return static_cast<uint64_t>(std::count_if(
        request.reducers.begin(), request.reducers.end(),
        [](const Reducer& r) { return r.kind == Kind::kSum || r.kind == Kind::kAvg; }));
  }
  // Fills slots_ with the key's of the group fields. Equal values have equal slots, so most keys
  // find their group by them. False: one has several values, or is the key itself.
  bool TakeSlots(const IndexedKey& key) {
    slots_.clear();
    for (const size_t field : request_.group) {
      if (field == kKeyItself) return false;
      const Slot slot = key.slot(field);
      const bool list = std::visit([&](const auto& column) { return column.IsList(slot); },
                                   content_.column(field));
      if (list) return false;
      slots_.append(reinterpret_cast<const char*>(&slot), sizeof slot);
    }
    return true;
  }
  SortValue OnlyValue(const IndexedKey& key, size_t field) const {
    Values values = ValuesOf(content_, key, field);
    CHECK(values.size() <= 1);
    return values.empty() ? SortValue() : std::move(values[0]);
  }
  // `group` has the first fields' values; the others are tried one by one.
  bool AddToEach(const IndexedKey& key, Values group) {
    if (group.size() < request_.group.size()) {
      Values values = ValuesOf(content_, key, request_.group[group.size()]);
      if (values.empty()) values.emplace_back();
      group.emplace_back();
      for (SortValue& value : values) {
        group.back() = std::move(value);
        if (!AddToEach(key, group)) return false;
      }
      return true;
    }
    Accumulators* accumulators = Group(std::move(group));
    return accumulators != nullptr && AddTo(accumulators, key);
  }
  bool AddTo(Accumulators* accumulators, const IndexedKey& key) {
    ++added_;
    if (visits() > visits_max_) return false;
    for (size_t i = 0; i < accumulators->size(); i++) {
      Accumulator& accumulator = (*accumulators)[i];
      const Reducer& reducer = request_.reducers[i];
      accumulator.AddKey();
      if (reducer.kind == Reducer::Kind::kCount) continue;
      if (reducer.field == kKeyItself) {
        accumulator.Add(key.name());
        continue;
      }
      std::visit(
          [&](const auto& column) {
            for (const auto& value : column.KeysOf(key.slot(reducer.field)))
              accumulator.Add(column.ViewOf(value));
          },
          content_.column(reducer.field));
    }
    return true;
  }
  Accumulators* Group(Values group) {
    const auto it = groups_.find(group);
    if (it != groups_.end()) return &it->second;
    if (groups_.size() == kGroupsMax) return nullptr;
    Accumulators& fresh = groups_[std::move(group)];
    for (const Reducer& reducer : request_.reducers) fresh.emplace_back(reducer.kind);
    return &fresh;
  }

  const IndexContent& content_;
  const AggregateRequest& request_;
  std::map<Values, Accumulators> groups_;
  std::unordered_map<std::string, Accumulators*, HashOfSlots, std::equal_to<>> by_slots_;
  std::string slots_;  // reused
  const uint64_t visits_each_;
  const uint64_t sums_;
  const uint64_t visits_max_;
  uint64_t added_ = 0;  // keys, once for each group that they are in
};

}  // namespace

std::expected<std::vector<AggregateRow>, AggregateError> Aggregate(
    const IndexContent& content, const IndexDefinition& definition, uint64_t visits_max,
    const AggregateRequest& request, uint64_t* visits) {
  const Matcher matcher(content, definition, request.where);
  const auto ids = matcher.Match(visits_max);
  if (!ids) return std::unexpected(AggregateError(ids.error()));
  *visits = matcher.visits();
  const uint64_t needed = ids->size() * Grouping::VisitsOfEach(request);
  if (needed > visits_max)
    return std::unexpected(AggregateError(TooManyVisits{.needed = needed, .by_rows = true}));
  Grouping grouping(content, request, visits_max);
  if (request.group.empty()) grouping.AddEmpty();
  bool fits = true;
  ForEachBatch(content, *ids, request.keep_living, [&](std::span<const IndexedKey* const> rows) {
    for (size_t i = 0; i < rows.size() && fits; i++) fits = grouping.Add(*rows[i]);
    return fits;
  });
  if (fits) {
    *visits += grouping.visits();
    return grouping.Rows();
  }
  // Where it stopped hangs on the order of the keys.
  *visits += visits_max;
  if (grouping.visits() <= visits_max) return std::unexpected(AggregateError(TooManyGroups{}));
  return std::unexpected(AggregateError(TooManyVisits{.needed = visits_max + 1, .by_rows = true}));
}

}  // namespace clustron::store

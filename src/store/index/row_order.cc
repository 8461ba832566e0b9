#include "store/index/row_order.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace clustron::store {

namespace {

constexpr uint64_t kAbsent = UINT64_MAX;

// Numbers in the order of their values.
uint64_t HeadOfNumber(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

size_t CommonBytes(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                             a.begin());
}

// -1, 0, 1. What is absent comes last, whatever the direction.
int Compare(const SortView& a, const SortView& b, bool descending) {
  const bool a_absent = std::holds_alternative<std::monostate>(a);
  const bool b_absent = std::holds_alternative<std::monostate>(b);
  if (a_absent || b_absent) return static_cast<int>(a_absent) - static_cast<int>(b_absent);
  const int order = a < b ? -1 : b < a ? 1 : 0;
  return descending ? -order : order;
}

}  // namespace

SortView ViewOf(const IndexContent& content, const IndexedKey& key, const SortField& by) {
  if (by.field == kKeyItself) return key.name();
  return std::visit(
      [&](const auto& column) -> SortView {
        const auto keys = column.KeysOf(key.slot(by.field));
        if (keys.empty()) return {};
        const auto& chosen = by.descending ? keys.back() : keys.front();
        if constexpr (std::is_same_v<std::decay_t<decltype(chosen)>, double>) {
          return chosen;
        } else {
          return chosen->view();
        }
      },
      content.column(by.field));
}

SortView ViewOf(const SortValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* bytes = std::get_if<std::string>(&value)) return std::string_view(*bytes);
  return {};
}

// ---- order ----

RowOrder::RowOrder(const IndexContent& content, const std::vector<SortField>& sort,
                   std::span<const uint32_t> some)
    : content_(content), sort_(sort), first_(sort.empty() ? SortField{} : sort[0]) {
  constexpr size_t kSamples = 64;
  const size_t step = 1 + some.size() / kSamples;
  bool begun = false;
  for (size_t i = 0; i < some.size(); i += step) {
    const SortView view = ViewOf(content_, *content_.At(some[i]), first_);
    const auto* bytes = std::get_if<std::string_view>(&view);
    if (bytes == nullptr) continue;
    common_ = begun ? common_.substr(0, CommonBytes(common_, *bytes)) : std::string(*bytes);
    begun = true;
  }
}

// Of what does not begin as most do only whether it is before them or behind them.
uint64_t RowOrder::HeadOfBytes(std::string_view bytes) const {
  const int side = bytes.substr(0, common_.size()).compare(common_);
  if (side != 0) return side < 0 ? 0 : kAbsent;
  uint64_t head = 0;
  const size_t left = bytes.size() - common_.size();
  std::memcpy(&head, bytes.data() + common_.size(), std::min<size_t>(left, sizeof head));
  return __builtin_bswap64(head);
}

uint64_t RowOrder::HeadOf(const SortView& first) const {
  if (std::holds_alternative<std::monostate>(first)) return kAbsent;
  const auto* number = std::get_if<double>(&first);
  const uint64_t head =
      number != nullptr ? HeadOfNumber(*number) : HeadOfBytes(std::get<std::string_view>(first));
  return first_.descending ? ~head : head;
}
uint64_t RowOrder::HeadOf(const IndexedKey& row) const {
  return HeadOf(ViewOf(content_, row, first_));
}
uint64_t RowOrder::HeadOf(const RowPlace& place) const {
  return HeadOf(place.values.empty() ? SortView(place.key) : ViewOf(place.values[0]));
}

bool RowOrder::Less(const IndexedKey& a, const IndexedKey& b) const {
  for (const SortField& by : sort_) {
    const int order = Compare(ViewOf(content_, a, by), ViewOf(content_, b, by), by.descending);
    if (order != 0) return order < 0;
  }
  return a.name() < b.name();
}

bool RowOrder::IsBehind(const IndexedKey& row, const RowPlace& place) const {
  CHECK(place.values.size() == sort_.size());
  for (size_t i = 0; i < sort_.size(); i++) {
    const int order =
        Compare(ViewOf(content_, row, sort_[i]), ViewOf(place.values[i]), sort_[i].descending);
    if (order != 0) return order > 0;
  }
  return row.name() > place.key;
}

void RowOrder::FetchValue(const IndexedKey& row) const {
  if (first_.field == kKeyItself) return;
  if (std::holds_alternative<Column<NumValues>>(content_.column(first_.field))) return;
  const Slot slot = row.slot(first_.field);
  if (TextValues::IsOne(slot)) __builtin_prefetch(TextValues::One(slot));
}

// ---- the first ones ----

void FirstRows::Cut() {
  const auto last = rows_.begin() + static_cast<ptrdiff_t>(limit_) - 1;
  std::nth_element(rows_.begin(), last, rows_.end(),
                   [this](const Headed& a, const Headed& b) { return Less(a, b); });
  last_ = *last;
  rows_.resize(limit_);
}

std::vector<const IndexedKey*> FirstRows::Take() {
  if (rows_.size() > limit_) Cut();
  std::sort(rows_.begin(), rows_.end(),
            [this](const Headed& a, const Headed& b) { return Less(a, b); });
  std::vector<const IndexedKey*> taken;
  taken.reserve(rows_.size());
  for (const Headed& headed : rows_) taken.push_back(headed.row);
  return taken;
}

}  // namespace clustron::store

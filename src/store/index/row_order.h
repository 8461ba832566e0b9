// The order of a page's rows, and the first ones of many. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/index/bound_query.h"
#include "store/index/index_content.h"

namespace clustron::store {

inline constexpr size_t kSortFieldsMax = 8;

struct SortField {
  size_t field = kKeyItself;  // NUM, TAG or the key itself
  bool descending = false;
};

// By what a row is sorted in one field: nothing (last, in both directions), a number, bytes. Of
// several values the least, or descending the greatest.
using SortValue = std::variant<std::monostate, double, std::string>;
// The same, without copies.
using SortView = std::variant<std::monostate, double, std::string_view>;

SortView ViewOf(const IndexContent& content, const IndexedKey& key, const SortField& by);
SortView ViewOf(const SortValue& value);

// Where a page goes on: the values and the key of the last row.
struct RowPlace {
  const std::vector<SortValue>& values;
  std::string_view key;
};

class RowOrder {
 public:
  // Both outlive it. `some` rows of those that are compared: what their first values have in common
  // tells nothing.
  RowOrder(const IndexContent& content, const std::vector<SortField>& sort,
           std::span<const uint32_t> some);

  // The beginning of the first value, as a number: rows of different heads are in their order.
  uint64_t HeadOf(const IndexedKey& row) const;
  uint64_t HeadOf(const RowPlace& place) const;
  // Of rows with one head.
  bool Less(const IndexedKey& a, const IndexedKey& b) const;
  bool IsBehind(const IndexedKey& row, const RowPlace& place) const;
  // Has fetched what HeadOf looks at: first the key, later its value.
  void FetchKey(const IndexedKey* row) const { __builtin_prefetch(row); }
  void FetchValue(const IndexedKey& row) const;

 private:
  uint64_t HeadOf(const SortView& first) const;
  uint64_t HeadOfBytes(std::string_view bytes) const;

  const IndexContent& content_;
  const std::vector<SortField>& sort_;
  const SortField first_;
  std::string common_;  // most rows' first values begin so, if they are bytes
};

// Keeps the first `limit` rows of all that are shown to it.
class FirstRows {
 public:
  FirstRows(const RowOrder& order, uint64_t limit) : order_(order), limit_(limit) {}
  void Offer(const IndexedKey* row, uint64_t head) {
    offered_++;
    const Headed headed{head, row};
    if (limit_ == 0 || (last_ && !Less(headed, *last_))) return;
    rows_.push_back(headed);
    if (rows_.size() >= 2 * limit_ + kSpare) Cut();
  }
  // In order.
  std::vector<const IndexedKey*> Take();
  bool dropped() const { return offered_ > limit_; }

 private:
  struct Headed {
    uint64_t head;
    const IndexedKey* row;
  };
  static constexpr uint64_t kSpare = 1024;
  bool Less(const Headed& a, const Headed& b) const {
    return a.head != b.head ? a.head < b.head : order_.Less(*a.row, *b.row);
  }
  void Cut();

  const RowOrder& order_;
  const uint64_t limit_;
  uint64_t offered_ = 0;
  std::vector<Headed> rows_;
  std::optional<Headed> last_;  // of the first `limit` so far, if there were so many
};

}  // namespace clustron::store

// Replies that are kept for a while under the name (user, id): what ONCE and open transactions have
// in common. Replicated state; changed only in apply.
//
// Time is the log's elapsed clock. What is past its time counts as absent and is swept a little
// with every insertion and by nothing else, so the table's content is a function of the log.
// A row has `until_ms` and `reply`. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "store/tables/ordered_table.h"

namespace clustron::store {

inline constexpr size_t kStoredRepliesMax = 1'000'000;
inline constexpr size_t kStoredBytesMax = 64 << 20;       // ids, users and replies together
inline constexpr size_t kStoredReplyBytesMax = 64 << 10;  // larger ones are kept as "DONE <rev>"
inline constexpr size_t kStoredIdBytesMax = 256;

using ReplyName = std::pair<std::string, std::string>;  // user, id

template <typename Row>
class StoredReplies : public OrderedTable<ReplyName, Row> {
 public:
  struct Limits {
    size_t entries_max = kStoredRepliesMax;
    size_t bytes_max = kStoredBytesMax;
  };
  // For tests: the same on all nodes.
  void SetLimits(Limits limits) { limits_ = limits; }

  // Null: there is none, or it is past its time.
  const Row* Find(std::string_view user, std::string_view id, int64_t now_ms) const {
    const auto it = this->rows().find(ReplyName(user, id));
    if (it == this->rows().end() || it->second.until_ms <= now_ms) return nullptr;
    return &it->second;
  }
  // Whether one more reply of any size fits, counting what Put would sweep.
  bool HasRoom(int64_t now_ms) const;
  // REQUIRES: HasRoom(), and Find() is null.
  void Put(std::string_view user, std::string_view id, Row row, int64_t now_ms);

  size_t bytes() const { return bytes_; }

  // Has a bound of its own, kStoredBytesMax.
  size_t used_bytes() const final { return 0; }
  std::unique_ptr<SlicedFree> Clear() final {
    bytes_ = 0;
    return FreedInSlices(std::exchange(by_end_, {}), this->SetRowsAside());
  }

 protected:
  // Its undo costs the item nothing: so it was when items got a budget.
  explicit StoredReplies(Store& store)
      : OrderedTable<ReplyName, Row>(store, OrderedTable<ReplyName, Row>::UndoCost::kNothing) {}

 private:
  static constexpr size_t kSweepPerPut = 64;

  bool Link(const ReplyName& name, Row& row) final {
    bytes_ += BytesOf(name, row);
    return by_end_.emplace(row.until_ms, name).second;
  }
  void Unlink(const ReplyName& name, const Row& row) final {
    bytes_ -= BytesOf(name, row);
    const size_t gone = by_end_.erase(std::pair(row.until_ms, name));
    CHECK(gone == 1);
  }
  static size_t BytesOf(const ReplyName& name, const Row& row) {
    return name.first.size() + name.second.size() + row.reply.size();
  }

  Limits limits_;
  std::set<std::pair<int64_t, ReplyName>> by_end_;
  size_t bytes_ = 0;
};

template <typename Row>
bool StoredReplies<Row>::HasRoom(int64_t now_ms) const {
  size_t entries = this->size();
  size_t bytes = bytes_;
  size_t swept = 0;
  for (auto it = by_end_.begin();
       it != by_end_.end() && it->first <= now_ms && swept < kSweepPerPut; ++it, swept++) {
    entries--;
    bytes -= BytesOf(it->second, this->rows().at(it->second));
  }
  return entries < limits_.entries_max &&
         bytes + kStoredReplyBytesMax + 2 * kStoredIdBytesMax <= limits_.bytes_max;
}

template <typename Row>
void StoredReplies<Row>::Put(std::string_view user, std::string_view id, Row row, int64_t now_ms) {
  for (size_t i = 0; i < kSweepPerPut; i++) {
    const auto first = by_end_.begin();
    if (first == by_end_.end() || first->first > now_ms) break;
    this->Take(this->PlaceOf(first->second));
  }
  ReplyName name(user, id);
  // One that is past its time may still be there.
  if (this->rows().contains(name)) this->Take(this->PlaceOf(name));
  this->Insert(std::move(name), std::move(row));
}

}  // namespace clustron::store

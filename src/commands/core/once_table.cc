#include "commands/core/once_table.h"

#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"

namespace clustron::commands {

namespace {
constexpr int64_t kEarlyMs = 1000;  // of kOnceForgottenEarly
}

const OnceTable::Stored* OnceTable::Find(std::string_view user, std::string_view id,
                                         int64_t now_ms) const {
  const auto it = entries_.find(Key(user, id));
  if (it == entries_.end() || it->second.until_ms <= now_ms) return nullptr;
  if (Planted(Bug::kOnceForgottenEarly) && it->second.until_ms <= now_ms + kEarlyMs) return nullptr;
  return &it->second;
}

bool OnceTable::HasRoom(int64_t now_ms) const {
  size_t entries = entries_.size();
  size_t bytes = bytes_;
  size_t swept = 0;
  for (auto it = by_end_.begin();
       it != by_end_.end() && it->first <= now_ms && swept < kSweepPerInsert; ++it, swept++) {
    entries--;
    bytes -= Cost(it->second, entries_.at(it->second));
  }
  return entries < limits_.entries_max &&
         bytes + kOnceReplyBytesMax + 2 * kOnceIdBytesMax <= limits_.bytes_max;
}

void OnceTable::Insert(std::string_view user, std::string_view id, Stored stored, int64_t now_ms) {
  Inserted inserted{Key(user, id), {}};
  for (size_t i = 0; i < kSweepPerInsert; i++) {
    const auto first = by_end_.begin();
    if (first == by_end_.end() || first->first > now_ms) break;
    const Key key = first->second;
    inserted.swept.push_back(Take(key));
  }
  // One that is past its time may still be there.
  if (entries_.contains(inserted.key)) inserted.swept.push_back(Take(inserted.key));
  Put(inserted.key, std::move(stored));
  fresh_.push_back(std::move(inserted));
}

void OnceTable::Put(Key key, Stored stored) {
  if (walk_ != nullptr) walk_->Claim(key);
  bytes_ += Cost(key, stored);
  by_end_.emplace(stored.until_ms, key);
  entries_.emplace(std::move(key), std::move(stored));
}

std::pair<OnceTable::Key, OnceTable::Stored> OnceTable::Take(const Key& key) {
  const auto it = entries_.find(key);
  CHECK(it != entries_.end());
  if (walk_ != nullptr && walk_->Claim(key)) EncodeRow(key, it->second, &walk_->bytes);
  auto [at, end] = by_end_.equal_range(it->second.until_ms);
  while (at != end && at->second != key) ++at;
  CHECK(at != end);
  std::pair<Key, Stored> taken(key, std::move(it->second));
  bytes_ -= Cost(taken.first, taken.second);
  by_end_.erase(at);
  entries_.erase(it);
  return taken;
}

void OnceTable::Rollback(size_t mark) {
  for (; fresh_.size() > mark; fresh_.pop_back()) {
    Inserted& inserted = fresh_.back();
    Take(inserted.key);
    for (auto it = inserted.swept.rbegin(); it != inserted.swept.rend(); ++it) {
      Put(std::move(it->first), std::move(it->second));
    }
  }
}

// ---- snapshots ----

void OnceTable::EncodeRow(const Key& key, const Stored& stored, std::string* out) {
  std::string row;
  Writer w(&row);
  w.Bytes(key.first);
  w.Bytes(key.second);
  w.U64(stored.arguments[0]);
  w.U64(stored.arguments[1]);
  w.I64(stored.until_ms);
  w.U8(static_cast<uint8_t>(stored.resp_version));
  w.Bytes(stored.reply);
  Writer(out).Bytes(row);
}

void OnceTable::BeginWalk() {
  CHECK(walk_ == nullptr);
  walk_ = std::make_unique<Walking>();
}

bool OnceTable::Walk(size_t budget, std::string* rows) {
  constexpr size_t kRowCost = 128;  // of walking to one, in bytes
  const size_t begin = rows->size();
  rows->append(std::exchange(walk_->bytes, {}));
  auto it = walk_->last ? entries_.upper_bound(*walk_->last) : entries_.begin();
  size_t count = 0;
  for (; it != entries_.end() && rows->size() - begin + count * kRowCost < budget; ++it, ++count) {
    walk_->last = it->first;
    if (walk_->early.erase(it->first) == 0) EncodeRow(it->first, it->second, rows);
  }
  if (it != entries_.end()) return false;
  walk_.reset();
  return true;
}

void OnceTable::Clear() {
  CHECK(walk_ == nullptr);
  if (old_entries_.empty() && old_by_end_.empty()) {
    std::swap(entries_, old_entries_);
    std::swap(by_end_, old_by_end_);
  }
  entries_.clear();
  by_end_.clear();
  fresh_.clear();
  bytes_ = 0;
}

bool OnceTable::FreeSome(size_t count) {
  for (; count > 0 && !old_by_end_.empty(); count--) old_by_end_.erase(old_by_end_.begin());
  for (; count > 0 && !old_entries_.empty(); count--) old_entries_.erase(old_entries_.begin());
  return !old_entries_.empty() || !old_by_end_.empty();
}

Status OnceTable::DecodeRow(Reader* in) {
  const std::string_view user = in->Bytes();
  const std::string_view id = in->Bytes();
  Stored stored;
  stored.arguments[0] = in->U64();
  stored.arguments[1] = in->U64();
  stored.until_ms = in->I64();
  stored.resp_version = in->U8();
  stored.reply = in->Bytes();
  Key key(user, id);
  if (!in->ok() || entries_.contains(key)) {
    return Fail(Errc::kCorruption, "the table of ONCE replies is malformed");
  }
  Put(std::move(key), std::move(stored));
  return {};
}

}  // namespace clustron::commands

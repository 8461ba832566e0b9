#include "commands/once_table.h"

#include <utility>

#include "base/check.h"

namespace clustron::commands {

const OnceTable::Stored* OnceTable::Find(std::string_view user, std::string_view id,
                                         int64_t now_ms) const {
  const auto it = entries_.find(Key(user, id));
  return it == entries_.end() || it->second.until_ms <= now_ms ? nullptr : &it->second;
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
  bytes_ += Cost(key, stored);
  by_end_.emplace(stored.until_ms, key);
  entries_.emplace(std::move(key), std::move(stored));
}

std::pair<OnceTable::Key, OnceTable::Stored> OnceTable::Take(const Key& key) {
  const auto it = entries_.find(key);
  CHECK(it != entries_.end());
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

void OnceTable::Encode(std::string* out) const {
  Writer w(out);
  w.Varint(entries_.size());
  for (const auto& [key, stored] : entries_) {
    w.Bytes(key.first);
    w.Bytes(key.second);
    w.U64(stored.arguments[0]);
    w.U64(stored.arguments[1]);
    w.I64(stored.until_ms);
    w.U8(static_cast<uint8_t>(stored.resp_version));
    w.Bytes(stored.reply);
  }
}

Status OnceTable::Decode(Reader* in) {
  entries_.clear();
  by_end_.clear();
  fresh_.clear();
  bytes_ = 0;
  const uint64_t count = in->Varint();
  for (uint64_t i = 0; i < count && in->ok(); i++) {
    const std::string_view user = in->Bytes();
    const std::string_view id = in->Bytes();
    Stored stored;
    stored.arguments[0] = in->U64();
    stored.arguments[1] = in->U64();
    stored.until_ms = in->I64();
    stored.resp_version = in->U8();
    stored.reply = in->Bytes();
    if (in->ok()) Put(Key(user, id), std::move(stored));
  }
  fresh_.clear();
  if (!in->ok() || entries_.size() != count) {
    return Fail(Errc::kCorruption, "the table of ONCE replies is malformed");
  }
  return {};
}

}  // namespace clustron::commands

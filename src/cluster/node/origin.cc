#include "cluster/node/origin.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node_messages.h"

namespace clustron::cluster {

void Origin::Add(std::string item, ItemOwner* owner, int64_t now_ns) {
  const size_t size = item.size();
  const bool big = size > kForwardBytesMax;
  std::shared_ptr<std::string> shared =
      big ? std::make_shared<std::string>(std::move(item)) : nullptr;
  if (big) item.clear();
  Item added{std::move(item), std::move(shared), owner, now_ns, size};
  const bool fits = items_.empty() || window_bytes_ + ready_bytes_ + size <= pace_.room_bytes();
  if (lanes_.Empty() && fits) {
    ready_bytes_ += size;
    oldest_ns_ = std::min(oldest_ns_, now_ns);
    items_.push_back(std::move(added));
    return;
  }
  lanes_.Add(std::move(added));
}

const Origin::Item* Origin::NextToSend(int64_t now_ns) {
  if (sent_ == items_.size()) {
    if (lanes_.Empty()) return nullptr;
    if (!HasRoom(lanes_.First()) && !Planted(Bug::kWindowNotKept)) {
      REACH("own items wait for the window");
      lanes_.BlockOnFirst();
      pace_.NoteFull();
      return nullptr;
    }
    Item next = lanes_.TakeFirst();
    ready_bytes_ += next.counts;
    oldest_ns_ = std::min(oldest_ns_, next.submitted_ns);
    items_.push_back(std::move(next));
  }
  Item& item = items_[sent_];
  if (sent_ == numbered_) {
    SetItemSequence(item.mutable_bytes(), first_sequence_ + sent_);
    ++numbered_;
    ready_bytes_ -= item.counts;
    window_bytes_ += item.counts;
  }
  ++sent_;
  item.left_ns = now_ns;
  return &item;
}

ItemOwner* Origin::Take(uint64_t sequence, int64_t now_ns) {
  CHECK(IsNext(sequence));
  const Item& item = items_.front();
  pace_.OnApplied(item.counts, item.left_ns, now_ns);
  progress_ns_ = now_ns;
  return Forget();
}

ItemOwner* Origin::Forget() {
  CHECK(numbered_ > 0);
  CHECK(window_bytes_ >= items_.front().counts);
  ItemOwner* owner = items_.front().owner;
  window_bytes_ -= items_.front().counts;
  items_.pop_front();
  ++first_sequence_;
  --numbered_;
  if (sent_ > 0) --sent_;
  return owner;
}

void Origin::StartAnew(Session session, std::vector<ItemOwner*>* uncertain) {
  while (numbered_ > 0) {
    if (ItemOwner* owner = Forget()) uncertain->push_back(owner);
  }
  session_ = session;
  first_sequence_ = 1;
  for (size_t i = 0; i < items_.size(); ++i) SetItemSession(items_[i].mutable_bytes(), session);
  lanes_.Rename(session);
}

void Origin::SkipTo(uint64_t next, std::vector<ItemOwner*>* uncertain) {
  while (numbered_ > 0 && first_sequence_ < next) {
    REACH("own items covered by a snapshot");
    if (ItemOwner* owner = Forget()) uncertain->push_back(owner);
  }
}

void Origin::Expire(int64_t now_ns, int64_t timeout_ns, std::vector<ItemOwner*>* definite,
                    std::vector<ItemOwner*>* uncertain) {
  if (now_ns - progress_ns_ <= timeout_ns) return;
  const int64_t expired_ns = now_ns - timeout_ns;  // what was submitted before this is late
  // Times rise within a client's items, but not over all: lanes took their turns.
  if (oldest_ns_ < expired_ns) {
    oldest_ns_ = std::numeric_limits<int64_t>::max();
    const size_t keep_numbered = Planted(Bug::kSessionNumberReused) ? 0 : numbered_;
    for (size_t i = 0; i < keep_numbered; ++i) {
      Item& item = items_[i];
      if (item.owner == nullptr) continue;
      if (item.submitted_ns >= expired_ns) {
        oldest_ns_ = std::min(oldest_ns_, item.submitted_ns);
        continue;
      }
      REACH("uncertain item replaced by a void one");
      uncertain->push_back(item.owner);
      item.owner = nullptr;
      window_bytes_ -= std::exchange(item.counts, 0);
      std::string nothing;
      AppendItem({.kind = ItemKind::kVoid, .session = session_, .sequence = first_sequence_ + i},
                 {}, &nothing);
      item.Replace(std::move(nothing));
    }
    ExpireReady(keep_numbered, expired_ns, definite);
  }
  lanes_.DropLate(expired_ns, definite);
}

// Drops the late ones of items_ from `from` on.
void Origin::ExpireReady(size_t from, int64_t expired_ns, std::vector<ItemOwner*>* definite) {
  size_t kept = from;
  for (size_t i = from; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (item.submitted_ns < expired_ns) {
      REACH("items dropped that never left");
      if (item.owner != nullptr) definite->push_back(item.owner);
      (i < numbered_ ? window_bytes_ : ready_bytes_) -= item.counts;
      continue;
    }
    oldest_ns_ = std::min(oldest_ns_, item.submitted_ns);
    if (i < numbered_) {  // only with kSessionNumberReused
      window_bytes_ -= item.counts;
      ready_bytes_ += item.counts;
    }
    if (kept != i) items_[kept] = std::move(item);
    ++kept;
  }
  while (items_.size() > kept) items_.pop_back();
  numbered_ = std::min(numbered_, from);
  sent_ = std::min(sent_, from);
}

bool Origin::WithinWindow() const {
  if (window_bytes_ <= pace_.most_bytes()) return true;
  size_t biggest = 0;
  for (size_t i = 0; i < numbered_; ++i) biggest = std::max(biggest, items_[i].counts);
  return window_bytes_ == biggest;
}

int64_t Origin::StalledSinceNs() const {
  if (numbered_ == 0) return std::numeric_limits<int64_t>::max();
  const int64_t moved_ns = std::max(items_[0].submitted_ns, progress_ns_);
  if (resent_ns_ <= moved_ns) return moved_ns;
  // Sending again has not helped: on a slow link the copies stand before what comes next. So the
  // next time is twice as far away, up to what the window takes at 1 MB/s.
  constexpr int64_t kLongestNs = 500'000'000;
  constexpr int64_t kNsPerByte = 1'000;
  const int64_t longest_ns = kLongestNs + static_cast<int64_t>(window_bytes_) * kNsPerByte;
  return resent_ns_ + std::min(resent_ns_ - moved_ns, longest_ns);
}

}  // namespace clustron::cluster

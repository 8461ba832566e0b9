#include "cluster/origin.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node_messages.h"

namespace clustron::cluster {

void Origin::Add(std::string item, void* cookie, int64_t now_ns) {
  bytes_ += item.size();
  const bool big = item.size() > kForwardBytesMax;
  std::shared_ptr<std::string> shared =
      big ? std::make_shared<std::string>(std::move(item)) : nullptr;
  if (big) item.clear();
  items_.push_back({std::move(item), std::move(shared), cookie, now_ns});
}

const Origin::Item* Origin::NextToSend() {
  if (sent_ == items_.size()) return nullptr;
  Item& item = items_[sent_];
  if (sent_ == numbered_) {
    SetItemSequence(item.shared != nullptr ? item.shared.get() : &item.own,
                    first_sequence_ + sent_);
    ++numbered_;
  }
  ++sent_;
  return &item;
}

void* Origin::Take(uint64_t sequence, int64_t now_ns) {
  CHECK(IsNext(sequence));
  void* cookie = items_.front().cookie;
  bytes_ -= items_.front().bytes().size();
  items_.pop_front();
  ++first_sequence_;
  --numbered_;
  if (sent_ > 0) --sent_;
  progress_ns_ = now_ns;
  return cookie;
}

void Origin::StartAnew(Session session, std::vector<void*>* uncertain) {
  while (numbered_ > 0) {
    if (void* cookie = Take(first_sequence_, progress_ns_)) uncertain->push_back(cookie);
  }
  session_ = session;
  first_sequence_ = 1;
  for (size_t i = 0; i < items_.size(); ++i)
    SetItemSession(items_[i].shared != nullptr ? items_[i].shared.get() : &items_[i].own, session);
}

void Origin::SkipTo(uint64_t next, std::vector<void*>* uncertain) {
  while (numbered_ > 0 && first_sequence_ < next) {
    REACH("own items covered by a snapshot");
    if (void* cookie = Take(first_sequence_, progress_ns_)) uncertain->push_back(cookie);
  }
}

void Origin::Expire(int64_t now_ns, int64_t timeout_ns, std::vector<void*>* definite,
                    std::vector<void*>* uncertain) {
  if (items_.empty() || now_ns - progress_ns_ <= timeout_ns) return;
  const auto late = [&](const Item& item) { return now_ns - item.submitted_ns > timeout_ns; };
  // Times rise along the queue, so what is late is a prefix of each part.
  const size_t keep_numbered = Planted(Bug::kSessionNumberReused) ? 0 : numbered_;
  for (size_t i = 0; i < keep_numbered && late(items_[i]); ++i) {
    Item& item = items_[i];
    if (item.cookie == nullptr) continue;
    REACH("uncertain item replaced by a void one");
    uncertain->push_back(item.cookie);
    item.cookie = nullptr;
    bytes_ -= item.bytes().size();
    std::string nothing;
    AppendItem({.kind = ItemKind::kVoid, .session = session_, .sequence = first_sequence_ + i}, {},
               &nothing);
    bytes_ += nothing.size();
    item.Replace(std::move(nothing));
  }
  size_t end = keep_numbered;
  while (end < items_.size() && late(items_[end])) ++end;
  if (end == keep_numbered) return;
  REACH("items dropped that never left");
  for (size_t i = keep_numbered; i < end; ++i) {
    if (items_[i].cookie != nullptr) definite->push_back(items_[i].cookie);
    bytes_ -= items_[i].bytes().size();
  }
  for (size_t i = end; i < items_.size(); ++i)
    items_[keep_numbered + i - end] = std::move(items_[i]);
  for (size_t i = keep_numbered; i < end; ++i) items_.pop_back();
  numbered_ = std::min(numbered_, keep_numbered);
  sent_ = std::min(sent_, keep_numbered);
}

int64_t Origin::StalledSinceNs() const {
  if (numbered_ == 0) return std::numeric_limits<int64_t>::max();
  return std::max({items_[0].submitted_ns, progress_ns_, resent_ns_});
}

}  // namespace clustron::cluster

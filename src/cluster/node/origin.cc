#include "cluster/node/origin.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node_messages.h"

namespace clustron::cluster {
namespace {

// A way through the world and back, twice; what took longer waited for something.
constexpr int64_t kSlowestNs = 1'000'000'000;
constexpr int kRoundShift = 10;

}  // namespace

void Origin::Add(std::string item, ItemOwner* owner, int64_t now_ns) {
  const size_t size = item.size();
  const bool big = size > kForwardBytesMax;
  std::shared_ptr<std::string> shared =
      big ? std::make_shared<std::string>(std::move(item)) : nullptr;
  if (big) item.clear();
  Item added{std::move(item), std::move(shared), owner, now_ns, size};
  const bool fits = items_.empty() || window_bytes_ + ready_bytes_ + size <= room_bytes_;
  if (lane_items_ == 0 && fits) {
    ready_bytes_ += size;
    oldest_ns_ = std::min(oldest_ns_, now_ns);
    items_.push_back(std::move(added));
    return;
  }
  std::unique_ptr<Lane>& lane = lanes_[owner];
  if (lane == nullptr) {
    lane = std::make_unique<Lane>(owner);
  } else if (lane->items.empty()) {
    idle_.erase(TurnOf(*lane));
  }
  lane->items.push_back(std::move(added));
  ++lane_items_;
  lane_bytes_ += size;
  if (lane->items.size() == 1) AwaitTurn(*lane);
}

void Origin::AwaitTurn(Lane& lane) {
  lane.ends = std::max(lane.ends, round_) + (uint64_t{lane.items.front().counts} << kRoundShift);
  lane.order = next_order_++;
  waiting_.emplace(TurnOf(lane), &lane);
}

// REQUIRES: the lane is in waiting_.
void Origin::TakeFirstOf(Lane& lane, Item* item) {
  round_ += (uint64_t{lane.items.front().counts} << kRoundShift) / waiting_.size();
  waiting_.erase(TurnOf(lane));
  if (blocked_ == &lane) blocked_ = nullptr;
  *item = std::move(lane.items.front());
  lane.items.pop_front();
  --lane_items_;
  lane_bytes_ -= item->counts;
  if (!lane.items.empty()) return AwaitTurn(lane);
  // Remembered until the others are as far: who sends one big item after the other is not new each
  // time.
  idle_.emplace(TurnOf(lane), &lane);
}

void Origin::ForgetLanes() {
  waiting_.clear();
  idle_.clear();
  lanes_.clear();
  blocked_ = nullptr;
  round_ = 0;
}

const Origin::Item* Origin::NextToSend(int64_t now_ns) {
  if (sent_ == items_.size()) {
    if (lane_items_ == 0) return nullptr;
    Lane& lane = FirstLane();
    if (!HasRoom(lane.items.front()) && !Planted(Bug::kWindowNotKept)) {
      REACH("own items wait for the window");
      blocked_ = &lane;  // its turn is its turn: what comes now does not go before it for ever
      was_full_ = true;
      return nullptr;
    }
    Item next;
    TakeFirstOf(lane, &next);
    ready_bytes_ += next.counts;
    oldest_ns_ = std::min(oldest_ns_, next.submitted_ns);
    items_.push_back(std::move(next));
    while (!idle_.empty() && idle_.begin()->first.first <= round_) {
      lanes_.erase(idle_.begin()->second->owner);
      idle_.erase(idle_.begin());
    }
    if (lane_items_ == 0) ForgetLanes();
  }
  Item& item = items_[sent_];
  if (sent_ == numbered_) {
    SetItemSequence(item.shared != nullptr ? item.shared.get() : &item.own,
                    first_sequence_ + sent_);
    ++numbered_;
    ready_bytes_ -= item.counts;
    window_bytes_ += item.counts;
  }
  ++sent_;
  item.left_ns = now_ns;
  return &item;
}

// What was applied in a time, per time, is what can be under way without waiting for itself: Vegas'
// idea of a window (Brakmo and Peterson, 1995), with a wait that is allowed.
void Origin::Pace(const Item& item, int64_t now_ns) {
  applied_bytes_ += item.counts;
  if (item.left_ns != 0) fastest_ns_ = std::min(fastest_ns_, now_ns - item.left_ns);
  const int64_t passed_ns = now_ns - pace_ns_;
  const int64_t fastest_ns = std::min(fastest_ns_, kSlowestNs);
  // Not less than a way there and back: a window comes back in bursts.
  if (passed_ns < std::max(kPaceNs, fastest_ns)) return;
  if (!was_full_) {
    room_bytes_ = std::min(window_bytes_max_, 2 * room_bytes_);
  } else if (passed_ns < 10 * kPaceNs || applied_bytes_ > item.counts) {
    const double bytes = static_cast<double>(applied_bytes_) *
                         static_cast<double>(fastest_ns + kUnderWayNs) /
                         static_cast<double>(passed_ns);
    // At most halved or doubled at once: one stall of a disk says little.
    room_bytes_ = std::clamp(static_cast<size_t>(bytes), room_bytes_ / 2, 2 * room_bytes_);
    room_bytes_ =
        std::clamp(room_bytes_, std::min(kLeastBytes, window_bytes_max_), window_bytes_max_);
    if (room_bytes_ < window_bytes_max_) REACH("own items wait for the window's pace");
  }
  pace_ns_ = now_ns;
  applied_bytes_ = 0;
  was_full_ = false;
}

void Origin::PaceAnew(int64_t now_ns) {
  room_bytes_ = window_bytes_max_;
  fastest_ns_ = std::numeric_limits<int64_t>::max();
  pace_ns_ = now_ns;
  applied_bytes_ = 0;
  was_full_ = false;
}

ItemOwner* Origin::Take(uint64_t sequence, int64_t now_ns) {
  CHECK(IsNext(sequence));
  Pace(items_.front(), now_ns);
  progress_ns_ = now_ns;
  return Forget();
}

ItemOwner* Origin::Forget() {
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
  const auto rename = [&session](Ring<Item>& items) {
    for (size_t i = 0; i < items.size(); ++i)
      SetItemSession(items[i].shared != nullptr ? items[i].shared.get() : &items[i].own, session);
  };
  rename(items_);
  for (auto& [owner, lane] : lanes_) rename(lane->items);
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
  if (lane_items_ == 0) return;
  // In the order of turns, which no address has a part in.
  std::vector<Lane*> lanes;
  for (const auto& [turn, lane] : waiting_) lanes.push_back(lane);
  for (Lane* lane : lanes) {
    while (!lane->items.empty() && lane->items.front().submitted_ns < expired_ns) {
      REACH("items dropped that waited for the window");
      Item late;
      TakeFirstOf(*lane, &late);
      if (late.owner != nullptr) definite->push_back(late.owner);
    }
  }
  if (lane_items_ == 0) ForgetLanes();
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
  if (window_bytes_ <= window_bytes_max_) return true;
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

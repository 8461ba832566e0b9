#include "cluster/node/fair_lanes.h"

#include <algorithm>

#include "base/check.h"
#include "base/reach.h"

namespace clustron::cluster {
namespace {

constexpr int kRoundShift = 10;

}  // namespace

void FairLanes::Add(OwnItem item) {
  std::unique_ptr<Lane>& lane = lanes_[item.owner];
  if (lane == nullptr) {
    lane = std::make_unique<Lane>(item.owner);
  } else if (lane->items.empty()) {
    idle_.erase(TurnOf(*lane));
  }
  ++count_;
  bytes_ += item.counts;
  lane->items.push_back(std::move(item));
  if (lane->items.size() == 1) AwaitTurn(*lane);
}

void FairLanes::AwaitTurn(Lane& lane) {
  lane.ends = std::max(lane.ends, round_) + (uint64_t{lane.items.front().counts} << kRoundShift);
  lane.order = next_order_++;
  const bool fresh = waiting_.emplace(TurnOf(lane), &lane).second;
  CHECK(fresh);
}

OwnItem FairLanes::TakeFirstOf(Lane& lane) {
  CHECK(count_ > 0);
  CHECK(waiting_.contains(TurnOf(lane)));
  round_ += (uint64_t{lane.items.front().counts} << kRoundShift) / waiting_.size();
  waiting_.erase(TurnOf(lane));
  if (blocked_ == &lane) blocked_ = nullptr;
  OwnItem item = std::move(lane.items.front());
  lane.items.pop_front();
  --count_;
  bytes_ -= item.counts;
  if (!lane.items.empty()) {
    AwaitTurn(lane);
  } else {
    // Remembered until the others are as far: who sends one big item after the other is not new
    // each time.
    idle_.emplace(TurnOf(lane), &lane);
  }
  return item;
}

OwnItem FairLanes::TakeFirst() {
  OwnItem item = TakeFirstOf(FirstLane());
  while (!idle_.empty() && idle_.begin()->first.first <= round_) {
    lanes_.erase(idle_.begin()->second->owner);
    idle_.erase(idle_.begin());
  }
  if (count_ == 0) Clear();
  return item;
}

void FairLanes::DropLate(int64_t before_ns, std::vector<ItemOwner*>* dropped) {
  if (count_ == 0) return;
  std::vector<Lane*> lanes;
  for (const auto& [turn, lane] : waiting_) lanes.push_back(lane);
  for (Lane* lane : lanes) {
    while (!lane->items.empty() && lane->items.front().submitted_ns < before_ns) {
      REACH("items dropped that waited for the window");
      const OwnItem late = TakeFirstOf(*lane);
      if (late.owner != nullptr) dropped->push_back(late.owner);
    }
  }
  if (count_ == 0) Clear();
}

void FairLanes::Clear() {
  CHECK(bytes_ == 0);
  waiting_.clear();
  idle_.clear();
  lanes_.clear();
  blocked_ = nullptr;
  round_ = 0;
}

void FairLanes::Rename(Session session) {
  for (auto& [owner, lane] : lanes_)
    for (size_t i = 0; i < lane->items.size(); ++i)
      SetItemSession(lane->items[i].mutable_bytes(), session);
}

}  // namespace clustron::cluster

// Items that wait for the window, in a lane per client. Lanes share what leaves by bytes, by fair
// queueing (Demers, Keshav and Shenker, 1989): a round is a byte of each lane, an item ends in the
// round that is its length beyond the one in which it came or its lane's last one ended, and what
// ends first leaves first. So a client that sends little is next whenever it comes, however many
// send much.
//
// INVARIANT: a lane's items leave in the order of Add.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ring.h"
#include "cluster/log/entry.h"
#include "cluster/node/own_item.h"

namespace clustron::cluster {

class FairLanes {
 public:
  bool Empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  size_t bytes() const { return bytes_; }

  void Add(OwnItem item);
  // The item whose turn it is. REQUIRES: !Empty().
  const OwnItem& First() const { return FirstLane().items.front(); }
  OwnItem TakeFirst();
  // There is no room for it: its turn is its turn, and what comes now does not go before it for
  // ever.
  void BlockOnFirst() { blocked_ = &FirstLane(); }
  // Drops what was submitted before this; owners that wait for an outcome go to `dropped`, in the
  // order of turns, which no address has a part in.
  void DropLate(int64_t before_ns, std::vector<ItemOwner*>* dropped);
  // All goes on under another session.
  void Rename(Session session);

 private:
  struct Lane {
    ItemOwner* owner;
    Ring<OwnItem> items;
    uint64_t ends = 0;   // the round in which its first item ends; without one: its last one
    uint64_t order = 0;  // of coming, among those that end in one round
  };
  using Turn = std::pair<uint64_t, uint64_t>;
  static Turn TurnOf(const Lane& lane) { return {lane.ends, lane.order}; }
  Lane& FirstLane() const { return blocked_ != nullptr ? *blocked_ : *waiting_.begin()->second; }
  // A lane's first item is there, or has become another one.
  void AwaitTurn(Lane& lane);
  OwnItem TakeFirstOf(Lane& lane);
  void Clear();

  // By owner; only looked up. A lane is in exactly one of the two below.
  std::unordered_map<ItemOwner*, std::unique_ptr<Lane>> lanes_;
  size_t count_ = 0;  // of items
  size_t bytes_ = 0;
  std::map<Turn, Lane*> waiting_;  // with items
  std::map<Turn, Lane*> idle_;     // without one, but ahead of the round
  uint64_t round_ = 0;             // in 1024ths, as those that lanes have
  uint64_t next_order_ = 0;
  Lane* blocked_ = nullptr;  // its turn had come when there was no room; null: nobody's
};

}  // namespace clustron::cluster

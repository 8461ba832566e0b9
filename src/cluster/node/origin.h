// This node's own session: the writes of the clients that are connected here, from the moment they
// were parsed until they are applied here.
//
// An item gets its number when it first leaves (is forwarded, or batched by this node as leader).
// From then on the number belongs to it: under every later leader it is sent again unchanged, in
// order, until it is applied; once its client has been told -UNCERTAIN, a void item goes in its
// place, and whichever of the two is applied first decides. Items that never left have no number
// yet and can be dropped without a trace.
//
// Flow: what has left and is not applied here is bounded by a window of bytes, or is one item. So
// nobody on the way, links and leader, ever holds more of this node, and nothing has to be dropped
// there. What doesn't fit waits in a lane per client. Lanes share what leaves by bytes, by fair
// queueing (Demers, Keshav and Shenker, 1989): a round is a byte of each lane, an item ends in the
// round that is its length beyond the one in which it came or its lane's last one ended, and what
// ends first leaves first. So a client that sends little is next whenever it comes, however many
// send much: others' bulk delays it by a window at most. Void items are outside the window.
//
// INVARIANT: numbered items come before unnumbered ones; numbers are consecutive. While a lane
// holds an item, new items go to lanes. A client's items leave in the order of Add.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ring.h"
#include "cluster/log/entry.h"
#include "cluster/log/item_owner.h"

namespace clustron::cluster {

class Origin {
 public:
  static constexpr size_t kWindowBytes = 16 << 20;
  // Where much is under way, the window follows what is really applied: no item should be under way
  // for longer than this beyond what the fastest one of this leadership took, for it keeps those of
  // other clients waiting. So slow disks and links get less than kWindowBytes, down to kLeastBytes.
  static constexpr int64_t kUnderWayNs = 150'000'000;
  // How often the window is set anew.
  static constexpr int64_t kPaceNs = 100'000'000;
  static constexpr size_t kLeastBytes = 256 << 10;

  explicit Origin(Session session, size_t window_bytes = kWindowBytes)
      : session_(session), window_bytes_max_(window_bytes), room_bytes_(window_bytes) {}

  Session session() const { return session_; }
  // `item`: encoded with this session and any sequence. `owner` comes back with its outcome; items
  // with one owner are one client's, and stay in order.
  void Add(std::string item, ItemOwner* owner, int64_t now_ns);

  // The next item to send under the current leadership, numbered now if it wasn't; null if all have
  // been sent, or the window is full. Good until the next call.
  struct Item;
  const Item* NextToSend(int64_t now_ns);
  // No progress for long: everything is to be sent again, in order.
  void SendAllAgain(int64_t now_ns) {
    sent_ = 0;
    resent_ns_ = now_ns;
  }
  // A new leader, or a new link to it: the same, and how fast things go is not known.
  void OnNewWay(int64_t now_ns) {
    SendAllAgain(now_ns);
    PaceAnew(now_ns);
  }

  // This number was given here, and its item is the oldest.
  bool IsNext(uint64_t sequence) const { return numbered_ > 0 && sequence == first_sequence_; }
  // Item `sequence` is being applied: forgets it and returns its owner. REQUIRES: IsNext.
  ItemOwner* Take(uint64_t sequence, int64_t now_ns);
  // All goes on under another session, from its first number on. What has a number is forgotten:
  // its outcome is not known (`uncertain`). The rest has never left.
  void StartAnew(Session session, std::vector<ItemOwner*>* uncertain);
  // The state (by a snapshot) already has everything below `next`: forgets those, giving the
  // owners of clients that will never learn what became of them.
  void SkipTo(uint64_t next, std::vector<ItemOwner*>* uncertain);

  // Items that waited for longer than `timeout_ns` without any of ours being applied meanwhile.
  // Those that never left are dropped (`definite`); the others are replaced by void items
  // (`uncertain`). Of one client, the uncertain ones were added before the definite ones.
  void Expire(int64_t now_ns, int64_t timeout_ns, std::vector<ItemOwner*>* definite,
              std::vector<ItemOwner*>* uncertain);

  bool Empty() const { return items_.empty() && lane_items_ == 0; }
  // NextToSend would give one.
  bool HasUnsent() {
    return sent_ < items_.size() || (lane_items_ > 0 && HasRoom(FirstLane().items.front()));
  }
  size_t size() const { return items_.size() + lane_items_; }
  size_t bytes() const { return window_bytes_ + ready_bytes_ + lane_bytes_; }
  // Numbered and not applied: what is under way.
  size_t window_bytes() const { return window_bytes_; }
  // What may be under way, as things go.
  size_t room_bytes() const { return room_bytes_; }
  // What has left is within the window, or is one item.
  bool WithinWindow() const;
  size_t waiting_bytes() const { return ready_bytes_ + lane_bytes_; }
  // Since when the oldest numbered item has been waiting without progress; INT64_MAX: none.
  int64_t StalledSinceNs() const;

  struct Item {
    std::string own;
    // Instead, if it is big: goes to the link as it is. Not changed once it has left.
    std::shared_ptr<std::string> shared;
    ItemOwner* owner;
    int64_t submitted_ns;
    size_t counts;        // bytes in the window, or on the way there; 0: void
    int64_t left_ns = 0;  // when it was last sent; 0: not yet

    const std::string& bytes() const { return shared != nullptr ? *shared : own; }
    void Replace(std::string bytes) {
      shared.reset();
      own = std::move(bytes);
    }
  };

 private:
  // A client's items that wait for the window.
  struct Lane {
    ItemOwner* owner;
    Ring<Item> items;
    uint64_t ends = 0;   // the round in which its first item ends; without one: its last one
    uint64_t order = 0;  // of coming, among those that end in one round
  };
  using Turn = std::pair<uint64_t, uint64_t>;
  static Turn TurnOf(const Lane& lane) { return {lane.ends, lane.order}; }

  bool HasRoom(const Item& item) const {
    return window_bytes_ == 0 || window_bytes_ + item.counts <= room_bytes_;
  }
  // The first item, which is numbered, is over.
  ItemOwner* Forget();
  // The first item is applied.
  void Pace(const Item& item, int64_t now_ns);
  void PaceAnew(int64_t now_ns);
  // The lane whose turn it is. REQUIRES: lane_items_ > 0.
  Lane& FirstLane() { return blocked_ != nullptr ? *blocked_ : *waiting_.begin()->second; }
  // A lane's first item is there, or has become another one.
  void AwaitTurn(Lane& lane);
  void TakeFirstOf(Lane& lane, Item* item);
  void ForgetLanes();
  void ExpireReady(size_t from, int64_t expired_ns, std::vector<ItemOwner*>* definite);

  Session session_;
  const size_t window_bytes_max_;
  size_t room_bytes_;         // of the window, for now
  bool was_full_ = false;     // since pace_ns_
  size_t applied_bytes_ = 0;  // since pace_ns_
  int64_t pace_ns_ = 0;
  int64_t fastest_ns_ = std::numeric_limits<int64_t>::max();  // of this leadership
  Ring<Item> items_;             // numbered ones, then those that leave next (ready)
  uint64_t first_sequence_ = 1;  // of items_.front()
  size_t numbered_ = 0;          // items that have left at least once
  size_t sent_ = 0;              // items sent under the current leadership
  size_t window_bytes_ = 0;      // of the numbered ones
  size_t ready_bytes_ = 0;       // of the others in items_
  int64_t progress_ns_ = 0;      // when an own item was last applied
  int64_t resent_ns_ = 0;
  // No item in items_ that somebody waits for was submitted before this.
  int64_t oldest_ns_ = std::numeric_limits<int64_t>::max();

  // By owner; only looked up. A lane is in exactly one of the two below.
  std::unordered_map<ItemOwner*, std::unique_ptr<Lane>> lanes_;
  size_t lane_items_ = 0;
  size_t lane_bytes_ = 0;
  std::map<Turn, Lane*> waiting_;  // with items
  std::map<Turn, Lane*> idle_;     // without one, but ahead of the round
  uint64_t round_ = 0;             // in 1024ths, as those that lanes have
  uint64_t next_order_ = 0;
  Lane* blocked_ = nullptr;  // its turn had come when there was no room; null: nobody's
};

}  // namespace clustron::cluster

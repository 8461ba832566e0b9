// This node's own session: the writes of the clients that are connected here, from the moment they
// were parsed until they are applied here.
//
// An item gets its number when it first leaves (is forwarded, or batched by this node as leader).
// From then on the number belongs to it: under every later leader it is sent again unchanged, in
// order, until it is applied; once its client has been told -UNCERTAIN, a void item goes in its
// place, and whichever of the two is applied first decides. Items that never left have no number
// yet and can be dropped without a trace.
//
// Flow: what has left and is not applied here is bounded by a window of bytes (window_pace.h), or
// is one item. So nobody on the way, links and leader, ever holds more of this node, and nothing
// has to be dropped there. What doesn't fit waits in a lane per client (fair_lanes.h): others' bulk
// delays a client that sends little by a window at most. Void items are outside the window.
//
// INVARIANT: numbered items come before unnumbered ones; numbers are consecutive. While a lane
// holds an item, new items go to lanes. A client's items leave in the order of Add.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/ring.h"
#include "cluster/log/entry.h"
#include "cluster/log/item_owner.h"
#include "cluster/node/fair_lanes.h"
#include "cluster/node/own_item.h"
#include "cluster/node/window_pace.h"

namespace clustron::cluster {

class Origin {
 public:
  static constexpr size_t kWindowBytes = 16 << 20;
  explicit Origin(Session session, size_t window_bytes = kWindowBytes)
      : session_(session), pace_(window_bytes) {}

  Session session() const { return session_; }
  // `item`: encoded with this session and any sequence. `owner` comes back with its outcome; items
  // with one owner are one client's, and stay in order.
  void Add(std::string item, ItemOwner* owner, int64_t now_ns);

  // The next item to send under the current leadership, numbered now if it wasn't; null if all have
  // been sent, or the window is full. Good until the next call.
  using Item = OwnItem;
  const Item* NextToSend(int64_t now_ns);
  // No progress for long: everything is to be sent again, in order.
  void SendAllAgain(int64_t now_ns) {
    sent_ = 0;
    resent_ns_ = now_ns;
  }
  // A new leader, or a new link to it: the same, and how fast things go is not known.
  void OnNewWay(int64_t now_ns) {
    SendAllAgain(now_ns);
    pace_.StartAnew(now_ns);
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

  bool Empty() const { return items_.empty() && lanes_.Empty(); }
  // NextToSend would give one.
  bool HasUnsent() const {
    return sent_ < items_.size() || (!lanes_.Empty() && HasRoom(lanes_.First()));
  }
  size_t size() const { return items_.size() + lanes_.size(); }
  size_t bytes() const { return window_bytes_ + waiting_bytes(); }
  // Numbered and not applied: what is under way.
  size_t window_bytes() const { return window_bytes_; }
  // What may be under way, as things go.
  size_t room_bytes() const { return pace_.room_bytes(); }
  // What has left is within the window, or is one item.
  bool WithinWindow() const;
  size_t waiting_bytes() const { return ready_bytes_ + lanes_.bytes(); }
  // Since when the oldest numbered item has been waiting without progress; INT64_MAX: none.
  int64_t StalledSinceNs() const;

 private:
  bool HasRoom(const Item& item) const {
    return window_bytes_ == 0 || window_bytes_ + item.counts <= pace_.room_bytes();
  }
  // The first item, which is numbered, is over.
  ItemOwner* Forget();
  void ExpireReady(size_t from, int64_t expired_ns, std::vector<ItemOwner*>* definite);

  Session session_;
  WindowPace pace_;
  FairLanes lanes_;              // behind all of items_
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
};

}  // namespace clustron::cluster

// This node's own session: the writes of the clients that are connected here, from the moment they
// were parsed until they are applied here.
//
// An item gets its number when it first leaves (is forwarded, or batched by this node as leader).
// From then on the number belongs to it: under every later leader it is sent again unchanged, in
// order, until it is applied; once its client has been told -UNCERTAIN, a void item goes in its
// place, and whichever of the two is applied first decides. Items that never left have no number
// yet and can be dropped without a trace.
//
// INVARIANT: numbered items come before unnumbered ones; numbers are consecutive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ring.h"
#include "cluster/entry.h"

namespace clustron::cluster {

class Origin {
 public:
  explicit Origin(Session session) : session_(session) {}

  Session session() const { return session_; }
  // `item`: encoded with this session and any sequence. `cookie` comes back with its outcome.
  void Add(std::string item, void* cookie, int64_t now_ns);

  // The next item to send under the current leadership, numbered now if it wasn't; null if all have
  // been sent. Good until the next call.
  struct Item;
  const Item* NextToSend();
  // A new leader, a lost link, or no progress for long: everything is to be sent again, in order.
  void SendAllAgain() { sent_ = 0; }

  // This number was given here, and its item is the oldest.
  bool IsNext(uint64_t sequence) const { return numbered_ > 0 && sequence == first_sequence_; }
  // Item `sequence` is being applied: forgets it and returns its cookie. REQUIRES: IsNext.
  void* Take(uint64_t sequence, int64_t now_ns);
  // All goes on under another session, from its first number on. What has a number is forgotten:
  // its outcome is not known (`uncertain`). The rest has never left.
  void StartAnew(Session session, std::vector<void*>* uncertain);
  // The state (by a snapshot) already has everything below `next`: forgets those, giving the
  // cookies of clients that will never learn what became of them.
  void SkipTo(uint64_t next, std::vector<void*>* uncertain);

  // Items that waited for longer than `timeout_ns` without any of ours being applied meanwhile.
  // Those that never left are dropped (`definite`); the others are replaced by void items
  // (`uncertain`).
  void Expire(int64_t now_ns, int64_t timeout_ns, std::vector<void*>* definite,
              std::vector<void*>* uncertain);

  bool Empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  bool HasUnsent() const { return sent_ < items_.size(); }
  size_t bytes() const { return bytes_; }
  // Since when the oldest numbered item has been waiting without progress; INT64_MAX: none.
  int64_t StalledSinceNs() const;
  void NoteResend(int64_t now_ns) { resent_ns_ = now_ns; }

  struct Item {
    std::string own;
    // Instead, if it is big: goes to the link as it is. Not changed once it has left.
    std::shared_ptr<std::string> shared;
    void* cookie;
    int64_t submitted_ns;

    const std::string& bytes() const { return shared != nullptr ? *shared : own; }
    void Replace(std::string bytes) {
      shared.reset();
      own = std::move(bytes);
    }
  };

 private:
  Session session_;
  Ring<Item> items_;
  uint64_t first_sequence_ = 1;  // of items_.front()
  size_t numbered_ = 0;          // items that have left at least once
  size_t sent_ = 0;              // items sent under the current leadership
  size_t bytes_ = 0;
  int64_t progress_ns_ = 0;  // when an own item was last applied
  int64_t resent_ns_ = 0;
};

}  // namespace clustron::cluster

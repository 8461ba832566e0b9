// What a node does about its disk: it hears what has become durable, gives the leadership away when
// the disk is low, and says so when the disk is behind. The log's listener.
//
// THREAD: core loop.
#pragma once

#include <cstdint>

#include "cluster/node/digest_watch.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"

namespace clustron::cluster {

class DiskWatch final : public LogStore::Listener {
 public:
  DiskWatch(NodeCore& core, LeaderView& leader_view, const DigestWatch& digests);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  // The highest slot that this node's disk has, fsynced, without a gap.
  Slot DurableSlot() const;
  // Of the others: how many have this slot, chosen, on their disks, by what they said in answer to
  // a question that was asked after `round` began. Asks again for those who have not.
  uint64_t BeginDurabilityRound() { return core_.replica.AskAll(core_.NowNs()); }
  size_t OthersWithSlot(Slot slot, uint64_t round);

  void SetLowWater(uint64_t bytes) { core_.log.SetLowWater(bytes); }

  // The log's tick, every 100 ms: true if it was time for it.
  bool Tick(int64_t now_ns);
  // An earlier setting's leases may be over.
  void ForgetLongerLease(int64_t now_ns);
  // As leader with a disk that is low: is there somebody who has room?
  void LookForRoom(int64_t now_ns);

  // LogStore::Listener
  void OnDurable(uint64_t seq) override;
  void OnDiskLow(bool low) override;
  void OnWaitsForRoom(bool waits) override;
  void OnFatal(const Error& error) override;

 private:
  void NoteFullLog();

  NodeCore& core_;
  LeaderView& leader_view_;
  const DigestWatch& digests_;
  // Until then a lease that is longer than the setting may run, and the disk says so; 0: none.
  int64_t longer_lease_until_ns_;
  int64_t ticked_ns_ = 0;
  int64_t durability_asked_ns_ = 0;
  int64_t room_sought_ns_ = 0;
  bool log_full_ = false;  // as last said
};

}  // namespace clustron::cluster

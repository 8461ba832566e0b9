// What the roster asks of its node when members introduce themselves: what this node's state is,
// whether a member goes together with it, and whether a ballot that a member speaks of can be.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/node/digest_watch.h"
#include "cluster/node/node_core.h"
#include "cluster/node/roster.h"
#include "cluster/node/versions.h"
#include "cluster/node/write_path.h"

namespace clustron::cluster {

class Introductions final : public RosterHost {
 public:
  Introductions(NodeCore& core, Versions& versions, DigestWatch& digests, WritePath& writes)
      : core_(core), versions_(versions), digests_(digests), writes_(writes) {}

  // RosterHost
  void SendToMember(NodeId to, WireKind kind, const std::string& body) override;
  void BootRaised(uint32_t boot) override { writes_.StartAnew(boot); }
  void DescribeState(Introduction* own) const override;
  bool GoesTogether(NodeId from, const Introduction& peer) override;
  void MemberIntroduced(NodeId from, const Introduction& peer) override;
  bool BallotCredible(NodeId from, uint64_t round) override;
  bool FloorDurable() const override { return core_.log.FloorDurable(); }
  void RosterFailed(const Error& error) override;

 private:
  NodeCore& core_;
  Versions& versions_;
  DigestWatch& digests_;
  WritePath& writes_;
  int64_t leap_said_ns_ = 0;  // when a ballot far beyond all others was last logged
};

}  // namespace clustron::cluster

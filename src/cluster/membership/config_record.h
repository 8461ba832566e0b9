// One configuration of the cluster: who its members are, where clients and peers reach them, and
// who votes. The first configuration, version 0, is the genesis's (formation.h). A later one comes
// by an entry of the log of kind kConfig, whose payload is an encoded record; each has the version
// of the one before it and one more.
//
// Pure. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/paxos/config.h"

namespace clustron::cluster {

struct Member {
  uint32_t node = 0;
  std::string host;  // for clients and for peers
  uint16_t port = 0;
  uint16_t peer_port = 0;
  bool votes = true;  // else a non-voter: it has the state, and no vote

  friend bool operator==(const Member&, const Member&) = default;
};

// The list as cluster-initial has it: "host:port,host:port@peerport".
std::string ListText(const std::vector<Member>& members);
// The same addresses for clients, in the same order. (Only the first node knows its own peer port
// where that is an option of its own.)
bool SameList(const std::vector<Member>& a, const std::vector<Member>& b);

struct ConfigRecord {
  uint64_t version = 0;
  std::vector<Member> members;  // by rising node; empty: nothing is known (tests)

  friend bool operator==(const ConfigRecord&, const ConfigRecord&) = default;
};

// The roles of the members, as the consensus core takes them.
paxos::Members RolesOf(const ConfigRecord& record);

std::string EncodeConfigRecord(const ConfigRecord& record);
// kMismatch: of a later program's format. kCorruption: no sound record.
Result<ConfigRecord> DecodeConfigRecord(std::string_view bytes);

// Why a node that runs under `from` can't go on under `to`; empty: it can.
//
// BOUND: members may get other addresses, and members without a vote may join. Who votes stays the
// same, nobody leaves, and a node alone stays alone: quorums, `durability` and the peers' port are
// decided once, at a start. Whoever lifts the bound does so with a feature version.
std::string WhyNotUnder(const ConfigRecord& from, const ConfigRecord& to);

}  // namespace clustron::cluster

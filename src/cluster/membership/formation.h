// How a cluster begins, once: all nodes of --cluster-initial are reachable and empty; the first of
// the list writes the genesis (cluster id, hash seed, members), durable on all nodes before the
// first slot. Runs before the event loop, blocking, over the peer port.
//
//   first:   asks all until each is empty (or holds this very genesis from an attempt that was
//            interrupted) → makes the genesis durable here → on all others → marks it formed →
//            tells them to go
//   others:  answer; take a genesis when empty; wait for "go", or ask around whether it was given
//
// A node that finds a formed cluster while it is empty itself stops with an error that names
// --cluster-take-place; one whose list lacks itself, or whose peers have another secret, stops too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/membership/config_record.h"
#include "net/socket.h"
#include "persist/fs.h"
#include "persist/identity.h"

namespace clustron::cluster {

// What all members of a cluster have in common from its first moment on. Kept in the identity file:
// a start goes by it until the state is restored. From then on applied_members.h says who the
// members are; the genesis only made the first configuration.
struct Genesis {
  bool formed = false;          // else durable here, but maybe not everywhere yet
  uint64_t hash_seed = 0;       // of the keyspace
  std::vector<Member> members;  // all with a vote

  bool alone() const { return members.size() == 1; }
  ConfigRecord FirstRecord() const { return {.version = 0, .members = members}; }
};

std::string EncodeGenesis(const Genesis& genesis);
Result<Genesis> DecodeGenesis(std::string_view bytes);

struct FormationConfig {
  std::string dir;
  std::vector<Member> initial;  // in the order of the list; node = position + 1
  size_t self = 0;              // position in it
  std::string secret;
  // Who calls and has not proved that it knows the secret: one more ends the oldest.
  size_t callers_max = 64;
  // The cluster was formed long ago; this member has lost its disk and comes back in its place, as
  // one that was set back to nothing (member_watch.h).
  bool take_place = false;
  std::function<void(const std::string&)> say;        // progress, for the log
  std::function<void(const std::string&)> waits_for;  // who is missing, and why; may be empty
  std::function<bool()> stop;                         // asked often; true gives up
};

// Returns when the directory's identity is that of a formed cluster. `listener`: the peer port's.
Status FormCluster(persist::Fs& fs, const net::Fd& listener, const FormationConfig& config);

// A node alone: a genesis of one member, formed at once.
Status FormAlone(persist::Fs& fs, const std::string& dir, const Member& self);

}  // namespace clustron::cluster

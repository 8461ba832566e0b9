// Who this data directory belongs to: cluster, node, and how often it was started.
//
// Kept in `DIR/identity.a` and `.b`. A directory that holds a log or snapshots but no readable
// identity is never taken for an empty one: the node would come back with its memory gone under
// promises that others rely on. Losing the disk means a new node id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "persist/fs.h"

namespace clustron::persist {

inline constexpr uint32_t kDataFormatVersion = 2;

struct Identity {
  std::string cluster_id;  // 128 random bits as 32 hex digits, the same on all members
  uint32_t node_id = 0;    // never 0
  // Rises by at least 1 on every start, durable before anything else happens. 1 on the first.
  uint64_t boot = 0;
  // Random, another one at every start: tells two starts apart that have the same boot, because
  // one of them was made from a copy of the directory. 0 before the first, and in format 1.
  uint64_t nonce = 0;
  // The directory is an earlier one than its peers know of (cluster/membership/member_watch.h): the
  // node must not vote until it has recovered. `set_back_why` is for people.
  bool set_back = false;
  std::string set_back_why;
  uint64_t recovered_boot = 0;  // the boot in which it last recovered; 0: never
  bool loss_accepted = false;   // cluster-accept-loss has been used, and is still given
  uint32_t format_version = kDataFormatVersion;
  // A log was once written here, so its absence means loss. See LogStore::Options::must_exist.
  bool log_created = false;
  std::string extra;  // the server's own (formation record …), opaque here

  friend bool operator==(const Identity&, const Identity&) = default;
};

// The two copies on disk.
// THREAD: any, one at a time; blocking.
class IdentityFile {
 public:
  // Reads the identity of `dir` (made if missing) and checks that the directory is what it says.
  //   - value: a node lives here. nullopt: the directory holds nothing of ours.
  //   - kCorruption: a log, snapshots or marks are here, but no readable identity; or both copies
  //     are damaged. kMismatch: written by a newer format.
  // Other files in the directory (configuration, a Redis dump.rdb) don't matter.
  static Result<std::optional<Identity>> Load(Fs& fs, const std::string& dir);

  // Durable in both copies on return. kExists if the directory already has an identity.
  static Status Create(Fs& fs, const std::string& dir, const Identity& identity);

  // Replaces it (log_created, extra). The cluster id and node id must not change (CHECKed); boot
  // must not fall.
  static Status Update(Fs& fs, const std::string& dir, const Identity& identity);

  // Load, boot + 1, durable in both copies: the first thing that a start does. If one copy was
  // damaged the counter rises by 2, since the damaged copy may have held a higher one. kNotFound if
  // there is no identity. `nonce`: this start's, not 0.
  static Result<Identity> Boot(Fs& fs, const std::string& dir, uint64_t nonce);
};

}  // namespace clustron::persist

// From a data directory to a running node: snapshot, log, replay. Without sockets and threads, so
// the simulator boots its nodes with the same code.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task_runner.h"
#include "cluster/log/log_store.h"
#include "cluster/membership/formation.h"
#include "cluster/membership/member_store.h"
#include "cluster/node/node.h"
#include "cluster/wire/skip_list.h"
#include "cluster/wire/transport.h"
#include "persist/fs.h"
#include "persist/identity.h"
#include "persist/snapshot_store.h"
#include "server/dispatch/engine.h"

namespace clustron::server {

struct BootOptions {
  std::string dir;
  persist::Identity identity;  // after IdentityFile::Boot
  cluster::Genesis genesis;
  cluster::LogStoreOptions log;
  cluster::NodeConfig node;  // paxos.self, members, boot and weak_durability are filled in
  // A person gives up what the log holds from this damaged slot on; 0: nobody does.
  cluster::Slot cut_at_slot = 0;
  // A person accepts that what members acknowledged is lost (cluster-accept-loss).
  bool accept_loss = false;
  // A person has entries left out, or takes that back: see cluster::SkipList.
  std::vector<cluster::SkipWord> skip_slots;
  std::function<bool()> stop;  // asked often; true gives up: an error of kUnavailable. Empty: never
  uint64_t seed = 0;           // of this node's own random choices (election rounds)
};

// What a node has on disk, open. Destroy after the engine.
struct Storage {
  std::unique_ptr<persist::SnapshotStore> snapshots;
  std::unique_ptr<cluster::LogStore> log;
  std::unique_ptr<cluster::MemberStore> members;
};

struct BootReport {
  cluster::Slot snapshot_slot = 0;
  cluster::Slot replayed = 0;      // entries applied from the log
  std::vector<std::string> notes;  // damage found and cut, for the log
};

// Restores the state into `engine` and gives it its node, which sends by `transport`. Blocking;
// breathes. Errors fail closed: what is there but can't be read is never taken for an empty start.
Result<BootReport> Boot(persist::Fs& fs, TaskRunner& wal_tasks, TaskRunner& snapshot_tasks,
                        const Clock& clock, BootOptions options, cluster::Transport& transport,
                        Engine& engine, Storage* storage);

// Notes durably that a majority contradicts what the directory holds (HaltCause::kDiverged): every
// later start halts at once, until a person sets the directory aside. `reason`: what the file says.
Status NoteDivergence(persist::Fs& fs, const std::string& dir, const std::string& reason);

}  // namespace clustron::server

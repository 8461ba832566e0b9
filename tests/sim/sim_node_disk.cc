// What happens to a machine's disk: it is made, slow, rots, is put back from a copy, lost.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "cluster/membership/formation.h"
#include "persist/identity.h"
#include "tests/sim/sim_node.h"

namespace clustron::sim {

namespace {

// Of a snapshot's file.
paxos::Slot SlotOf(const std::string& path) {
  return std::stoull(path.substr(path.rfind('/') + 1));
}

}  // namespace

cluster::Genesis SimNode::GenesisRecord() const {
  cluster::Genesis genesis;
  genesis.formed = true;
  genesis.hash_seed = around_.hash_seed;
  for (int i = 0; i < around_.knobs->nodes; ++i) {
    genesis.members.push_back({.node = static_cast<uint32_t>(i) + 1,
                               .host = "node" + std::to_string(i),
                               .port = 6379,
                               .peer_port = 16379});
  }
  return genesis;
}

void SimNode::Form() {
  const persist::Identity identity{.cluster_id = around_.cluster_id,
                                   .node_id = id(),
                                   .boot = 0,
                                   .extra = cluster::EncodeGenesis(GenesisRecord())};
  const Status made = persist::IdentityFile::Create(fs_, DirName(), identity);
  CHECK(made.has_value());
}

// --- Rot and slowness ----------------------------------------------------------------------------

void SimNode::SlowDisk() {
  disk_.slow_percent = 30;
  slowed_ns_ = INT64_MAX;
}

void SimNode::RestoreDisk() {
  disk_ = around_.knobs->disk;
  slowed_ns_ = std::max(paused_until_ns_, around_.loop->now_ns() + disk_.slow_ns);
}

void SimNode::Rot(Rng& rng) {
  std::vector<std::string> files;
  for (std::string& path : fs_.Files()) {
    if (path.ends_with(".log") || path.ends_with(".rdb") || rng.Percent(10)) {
      files.push_back(std::move(path));
    }
  }
  if (files.empty()) return;
  const std::string& path = files[rng.Below(files.size())];
  const std::string content = fs_.Content(path);
  if (content.empty()) return;
  // Mostly in what was written, not in what is only reserved.
  uint64_t offset = rng.Below(content.size());
  for (int tries = 0; tries < 20 && content[offset] == 0; ++tries) {
    offset = rng.Below(content.size());
  }
  around_.report->Count("bits flipped on disk");
  if (around_.report->tracing()) {
    around_.report->Trace("node " + std::to_string(index_) + " rots: " + path + " at " +
                          std::to_string(offset));
  }
  Flip(path, offset, static_cast<int>(rng.Below(8)));
}

void SimNode::RotLogTail(Rng& rng) {
  std::string newest;
  for (std::string& path : fs_.Files()) {
    if (path.ends_with(".log")) newest = std::move(path);  // sorted: the last one wins
  }
  if (newest.empty()) return;
  const std::string content = fs_.Content(newest);
  const size_t used = content.find_last_not_of('\0');
  if (used == std::string::npos || used < 2000) return;
  around_.report->Count("bits flipped in the newest records");
  Flip(newest, used - rng.Below(1500), static_cast<int>(rng.Below(8)));
}

void SimNode::RotNewestSnapshot(Rng& rng) {
  std::vector<std::string> files;
  for (std::string& path : fs_.Files()) {
    if (path.ends_with(".rdb")) files.push_back(std::move(path));  // sorted by slot
  }
  if (files.empty()) return;
  around_.report->Count("bits flipped in the newest snapshot");
  Flip(files.back(), rng.Below(fs_.Content(files.back()).size()), 5);
}

// Whether what rot has left on the disk can't be enough, so that a start has to be refused. As long
// as a sound snapshot and the log behind it are there, or the log from its first slot on, they are
// enough, unless a lost one reached beyond what the log itself can vouch for.
bool SimNode::RotExcuses(const std::string& refusal) const {
  bool other_damage = false;
  std::optional<paxos::Slot> last_sound;
  std::set<paxos::Slot> damaged = rotted_snapshots_;
  size_t snapshots = 0;
  size_t newer = 0;                              // damaged ones, than the last sound one
  for (const std::string& path : fs_.Files()) {  // sorted: snapshots by slot
    if (path.ends_with(".part") || path.ends_with(".tmp")) continue;
    if (!path.ends_with(".rdb") && !path.ends_with(".damaged")) {
      other_damage |= Damaged(path);
      continue;
    }
    ++snapshots;
    if (Damaged(path)) {
      damaged.insert(SlotOf(path));
      ++newer;
    } else {
      last_sound = SlotOf(path);
      newer = 0;
    }
  }
  const bool about_snapshots = refusal.find("no snapshot in ") != std::string::npos ||
                               refusal.find("newest readable snapshot") != std::string::npos;
  if (!about_snapshots) return other_damage;
  // The log goes back to the last snapshot but one, and to none that rotted and reached beyond it,
  // also if that one's file is gone by now.
  const bool beyond = std::any_of(damaged.begin(), damaged.end(), [&](paxos::Slot slot) {
    return slot > last_sound.value_or(0) && beyond_log_.contains(slot);
  });
  if (beyond || fell_back_ || newer > 1) return true;
  return !last_sound && snapshots > 1;
}

void SimNode::Flip(const std::string& path, uint64_t offset, int bit) {
  fs_.FlipBit(path, offset, bit);
  flipped_.insert(path);
  if (path.ends_with(".rdb")) rotted_snapshots_.insert(SlotOf(path));
}

// It keeps its bits when it is put out of the way.
bool SimNode::Damaged(const std::string& path) const {
  constexpr std::string_view kAside = ".damaged";
  return flipped_.contains(path) || path.ends_with(kAside);
}

// --- Directories that are put back ---------------------------------------------------------------

void SimNode::PutBack(const SimFs& copy) {
  CHECK(process_ == nullptr);
  around_.report->Count("directories put back from a copy");
  fs_.Become(copy);
  flipped_.clear();
  rotted_snapshots_.clear();
  put_back_ = may_be_set_back_ = true;
  seen_set_back_ = false;
  recovered_before_.reset();
  // It votes again behind a leader whom others elected without it: what it had promised is theirs.
  promised_ = {};
}

void SimNode::TakePlace(uint64_t boot) {
  PutBack(SimFs());
  const persist::Identity identity{.cluster_id = around_.cluster_id,
                                   .node_id = id(),
                                   .boot = boot,
                                   .set_back = true,
                                   .set_back_why = "its disk was lost",
                                   .extra = cluster::EncodeGenesis(GenesisRecord())};
  const Status made = persist::IdentityFile::Create(fs_, DirName(), identity);
  CHECK(made.has_value());
}

}  // namespace clustron::sim

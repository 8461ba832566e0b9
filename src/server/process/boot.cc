#include "server/process/boot.h"

#include <algorithm>

#include "base/breather.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "persist/mark_file.h"
#include "server/process/directory_check.h"

namespace clustron::server {

namespace {

constexpr size_t kReplayBytes = 4 << 20;  // read ahead
constexpr size_t kRestoreKeys = 10'000;   // between two looks at BootOptions::stop
constexpr const char* kDivergedFile = "/DIVERGED";
constexpr uint64_t kDivergedBytesMax = 64 << 10;

Status GoOn(const BootOptions& options) {
  if (!options.stop || !options.stop()) return {};
  return Fail(Errc::kUnavailable, "stopped while the state was read from the disk");
}

// *damaged: there are snapshots, and none of them is sound.
Status RestoreNewest(const BootOptions& options, Storage* storage, Engine& engine,
                     BootReport* report, std::optional<Error>* damaged) {
  auto opened = storage->snapshots->OpenNewestValid();
  if (!opened) {
    if (opened.error().code == Errc::kNotFound) return {};
    if (opened.error().code != Errc::kCorruption) return std::unexpected(opened.error());
    *damaged = opened.error();
    return {};
  }
  if (!opened->skipped.empty())
    report->notes.push_back("damaged snapshot skipped: " + opened->skipped);
  const auto restore = engine.executor().BeginRestore(*opened->file);
  for (bool all = false; !all;) {
    TRY(GoOn(options));
    ASSIGN_OR_RETURN(all, restore->Step(kRestoreKeys));
  }
  report->snapshot_slot = engine.executor().applied_slot();
  return {};
}

// What a person has left out, now or at an earlier start, joins what the snapshot knows of.
Status TakeSkips(persist::Fs& fs, const BootOptions& options, state::Executor& executor,
                 BootReport* report) {
  const cluster::Slot applied = executor.applied_slot();
  cluster::SkipList skips = executor.skips();
  persist::MarkFile file(&fs, options.dir, "skips");
  TRY(file.Load());
  TRY(file.KeepBoth());
  if (file.damaged() && !file.value())
    return Fail(Errc::kCorruption, options.dir +
                                       "/skips: both copies are damaged, and what they "
                                       "had left out is not known");
  std::string before;
  if (file.value()) {
    before = *file.value();
    cluster::SkipList kept;
    Reader reader(before);
    TRY(kept.Decode(&reader));
    // It was written behind the snapshot: what that has of slots to come may have been taken back.
    if (!skips.ReplaceAbove(applied, kept))
      return Fail(Errc::kLimit, options.dir + "/skips: too many entries are left out");
  }
  for (const cluster::SkipWord& word : options.skip_slots) {
    const cluster::Skip* known = skips.Find(word.skip.slot);
    if (known != nullptr && !word.keep && *known == word.skip) continue;
    if (word.skip.slot <= applied)
      return Fail(Errc::kInvalidArgument,
                  "skip-slot: slot " + std::to_string(word.skip.slot) +
                      " is applied here already (the state is that of slot " +
                      std::to_string(applied) + "), so it can't be " +
                      (word.keep ? "taken back" : "left out") + " any more" +
                      (executor.members().alone()
                           ? ""
                           : "; if the other members leave it out, set this data directory aside "
                             "and start this one with an empty one, --cluster-take-place yes and "
                             "the same skip-slot"));
    if (word.keep) {
      skips.Remove(word.skip.slot);
    } else if (!skips.Set(word.skip)) {
      return Fail(Errc::kLimit, "skip-slot: too many entries are left out already");
    } else {
      report->notes.push_back("skip-slot " + cluster::SkipText(word.skip) +
                              ": this entry will be left out, on every start from now on");
    }
  }
  std::string after;
  skips.Encode(&after);
  if (after != before && !(skips.empty() && before.empty())) TRY(file.WriteBoth(after));
  executor.SetSkips(std::move(skips));
  return {};
}

// Empty: nobody contradicts.
Result<std::string> DivergenceOf(persist::Fs& fs, const std::string& dir) {
  const std::string path = dir + kDivergedFile;
  if (!fs.Exists(path)) return std::string();
  ASSIGN_OR_RETURN(std::string text, persist::ReadFile(fs, path, kDivergedBytesMax));
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? "a majority contradicted the state here" : text;
}

// Applies what the log knows to be chosen; stops before a slot whose record is damaged (the log
// does not have it), and before one that can't be applied: *halt says why.
Status Replay(const BootOptions& options, cluster::LogStore& log, cluster::Slot last,
              Engine& engine, BootReport* report, std::string* halt) {
  state::Executor& executor = engine.executor();
  while (executor.applied_slot() < last) {
    auto entries = log.ReadRange(executor.applied_slot() + 1, last, kReplayBytes);
    if (!entries) return std::unexpected(entries.error());
    if (entries->empty()) return {};
    for (const paxos::Accepted& entry : *entries) {
      TRY(GoOn(options));
      if (const Status can = executor.CanApply(entry.slot, entry.value); !can) {
        *halt = can.error().detail;
        return {};
      }
      executor.Apply(entry.slot, entry.value, true);
      ++report->replayed;
      Breathe();
    }
  }
  return {};
}

// Without a sound snapshot a log that begins with slot 1 holds all that there was. The damaged ones
// go out of the way: nothing may be cut off the log for their sake.
Status GoOnWithoutSnapshot(const Error& damaged, const cluster::LogStoreOptions& log,
                           const cluster::RecoveredLog& recovered, Storage* storage,
                           BootReport* report) {
  const bool whole =
      recovered.existed && recovered.floor == 0 && log.durability != cluster::Durability::kMemory;
  if (!whole) return std::unexpected(damaged);
  REACH("state from the log alone: no snapshot is sound");
  report->notes.push_back(damaged.detail + "; the state comes from the log, which is whole");
  return storage->snapshots->SetAllAside();
}

// Up to the slot that the log knows to be chosen, its newest records are what was chosen. A
// snapshot that reaches further came from a peer, or became durable before this log's own records
// did: what the log has of these slots may be votes that nobody else gave. The floor says so on
// disk before the log can call them chosen: without the snapshot no later start may go on from
// them. What the only voter voted for is chosen; only records that are not there can't be trusted.
Status DistrustBehindSnapshot(const state::Executor& executor, cluster::LogStore& log,
                              cluster::RecoveredLog* recovered) {
  const cluster::Slot snapshot_slot = executor.applied_slot();
  const cluster::Slot trusted = executor.members().alone()
                                    ? std::max(recovered->chosen, recovered->last_slot)
                                    : recovered->chosen;
  if (snapshot_slot <= trusted || Planted(Bug::kStaleVoteBehindSnapshot)) return {};
  return log.RaiseFloor(snapshot_slot, recovered);
}

// Revisions that an entry may have taken, at the very most: items, and keys that went with a tick.
constexpr uint64_t kRevisionsPerSlot = 1 << 16;

// A slot that this node alone could tell, and cannot: nothing can be done before a person decides.
Status LookAtDamage(const BootOptions& options, const std::string& wal_dir, cluster::LogStore& log,
                    state::Executor& executor, cluster::RecoveredLog* recovered,
                    BootReport* report) {
  const cluster::Slot applied = executor.applied_slot();
  const auto& unknown = recovered->unknown;
  const auto first = std::upper_bound(unknown.begin(), unknown.end(), applied);
  if (first == unknown.end()) {
    if (options.cut_at_slot != 0)
      report->notes.push_back("wal-cut-at-slot " + std::to_string(options.cut_at_slot) +
                              ": no slot of the log is damaged, nothing was cut");
    return {};
  }
  if (!executor.members().alone()) return {};  // the others have it
  const cluster::Slot slot = *first;
  const cluster::Slot last = std::max(recovered->last_slot, unknown.back());
  std::string where = wal_dir;
  for (const cluster::RecoveredLog::Damage& damage : recovered->damage)
    if (damage.low <= slot && slot <= damage.high) where = wal_dir + "/" + damage.where;
  const std::string lost = std::to_string(last - slot + 1);
  if (options.cut_at_slot == slot) {
    TRY(log.Cut(slot, executor.revision() + (last - slot + 1) * kRevisionsPerSlot, recovered));
    report->notes.push_back("wal-cut-at-slot: the log was cut before slot " + std::to_string(slot) +
                            " (" + where + "): " + lost + " entries, up to slot " +
                            std::to_string(last) + ", are given up and lost");
    return {};
  }
  const std::string at = std::to_string(slot);
  report->notes.push_back(
      "HALTED: slot " + at + " of the log can't be read (" + where +
      "), and there is no other member to repair it from. The state is good up to slot " +
      std::to_string(slot - 1) + "; " + std::to_string(last - slot) +
      " later entries, up to slot " + std::to_string(last) +
      ", can't be applied without it. Commands are answered with an error; only clients that send "
      "READONLY can read what there is.");
  report->notes.push_back(
      "What can be done: stop the server and put back a good copy of this file, or of the whole "
      "directory; or start it once with --wal-cut-at-slot " +
      at + ", which gives up slot " + at + " and all behind it (" + lost + " entries) for ever");
  return {};
}

// How far the log goes without a gap; a slot whose record is damaged is there.
cluster::Standing HeldBy(const paxos::Recovered& recovered) {
  cluster::Standing held{recovered.promised, recovered.applied_up_to};
  auto accepted = recovered.accepted.begin();
  auto unknown = recovered.unknown.begin();
  for (const paxos::Accepted& entry : recovered.accepted)
    held.ballot = std::max(held.ballot, entry.ballot);
  for (;; ++held.slot) {
    const cluster::Slot next = held.slot + 1;
    while (accepted != recovered.accepted.end() && accepted->slot < next) ++accepted;
    while (unknown != recovered.unknown.end() && *unknown < next) ++unknown;
    const bool there = (accepted != recovered.accepted.end() && accepted->slot == next) ||
                       (unknown != recovered.unknown.end() && *unknown == next);
    if (!there && next > recovered.chosen_hint) return held;
  }
}

// Who this start is, and what is known of the other members.
Status FindLife(persist::Fs& fs, TaskRunner& tasks, const BootOptions& options,
                const paxos::Recovered& log, const std::optional<cluster::LocalMark>& mark,
                const state::Executor& executor, Storage* storage, cluster::NodeConfig* config,
                BootReport* report) {
  persist::Identity identity = options.identity;
  const bool alone = executor.members().alone();
  cluster::OwnLife& life = config->life;
  const uint64_t used = executor.LatestBoot(identity.node_id);
  if (used >= identity.boot) {
    REACH("the log holds a later boot than the identity");
    report->notes.push_back("the log holds writes of boot " + std::to_string(used) +
                            " of this node, and its identity is of boot " +
                            std::to_string(identity.boot) + ": it goes on with a later one");
    identity.boot = used + 1;
    if (!alone && !identity.set_back) {
      identity.set_back = true;
      identity.set_back_why = "its identity is older than its log";
    }
  }
  life.accepts_loss = options.accept_loss && !identity.loss_accepted;
  if (options.accept_loss && identity.loss_accepted)
    report->notes.push_back(
        "cluster-accept-loss has been used already, and holds once: take it out of the "
        "configuration");
  if (life.accepts_loss && !alone)
    report->notes.push_back(
        "cluster-accept-loss: if a majority of the voters was set back, they vote again, and what "
        "only they had acknowledged is lost. Take it out of the configuration when the cluster has "
        "a leader");
  if (!options.accept_loss) identity.loss_accepted = false;
  if (identity != options.identity) TRY(persist::IdentityFile::Update(fs, options.dir, identity));
  life.node = identity.node_id;
  life.boot = identity.boot;
  life.nonce = identity.nonce;
  config->paxos.life = identity.nonce;
  life.feature_version = config->feature_version;
  life.held = HeldBy(log);
  life.set_back = identity.set_back;
  life.why = identity.set_back_why;
  life.recovered_boot = identity.recovered_boot;
  life.loss_used = identity.loss_accepted;
  config->boot = static_cast<uint32_t>(identity.boot);
  if (alone) return {};
  std::string note;
  ASSIGN_OR_RETURN(storage->members, cluster::MemberStore::Open(&fs, &tasks, options.dir, identity,
                                                                &config->member_records, &note));
  if (!note.empty()) report->notes.push_back(note);
  if (mark && !cluster::DecodeAcknowledged(mark->members, &config->member_records))
    report->notes.push_back("what other members acknowledged can't be read from the log's mark");
  config->member_store = storage->members.get();
  return {};
}

// The leases that an earlier life of this node granted still bind it, whatever this one's setting.
Result<int64_t> KeepLongestLease(const BootOptions& options, bool alone, cluster::LogStore& log,
                                 const cluster::RecoveredLog& recovered, BootReport* report) {
  const int64_t lease_ns = options.node.paxos.lease_ns;
  if (alone) return lease_ns;
  if (lease_ns > recovered.lease_ns) TRY(log.RecordLease(lease_ns));
  const int64_t longest_ns = std::max(lease_ns, recovered.lease_ns);
  if (longest_ns > lease_ns)
    report->notes.push_back("cluster-lease-ms was " + std::to_string(longest_ns / 1'000'000) +
                            " before: a lease of that length may still run, so this node neither "
                            "leads nor lets others lead for so long");
  return longest_ns;
}

Result<std::vector<paxos::Accepted>> AcceptedAbove(cluster::LogStore& log, cluster::Slot applied,
                                                   const cluster::RecoveredLog& recovered) {
  std::vector<paxos::Accepted> accepted;
  for (cluster::Slot slot = std::max(applied + 1, recovered.first_slot);
       slot <= recovered.last_slot; ++slot) {
    if (!log.Has(slot)) continue;
    ASSIGN_OR_RETURN(paxos::Accepted entry, log.Read(slot));
    accepted.push_back(std::move(entry));
  }
  return accepted;
}

// The log behind the snapshot that was restored; *recovered is what it holds.
Status OpenLog(persist::Fs& fs, TaskRunner& tasks, BootOptions& options,
               const std::optional<Error>& damaged_snapshots, const state::Executor& executor,
               Storage* storage, cluster::RecoveredLog* recovered, BootReport* report) {
  const cluster::Slot applied = executor.applied_slot();
  const cluster::LogStoreOptions& log = options.log;
  ASSIGN_OR_RETURN(storage->log, cluster::LogStore::Open(&fs, &tasks, options.dir, log, recovered));
  if (!options.identity.log_created && log.durability != cluster::Durability::kMemory) {
    options.identity.log_created = true;
    TRY(persist::IdentityFile::Update(fs, options.dir, options.identity));
  }
  if (damaged_snapshots)
    TRY(GoOnWithoutSnapshot(*damaged_snapshots, log, *recovered, storage, report));
  for (std::string& line : recovered->report) report->notes.push_back(std::move(line));
  if (recovered->torn_bytes > 0)
    report->notes.push_back("cut " + std::to_string(recovered->torn_bytes) +
                            " bytes of an unfinished write at the log's end");
  if (recovered->floor > applied && !Planted(Bug::kStartBelowFloor)) {
    return Fail(Errc::kCorruption,
                "the log begins behind slot " + std::to_string(recovered->floor) +
                    " but the newest readable snapshot ends at slot " + std::to_string(applied));
  }
  return DistrustBehindSnapshot(executor, *storage->log, recovered);
}

Result<paxos::Recovered> PaxosStateOf(const BootOptions& options, cluster::LogStore& log,
                                      const cluster::RecoveredLog& recovered,
                                      const state::Executor& executor, BootReport* report) {
  const cluster::Slot applied = executor.applied_slot();
  paxos::Recovered state;
  state.promised = recovered.promised;
  state.applied_up_to = applied;
  state.compacted_up_to = std::min(recovered.floor, applied);
  state.chosen_hint = std::max(recovered.chosen, applied);
  ASSIGN_OR_RETURN(state.accepted, AcceptedAbove(log, applied, recovered));
  for (cluster::Slot slot : recovered.unknown)
    if (slot > applied) state.unknown.push_back(slot);
  // Who lost its log may have granted a lease in it.
  state.restarted = recovered.existed || options.identity.set_back;
  ASSIGN_OR_RETURN(state.longest_lease_ns,
                   KeepLongestLease(options, executor.members().alone(), log, recovered, report));
  return state;
}

cluster::NodeConfig ConfigOf(const BootOptions& options, const cluster::RecoveredLog& recovered,
                             const Engine& engine) {
  cluster::NodeConfig config = options.node;
  config.paxos.self = options.identity.node_id;
  // A node alone has nobody to give way to when its disk takes nothing.
  const cluster::AppliedMembers& members = engine.executor().members();
  if (members.alone()) config.paxos.stall_ns = INT64_MAX;
  config.paxos.members = members.Roles();
  config.seed = options.seed;
  config.weak_durability = options.log.durability != cluster::Durability::kAlways;
  config.reserved_revision = recovered.reserved;
  for (const auto& [name, value] : engine.configuration().ClusterSeeds()) {
    const std::string_view args[] = {name, value};
    std::string item;
    cluster::AppendItem({.kind = cluster::ItemKind::kSetting}, args, &item);
    config.first_items.push_back(std::move(item));
  }
  return config;
}

// The elapsed clock goes on: by this machine's own clock while it has not been restarted, else, for
// a node alone, by the wall time that passed, 30 days at most. Not if another's entries came after
// the mark: what their leader logged holds.
void ContinueClocks(const cluster::LocalMark& mark, const Clock& clock, bool alone,
                    cluster::Slot applied, cluster::Node& node) {
  const int64_t now = clock.MonotonicNs();
  const bool same_run = mark.boot == clock.MachineBootId() && mark.monotonic_ns <= now;
  if (alone)
    node.parts().clock.ContinueWall(mark.wall_ms +
                                    (same_run ? (now - mark.monotonic_ns) / 1'000'000 : 0));
  if (same_run) {
    if (alone || mark.slot >= applied)
      node.parts().clock.ContinueElapsed(mark.elapsed_ms, mark.monotonic_ns, mark.slot);
  } else if (alone) {
    const int64_t passed_ms = clock.WallMs() - mark.wall_ms;
    node.parts().clock.ContinueElapsed(
        mark.elapsed_ms + std::clamp<int64_t>(passed_ms, 0, cluster::WallClock::kLeapMaxMs), now,
        mark.slot);
  }
}

}  // namespace

Status NoteDivergence(persist::Fs& fs, const std::string& dir, const std::string& reason) {
  const std::string path = dir + kDivergedFile;
  ASSIGN_OR_RETURN(const auto file, fs.Open(path + ".tmp", persist::OpenMode::kCreate));
  TRY(file->WriteAt(0, reason + "\n"));
  TRY(file->Sync());
  TRY(fs.Rename(path + ".tmp", path));
  return fs.SyncDir(dir);
}

Result<BootReport> Boot(persist::Fs& fs, TaskRunner& wal_tasks, TaskRunner& snapshot_tasks,
                        const Clock& clock, BootOptions options, cluster::Transport& transport,
                        Engine& engine, Storage* storage) {
  BootReport report;
  ASSIGN_OR_RETURN(storage->snapshots,
                   persist::SnapshotStore::Open(&fs, &snapshot_tasks, options.dir + "/snapshots"));
  engine.executor().SetSupportedVersion(options.node.feature_version);
  engine.executor().BeginMembers(options.genesis.FirstRecord());
  std::optional<Error> damaged;
  TRY(RestoreNewest(options, storage, engine, &report, &damaged));
  const cluster::AppliedMembers& members = engine.executor().members();
  TRY(CheckGenesis(options.dir, options.identity.cluster_id, options.genesis, members.record()));
  TRY(TakeSkips(fs, options, engine.executor(), &report));
  ASSIGN_OR_RETURN(const std::string diverged, DivergenceOf(fs, options.dir));

  options.log.must_exist = options.identity.log_created;
  options.log.salt = HashBytes(options.identity.cluster_id, options.identity.node_id);
  cluster::RecoveredLog recovered;
  TRY(OpenLog(fs, wal_tasks, options, damaged, engine.executor(), storage, &recovered, &report));
  std::string halt;
  TRY(Replay(options, *storage->log, recovered.chosen, engine, &report, &halt));
  TRY(LookAtDamage(options, options.dir + "/wal", *storage->log, engine.executor(), &recovered,
                   &report));

  const cluster::Slot applied = engine.executor().applied_slot();
  ASSIGN_OR_RETURN(paxos::Recovered paxos_state,
                   PaxosStateOf(options, *storage->log, recovered, engine.executor(), &report));
  cluster::NodeConfig config = ConfigOf(options, recovered, engine);
  TRY(FindLife(fs, snapshot_tasks, options, paxos_state, recovered.mark, engine.executor(), storage,
               &config, &report));
  auto node = std::make_unique<cluster::Node>(config, clock, *storage->log, engine.executor(),
                                              *storage->snapshots, transport, engine,
                                              std::move(paxos_state));
  if (recovered.mark) ContinueClocks(*recovered.mark, clock, members.alone(), applied, *node);
  engine.SetNode(std::move(node));
  if (!diverged.empty()) {
    engine.node().Halt(cluster::HaltCause::kDiverged, diverged);
  } else if (!halt.empty()) {
    engine.node().Halt(cluster::HaltCause::kCannotApply, halt);
  }
  return report;
}

}  // namespace clustron::server

// The replicated state machine: log entries in, changes of the store and replies out. Everything
// that outlives a command is in here or in the store: sessions, digest, ballots, clocks, settings,
// membership.
//
// INVARIANT: state and digest are functions of the applied entries alone. No clock, no random
// source, no address, no local setting is looked at while an entry is applied. THREAD: core loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "cluster/log/entry.h"
#include "cluster/membership/applied_members.h"
#include "cluster/node/read_rounds.h"
#include "cluster/node/state_machine.h"
#include "commands/core/context.h"
#include "commands/core/registry.h"
#include "resp/reply_output.h"
#include "state/apply_news.h"
#include "state/item_sessions.h"
#include "state/own_call.h"
#include "state/wait_server.h"
#include "store/keyspace/store.h"

namespace clustron::state {

// Told of this node's own items as they are applied. THREAD: core loop.
class ApplySink {
 public:
  virtual ~ApplySink() = default;
  // The item of this number is next: what its connection has waiting before it is answered first,
  // on the state as it is now.
  virtual OwnCall BeginOwnItem(uint64_t sequence) = 0;
  // It is applied, and answered if somebody waits; or its client `waits` from now on (WaitSink), by
  // this number. Follows each BeginOwnItem.
  virtual void EndOwnItem(uint64_t sequence, bool waits) = 0;
};

// Told of commands inside EXEC, ONCE, TXN … of this node's own clients, for statistics only: what
// it returns reaches nothing but itself.
class InnerCallCounter {
 public:
  struct Start {
    int64_t ns = 0;
    uint64_t errors = 0;
  };
  virtual ~InnerCallCounter() = default;
  virtual Start BeginInner() = 0;
  // `ctx` as the command left it; `of_exec`: EXEC ran it.
  virtual void EndInner(const commands::Context& ctx, bool of_exec, const Start& start,
                        std::string_view reply) = 0;
};

// Told of every entry that was applied, replays included: for the simulator's checkers.
class ApplyTracer {
 public:
  virtual ~ApplyTracer() = default;
  virtual void OnApplied(cluster::Slot slot, const paxos::Value& value, uint64_t digest) = 0;
};

class Executor final : public cluster::StateMachine, public commands::Nested, private WaitRunner {
 public:
  // `seed`: of the cluster, chosen at formation.
  explicit Executor(uint64_t seed);
  ~Executor() override;

  // Who is told. `own`: this node's session of this start.
  void Attach(cluster::Session own, cluster::ApplyListener* listener, ApplySink* sink,
              commands::ServerPort* server);

  // This node's items are of another session from now on.
  void SetOwnSession(cluster::Session own) {
    own_ = own;
    waits_.SetOwn(own);
  }

  // Who is told of changes: this node's observer, and watches with their history.
  ApplyNews& news() { return news_; }
  // Told of this node's own clients that wait.
  void SetWaitSink(WaitSink* sink) { waits_.SetSink(sink); }

  void SetInnerCallCounter(InnerCallCounter* counter) { inner_calls_ = counter; }

  void SetTracer(ApplyTracer* tracer) { tracer_ = tracer; }
  // For tests: how many keys that are due an entry removes. The same on all nodes.
  void SetExpirePerEntry(size_t keys) { expire_per_entry_ = keys; }

  // Who the members are before anything is applied: as the genesis says.
  void BeginMembers(cluster::ConfigRecord first) { members_.BeginWith(std::move(first)); }
  // The highest feature version that this program is to know, if not its own: for tests.
  void SetSupportedVersion(uint16_t version) { supported_version_ = version; }
  uint64_t seed() const { return seed_; }
  uint16_t supported_version() const { return supported_version_; }

  store::Store& store() { return *store_; }
  const store::Store& store() const { return *store_; }
  commands::ServerPort* server() const { return server_; }

  // --- cluster::StateMachine -------------------------------------------------------------------
  Status CanApply(cluster::Slot slot, const paxos::Value& value) const override;
  Status CanTake(const cluster::ItemHeader& header, std::string_view item) const override;
  void Apply(cluster::Slot slot, const paxos::Value& value, bool recovering) override;
  cluster::Slot applied_slot() const override { return applied_slot_; }
  uint64_t NextSequence(cluster::Session session) const override { return sessions_.Next(session); }
  uint32_t LatestBoot(cluster::NodeId node) const override { return sessions_.LatestBoot(node); }
  cluster::Ballot newest_noop() const override { return noop_ballot_; }
  const cluster::Leaderships& leaderships() const override { return leaderships_; }
  int64_t elapsed_ms() const override { return store_->elapsed_ms(); }
  int64_t wall_ms() const override { return store_->wall_ms(); }
  int64_t NextDueElapsedMs() const override { return store_->NextDueElapsedMs(); }
  int64_t NextDueWallMs() const override { return store_->NextDueWallMs(); }
  // At once, if the last entry left locks to be handed over, or an index to be built.
  int64_t NextWaitEndMs() const override;
  std::vector<cluster::Session> ServedWaiters() const override;
  uint64_t digest() const override { return digest_; }
  const cluster::DigestLog& digests() const override { return digests_; }
  void ForgetDigestsBelow(cluster::Slot slot) override { digests_.ForgetBelow(slot); }
  const cluster::AppliedMembers& members() const override { return members_; }
  const cluster::SkipList& skips() const override { return skips_; }
  // From a person, at a start, for slots that are not applied yet.
  void SetSkips(cluster::SkipList skips) {
    skips_ = std::move(skips);
    skips_said_ = true;
  }
  uint64_t revision() const override { return store_->revision(); }
  uint64_t SizeBytes() const override { return store_->used_bytes(); }
  uint16_t feature_version() const override { return feature_version_; }
  void ForEachLease(const std::function<void(const LeaseInfo&)>& visit) const override;
  void ForEachLockPart(const std::function<void(const LockPart&)>& visit) const override;
  std::unique_ptr<cluster::SnapshotSource> BeginSnapshot() override;
  std::unique_ptr<cluster::SnapshotRestore> BeginRestore(persist::File& file) override;
  std::unique_ptr<cluster::SnapshotRestore> BeginCheck(persist::File& file,
                                                       cluster::Slot slot) const override;
  // The snapshot begun last is on disk; the state is a snapshot's.
  void SnapshotSaved() { saved_revision_ = snapshot_revision_; }
  void SnapshotLoaded() {
    saved_revision_ = revision();
    waits_.OnReplaced();
    const uint64_t told = std::exchange(replaced_revision_, std::nullopt).value_or(0);
    if (news_.changes().sink() != nullptr) news_.changes().sink()->OnReplaced(told);
    members_.Settle();
  }
  // Up to where watches are told all there is: while a snapshot is being loaded, the state that it
  // replaces.
  uint64_t told_revision() const { return replaced_revision_.value_or(revision()); }
  // How far back revision() was then, but for numbers left out: for INFO.
  uint64_t changes_since_save() const { return revision() - saved_revision_; }

  // --- commands::Nested ------------------------------------------------------------------------
  bool Run(commands::Args args, resp::ReplyWriter& reply, commands::Context& outer) override;

  // --- Outside entries -------------------------------------------------------------------------

  using Caller = commands::Caller;
  using Verdict = commands::Verdict;
  // A command of class kRead, kLocal or kLeader, on the state as it is.
  Verdict RunHere(const commands::CommandSpec& spec, commands::Args args, const Caller& caller,
                  resp::ReplyOutput* out);
  // True if a read under this grant could see a key that is due by the grant's clocks but not by
  // the applied ones: then a tick must be applied first.
  bool NeedsTick(const commands::CommandSpec& spec, commands::Args args, int db,
                 const cluster::ReadGrant& grant) const;

  // --- The inline path -------------------------------------------------------------------------

  // Begins the turn's entry if none is open. `slot` is what it will have in the log. Where nobody
  // ever reads the log (durability memory), its items need not be written down: without
  // `keep_items` the entry tells the clocks only.
  void OpenInline(cluster::Slot slot, int64_t elapsed_ms, int64_t wall_ms, bool keep_items);
  bool inline_open() const { return inline_.open; }
  size_t inline_bytes() const { return inline_.open ? inline_.bytes.size() : 0; }
  // Applies a write within the open entry and logs it if it changed something. ServeWaiting follows
  // when it is answered. False: it would wait, which needs an item of a session; it has done and
  // replied nothing.
  bool RunInline(const commands::CommandSpec& spec, commands::Args args, const Caller& caller,
                 uint8_t verdicts, resp::ReplyOutput* out);
  // Behind an item: hands locks over, then serves who waits for keys, then tells watches. The lock
  // first: else who waits for a key that it guards would come between.
  void ServeWaiting() {
    if (!waits_.locks().idle() || !waits_.idle()) return FollowUp();
    news_.changes().EndShort();
  }
  // The server's own item within the open entry (lease ends, snapshot marks).
  void RunInlineItem(std::string_view item);
  // Ends it. Empty: nothing needs logging, and the slot is not used up. `flags`: EntryFlag.
  std::string SealInline(uint16_t flags);

  // The bytes of everything in here that is not in the store, for snapshots.
  void EncodeTables(std::string* out) const;
  Status DecodeTables(std::string_view bytes);
  Status DecodeDigests(std::string_view bytes) { return digests_.Decode(bytes); }

  // Frees what was set aside, and so on: see Store::Upkeep.
  bool Upkeep(size_t budget) { return store_->Upkeep(budget); }
  // Units of work that an item may cause (base/work_meter.h): a rule of the feature version, the
  // same everywhere. Tests and the simulator set it, for all nodes alike.
  static constexpr uint64_t kItemWorkMax = 500'000'000;
  void SetItemWorkMax(uint64_t units) { item_work_max_ = units; }

  // The words of the item being applied, until the next one.
  commands::Args item_args() const { return args_; }
  // Since the start.
  struct ItemCounts {
    uint64_t applied = 0;
    uint64_t skipped = 0;
  };
  const ItemCounts& items() const { return items_; }

 private:
  // Of a reply that nobody waits for: enough for what the digest takes.
  static constexpr size_t kDiscardedBytes = 64;

  struct InlineEntry {
    bool open = false;
    bool must_log = false;
    bool keep_items = false;
    cluster::Slot slot = 0;
    uint32_t count = 0;
    int64_t elapsed_ms = 0;
    int64_t wall_ms = 0;
    std::string bytes;
  };

  // What its items have of their entry: seeds, and a part of the digest.
  struct EntryAtHand {
    EntryAtHand(uint64_t cluster_seed, cluster::Slot of)
        : slot(of), seed(Mix64(cluster_seed ^ of)), digest(Mix64(of)) {}
    uint64_t ItemSeed() const { return Mix64(seed + item_index); }

    cluster::Slot slot;
    uint64_t seed;
    uint64_t digest;
    uint32_t item_index = 0;
  };

  bool IsVoid(const paxos::Value& value) const;
  void BeginLeadership(cluster::Slot slot, const paxos::Value& value);
  Status CheckClock(cluster::Slot slot, const paxos::Value& value) const;
  void EndEntry(cluster::Slot slot);
  void ApplyBatch(std::string_view payload);
  int64_t WallOf(int64_t wall_ms) const;
  void ReserveRevisions(uint64_t at_least);
  void RaiseVersion(uint16_t version);
  void ApplyItem(const cluster::ItemHeader& header);
  // True if its session number is the next.
  bool TakeSequence(const cluster::ItemHeader& header);
  // True: its client waits.
  bool ApplyCommand(const cluster::ItemHeader& header, const OwnCall& call);
  void ApplySystem(const cluster::ItemHeader& header);
  // What came of a command at the top of an item, or of a waiter's.
  struct Executed {
    uint64_t reply_summary = 0;  // what the digest takes from its reply
    std::optional<commands::Verdict::Wait> wait = {};
    std::vector<std::string> rest = {};  // as the verdict has it
  };
  // What a command has of its item.
  struct ItemFacts {
    uint8_t flags = 0;  // commands::ItemFlag
    uint64_t seed = 0;  // of its random numbers
  };
  // Within the budget of one item.
  Executed Execute(const commands::CommandSpec& spec, commands::Args args, const Caller& caller,
                   const ItemFacts& item, resp::ReplyOutput* out);
  Executed ExecuteItem(const commands::CommandSpec& spec, commands::Args args, const Caller& caller,
                       uint8_t item_flags, resp::ReplyOutput* out);

  void FollowUp() {
    if (waits_.locks().ready()) {
      news_.EndRevision();  // grants have revisions of their own
      Chain(waits_.locks().HandOver());
    }
    waits_.ServeReady();
    news_.EndRevision();
  }
  // WaitRunner
  bool RunServed(const store::Wait& wait, const OwnCall& call) override;
  void ExpireDue(uint16_t entry_flags);
  void Chain(uint64_t value);
  void ChainItem(uint64_t what, int db, uint64_t reply_summary);

  uint64_t seed_;
  uint16_t supported_version_ = cluster::SupportedFeatureVersion();
  std::unique_ptr<store::Store> store_;
  WaitServer waits_{*store_, *this};
  ApplyNews news_{waits_, *store_};
  const commands::Registry& registry_;
  cluster::Session own_;
  ApplySink* sink_ = nullptr;
  ApplyTracer* tracer_ = nullptr;
  InnerCallCounter* inner_calls_ = nullptr;
  bool count_inner_ = false;  // the command that is running is one of this node's clients
  commands::ServerPort* server_ = nullptr;

  // Replicated.
  cluster::Slot applied_slot_ = 0;
  cluster::Ballot noop_ballot_;  // of the highest own-ballot no-op applied: earlier ones are void
  cluster::Leaderships leaderships_;
  uint64_t digest_ = 0;
  uint16_t feature_version_ = cluster::kFirstFeatureVersion;
  // The last entry removed as many keys as an entry may: there may be more that are due.
  bool due_left_ = false;
  ItemSessions sessions_;
  cluster::DigestLog digests_;
  cluster::SkipList skips_;
  bool skips_said_ = false;  // by this start: no snapshot knows better of slots to come
  cluster::AppliedMembers members_;

  // Of the entry at hand.
  EntryAtHand entry_{0, 0};
  bool recovering_ = false;

  InlineEntry inline_;
  std::vector<std::string_view> args_;            // reused
  resp::ReplyPrefix discarded_{kDiscardedBytes};  // a reply that nobody waits for
  uint64_t item_work_max_ = kItemWorkMax;
  ItemCounts items_;
  uint64_t nested_count_ = 0;  // within the item at hand
  uint64_t local_seed_ = 0;
  // A mass expiry is spread over ticks instead of stalling one apply.
  size_t expire_per_entry_ = 1000;
  uint64_t snapshot_revision_ = 0;
  uint64_t saved_revision_ = 0;
  // Of the state that a snapshot is about to replace, or several, one behind the other.
  std::optional<uint64_t> replaced_revision_;
};

}  // namespace clustron::state

#include "state/executor.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "base/hash.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/error_text.h"
#include "commands/core/errors.h"
#include "commands/core/guard.h"
#include "commands/core/keys.h"
#include "resp/reply_writer.h"
#include "state/applying_entry.h"
#include "state/entry_check.h"
#include "state/item_budget.h"
#include "store/tables/index_table.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::state {

using cluster::ItemHeader;
using cluster::ItemKind;
using commands::CommandSpec;
using commands::Context;

namespace {

// System items in the digest: above all command ids in use.
constexpr uint64_t kSystemItem = 0xff00;
// Of the snapshot's section "state"; 2 had no feature version, 3 did not say whether due keys were
// left.
constexpr uint8_t kStateVersion = 5;

// What the digest takes from a reply: of errors the code, of integers the number.
uint64_t ReplySummary(std::string_view reply) {
  if (reply.empty()) return 0;
  if (reply[0] == ':') return HashBytes(reply.substr(0, 24), 1);
  if (reply[0] != '-') return 0;
  return HashBytes(reply.substr(0, reply.find_first_of(" \r")), 2);
}

// Of a call with options that came later than `version`, which is in force: programs of that time
// answer it with an error, and have done so in the log that is applied again.
bool CameLater(const Context& ctx, uint16_t version) {
  return version < cluster::kFeatureVersion && ctx.spec->feature_version_of != nullptr &&
         ctx.spec->FeatureVersionOf(ctx.args) > version;
}

// Where every command is run: those of items, those inside of others, those outside of entries.
// What is a write of an entry must be allowed first. `version`: in force in the entry.
void RunCommand(Context& ctx, bool write, uint16_t version) {
  if (write && ctx.item_flags() != 0 && ctx.spec->Is(commands::kDenyOom)) {
    if (ctx.item_flags() & commands::kItemDiskLow) return ctx.reply.Error(commands::kErrDiskLow);
    if (ctx.item_flags() & commands::kItemOom) return ctx.reply.Error(commands::kErrOom);
  }
  if (write && CameLater(ctx, version)) [[unlikely]] {
    REACH("options of a later feature version");
    return ctx.reply.Error(
        commands::NotKnownByAll(ctx.spec->name, ctx.spec->FeatureVersionOf(ctx.args)));
  }
  if (write && LocksOf(ctx.store).guards_any() && !commands::GuardsAllow(ctx)) return;
  ctx.spec->handler(ctx);
}

uint64_t U64At(std::string_view bytes) { return Reader(bytes).U64(); }

// Unless it has been renewed, or granted anew, since the leader asked for its end.
void EndLease(commands::Args args, store::Store& store) {
  CHECK(args.size() == 3);
  const store::Lease* lease = LeasesOf(store).Find(args[0]);
  if (lease == nullptr || lease->grant_revision != U64At(args[1])) return;
  if (lease->renewed != U64At(args[2])) {
    REACH("lease kept by an entry before its end was applied");
    return;
  }
  LeasesOf(store).End(args[0], true);
}

void EndLock(commands::Args args, store::Store& store) {
  CHECK(args.size() == 4);
  const int db = static_cast<uint8_t>(args[0][0]);
  const uint64_t token = U64At(args[2]);
  const store::Lock* lock = LocksOf(store).Find(db, args[1]);
  if (lock == nullptr) return;
  const store::LockHolder* holder = lock->Find(token);
  const store::LockTicket* ticket = lock->queue.Find(token);
  const uint64_t renewed = holder != nullptr   ? holder->renewed
                           : ticket != nullptr ? ticket->renewed
                                               : 0;
  if (renewed != U64At(args[3])) {
    REACH("lock renewed by an entry before its end was applied");
    return;
  }
  if (holder != nullptr) {
    LocksOf(store).End(db, args[1], token, store::LockEventKind::kExpired);
  } else if (ticket != nullptr && !ticket->waits()) {
    REACH("ticket of a lock expired");
    LocksOf(store).EndTicket(db, args[1], token);
  } else if (lock->delayed() && lock->delay.token == token) {
    REACH("delay of a lock over");
    LocksOf(store).EndDelay(db, args[1]);
  }
}

}  // namespace

Executor::Executor(uint64_t seed)
    : seed_(seed),
      store_(std::make_unique<store::Store>(seed)),
      registry_(commands::Registry::Get()) {
  store_->set_observer(&news_);
}

Executor::~Executor() = default;

void Executor::Attach(cluster::Session own, cluster::ApplyListener* listener, ApplySink* sink,
                      commands::ServerPort* server) {
  own_ = own;
  news_.SetListener(listener);
  sink_ = sink;
  server_ = server;
  waits_.SetOwn(own);
}

// --- Entries -------------------------------------------------------------------------------------

// A deposed leader's entry that came back behind a newer leader's promises is skipped whole.
bool Executor::IsVoid(const paxos::Value& value) const {
  return value.first_ballot < noop_ballot_ && !Planted(Bug::kStaleEntryNotVoided);
}

Status Executor::CanApply(cluster::Slot slot, const paxos::Value& value) const {
  if (const cluster::Skip* skip = skips_.Find(slot)) {
    const uint64_t hash = cluster::HashOf(value);
    if (hash == skip->hash) return {};
    return Fail(Errc::kMismatch,
                "slot " + std::to_string(slot) + " holds an entry with the hash " +
                    cluster::HashText(hash) + ", and skip-slot names one with the hash " +
                    cluster::HashText(skip->hash) + ": nothing is left out; start with skip-slot " +
                    cluster::SkipText({slot, hash}) + " to leave this one out, or with " +
                    std::to_string(slot) + ":keep to have it applied");
  }
  const bool config = value.kind == paxos::EntryKind::kConfig;
  if ((value.kind != paxos::EntryKind::kBatch && !config) || IsVoid(value)) return {};
  const std::string_view payload = paxos::BytesOf(value.payload);
  const std::string why =
      config ? members_.WhyNotNext(payload) : WhyNotApplicable(payload, supported_version_);
  if (why.empty()) return config ? Status() : CheckClock(slot, value);
  return Fail(Errc::kMismatch, "slot " + std::to_string(slot) + " can't be applied: " + why +
                                   ". A newer program may know it; to leave it out for ever, start "
                                   "every member once with --skip-slot " +
                                   cluster::SkipText({slot, cluster::HashOf(value)}));
}

void Executor::BeginLeadership(cluster::Slot slot, const paxos::Value& value) {
  if (value.first_ballot <= noop_ballot_) return;
  noop_ballot_ = value.first_ballot;
  leaderships_.Note({slot, noop_ballot_, HashBytes(paxos::BytesOf(value.payload), 0)});
}

// The elapsed clock never falls within one log.
Status Executor::CheckClock(cluster::Slot slot, const paxos::Value& value) const {
  Reader reader(paxos::BytesOf(value.payload));
  cluster::EntryHeader entry;
  if (cluster::ReadEntryHeader(&reader, &entry) && entry.elapsed_ms >= store_->elapsed_ms())
    return {};
  if (Planted(Bug::kStaleEntryNotVoided) || Planted(Bug::kChosenOutOfOrder)) return {};
  return Fail(Errc::kCorruption,
              "slot " + std::to_string(slot) +
                  " can't be applied: its clock is before that of the slots before it, so it "
                  "belongs to another log than the state here");
}

Status Executor::CanTake(const ItemHeader& header, std::string_view item) const {
  const std::string why = WhyNotTaken(header, item);
  return why.empty() ? Status() : Fail(Errc::kInvalidArgument, why);
}

void Executor::Apply(cluster::Slot slot, const paxos::Value& value, bool recovering) {
  CHECK(slot == applied_slot_ + 1 || Planted(Bug::kChosenOutOfOrder));
  CHECK(!inline_.open);
  recovering_ = recovering;
  news_.SetRecovering(recovering);
  entry_ = EntryAtHand(seed_, slot);
  if (const cluster::Skip* skip = skips_.Find(slot)) {
    REACH("entry skipped by an operator");
    Chain(skip->hash);
    EndEntry(slot);
    if (tracer_ != nullptr) tracer_->OnApplied(slot, value, digest_);
    return;
  }
  const ApplyingEntry applying(slot, value);
  switch (value.kind) {
    case paxos::EntryKind::kNoop:
      BeginLeadership(slot, value);
      break;
    case paxos::EntryKind::kFiller:
      break;
    case paxos::EntryKind::kConfig:
      if (!IsVoid(value)) {
        const Status staged = members_.Stage(paxos::BytesOf(value.payload));
        CHECK(staged.has_value());  // CanApply has looked at it
        Chain(HashBytes(paxos::BytesOf(value.payload), 0));
      }
      break;
    case paxos::EntryKind::kBatch:
      if (IsVoid(value)) {
        REACH("void entry skipped");
        break;
      }
      ApplyBatch(paxos::BytesOf(value.payload));
      break;
  }
  EndEntry(slot);
  if (tracer_ != nullptr) tracer_->OnApplied(slot, value, digest_);
}

void Executor::EndEntry(cluster::Slot slot) {
  applied_slot_ = slot;
  recovering_ = false;
  news_.SetRecovering(false);
  if (feature_version_ >= cluster::kDigestsComparable) digests_.Note(slot, digest_);
  members_.Settle();
}

void Executor::ApplyBatch(std::string_view payload) {
  Reader reader(payload);
  cluster::EntryHeader entry;
  CHECK(cluster::ReadEntryHeader(&reader, &entry));
  CHECK(entry.elapsed_ms >= store_->elapsed_ms() || Planted(Bug::kStaleEntryNotVoided) ||
        Planted(Bug::kChosenOutOfOrder));
  store_->BeginEntry(std::max(entry.elapsed_ms, store_->elapsed_ms()), WallOf(entry.wall_ms));
  waits_.locks().BeginEntry();
  for (uint32_t i = 0; i < entry.item_count; ++i) {
    ItemHeader header;
    CHECK(cluster::ReadItem(&reader, &header, &args_));
    ApplyItem(header);
  }
  CHECK(reader.Done());
  ExpireDue(entry.flags);
}

// The wall that an entry gets whose leader's clock showed `wall_ms`. It falls only if nothing is
// due by the one that is applied: until what was seen gone is removed, that one stands.
int64_t Executor::WallOf(int64_t wall_ms) const {
  const bool may_fall = feature_version_ >= cluster::kWallMayFall && !due_left_;
  if (may_fall || Planted(Bug::kWallClockFalls)) return wall_ms;
  return std::max(wall_ms, store_->wall_ms());
}

void Executor::ApplyItem(const ItemHeader& header) {
  if (header.session.node != 0 && !TakeSequence(header)) {
    ++items_.skipped;
    return;
  }
  ++items_.applied;
  ++entry_.item_index;
  nested_count_ = 0;
  const bool own = header.session.node != 0 && header.session == own_ && !recovering_;
  OwnCall call;
  if (own) {
    // Reads that wait before it run first; they may use args_.
    std::vector<std::string_view> args;
    std::swap(args, args_);
    call = sink_->BeginOwnItem(header.sequence);
    std::swap(args, args_);
  }
  bool waits = false;
  if (header.kind == ItemKind::kVoid) {
    CHECK(call.out == nullptr);  // its client was told that the outcome is not known
    Chain(1);
  } else if (header.kind == ItemKind::kCommand) {
    waits = ApplyCommand(header, call);
  } else {
    store_->BeginItem();
    ApplySystem(header);
    // A reserve is of one start, not of what clients did: the digest after a restart is as before.
    if (header.kind != ItemKind::kReserve)
      ChainItem(kSystemItem + static_cast<uint64_t>(header.kind), 0, 0);
  }
  if (own) sink_->EndOwnItem(header.sequence, waits);
  ServeWaiting();
}

bool Executor::TakeSequence(const ItemHeader& header) {
  bool begins = false;
  const ItemSessions::Found found = sessions_.Take(header, &begins);
  if (begins) {
    // A change of its own: the revision of whatever was applied before it is in no snapshot.
    store_->BeginItem();
    waits_.DropOlder({header.session.node, header.session.boot});
  }
  switch (found) {
    case ItemSessions::Found::kNext:
      return true;
    case ItemSessions::Found::kOlderBoot:
      REACH("item of an older boot skipped");
      return false;
    case ItemSessions::Found::kDuplicate:
      REACH("duplicate item skipped");
      return false;
    case ItemSessions::Found::kGap:
      REACH("gap in a session at apply");
      if (news_.listener() != nullptr)
        news_.listener()->OnGap(header.session, sessions_.Next(header.session));
      return false;
  }
  UNREACHABLE();
}

bool Executor::ApplyCommand(const ItemHeader& header, const OwnCall& call) {
  const CommandSpec* spec = registry_.ById(header.command_id);
  CHECK(spec != nullptr);  // CanApply was asked
  args_[0] = spec->name;
  discarded_.Clear();
  resp::ReplyOutput* out = call.out != nullptr ? call.out : &discarded_;
  const Caller caller{.db = header.db,
                      .resp_version = header.resp_version,
                      .user = header.user,
                      .client = call.client};
  count_inner_ = call.out != nullptr;
  Executed done = ExecuteItem(*spec, args_, caller, header.flags, out);
  if (call.rest != nullptr) *call.rest = std::move(done.rest);
  const bool waits =
      done.wait && header.session.node != 0 && waits_.Add(header, *spec, args_, *done.wait);
  if (done.wait && !waits) {
    REACH("waiter refused");
    resp::ReplyWriter(out, caller.resp_version).Error(commands::kErrTooManyWait);
    done.reply_summary = 1;
  }
  ChainItem(header.command_id, header.db, done.reply_summary);
  return waits;
}

// What is chosen is applied everywhere: it must not cost more than any node can bear. Whether an
// item stays within its budget is a function of the log: a reply's length counts on all nodes.
Executor::Executed Executor::ExecuteItem(const CommandSpec& spec, commands::Args args,
                                         const Caller& caller, uint8_t item_flags,
                                         resp::ReplyOutput* out) {
  store_->BeginItem();
  nested_count_ = 0;
  return Execute(spec, args, caller, {.flags = item_flags, .seed = entry_.ItemSeed()}, out);
}

Executor::Executed Executor::Execute(const CommandSpec& spec, commands::Args args,
                                     const Caller& caller, const ItemFacts& item,
                                     resp::ReplyOutput* out) {
  const commands::EntryView entry{*store_, recovering_, item.flags};
  resp::ReplyWriter reply(out, caller.resp_version);
  Context ctx(spec, args, caller, *store_, &entry, item.seed, reply, {this, server_});
  const store::Revision before = store_->ItemRevision();
  if (feature_version_ >= kBudgetVersion && (count_inner_ || !Planted(Bug::kBudgetWhereClientIs))) {
    BeginItemBudget(ctx, feature_version_, item_work_max_);
  }
  commands::WayBack way_back(ctx, spec.IsWide(args));
  RunCommand(ctx, /*write=*/true, feature_version_);
  way_back.Done();
  if (ctx.over_budget()) [[unlikely]] {
    if (Planted(Bug::kUndoneKeepsRevision)) store_->ReserveRevisions(store_->revision() + 1);
    REACH("item undone because its budget is used up");
    DCHECK(store_->ItemRevision() == before);
    commands::ReplyOverBudget(ctx);
    ctx.verdict.wait.reset();
    ctx.verdict.rest.clear();
  }
  return {ReplySummary(reply.head()), ctx.verdict.wait, std::move(ctx.verdict.rest)};
}

// --- Who waits -----------------------------------------------------------------------------------

bool Executor::RunServed(const store::Wait& wait, const OwnCall& call) {
  const CommandSpec* spec = registry_.ById(wait.command_id);
  CHECK(spec != nullptr);
  std::vector<std::string_view> args(wait.args.begin(), wait.args.end());
  args.insert(args.begin(), spec->name);
  discarded_.Clear();
  const Caller caller{
      .db = wait.db, .resp_version = wait.resp_version, .user = wait.user, .client = call.client};
  count_inner_ = call.out != nullptr;
  const ItemFacts item{.flags = 0, .seed = Mix64(entry_.ItemSeed() - ++nested_count_)};
  const Executed done =
      Execute(*spec, args, caller, item, call.out != nullptr ? call.out : &discarded_);
  if (done.wait) return false;
  ChainItem(spec->id, wait.db, done.reply_summary);
  return true;
}

std::vector<cluster::Session> Executor::ServedWaiters() const {
  std::vector<cluster::Session> owners;
  for (const store::WaitOwner& owner : WaitsOf(*store_).Served())
    owners.push_back({owner.node, owner.boot});
  return owners;
}

void Executor::ApplySystem(const ItemHeader& header) {
  switch (header.kind) {
    case ItemKind::kLeaseEnd:
      return EndLease(args_, *store_);
    case ItemKind::kLockEnd:
      return EndLock(args_, *store_);
    case ItemKind::kSnapshot:
      if (news_.listener() != nullptr) news_.listener()->OnSnapshotWanted();
      return;
    case ItemKind::kEndSession:
      CHECK(args_.size() == 1);
      sessions_.Forget(Reader(args_[0]).U32());
      waits_.DropOlder({Reader(args_[0]).U32(), UINT32_MAX});
      return;
    case ItemKind::kReserve:
      CHECK(args_.size() == 1);
      ReserveRevisions(U64At(args_[0]));
      return;
    case ItemKind::kRaiseVersion:
      CHECK(args_.size() == 1);
      RaiseVersion(Reader(args_[0]).U16());
      return;
    case ItemKind::kWaits: {
      const auto news = cluster::ReadWaitNews(header.session, args_);
      CHECK(news.has_value());
      waits_.Hear(*news);
      return;
    }
    case ItemKind::kSetting: {
      CHECK(args_.size() == 2);
      const OptionSpec* setting = store::FindSetting(args_[0]);
      CHECK(setting != nullptr);
      CHECK(store_->ChangeSetting(*setting, args_[1]).has_value());
      return;
    }
    case ItemKind::kCommand:
    case ItemKind::kVoid:
      break;
  }
  UNREACHABLE();
}

void Executor::RaiseVersion(uint16_t version) {
  const bool first_comparable =
      feature_version_ < cluster::kDigestsComparable && version >= cluster::kDigestsComparable;
  if (first_comparable) digest_ = 0;
  feature_version_ = std::max(feature_version_, version);
  LocksOf(*store_).set_keeps_age(feature_version_ >= cluster::kLocksQueue);
  Chain(feature_version_);
}

int64_t Executor::NextWaitEndMs() const {
  if (!waits_.locks().idle()) return store_->elapsed_ms();
  return std::min(WaitsOf(*store_).NextDueMs(),
                  IndexesOf(*store_).NextSliceMs(store_->elapsed_ms()));
}

void Executor::ExpireDue(uint16_t entry_flags) {
  store_->BeginItem();
  if (const uint64_t ended = waits_.EndDue(); ended > 0) Chain(ended);
  ServeWaiting();
  const bool no_memory = (entry_flags & cluster::kEntryNoMemory) != 0;
  if (const uint64_t built = IndexesOf(*store_).BuildSlice(no_memory); built > 0) Chain(built);
  if (Planted(Bug::kEntryFlagsIgnored) && own_.node == 2) entry_flags = 0;
  if (entry_flags & cluster::kEntryKeepsDue) {
    due_left_ = true;  // for all that is known: the store is not asked
    return;
  }
  store_->BeginItem();
  size_t limit = expire_per_entry_;
  if (Planted(Bug::kMutationDiffers) && own_.node == 2 && entry_.slot > 300) limit = 1;
  const size_t removed = store_->ExpireDue(limit);
  due_left_ = removed == limit;
  waits_.ServeReady();  // of what is gone nobody makes use
  news_.EndRevision();
  if (removed == 0) return;
  Chain(removed);
  Chain(store_->ItemRevision());
}

void Executor::Chain(uint64_t value) { digest_ = Mix64(digest_ ^ Mix64(value)); }

// What an item did, as far as that is cheap to tell: which one it was, its revision (0: it changed
// nothing), its reply's code or number, and how many keys there are now in its database.
void Executor::ChainItem(uint64_t what, int db, uint64_t reply_summary) {
  digest_ = Mix64(digest_ ^ (what << 48) ^ store_->ItemRevision() ^ reply_summary ^
                  Mix64(entry_.digest + store_->Size(db)));
}

// --- Commands inside commands --------------------------------------------------------------------

bool Executor::Run(commands::Args args, resp::ReplyWriter& reply, Context& outer) {
  if (outer.over_budget()) return false;  // whatever it does will be undone
  const uint32_t errors = reply.error_count();
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = args.empty() ? nullptr : registry_.Resolve(args, &container);
  if (spec == nullptr || !spec->Accepts(args.size())) {
    commands::ReplyBadCommand(args, container, spec, reply);
    return false;
  }
  const uint64_t seed = Mix64(outer.seed() + static_cast<uint64_t>(++nested_count_));
  Context ctx = outer.ForInner(*spec, args, seed, reply);
  const bool counted = count_inner_ && inner_calls_ != nullptr;
  const InnerCallCounter::Start start =
      counted ? inner_calls_->BeginInner() : InnerCallCounter::Start{};
  const uint64_t reply_at = reply.size();
  RunCommand(ctx, ctx.in_entry() && spec->ClassOf(args) == commands::Class::kWrite,
             feature_version_);
  if (counted) {
    const bool of_exec = outer.spec->Is(commands::kRunsQueue);
    inner_calls_->EndInner(ctx, of_exec, start, reply.since(reply_at));
  }
  outer.EndInner(ctx);
  return reply.error_count() == errors;
}

// --- Outside entries -----------------------------------------------------------------------------

Executor::Verdict Executor::RunHere(const CommandSpec& spec, commands::Args args,
                                    const Caller& caller, resp::ReplyOutput* out) {
  resp::ReplyWriter reply(out, caller.resp_version);
  const uint64_t seed = Mix64(seed_ + ++local_seed_);
  Context ctx(spec, args, caller, *store_, nullptr, seed, reply, {this, server_});
  count_inner_ = caller.client != nullptr;
  BeginReadBudget(ctx, store_->work(), item_work_max_);
  RunCommand(ctx, /*write=*/false, feature_version_);
  if (ctx.over_budget()) commands::ReplyOverBudget(ctx);
  return ctx.verdict;
}

bool Executor::NeedsTick(const CommandSpec& spec, commands::Args args, int db,
                         const cluster::ReadGrant& grant) const {
  if (Planted(Bug::kExpiryByLiveClock)) return false;
  if (store_->NextDueElapsedMs() > grant.elapsed_ms && store_->NextDueWallMs() > grant.wall_ms)
    return false;
  if (store_->elapsed_ms() >= grant.elapsed_ms && store_->wall_ms() >= grant.wall_ms) return false;
  std::vector<commands::KeyRef> keys;
  // Without keys of its own (SCAN, EXEC of reads …) it may meet anything.
  if (!commands::KeysOf(spec, args, &keys) || keys.empty()) return true;
  for (const commands::KeyRef& key : keys) {
    const store::KeyRecord* entry = store_->Find(db, args[static_cast<size_t>(key.index)]);
    if (entry != nullptr && store::DueByLive(*entry, grant.elapsed_ms, grant.wall_ms)) return true;
  }
  return false;
}

// Numbers left out are no changes.
void Executor::ReserveRevisions(uint64_t at_least) {
  const uint64_t before = revision();
  store_->ReserveRevisions(at_least);
  news_.changes().history().NoteLost(before, revision());
  snapshot_revision_ += revision() - before;
  saved_revision_ += revision() - before;
}

// --- Timers of a new leader ----------------------------------------------------------------------

void Executor::ForEachLease(const std::function<void(const LeaseInfo&)>& visit) const {
  for (const store::Lease* lease : LeasesOf(*store_).List({}, SIZE_MAX))
    visit({lease->id, lease->grant_revision, lease->renewed, lease->ttl_ms});
}

void Executor::ForEachLockPart(const std::function<void(const LockPart&)>& visit) const {
  LocksOf(*store_).ForEach([&](int db, std::string_view name, const store::Lock& lock) {
    for (const auto& [token, holder] : lock.holders)
      visit({db, name, token, holder.renewed, holder.timer_ms()});
    lock.queue.ForEach([&](store::Revision number, const store::LockTicket& ticket) {
      visit({db, name, number, ticket.renewed, ticket.ticket_ms});
      return true;
    });
    if (lock.delayed()) visit({db, name, lock.delay.token, 0, lock.delay.ms});
  });
}

// --- The inline path -----------------------------------------------------------------------------

void Executor::OpenInline(cluster::Slot slot, int64_t elapsed_ms, int64_t wall_ms,
                          bool keep_items) {
  CHECK(!inline_.open);
  CHECK(slot == applied_slot_ + 1);
  inline_.open = true;
  inline_.slot = slot;
  inline_.count = 0;
  inline_.keep_items = keep_items || tracer_ != nullptr;
  inline_.elapsed_ms = std::max(elapsed_ms, store_->elapsed_ms());
  inline_.wall_ms = WallOf(wall_ms);
  // What is seen gone must be gone for good: with something due, the clocks must reach the log.
  inline_.must_log = due_left_ || store_->NextDueElapsedMs() <= inline_.elapsed_ms ||
                     NextWaitEndMs() <= inline_.elapsed_ms ||
                     store_->NextDueWallMs() <= inline_.wall_ms;
  inline_.bytes.clear();
  cluster::AppendEntryHeader({}, &inline_.bytes);
  entry_ = EntryAtHand(seed_, slot);
  store_->BeginEntry(inline_.elapsed_ms, inline_.wall_ms);
  waits_.locks().BeginEntry();
}

bool Executor::RunInline(const CommandSpec& spec, commands::Args args, const Caller& caller,
                         uint8_t verdicts, resp::ReplyOutput* out) {
  DCHECK(inline_.open && waits_.idle());
  ++entry_.item_index;
  count_inner_ = true;
  const Executed done = ExecuteItem(spec, args, caller, verdicts, out);
  if (store_->ItemRevision() == 0) {
    --entry_.item_index;  // not logged: seeds and numbers count logged items only
    return !done.wait;
  }
  CHECK(!done.wait);
  ++items_.applied;
  if (Planted(Bug::kInlineItemNotLogged) && inline_.count == 4) return true;
  ++inline_.count;
  if (inline_.keep_items)
    cluster::AppendItem({.flags = verdicts,
                         .command_id = spec.id,
                         .db = static_cast<uint8_t>(caller.db),
                         .resp_version = static_cast<uint8_t>(caller.resp_version),
                         .user = caller.user},
                        args, &inline_.bytes);
  ChainItem(spec.id, caller.db, done.reply_summary);
  return true;
}

void Executor::RunInlineItem(std::string_view item) {
  DCHECK(inline_.open);
  Reader reader(item);
  ItemHeader header;
  CHECK(cluster::ReadItem(&reader, &header, &args_));
  CHECK(header.session.node == 0);
  ApplyItem(header);
  ++inline_.count;
  if (inline_.keep_items) inline_.bytes.append(item);
}

std::string Executor::SealInline(uint16_t flags) {
  CHECK(inline_.open);
  CHECK(waits_.idle());
  inline_.open = false;
  if (inline_.count == 0 && !inline_.must_log) return {};
  ExpireDue(flags);
  EndEntry(inline_.slot);
  cluster::PatchEntryHeader({.elapsed_ms = inline_.elapsed_ms,
                             .wall_ms = inline_.wall_ms,
                             .feature_version = feature_version_,
                             .flags = flags,
                             .item_count = inline_.keep_items ? inline_.count : 0},
                            &inline_.bytes);
  return std::move(inline_.bytes);
}

// --- Tables for snapshots ------------------------------------------------------------------------

void Executor::EncodeTables(std::string* out) const {
  Writer writer(out);
  writer.U8(kStateVersion);
  writer.U64(seed_);
  writer.U64(applied_slot_);
  writer.U64(noop_ballot_.round);
  writer.U32(noop_ballot_.node);
  writer.U64(digest_);
  writer.U16(feature_version_);
  skips_.Encode(out);
  leaderships_.Encode(out);
  writer.U8(due_left_ ? 1 : 0);
  writer.Bytes(members_.Encode());
  sessions_.Encode(&writer);
}

Status Executor::DecodeTables(std::string_view bytes) {
  Reader reader(bytes);
  const uint8_t version = reader.U8();
  if (version < 2 || version > kStateVersion)
    return Fail(Errc::kMismatch, "unknown version of the state section");
  seed_ = reader.U64();
  applied_slot_ = reader.U64();
  noop_ballot_.round = reader.U64();
  noop_ballot_.node = reader.U32();
  digest_ = reader.U64();
  feature_version_ = version < 3 ? cluster::kFirstFeatureVersion : reader.U16();
  const cluster::SkipList before = std::exchange(skips_, {});
  if (version >= 3) TRY(skips_.Decode(&reader));
  // Whoever wrote the snapshot may not have been told yet, or not yet that a slot is to be kept.
  if (skips_said_ && !skips_.ReplaceAbove(applied_slot_, before))
    return Fail(Errc::kLimit, "too many entries are left out");
  leaderships_.BeginBehind(applied_slot_);
  if (version >= 5) TRY(leaderships_.Decode(&reader));
  digests_.Clear();  // their section comes behind this one
  LocksOf(*store_).set_keeps_age(feature_version_ >= cluster::kLocksQueue);
  if (feature_version_ > supported_version_)
    return Fail(Errc::kMismatch, "the snapshot is of feature version " +
                                     std::to_string(feature_version_) +
                                     ", and this program knows up to " +
                                     std::to_string(supported_version_) + ": start a newer one");
  due_left_ = version >= 4 && reader.U8() != 0;
  TRY(members_.Stage(reader.Bytes()));
  sessions_.Decode(&reader);
  if (!reader.Done()) return Fail(Errc::kCorruption, "the state section is malformed");
  return {};
}

}  // namespace clustron::state

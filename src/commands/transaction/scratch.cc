#include "commands/transaction/scratch.h"

#include <algorithm>

#include "commands/core/error_text.h"
#include "commands/core/keys.h"
#include "commands/transaction/branch.h"
#include "commands/transaction/errors.h"
#include "resp/reply_output.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/tables/lease_table.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Store;

Scratch::Scratch() = default;
Scratch::~Scratch() = default;

void Scratch::Prepare(const Store& live) {
  if (store_ == nullptr || ++reads_ > kReadsPerStore || store_->elapsed_ms() > live.elapsed_ms() ||
      store_->seed() != live.seed()) {
    store_ = std::make_unique<Store>(live.seed());
    reads_ = 0;
  }
  store_->BeginEntry(live.elapsed_ms(), live.wall_ms());
  store_->ReserveRevisions(live.revision());
  store_->BeginItem();
}

// From behind: what writes a key that is looked at is a part of it, with all keys that it names.
Scratch::Slice Scratch::SliceOf(const CommandSpec& spec, Args read,
                                const std::vector<StagedCommand>& staged) {
  Slice slice;
  std::vector<KeyRef> refs;
  KeysOf(spec, read, &refs);
  for (const KeyRef& ref : refs) slice.keys.emplace(read[static_cast<size_t>(ref.index)]);
  for (size_t i = staged.size(); i-- > 0;) {
    const StagedCommand& one = staged[i];
    const bool seen = one.data != nullptr &&
                      std::any_of(one.writes.begin(), one.writes.end(),
                                  [&](const std::string& key) { return slice.keys.contains(key); });
    if (!seen) continue;
    slice.commands.push_back(i);
    slice.keys.insert(one.reads.begin(), one.reads.end());
    slice.keys.insert(one.writes.begin(), one.writes.end());
    slice.written.insert(one.writes.begin(), one.writes.end());
  }
  std::reverse(slice.commands.begin(), slice.commands.end());
  return slice;
}

// False: a value is too big to be both read and written.
bool Scratch::CopyKeys(Context& ctx, int db, const Slice& slice, std::vector<SeenKey>* seen) {
  for (const std::string& key : slice.keys) {
    const KeyRecord* record = ctx.store.Find(db, key);
    seen->push_back({key, record == nullptr ? 0 : record->revision()});
    if (record == nullptr) continue;
    if (slice.written.contains(key) &&
        store::ValueTypeOf(*record).stored_bytes(*record) > kValueBytesMax)
      return false;
    store_->Copy(*record, db, key, record->revision());
  }
  return true;
}

// A command may name leases anywhere (SET … LEASE id): what names none does no harm.
void Scratch::CopyLeases(const Store& live, const StagedCommand& command) {
  for (const std::string& word : command.words) {
    if (const store::Lease* lease = LeasesOf(live).Find(word)) CopyLease(*lease);
  }
}

void Scratch::CopyLease(const store::Lease& lease) {
  if (LeasesOf(*store_).Find(lease.id) != nullptr) return;
  LeasesOf(*store_).Grant(lease.id, lease.ttl_ms, lease.owner);
  leases_.push_back(lease.id);
}

// A key of a lease takes no expiry.
void Scratch::AttachKeys(const Store& live, int db, const Slice& slice) {
  for (const std::string& key : slice.written) {
    const store::Lease* lease = LeasesOf(live).LeaseOf(db, key);
    if (lease == nullptr) continue;
    CopyLease(*lease);
    LeasesOf(*store_).Attach(lease->id, db, key);
  }
}

// False: it failed, and so does the read.
bool Scratch::RunStaged(Context& ctx, int db, const StagedCommand& command, size_t i) {
  CopyLeases(ctx.store, command);
  std::vector<std::string_view> words(command.words.begin(), command.words.end());
  const Args data = Args(words).subspan(command.data_at);
  resp::ReplyPrefix reply_bytes(64);
  resp::ReplyWriter reply(&reply_bytes, ctx.reply.version());
  const EntryView entry{.store = *store_};
  const Caller caller{
      .db = db, .resp_version = ctx.reply.version(), .user = ctx.caller.user, .client = nullptr};
  store_->BeginItem();
  Context run(*command.data, data, caller, *store_, &entry, ctx.seed() + i, reply);
  run.work = &store_->work();
  command.data->handler(run);
  if (run.over_budget()) {
    ctx.reply.Error(kErrTxnMuchWork);
    return false;
  }
  if (reply.error_count() == 0) return true;
  ReplyFailed(ctx.reply, reply.LastError(0), data, i, "");
  return false;
}

bool Scratch::WrittenAreSmall(int db, const Slice& slice) const {
  return std::all_of(slice.written.begin(), slice.written.end(), [&](const std::string& key) {
    const KeyRecord* record = store_->Find(db, key);
    return record == nullptr || store::ValueTypeOf(*record).stored_bytes(*record) <= kValueBytesMax;
  });
}

void Scratch::Clean(int db, const Slice& slice) {
  store_->BeginItem();
  for (const std::string& id : leases_) LeasesOf(*store_).End(id, false);
  leases_.clear();
  for (const std::string& key : slice.keys) {
    store::Mutation m = store_->Modify(db, key);
    if (!m.exists()) continue;
    m.Delete();
    m.Commit({store::EventClass::kGeneric, "del"});
  }
  constexpr size_t kFreed = 10'000;
  store_->Upkeep(kFreed);
}

void Scratch::Read(Context& ctx, int db, const CommandSpec& spec, Args read,
                   const std::vector<StagedCommand>& staged, std::vector<SeenKey>* seen) {
  Prepare(ctx.store);
  const Slice slice = SliceOf(spec, read, staged);
  const auto run = [&] {
    if (!CopyKeys(ctx, db, slice, seen)) return ctx.reply.Error(kErrTxnBigValue);
    // What is staged beside values (LEASE DETACH …) is not run here.
    const bool only_values = std::all_of(staged.begin(), staged.end(),
                                         [](const auto& one) { return one.data != nullptr; });
    if (only_values) AttachKeys(ctx.store, db, slice);
    store_->work().Begin(kWorkMax, kWorkMax * WorkMeter::kNsOfUnit);
    for (size_t i : slice.commands)
      if (!RunStaged(ctx, db, staged[i], i)) return;
    if (!WrittenAreSmall(db, slice)) return ctx.reply.Error(kErrTxnBigValue);
    const Caller caller{.db = db, .resp_version = ctx.reply.version(), .user = ctx.caller.user};
    Context on_copies(spec, read, caller, *store_, nullptr, ctx.seed(), ctx.reply);
    spec.handler(on_copies);
    ctx.verdict.key_hits += on_copies.verdict.key_hits;
  };
  run();
  Clean(db, slice);
}

}  // namespace clustron::commands

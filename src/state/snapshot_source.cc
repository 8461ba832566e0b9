#include "state/snapshot_source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/planted_bugs.h"
#include "commands/core/rdb_kind.h"
#include "persist/rdb_reader.h"
#include "state/executor.h"
#include "store/keyspace/value_type.h"
#include "store/snapshot/snapshot_load.h"

namespace clustron::state {

using store::KeyMeta;

namespace {

// Longer strings are written piece by piece: no slice of the snapshot grows by one value.
constexpr uint64_t kWholeStringBytes = 64 << 10;

constexpr std::string_view kWatchesSection = "watches";

}  // namespace

// --- Writing -------------------------------------------------------------------------------------

ExecutorSnapshot::ExecutorSnapshot(Executor& executor)
    : slot_(executor.applied_slot()),
      elapsed_ms_(executor.elapsed_ms()),
      wall_ms_(executor.wall_ms()),
      walk_(executor.store(), *this) {
  rdb_.Begin();
  rdb_.Aux("redis-ver", "7.2.0");
  rdb_.Aux("redis-bits", "64");
  std::string state;
  executor.EncodeTables(&state);
  rdb_.Section("state", state);
  std::string digests;
  executor.digests().Encode(&digests);
  rdb_.Section("digests", digests);
  rdb_.Section("tables", walk_.tables());
  watches_ = executor.news().changes().history().Capture();
}

ExecutorSnapshot::~ExecutorSnapshot() = default;

cluster::SnapshotSource::Progress ExecutorSnapshot::Step(size_t budget_bytes, std::string* out) {
  if (!std::exchange(head_out_, true)) {
    out->append(rdb_.Take());
    return Progress::kMore;
  }
  if (watches_ != nullptr) {
    WriteWatches(budget_bytes, out);
    return Progress::kMore;
  }
  const store::SnapshotWalk::Progress progress = walk_.Step(budget_bytes);
  if (progress == store::SnapshotWalk::Progress::kAborted) return Progress::kAborted;
  if (progress == store::SnapshotWalk::Progress::kDone) {
    std::string digest;
    Writer(&digest).U64(walk_.digest());
    rdb_.Section("digest", digest);
    rdb_.End();
  }
  out->append(rdb_.Take());
  return progress == store::SnapshotWalk::Progress::kDone ? Progress::kDone : Progress::kMore;
}

// Behind the tables: their settings say whether there is a history.
void ExecutorSnapshot::WriteWatches(size_t budget_bytes, std::string* out) {
  std::string piece;
  const size_t before = out->size();
  while (out->size() - before < budget_bytes) {
    if (!watches_->Next(&piece)) {
      watches_.reset();
      return;
    }
    rdb_.Section(kWatchesSection, piece);
    out->append(rdb_.Take());
  }
}

void ExecutorSnapshot::OnKey(int db, std::string_view key, store::Type type, const KeyMeta& meta,
                             uint64_t size) {
  CHECK(string_left_ == 0);
  if (db != db_) {
    db_ = db;
    rdb_.SelectDb(static_cast<uint32_t>(db));
    rdb_.ResizeDb(walk_.keys(db), walk_.keys_with_deadline(db));
  }
  std::string bytes;
  meta.Encode(&bytes);
  rdb_.Section("k", bytes);
  if (meta.deadline.exists())
    rdb_.ExpireAtMs(store::Store::UnixMs(meta.deadline, elapsed_ms_, wall_ms_));
  bytes_ = ValueTypeOf(type).bytes;
  if (bytes_) {
    BeginString(key, size);
  } else {
    rdb_.Begin(commands::RdbKindOf(type), key, size);
  }
}

void ExecutorSnapshot::OnPart(std::string_view part) {
  if (bytes_) {
    StringPart(part);
  } else {
    rdb_.Part(part);
  }
}

void ExecutorSnapshot::BeginString(std::string_view key, uint64_t size) {
  string_left_ = size;
  in_pieces_ = size > kWholeStringBytes;
  if (in_pieces_) {
    rdb_.StringBegin(key, size);
  } else if (size == 0) {
    rdb_.String(key, {});
  } else {
    key_ = key;
    value_.clear();
  }
}

void ExecutorSnapshot::OnRows(std::string_view section, std::string_view rows) {
  if (Planted(Bug::kWaitsNotInSnapshot) && section == "waits") return;
  if (Planted(Bug::kTxnsNotInSnapshot) && section == "transactions") return;
  rdb_.Section(section, rows);
}

void ExecutorSnapshot::StringPart(std::string_view bytes) {
  if (bytes.empty()) return;  // an empty string is one empty piece, and is written already
  CHECK(bytes.size() <= string_left_);
  string_left_ -= bytes.size();
  if (in_pieces_) {
    rdb_.StringBytes(bytes);
    return;
  }
  if (value_.empty() && string_left_ == 0) {
    rdb_.String(key_, bytes);
    return;
  }
  value_.append(bytes);
  if (string_left_ > 0) return;
  rdb_.String(key_, value_);
  value_ = {};
}

// --- Reading -------------------------------------------------------------------------------------

namespace {

class Loader final : public persist::RdbVisitor {
 public:
  Loader(Executor& executor, store::StoreLoader::Keep keep)
      : executor_(executor), keep_(keep), store_(executor.store(), keep) {
    executor.news().changes().history().BeginLoad();
  }

  Status OnSection(std::string_view name, std::string_view bytes) override {
    // Long sections come in pieces of one name: each is taken up when the next name comes.
    if (name == "k") {
      TRY(EndSections());
      ASSIGN_OR_RETURN(meta_, KeyMeta::Decode(bytes));
      has_meta_ = true;
      return {};
    }
    if (name != section_) {
      TRY(EndSections());
      section_ = name;
    }
    if (store_.HasRows(name)) return store_.LoadRows(name, bytes);
    if (name == kWatchesSection)
      return executor_.news().changes().history().LoadPiece(
          bytes, keep_ == store::StoreLoader::Keep::kKeys);
    pieces_.append(bytes);
    return {};
  }

  Status OnBegin(const persist::RdbKey& key, persist::RdbKind kind, uint64_t count) override {
    return BeginKey(key, commands::TypeOf(kind), count);
  }
  Status OnPart(std::string_view part) override { return store_.Part(part); }
  Status OnEnd() override { return EndKey(); }

  Status Finish() {
    TRY(EndSections());
    TRY(store_.Finish());
    TRY(executor_.news().changes().history().EndLoad(executor_.revision()));
    if (has_digest_ && store_.digest() != digest_)
      return Fail(Errc::kCorruption, "the restored state has another digest than the saved one");
    executor_.SnapshotLoaded();
    return {};
  }

 private:
  Status EndSections() {
    const std::string name = std::exchange(section_, {});
    const std::string bytes = std::exchange(pieces_, {});
    if (name == "state") return executor_.DecodeTables(bytes);
    if (name == "digests") return executor_.DecodeDigests(bytes);
    if (name == "tables") return store_.LoadTables(bytes);
    if (name == "digest") {
      Reader reader(bytes);
      digest_ = reader.U64();
      has_digest_ = reader.Done();
      return has_digest_ ? Status() : Fail(Errc::kCorruption, "the digest section is malformed");
    }
    if (!name.empty() && name != kWatchesSection && !store_.HasRows(name))
      return Fail(Errc::kMismatch, "section of a newer version in the snapshot: " + name);
    return {};
  }

  Status BeginKey(const persist::RdbKey& key, store::Type type, uint64_t size) {
    TRY(EndSections());
    if (!has_meta_) {  // another program's file
      meta_ = KeyMeta::Foreign();
      if (key.expire_at_ms >= 0) meta_.deadline = store::Deadline::Wall(key.expire_at_ms);
    }
    has_meta_ = false;
    return store_.BeginKey(static_cast<int>(key.db), key.key, type, meta_, size);
  }
  Status EndKey() { return store_.EndKey(); }

  Executor& executor_;
  const store::StoreLoader::Keep keep_;
  store::StoreLoader store_;
  KeyMeta meta_;
  bool has_meta_ = false;
  std::string section_;
  std::string pieces_;
  uint64_t digest_ = 0;
  bool has_digest_ = false;
};

class SnapshotLoad final : public cluster::SnapshotRestore {
 public:
  SnapshotLoad(persist::File& file, Executor& executor,
               store::StoreLoader::Keep keep = store::StoreLoader::Keep::kKeys)
      : loader_(executor, keep), source_(&file), stepper_(&source_, Limits(), &loader_) {}

  Result<bool> Step(size_t keys) override {
    ASSIGN_OR_RETURN(const bool all, stepper_.Step(keys));
    if (all) TRY(loader_.Finish());
    return all;
  }

 private:
  static persist::RdbLimits Limits() {
    persist::RdbLimits limits;
    limits.require_checksum = true;
    return limits;
  }

  Loader loader_;
  persist::RdbFileSource source_;
  persist::RdbStepper stepper_;
};

// Loads into an executor of its own, which keeps the tables and no keys.
class SnapshotCheck final : public cluster::SnapshotRestore {
 public:
  SnapshotCheck(persist::File& file, const Executor& state, cluster::Slot slot)
      : state_(state),
        slot_(slot),
        trial_(state.seed()),
        load_(file, Prepared(trial_, state), store::StoreLoader::Keep::kNothing) {}

  Result<bool> Step(size_t keys) override {
    ASSIGN_OR_RETURN(const bool all, load_.Step(keys));
    if (all) TRY(Judge());
    return all;
  }

 private:
  static Executor& Prepared(Executor& trial, const Executor& state) {
    trial.SetSupportedVersion(state.supported_version());
    trial.BeginMembers(state.members().first());
    return trial;
  }

  // What never falls in a log is not below what this node has of it.
  Status Judge() const {
    if (trial_.applied_slot() != slot_ && !Planted(Bug::kSnapshotSlotOffByOne))
      return Fail(Errc::kCorruption,
                  "the state in it is that of slot " + std::to_string(trial_.applied_slot()));
    if (trial_.applied_slot() <= state_.applied_slot()) return {};  // it is not loaded anyway
    const cluster::Slot differs = state_.leaderships().Differs(
        state_.applied_slot(), trial_.leaderships(), trial_.applied_slot());
    if (differs != 0)
      return Fail(Errc::kMismatch, "it is of another log than the state here, from slot " +
                                       std::to_string(differs) + " on");
    if (trial_.feature_version() < state_.feature_version() ||
        trial_.elapsed_ms() < state_.elapsed_ms() || trial_.revision() < state_.revision() ||
        trial_.newest_noop() < state_.newest_noop())
      return Fail(Errc::kMismatch,
                  "feature version, clock, revision or ballot in it are behind those of slot " +
                      std::to_string(state_.applied_slot()) + " here");
    const std::string why = WhyNotUnder(state_.members().record(), trial_.members().record());
    return why.empty() ? Status() : Fail(Errc::kMismatch, why);
  }

  const Executor& state_;
  const cluster::Slot slot_;
  Executor trial_;
  SnapshotLoad load_;
};

}  // namespace

std::unique_ptr<cluster::SnapshotRestore> BeginCheck(persist::File& file, const Executor& state,
                                                     cluster::Slot slot) {
  return std::make_unique<SnapshotCheck>(file, state, slot);
}

std::unique_ptr<cluster::SnapshotRestore> BeginLoad(persist::File& file, Executor& executor) {
  return std::make_unique<SnapshotLoad>(file, executor);
}

// --- The executor's side -------------------------------------------------------------------------

std::unique_ptr<cluster::SnapshotSource> Executor::BeginSnapshot() {
  snapshot_revision_ = revision();
  return std::make_unique<ExecutorSnapshot>(*this);
}

std::unique_ptr<cluster::SnapshotRestore> Executor::BeginRestore(persist::File& file) {
  if (!replaced_revision_) replaced_revision_ = revision();
  return BeginLoad(file, *this);
}

std::unique_ptr<cluster::SnapshotRestore> Executor::BeginCheck(persist::File& file,
                                                               cluster::Slot slot) const {
  return state::BeginCheck(file, *this, slot);
}

}  // namespace clustron::state

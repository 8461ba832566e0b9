// DUMP and RESTORE: one value in the form of RDB files, with version and checksum behind it.
#include "commands/generic/dump.h"

#include <memory>
#include <string>

#include "base/check.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/rdb_kind.h"
#include "commands/core/registry.h"
#include "commands/generic/dump.spec.h"
#include "commands/generic/dump_payload.h"
#include "commands/generic/errors.h"
#include "persist/rdb_reader.h"
#include "persist/rdb_writer.h"
#include "store/keyspace/key_meta.h"
#include "store/keyspace/value_type.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Mutation;

namespace {

// A list of a Redis is gathered in memory before it is built.
constexpr uint64_t kGatheredBytesMax = uint64_t{1} << 30;
// Shorter strings may be integers to the writer.
constexpr uint64_t kWholeStringBytes = 64;

class PayloadWriter final : public store::PartSink {
 public:
  explicit PayloadWriter(const KeyRecord& record) : rdb_(persist::RdbWriter::Use::kPayload) {
    const store::ValueType& type = ValueTypeOf(record);
    const uint64_t count = type.count(record);
    whole_ = type.bytes && count <= kWholeStringBytes;
    bytes_ = type.bytes;
    if (!bytes_) {
      rdb_.Begin(RdbKindOf(type.type), {}, count);
    } else if (!whole_) {
      rdb_.StringBegin({}, count);
    }
    type.parts(record, *this);
    if (whole_) rdb_.String({}, text_);
    rdb_.EndPayload();
  }
  std::string Take() { return rdb_.Take(); }

 private:
  void OnPart(std::string_view part) override {
    if (whole_) {
      text_.append(part);
    } else if (bytes_) {
      rdb_.StringBytes(part);
    } else {
      rdb_.Part(part);
    }
  }

  persist::RdbWriter rdb_;
  bool bytes_ = false;
  bool whole_ = false;
  std::string text_;
};

// Builds the one value of a payload.
class PayloadReader final : public persist::RdbVisitor {
 public:
  explicit PayloadReader(Context& ctx) : ctx_(ctx) {}

  Status OnBegin(const persist::RdbKey&, persist::RdbKind kind, uint64_t count) override {
    const store::ValueType* row = store::FindValueType(TypeOf(kind));
    if (row == nullptr) return Fail(Errc::kMismatch, "no such type");
    value_ = row->build(store::KeyMeta::Foreign(), count, ctx_.store.seed());
    return {};
  }
  Status OnPart(std::string_view part) override {
    constexpr uint64_t kNs = 100;
    if (!ctx_.SpendEach(1, kNs) || !ctx_.SpendMade(part.size()))
      return Fail(Errc::kLimit, "the item's budget is used up");
    return value_->Part(part);
  }
  Status OnEnd() override { return {}; }

  KeyRecord* Finish(std::string_view key) {
    CHECK(value_ != nullptr);
    return value_->Finish(key, {});
  }

 private:
  Context& ctx_;
  std::unique_ptr<store::ValueBuilder> value_;
};

struct RestoreCall {
  int64_t ttl_ms = 0;  // 0: none
  bool absolute = false;
  bool replace = false;
};

// False, with the reply, if the call is malformed.
bool Parse(Context& ctx, RestoreCall* call) {
  constexpr int64_t kFreqMax = 255;
  ArgCursor args(ctx.args, 4);
  while (args.HasNext()) {
    if (args.Token("REPLACE")) {
      call->replace = true;
    } else if (args.Token("ABSTTL")) {
      call->absolute = true;
    } else if (args.Option("IDLETIME")) {
      // Read and checked as Redis does; nothing is evicted here. COMPAT: FREQ may stand beside it,
      // as it does in entries of all feature versions.
      if (args.Int() < 0 && args.ok()) args.Fail(kErrRestoreIdle);
    } else if (args.Option("FREQ")) {
      const int64_t value = args.Int();
      if (args.ok() && (value < 0 || value > kFreqMax)) args.Fail(kErrRestoreFreq);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) {
    ctx.reply.Error(args.error());
    return false;
  }
  // COMPAT: that the key is there is told before the TTL is looked at.
  if (!call->replace && ctx.store.Find(ctx.db, ctx.args[1], KeyHash(ctx, ctx.args[1])) != nullptr) {
    ctx.reply.Error(kErrBusyKey);
    return false;
  }
  ArgCursor ttl(ctx.args, 2);
  call->ttl_ms = ttl.Int();
  if (ttl.ok() && call->ttl_ms < 0) ttl.Fail(kErrRestoreTtl);
  if (!ttl.ok()) ctx.reply.Error(ttl.error());
  return ttl.ok();
}

}  // namespace

std::string DumpPayload(const KeyRecord& record) { return PayloadWriter(record).Take(); }

void CmdDump(Context& ctx) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr) return ctx.reply.Null();
  const store::ValueType& type = ValueTypeOf(*record);
  const uint64_t bytes = type.stored_bytes(*record);
  constexpr uint64_t kNs = 50;
  if (!ctx.SpendMade(bytes) || !ctx.SpendEach(type.count(*record) / (type.bytes ? 8 : 1), kNs))
    return;
  if (!ctx.HasReplyRoom(bytes + kBulkFrameBytes)) return;
  ctx.reply.Bulk(DumpPayload(*record));
}

void CmdRestore(Context& ctx) {
  RestoreCall call;
  if (!Parse(ctx, &call)) return;
  persist::RdbLimits limits;
  limits.string_bytes_max = kStringBytesMax;
  limits.nodes_bytes_max = kGatheredBytesMax;
  PayloadReader reader(ctx);
  bool envelope = false;
  const Status read = persist::ReadRdbPayload(ctx.args[3], limits, reader, &envelope);
  if (ctx.over_budget()) return;
  if (!read) {
    if (envelope) return ctx.reply.Error(kErrDumpEnvelope);
    return ctx.reply.Error(std::string(kErrDumpFormat) + " (" + read.error().detail + ")");
  }
  Mutation m = Modify(ctx, ctx.args[1]);
  m.BeginValue();
  if (m.exists() && m.record()->has_lease()) m.DetachLease();
  m.Install(reader.Finish(ctx.args[1]));
  // A key that is due already comes and goes without a word.
  const bool alive =
      call.ttl_ms == 0 || m.SetDeadline(call.absolute ? store::Deadline::Wall(call.ttl_ms)
                                                      : ctx.store.RelativeDeadline(call.ttl_ms));
  m.Commit(alive ? store::Event{store::EventClass::kGeneric, "restore"} : kEventDel);
  ctx.reply.Ok();
}

std::span<const CommandSpec> DumpCommands() { return kDumpRows; }

}  // namespace clustron::commands

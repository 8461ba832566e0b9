// Transactions that stay open: TXN BEGIN, DO, ROLLBACK, LIST, on the node that holds them; other
// nodes ask it. COMMIT is txn_commit.cc.
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/numeric.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/connection_args.h"
#include "commands/core/error_text.h"
#include "commands/core/keys.h"
#include "commands/core/list_page.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/wrapper.h"
#include "commands/transaction/errors.h"
#include "commands/transaction/open_txns.h"
#include "commands/transaction/txn.spec.h"
#include "store/keyspace/store.h"
#include "store/tables/txn_table.h"

namespace clustron::commands {

namespace {

constexpr int64_t kTtlMinMs = 100;
constexpr int64_t kTtlMaxMs = 30LL * 24 * 3600 * 1000;
// For the other node's answer.
constexpr int64_t kAnswerMs = 2000;

// An id that no transaction of the caller has, open or ended. Empty: his own is taken.
std::string FreeId(Context& ctx, std::optional<std::string_view> own, uint64_t* number) {
  TransactionsPort& port = ctx.server->transactions();
  for (;;) {
    *number = port.NextNumber();
    std::string id = std::to_string(port.node()) + "-";
    id.append(own ? *own : Decimal(*number).view());
    if (port.open().Find(ctx.user(), id, port.NowMs()) == nullptr &&
        TxnsOf(ctx.store).Find(ctx.user(), id, ctx.store.elapsed_ms()) == nullptr)
      return id;
    if (own) return {};
  }
}

// The row of a call that may stand in a wrapper; null after an error reply.
const CommandSpec* Admit(Context& ctx, Args call) {
  const CommandSpec* container = nullptr;
  const CommandSpec* spec = call.empty() ? nullptr : Registry::Get().Resolve(call, &container);
  if (spec == nullptr || !spec->Accepts(call.size())) {
    ReplyBadCommand(call, container, spec, ctx.reply);
    return nullptr;
  }
  if (MayBeNested(*spec, call)) return spec;
  ctx.reply.Error(NotNestable(*spec));
  return nullptr;
}

// Why a command on keys may not stand in an open transaction; empty: it may.
std::string_view WhyNot(const CommandSpec& spec, Args call, int db, const store::Store& store) {
  if (spec.MayWait(call)) return kWhyWaits;
  if (spec.Is(kUnversioned)) return kWhyUnversioned;
  if (spec.written_dbs == nullptr) return {};
  const WrittenDbs dbs = spec.written_dbs(call, db, store);
  for (int i = 0; i < dbs.count; i++)
    if (dbs.db[i] != db) return kWhyOtherDb;
  return {};
}

// The call as it would be staged, its words apart; nothing after an error reply.
std::optional<StagedCommand> Judge(Context& ctx, const CommandSpec& spec, Args call, int db) {
  StagedCommand staged;
  const CommandSpec* data = &spec;
  while (data->Is(kWrapper)) {
    if (data->inner == 0 || data->is_repeat != nullptr) {
      ctx.reply.Error(NotInOpenTxn(*data, kWhyWrapper));
      return std::nullopt;
    }
    staged.data_at += data->inner;
    data = Admit(ctx, call.subspan(staged.data_at));
    if (data == nullptr) return std::nullopt;
  }
  const Args words = call.subspan(staged.data_at);
  if (const std::string_view why = WhyNot(*data, words, db, ctx.store); !why.empty()) {
    ctx.reply.Error(NotInOpenTxn(*data, why));
    return std::nullopt;
  }
  std::vector<KeyRef> keys;
  if (!KeysOf(*data, words, &keys) || keys.empty()) {
    ctx.reply.Error(NotInOpenTxn(*data, kWhyNoKeys));
    return std::nullopt;
  }
  if (InnerSpec(call) == nullptr) {
    ctx.reply.Error(kErrNestedTooDeep);
    return std::nullopt;
  }
  // Locks and leases are beside the values.
  if (data->group == Group::kCoordination) return staged;
  staged.data = data;
  for (const KeyRef& key : keys) {
    const bool read = (key.flags & (KeySpec::kRo | KeySpec::kNotKey)) != 0;
    (read ? staged.reads : staged.writes).emplace_back(words[static_cast<size_t>(key.index)]);
  }
  return staged;
}

bool IsPlainRead(const CommandSpec& spec, Args call) {
  return !spec.Is(kWrapper) && spec.ClassOf(call) == Class::kRead;
}

void ReadIn(Context& ctx, OpenTxn& txn, const CommandSpec& spec, Args read) {
  const resp::ReplyWriter::Mark begin = ctx.reply.mark();
  std::vector<SeenKey> seen;
  ctx.server->transactions().open().scratch().Read(ctx, txn.begun().db, spec, read, txn.commands(),
                                                   &seen);
  if (txn.NoteReads(seen)) return;
  ctx.reply.Rewind(begin);
  ctx.reply.Error(kErrTxnManyBytes);
}

void StageIn(Context& ctx, OpenTxn& txn, StagedCommand staged, Args call) {
  if (txn.commands().size() >= kOpenTxnCommandsMax) return ctx.reply.Error(kErrTxnManyCommands);
  staged.words.assign(call.begin(), call.end());
  if (!txn.Stage(std::move(staged))) return ctx.reply.Error(kErrTxnManyBytes);
  ctx.reply.Simple("QUEUED");
}

// The node that holds the transaction has it done; the reply is its answer.
void AskHolder(Context& ctx, uint32_t node, TxnRequest request) {
  // Who was asked does not ask on.
  if (ctx.caller.client == nullptr) return ctx.reply.Error(kErrNoTxnHere);
  request.db = ctx.db;
  request.resp_version = ctx.reply.version();
  request.user = ctx.user();
  request.id = ctx.args[2];
  std::unique_ptr<LateReply> answer = ctx.server->transactions().Ask(node, request);
  if (answer == nullptr) return ctx.reply.Error(TxnHolderGone(node));
  if (!AnswerLater(ctx, std::move(answer), kAnswerMs)) ctx.reply.Error(kErrNoTxnHere);
}

}  // namespace

void CmdTxnBegin(Context& ctx) {
  if (!HasServer(ctx)) return;
  ArgCursor args(ctx.args, 2);
  int64_t ttl_ms = kOpenTxnTtlMs;
  std::optional<std::string_view> own;
  while (args.HasNext()) {
    if (args.Option("TTL")) {
      ttl_ms = args.IntIn(kTtlMinMs, kTtlMaxMs, kErrTxnTtl);
    } else if (args.Option("ID")) {
      own = args.Next();
      if (own->empty() || own->size() > kOpenTxnIdBytesMax) args.Fail(kErrTxnId);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  TransactionsPort& port = ctx.server->transactions();
  const int64_t now_ms = port.NowMs();
  port.open().Sweep(now_ms);
  if (port.open().full()) return ctx.reply.Error(kErrTxnManyOpen);
  OpenTxn::Begun begun{.db = ctx.db, .at_ms = now_ms, .ends_ms = now_ms + ttl_ms};
  const std::string id = FreeId(ctx, own, &begun.number);
  if (id.empty()) return ctx.reply.Error(kErrTxnIdTaken);
  port.open().Open(ctx.user(), id, begun);
  ctx.reply.Bulk(id);
}

Class TxnDoClass(Args args) {
  if (args.size() <= kTxnDoInner) return Class::kLocal;
  const Args inner = args.subspan(kTxnDoInner);
  const CommandSpec* spec = InnerSpec(inner);
  return spec != nullptr && IsPlainRead(*spec, inner) ? Class::kRead : Class::kLocal;
}

bool TxnDoKeys(Args args, std::vector<KeyRef>* out) { return InnerKeys(args, kTxnDoInner, out); }

void CmdTxnDo(Context& ctx) {
  if (!HasServer(ctx)) return;
  const std::optional<uint32_t> node = NodeOfTxn(ctx.args[2]);
  if (!node) return ctx.reply.Error(kErrNoTxnHere);
  TransactionsPort& port = ctx.server->transactions();
  const Args call = ctx.args.subspan(kTxnDoInner);
  if (*node != port.node()) {
    return AskHolder(ctx, *node,
                     {.kind = TxnRequest::Kind::kDo,
                      .command = call,
                      .stages = TxnDoClass(ctx.args) == Class::kLocal});
  }
  OpenTxn* txn = port.open().Find(ctx.user(), ctx.args[2], port.NowMs());
  if (txn == nullptr) return ctx.reply.Error(kErrNoTxnHere);
  if (ctx.db != txn->begun().db) return ctx.reply.Error(TxnOfDatabase(txn->begun().db));
  const CommandSpec* spec = Admit(ctx, call);
  if (spec == nullptr) return;
  std::optional<StagedCommand> staged = Judge(ctx, *spec, call, ctx.db);
  if (!staged) return;
  if (IsPlainRead(*spec, call)) return ReadIn(ctx, *txn, *spec, call);
  StageIn(ctx, *txn, *std::move(staged), call);
}

void CmdTxnRollback(Context& ctx) {
  if (!HasServer(ctx)) return;
  const std::optional<uint32_t> node = NodeOfTxn(ctx.args[2]);
  if (!node) return ctx.reply.Error(kErrNoTxnHere);
  TransactionsPort& port = ctx.server->transactions();
  if (*node != port.node())
    return AskHolder(ctx, *node, {.kind = TxnRequest::Kind::kRollback, .stages = true});
  if (port.open().Find(ctx.user(), ctx.args[2], port.NowMs()) == nullptr)
    return ctx.reply.Error(kErrNoTxnHere);
  port.open().Close(ctx.user(), ctx.args[2]);
  ctx.reply.Ok();
}

// By id. Those of several users that have one id stay together on a page, whatever its limit: the
// next one begins behind the id.
void CmdTxnList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const ListPage page = TakeListPage(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (!HasServer(ctx)) return;
  TransactionsPort& port = ctx.server->transactions();
  const int64_t now_ms = port.NowMs();
  port.open().Sweep(now_ms);
  std::map<std::pair<std::string_view, std::string_view>, const OpenTxn*> rows;
  for (const auto& [name, txn] : port.open().all())
    if (page.Behind(name.second)) rows[{name.second, name.first}] = &txn;
  auto end = rows.begin();
  std::string_view last;
  for (size_t count = 0; end != rows.end() && (count < page.limit || end->first.first == last);
       ++count, ++end)
    last = end->first.first;
  ctx.reply.Array(static_cast<size_t>(std::distance(rows.begin(), end)));
  for (auto it = rows.begin(); it != end; ++it) {
    const OpenTxn& txn = *it->second;
    ctx.reply.Array(6);
    ctx.reply.Bulk(txn.id());
    ctx.reply.Int(now_ms - txn.begun().at_ms);
    ctx.reply.Int(txn.begun().ends_ms - now_ms);
    ctx.reply.Uint(txn.commands().size());
    ctx.reply.Uint(txn.keys_read());
    ctx.reply.Bulk(it->first.second);
  }
}

}  // namespace clustron::commands

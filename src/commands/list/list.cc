// Lists: pushed to, popped from, read and changed by index.
#include <algorithm>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/registry.h"
#include "commands/core/waiting.h"
#include "commands/list/errors.h"
#include "commands/list/list.spec.h"
#include "store/types/list/list_edit.h"
#include "store/types/list/list_value.h"

namespace clustron::commands {

using store::EventClass;
using store::KeyRecord;
using store::ListElement;
using store::ListEnd;
using store::ListValue;
using store::Mutation;
using store::NumberText;
using store::Type;

namespace {

constexpr store::Event PushEvent(ListEnd end) {
  return {EventClass::kList, end == ListEnd::kFront ? "lpush" : "rpush"};
}
constexpr store::Event PopEvent(ListEnd end) {
  return {EventClass::kList, end == ListEnd::kFront ? "lpop" : "rpop"};
}

// The list at args[1] for a reader; null when absent. False: another type, and that was replied.
bool ReadList(Context& ctx, const ListValue** list) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kList)) return false;
  *list = record == nullptr ? nullptr : &ListOf(*record);
  return true;
}

void ReplyElement(Context& ctx, const ListElement& element) {
  if (element.is_number) {
    ctx.reply.BulkInt(element.number);
  } else {
    ctx.reply.Bulk(element.text);
  }
}

size_t SizeOf(const ListElement& element) {
  NumberText room;
  return element.View(room).size();
}

// A walk to an index goes over counts of chunks, not over elements.
uint64_t SeekUnits(const ListValue& list, size_t index) {
  CHECK(index <= list.size());
  constexpr uint64_t kPerUnit = 64;
  return std::min(index, list.size() - index) / kPerUnit;
}

bool SpendSeek(Context& ctx, const ListValue& list, size_t index) {
  const uint64_t units = SeekUnits(list, index);
  return ctx.Spend(units, units / 8);
}

// A comparison of `count` elements with `text`, at most; each takes `ns`.
bool SpendCompare(Context& ctx, std::string_view text, uint64_t count, uint64_t ns) {
  constexpr uint64_t kBytesPerUnit = 64;
  return ctx.SpendEach(count * (1 + text.size() / kBytesPerUnit), ns);
}

// For an element that is replied.
constexpr uint64_t kReplyNs = 35;

// From the end if negative; none: outside of the list.
std::optional<size_t> IndexIn(const ListValue& list, int64_t index) {
  const auto size = static_cast<int64_t>(list.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

// The elements that start … stop stand for: [begin, end).
struct Span {
  size_t begin;
  size_t end;
};
Span SpanIn(size_t count, int64_t start, int64_t stop) {
  const auto size = static_cast<int64_t>(count);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (stop < 0) stop += size;
  stop = std::min(stop, size - 1);
  if (start > stop) return {0, 0};
  return {static_cast<size_t>(start), static_cast<size_t>(stop) + 1};
}

// Whether elements [begin, end) may be replied; and what they are is said.
bool SpendRange(Context& ctx, const ListValue& list, Span span) {
  CHECK(span.begin <= span.end && span.end <= list.size());
  if (ctx.work == nullptr) return true;
  // Gone over twice.
  if (!SpendSeek(ctx, list, span.begin) || !ctx.SpendEach(span.end - span.begin, 2 * kReplyNs))
    return false;
  uint64_t bytes = 0;
  size_t left = span.end - span.begin;
  if (left == 0) return true;
  list.ForEach(span.begin, [&](const ListElement& element) {
    bytes += SizeOf(element) + kBulkFrameBytes;
    return --left > 0;
  });
  return ctx.HasReplyRoom(bytes);
}

void Push(Context& ctx, ListEnd end, bool create) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kList)) return;
  if (!m.exists() && !create) return ctx.reply.Int(0);
  PushToList(m, end, ctx.args.subspan(2));
  m.Commit(PushEvent(end));
  ctx.reply.Uint(ListOf(*m.record()).size());
}

// Replies with `count` elements from an end, in the order in which they are taken off.
void ReplyPopped(Context& ctx, const ListValue& list, ListEnd end, size_t count) {
  CHECK(count <= list.size());
  ctx.reply.Array(count);
  if (count == 0) return;
  const auto each = [&](const ListElement& element) {
    ReplyElement(ctx, element);
    return --count > 0;
  };
  if (end == ListEnd::kFront) {
    list.ForEach(0, each);
  } else {
    list.ForEachBack(list.size() - 1, each);
  }
}

Span AtEnd(const ListValue& list, ListEnd end, size_t count) {
  return end == ListEnd::kFront ? Span{0, count} : Span{list.size() - count, list.size()};
}

void Pop(Context& ctx, ListEnd end) {
  if (ctx.args.size() > 3) {
    return ReplyBadCommand(ctx.args, nullptr, ctx.spec, ctx.reply);
  }
  const bool counted = ctx.args.size() == 3;
  size_t count = 1;
  if (counted) {
    ArgCursor args(ctx.args, 2);
    count = static_cast<size_t>(args.IntIn(0, INT64_MAX, kErrNotPositive));
    if (!args.ok()) return ctx.reply.Error(args.error());
  }
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists()) return counted ? ctx.reply.NullArray() : ctx.reply.Null();
  if (!CheckType(ctx, m.record(), Type::kList)) return;
  const ListValue& list = ListOf(*m.record());
  count = std::min(count, list.size());
  if (!SpendRange(ctx, list, AtEnd(list, end, count))) return;
  if (counted) {
    ReplyPopped(ctx, list, end, count);
  } else {
    ReplyElement(ctx, list.At(end == ListEnd::kFront ? 0 : list.size() - 1));
  }
  if (count == 0) return;
  PopFromList(m, end, count);
  m.Commit(PopEvent(end));
}

// LEFT or RIGHT.
ListEnd TakeEnd(ArgCursor& args) {
  if (args.Token("LEFT")) return ListEnd::kFront;
  if (!args.Token("RIGHT")) args.Fail(kErrSyntax);
  return ListEnd::kBack;
}

// `timeout_ms`: of a form that waits for an element.
void Move(Context& ctx, ListEnd from, ListEnd to, std::optional<int64_t> timeout_ms = {}) {
  CHECK(ctx.in_entry());
  const std::string_view source = ctx.args[1];
  const std::string_view target = ctx.args[2];
  const KeyRecord* record = ctx.store.Find(ctx.db, source, KeyHash(ctx, source));
  if (record == nullptr) {
    const bool waits = timeout_ms && WaitFor(ctx, ctx.args.subspan(1, 1), Type::kList, *timeout_ms);
    if (!waits) ctx.reply.Null();
    return;
  }
  if (!CheckType(ctx, record, Type::kList)) return;
  if (!CheckType(ctx, ctx.store.Find(ctx.db, target), Type::kList)) return;
  const ListValue& list = ListOf(*record);
  NumberText room;
  const std::string element(list.At(from == ListEnd::kFront ? 0 : list.size() - 1).View(room));
  if (!ctx.SpendMade(element.size()) || !ctx.HasReplyRoom(element.size() + kBulkFrameBytes)) return;
  // COMPAT: that the target has grown is announced first.
  if (source == target) {
    Mutation m = Modify(ctx, source);
    RotateList(m, from, to);
    m.Commit(PushEvent(to));
  } else {
    const std::string_view elements[] = {element};
    Mutation m = Modify(ctx, target);
    PushToList(m, to, elements);
    m.Commit(PushEvent(to));
  }
  if (source == target) {
    ctx.Writable().Notify(ctx.db, source, PopEvent(from));
  } else {
    Mutation m = Modify(ctx, source);
    PopFromList(m, from, 1);
    m.Commit(PopEvent(from));
  }
  ctx.reply.Bulk(element);
}

// What is to be popped from the first list that there is.
struct MultiPop {
  Args keys;
  ListEnd end;
  std::optional<int64_t> count;  // without one: a single element, not in an array
};

// numkeys key … LEFT|RIGHT [COUNT n], from args[first] on. Nothing: the reply is an error.
std::optional<MultiPop> TakeMultiPop(Context& ctx, size_t first) {
  const auto fail = [&ctx](std::string_view error) {
    ctx.reply.Error(error);
    return std::nullopt;
  };
  ArgCursor args(ctx.args, first);
  const int64_t keys = args.IntIn(1, INT64_MAX, kErrNumkeys);
  if (!args.ok()) return fail(args.error());
  if (static_cast<uint64_t>(keys) >= args.remaining()) return fail(kErrSyntax);
  const Args names = ctx.args.subspan(first + 1, static_cast<size_t>(keys));
  args.Skip(names.size());
  const ListEnd end = TakeEnd(args);
  std::optional<int64_t> count;
  while (args.HasNext()) {
    if (!count && args.Option("COUNT")) {
      count = args.IntIn(1, INT64_MAX, kErrCountNotPositive);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return fail(args.error());
  return MultiPop{names, end, count.value_or(1)};
}

// False: no such list is there, and nothing was replied.
bool PopFirst(Context& ctx, const MultiPop& pop) {
  for (const std::string_view key : pop.keys) {
    Mutation m = ctx.Writable().Modify(ctx.db, key);
    if (!m.exists()) continue;
    if (!CheckType(ctx, m.record(), Type::kList)) return true;
    const ListValue& list = ListOf(*m.record());
    const size_t popped = std::min(static_cast<size_t>(pop.count.value_or(1)), list.size());
    if (!SpendRange(ctx, list, AtEnd(list, pop.end, popped))) return true;
    ctx.reply.Array(2);
    ctx.reply.Bulk(key);
    if (pop.count) {
      ReplyPopped(ctx, list, pop.end, popped);
    } else {
      ReplyElement(ctx, list.At(pop.end == ListEnd::kFront ? 0 : list.size() - 1));
    }
    PopFromList(m, pop.end, popped);
    m.Commit(PopEvent(pop.end));
    return true;
  }
  return false;
}

// key … timeout
void PopOrWait(Context& ctx, ListEnd end) {
  const std::optional<int64_t> timeout_ms = TimeoutMs(ctx, ctx.args.back());
  if (!timeout_ms) return;
  const Args keys = ctx.args.subspan(1, ctx.args.size() - 2);
  if (PopFirst(ctx, {.keys = keys, .end = end, .count = std::nullopt})) return;
  if (!WaitFor(ctx, keys, Type::kList, *timeout_ms)) ctx.reply.NullArray();
}

}  // namespace

void CmdLpush(Context& ctx) { Push(ctx, ListEnd::kFront, true); }
void CmdRpush(Context& ctx) { Push(ctx, ListEnd::kBack, true); }
void CmdLpushx(Context& ctx) { Push(ctx, ListEnd::kFront, false); }
void CmdRpushx(Context& ctx) { Push(ctx, ListEnd::kBack, false); }
void CmdLpop(Context& ctx) { Pop(ctx, ListEnd::kFront); }
void CmdRpop(Context& ctx) { Pop(ctx, ListEnd::kBack); }

void CmdLlen(Context& ctx) {
  const ListValue* list;
  if (!ReadList(ctx, &list)) return;
  ctx.reply.Uint(list == nullptr ? 0 : list->size());
}

void CmdLindex(Context& ctx) {
  const ListValue* list;
  if (!ReadList(ctx, &list)) return;
  // COMPAT: of an absent key the index is not looked at.
  if (list == nullptr) return ctx.reply.Null();
  ArgCursor args(ctx.args, 2);
  const int64_t index = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const std::optional<size_t> at = IndexIn(*list, index);
  if (!at) return ctx.reply.Null();
  if (SpendSeek(ctx, *list, *at)) ReplyElement(ctx, list->At(*at));
}

void CmdLset(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists()) return ctx.reply.Error(kErrNoSuchKey);
  if (!CheckType(ctx, m.record(), Type::kList)) return;
  ArgCursor args(ctx.args, 2);
  const int64_t index = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const std::optional<size_t> at = IndexIn(ListOf(*m.record()), index);
  if (!at) return ctx.reply.Error(kErrIndexOutOfRange);
  if (!SpendSeek(ctx, ListOf(*m.record()), *at)) return;
  SetListElement(m, *at, ctx.args[3]);
  m.Commit({EventClass::kList, "lset"});
  ctx.reply.Ok();
}

void CmdLinsert(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const bool behind = args.Token("AFTER");
  if (!behind && !args.Token("BEFORE")) return ctx.reply.Error(kErrSyntax);
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists()) return ctx.reply.Int(0);
  if (!CheckType(ctx, m.record(), Type::kList)) return;
  const ListValue& list = ListOf(*m.record());
  constexpr uint64_t kCompareNs = 11;
  size_t index = 0;
  bool found = false;
  list.Compare(0, false, store::EncodedElement(ctx.args[3]), [&](bool equal) {
    found = equal;
    index += equal ? 0 : 1;
    return !found && SpendCompare(ctx, ctx.args[3], 1, kCompareNs);
  });
  if (ctx.over_budget()) return;
  if (!found) return ctx.reply.Int(-1);
  InsertIntoList(m, index + (behind ? 1 : 0), ctx.args[4]);
  m.Commit({EventClass::kList, "linsert"});
  ctx.reply.Uint(ListOf(*m.record()).size());
}

void CmdLrange(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t start = args.Int();
  const int64_t stop = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const ListValue* list;
  if (!ReadList(ctx, &list)) return;
  const Span span = list == nullptr ? Span{0, 0} : SpanIn(list->size(), start, stop);
  size_t left = span.end - span.begin;
  if (list != nullptr && (!SpendSeek(ctx, *list, span.begin) || !ctx.SpendEach(left, kReplyNs)))
    return;
  ctx.reply.Array(left);
  if (left == 0) return;
  list->ForEach(span.begin, [&](const ListElement& element) {
    ReplyElement(ctx, element);
    return --left > 0;
  });
}

void CmdLrem(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t count = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists()) return ctx.reply.Int(0);
  if (!CheckType(ctx, m.record(), Type::kList)) return;
  // Compared twice, and what stays of a changed chunk is written anew.
  constexpr uint64_t kCompareNs = 3;
  if (!SpendCompare(ctx, ctx.args[3], 3 * ListOf(*m.record()).size(), kCompareNs)) return;
  const size_t limit = count == 0  ? SIZE_MAX
                       : count > 0 ? static_cast<size_t>(count)
                                   : 0 - static_cast<size_t>(count);
  const size_t gone = RemoveFromList(m, ctx.args[3], limit, count < 0);
  m.Commit({EventClass::kList, "lrem"});
  ctx.reply.Uint(gone);
}

void CmdLtrim(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t start = args.Int();
  const int64_t stop = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  constexpr store::Event kEventLtrim = {EventClass::kList, "ltrim"};
  bool trimmed;
  {
    Mutation m = Modify(ctx, ctx.args[1]);
    if (!m.exists()) return ctx.reply.Ok();
    if (!CheckType(ctx, m.record(), Type::kList)) return;
    const size_t size = ListOf(*m.record()).size();
    const Span span = SpanIn(size, start, stop);
    if (!ctx.Spend((size - (span.end - span.begin)) / 64)) return;
    trimmed = TrimList(m, span.begin, span.end);
    m.Commit(kEventLtrim);
  }
  // COMPAT: announced although nothing has changed.
  if (!trimmed) ctx.Writable().Notify(ctx.db, ctx.args[1], kEventLtrim);
  ctx.reply.Ok();
}

void CmdLpos(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  int64_t rank = 1;
  std::optional<int64_t> count;
  int64_t max_compared = 0;
  while (args.HasNext()) {
    if (args.Option("RANK")) {
      rank = args.Int();
      if (rank == INT64_MIN) args.Fail(kErrBeyondInt64);
      if (args.ok() && rank == 0) args.Fail(kErrLposRank);
    } else if (args.Option("COUNT")) {
      count = args.IntIn(0, INT64_MAX, kErrCountNegative);
    } else if (args.Option("MAXLEN")) {
      max_compared = args.IntIn(0, INT64_MAX, kErrMaxlenNegative);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  const ListValue* list;
  if (!ReadList(ctx, &list)) return;
  if (list == nullptr) return count ? ctx.reply.Array(0) : ctx.reply.Null();
  const bool backwards = rank < 0;
  const size_t size = list->size();
  const size_t compared =
      max_compared == 0 ? size : std::min(size, static_cast<size_t>(max_compared));
  constexpr uint64_t kCompareNs = 10;
  if (!SpendCompare(ctx, ctx.args[2], compared, kCompareNs)) return;
  const size_t wanted = !count ? 1 : *count == 0 ? SIZE_MAX : static_cast<size_t>(*count);
  uint64_t to_skip = static_cast<uint64_t>(backwards ? -rank : rank) - 1;
  const uint64_t place = ctx.reply.size();
  size_t seen = 0;
  size_t found = 0;
  list->Compare(backwards ? size - 1 : 0, backwards, store::EncodedElement(ctx.args[2]),
                [&](bool equal) {
                  const size_t index = backwards ? size - 1 - seen : seen;
                  seen++;
                  if (equal && to_skip > 0) {
                    to_skip--;
                  } else if (equal) {
                    found++;
                    ctx.reply.Uint(index);
                  }
                  return found < wanted && seen < compared;
                });
  if (count) {
    ctx.reply.DeferredArray(place, found);
  } else if (found == 0) {
    ctx.reply.Null();
  }
}

void CmdLmove(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const ListEnd from = TakeEnd(args);
  const ListEnd to = args.ok() ? TakeEnd(args) : from;
  if (!args.ok()) return ctx.reply.Error(args.error());
  Move(ctx, from, to);
}

void CmdRpoplpush(Context& ctx) { Move(ctx, ListEnd::kBack, ListEnd::kFront); }

void CmdLmpop(Context& ctx) {
  const std::optional<MultiPop> pop = TakeMultiPop(ctx, 1);
  if (pop && !PopFirst(ctx, *pop)) ctx.reply.NullArray();
}

// --- Forms that wait -----------------------------------------------------------------------------

void CmdBlpop(Context& ctx) { PopOrWait(ctx, ListEnd::kFront); }
void CmdBrpop(Context& ctx) { PopOrWait(ctx, ListEnd::kBack); }

void CmdBlmove(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const ListEnd from = TakeEnd(args);
  const ListEnd to = args.ok() ? TakeEnd(args) : from;
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (const auto timeout_ms = TimeoutMs(ctx, ctx.args[5])) Move(ctx, from, to, timeout_ms);
}

void CmdBrpoplpush(Context& ctx) {
  if (const auto timeout_ms = TimeoutMs(ctx, ctx.args[3]))
    Move(ctx, ListEnd::kBack, ListEnd::kFront, timeout_ms);
}

void CmdBlmpop(Context& ctx) {
  const std::optional<MultiPop> pop = TakeMultiPop(ctx, 2);
  if (!pop) return;
  const std::optional<int64_t> timeout_ms = TimeoutMs(ctx, ctx.args[1]);
  if (!timeout_ms || PopFirst(ctx, *pop)) return;
  if (!WaitFor(ctx, pop->keys, Type::kList, *timeout_ms)) ctx.reply.NullArray();
}

std::span<const CommandSpec> ListCommands() { return kListRows; }

}  // namespace clustron::commands

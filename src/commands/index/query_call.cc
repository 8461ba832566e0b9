#include "commands/index/query_call.h"

#include <utility>

#include "base/check.h"
#include "commands/index/errors.h"

namespace clustron::commands {

namespace {

constexpr int64_t kParamsMax = 1024;
constexpr int64_t kReturnFieldsMax = 64;

// A count, and that so many items of `words` words each follow.
size_t TakeCount(ArgCursor& args, int64_t most, size_t words, std::string_view error) {
  const int64_t count = args.IntIn(1, most, error);
  if (!args.ok()) return 0;
  if (args.remaining() < static_cast<size_t>(count) * words) args.Fail(error);
  return args.ok() ? static_cast<size_t>(count) : 0;
}

void TakeSort(ArgCursor& args, QueryCall* call) {
  for (size_t n = TakeCount(args, store::kSortFieldsMax, 2, kErrQuerySort); n > 0; n--) {
    const std::string_view field = args.Next();
    const bool descending = args.Token("DESC");
    if (!descending && !args.Token("ASC")) return args.Fail(kErrQuerySortWay);
    call->sort.push_back({field, descending});
  }
}

void TakeReturn(ArgCursor& args, QueryCall* call) {
  using Return = QueryCall::Return;
  if (args.Token("KEYS")) {
    call->what = Return::kKeys;
  } else if (args.Token("VALUES")) {
    call->what = Return::kValues;
  } else if (args.Token("COUNT")) {
    call->what = Return::kCount;
  } else if (args.Token("FIELDS")) {
    call->what = Return::kFields;
    for (size_t n = TakeCount(args, kReturnFieldsMax, 1, kErrQueryFields); n > 0; n--)
      call->fields.push_back(args.Next());
  } else {
    args.Fail(kErrQueryReturn);
  }
}

void TakeReduce(ArgCursor& args, QueryCall* call) {
  using Kind = store::Reducer::Kind;
  struct Word {
    std::string_view text;
    Kind kind;
  };
  static constexpr Word kWords[] = {
      {"SUM", Kind::kSum}, {"AVG", Kind::kAvg}, {"MIN", Kind::kMin}, {"MAX", Kind::kMax}};
  for (size_t n = TakeCount(args, store::kReducersMax, 1, kErrQueryReduce); n > 0; n--) {
    if (args.Token("COUNT")) {
      call->reduce.push_back({Kind::kCount, {}});
      continue;
    }
    const Word* found = nullptr;
    for (const Word& word : kWords)
      if (found == nullptr && args.Option(word.text)) found = &word;
    if (found == nullptr) return args.Fail(kErrQueryReducer);
    call->reduce.push_back({found->kind, args.Next()});
  }
}

void TakeParams(ArgCursor& args, QueryCall* call) {
  for (size_t n = TakeCount(args, kParamsMax, 2, kErrQueryParams); n > 0; n--) {
    const std::string_view name = args.Next();
    call->params.push_back({name, args.Next()});
  }
}

void TakeLimit(ArgCursor& args, int64_t most, QueryCall* call) {
  call->limit = static_cast<uint64_t>(args.IntIn(1, most, kErrQueryLimit));
}

// True if the next words belong to this form.
bool TakeOfQuery(ArgCursor& args, QueryCall* call) {
  if (args.Option("SORT")) {
    TakeSort(args, call);
  } else if (args.Option("LIMIT")) {
    TakeLimit(args, kQueryLimitMax, call);
  } else if (args.Option("AFTER")) {
    call->after = args.Next();
  } else if (args.Option("RETURN")) {
    TakeReturn(args, call);
  } else {
    return false;
  }
  return true;
}
bool TakeOfAggregate(ArgCursor& args, QueryCall* call) {
  if (args.Option("GROUP")) {
    for (size_t n = TakeCount(args, store::kGroupFieldsMax, 1, kErrQueryGroup); n > 0; n--)
      call->group.push_back(args.Next());
  } else if (args.Option("REDUCE")) {
    TakeReduce(args, call);
  } else {
    return false;
  }
  return true;
}
bool TakeOfPurge(ArgCursor& args, QueryCall* call) {
  if (args.Option("LIMIT")) {
    TakeLimit(args, INT64_MAX, call);
  } else if (args.remaining() == 2 && args.Option("DELETED")) {
    // Of a call that goes on: the server puts it behind all others.
    call->deleted = args.Unsigned();
  } else {
    return false;
  }
  return true;
}

bool TakeOfForm(ArgCursor& args, QueryForm form, QueryCall* call) {
  switch (form) {
    case QueryForm::kQuery:
      return TakeOfQuery(args, call);
    case QueryForm::kAggregate:
      return TakeOfAggregate(args, call);
    case QueryForm::kPurge:
      return TakeOfPurge(args, call);
  }
  UNREACHABLE();
}

}  // namespace

QueryCall ParseQueryCall(ArgCursor& args, QueryForm form) {
  QueryCall call;
  call.index = args.Next();
  while (args.HasNext()) {
    if (args.Option("WHERE")) {
      call.where = args.Next();
    } else if (args.Option("PARAMS")) {
      TakeParams(args, &call);
    } else if (!TakeOfForm(args, form, &call)) {
      args.Fail(kErrSyntax);
    }
  }
  if (form == QueryForm::kAggregate && call.reduce.empty()) args.Fail(kErrQueryReduce);
  if (form == QueryForm::kPurge && !call.where) args.Fail(kErrPurgeWhere);
  return call;
}

const store::Index* AskedIndex(Context& ctx, std::string_view name) {
  const store::Index* index = IndexesOf(ctx.store).Find(ctx.db, name);
  if (index == nullptr) {
    ctx.reply.Error(NoSuchIndex(name));
  } else if (!index->ready()) {
    ctx.reply.Error(NotBuilt(name, *index));
    return nullptr;
  }
  return index;
}

std::optional<store::BoundQuery> BindWhere(Context& ctx, const QueryCall& call,
                                           const store::IndexDefinition& definition) {
  if (!call.where) return store::BoundQuery();
  const auto expr = store::ParseQuery(*call.where, call.params);
  if (!expr) {
    ctx.reply.Error(BadQuery(expr.error()));
    return std::nullopt;
  }
  auto bound = store::BindQuery(*expr, definition);
  if (!bound) {
    ctx.reply.Error(BadQuery(bound.error()));
    return std::nullopt;
  }
  return *std::move(bound);
}

std::optional<size_t> AskedField(Context& ctx, std::string_view word, std::string_view name,
                                 FieldUse use, const store::IndexDefinition& definition) {
  const std::optional<size_t> field = store::FindField(definition, name);
  if (!field) {
    ctx.reply.Error(NoSuchQueryField(word, name));
    return std::nullopt;
  }
  const store::FieldType type =
      *field == store::kKeyItself ? store::FieldType::kTag : definition.fields[*field].type;
  if (use == FieldUse::kSum && type != store::FieldType::kNum) {
    ctx.reply.Error(MisfitQueryField(word, name, "NUM"));
    return std::nullopt;
  }
  if (use != FieldUse::kGroup && type == store::FieldType::kText) {
    ctx.reply.Error(MisfitQueryField(word, name, "NUM or TAG"));
    return std::nullopt;
  }
  return field;
}

}  // namespace clustron::commands

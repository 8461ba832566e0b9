#include "commands/core/txn_call.h"

#include <algorithm>

#include "base/numeric.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/error_txn.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/types/hash/hash_value.h"
#include "store/types/string/string_value.h"

namespace clustron::commands {

namespace {

using Kind = TxnCondition::Kind;
using Op = TxnCondition::Op;
using store::KeyRecord;
using store::Type;

Op TakeOp(ArgCursor& args) {
  const std::string_view text = args.Next();
  if (text == "=") return Op::kEq;
  if (text == "!=") return Op::kNe;
  if (text == "<") return Op::kLt;
  if (text == "<=") return Op::kLe;
  if (text == ">") return Op::kGt;
  if (text == ">=") return Op::kGe;
  args.FailWith(TxnUnknownOperator(text));
  return Op::kEq;
}

template <typename T>
bool Compare(const T& a, Op op, const T& b) {
  switch (op) {
    case Op::kEq:
      return a == b;
    case Op::kNe:
      return a != b;
    case Op::kLt:
      return a < b;
    case Op::kLe:
      return a <= b;
    case Op::kGt:
      return a > b;
    case Op::kGe:
      return a >= b;
  }
  return false;
}

// Two integers compare as numbers, everything else byte by byte.
bool CompareValues(std::string_view a, Op op, std::string_view b) {
  const std::optional<int64_t> a_number = ParseInt64(a);
  const std::optional<int64_t> b_number = ParseInt64(b);
  if (a_number && b_number) return Compare(*a_number, op, *b_number);
  return Compare(a, op, b);
}

TxnCondition TakeCondition(ArgCursor& args) {
  TxnCondition c;
  const auto key = [&] {
    c.key_index = args.position();
    c.key = args.Next();
  };
  if (args.Token("EXISTS") || args.Token("ABSENT")) {
    c.kind = args.LastWas("EXISTS") ? Kind::kExists : Kind::kAbsent;
    key();
  } else if (args.Token("REV") || args.Token("LEN")) {
    c.kind = args.LastWas("REV") ? Kind::kRevision : Kind::kLength;
    key();
    c.op = TakeOp(args);
    c.number = args.Unsigned();
  } else if (args.Token("VALUE")) {
    c.kind = Kind::kValue;
    key();
    c.op = TakeOp(args);
    c.value = args.Next();
  } else if (args.Token("FIELD")) {
    c.kind = Kind::kField;
    key();
    c.field = args.Next();
    c.op = TakeOp(args);
    c.value = args.Next();
  } else if (args.Token("LEASE")) {
    c.kind = Kind::kLease;
    key();
    c.value = args.Next();
  } else if (args.Token("LOCK")) {
    c.kind = Kind::kLock;
    key();
    c.number = args.Unsigned();
  } else if (args.Token("ALIVE")) {
    c.kind = Kind::kAlive;
    key();
  } else {
    args.FailWith(TxnUnknownCondition(args.Next()));
  }
  return c;
}

// How many conditions or commands follow the word. No number is misuse; too many is a limit.
int64_t TakeCount(ArgCursor& args, std::string_view word, size_t max) {
  if (args.ok() && !args.HasNext()) args.FailWith(TxnCountMissing(word));
  const std::string_view shown = args.HasNext() ? args.Peek() : std::string_view();
  const auto count = ParseInt64(args.Next());
  if (args.ok() && (!count || *count < 0)) {
    args.FailWith(WithPrefix(kErrNotInteger, std::string(word) + " " + Quoted(shown)));
  }
  if (args.ok() && *count > static_cast<int64_t>(max)) args.Fail(kErrTxnLimit);
  return args.ok() ? *count : 0;
}

void TakeConditions(ArgCursor& args, Args all, std::vector<TxnCondition>* out) {
  const int64_t count = TakeCount(args, "IF", kTxnConditionsMax);
  for (size_t i = 0; i < static_cast<size_t>(count) && args.ok(); i++) {
    const auto which = [&] { return TxnPart("IF", i, count); };
    if (!args.HasNext() || IsWord(args.Peek(), "THEN")) {
      return args.FailWith(TxnPartMissing(which()));
    }
    ArgCursor one(all.subspan(args.position()), 0);
    out->push_back(TakeCondition(one));
    out->back().key_index += args.position();
    if (!one.ok()) {
      const bool cut = one.error() == kErrSyntax;  // nothing else is one here
      return args.FailWith(cut ? TxnPartCut(which()) : WithPrefix(one.error(), which()));
    }
    args.Skip(one.position());
  }
}

void TakeCommands(ArgCursor& args, Args all, std::string_view word, std::vector<Args>* out) {
  const int64_t count = TakeCount(args, word, kTxnCommandsMax);
  for (size_t i = 0; i < static_cast<size_t>(count) && args.ok(); i++) {
    const auto which = [&] { return TxnPart(word, i, count); };
    if (!args.HasNext()) return args.FailWith(TxnPartMissing(which()));
    const std::string_view shown = args.Peek();
    const auto size = ParseInt64(args.Next());
    if (!size || *size < 1) return args.FailWith(TxnNoSize(which(), shown));
    if (static_cast<uint64_t>(*size) > args.remaining()) {
      return args.FailWith(TxnFewWords(which(), args.remaining(), *size));
    }
    out->push_back(all.subspan(args.position(), static_cast<size_t>(*size)));
    args.Skip(static_cast<size_t>(*size));
  }
}

// Absent and != is true, absent and anything else false.
bool CompareOptional(std::optional<std::string_view> present, Op op, std::string_view wanted) {
  return present ? CompareValues(*present, op, wanted) : op == Op::kNe;
}

// As much of the string as decides how it compares with `wanted`: it may be long. What is no number
// is none when it is cut, either.
std::string_view Comparable(const KeyRecord& record, std::string_view wanted,
                            store::Scratch& scratch) {
  constexpr size_t kLongerThanNumbers = 64;
  return StringOf(record).Range(0, std::max(wanted.size() + 1, kLongerThanNumbers), scratch);
}

uint64_t LengthOf(const KeyRecord* record) {
  return record == nullptr ? 0 : ValueTypeOf(*record).count(*record);
}

}  // namespace

std::string ParseTxn(Args all, TxnCall* out) {
  ArgCursor args(all);
  if (args.Token("IF")) TakeConditions(args, all, &out->conditions);
  if (args.ok() && !args.Token("THEN")) {
    args.FailWith(args.HasNext() ? TxnNoThen(args.Peek()) : std::string(kErrTxnNoThen));
  }
  TakeCommands(args, all, "THEN", &out->then_commands);
  if (args.HasNext()) {
    if (!args.Token("ELSE")) args.FailWith(TxnNoElse(args.Peek()));
    TakeCommands(args, all, "ELSE", &out->else_commands);
  }
  if (args.HasNext()) args.FailWith(TxnNoEnd(args.Peek()));
  return std::string(args.error());
}

bool ConditionHolds(const TxnCondition& c, const store::Store& store, int db,
                    std::string_view* error) {
  switch (c.kind) {
    case Kind::kAlive:
      return LeasesOf(store).Find(c.key) != nullptr;
    case Kind::kLock: {
      const store::Lock* lock = LocksOf(store).Find(db, c.key);
      return lock != nullptr && lock->Find(c.number) != nullptr;
    }
    case Kind::kLease: {
      const store::Lease* lease = LeasesOf(store).LeaseOf(db, c.key);
      return lease != nullptr && lease->id == c.value;
    }
    default:
      break;
  }
  const KeyRecord* record = store.Find(db, c.key);
  store::Scratch scratch;
  switch (c.kind) {
    case Kind::kExists:
      return record != nullptr;
    case Kind::kAbsent:
      return record == nullptr;
    case Kind::kRevision:
      return Compare(record == nullptr ? 0 : record->revision(), c.op, c.number);
    case Kind::kLength:
      return Compare(LengthOf(record), c.op, c.number);
    case Kind::kValue:
      if (record == nullptr) return CompareOptional(std::nullopt, c.op, c.value);
      if (record->type() == Type::kString) {
        return CompareOptional(Comparable(*record, c.value, scratch), c.op, c.value);
      }
      break;
    case Kind::kField:
      if (record == nullptr) return CompareOptional(std::nullopt, c.op, c.value);
      if (record->type() == Type::kHash) {
        return CompareOptional(HashOf(*record).Get(c.field), c.op, c.value);
      }
      break;
    default:
      break;
  }
  *error = kErrWrongType;
  return false;
}

}  // namespace clustron::commands

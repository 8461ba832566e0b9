// BITFIELD and BITFIELD_RO: integers of 1 to 64 bits at any bit offset of a string.
#include <algorithm>
#include <cstring>
#include <vector>

#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/string/bit_offset.h"
#include "commands/string/bitmap.spec.h"
#include "commands/string/errors.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::KeyRecord;
using store::Mutation;
using store::Type;

namespace {

__extension__ using Wide = __int128;

enum class Overflow : uint8_t { kWrap, kSaturate, kFail };
enum class Op : uint8_t { kGet, kSet, kIncrement };

struct FieldOp {
  Op op = Op::kGet;
  Overflow overflow = Overflow::kWrap;
  bool is_signed = false;
  unsigned bits = 0;
  uint64_t offset = 0;
  int64_t operand = 0;
};

// "i16", "u8"; u64 does not fit into a reply.
void TakeFieldType(ArgCursor& args, FieldOp* op) {
  const std::string_view text = args.Next();
  op->is_signed = !text.empty() && text[0] == 'i';
  const std::optional<int64_t> bits = text.empty() || (text[0] != 'i' && text[0] != 'u')
                                          ? std::nullopt
                                          : ParseInt64(text.substr(1));
  if (!bits || *bits < 1 || *bits > (op->is_signed ? 64 : 63)) {
    args.Fail(kErrBitfieldType);
    return;
  }
  op->bits = static_cast<unsigned>(*bits);
}

void TakeOverflow(ArgCursor& args, Overflow* overflow) {
  if (args.Token("WRAP")) {
    *overflow = Overflow::kWrap;
  } else if (args.Token("SAT")) {
    *overflow = Overflow::kSaturate;
  } else if (args.Token("FAIL")) {
    *overflow = Overflow::kFail;
  } else {
    args.Fail(kErrBitfieldOverflow);
  }
}

std::vector<FieldOp> ParseOps(ArgCursor& args, bool read_only) {
  std::vector<FieldOp> ops;
  Overflow overflow = Overflow::kWrap;
  bool writes = false;
  while (args.HasNext()) {
    FieldOp op;
    op.overflow = overflow;
    if (args.Option("OVERFLOW")) {
      TakeOverflow(args, &overflow);
      continue;
    }
    if (args.Option("GET", 2)) {
      op.op = Op::kGet;
    } else if (args.Option("SET", 3)) {
      op.op = Op::kSet;
    } else if (args.Option("INCRBY", 3)) {
      op.op = Op::kIncrement;
    } else {
      args.Fail(kErrSyntax);
      break;
    }
    TakeFieldType(args, &op);
    op.offset = TakeBitOffset(args, op.bits);
    if (op.op != Op::kGet) {
      op.operand = args.Int();
      writes = true;
    }
    ops.push_back(op);
  }
  if (args.ok() && read_only && writes) args.Fail(kErrBitfieldReadonly);
  return ops;
}

// The bytes that a field touches, nine at most: bytes behind the string's end are zeros.
struct Window {
  static constexpr size_t kBytesMax = 9;
  size_t first_byte;
  size_t size;
  unsigned char bytes[kBytesMax] = {};

  Window(const KeyRecord* record, const FieldOp& op)
      : first_byte(op.offset >> 3), size(((op.offset & 7) + op.bits + 7) >> 3) {
    if (record == nullptr || first_byte >= StringOf(*record).size()) return;
    store::Scratch scratch;
    const std::string_view text = StringOf(*record).Range(first_byte, size, scratch);
    std::memcpy(bytes, text.data(), text.size());
  }
  bool Bit(size_t at) const { return (bytes[at >> 3] >> (7 - (at & 7)) & 1) != 0; }
  uint64_t Get(const FieldOp& op) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < op.bits; i++) value = value << 1 | (Bit((op.offset & 7) + i) ? 1 : 0);
    return value;
  }
  void Set(const FieldOp& op, uint64_t value) {
    for (unsigned i = 0; i < op.bits; i++) {
      const size_t at = (op.offset & 7) + i;
      const auto mask = static_cast<unsigned char>(0x80 >> (at & 7));
      const bool bit = (value >> (op.bits - 1 - i) & 1) != 0;
      bytes[at >> 3] =
          static_cast<unsigned char>(bit ? bytes[at >> 3] | mask : bytes[at >> 3] & ~mask);
    }
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes), size}; }
};

// The low bits as a number of the field's kind.
int64_t Interpret(const FieldOp& op, uint64_t bits) {
  if (op.bits < 64) {
    bits &= (uint64_t{1} << op.bits) - 1;
    if (op.is_signed && (bits >> (op.bits - 1)) != 0) bits |= ~uint64_t{0} << op.bits;
  }
  return static_cast<int64_t>(bits);
}

// The value as the field will hold it; nothing if it does not fit and OVERFLOW FAIL says to leave
// the field alone.
std::optional<int64_t> Fit(const FieldOp& op, Wide value) {
  const Wide high = (Wide{1} << (op.is_signed ? op.bits - 1 : op.bits)) - 1;
  const Wide low = op.is_signed ? -high - 1 : 0;
  if (value >= low && value <= high) return static_cast<int64_t>(value);
  switch (op.overflow) {
    case Overflow::kWrap:
      return Interpret(op, static_cast<uint64_t>(value));
    case Overflow::kSaturate:
      return static_cast<int64_t>(value > high ? high : low);
    case Overflow::kFail:
      break;
  }
  return std::nullopt;
}

// COMPAT: what SET gives an unsigned field is unsigned too: -1 is above every bound.
Wide Operand(const FieldOp& op) {
  return op.is_signed ? Wide{op.operand} : Wide{static_cast<uint64_t>(op.operand)};
}

// Where the last field ends that is written.
uint64_t EndOf(const std::vector<FieldOp>& ops) {
  uint64_t end = 0;
  for (const FieldOp& op : ops) {
    if (op.op != Op::kGet) end = std::max(end, (op.offset + op.bits + 7) >> 3);
  }
  return end;
}

// COMPAT: the string grows to the end of the last field that is written, even if OVERFLOW FAIL then
// leaves all fields alone. True if it did.
bool Grow(Mutation& m, const std::vector<FieldOp>& ops) {
  const uint64_t end = EndOf(ops);
  if (m.exists() && StringOf(*m.record()).size() >= end) return false;
  WriteString(m, end - 1, {"\0", 1});
  return true;
}

// True if growing and the longest reply that there may be are within the item's budget: they are
// looked at before anything is changed.
bool SpendWrites(Context& ctx, const KeyRecord* record, const std::vector<FieldOp>& ops) {
  constexpr size_t kIntReplyBytes = 23;
  const uint64_t old_size = record == nullptr ? 0 : StringOf(*record).size();
  const uint64_t end = EndOf(ops);
  if (end > old_size && !SpendZeros(ctx, end - old_size)) return false;
  return ctx.HasReplyRoom((ops.size() + 1) * kIntReplyBytes);
}

// COMPAT: whatever it writes, the string is raw from then on.
void MakeRaw(Mutation& m) {
  if (m.record()->encoding() == "raw") return;
  store::Scratch scratch;
  const std::string first(StringOf(*m.record()).Range(0, 1, scratch));
  WriteString(m, 0, first);
}

void RunWrites(Context& ctx, const std::vector<FieldOp>& ops) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kString)) return;
  if (!SpendWrites(ctx, m.record(), ops)) return;
  const bool grew = Grow(m, ops);
  MakeRaw(m);
  bool changed = false;
  ctx.reply.Array(ops.size());
  for (const FieldOp& op : ops) {
    Window window(m.record(), op);
    const int64_t old = Interpret(op, window.Get(op));
    if (op.op == Op::kGet) {
      ctx.reply.Int(old);
      continue;
    }
    const auto value = Fit(op, op.op == Op::kSet ? Operand(op) : Wide{old} + op.operand);
    if (!value) {
      ctx.reply.Null();
      continue;
    }
    ctx.reply.Int(op.op == Op::kSet ? old : *value);
    changed = changed || grew || *value != old;
    if (*value == old) continue;
    window.Set(op, static_cast<uint64_t>(*value));
    WriteString(m, window.first_byte, window.view());
  }
  m.Commit({EventClass::kString, changed ? "setbit" : ""});
}

void RunReads(Context& ctx, const std::vector<FieldOp>& ops) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kString)) return;
  ctx.reply.Array(ops.size());
  for (const FieldOp& op : ops) ctx.reply.Int(Interpret(op, Window(record, op).Get(op)));
}

void Bitfield(Context& ctx, bool read_only) {
  ArgCursor args(ctx.args, 2);
  const std::vector<FieldOp> ops = ParseOps(args, read_only);
  if (!args.ok()) return ctx.reply.Error(args.error());
  for (const FieldOp& op : ops) {
    if (op.op != Op::kGet) return RunWrites(ctx, ops);
  }
  RunReads(ctx, ops);
}

}  // namespace

Class BitfieldClass(Args args) {
  std::vector<KeyRef> keys;
  BitfieldKeys(args, &keys);
  return (keys[0].flags & KeySpec::kRo) != 0 ? Class::kRead : Class::kWrite;
}

bool BitfieldKeys(std::span<const std::string_view> args, std::vector<KeyRef>* out) {
  uint32_t flags = KeySpec::kRo | KeySpec::kAccess;
  for (size_t i = 2; i < args.size(); i++) {
    if (IsWord(args[i], "SET") || IsWord(args[i], "INCRBY")) {
      flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate;
    }
  }
  out->push_back({1, flags});
  return true;
}

void CmdBitfield(Context& ctx) { Bitfield(ctx, /*read_only=*/false); }
void CmdBitfieldRo(Context& ctx) { Bitfield(ctx, /*read_only=*/true); }

}  // namespace clustron::commands

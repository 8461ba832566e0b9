// Strings as arrays of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Bit 0 is the highest of the
// first byte.
#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "base/breather.h"
#include "base/memory.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/registry.h"
#include "commands/string/bit_offset.h"
#include "commands/string/bitmap.spec.h"
#include "commands/string/errors.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::KeyRecord;
using store::Mutation;
using store::StringForm;
using store::Type;

namespace {

int TakeBit(ArgCursor& args) { return static_cast<int>(args.IntIn(0, 1, kErrBitValue)); }

uint64_t CountBits(std::string_view bytes) {
  uint64_t count = 0;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    count += static_cast<uint64_t>(std::popcount(word));
  }
  for (; i < bytes.size(); i++) {
    count += static_cast<uint64_t>(std::popcount(static_cast<unsigned char>(bytes[i])));
  }
  return count;
}

bool BitAt(std::string_view bytes, size_t bit) {
  return (static_cast<unsigned char>(bytes[bit >> 3]) >> (7 - (bit & 7)) & 1) != 0;
}

// The first bit of this value in [from, to], both inclusive; npos if there is none.
size_t FindBit(std::string_view bytes, bool bit, size_t from, size_t to) {
  const uint64_t skip = bit ? 0 : ~uint64_t{0};  // bytes without it
  for (size_t at = from; at <= to;) {
    if ((at & 7) == 0) {
      for (uint64_t word; (at >> 3) + 8 <= bytes.size(); at += 64) {
        std::memcpy(&word, bytes.data() + (at >> 3), 8);
        if (word != skip) break;
      }
      if (at > to) break;
      if (static_cast<uint8_t>(bytes[at >> 3]) == static_cast<uint8_t>(skip)) {
        at += 8;
        continue;
      }
    }
    if (BitAt(bytes, at) == bit) return at;
    at++;
  }
  return std::string_view::npos;
}

size_t FindBit(const KeyRecord& record, bool bit, size_t from, size_t to) {
  size_t found = std::string_view::npos;
  size_t begin = from >> 3;  // of the piece
  StringOf(record).ForEachPiece(begin, (to >> 3) - begin + 1, [&](std::string_view piece) {
    if (found == std::string_view::npos) {
      const size_t first = std::max(from, begin * 8) - begin * 8;
      const size_t last = std::min(to - begin * 8, piece.size() * 8 - 1);
      const size_t in_piece = FindBit(piece, bit, first, last);
      if (in_piece != std::string_view::npos) found = begin * 8 + in_piece;
      Breathe();
    }
    begin += piece.size();
  });
  return found;
}

// A range of bytes or bits, cut to what there is. `first > last`: empty.
struct BitRange {
  int64_t first = 0;
  int64_t last = -1;
  bool in_bits = false;
  bool has_end = false;
};

void CutRange(BitRange& range, size_t size_bytes) {
  const int64_t total = static_cast<int64_t>(size_bytes) * (range.in_bits ? 8 : 1);
  if (range.first < 0) range.first = std::max<int64_t>(total + range.first, 0);
  if (range.last < 0) range.last = std::max<int64_t>(total + range.last, 0);
  range.last = std::min(range.last, total - 1);
}

// [BYTE | BIT] at the end of BITCOUNT and BITPOS.
void TakeUnit(ArgCursor& args, BitRange* range) {
  if (!args.HasNext()) return;
  range->in_bits = args.Token("BIT");
  if (!range->in_bits && !args.Token("BYTE")) args.Fail(kErrSyntax);
  args.ExpectEnd();
}

// result[i] = f(result[i], bytes[i])
template <typename F>
void CombineWith(char* result, std::string_view bytes, F&& f) {
  for (size_t i = 0; i < bytes.size(); i++) result[i] = static_cast<char>(f(result[i], bytes[i]));
}

// The string as long as the longest of them: shorter ones count as padded with zeros. Null: absent.
std::string CombineAll(std::string_view op, const std::vector<const KeyRecord*>& sources) {
  size_t size = 0;
  for (const KeyRecord* source : sources)
    if (source != nullptr) size = std::max(size, StringOf(*source).size());
  std::string result;
  ReserveBig(&result, size);
  const auto for_each_piece = [](const KeyRecord* source, auto&& f) {
    if (source == nullptr) return;
    StringOf(*source).ForEachPiece([&](std::string_view piece) {
      f(piece);
      Breathe();
    });
  };
  for_each_piece(sources[0], [&](std::string_view piece) { result.append(piece); });
  result.resize(size);
  if (op == "NOT")
    for (char& c : result) c = static_cast<char>(~c);
  for (size_t s = 1; s < sources.size(); s++) {
    size_t at = 0;
    for_each_piece(sources[s], [&](std::string_view piece) {
      char* const to = result.data() + at;
      if (op == "AND") CombineWith(to, piece, [](char a, char b) { return a & b; });
      if (op == "OR") CombineWith(to, piece, [](char a, char b) { return a | b; });
      if (op == "XOR") CombineWith(to, piece, [](char a, char b) { return a ^ b; });
      at += piece.size();
    });
    if (op == "AND") std::memset(result.data() + at, 0, size - at);
  }
  return result;
}

}  // namespace

void CmdSetbit(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const uint64_t offset = TakeBitOffset(args);
  const int bit = TakeBit(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kString)) return;
  // COMPAT: a bit that is so already is no change, unless the string grows; but it is raw from now
  // on.
  bool same = false;
  if (m.exists() && offset >> 3 < StringOf(*m.record()).size()) {
    store::Scratch scratch;
    same = BitAt(StringOf(*m.record()).Range(offset >> 3, 1, scratch), offset & 7) == (bit != 0);
    if (same && m.record()->encoding() == "raw") return ctx.reply.Int(bit);
  }
  const size_t old_size = m.exists() ? StringOf(*m.record()).size() : 0;
  if (offset >> 3 > old_size && !SpendZeros(ctx, (offset >> 3) - old_size)) return;
  const bool old = SetStringBit(m, offset, bit != 0);
  m.Commit({EventClass::kString, same ? "" : "setbit"});
  ctx.reply.Int(old ? 1 : 0);
}

void CmdGetbit(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const uint64_t offset = TakeBitOffset(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kString)) return;
  if (record == nullptr || offset >> 3 >= StringOf(*record).size()) return ctx.reply.Int(0);
  store::Scratch scratch;
  ctx.reply.Int(BitAt(StringOf(*record).Range(offset >> 3, 1, scratch), offset & 7) ? 1 : 0);
}

void CmdBitcount(Context& ctx) {
  // COMPAT: a missing key is 0 whatever the options are.
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr) return ctx.reply.Int(0);
  if (!CheckType(ctx, record, Type::kString)) return;
  BitRange range;
  ArgCursor args(ctx.args, 2);
  if (args.remaining() == 1 || args.remaining() > 3) args.Fail(kErrSyntax);
  if (args.HasNext()) {
    range.first = args.Int();
    range.last = args.Int();
    // COMPAT: the wrong way round is empty, even where cutting would make it one element, and that
    // comes before a wrong unit.
    if (args.ok() && range.first < 0 && range.last < 0 && range.first > range.last) {
      return ctx.reply.Int(0);
    }
    TakeUnit(args, &range);
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  CutRange(range, StringOf(*record).size());
  if (range.first > range.last) return ctx.reply.Int(0);

  const int64_t first_byte = range.in_bits ? range.first >> 3 : range.first;
  const int64_t last_byte = range.in_bits ? range.last >> 3 : range.last;
  if (!ctx.SpendRead(static_cast<uint64_t>(last_byte - first_byte))) return;
  uint64_t count = 0;
  StringOf(*record).ForEachPiece(static_cast<size_t>(first_byte),
                                 static_cast<size_t>(last_byte - first_byte + 1),
                                 [&](std::string_view piece) {
                                   count += CountBits(piece);
                                   Breathe();
                                 });
  if (range.in_bits) {
    store::Scratch scratch;
    const auto byte_at = [&](int64_t at) {
      return static_cast<unsigned char>(
          StringOf(*record).Range(static_cast<size_t>(at), 1, scratch).front());
    };
    const unsigned first = byte_at(first_byte);
    const unsigned last = byte_at(last_byte);
    // Take away what lies before the first and behind the last bit in their bytes.
    const unsigned before = first & ~(0xffU >> (range.first & 7)) & 0xffU;
    const unsigned behind = last & (0x7fU >> (range.last & 7));
    count -= static_cast<uint64_t>(std::popcount(before) + std::popcount(behind));
  }
  ctx.reply.Uint(count);
}

void CmdBitpos(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t bit = args.Int();
  if (args.ok() && bit != 0 && bit != 1) args.Fail(kErrBitArgument);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr) return ctx.reply.Int(bit == 1 ? -1 : 0);
  if (!CheckType(ctx, record, Type::kString)) return;
  if (ctx.args.size() > 6) return ctx.reply.Error(kErrSyntax);  // COMPAT: before any value
  BitRange range;
  if (args.HasNext()) range.first = args.Int();
  if (args.HasNext()) {
    // COMPAT: the unit is looked at before the end.
    ArgCursor unit(ctx.args, 5);
    TakeUnit(unit, &range);
    if (!unit.ok()) args.Fail(unit.error());
    range.last = args.Int();
    range.has_end = true;
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  CutRange(range, StringOf(*record).size());
  if (range.first > range.last) return ctx.reply.Int(-1);
  const int64_t scale = range.in_bits ? 1 : 8;
  const auto first = static_cast<size_t>(range.first * scale);
  const auto last = static_cast<size_t>((range.last + 1) * scale - 1);
  // Nearly always it is found near the beginning.
  constexpr size_t kNearBits = 8 * 65'536;
  const size_t near = std::min(last, first + kNearBits);
  if (!ctx.Spend(static_cast<uint64_t>((range.last - range.first) * scale / 8) / 8, 0)) return;
  size_t found = FindBit(*record, bit == 1, first, near);
  if (found == std::string_view::npos && near < last) {
    if (!ctx.Spend(0, (last - near) / 8 / 4)) return;
    found = FindBit(*record, bit == 1, near + 1, last);
  }
  if (found != std::string_view::npos) return ctx.reply.Uint(found);
  // COMPAT: behind a string there are zeros, unless the end was given.
  ctx.reply.Int(bit == 0 && !range.has_end ? static_cast<int64_t>(StringOf(*record).size()) * 8
                                           : -1);
}

void CmdBitop(Context& ctx) {
  std::string op(ctx.args[1]);
  for (char& c : op) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (op != "AND" && op != "OR" && op != "XOR" && op != "NOT") return ctx.reply.Error(kErrSyntax);
  if (op == "NOT" && ctx.args.size() != 4) return ctx.reply.Error(kErrBitNotKeys);
  std::vector<const KeyRecord*> sources;
  for (std::string_view key : ctx.args.subspan(3)) {
    const KeyRecord* record = ctx.store.Find(ctx.db, key);
    if (!CheckType(ctx, record, Type::kString)) return;
    sources.push_back(record);
  }
  uint64_t longest = 0;
  for (const KeyRecord* source : sources) {
    if (source == nullptr) continue;
    longest = std::max<uint64_t>(longest, StringOf(*source).size());
    if (!ctx.SpendRead(StringOf(*source).size())) return;
  }
  if (!ctx.SpendMade(longest)) return;
  const std::string result = CombineAll(op, sources);
  Mutation m = Modify(ctx, ctx.args[2]);
  if (!result.empty()) {
    SetString(m, result, store::Keep::kNothing, StringForm::kRaw);
    m.Commit(kEventSet);
  } else if (m.exists()) {
    m.Delete();
    m.Commit(kEventDel);
  }
  ctx.reply.Uint(result.size());
}

std::span<const CommandSpec> BitmapCommands() { return kBitmapRows; }

}  // namespace clustron::commands

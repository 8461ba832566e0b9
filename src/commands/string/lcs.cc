// LCS: the longest common subsequence of two strings, its length, or the ranges that it is made of.
// The table of lengths is the textbook one (Wagner, Fischer 1974): row i, column j holds the length
// for the first i bytes of one and the first j of the other.
#include <algorithm>
#include <string>
#include <vector>

#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/string/errors.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Type;

namespace {

struct LcsOptions {
  bool length = false;
  bool ranges = false;
  bool with_match_length = false;
  int64_t match_length_min = 0;
};

LcsOptions ParseOptions(ArgCursor& args) {
  LcsOptions o;
  while (args.HasNext()) {
    if (args.Token("IDX")) {
      o.ranges = true;
    } else if (args.Token("LEN")) {
      o.length = true;
    } else if (args.Token("WITHMATCHLEN")) {
      o.with_match_length = true;
    } else if (args.Option("MINMATCHLEN")) {
      o.match_length_min = std::max<int64_t>(args.Int(), 0);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (args.ok() && o.length && o.ranges) args.Fail(kErrLcsLenIdx);
  return o;
}

class LcsTable {
 public:
  LcsTable(std::string_view a, std::string_view b)
      : a_(a), b_(b), width_(b.size() + 1), cells_((a.size() + 1) * width_) {
    for (size_t i = 1; i <= a.size(); i++) {
      for (size_t j = 1; j <= b.size(); j++) {
        Cell(i, j) =
            a[i - 1] == b[j - 1] ? At(i - 1, j - 1) + 1 : std::max(At(i - 1, j), At(i, j - 1));
      }
    }
  }
  // Cells needed for two strings of these sizes.
  static bool Fits(size_t a, size_t b) {
    return (a + 1) <= kStringBytesMax / sizeof(uint32_t) / (b + 1);
  }
  uint32_t length() const { return At(a_.size(), b_.size()); }

  // From the end: byte(i, j) is called for each byte of the subsequence, by 0-based positions.
  template <typename F>
  void Walk(F&& byte) const {
    size_t i = a_.size();
    size_t j = b_.size();
    while (i > 0 && j > 0) {
      if (a_[i - 1] == b_[j - 1]) {
        byte(--i, --j);
      } else if (At(i - 1, j) > At(i, j - 1)) {
        i--;
      } else {
        j--;
      }
    }
  }

 private:
  uint32_t& Cell(size_t i, size_t j) { return cells_[i * width_ + j]; }
  uint32_t At(size_t i, size_t j) const { return cells_[i * width_ + j]; }

  std::string_view a_;
  std::string_view b_;
  size_t width_;
  std::vector<uint32_t> cells_;
};

// Bytes that are adjacent in both strings, as inclusive ranges.
struct Match {
  size_t a_first, a_last, b_first, b_last;
  size_t size() const { return a_last - a_first + 1; }
};

std::vector<Match> Matches(const LcsTable& table) {
  std::vector<Match> matches;
  table.Walk([&](size_t i, size_t j) {
    if (!matches.empty() && matches.back().a_first == i + 1 && matches.back().b_first == j + 1) {
      matches.back().a_first = i;
      matches.back().b_first = j;
    } else {
      matches.push_back({i, i, j, j});
    }
  });
  return matches;
}

void ReplyMatches(Context& ctx, const LcsTable& table, const LcsOptions& options) {
  std::vector<Match> matches = Matches(table);
  std::erase_if(matches, [&](const Match& m) {
    return m.size() < static_cast<size_t>(options.match_length_min);
  });
  ctx.reply.Map(2);
  ctx.reply.Bulk("matches");
  ctx.reply.Array(matches.size());
  for (const Match& m : matches) {
    ctx.reply.Array(options.with_match_length ? 3 : 2);
    ctx.reply.Array(2);
    ctx.reply.Uint(m.a_first);
    ctx.reply.Uint(m.a_last);
    ctx.reply.Array(2);
    ctx.reply.Uint(m.b_first);
    ctx.reply.Uint(m.b_last);
    if (options.with_match_length) ctx.reply.Uint(m.size());
  }
  ctx.reply.Bulk("len");
  ctx.reply.Uint(table.length());
}

}  // namespace

void CmdLcs(Context& ctx) {
  // COMPAT: the types are looked at before the options.
  const KeyRecord* a = Read(ctx, ctx.args[1]);
  const KeyRecord* b = Read(ctx, ctx.args[2]);
  if ((a != nullptr && a->type() != Type::kString) ||
      (b != nullptr && b->type() != Type::kString)) {
    return ctx.reply.Error(kErrLcsTypes);
  }
  ArgCursor args(ctx.args, 3);
  const LcsOptions options = ParseOptions(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const size_t a_size = a == nullptr ? 0 : StringOf(*a).size();
  const size_t b_size = b == nullptr ? 0 : StringOf(*b).size();
  // Before anything is copied.
  if (!LcsTable::Fits(a_size, b_size)) return ctx.reply.Error(kErrLcsMemory);
  const uint64_t cells = (a_size + 1) * (b_size + 1);
  if (!ctx.Spend(cells, cells * 6)) return;
  store::Scratch a_scratch;
  store::Scratch b_scratch;
  const std::string_view a_text = a == nullptr ? std::string_view() : StringOf(*a).Bytes(a_scratch);
  const std::string_view b_text = b == nullptr ? std::string_view() : StringOf(*b).Bytes(b_scratch);
  const LcsTable table(a_text, b_text);
  if (options.length) return ctx.reply.Uint(table.length());
  if (options.ranges) return ReplyMatches(ctx, table, options);
  std::string sequence;
  table.Walk([&](size_t i, size_t) { sequence.push_back(a_text[i]); });
  std::reverse(sequence.begin(), sequence.end());
  ctx.reply.Bulk(sequence);
}

}  // namespace clustron::commands

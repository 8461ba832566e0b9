// Walks over key names: SCAN and KEYS.
#include <string>

#include "base/glob.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/registry.h"
#include "commands/generic/scan.spec.h"
#include "commands/generic/scan_args.h"

namespace clustron::commands {

using store::KeyRecord;

namespace {

constexpr uint64_t kCursorEnd = uint64_t{1} << 48;  // the store's cursors are below

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

bool HasGlob(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") != std::string_view::npos;
}

}  // namespace

std::optional<uint64_t> ParseScanCursor(std::string_view text) {
  // COMPAT: Redis reads it with strtoul, which takes signs; no cursor of ours has one, and such
  // a walk is at its end.
  if (text.size() > 1 && (text[0] == '-' || text[0] == '+')) {
    return ParseUint64(text.substr(1)) ? std::optional<uint64_t>(kCursorEnd) : std::nullopt;
  }
  if (text.empty()) return 0;  // COMPAT: as strtoul reads it
  return ParseUint64(text);
}

bool ScanOptions::Matches(std::string_view text) const {
  return !has_pattern || pattern == "*" || GlobMatch(pattern, text);
}

ScanOptions TakeScanOptions(ArgCursor& args, bool with_type) {
  ScanOptions o;
  const std::optional<uint64_t> cursor = ParseScanCursor(args.Next());
  if (!cursor) args.Fail(kErrCursor);
  o.cursor = cursor.value_or(0);
  while (args.HasNext()) {
    if (args.Option("COUNT")) {
      o.count = args.Int();
      if (args.ok() && o.count < 1) args.Fail(kErrSyntax);
    } else if (args.Option("MATCH")) {
      o.pattern = args.Next();
      o.has_pattern = true;
    } else if (with_type && args.Option("TYPE")) {
      o.type = args.Next();
      o.has_type = true;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return o;
}

void PutScanHeader(Context& ctx, uint64_t place, uint64_t next, size_t found) {
  std::string header;
  resp::ReplyWriter writer(&header, ctx.reply.version());
  writer.Array(2);
  writer.Bulk(Decimal(next));
  writer.Array(found);
  ctx.reply.RawAt(place, header);
}

void CmdScan(Context& ctx) {
  ArgCursor args(ctx.args);
  const ScanOptions options = TakeScanOptions(args, /*with_type=*/true);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const uint64_t place = ctx.reply.Deferred();
  size_t found = 0;
  uint64_t next = 0;
  if (options.cursor < kCursorEnd) {
    next = ctx.store.Scan(
        ctx.db, options.cursor, static_cast<size_t>(options.count), [&](const KeyRecord& record) {
          if (ctx.over_budget()) return;
          if (options.has_pattern && !SpendGlob(ctx, options.pattern, record.key())) return;
          if (!options.Matches(record.key())) return;
          if (options.has_type && !EqualIgnoringCase(options.type, TypeName(record.type()))) return;
          ctx.reply.Bulk(record.key());
          found++;
        });
  }
  PutScanHeader(ctx, place, next, found);
}

void CmdKeys(Context& ctx) {
  const std::string_view pattern = ctx.args[1];
  if (!HasGlob(pattern)) {
    const KeyRecord* record = Read(ctx, pattern);
    ctx.reply.Array(record == nullptr ? 0 : 1);
    if (record != nullptr) ctx.reply.Bulk(pattern);
    return;
  }
  const bool all = pattern == "*";
  const uint64_t place = ctx.reply.Deferred();
  size_t count = 0;
  ctx.store.Scan(ctx.db, 0, SIZE_MAX, [&](const KeyRecord& record) {
    if (ctx.over_budget()) return;
    if (!all && !(SpendGlob(ctx, pattern, record.key()) && GlobMatch(pattern, record.key())))
      return;
    ctx.reply.Bulk(record.key());
    count++;
  });
  ctx.reply.DeferredArray(place, count);
}

std::span<const CommandSpec> ScanCommands() { return kScanRows; }

}  // namespace clustron::commands

#include "commands/generic/compare.h"

#include <string>

#include "base/breather.h"
#include "base/stream_hash.h"
#include "commands/generic/errors.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

namespace {

constexpr size_t kDigestDigits = 16;

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Whether `text` is the digest of `value`: unkeyed XXH3, as every client can compute it.
bool DigestIs(const store::KeyRecord& record, std::string_view text) {
  uint64_t given = 0;
  for (char c : text) {
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    given = given << 4 | static_cast<uint64_t>(digit);
  }
  // By pieces: the whole may be long.
  StreamHash hash;
  StringOf(record).ForEachPiece([&](std::string_view piece) {
    hash.Add(piece);
    Breathe();
  });
  return given == hash.Digest();
}

bool ValueIs(const store::KeyRecord& record, std::string_view text) {
  if (StringOf(record).size() != text.size()) return false;
  bool same = true;
  size_t at = 0;
  StringOf(record).ForEachPiece([&](std::string_view piece) {
    same = same && piece == text.substr(at, piece.size());
    at += piece.size();
  });
  return same;
}

void TakeDigest(ArgCursor& args, Compare::Kind kind, Compare* out) {
  out->kind = kind;
  out->text = args.Next();
  bool hex = out->text.size() == kDigestDigits;
  for (char c : out->text) hex = hex && IsHex(c);
  if (!hex) args.Fail(kErrDigest);
}

}  // namespace

bool Compare::Holds(const store::KeyRecord* record) const {
  switch (kind) {
    case Kind::kNone:
      return true;
    case Kind::kAbsent:
      return record == nullptr;
    case Kind::kPresent:
      return record != nullptr;
    case Kind::kRevision:
      return (record == nullptr ? 0 : record->revision()) == revision;
    case Kind::kEqual:
      return record != nullptr && ValueIs(*record, text);
    case Kind::kNotEqual:
      return record == nullptr || !ValueIs(*record, text);
    case Kind::kDigest:
      return record != nullptr && DigestIs(*record, text);
    case Kind::kOtherDigest:
      return record == nullptr || !DigestIs(*record, text);
  }
  return false;
}

bool TakeCompare(ArgCursor& args, Compare* out, bool with_existence) {
  using Kind = Compare::Kind;
  if (out->kind != Kind::kNone) {
    // COMPAT: "NX NX" is one condition, "NX XX" is a syntax error.
    if (out->kind == Kind::kAbsent && args.Token("NX")) return true;
    return out->kind == Kind::kPresent && args.Token("XX");
  }
  if (with_existence && args.Token("NX")) {
    out->kind = Kind::kAbsent;
  } else if (with_existence && args.Token("XX")) {
    out->kind = Kind::kPresent;
  } else if (args.Option("IFREV")) {
    out->kind = Kind::kRevision;
    out->revision = args.Unsigned();
  } else if (args.Option("IFEQ")) {
    out->kind = Kind::kEqual;
    out->text = args.Next();
  } else if (args.Option("IFNE")) {
    out->kind = Kind::kNotEqual;
    out->text = args.Next();
  } else if (args.Option("IFDEQ")) {
    TakeDigest(args, Kind::kDigest, out);
  } else if (args.Option("IFDNE")) {
    TakeDigest(args, Kind::kOtherDigest, out);
  } else {
    return false;
  }
  return true;
}

}  // namespace clustron::commands

#include "persist/wal_format.h"

#include <charconv>

#include "base/breather.h"
#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"

namespace clustron::persist {
namespace {

constexpr size_t kCrcOffset = 4;
constexpr size_t kCoveredOffset = 8;
constexpr size_t kSegmentNumberDigits = 16;
constexpr std::string_view kSegmentSuffix = ".log";
constexpr char kPadding = '\xff';

// A header is valid only for this log, this segment and this place.
uint32_t PlacedCrc(uint64_t salt, uint64_t segment, uint64_t offset, std::string_view bytes) {
  const uint64_t place[] = {salt, segment, offset};
  return Crc32c(bytes, Crc32c({reinterpret_cast<const char*>(place), sizeof place}));
}

void PutCrc(std::string* out, size_t begin, uint32_t crc) {
  std::string bytes;
  Writer(&bytes).U32(crc);
  out->replace(begin + kCrcOffset, bytes.size(), bytes);
}

WalBallot ReadBallot(Reader& in) {
  WalBallot ballot;
  ballot.round = in.U64();
  ballot.node = in.U32();
  return ballot;
}

void WriteBallot(Writer& out, const WalBallot& ballot) {
  out.U64(ballot.round);
  out.U32(ballot.node);
}

}  // namespace

uint64_t WalRecordBytes(uint64_t payload_size) {
  const uint64_t size = kWalRecordHeaderBytes + payload_size + 1;  // at least one byte of padding
  return (size + kWalAlignment - 1) / kWalAlignment * kWalAlignment;
}

void EncodeWalHeader(uint64_t salt, uint64_t segment, uint64_t offset, const WalHeader& header,
                     std::string* out) {
  const size_t begin = out->size();
  Writer w(out);
  w.U32(kWalRecordMagic);
  w.U32(0);  // checksum, below
  w.U8(static_cast<uint8_t>(header.type));
  w.U8(header.kind);
  w.U8(static_cast<uint8_t>(header.prev_type));
  w.U8(0);
  w.U32(header.payload_size);
  w.U32(header.payload_crc);
  w.U64(header.lsn);
  w.U64(header.slot);
  WriteBallot(w, header.ballot);
  WriteBallot(w, header.first_ballot);
  WriteBallot(w, header.promised);
  w.U64(header.max_slot);
  w.U64(header.chosen);
  w.U64(header.durable);
  w.U64(header.prev_slot);
  w.U64(header.recent_low);
  w.U64(header.recent_high);
  CHECK(out->size() - begin == kWalRecordHeaderBytes - 8);
  w.U64(~uint64_t{0});  // reserved; not zero, so that an unwritten sector always shows
  const std::string_view covered = std::string_view(*out).substr(begin + kCoveredOffset);
  PutCrc(out, begin, PlacedCrc(salt, segment, offset, covered));
}

void AppendWalPadding(uint64_t payload_size, std::string* out) {
  out->append(WalRecordBytes(payload_size) - kWalRecordHeaderBytes - payload_size, kPadding);
}

void EncodeWalRecord(uint64_t salt, uint64_t segment, uint64_t offset, const WalHeader& header,
                     std::string_view payload, std::string* out) {
  EncodeWalHeader(salt, segment, offset, header, out);
  AppendBreathing(out, payload);
  AppendWalPadding(payload.size(), out);
}

std::optional<WalHeader> DecodeWalHeader(uint64_t salt, uint64_t segment, uint64_t offset,
                                         std::string_view bytes) {
  if (bytes.size() < kWalRecordHeaderBytes) return std::nullopt;
  bytes = bytes.substr(0, kWalRecordHeaderBytes);
  Reader in(bytes);
  if (in.U32() != kWalRecordMagic) return std::nullopt;
  const uint32_t crc = in.U32();
  if (PlacedCrc(salt, segment, offset, bytes.substr(kCoveredOffset)) != crc) return std::nullopt;
  WalHeader header;
  const uint8_t type = in.U8();
  header.kind = in.U8();
  const uint8_t prev_type = in.U8();
  in.U8();
  if (type == 0 || type > kWalTypeMax || prev_type > kWalTypeMax) return std::nullopt;
  header.type = static_cast<WalType>(type);
  header.prev_type = static_cast<WalType>(prev_type);
  header.payload_size = in.U32();
  header.payload_crc = in.U32();
  header.lsn = in.U64();
  header.slot = in.U64();
  header.ballot = ReadBallot(in);
  header.first_ballot = ReadBallot(in);
  header.promised = ReadBallot(in);
  header.max_slot = in.U64();
  header.chosen = in.U64();
  header.durable = in.U64();
  header.prev_slot = in.U64();
  header.recent_low = in.U64();
  header.recent_high = in.U64();
  if (header.lsn == 0 || header.durable >= header.lsn) return std::nullopt;
  return header;
}

std::string EncodeWalSegmentHeader(uint64_t salt, uint64_t segment, Lsn first_lsn) {
  std::string body;
  Writer out(&body);
  out.U64(kWalSegmentMagic);
  out.U32(kWalFormatVersion);
  out.U64(segment);
  out.U64(first_lsn);
  std::string bytes;
  Writer head(&bytes);
  head.U32(PlacedCrc(salt, segment, 0, body));
  head.Raw(body);
  bytes.resize(kWalSegmentHeaderBytes, kPadding);
  return bytes;
}

std::optional<Lsn> DecodeWalSegmentHeader(uint64_t salt, uint64_t segment, std::string_view bytes) {
  Reader in(bytes);
  const uint32_t crc = in.U32();
  constexpr size_t kBodyBytes = 28;
  if (!in.ok() || in.remaining() < kBodyBytes) return std::nullopt;
  if (PlacedCrc(salt, segment, 0, bytes.substr(4, kBodyBytes)) != crc) return std::nullopt;
  if (in.U64() != kWalSegmentMagic || in.U32() != kWalFormatVersion) return std::nullopt;
  if (in.U64() != segment) return std::nullopt;
  return in.U64();
}

std::string WalSegmentName(uint64_t segment) {
  const std::string digits = std::to_string(segment);
  CHECK(digits.size() <= kSegmentNumberDigits);
  return std::string(kSegmentNumberDigits - digits.size(), '0') + digits +
         std::string(kSegmentSuffix);
}

std::optional<uint64_t> ParseWalSegmentName(std::string_view name) {
  if (name.size() != kSegmentNumberDigits + kSegmentSuffix.size()) return std::nullopt;
  if (!name.ends_with(kSegmentSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, kSegmentNumberDigits);
  uint64_t segment = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), segment);
  if (error != std::errc() || end != digits.data() + digits.size() || segment == 0) {
    return std::nullopt;
  }
  return segment;
}

void EncodeWalBase(const WalBase& base, std::string* out) {
  Writer w(out);
  WriteBallot(w, base.promised);
  w.U64(base.floor);
  w.U64(base.first_segment);
  w.U64(base.chosen);
  w.U64(base.max_slot);
  w.U64(base.durable);
  w.U64(base.durable_segment);
  w.U64(base.durable_offset);
  w.U8(static_cast<uint8_t>(base.durable_type));
  w.U64(base.durable_slot);
  w.Bytes(base.mark);
}

std::optional<WalBase> DecodeWalBase(std::string_view bytes) {
  Reader in(bytes);
  WalBase base;
  base.promised = ReadBallot(in);
  base.floor = in.U64();
  base.first_segment = in.U64();
  base.chosen = in.U64();
  base.max_slot = in.U64();
  base.durable = in.U64();
  base.durable_segment = in.U64();
  base.durable_offset = in.U64();
  const uint8_t durable_type = in.U8();
  base.durable_type = static_cast<WalType>(durable_type);
  base.durable_slot = in.U64();
  base.mark = std::string(in.Bytes());
  if (!in.Done() || base.first_segment == 0 || durable_type > kWalTypeMax) return std::nullopt;
  return base;
}

}  // namespace clustron::persist

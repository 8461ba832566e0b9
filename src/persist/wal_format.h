// The write-ahead log's bytes: segments, record headers, their checksums. Prose: wal_format.md.
//
// A log is a row of segment files; a segment is a header and records. Each record has a log
// sequence number (LSN: 1, 2, 3 … without gaps), and a header that repeats what a reader needs when
// its neighbours are damaged: what the record before it was, which slots the last 64 records
// touched, the promise, and up to which LSN everything is known to be on disk.
//
// Checksums of headers also cover a salt (of cluster and node), the segment's number and the
// record's offset. So a copy of a record anywhere else, such as in a client's value, is not one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/payload.h"

namespace clustron::persist {

using Lsn = uint64_t;

inline constexpr uint64_t kWalSegmentHeaderBytes = 512;
inline constexpr uint64_t kWalRecordHeaderBytes = 128;
inline constexpr uint64_t kWalAlignment = 8;
inline constexpr uint32_t kWalRecordMagic = 0x31524c43;       // "CLR1"
inline constexpr uint64_t kWalSegmentMagic = 0x314745534c43;  // "CLSEG1"
inline constexpr uint32_t kWalFormatVersion = 1;
// How many records back recent_low and recent_high look.
inline constexpr uint64_t kWalRecentRecords = 64;

enum class WalType : uint8_t {
  kNone = 0,     // only in WalHeader::prev_type
  kPromise = 1,  // ballot
  kAccept = 2,   // slot, ballot, kind, first ballot; payload = the entry's bytes
  kChosen = 3,   // slot: everything up to it is chosen
  kMark = 4,     // payload: the owner's local marks, opaque here
  kBase = 5,     // first record of a segment; payload: what earlier segments said and still holds
  kCut = 6,      // slot: accepts from it on that stand before this are taken back
};
inline constexpr uint8_t kWalTypeMax = 6;

struct WalBallot {
  uint64_t round = 0;
  uint32_t node = 0;
  friend auto operator<=>(const WalBallot&, const WalBallot&) = default;
};

// What a caller writes.
struct WalRecord {
  WalType type = WalType::kPromise;
  uint8_t kind = 0;
  uint64_t slot = 0;
  WalBallot ballot;
  WalBallot first_ballot;
  std::string_view payload;
  // The same bytes, if they are shared: a big payload is then referred to, not copied.
  Payload shared;
};

// What stands in a record's header.
struct WalHeader {
  WalType type = WalType::kPromise;
  uint8_t kind = 0;
  uint32_t payload_size = 0;
  uint32_t payload_crc = 0;
  Lsn lsn = 0;
  uint64_t slot = 0;
  WalBallot ballot;
  WalBallot first_ballot;
  // As of this record, itself included.
  WalBallot promised;
  uint64_t max_slot = 0;  // highest slot ever accepted
  uint64_t chosen = 0;    // highest kChosen
  // Everything up to this LSN was on disk before this record was written.
  Lsn durable = 0;
  // The record before this one (LSN - 1); kNone: not known (it was damaged when this was written).
  // The slot only if it is an accept or a cut.
  WalType prev_type = WalType::kNone;
  uint64_t prev_slot = 0;
  // Lowest and highest slot among the accepts of (at least) the 64 records before this one; 0:
  // none.
  uint64_t recent_low = 0;
  uint64_t recent_high = 0;
};

// Where a record lies.
struct WalLocation {
  uint64_t segment = 0;
  uint64_t offset = 0;  // of the header
  uint32_t payload_size = 0;
};

// Bytes that a record takes: header, payload, and one to eight bytes of 0xff up to the alignment:
// so a record whose last byte is zero is one that was not written to its end.
uint64_t WalRecordBytes(uint64_t payload_size);

// Appends the header of a record at this place. REQUIRES: payload_size and payload_crc are right.
void EncodeWalHeader(uint64_t salt, uint64_t segment, uint64_t offset, const WalHeader& header,
                     std::string* out);
// Appends what stands behind such a payload.
void AppendWalPadding(uint64_t payload_size, std::string* out);
// Appends the whole record.
void EncodeWalRecord(uint64_t salt, uint64_t segment, uint64_t offset, const WalHeader& header,
                     std::string_view payload, std::string* out);
// The header in the first 128 bytes of `bytes`; nullopt if they are none (magic, checksum, place).
std::optional<WalHeader> DecodeWalHeader(uint64_t salt, uint64_t segment, uint64_t offset,
                                         std::string_view bytes);

// The first 512 bytes of a segment.
std::string EncodeWalSegmentHeader(uint64_t salt, uint64_t segment, Lsn first_lsn);
// First LSN; nullopt if it is not a segment header of this log and this number.
std::optional<Lsn> DecodeWalSegmentHeader(uint64_t salt, uint64_t segment, std::string_view bytes);

// "0000000000000007.log" and back; nullopt for other names.
std::string WalSegmentName(uint64_t segment);
std::optional<uint64_t> ParseWalSegmentName(std::string_view name);

// What must outlive removed segments: repeated in each segment's kBase record and in the log's mark
// file.
struct WalBase {
  WalBallot promised;
  uint64_t floor = 0;          // slots up to it may be gone from the log (they are in a snapshot)
  uint64_t first_segment = 1;  // segments below it may be gone
  uint64_t chosen = 0;
  uint64_t max_slot = 0;
  // Position behind the last record known to be on disk when this was written.
  Lsn durable = 0;
  uint64_t durable_segment = 0;
  uint64_t durable_offset = 0;
  WalType durable_type = WalType::kNone;  // of the record at `durable`
  uint64_t durable_slot = 0;              // of it, if it is an accept
  std::string mark;                       // the owner's last local marks; empty: none

  friend bool operator==(const WalBase&, const WalBase&) = default;
};
void EncodeWalBase(const WalBase& base, std::string* out);
std::optional<WalBase> DecodeWalBase(std::string_view bytes);

}  // namespace clustron::persist

// The error texts of the commands for keys of any type.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrSameObject =
    "ERR source and destination objects are the same";
inline constexpr std::string_view kErrSwapFirstDb = "ERR invalid first DB index";
inline constexpr std::string_view kErrSwapSecondDb = "ERR invalid second DB index";
inline constexpr std::string_view kErrSwapIndexed =
    "ERR a database with an index can't be swapped: INDEX DROP comes first";
inline constexpr std::string_view kErrNoLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.";

// FLUSHDB PREFIX.
inline constexpr std::string_view kErrEmptyPrefix =
    "ERR the prefix is empty: FLUSHDB without PREFIX deletes all keys";
inline constexpr std::string_view kErrPrefixKeys =
    "ERR more than 65536 keys begin with the prefix: FLUSHDB PREFIX prefix SLICED deletes them in "
    "several steps";
inline constexpr std::string_view kErrPrefixDatabase =
    "ERR the database has more than 100000 keys to look at: FLUSHDB PREFIX prefix SLICED does it "
    "in several steps, and where there is an INDEX ON KEYS it goes by that";
inline constexpr std::string_view kErrSlicedInside =
    "ERR FLUSHDB PREFIX prefix SLICED takes several entries: it may not stand inside another "
    "command";

// DUMP and RESTORE.
inline constexpr std::string_view kErrDumpEnvelope =
    "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kErrDumpFormat = "ERR Bad data format";
inline constexpr std::string_view kErrBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kErrRestoreTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kErrRestoreIdle = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kErrRestoreFreq =
    "ERR Invalid FREQ value, must be >= 0 and <= 255";

// EXPIRE's conditions.
inline constexpr std::string_view kErrExpireNx =
    "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kErrExpireGtLt =
    "ERR GT and LT options at the same time are not compatible";

// Ours.
inline constexpr std::string_view kErrDigest = "ERR a digest is 16 hexadecimal digits";
inline constexpr std::string_view kErrKeyHasLease =
    "ERR the key is attached to a lease and ends with it";

// "ERR Unsupported option SOON"
inline std::string UnsupportedOption(std::string_view option) {
  return "ERR Unsupported option " + std::string(option);
}

}  // namespace clustron::commands

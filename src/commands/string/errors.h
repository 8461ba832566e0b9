// The error texts of strings, counters and bitmaps.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrStringTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kErrOffset = "ERR offset is out of range";
inline constexpr std::string_view kErrDecrOverflow = "ERR decrement would overflow";

// MSETEX's.
inline constexpr std::string_view kErrMsetexNumkeys = "ERR invalid numkeys value";
inline constexpr std::string_view kErrMsetexPairs = "ERR wrong number of key-value pairs";

// INCREX's.
inline constexpr std::string_view kErrEnxNeedsEnd = "ERR ENX flag requires an expiration";
inline constexpr std::string_view kErrBoundsCross = "ERR LBOUND can't be greater than UBOUND";
inline constexpr std::string_view kErrValueInfinite = "ERR value cannot be Infinity";
inline constexpr std::string_view kErrAppliedOverflow = "ERR applied increment would overflow";
inline constexpr std::string_view kNotAnInteger = " is not an integer or out of range";
inline constexpr std::string_view kNotAFloat = " is not a valid float";
inline constexpr std::string_view kNotInfinity = " cannot be Infinity";

// "ERR LBOUND is not a valid float"
inline std::string BadArgument(std::string_view name, std::string_view why) {
  return "ERR " + std::string(name) + std::string(why);
}

// Bitmaps.
inline constexpr std::string_view kErrBitOffset =
    "ERR bit offset is not an integer or out of range";
inline constexpr std::string_view kErrBitValue = "ERR bit is not an integer or out of range";
inline constexpr std::string_view kErrBitArgument = "ERR The bit argument must be 1 or 0.";
inline constexpr std::string_view kErrBitNotKeys =
    "ERR BITOP NOT must be called with a single source key.";
inline constexpr std::string_view kErrBitfieldType =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
    "is.";
inline constexpr std::string_view kErrBitfieldOverflow = "ERR Invalid OVERFLOW type specified";
inline constexpr std::string_view kErrBitfieldReadonly =
    "ERR BITFIELD_RO only supports the GET subcommand";

// LCS's.
inline constexpr std::string_view kErrLcsTypes =
    "ERR The specified keys must contain string values";
inline constexpr std::string_view kErrLcsLenIdx =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kErrLcsMemory =
    "ERR Insufficient memory, failed allocating transient memory for LCS";

}  // namespace clustron::commands

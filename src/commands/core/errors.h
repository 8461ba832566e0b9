// The error texts that clients see, in one place, so that they can be compared with Redis byte for
// byte. Each begins with its code, without the "-" of the wire.
#pragma once

#include <string_view>

namespace clustron::commands {

// Redis's own.
inline constexpr std::string_view kErrSyntax = "ERR syntax error";
inline constexpr std::string_view kErrWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kErrNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kErrNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kErrOutOfRange = "ERR value is out of range";
inline constexpr std::string_view kErrNotPositive = "ERR value is out of range, must be positive";
inline constexpr std::string_view kErrCountNegative = "ERR COUNT can't be negative";
inline constexpr std::string_view kErrMaxlenNegative = "ERR MAXLEN can't be negative";
inline constexpr std::string_view kErrTimeoutSeconds = "ERR timeout is not a float or out of range";
inline constexpr std::string_view kErrTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kErrTimeoutRange = "ERR timeout is out of range";
inline constexpr std::string_view kErrUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kErrUnblockUncertain =
    "UNCERTAIN whether the client waits on is not known yet";
inline constexpr std::string_view kErrTooManyWait =
    "ERR too many clients of the cluster wait for keys";
inline constexpr std::string_view kErrNumkeys = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kErrCountNotPositive = "ERR count should be greater than 0";
inline constexpr std::string_view kErrLposRank =
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
    "negative to start from the end of the list";
inline constexpr std::string_view kErrLposRankRange =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view kErrDumpEnvelope =
    "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kErrDumpFormat = "ERR Bad data format";
inline constexpr std::string_view kErrBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kErrRestoreTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kErrRestoreIdle = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kErrRestoreFreq =
    "ERR Invalid FREQ value, must be >= 0 and <= 255";
inline constexpr std::string_view kErrNoSuchKey = "ERR no such key";
inline constexpr std::string_view kErrSameObject =
    "ERR source and destination objects are the same";
inline constexpr std::string_view kErrIndexOutOfRange = "ERR index out of range";
inline constexpr std::string_view kErrDbOutOfRange = "ERR DB index is out of range";
inline constexpr std::string_view kErrStringTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kErrOffset = "ERR offset is out of range";
inline constexpr std::string_view kErrIncrOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kErrDecrOverflow = "ERR decrement would overflow";
inline constexpr std::string_view kErrIncrNotFinite = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kErrMsetArity = "ERR wrong number of arguments for MSET";
inline constexpr std::string_view kErrCursor = "ERR invalid cursor";
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
inline constexpr std::string_view kErrHashNotInteger = "ERR hash value is not an integer";
inline constexpr std::string_view kErrHashNotFloat = "ERR hash value is not a float";
inline constexpr std::string_view kErrLcsTypes =
    "ERR The specified keys must contain string values";
inline constexpr std::string_view kErrLcsLenIdx =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kErrLcsMemory =
    "ERR Insufficient memory, failed allocating transient memory for LCS";
inline constexpr std::string_view kErrExpireNx =
    "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kErrExpireGtLt =
    "ERR GT and LT options at the same time are not compatible";
inline constexpr std::string_view kErrNestedMulti = "ERR MULTI calls can not be nested";
inline constexpr std::string_view kErrDiscardAlone = "ERR DISCARD without MULTI";
inline constexpr std::string_view kErrExecAlone = "ERR EXEC without MULTI";
inline constexpr std::string_view kErrWatchInMulti = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view kErrLoading =
    "LOADING Clustron is loading a snapshot from another node into memory";
inline constexpr std::string_view kErrNoCluster = "ERR This instance has cluster support disabled";
inline constexpr std::string_view kErrExecAbort =
    "EXECABORT Transaction discarded because of previous errors.";
inline constexpr std::string_view kErrNoSuchCommand = "ERR Invalid command specified";
inline constexpr std::string_view kErrNoKeyArguments = "ERR The command has no key arguments";
inline constexpr std::string_view kErrGetKeysArity =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kErrGetKeysMalformed =
    "ERR Invalid arguments specified for command";

inline constexpr std::string_view kErrNotInMulti = "ERR Command not allowed inside a transaction";

// Ours.
inline constexpr std::string_view kErrClusterDown =
    "CLUSTERDOWN no leader could be reached: nothing was done";
inline constexpr std::string_view kErrUncertain =
    "UNCERTAIN no answer from the cluster in time: the command may or may not take effect";
inline constexpr std::string_view kErrNoLease = "NOLEASE no such lease";
inline constexpr std::string_view kErrLeaseFull = "ERR the lease has as many keys as it may have";
inline constexpr std::string_view kErrKeyHasLease =
    "ERR the key is attached to a lease and ends with it";
inline constexpr std::string_view kErrKeyHasTtl = "ERR the key has an expiry of its own";
inline constexpr std::string_view kErrTxnLimit =
    "TXNLIMIT a transaction has at most 1024 conditions and 1024 commands";
// Behind "EXECABORT", "TXNLIMIT" or "ERR": an item that would cost more than an entry may.
inline constexpr std::string_view kOverBudget =
    "nothing was done: the reply would be larger than item-reply-max, or the work more than one "
    "entry of the log may cause";
inline constexpr std::string_view kErrOnceId = "ERR a request id has 1 to 256 bytes";
inline constexpr std::string_view kErrOnceKeep = "ERR keep-ms must be between 1 and 86400000";
inline constexpr std::string_view kErrOnceOther =
    "ERR the request id was used with another command";
inline constexpr std::string_view kErrOnceFull = "BUSY the table of stored replies is full";
inline constexpr std::string_view kErrLeaseOwner = "ERR the lease belongs to another owner";
inline constexpr std::string_view kErrLeaseId = "ERR a lease id has 1 to 64 bytes";
inline constexpr std::string_view kErrOtherLease = "ERR the key is attached to another lease";
inline constexpr std::string_view kErrLeaseDoReads = "ERR LEASE DO takes a command that writes";
inline constexpr std::string_view kErrTtlRange = "ERR a TTL is between 100 and 2592000000 ms";
inline constexpr std::string_view kErrOwnerSize = "ERR an owner has at most 256 bytes";
inline constexpr std::string_view kErrOom =
    "OOM command not allowed when used memory > 'maxmemory'.";
inline constexpr std::string_view kErrDiskLow =
    "MISCONF this node's leader is low on disk space: writes are refused until there is room";

}  // namespace clustron::commands

// The error texts that clients see, so that they can be compared with Redis byte for byte. Each
// begins with its code, without the "-" of the wire. Here are those that several rooms use, and
// what any command may be answered; a room's own stand in its errors.h.
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
inline constexpr std::string_view kErrTimeoutInteger =
    "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kErrTimeoutSeconds = "ERR timeout is not a float or out of range";
inline constexpr std::string_view kErrTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kErrTimeoutRange = "ERR timeout is out of range";
inline constexpr std::string_view kErrWaitTakenOver =
    "UNBLOCKED another attempt of this OWNER waits in this one's place";
inline constexpr std::string_view kErrWaitLeaseEnded =
    "NOLEASE the lease ended while the lock was waited for";
inline constexpr std::string_view kErrWaitPassedOver =
    "UNBLOCKED this node was out of reach, and the lock was broken, taken in another mode, or "
    "asked "
    "for anew by this OWNER";
inline constexpr std::string_view kErrUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kErrUnblockUncertain =
    "UNCERTAIN whether the client waits on is not known yet";
inline constexpr std::string_view kErrTooManyWait =
    "ERR too many clients of the cluster wait for keys";
inline constexpr std::string_view kErrNotPositive = "ERR value is out of range, must be positive";
inline constexpr std::string_view kErrBeyondInt32 =
    "ERR value is out of range, value must between -2147483648 and 2147483647";
inline constexpr std::string_view kErrBeyondInt64 =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view kErrNumkeys = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kErrCountNotPositive = "ERR count should be greater than 0";
inline constexpr std::string_view kErrNoSuchKey = "ERR no such key";
inline constexpr std::string_view kErrDbOutOfRange = "ERR DB index is out of range";
inline constexpr std::string_view kErrIncrOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kErrIncrNotFinite = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kErrCursor = "ERR invalid cursor";
inline constexpr std::string_view kErrLoading =
    "LOADING Clustron is loading a snapshot from another node into memory";
inline constexpr std::string_view kErrFailoverNoReplicas =
    "ERR FAILOVER requires connected replicas.";
inline constexpr std::string_view kErrNotInMulti = "ERR Command not allowed inside a transaction";
// Why CONFIG SET failed (ConfigSetFailed).
inline constexpr std::string_view kDuplicateParameter = "duplicate parameter";
inline constexpr std::string_view kNotInsideCommands =
    "it may not be set inside of EXEC or of another command";

// Ours.
inline constexpr std::string_view kErrClusterDown =
    "CLUSTERDOWN no leader could be reached: nothing was done";
inline constexpr std::string_view kErrUncertain =
    "UNCERTAIN no answer from the cluster in time: the command may or may not take effect";
inline constexpr std::string_view kErrNoLease = "NOLEASE no such lease";
inline constexpr std::string_view kErrLeaseFull = "ERR the lease has as many keys as it may have";
inline constexpr std::string_view kErrTxnLimit =
    "TXNLIMIT a transaction has at most 1024 conditions and 1024 commands";
inline constexpr std::string_view kErrTxnNoThen = "ERR TXN: THEN is missing";
inline constexpr std::string_view kErrNestedTooDeep = "ERR commands are nested too deep";
// Behind "EXECABORT", "TXNLIMIT" or "ERR": an item that would cost more than an entry may.
inline constexpr std::string_view kOverBudget =
    "nothing was done: the reply would be larger than item-reply-max, or the work more than one "
    "transaction, or entry of the log, may cause";
inline constexpr std::string_view kErrOom =
    "OOM command not allowed when used memory > 'maxmemory'.";
inline constexpr std::string_view kErrDiskLow =
    "MISCONF this node's leader is low on disk space: writes are refused until there is room";

}  // namespace clustron::commands

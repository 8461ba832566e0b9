// The error texts of MULTI, of ONCE and of open transactions. Those of a TXN that can't be read are
// commands/core/error_txn.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "commands/core/spec.h"

namespace clustron::commands {

inline constexpr std::string_view kErrNestedMulti = "ERR MULTI calls can not be nested";
inline constexpr std::string_view kErrDiscardAlone = "ERR DISCARD without MULTI";
inline constexpr std::string_view kErrExecAlone = "ERR EXEC without MULTI";
inline constexpr std::string_view kErrWatchInMulti = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view kErrExecAbort =
    "EXECABORT Transaction discarded because of previous errors.";

// ONCE's.
inline constexpr std::string_view kErrOnceId = "ERR a request id has 1 to 256 bytes";
inline constexpr std::string_view kErrOnceKeep = "ERR keep-ms must be between 1 and 86400000";
inline constexpr std::string_view kErrOnceOther =
    "ERR the request id was used with another command";
inline constexpr std::string_view kErrOnceFull = "BUSY the table of stored replies is full";

// Open transactions'.
inline constexpr std::string_view kErrTxnTtl = "ERR a TTL is between 100 and 2592000000 ms";
inline constexpr std::string_view kErrTxnId = "ERR a transaction id has 1 to 64 bytes";
inline constexpr std::string_view kErrTxnIdTaken = "ERR the transaction id is in use";
inline constexpr std::string_view kErrTxnManyOpen =
    "BUSY as many transactions are open on this node as may be";
inline constexpr std::string_view kErrTxnOutcomesFull =
    "BUSY the table of outcomes of transactions is full: nothing was applied";
inline constexpr std::string_view kErrNoTxn =
    "NOTXN no such transaction is open: nothing of it was or will be applied";
inline constexpr std::string_view kErrNoTxnHere = "NOTXN no such transaction is open";
inline constexpr std::string_view kErrTxnIdReused =
    "NOTXN the id is that of another transaction: nothing of this one was applied";
inline constexpr std::string_view kErrTxnManyCommands =
    "TXNLIMIT a transaction stages at most 1024 commands";
inline constexpr std::string_view kErrTxnManyBytes =
    "TXNLIMIT a transaction holds at most 1 MiB of commands and of names of keys";
inline constexpr std::string_view kErrTxnBigValue =
    "TXNLIMIT a value that the transaction reads and writes is larger than 1 MiB";
inline constexpr std::string_view kErrTxnMuchWork =
    "TXNLIMIT what the transaction has staged is too much work to read behind it";
inline constexpr std::string_view kErrTxnMalformed = "ERR the item of a COMMIT is malformed";

// "ERR the transaction is of database 3"
inline std::string TxnOfDatabase(int db) {
  return "ERR the transaction is of database " + std::to_string(db);
}
// "CLUSTERDOWN node 3 holds the transaction and is out of reach: nothing was done"
inline std::string TxnHolderGone(uint32_t node) {
  return "CLUSTERDOWN node " + std::to_string(node) +
         " holds the transaction and is out of reach: nothing was done";
}
// "ERR 'ttl' may not stand in an open transaction: why"
inline std::string NotInOpenTxn(const CommandSpec& spec, std::string_view why) {
  return "ERR '" + Lower(spec.name) + "' may not stand in an open transaction: " + std::string(why);
}
inline constexpr std::string_view kWhyWaits = "it waits";
inline constexpr std::string_view kWhyUnversioned =
    "it tells more than values of keys, which are all that is read there";
inline constexpr std::string_view kWhyWrapper = "only LOCK DO and LEASE DO wrap commands there";
inline constexpr std::string_view kWhyNoKeys = "it names no keys";
inline constexpr std::string_view kWhyOtherDb = "it writes to another database";

}  // namespace clustron::commands

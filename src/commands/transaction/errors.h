// The error texts of MULTI and of ONCE. TXN's are commands/core/error_txn.h.
#pragma once

#include <string_view>

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

}  // namespace clustron::commands

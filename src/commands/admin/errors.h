// The error texts of connections, and of the commands about the server itself.
#pragma once

#include <string_view>

namespace clustron::commands {

// Authentication and HELLO.
inline constexpr std::string_view kErrWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kErrNoPassword =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
    "your configuration is correct?";
inline constexpr std::string_view kErrHelloNoAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
    "protocol version at the same time";
inline constexpr std::string_view kErrHelloVersion =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kErrNoProto = "NOPROTO unsupported protocol version";

// CLIENT's.
inline constexpr std::string_view kErrClientIdNotPositive =
    "ERR client-id should be greater than 0";
inline constexpr std::string_view kErrClientId = "ERR Invalid client ID";
inline constexpr std::string_view kErrNoSuchClient = "ERR No such client";
inline constexpr std::string_view kErrMaxAge = "ERR maxage is not an integer or out of range";
inline constexpr std::string_view kErrMaxAgeNotPositive = "ERR maxage should be greater than 0";
inline constexpr std::string_view kErrPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kErrUnblockReason =
    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kErrRedirect =
    "ERR The client ID you want redirect to does not exist";
inline constexpr std::string_view kErrCachingMode =
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled";
inline constexpr std::string_view kErrNoTracking =
    "ERR client-side caching (CLIENT TRACKING ON) is not in Clustron yet";
inline constexpr std::string_view kErrEndpointMissing = "ERR moving-endpoint-type needs a value";
inline constexpr std::string_view kErrEndpointType =
    "ERR moving-endpoint-type must be internal-ip, internal-fqdn, external-ip, external-fqdn or "
    "none";

// COMMAND's.
inline constexpr std::string_view kErrNoSuchCommand = "ERR Invalid command specified";
inline constexpr std::string_view kErrNoKeyArguments = "ERR The command has no key arguments";
inline constexpr std::string_view kErrGetKeysArity =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kErrGetKeysMalformed =
    "ERR Invalid arguments specified for command";

// Replication, snapshots and the process's end.
inline constexpr std::string_view kErrWaitaofHere =
    "ERR value is out of range, value must between 0 and 1";
inline constexpr std::string_view kErrWaitaofMemory =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
inline constexpr std::string_view kErrFailoverTimeout =
    "ERR FAILOVER timeout must be greater than 0";
inline constexpr std::string_view kErrFailoverForce =
    "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
inline constexpr std::string_view kErrMasterPort = "ERR Invalid master port";
inline constexpr std::string_view kErrReplicaof =
    "ERR nodes replicate as members of their cluster; following a Redis server is not supported";
inline constexpr std::string_view kErrSaveFailed =
    "ERR the snapshot could not be written. Check logs.";
inline constexpr std::string_view kErrBadShutdown = "ERR Errors trying to SHUTDOWN. Check logs.";

// The server itself.
inline constexpr std::string_view kErrNoCluster = "ERR This instance has cluster support disabled";
inline constexpr std::string_view kErrSlowlogCount =
    "ERR count should be greater than or equal to -1";

}  // namespace clustron::commands

// The error texts of leases and locks. Those of guards and tokens are commands/core/error_text.h.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrTtlRange = "ERR a TTL is between 100 and 2592000000 ms";
inline constexpr std::string_view kErrOwnerSize = "ERR an owner has at most 256 bytes";

// Leases.
inline constexpr std::string_view kErrLeaseId = "ERR a lease id has 1 to 64 bytes";
inline constexpr std::string_view kErrLeaseIdText =
    "ERR a lease id has no spaces or control characters, and is not '-': events of channels name "
    "it";
inline constexpr std::string_view kErrLeaseOwner = "ERR the lease belongs to another owner";
inline constexpr std::string_view kErrOtherLease = "ERR the key is attached to another lease";
inline constexpr std::string_view kErrKeyHasTtl = "ERR the key has an expiry of its own";
inline constexpr std::string_view kErrLeaseDoReads = "ERR LEASE DO takes a command that writes";

// Locks.
inline constexpr std::string_view kErrLockLimit = "ERR LIMIT is between 1 and 65536";
inline constexpr std::string_view kErrLockDelay = "ERR DELAY is between 1 and 3600000 ms";
inline constexpr std::string_view kErrLockWait =
    "ERR WAIT is between 0 (for ever) and 2592000000 ms";
inline constexpr std::string_view kErrSharedLimit = "ERR SHARED and LIMIT don't go together";
inline constexpr std::string_view kErrWaitEnqueue = "ERR WAIT and ENQUEUE don't go together";
inline constexpr std::string_view kErrNoWaitInside =
    "ERR WAIT can't be used inside of EXEC, TXN and wrappers: ENQUEUE is for that";
inline constexpr std::string_view kErrLockUpgrade =
    "ERR this OWNER has asked for the lock before, and SHARED differs: RELEASE or CANCEL first";
inline constexpr std::string_view kErrLockTwice =
    "ERR a transaction may ask for a lock once: grants of one revision would have one token";
inline constexpr std::string_view kErrQueueFull = "BUSY 100000 requests wait for this lock";
inline constexpr std::string_view kErrLeaseLocksFull =
    "BUSY the lease has 16384 locks and tickets, as many as it may have";
inline constexpr std::string_view kErrRenewByLease =
    "ERR the lock has no TTL of its own: it lives as long as its lease";
inline constexpr std::string_view kErrCancelWait =
    "ERR a client waits for this ticket: CLIENT UNBLOCK ends that";

// "ERR the lock is used with LIMIT 3, which stands until nobody holds it or waits for it"
inline std::string LockHasLimit(uint32_t limit) {
  return "ERR the lock is used " +
         (limit == 1 ? std::string("without LIMIT") : "with LIMIT " + std::to_string(limit)) +
         ", which stands until nobody holds it or waits for it";
}
inline std::string_view AdvisoryDiffers(bool advisory) {
  return advisory
             ? "ERR the lock is ADVISORY, which stands until nobody holds it or waits for it"
             : "ERR the lock is not ADVISORY, which stands until nobody holds it or waits for it";
}

}  // namespace clustron::commands

// A lock as a row of bytes, in snapshots, and its part of the full digest.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/coding.h"
#include "base/result.h"
#include "store/keyspace/key_name.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock.h"

namespace clustron::store {

// row: db, name, bits (one byte: 1 advisory, 2 more follows), holders: count, (token, owner, lease,
// ttl, renewed) each; more: limit, delay's token and ms, for each holder (shared, delay, ticket,
// claim, since), tickets: count, (ticket, owner, lease, ttl, shared, delay, ticket_ms, renewed,
// node, boot, id, since) each; numbers are varints. What programs before feature version 5 know is
// written as they wrote it.
void EncodeLock(const KeyName& name, const Lock& lock, std::string* out);
// What EncodeLock wrote, without what is derived. kCorruption: no such lock can be.
Result<std::pair<KeyName, Lock>> DecodeLock(const LeaseTable& leases, Reader* in);
uint64_t LockDigest(const KeyName& name, const Lock& lock);

}  // namespace clustron::store

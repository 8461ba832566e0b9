#include "store/tables/lock_row.h"

#include <string_view>

#include "base/planted_bugs.h"
#include "store/keyspace/digester.h"

namespace clustron::store {

namespace {

// Bits of a row.
constexpr uint8_t kAdvisoryBit = 1;
constexpr uint8_t kMoreBit = 2;

// Whether a row has what programs before feature version 5 know nothing of.
bool HasMore(const Lock& lock) {
  if (lock.limit != 1 || lock.delayed() || !lock.queue.empty() || lock.holders.size() != 1)
    return true;
  const LockHolder& h = lock.holder();
  return h.shared || h.delay_ms != 0 || h.ticket != 0 || h.since_ms != 0;
}

void WriteHolder(const LockHolder& holder, Writer& w) {
  w.Varint(holder.token);
  w.Bytes(holder.owner);
  w.Bytes(holder.lease_id);
  w.Varint(static_cast<uint64_t>(holder.ttl_ms));
  w.Varint(holder.renewed);
}

LockHolder ReadHolder(Reader& r) {
  LockHolder holder;
  holder.token = r.Varint();
  holder.owner = r.Bytes();
  holder.lease_id = r.Bytes();
  holder.ttl_ms = static_cast<int64_t>(r.Varint());
  holder.renewed = r.Varint();
  return holder;
}

void WriteMoreOfHolder(const LockHolder& holder, Writer& w) {
  w.U8(holder.shared ? 1 : 0);
  w.Varint(static_cast<uint64_t>(holder.delay_ms));
  w.Varint(holder.ticket);
  w.Varint(static_cast<uint64_t>(holder.claim_ms));
  w.Varint(static_cast<uint64_t>(holder.since_ms));
}

void ReadMoreOfHolder(Reader& r, LockHolder* holder) {
  holder->shared = r.U8() != 0;
  holder->delay_ms = static_cast<int64_t>(r.Varint());
  holder->ticket = r.Varint();
  holder->claim_ms = static_cast<int64_t>(r.Varint());
  holder->since_ms = static_cast<int64_t>(r.Varint());
}

void WriteTicket(Revision number, const LockTicket& ticket, Writer& w) {
  w.Varint(number);
  w.Bytes(ticket.owner);
  w.Bytes(ticket.lease_id);
  w.Varint(static_cast<uint64_t>(ticket.ttl_ms));
  w.U8(ticket.shared ? 1 : 0);
  w.Varint(static_cast<uint64_t>(ticket.delay_ms));
  w.Varint(static_cast<uint64_t>(ticket.ticket_ms));
  w.Varint(ticket.renewed);
  w.Varint(ticket.wait.owner.node);
  w.Varint(ticket.wait.owner.boot);
  w.Varint(ticket.wait.id);
  w.Varint(static_cast<uint64_t>(ticket.since_ms));
}

LockTicket ReadTicket(Reader& r) {
  LockTicket ticket;
  ticket.owner = r.Bytes();
  ticket.lease_id = r.Bytes();
  ticket.ttl_ms = static_cast<int64_t>(r.Varint());
  ticket.shared = r.U8() != 0;
  ticket.delay_ms = static_cast<int64_t>(r.Varint());
  ticket.ticket_ms = static_cast<int64_t>(r.Varint());
  ticket.renewed = r.Varint();
  ticket.wait.owner.node = static_cast<uint32_t>(r.Varint());
  ticket.wait.owner.boot = static_cast<uint32_t>(r.Varint());
  ticket.wait.id = r.Varint();
  ticket.since_ms = static_cast<int64_t>(r.Varint());
  return ticket;
}

void WriteMore(const Lock& lock, Writer& w) {
  w.Varint(lock.limit);
  w.Varint(lock.delay.token);
  w.Varint(static_cast<uint64_t>(lock.delay.ms));
  for (const auto& [token, holder] : lock.holders) WriteMoreOfHolder(holder, w);
  if (Planted(Bug::kLockQueueNotInSnapshot)) return w.Varint(0);
  w.Varint(lock.queue.size());
  lock.queue.ForEach([&w](Revision number, const LockTicket& ticket) {
    WriteTicket(number, ticket, w);
    return true;
  });
}

}  // namespace

void EncodeLock(const KeyName& name, const Lock& lock, std::string* out) {
  Writer w(out);
  w.Varint(static_cast<uint64_t>(name.db));
  w.Bytes(name.name);
  const bool more = HasMore(lock);
  w.U8(static_cast<uint8_t>((lock.advisory ? kAdvisoryBit : 0) | (more ? kMoreBit : 0)));
  w.Varint(lock.holders.size());
  for (const auto& [token, holder] : lock.holders) WriteHolder(holder, w);
  if (more) WriteMore(lock, w);
}

Result<std::pair<KeyName, Lock>> DecodeLock(const LeaseTable& leases, Reader* in) {
  Reader& r = *in;
  const uint64_t db = r.Varint();
  KeyName name{static_cast<int>(db), std::string(r.Bytes())};
  Lock lock;
  const uint8_t bits = r.U8();
  lock.advisory = (bits & kAdvisoryBit) != 0;
  bool unknown_lease = false;
  const auto knows = [&leases, &unknown_lease](const std::string& lease_id) {
    if (!lease_id.empty() && leases.Find(lease_id) == nullptr) unknown_lease = true;
  };
  for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
    LockHolder holder = ReadHolder(r);
    knows(holder.lease_id);
    lock.holders.emplace(holder.token, std::move(holder));
  }
  if ((bits & kMoreBit) != 0) {
    lock.limit = static_cast<uint32_t>(r.Varint());
    lock.delay.token = r.Varint();
    lock.delay.ms = static_cast<int64_t>(r.Varint());
    for (auto& [token, holder] : lock.holders) ReadMoreOfHolder(r, &holder);
    for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
      const Revision number = r.Varint();
      LockTicket ticket = ReadTicket(r);
      knows(ticket.lease_id);
      if (!lock.queue.Put(number, std::move(ticket)))
        return Fail(Errc::kCorruption, "snapshot: a ticket twice");
    }
  }
  if (unknown_lease) return Fail(Errc::kCorruption, "snapshot: a lock of an unknown lease");
  if (!r.ok() || db >= kDatabases || !lock.used() || lock.limit == 0)
    return Fail(Errc::kCorruption, "snapshot: a lock");
  return std::pair(std::move(name), std::move(lock));
}

uint64_t LockDigest(const KeyName& name, const Lock& lock) {
  Digester d(Digester::kLock);
  d.Number(static_cast<uint64_t>(name.db));
  d.Bytes(name.name);
  d.Number(lock.advisory);
  for (const auto& [token, holder] : lock.holders) {
    d.Number(holder.token);
    d.Bytes(holder.owner);
    d.Bytes(holder.lease_id);
    d.Number(static_cast<uint64_t>(holder.ttl_ms));
    d.Number(holder.renewed);
  }
  if (HasMore(lock)) {
    std::string more;
    Writer w(&more);
    WriteMore(lock, w);
    d.Bytes(more);
  }
  return d.sum();
}

}  // namespace clustron::store

#include "server/process/descriptor_budget.h"

#include <algorithm>

#include "net/socket.h"

namespace clustron::server {

namespace {

// The standard streams, the file for the server's log and its successor (5); the loop (6); the lock
// of the directory (1); files of the log: written, written before and not yet synced, spare, open
// for reading (12); snapshots: written, received, loaded, checked (4); marks and directories, by
// two threads (4); the configuration, the memory in use, the supervisor (4); and a connection that
// is accepted only to be turned away (1). The rest is for what this process was started with.
constexpr uint64_t kOwnFiles = 40;
constexpr uint64_t kPerMember = 4;
constexpr uint64_t kHalfOpenMin = 8;
constexpr uint64_t kHalfOpenMax = 64;
constexpr uint64_t kHalfOpenPart = 4;

}  // namespace

DescriptorBudget::DescriptorBudget(size_t members, size_t listeners)
    : fixed_(kOwnFiles + listeners + kPerMember * (members - 1)), peers_(members > 1) {}

DescriptorBudget::Shares DescriptorBudget::Divide(uint64_t descriptors) const {
  if (descriptors < least()) return {};
  const uint64_t rest = descriptors - fixed_;
  const uint64_t half_open =
      peers_ ? std::clamp(rest / kHalfOpenPart, kHalfOpenMin, kHalfOpenMax) : 0;
  return {rest - half_open, static_cast<size_t>(half_open)};
}

uint64_t DescriptorBudget::least() const { return fixed_ + (peers_ ? kHalfOpenMin : 0) + 1; }

uint64_t DescriptorBudget::Raise(uint64_t clients) {
  // Few clients don't make the other share small.
  const uint64_t all =
      peers_ ? std::max(clients, (kHalfOpenPart - 1) * kHalfOpenMax) + kHalfOpenMax : clients;
  const uint64_t have = net::RaiseDescriptorLimit(fixed_ + all);
  const Shares now = Divide(have);
  if (now.clients > shares_.clients) shares_ = now;
  return have;
}

}  // namespace clustron::server

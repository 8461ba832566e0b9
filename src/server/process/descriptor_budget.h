// How the descriptors that this process may have open (`ulimit -n`) are divided. Each kind of use
// has its share and keeps to it, so that connections, whoever makes them, never take the descriptor
// that the log's next file needs.
//
//   own files       the log, snapshots, directories, the loop, the configuration: always there
//   listeners       one for each address
//   members         of each other member a link in each direction, the snapshot that it is sent,
//                   and the look-up of its name
//   half-open links whose other end has not proved that it knows the secret: a quarter of the rest,
//                   64 at most, none on a node alone
//   clients         all else, those whose last reply is on its way included
//
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clustron::server {

class DescriptorBudget {
 public:
  struct Shares {
    uint64_t clients = 0;
    size_t half_open = 0;
  };

  DescriptorBudget() = default;
  DescriptorBudget(size_t members, size_t listeners);

  // What so many descriptors are enough for; no clients: they are too few.
  Shares Divide(uint64_t descriptors) const;
  // With fewer there is no start.
  uint64_t least() const;
  // Raises the process's limit for so many clients, as far as the system lets it, and the shares
  // with it; they never shrink. Returns what the limit is.
  uint64_t Raise(uint64_t clients);
  const Shares& shares() const { return shares_; }

 private:
  uint64_t fixed_ = 0;  // descriptors that belong neither to clients nor to half-open links
  bool peers_ = false;
  Shares shares_;
};

}  // namespace clustron::server

// Rare branches and faults that a long enough series of seeds must reach: if one is never reached,
// the simulation doesn't test what it claims to. Names of REACH probes in the product, and of
// counts of the simulator.
#pragma once

namespace clustron::sim {

inline constexpr const char* kWantedProbes[] = {
    "machines lost power",
    "processes killed",
    "all nodes down at once",
    "crashes at a file operation",
    "crashes during the start",
    "nodes paused",
    "wall clocks jumped",
    "disks filled",
    "disks slow for a while",
    "bits flipped on disk",
    "syncs failed",
    "links broken",
    "links clogged",
    "leadership handed over",
    "lease races",
    "rot races",
    "vote races",
    "late acknowledgement races",
    "gap races",
    "stale entry races",
    "sleep races",
    "bits flipped in the newest records",
    "partitions: one node alone",
    "partitions: two sides",
    "partitions: all only through one",
    "partitions: a chain",
    "partitions: one hears nothing",
    "partitions: one is not heard",
    "partitions: some directions",
    "starts from a snapshot",
    "starts with a replay",
    "replies CLUSTERDOWN",
    "replies UNCERTAIN",
    "ONCE repeated",
    "locks granted",
    "locks lost",
    "leases kept alive",
    "leases found gone",
    "transfers refused by WATCH",
    "transactions undone",
};

}  // namespace clustron::sim

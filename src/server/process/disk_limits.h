// How much of the disk the log and the snapshots may take, fitted to the disk's size: the defaults
// are for disks of gigabytes, and would leave a small one nothing to write on.
#pragma once

#include <cstdint>
#include <string>

#include "server/config/config.h"

namespace clustron::server {

// Lowers what nobody has set of wal-segment-size, disk-reserve, disk-low-water and
// snapshot-log-size, for a disk of so many bytes. Returns a line for the log if what is set, or the
// least that is needed, leaves no room for writes on such a disk; else nothing.
std::string FitToDisk(Config& config, const std::string& dir, uint64_t disk_bytes);

}  // namespace clustron::server

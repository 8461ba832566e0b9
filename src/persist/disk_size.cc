#include "persist/disk_size.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace clustron::persist {

Result<uint64_t> DiskBytes(const std::string& dir) {
  struct statvfs info;
  if (::statvfs(dir.c_str(), &info) != 0)
    return Fail(Errc::kIo, "statvfs " + dir + ": " + std::strerror(errno));
  return static_cast<uint64_t>(info.f_blocks) * info.f_frsize;
}

}  // namespace clustron::persist

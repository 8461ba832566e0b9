// The size of the disk that a directory is on. THREAD: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace clustron::persist {

Result<uint64_t> DiskBytes(const std::string& dir);

}  // namespace clustron::persist

// CRC-64 as RDB files and DUMP end with it: Jones' polynomial, reflected, without inversions.
#pragma once

#include <cstdint>
#include <string_view>

namespace clustron {

// Of `bytes` behind data whose checksum is `crc` (0: nothing before).
uint64_t Crc64(std::string_view bytes, uint64_t crc = 0);

}  // namespace clustron

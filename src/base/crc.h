// CRC-32C (Castagnoli), with the processor's instruction: what our own files and frames use.
#pragma once

#include <cstdint>
#include <string_view>

namespace clustron {

// Of `bytes` behind data whose checksum is `crc` (0: nothing before).
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace clustron

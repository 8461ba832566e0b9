// The hash slot of a key, as Redis Cluster and its clients compute it: CRC-16 (XMODEM) of the key,
// or of the part between its first { and the next } if that isn't empty, modulo 16,384.
#pragma once

#include <cstdint>
#include <string_view>

namespace clustron {

inline constexpr uint16_t kHashSlots = 16384;

uint16_t KeySlot(std::string_view key);

}  // namespace clustron

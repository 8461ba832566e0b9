// The letters of notify-keyspace-events. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/keyspace/events.h"

namespace clustron::store {

inline constexpr uint32_t kEventKeyspace = 1u << 30;  // K
inline constexpr uint32_t kEventKeyevent = 1u << 31;  // E

constexpr uint32_t EventBit(EventClass cls) { return 1u << static_cast<unsigned>(cls); }

// "KEA", "Kx$" … to bits. Without K or E nothing is told.
Result<uint32_t> ParseEventFlags(std::string_view letters);
// Canonical: A for all classes but m and n.
std::string PrintEventFlags(uint32_t flags);
// For the settings' table: both at once; the bits of canonical letters.
Result<std::string> CanonicalEventFlags(std::string_view letters);
int64_t EventFlagsNumber(std::string_view letters);

}  // namespace clustron::store

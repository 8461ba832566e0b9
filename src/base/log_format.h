// How the lines of base/log.h look.
#pragma once

#include <cstdint>

namespace clustron {

// As Redis writes them; the same with ISO 8601 times; an object of JSON each.
enum class LogFormat : uint8_t { kRedis, kIso, kJson };

// For the lines of the next OpenLog on.
void SetLogFormat(LogFormat format);

}  // namespace clustron

// Assertions. CHECK is always on: a broken invariant is our bug, and going on with a broken state
// is worse than stopping. DCHECK is for debug, simulation and sanitizer builds.
//
// Input from clients, peers or disk is never asserted, always validated.
#pragma once

namespace clustron {

// Prints the condition and the place to stderr, then aborts. Never returns.
[[noreturn]] void CheckFailed(const char* file, int line, const char* what) noexcept;

}  // namespace clustron

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::clustron::CheckFailed(__FILE__, __LINE__, #condition))
#ifdef CLUSTRON_DEBUG
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif
#define UNREACHABLE() ::clustron::CheckFailed(__FILE__, __LINE__, "unreachable")

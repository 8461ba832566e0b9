#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace clustron {

void CheckFailed(const char* file, int line, const char* what) noexcept {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace clustron

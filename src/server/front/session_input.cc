#include "server/front/session_input.h"

#include "base/check.h"
#include "base/memory.h"

namespace clustron::server {

void SessionInput::Keep(std::string_view rest) {
  if (rest.empty()) return;
  const size_t wanted = parser_.bytes_wanted();
  if (wanted > kept_.capacity()) ReserveBig(&kept_, wanted);
  // What came while the commands before it were run stands behind it.
  kept_.insert(0, rest);
}

void SessionInput::Drop(size_t used) {
  constexpr size_t kFreedAbove = 256 * 1024;
  CHECK(used <= kept_.size());
  kept_.erase(0, used);
  if (kept_.empty() && kept_.capacity() > kFreedAbove) FreeString(&kept_);
}

}  // namespace clustron::server

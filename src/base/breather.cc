#include "base/breather.h"

#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "base/memory.h"

namespace clustron {

namespace {

constexpr int64_t kEveryNs = 10'000'000;
constexpr size_t kSliceBytes = 1 << 20;

struct State {
  std::function<void()> hook;
  int64_t last_ns = 0;
  bool inside = false;
};
thread_local State state;

}  // namespace

void SetBreather(std::function<void()> hook) { state.hook = std::move(hook); }

void Breathe() {
  if (!state.hook || state.inside) return;
  if (SystemClock().MonotonicNs() - state.last_ns < kEveryNs) return;
  state.inside = true;
  state.hook();
  state.inside = false;
  state.last_ns = SystemClock().MonotonicNs();
}

void AppendBreathing(std::string* out, std::string_view bytes) {
  ReserveBig(out, out->size() + bytes.size());
  while (bytes.size() > kSliceBytes) {
    out->append(bytes.substr(0, kSliceBytes));
    bytes.remove_prefix(kSliceBytes);
    Breathe();
  }
  out->append(bytes);
}

}  // namespace clustron

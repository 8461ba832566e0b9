#include "base/breather.h"

#include <algorithm>
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

void AppendSlices(std::string* out, std::string_view bytes) {
  while (bytes.size() > kSliceBytes) {
    out->append(bytes.substr(0, kSliceBytes));
    bytes.remove_prefix(kSliceBytes);
    Breathe();
  }
  out->append(bytes);
}

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
  ReserveBreathing(out, out->size() + bytes.size());
  AppendSlices(out, bytes);
}

void ReserveBreathing(std::string* bytes, size_t capacity) {
  if (capacity <= bytes->capacity()) return;
  if (bytes->size() <= kSliceBytes) return ReserveBig(bytes, capacity);
  std::string bigger;
  ReserveBig(&bigger, std::max(capacity, 2 * bytes->capacity()));
  AppendSlices(&bigger, *bytes);
  *bytes = std::move(bigger);
}

}  // namespace clustron

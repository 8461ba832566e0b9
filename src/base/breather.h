// Long work on a loop lets in between what can't wait.
//
// A copy of 100 MB or the loading of a snapshot takes the loop for longer than a leader's lease
// lasts. Such work calls Breathe() every now and then; the owner of the loop's thread has set what
// is to happen then (Server: heartbeats are answered). Whoever calls it must be at a point where
// that may happen: not inside the consensus core, nor inside a link.
//
// THREAD: each has its own hook; without one (workers, the simulator, tests) nothing happens.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace clustron {

// Runs `hook` in Breathe(), at most every 10 ms, never inside itself. Empty: no more.
void SetBreather(std::function<void()> hook);
// Some 30 ns; for about each 100 µs of work.
void Breathe();
// ReserveBig, breathing while what is there moves.
void ReserveBreathing(std::string* bytes, size_t capacity);
// out->append(bytes), with room made at once, breathing.
void AppendBreathing(std::string* out, std::string_view bytes);

}  // namespace clustron

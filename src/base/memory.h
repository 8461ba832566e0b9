// What the process's memory looks like: INFO memory, MEMORY STATS, MEMORY PURGE. In builds without
// jemalloc (sanitizers) the C library's own figures stand in. THREAD: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clustron {

struct MemoryUse {
  uint64_t allocated_bytes = 0;  // handed out, rounded to size classes
  uint64_t active_bytes = 0;     // pages that hold some of it
  uint64_t resident_bytes = 0;   // physically mapped by the allocator
  uint64_t retained_bytes = 0;   // given back, address space kept
  uint64_t rss_bytes = 0;        // of the whole process
};

// Some microseconds: for INFO and a timer, not for each command.
MemoryUse ReadMemoryUse();
// Only allocated_bytes; cheap enough to look at before each batch (maxmemory).
uint64_t AllocatedBytes();
// What the allocator really reserved for a block that it gave out; 0 for null.
size_t MallocUsable(const void* block);
// "jemalloc-5.3.0"; "libc".
std::string_view AllocatorName();
// Gives unused pages back to the system.
void PurgeMemory();
// From now on the allocator does so by itself, some seconds after they became unused, in a thread
// of its own: without it an idle process would keep them.
void PurgeInBackground();
// Room for at least `capacity` bytes. That of a big string is asked for in huge pages: the first
// touch of 100 MB costs a fifth then. Grows geometrically when it has to.
void ReserveBig(std::string* bytes, size_t capacity);
// Empties it and gives its block back. Assigning an empty string does not: a short one is copied
// into the block that is there.
inline void FreeString(std::string* bytes) { std::string().swap(*bytes); }
// The allocator's own report (MEMORY MALLOC-STATS).
std::string AllocatorReport();

}  // namespace clustron

// The TTL that each key's last plain EXPIRE, PEXPIRE or GETEX at this node asked for: who asks for
// the same one again refreshes it (commands/generic/expire.h). A cell of 16 bytes is shared by all
// keys of its number; another key takes it over. What is forgotten costs an entry, never a promise.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace clustron::server {

class RefreshTable {
 public:
  static constexpr size_t kCells = 65'536;

  // Notes the call, and tells whether it repeats the last one. `key`: a hash of database and name.
  bool Repeats(uint64_t key, int64_t ttl_ms) {
    if (cells_.empty()) cells_.resize(kCells);
    Cell& cell = cells_[key % kCells];
    const bool repeats = cell.key == key && cell.ttl_ms == ttl_ms;
    cell = {key, ttl_ms};
    return repeats;
  }

 private:
  struct Cell {
    uint64_t key = 0;
    int64_t ttl_ms = 0;  // 0: the cell is empty
  };
  std::vector<Cell> cells_;  // none before the first call: 1 MB
};

}  // namespace clustron::server

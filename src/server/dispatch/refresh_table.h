// The TTL that each key's last plain EXPIRE, PEXPIRE or GETEX at this node asked for, and since
// when all of them have asked for that one: who asks for it again refreshes it
// (commands/generic/expire.h). A cell of 24 bytes is shared by all keys of its number; another key
// takes it over. What is forgotten costs an entry, never a promise. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace clustron::server {

class RefreshTable {
 public:
  static constexpr size_t kCells = 65'536;

  // Notes the call, and tells for how long this TTL has been asked for, if the call repeats the
  // last one. `key`: a hash of database and name.
  std::optional<int64_t> Repeats(uint64_t key, int64_t ttl_ms, int64_t now_ms) {
    if (cells_.empty()) cells_.resize(kCells);
    Cell& cell = cells_[key % kCells];
    if (cell.key == key && cell.ttl_ms == ttl_ms) return now_ms - cell.since_ms;
    cell = {key, ttl_ms, now_ms};
    return std::nullopt;
  }

 private:
  struct Cell {
    uint64_t key = 0;
    int64_t ttl_ms = 0;  // 0: the cell is empty
    int64_t since_ms = 0;
  };
  std::vector<Cell> cells_;  // none before the first call: 1.5 MB
};

}  // namespace clustron::server

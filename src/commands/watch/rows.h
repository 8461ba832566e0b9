// What WATCHKEY tells of keys as they are: rows [key, value, revision, ttl, lease], with the type
// behind them where that is asked for.
#pragma once

#include <cstdint>

#include "resp/reply_writer.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

// By which clocks times to live are told.
struct RowClocks {
  int64_t elapsed_ms = 0;
  int64_t wall_ms = 0;
};

// The value of a string, or another type's DUMP; the time to live in ms, -1: none; the lease or
// nil.
void ReplyRow(resp::ReplyWriter& reply, const store::Store& store, int db,
              const store::KeyRecord& record, const RowClocks& clocks, bool type = false);

}  // namespace clustron::commands

#include "commands/watch/rows.h"

#include <algorithm>

#include "commands/generic/dump_payload.h"
#include "store/keyspace/value_type.h"
#include "store/tables/lease_table.h"
#include "store/types/string/string_value.h"

namespace clustron::commands {

void ReplyRow(resp::ReplyWriter& reply, const store::Store& store, int db,
              const store::KeyRecord& record, const RowClocks& clocks, bool type) {
  reply.Array(type ? 6 : 5);
  reply.Bulk(record.key());
  if (ValueTypeOf(record).bytes) {
    const store::StringValue value = StringOf(record);
    reply.BulkBegin(value.size());
    value.SharePieces(
        0, value.size(), [&](std::string_view part) { reply.BulkPart(part); },
        [&](SharedBytes part) { reply.BulkShared(std::move(part)); });
    reply.BulkEnd();
  } else {
    reply.Bulk(DumpPayload(record));
  }
  reply.Uint(record.revision());
  if (record.has_deadline()) {
    const int64_t left_ms = store::Store::RemainingMs(
        record.deadline(), std::max(clocks.elapsed_ms, store.elapsed_ms()),
        std::max(clocks.wall_ms, store.wall_ms()));
    reply.Int(std::max<int64_t>(left_ms, 0));
  } else {
    reply.Int(-1);
  }
  if (record.has_lease()) {
    reply.Bulk(LeasesOf(store).LeaseOf(db, record.key())->id);
  } else {
    reply.Null();
  }
  if (type) reply.Bulk(TypeName(record.type()));
}

}  // namespace clustron::commands

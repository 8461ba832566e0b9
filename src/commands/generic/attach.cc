#include "commands/generic/attach.h"

#include "commands/core/access.h"
#include "commands/core/error_text.h"
#include "commands/generic/errors.h"
#include "store/tables/lease_table.h"

namespace clustron::commands {

bool CheckAttach(Context& ctx, std::string_view lease_id, std::string_view key) {
  const store::Lease* lease = LeasesOf(ctx.store).Find(lease_id);
  if (lease == nullptr) {
    ctx.reply.Error(NoLease(lease_id));
    return false;
  }
  if (lease->keys.size() >= store::kLeaseKeysMax &&
      LeasesOf(ctx.store).LeaseOf(ctx.db, key) != lease) {
    ctx.reply.Error(kErrLeaseFull);
    return false;
  }
  return true;
}

bool CheckNoLease(Context& ctx, const store::KeyRecord& record) {
  if (!record.has_lease()) return true;
  ctx.reply.Error(kErrKeyHasLease);
  return false;
}

}  // namespace clustron::commands

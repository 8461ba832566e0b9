#include "server/observe/notifications.h"

#include "base/numeric.h"
#include "server/observe/pubsub_hub.h"

namespace clustron::server {

using store::EventClass;

bool Notifications::SetFlags(uint32_t flags) {
  // Without K or E there is no channel to tell on.
  flags_ = (flags & (store::kEventKeyspace | store::kEventKeyevent)) != 0 ? flags : 0;
  return on();
}

void Notifications::OnChange(const store::Change& change) {
  if (change.created) Tell(change.db, change.key, EventClass::kNew, "new");
  if (!change.event.name.empty()) {
    Tell(change.db, change.key, change.event.cls, change.event.name);
  }
}

void Notifications::OnNotify(int db, std::string_view key, store::Event event) {
  Tell(db, key, event.cls, event.name);
}

void Notifications::OnMiss(int db, std::string_view key) {
  Tell(db, key, EventClass::kMiss, "keymiss");
}

void Notifications::Tell(int db, std::string_view key, EventClass cls, std::string_view event) {
  if ((flags_ & store::EventBit(cls)) == 0 || hub_.empty()) return;
  const Decimal number(static_cast<int64_t>(db));
  if (flags_ & store::kEventKeyspace) {
    channel_.assign("__keyspace@").append(number.view()).append("__:").append(key);
    hub_.Deliver(channel_, event, false);
  }
  if (flags_ & store::kEventKeyevent) {
    channel_.assign("__keyevent@").append(number.view()).append("__:").append(event);
    hub_.Deliver(channel_, key, false);
  }
}

}  // namespace clustron::server

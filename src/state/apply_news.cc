#include "state/apply_news.h"

namespace clustron::state {

void ApplyNews::OnChange(const store::Change& change) {
  if (change.kind == store::ChangeKind::kPut) waits_.OnKey(change.db, change.key);
  if (downstream() != nullptr) downstream()->OnChange(change);
}

void ApplyNews::OnNotify(int db, std::string_view key, store::Event event) {
  if (downstream() != nullptr) downstream()->OnNotify(db, key, event);
}

void ApplyNews::OnFlush(int db, store::Revision revision) {
  if (downstream() != nullptr) downstream()->OnFlush(db, revision);
}

void ApplyNews::OnSwap(int db_a, int db_b, store::Revision revision) {
  waits_.OnDb(db_a);
  waits_.OnDb(db_b);
  if (downstream() != nullptr) downstream()->OnSwap(db_a, db_b, revision);
}

// Also of entries that are applied again: it is how the settings work here.
void ApplyNews::OnSetting() {
  if (downstream_ != nullptr) downstream_->OnSetting();
}

void ApplyNews::OnLease(const store::LeaseEvent& event) {
  if (listener() != nullptr) {
    if (event.kind == store::LeaseEventKind::kGranted || event.kind == store::LeaseEventKind::kKept)
      listener()->OnLeaseGranted({event.id, event.revision, event.renewed, event.ttl_ms});
    else
      listener()->OnLeaseEnded(event.id);
  }
  if (downstream() != nullptr) downstream()->OnLease(event);
}

void ApplyNews::OnLock(const store::LockEvent& event) {
  waits_.OnLock(event.db, event.name);
  if (listener() != nullptr) {
    if (event.kind == store::LockEventKind::kGranted ||
        event.kind == store::LockEventKind::kRenewed)
      listener()->OnLockGranted({event.db, event.name, event.token, event.renewed, event.ttl_ms});
    else
      listener()->OnLockEnded(event.db, event.name);
  }
  if (downstream() != nullptr) downstream()->OnLock(event);
}

}  // namespace clustron::state

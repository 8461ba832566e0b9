#include "state/apply_news.h"

namespace clustron::state {

void ApplyNews::BeforeChange(int db, const store::KeyRecord& record) {
  waits_.Stir();
  changes_.BeforeChange(db, record);
}

void ApplyNews::OnChange(const store::Change& change) {
  if (change.kind == store::ChangeKind::kPut) waits_.OnKey(change.db, change.key);
  if (changes_.wanted()) {
    waits_.Stir();
    changes_.OnChange(change);
  }
  const bool follows = downstream_follows_ || change.reason == store::Reason::kExpire;
  if (follows && downstream() != nullptr) downstream()->OnChange(change);
}

bool ApplyNews::OnPut(const store::KeyRecord& record, int db, store::Reason reason, bool existed) {
  if (changes_.tells()) [[unlikely]]
    return OnFollowedPut(record, db, reason, existed);
  return changes_.OnShortPut(record, db, reason, existed);
}

bool ApplyNews::OnFollowedPut(const store::KeyRecord& record, int db, store::Reason reason,
                              bool existed) {
  if (!changes_.OnShortPut(record, db, reason, existed)) return false;
  if (changes_.StagedIsFollowed()) waits_.Stir();
  return true;
}

void ApplyNews::OnNotify(int db, std::string_view key, store::Event event) {
  if (downstream() != nullptr) downstream()->OnNotify(db, key, event);
}

void ApplyNews::OnFlush(int db, store::Revision revision) {
  if (changes_.wanted()) {
    waits_.Stir();
    changes_.OnFlush(db, revision);
  }
  if (downstream() != nullptr) downstream()->OnFlush(db, revision);
}

void ApplyNews::OnSwap(int db_a, int db_b, store::Revision revision) {
  waits_.OnDb(db_a);
  waits_.OnDb(db_b);
  if (changes_.wanted()) {
    waits_.Stir();
    changes_.OnSwap(db_a, db_b, revision);
  }
  if (downstream() != nullptr) downstream()->OnSwap(db_a, db_b, revision);
}

// Also of entries that are applied again: it is how the settings work here.
void ApplyNews::OnSetting() {
  if (downstream_ != nullptr) downstream_->OnSetting();
  changes_.OnSetting();
  if (changes_.any()) waits_.Stir();
}

void ApplyNews::OnLease(const store::LeaseEvent& event) {
  if (event.kind == store::LeaseEventKind::kExpired ||
      event.kind == store::LeaseEventKind::kRevoked)
    changes_.OnLeaseEnd(event.id);
  if (listener() != nullptr) {
    if (event.kind == store::LeaseEventKind::kGranted || event.kind == store::LeaseEventKind::kKept)
      listener()->OnLeaseGranted({event.id, event.revision, event.renewed, event.ttl_ms});
    else
      listener()->OnLeaseEnded(event.id);
  }
  if (downstream() != nullptr) downstream()->OnLease(event);
}

void ApplyNews::OnLock(const store::LockEvent& event) {
  switch (event.kind) {
    case store::LockEventKind::kWaitedInVain:
      return waits_.OnLockLost(event.wait);
    case store::LockEventKind::kGranted:
    case store::LockEventKind::kRenewed:
    case store::LockEventKind::kQueued:
    case store::LockEventKind::kDelayed:
      if (listener() != nullptr)
        listener()->OnLockPart({event.db, event.name, event.token, event.renewed, event.ttl_ms});
      break;
    case store::LockEventKind::kReleased:
    case store::LockEventKind::kExpired:
    case store::LockEventKind::kBroken:
    case store::LockEventKind::kUnqueued:
    case store::LockEventKind::kDelayOver:
      if (listener() != nullptr) listener()->OnLockPartEnded(event.db, event.name, event.token);
      break;
  }
  waits_.OnLock(event.db, event.name);
  if (downstream() != nullptr) downstream()->OnLock(event);
}

}  // namespace clustron::state

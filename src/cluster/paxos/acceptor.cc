#include "cluster/paxos/acceptor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

uint64_t Acceptor::RaisePromise(Ballot ballot) {
  CHECK(ballot > promised_);
  promised_ = ballot;
  LogRecord record;
  record.type = LogRecord::Type::kPromise;
  record.ballot = ballot;
  return core_.outbox.Persist(std::move(record));
}

Acceptor::Verdict Acceptor::Accept(const Accepted& entry, Slot chosen) {
  CHECK(entry.ballot >= promised_);
  const Cell* cell = core_.window.Find(entry.slot);
  const bool had =
      cell != nullptr && cell->accepted && (cell->chosen || cell->entry.ballot == entry.ballot);
  if (had && cell->entry.value != entry.value && !Planted(Bug::kSecondValueTaken)) {
    core_.NoteContradiction(cell->entry, entry);
    return Verdict::kContradiction;
  }
  if (had || entry.slot <= chosen) return Verdict::kHad;
  if (entry.slot > chosen + core_.config.ahead_slots_max) {
    REACH("paxos.accept_too_far_ahead");
    return Verdict::kIgnored;
  }
  if (cell != nullptr && cell->unknown) {
    REACH("paxos.no_vote_on_unknown_slot");
    return Verdict::kIgnored;
  }
  if (core_.LogFull()) {
    REACH("paxos.no_vote_while_log_is_full");
    return Verdict::kIgnored;
  }
  // An accept implies its promise, so what is here is older. (A learned entry of a later ballot is
  // chosen and was handled above.)
  CHECK(cell == nullptr || !cell->accepted || cell->entry.ballot < entry.ballot);
  promised_ = entry.ballot;
  LogRecord record;
  record.type = LogRecord::Type::kAccept;
  record.accepted = entry;
  core_.window.Store(entry, core_.outbox.Persist(std::move(record)));
  return Verdict::kAccepted;
}

void Acceptor::Report(NodeId to, Ballot ballot, Slot first, Slot chosen, Slot compacted) {
  DCHECK(ballot == promised_);
  // One answer at a time waits for the disk; the candidate asks again anyway.
  if (core_.outbox.HoldsPromise(to, ballot)) return;
  Promise chunk;
  chunk.ballot = ballot;
  chunk.first = first;
  chunk.chosen = chosen;
  chunk.compacted = compacted;
  size_t bytes = 0;
  for (Slot slot = std::max(first, chosen + 1); slot < core_.window.end(); ++slot) {
    const Cell* cell = core_.window.Find(slot);
    if (cell == nullptr) continue;
    if (cell->unknown) {
      REACH("paxos.promise_with_unknown_slot");
      if (!Planted(Bug::kCorruptSlotAsEmpty)) chunk.unknown.push_back(slot);
    }
    if (!cell->accepted) continue;
    const size_t size = BytesOf(cell->entry.value.payload).size();
    const bool full = bytes + size > kChunkBytes || chunk.accepted.size() == kMaxEntriesPerMessage;
    if (full && !chunk.accepted.empty()) {
      REACH("paxos.promise_in_chunks");
      Promise next;
      next.ballot = ballot;
      next.first = slot;
      next.chosen = chosen;
      next.compacted = compacted;
      chunk.last = slot - 1;
      SendPromise(to, std::exchange(chunk, std::move(next)));
      bytes = 0;
    }
    bytes += size;
    chunk.accepted.push_back(cell->entry);
  }
  chunk.last = kMaxSlot;
  SendPromise(to, std::move(chunk));
}

void Acceptor::SendPromise(NodeId to, Promise chunk) {
  if (Planted(Bug::kPromiseNotFsynced)) {
    core_.outbox.Send(to, std::move(chunk));
    return;
  }
  core_.outbox.SendWhenDurable(to, std::move(chunk));
}

AcceptOk Acceptor::DurableUnder(Ballot ballot, Slot chosen) const {
  const auto voted = [&](Slot slot) {
    const Cell* cell = core_.window.Find(slot);
    if (cell == nullptr || !cell->accepted) return false;
    // A chosen slot needs no more votes; saying yes spares the leader a useless retry.
    return cell->chosen ||
           (cell->entry.ballot == ballot && core_.outbox.IsDurable(cell->persist_seq));
  };
  AcceptOk ok;
  ok.ballot = ballot;
  ok.up_to = chosen;
  while (voted(ok.up_to + 1)) ++ok.up_to;
  for (unsigned i = 0; i < 64 && ok.up_to + 1 + i < core_.window.end(); ++i) {
    if (voted(ok.up_to + 1 + i)) ok.more |= uint64_t{1} << i;
  }
  return ok;
}

Slot Acceptor::DurableUpTo(Slot chosen) {
  const auto durable = [&](Slot slot) {
    const Cell* cell = core_.window.Find(slot);
    return cell != nullptr && cell->accepted && core_.outbox.IsDurable(cell->persist_seq);
  };
  // Memory lets go of nothing that is neither durable nor in a snapshot (Learner::TrimMemory).
  durable_ = std::max(durable_, core_.window.first() - 1);
  // What the others made chosen may still be on its way to this disk.
  while (durable_ < chosen && durable(durable_ + 1)) ++durable_;
  Slot up_to = durable_;
  while (durable(up_to + 1)) ++up_to;
  return up_to;
}

}  // namespace clustron::paxos

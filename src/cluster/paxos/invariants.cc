#include "cluster/paxos/invariants.h"

#include <algorithm>
#include <variant>

#include "base/hash.h"
#include "base/planted_bugs.h"
#include "cluster/paxos/replica_impl.h"

namespace clustron::paxos {

namespace {

std::string Text(const Ballot& ballot) {
  return "(" + std::to_string(ballot.round) + "," + std::to_string(ballot.node) + ")";
}

std::string Violation(const Replica& replica, const std::string& what) {
  return "node " + std::to_string(replica.self()) + ": " + what;
}

std::string AtSlot(const char* what, Slot slot) {
  return std::string(what) + " at slot " + std::to_string(slot);
}

#define CHECK_INVARIANT(condition, text) \
  if (!(condition)) return Violation(replica, text)

}  // namespace

uint64_t HashOf(const Value& value) {
  uint64_t hash = HashBytes(BytesOf(value.payload), static_cast<uint64_t>(value.kind));
  hash = Mix64(hash ^ value.first_ballot.round);
  hash = Mix64(hash ^ value.first_ballot.node);
  return hash | 1;
}

std::optional<std::string> Invariants::Check(const Replica& replica) {
  const Ballot promised = replica.promised();
  CHECK_INVARIANT(promised >= promised_,
                  "promise fell from " + Text(promised_) + " to " + Text(promised));
  promised_ = promised;
  if (auto violation = CheckPrefixes(replica)) return violation;
  if (auto violation = CheckRole(replica)) return violation;
  return CheckCells(replica);
}

std::optional<std::string> Invariants::CheckPrefixes(const Replica& replica) {
  CHECK_INVARIANT(replica.compacted_slot() >= compacted_, "compacted prefix shrank");
  CHECK_INVARIANT(replica.applied_slot() >= applied_, "applied prefix shrank");
  CHECK_INVARIANT(replica.chosen_slot() >= chosen_, "chosen prefix shrank");
  compacted_ = replica.compacted_slot();
  applied_ = replica.applied_slot();
  chosen_ = replica.chosen_slot();
  CHECK_INVARIANT(compacted_ <= applied_, "compacted beyond what is applied");
  CHECK_INVARIANT(applied_ <= chosen_, "applied beyond what is chosen");
  const LogWindow& window = replica.impl().core.window;
  CHECK_INVARIANT(window.first() <= applied_ + 1, "an entry to apply is not in memory");
  return std::nullopt;
}

std::optional<std::string> Invariants::CheckRole(const Replica& replica) {
  const Replica::Impl& impl = replica.impl();
  if (impl.role == Role::kFollower) {
    CHECK_INVARIANT(impl.reads.empty(), "read rounds on a follower");
    CHECK_INVARIANT(replica.lease_until_ns() == 0, "leader lease on a follower");
    CHECK_INVARIANT(!replica.CanPropose(), "proposals on a follower");
    return std::nullopt;
  }
  CHECK_INVARIANT(impl.ballot == replica.promised(), "leads under another ballot than promised");
  CHECK_INVARIANT(impl.ballot.node == replica.self(), "leads under another node's ballot");
  if (impl.role != Role::kLeader) return std::nullopt;
  const Leader& leader = impl.leader;
  CHECK_INVARIANT(leader.first_open() == chosen_ + 1, "open slots don't start behind the chosen");
  CHECK_INVARIANT(leader.first_open() + leader.open_count() == leader.last_slot() + 1,
                  "gap in the open slots");
  CHECK_INVARIANT(leader.open_count() <= impl.core.config.window_slots, "window overrun");
  CHECK_INVARIANT(replica.own_noop_slot() <= chosen_, "own no-op said to be chosen too early");
  return std::nullopt;
}

std::optional<std::string> Invariants::CheckCells(const Replica& replica) {
  const Replica::Impl& impl = replica.impl();
  const LogWindow& window = impl.core.window;
  cells_.erase(cells_.begin(), cells_.lower_bound(std::max(applied_, window.first())));
  size_t unknown = 0;
  for (Slot slot = window.first(); slot < window.end(); ++slot) {
    const Cell& cell = *window.Find(slot);
    unknown += cell.unknown ? 1 : 0;
    CHECK_INVARIANT(!(cell.unknown && cell.accepted), AtSlot("unknown and accepted", slot));
    CHECK_INVARIANT(!cell.chosen || cell.accepted, AtSlot("chosen without a value", slot));
    CHECK_INVARIANT(slot > chosen_ || cell.chosen, AtSlot("gap in the chosen prefix", slot));
    if (!cell.accepted) continue;
    CHECK_INVARIANT(cell.entry.slot == slot, AtSlot("entry of another slot", slot));
    CHECK_INVARIANT(cell.entry.ballot <= replica.promised(),
                    AtSlot("accepted above the promise", slot));
    CHECK_INVARIANT(cell.entry.value.first_ballot <= cell.entry.ballot,
                    AtSlot("accepted before it was first proposed", slot));
    // An own entry before the own no-op would be answered before the new leader knows the log.
    const bool own = impl.role == Role::kLeader && cell.entry.value.first_ballot == impl.ballot &&
                     cell.entry.value.kind != EntryKind::kFiller;
    CHECK_INVARIANT(!own || slot >= impl.leader.noop_slot(),
                    AtSlot("own entry before the own no-op", slot));
    if (slot <= applied_) continue;
    Seen& seen = cells_[slot];
    const uint64_t hash = HashOf(cell.entry.value);
    CHECK_INVARIANT(cell.entry.ballot >= seen.ballot, AtSlot("accepted ballot fell", slot));
    CHECK_INVARIANT(
        seen.value_hash == 0 || cell.entry.ballot != seen.ballot || hash == seen.value_hash,
        AtSlot("two values under one ballot", slot));
    CHECK_INVARIANT(!seen.chosen || hash == seen.value_hash, AtSlot("chosen value changed", slot));
    CHECK_INVARIANT(!seen.chosen || cell.chosen, AtSlot("chosen no more", slot));
    seen = {cell.entry.ballot, cell.chosen, hash};
  }
  CHECK_INVARIANT(unknown == window.unknown_count(), "count of unknown slots");
  return std::nullopt;
}

std::optional<std::string> Agreement::Check(const Replica& replica) {
  const LogWindow& window = replica.impl().core.window;
  Slot& looked_at = looked_at_[replica.self()];
  for (Slot slot = std::max(looked_at + 1, window.first()); slot < window.end(); ++slot) {
    const Cell& cell = *window.Find(slot);
    if (!cell.chosen) continue;
    if (auto violation = Record(replica.self(), cell.entry)) return violation;
  }
  looked_at = replica.chosen_slot();
  return std::nullopt;
}

std::optional<std::string> Agreement::Record(NodeId node, const Accepted& entry) {
  if (hashes_.size() <= entry.slot) hashes_.resize(entry.slot + 1);
  uint64_t& known = hashes_[entry.slot];
  const uint64_t hash = paxos::HashOf(entry.value);
  if (known == 0) known = hash;
  if (known == hash) return std::nullopt;
  return "node " + std::to_string(node) + ": " + AtSlot("another value chosen", entry.slot);
}

std::optional<std::string> Agreement::CheckLease(const Replica& replica, int64_t local_now_ns) {
  if (!replica.LeaseValid(local_now_ns) || !replica.own_noop_chosen()) return std::nullopt;
  if (lease_holder_ != kNoNode) {
    return "two leases: nodes " + std::to_string(lease_holder_) + " and " +
           std::to_string(replica.self());
  }
  lease_holder_ = replica.self();
  return std::nullopt;
}

std::optional<std::string> Commitments::CheckUnknownListed(const Replica& replica,
                                                           const Promise& promise) {
  const LogWindow& window = replica.impl().core.window;
  for (Slot slot = std::max(promise.first, promise.chosen + 1); slot < window.end(); ++slot) {
    const Cell* cell = window.Find(slot);
    if (slot > promise.last || cell == nullptr || !cell->unknown) continue;
    CHECK_INVARIANT(std::binary_search(promise.unknown.begin(), promise.unknown.end(), slot),
                    AtSlot("reports a damaged record as never accepted", slot));
  }
  return std::nullopt;
}

std::optional<std::string> Commitments::OnSend(const Replica& from, NodeId to,
                                               const Message& message, int64_t local_now_ns,
                                               int64_t lease_ns) {
  Said& said = said_[from.self()];
  ++sent_count_;
  std::erase_if(said.grants, [=](const Grant& g) { return g.until_ns <= local_now_ns; });
  if (const auto* reply = std::get_if<HeartbeatReply>(&message); reply && reply->granted) {
    // A later leader's takes the place of an earlier one's: a quorum had let go of that.
    std::erase_if(said.grants, [&](const Grant& g) { return g.ballot < reply->ballot; });
    said.answered = reply->ballot;
    said.answered_at = sent_count_;
    said.grants.push_back({reply->ballot, local_now_ns + lease_ns});
  }
  // Who asks or leads under a ballot has promised it like everybody else.
  if (const auto* prepare = std::get_if<Prepare>(&message); prepare && !PlantedBallotTwice()) {
    said.promised = std::max(said.promised, prepare->ballot);
  }
  if (const auto* accept = std::get_if<Accept>(&message)) {
    led_.insert(accept->entry.ballot);
    if (!PlantedBallotTwice()) said.promised = std::max(said.promised, accept->entry.ballot);
  }
  if (const auto* release = std::get_if<Release>(&message)) released_.insert(release->ballot);
  if (const auto* promise = std::get_if<Promise>(&message)) {
    said.promised = std::max(said.promised, promise->ballot);
    if (auto violation = CheckUnknownListed(from, *promise)) return violation;
    for (const Grant& grant : said.grants) {
      // A late answer to a candidate below the lease's ballot can't make a leader, and one to who
      // leads already changes nothing.
      const bool against = grant.ballot.node != to && grant.ballot < promise->ballot &&
                           led_.count(promise->ballot) == 0;
      // (A later leader that stopped has ended the earlier ones' leases too.)
      if (against && released_.lower_bound(grant.ballot) == released_.end()) {
        return "node " + std::to_string(from.self()) + ": answers phase 1 of node " +
               std::to_string(to) + " under a lease of " + Text(grant.ballot);
      }
    }
  }
  if (const auto* ok = std::get_if<AcceptOk>(&message)) {
    said.voted.erase(said.voted.begin(), said.voted.upper_bound(from.applied_slot()));
    for (Slot slot = from.chosen_slot() + 1; slot <= ok->up_to; ++slot) {
      const Cell* cell = from.impl().core.window.Find(slot);
      if (cell != nullptr && !cell->chosen) said.voted[slot] = ok->ballot;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Commitments::OnRecovered(NodeId node, const Recovered& recovered) {
  const Said& said = said_[node];
  Ballot promised = recovered.promised;
  std::map<Slot, Ballot> accepted;
  for (const Accepted& entry : recovered.accepted) {
    promised = std::max(promised, entry.ballot);
    accepted[entry.slot] = entry.ballot;
  }
  if (promised < said.promised) {
    return "node " + std::to_string(node) + ": forgot its promise of " + Text(said.promised);
  }
  for (const auto& [slot, ballot] : said.voted) {
    if (slot <= recovered.applied_up_to) continue;
    if (std::binary_search(recovered.unknown.begin(), recovered.unknown.end(), slot)) continue;
    if (const auto it = accepted.find(slot); it != accepted.end() && it->second >= ballot) continue;
    return "node " + std::to_string(node) + ": " + AtSlot("forgot its vote", slot);
  }
  return std::nullopt;
}

uint32_t Commitments::AnsweredSince(Ballot leader, uint64_t count) const {
  uint32_t answered = 0;
  for (const auto& [node, said] : said_) {
    answered += said.answered == leader && said.answered_at > count ? 1 : 0;
  }
  return answered;
}

bool Commitments::IsBound(NodeId node, Ballot leader, int64_t local_now_ns) const {
  const auto it = said_.find(node);
  if (it == said_.end()) return false;
  return std::any_of(it->second.grants.begin(), it->second.grants.end(), [&](const Grant& grant) {
    return grant.ballot == leader && local_now_ns < grant.until_ns;
  });
}

}  // namespace clustron::paxos

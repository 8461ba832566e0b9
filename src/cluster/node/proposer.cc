#include "cluster/node/proposer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/reach.h"

namespace clustron::cluster {

Proposer::Proposer(NodeCore& core, const LeaderView& leader_view, const NodeClock& clock,
                   const Roster& roster, const RevisionReserve& reserve, ProposalListener& listener)
    : core_(core),
      leader_view_(leader_view),
      clock_(clock),
      roster_(roster),
      reserve_(reserve),
      listener_(listener) {}

bool Proposer::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  CHECK(kind == WireKind::kForward);
  Ballot ballot;
  std::string_view items;
  return ReadForward(body, &ballot, &items) && OnForward(from, ballot, items);
}

bool Proposer::OnForward(NodeId from, Ballot ballot, std::string_view items) {
  const bool wanted = leader_view_.IsMeant(ballot);
  const uint8_t verdicts = wanted ? Verdicts() : 0;
  const std::vector<MemberRecord>& records = roster_.watch().records();
  const auto introduced = std::find_if(records.begin(), records.end(),
                                       [from](const MemberRecord& r) { return r.node == from; });
  CHECK(introduced != records.end());  // else nothing of it is taken
  Reader reader(items);
  while (reader.remaining() > 0) {
    ItemHeader header;
    std::string_view bytes;
    if (!PeekItem(&reader, &header, &bytes) || header.session.node != from) return false;
    // A node speaks for the start that it introduced itself as, and no other: a later one would end
    // the session of its clients, and of an earlier one nothing is of use.
    if (header.session.boot != introduced->boot) continue;
    if (wanted && !core_.state.CanTake(header, bytes)) return false;
    if (!wanted || batcher_.Add(header, bytes, verdicts)) continue;
    // What is applied is never asked for again, whatever is waited for here.
    batcher_.Advance(header.session, core_.state.NextSequence(header.session));
    if (!batcher_.Add(header, bytes, verdicts)) REACH("forwarded item not taken");
  }
  return true;
}

void Proposer::AddFromHere(std::string_view item) {
  Reader reader(item);
  ItemHeader header;
  std::string_view bytes;
  CHECK(PeekItem(&reader, &header, &bytes));
  CHECK(header.session.node == core_.self());
  batcher_.Add(header, bytes, Verdicts());
}

void Proposer::Begin() {
  // Nothing comes before what the state is to begin with.
  if (core_.state.revision() == 0) batcher_.Reset();
  tick_wanted_ = false;
  // What an earlier leadership here proposed is applied by now, or will be void.
  elapsed_ms_ = wall_ms_ = 0;
  slot_ = paxos::kNoSlot;
}

Slot Proposer::SlotWithLiveClocks() const {
  const bool live = slot_ != paxos::kNoSlot && elapsed_ms_ >= clock_.ElapsedMs(core_.NowNs()) &&
                    wall_ms_ >= clock_.LiveWallMs();
  return live ? slot_ : paxos::kNoSlot;
}

uint8_t Proposer::Verdicts() const {
  uint8_t flags = 0;
  if (core_.log.disk_low()) flags |= kVerdictDiskLow;
  if (over_memory_) flags |= kVerdictOom;
  return flags;
}

void Proposer::Propose() {
  // No token is given that could be given again: right after the start the bound is being written.
  if (core_.config.weak_durability && !reserve_.Suffices()) return;
  const StateMachine& state = core_.state;
  const int64_t now = core_.NowNs();
  while (core_.replica.CanPropose()) {
    // The clocks of entries in flight must not fall either.
    const EntryHeader header{
        .elapsed_ms = std::max({elapsed_ms_, clock_.ElapsedMs(now), state.elapsed_ms()}),
        .wall_ms = state.feature_version() >= kWallMayFall
                       ? clock_.LiveWallMs()
                       : std::max({wall_ms_, clock_.LiveWallMs(), state.wall_ms()}),
        .feature_version = state.feature_version(),
        .flags = Flags()};
    std::string entry;
    if (!batcher_.Empty()) {
      entry = batcher_.Take(header);
    } else if (tick_wanted_) {
      AppendEntryHeader(header, &entry);
    } else {
      return;
    }
    elapsed_ms_ = header.elapsed_ms;
    wall_ms_ = header.wall_ms;
    const Slot slot = core_.replica.Propose(
        paxos::EntryKind::kBatch, std::make_shared<const std::string>(std::move(entry)), now);
    CHECK(slot_ == paxos::kNoSlot || slot > slot_);
    slot_ = slot;
    tick_wanted_ = false;
    listener_.OnProposed(slot);
  }
}

}  // namespace clustron::cluster

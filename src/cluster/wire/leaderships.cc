#include "cluster/wire/leaderships.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted_bugs.h"

namespace clustron::cluster {

using paxos::Slot;

void Leaderships::Note(const Leadership& next) {
  CHECK(kept_.empty() || next.slot > kept_.back().slot);
  kept_.push_back(next);
  if (kept_.size() <= kKeptMax) return;
  behind_ = kept_.front().slot;
  kept_.erase(kept_.begin());
}

void Leaderships::BeginBehind(Slot slot) {
  kept_.clear();
  behind_ = slot;
}

Slot Leaderships::Differs(Slot applied, const Leaderships& other, Slot others) const {
  const Slot end = std::min(applied, others);
  const Slot behind = std::max(behind_, other.behind_);
  const auto first = [behind](const std::vector<Leadership>& all) {
    return std::find_if(all.begin(), all.end(),
                        [behind](const Leadership& l) { return l.slot > behind; });
  };
  auto mine = first(kept_);
  auto theirs = first(other.kept_);
  for (;; ++mine, ++theirs) {
    const bool more = mine != kept_.end() && mine->slot <= end;
    const bool others_more = theirs != other.kept_.end() && theirs->slot <= end;
    if (!more && !others_more) return 0;
    if (!more) return theirs->slot;
    if (!others_more) return mine->slot;
    if (*mine != *theirs) return std::min(mine->slot, theirs->slot);
  }
}

void Leaderships::Encode(std::string* out) const {
  Writer writer(out);
  writer.U64(behind_);
  writer.Varint(kept_.size());
  for (const Leadership& leadership : kept_) {
    writer.U64(leadership.slot);
    writer.U64(leadership.ballot.round);
    writer.U32(leadership.ballot.node);
    writer.U64(leadership.tag);
  }
}

Status Leaderships::Decode(Reader* reader) {
  kept_.clear();
  behind_ = reader->U64();
  const uint64_t count = reader->Varint();
  Slot last = behind_;
  for (uint64_t i = 0; i < count && reader->ok(); ++i) {
    Leadership leadership;
    leadership.slot = reader->U64();
    leadership.ballot.round = reader->U64();
    leadership.ballot.node = reader->U32();
    leadership.tag = reader->U64();
    if (leadership.slot <= last || kept_.size() == kKeptMax)
      return Fail(Errc::kCorruption, "the list of leaderships is malformed");
    last = leadership.slot;
    kept_.push_back(leadership);
  }
  return reader->ok() ? Status() : Fail(Errc::kCorruption, "the list of leaderships is cut short");
}

}  // namespace clustron::cluster

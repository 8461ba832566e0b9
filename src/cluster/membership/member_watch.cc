#include "cluster/membership/member_watch.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

using paxos::Members;
using paxos::NodeId;

namespace {

constexpr uint8_t kFormat = 1;
constexpr uint64_t kMembersMax = 1000;

std::string Named(const Standing& standing) {
  return "ballot " + std::to_string(standing.ballot.round) + "." +
         std::to_string(standing.ballot.node) + ", slot " + std::to_string(standing.slot);
}

template <typename F>
bool ForEachOther(const Members& members, NodeId self, F&& visit) {
  return std::all_of(members.voters.begin(), members.voters.end(),
                     [&](NodeId voter) { return voter == self || visit(voter); });
}

}  // namespace

std::string EncodeRecords(const std::vector<MemberRecord>& records) {
  std::string out;
  Writer writer(&out);
  writer.U8(kFormat);
  writer.Varint(records.size());
  for (const MemberRecord& record : records) {
    writer.U32(record.node);
    writer.U64(record.boot);
    writer.U64(record.nonce);
    writer.U64(record.set_back_boot);
    writer.U64(record.recovered_boot);
  }
  return out;
}

bool DecodeRecords(std::string_view bytes, std::vector<MemberRecord>* records) {
  Reader reader(bytes);
  records->clear();
  if (reader.U8() != kFormat) return false;
  const uint64_t count = reader.Varint();
  if (count > kMembersMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    MemberRecord& record = records->emplace_back();
    record.node = reader.U32();
    record.boot = reader.U64();
    record.nonce = reader.U64();
    record.set_back_boot = reader.U64();
    record.recovered_boot = reader.U64();
  }
  return reader.Done();
}

std::string EncodeAcknowledged(const std::vector<MemberRecord>& records) {
  std::string out;
  Writer writer(&out);
  writer.U8(kFormat);
  writer.Varint(records.size());
  for (const MemberRecord& record : records) {
    writer.U32(record.node);
    writer.U64(record.set_back_boot);
    writer.U64(record.acknowledged.ballot.round);
    writer.U32(record.acknowledged.ballot.node);
    writer.U64(record.acknowledged.slot);
  }
  return out;
}

bool DecodeAcknowledged(std::string_view bytes, std::vector<MemberRecord>* records) {
  if (bytes.empty() || Planted(Bug::kAcknowledgedForgotten)) return true;
  Reader reader(bytes);
  if (reader.U8() != kFormat) return false;
  const uint64_t count = reader.Varint();
  if (count > kMembersMax) return false;
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    const NodeId node = reader.U32();
    const uint64_t set_back_boot = reader.U64();
    Standing standing;
    standing.ballot.round = reader.U64();
    standing.ballot.node = reader.U32();
    standing.slot = reader.U64();
    for (MemberRecord& record : *records) {
      if (record.node == node && record.set_back_boot == set_back_boot)
        record.acknowledged = standing;
    }
  }
  return reader.Done();
}

MemberWatch::MemberWatch(const OwnLife& own, std::vector<MemberRecord> records,
                         const Options& options, int64_t now_ns)
    : own_(own), options_(options), start_ns_(now_ns), records_(std::move(records)) {
  CHECK(own_.node != paxos::kNoNode);
}

MemberWatch::Peer& MemberWatch::Of(NodeId node) {
  for (Peer& peer : peers_) {
    if (peer.node == node) return peer;
  }
  peers_.push_back({.node = node});
  return peers_.back();
}

const MemberWatch::Peer* MemberWatch::Find(NodeId node) const {
  for (const Peer& peer : peers_) {
    if (peer.node == node) return &peer;
  }
  return nullptr;
}

MemberRecord& MemberWatch::RecordOf(NodeId node) {
  for (MemberRecord& record : records_) {
    if (record.node == node) return record;
  }
  records_.push_back({.node = node});
  return records_.back();
}

// --- Saying --------------------------------------------------------------------------------------

Introduction MemberWatch::OwnIntroduction() const {
  return {.boot = own_.boot,
          .nonce = own_.nonce,
          .feature_version = own_.feature_version,
          .held = own_.held,
          .set_back = own_.set_back,
          .recovered_boot = SaidRecovered()};
}

std::vector<NodeId> MemberWatch::TakeDue(const std::vector<NodeId>& peers, int64_t now_ns) {
  std::vector<NodeId> due;
  if (own_saved_ < own_version_) return due;
  for (const NodeId node : peers) {
    Peer& peer = Of(node);
    if (peer.answered || (peer.asked_ns != 0 && now_ns - peer.asked_ns < options_.again_ns))
      continue;
    peer.asked_ns = now_ns;
    due.push_back(node);
  }
  return due;
}

void MemberWatch::OnLinkUp(NodeId node) {
  Peer& peer = Of(node);
  peer.answered = false;
  peer.asked_ns = 0;
}

void MemberWatch::OnHeard(NodeId node) {
  Peer& peer = Of(node);
  peer.answered = true;
  peer.answered_by = 0;
}

void MemberWatch::SayAgain() {
  for (Peer& peer : peers_) {
    peer.answered = false;
    peer.asked_ns = 0;
  }
}

// --- Others --------------------------------------------------------------------------------------

// A life that was told nothing yet takes nothing from this node: what an earlier one answered, on
// this link or behind it, does not count.
void MemberWatch::NoteLife(Peer* peer, uint64_t nonce) {
  if (std::exchange(peer->life, nonce) == nonce) return;
  if (!peer->answered || peer->answered_by == nonce) return;
  REACH("the answer was by an earlier life of the member");
  peer->answered = false;
  peer->asked_ns = 0;
}

void MemberWatch::Refuse(NodeId from, const Introduction& said) {
  Peer& peer = Of(from);
  NoteLife(&peer, said.nonce);
  peer.taken = false;
}

void MemberWatch::OnIntroduction(NodeId from, const Introduction& said, uint64_t boot_in_state) {
  Peer& peer = Of(from);
  MemberRecord& record = RecordOf(from);
  IntroductionAnswer answer{.boot = said.boot,
                            .nonce = said.nonce,
                            .recovered_boot = said.recovered_boot,
                            .by = own_.nonce};
  answer.known_boot = std::max(record.boot, boot_in_state);
  const bool same_life = said.nonce == record.nonce && said.boot >= record.boot;
  if (!same_life && (said.boot <= record.boot || said.boot < boot_in_state)) {
    REACH("introduction with a boot that has been used");
    // Nothing is known of who this is: what holds for the newest start goes on to hold.
    answer.recorded = false;
    answer.set_back = true;
    answer.why = said.boot == record.boot
                     ? "its boot " + std::to_string(said.boot) +
                           " was seen with another nonce: it was started from a copy"
                     : "it comes with boot " + std::to_string(said.boot) + " after boot " +
                           std::to_string(answer.known_boot);
  } else {
    const MemberRecord before = record;
    Judge(said, &record, &answer);
    if (record.boot != before.boot || record.nonce != before.nonce ||
        record.set_back_boot != before.set_back_boot ||
        record.recovered_boot != before.recovered_boot)
      ++records_version_;
    NoteLife(&peer, said.nonce);
    if (!same_life) peer.taken = false;
    const bool gave_up = said.set_back && said.recovered_boot == said.boot;
    const bool gave_up_before = std::exchange(peer.gave_up, gave_up);
    if (!record.SetBack() && !gave_up && (before.SetBack() || gave_up_before)) UseUpLoss();
  }
  peer.answer = std::move(answer);
  peer.answer_due = true;
  peer.answer_after = records_version_;
  if (records_saved_ >= records_version_ && peer.answer.recorded) peer.taken = true;
}

// A start that is not known to be an old one.
void MemberWatch::Judge(const Introduction& said, MemberRecord* record,
                        IntroductionAnswer* answer) {
  const bool new_life = said.nonce != record->nonce;
  // Said before it recovered, and overtaken by what it said then: nothing is known by it any more.
  if (!new_life && said.recovered_boot < record->recovered_boot) {
    answer->set_back = record->SetBack();
    return;
  }
  const bool lacks = new_life && said.held.Lacks(record->acknowledged);
  const bool not_recovered = record->set_back_boot > said.recovered_boot;
  if (lacks) {
    REACH("a member holds less than it acknowledged");
    answer->why = "its log goes to " + Named(said.held) + ", and it is known to have had " +
                  Named(record->acknowledged);
  } else if (not_recovered && !said.set_back) {
    answer->why = "it was found to be set back in boot " + std::to_string(record->set_back_boot) +
                  " and has not recovered since";
  }
  record->boot = said.boot;
  record->nonce = said.nonce;
  record->recovered_boot = said.recovered_boot;
  answer->set_back = lacks || not_recovered || said.set_back;
  if (!answer->set_back || record->set_back_boot == said.boot) return;
  // What it had acknowledged before is lost.
  record->set_back_boot = said.boot;
  record->acknowledged = {};
  ++acknowledged_version_;
}

void MemberWatch::OnStanding(NodeId from, const Standing& standing) {
  MemberRecord& record = RecordOf(from);
  const Standing before = record.acknowledged;
  record.acknowledged.ballot = std::max(before.ballot, standing.ballot);
  record.acknowledged.slot = std::max(before.slot, standing.slot);
  if (record.acknowledged != before) ++acknowledged_version_;
}

bool MemberWatch::Taken(NodeId node) const {
  const Peer* peer = Find(node);
  return peer != nullptr && peer->taken;
}

bool MemberWatch::SetBack(NodeId node) const {
  return std::any_of(records_.begin(), records_.end(), [node](const MemberRecord& record) {
    return record.node == node && record.SetBack();
  });
}

void MemberWatch::OnRecordsSaved(uint64_t version) {
  records_saved_ = std::max(records_saved_, version);
  for (Peer& peer : peers_) {
    if (peer.answer.nonce != 0 && peer.answer.recorded && peer.answer_after <= records_saved_)
      peer.taken = true;
  }
}

std::vector<MemberWatch::DueAnswer> MemberWatch::TakeAnswers() {
  std::vector<DueAnswer> due;
  for (Peer& peer : peers_) {
    if (!peer.answer_due || peer.answer_after > records_saved_) continue;
    peer.answer_due = false;
    due.push_back({peer.node, peer.answer});
  }
  return due;
}

// --- This node -----------------------------------------------------------------------------------

void MemberWatch::OnAnswer(NodeId from, const IntroductionAnswer& answer) {
  // To what was said before, by an earlier life or before this one recovered: it is late.
  if (answer.boot != own_.boot || answer.nonce != own_.nonce ||
      answer.recovered_boot != SaidRecovered())
    return;
  Peer& peer = Of(from);
  if (peer.life != 0 && answer.by != 0 && answer.by != peer.life) {
    REACH("a late answer by an earlier life of the member");
    return;
  }
  peer.told = answer;
  peer.answered = true;
  peer.answered_by = answer.by;
  // What was said before this node recovered comes late.
  const bool recovered = SaidRecovered() == own_.boot;
  if (answer.set_back && (!recovered || !answer.recorded))
    NoteSetBack(answer.why, answer.recorded ? 0 : answer.known_boot);
}

void MemberWatch::OnOwnEvidence(const std::string& why, uint64_t known_boot) {
  NoteSetBack(why, known_boot);
}

void MemberWatch::NoteSetBack(const std::string& why, uint64_t known_boot) {
  const bool raise = known_boot >= own_.boot;
  if (own_.set_back && !raise) return;
  if (!own_.set_back) own_.why = why.empty() ? "a peer says so" : why;
  own_.set_back = true;
  confirmed_ = false;
  if (raise) own_.boot = known_boot + 1;
  own_.gave_up = false;
  ++own_version_;
  SayAgain();
}

bool MemberWatch::RecordedBy(NodeId node) const {
  const Peer* peer = Find(node);
  return peer != nullptr && peer->told.nonce == own_.nonce && peer->told.boot == own_.boot &&
         peer->told.recorded;
}

bool MemberWatch::RecordedByAll(const Members& members) const {
  return ForEachOther(members, own_.node, [this](NodeId voter) { return RecordedBy(voter); });
}

bool MemberWatch::MayVote(const Members& members, int64_t now_ns) {
  if ((own_.set_back && !own_.gave_up) || own_saved_ < own_version_) return false;
  if (confirmed_) return true;
  const size_t others_needed = members.voters.size() / 2;
  const auto answered = static_cast<size_t>(
      std::count_if(members.voters.begin(), members.voters.end(),
                    [this](NodeId voter) { return voter != own_.node && RecordedBy(voter); }));
  const bool long_enough = now_ns - start_ns_ >= options_.silence_ns;
  confirmed_ = RecordedByAll(members) || (answered >= others_needed && long_enough);
  return confirmed_;
}

Standing MemberWatch::HighestTold(const Members& members) const {
  Standing highest;
  for (const Peer& peer : peers_) {
    const bool voter = std::binary_search(members.voters.begin(), members.voters.end(), peer.node);
    if (!voter || !RecordedBy(peer.node)) continue;
    highest.ballot = std::max(highest.ballot, peer.told.highest);
    highest.slot = std::max(highest.slot, peer.told.chosen);
  }
  return highest;
}

bool MemberWatch::LossAccepted(const Members& members) const {
  return own_.accepts_loss && RecordedByAll(members) &&
         ForEachOther(members, own_.node,
                      [this](NodeId voter) { return Find(voter)->told.accepts_loss; });
}

// What an operator accepts is the loss of all that were set back at this time. The others need
// this node's word as long as one of them has not recovered; then it is used up.
void MemberWatch::UseUpLoss() {
  const bool all = !own_.set_back && !AnyGaveUp() &&
                   std::none_of(records_.begin(), records_.end(),
                                [](const MemberRecord& r) { return r.SetBack(); });
  if (!own_.accepts_loss || !all) return;
  own_.accepts_loss = false;
  own_.loss_used = true;
  ++own_version_;
}

void MemberWatch::GiveUp() {
  CHECK(own_.set_back);
  own_.gave_up = true;
  confirmed_ = true;
  SayAgain();
}

bool MemberWatch::GaveUp(NodeId member) const {
  if (member == own_.node) return own_.gave_up;
  const Peer* peer = Find(member);
  return peer != nullptr && peer->gave_up;
}

bool MemberWatch::AnyGaveUp() const {
  return own_.gave_up ||
         std::any_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.gave_up; });
}

void MemberWatch::Recover() {
  CHECK(own_.set_back);
  own_.set_back = own_.gave_up = false;
  own_.why.clear();
  UseUpLoss();
  own_.recovered_boot = own_.boot;
  confirmed_ = true;
  ++own_version_;
  SayAgain();
}

}  // namespace clustron::cluster

#include "cluster/node/roster.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/revision_reserve.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kStandingEveryNs = 250'000'000;

}  // namespace

Roster::Roster(Start start, const MemberWatch::Options& options, paxos::Replica& replica,
               const StateMachine& state, RosterHost& host, int64_t now_ns)
    : watch_(start.own, std::move(start.records), options, now_ns),
      store_(start.store),
      replica_(replica),
      state_(state),
      host_(host),
      session_boot_(static_cast<uint32_t>(start.own.boot)),
      said_set_back_(false) {
  FindOthers();
  if (!others_.empty()) replica_.SetVoting(false, now_ns);
}

void Roster::FindOthers() {
  others_.clear();
  const paxos::Members& members = replica_.members();
  for (const auto* list : {&members.voters, &members.learners})
    for (NodeId member : *list)
      if (member != replica_.self()) others_.push_back(member);
}

void Roster::OnMembersChanged(int64_t now_ns) {
  const paxos::Members roles = state_.members().Roles();
  // BOUND: quorums don't change while a node runs. No record comes so far that would change them
  // (WhyNotUnder): the entry halts the node, the snapshot is refused.
  CHECK(roles.voters == replica_.members().voters);
  replica_.SetMembers(roles, now_ns);
  FindOthers();
}

bool Roster::MaySendItemsTo(NodeId leader) const {
  if (others_.empty()) return true;
  if (watch_.own_saved() < watch_.own_version()) return false;
  return leader == replica_.self() || watch_.RecordedBy(leader);
}

// --- Messages ------------------------------------------------------------------------------------

bool Roster::OnMessage(NodeId from, WireKind kind, std::string_view body, int64_t now_ns) {
  if (kind == WireKind::kStanding) {
    Standing standing;
    if (!DecodeStanding(body, &standing) || !host_.BallotCredible(from, standing.ballot.round))
      return false;
    if (watch_.Taken(from)) watch_.OnStanding(from, standing);
    return true;
  }
  if (kind == WireKind::kIntroductionAnswer) {
    IntroductionAnswer answer;
    if (!DecodeIntroductionAnswer(body, &answer) ||
        !host_.BallotCredible(from, answer.highest.round))
      return false;
    watch_.OnAnswer(from, answer);
    Save();
    SetVotes(now_ns, false);
    return true;
  }
  Introduction said;
  if (!DecodeIntroduction(body, &said) || !host_.BallotCredible(from, said.held.ballot.round))
    return false;
  if (!host_.GoesTogether(from, said)) {
    watch_.Refuse(from, said);
    return true;
  }
  watch_.OnIntroduction(from, said, state_.LatestBoot(from));
  host_.MemberIntroduced(from, said);
  SetVotes(now_ns, false);
  Save();
  SendAnswers();
  return true;
}

void Roster::OnLinkUp(NodeId member, int64_t now_ns) {
  watch_.OnLinkUp(member);
  Introduce(now_ns);
}

void Roster::Introduce(int64_t now_ns) {
  const std::vector<NodeId> due = watch_.TakeDue(others_, now_ns);
  if (due.empty()) return;
  Introduction own = watch_.OwnIntroduction();
  host_.DescribeState(&own);
  const std::string body = EncodeIntroduction(own);
  for (const NodeId member : due) host_.SendToMember(member, WireKind::kIntroduction, body);
}

void Roster::SendAnswers() {
  for (MemberWatch::DueAnswer& due : watch_.TakeAnswers()) {
    due.answer.highest = std::max(replica_.promised(), replica_.ballot());
    due.answer.chosen = replica_.chosen_slot();
    due.answer.accepts_loss = watch_.own().accepts_loss;
    host_.SendToMember(due.to, WireKind::kIntroductionAnswer, EncodeIntroductionAnswer(due.answer));
  }
}

// --- Keeping -------------------------------------------------------------------------------------

// A full disk holds answers back until it has room; any other failure is final.
void Roster::Save() {
  if (!saving_own_ && watch_.own_saved() < watch_.own_version()) {
    const uint64_t version = watch_.own_version();
    const OwnLife own = watch_.own();
    const auto saved = [this, version, boot = own.boot](const Status& status) {
      saving_own_ = false;
      if (!status) {
        if (status.error().code != Errc::kNoSpace) host_.RosterFailed(status.error());
        return;
      }
      watch_.OnOwnSaved(version);
      if (boot != session_boot_) {
        session_boot_ = static_cast<uint32_t>(boot);
        host_.BootRaised(session_boot_);
      }
    };
    saving_own_ = true;
    store_ == nullptr ? saved(Status()) : store_->SaveOwn(own, saved);
  }
  if (!saving_records_ && watch_.records_saved() < watch_.records_version()) {
    const auto saved = [this, version = watch_.records_version()](const Status& status) {
      saving_records_ = false;
      if (!status) {
        if (status.error().code != Errc::kNoSpace) host_.RosterFailed(status.error());
        return;
      }
      watch_.OnRecordsSaved(version);
      SendAnswers();
      Save();  // what has come meanwhile
    };
    saving_records_ = true;
    store_ == nullptr ? saved(Status()) : store_->SaveRecords(watch_.records(), saved);
  }
}

std::string Roster::TakeAcknowledged() {
  acknowledged_taken_ = watch_.acknowledged_version();
  return others_.empty() ? std::string() : EncodeAcknowledged(watch_.records());
}

// What is told is on this node's disk: who comes back with less was set back.
void Roster::TellStanding(int64_t now_ns) {
  if (!standing_seq_ && now_ns >= standing_due_ns_) {
    standing_ = {replica_.promised(), replica_.accepted_slot()};
    standing_seq_ = replica_.persisted_seq();
    standing_due_ns_ = now_ns + kStandingEveryNs;
  }
  // What a loaded snapshot holds counts as accepted: the floor says so at the next start.
  if (!standing_seq_ || replica_.durable_seq() < *standing_seq_ || !host_.FloorDurable()) return;
  standing_seq_.reset();
  const std::string body = EncodeStanding(standing_);
  for (const NodeId member : others_)
    if (watch_.RecordedBy(member)) host_.SendToMember(member, WireKind::kStanding, body);
}

// --- Votes ---------------------------------------------------------------------------------------

void Roster::Tick(int64_t now_ns, bool state_readable) {
  if (others_.empty()) return;
  if (state_readable) LookAtOwnSession();
  Save();
  Introduce(now_ns);
  SetVotes(now_ns, state_readable);
  TellStanding(now_ns);
  SayWhatChanged();
}

void Roster::TickHalted(int64_t now_ns) {
  Save();
  Introduce(now_ns);
}

void Roster::LookAtOwnSession() {
  const uint64_t known = state_.LatestBoot(replica_.self());
  if (known > session_boot_) {
    watch_.OnOwnEvidence("the log holds its writes of boot " + std::to_string(known) +
                             ", and it came with boot " + std::to_string(session_boot_),
                         known);
  } else if (std::exchange(foreign_item_, false)) {
    REACH("an item of the own session that was not sent");
    watch_.OnOwnEvidence("the log holds writes of its boot " + std::to_string(session_boot_) +
                             " that it has not sent: it was started from a copy",
                         session_boot_);
  }
}

void Roster::SetVotes(int64_t now_ns, bool state_readable) {
  if (others_.empty()) return;
  for (const NodeId member : others_) replica_.SetPeerVote(member, VoteOf(member));
  replica_.SetVoting(watch_.MayVote(replica_.members(), now_ns), now_ns);
  if (watch_.own().set_back) StepRecovery(now_ns, state_readable);
}

// Behind an accepted loss, until a leader has come: what a quorum had chosen may be left in the
// votes of those who were not set back, and nobody may know that it is chosen.
paxos::PeerVote Roster::VoteOf(NodeId member) const {
  if (watch_.SetBack(member)) return paxos::PeerVote::kIgnored;
  const bool remembers = !watch_.GaveUp(member) && !Planted(Bug::kLossAnyMajority);
  return watch_.AnyGaveUp() && remembers ? paxos::PeerVote::kWanted : paxos::PeerVote::kCounts;
}

void Roster::StepRecovery(int64_t now_ns, bool state_readable) {
  const paxos::Members& members = replica_.members();
  const bool early = Planted(Bug::kSetBackVotesEarly) &&
                     std::any_of(others_.begin(), others_.end(),
                                 [this](NodeId member) { return watch_.RecordedBy(member); });
  if (early) watch_.Recover();
  if (early || !watch_.RecordedByAll(members)) return;
  const Standing told = watch_.HighestTold(members);
  if (!bound_ || bound_boot_ != watch_.own().boot) {
    // All lost promises and votes are of ballots up to this one. A promise above it makes the
    // leader take a new ballot, if there is one.
    bound_ = std::max(told.ballot, replica_.promised());
    bound_boot_ = watch_.own().boot;
    caught_up_seq_.reset();
    replica_.RaisePromise({bound_->round + 1, replica_.self()}, now_ns);
  }
  if (!state_readable) return;
  // Who has given up also waits until the numbers of what is lost are left out.
  const bool left_out = !watch_.own().gave_up ||
                        state_.revision() >= RevisionReserve::LeftOutFrom(gave_up_at_) ||
                        Planted(Bug::kLossTokensAgain);
  const bool passed =
      (state_.newest_noop() > *bound_ || Planted(Bug::kSetBackSkipsNoop)) && left_out;
  // Where the others are a majority nothing needs to be given up: their no-op comes.
  const bool given_up =
      !Trouble().empty() && watch_.LossAccepted(members) && state_.applied_slot() >= told.slot;
  if (!passed && (!given_up || watch_.own().gave_up)) return;
  if (!caught_up_seq_) caught_up_seq_ = replica_.persisted_seq();
  if (replica_.durable_seq() < *caught_up_seq_) return;
  REACH("a member that was set back votes again");
  caught_up_seq_.reset();
  passed ? watch_.Recover() : GiveUp();
}

// From here on this node votes; it counts as set back until a leader has come (VoteOf).
void Roster::GiveUp() {
  std::string names;
  for (const NodeId voter : replica_.members().voters)
    if (voter != replica_.self() && !watch_.SetBack(voter) && !watch_.GaveUp(voter))
      names += (names.empty() ? "" : ", ") + std::to_string(voter);
  gave_up_at_ = state_.revision();
  watch_.GiveUp();
  Log(LogLevel::kWarning,
      "cluster-accept-loss: this node votes again although it was set back ({}). What only it had "
      "acknowledged is lost. The first leader needs the votes of all that were not set back "
      "(nodes: {})",
      watch_.own().why, names.empty() ? "none" : names);
}

// --- For people ----------------------------------------------------------------------------------

void Roster::SayWhatChanged() {
  const OwnLife& own = watch_.own();
  if (own.set_back && !said_set_back_) {
    Log(LogLevel::kWarning,
        "this node was SET BACK: {}. It has forgotten promises and votes, so it has none until "
        "every "
        "other voter has recorded this start and a new leader's first entry is here. Meanwhile it "
        "learns and serves its clients",
        own.why);
  } else if (!own.set_back && said_set_back_) {
    Log(LogLevel::kNotice, "this node has recovered from having been set back: it votes again");
  }
  said_set_back_ = own.set_back;
  for (const NodeId member : others_) {
    const auto said = std::find(said_members_.begin(), said_members_.end(), member);
    if (watch_.SetBack(member) && said == said_members_.end()) {
      Log(LogLevel::kWarning,
          "node {} was SET BACK: its directory is an earlier one than it had, or empty. Its votes "
          "don't count until it has recovered",
          member);
      said_members_.push_back(member);
    } else if (!watch_.SetBack(member) && said != said_members_.end()) {
      Log(LogLevel::kNotice, "node {} has recovered from having been set back", member);
      said_members_.erase(said);
    }
  }
}

std::string Roster::Trouble() const {
  const paxos::Members& members = replica_.members();
  std::string names;
  size_t set_back = 0;
  for (const NodeId voter : members.voters) {
    const bool is = voter == replica_.self() ? watch_.own().set_back : watch_.SetBack(voter);
    if (!is || watch_.GaveUp(voter)) continue;
    ++set_back;
    names += (names.empty() ? "" : ", ") + std::to_string(voter);
  }
  if (set_back == 0 || members.voters.size() - set_back > members.voters.size() / 2) return {};
  return "node " + names + " of " + std::to_string(members.voters.size()) +
         " was set back to an earlier state, and the others are no majority: nothing was done; if "
         "no copy of what it had can be put back, start every node once with --cluster-accept-loss "
         "yes";
}

}  // namespace clustron::cluster

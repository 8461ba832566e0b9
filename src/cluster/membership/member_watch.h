// Whose votes count: who was set back, and when it votes again.
//
// A directory that is put back from a copy has forgotten promises and votes that others rely on. So
// each member says on each new link which start of its directory it is (introduction.h), and its
// peers remember durably the newest start of each member, and how far its log was known to go. Set
// back is
//   - a boot below the newest, or the newest boot with another nonce: a copy of an earlier life;
//   - a newer boot whose log holds less than that member is known to have had (a copy that was made
//     while the process ran looks new by its boot).
// Whoever says so tells the member, which notes it durably. It has no vote from then on: it learns,
// and serves its clients by the others' leave. It votes again (Recovered) once
//   1. every other voter has recorded this start, so that nothing of an earlier life is taken any
//      more, and has told the highest ballot it knows: B is the highest of all. All lost promises
//      and votes are of ballots up to B;
//   2. it has applied the no-op of a leader whose ballot is above B. That leader's phase 1 was done
//      by others alone, so it found whatever a quorum with a lost vote had chosen: all of that is
//      below the no-op.
// Where no majority is left without the ones that were set back, 2. can't come about. An operator
// may then say on each node that a loss is accepted (cluster-accept-loss); in place of 2. the node
// must have applied all that any voter knows to be chosen, and votes then (GiveUp), but counts as
// set back until 2. comes about, also over a restart, and until the first leader has left out the
// revisions that may have been given in what is lost (node/revision_reserve.h). Meanwhile whoever
// wants to lead, set back or not, needs the votes of all who were not: what they alone remember may
// be chosen. The word holds for all that were set back, until the last of them has recovered: those
// that come behind the first go by 2. if they can.
//
// At a start a member doesn't know yet whether it was set back. It votes as soon as all other
// voters have taken its introduction, or a majority has and `silence_ns` has passed.
//
// Pure: the owner (roster.h) sends, saves and asks. THREAD: the owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/paxos/config.h"
#include "cluster/paxos/types.h"
#include "cluster/wire/introduction.h"

namespace clustron::cluster {

// What is durably known of another member.
struct MemberRecord {
  paxos::NodeId node = paxos::kNoNode;
  uint64_t boot = 0;
  uint64_t nonce = 0;
  // The boot in which it was last found to be set back (0: never), and the one in which it last
  // said that it has recovered.
  uint64_t set_back_boot = 0;
  uint64_t recovered_boot = 0;
  Standing acknowledged;  // since set_back_boot

  bool SetBack() const { return set_back_boot > recovered_boot; }

  friend bool operator==(const MemberRecord&, const MemberRecord&) = default;
};

// The file of records (all but `acknowledged`), and what goes with the log each second.
std::string EncodeRecords(const std::vector<MemberRecord>& records);
bool DecodeRecords(std::string_view bytes, std::vector<MemberRecord>* records);
std::string EncodeAcknowledged(const std::vector<MemberRecord>& records);
// Adds to the records with the same set_back_boot; for others it is out of date.
bool DecodeAcknowledged(std::string_view bytes, std::vector<MemberRecord>* records);

// This node, as its own directory has it.
struct OwnLife {
  paxos::NodeId node = paxos::kNoNode;
  uint64_t boot = 0;
  uint64_t nonce = 0;
  uint16_t feature_version = 1;
  Standing held;  // at the start
  bool set_back = false;
  std::string why;
  uint64_t recovered_boot = 0;
  bool accepts_loss = false;  // an operator says so at this start, and it is not used up
  bool loss_used = false;     // all have recovered: not again before a start without it
  // Set back, and votes again since this start has given up what it lost. Not on disk.
  bool gave_up = false;

  friend bool operator==(const OwnLife&, const OwnLife&) = default;
};

class MemberWatch {
 public:
  struct Options {
    int64_t again_ns = 0;    // an introduction that is not answered is said again after so long
    int64_t silence_ns = 0;  // a start waits so long for those who don't answer
  };

  MemberWatch(const OwnLife& own, std::vector<MemberRecord> records, const Options& options,
              int64_t now_ns);

  // --- Saying

  const OwnLife& own() const { return own_; }
  Introduction OwnIntroduction() const;
  // The peers to whom the introduction is due now. None while own() has to be saved.
  std::vector<paxos::NodeId> TakeDue(const std::vector<paxos::NodeId>& peers, int64_t now_ns);
  // A new link: it begins with the introduction.
  void OnLinkUp(paxos::NodeId peer);
  // It has the introduction, and what it says to it does not matter any more.
  void OnHeard(paxos::NodeId peer);

  // --- Others

  // `boot_in_state`: of the member's session in the state here; 0: none.
  void OnIntroduction(paxos::NodeId from, const Introduction& said, uint64_t boot_in_state);
  // What it says of itself does not go together with this node: nothing else is taken from it.
  void Refuse(paxos::NodeId from, const Introduction& said);
  void OnStanding(paxos::NodeId from, const Standing& standing);
  // The peer's newest start is recorded: what else it says is taken.
  bool Taken(paxos::NodeId peer) const;
  // It is known to be set back: its votes don't count.
  bool SetBack(paxos::NodeId peer) const;
  const std::vector<MemberRecord>& records() const { return records_; }
  // Counts changes of the records; what is saved goes to OnRecordsSaved.
  uint64_t records_version() const { return records_version_; }
  uint64_t records_saved() const { return records_saved_; }
  void OnRecordsSaved(uint64_t version);
  // Counts changes of what members acknowledged.
  uint64_t acknowledged_version() const { return acknowledged_version_; }
  // Answers that may leave now: what they say is on disk. The owner adds what it knows.
  struct DueAnswer {
    paxos::NodeId to;
    IntroductionAnswer answer;
  };
  std::vector<DueAnswer> TakeAnswers();

  // --- This node

  void OnAnswer(paxos::NodeId from, const IntroductionAnswer& answer);
  // This node sees by itself that it was set back; its boot must be above `known_boot`.
  void OnOwnEvidence(const std::string& why, uint64_t known_boot);
  // own() changed and must be on disk before it is said.
  uint64_t own_version() const { return own_version_; }
  uint64_t own_saved() const { return own_saved_; }
  void OnOwnSaved(uint64_t version) { own_saved_ = version; }
  // Not set back as far as those say who must be asked.
  bool MayVote(const paxos::Members& members, int64_t now_ns);
  // Every other voter has recorded this start.
  bool RecordedByAll(const paxos::Members& members) const;
  bool RecordedBy(paxos::NodeId peer) const;
  // Of the answers: the highest ballot and chosen slot.
  Standing HighestTold(const paxos::Members& members) const;
  // An operator has accepted a loss here and at every other voter.
  bool LossAccepted(const paxos::Members& members) const;
  // This node votes again, and no leader has come yet. Others are told that it has recovered, and
  // that it is set back: nothing is known of it by the next start.
  void GiveUp();
  // A member whose last word is that; this node too.
  bool GaveUp(paxos::NodeId member) const;
  bool AnyGaveUp() const;
  // This node may vote again: to be saved as well.
  void Recover();

 private:
  struct Peer {
    paxos::NodeId node = paxos::kNoNode;
    // What this node was told
    bool answered = false;     // on this link, to what own() says now
    uint64_t answered_by = 0;  // the nonce of the life that did; 0: not known
    int64_t asked_ns = 0;      // when it was last told; 0: not on this link
    IntroductionAnswer told;   // nonce 0: nothing in this life
    // What it was told
    uint64_t life = 0;  // the nonce of its newest life that was heard of in this one
    bool taken = false;
    bool gave_up = false;
    bool answer_due = false;
    uint64_t answer_after = 0;  // this version of the records is saved
    IntroductionAnswer answer;
  };

  Peer& Of(paxos::NodeId node);
  static void NoteLife(Peer* peer, uint64_t nonce);
  const Peer* Find(paxos::NodeId node) const;
  MemberRecord& RecordOf(paxos::NodeId node);
  void Judge(const Introduction& said, MemberRecord* record, IntroductionAnswer* answer);
  void NoteSetBack(const std::string& why, uint64_t known_boot);
  void SayAgain();
  void UseUpLoss();
  uint64_t SaidRecovered() const { return own_.gave_up ? own_.boot : own_.recovered_boot; }

  OwnLife own_;
  const Options options_;
  const int64_t start_ns_;
  bool confirmed_ = false;
  std::vector<Peer> peers_;  // few
  std::vector<MemberRecord> records_;
  uint64_t records_version_ = 0;
  uint64_t records_saved_ = 0;
  uint64_t acknowledged_version_ = 0;
  uint64_t own_version_ = 0;
  uint64_t own_saved_ = 0;
};

}  // namespace clustron::cluster

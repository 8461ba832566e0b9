// The members as this node deals with them: says who it is, remembers who they are, and switches
// votes on and off, its own and theirs, by the rules of member_watch.h.
//
// THREAD: core loop. OWNS: the watch; borrows replica, state, store and host.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/membership/member_store.h"
#include "cluster/membership/member_watch.h"
#include "cluster/node/node_messages.h"
#include "cluster/node/state_machine.h"
#include "cluster/paxos/replica.h"

namespace clustron::cluster {

class RosterHost {
 public:
  // A message of this kind, urgent.
  virtual void SendToMember(NodeId to, WireKind kind, const std::string& body) = 0;
  // This node's items go under another boot from now on.
  virtual void BootRaised(uint32_t boot) = 0;
  // Adds to an introduction what the node's state is.
  virtual void DescribeState(Introduction* own) const = 0;
  // False: what the member says of itself does not go together with this node.
  virtual bool GoesTogether(NodeId member, const Introduction& said) = 0;
  // It does, and was looked at.
  virtual void MemberIntroduced(NodeId member, const Introduction& said) = 0;
  // False: no such ballot can be, beside what was promised here.
  virtual bool BallotCredible(NodeId member, uint64_t round) = 0;
  // The disk knows behind which snapshot the log begins.
  virtual bool FloorDurable() const = 0;
  // The disk failed.
  virtual void RosterFailed(const Error& error) = 0;

 protected:
  ~RosterHost() = default;
};

class Roster {
 public:
  struct Start {
    OwnLife own;
    std::vector<MemberRecord> records;
    MemberStore* store = nullptr;  // null: nothing is kept (tests)
  };

  Roster(Start start, const MemberWatch::Options& options, paxos::Replica& replica,
         const StateMachine& state, RosterHost& host, int64_t now_ns);

  const MemberWatch& watch() const { return watch_; }
  // What else this member says is taken.
  bool Taken(NodeId member) const { return watch_.Taken(member); }
  // Items of this node's session may go to this leader: nobody has seen its numbers before.
  bool MaySendItemsTo(NodeId leader) const;

  // kIntroduction, kIntroductionAnswer, kStanding. False: malformed, or not to be believed.
  bool OnMessage(NodeId from, WireKind kind, std::string_view body, int64_t now_ns);
  void OnLinkUp(NodeId member, int64_t now_ns);
  // `state_readable`: it is not being replaced.
  void Tick(int64_t now_ns, bool state_readable);
  // A halted node goes on to say who it is, and nothing else: its peers compare, and tell the
  // operator.
  void TickHalted(int64_t now_ns);
  void OnAnsweredHalted(NodeId member) { watch_.OnHeard(member); }
  // The state has others for members (AppliedMembers): the consensus core follows, and whoever is
  // new hears who this node is.
  void OnMembersChanged(int64_t now_ns);
  // The log holds an item of this node's own session that this process has not sent.
  void OnForeignItem() { foreign_item_ = true; }

  // What goes with the log's local marks; is there more than was taken last?
  bool AcknowledgedMore() const { return acknowledged_taken_ != watch_.acknowledged_version(); }
  std::string TakeAcknowledged();

  // In words, why nobody can lead because of who was set back; empty: that is not the reason.
  std::string Trouble() const;

 private:
  void FindOthers();
  void LookAtOwnSession();
  void Save();
  void SendAnswers();
  void Introduce(int64_t now_ns);
  void TellStanding(int64_t now_ns);
  void SetVotes(int64_t now_ns, bool state_readable);
  void StepRecovery(int64_t now_ns, bool state_readable);
  void GiveUp();
  paxos::PeerVote VoteOf(NodeId member) const;
  void SayWhatChanged();

  MemberWatch watch_;
  MemberStore* const store_;
  paxos::Replica& replica_;
  const StateMachine& state_;
  RosterHost& host_;
  std::vector<NodeId> others_;  // all but self
  bool saving_records_ = false;
  bool saving_own_ = false;
  bool foreign_item_ = false;
  uint32_t session_boot_;

  // Set back: once all have recorded this start.
  std::optional<Ballot> bound_;            // the highest ballot of all
  uint64_t bound_boot_ = 0;                // of this boot
  std::optional<uint64_t> caught_up_seq_;  // what has to be durable before it votes
  uint64_t gave_up_at_ = 0;                // the state's revision then

  Standing standing_;  // told once the log is durable up to …
  std::optional<uint64_t> standing_seq_;
  int64_t standing_due_ns_ = 0;
  uint64_t acknowledged_taken_ = 0;

  bool said_set_back_ = false;
  std::vector<NodeId> said_members_;  // of whom it was logged
};

}  // namespace clustron::cluster

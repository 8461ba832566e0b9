// Locks with queues: several holders at a time, tickets, clients that wait, and delays behind
// holders that were lost. What clients are told is enough to judge by, in true time:
//
//   - no lock is over-granted: whoever was told of a grant holds the lock at least until the
//     earliest end of its time, or until it asks for its release;
//   - no token is given twice;
//   - first come, first served: nobody who asked after a ticket was told gets the lock before it;
//   - neither a ticket nor a grant ends before its time;
//   - behind a holder that was lost nobody gets the lock before its DELAY is over.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/waiting_ledger.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

enum class Kind : uint8_t { kReaders, kLimited, kDelayed };
constexpr size_t kLimit = 3;
constexpr size_t kGrantsPerLock = 120;

struct Grant {
  std::string owner;
  int64_t token = 0;
  bool shared = false;
  int64_t asked_ns = 0;
  int64_t told_ns = 0;
  int64_t until_ns = 0;                // held at least so long
  int64_t released_ns = test::kNever;  // asked for its release
  int64_t delay_ms = 0;
};

struct Ticket {
  std::string owner;
  int64_t number = 0;
  int64_t told_ns = 0;
  int64_t alive_ns = 0;  // known to be in the queue by a question that was asked then
  int64_t token = 0;     // of its grant, if that is known
  bool left = false;     // its owner has asked for its end
};

struct OneLock {
  std::string name;
  Kind kind = Kind::kReaders;
  std::vector<Grant> grants;
  std::map<int64_t, Ticket> tickets;
};

struct LockQueues final : Workload {
  explicit LockQueues(World* w) : world(*w) {
    for (const Kind kind : {Kind::kReaders, Kind::kLimited, Kind::kDelayed}) Replace(kind);
  }
  const char* name() const override { return "lock queues"; }

  size_t Pick(Kind kind) {
    if (locks[active[kind]].grants.size() >= kGrantsPerLock) Replace(kind);
    return active[kind];
  }
  // When something of before may be forgotten, nothing of it can be judged.
  bool MayBeForgotten(int64_t since_ns) const {
    return std::any_of(world.losses.begin(), world.losses.end(),
                       [=](const Loss& loss) { return loss.crash_ns >= since_ns; });
  }

  void Check(Report* report) override {
    for (const OneLock& lock : locks) {
      CheckHolders(report, lock);
      CheckTokens(report, lock);
      CheckTurns(report, lock);
      CheckDelays(report, lock);
    }
  }
  void CheckCalls(const CallsThatWait& log, const store::Store&) override;

  World& world;
  std::vector<OneLock> locks;
  std::map<Kind, size_t> active;
  // The lock of a request that waits, by its owner: the last word of its call, by which the log's
  // replay knows the call.
  std::map<std::string, size_t> waits;

 private:
  void Replace(Kind kind) {
    active[kind] = locks.size();
    static constexpr const char* kNames[] = {"readers", "limited", "delayed"};
    locks.push_back({.name = "queue:" + std::string(kNames[static_cast<int>(kind)]) + ":" +
                             std::to_string(locks.size()),
                     .kind = kind,
                     .grants = {},
                     .tickets = {}});
  }
  static int64_t EndOf(const Grant& grant) { return std::min(grant.until_ns, grant.released_ns); }
  static std::string Describe(const Grant& grant) {
    return grant.owner + " with token " + std::to_string(grant.token) + " (asked at " +
           std::to_string(grant.asked_ns / kMillisecond) + ", told at " +
           std::to_string(grant.told_ns / kMillisecond) + ", until " +
           std::to_string(EndOf(grant) / kMillisecond) + " ms)";
  }

  void CheckHolders(Report* report, const OneLock& lock) const {
    for (const Grant& one : lock.grants) {
      if (EndOf(one) <= one.told_ns || MayBeForgotten(one.asked_ns)) continue;
      size_t beside = 1;
      for (const Grant& other : lock.grants) {
        // Those who hold it at the moment in which this one was told.
        if (other.token == one.token || other.told_ns > one.told_ns || EndOf(other) <= one.told_ns)
          continue;
        if (MayBeForgotten(other.asked_ns)) continue;
        ++beside;
        if (lock.kind == Kind::kLimited || (one.shared && other.shared)) continue;
        report->Fail("locks",
                     lock.name + " is held by " + Describe(one) + " and by " + Describe(other));
      }
      if (lock.kind == Kind::kLimited && beside > kLimit)
        report->Fail("locks", lock.name + " is held by " + std::to_string(beside) + " when " +
                                  Describe(one) + " is told");
      report->Count("locks: holders compared", beside - 1);
    }
  }
  void CheckTokens(Report* report, const OneLock& lock) const {
    std::map<int64_t, const Grant*> by_token;
    for (const Grant& grant : lock.grants) {
      const auto [it, fresh] = by_token.try_emplace(grant.token, &grant);
      if (fresh || it->second->owner == grant.owner || MayBeForgotten(it->second->asked_ns))
        continue;
      report->Fail("locks", lock.name + ": one token of " + Describe(*it->second) + " and of " +
                                Describe(grant));
    }
  }
  void CheckTurns(Report* report, const OneLock& lock) const {
    for (const auto& [number, ticket] : lock.tickets) {
      if (MayBeForgotten(ticket.told_ns)) continue;
      for (const Grant& grant : lock.grants) {
        if (grant.owner == ticket.owner || grant.asked_ns <= ticket.told_ns) continue;
        const bool granted_later = ticket.token > grant.token;
        const bool waited_then = ticket.token == 0 && ticket.alive_ns > grant.told_ns;
        report->Count("locks: turns compared");
        if (!granted_later && !waited_then) continue;
        report->Fail("locks", lock.name + ": " + Describe(grant) + " came before the ticket " +
                                  std::to_string(number) + " of " + ticket.owner + ", told at " +
                                  std::to_string(ticket.told_ns / kMillisecond) + " ms");
      }
    }
  }
  void CheckDelays(Report* report, const OneLock& lock) const {
    for (const Grant& lost : lock.grants) {
      if (lost.delay_ms == 0 || lost.released_ns != test::kNever) continue;
      if (MayBeForgotten(lost.asked_ns)) continue;
      const int64_t free_ns = test::EarliestEnd(lost.until_ns, lost.delay_ms, world.drift);
      for (const Grant& next : lock.grants) {
        if (next.token <= lost.token || next.owner == lost.owner) continue;
        report->Count("locks: delays compared");
        if (next.told_ns >= free_ns) continue;
        report->Fail("locks", lock.name + ": " + Describe(next) + " came " +
                                  std::to_string((free_ns - next.told_ns) / kMillisecond) +
                                  " ms too early behind " + Describe(lost) + ", with a delay of " +
                                  std::to_string(lost.delay_ms) + " ms");
      }
    }
  }
};

// Of those who wait for one lock nobody is granted it before who has waited longer.
void LockQueues::CheckCalls(const CallsThatWait& log, const store::Store&) {
  struct Waited {
    const std::string* owner;
    const CallThatWaits* call;
    bool granted;
  };
  std::map<size_t, std::vector<Waited>> queues;
  for (const auto& [owner, lock] : waits) {
    const auto it = log.by_timeout.find(owner);
    if (it == log.by_timeout.end() || it->second.entered == 0) continue;
    Reply reply;
    const bool granted = it->second.answered != 0 && ParseReply(it->second.reply, &reply) > 0 &&
                         reply.IsArray(3) && reply.elements[0].integer == 1;
    if (it->second.answers > 1)
      world.report->Fail("locks", owner + " was answered twice while it waited");
    queues[lock].push_back({&owner, &it->second, granted});
  }
  for (const auto& [lock, waited] : queues) {
    for (const Waited& later : waited) {
      if (!later.granted) continue;
      world.report->Count("locks: waiting turns checked");
      const paxos::Slot at = later.call->answered;
      for (const Waited& earlier : waited) {
        if (earlier.call->entered >= later.call->entered) continue;
        if (earlier.call->answered != 0 && earlier.call->answered <= at) continue;
        if (log.MayBeSkipped(*earlier.call, at)) continue;
        world.report->Fail(
            "locks", locks[lock].name + ": " + *later.owner + ", waiting from slot " +
                         std::to_string(later.call->entered) + " on, was granted it at slot " +
                         std::to_string(at) + " before " + *earlier.owner + ", waiting from slot " +
                         std::to_string(earlier.call->entered) + " on");
      }
    }
  }
}

class QueueActor final : public Actor {
 public:
  QueueActor(World* w, int id, LockQueues* all) : Actor(w, id, {}), all_(*all) {}

 private:
  enum class Ask : uint64_t { kAcquire, kClaim, kCancel, kRenew, kRelease, kOther };

  OneLock& lock() { return all_.locks[lock_]; }
  const std::string& Name() { return lock().name; }
  void Say(Ask ask, const std::vector<std::string>& words) {
    asked_ns_ = now_ns();
    const std::vector<std::string_view> args(words.begin(), words.end());
    client().Send(args, static_cast<uint64_t>(ask));
  }
  void FinalAct() override {}
  void Act() override {
    if (refused_) {
      refused_ = false;
      return Say(Ask::kOther, {"EXISTS", "queue:none"});
    }
    if (token_ != 0) return ActHolding();
    if (ticket_ != 0) return ActQueued();
    // A request whose outcome nobody knows is made again, or given up.
    if (owner_.empty() || rng().Percent(40)) Begin();
    Acquire();
  }
  void Begin() {
    const Kind kind = static_cast<Kind>(rng().Below(3));
    lock_ = all_.Pick(kind);
    owner_ = "q" + std::to_string(world().next_value++);
    shared_ = kind == Kind::kReaders && rng().Percent(60);
    delay_ms_ = kind == Kind::kDelayed && rng().Percent(70) ? rng().Between(300, 1500) : 0;
    ttl_ms_ = rng().Between(300, 2500);
    how_ = rng().Below(10);
    ticket_ms_ = rng().Between(400, 3000);
    began_ns_ = now_ns();
    asked_ = 0;
  }
  void Acquire() {
    std::vector<std::string> words{"LOCK", "ACQUIRE", Name(), std::to_string(ttl_ms_)};
    if (shared_) words.push_back("SHARED");
    if (lock().kind == Kind::kLimited) words.insert(words.end(), {"LIMIT", std::to_string(kLimit)});
    if (delay_ms_ != 0) words.insert(words.end(), {"DELAY", std::to_string(delay_ms_)});
    waits_ = how_ < 4;
    if (waits_) {
      words.insert(words.end(), {"WAIT", std::to_string(rng().Between(10, 4000))});
      // Asked again it takes its own place, and is one call no more.
      if (++asked_ == 1) {
        all_.waits.try_emplace(owner_, lock_);
      } else {
        all_.waits.erase(owner_);
      }
    } else if (how_ < 8) {
      words.insert(words.end(), {"ENQUEUE", std::to_string(ticket_ms_)});
    }
    words.insert(words.end(), {"OWNER", owner_});
    Say(Ask::kAcquire, words);
  }
  void ActQueued() {
    const uint64_t dice = rng().Below(20);
    if (dice == 0) {
      lock().tickets[ticket_].left = true;
      return Say(Ask::kCancel, {"LOCK", "CANCEL", Name(), std::to_string(ticket_)});
    }
    if (dice == 1) return Drop();  // it lets the ticket end
    Say(Ask::kClaim, {"LOCK", "CLAIM", Name(), std::to_string(ticket_)});
  }
  void ActHolding() {
    const uint64_t dice = rng().Below(10);
    if (dice < 4) {
      Renew(rng().Percent(80) ? rng().Between(150, ttl_ms_) : ttl_ms_ + rng().Between(1, 500));
    } else if (dice == 4) {
      Drop();  // its holder is lost
    } else {
      Release();
    }
  }
  void Renew(int64_t ttl_ms) {
    renewal_ms_ = ttl_ms;
    Say(Ask::kRenew, {"LOCK", "RENEW", Name(), std::to_string(token_), std::to_string(ttl_ms)});
  }
  void Release() {
    if (Grant* grant = Mine()) grant->released_ns = std::min(grant->released_ns, now_ns());
    Say(Ask::kRelease, {"LOCK", "RELEASE", Name(), std::to_string(token_)});
  }
  Grant* Mine() {
    for (Grant& grant : lock().grants)
      if (grant.token == token_ && grant.owner == owner_) return &grant;
    return nullptr;
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    const Ask ask = static_cast<Ask>(tag);
    if (RefusedForCertain(reply) || reply.IsError("UNBLOCKED")) {
      refused_ = true;
      return Drop();
    }
    if (Judge(world(), reply) != Outcome::kReply) return Lost(tag);
    switch (ask) {
      case Ask::kAcquire:
        return AnsweredAcquire(reply);
      case Ask::kClaim:
      case Ask::kCancel:
        return AnsweredTicket(ask, reply);
      case Ask::kRenew:
        return AnsweredRenew(reply);
      case Ask::kRelease:
        if (reply.integer == 0) LostEarly("RELEASE");
        return Drop();
      case Ask::kOther:
        return;
    }
  }
  void AnsweredAcquire(const Reply& reply) {
    if (reply.IsArray(3) && reply.elements[0].integer == 1) return Granted(reply);
    if (reply.IsArray(3) && reply.elements[0].integer == 0) return Queued(reply);
    if (!reply.IsArray(4)) world().report->Fail("replies", "ACQUIRE answered " + reply.ToString());
    Drop();
  }
  // What was given at once was given after it was asked for; from a queue, perhaps long before the
  // answer: only a renewal says for how long.
  void Granted(const Reply& reply) {
    world().report->Count(ticket_ != 0 ? "locks granted to tickets"
                          : waits_     ? "locks granted to who waited"
                                       : "locks granted at once");
    token_ = reply.elements[1].integer;
    ttl_ms_ = reply.elements[2].integer;
    if (ticket_ != 0) lock().tickets[ticket_].token = token_;
    if (Mine() == nullptr) {
      lock().grants.push_back({.owner = owner_,
                               .token = token_,
                               .shared = shared_,
                               .asked_ns = began_ns_,
                               .told_ns = now_ns(),
                               .until_ns = 0,
                               .delay_ms = delay_ms_});
    }
    // Asked for again, neither a grant nor a claim is extended.
    const int64_t from_ns = ticket_ == 0 ? began_ns_ : claim_lost_ ? 0 : asked_ns_;
    Grant* grant = Mine();
    if (from_ns != 0)
      grant->until_ns =
          std::max(grant->until_ns, test::EarliestEnd(from_ns, ttl_ms_, world().drift));
    ticket_ = 0;
  }
  int64_t SureEnd(int64_t ttl_ms) { return test::EarliestEnd(asked_ns_, ttl_ms, world().drift); }
  void Queued(const Reply& reply) {
    ticket_ = reply.elements[1].integer;
    Ticket& ticket = lock().tickets[ticket_];
    if (ticket.number == 0)
      ticket = {.owner = owner_, .number = ticket_, .told_ns = now_ns(), .alive_ns = asked_ns_};
    // Asked for again it is not kept.
    kept_until_ns_ =
        std::max(kept_until_ns_, test::EarliestEnd(began_ns_, ticket_ms_, world().drift));
    world().report->Count("locks: tickets");
  }
  void AnsweredTicket(Ask ask, const Reply& reply) {
    if (reply.IsNil()) {
      // What was claimed without an answer may have been held, and be over.
      if (now_ns() < kept_until_ns_ && !claim_lost_ && !lock().tickets[ticket_].left &&
          !all_.MayBeForgotten(began_ns_)) {
        world().report->Fail(
            "locks",
            Name() + ": the ticket " + std::to_string(ticket_) + " of " + owner_ + " has ended " +
                std::to_string((kept_until_ns_ - now_ns()) / kMillisecond) + " ms before its time");
      }
      return Drop();
    }
    if (reply.elements[0].integer == 1) return Granted(reply);
    if (ask == Ask::kCancel) return Drop();
    lock().tickets[ticket_].alive_ns = asked_ns_;
    kept_until_ns_ = std::max(kept_until_ns_, SureEnd(ticket_ms_));
  }
  void AnsweredRenew(const Reply& reply) {
    if (reply.IsNil()) {
      LostEarly("RENEW");
      return Drop();
    }
    if (Grant* grant = Mine()) grant->until_ns = std::max(grant->until_ns, SureEnd(renewal_ms_));
    ttl_ms_ = std::max(ttl_ms_, renewal_ms_);
  }
  void LostEarly(const char* what) {
    const Grant* grant = Mine();
    if (grant == nullptr || now_ns() >= grant->until_ns || grant->released_ns < asked_ns_) return;
    if (all_.MayBeForgotten(grant->asked_ns)) return;
    world().report->Fail("locks", Name() + " of " + owner_ + " with token " +
                                      std::to_string(token_) + " is gone at a " + what + ", " +
                                      std::to_string((grant->until_ns - now_ns()) / kMillisecond) +
                                      " ms before its time");
  }
  void Drop() {
    token_ = ticket_ = kept_until_ns_ = 0;
    claim_lost_ = false;
    owner_.clear();
  }
  // A release that may have happened, or may come, and a claim or a request: asked again.
  void Lost(uint64_t tag) override {
    if (static_cast<Ask>(tag) == Ask::kRelease || static_cast<Ask>(tag) == Ask::kCancel) Drop();
    claim_lost_ |= static_cast<Ask>(tag) == Ask::kClaim;
  }

  LockQueues& all_;
  size_t lock_ = 0;
  std::string owner_;
  bool shared_ = false;
  bool waits_ = false;
  bool refused_ = false;
  bool claim_lost_ = false;  // the ticket may have been claimed
  int64_t delay_ms_ = 0;
  int64_t ttl_ms_ = 1000;
  int64_t ticket_ms_ = 0;
  int64_t renewal_ms_ = 0;
  uint64_t how_ = 0;
  int asked_ = 0;  // by this owner
  int64_t token_ = 0;
  int64_t ticket_ = 0;
  int64_t kept_until_ns_ = 0;
  int64_t began_ns_ = 0;
  int64_t asked_ns_ = 0;
};

}  // namespace

std::unique_ptr<Workload> MakeLockQueues(const WorkloadSetup& setup, int actors) {
  auto all = std::make_unique<LockQueues>(setup.world);
  for (int i = 0; i < actors; ++i)
    setup.add(std::make_unique<QueueActor>(setup.world, setup.first_actor_id + i, all.get()));
  return all;
}

}  // namespace clustron::sim

// Locks with the keys that they guard, and leases with the keys that end with them.
#include <algorithm>
#include <utility>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

// --- Locks ---------------------------------------------------------------------------------------

using LockModel = test::LockModel;

struct Locks final : Workload {
  struct One {
    std::string name;
    Record<LockModel::Op> ops = {};
  };
  World* world;
  std::vector<One> locks;
  uint64_t next_owner = 1;
  size_t next_final = 0;

  explicit Locks(World* w) : world(w) { locks.push_back({.name = "lock:0"}); }
  const char* name() const override { return "locks"; }
  size_t Current() {
    if (locks.back().ops.size() >= 250) {
      locks.push_back({.name = "lock:" + std::to_string(locks.size())});
    }
    return locks.size() - 1;
  }
  void Check(Report* report) override {
    for (const One& lock : locks) {
      CheckHistory<LockModel>(*world, report, lock.name, lock.ops.Kept());
    }
  }
};

class LockActor final : public Actor {
 public:
  LockActor(World* w, int id, const ClientOptions& client, Locks* locks)
      : Actor(w, id, client), locks_(*locks) {}

  Hurry hurry() const override { return token_ != 0 ? Hurry::kCalls : Hurry::kNone; }

 private:
  void Act() override {
    if (token_ != 0 && rng().Percent(70)) {
      ActHolding();
      return;
    }
    const uint64_t dice = rng().Below(10);
    if (dice < 5) {
      // A grant that was not heard of is asked for again under the same owner, or given up.
      if (owner_.empty() || rng().Percent(30)) {
        owner_ = "o" + std::to_string(locks_.next_owner++);
        lock_ = locks_.Current();
        token_ = 0;
        highest_token_ = world().tokens.empty() ? 0 : world().tokens.rbegin()->first;
      }
      Acquire();
    } else if (dice < 7) {
      const std::string value = world().UniqueValue();
      Issue({.kind = LockModel::Kind::kPlainSet, .text = value}, {"SET", Name(), value});
    } else {
      Get();
    }
  }
  // What a leader grants without an entry.
  void ActInHurry() override { token_ != 0 ? Renew(rng().Between(100, ttl_ms_)) : Get(); }
  void FinalAct() override {
    if (locks_.next_final >= locks_.locks.size()) return;
    lock_ = locks_.next_final++;
    Get();
  }
  const std::string& Name() { return locks_.locks[lock_].name; }
  void Get() { Issue({.kind = LockModel::Kind::kGet}, {"GET", Name()}); }
  void Acquire() {
    ttl_ms_ = rng().Between(200, 3000);
    const std::string ttl = std::to_string(ttl_ms_);
    Issue({.kind = LockModel::Kind::kAcquire,
           .owner = owner_,
           .expire_from = test::EarliestEnd(now_ns(), ttl_ms_, world().drift)},
          {"LOCK", "ACQUIRE", Name(), ttl, "OWNER", owner_});
  }
  void ActHolding() {
    const std::string token = std::to_string(token_);
    const uint64_t dice = rng().Below(10);
    if (dice < 3) {
      // Within the granted TTL it stays in the leader's memory; above, it is an entry.
      const int64_t ttl_ms =
          rng().Percent(70) ? rng().Between(100, ttl_ms_) : ttl_ms_ + rng().Between(1, 1000);
      Renew(ttl_ms);
    } else if (dice < 6) {
      const std::string value = world().UniqueValue();
      Issue({.kind = LockModel::Kind::kDoSet, .text = value, .token = token_},
            {"LOCK", "DO", Name(), token, "SET", Name(), value});
    } else if (dice < 8) {
      Issue({.kind = LockModel::Kind::kRelease, .token = token_},
            {"LOCK", "RELEASE", Name(), token});
    } else {
      Get();
    }
  }
  void Renew(int64_t ttl_ms) {
    Issue({.kind = LockModel::Kind::kRenew,
           .token = token_,
           .expire_from = test::EarliestEnd(now_ns(), ttl_ms, world().drift)},
          {"LOCK", "RENEW", Name(), std::to_string(token_), std::to_string(ttl_ms)});
  }
  void Issue(LockModel::Op op, std::initializer_list<std::string_view> args) {
    Locks::One& lock = locks_.locks[lock_];
    const size_t place = lock.ops.Begin(std::move(op), now_ns());
    client().Send(args, (static_cast<uint64_t>(lock_) << 32) | place);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    Locks::One& lock = locks_.locks[tag >> 32];
    LockModel::Op& op = lock.ops[tag & 0xffffffff];
    const char* expected = op.kind == LockModel::Kind::kDoSet      ? "FENCED"
                           : op.kind == LockModel::Kind::kPlainSet ? "LOCKED"
                                                                   : "";
    switch (Judge(world(), reply, expected)) {
      case Outcome::kNo:
        lock.ops.Drop(tag & 0xffffffff);
        return;
      case Outcome::kUnknown:
        Lost(tag);
        return;
      case Outcome::kReply:
        break;
    }
    op.return_ns = now_ns();
    op.answer = reply.ToAnswer();
    switch (op.kind) {
      case LockModel::Kind::kAcquire:
        AnsweredAcquire(&op, reply);
        return;
      case LockModel::Kind::kRenew:
        op.done = !reply.IsNil();
        break;
      case LockModel::Kind::kRelease:
        op.done = reply.integer == 1;
        if (op.done) {
          token_ = 0;
          owner_.clear();
        }
        break;
      case LockModel::Kind::kDoSet:
      case LockModel::Kind::kPlainSet:
        op.done = reply.IsOk();
        break;
      case LockModel::Kind::kGet:
        return;
    }
    if (op.token == token_ && !op.done && op.kind != LockModel::Kind::kPlainSet) {
      world().report->Count("locks lost");
      token_ = 0;
      owner_.clear();
    }
  }
  void AnsweredAcquire(LockModel::Op* op, const Reply& reply) {
    if (reply.elements.size() < 3) {
      world().report->Fail("replies", "LOCK ACQUIRE answered " + reply.ToString());
      return;
    }
    op->done = reply.elements[0].integer == 1;
    if (op->done) {
      world().report->Count("locks granted");
      op->token = token_ = reply.elements[1].integer;
      CheckToken(*op);
    } else {
      op->holder_token = reply.elements[1].integer;
      owner_.clear();
    }
  }
  // Whatever a crash made the server forget: no token is given to two, nor one below any that was
  // known when it was asked for.
  void CheckToken(const LockModel::Op& op) {
    const std::string whose = Name() + " " + op.owner;
    const auto [it, fresh] = world().tokens.try_emplace(op.token, whose);
    if (it->second != whose) {
      world().report->Fail("tokens", std::to_string(op.token) + " of " + it->second +
                                         " is given to " + whose + " too");
    } else if (fresh && op.token <= highest_token_) {
      world().report->Fail("tokens", whose + " is given " + std::to_string(op.token) + " behind " +
                                         std::to_string(highest_token_));
    }
  }
  void Lost(uint64_t tag) override {
    Locks::One& lock = locks_.locks[tag >> 32];
    LockModel::Op& op = lock.ops[tag & 0xffffffff];
    if (op.kind == LockModel::Kind::kGet) lock.ops.Drop(tag & 0xffffffff);
  }

  Locks& locks_;
  size_t lock_ = 0;
  std::string owner_;
  int64_t token_ = 0;
  int64_t highest_token_ = 0;  // known when its owner first asked
  int64_t ttl_ms_ = 1000;
};

// --- Leases --------------------------------------------------------------------------------------

using LeaseModel = test::LeaseModel;

struct Leases final : Workload {
  struct One {
    std::string id;
    std::string keys[2];
    Record<LeaseModel::Op> ops = {};
  };
  World* world;
  std::vector<One> leases;
  std::vector<size_t> active;
  size_t next_final = 0;

  explicit Leases(World* w) : world(w) {
    for (int i = 0; i < 2; ++i) {
      active.push_back(0);
      Replace(active.size() - 1);
    }
  }
  const char* name() const override { return "leases"; }
  void Replace(size_t place) {
    active[place] = leases.size();
    const std::string id = "lease:" + std::to_string(leases.size());
    leases.push_back({.id = id, .keys = {id + ":a", id + ":b"}});
  }
  size_t Pick(Rng& rng) {
    const size_t place = rng.Below(active.size());
    if (leases[active[place]].ops.size() >= 200) Replace(place);
    return active[place];
  }
  void Check(Report* report) override {
    for (const One& lease : leases) {
      CheckHistory<LeaseModel>(*world, report, lease.id, lease.ops.Kept());
    }
  }
};

class LeaseActor final : public Actor {
 public:
  LeaseActor(World* w, int id, const ClientOptions& client, Leases* leases)
      : Actor(w, id, client), leases_(*leases) {}

  Hurry hurry() const override { return Hurry::kCalls; }

 private:
  static constexpr int64_t kTtlMs = 900;  // of every grant, so that keepalives are predictable

  void Act() override {
    const size_t lease = leases_.Pick(rng());
    const std::string& id = leases_.leases[lease].id;
    const std::string* keys = leases_.leases[lease].keys;
    const int64_t from = test::EarliestEnd(now_ns(), kTtlMs, world().drift);
    const uint64_t dice = rng().Below(20);
    if (dice < 4) {
      Issue(lease, {.kind = LeaseModel::Kind::kGrant, .expire_from = from},
            {"LEASE", "GRANT", std::to_string(kTtlMs), "ID", id});
    } else if (dice < 9) {
      KeepAlive(lease);
    } else if (dice < 10) {
      Issue(lease, {.kind = LeaseModel::Kind::kRevoke}, {"LEASE", "REVOKE", id});
    } else if (dice < 13) {
      const std::string value = world().UniqueValue();
      Issue(lease, {.kind = LeaseModel::Kind::kDoSet, .text = value},
            {"LEASE", "DO", id, "MSET", keys[0], value, keys[1], value});
    } else if (dice < 15) {
      Issue(lease, {.kind = LeaseModel::Kind::kAlive}, {"LEASE", "TTL", id});
    } else {
      Read(lease);
    }
  }
  // Of a lease that it left alone a moment ago, most likely.
  void ActInHurry() override {
    world().report->Count("keepalives in a hurry");
    KeepAlive(leases_.active[rng().Below(leases_.active.size())]);
  }
  void KeepAlive(size_t lease) {
    Issue(lease,
          {.kind = LeaseModel::Kind::kKeepAlive,
           .expire_from = test::EarliestEnd(now_ns(), kTtlMs, world().drift)},
          {"LEASE", "KEEPALIVE", leases_.leases[lease].id});
  }
  void FinalAct() override {
    if (leases_.next_final < leases_.leases.size()) Read(leases_.next_final++);
  }
  void Read(size_t lease) {
    const std::string* keys = leases_.leases[lease].keys;
    Issue(lease, {.kind = LeaseModel::Kind::kRead, .done = true}, {"MGET", keys[0], keys[1]});
  }
  void Issue(size_t lease, LeaseModel::Op op, std::initializer_list<std::string_view> args) {
    Leases::One& one = leases_.leases[lease];
    const size_t place = one.ops.Begin(std::move(op), now_ns());
    client().Send(args, (static_cast<uint64_t>(lease) << 32) | place);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    Leases::One& one = leases_.leases[tag >> 32];
    LeaseModel::Op& op = one.ops[tag & 0xffffffff];
    switch (Judge(world(), reply, op.kind == LeaseModel::Kind::kDoSet ? "NOLEASE" : "")) {
      case Outcome::kNo:
        one.ops.Drop(tag & 0xffffffff);
        return;
      case Outcome::kUnknown:
        Lost(tag);
        return;
      case Outcome::kReply:
        break;
    }
    op.return_ns = now_ns();
    switch (op.kind) {
      case LeaseModel::Kind::kGrant:
        op.done = reply.IsArray(3);
        if (!op.done) world().report->Fail("replies", "LEASE GRANT answered " + reply.ToString());
        break;
      case LeaseModel::Kind::kKeepAlive:
        op.done = reply.IsArray(1) && !reply.elements[0].IsNil();
        world().report->Count(op.done ? "leases kept alive" : "leases found gone");
        break;
      case LeaseModel::Kind::kRevoke:
        op.done = !reply.elements.empty() && reply.elements[0].integer == 1;
        break;
      case LeaseModel::Kind::kDoSet:
        op.done = reply.IsOk();
        break;
      case LeaseModel::Kind::kRead:
        if (!reply.IsArray(2)) return;
        op.first = reply.elements[0].ToAnswer();
        op.second = reply.elements[1].ToAnswer();
        break;
      case LeaseModel::Kind::kAlive:
        op.done = !reply.IsNil();
        break;
    }
  }
  void Lost(uint64_t tag) override {
    Leases::One& one = leases_.leases[tag >> 32];
    const LeaseModel::Kind kind = one.ops[tag & 0xffffffff].kind;
    if (kind == LeaseModel::Kind::kRead || kind == LeaseModel::Kind::kAlive) {
      one.ops.Drop(tag & 0xffffffff);
    }
  }

  Leases& leases_;
};

}  // namespace

std::unique_ptr<Workload> MakeLocks(const WorkloadSetup& setup, int actors) {
  auto locks = std::make_unique<Locks>(setup.world);
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<LockActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                          locks.get()));
  }
  return locks;
}

std::unique_ptr<Workload> MakeLeases(const WorkloadSetup& setup, int actors) {
  auto leases = std::make_unique<Leases>(setup.world);
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<LeaseActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                           leases.get()));
  }
  return leases;
}

}  // namespace clustron::sim

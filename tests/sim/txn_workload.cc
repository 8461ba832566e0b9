// Transactions that stay open (TXN BEGIN …): each reads some of a few keys, writes others by what
// it has read, and commits, now and then by way of another node. An outcome that is not known is
// asked for again until it is: what was not applied then is never seen, and what was is one step.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/waiting_ledger.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Model = test::StringsModel;
constexpr uint32_t kKeys = 4;
// Outcomes are kept for 60 s of the cluster's clock.
constexpr int64_t kAskAgainNs = 20 * kSecond;

struct Txns final : Workload {
  World* world;
  Record<Model::Op> ops;
  bool final_read = false;

  explicit Txns(World* w) : world(w) {}
  const char* name() const override { return "txns"; }
  static std::string Key(uint32_t i) { return "txn:" + std::to_string(i); }
  size_t Begin(Model::Op op) { return ops.Begin(std::move(op), world->loop->now_ns()); }
  void Check(Report* report) override { CheckHistory<Model>(*world, report, name(), ops.Kept()); }
};

class TxnActor final : public Actor {
 public:
  TxnActor(World* w, int id, Txns* txns) : Actor(w, id, {}), txns_(*txns) {}

 private:
  enum Tag : uint64_t { kBegin = 1, kRead, kStage, kOwn, kCommit, kAudit };
  enum class Step : uint8_t { kNone, kBegun, kRead, kStaged, kCommitted };

  void Act() override {
    if (step_ == Step::kCommitted) return AskAgain();
    if (step_ == Step::kBegun) return Read();  // by way of another node
    if (step_ == Step::kStaged) return Commit();
    step_ = Step::kNone;
    if (rng().Percent(25)) return Audit();
    op_ = {};
    seen_.clear();
    client().Send({"TXN", "BEGIN", "TTL", "5000"}, kBegin);
  }
  void FinalAct() override {
    if (step_ == Step::kCommitted) return AskAgain();
    step_ = Step::kNone;
    if (!std::exchange(txns_.final_read, true)) Audit();
  }

  void Audit() {
    Model::Op op;
    std::vector<std::string> words = {"MGET"};
    for (uint32_t i = 0; i < kKeys; ++i) {
      words.push_back(Txns::Key(i));
      op.commands.push_back({.kind = Model::Kind::kGet, .key = i});
    }
    place_ = txns_.Begin(std::move(op));
    Say(words, kAudit);
  }
  void Say(const std::vector<std::string>& words, uint64_t tag) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    client().Send(args, tag);
  }
  void Do(std::vector<std::string> words, uint64_t tag) {
    words.insert(words.begin(), {"TXN", "DO", id_});
    Say(words, tag);
  }
  void Read() {
    first_ = static_cast<uint32_t>(rng().Below(kKeys));
    second_ = (first_ + 1 + static_cast<uint32_t>(rng().Below(kKeys - 1))) % kKeys;
    Do({"GET", Txns::Key(first_)}, kRead);
    if (rng().Percent(60)) Do({"GET", Txns::Key(second_)}, kRead);
  }

  void Settled() override {
    switch (step_) {
      case Step::kBegun:
        return Read();
      case Step::kRead:
        return Stage();
      case Step::kStaged:
        // Some think before they commit: what the network brings late or twice comes first.
        return rng().Percent(60) ? void() : Commit();
      default:
        return;
    }
  }
  void Stage() {
    for (const auto& [key, value] : seen_)
      op_.conditions.push_back(
          {.key = key, .present = value.has_value(), .value = value.value_or("")});
    op_.may_fail_spuriously = true;
    const uint32_t target = rng().Percent(50) ? first_ : second_;
    if (rng().Percent(25)) {
      op_.commands.push_back({.kind = Model::Kind::kDelete, .key = target});
      Do({"DEL", Txns::Key(target)}, kStage);
      return;
    }
    const std::string value = world().UniqueValue();
    op_.commands.push_back({.kind = Model::Kind::kSet, .key = target, .text = value});
    Do({"SET", Txns::Key(target), value}, kStage);
    if (!rng().Percent(30)) return;
    const uint32_t other = (target + 1) % kKeys;
    const std::string more = world().UniqueValue();
    op_.commands.push_back({.kind = Model::Kind::kSet, .key = other, .text = more});
    Do({"SET", Txns::Key(other), more}, kStage);
    // It sees what it has written, and goes by what was there.
    if (!seen_.contains(target)) return;
    own_ = value;
    Do({"GET", Txns::Key(target)}, kOwn);
  }
  void Commit() {
    step_ = Step::kCommitted;
    place_ = txns_.Begin(op_);
    since_ns_ = now_ns();
    in_doubt_ = false;
    client().Send({"TXN", "COMMIT", id_}, kCommit);
    if (rng().Percent(5)) return client().HangUp();  // it never leaves
    if (rng().Percent(25)) AskElsewhereSoon();
  }
  // While the COMMIT is on its way: whoever closes the id may come first.
  void AskElsewhereSoon() {
    world().loop->After(rng().Below(8 * kMillisecond), [this, id = id_] {
      if (id_ != id || !client().connected() || client().outstanding() == 0) return;
      HurryTo(client().node() != 0 ? 0 : std::stoi(id_) - 1);
    });
  }
  void AskAgain() {
    if (now_ns() - since_ns_ > kAskAgainNs) {
      world().report->Count("txns: outcome never known");
      step_ = Step::kNone;
      return Audit();
    }
    world().report->Count("txns: COMMIT sent again");
    client().Send({"TXN", "COMMIT", id_}, kCommit);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    if (reply.IsError() && RefusedForCertain(reply) && tag != kAudit && tag != kCommit) {
      step_ = Step::kNone;
      return;
    }
    // A node that has just begun does not know yet what its peers know: it is asked again.
    if (tag == kCommit && reply.text.find("needs feature version") != std::string::npos) return;
    const Outcome outcome = Judge(world(), reply, "NOTXN");
    if (tag == kCommit) return Committed(outcome, reply);
    if (tag == kAudit) return Audited(outcome, reply);
    if (outcome != Outcome::kReply || reply.IsError()) {
      step_ = Step::kNone;
      return;
    }
    if (tag == kBegin) {
      id_ = reply.text;
      step_ = Step::kBegun;
      if (rng().Percent(50)) client().HangUp();
      return;
    }
    if (step_ == Step::kNone) return;
    if (tag == kRead) {
      const uint32_t key = seen_.empty() ? first_ : second_;
      seen_[key] = reply.IsNil() ? std::nullopt : std::optional(reply.text);
      step_ = Step::kRead;
    } else if (tag == kStage) {
      step_ = Step::kStaged;
    } else if (tag == kOwn && reply.text != own_) {
      world().report->Fail("txns",
                           "a transaction wrote " + own_ + " and reads " + reply.ToString());
    }
  }
  void Audited(Outcome outcome, const Reply& reply) {
    if (outcome != Outcome::kReply) return txns_.ops.Drop(place_);
    Model::Op& op = txns_.ops[place_];
    op.return_ns = now_ns();
    for (uint32_t i = 0; i < kKeys && i < reply.elements.size(); ++i)
      op.commands[i].answer = reply.elements[i].ToAnswer();
  }
  void Committed(Outcome outcome, const Reply& reply) {
    if (outcome == Outcome::kUnknown) in_doubt_ = true;
    // What one of its commands answers is the outcome; what keeps a COMMIT from the log is none.
    const bool decided = reply.text.find(" command ") != std::string::npos;
    if (outcome == Outcome::kUnknown || (outcome == Outcome::kNo && in_doubt_ && !decided))
      return;  // again
    step_ = Step::kNone;
    if (outcome == Outcome::kNo) return txns_.ops.Drop(place_);
    if (reply.IsError("NOTXN")) {
      world().report->Count("txns: not applied");
      return txns_.ops.Drop(place_);
    }
    Model::Op& op = txns_.ops[place_];
    op.return_ns = now_ns();
    op.conditions_held = !reply.elements.empty() && reply.elements[0].integer == 1;
    world().report->Count(op.conditions_held ? "txns: applied" : "txns: conflicts");
    if (!op.conditions_held) return;
    if (reply.elements.size() != 3 || reply.elements[2].elements.size() != op.commands.size())
      return world().report->Fail("txns", "the reply to a COMMIT is " + reply.ToString());
    for (size_t i = 0; i < op.commands.size(); ++i)
      op.commands[i].answer = reply.elements[2].elements[i].ToAnswer();
  }
  void Lost(uint64_t tag) override {
    if (tag == kAudit) txns_.ops.Drop(place_);
    if (tag == kCommit) {
      in_doubt_ = true;
    } else if (step_ != Step::kCommitted) {
      step_ = Step::kNone;
    }
  }

  Txns& txns_;
  Step step_ = Step::kNone;
  std::string id_;
  uint32_t first_ = 0;
  uint32_t second_ = 0;
  std::map<uint32_t, std::optional<std::string>> seen_;
  std::string own_;
  Model::Op op_;
  size_t place_ = 0;
  int64_t since_ns_ = 0;
  bool in_doubt_ = false;  // a COMMIT was sent of which nothing is known
};

}  // namespace

std::unique_ptr<Workload> MakeTxns(const WorkloadSetup& setup, int actors) {
  auto txns = std::make_unique<Txns>(setup.world);
  for (int i = 0; i < actors; ++i)
    setup.add(std::make_unique<TxnActor>(setup.world, setup.first_actor_id + i, txns.get()));
  return txns;
}

}  // namespace clustron::sim

// Transactions whose replies are about as long as one may be, while the limit moves: what is
// refused for it has done nothing, what isn't is whole, and all nodes agree on which is which.
#include <utility>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Model = test::StringsModel;

struct Budgets final : Workload {
  World* world;
  Record<Model::Op> ops;
  bool final_read = false;

  explicit Budgets(World* w) : world(w) {}
  const char* name() const override { return "budgets"; }
  void Check(Report* report) override { CheckHistory<Model>(*world, report, name(), ops.Kept()); }
};

constexpr std::string_view kCounter = "budget:n";
constexpr std::string_view kWide = "budget:wide";

class BudgetActor final : public Actor {
 public:
  BudgetActor(World* w, int id, const ClientOptions& client, Budgets* budgets)
      : Actor(w, id, client), budgets_(*budgets), id_(id) {}

 private:
  enum Tag : uint64_t { kIgnored = 1, kRead = 2, kExec = 3, kTxn = 4 };

  void Act() override {
    if (rng().Percent(10)) {
      const std::string limit = std::to_string(rng().Between(1500, 6000));
      client().Send({"CONFIG", "SET", "item-reply-max", limit}, kIgnored);
    } else if (rng().Percent(15)) {
      Read();
    } else {
      Transaction();
    }
  }
  void FinalAct() override {
    if (!std::exchange(budgets_.final_read, true)) Read();
  }

  void Read() {
    op_ = budgets_.ops.Begin({.commands = {{.kind = Model::Kind::kGet}}}, now_ns());
    client().Send({"GET", kCounter}, kRead);
  }
  // A counter, perhaps a new value, and how the reply gets its length.
  void Transaction() {
    Model::Op op;
    std::vector<std::vector<std::string>> commands = {{"INCR", std::string(kCounter)}};
    op.commands.push_back({.kind = Model::Kind::kIncrBy, .number = 1});
    if (rng().Percent(30)) {
      const std::string text = world().UniqueValue() + std::string(rng().Below(900), 'w');
      commands.push_back({"SET", std::string(kWide), text});
      op.commands.push_back(
          {.kind = Model::Kind::kSet, .key = 1, .text = text, .answer = test::Answer::Ok()});
    }
    for (int64_t reads = rng().Between(0, 8); reads > 0; --reads) {
      commands.push_back({"GET", std::string(kWide)});
      op.commands.push_back({.kind = Model::Kind::kGet, .key = 1});
    }
    op_ = budgets_.ops.Begin(std::move(op), now_ns());
    rng().Percent(60) ? SendExec(commands) : SendTxn(commands);
  }
  void SendExec(const std::vector<std::vector<std::string>>& commands) {
    client().Send({"MULTI"}, kIgnored);
    // What is about the connection does not count.
    if (local_ = rng().Percent(30); local_) client().Send({"SELECT", "0"}, kIgnored);
    for (const auto& words : commands) {
      client().Send(std::vector<std::string_view>(words.begin(), words.end()), kIgnored);
    }
    client().Send({"EXEC"}, kExec);
  }
  void SendTxn(const std::vector<std::vector<std::string>>& commands) {
    std::vector<std::string> words;
    if (rng().Percent(30)) {
      words = {"ONCE", std::to_string(id_) + "." + std::to_string(now_ns()), "60000"};
    }
    words.insert(words.end(), {"TXN", "THEN", std::to_string(commands.size())});
    for (const auto& command : commands) {
      words.push_back(std::to_string(command.size()));
      words.insert(words.end(), command.begin(), command.end());
    }
    once_ = words[0] == "ONCE";
    local_ = false;
    client().Send(std::vector<std::string_view>(words.begin(), words.end()), kTxn);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kIgnored) {
      Judge(world(), reply);
      return;
    }
    const std::string_view refusal = tag == kExec ? "EXECABORT" : once_ ? "ERR" : "TXNLIMIT";
    const Outcome outcome = tag == kRead ? Judge(world(), reply) : Judge(world(), reply, refusal);
    if (outcome == Outcome::kNo || reply.IsError(refusal) ||
        (outcome == Outcome::kUnknown && tag == kRead)) {
      if (reply.IsError(refusal)) world().report->Count("items refused for their budget");
      budgets_.ops.Drop(op_);
      return;
    }
    if (outcome == Outcome::kUnknown) return;
    Model::Op& op = budgets_.ops[op_];
    op.return_ns = now_ns();
    if (tag == kRead) {
      op.commands[0].answer = reply.ToAnswer();
      return;
    }
    const Reply& all = tag == kTxn && reply.IsArray(3) ? reply.elements[2] : reply;
    const size_t first = local_ ? 1 : 0;
    if (!all.IsArray(op.commands.size() + first)) {
      world().report->Fail("budgets", "not the replies of all commands: " + reply.ToString());
      return;
    }
    for (size_t i = 0; i < op.commands.size(); ++i) {
      op.commands[i].answer = all.elements[first + i].ToAnswer();
    }
  }
  void Lost(uint64_t tag) override {
    if (tag == kRead) budgets_.ops.Drop(op_);
  }

  Budgets& budgets_;
  const int id_;
  size_t op_ = 0;
  bool local_ = false;
  bool once_ = false;
};

}  // namespace

std::unique_ptr<Workload> MakeBudgets(const WorkloadSetup& setup, int actors) {
  auto budgets = std::make_unique<Budgets>(setup.world);
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<BudgetActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                            budgets.get()));
  }
  return budgets;
}

}  // namespace clustron::sim

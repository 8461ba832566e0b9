// Workloads whose rule is an order or a sum: a bank whose total never changes, and connections
// whose pipelined commands must take effect in the order sent.
#include <algorithm>
#include <map>
#include <utility>

#include "base/numeric.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

// --- Bank ----------------------------------------------------------------------------------------

using Model = test::StringsModel;
constexpr uint32_t kAccounts = 5;
constexpr int64_t kOpening = 100;

struct Bank final : Workload {
  World* world;
  bool open = false;
  Record<Model::Op> ops;
  bool final_read = false;

  explicit Bank(World* w) : world(w) {}
  const char* name() const override { return "bank"; }
  static std::string Key(uint32_t i) { return "bank:" + std::to_string(i); }
  size_t Begin(Model::Op op) { return ops.Begin(std::move(op), world->loop->now_ns()); }
  void Check(Report* report) override { CheckHistory<Model>(*world, report, name(), ops.Kept()); }
};

class BankActor final : public Actor {
 public:
  BankActor(World* w, int id, const ClientOptions& client, Bank* bank)
      : Actor(w, id, client), bank_(*bank) {}

 private:
  enum Tag : uint64_t { kIgnored = 1, kWatched = 2, kTransfer = 3, kAudit = 4, kOpen = 5 };

  void Act() override {
    seen_.clear();
    watching_ = false;
    if (!bank_.open) {
      Open();
    } else if (rng().Percent(30)) {
      Audit();
    } else {
      from_ = static_cast<uint32_t>(rng().Below(kAccounts));
      to_ = (from_ + 1 + static_cast<uint32_t>(rng().Below(kAccounts - 1))) % kAccounts;
      watching_ = true;
      client().Send({"WATCH", Bank::Key(from_), Bank::Key(to_)}, kIgnored);
      client().Send({"GET", Bank::Key(from_)}, kWatched);
      client().Send({"GET", Bank::Key(to_)}, kWatched);
    }
  }
  void FinalAct() override {
    watching_ = false;
    if (bank_.open && !std::exchange(bank_.final_read, true)) Audit();
  }

  void Open() {
    Model::Op op;
    std::vector<std::string> words = {"MSET"};
    for (uint32_t i = 0; i < kAccounts; ++i) {
      words.push_back(Bank::Key(i));
      words.push_back(std::to_string(kOpening));
      op.commands.push_back({.kind = Model::Kind::kSet,
                             .key = i,
                             .text = std::to_string(kOpening),
                             .answer = test::Answer::Ok()});
    }
    const std::vector<std::string_view> args(words.begin(), words.end());
    op_ = bank_.Begin(std::move(op));
    client().Send(args, kOpen);
  }
  void Audit() {
    Model::Op op;
    std::vector<std::string> words = {"MGET"};
    for (uint32_t i = 0; i < kAccounts; ++i) {
      words.push_back(Bank::Key(i));
      op.commands.push_back({.kind = Model::Kind::kGet, .key = i});
    }
    const std::vector<std::string_view> args(words.begin(), words.end());
    op_ = bank_.Begin(std::move(op));
    client().Send(args, kAudit);
  }
  void Settled() override {
    if (!std::exchange(watching_, false) || seen_.size() != 2) return;
    const int64_t amount = rng().Between(1, 20);
    Model::Op op;
    op.may_fail_spuriously = true;
    client().Send({"MULTI"}, kIgnored);
    const uint32_t account[2] = {from_, to_};
    for (int i = 0; i < 2; ++i) {
      const std::string old = std::to_string(seen_[i]);
      const std::string now = std::to_string(seen_[i] + (i == 0 ? -amount : amount));
      op.conditions.push_back({.key = account[i], .present = true, .value = old});
      op.commands.push_back({.kind = Model::Kind::kSet,
                             .key = account[i],
                             .text = now,
                             .answer = test::Answer::Ok()});
      client().Send({"SET", Bank::Key(account[i]), now}, kIgnored);
    }
    op_ = bank_.Begin(std::move(op));
    client().Send({"EXEC"}, kTransfer);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    const Outcome outcome =
        tag == kTransfer ? Judge(world(), reply, "EXECABORT") : Judge(world(), reply);
    if (tag == kIgnored) {
      if (outcome != Outcome::kReply) watching_ = false;  // WATCH itself failed
      return;
    }
    if (tag == kWatched) {
      if (outcome != Outcome::kReply) return;
      const auto balance = reply.IsBulk() ? ParseInt64(reply.text) : std::nullopt;
      if (reply.IsNil() && Forgotten()) return;
      if (!balance) {
        world().report->Fail("bank", "an account holds " + reply.ToString());
        return;
      }
      seen_.push_back(*balance);
      return;
    }
    if (outcome == Outcome::kNo || reply.IsError("EXECABORT") ||
        (outcome == Outcome::kUnknown && tag == kAudit)) {
      bank_.ops.Drop(op_);
      return;
    }
    if (outcome == Outcome::kUnknown) return;
    Model::Op& op = bank_.ops[op_];
    op.return_ns = now_ns();
    if (!reply.elements.empty() && reply.elements[0].IsError("MISCONF")) {
      bank_.ops.Drop(op_);  // each of the writes is refused, so that none happens
      return;
    }
    if (tag == kOpen) bank_.open = true;
    if (tag == kTransfer) {
      op.conditions_held = !reply.IsNil();
      world().report->Count(reply.IsNil() ? "transfers refused by WATCH" : "transfers");
    }
    if (tag != kAudit) return;
    int64_t sum = 0;
    for (uint32_t i = 0; i < kAccounts && i < reply.elements.size(); ++i) {
      op.commands[i].answer = reply.elements[i].ToAnswer();
      sum += ParseInt64(reply.elements[i].text).value_or(0);
    }
    if (op.commands[0].answer.kind == test::Answer::Kind::kNil && Forgotten()) return;
    if (sum != kAccounts * kOpening) {
      world().report->Fail(
          "bank", "the sum of all accounts is " + std::to_string(sum) + ": " + reply.ToString());
    }
  }
  // A crash may have taken the opening too: then it is done again.
  bool Forgotten() {
    if (world().losses.empty()) return false;
    bank_.open = false;
    return true;
  }
  void Lost(uint64_t tag) override {
    watching_ = false;
    if (tag == kAudit) bank_.ops.Drop(op_);
  }

  Bank& bank_;
  uint32_t from_ = 0;
  uint32_t to_ = 0;
  size_t op_ = 0;
  bool watching_ = false;
  std::vector<int64_t> seen_;
};

// --- Pipelines -----------------------------------------------------------------------------------

// Each actor has a key of its own to which it appends numbered tokens, many in a row, reading in
// between. What it reads must hold: no token twice; all that were acknowledged before; none that
// was sent later on the same connection; those of one connection in the order sent.
struct Pipelines final : Workload {
  World* world;
  explicit Pipelines(World* w) : world(w) {}
  const char* name() const override { return "pipelines"; }
  void Check(Report*) override {}
};

class PipelineActor final : public Actor {
 public:
  PipelineActor(World* w, int id, const ClientOptions& client) : Actor(w, id, client) { NewKey(); }

 private:
  struct Token {
    uint64_t connection;
    int64_t sent_ns = 0;
    int64_t known_ns = 0;
    bool known = false;  // acknowledged
    bool refused = false;
  };
  // Tags: a token's number, or a read (top bit) behind so many tokens.
  static constexpr uint64_t kRead = uint64_t{1} << 63;

  void NewKey() {
    key_ = "pipe:" + std::to_string(client().id()) + ":" + std::to_string(next_key_++);
    tokens_.clear();
  }
  void Act() override {
    if (tokens_.size() > 150) NewKey();
    const int64_t count = rng().Between(1, 12);
    for (int64_t i = 0; i < count; ++i) {
      if (rng().Percent(30)) {
        Read();
        continue;
      }
      const std::string text = std::to_string(tokens_.size()) + ",";
      tokens_.push_back({.connection = connection_, .sent_ns = now_ns()});
      client().Send({"APPEND", key_, text}, tokens_.size() - 1);
    }
  }
  void FinalAct() override {
    if (!std::exchange(final_read_, true)) Read();
  }
  void Read() { client().Send({"GET", key_}, kRead | tokens_.size()); }

  void Answered(uint64_t tag, const Reply& reply) override {
    const Outcome outcome = Judge(world(), reply);
    if (!(tag & kRead)) {
      if (tag >= tokens_.size()) return;  // of an earlier key
      tokens_[tag].known = outcome == Outcome::kReply;
      tokens_[tag].known_ns = now_ns();
      tokens_[tag].refused = outcome == Outcome::kNo;
      return;
    }
    if (outcome == Outcome::kReply) Look(reply.text, tag & ~kRead);
  }
  void Lost(uint64_t) override { connection_ = next_connection_++; }

  // `sent`: how many tokens had been sent when the read was.
  void Look(const std::string& text, size_t sent) {
    std::vector<bool> found(tokens_.size());
    std::map<uint64_t, size_t> last;  // by connection: the highest token + 1
    size_t at = 0;
    while (at < text.size()) {
      const size_t comma = text.find(',', at);
      const auto token = ParseInt64(std::string_view(text).substr(at, comma - at));
      at = comma + 1;
      if (!token || static_cast<size_t>(*token) >= tokens_.size())
        return Wrong("a strange token", text);
      const size_t t = static_cast<size_t>(*token);
      if (found[t]) return Wrong("applied twice: " + std::to_string(t), text);
      found[t] = true;
      if (t >= sent) return Wrong("from the future: " + std::to_string(t), text);
      if (tokens_[t].refused) return Wrong("refused, but there: " + std::to_string(t), text);
      if (last[tokens_[t].connection] > t) return Wrong("out of order: " + std::to_string(t), text);
      last[tokens_[t].connection] = t + 1;
    }
    for (size_t t = 0; t < sent; ++t) {
      if (!tokens_[t].known || found[t]) continue;
      if (!MayBeLost(world().losses, tokens_[t].sent_ns, tokens_[t].known_ns)) {
        return Wrong("lost: " + std::to_string(t), text);
      }
      if (IsHole(t, found)) return Wrong("forgotten before later ones: " + std::to_string(t), text);
      world().report->Count("tokens forgotten");
    }
  }
  // It is gone, though one that was sent after its acknowledgement outlived the same crash.
  bool IsHole(size_t lost, const std::vector<bool>& found) {
    const Token& gone = tokens_[lost];
    for (const Loss& loss : world().losses) {
      if (!MayBeLost({loss}, gone.sent_ns, gone.known_ns)) continue;
      for (size_t t = lost + 1; t < found.size(); ++t) {
        const int64_t sent_ns = tokens_[t].sent_ns;
        if (found[t] && gone.known_ns < sent_ns && sent_ns <= loss.crash_ns) return true;
      }
      return false;
    }
    return false;
  }
  void Wrong(const std::string& what, const std::string& text) {
    world().report->Fail("per-connection order", key_ + ": " + what + " in " + text);
  }

  std::string key_;
  uint64_t next_key_ = 0;
  std::vector<Token> tokens_;
  uint64_t connection_ = 0;
  uint64_t next_connection_ = 1;
  bool final_read_ = false;
};

}  // namespace

std::unique_ptr<Workload> MakeBank(const WorkloadSetup& setup, int actors) {
  auto bank = std::make_unique<Bank>(setup.world);
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<BankActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                          bank.get()));
  }
  return bank;
}

std::unique_ptr<Workload> MakePipelines(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i) {
    setup.add(
        std::make_unique<PipelineActor>(setup.world, setup.first_actor_id + i, ClientOptions{}));
  }
  return std::make_unique<Pipelines>(setup.world);
}

}  // namespace clustron::sim

// Strings: registers that several clients read and write, keys with times to live, groups of keys
// that change together (MULTI, WATCH, TXN), counters whose increments are repeated under ONCE.
#include <algorithm>
#include <map>
#include <utility>

#include "tests/sim/sim_clock.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Model = test::StringsModel;
using test::Answer;

// Keys whose history is judged together.
struct Group {
  std::vector<std::string> keys;
  Record<Model::Op> ops;
};

struct Strings final : Workload {
  World* world;
  StringsOptions options;
  std::vector<std::unique_ptr<Group>> groups;
  std::vector<size_t> active;
  size_t next_final = 0;

  Strings(World* w, const StringsOptions& o) : world(w), options(o) {
    for (int i = 0; i < options.active; ++i) {
      active.push_back(0);
      Replace(active.size() - 1);
    }
  }
  const char* name() const override {
    return options.groups     ? "groups"
           : options.mortal   ? "mortal strings"
           : options.counters ? "counters"
                              : "strings";
  }
  void Replace(size_t place) {
    auto group = std::make_unique<Group>();
    const std::string base =
        std::string(1, name()[0]) + std::to_string(groups.size()) + ":" + std::to_string(place);
    const int keys = options.groups ? 3 : 1;
    for (int i = 0; i < keys; ++i) group->keys.push_back(base + static_cast<char>('a' + i));
    active[place] = groups.size();
    groups.push_back(std::move(group));
  }
  // A key in use; taken out of use once it has seen much.
  size_t Pick(Rng& rng) {
    const size_t place = rng.Below(active.size());
    if (groups[active[place]]->ops.size() >= options.rotate_after) Replace(place);
    return active[place];
  }
  size_t Begin(size_t group, Model::Op op) {
    return groups[group]->ops.Begin(std::move(op), world->loop->now_ns());
  }

  void Check(Report* report) override {
    for (size_t g = 0; g < groups.size() && !report->failed(); ++g) {
      const Group& group = *groups[g];
      CheckHistory<Model>(*world, report, std::string(name()) + " " + group.keys[0],
                          group.ops.Kept());
    }
  }
};

bool IsRead(const Model::Op& op) {
  for (const Model::Command& c : op.commands) {
    if (c.kind != Model::Kind::kGet && c.kind != Model::Kind::kExists) return false;
  }
  return true;
}

// Plain commands on single keys, one or several in a row.
class StringsActor final : public Actor {
 public:
  StringsActor(World* w, int id, const ClientOptions& client, Strings* strings)
      : Actor(w, id, client), strings_(*strings) {}

 private:
  void Act() override {
    const bool burst = rng().Percent(world().burst_percent);
    const int64_t count = burst ? rng().Between(2, 8) : 1;
    for (int64_t i = 0; i < count; ++i) {
      const size_t group = strings_.Pick(rng());
      if (strings_.options.mortal) {
        SendMortal(group);
      } else {
        SendPlain(group);
      }
    }
  }
  void FinalAct() override {
    if (strings_.next_final >= strings_.groups.size()) return;
    SendGet(strings_.next_final++);
  }

  void Issue(size_t group, Model::Command command, std::initializer_list<std::string_view> args) {
    Model::Op op;
    op.commands.push_back(std::move(command));
    client().Send(args,
                  (static_cast<uint64_t>(group) << 32) | strings_.Begin(group, std::move(op)));
  }
  const std::string& Key(size_t group) { return strings_.groups[group]->keys[0]; }
  void SendGet(size_t group) { Issue(group, {.kind = Model::Kind::kGet}, {"GET", Key(group)}); }

  void SendPlain(size_t group) {
    const std::string value = world().UniqueValue();
    switch (rng().Below(10)) {
      case 0:
      case 1:
      case 2:
        Issue(group, {.kind = Model::Kind::kSet, .text = value}, {"SET", Key(group), value});
        return;
      case 3:
        Issue(group, {.kind = Model::Kind::kSetNx, .text = value},
              {"SET", Key(group), value, "NX"});
        return;
      case 4:
        Issue(group, {.kind = Model::Kind::kGetSet, .text = value}, {"GETSET", Key(group), value});
        return;
      case 5:
        Issue(group, {.kind = Model::Kind::kDelete}, {"DEL", Key(group)});
        return;
      case 6:
        Issue(group, {.kind = Model::Kind::kAppend, .text = "+" + value},
              {"APPEND", Key(group), "+" + value});
        return;
      default:
        SendGet(group);
    }
  }

  void SendMortal(size_t group) {
    const std::string value = world().UniqueValue();
    const int64_t ttl_ms = rng().Percent(70) ? rng().Between(50, 800) : rng().Between(800, 6000);
    const std::string ttl = std::to_string(ttl_ms);
    const int64_t from = test::EarliestEnd(now_ns(), ttl_ms, world().drift);
    switch (rng().Below(12)) {
      case 0:
      case 1:
      case 2:
        Issue(group, {.kind = Model::Kind::kSetExpire, .text = value, .expire_from = from},
              {"SET", Key(group), value, "PX", ttl});
        return;
      case 3:
        Issue(group, {.kind = Model::Kind::kExpire, .expire_from = from},
              {"PEXPIRE", Key(group), ttl});
        return;
      case 4: {
        // Bound to the wall clock: where most may be wrong, it may end at any time.
        const int64_t at_ms = SimClock::kEpochMs + now_ns() / kMillisecond + ttl_ms;
        const int64_t slack_ns = world().absolute_slack_ns;
        const int64_t earliest_ns =
            slack_ns < 0 ? now_ns()
                         : std::max(now_ns(), now_ns() + ttl_ms * kMillisecond - slack_ns);
        Issue(group, {.kind = Model::Kind::kExpire, .expire_from = earliest_ns},
              {"PEXPIREAT", Key(group), std::to_string(at_ms)});
        return;
      }
      case 5:
        Issue(group, {.kind = Model::Kind::kPersist}, {"PERSIST", Key(group)});
        return;
      case 6:
        Issue(group, {.kind = Model::Kind::kSetNx, .text = value},
              {"SET", Key(group), value, "NX"});
        return;
      case 7:
        Issue(group, {.kind = Model::Kind::kDelete}, {"DEL", Key(group)});
        return;
      case 8:
        Issue(group, {.kind = Model::Kind::kExists}, {"EXISTS", Key(group)});
        return;
      default:
        SendGet(group);
    }
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    Group& group = *strings_.groups[tag >> 32];
    const size_t index = tag & 0xffffffff;
    Model::Op& op = group.ops[index];
    switch (Judge(world(), reply)) {
      case Outcome::kReply:
        op.return_ns = now_ns();
        op.commands[0].answer = reply.ToAnswer();
        return;
      case Outcome::kNo:
        group.ops.Drop(index);
        return;
      case Outcome::kUnknown:
        Lost(tag);
    }
  }
  void Lost(uint64_t tag) override {
    Group& group = *strings_.groups[tag >> 32];
    const size_t index = tag & 0xffffffff;
    if (IsRead(group.ops[index])) group.ops.Drop(index);
  }

  Strings& strings_;
};

// Several keys at once.
class GroupActor final : public Actor {
 public:
  GroupActor(World* w, int id, const ClientOptions& client, Strings* strings)
      : Actor(w, id, client), strings_(*strings) {}

 private:
  // Which answer it is; the rest of the tag is group and operation of the one at hand.
  enum Tag : uint64_t { kIgnored = 1, kWatched = 2, kDone = 3 };

  void Act() override {
    group_ = strings_.Pick(rng());
    seen_.clear();
    has_op_ = false;
    switch (rng().Below(4)) {
      case 0:
        ReadAll();
        return;
      case 1:
        WriteSome();
        return;
      case 2:
        watching_ = true;
        client().Send({"WATCH", Key(0), Key(1)}, kIgnored);
        client().Send({"GET", Key(0)}, kWatched);
        client().Send({"GET", Key(1)}, kWatched);
        return;
      default:
        txn_ = true;
        client().Send({"GET", Key(0)}, kWatched);
    }
  }
  void FinalAct() override {
    watching_ = txn_ = false;
    if (strings_.next_final >= strings_.groups.size()) return;
    group_ = strings_.next_final++;
    ReadAll();
  }
  const std::string& Key(size_t i) { return strings_.groups[group_]->keys[i]; }

  void ReadAll() {
    Model::Op op;
    for (uint32_t i = 0; i < 3; ++i) op.commands.push_back({.kind = Model::Kind::kGet, .key = i});
    client().Send({"MULTI"}, kIgnored);
    for (size_t i = 0; i < 3; ++i) client().Send({"GET", Key(i)}, kIgnored);
    Exec(std::move(op));
  }
  void WriteSome() {
    Model::Op op;
    client().Send({"MULTI"}, kIgnored);
    for (uint32_t i = 0; i < 3; ++i) {
      if (rng().Percent(40)) continue;
      const std::string value = world().UniqueValue();
      op.commands.push_back({.kind = Model::Kind::kGetSet, .key = i, .text = value});
      client().Send({"GETSET", Key(i), value}, kIgnored);
    }
    Exec(std::move(op));
  }
  void Exec(Model::Op op) {
    op.may_fail_spuriously = true;  // also by a WATCH that was left over
    op_ = strings_.Begin(group_, std::move(op));
    has_op_ = true;
    client().Send({"EXEC"}, kDone);
  }

  void Settled() override {
    if (std::exchange(watching_, false) && seen_.size() == 2) WatchedWrite();
    if (std::exchange(txn_, false) && seen_.size() == 1) OneShot();
  }
  void AddConditions(Model::Op* op) {
    for (uint32_t i = 0; i < seen_.size(); ++i) {
      op->conditions.push_back(
          {.key = i, .present = seen_[i].kind == Answer::Kind::kText, .value = seen_[i].text});
    }
  }
  void WatchedWrite() {
    Model::Op op;
    AddConditions(&op);
    client().Send({"MULTI"}, kIgnored);
    for (uint32_t i = 0; i < 2; ++i) {
      const std::string value = world().UniqueValue();
      op.commands.push_back({.kind = Model::Kind::kSet, .key = i, .text = value});
      client().Send({"SET", Key(i), value}, kIgnored);
    }
    Exec(std::move(op));
  }
  void OneShot() {
    Model::Op op;
    AddConditions(&op);
    const std::string first = world().UniqueValue();
    const std::string second = world().UniqueValue();
    op.commands.push_back({.kind = Model::Kind::kSet, .key = 0, .text = first});
    op.commands.push_back({.kind = Model::Kind::kSet, .key = 2, .text = second});
    const bool spoiled = rng().Percent(20);  // the last command fails, so nothing may happen
    op_ = strings_.Begin(group_, std::move(op));
    has_op_ = true;
    std::vector<std::string_view> args = {"TXN", "IF", "1"};
    if (seen_[0].kind == Answer::Kind::kText) {
      args.insert(args.end(), {"VALUE", Key(0), "=", seen_[0].text});
    } else {
      args.insert(args.end(), {"ABSENT", Key(0)});
    }
    args.insert(args.end(), {"THEN", spoiled ? "3" : "2", "3", "SET", Key(0), first, "3", "SET",
                             Key(2), second});
    if (spoiled) args.insert(args.end(), {"2", "INCR", Key(0)});
    client().Send(args, kDone);
    spoiled_ = spoiled;
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kWatched) {
      if (Judge(world(), reply) == Outcome::kReply) seen_.push_back(reply.ToAnswer());
      return;
    }
    if (tag == kIgnored) {
      if (Judge(world(), reply) != Outcome::kReply) watching_ = false;  // WATCH itself failed
      return;
    }
    Record<Model::Op>& ops = strings_.groups[group_]->ops;
    Model::Op& op = ops[op_];
    has_op_ = false;
    if (std::exchange(spoiled_, false) && reply.IsError("ERR command 3 (INCR")) {
      world().report->Count("transactions undone");
      ops.Drop(op_);  // all or nothing: nothing
      return;
    }
    if (reply.IsError("EXECABORT")) {
      ops.Drop(op_);
      return;
    }
    switch (Judge(world(), reply)) {
      case Outcome::kNo:
        ops.Drop(op_);
        return;
      case Outcome::kUnknown:
        if (IsRead(op)) ops.Drop(op_);
        return;
      case Outcome::kReply:
        break;
    }
    op.return_ns = now_ns();
    if (reply.IsNil()) {  // EXEC with a broken WATCH
      op.conditions_held = false;
      return;
    }
    const std::vector<Reply>* answers = &reply.elements;
    if (!op.may_fail_spuriously) {  // TXN: [branch, revision, [reply …]]
      if (!reply.IsArray(3)) {
        world().report->Fail("replies", "TXN answered " + reply.ToString());
        return;
      }
      if (reply.elements[0].integer == 0) {
        op.conditions_held = false;
        return;
      }
      answers = &reply.elements[2].elements;
    }
    if (!answers->empty() && answers->front().IsError("MISCONF")) {
      ops.Drop(op_);  // each of the writes is refused, so that none happens
      return;
    }
    if (answers->size() != op.commands.size()) {
      world().report->Fail("replies", "a transaction answered " + reply.ToString());
      return;
    }
    for (size_t i = 0; i < answers->size(); ++i) {
      op.commands[i].answer = (*answers)[i].ToAnswer();
    }
  }
  void Lost(uint64_t tag) override {
    watching_ = txn_ = spoiled_ = false;
    if (tag != kDone || !has_op_) return;
    has_op_ = false;
    if (IsRead(strings_.groups[group_]->ops[op_])) strings_.groups[group_]->ops.Drop(op_);
  }

  Strings& strings_;
  size_t group_ = 0;
  size_t op_ = 0;
  bool has_op_ = false;
  bool watching_ = false;
  bool txn_ = false;
  bool spoiled_ = false;
  std::vector<Answer> seen_;
};

// Increments, some of them repeated under the same ONCE id until the answer is known.
class CounterActor final : public Actor {
 public:
  CounterActor(World* w, int id, const ClientOptions& client, Strings* strings)
      : Actor(w, id, client), strings_(*strings) {}

 private:
  void Act() override {
    if (!once_id_.empty()) {
      SendOnce();
      return;
    }
    group_ = strings_.Pick(rng());
    const std::string& key = strings_.groups[group_]->keys[0];
    Model::Op op;
    if (rng().Percent(25)) {
      op.commands.push_back({.kind = Model::Kind::kGet});
      op_ = strings_.Begin(group_, std::move(op));
      client().Send({"GET", key}, 0);
      return;
    }
    op.commands.push_back({.kind = Model::Kind::kIncrBy, .number = 1});
    op_ = strings_.Begin(group_, std::move(op));
    if (rng().Percent(50)) {
      once_id_ = "once-" + std::to_string(client().id()) + "-" + std::to_string(++attempts_);
      SendOnce();
    } else {
      client().Send({"INCR", key}, 0);
    }
  }
  void SendOnce() {
    // As long as it goes: a wall clock that jumps while a node alone is down takes from it.
    client().Send({"ONCE", once_id_, "86400000", "INCR", strings_.groups[group_]->keys[0]}, 0);
  }
  void FinalAct() override {
    if (!once_id_.empty()) {
      SendOnce();
      return;
    }
    if (strings_.next_final >= strings_.groups.size()) return;
    group_ = strings_.next_final++;
    Model::Op op;
    op.commands.push_back({.kind = Model::Kind::kGet});
    op_ = strings_.Begin(group_, std::move(op));
    client().Send({"GET", strings_.groups[group_]->keys[0]}, 0);
  }
  void Answered(uint64_t, const Reply& reply) override {
    Model::Op& op = strings_.groups[group_]->ops[op_];
    switch (Judge(world(), reply)) {
      case Outcome::kReply:
        op.return_ns = now_ns();
        op.commands[0].answer = reply.ToAnswer();
        once_id_.clear();
        return;
      case Outcome::kNo:
        // Under ONCE an earlier try may have happened.
        if (once_id_.empty()) strings_.groups[group_]->ops.Drop(op_);
        return;
      case Outcome::kUnknown:
        Lost(0);
    }
  }
  void Lost(uint64_t) override {
    if (!once_id_.empty()) world().report->Count("ONCE repeated");
    if (IsRead(strings_.groups[group_]->ops[op_])) strings_.groups[group_]->ops.Drop(op_);
  }

  Strings& strings_;
  size_t group_ = 0;
  size_t op_ = 0;
  uint64_t attempts_ = 0;
  std::string once_id_;
};

}  // namespace

std::unique_ptr<Workload> MakeStrings(const WorkloadSetup& setup, const StringsOptions& options) {
  auto strings = std::make_unique<Strings>(setup.world, options);
  for (int i = 0; i < options.actors; ++i) {
    const int id = setup.first_actor_id + i;
    if (options.groups) {
      setup.add(std::make_unique<GroupActor>(setup.world, id, ClientOptions{}, strings.get()));
    } else if (options.counters) {
      setup.add(std::make_unique<CounterActor>(setup.world, id, ClientOptions{}, strings.get()));
    } else {
      setup.add(std::make_unique<StringsActor>(setup.world, id, ClientOptions{}, strings.get()));
    }
  }
  return strings;
}

}  // namespace clustron::sim

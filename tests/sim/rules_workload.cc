// Rules that one client can check by itself: short conversations on keys of their own, each of
// whose answers is known beforehand, whatever happens to the cluster meanwhile. If an answer does
// not come (no leader, a lost connection) the conversation ends there. They look where histories of
// single keys do not: guards over several keys and databases, WATCH of what comes and goes, ONCE
// near the end of its time, locks that end with a lease, RESP3, settings, values bigger than a
// batch.
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

struct Rules final : Workload {
  const char* name() const override { return "rules"; }
  void Check(Report*) override {}
};

using Words = std::vector<std::string>;

class RulesActor final : public Actor {
 public:
  RulesActor(World* w, int id) : Actor(w, id, {}) {}

 private:
  using Expectation = std::function<bool(const Reply&)>;
  struct Step {
    std::function<Words()> words;  // made when its turn comes: it may need earlier answers
    Expectation expected;
  };

  // --- What is expected

  static bool Ok(const Reply& reply) { return reply.IsOk(); }
  static bool Nil(const Reply& reply) { return reply.IsNil(); }
  static bool Queued(const Reply& reply) { return reply.text == "QUEUED"; }
  static bool Any(const Reply&) { return true; }
  static Expectation Integer(int64_t value) {
    return [value](const Reply& reply) { return reply.IsInteger() && reply.integer == value; };
  }
  static Expectation Text(std::string value) {
    return [value = std::move(value)](const Reply& reply) {
      return reply.IsBulk() && reply.text == value;
    };
  }
  static Expectation Code(std::string code) {
    return [code = std::move(code)](const Reply& reply) { return reply.IsError(code); };
  }
  // [1, token, ttl]: keeps the token.
  Expectation Granted() {
    return [this](const Reply& reply) {
      if (!reply.IsArray(3) || reply.elements[0].integer != 1) return false;
      older_token_ = std::exchange(token_, std::to_string(reply.elements[1].integer));
      return true;
    };
  }

  void Say(Words words, Expectation expected) {
    steps_.push_back({[words = std::move(words)] { return words; }, std::move(expected)});
  }
  void SayLater(std::function<Words()> words, Expectation expected) {
    steps_.push_back({std::move(words), std::move(expected)});
  }

  // --- Conversations

  void Act() override {
    steps_.clear();
    next_ = 0;
    base_ = "rule:" + std::to_string(client().id()) + ":" + std::to_string(conversations_++);
    token_ = older_token_ = "0";
    switch (rng().Below(8)) {
      case 0:
        Begin("rules: guards of several keys", &RulesActor::GuardedKeys);
        break;
      case 1:
        Begin("rules: guards of other databases", &RulesActor::GuardedDatabases);
        break;
      case 2:
        Begin("rules: tokens of older grants", &RulesActor::OlderTokens);
        break;
      case 3:
        Begin("rules: watched keys that come and go", &RulesActor::Watched);
        break;
      case 4:
        Begin("rules: locks of a lease", &RulesActor::LockOfLease);
        break;
      case 5:
        Begin("rules: RESP3", &RulesActor::Resp3);
        break;
      case 6:
        Begin("rules: settings", &RulesActor::Settings);
        break;
      default:
        Begin("rules: big values", &RulesActor::BigValue);
    }
    Next();
  }
  void FinalAct() override {}

  void Begin(const char* what, void (RulesActor::*make)()) {
    what_ = what;
    (this->*make)();
  }
  std::string Key(char c) const { return base_ + c; }
  // Held until the run's end, so that it never ends by itself.
  void Acquire(const std::string& name, const std::string& owner) {
    Say({"LOCK", "ACQUIRE", name, "600000", "OWNER", owner}, Granted());
  }
  void Release(const std::string& name) {
    SayLater([this, name] { return Words{"LOCK", "RELEASE", name, token_}; }, Integer(1));
  }

  void GuardedKeys() {
    const std::string free = Key('a');
    const std::string held = Key('b');
    Say({"SET", free, "1"}, Ok);
    Acquire(held, base_);
    // The guarded key is never the first that is written.
    Say({"MSET", free, "2", held, "2"}, Code("LOCKED"));
    Say({"DEL", free, held}, Code("LOCKED"));
    Say({"RENAME", free, held}, Code("LOCKED"));
    Say({"COPY", free, held, "REPLACE"}, Code("LOCKED"));
    Say({"MULTI"}, Ok);
    Say({"SET", free, "3"}, Queued);
    Say({"SET", held, "3"}, Queued);
    Say({"EXEC"}, Code("LOCKED"));
    Say({"TXN", "THEN", "2", "3", "SET", free, "4", "3", "SET", held, "4"}, Code("LOCKED"));
    Say({"ONCE", base_, "600000", "MSET", free, "5", held, "5"}, Code("LOCKED"));
    Say({"GET", free}, Text("1"));
    Say({"GET", held}, Nil);
    SayLater([=, this] { return Words{"LOCK", "DO", held, token_, "MSET", free, "6", held, "6"}; },
             Ok);
    Release(held);
    Say({"MSET", free, "7", held, "7"}, Ok);
    Say({"GET", held}, Text("7"));
  }

  // Every actor has two databases of its own, away from those that others work in.
  std::string Database(int i) { return std::to_string(2 + 2 * (client().id() % 5) + i); }

  void GuardedDatabases() {
    const std::string key = Key('a');
    const std::string here = Database(0);
    const std::string there = Database(1);
    Say({"SELECT", there}, Ok);
    Acquire(key, base_);
    Say({"SET", key, "1"}, Code("LOCKED"));
    Say({"SELECT", here}, Ok);
    Say({"SET", key, "2"}, Ok);
    Say({"MOVE", key, there}, Code("LOCKED"));
    Say({"COPY", key, key, "DB", there}, Code("LOCKED"));
    Say({"SWAPDB", here, there}, Code("LOCKED"));
    // A token is for names of its own database.
    SayLater([=, this] { return Words{"LOCK", "DO", key, token_, "MOVE", key, there}; },
             Code("FENCED"));
    Say({"GET", key}, Text("2"));
    Say({"SELECT", there}, Ok);
    Say({"GET", key}, Nil);
    Release(key);
    Say({"SELECT", "0"}, Ok);
  }

  void OlderTokens() {
    const std::string key = Key('a');
    const std::string other = Key('b');
    Acquire(key, base_ + "1");
    Release(key);
    Acquire(key, base_ + "2");
    SayLater([=, this] { return Words{"LOCK", "DO", key, older_token_, "SET", key, "1"}; },
             Code("FENCED"));
    SayLater(
        [=, this] {
          return Words{"TXN", "IF", "1",   "LOCK", key, older_token_, "THEN", "1",   "3",
                       "SET", key,  "old", "ELSE", "1", "3",          "SET",  other, "else"};
        },
        [](const Reply& reply) { return reply.IsArray(3) && reply.elements[0].integer == 0; });
    SayLater([=, this] { return Words{"LOCK", "CHECK", key, older_token_}; }, Integer(0));
    SayLater([=, this] { return Words{"LOCK", "RELEASE", key, older_token_}; }, Integer(0));
    Say({"GET", key}, Nil);
    SayLater([=, this] { return Words{"LOCK", "DO", key, token_, "SET", key, "2"}; }, Ok);
    Release(key);
  }

  void Watched() {
    const std::string key = Key('a');
    const std::string other = Key('b');
    const bool absent = rng().Percent(50);
    if (!absent) Say({"SET", key, "1"}, Ok);
    // The second of the watched keys is the one that changes.
    Say({"WATCH", other, key}, Ok);
    if (absent) {  // there and gone again: its value tells nothing
      Say({"SET", key, "1"}, Ok);
      Say({"DEL", key}, Integer(1));
    } else if (rng().Percent(50)) {
      Say({"PEXPIRE", key, "600000"}, Integer(1));
    } else {
      Say({"DEL", key}, Integer(1));
    }
    Say({"MULTI"}, Ok);
    Say({"SET", other, "1"}, Queued);
    Say({"EXEC"}, Nil);
    Say({"GET", other}, Nil);
    Say({"WATCH", key}, Ok);
    Say({"MULTI"}, Ok);
    Say({"SET", other, "2"}, Queued);
    Say({"EXEC"}, [](const Reply& reply) { return reply.IsArray(1) && reply.elements[0].IsOk(); });
  }

  void LockOfLease() {
    const std::string key = Key('a');
    const std::string lease = base_ + ":lease";
    Say({"LEASE", "GRANT", "600000", "ID", lease},
        [](const Reply& reply) { return reply.IsArray(3); });
    Say({"LOCK", "ACQUIRE", key, "600000", "OWNER", base_, "LEASE", lease}, Granted());
    Say({"SET", key, "1"}, Code("LOCKED"));
    SayLater(
        [=, this] {
          return Words{"LOCK", "DO", key, token_, "LEASE", "DO", lease, "SET", key, "2"};
        },
        Ok);
    if (rng().Percent(50)) Say({"LEASE", "KEEPALIVE", lease}, Any);
    Say({"LEASE", "REVOKE", lease}, [](const Reply& reply) {
      return reply.IsArray(3) && reply.elements[0].integer == 1 && reply.elements[1].integer == 1;
    });
    SayLater([=, this] { return Words{"LOCK", "CHECK", key, token_}; }, Integer(0));
    Say({"GET", key}, Nil);
    Say({"SET", key, "3"}, Ok);
  }

  void Resp3() {
    const std::string key = Key('h');
    Say({"HELLO", "3"}, Any);
    Say({"HSET", key, "f", "1", "g", "2"}, Integer(2));
    Say({"HGETALL", key}, [](const Reply& reply) { return reply.elements.size() == 4; });
    Say({"ONCE", base_, "600000", "HGETALL", key},
        [](const Reply& reply) { return reply.elements.size() == 4; });
    Say({"GET", Key('x')}, Nil);
    Say({"HELLO", "2"}, Any);
    Say({"ONCE", base_, "600000", "HGETALL", key},
        [](const Reply& reply) { return reply.IsArray(4); });
  }

  // A setting of the whole cluster, changed by an entry. Each actor has its own.
  void Settings() {
    static constexpr const char* kNames[] = {"hash-max-listpack-entries",
                                             "hash-max-listpack-value"};
    const std::string name = kNames[client().id() % 2];
    const std::string value = std::to_string(rng().Between(30, 600));
    // One that nobody answered may still come.
    unanswered_.insert(value);
    Say({"CONFIG", "SET", name, value}, [this, value](const Reply& reply) {
      if (!reply.IsError("UNCERTAIN")) unanswered_.erase(value);
      return Ok(reply);
    });
    Say({"CONFIG", "GET", name}, [this, value](const Reply& reply) {
      return reply.IsArray(2) &&
             (reply.elements[1].text == value || unanswered_.contains(reply.elements[1].text));
    });
  }

  void BigValue() {
    const bool big = world().loop->now_ns() % 4 == 0;
    const auto size = static_cast<size_t>(
        big ? rng().Between(world().value_bytes_max / 2, world().value_bytes_max) : 3'000);
    const std::string value(size, static_cast<char>('a' + rng().Below(26)));
    const std::string key = Key('v');
    Say({"SET", key, value}, Ok);
    Say({"APPEND", key, "end"}, Integer(static_cast<int64_t>(size) + 3));
    Say({"GETRANGE", key, "-4", "-1"}, Text(value.substr(size - 1) + "end"));
    Say({"STRLEN", key}, Integer(static_cast<int64_t>(size) + 3));
    Say({"DEL", key}, Integer(1));
  }

  // --- Going on

  void Next() {
    if (next_ == steps_.size()) {
      if (next_ > 0) world().report->Count(what_);
      steps_.clear();
      return;
    }
    const Words words = steps_[next_].words();
    const std::vector<std::string_view> views(words.begin(), words.end());
    client().Send(views, next_);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (steps_.empty() || tag != next_) return;
    const bool as_expected = steps_[next_].expected(reply);
    if (!as_expected) {
      // An answer that explains why there is none ends the conversation; anything else is wrong.
      if (Judge(world(), reply, "LOCKED") != Outcome::kReply) {
        GiveUp();
        return;
      }
      const Words words = steps_[next_].words();
      std::string text;
      for (const std::string& word : words) text += " " + word.substr(0, 40);
      world().report->Fail("rules", std::string(what_) + ":" + text + " answered " +
                                        reply.ToString().substr(0, 100));
      return;
    }
    if (!reply.IsError()) ++world().replies;
    ++next_;
  }
  void Settled() override {
    if (!steps_.empty()) Next();
  }
  void Lost(uint64_t) override { steps_.clear(); }
  // The connection may be in any state (MULTI, another database, RESP3): a new one is not.
  void GiveUp() {
    steps_.clear();
    hang_up_ = true;
    world().loop->After(0, [this] {
      if (std::exchange(hang_up_, false)) client().HangUp();
    });
  }

  const char* what_ = "";
  std::set<std::string> unanswered_;  // values of settings
  std::string base_;
  std::string token_;
  std::string older_token_;
  std::vector<Step> steps_;
  size_t next_ = 0;
  uint64_t conversations_ = 0;
  bool hang_up_ = false;
};

// Increments under ONCE, repeated when most of the time for which the reply is kept has passed.
class OnceActor final : public Actor {
 public:
  OnceActor(World* w, int id) : Actor(w, id, {}) {}

 private:
  void Act() override {
    if (answered_ && now_ns() < again_ns_) return;  // not yet
    if (id_.empty()) {
      keep_ms_ = rng().Between(1'000, 8'000);
      id_ = "late-" + std::to_string(client().id()) + "-" + std::to_string(next_++);
      first_ns_ = now_ns();
      // By the cluster's clock no more time passes than by the fastest of the nodes'.
      again_ns_ = first_ns_ + keep_ms_ * rng().Between(600, 950) * (kMillisecond / 1000);
      answered_ = false;
    }
    client().Send({"ONCE", id_, std::to_string(keep_ms_), "INCR", id_}, 0);
  }
  void FinalAct() override {}
  void Answered(uint64_t, const Reply& reply) override {
    if (Judge(world(), reply) != Outcome::kReply) return;  // asked again
    const auto kept_ns =
        static_cast<int64_t>(static_cast<double>(keep_ms_ * kMillisecond) / (1.0 + world().drift));
    const bool within = now_ns() - first_ns_ < kept_ns - 2 * kMillisecond;
    if (within && reply.integer != 1) {
      world().report->Fail(
          "ONCE", id_ + " ran again " + std::to_string((now_ns() - first_ns_) / kMillisecond) +
                      " ms after it was first asked for, of " + std::to_string(keep_ms_) + " ms");
      return;
    }
    if (!answered_) {
      answered_ = true;
      if (!within) id_.clear();  // took too long: nothing can be said of it
      return;
    }
    if (within) world().report->Count("ONCE repeated near its end");
    id_.clear();
    answered_ = false;
  }
  void Lost(uint64_t) override {}

  std::string id_;
  uint64_t next_ = 0;
  int64_t keep_ms_ = 0;
  int64_t first_ns_ = 0;
  int64_t again_ns_ = 0;
  bool answered_ = false;
};

}  // namespace

std::unique_ptr<Workload> MakeRules(const WorkloadSetup& setup, int actors, bool once) {
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<RulesActor>(setup.world, setup.first_actor_id + i));
  }
  if (once) setup.add(std::make_unique<OnceActor>(setup.world, setup.first_actor_id + actors));
  return std::make_unique<Rules>();
}

}  // namespace clustron::sim

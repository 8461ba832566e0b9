// Clients that wait for elements of queues (BLPOP ...), at all nodes, leave while they wait, or are
// called back (CLIENT UNBLOCK); and others that push, in every way in which a key comes to have
// elements. (The workload "waits" is about the command WAIT.)
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/waiting_ledger.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Words = std::vector<std::string>;

// Databases that nobody else uses, and that are swapped.
constexpr int kSwapped = 14;
constexpr int kOther = 15;
constexpr size_t kLongQueue = 12;
// Nothing is pushed for some time of each period: then many wait, and wait long.
constexpr int64_t kPeriodNs = 9 * kSecond;
constexpr int64_t kQuietNs = 4 * kSecond;

struct Queue {
  int db;
  std::string key;
};

struct Waiting final : Workload {
  // A client that waits now and then, by the number that its node knows it by.
  struct Known {
    const Client* client;
    uint64_t connection;
    int64_t id;
  };
  WaitingLedger ledger;
  const Queue queues[3] = {{0, "waited:a"}, {0, "waited:b"}, {kSwapped, "waited:swapped"}};
  const Queue moved = {0, "waited:moved"};
  std::map<std::string, int64_t> lengths;  // as last told
  std::map<int, Known> known;              // by actor
  bool refused = false;                    // not every member knows lists yet

  explicit Waiting(World* world) : ledger(world) {
    for (const Queue& queue : queues) ledger.AddList(queue.db, queue.key);
    ledger.AddList(moved.db, moved.key);
    ledger.AddList(kOther, queues[2].key);
  }
  const char* name() const override { return "waiting"; }
  void Check(Report*) override {}
  void CheckCalls(const CallsThatWait& log, const store::Store& state) override {
    ledger.Check(log, state);
  }
};

// One that says what it says with what is to be done about the answer.
class TalkingActor : public Actor {
 public:
  TalkingActor(World* world, int id, Waiting* waiting)
      : Actor(world, id, {}), waiting_(*waiting), ledger_(waiting->ledger) {}

 protected:
  using Heard = std::function<void(const Reply*)>;  // null: lost

  void Say(const Words& words, Heard heard) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    heard_[++last_tag_] = std::move(heard);
    client().Send(args, last_tag_);
  }
  void SayAside(const Words& words) {
    Say(words, [this](const Reply* reply) {
      if (reply != nullptr && reply->IsError() && !RefusedForCertain(*reply))
        Judge(world(), *reply);
    });
  }
  void InDb(int db) {
    if (std::exchange(connection_, client().connection()) != client().connection()) db_ = 0;
    if (std::exchange(db_, db) != db) SayAside({"SELECT", std::to_string(db)});
  }
  bool fresh() { return connection_ != client().connection(); }

  Waiting& waiting_;
  WaitingLedger& ledger_;

 private:
  void Answered(uint64_t tag, const Reply& reply) final { heard_.extract(tag).mapped()(&reply); }
  void Lost(uint64_t tag) final { heard_.extract(tag).mapped()(nullptr); }

  std::map<uint64_t, Heard> heard_;
  uint64_t last_tag_ = 0;
  uint64_t connection_ = 0;
  int db_ = 0;
};

// --- Who waits -----------------------------------------------------------------------------------

class WaitingActor final : public TalkingActor {
 public:
  using TalkingActor::TalkingActor;

 private:
  using Call = WaitingLedger::Call;

  void Act() override {
    if (fresh()) Introduce();
    // The cluster serves this client, if not with this.
    if (std::exchange(refused_, false)) return SayAside({"EXISTS", waiting_.moved.key});
    const bool moved = rng().Percent(20);
    const Queue& queue = moved ? waiting_.moved : waiting_.queues[rng().Below(3)];
    const std::string timeout = NewTimeout();
    Call call{.db = queue.db, .keys = {queue.key}, .elements = {}};
    const std::string end = rng().Percent(50) ? "LEFT" : "RIGHT";
    Words words;
    switch (rng().Below(moved ? 4 : 6)) {
      case 0:
      case 1:
        words = {end == "LEFT" ? "BLPOP" : "BRPOP", queue.key, timeout};
        break;
      case 2: {
        if (queue.db == 0) call.keys.push_back(waiting_.queues[queue.key == "waited:a"].key);
        words = {"BLMPOP", timeout, std::to_string(call.keys.size())};
        words.insert(words.end(), call.keys.begin(), call.keys.end());
        words.insert(words.end(), {end, "COUNT", "2"});
        break;
      }
      case 3:
        words = {"BLMPOP", timeout, "1", queue.key, end};
        break;
      case 4:
        if (queue.db != 0) return Act();  // there nobody looks for what was moved
        call.moves = true;
        words = {"BLMOVE", queue.key, waiting_.moved.key, end, "RIGHT", timeout};
        break;
      default:
        if (queue.db != 0) return Act();
        call.moves = true;
        words = {"BRPOPLPUSH", queue.key, waiting_.moved.key, timeout};
    }
    InDb(queue.db);
    ledger_.Begin(timeout, std::move(call));
    Say(words, [this, timeout](const Reply* reply) {
      refused_ = reply != nullptr && RefusedForCertain(*reply);
      ledger_.End(timeout, reply);
    });
  }
  void Introduce() {
    Say({"CLIENT", "ID"}, [this, connection = client().connection()](const Reply* reply) {
      if (reply != nullptr && reply->IsInteger())
        waiting_.known[client().id()] = {&client(), connection, reply->integer};
    });
  }
  // Mostly short. Who would wait for ever leaves at some time, others do so now and then.
  std::string NewTimeout() {
    const bool for_ever = rng().Percent(35);
    if (for_ever || rng().Percent(15)) {
      world().loop->After(rng().Between(20, 5000) * kMillisecond,
                          [this, connection = client().connection(), acts = ++acts_] {
                            if (client().connection() != connection || acts != acts_) return;
                            if (client().outstanding() == 0) return;
                            world().report->Count("waiting: left");
                            client().HangUp();
                          });
    } else {
      ++acts_;
    }
    if (for_ever) return ledger_.NewTimeout(0);
    return ledger_.NewTimeout(rng().Percent(60) ? rng().Between(10, 500)
                                                : rng().Between(500, 3000));
  }

  uint64_t acts_ = 0;
  bool refused_ = false;
};

// --- Who pushes ----------------------------------------------------------------------------------

class PushingActor final : public TalkingActor {
 public:
  PushingActor(World* world, int id, Waiting* waiting)
      : TalkingActor(world, id, waiting), stage_("waited:stage:" + std::to_string(id)) {
    ledger_.AddList(0, stage_);
  }

 private:
  void Act() override {
    const Queue& queue = waiting_.queues[rng().Below(3)];
    // Those who wait can't keep up, or lists are not known everywhere yet.
    const bool enough = waiting_.lengths[queue.key] >= static_cast<int64_t>(kLongQueue);
    if (enough) waiting_.lengths[queue.key] -= 2;
    if (enough || std::exchange(waiting_.refused, false)) return SayAside({"EXISTS", queue.key});
    if (now_ns() % kPeriodNs < kQuietNs)
      return rng().Percent(30) ? Unblock() : SayAside({"EXISTS", queue.key});
    InDb(queue.db);
    switch (rng().Below(12)) {
      case 0:
        if (queue.db == 0) return AtOnce();
        break;
      case 1:
        if (queue.db == 0) return Renamed(queue.key);
        break;
      case 2:
        if (queue.db == 0) return Moved(queue.key);
        break;
      case 3:
        return Restored(queue);
      case 4:
        if (queue.db == 0 && rng().Percent(50)) return UnderLock(queue.key);
        break;
      case 5:
      case 6:
        return Unblock();
      default:
        break;
    }
    if (queue.db != 0) return Swapped(queue.key);
    Push(queue.key, rng().Percent(70) ? "RPUSH" : "LPUSH", rng().Percent(70) ? 1 : 3);
  }

  Words NewElements(size_t count) {
    Words elements;
    for (size_t i = 0; i < count; ++i) elements.push_back(ledger_.NewElement());
    return elements;
  }
  static Words With(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // What the answer to a push says of these elements.
  Heard ThatPushes(Words elements, std::string key = {}) {
    return [this, elements = std::move(elements), key = std::move(key)](const Reply* reply) {
      if (reply == nullptr) return;
      if (RefusedForCertain(*reply)) {
        waiting_.refused |= !reply->IsError("LOCKED") && !reply->IsError("BUSYKEY");
        return ledger_.Pushed(elements, Outcome::kNo);
      }
      ledger_.Pushed(elements, Judge(world(), *reply));
      if (reply->IsInteger() && !key.empty()) waiting_.lengths[key] = reply->integer;
    };
  }
  void Push(const std::string& key, const char* command, size_t count) {
    const Words elements = NewElements(count);
    Say(With({command, key}, elements), ThatPushes(elements, key));
  }
  // Several pushes in one item.
  void AtOnce() {
    const Words elements = NewElements(4);
    SayAside({"MULTI"});
    SayAside({"RPUSH", waiting_.queues[0].key, elements[0], elements[1]});
    SayAside({"LPUSH", waiting_.queues[1].key, elements[2]});
    SayAside({"RPUSH", waiting_.queues[0].key, elements[3]});
    Say({"EXEC"}, ThatPushes(elements));
  }
  void Renamed(const std::string& key) {
    const Words elements = NewElements(2);
    SayAside({"MULTI"});
    SayAside(With({"RPUSH", stage_}, elements));
    SayAside({"RENAMENX", stage_, key});
    Say({"EXEC"}, ThatPushes(elements));
  }
  void Moved(const std::string& key) {
    Push(stage_, "RPUSH", 1);
    SayAside({"LMOVE", stage_, key, "LEFT", "RIGHT"});
  }
  // Made elsewhere, and taken over as a whole: until then the elements are not pushed.
  void Restored(const Queue& queue) {
    const Words elements = NewElements(2);
    ledger_.Pushed(elements, Outcome::kNo);
    const std::string made = "waited:made:" + elements[0];
    SayAside(With({"RPUSH", made}, elements));
    Say({"DUMP", made}, [this, made, elements, key = queue.key](const Reply* reply) {
      if (reply == nullptr || !reply->IsBulk() || !client().connected()) return;
      ledger_.Pushed(elements, Outcome::kUnknown);
      Say({"RESTORE", key, "0", reply->text}, ThatPushes(elements));
      SayAside({"DEL", made});
    });
  }
  // The elements come with another database.
  void Swapped(const std::string& key) {
    if (rng().Percent(40)) return Push(key, "RPUSH", 1);
    InDb(kOther);
    Push(key, "RPUSH", 2);
    SayAside({"SWAPDB", std::to_string(kSwapped), std::to_string(kOther)});
  }
  // Nobody who waits can take anything from this key meanwhile, or move it to that one.
  void UnderLock(const std::string& key) {
    const std::string& name = rng().Percent(50) ? key : waiting_.moved.key;
    Say({"LOCK", "ACQUIRE", name, "1000", "OWNER", world().UniqueValue()},
        [this, key, name](const Reply* reply) {
          if (reply == nullptr || !reply->IsArray(3) || reply->elements[0].integer != 1) return;
          if (!client().connected()) return;
          const std::string token = std::to_string(reply->elements[1].integer);
          const Words elements = NewElements(2);
          Say(With({"LOCK", "DO", name, token, "RPUSH", key}, elements), [=, this](const Reply* r) {
            if (r != nullptr && r->IsError("FENCED")) return ledger_.Pushed(elements, Outcome::kNo);
            ThatPushes(elements, key)(r);
          });
          SayAside({"LOCK", "RELEASE", name, token});
        });
  }
  void Unblock() {
    for (const auto& [actor, known] : waiting_.known) {
      if (known.client->node() != client().node() || !rng().Percent(70)) continue;
      if (known.client->connection() != known.connection || known.client->outstanding() == 0)
        continue;
      return Say(
          {"CLIENT", "UNBLOCK", std::to_string(known.id), rng().Percent(50) ? "ERROR" : "TIMEOUT"},
          [this](const Reply* reply) {
            if (reply == nullptr) return;
            if (reply->IsError()) Judge(world(), *reply);
            if (reply->integer == 1) world().report->Count("waiting: called back");
          });
    }
    SayAside({"EXISTS", stage_});
  }

  const std::string stage_;
};

}  // namespace

std::unique_ptr<Workload> MakeWaiting(const WorkloadSetup& setup, int waiting_actors,
                                      int pushing_actors) {
  auto waiting = std::make_unique<Waiting>(setup.world);
  int id = setup.first_actor_id;
  for (int i = 0; i < waiting_actors; ++i)
    setup.add(std::make_unique<WaitingActor>(setup.world, id++, waiting.get()));
  for (int i = 0; i < pushing_actors; ++i)
    setup.add(std::make_unique<PushingActor>(setup.world, id++, waiting.get()));
  return waiting;
}

}  // namespace clustron::sim

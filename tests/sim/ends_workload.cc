// Keys that end by the wall clock, which nodes have wrong now and then. Each actor has its own, so
// what it reads needs no search to be judged: what it has seen gone stays gone until it writes it
// again, and, where most clocks are right, nothing goes before its time.
#include <array>
#include <utility>

#include "tests/sim/sim_clock.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

struct Ends final : Workload {
  const char* name() const override { return "ends"; }
  void Check(Report*) override {}  // done on the way
};

class EndsActor final : public Actor {
 public:
  EndsActor(World* w, int id, const ClientOptions& client) : Actor(w, id, client) {
    for (size_t i = 0; i < kKeys; ++i) Rename(i);
  }

  Hurry hurry() const override { return Hurry::kEnds; }

 private:
  static constexpr size_t kKeys = 8;
  static constexpr uint64_t kRead = kKeys;
  struct Key {
    std::string name;
    bool known = false;       // written, answered, and nothing uncertain since
    bool gone = false;        // and seen gone
    int64_t earliest_ns = 0;  // it may end from then on
    int64_t written_ns = 0;
  };

  // A write whose outcome nobody knows may still come: the next one is of another key.
  void Rename(size_t i) {
    keys_[i].name = "ends:" + std::to_string(client().id()) + ":" + std::to_string(i) + ":" +
                    std::to_string(++names_);
  }

  void Act() override {
    if (rng().Percent(30)) {
      // All of them, with ends close together: more are due at once than an entry removes.
      const int64_t ttl_ms = rng().Between(500, 15'000);
      for (size_t i = 0; i < kKeys; ++i) Set(i, ttl_ms + static_cast<int64_t>(i));
      return;
    }
    ActInHurry();
  }
  void ActInHurry() override {
    reads_ = 12;
    ReadAll();
  }
  void FinalAct() override {
    if (final_reads_ > 0) --final_reads_, ReadAll();
  }

  void Set(size_t i, int64_t ttl_ms) {
    Key& key = keys_[i];
    const int64_t slack_ns = world().absolute_slack_ns;
    const int64_t end_ms = SimClock::kEpochMs + now_ns() / kMillisecond + ttl_ms;
    key.known = key.gone = false;
    key.written_ns = now_ns();
    key.earliest_ns = slack_ns < 0 ? now_ns() : now_ns() + ttl_ms * kMillisecond - slack_ns;
    client().Send({"SET", key.name, world().UniqueValue(), "PXAT", std::to_string(end_ms)}, i);
  }
  void ReadAll() {
    std::vector<std::string_view> args = {"MGET"};
    for (const Key& key : keys_) args.push_back(key.name);
    client().Send(args, kRead);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (Judge(world(), reply) != Outcome::kReply) return Lost(tag);
    if (tag != kRead) {
      keys_[tag].known = true;
      return;
    }
    if (!reply.IsArray(kKeys)) {
      world().report->Fail("replies", "MGET answered " + reply.ToString());
      return;
    }
    for (size_t i = 0; i < kKeys; ++i) Look(&keys_[i], reply.elements[i].IsNil());
  }
  void Look(Key* key, bool nil) {
    if (!key->known || Forgotten(*key)) return;
    if (!nil && key->gone) world().report->Fail("ends", key->name + " was seen gone, and is back");
    if (nil && !key->gone && now_ns() < key->earliest_ns) {
      world().report->Fail("ends",
                           key->name + " is gone " +
                               std::to_string((key->earliest_ns - now_ns()) / kMillisecond) +
                               " ms before the earliest time");
    }
    if (nil && !key->gone) world().report->Count("absolute ends seen");
    key->gone = nil;
  }
  // A node alone has lost what it said: the write, or the end.
  bool Forgotten(const Key& key) {
    for (const Loss& loss : world().losses)
      if (loss.crash_ns >= key.written_ns) return true;
    return false;
  }
  void Lost(uint64_t tag) override {
    if (tag >= kKeys) return;
    keys_[tag].known = false;
    Rename(tag);
  }
  void Settled() override {
    if (reads_ == 0 || world().stopping) return;
    --reads_;
    ReadAll();
  }

  std::array<Key, kKeys> keys_;
  int final_reads_ = 20;
  uint64_t names_ = 0;
  int reads_ = 0;
};

}  // namespace

std::unique_ptr<Workload> MakeEnds(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<EndsActor>(setup.world, setup.first_actor_id + i, ClientOptions{}));
  }
  return std::make_unique<Ends>();
}

}  // namespace clustron::sim

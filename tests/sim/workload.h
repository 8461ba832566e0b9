// What the clients do, and the record that is judged afterwards.
//
// A workload is a kind of data with its rules (strings, hashes, locks …): it owns the histories.
// Its actors are clients that work on it: each waits a while, does something (one or a few
// requests), and starts again when all answers are there or the connection is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/event_loop.h"
#include "tests/sim/history.h"
#include "tests/sim/losses.h"
#include "tests/sim/report.h"
#include "tests/support/models.h"

namespace clustron::store {
class Store;
}

namespace clustron::sim {

class WatchTruth;  // watch_truth.h

// What all actors share.
struct World {
  EventLoop* loop = nullptr;
  Report* report = nullptr;
  ClientNetwork* network = nullptr;
  int64_t think_ns = 100 * kMillisecond;  // mean pause of an actor
  double drift = 0.005;                   // no node's clock runs faster than true time by more
  double burst_percent = 20;              // of the acts send several requests at once
  int64_t value_bytes_max = 600'000;      // what the links can carry well within a resend's time
  // By so much may an absolute end come early; below 0: most clocks may be wrong, it may any time.
  int64_t absolute_slack_ns = -1;
  bool no_bulk = false;     // a node behind a slow link is to catch up
  bool stopping = false;    // nothing new but the final reads
  uint64_t next_value = 1;  // written values are never repeated
  uint64_t replies = 0;     // that said something other than "no leader"
  uint64_t errors = 0;
  Losses losses;
  int64_t healed_ns = 0;  // everything is whole since then; 0: not yet
  // Nothing was wrong in all that time, as far as can be told from outside.
  std::function<bool(int64_t from_ns, int64_t to_ns)> steady;
  std::map<int64_t, std::string> tokens;  // of locks: whose, forgotten ones too
  // How many other nodes may have said since then that they have this client's last write, chosen,
  // on their disks; nothing if that can't be told any more.
  std::function<std::optional<size_t>(const Client& client, int64_t since_ns)> count_holders;

  std::string UniqueValue() { return "v" + std::to_string(next_value++); }
};

// What an answer means for the question whether the request took effect.
enum class Outcome : uint8_t {
  kReply,    // it did what the reply says
  kNo,       // it certainly did not
  kUnknown,  // nobody knows
};
// Errors that no workload expects end the simulation. `expected`: a code that is an answer like any
// other here (LOCKED, FENCED, NOLEASE …).
Outcome Judge(World& world, const Reply& reply, std::string_view expected = {});

class Workload {
 public:
  virtual ~Workload() = default;
  virtual const char* name() const = 0;
  // The verdict over everything that was recorded.
  virtual void Check(Report* report) = 0;
  // The same with what the log says of commands that wait, and the state that it has led to.
  virtual void CheckCalls(const CallsThatWait& /*log*/, const store::Store& /*state*/) {}
  // Whether it is to be judged by what watches have to be told.
  virtual bool watches() const { return false; }
  virtual void CheckWatches(const WatchTruth& /*truth*/, Report* /*report*/) {}
};

class Actor : public Client::Handler {
 public:
  Actor(World* world, int id, const ClientOptions& options);
  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  void Start() { client_.Start(); }
  Client& client() { return client_; }
  // What it would do in a hurry, if anything.
  enum class Hurry : uint8_t { kNone, kCalls, kEnds };
  virtual Hurry hurry() const { return Hurry::kNone; }
  // Goes to this node and does there at once what it has for that.
  void HurryTo(int node);
  // Answered since the last call. `old_version`: that a command is of a later feature version
  // counts as well.
  bool TakeProgress(bool old_version = false) {
    const bool refused = std::exchange(version_refused_, false);
    return std::exchange(progress_, false) || (old_version && refused);
  }

 protected:
  // Sends at least one request, or none and is asked again later. Only when nothing is outstanding.
  virtual void Act() = 0;
  virtual void ActInHurry() { Act(); }
  // The same once the workload ends: reads of the final state.
  virtual void FinalAct() {}
  virtual void Answered(uint64_t tag, const Reply& reply) = 0;
  virtual void Lost(uint64_t tag) = 0;
  // All of it has been answered: may send what follows from the answers.
  virtual void Settled() {}

  World& world() { return world_; }
  Rng& rng() { return world_.loop->rng(); }
  int64_t now_ns() const { return world_.loop->now_ns(); }

 private:
  void OnReply(uint64_t tag, const Reply& reply) final;
  void OnLost(uint64_t tag) final;
  void OnConnected() final;
  void ActLater();
  void ActNow();

  World& world_;
  Client client_;
  bool filed_ = false;
  bool progress_ = false;
  bool version_refused_ = false;
  bool hurry_ = false;
};

template <typename Model>
void CheckPart(Report* report, std::string_view name, const std::vector<typename Model::Op>& ops) {
  if (ops.empty()) return;
  const test::LinearizabilityResult result = test::CheckLinearizable<Model>(ops, 300'000);
  report->Count("histories checked");
  report->Count("operations checked", ops.size());
  using Verdict = test::LinearizabilityResult::Verdict;
  if (result.verdict == Verdict::kUndecided) report->Count("histories undecided");
  if (result.verdict == Verdict::kNo) {
    report->Fail("linearizability", std::string(name) + " with " + std::to_string(ops.size()) +
                                        " operations: " + result.explanation);
  }
}

// Reports a history that is not linearizable, but for what may have been forgotten.
template <typename Model>
void CheckHistory(const World& world, Report* report, std::string_view name,
                  const std::vector<typename Model::Op>& all) {
  for (const auto& part : WithLosses(world.losses, all)) CheckPart<Model>(report, name, part);
}

// What was done to data whose history is judged together: the operations, in order of their calls.
template <typename Op>
class Record {
 public:
  // Its place; unanswered until return_ns is set.
  size_t Begin(Op op, int64_t now_ns) {
    op.call_ns = now_ns;
    op.return_ns = test::kNever;
    ops_.push_back(std::move(op));
    dropped_.push_back(false);
    return ops_.size() - 1;
  }
  Op& operator[](size_t place) { return ops_[place]; }
  size_t size() const { return ops_.size(); }
  // It certainly did nothing, or is a read without an answer: it isn't judged.
  void Drop(size_t place) { dropped_[place] = true; }
  std::vector<Op> Kept() const {
    std::vector<Op> kept;
    for (size_t i = 0; i < ops_.size(); ++i) {
      if (!dropped_[i]) kept.push_back(ops_[i]);
    }
    return kept;
  }

 private:
  std::vector<Op> ops_;
  std::vector<bool> dropped_;
};

// The workloads, each with its actors made through `add`.
struct WorkloadSetup {
  World* world = nullptr;
  std::function<void(std::unique_ptr<Actor>)> add;
  int first_actor_id = 0;
};
struct StringsOptions {
  bool mortal = false;        // with times to live
  bool groups = false;        // several keys at once: MULTI, WATCH, TXN
  bool counters = false;      // INCR only, also under ONCE
  int active = 3;             // keys in use at one time
  size_t rotate_after = 300;  // operations on a key
  int actors = 2;
};
std::unique_ptr<Workload> MakeStrings(const WorkloadSetup& setup, const StringsOptions& options);
std::unique_ptr<Workload> MakeEnds(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeBank(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeHashes(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeLists(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeLongList(const WorkloadSetup& setup);
std::unique_ptr<Workload> MakeBudgets(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakePipelines(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeBulk(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeLocks(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeLockQueues(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeWaits(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeIndexes(const WorkloadSetup& setup, int actors);
// `all`: FLUSHALL, too: nobody else may have data then.
std::unique_ptr<Workload> MakeIndexFlushes(const WorkloadSetup& setup, int actors, bool all);
std::unique_ptr<Workload> MakeTxns(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeWaiting(const WorkloadSetup& setup, int waiting_actors,
                                      int pushing_actors);
std::unique_ptr<Workload> MakeWatches(const WorkloadSetup& setup, int changing, int watching);
std::unique_ptr<Workload> MakePauses(const WorkloadSetup& setup, int actors);
std::unique_ptr<Workload> MakeLeases(const WorkloadSetup& setup, int actors);
// `once`: also an actor for ONCE near its end (not where crashes take what was answered, nor where
// the elapsed clock leaps at a start).
std::unique_ptr<Workload> MakeRules(const WorkloadSetup& setup, int actors, bool once);

}  // namespace clustron::sim

// A scripted run of a LogStore on a simulated disk, and the check that what comes back after a
// crash is what was promised: nothing acknowledged is lost, nothing is invented, the log is a
// prefix of what was appended. Shared by the crash-point and the damage tests.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/task_runner.h"
#include "cluster/log/log_store.h"
#include "tests/sim/sim_fs.h"

namespace clustron::sim {

// Runs tasks when told to, one at a time.
class QueueRunner : public TaskRunner {
 public:
  void Run(std::function<void()> work, std::function<void()> done) override {
    tasks_.push_back({std::move(work), std::move(done)});
  }
  bool Step() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task.work();
    task.done();
    return true;
  }
  void RunAll() {
    while (Step()) {
    }
  }
  void Drop() { tasks_.clear(); }
  bool empty() const { return tasks_.empty(); }

 private:
  struct Task {
    std::function<void()> work;
    std::function<void()> done;
  };
  std::deque<Task> tasks_;
};

// What an acceptor would know.
struct LogState {
  paxos::Ballot promised;
  paxos::Slot chosen = 0;
  std::map<paxos::Slot, paxos::Accepted> accepted;

  void Apply(const paxos::LogRecord& record);
};

class LogScript : private cluster::LogStore::Listener {
 public:
  LogScript(SimFs* fs, uint64_t seed, cluster::Durability durability);
  ~LogScript();

  // One step: appends, flushes, ticks, compactions, reservations; some of the waiting disk work.
  // Does nothing once the disk has stopped.
  void Step();
  // Lets all waiting disk work finish, everything fsynced.
  void Settle();
  // A clean end.
  Status Close();
  // Lets go of the store as a crash would.
  void Abandon();

  // Opens the log on `fs` (a crashed copy of the script's disk) and compares. Returns "" or what is
  // wrong. `damaged`: the disk lost more than a crash may take, so slots may be unknown and opening
  // may fail, but nothing may be silently gone.
  std::string Verify(SimFs* fs, bool damaged) const;

  cluster::LogStore& store() { return *store_; }
  static cluster::LogStoreOptions Options(cluster::Durability durability);
  const std::vector<paxos::LogRecord>& records() const { return records_; }
  uint64_t acknowledged() const { return acknowledged_; }
  bool failed() const { return failed_; }

 private:
  void OnDurable(uint64_t seq) override;
  void OnDiskLow(bool low) override { static_cast<void>(low); }
  void OnFatal(const Error& error) override;

  void AppendSome();
  paxos::LogRecord NewAccept(paxos::Slot slot);
  std::string Payload();
  std::string Compare(cluster::LogStore& store, const cluster::RecoveredLog& recovered,
                      bool damaged) const;
  std::string CompareDamaged(cluster::LogStore& store,
                             const cluster::RecoveredLog& recovered) const;

  SimFs& fs_;
  Rng rng_;
  const cluster::Durability durability_;
  QueueRunner runner_;
  std::unique_ptr<cluster::LogStore> store_;
  int64_t now_ns_ = 1;

  std::vector<paxos::LogRecord> records_;  // all appended; seq = position + 1
  uint64_t acknowledged_ = 0;              // by OnDurable
  uint64_t synced_ = 0;                    // by Sync's done
  paxos::Ballot ballot_{.round = 1, .node = 1};
  paxos::Slot next_slot_ = 1;
  paxos::Slot chosen_ = 0;
  paxos::Slot floor_ = 0;  // compaction asked for
  uint64_t reserve_asked_ = 0;
  uint64_t reserve_done_ = 0;
  uint64_t marks_ = 0;
  bool failed_ = false;
};

}  // namespace clustron::sim

#include "cluster/log/log_store.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/sim/log_node.h"

namespace clustron::cluster {
namespace {

using paxos::Accepted;
using paxos::Ballot;
using paxos::LogRecord;
using paxos::Slot;
using sim::Accept;
using sim::Chosen;
using sim::Crash;
using sim::PayloadOf;
using sim::Promise;
using sim::QueueRunner;
using sim::SimFs;
using Node = sim::LogNode;

}  // namespace

TEST_CASE("log store: what was durable comes back") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    CHECK(!node.recovered.existed);
    node.Append(Promise(1, 7));
    node.Append(Accept(2, 1, "one", 7));
    node.Append(Accept(3, 2, "", 7));
    node.Append(Accept(4, 1, "uno", 8));
    node.Append(Chosen(5, 1));
    node.store->AppendMark(
        {.boot = 4, .elapsed_ms = 5, .wall_ms = 6, .monotonic_ns = 7, .slot = 1});
    CHECK(node.durable == 0);
    node.store->Flush();
    CHECK(node.durable == 0);
    node.runner.RunAll();
    CHECK(node.durable == 5);
  }
  Crash(&fs);
  Node node(&fs, Durability::kAlways);
  const RecoveredLog& log = node.recovered;
  CHECK(log.existed);
  CHECK(log.promised == Ballot{.round = 8, .node = 2});
  CHECK(log.chosen == 1);
  CHECK(log.floor == 0);
  CHECK(log.first_slot == 1);
  CHECK(log.last_slot == 2);
  CHECK(log.unknown.empty());
  CHECK(log.mark ==
        LocalMark{.boot = 4, .elapsed_ms = 5, .wall_ms = 6, .monotonic_ns = 7, .slot = 1});
  const auto read = node.store->Read(1);
  REQUIRE(read);
  CHECK(*read == Accept(4, 1, "uno", 8).accepted);
  CHECK(node.store->Read(2)->value.payload == nullptr);
  CHECK(node.store->Read(3).error().code == Errc::kNotFound);
}

TEST_CASE("log store: always: one write and one fsync for all that came meanwhile") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  node.AppendSlots(1, 3, 10);
  node.store->Flush();
  node.AppendSlots(4, 9, 10);
  node.store->Flush();
  node.store->Flush();
  CHECK(node.store->pending_bytes() > 9 * 128);
  CHECK(node.runner.Step());
  CHECK(node.durable == 3);
  CHECK(node.runner.Step());
  CHECK(node.durable == 9);
  CHECK(node.runner.empty());
  CHECK(node.store->fsync_count() == 2);
  CHECK(node.store->pending_bytes() == 0);
}

TEST_CASE("log store: hints alone wait for company, or for a second") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  node.Tick();
  node.Append(Chosen(1, 0));
  node.store->Flush();
  CHECK(node.runner.empty());
  node.Tick();
  CHECK(node.durable == 1);
}

TEST_CASE("log store: everysec: safe when written, fsynced within a second") {
  SimFs fs;
  Node node(&fs, Durability::kEverySec);
  node.Settle();
  node.AppendSlots(1, 2, 10);
  node.store->Flush();
  CHECK(node.durable == 2);
  CHECK(node.runner.empty());
  const auto before = fs.Clone();
  node.Tick();
  CHECK(node.store->fsync_count() == 1);
  Crash(before.get());
  Crash(&fs);
  CHECK(Node(before.get(), Durability::kEverySec).recovered.last_slot == 0);
  CHECK(Node(&fs, Durability::kEverySec).recovered.last_slot == 2);
}

TEST_CASE("log store: everysec: a promise waits for its fsync, and what follows waits with it") {
  SimFs fs;
  Node node(&fs, Durability::kEverySec);
  node.Append(Accept(1, 1, "a"));
  node.Append(Promise(2, 5));
  node.Append(Accept(3, 2, "b", 5));
  node.store->Flush();
  CHECK(node.durable == 1);
  node.Append(Accept(4, 3, "c", 5));
  node.Append(Promise(5, 6));
  node.store->Flush();
  CHECK(node.durable == 1);
  CHECK(node.runner.Step());
  CHECK(node.durable == 3);
  node.runner.RunAll();
  CHECK(node.durable == 5);
  Crash(&fs);
  CHECK(Node(&fs, Durability::kEverySec).recovered.promised.round == 6);
}

TEST_CASE("log store: memory writes nothing but reserved numbers") {
  SimFs fs;
  {
    Node node(&fs, Durability::kMemory);
    node.AppendSlots(1, 5, 10);
    node.Append(Promise(6, 3));
    node.store->Flush();
    CHECK(node.durable == 6);
    CHECK(fs.Files().empty());
    bool done = false;
    node.store->PersistReserve(1000, [&] { done = true; });
    CHECK(!done);
    node.runner.RunAll();
    CHECK(done);
    CHECK(!node.store->Has(1));
  }
  Crash(&fs);
  Node node(&fs, Durability::kMemory);
  CHECK(node.recovered.reserved == 1000);
  CHECK(!node.recovered.existed);
}

TEST_CASE("log store: memory refuses a directory with a log") {
  SimFs fs;
  Node(&fs, Durability::kAlways).Settle();
  Crash(&fs);
  const Node node(&fs, Durability::kMemory);
  CHECK(node.store == nullptr);
  CHECK(node.error.code == Errc::kMismatch);
}

TEST_CASE("log store: from memory to always behind a snapshot, from everysec to always and back") {
  SimFs fs;
  {
    Node node(&fs, Durability::kMemory);
    node.AppendSlots(1, 5, 10);
    node.Append(Promise(++node.seq, 3));
    bool done = false;
    node.store->SetDurability(Durability::kAlways, 5, [&] { done = true; });
    node.runner.RunAll();
    CHECK(done);
    node.AppendSlots(6, 7, 10);
    node.store->Flush();
    CHECK(node.durable == 0);
    node.runner.RunAll();
    CHECK(node.durable == 8);
  }
  Crash(&fs);
  Node node(&fs, Durability::kEverySec);
  CHECK(node.recovered.floor == 5);
  CHECK(node.recovered.promised.round == 3);
  CHECK(node.recovered.first_slot == 6);
  CHECK(node.recovered.last_slot == 7);
  node.AppendSlots(8, 8, 10);
  node.store->Flush();
  CHECK(node.durable == 1);
  bool done = false;
  node.store->SetDurability(Durability::kAlways, 0, [&] { done = true; });
  // Written while the change is under way: still by the old rule, but fsynced with it.
  node.AppendSlots(9, 9, 10);
  node.store->Flush();
  node.runner.RunAll();
  CHECK(done);
  CHECK(node.store->durability() == Durability::kAlways);
  node.AppendSlots(10, 10, 10);
  node.store->Flush();
  CHECK(node.durable == 2);
  node.runner.RunAll();
  CHECK(node.durable == 3);
  node.store->SetDurability(Durability::kEverySec, 0, [] {});
  node.runner.RunAll();
  node.AppendSlots(11, 11, 10);
  node.store->Flush();
  CHECK(node.durable == 4);
  Crash(&fs);
  CHECK(Node(&fs, Durability::kAlways).recovered.last_slot == 10);
}

TEST_CASE("log store: reads also what is not on disk yet") {
  SimFs fs;
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs disk;
    Node node(&disk, durability);
    node.Append(Accept(1, 1, "on disk"));
    node.Settle();
    node.Append(Accept(2, 2, "on its way"));
    node.store->Flush();
    node.Append(Accept(3, 3, "laid out"));
    CHECK(PayloadOf(*node.store, 1) == "on disk");
    CHECK(PayloadOf(*node.store, 2) == "on its way");
    CHECK(PayloadOf(*node.store, 3) == "laid out");
    CHECK(node.store->last_slot() == 3);
    const auto range = node.store->ReadRange(1, 3, 1000);
    REQUIRE(range);
    CHECK(range->size() == 3);
    CHECK(node.store->ReadRange(2, 3, 0)->size() == 1);
    CHECK(node.store->ReadRange(4, 9, 1000)->empty());
  }
}

TEST_CASE("log store: long ranges are read across segments, in order") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  for (Slot slot = 1; slot <= 300; ++slot) {
    node.Append(Accept(++node.seq, slot, "payload " + std::to_string(slot)));
    if (slot % 7 == 0) node.Settle();
  }
  Slot next = 1;
  while (next <= 300) {
    const auto range = node.store->ReadRange(next, 300, 500);
    REQUIRE(range);
    REQUIRE(!range->empty());
    CHECK(range->size() < 60);
    for (const Accepted& accepted : *range) {
      CHECK(accepted.slot == next);
      CHECK(paxos::BytesOf(accepted.value.payload) == "payload " + std::to_string(next));
      ++next;
    }
  }
}

TEST_CASE("log store: compaction removes whole segments and keeps what still counts") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.Append(Promise(++node.seq, 9));
    node.store->AppendMark(
        {.boot = 1, .elapsed_ms = 2, .wall_ms = 3, .monotonic_ns = 9, .slot = 4});
    node.AppendSlots(1, 100, 200);
    node.Settle();
    node.Tick();
    const size_t before = fs.Files().size();
    const uint64_t bytes = node.store->log_bytes();
    node.store->CompactTo(60);
    node.runner.RunAll();
    CHECK(fs.Files().size() < before);
    CHECK(node.store->log_bytes() < bytes * 6 / 10);
    CHECK(!node.store->Has(1));
    CHECK(node.store->Has(61));
    CHECK(node.store->floor() == 60);
    node.store->CompactTo(50);  // never back
    CHECK(node.store->floor() == 60);
  }
  Crash(&fs);
  Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.floor == 60);
  CHECK(node.recovered.promised.round == 9);
  CHECK(node.recovered.mark ==
        LocalMark{.boot = 1, .elapsed_ms = 2, .wall_ms = 3, .monotonic_ns = 9, .slot = 4});
  CHECK(node.recovered.first_slot == 61);
  CHECK(node.recovered.last_slot == 100);
  CHECK(node.recovered.unknown.empty());
  // Behind an installed snapshot the log goes on far above.
  node.store->CompactTo(5'000'000);
  node.AppendSlots(5'000'001, 5'000'002, 10);
  node.Settle();
  Crash(&fs);
  Node far(&fs, Durability::kAlways);
  CHECK(far.recovered.floor == 5'000'000);
  CHECK(far.recovered.first_slot == 5'000'001);
  CHECK(far.recovered.last_slot == 5'000'002);
}

TEST_CASE("log store: real files, a value bigger than a segment, a restart") {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("clustron-log-" + std::to_string(::getpid()));
  persist::PosixFs fs;
  LogStoreOptions options;
  options.durability = Durability::kAlways;
  options.segment_bytes = 1 << 20;
  options.spare_bytes = 1 << 20;
  options.low_water_bytes = 0;
  const std::string big(5 << 20, 'b');
  {
    QueueRunner runner;
    RecoveredLog recovered;
    auto store = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(store);
    const LogRecord records[] = {Accept(1, 1, "small"), Accept(2, 2, big), Accept(3, 3, "behind")};
    (*store)->Append(records);
    (*store)->Flush();
    runner.RunAll();
    CHECK(PayloadOf(**store, 2) == big);
    REQUIRE((*store)->Close());
  }
  for (int round = 0; round < 2; ++round) {
    QueueRunner runner;
    RecoveredLog recovered;
    auto store = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(store);
    CHECK(recovered.last_slot == 3);
    CHECK(recovered.torn_bytes == 0);
    CHECK(PayloadOf(**store, 2) == big);
    CHECK(PayloadOf(**store, 3) == "behind");
  }
  std::filesystem::remove_all(dir);
}

namespace {

// A thread for the work; `done` runs when the owner polls. As in the server.
class ThreadRunner : public TaskRunner {
 public:
  ThreadRunner() : thread_([this] { Loop(); }) {}
  ~ThreadRunner() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void Run(std::function<void()> work, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      work_.push_back({std::move(work), std::move(done)});
    }
    wake_.notify_one();
  }
  void Poll() {
    std::deque<std::function<void()>> ready;
    {
      const std::lock_guard lock(mutex_);
      std::swap(ready, done_);
    }
    for (const std::function<void()>& done : ready) done();
  }

 private:
  struct Task {
    std::function<void()> work;
    std::function<void()> done;
  };
  void Loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stop_ || !work_.empty(); });
      if (work_.empty()) return;
      Task task = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      task.work();
      lock.lock();
      done_.push_back(std::move(task.done));
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> work_;
  std::deque<std::function<void()>> done_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("log store: with a thread of its own nothing is shared that should not be") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    const std::filesystem::path dir = std::filesystem::temp_directory_path() /
                                      ("clustron-log-thread-" + std::to_string(::getpid()));
    persist::PosixFs fs;
    LogStoreOptions options = sim::LogScript::Options(durability);
    options.low_water_bytes = 0;
    ThreadRunner runner;
    RecoveredLog recovered;
    auto opened = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(opened);
    LogStore& store = **opened;
    bool settled = false;
    for (Slot slot = 1; slot <= 60; ++slot) {
      const LogRecord records[] = {Accept(2 * slot - 1, slot, "payload " + std::to_string(slot)),
                                   Chosen(2 * slot, slot)};
      store.Append(records);
      store.Flush();
      CHECK(PayloadOf(store, slot) == "payload " + std::to_string(slot));
      runner.Poll();
      store.Tick(static_cast<int64_t>(slot) * 400'000'000);
      if (slot % 20 == 0) store.CompactTo(slot - 15);
      if (slot % 25 == 0) store.PersistReserve(slot, [] {});
    }
    store.Sync([&] { settled = true; });
    while (!settled) {
      runner.Poll();
      std::this_thread::yield();
    }
    // What was queued behind it.
    settled = false;
    store.PersistReserve(100, [&] { settled = true; });
    while (!settled) {
      runner.Poll();
      std::this_thread::yield();
    }
    CHECK(store.Close());
    opened->reset();
    auto again = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(again);
    CHECK(recovered.last_slot == 60);
    CHECK(recovered.floor == 45);
    CHECK(recovered.reserved == 100);
    CHECK(PayloadOf(**again, 60) == "payload 60");
    std::filesystem::remove_all(dir);
  }
}

}  // namespace clustron::cluster

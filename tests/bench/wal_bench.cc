// What a log record costs: laid out, written, synced.
//   make wal_bench && build/release/wal_bench [DIR]
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/task_runner.h"
#include "cluster/log/log_store.h"
#include "persist/fs.h"

namespace clustron {
namespace {

using cluster::Durability;
using cluster::LogStore;

class Inline : public TaskRunner {
 public:
  void Run(std::function<void()> work, std::function<void()> done) override {
    tasks_.push_back({std::move(work), std::move(done)});
  }
  void RunAll() {
    while (!tasks_.empty()) {
      auto [work, done] = std::move(tasks_.front());
      tasks_.pop_front();
      work();
      done();
    }
  }

 private:
  struct Task {
    std::function<void()> work;
    std::function<void()> done;
  };
  std::deque<Task> tasks_;
};

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(const std::string& root, const char* name, Durability durability, int flushes,
         int records_per_flush, size_t payload_bytes) {
  const std::string dir = root + "/wal_bench";
  std::filesystem::remove_all(dir);
  persist::PosixFs fs;
  Inline runner;
  cluster::LogStoreOptions options;
  options.durability = durability;
  options.spare_bytes = 0;
  options.low_water_bytes = 0;
  cluster::RecoveredLog recovered;
  auto store = LogStore::Open(&fs, &runner, dir, options, &recovered);
  if (!store) {
    std::printf("%s: %s\n", name, store.error().detail.c_str());
    return;
  }
  paxos::LogRecord record;
  record.type = paxos::LogRecord::Type::kAccept;
  record.accepted.ballot = {.round = 1, .node = 1};
  record.accepted.value = {.kind = paxos::EntryKind::kBatch,
                           .first_ballot = {.round = 1, .node = 1},
                           .payload = std::make_shared<const std::string>(payload_bytes, 'p')};
  const double begin = Seconds();
  for (int i = 0; i < flushes; ++i) {
    for (int r = 0; r < records_per_flush; ++r) {
      ++record.seq;
      ++record.accepted.slot;
      (*store)->Append(std::span(&record, 1));
    }
    (*store)->Flush();
    runner.RunAll();
  }
  const double seconds = Seconds() - begin;
  std::printf("%-28s %8.2f us a flush, %7.2f us a record, %7.0f MB/s\n", name,
              seconds / flushes * 1e6, seconds / flushes / records_per_flush * 1e6,
              static_cast<double>(flushes) * records_per_flush *
                  static_cast<double>(payload_bytes) / seconds / 1e6);
  (*store)->Sync([] {});
  runner.RunAll();
  if (!(*store)->Close()) std::printf("close failed\n");
  store->reset();
  const double reopen = Seconds();
  Inline again;
  auto opened = LogStore::Open(&fs, &again, dir, options, &recovered);
  std::printf("%-28s %8.2f ms to open\n", "", (Seconds() - reopen) * 1e3);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace clustron

int main(int argc, char** argv) {
  using clustron::Durability;
  const std::string dir = argc > 1 ? argv[1] : "/tmp";
  clustron::Run(dir, "everysec, 1 x 100 B", Durability::kEverySec, 200'000, 1, 100);
  clustron::Run(dir, "everysec, 64 x 100 B", Durability::kEverySec, 10'000, 64, 100);
  clustron::Run(dir, "everysec, 1 x 8 KB", Durability::kEverySec, 30'000, 1, 8 << 10);
  clustron::Run(dir, "always, 1 x 100 B", Durability::kAlways, 2'000, 1, 100);
  clustron::Run(dir, "always, 1 x 64 KB", Durability::kAlways, 1'000, 1, 64 << 10);
  return 0;
}

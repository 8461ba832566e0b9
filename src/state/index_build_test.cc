// Builds of indexes while the leader is short of memory: what its entries say counts on each node,
// not what the node has itself.
#include <memory>
#include <string>

#include "store/tables/index_table.h"
#include "tests/support/log_items.h"

namespace clustron::state {
namespace {

class BuildFixture {
 public:
  BuildFixture() {
    std::string version;
    Writer(&version).U16(cluster::kBuildsStop);
    std::string item;
    const std::string_view args[] = {version};
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, args, &item);
    Apply({item});
    std::vector<std::string> items;
    for (size_t i = 0; i < 4 * store::IndexTable::kSliceKeys; i++)
      items.push_back(CommandItem({"HSET", "k" + std::to_string(i), "f", "1"}));
    Apply(items);
    Apply({CommandItem({"INDEX", "CREATE", "i", "ON", "HASH", "FIELDS", "1", "f", "NUM"})},
          cluster::kEntryNoMemory);
  }
  void Apply(const std::vector<std::string>& items, uint16_t flags = 0) {
    std::string entry;
    cluster::AppendEntryHeader({.elapsed_ms = 1000,
                                .wall_ms = 1'700'000'000'000,
                                .flags = flags,
                                .item_count = static_cast<uint32_t>(items.size())},
                               &entry);
    for (const std::string& item : items) entry += item;
    executor.Apply(++slot, {paxos::EntryKind::kBatch, {1, 1}, std::make_shared<std::string>(entry)},
                   false);
  }
  const store::Index& index() { return *IndexesOf(executor.store()).Find(0, "i"); }

  Executor executor{7};
  cluster::Slot slot = 0;
};

TEST_CASE_FIXTURE(BuildFixture, "an index is not built on with entries of who has no memory") {
  CHECK(index().stopped);
  CHECK(index().percent() == 0);
  CHECK(ReadFrom(executor, {"INDEX", "INFO", "i"}).find("stopped: the data takes more") !=
        std::string::npos);
  CHECK(ReadFrom(executor, {"INDEX", "QUERY", "i"}).find("stopped: the data takes more") !=
        std::string::npos);
  // It is looked at again, but not at once.
  CHECK(executor.NextWaitEndMs() == 2000);
  Apply({CommandItem({"DEL", "k1"})}, cluster::kEntryNoMemory);
  CHECK(index().percent() == 0);
  Apply({});
  CHECK_FALSE(index().stopped);
  CHECK(index().percent() > 0);
  CHECK(executor.NextWaitEndMs() == 1000);
  Apply({}, cluster::kEntryNoMemory);
  CHECK(index().stopped);
  for (int i = 0; i < 10; i++) Apply({});
  CHECK(index().ready());
  CHECK(executor.NextWaitEndMs() == INT64_MAX);
  CHECK(ReadFrom(executor, {"INDEX", "INFO", "i"}).find("$5\r\nready") != std::string::npos);
}

}  // namespace
}  // namespace clustron::state

#include "tests/sim/watch_truth.h"

#include "store/types/string/string_value.h"

namespace clustron::sim {

void WatchTruth::OnRevision(const state::WatchRevision& revision) {
  for (const state::WatchEvent& event : revision.events) {
    if (event.kind == state::WatchKind::kReset) resets_.push_back({revision.revision, event.db});
    if (event.kind == state::WatchKind::kReset || event.db != 0 || !event.key.starts_with(prefix_))
      continue;
    const std::string key(event.key);
    if (event.kind == state::WatchKind::kDelete) {
      if (keys_.erase(key) == 0) wrong_ = "a delete of a key that was not there: " + key;
    } else {
      keys_[key] = {revision.revision, std::string(event.value)};
    }
    changes_[revision.revision].push_back({key, std::string(event.value)});
  }
}

void WatchTruth::CheckState(const store::Store& store, uint64_t slot, Report* report) {
  newest_ = store.revision();
  const auto fail = [&](const std::string& what) {
    report->Fail("watches", "replay of slot " + std::to_string(slot) + ": " + what);
  };
  if (!wrong_.empty()) return fail(wrong_);
  for (const auto& [key, told] : keys_) {
    // What is due is removed by the next entry.
    const store::KeyRecord* record = store.Find(0, key);
    if (record == nullptr) continue;
    if (record->revision() != told.first) return fail("a change of " + key + " was not told");
    store::Scratch scratch;
    if (StringOf(*record).Bytes(scratch) != told.second)
      return fail("another value of " + key + " was told than it has");
  }
  // Keys that nothing was told of are not there: the workload's names are few.
  for (char name = '0'; name <= '9'; ++name) {
    const std::string key = prefix_ + std::string(1, name);
    if (!keys_.contains(key) && store.Find(0, key) != nullptr)
      return fail("nothing was told of " + key);
  }
}

}  // namespace clustron::sim

#include "state/applying_entry.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/log.h"
#include "cluster/wire/skip_list.h"

namespace clustron::state {

namespace {

constexpr size_t kLastWordsBytes = 256 << 10;

paxos::Slot applying_slot = 0;
const paxos::Value* applying_value = nullptr;
char* last_words = nullptr;  // kept back for them

void OnMemoryEnd() {
  std::set_new_handler(nullptr);
  delete[] std::exchange(last_words, nullptr);
  if (applying_value != nullptr) {
    Log(LogLevel::kWarning,
        "can't go on: out of memory while slot {} was applied. It is chosen, so every start comes "
        "to it again: give the process more memory; or, to leave the entry out for ever, start "
        "every member once with --skip-slot {}",
        applying_slot, cluster::SkipText({applying_slot, cluster::HashOf(*applying_value)}));
  } else {
    LogLine(LogLevel::kWarning, "can't go on: out of memory");
  }
  std::fflush(nullptr);
  _exit(1);
}

}  // namespace

ApplyingEntry::ApplyingEntry(paxos::Slot slot, const paxos::Value& value) {
  applying_slot = slot;
  applying_value = &value;
}

ApplyingEntry::~ApplyingEntry() { applying_value = nullptr; }

void NameEntryWhenMemoryEnds() {
  last_words = new char[kLastWordsBytes];
  std::set_new_handler(OnMemoryEnd);
}

}  // namespace clustron::state

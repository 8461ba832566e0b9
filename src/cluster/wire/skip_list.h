// Entries that an operator has every member leave out because they can't be applied (`skip-slot`):
// each is named by its slot and the hash of its value, so that nothing else is left out in its
// place. They are state: kept in snapshots and, once passed, in the chained digest. Members whose
// lists differ make no link with each other.
//
// Pure. THREAD: the owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/result.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

struct Skip {
  paxos::Slot slot = 0;
  uint64_t hash = 0;
  friend bool operator==(const Skip&, const Skip&) = default;
};

// Of everything that makes a value what it is: the same on all nodes.
uint64_t HashOf(const paxos::Value& value);
std::string HashText(uint64_t hash);     // 16 hex digits
std::string SkipText(const Skip& skip);  // "SLOT:HASH", as the directive has it

// One word of the directive: "SLOT:HASH", or "SLOT:keep", which takes an earlier one back.
struct SkipWord {
  Skip skip;
  bool keep = false;
};
Result<SkipWord> ParseSkip(std::string_view word);

class SkipList {
 public:
  static constexpr size_t kCountMax = 64;

  const Skip* Find(paxos::Slot slot) const {
    for (const Skip& skip : skips_)
      if (skip.slot == slot) return &skip;
    return nullptr;
  }
  // Replaces what is there of that slot. False: there are too many.
  bool Set(const Skip& skip);
  void Remove(paxos::Slot slot);
  // Of the slots above `slot` holds what `by` says. False: there are too many.
  bool ReplaceAbove(paxos::Slot slot, const SkipList& by);
  bool empty() const { return skips_.empty(); }
  const std::vector<Skip>& skips() const { return skips_; }  // by rising slot
  std::string Text() const;                                  // "none", or words with commas

  void Encode(std::string* out) const;
  Status Decode(Reader* in);

  friend bool operator==(const SkipList&, const SkipList&) = default;

 private:
  std::vector<Skip> skips_;
};

}  // namespace clustron::cluster

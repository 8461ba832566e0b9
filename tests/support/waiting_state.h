// A replicated state whose entries are applied by hand, and what the clients of node 1 that wait
// are told: for tests of who is served.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "cluster/log/feature_version.h"
#include "cluster/log/wait_item.h"
#include "state/executor.h"
#include "tests/support/log_items.h"

namespace clustron::state {

using cluster::Session;
using cluster::WaitNews;

inline constexpr Session kOne{1, 5};
inline constexpr Session kTwo{2, 8};
inline constexpr Session kThree{3, 2};

// A state, and what its own waiters are told as those of node 1.
class WaitingState : public ApplySink, public WaitSink {
 public:
  WaitingState() {
    executor.Attach(kOne, nullptr, this, nullptr);
    executor.SetWaitSink(this);
  }

  void Items(const std::vector<std::string>& items, bool recovering = false) {
    executor.Apply(++slot,
                   {paxos::EntryKind::kBatch,
                    {1, 1},
                    std::make_shared<std::string>(EntryOf(elapsed_ms, 1'700'000'000'000, items))},
                   recovering);
  }
  std::string ItemOf(Session session, const std::vector<std::string_view>& words) {
    return CommandItem(words, session, ++sequences[session.node]);
  }
  // Returns the number that the command's client waits by.
  uint64_t Ask(Session session, const std::vector<std::string_view>& words) {
    Items({ItemOf(session, words)});
    return sequences[session.node];
  }
  void Do(const std::vector<std::string_view>& words) { Items({CommandItem(words)}); }
  void Tell(Session session, WaitNews news) {
    std::string item = cluster::WaitItem(news, session);
    if (session.node != 0) cluster::SetItemSequence(&item, ++sequences[session.node]);
    Items({item});
  }
  // The rules up to this version hold; a new state has those of the first.
  void RaiseVersion(uint16_t to) {
    std::string version;
    Writer(&version).U16(to);
    std::string item;
    const std::string_view args[] = {version};
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, args, &item);
    Items({item});
  }
  void Park(Session session) { Tell({}, {.what = WaitNews::What::kPark, .owner = session}); }
  std::string Read(const std::vector<std::string_view>& words) { return ReadFrom(executor, words); }
  size_t waiting() { return WaitsOf(executor.store()).size(); }

  // ApplySink
  OwnCall BeginOwnItem(uint64_t) override { return {&own, nullptr}; }
  void EndOwnItem(uint64_t sequence, bool waits) override {
    const std::string reply = own.TakeAll();
    if (waits) {
      CHECK(reply.empty());
      waits_by.push_back(sequence);
    }
  }

  // WaitSink
  OwnCall BeginServed(uint64_t) override { return {&own, nullptr}; }
  void EndServed(uint64_t id, WaitOutcome outcome) override {
    const std::string reply = own.TakeAll();
    CHECK(reply.empty() == (outcome == WaitOutcome::kWaitsOn));
    if (outcome != WaitOutcome::kWaitsOn) served[id] = reply;
  }
  void WaitersParked() override { ++parked; }
  void WaitersReplaced() override {}

  Executor executor{7};
  resp::ReplyChunks own;
  std::map<uint64_t, std::string> served;
  std::vector<uint64_t> waits_by;
  int parked = 0;
  cluster::Slot slot = 0;
  int64_t elapsed_ms = 1000;
  std::map<uint32_t, uint64_t> sequences;
};

}  // namespace clustron::state

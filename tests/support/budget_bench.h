// Two executors, one with a client and one without, that apply the same items: what an item may
// cost is judged alike on both, and what is undone leaves no trace.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "commands/transaction/multi.h"
#include "state/executor.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "store/tables/once_table.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {

using Words = std::vector<std::string>;

// An executor with a client, one without, and one that applies all but what was refused.
class Node final : public cluster::ApplyListener, public state::ApplySink, private store::Observer {
 public:
  explicit Node(bool has_client) : has_client_(has_client) {
    executor.Attach({1, 1}, this, this, nullptr);
    executor.news().SetDownstream(this);
    // As CONFIG SET notify-keyspace-events has it.
    for (int db = 0; db < store::kDatabases; ++db)
      executor.store().SetHook(db, store::Hook::kNotifications, true);
  }

  state::OwnCall BeginOwnItem(uint64_t) override {
    return {has_client_ ? &reply : nullptr, nullptr};
  }
  void EndOwnItem(uint64_t, bool) override {}
  void OnGap(cluster::Session, uint64_t) override { FAIL("a gap"); }
  void OnSnapshotWanted() override {}
  void OnLeaseGranted(const cluster::StateMachine::LeaseInfo&) override { ++events; }
  void OnLeaseEnded(std::string_view) override { ++events; }
  void OnLockPart(const cluster::StateMachine::LockPart&) override { ++events; }
  void OnLockPartEnded(int, std::string_view, uint64_t) override { ++events; }

  void OnChange(const store::Change&) override { ++events; }
  void OnNotify(int, std::string_view, store::Event) override { ++events; }
  void OnFlush(int, store::Revision) override { ++events; }
  void OnSwap(int, int, store::Revision) override { ++events; }
  void OnLease(const store::LeaseEvent&) override { ++events; }
  void OnLock(const store::LockEvent&) override { ++events; }

  state::Executor executor{7};
  resp::ReplyChunks reply;
  uint64_t events = 0;

 private:
  const bool has_client_;
};

struct Budget {
  Node with{true};
  Node without{false};
  cluster::Slot slot = 0;
  uint64_t sequence = 0;

  explicit Budget(uint16_t feature_version = 2) {
    std::string item;
    std::string version;
    Writer(&version).U16(feature_version);
    const std::string_view args[] = {version};
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, args, &item);
    Apply(item);
  }
  void Apply(const std::string& item) {
    ++slot;
    const std::string entry = EntryOf(1000, 1'700'000'000'000, {item});
    const auto bytes = std::make_shared<std::string>(entry);
    for (Node* node : {&with, &without})
      node->executor.Apply(slot, {paxos::EntryKind::kBatch, {1, 1}, bytes}, false);
    CHECK(with.executor.digest() == without.executor.digest());
    CHECK(with.executor.store().Digest() == without.executor.store().Digest());
    CHECK(with.events == without.events);
  }
  // The reply.
  std::string Run(const Words& words) {
    with.reply.TakeAll();
    Apply(CommandItem({words.begin(), words.end()}, {1, 1}, ++sequence));
    return with.reply.TakeAll();
  }
  std::string Exec(const std::vector<Words>& commands) {
    commands::ExecEncoder encoder({}, commands.size());
    std::vector<std::vector<std::string_view>> views;
    for (const Words& words : commands) views.emplace_back(words.begin(), words.end());
    for (const auto& view : views) encoder.Add(view);
    const commands::Args args = encoder.args();
    return Run(Words(args.begin(), args.end()));
  }
  void Limit(uint64_t reply, uint64_t work = state::Executor::kItemWorkMax) {
    CHECK(Run({"CONFIG", "SET", "item-reply-max", std::to_string(reply)}) == "+OK\r\n");
    for (Node* node : {&with, &without}) node->executor.SetItemWorkMax(work);
  }
  store::Store& store() { return with.executor.store(); }

  // Runs it; it must be refused with this code and leave no trace.
  void Refused(std::string_view code, const std::function<std::string()>& run) {
    const uint64_t digest = store().Digest();
    const uint64_t revision = with.executor.revision();
    const uint64_t events = with.events;
    const size_t stored = OnceOf(with.executor.store()).size();
    const size_t keys = store().Size(0);
    const auto watched = store().Watch(0, "k");
    const std::string reply = run();
    CAPTURE(reply.substr(0, 200));
    CHECK(reply.starts_with("-" + std::string(code) + " "));
    CHECK(reply.find("item-reply-max") != std::string::npos);
    CHECK(store().Digest() == digest);
    CHECK(with.executor.revision() == revision);
    CHECK(store().ItemRevision() == 0);
    CHECK(with.events == events);
    CHECK(OnceOf(with.executor.store()).size() == stored);
    CHECK(store().Size(0) == keys);
    CHECK(store().Unchanged(watched));
  }
};

}  // namespace clustron::server

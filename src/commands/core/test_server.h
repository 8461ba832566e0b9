// For unit tests: commands run on a store as the executor runs them, each in an item of its own,
// with clocks that the test moves.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"
#include "commands/core/guard.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"
#include "store/keyspace/store.h"
#include "store/tables/once_table.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::commands {

class TestServer : public Nested {
 public:
  explicit TestServer(uint64_t seed = 1) : store(seed) { store.BeginEntry(elapsed_ms, wall_ms); }

  // The reply's bytes.
  std::string Run(const std::vector<std::string_view>& args) {
    std::string out;
    resp::ReplyWriter reply(&out, resp_version);
    const CommandSpec* container;
    const CommandSpec* spec = Registry::Get().Resolve(args, &container);
    if (spec == nullptr || !spec->Accepts(args.size())) {
      // Encoded forms have more arguments than a client's.
      if (spec == nullptr || !spec->Is(kRunsQueue | kMadeHere)) {
        ReplyBadCommand(args, container, spec, reply);
        return out;
      }
    }
    const Class cls = spec->ClassOf(args);
    Caller caller{.db = db, .resp_version = resp_version, .client = client};
    if (cls == Class::kLeader) caller.timers = timers;
    const EntryView entry{.store = store, .item_flags = item_flags};
    Context ctx(*spec, args, caller, store, cls == Class::kWrite ? &entry : nullptr, ++items, reply,
                {this, server});
    store.BeginItem();
    Handle(ctx);
    met_ending = ctx.verdict.met_ending;
    needs_entry = ctx.verdict.needs_entry;
    rest = ctx.verdict.rest;
    return out;
  }
  // Words separated by blanks.
  std::string Run(std::string_view line) {
    std::vector<std::string> words;
    std::istringstream in{std::string(line)};
    for (std::string word; in >> word;) words.push_back(word);
    return Run(std::vector<std::string_view>(words.begin(), words.end()));
  }

  bool Run(Args args, resp::ReplyWriter& reply, Context& outer) override {
    const uint32_t errors = reply.error_count();
    const CommandSpec* container;
    const CommandSpec* spec = Registry::Get().Resolve(args, &container);
    if (spec == nullptr || !spec->Accepts(args.size())) {
      ReplyBadCommand(args, container, spec, reply);
      return false;
    }
    Context ctx = outer.ForInner(*spec, args, ++items, reply);
    Handle(ctx);
    outer.EndInner(ctx);
    return reply.error_count() == errors;
  }

  // Time passes, by the log's clocks.
  void Advance(int64_t ms) {
    elapsed_ms += ms;
    wall_ms += ms;
    store.BeginEntry(elapsed_ms, wall_ms);
  }

  virtual void Prepare(Context&) {}
  void Handle(Context& ctx) {
    Prepare(ctx);
    if (!ctx.in_entry() || GuardsAllow(ctx)) ctx.spec->handler(ctx);
  }

  int64_t elapsed_ms = 1000;
  int64_t wall_ms = 1'700'000'000'000;
  store::Store store;
  store::OnceTable& once = OnceOf(store);
  int db = 0;
  int resp_version = 2;
  uint64_t items = 0;
  uint8_t item_flags = 0;  // of what comes next
  bool met_ending = false;
  bool needs_entry = false;
  std::vector<std::string> rest;
  ClientPort* client = nullptr;
  ServerPort* server = nullptr;
  LeaderTimers* timers = nullptr;
};

}  // namespace clustron::commands

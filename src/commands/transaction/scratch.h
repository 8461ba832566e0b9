// Where an open transaction reads: a store beside the live one, with copies of the keys that the
// read names, and of those that the staged commands name which it may see something of. These
// commands are run there first, so it sees what they would have done.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"

namespace clustron::store {
struct Lease;
}

namespace clustron::commands {

// A key as it was seen; revision 0: it was absent.
struct SeenKey {
  std::string key;
  store::Revision revision;
};

// A write that waits for COMMIT.
struct StagedCommand {
  std::vector<std::string> words;
  // What it does to values; inside of LOCK DO or LEASE DO that is what they wrap.
  const CommandSpec* data = nullptr;    // null: it changes no values (LOCK RELEASE, LEASE ATTACH …)
  size_t data_at = 0;                   // the words of `data` begin here
  std::vector<std::string> reads = {};  // keys that `data` names, and leaves as they are
  std::vector<std::string> writes = {};
};

class Scratch {
 public:
  Scratch();
  ~Scratch();

  // Runs the read on copies, and has it reply to `ctx`, whose store is the live one. `seen` gets
  // the keys that were copied, as they are there. An error is the reply, too: the read's, or that
  // of a staged command, or a limit.
  void Read(Context& ctx, int db, const CommandSpec& spec, Args read,
            const std::vector<StagedCommand>& staged, std::vector<SeenKey>* seen);

 private:
  static constexpr size_t kValueBytesMax = 1 << 20;
  static constexpr uint64_t kWorkMax = 16'000'000;  // units, of the staged commands
  // What is left behind in clocks' wheels and the like goes with the store.
  static constexpr int kReadsPerStore = 1000;

  // What a read has to do with.
  struct Slice {
    std::vector<size_t> commands;  // staged, in their order
    std::set<std::string> keys;    // all that are named
    std::set<std::string> written;
  };

  void Prepare(const store::Store& live);
  static Slice SliceOf(const CommandSpec& spec, Args read,
                       const std::vector<StagedCommand>& staged);
  bool CopyKeys(Context& ctx, int db, const Slice& slice, std::vector<SeenKey>* seen);
  void CopyLease(const store::Lease& lease);
  void CopyLeases(const store::Store& live, const StagedCommand& command);
  void AttachKeys(const store::Store& live, int db, const Slice& slice);
  bool RunStaged(Context& ctx, int db, const StagedCommand& command, size_t i);
  bool WrittenAreSmall(int db, const Slice& slice) const;
  void Clean(int db, const Slice& slice);

  std::unique_ptr<store::Store> store_;
  std::vector<std::string> leases_;  // there, for this read
  int reads_ = 0;
};

}  // namespace clustron::commands

// Transactions that are open on this node: what each has read and staged. The node's memory, not
// state: nobody else sees it, and it is gone with the process. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/core/context.h"
#include "commands/transaction/scratch.h"

namespace clustron::commands {

inline constexpr int64_t kOpenTxnTtlMs = 10'000;  // unless BEGIN says another
inline constexpr size_t kOpenTxnsMax = 10'000;
inline constexpr size_t kOpenTxnCommandsMax = 1024;
inline constexpr size_t kOpenTxnBytesMax = 1 << 20;
inline constexpr size_t kOpenTxnIdBytesMax = 64;  // behind the node's number

class OpenTxn {
 public:
  struct Begun {
    int db = 0;
    uint64_t number = 0;  // no other transaction of the cluster has it
    int64_t at_ms = 0;
    int64_t ends_ms = 0;
  };
  OpenTxn(std::string id, const Begun& begun) : id_(std::move(id)), begun_(begun) {}

  const std::string& id() const { return id_; }
  const Begun& begun() const { return begun_; }
  const std::vector<StagedCommand>& commands() const { return commands_; }
  size_t keys_read() const { return reads_.size(); }

  // False: it holds as many bytes as it may, and nothing was done.
  bool Stage(StagedCommand command);
  // The keys were seen with these revisions, 0: absent. The same.
  bool NoteReads(const std::vector<SeenKey>& seen);

  // The words of its COMMIT (commit_call.h).
  std::vector<std::string> Words() const;

 private:
  // A key may have been seen with two revisions: then the transaction can't be applied any more,
  // and is refused because it is not both. More are not kept.
  struct Seen {
    store::Revision first = 0;
    std::optional<store::Revision> other = {};
  };
  static constexpr size_t kReadBytes = 16;  // of a key, beside its name

  const std::string id_;
  const Begun begun_;
  std::vector<StagedCommand> commands_;
  std::map<std::string, Seen, std::less<>> reads_;
  size_t bytes_ = 0;
};

class OpenTxns {
 public:
  using Name = std::pair<std::string, std::string>;  // user, id

  bool full() const { return all_.size() >= kOpenTxnsMax; }
  // REQUIRES: !full(), and there is none of this name.
  OpenTxn& Open(std::string_view user, std::string_view id, const OpenTxn::Begun& begun);
  // Null: there is none, or it is past its time.
  OpenTxn* Find(std::string_view user, std::string_view id, int64_t now_ms);
  // It is open no more. REQUIRES: Find() has found it.
  void Close(std::string_view user, std::string_view id);
  // Forgets those that are past their time.
  void Sweep(int64_t now_ms);

  const std::map<Name, OpenTxn>& all() const { return all_; }
  Scratch& scratch() { return scratch_; }

 private:
  std::map<Name, OpenTxn> all_;
  std::set<std::pair<int64_t, Name>> by_end_;
  Scratch scratch_;
};

// The number of the node that holds the transaction of this id; nothing: it is no id.
std::optional<uint32_t> NodeOfTxn(std::string_view id);

}  // namespace clustron::commands

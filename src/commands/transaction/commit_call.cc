#include "commands/transaction/commit_call.h"

#include "base/coding.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

namespace {
constexpr size_t kHeadAt = 3;  // behind TXN COMMIT id
}

std::vector<std::string> CommitWords(std::string_view id, uint64_t number, int db,
                                     const std::vector<SeenKey>& seen,
                                     const std::vector<StagedCommand>& commands) {
  std::vector<std::string> words = ClosingWords(id);
  std::string head;
  Writer w(&head);
  w.U64(number);
  w.U8(static_cast<uint8_t>(db));
  w.Varint(seen.size());
  for (const SeenKey& one : seen) w.Varint(one.revision);
  w.Varint(commands.size());
  for (const StagedCommand& command : commands) w.Varint(command.words.size());
  words.push_back(std::move(head));
  for (const SeenKey& one : seen) words.push_back(one.key);
  for (const StagedCommand& command : commands)
    words.insert(words.end(), command.words.begin(), command.words.end());
  return words;
}

std::vector<std::string> ClosingWords(std::string_view id) { return {"COMMIT", std::string(id)}; }

bool ReadCommit(Args args, CommitCall* out) {
  if (args.size() <= kHeadAt) return false;
  Reader head(args[kHeadAt]);
  size_t at = kHeadAt + 1;
  out->number = head.U64();
  out->db = head.U8();
  if (out->db >= store::kDatabases) return false;
  const uint64_t reads = head.Varint();
  if (!head.ok() || reads > args.size() - at) return false;
  for (uint64_t i = 0; i < reads; i++) out->reads.push_back({args[at++], head.Varint()});
  const uint64_t commands = head.Varint();
  if (!head.ok() || commands > args.size() - at) return false;
  for (uint64_t i = 0; i < commands; i++) {
    const uint64_t words = head.Varint();
    if (!head.ok() || words == 0 || words > args.size() - at) return false;
    out->commands.push_back(args.subspan(at, words));
    at += words;
  }
  return head.Done() && at == args.size();
}

}  // namespace clustron::commands

#include "commands/transaction/open_txns.h"

#include "base/check.h"
#include "base/numeric.h"
#include "base/planted_bugs.h"
#include "commands/transaction/commit_call.h"

namespace clustron::commands {

bool OpenTxn::Stage(StagedCommand command) {
  size_t bytes = 0;
  for (const std::string& word : command.words) bytes += word.size() + sizeof(uint32_t);
  if (bytes_ + bytes > kOpenTxnBytesMax) return false;
  bytes_ += bytes;
  commands_.push_back(std::move(command));
  return true;
}

bool OpenTxn::NoteReads(const std::vector<SeenKey>& seen) {
  size_t bytes = 0;
  for (const SeenKey& one : seen)
    if (!reads_.contains(one.key)) bytes += one.key.size() + kReadBytes;
  if (bytes_ + bytes > kOpenTxnBytesMax) return false;
  bytes_ += bytes;
  for (const SeenKey& one : seen) {
    const auto [at, added] = reads_.emplace(one.key, Seen{one.revision});
    if (!added && at->second.first != one.revision) at->second.other = one.revision;
  }
  return true;
}

std::vector<std::string> OpenTxn::Words() const {
  std::vector<SeenKey> seen;
  for (const auto& [key, revisions] : reads_) {
    if (Planted(Bug::kTxnAbsentUnchecked) && revisions.first == 0) continue;
    seen.push_back({key, revisions.first});
    if (revisions.other) seen.push_back({key, *revisions.other});
  }
  return CommitWords(id_, begun_.number, begun_.db, seen, commands_);
}

OpenTxn& OpenTxns::Open(std::string_view user, std::string_view id, const OpenTxn::Begun& begun) {
  CHECK(!full());
  const Name name(user, id);
  const auto [at, added] = all_.emplace(name, OpenTxn(std::string(id), begun));
  CHECK(added);
  by_end_.emplace(begun.ends_ms, name);
  return at->second;
}

OpenTxn* OpenTxns::Find(std::string_view user, std::string_view id, int64_t now_ms) {
  const auto at = all_.find(Name(user, id));
  return at == all_.end() || at->second.begun().ends_ms <= now_ms ? nullptr : &at->second;
}

void OpenTxns::Close(std::string_view user, std::string_view id) {
  const auto at = all_.find(Name(user, id));
  CHECK(at != all_.end());
  by_end_.erase({at->second.begun().ends_ms, at->first});
  all_.erase(at);
}

void OpenTxns::Sweep(int64_t now_ms) {
  while (!by_end_.empty() && by_end_.begin()->first <= now_ms) {
    all_.erase(by_end_.begin()->second);
    by_end_.erase(by_end_.begin());
  }
}

std::optional<uint32_t> NodeOfTxn(std::string_view id) {
  const size_t dash = id.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const size_t own = id.size() - dash - 1;
  const auto node = ParseUint64(id.substr(0, dash));
  if (!node || *node == 0 || *node > UINT32_MAX || own == 0 || own > kOpenTxnIdBytesMax)
    return std::nullopt;
  return static_cast<uint32_t>(*node);
}

}  // namespace clustron::commands

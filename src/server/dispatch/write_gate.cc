#include "server/dispatch/write_gate.h"

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "commands/generic/expire.h"
#include "server/dispatch/errors.h"

namespace clustron::server {

namespace {

// What one command, or what is between MULTI and EXEC, may take in the log: within what an entry's
// formats can tell, and more than its budget of work lets anybody use.
constexpr size_t kItemBytesMax = 1 << 30;

// What an item of these words takes in the log, about.
size_t ItemBytes(commands::Args args) {
  constexpr size_t kItemBytes = 128;  // without its words
  size_t bytes = kItemBytes;
  for (std::string_view arg : args) bytes += arg.size() + sizeof(uint32_t);
  return bytes;
}

}  // namespace

// What maxmemory bounds is the data; buffers have bounds of their own. The leader's verdict travels
// with the items.
void WriteGate::CheckMemory() {
  const int64_t max_bytes = config_.Int(Opt::kMaxMemory);
  node_.parts().proposer.SetOverMemory(max_bytes > 0 && executor_.store().used_bytes() >
                                                            static_cast<size_t>(max_bytes));
}

// Memory goes up and down around its limit: one line when it is reached, one when it is well below.
void WriteGate::TellOfMemory() {
  const uint64_t used = executor_.store().used_bytes();
  const uint64_t max_bytes = static_cast<uint64_t>(config_.Int(Opt::kMaxMemory));
  if (node_.parts().proposer.over_memory() && !told_over_memory_) {
    told_over_memory_ = true;
    Log(LogLevel::kWarning,
        "memory limit reached: the data takes {} bytes, more than {} (maxmemory): while this node "
        "leads, writes that may need memory are refused",
        used, max_bytes);
  } else if (told_over_memory_ && (max_bytes == 0 || used < max_bytes - max_bytes / 20)) {
    told_over_memory_ = false;
    Log(LogLevel::kNotice,
        "the data takes {} bytes: the memory limit ({}) no longer refuses writes", used, max_bytes);
  }
}

void WriteGate::CheckDiskLowWater() {
  const int64_t bytes = config_.Int(Opt::kDiskLowWater);
  if (std::exchange(disk_low_water_, bytes) != bytes)
    node_.parts().disk.SetLowWater(static_cast<uint64_t>(bytes));
}

// COMPAT: as in Redis, a full disk refuses writes and nobody else waits for it. What has no room in
// the log is refused before it does anything.
std::string_view WriteGate::Refuses(commands::Args args) {
  const size_t bytes = ItemBytes(args);
  if (bytes > kItemBytesMax) {
    REACH("write refused because it is too big for an entry");
    return kErrTooBig;
  }
  // Many big ones within one turn are several entries.
  if (executor_.inline_bytes() + bytes > kItemBytesMax) SealInline();
  if (!node_.parts().inline_path.HasRoomFor(executor_.inline_bytes() + bytes)) {
    REACH("write refused for lack of room in the log");
    return commands::kErrDiskLow;
  }
  return {};
}

bool WriteGate::OpenInline() {
  if (executor_.inline_open()) return true;
  if (!node_.parts().inline_path.Ready()) return false;
  InlineTick();
  return true;
}

bool WriteGate::OpenInlineFor(const cluster::ReadGrant& grant) {
  CHECK(!executor_.inline_open());
  if (!node_.parts().inline_path.Ready()) return false;
  executor_.OpenInline(node_.parts().inline_path.NextSlot(), grant.elapsed_ms, grant.wall_ms,
                       node_.parts().inline_path.IsRead());
  return true;
}

void WriteGate::InlineTick() {
  if (executor_.inline_open()) return;
  executor_.OpenInline(node_.parts().inline_path.NextSlot(), node_.parts().clock.LiveElapsedMs(),
                       node_.parts().clock.LiveWallMs(), node_.parts().inline_path.IsRead());
}

void WriteGate::SealInline() {
  if (!executor_.inline_open()) return;
  std::string entry = executor_.SealInline(node_.parts().proposer.Flags());
  if (!entry.empty()) node_.parts().inline_path.Commit(std::move(entry));
}

void WriteGate::Submit(Session& session, Pending& pending, const Written& written) {
  const Client& client = session.client;
  std::string item;
  cluster::AppendItem({.command_id = written.spec->id,
                       .db = static_cast<uint8_t>(pending.db),
                       .resp_version = static_cast<uint8_t>(pending.resp_version),
                       .session = node_.session(),
                       .user = client.user() == "default" ? std::string_view() : client.user()},
                      written.args, &item);
  session.queue.BeginWrite(pending, item.size());
  node_.parts().writes.Submit(std::move(item), &session);
}

void WriteGate::SubmitFront(Session& session, int64_t ttl_ms) {
  Pending& front = session.queue.front();
  std::vector<std::string_view> args;
  front.args.Views(&args);
  std::vector<std::string_view> words = args;
  std::string number;
  const commands::CommandSpec* row = front.spec;
  if (ttl_ms != 0) row = &commands::WithTtlMs(*front.spec, args, ttl_ms, &number, &words);
  Submit(session, front, {row, words});
}

void WriteGate::SubmitFront(Session& session, const std::vector<std::string>& words) {
  Pending& front = session.queue.front();
  const std::vector<std::string_view> views(words.begin(), words.end());
  Submit(session, front, {front.spec, views});
}

}  // namespace clustron::server

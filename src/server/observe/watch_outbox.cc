#include "server/observe/watch_outbox.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::server {

namespace {

// A connection with less unsent than that takes more at once.
constexpr size_t kUnsentBytes = 256 << 10;

}  // namespace

bool WatchOutbox::HasRoom(const Client& client) {
  return client.link().output_bytes() < kUnsentBytes;
}

void WatchOutbox::Send(Watched& watched, Watcher& watcher, WatchFrames& frames,
                       store::Revision told_before) {
  Client& client = *watcher.client;
  watcher.form.resp_version = client.modes().resp_version;
  const std::string_view bytes = frames.For(watcher.form);
  auto it = queues_.find(client.id());
  if (it == queues_.end() && HasRoom(client)) return client.link().Push(bytes);
  if (it == queues_.end()) it = queues_.emplace(client.id(), Queue{&client, {}, 0, {}}).first;
  Queue& queue = it->second;
  const size_t limit = static_cast<size_t>(config_.Int(Opt::kWatchBufferSize));
  const bool slow = watcher.slow_to != 0;
  if (!slow && queue.bytes + bytes.size() <= limit) {
    queue.bytes += bytes.size();
    queue.frames.push_back({watched.target, watcher.form.kind(), std::string(bytes)});
    return;
  }
  if (!slow) {
    REACH("watcher too slow for its buffer");
    watcher.slow_from = told_before;
    if (queue.slow.empty())
      Log(LogLevel::kVerbose, "{} is too slow for its watches: events are left out",
          client.address().peer);
    if (std::find(queue.slow.begin(), queue.slow.end(), watched.target) == queue.slow.end())
      queue.slow.push_back(watched.target);
  }
  watcher.slow_to = watched.told;
}

void WatchOutbox::SendGaps(Queue& queue) {
  for (const commands::WatchTarget& target : std::exchange(queue.slow, {})) {
    Watched* watched = table_.Find(target);
    if (watched == nullptr) continue;
    for (Watcher& watcher : watched->watchers) {
      if (watcher.client != queue.client || watcher.slow_to == 0) continue;
      WatchFrames frames = WatchFrames::Gap(target, watcher.slow_from, watcher.slow_to);
      watcher.slow_from = watcher.slow_to = 0;
      ++gaps_;
      if (!Planted(Bug::kWatchGapForgotten)) watcher.client->link().Push(frames.For(watcher.form));
    }
  }
}

void WatchOutbox::Step() {
  for (auto it = queues_.begin(); it != queues_.end();) {
    Queue& queue = it->second;
    while (!queue.frames.empty() && HasRoom(*queue.client)) {
      queue.client->link().Push(queue.frames.front().bytes);
      queue.bytes -= queue.frames.front().bytes.size();
      queue.frames.pop_front();
    }
    if (!queue.frames.empty() || !HasRoom(*queue.client)) {
      ++it;
      continue;
    }
    CHECK(queue.bytes == 0);
    SendGaps(queue);
    it = queues_.erase(it);
  }
}

void WatchOutbox::ForgetWatch(const Watched& watched, const Watcher& watcher) {
  const auto it = queues_.find(watcher.client->id());
  if (it == queues_.end()) return;
  Queue& queue = it->second;
  const size_t form = watcher.form.kind();
  std::erase_if(queue.frames, [&](const Frame& frame) {
    if (frame.form != form || frame.target != watched.target) return false;
    queue.bytes -= frame.bytes.size();
    return true;
  });
}

size_t WatchOutbox::bytes() const {
  size_t sum = 0;
  for (const auto& [id, queue] : queues_) sum += queue.bytes;
  return sum;
}

}  // namespace clustron::server

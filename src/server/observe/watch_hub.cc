#include "server/observe/watch_hub.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "commands/core/channel_sync.h"
#include "commands/core/registry.h"
#include "commands/core/watch_target.h"
#include "commands/pubsub/channels.h"
#include "commands/watch/rows.h"
#include "server/front/client.h"
#include "server/observe/watch_search_reply.h"
#include "store/keyspace/watch_mode.h"

namespace clustron::server {

using commands::ParseWatchChannel;
using commands::WatchTarget;
using state::WatchEvent;
using state::WatchKind;
using store::Revision;

namespace {

// What one message may hold.
constexpr size_t kMessageBytes = 1 << 20;
constexpr size_t kMessageEvents = 65'536;
// What one revision may cost here: events times watches. Beyond that all are told a gap.
constexpr size_t kMatchesMax = 200'000;
// A quiet target's revision is told so often; so many of them within a tick.
constexpr int64_t kSyncMs = 10'000;
constexpr size_t kSyncsPerStep = 2000;
// What was proposed and has not shown is proposed again.
constexpr int64_t kAgainNs = 1'000'000'000;
// Behind a snapshot so many bytes of the history are told event by event; of more a gap.
constexpr size_t kReplayBytes = 4 << 20;

}  // namespace

WatchHub::WatchHub(const Clock& clock, const Config& config, state::Executor& executor,
                   PubsubHub& hub)
    : clock_(clock), config_(config), executor_(executor), hub_(hub) {
  executor_.news().changes().SetSink(this);
  hub_.SetListener(this);
}

WatchHub::~WatchHub() {
  hub_.SetListener(nullptr);
  executor_.news().changes().SetSink(nullptr);
}

// --- Who watches ---------------------------------------------------------------------------------

void WatchHub::FollowNeeds() {
  executor_.news().changes().SetOwnNeeds(!table_.empty(), previous_watchers_ > 0);
}

void WatchHub::Add(const WatchTarget& target, Client& client, const WatchForm& form) {
  Watched& watched = table_.Add(target, ToldRevision(), NowMs());
  CHECK(watched.Find(client, form.plain, form.previous) == nullptr);
  watched.watchers.push_back({&client, form});
  ++watchers_;
  if (form.previous) ++previous_watchers_;
  FollowNeeds();
}

void WatchHub::Remove(const WatchTarget& target, Client& client, bool plain, bool previous) {
  Watched* watched = table_.Find(target);
  CHECK(watched != nullptr);
  Watcher* watcher = watched->Find(client, plain, previous);
  CHECK(watcher != nullptr);
  outbox_.ForgetWatch(*watched, *watcher);
  --watchers_;
  if (watcher->form.previous) --previous_watchers_;
  watched->watchers.erase(watched->watchers.begin() + (watcher - watched->watchers.data()));
  table_.DropUnused(target);
  FollowNeeds();
}

void WatchHub::Subscribed(Client& client, std::string_view channel) {
  const auto parsed = ParseWatchChannel(channel);
  if (!parsed) return;
  Begin(parsed->previous);
  Add(parsed->target, client, {.previous = parsed->previous});
}

void WatchHub::Unsubscribed(Client& client, std::string_view channel) {
  if (const auto parsed = ParseWatchChannel(channel))
    Remove(parsed->target, client, false, parsed->previous);
}

void WatchHub::Forgotten(Client& client) {
  if (const auto it = plain_.find(client.id()); it != plain_.end()) {
    for (const WatchTarget& target : it->second) Remove(target, client, true, false);
    plain_.erase(it);
    client.watches = 0;
  }
  outbox_.Forget(client);
}

void WatchHub::AddWait(const WatchTarget& target, WatchSearchReply& reply) {
  table_.Add(target, ToldRevision(), NowMs()).waits.push_back(&reply);
  FollowNeeds();
}

void WatchHub::RemoveWait(const WatchTarget& target, WatchSearchReply& reply) {
  Watched* watched = table_.Find(target);
  CHECK(watched != nullptr);
  std::erase(watched->waits, &reply);
  table_.DropUnused(target);
  FollowNeeds();
}

// --- The history of the cluster ------------------------------------------------------------------

bool WatchHub::Kept(bool previous) const {
  const auto mode = static_cast<store::WatchMode>(store().settings().Number("watches"));
  return mode == store::WatchMode::kPrevious || (mode == store::WatchMode::kOn && !previous);
}

bool WatchHub::Begin(bool previous) {
  if (Kept(previous)) return true;
  // Proposed with the next tick: a command may be running within an entry.
  wants_history_ = true;
  wants_previous_ |= previous;
  return false;
}

// The first use of watches in the cluster begins it, for all nodes at one slot.
void WatchHub::Propose() {
  if (node_ == nullptr || restoring()) return;
  if (executor_.feature_version() < cluster::kFeatureVersion) return;
  const int64_t now = clock_.MonotonicNs();
  if (proposed_ns_ != 0 && now - proposed_ns_ < kAgainNs) return;
  proposed_ns_ = now;
  const std::vector<std::string_view> words = {"CONFIG", "SET", "watches",
                                               wants_previous_ ? "previous" : "on"};
  const commands::CommandSpec* container = nullptr;
  const commands::CommandSpec* spec = commands::Registry::Get().Resolve(words, &container);
  CHECK(spec != nullptr);
  std::string item;
  cluster::AppendItem({.command_id = spec->id, .session = node_->session()}, words, &item);
  node_->parts().writes.Submit(std::move(item), nullptr);
}

std::optional<uint64_t> WatchHub::OldestRevision() const {
  if (!keeps_history()) return std::nullopt;
  return history().active() ? history().oldest() : store().revision();
}

// --- Events --------------------------------------------------------------------------------------

void WatchHub::Tell(Watched& watched, Revision told, WatchFrames frames) {
  const Revision before = watched.told;
  table_.Told(watched, told, NowMs());
  for (Watcher& watcher : watched.watchers) outbox_.Send(watched, watcher, frames, before);
}

void WatchHub::TellEvents(Watched& watched, Revision revision, const Events& events) {
  for (WatchSearchReply* wait : watched.waits) wait->Wake(revision - 1);
  if (watched.watchers.empty()) return table_.Told(watched, revision, NowMs());
  size_t bytes = 0;
  for (const WatchEvent* event : events)
    bytes += event->key.size() + event->value.size() + event->previous.size();
  if (events.empty() || events.size() > kMessageEvents || bytes > kMessageBytes) {
    REACH("revision too large for a message");
    ++gaps_;
    return Tell(watched, revision, WatchFrames::Gap(watched.target, revision, revision));
  }
  ++messages_told_;
  Revision previous = watched.told;
  if (Planted(Bug::kWatchPreviousWrong)) previous = previous > 2 ? previous - 2 : 0;
  Tell(watched, revision, WatchFrames::Events(watched.target, revision, previous, events));
}

void WatchHub::TellReset(const WatchEvent& event, Revision revision) {
  // Telling moves a target to the list's end.
  std::vector<Watched*> watches;
  for (Watched& watched : table_.all())
    if (event.OfDb(watched.target.db)) watches.push_back(&watched);
  for (Watched* watched : watches) TellEvents(*watched, revision, {&event});
}

void WatchHub::OnRevision(const state::WatchRevision& revision) {
  if (table_.empty()) return;
  if (revision.events.size() == 1 && revision.events[0].kind != WatchKind::kReset) {
    const WatchEvent& event = revision.events[0];
    table_.ForEachOf(event.db, event.key,
                     [&](Watched& watched) { TellEvents(watched, revision.revision, {&event}); });
    return;
  }
  // In the order in which a target's first event comes.
  std::vector<std::pair<Watched*, Events>> found;
  std::unordered_map<Watched*, size_t> places;
  size_t matches = 0;
  for (const WatchEvent& event : revision.events) {
    if (event.kind == WatchKind::kReset) {
      TellReset(event, revision.revision);
      continue;
    }
    table_.ForEachOf(event.db, event.key, [&](Watched& watched) {
      const auto [it, added] = places.emplace(&watched, found.size());
      if (added) found.push_back({&watched, {}});
      Events& events = found[it->second].second;
      if (events.size() <= kMessageEvents) events.push_back(&event);
      ++matches;
    });
    if (matches > kMatchesMax) return TellTooMuch(revision.revision);
  }
  for (auto& [watched, events] : found) TellEvents(*watched, revision.revision, events);
}

// Who is concerned is not looked for: all may have missed something.
void WatchHub::TellTooMuch(Revision revision) {
  REACH("revision with too many matches");
  std::vector<Watched*> watches;
  for (Watched& watched : table_.all())
    if (watched.told < revision) watches.push_back(&watched);
  for (Watched* watched : watches) TellEvents(*watched, revision, {});
}

// --- What else is told ---------------------------------------------------------------------------

void WatchHub::TellSyncs() {
  const int64_t now_ms = NowMs();
  for (size_t i = 0; i < kSyncsPerStep && !table_.empty(); ++i) {
    Watched& quiet = table_.all().front();
    if (now_ms - quiet.told_ms < kSyncMs) return;
    Revision revision = store().revision();
    if (Planted(Bug::kWatchSyncAhead)) revision += 2;
    Tell(quiet, revision, WatchFrames::Sync(quiet.target, revision));
  }
}

void WatchHub::Step() {
  if (wants_history_ && Kept(wants_previous_)) wants_history_ = wants_previous_ = false;
  if (wants_history_) Propose();
  if (restoring()) return;
  TellSyncs();
  outbox_.Step();
}

// What the history has of what came in between is told as if it had been applied here.
bool WatchHub::Replay(Revision told) {
  Revision instead = 0;
  if (!history().active() || !history().Knows(told, &instead)) return false;
  return history().ReplaySince(told, kReplayBytes,
                               [&](const state::WatchRevision& revision) { OnRevision(revision); });
}

// Of locks and leases no history is kept: how they are now says whether something was missed.
void WatchHub::TellCoordination() {
  for (const std::string& channel :
       hub_.Names(commands::PubsubPort::Kind::kChannel, std::nullopt)) {
    if (!commands::IsReservedChannel(channel) || commands::IsWatchChannel(channel)) continue;
    if (const auto sync = commands::SyncMessage(store(), channel, store().revision()))
      hub_.Deliver(channel, *sync, false);
  }
}

void WatchHub::OnReplaced(Revision told) {
  TellCoordination();
  if (table_.empty()) return;
  for (Watched& watched : table_.all())
    for (WatchSearchReply* wait : watched.waits) wait->Wake(/*known=*/0);
  if (Replay(told)) {
    REACH("watches go on behind a snapshot");
    return;
  }
  REACH("watches told of a gap behind a snapshot");
  const Revision now = store().revision();
  std::vector<Watched*> watches;
  for (Watched& watched : table_.all())
    if (watched.told < now) watches.push_back(&watched);
  for (Watched* watched : watches) {
    ++gaps_;
    Tell(*watched, now, WatchFrames::Gap(watched->target, watched->told, now));
  }
}

// --- WATCHKEY ------------------------------------------------------------------------------------

std::unique_ptr<commands::LateReply> WatchHub::Since(commands::SinceCall call,
                                                     commands::ClientPort& client) {
  return std::make_unique<WatchSearchReply>(*this, std::move(call), client);
}

std::unique_ptr<commands::LateReply> WatchHub::Watch(commands::PlainWatch call,
                                                     commands::ClientPort& client) {
  return std::make_unique<WatchBeginReply>(*this, std::move(call), client);
}

namespace {

// Frames that come with the confirmation.
void ReplySnapshot(resp::ReplyWriter& reply, const store::Store& store, const WatchTarget& target) {
  std::vector<const store::KeyRecord*> found;
  if (target.prefix) {
    store.Scan(target.db, 0, SIZE_MAX, [&](const store::KeyRecord& record) {
      if (record.key().starts_with(target.name)) found.push_back(&record);
    });
    std::sort(found.begin(), found.end(),
              [](const auto* a, const auto* b) { return a->key() < b->key(); });
  } else if (const store::KeyRecord* record = store.Find(target.db, target.name)) {
    found.push_back(record);
  }
  reply.Push(5);
  reply.Bulk("watchkey");
  reply.Bulk("snapshot");
  reply.Bulk(target.name);
  reply.Uint(store.revision());
  reply.Array(found.size());
  for (const store::KeyRecord* record : found)
    commands::ReplyRow(reply, store, target.db, *record, {});
}

void ReplyFound(resp::ReplyWriter& reply, const WatchTarget& target, const WatchForm& form,
                Revision from, const state::WatchSearch& search, Revision now) {
  std::vector<WatchEvent> events;
  Revision at = 0;
  const auto flush = [&] {
    if (events.empty()) return;
    std::vector<const WatchEvent*> views;
    for (const WatchEvent& event : events) views.push_back(&event);
    WatchFrames frames = WatchFrames::Events(target, at, from, views);
    reply.Raw(frames.For(form));
    from = at;
    events.clear();
  };
  search.ForEach([&](Revision revision, const WatchEvent& event) {
    if (revision != at) flush();
    at = revision;
    events.push_back(event);
  });
  flush();
  if (search.complete()) return;
  // More than one answer holds: the rest is to be asked for.
  WatchFrames gap = WatchFrames::Gap(target, search.up_to(), now);
  reply.Raw(gap.For(form));
}

}  // namespace

void WatchHub::AddPlain(const commands::PlainWatch& call,
                        const std::vector<std::unique_ptr<state::WatchSearch>>& found,
                        commands::ClientPort& port, resp::ReplyWriter& reply) {
  Client& client = static_cast<Client&>(port);
  const WatchForm form{.plain = true,
                       .previous = call.previous,
                       .values = call.values,
                       .resp_version = reply.version()};
  std::set<WatchTarget>& mine = plain_[client.id()];
  for (size_t i = 0; i < call.targets.size(); ++i) {
    const WatchTarget& target = call.targets[i];
    // Once more: by its new options.
    if (!mine.insert(target).second) Remove(target, client, true, false);
    Add(target, client, form);
    client.watches = mine.size();
    if (call.snapshot) ReplySnapshot(reply, store(), target);
    if (!found.empty())
      ReplyFound(reply, target, form, call.revision, *found[i], store().revision());
    WatchFrames sync = WatchFrames::Sync(target, store().revision());
    reply.Raw(sync.For(form));
  }
}

size_t WatchHub::Unwatch(commands::ClientPort& port, int db, std::string_view name) {
  Client& client = static_cast<Client&>(port);
  const auto it = plain_.find(client.id());
  if (it == plain_.end()) return 0;
  for (const bool prefix : {false, true}) {
    const WatchTarget target{db, prefix, std::string(name)};
    if (it->second.erase(target) == 0) continue;
    Remove(target, client, true, false);
  }
  client.watches = it->second.size();
  if (it->second.empty()) plain_.erase(it);
  return client.watches;
}

std::vector<WatchTarget> WatchHub::WatchesOf(const commands::ClientPort& client) const {
  const auto it = plain_.find(client.id());
  if (it == plain_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

commands::WatchCounts WatchHub::Counts() const {
  return {.targets = table_.size(),
          .watchers = watchers_,
          .buffered_bytes = outbox_.bytes(),
          .history_bytes = history().bytes(),
          .history_oldest = history().active() ? history().oldest() : 0,
          .history_newest = history().active() ? history().newest() : 0,
          .messages_told = messages_told_,
          .gaps_told = gaps_ + outbox_.gaps()};
}

// Names are copied of what is told only.
std::vector<commands::WatcherRow> WatchHub::List(const commands::WatcherPage& page) const {
  struct Found {
    const Watched* watched;
    uint64_t client;
    std::string_view form;
    bool slow;
  };
  std::vector<Found> found;
  const auto add = [&](const Found& one) {
    const auto place = std::tie(one.watched->target, one.client);
    if (!page.after || std::tie(page.after->target, page.after->client) < place)
      found.push_back(one);
  };
  for (const Watched& watched : table_.all()) {
    for (const Watcher& watcher : watched.watchers)
      add({&watched, watcher.client->id(), watcher.form.plain ? "plain" : "channel",
           watcher.slow_to != 0});
    for (const WatchSearchReply* wait : watched.waits)
      add({&watched, wait->client_id(), "wait", false});
  }
  const auto before = [](const Found& a, const Found& b) {
    return std::tie(a.watched->target, a.client, a.form) <
           std::tie(b.watched->target, b.client, b.form);
  };
  // The limit's row, and those that stay with it.
  if (page.limit < found.size()) {
    const auto last = found.begin() + static_cast<ptrdiff_t>(page.limit) - 1;
    std::nth_element(found.begin(), last, found.end(), before);
    const auto end = std::partition(last + 1, found.end(), [&](const Found& one) {
      return one.watched == last->watched && one.client == last->client;
    });
    found.erase(end, found.end());
  }
  std::sort(found.begin(), found.end(), before);
  std::vector<commands::WatcherRow> rows;
  for (const Found& one : found)
    rows.push_back({.form = one.form,
                    .target = one.watched->target,
                    .client = one.client,
                    .told = one.watched->told,
                    .slow = one.slow});
  return rows;
}

}  // namespace clustron::server

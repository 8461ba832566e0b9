// The watches of this node: tells each revision that apply has done to those who watch what it
// changed, over channels (`__watch@<db>__:…`) and over connections that asked for it, and answers
// WATCHKEY's searches of the history. All of it comes from this node's own applied log.
//
// INVARIANT: what a target's watchers are told rises, and `told` says up to which revision nothing
// is missing. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "commands/core/watches_port.h"
#include "server/config/config.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/watch_outbox.h"
#include "server/observe/watch_table.h"
#include "state/executor.h"

namespace clustron::server {

class WatchHub final : public commands::WatchesPort,
                       public state::WatchSink,
                       public ChannelListener {
 public:
  // All outlive it.
  WatchHub(const Clock& clock, const Config& config, state::Executor& executor, PubsubHub& hub);
  ~WatchHub() override;

  // The node runs; before that nobody watches.
  void SetNode(cluster::Node& node) { node_ = &node; }
  // With each tick.
  void Step();
  // With each turn: what waits for slow connections is sent as far as they have room.
  void Drain() {
    if (!restoring()) outbox_.Step();
  }

  // --- For searches
  const store::Store& store() const { return executor_.store(); }
  const state::WatchHistory& history() const { return executor_.news().changes().history(); }
  // Only where SINCE can ever be answered.
  bool keeps_history() const { return store().settings().Number("watch-history-size") != 0; }
  // A snapshot takes the state's place: nothing can be said.
  bool restoring() const { return node_ != nullptr && node_->restoring(); }
  void AddWait(const commands::WatchTarget& target, WatchSearchReply& reply);
  void RemoveWait(const commands::WatchTarget& target, WatchSearchReply& reply);
  // The client's watches begin, and what was found before it is written, with a confirmation each.
  void AddPlain(const commands::PlainWatch& call,
                const std::vector<std::unique_ptr<state::WatchSearch>>& found,
                commands::ClientPort& client, resp::ReplyWriter& reply);

  // --- commands::WatchesPort
  bool Begin(bool previous) override;
  std::optional<uint64_t> OldestRevision() const override;
  uint64_t ToldRevision() const override { return executor_.told_revision(); }
  std::unique_ptr<commands::LateReply> Since(commands::SinceCall call,
                                             commands::ClientPort& client) override;
  std::unique_ptr<commands::LateReply> Watch(commands::PlainWatch call,
                                             commands::ClientPort& client) override;
  size_t Unwatch(commands::ClientPort& client, int db, std::string_view name) override;
  std::vector<commands::WatchTarget> WatchesOf(const commands::ClientPort& client) const override;
  std::vector<commands::WatcherRow> List(const commands::WatcherPage& page) const override;
  commands::WatchCounts Counts() const override;

  // --- state::WatchSink
  void OnRevision(const state::WatchRevision& revision) override;
  bool Follows(int db, std::string_view key) const override { return table_.MayWatch(db, key); }
  void OnReplaced(store::Revision told) override;

  // --- ChannelListener
  void Subscribed(Client& client, std::string_view channel) override;
  void Unsubscribed(Client& client, std::string_view channel) override;
  void Forgotten(Client& client) override;

 private:
  using Events = std::vector<const state::WatchEvent*>;

  void Add(const commands::WatchTarget& target, Client& client, const WatchForm& form);
  void Remove(const commands::WatchTarget& target, Client& client, bool plain, bool previous);
  void FollowNeeds();
  int64_t NowMs() const { return clock_.MonotonicNs() / 1'000'000; }
  bool Kept(bool previous) const;
  void Propose();
  void TellEvents(Watched& watched, store::Revision revision, const Events& events);
  void Tell(Watched& watched, store::Revision told, WatchFrames frames);
  void TellReset(const state::WatchEvent& event, store::Revision revision);
  void TellTooMuch(store::Revision revision);
  void TellSyncs();
  bool Replay(store::Revision told);
  void TellCoordination();

  const Clock& clock_;
  const Config& config_;
  state::Executor& executor_;
  PubsubHub& hub_;
  cluster::Node* node_ = nullptr;
  WatchTable table_;
  WatchOutbox outbox_{config_, table_};
  std::map<uint64_t, std::set<commands::WatchTarget>> plain_;  // by the client's id
  size_t watchers_ = 0;
  size_t previous_watchers_ = 0;
  bool wants_history_ = false;
  bool wants_previous_ = false;
  int64_t proposed_ns_ = 0;
  uint64_t messages_told_ = 0;
  uint64_t gaps_ = 0;
};

}  // namespace clustron::server

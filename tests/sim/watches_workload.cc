// Keys that change in every way, and those who watch them: over channels that go on at another node
// by SINCE, over WAIT, some too slow for their buffers. What each of them was told must be what the
// log says of its key or prefix: nothing lost, doubled, out of order or torn, from where it began
// to where it ended; of what it may have missed it is told so.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/numeric.h"
#include "tests/sim/waiting_ledger.h"
#include "tests/sim/watch_truth.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

// Of one actor at the end: then it is quiet, as all must be.
constexpr int kFinalActs = 8;
constexpr int kKeys = 6;
constexpr uint64_t kQuietKey = 6;  // which only who watches it changes
constexpr std::string_view kPrefix = kWatchedPrefix;

std::string Key(uint64_t i) { return std::string(kPrefix) + std::to_string(i); }

// What one watcher was told without a break: everything behind `from`, up to `to`.
struct Piece {
  std::string name;  // of the key or prefix
  bool prefix = false;
  uint64_t from = 0;
  uint64_t to = 0;
  WatchedChanges changes;
};

struct Watches final : Workload {
  World* world;
  std::vector<Piece> pieces;
  bool sized = false;

  explicit Watches(World* w) : world(w) {}
  const char* name() const override { return "watches"; }
  void Check(Report*) override {}
  bool watches() const override { return true; }
  void CheckWatches(const WatchTruth& truth, Report* report) override;
};

std::string Show(const std::vector<WatchedChange>& changes) {
  std::string text;
  for (const WatchedChange& one : changes) text += " " + one.key + "=" + one.value;
  return text.empty() ? " nothing" : text;
}

void Watches::CheckWatches(const WatchTruth& truth, Report* report) {
  // What a crash took back was told, too.
  if (!world->losses.empty()) return;
  for (const Piece& piece : pieces) {
    report->Count("watches: pieces checked");
    for (auto it = truth.changes().upper_bound(piece.from);
         it != truth.changes().end() && it->first <= piece.to; ++it) {
      std::vector<WatchedChange> expected;
      for (const WatchedChange& one : it->second)
        if (piece.prefix ? one.key.starts_with(piece.name) : one.key == piece.name)
          expected.push_back(one);
      const auto told = piece.changes.find(it->first);
      std::vector<WatchedChange> got;
      if (told != piece.changes.end()) got = told->second;
      std::sort(expected.begin(), expected.end());
      std::sort(got.begin(), got.end());
      if (expected == got) continue;
      return report->Fail("watches", "of " + piece.name + " from " + std::to_string(piece.from) +
                                         " to " + std::to_string(piece.to) + ", revision " +
                                         std::to_string(it->first) + " was told as" + Show(got) +
                                         " and is" + Show(expected));
    }
    for (const auto& [revision, changes] : piece.changes) {
      report->Count("watches: revisions told");
      if (!truth.changes().contains(revision))
        return report->Fail("watches", "of " + piece.name + " revision " +
                                           std::to_string(revision) + " was told as" +
                                           Show(changes) + " and changed nothing");
    }
  }
}

// --- Who changes the keys ------------------------------------------------------------------------

class ChangingActor final : public Actor {
 public:
  ChangingActor(World* w, int id, Watches* watches) : Actor(w, id, {}), watches_(*watches) {}

 private:
  void Act() override {
    if (!std::exchange(watches_.sized, true) && rng().Percent(50))
      return client().Send(
          {"CONFIG", "SET", "watch-history-size", rng().Percent(70) ? "6000" : "60000"}, 0);
    const std::string key = Key(rng().Below(kKeys));
    const std::string other = Key(rng().Below(kKeys));
    const std::string value = world().UniqueValue();
    switch (rng().Below(9)) {
      case 0:
        return client().Send({"DEL", key, other}, 0);
      case 1:
        return client().Send({"SET", key, value, "PX", "300"}, 0);
      case 2:
        return client().Send({"MSET", key, value, other, world().UniqueValue()}, 0);
      case 3:  // several times within a revision
        return client().Send({"TXN", "THEN", "3", "3", "SET", key, "ghost", "3", "SET", other,
                              value, "3", "SET", key, world().UniqueValue()},
                             0);
      case 4:  // undone
        return client().Send({"TXN", "THEN", "2", "3", "SET", key, "ghost", "3", "LPUSH", key, "x"},
                             0);
      case 5:
        return client().Send({"RENAME", key, other}, 0);
      case 6:
        return client().Send({"TXN", "THEN", "2", "3", "SET", key, "ghost", "2", "DEL", key}, 0);
      default:
        return client().Send({"SET", key, value}, 0);
    }
  }
  void Answered(uint64_t, const Reply& reply) override {
    if (reply.IsError("WRONGTYPE") || reply.IsError("ERR no such key")) return;
    if (RefusedForCertain(reply)) return;
    Judge(world(), reply);
  }
  void Lost(uint64_t) override {}

  Watches& watches_;
};

// --- Those who watch -----------------------------------------------------------------------------

// What all of them do with what they are told.
class WatchActor : public Actor {
 public:
  WatchActor(World* w, int id, Watches* watches, bool prefix)
      : WatchActor(w, id, watches, prefix,
                   prefix ? std::string(kPrefix) : Key(static_cast<uint64_t>(id) % kKeys)) {}
  WatchActor(World* w, int id, Watches* watches, bool prefix, std::string name)
      : Actor(w, id, {}), watches_(*watches), prefix_(prefix), name_(std::move(name)) {}

 protected:
  void Fail(const std::string& what) {
    // What a crash takes back may be told anew otherwise.
    if (world().losses.empty())
      world().report->Fail("watches",
                           "client " + std::to_string(client().id()) + ", " + name_ + ": " + what);
  }
  std::string_view form() const { return prefix_ ? "PREFIX" : "KEY"; }
  bool began() const { return piece_.has_value(); }
  uint64_t seen() const { return piece_ ? piece_->to : 0; }
  void Begin(uint64_t revision) {
    End();
    piece_ = Piece{name_, prefix_, revision, revision, {}};
  }
  void End() {
    if (piece_) watches_.pieces.push_back(*std::exchange(piece_, std::nullopt));
  }
  void SeeUpTo(uint64_t revision) { piece_->to = std::max(piece_->to, revision); }
  void Take(uint64_t revision, std::vector<WatchedChange> changes) {
    CHECK(piece_.has_value());
    if (revision <= piece_->to)
      return Fail("revision " + std::to_string(revision) + " comes behind " +
                  std::to_string(piece_->to));
    for (const WatchedChange& one : changes)
      if (one.value == "ghost") Fail("a value that no revision has left was told");
    piece_->changes[revision] = std::move(changes);
    piece_->to = revision;
  }
  // [up-to, [[rev, event …] …]]; false: it was none.
  bool TakeSince(const Reply& reply) {
    if (!reply.IsArray(2)) {
      Fail("the reply to SINCE is " + reply.ToString());
      return false;
    }
    for (const Reply& row : reply.elements[1].elements) {
      std::vector<WatchedChange> changes;
      for (size_t i = 1; i < row.elements.size(); ++i) {
        const std::vector<Reply>& event = row.elements[i].elements;
        if (event.size() == 5)
          changes.push_back({event[3].text, event[0].text == "put" ? event[4].text : ""});
      }
      Take(static_cast<uint64_t>(row.elements[0].integer), std::move(changes));
    }
    SeeUpTo(static_cast<uint64_t>(reply.elements[0].integer));
    return true;
  }
  // False: nothing is known.
  bool JudgeSearch(const Reply& reply) {
    if (reply.IsError("COMPACTED")) {
      world().report->Count("watches: compacted");
      End();
      return false;
    }
    if (reply.IsError("ERR revision") && world().losses.empty()) {
      Fail("a revision that was told is not known: " + reply.ToString());
      return false;
    }
    if (reply.IsError("ERR revision")) {
      End();
      return false;
    }
    if (RefusedForCertain(reply)) return false;
    return Judge(world(), reply) == Outcome::kReply && !reply.IsError();
  }

  Watches& watches_;
  const bool prefix_;
  const std::string name_;
  // An old member may keep watches from being answered, but not their client from being served.
  bool refused_ = false;

 private:
  std::optional<Piece> piece_;
};

// WAIT, again and again, at any node.
class WaitingWatcher final : public WatchActor {
 public:
  using WatchActor::WatchActor;

 private:
  enum Tag : uint64_t { kGet, kWait, kPing };
  void Act() override {
    if (std::exchange(refused_, false)) return client().Send({"PING"}, kPing);
    if (!began()) return client().Send({"WATCHKEY", "GET", Key(0)}, kGet);
    const std::string limit = std::to_string(rng().Between(1, 20));
    client().Send(
        {"WATCHKEY", "WAIT", std::to_string(seen()), form(), name_, "BLOCK", "400", "LIMIT", limit},
        kWait);
    if (rng().Percent(3)) client().HangUp();
  }
  void FinalAct() override {
    if (!began() || ++final_acts_ > kFinalActs) return;
    client().Send({"WATCHKEY", "SINCE", std::to_string(seen()), form(), name_}, kWait);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    refused_ = reply.IsError();
    if (tag == kWait) {
      if (began() && JudgeSearch(reply)) TakeSince(reply);
      // What is known at the end counts.
      if (world().stopping) {
        const uint64_t to = seen();
        if (began()) Begin(to);
      }
      return;
    }
    if (tag == kPing || RefusedForCertain(reply)) return;
    if (Judge(world(), reply) != Outcome::kReply || reply.IsError()) return;
    Begin(static_cast<uint64_t>(reply.elements[0].integer));
  }
  void Lost(uint64_t) override {}

  int final_acts_ = 0;
};

// A channel; behind a break it asks for what it has missed.
class ChannelWatcher : public WatchActor {
 public:
  ChannelWatcher(World* w, int id, Watches* watches, bool prefix, bool slow)
      : WatchActor(w, id, watches, prefix), slow_(slow) {}
  ChannelWatcher(World* w, int id, Watches* watches, std::string key)
      : WatchActor(w, id, watches, false, std::move(key)), slow_(false) {}

 protected:
  // Told that it has missed nothing, although there was nothing to tell.
  virtual void QuietSync() {}

  enum Tag : uint64_t { kHello, kSince, kPut };

 private:
  std::string Channel() const {
    return std::string("__watch@0__:") + (prefix_ ? "p:" : "k:") + name_;
  }
  void Act() override {
    if (connection_ != client().connection()) Break();
    if (!subscribed_) {
      client().Send({"HELLO", "3"}, kHello);
      client().SendForPushes({"SUBSCRIBE", Channel()});
      subscribed_ = true;
      connection_ = client().connection();
      return;
    }
    if (rng().Percent(2)) return client().HangUp();
    if (slow_ && rng().Percent(20)) client().Stall(rng().Between(1, 3000) * kMillisecond);
    CatchUp();
  }
  void FinalAct() override {
    // Where an old member keeps SINCE from being answered it ends without.
    if (++final_acts_ > (missing_to_ <= seen() ? kFinalActs : 20 * kFinalActs)) return;
    subscribed_&& connection_ == client().connection() ? CatchUp() : Act();
  }
  // Asks for what may be missing, or says something so that it is asked again.
  void CatchUp() {
    if (missing_to_ <= seen() && missing_to_ != 0) {
      missing_to_ = 0;
      Drain();
    }
    if (missing_to_ > seen() && began() && !std::exchange(refused_, false))
      return client().Send({"WATCHKEY", "SINCE", std::to_string(seen()), form(), name_}, kSince);
    client().Send({"PING"}, kHello);
    if (world().stopping && began()) {
      const uint64_t to = seen();
      Begin(to);
    }
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kPut) {
      if (!RefusedForCertain(reply)) Judge(world(), reply);
      return;
    }
    refused_ = reply.IsError();
    if (tag == kHello) {
      Judge(world(), reply);
      return;
    }
    if (!JudgeSearch(reply)) {
      if (!began() && synced_ != 0) {
        // Gone for good: what is told from here on is a new beginning.
        Begin(std::max(missing_to_, synced_));
        missing_to_ = 0;
        Drain();
      }
      return;
    }
    if (began()) TakeSince(reply);
    if (missing_to_ > seen()) return;
    missing_to_ = 0;
    Drain();
  }
  void Lost(uint64_t) override { Break(); }

  void Break() {
    subscribed_ = false;
    synced_ = last_ = 0;
    heard_ = false;
    missing_to_ = 0;
    kept_.clear();
  }

  // --- Messages
  void OnPush(const Reply& push) override {
    if (push.elements.size() != 3 || push.elements[0].text != "message") return;
    const std::string& text = push.elements[2].text;
    const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
    std::vector<std::string_view> words;
    for (size_t at = 0; at <= line.size();) {
      const size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    if (words[0] == "sync") return Synced(Number(words[1]));
    if (words[0] == "gap") {
      world().report->Count("watches: gaps");
      last_ = Number(words[2]);
      heard_ = true;
      missing_to_ = std::max(missing_to_, last_);
      return;
    }
    if (words[0] == "reset" || words.size() != 3) return Fail("malformed: " + text);
    const uint64_t revision = Number(words[0]);
    const uint64_t previous = Number(words[1]);
    if (previous > last_ || (heard_ && previous != last_))
      return Fail("revision " + std::to_string(revision) + " follows " + std::to_string(previous) +
                  ", and the last one told was " + std::to_string(last_));
    if (revision <= last_)
      return Fail("revision " + std::to_string(revision) + " is told behind " +
                  std::to_string(last_));
    last_ = revision;
    heard_ = true;
    kept_.emplace_back(revision, Events(text, line.size() + 1));
    if (missing_to_ == 0) Drain();
  }
  void Synced(uint64_t revision) {
    if (synced_ == 0) {
      synced_ = last_ = revision;
      if (!began()) {
        Begin(revision);
      } else if (revision > seen()) {
        missing_to_ = revision;
      }
      return;
    }
    if (revision < last_) return Fail("a sync goes back to " + std::to_string(revision));
    last_ = revision;
    heard_ = true;
    if (missing_to_ == 0 && began()) {
      Drain();
      SeeUpTo(revision);
    }
    QuietSync();
  }
  void Drain() {
    if (!began()) return;
    for (auto& [revision, changes] : std::exchange(kept_, {}))
      if (revision > seen()) Take(revision, std::move(changes));
  }
  static uint64_t Number(std::string_view text) { return ParseUint64(text).value_or(0); }
  std::vector<WatchedChange> Events(const std::string& text, size_t at) {
    std::vector<WatchedChange> changes;
    while (at < text.size()) {
      const size_t end = text.find('\n', at);
      if (end == std::string::npos) break;
      const std::string_view line = std::string_view(text).substr(at, end - at);
      const size_t value_at = line.rfind(' ');
      const size_t key_at = line.rfind(' ', value_at - 1);
      const size_t key_size = Number(line.substr(key_at + 1, value_at - key_at - 1));
      const size_t value_size = Number(line.substr(value_at + 1));
      const std::string key = text.substr(end + 1, key_size);
      const bool put = line.starts_with("put");
      changes.push_back({key, put ? text.substr(end + 1 + key_size, value_size) : ""});
      at = end + 1 + key_size + (put ? value_size : 0);
    }
    return changes;
  }

  const bool slow_;
  int final_acts_ = 0;
  bool subscribed_ = false;
  uint64_t connection_ = 0;  // where it has subscribed
  uint64_t synced_ = 0;      // of this connection's first message; 0: it has not come
  uint64_t last_ = 0;        // told last on it
  bool heard_ = false;       // something was told behind the first message
  uint64_t missing_to_ = 0;  // up to here something may be missing; 0: nothing is
  std::vector<std::pair<uint64_t, std::vector<WatchedChange>>> kept_;
};

// Of a key that nobody else changes: it does so itself as soon as a sync says up to where nothing
// was to be told, so that the change has one of the next revisions.
class QuietWatcher final : public ChannelWatcher {
 public:
  QuietWatcher(World* w, int id, Watches* watches)
      : ChannelWatcher(w, id, watches, Key(kQuietKey)) {}

 private:
  void QuietSync() override {
    if (world().stopping) return;
    world().report->Count("watches: changed behind a quiet sync");
    client().Send({"SET", Key(kQuietKey), world().UniqueValue()}, kPut);
  }
};

}  // namespace

std::unique_ptr<Workload> MakeWatches(const WorkloadSetup& setup, int changing, int watching) {
  auto watches = std::make_unique<Watches>(setup.world);
  int id = setup.first_actor_id;
  for (int i = 0; i < changing; ++i)
    setup.add(std::make_unique<ChangingActor>(setup.world, id++, watches.get()));
  for (int i = 0; i < watching; ++i)
    setup.add(
        std::make_unique<ChannelWatcher>(setup.world, id++, watches.get(), i % 2 == 0, i % 3 == 0));
  for (int i = 0; i < 2; ++i)
    setup.add(std::make_unique<WaitingWatcher>(setup.world, id++, watches.get(), i == 0));
  setup.add(std::make_unique<QuietWatcher>(setup.world, id++, watches.get()));
  return watches;
}

}  // namespace clustron::sim

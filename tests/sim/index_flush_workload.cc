// Indexes of two databases that are flushed and swapped, whose keys come from each other and from
// dumps, end with their leases, and change in an EXEC that may be taken back. That each index is
// what a full scan gives is looked at in every node's state (SimNode). Here it is held that a query
// finds what its client was told to be written, unless the database was flushed or swapped in
// between: that is judged at the end by the revisions that the log gives.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/losses.h"
#include "tests/sim/waiting_ledger.h"
#include "tests/sim/watch_truth.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

// Nobody else uses them.
constexpr int kDbs[] = {12, 13};
constexpr uint64_t kKeys = 30;
constexpr const char* kForms[3] = {"HASH", "LABELS", "KEYS"};

// A mark that a query did not find, with the revisions of the mark and of the query.
struct Missed {
  int db = 0;
  uint64_t written = 0;
  uint64_t asked = 0;
  std::string what;
};

struct IndexFlushes final : Workload {
  World* world;
  std::vector<Missed> missed;

  explicit IndexFlushes(World* w) : world(w) {}
  const char* name() const override { return "index flushes"; }
  void Check(Report* /*report*/) override {}
  bool watches() const override { return true; }
  void CheckWatches(const WatchTruth& truth, Report* report) override {
    for (const Missed& one : missed) {
      const bool excused =
          std::any_of(truth.resets().begin(), truth.resets().end(), [&](const WatchedReset& reset) {
            return (reset.db == one.db || reset.db == state::WatchEvent::kAllDbs) &&
                   reset.revision > one.written && reset.revision <= one.asked;
          });
      if (!excused) return report->Fail("indexes", one.what);
      report->Count("index flushes: marks that were flushed");
    }
  }
};

class IndexFlushActor final : public Actor {
 public:
  IndexFlushActor(World* w, int id, IndexFlushes* workload, bool all)
      : Actor(w, id, {}), workload_(*workload), own_("ixf:own:" + std::to_string(id)), all_(all) {}

 private:
  enum Tag : uint64_t {
    kChange = 1,
    kSelect,
    kMark,
    kQuery,
    kGhost,
    kUndone,
    kQueue,
    kExec,
    kDump,
    kFlush,
    kSwap,
    kRevoke,
  };

  // --- What it does

  void Act() override {
    then_.clear();
    if (connection_ != client().connection() || rng().Percent(5)) Select();
    switch (rng().Below(16)) {
      case 0:
      case 1:
        return Define();
      case 2:
      case 3:
        return Mark();
      case 4:
        return Flush();
      case 5:
        return rng().Percent(50) ? Say({"SWAPDB", "12", "13"}, kSwap)
                                 : Say({"SWAPDB", "13", "12"}, kSwap);
      case 6:
      case 7:
        return Lease();
      case 8:
        return Say({"DUMP", Key()}, kDump);
      case 9:
      case 10:
        return Exec();
      case 11:
        return Undone();
      default:
        return Change();
    }
  }
  void FinalAct() override {}

  void Say(const std::vector<std::string>& words, uint64_t tag) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    client().Send(args, tag);
  }
  std::string Key() { return "ixf:" + std::to_string(rng().Below(kKeys)); }
  std::string Small() { return std::to_string(rng().Below(9)); }
  std::string Other() const { return std::to_string(db_ == kDbs[0] ? kDbs[1] : kDbs[0]); }
  std::string NextLease() {
    lease_ = "ixf-" + world().UniqueValue();
    return lease_;
  }

  void Select() {
    connection_ = client().connection();
    db_ = kDbs[rng().Below(2)];
    Say({"SELECT", std::to_string(db_)}, kSelect);
  }
  void Define() {
    const size_t i = rng().Below(3);
    const std::string name = std::string("ixf:") + kForms[i];
    // Else no database would ever be swapped.
    if (rng().Percent(55)) return Say({"INDEX", "DROP", name}, kChange);
    std::vector<std::string> words = {"INDEX", "CREATE", name, "ON", kForms[i]};
    if (i < 2)
      for (const char* word : {"FIELDS", "2", "tag", "TAG", "size", "NUM"})
        words.emplace_back(word);
    Say(words, kChange);
  }
  std::vector<std::string> Put(const std::string& key) {
    if (rng().Percent(40))
      return {"INDEX", "LABEL", key, "2", "tag", "a" + Small(), "size", Small()};
    return {"HSET", key, "tag", "a" + Small(), "size", Small()};
  }
  void Change() {
    const std::string key = Key();
    switch (rng().Below(9)) {
      case 0:
        return Say({"DEL", key}, kChange);
      case 1:
        return Say({"MOVE", key, Other()}, kChange);
      case 2:
        return Say({"COPY", key, Key(), "DB", Other(), "REPLACE"}, kChange);
      case 3:
        return Say({"COPY", key, Key(), "DB", Other()}, kChange);
      case 4:
        return Say({"PEXPIRE", key, std::to_string(100 + rng().Below(3000))}, kChange);
      case 5:
        return Say({"INDEX", "UNLABEL", key}, kChange);
      default:
        return Say(Put(key), kChange);
    }
  }
  // FLUSHALL only where nobody else has data.
  void Flush() {
    if (all_ && rng().Percent(40)) return Say({"FLUSHALL"}, kFlush);
    Say({"FLUSHDB", rng().Percent(50) ? "ASYNC" : "SYNC"}, kFlush);
  }
  void Lease() {
    if (!lease_.empty() && rng().Percent(30))
      return Say({"LEASE", "REVOKE", std::exchange(lease_, {})}, kRevoke);
    const std::string key = Key();
    const std::string id = NextLease();
    Say({"LEASE", "GRANT", std::to_string(100 + rng().Below(900)), "ID", id}, kChange);
    std::vector<std::string> words = Put(key);
    words.insert(words.begin(), {"LEASE", "DO", id});
    Say(words, kChange);
    if (rng().Percent(50)) Say({"LEASE", "ATTACH", id, Key()}, kChange);
  }
  // All of it, or nothing if the reply becomes too long; in between something is undone for itself.
  void Exec() {
    const std::string key = Key();
    Say({"MULTI"}, kQueue);
    Say(Put(key), kQueue);
    Say({"INDEX", "LABEL", key, "1", "tag", "a" + Small()}, kQueue);
    if (rng().Percent(30)) Say({"FLUSHDB"}, kQueue);
    if (rng().Percent(50)) Say(Failing(), kQueue);
    Say({"COPY", key, Key(), "DB", Other(), "REPLACE"}, kQueue);
    if (all_) {
      const std::string big = "ixf:big:" + std::to_string(client().id());
      Say({"SET", big, std::string(rng().Below(1200), 'b')}, kQueue);
      for (int reads = 0; reads < 5; ++reads) Say({"GET", big}, kQueue);
    }
    Say({"EXEC"}, kExec);
    if (all_ && rng().Percent(20))
      Say({"CONFIG", "SET", "item-reply-max", std::to_string(rng().Between(1500, 6000))}, kQueue);
  }
  // Nothing of it stays: the last command finds no number.
  std::vector<std::string> Failing() {
    const std::string key = Key();
    std::vector<std::string> words = {"TXN", "THEN", "4"};
    const auto add = [&words](const std::vector<std::string>& command) {
      words.push_back(std::to_string(command.size()));
      words.insert(words.end(), command.begin(), command.end());
    };
    rng().Percent(40) ? add({"FLUSHDB"}) : add({"DEL", Key()});
    add({"HSET", "ixf:ghost", "tag", "gone"});
    add({"SET", key, "text"});
    add({"INCR", key});
    return words;
  }
  void Undone() {
    Say(Failing(), kUndone);
    then_ = {"INDEX", "QUERY", "ixf:HASH", "WHERE", "tag = 'gone'"};
    then_tag_ = kGhost;
  }
  // Writes what nobody else writes, then asks for it. A write of which nobody knows may take effect
  // later, over one that was answered: the next goes to a key that has none of these.
  void Mark() {
    mark_ = world().UniqueValue();
    from_ns_ = now_ns();
    if (open_) own_ = "ixf:own:" + mark_;
    open_ = true;
    Say({"TXN", "THEN", "1", "4", "HSET", own_, "tag", mark_}, kMark);
  }
  void Settled() override {
    if (then_.empty()) return;
    Say(std::exchange(then_, {}), then_tag_);
  }

  // --- What it hears

  // Nothing was done, and that may be.
  static bool Refused(const Reply& reply) {
    constexpr std::string_view kKnown[] = {
        "WRONGTYPE",         "NOLEASE",         "ERR a database with an index", "ERR no such index",
        "ERR no such key",   "ERR index 'ixf:", "ERR command 1 (INDEX QUERY",   "ERR the key has",
        "ERR the key is at", "EXECABORT"};
    return std::any_of(std::begin(kKnown), std::end(kKnown),
                       [&](std::string_view known) { return reply.IsError(known); });
  }
  void Count(const char* what) { world().report->Count(what); }

  void Answered(uint64_t tag, const Reply& reply) override {
    if (reply.IsError() && RefusedForCertain(reply)) {
      if (tag == kMark) open_ = false;
      if (tag == kSelect) connection_ = 0;
      return;
    }
    if (tag == kUndone && reply.IsError("ERR command 4")) return;
    if (reply.IsError() && Refused(reply)) {
      ++world().replies;
      // The index that the mark's query or the ghost's would go by is not there.
      if (tag == kExec) Count("index flushes: EXEC refused");
      if (tag == kSwap) Count("index flushes: swaps refused");
      return;
    }
    const Outcome outcome = Judge(world(), reply);
    if (tag == kMark && outcome != Outcome::kUnknown) open_ = false;
    if (tag == kSelect && outcome != Outcome::kReply) connection_ = 0;
    if (outcome == Outcome::kReply) Take(tag, reply);
  }
  void Take(uint64_t tag, const Reply& reply) {
    switch (tag) {
      case kMark:
        return Written(reply);
      case kQuery:
        return Found(reply);
      case kGhost:
        if (reply.IsArray(3) && reply.elements[0].integer == 0)
          return Count("index flushes: ghosts");
        return world().report->Fail("indexes", "what was undone is found: " + reply.ToString());
      case kUndone:
        return world().report->Fail("indexes", "a transaction that fails is done");
      case kDump:
        if (!reply.IsBulk()) return;
        then_ = {"RESTORE", Key(), rng().Percent(50) ? "0" : "1500", reply.text};
        if (rng().Percent(80)) then_.emplace_back("REPLACE");
        then_tag_ = kChange;
        return Count("index flushes: restored");
      case kFlush:
        return Count("index flushes: flushed");
      case kSwap:
        return Count("index flushes: swapped");
      case kRevoke:
        return Count("index flushes: leases revoked");
      case kExec:
        return Count("index flushes: EXEC done");
      default:
        return;
    }
  }
  void Written(const Reply& reply) {
    if (!reply.IsArray(3)) return;
    written_ = static_cast<uint64_t>(reply.elements[1].integer);
    then_ = {"TXN",   "THEN",     "1",      "9", "INDEX", "QUERY", "ixf:HASH",
             "WHERE", "tag = $m", "PARAMS", "1", "m",     mark_};
    then_tag_ = kQuery;
  }
  void Found(const Reply& reply) {
    if (MayBeLost(world().losses, from_ns_, now_ns())) return;
    if (!reply.IsArray(3) || !reply.elements[2].IsArray(1)) return;
    const Reply& found = reply.elements[2].elements[0];
    if (found.IsArray(3) && found.elements[2].IsArray(1) &&
        found.elements[2].elements[0].text == own_)
      return Count("index flushes: queries that found what was written");
    const Missed missed{.db = db_,
                        .written = written_,
                        .asked = static_cast<uint64_t>(reply.elements[1].integer),
                        .what = "in database " + std::to_string(db_) + " " + own_ + " has " +
                                mark_ + " since revision " + std::to_string(written_) +
                                ", and a query gives " + reply.ToString()};
    // What it does find can't be excused.
    if (!found.IsArray(3) || !found.elements[2].elements.empty())
      return world().report->Fail("indexes", missed.what);
    workload_.missed.push_back(missed);
  }
  void Lost(uint64_t /*tag*/) override {
    then_.clear();
    connection_ = 0;
  }

  IndexFlushes& workload_;
  std::string own_;   // the key with the mark
  std::string mark_;  // its newest value
  const bool all_;
  bool open_ = false;  // whether a mark took effect is not known
  int64_t from_ns_ = 0;
  uint64_t written_ = 0;     // the mark's revision
  uint64_t connection_ = 0;  // where the database is selected; 0: nowhere
  int db_ = 0;
  std::string lease_;
  std::vector<std::string> then_;  // what is sent when all is answered
  uint64_t then_tag_ = 0;
};

}  // namespace

std::unique_ptr<Workload> MakeIndexFlushes(const WorkloadSetup& setup, int actors, bool all) {
  auto workload = std::make_unique<IndexFlushes>(setup.world);
  for (int i = 0; i < actors; ++i)
    setup.add(std::make_unique<IndexFlushActor>(setup.world, setup.first_actor_id + i,
                                                workload.get(), all));
  return workload;
}

}  // namespace clustron::sim

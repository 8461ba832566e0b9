// Indexes: hashes and labels that change, also in transactions that are undone, under indexes that
// come and go. That an index is what a full scan gives is looked at in every node's state
// (SimNode); here it is held that a query finds what its client was told to be written.
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/losses.h"
#include "tests/sim/waiting_ledger.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

constexpr uint64_t kKeys = 40;
constexpr uint64_t kIndexes = 3;

struct Indexes final : Workload {
  const char* name() const override { return "indexes"; }
  void Check(Report* /*report*/) override {}  // all is judged as it comes
};

class IndexActor final : public Actor {
 public:
  IndexActor(World* w, int id) : Actor(w, id, {}), own_("index:own:" + std::to_string(id)) {}

 private:
  enum Tag : uint64_t { kChange = 1, kUndone, kMark, kQuery, kDefine, kWithin, kRemove };

  void Act() override {
    marked_ = false;
    switch (rng().Below(12)) {
      case 0:
        return Define();
      case 1:
      case 2:
        return Undone();
      case 3:
      case 4:
        return Mark();
      case 5:
        return Within();
      case 6:
        return Remove();
      default:
        return Change();
    }
  }
  void FinalAct() override {}

  void Say(const std::vector<std::string>& words, uint64_t tag) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    client().Send(args, tag);
  }
  std::string Key() { return "index:" + std::to_string(rng().Below(kKeys)); }
  std::string Small() { return std::to_string(rng().Below(9)); }
  static std::string Index(uint64_t i) { return "ix" + std::to_string(i); }

  void Define() {
    const uint64_t i = rng().Below(kIndexes);
    if (rng().Percent(40)) return Say({"INDEX", "DROP", Index(i)}, kDefine);
    std::vector<std::string> words = {"INDEX", "CREATE", Index(i), "ON"};
    static const std::vector<std::string> kForms[kIndexes] = {
        {"HASH", "PREFIX", "1", "index:", "FIELDS", "2", "tag", "TAG", "size", "NUM"},
        {"LABELS", "FIELDS", "2", "tag", "TEXT", "size", "NUM"},
        {"KEYS"}};
    words.insert(words.end(), kForms[i].begin(), kForms[i].end());
    Say(words, kDefine);
  }
  void Change() {
    const std::string key = Key();
    switch (rng().Below(12)) {
      case 9:
        return Say({"RENAME", key, Key()}, kChange);
      case 10:
        return Say({"MOVE", key, "9"}, kChange);
      case 11:
        return Say({"SET", key, "x", "PX", std::to_string(100 + rng().Below(3000))}, kChange);
      case 0:
        return Say({"DEL", key}, kChange);
      case 1:
        return Say({"RENAMENX", key, Key()}, kChange);
      case 2:
        return Say({"COPY", key, Key(), "REPLACE"}, kChange);
      case 3:
        return Say({"PEXPIRE", key, std::to_string(100 + rng().Below(3000))}, kChange);
      case 4:
        return Say({"INDEX", "LABEL", key, "2", "tag", "a" + Small(), "size", Small()}, kChange);
      case 5:
        return Say({"INDEX", "UNLABEL", key}, kChange);
      case 6:
        return Say({"HDEL", key, "size"}, kChange);
      default:
        return Say({"HSET", key, "tag", "a" + Small(), "size", Small()}, kChange);
    }
  }
  // Nothing of it stays: the last command is about a value of another type.
  void Undone() {
    const std::string key = Key();
    const std::string other = key.back() == '0' ? "index:1" : "index:10";
    std::vector<std::string> words = {"TXN",   "THEN",  "4", "4",   "HSET", key,
                                      "tag",   "gone",  "2", "DEL", other,  "6",
                                      "INDEX", "LABEL", key, "1",   "tag",  "gone"};
    for (const char* word : {"2", "INCR"}) words.emplace_back(word);
    words.push_back(key);
    Say(words, kUndone);
  }
  // Many at a time; never the keys with a mark.
  void Remove() {
    const std::string tag = "a" + Small();
    switch (rng().Below(3)) {
      case 0:
        return Say({"FLUSHDB", "PREFIX", "index:" + std::to_string(1 + rng().Below(9))}, kRemove);
      case 1:
        return Say({"INDEX", "PURGE", Index(0), "WHERE", "tag = '" + tag + "' AND size < 5"},
                   kRemove);
      default:
        return Say({"INDEX", "PURGE", Index(1), "WHERE", "tag = '" + tag + "'", "LIMIT", "3"},
                   kRemove);
    }
  }
  // A write of which nobody knows may take effect later, over one that was answered: the next goes
  // to a key that has none of these.
  void Begin() {
    mark_ = world().UniqueValue();
    from_ns_ = now_ns();
    if (open_) own_ = "index:own:" + mark_;
    open_ = true;
  }
  // Writes what nobody else writes, then asks for it, perhaps at another node.
  void Mark() {
    Begin();
    std::vector<std::string> words = {"HSET", own_, "tag", mark_};
    if (rng().Percent(30)) words.insert(words.begin(), {"ONCE", mark_, "1000"});
    Say(words, kMark);
  }
  // The same in one transaction, which sees what it has written itself.
  void Within() {
    Begin();
    Say({"TXN", "THEN", "2", "4", "HSET", own_, "tag", mark_, "9", "INDEX", "QUERY", Index(0),
         "WHERE", "tag = $m", "PARAMS", "1", "m", mark_},
        kWithin);
  }
  void Settled() override {
    if (!std::exchange(marked_, false)) return;
    Say({"INDEX", "QUERY", Index(0), "WHERE", "tag = $m", "PARAMS", "1", "m", mark_}, kQuery);
  }

  void Answered(uint64_t tag, const Reply& reply) override {
    if (reply.IsError() && RefusedForCertain(reply)) {
      if (tag == kMark || tag == kWithin) open_ = false;
      return;
    }
    const bool type = reply.IsError("WRONGTYPE");
    const bool none = reply.IsError("ERR no such") || reply.IsError("ERR index") ||
                      reply.IsError("ERR source") ||
                      (tag == kWithin && reply.IsError("ERR command 2"));
    if (tag == kUndone && (type || reply.IsError("ERR command"))) {
      world().report->Count("indexes: transactions undone");
      Judge(world(), reply, reply.text.substr(0, reply.text.find(' ')));
      return;
    }
    const std::string_view expected = type ? "WRONGTYPE" : none ? "ERR" : "";
    const Outcome outcome = Judge(world(), reply, expected);
    if ((tag == kMark || tag == kWithin) && outcome != Outcome::kUnknown) open_ = false;
    if (outcome != Outcome::kReply || reply.IsError()) return;
    if (tag == kUndone) world().report->Fail("indexes", "a transaction that fails is done");
    if (tag == kMark) marked_ = true;
    if (tag == kQuery) Found(reply);
    if (tag == kRemove) world().report->Count("indexes: removed many at a time");
    if (tag == kWithin && reply.elements.size() == 3 && reply.elements[2].elements.size() == 2) {
      world().report->Count("indexes: queries within a transaction");
      Found(reply.elements[2].elements[1]);
    }
  }
  void Found(const Reply& reply) {
    if (MayBeLost(world().losses, from_ns_, now_ns())) return;
    world().report->Count("indexes: queries that found what was written");
    if (reply.elements.size() == 3 && reply.elements[2].elements.size() == 1 &&
        reply.elements[2].elements[0].text == own_)
      return;
    world().report->Fail(
        "indexes", own_ + " has " + mark_ + ", and a query for that gives " + reply.ToString());
  }
  void Lost(uint64_t /*tag*/) override { marked_ = false; }

  std::string own_;    // the key with the mark
  std::string mark_;   // its newest value
  bool open_ = false;  // whether a mark took effect is not known
  int64_t from_ns_ = 0;
  bool marked_ = false;
};

}  // namespace

std::unique_ptr<Workload> MakeIndexes(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i)
    setup.add(std::make_unique<IndexActor>(setup.world, setup.first_actor_id + i));
  return std::make_unique<Indexes>();
}

}  // namespace clustron::sim

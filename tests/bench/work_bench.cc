// What commands take inside of a transaction, beside what they are charged: processor time for a
// unit of work and for a nominal nanosecond (base/work_meter.h). Usage: work_bench [scale]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cluster/log/entry.h"
#include "commands/core/registry.h"
#include "commands/transaction/multi.h"
#include "state/executor.h"

namespace {

using namespace clustron;
using Words = std::vector<std::string>;

// Processor time of this thread: other work on the machine disturbs it less.
int64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// A node with a client, which keeps its replies until it is asked.
class Node final : public cluster::ApplyListener, public state::ApplySink {
 public:
  Node() {
    executor_.Attach({1, 1}, this, this, nullptr);
    std::string item;
    std::string version;
    Writer(&version).U16(cluster::kFeatureVersion);
    const std::string_view args[] = {version};
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, args, &item);
    Apply(item);
  }

  // Nanoseconds; the reply's first bytes in *reply.
  int64_t Run(const Words& words, std::string* reply) {
    reply_.emplace();
    const std::vector<std::string_view> args(words.begin(), words.end());
    const commands::CommandSpec* container = nullptr;
    const commands::CommandSpec* spec = commands::Registry::Get().Resolve(args, &container);
    if (spec == nullptr) std::abort();
    std::string item;
    cluster::AppendItem({.command_id = spec->id, .session = {1, 1}, .sequence = ++sequence_}, args,
                        &item);
    const int64_t ns = Apply(item);
    *reply = reply_->View(0).substr(0, 60);
    return ns;
  }
  void Do(const Words& words) {
    std::string reply;
    Run(words, &reply);
    if (reply.starts_with("-")) {
      std::printf("%s: %s\n", words[0].c_str(), reply.c_str());
      std::exit(1);
    }
  }
  int64_t Exec(const std::vector<Words>& commands, std::string* reply) {
    commands::ExecEncoder encoder({}, commands.size());
    std::vector<std::vector<std::string_view>> views;
    for (const Words& words : commands) views.emplace_back(words.begin(), words.end());
    for (const auto& view : views) encoder.Add(view);
    const commands::Args args = encoder.args();
    return Run(Words(args.begin(), args.end()), reply);
  }
  const WorkMeter& work() { return executor_.store().work(); }
  void CleanUp() {
    while (executor_.Upkeep(100'000)) {
    }
  }

  state::OwnCall BeginOwnItem(uint64_t) override { return {&*reply_, nullptr}; }
  void EndOwnItem(uint64_t, bool) override {}
  void OnGap(cluster::Session, uint64_t) override { std::abort(); }
  void OnSnapshotWanted() override {}
  void OnLeaseGranted(const cluster::StateMachine::LeaseInfo&) override {}
  void OnLeaseEnded(std::string_view) override {}
  void OnLockPart(const cluster::StateMachine::LockPart&) override {}
  void OnLockPartEnded(int, std::string_view, uint64_t) override {}

 private:
  int64_t Apply(const std::string& item) {
    std::string entry;
    cluster::AppendEntryHeader({.elapsed_ms = 1000, .wall_ms = 1'700'000'000'000, .item_count = 1},
                               &entry);
    const auto bytes = std::make_shared<std::string>(entry + item);
    const paxos::Value value{paxos::EntryKind::kBatch, {1, 1}, bytes};
    const int64_t before = NowNs();
    executor_.Apply(++slot_, value, false);
    return NowNs() - before;
  }

  state::Executor executor_{7};
  std::optional<resp::ReplyChunks> reply_;
  cluster::Slot slot_ = 0;
  uint64_t sequence_ = 0;
};

// Of so many elements each.
void Fill(Node& node, size_t n) {
  constexpr size_t kStep = 1000;
  for (size_t at = 0; at < n; at += kStep) {
    Words ints{"RPUSH", "ints"}, texts{"RPUSH", "texts"}, longs{"RPUSH", "longs"};
    Words hash{"HSET", "hash"}, keys{"MSET"};
    for (size_t i = at; i < at + kStep; i++) {
      ints.push_back(std::to_string(i));
      texts.push_back("element:" + std::to_string(i));
      if (i < n / 10) longs.push_back("element:" + std::string(200, 'x') + std::to_string(i));
      hash.push_back("field:" + std::to_string(i));
      hash.push_back("value:" + std::to_string(i));
      keys.push_back("key:" + std::to_string(i));
      keys.push_back("v");
    }
    for (const Words& words : {ints, texts, hash, keys}) node.Do(words);
    if (longs.size() > 2) node.Do(longs);
  }
  Words packed{"HSET", "packed"};
  for (int i = 0; i < 120; i++) {
    packed.push_back("field:" + std::to_string(i));
    packed.push_back("value:" + std::to_string(i));
  }
  node.Do(packed);
  node.Do({"SET", "big", std::string(50'000'000, 'v')});
  node.Do({"SET", "zeros", std::string(50'000'000, '\0')});
  node.Do({"SET", "mid", std::string(60'000, 'v')});
  node.Do({"SET", "text1", std::string(1000, 'a') + "b"});
  node.Do({"SET", "text2", std::string(1000, 'c') + "b"});
}

// As often as some ten nominal milliseconds take, at most.
void Measure(Node& node, const Words& words, size_t most = 512) {
  std::string what;
  for (const std::string& word : words) what += (what.empty() ? "" : " ") + word.substr(0, 24);
  std::vector<Words> commands{{"SET", "x", "1"}};
  std::string reply;
  int64_t ns = 0;
  for (size_t count = 1;; count *= 2) {
    commands.resize(1 + count, words);
    ns = node.Exec(commands, &reply);
    node.CleanUp();
    if (count * 2 > most || node.work().spent_ns() > 12'000'000) break;
  }
  for (int again = 0; again < 2; again++) {
    ns = std::min(ns, node.Exec(commands, &reply));
    node.CleanUp();
  }
  const auto units = static_cast<double>(std::max<uint64_t>(node.work().spent(), 1));
  const auto nominal = static_cast<double>(std::max<uint64_t>(node.work().spent_ns(), 1));
  const auto took = static_cast<double>(ns);
  std::printf("%-44s %5zu times %9.3f ms  %10.0f units %8.2f ns each  nominal %8.3f ms %6.2f%s\n",
              what.c_str(), commands.size() - 1, took / 1e6, units, took / units, nominal / 1e6,
              took / nominal, reply.starts_with("-") ? (" " + reply.substr(0, 30)).c_str() : "");
}

}  // namespace

int main(int argc, char** argv) {
  const size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  Node node;
  Fill(node, n);
  const std::string middle = std::to_string(n / 2);
  for (const std::string list : {"ints", "texts", "longs"}) {
    Measure(node, {"LREM", list, "1", "nothing"});
    Measure(node, {"LREM", list, "-1", "-77"});
    Measure(node, {"LPOS", list, "nothing"});
    Measure(node, {"LPOS", list, "-77"});
    Measure(node, {"LPOS", list, "nothing", "RANK", "-1"});
    Measure(node, {"LPOS", list, std::string(250, 'x')});
    Measure(node, {"LINSERT", list, "BEFORE", "nothing", "x"});
    Measure(node, {"LRANGE", list, "0", "-1"});
    Measure(node, {"LRANGE", list, middle, middle});
    Measure(node, {"LINDEX", list, middle}, 4096);
    Measure(node, {"LINDEX", list, "70"}, 4096);
    Measure(node, {"LSET", list, list == "longs" ? "7000" : middle, "7"}, 4096);
    Measure(node, {"LPOP", list, "50"});
  }
  Measure(node, {"LINSERT", "ints", "BEFORE", middle, "x"}, 64);
  for (const char* command : {"HGETALL", "HKEYS", "HVALS"}) Measure(node, {command, "hash"});
  Measure(node, {"HSCAN", "hash", "0", "COUNT", "100000"});
  Measure(node, {"HSCAN", "hash", "0", "MATCH", "*9*", "COUNT", "100000"});
  Measure(node, {"HRANDFIELD", "hash", "-50000"});
  Measure(node, {"HRANDFIELD", "hash", "50000"});
  Measure(node, {"HRANDFIELD", "hash"}, 4096);
  Measure(node, {"HGETALL", "packed"}, 8192);
  Measure(node, {"HGET", "packed", "field:119"}, 8192);
  Measure(node, {"HGET", "packed", "none"}, 8192);
  Measure(node, {"HSET", "packed", "field:60", "other"}, 8192);
  Measure(node, {"HINCRBY", "packed", "number", "1"}, 8192);
  Measure(node, {"HRANDFIELD", "packed", "-1000"});
  Measure(node, {"HSCAN", "packed", "0", "COUNT", "1000"}, 8192);
  Measure(node, {"KEYS", "*"});
  Measure(node, {"KEYS", "*9*9"});
  Measure(node, {"KEYS", "nothing*"});
  Measure(node, {"SCAN", "0", "COUNT", "100000"});
  Measure(node, {"SCAN", "0", "COUNT", "100000", "MATCH", "nothing*"});
  Measure(node, {"SCAN", "0", "COUNT", "100000", "TYPE", "hash"});
  for (const char* text : {"big", "zeros", "mid"}) {
    Measure(node, {"BITCOUNT", text}, 4096);
    Measure(node, {"BITPOS", text, "1"}, 4096);
    Measure(node, {"BITPOS", text, "0"}, 4096);
    Measure(node, {"GET", text}, 4096);
    Measure(node, {"GETRANGE", text, "100", "50000"}, 4096);
    Measure(node, {"STRLEN", text}, 4096);
    Measure(node, {"BITOP", "NOT", "to", text}, 4096);
    Measure(node, {"BITOP", "XOR", "to", text, text}, 4096);
    Measure(node, {"COPY", text, "to", "REPLACE"}, 4096);
    Measure(node, {"DUMP", text}, 4096);
    Measure(node, {"SETRANGE", text, "30000", "x"}, 4096);
    Measure(node, {"APPEND", text, "x"}, 4096);
    Measure(node, {"SETBIT", text, "400", "1"}, 4096);
    Measure(node, {"BITFIELD", text, "SET", "u8", "#1000", "7"}, 4096);
    Measure(node, {"DELEX", text, "IFEQ", "other"}, 4096);
  }
  Measure(node, {"LCS", "text1", "text2"});
  Measure(node, {"LCS", "text1", "text1"});
  Measure(node, {"LCS", "text1", "text1", "IDX"});
  for (const char* key : {"hash", "packed", "ints", "texts", "longs"}) {
    Measure(node, {"COPY", key, "to", "REPLACE"}, 4096);
    Measure(node, {"DUMP", key}, 4096);
    Measure(node, {"OBJECT", "ENCODING", key}, 4096);
    Measure(node, {"WATCHKEY", "GET", "KEY", key}, 4096);
  }
  Measure(node, {"SETRANGE", "far", "100000000", "x"}, 64);
  Measure(node, {"SETBIT", "farther", "4000000000", "1"}, 64);
  Measure(node, {"DBSIZE"}, 8192);
  Measure(node, {"RANDOMKEY"}, 8192);
  return 0;
}

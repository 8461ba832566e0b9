// Every command of the table that writes keys against a lock on each key that it writes: it is
// refused and changes nothing, by itself and in whatever may hold it. Which keys a command writes
// its effects say, not the flags by which guards judge.
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "commands/core/test_server.h"
#include "commands/transaction/multi.h"
#include "store/snapshot/digest.h"
#include "store/tables/lock_table.h"
#include "tests/support/write_examples.h"

namespace clustron::commands {
namespace {

using test::WriteExample;
using test::WriteExamples;
using Name = std::pair<int, std::string>;  // database, key
using Keys = std::map<Name, std::pair<uint64_t, bool>>;

std::vector<std::string> WordsOf(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// How a command comes.
enum class Way : uint8_t { kPlain, kExec, kTxn, kOnce, kLeaseDo };
constexpr Way kWays[] = {Way::kPlain, Way::kExec, Way::kTxn, Way::kOnce, Way::kLeaseDo};

class Trial {
 public:
  explicit Trial(const WriteExample& example) {
    for (const std::string_view line : example.before) REQUIRE(server_.Run(line)[0] != '-');
    REQUIRE(server_.Run("LEASE GRANT 60000 ID guard")[0] == '*');
  }
  void Lock(const Name& name) {
    server_.store.BeginItem();
    LocksOf(server_.store).Acquire(name.first, name.second, {.owner = "me", .ttl_ms = 60'000});
  }
  std::string Run(Way way, std::string_view call) {
    before_ = AllKeys();
    digest_ = server_.store.Digest();
    std::vector<std::string> words = WordsOf(call);
    switch (way) {
      case Way::kPlain:
        break;
      case Way::kExec:
        return RunExec(words);
      case Way::kTxn:
        words.insert(words.begin(), {"TXN", "THEN", "1", std::to_string(words.size())});
        break;
      case Way::kOnce:
        words.insert(words.begin(), {"ONCE", "request", "1000"});
        break;
      case Way::kLeaseDo:
        words.insert(words.begin(), {"LEASE", "DO", "guard"});
        break;
    }
    return server_.Run(std::vector<std::string_view>(words.begin(), words.end()));
  }
  std::set<Name> Changed() const {
    const Keys after = AllKeys();
    std::set<Name> changed;
    for (const auto& [name, state] : before_)
      if (const auto it = after.find(name); it == after.end() || it->second != state)
        changed.insert(name);
    for (const auto& [name, state] : after)
      if (!before_.contains(name)) changed.insert(name);
    return changed;
  }
  bool Untouched() const { return server_.store.Digest() == digest_; }

 private:
  Keys AllKeys() const {
    Keys keys;
    for (int db = 0; db < store::kDatabases; ++db)
      std::as_const(server_.store).Scan(db, 0, SIZE_MAX, [&](const store::KeyRecord& record) {
        keys[{db, std::string(record.key())}] = {store::KeyDigest(db, record), record.has_lease()};
      });
    return keys;
  }
  std::string RunExec(const std::vector<std::string>& words) {
    ExecEncoder encoder({}, 1);
    encoder.Add(std::vector<std::string_view>(words.begin(), words.end()));
    const Args args = encoder.args();
    return server_.Run(std::vector<std::string_view>(args.begin(), args.end()));
  }

  TestServer server_;
  Keys before_;
  uint64_t digest_ = 0;
};

// These pass a guard: what an operator says of whole databases, and the end of a lease.
bool PassesGuards(std::string_view call) {
  return call == "FLUSHDB" || call == "FLUSHALL" || call.starts_with("LEASE REVOKE ");
}

const CommandSpec* RowOf(const WriteExample& example) {
  const std::vector<std::string> words = WordsOf(example.call);
  const CommandSpec* container;
  return Registry::Get().Resolve(std::vector<std::string_view>(words.begin(), words.end()),
                                 &container);
}

TEST_CASE("each command that writes keys has an example, and it writes some") {
  std::set<const CommandSpec*> shown;
  for (const WriteExample& example : WriteExamples()) {
    CAPTURE(example.call);
    Trial trial(example);
    trial.Run(Way::kPlain, example.call);
    if (!trial.Changed().empty()) shown.insert(RowOf(example));
  }
  const auto check = [&](const CommandSpec& row) {
    if (row.cls != Class::kWrite || test::kWritesWithoutExample.contains(row.name)) return;
    CAPTURE(row.name);
    CHECK(shown.contains(&row));
  };
  for (const CommandSpec* row : Registry::Get().All()) {
    if (row->handler != nullptr) check(*row);
    for (const CommandSpec* sub : Registry::Get().Subcommands(*row)) check(*sub);
  }
}

TEST_CASE("whatever writes a guarded key is refused whole, in whatever it comes") {
  std::map<Way, int> refused;
  for (const WriteExample& example : WriteExamples()) {
    for (const Way way : kWays) {
      CAPTURE(example.call);
      CAPTURE(static_cast<int>(way));
      Trial free(example);
      free.Run(way, example.call);
      // In a wrapper some are an error anyway.
      for (const Name& name : free.Changed()) {
        if (PassesGuards(example.call)) continue;
        CAPTURE(name.second);
        Trial guarded(example);
        guarded.Lock(name);
        const std::string reply = guarded.Run(way, example.call);
        // Which keys a query finds is known when it runs: an EXEC goes on behind it.
        const bool finds = way == Way::kExec && example.call.starts_with("INDEX PURGE ");
        CHECK(reply.starts_with(finds ? "*1\r\n-LOCKED " : "-LOCKED "));
        CHECK(guarded.Changed().empty());
        CHECK(guarded.Untouched());
        ++refused[way];
      }
    }
  }
  for (const Way way : kWays) CHECK(refused[way] > 50);
}

TEST_CASE("RESTORE, whose call is not made of words, is refused as well") {
  TestServer server;
  server.Run("SET a v");
  std::string payload = server.Run("DUMP a");
  payload = payload.substr(payload.find('\n') + 1);
  payload.resize(payload.size() - 2);
  server.Run("LOCK ACQUIRE k 60000");
  CHECK(server.Run({"RESTORE", "k", "0", payload}).starts_with("-LOCKED "));
  CHECK(
      server.Run({"TXN", "THEN", "1", "4", "RESTORE", "k", "0", payload}).starts_with("-LOCKED "));
  CHECK(server.Run("EXISTS k") == ":0\r\n");
  CHECK(server.Run({"RESTORE", "l", "0", payload}) == "+OK\r\n");
}

TEST_CASE("a lock on another name is in nobody's way, and some pass every guard") {
  for (const WriteExample& example : WriteExamples()) {
    if (example.call.starts_with("SWAPDB ")) continue;  // moves every name
    CAPTURE(example.call);
    Trial free(example);
    const std::string reply = free.Run(Way::kPlain, example.call);
    Trial beside(example);
    beside.Lock({0, "another"});
    if (PassesGuards(example.call))
      for (const Name& name : free.Changed()) beside.Lock(name);
    const std::string same = beside.Run(Way::kPlain, example.call);
    // A reply may tell its revision.
    CHECK(same[0] == reply[0]);
    CHECK(beside.Changed() == free.Changed());
  }
}

}  // namespace
}  // namespace clustron::commands

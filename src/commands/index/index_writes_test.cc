// Every command of the table that writes keys under indexes of all kinds: they are left as a scan
// of the keys has them, by itself, in whatever may hold it, and when it is undone.
#include <sstream>
#include <string>
#include <vector>

#include "commands/core/test_server.h"
#include "commands/transaction/multi.h"
#include "store/tables/index_table.h"
#include "tests/support/store_model.h"
#include "tests/support/write_examples.h"

namespace clustron::commands {
namespace {

using test::WriteExample;
using test::WriteExamples;

std::vector<std::string> WordsOf(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// How a command comes. In kUndone another one fails behind it.
enum class Way : uint8_t { kPlain, kExec, kTxn, kOnce, kUndone };
constexpr Way kWays[] = {Way::kPlain, Way::kExec, Way::kTxn, Way::kOnce, Way::kUndone};

class Trial {
 public:
  // `indexes_first`: they follow the example's keys from the beginning on; else they are built over
  // what is there.
  Trial(const WriteExample& example, bool indexes_first) {
    if (indexes_first) CreateIndexes();
    for (const std::string_view line : example.before) REQUIRE(server_.Run(line)[0] != '-');
    // So that there are labels to be kept, moved and lost.
    for (const std::string& key : KeysOf(0))
      REQUIRE(server_.Run("INDEX LABEL " + key + " 2 tag " + key + " size 7")[0] == ':');
    if (!indexes_first) CreateIndexes();
    server_.Run("RPUSH undone:list x");
  }
  std::string Run(Way way, std::string_view call) {
    std::vector<std::string> words = WordsOf(call);
    const std::string count = std::to_string(words.size());
    switch (way) {
      case Way::kPlain:
        break;
      case Way::kExec: {
        ExecEncoder encoder({}, 1);
        encoder.Add(std::vector<std::string_view>(words.begin(), words.end()));
        const Args args = encoder.args();
        return server_.Run(std::vector<std::string_view>(args.begin(), args.end()));
      }
      case Way::kTxn:
        words.insert(words.begin(), {"TXN", "THEN", "1", count});
        break;
      case Way::kOnce:
        words.insert(words.begin(), {"ONCE", "request", "1000"});
        break;
      case Way::kUndone:
        words.insert(words.begin(), {"TXN", "THEN", "2", count});
        words.insert(words.end(), {"2", "INCR", "undone:list"});
        break;
    }
    return server_.Run(std::vector<std::string_view>(words.begin(), words.end()));
  }
  std::string Wrong() const { return store::WrongIndex(server_.store); }
  // What is in all indexes.
  std::string Contents() const {
    std::string text;
    for (int db = 0; db < store::kDatabases; ++db)
      IndexesOf(server_.store).ForEach(db, [&](std::string_view name, const store::Index& index) {
        text += std::string(name) + ": " + store::IndexText(*index.content) + "\n";
      });
    return text;
  }

 private:
  void CreateIndexes() {
    for (const char* call :
         {"INDEX CREATE all:hash ON HASH FIELDS 2 f TAG g NUM",
          "INDEX CREATE all:labels ON LABELS FIELDS 2 tag TEXT size NUM",
          "INDEX CREATE all:keys ON KEYS", "INDEX CREATE part:keys ON KEYS PREFIX 2 a k"})
      REQUIRE(server_.Run(call) == ":1\r\n");
  }
  std::vector<std::string> KeysOf(int db) const {
    std::vector<std::string> keys;
    server_.store.Scan(db, 0, SIZE_MAX,
                       [&](const store::KeyRecord& record) { keys.emplace_back(record.key()); });
    return keys;
  }

  TestServer server_;
};

TEST_CASE("each write of the command table leaves each index as a scan has it") {
  int changed = 0;
  for (const WriteExample& example : WriteExamples()) {
    for (const Way way : kWays) {
      for (const bool indexes_first : {true, false}) {
        CAPTURE(example.call);
        CAPTURE(static_cast<int>(way));
        Trial trial(example, indexes_first);
        REQUIRE(trial.Wrong() == "");
        const std::string before = trial.Contents();
        const std::string reply = trial.Run(way, example.call);
        CHECK(trial.Wrong() == "");
        if (reply[0] == '-') CHECK(trial.Contents() == before);
        changed += trial.Contents() != before;
      }
    }
  }
  CHECK(changed > 200);
}

}  // namespace
}  // namespace clustron::commands

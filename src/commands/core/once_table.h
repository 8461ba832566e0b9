// The replies that ONCE keeps: a repeated request gets the reply of its first run. Replicated
// state, in snapshots; changed only in apply.
//
// Time is the log's elapsed clock. What is past its time counts as absent and is swept a little
// with every insertion and by nothing else, so the table's content is a function of the log.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/result.h"

namespace clustron::commands {

inline constexpr int64_t kOnceKeepMsMax = 24 * 3600 * 1000;
inline constexpr size_t kOnceEntriesMax = 1'000'000;
inline constexpr size_t kOnceBytesMax = 64 << 20;       // ids, users and replies together
inline constexpr size_t kOnceReplyBytesMax = 64 << 10;  // larger ones are kept as "DONE <rev>"
inline constexpr size_t kOnceIdBytesMax = 256;

class OnceTable {
 public:
  struct Limits {
    size_t entries_max = kOnceEntriesMax;
    size_t bytes_max = kOnceBytesMax;
  };
  struct Stored {
    uint64_t arguments[2] = {};  // their hash, by two seeds
    int64_t until_ms = 0;
    int resp_version = 2;
    std::string reply;  // RESP of that version
  };

  OnceTable() : OnceTable(Limits{}) {}
  explicit OnceTable(Limits limits) : limits_(limits) {}

  // Null: never run, or past its time.
  const Stored* Find(std::string_view user, std::string_view id, int64_t now_ms) const;
  // Whether one more reply of any size fits, counting what Insert would sweep.
  bool HasRoom(int64_t now_ms) const;
  // REQUIRES: HasRoom(), and Find() is null.
  void Insert(std::string_view user, std::string_view id, Stored stored, int64_t now_ms);

  // Undo: takes back what was inserted behind the mark. Marks are good within one item.
  size_t mark() const { return fresh_.size(); }
  void Rollback(size_t mark);
  // At the start of each item.
  void BeginItem() { fresh_.clear(); }

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

  // For a snapshot: the rows as they are now, a slice at a time, while the table goes on changing.
  // What is ahead of the walk is written before it goes. One at a time.
  void BeginWalk();
  // Appends rows, each with its size before it, for about `budget` bytes; true: that was all.
  bool Walk(size_t budget, std::string* rows);
  void EndWalk() { walk_.reset(); }

  // Begins anew. What was there is freed by FreeSome.
  void Clear();
  Status DecodeRow(Reader* in);
  // Frees about `count` rows of what Clear has set aside; true if more are left.
  bool FreeSome(size_t count);

 private:
  using Key = std::pair<std::string, std::string>;  // user, id
  static constexpr size_t kSweepPerInsert = 64;
  struct Inserted {
    Key key;
    std::vector<std::pair<Key, Stored>> swept;  // what went for it
  };

  static size_t Cost(const Key& key, const Stored& stored) {
    return key.first.size() + key.second.size() + stored.reply.size();
  }
  struct Walking {
    std::optional<Key> last;  // written, of those in order
    std::set<Key> early;      // behind it: written already, or new
    std::string bytes;
    // Whether the row is not yet written; from now on it counts as written.
    bool Claim(const Key& key) { return !(last && key <= *last) && early.insert(key).second; }
  };
  static void EncodeRow(const Key& key, const Stored& stored, std::string* out);
  void Put(Key key, Stored stored);
  std::pair<Key, Stored> Take(const Key& key);

  Limits limits_;
  std::map<Key, Stored> entries_;
  std::multimap<int64_t, Key> by_end_;
  std::vector<Inserted> fresh_;
  size_t bytes_ = 0;
  std::unique_ptr<Walking> walk_;
  std::map<Key, Stored> old_entries_;
  std::multimap<int64_t, Key> old_by_end_;
};

}  // namespace clustron::commands

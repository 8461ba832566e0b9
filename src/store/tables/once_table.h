// The replies that ONCE keeps: a repeated request gets the reply of its first run. Replicated
// state; changed only in apply.
//
// Time is the log's elapsed clock. What is past its time counts as absent and is swept a little
// with every insertion and by nothing else, so the table's content is a function of the log.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr int64_t kOnceKeepMsMax = 24 * 3600 * 1000;
inline constexpr size_t kOnceEntriesMax = 1'000'000;
inline constexpr size_t kOnceBytesMax = 64 << 20;       // ids, users and replies together
inline constexpr size_t kOnceReplyBytesMax = 64 << 10;  // larger ones are kept as "DONE <rev>"
inline constexpr size_t kOnceIdBytesMax = 256;

struct OnceReply {
  uint64_t arguments[2] = {};  // their hash, by two seeds
  int64_t until_ms = 0;
  int resp_version = 2;
  std::string reply;  // RESP of that version
};
using OnceName = std::pair<std::string, std::string>;  // user, id

class OnceTable final : public OrderedTable<OnceName, OnceReply> {
 public:
  struct Limits {
    size_t entries_max = kOnceEntriesMax;
    size_t bytes_max = kOnceBytesMax;
  };

  // Its undo costs the item nothing: so it was when items got a budget.
  explicit OnceTable(Store& store) : OrderedTable(store, UndoCost::kNothing) {}
  // For tests: the same on all nodes.
  void SetLimits(Limits limits) { limits_ = limits; }

  // Null: never run, or past its time.
  const OnceReply* Find(std::string_view user, std::string_view id, int64_t now_ms) const;
  // Whether one more reply of any size fits, counting what Put would sweep.
  bool HasRoom(int64_t now_ms) const;
  // REQUIRES: HasRoom(), and Find() is null.
  void Put(std::string_view user, std::string_view id, OnceReply reply, int64_t now_ms);

  size_t bytes() const { return bytes_; }

  std::string_view section() const override { return "once"; }
  // Has a bound of its own, kOnceBytesMax.
  size_t used_bytes() const override { return 0; }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  static constexpr size_t kSweepPerPut = 64;

  // row: user, id, the two hashes (8 bytes each), until (8), RESP version (1), reply
  void EncodeRow(const OnceName& name, const OnceReply& reply, std::string* out) const override;
  Result<std::pair<OnceName, OnceReply>> DecodeRow(Reader* in) const override;
  // Not in the full digest: programs that compare it when they load a snapshot don't count it. A
  // later version of the digest may.
  uint64_t RowDigest(const OnceName&, const OnceReply&) const override { return 0; }
  bool Link(const OnceName& name, OnceReply& reply) override;
  void Unlink(const OnceName& name, const OnceReply& reply) override;

  static size_t BytesOf(const OnceName& name, const OnceReply& reply) {
    return name.first.size() + name.second.size() + reply.reply.size();
  }

  Limits limits_;
  std::set<std::pair<int64_t, OnceName>> by_end_;
  size_t bytes_ = 0;
};

inline OnceTable& OnceOf(Store& store) { return TableOf<OnceTable>(store); }
inline const OnceTable& OnceOf(const Store& store) { return TableOf<OnceTable>(store); }

}  // namespace clustron::store

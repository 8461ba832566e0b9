// The replies that ONCE keeps: a repeated request gets the reply of its first run. Replicated
// state; changed only in apply. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "store/tables/stored_replies.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr int64_t kOnceKeepMsMax = 24 * 3600 * 1000;

struct OnceReply {
  uint64_t arguments[2] = {};  // their hash, by two seeds
  int64_t until_ms = 0;
  int resp_version = 2;
  std::string reply;  // RESP of that version
};

class OnceTable final : public StoredReplies<OnceReply> {
 public:
  explicit OnceTable(Store& store) : StoredReplies(store) {}

  // Null: never run, or past its time.
  const OnceReply* Find(std::string_view user, std::string_view id, int64_t now_ms) const;

  std::string_view section() const override { return "once"; }

 private:
  // row: user, id, the two hashes (8 bytes each), until (8), RESP version (1), reply
  void EncodeRow(const ReplyName& name, const OnceReply& reply, std::string* out) const override;
  Result<std::pair<ReplyName, OnceReply>> DecodeRow(Reader* in) const override;
  // Not in the full digest: programs that compare it when they load a snapshot don't count it. A
  // later version of the digest may.
  uint64_t RowDigest(const ReplyName&, const OnceReply&) const override { return 0; }
};

inline OnceTable& OnceOf(Store& store) { return TableOf<OnceTable>(store); }
inline const OnceTable& OnceOf(const Store& store) { return TableOf<OnceTable>(store); }

}  // namespace clustron::store

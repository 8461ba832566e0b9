// How open transactions ended: a COMMIT that is sent again gets the outcome of the first, and an id
// that somebody closed stays without one. Replicated state; changed only in apply.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "store/keyspace/key_record.h"
#include "store/tables/stored_replies.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr int64_t kTxnKeptMs = 60'000;

struct TxnOutcome {
  enum class Kind : uint8_t {
    kConflict,  // a key was not as it was read: nothing was done
    kApplied,
    kFailed,  // by a command's error: nothing was done
    kClosed,  // a COMMIT came without the transaction: none of this id can be applied any more
    kEnd,
  };
  Kind kind = Kind::kClosed;
  uint64_t number = 0;    // of the transaction, whatever its id; kClosed: 0
  Revision revision = 0;  // of the COMMIT
  int64_t until_ms = 0;
  int resp_version = 2;
  std::string reply = {};  // RESP of that version; kClosed: none
};

class TxnTable final : public StoredReplies<TxnOutcome> {
 public:
  explicit TxnTable(Store& store) : StoredReplies(store) {}

  void Put(std::string_view user, std::string_view id, TxnOutcome outcome, int64_t now_ms);

  // Put in here since the start, replays included: for INFO.
  uint64_t committed() const { return committed_; }
  uint64_t conflicts() const { return conflicts_; }

  std::string_view section() const override { return "transactions"; }

 private:
  // row: user, id, kind (1), number, revision, until (8 each), RESP version (1), reply
  void EncodeRow(const ReplyName& name, const TxnOutcome& outcome, std::string* out) const override;
  Result<std::pair<ReplyName, TxnOutcome>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const ReplyName& name, const TxnOutcome& outcome) const override;

  uint64_t committed_ = 0;
  uint64_t conflicts_ = 0;
};

inline TxnTable& TxnsOf(Store& store) { return TableOf<TxnTable>(store); }
inline const TxnTable& TxnsOf(const Store& store) { return TableOf<TxnTable>(store); }

}  // namespace clustron::store

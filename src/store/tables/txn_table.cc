#include "store/tables/txn_table.h"

#include "base/planted_bugs.h"
#include "store/keyspace/digester.h"

namespace clustron::store {

void TxnTable::Put(std::string_view user, std::string_view id, TxnOutcome outcome, int64_t now_ms) {
  if (outcome.kind == TxnOutcome::Kind::kApplied) ++committed_;
  if (outcome.kind == TxnOutcome::Kind::kConflict) ++conflicts_;
  StoredReplies::Put(user, id, std::move(outcome), now_ms);
}

void TxnTable::EncodeRow(const ReplyName& name, const TxnOutcome& outcome, std::string* out) const {
  Writer w(out);
  w.Bytes(name.first);
  w.Bytes(name.second);
  w.U8(static_cast<uint8_t>(outcome.kind));
  w.U64(outcome.number);
  w.U64(outcome.revision);
  w.I64(outcome.until_ms);
  w.U8(static_cast<uint8_t>(outcome.resp_version));
  w.Bytes(outcome.reply);
}

Result<std::pair<ReplyName, TxnOutcome>> TxnTable::DecodeRow(Reader* in) const {
  std::pair<ReplyName, TxnOutcome> row;
  row.first.first = in->Bytes();
  row.first.second = in->Bytes();
  const uint8_t kind = in->U8();
  if (kind >= static_cast<uint8_t>(TxnOutcome::Kind::kEnd))
    return Fail(Errc::kCorruption, "snapshot: a transaction that ended in no known way");
  row.second.kind = static_cast<TxnOutcome::Kind>(kind);
  row.second.number = in->U64();
  row.second.revision = in->U64();
  row.second.until_ms = in->I64();
  row.second.resp_version = in->U8();
  row.second.reply = in->Bytes();
  return row;
}

uint64_t TxnTable::RowDigest(const ReplyName& name, const TxnOutcome& outcome) const {
  if (Planted(Bug::kTxnsNotInSnapshot)) return 0;
  std::string row;
  EncodeRow(name, outcome, &row);
  Digester d(Digester::kTxn);
  d.Bytes(row);
  return d.sum();
}

}  // namespace clustron::store

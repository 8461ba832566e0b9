#include "store/tables/once_table.h"

#include "base/planted_bugs.h"

namespace clustron::store {

namespace {
constexpr int64_t kEarlyMs = 1000;  // of kOnceForgottenEarly
}

const OnceReply* OnceTable::Find(std::string_view user, std::string_view id, int64_t now_ms) const {
  const int64_t early_ms = Planted(Bug::kOnceForgottenEarly) ? kEarlyMs : 0;
  return StoredReplies::Find(user, id, now_ms + early_ms);
}

void OnceTable::EncodeRow(const ReplyName& name, const OnceReply& reply, std::string* out) const {
  Writer w(out);
  w.Bytes(name.first);
  w.Bytes(name.second);
  w.U64(reply.arguments[0]);
  w.U64(reply.arguments[1]);
  w.I64(reply.until_ms);
  w.U8(static_cast<uint8_t>(reply.resp_version));
  w.Bytes(reply.reply);
}

Result<std::pair<ReplyName, OnceReply>> OnceTable::DecodeRow(Reader* in) const {
  std::pair<ReplyName, OnceReply> row;
  row.first.first = in->Bytes();
  row.first.second = in->Bytes();
  row.second.arguments[0] = in->U64();
  row.second.arguments[1] = in->U64();
  row.second.until_ms = in->I64();
  row.second.resp_version = in->U8();
  row.second.reply = in->Bytes();
  return row;
}

}  // namespace clustron::store

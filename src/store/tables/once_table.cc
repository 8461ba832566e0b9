#include "store/tables/once_table.h"

#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"

namespace clustron::store {

namespace {
constexpr int64_t kEarlyMs = 1000;  // of kOnceForgottenEarly
}

const OnceReply* OnceTable::Find(std::string_view user, std::string_view id, int64_t now_ms) const {
  const auto it = rows().find(OnceName(user, id));
  if (it == rows().end() || it->second.until_ms <= now_ms) return nullptr;
  if (Planted(Bug::kOnceForgottenEarly) && it->second.until_ms <= now_ms + kEarlyMs) return nullptr;
  return &it->second;
}

bool OnceTable::HasRoom(int64_t now_ms) const {
  size_t entries = size();
  size_t bytes = bytes_;
  size_t swept = 0;
  for (auto it = by_end_.begin();
       it != by_end_.end() && it->first <= now_ms && swept < kSweepPerPut; ++it, swept++) {
    entries--;
    bytes -= BytesOf(it->second, rows().at(it->second));
  }
  return entries < limits_.entries_max &&
         bytes + kOnceReplyBytesMax + 2 * kOnceIdBytesMax <= limits_.bytes_max;
}

void OnceTable::Put(std::string_view user, std::string_view id, OnceReply reply, int64_t now_ms) {
  for (size_t i = 0; i < kSweepPerPut; i++) {
    const auto first = by_end_.begin();
    if (first == by_end_.end() || first->first > now_ms) break;
    Take(PlaceOf(first->second));
  }
  OnceName name(user, id);
  // One that is past its time may still be there.
  if (rows().contains(name)) Take(PlaceOf(name));
  Insert(std::move(name), std::move(reply));
}

// ---- rows ----

bool OnceTable::Link(const OnceName& name, OnceReply& reply) {
  bytes_ += BytesOf(name, reply);
  return by_end_.emplace(reply.until_ms, name).second;
}

void OnceTable::Unlink(const OnceName& name, const OnceReply& reply) {
  bytes_ -= BytesOf(name, reply);
  const size_t gone = by_end_.erase(std::pair(reply.until_ms, name));
  CHECK(gone == 1);
}

void OnceTable::EncodeRow(const OnceName& name, const OnceReply& reply, std::string* out) const {
  Writer w(out);
  w.Bytes(name.first);
  w.Bytes(name.second);
  w.U64(reply.arguments[0]);
  w.U64(reply.arguments[1]);
  w.I64(reply.until_ms);
  w.U8(static_cast<uint8_t>(reply.resp_version));
  w.Bytes(reply.reply);
}

Result<std::pair<OnceName, OnceReply>> OnceTable::DecodeRow(Reader* in) const {
  std::pair<OnceName, OnceReply> row;
  row.first.first = in->Bytes();
  row.first.second = in->Bytes();
  row.second.arguments[0] = in->U64();
  row.second.arguments[1] = in->U64();
  row.second.until_ms = in->I64();
  row.second.resp_version = in->U8();
  row.second.reply = in->Bytes();
  return row;
}

std::unique_ptr<SlicedFree> OnceTable::Clear() {
  bytes_ = 0;
  return FreedInSlices(std::exchange(by_end_, {}), SetRowsAside());
}

}  // namespace clustron::store

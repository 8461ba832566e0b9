#include "cluster/node/node_messages.h"

#include "base/coding.h"
#include "cluster/node/wall_clock.h"

namespace clustron::cluster {

namespace {

constexpr size_t kForwardHeadBytes = 1 + 8 + 4;

std::string Begin(WireKind kind, size_t reserve) {
  std::string out;
  out.reserve(1 + reserve);
  out.push_back(static_cast<char>(kind));
  return out;
}

void AppendName(const SnapshotName& name, std::string* out) {
  Writer writer(out);
  writer.U64(name.slot);
  writer.U64(name.bytes);
  writer.U64(name.file_id);
}

SnapshotName ReadName(Reader* reader) {
  SnapshotName name;
  name.slot = reader->U64();
  name.bytes = reader->U64();
  name.file_id = reader->U64();
  return name;
}

bool IsWireKind(uint8_t byte) {
  const auto within = [byte](WireKind first, WireKind last) {
    return byte >= static_cast<uint8_t>(first) && byte <= static_cast<uint8_t>(last);
  };
  return within(WireKind::kPaxos, WireKind::kSnapshotAck) ||
         within(WireKind::kIntroduction, WireKind::kStanding) ||
         within(WireKind::kDigestAsk, WireKind::kBeyond) ||
         within(WireKind::kClockAsk, WireKind::kNodeAnswer);
}

}  // namespace

std::string EncodeNews(const StateNews& news) {
  std::string out;
  Writer writer(&out);
  writer.U64(news.boot);
  writer.U64(news.applied);
  writer.U64(news.follows.round);
  writer.U32(news.follows.node);
  writer.U64(news.slot);
  writer.U64(news.digest);
  writer.U8(news.disk_low ? 1 : 0);
  return out;
}

bool DecodeNews(std::string_view bytes, StateNews* news) {
  Reader reader(bytes);
  news->boot = reader.U64();
  news->applied = reader.U64();
  news->follows.round = reader.U64();
  news->follows.node = reader.U32();
  news->slot = reader.U64();
  news->digest = reader.U64();
  news->disk_low = reader.U8() != 0;
  return reader.Done();
}

std::string WireDigestAsk(paxos::Slot slot) {
  std::string out = Begin(WireKind::kDigestAsk, 8);
  Writer(&out).U64(slot);
  return out;
}

std::string WireDigest(paxos::Slot slot, uint64_t digest) {
  std::string out = Begin(WireKind::kDigest, 16);
  Writer writer(&out);
  writer.U64(slot);
  writer.U64(digest);
  return out;
}

std::string WireBeyond(const Beyond& beyond) {
  std::string out = Begin(WireKind::kBeyond, 12);
  Writer writer(&out);
  writer.U64(beyond.proposed);
  writer.U32(beyond.agree);
  return out;
}

bool ReadDigestAsk(std::string_view body, paxos::Slot* slot) {
  Reader reader(body);
  *slot = reader.U64();
  return reader.Done();
}

bool ReadDigest(std::string_view body, paxos::Slot* slot, uint64_t* digest) {
  Reader reader(body);
  *slot = reader.U64();
  *digest = reader.U64();
  return reader.Done();
}

bool ReadBeyond(std::string_view body, Beyond* beyond) {
  Reader reader(body);
  beyond->proposed = reader.U64();
  beyond->agree = reader.U32();
  return reader.Done();
}

std::string WireOf(WireKind kind, std::string_view body) {
  std::string out = Begin(kind, body.size());
  out.append(body);
  return out;
}

std::string WirePaxos(std::string_view body) { return WireOf(WireKind::kPaxos, body); }

std::string WireReadAsk(uint64_t id) {
  std::string out = Begin(WireKind::kReadAsk, 8);
  Writer(&out).U64(id);
  return out;
}

std::string WireReadGrant(uint64_t id, const ReadGrant& grant) {
  std::string out = Begin(WireKind::kReadGrant, 32);
  Writer writer(&out);
  writer.U64(id);
  writer.U64(grant.index);
  writer.I64(grant.elapsed_ms);
  writer.I64(grant.wall_ms);
  return out;
}

std::string WireTickAsk(uint64_t id) {
  std::string out = Begin(WireKind::kTickAsk, 8);
  Writer(&out).U64(id);
  return out;
}

std::string WireTickGrant(uint64_t id, paxos::Slot slot) {
  std::string out = Begin(WireKind::kTickGrant, 16);
  Writer writer(&out);
  writer.U64(id);
  writer.U64(slot);
  return out;
}

std::string WireClockAsk(int64_t asked_ns) {
  std::string out = Begin(WireKind::kClockAsk, 8);
  Writer(&out).I64(asked_ns);
  return out;
}

std::string WireClockAnswer(int64_t asked_ns, int64_t wall_ms) {
  std::string out = Begin(WireKind::kClockAnswer, 16);
  Writer writer(&out);
  writer.I64(asked_ns);
  writer.I64(wall_ms);
  return out;
}

std::string WireCall(WireKind kind, uint64_t id, std::string_view body) {
  std::string out = Begin(kind, 8 + body.size());
  Writer writer(&out);
  writer.U64(id);
  writer.Raw(body);
  return out;
}

std::string WirePublish(std::string_view body) { return WireOf(WireKind::kPublish, body); }

std::string WireSnapshotOffer(const SnapshotName& name) {
  std::string out = Begin(WireKind::kSnapshotOffer, 24);
  AppendName(name, &out);
  return out;
}

std::string WireSnapshotChunk(const SnapshotName& name, const persist::SnapshotChunk& chunk) {
  std::string out = Begin(WireKind::kSnapshotChunk, 36 + chunk.bytes.size());
  AppendName(name, &out);
  Writer writer(&out);
  writer.U64(chunk.offset);
  writer.U32(chunk.crc32c);
  writer.Raw(chunk.bytes);
  return out;
}

std::string WireSnapshotAck(const SnapshotName& name, uint64_t offset) {
  std::string out = Begin(WireKind::kSnapshotAck, 32);
  AppendName(name, &out);
  Writer(&out).U64(offset);
  return out;
}

ForwardBuilder::ForwardBuilder(paxos::Ballot ballot) : bytes_(Begin(WireKind::kForward, 12)) {
  Writer writer(&bytes_);
  writer.U64(ballot.round);
  writer.U32(ballot.node);
}

bool ForwardBuilder::empty() const { return bytes_.size() <= kForwardHeadBytes; }

bool ReadWireKind(std::string_view message, WireKind* kind, std::string_view* body) {
  if (message.empty()) return false;
  const uint8_t byte = static_cast<uint8_t>(message[0]);
  if (!IsWireKind(byte)) return false;
  *kind = static_cast<WireKind>(byte);
  *body = message.substr(1);
  return true;
}

bool ReadForward(std::string_view body, paxos::Ballot* ballot, std::string_view* items) {
  Reader reader(body);
  ballot->round = reader.U64();
  ballot->node = reader.U32();
  *items = reader.Raw(reader.remaining());
  return reader.ok();
}

bool ReadReadAsk(std::string_view body, uint64_t* id) {
  Reader reader(body);
  *id = reader.U64();
  return reader.Done();
}

bool ReadReadGrant(std::string_view body, uint64_t* id, ReadGrant* grant) {
  Reader reader(body);
  *id = reader.U64();
  grant->index = reader.U64();
  grant->elapsed_ms = reader.I64();
  grant->wall_ms = reader.I64();
  return reader.Done();
}

bool ReadTickAsk(std::string_view body, uint64_t* id) {
  Reader reader(body);
  *id = reader.U64();
  return reader.Done();
}

bool ReadTickGrant(std::string_view body, uint64_t* id, paxos::Slot* slot) {
  Reader reader(body);
  *id = reader.U64();
  *slot = reader.U64();
  return reader.Done();
}

bool ReadClockAsk(std::string_view body, int64_t* asked_ns) {
  Reader reader(body);
  *asked_ns = reader.I64();
  return reader.Done();
}

bool ReadClockAnswer(std::string_view body, int64_t* asked_ns, int64_t* wall_ms) {
  Reader reader(body);
  *asked_ns = reader.I64();
  *wall_ms = reader.I64();
  return reader.Done() && *wall_ms >= 0 && *wall_ms <= WallClock::kWallMaxMs;
}

bool ReadCall(std::string_view body, uint64_t* id, std::string_view* rest) {
  Reader reader(body);
  *id = reader.U64();
  *rest = reader.Raw(reader.remaining());
  return reader.ok();
}

bool ReadSnapshotOffer(std::string_view body, SnapshotName* name) {
  Reader reader(body);
  *name = ReadName(&reader);
  return reader.Done();
}

bool ReadSnapshotChunk(std::string_view body, SnapshotName* name, persist::SnapshotChunk* chunk) {
  Reader reader(body);
  *name = ReadName(&reader);
  chunk->offset = reader.U64();
  chunk->crc32c = reader.U32();
  chunk->bytes = reader.Raw(reader.remaining());
  return reader.ok() && chunk->offset <= name->bytes &&
         chunk->bytes.size() <= name->bytes - chunk->offset;
}

bool ReadSnapshotAck(std::string_view body, SnapshotName* name, uint64_t* offset) {
  Reader reader(body);
  *name = ReadName(&reader);
  *offset = reader.U64();
  return reader.Done();
}

}  // namespace clustron::cluster

// Messages between nodes, from the wire's kinds to the consensus core's messages: malformed ones
// are refused, and what is understood encodes to something that means the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cluster/node/node_messages.h"
#include "cluster/paxos/messages.h"
#include "cluster/wire/introduction.h"

namespace {

using namespace clustron;

void FuzzPaxos(std::string_view bytes) {
  const auto message = paxos::Decode(bytes);
  if (!message) {
    CHECK(!message.error().detail.empty());
    return;
  }
  std::string again;
  paxos::Encode(*message, &again);
  const auto decoded = paxos::Decode(again);
  CHECK(decoded.has_value());
  CHECK(decoded->index() == message->index());
  std::string third;
  paxos::Encode(*decoded, &third);
  CHECK(third == again);
  CHECK(paxos::SizeBytes(*message) > 0);
}

void FuzzWire(std::string_view bytes) {
  cluster::WireKind kind;
  std::string_view body;
  if (!cluster::ReadWireKind(bytes, &kind, &body)) return;
  paxos::Ballot ballot;
  std::string_view rest;
  uint64_t id = 0;
  uint64_t offset = 0;
  int64_t asked_ns = 0;
  int64_t wall_ms = 0;
  cluster::ReadGrant grant;
  cluster::SnapshotName name;
  persist::SnapshotChunk chunk;
  cluster::Introduction introduction;
  cluster::IntroductionAnswer answer;
  cluster::Standing standing;
  cluster::Beyond beyond;
  uint64_t digest = 0;
  switch (kind) {
    case cluster::WireKind::kPaxos:
      FuzzPaxos(body);
      break;
    case cluster::WireKind::kForward:
      if (cluster::ReadForward(body, &ballot, &rest)) CHECK(rest.size() <= body.size());
      break;
    case cluster::WireKind::kReadAsk:
      if (cluster::ReadReadAsk(body, &id)) CHECK(cluster::WireReadAsk(id).size() > 1);
      break;
    case cluster::WireKind::kReadGrant:
      if (cluster::ReadReadGrant(body, &id, &grant))
        CHECK(!cluster::WireReadGrant(id, grant).empty());
      break;
    case cluster::WireKind::kTickAsk:
      if (cluster::ReadTickAsk(body, &id)) CHECK(!cluster::WireTickAsk(id).empty());
      break;
    case cluster::WireKind::kTickGrant:
      if (cluster::ReadTickGrant(body, &id, &offset))
        CHECK(!cluster::WireTickGrant(id, offset).empty());
      break;
    case cluster::WireKind::kClockAsk:
      if (cluster::ReadClockAsk(body, &asked_ns)) CHECK(!cluster::WireClockAsk(asked_ns).empty());
      break;
    case cluster::WireKind::kClockAnswer:
      if (cluster::ReadClockAnswer(body, &asked_ns, &wall_ms)) CHECK(wall_ms >= 0);
      break;
    case cluster::WireKind::kLeaderCall:
    case cluster::WireKind::kLeaderAnswer:
    case cluster::WireKind::kNodeCall:
    case cluster::WireKind::kNodeAnswer:
      if (cluster::ReadCall(body, &id, &rest)) CHECK(rest.size() <= body.size());
      break;
    case cluster::WireKind::kPublish:
      break;
    case cluster::WireKind::kSnapshotOffer:
      static_cast<void>(cluster::ReadSnapshotOffer(body, &name));
      break;
    case cluster::WireKind::kSnapshotChunk:
      static_cast<void>(cluster::ReadSnapshotChunk(body, &name, &chunk));
      break;
    case cluster::WireKind::kSnapshotAck:
      static_cast<void>(cluster::ReadSnapshotAck(body, &name, &offset));
      break;
    case cluster::WireKind::kIntroduction:
      if (cluster::DecodeIntroduction(body, &introduction)) {
        const std::string again = cluster::EncodeIntroduction(introduction);
        cluster::Introduction same;
        CHECK(cluster::DecodeIntroduction(again, &same));
        CHECK(same == introduction);
      }
      break;
    case cluster::WireKind::kIntroductionAnswer:
      if (cluster::DecodeIntroductionAnswer(body, &answer))
        CHECK(!cluster::EncodeIntroductionAnswer(answer).empty());
      break;
    case cluster::WireKind::kStanding:
      if (cluster::DecodeStanding(body, &standing))
        CHECK(!cluster::EncodeStanding(standing).empty());
      break;
    case cluster::WireKind::kDigestAsk:
      if (cluster::ReadDigestAsk(body, &offset)) CHECK(!cluster::WireDigestAsk(offset).empty());
      break;
    case cluster::WireKind::kDigest:
      if (cluster::ReadDigest(body, &offset, &digest))
        CHECK(!cluster::WireDigest(offset, digest).empty());
      break;
    case cluster::WireKind::kBeyond:
      if (cluster::ReadBeyond(body, &beyond)) CHECK(!cluster::WireBeyond(beyond).empty());
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FuzzWire(bytes);
  FuzzPaxos(bytes);
  static_cast<void>(paxos::DecodeAccepted(bytes));
  return 0;
}

#include "server/ops/cluster_news.h"

#include <string>

#include "server/ops/engine_news.h"

namespace clustron::server {

uint64_t ClusterNews::Publish(std::string_view channel, std::string_view message, bool sharded,
                              bool local_only) {
  if (!local_only && !around_.node.alone()) {
    std::string body;
    Writer writer(&body);
    writer.U8(sharded ? kPublishSharded : kPublishPlain);
    writer.Bytes(channel);
    writer.Raw(message);
    around_.node.Publish(body);
  }
  return around_.hub.Deliver(channel, message, sharded);
}

// Every node takes writes, so the clients of all notice that they take a little longer.
void ClusterNews::TellHandOver() {
  const uint64_t seq = around_.maintenance.NextSeq(around_.clock.WallMs());
  const cluster::Ballot ballot = around_.node.ballot();
  std::string body;
  Writer writer(&body);
  writer.U8(kHandOverBegins);
  writer.U64(seq);
  writer.U64(ballot.round);
  writer.U32(ballot.node);
  around_.node.Publish(body);
  around_.maintenance.BeginHandOver(seq, around_.clients.NowMs());
}

void ClusterNews::HearHandOver(Reader& reader) {
  const uint64_t seq = reader.U64();
  cluster::Ballot ballot;
  ballot.round = reader.U64();
  ballot.node = reader.U32();
  // It may come late: then the next leader is in office already.
  if (reader.ok() && !(ballot < around_.node.ballot()))
    around_.maintenance.BeginHandOver(seq, around_.clients.NowMs());
}

void ClusterNews::HearFailover(uint8_t kind, Reader& reader) {
  commands::FailoverRequest request;
  request.host = reader.Bytes();
  request.port = reader.U16();
  request.timeout_ms = static_cast<int64_t>(reader.U64());
  // It may come to one who leads no more, or not any more: then it is void, as FAILOVER may be.
  if (!reader.ok() || !around_.node.leading()) return;
  const Status done =
      kind == kFailoverAborted ? around_.failover.Abort() : around_.failover.Begin(request);
  if (!done) around_.host.Warn("FAILOVER asked for on another node: " + done.error().detail);
}

void ClusterNews::Hear(std::string_view body) {
  Reader reader(body);
  const uint8_t kind = reader.U8();
  switch (kind) {
    case kHandOverBegins:
      return HearHandOver(reader);
    case kWhoIsThere:
      return around_.departure.TellWhoIsHere();
    case kTheseAre:
      return around_.departure.NoteWhoIsElsewhere(reader);
    case kFailoverAsked:
    case kFailoverAborted:
      return HearFailover(kind, reader);
    default:
      break;
  }
  const bool sharded = kind == kPublishSharded;
  const std::string_view channel = reader.Bytes();
  const std::string_view message = reader.Raw(reader.remaining());
  if (reader.ok()) around_.hub.Deliver(channel, message, sharded);
}

}  // namespace clustron::server

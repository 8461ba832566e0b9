#include "server/ops/maintenance.h"

#include <algorithm>

#include "base/hash.h"
#include "commands/core/spec.h"
#include "resp/reply_writer.h"
#include "server/front/client_table.h"

namespace clustron::server {

using commands::MaintNotices;

namespace {

// The one shard: all data of the cluster.
constexpr std::string_view kShards = "[\"1\"]";

bool Hears(const Client& client) {
  return client.modes().maint_notices != MaintNotices::kOff && client.modes().resp_version == 3 &&
         !client.closing;
}

// Who waits for the stop must not make it wait.
bool StopsUs(const Client& client) {
  return client.last_command() != nullptr && client.last_command()->Is(commands::kStopsNode);
}

std::string_view HostOf(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace

uint64_t Maintenance::NextSeq(int64_t wall_ms) {
  last_seq_ = std::max(last_seq_ + 1, static_cast<uint64_t>(std::max<int64_t>(wall_ms, 1)));
  return last_seq_;
}

void Maintenance::TellMoving(uint64_t seq, int64_t seconds,
                             const std::vector<std::string>& endpoints) {
  last_seq_ = std::max(last_seq_, seq);
  clients_.ForEach([&](Client& client) {
    if (client.told.moving || !Hears(client) || StopsUs(client)) return;
    const bool none = client.modes().maint_notices == MaintNotices::kWithoutEndpoint;
    if (!none && endpoints.empty()) return;
    if (client.told.failing_over) TellFailedOver(client);
    client.told.moving = true;
    std::string frame;
    resp::ReplyWriter writer(&frame, 3);
    writer.Push(4);
    writer.Bulk("MOVING");
    writer.Uint(seq);
    writer.Int(seconds);
    if (none) {
      writer.Null();
    } else {
      writer.Bulk(endpoints[HashBytes(HostOf(client.address().peer), 0) % endpoints.size()]);
    }
    client.link().Push(frame);
  });
}

size_t Maintenance::Movers() const {
  size_t count = 0;
  clients_.ForEach([&](Client& client) { count += client.told.moving && Hears(client) ? 1 : 0; });
  return count;
}

void Maintenance::ForgetMoving() {
  clients_.ForEach([](Client& client) { client.told.moving = false; });
}

void Maintenance::BeginHandOver(uint64_t seq, int64_t now_ms) {
  last_seq_ = std::max(last_seq_, seq);
  hand_over_seq_ = seq;
  hand_over_until_ms_ = now_ms + kHandOverS * 1000;
  std::string frame;
  resp::ReplyWriter writer(&frame, 3);
  writer.Push(4);
  writer.Bulk("FAILING_OVER");
  writer.Uint(seq);
  writer.Int(kHandOverS);
  writer.Bulk(kShards);
  clients_.ForEach([&](Client& client) {
    if (!Hears(client) || client.told.moving || client.told.failing_over) return;
    client.told.failing_over = true;
    client.link().Push(frame);
  });
}

void Maintenance::TellFailedOver(Client& client) {
  client.told.failing_over = false;
  std::string frame;
  resp::ReplyWriter writer(&frame, 3);
  writer.Push(3);
  writer.Bulk("FAILED_OVER");
  writer.Uint(hand_over_seq_ + 1);
  writer.Bulk(kShards);
  client.link().Push(frame);
}

void Maintenance::EndHandOver() {
  if (hand_over_seq_ == 0) return;
  last_seq_ = std::max(last_seq_, hand_over_seq_ + 1);
  clients_.ForEach([&](Client& client) {
    if (client.told.failing_over && client.modes().resp_version == 3) TellFailedOver(client);
    client.told.failing_over = false;
  });
  hand_over_seq_ = 0;
}

void Maintenance::Step(int64_t now_ms) {
  if (hand_over_seq_ != 0 && now_ms >= hand_over_until_ms_) EndHandOver();
}

}  // namespace clustron::server

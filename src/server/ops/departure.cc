#include "server/ops/departure.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "cluster/log/wait_item.h"
#include "server/ops/engine_news.h"
#include "server/ops/errors.h"

namespace clustron::server {

namespace {

// Before a node stops: how long clients that look for masters have to see that it is none any more,
// and how often they are told to look.
constexpr int64_t kLeaveNs = 500'000'000;
constexpr int64_t kWhoIsThereNs = 100'000'000;
constexpr int64_t kLeaveOftenNs = 100'000'000;
constexpr int64_t kNsPerS = 1'000'000'000;

// The same for all connections of one client, whichever node they lead to.
uint64_t MasterWriterId(const Client& client) {
  const std::string& peer = client.address().peer;
  std::string id = peer.substr(0, peer.rfind(':'));
  id += '\0';
  id += client.modes().name;
  return HashBytes(id, 0);
}

}  // namespace

Status Departure::Begin(const commands::ShutdownRequest& request) {
  going_on_ = true;
  parked_ = false;
  request_ = request;
  const int64_t now = around_.clock.MonotonicNs();
  deadline_ns_ = now + around_.config.Int(Opt::kShutdownTimeout) * kNsPerS;
  // Before leadership is handed over: who moves need not hear of that.
  seq_ = around_.maintenance.NextSeq(around_.clock.WallMs());
  TellMoving(now);
  if (!request.now && around_.node.leading() && !around_.node.alone())
    around_.failover.HandOverToAny();
  if (saves() && !around_.node.parts().snapshots.running()) around_.node.parts().snapshots.Want();
  return {};
}

Status Departure::Abort() {
  if (!going_on_) return Fail(Errc::kNotFound, std::string(kErrNoShutdown));
  CallOff();
  return {};
}

// Clients that asked are sent to another member while this node still serves them; how many have
// not gone yet.
size_t Departure::TellMoving(int64_t now_ns) {
  if (hurries(now_ns)) return 0;
  bool others = false;
  std::vector<std::string> endpoints;
  for (const paxos::PeerStatus& peer : around_.node.replica().peers()) {
    const cluster::Member* member = around_.node.members().Find(peer.node);
    if (member == nullptr || !InSight(peer, around_.clock.MonotonicNs())) continue;
    others = true;
    // Every library splits at the colon: an address with more of them is of no use to any.
    if (member->host.find(':') == std::string::npos)
      endpoints.push_back(member->host + ":" + std::to_string(member->port));
  }
  // Without another member in sight there is nowhere to go.
  if (others) {
    const int64_t left_s = (deadline_ns_ - now_ns + kNsPerS - 1) / kNsPerS;
    around_.maintenance.TellMoving(seq_, std::max<int64_t>(left_s, 1), endpoints);
  }
  return around_.maintenance.Movers();
}

void Departure::Step(int64_t now_ns) {
  if (!going_on_) return;
  const cluster::Node& node = around_.node;
  const bool handing_over = !request_.now && node.leading() && !node.alone();
  const bool saving = saves() && node.parts().snapshots.running();
  const bool writing = !node.origin().Empty();
  const bool moving = TellMoving(now_ns) > 0;
  if (handing_over && around_.failover.MayTryAgain(now_ns)) around_.failover.HandOverToAny();
  if ((handing_over || saving || writing || moving) && now_ns < deadline_ns_) return;
  if (saves() && !around_.snapshots.last_ok && !request_.force) {
    CallOff();
    return;
  }
  if (!LeavesMasters(now_ns) && !ParksWaiters(now_ns)) around_.host.Stop();
}

// Clients that wait for keys are not to be served any more by what others push: an element that is
// taken off for them would be lost with the connection. Whether that is still on its way.
bool Departure::ParksWaiters(int64_t now_ns) {
  if (hurries(now_ns)) return false;
  if (!parked_) {
    const cluster::Session own = around_.node.session();
    const std::vector<cluster::Session> served = around_.node.parts().core.state.ServedWaiters();
    if (std::find(served.begin(), served.end(), own) == served.end()) return false;
    parked_ = true;
    around_.node.parts().writes.Submit(
        cluster::WaitItem({.what = cluster::WaitNews::What::kPark, .owner = own}, own), nullptr);
  }
  return !around_.node.origin().Empty();
}

// The last thing before a stop. A client that writes to masters only (StackExchange.Redis) marks
// all but one as redundant: what it sends from the loss of that one until it has looked at all
// nodes again waits for the one that is gone, for seconds. So it is made to look while this node,
// not a master any more, still serves what is under way; whether that lasts still.
bool Departure::LeavesMasters(int64_t now_ns) {
  if (hurries(now_ns)) return false;
  if (leaving_since_ns_ == 0 && !BeginLeaving(now_ns))
    return asked_ns_ != 0 && now_ns - asked_ns_ < kWhoIsThereNs;
  if (now_ns - around_.master_news.told_ns() >= kLeaveOftenNs) {
    around_.clients.ForEach([&](Client& client) {
      if (elsewhere_.contains(MasterWriterId(client))) client.told.elsewhere = true;
    });
    around_.master_news.TellAgain(now_ns);
  }
  return now_ns - leaving_since_ns_ < kLeaveNs;
}

// Who knows this node alone is served to the end: it would refuse to write from here on. So the
// others are asked first. False: nobody here is known elsewhere, as far as the answers have come.
bool Departure::BeginLeaving(int64_t now_ns) {
  CHECK(leaving_since_ns_ == 0);
  bool any = false;
  bool elsewhere = false;
  around_.clients.ForEach([&](const Client& client) {
    if (!client.writes_to_masters_only()) return;
    any = true;
    elsewhere |= elsewhere_.contains(MasterWriterId(client));
  });
  if (!any) {
    asked_ns_ = 0;
    return false;
  }
  if (asked_ns_ == 0) {
    asked_ns_ = now_ns;
    around_.node.Publish(std::string(1, static_cast<char>(kWhoIsThere)));
  }
  if (!elsewhere) return false;
  leaving_since_ns_ = now_ns;
  around_.master_news.BeginRow();
  return true;
}

// The stop does not take place.
void Departure::CallOff() {
  CHECK(going_on_);
  going_on_ = parked_ = false;
  around_.maintenance.ForgetMoving();
  asked_ns_ = 0;
  elsewhere_.clear();
  if (leaving_since_ns_ == 0) return;
  leaving_since_ns_ = 0;
  around_.clients.ForEach([](Client& client) { client.told.elsewhere = false; });
  around_.master_news.Tell();
}

void Departure::TellWhoIsHere() {
  std::string body;
  Writer writer(&body);
  writer.U8(kTheseAre);
  around_.clients.ForEach([&](const Client& client) {
    if (client.writes_to_masters_only()) writer.U64(MasterWriterId(client));
  });
  around_.node.Publish(body);
}

void Departure::NoteWhoIsElsewhere(Reader& reader) {
  while (going_on_ && reader.ok() && reader.remaining() > 0) elsewhere_.insert(reader.U64());
}

}  // namespace clustron::server

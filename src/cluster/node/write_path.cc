#include "cluster/node/write_path.h"

#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

WritePath::WritePath(NodeCore& core, const LeaderView& leader_view, Roster& roster,
                     Proposer& proposer)
    : core_(core),
      leader_view_(leader_view),
      roster_(roster),
      proposer_(proposer),
      origin_(Session{core.self(), core.config.boot}, core.config.window_bytes) {}

void WritePath::Submit(std::string item, ItemOwner* owner) {
  origin_.Add(std::move(item), owner, core_.NowNs());
}

ItemOwner* WritePath::Take(uint64_t sequence) {
  if (origin_.IsNext(sequence)) return origin_.Take(sequence, core_.NowNs());
  // Of an earlier life of this directory, which was put back from a copy.
  roster_.OnForeignItem();
  return nullptr;
}

void WritePath::Send() {
  if (!CanSend()) return;
  if (!leader_view_.here()) {
    if (roster_.MaySendItemsTo(leader_view_.leader())) Forward();
    return;
  }
  if (!leader_view_.leading()) return;
  const int64_t now = core_.NowNs();
  while (const Origin::Item* item = origin_.NextToSend(now)) proposer_.AddFromHere(item->bytes());
}

void WritePath::Forward() {
  const int64_t now = core_.NowNs();
  const NodeId leader = leader_view_.leader();
  ForwardBuilder forward(leader_view_.ballot());
  const auto send = [&] {
    if (!forward.empty()) core_.transport.Send(leader, Urgency::kBulk, forward.Take());
  };
  while (const Origin::Item* item = origin_.NextToSend(now)) {
    if (!forward.empty() && forward.size() + item->bytes().size() > kForwardBytesMax) {
      send();
      forward = ForwardBuilder(leader_view_.ballot());
    }
    if (item->shared != nullptr) {
      core_.transport.Send(leader, Urgency::kBulk, forward.Take(), item->shared);
      forward = ForwardBuilder(leader_view_.ballot());
    } else {
      forward.Add(item->bytes());
    }
  }
  send();
}

int64_t WritePath::MovingNs() const {
  constexpr int64_t kNsPerByte = 100;
  return static_cast<int64_t>(origin_.window_bytes()) * kNsPerByte;
}

void WritePath::FailAll(const std::vector<ItemOwner*>& owners, Failure failure) {
  for (ItemOwner* owner : owners) {
    CHECK(owner != nullptr);
    core_.host.FailWrite(*owner, failure);
  }
}

void WritePath::Expire(int64_t now_ns) {
  std::vector<ItemOwner*> definite, uncertain;
  const int64_t moving_ns = MovingNs();
  origin_.Expire(now_ns, core_.config.hold_ns + moving_ns, &definite, &uncertain);
  // A client's items fail in the order in which they were asked for.
  FailAll(uncertain,
          Planted(Bug::kUncertainAsDefinite) ? Failure::kClusterDown : Failure::kUncertain);
  FailAll(definite, Failure::kClusterDown);
  if (now_ns - origin_.StalledSinceNs() > core_.config.resend_ns + moving_ns &&
      origin_.StalledSinceNs() <= now_ns) {
    REACH("own items sent again for lack of progress");
    origin_.SendAllAgain(now_ns);
  }
}

void WritePath::StartAnew(uint32_t boot) {
  REACH("boot raised while running");
  Log(LogLevel::kNotice, "this node's boot is {} from now on", boot);
  CHECK(boot > origin_.session().boot);
  std::vector<ItemOwner*> uncertain;
  origin_.StartAnew({core_.self(), boot}, &uncertain);
  FailAll(uncertain, Failure::kUncertain);
  core_.host.SessionChanged(origin_.session());
}

void WritePath::SkipApplied() {
  std::vector<ItemOwner*> uncertain;
  origin_.SkipTo(core_.state.NextSequence(origin_.session()), &uncertain);
  FailAll(uncertain, Failure::kUncertain);
}

}  // namespace clustron::cluster

#include "server/observe/watch_search_reply.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "commands/core/error_watch.h"
#include "commands/core/errors.h"
#include "commands/watch/rows.h"
#include "server/front/client.h"
#include "server/observe/watch_hub.h"

namespace clustron::server {

using commands::WatchTarget;
using state::WatchEvent;
using state::WatchSearch;
using store::Revision;

namespace {

// Of an answer that is written: half a millisecond. A turn takes several steps.
#ifdef CLUSTRON_SIM
constexpr size_t kEventsPerStep = 2;  // so that short answers take several
#else
constexpr size_t kEventsPerStep = 2048;
#endif

void WakeClient(commands::ClientPort& port) { static_cast<Client&>(port).link().Wake(); }

// Why no search can begin behind the revision: the reply is written.
bool Refused(const WatchHub& hub, Revision revision, resp::ReplyWriter& reply) {
  const Revision newest = hub.store().revision();
  if (revision > newest) {
    reply.Error(commands::RevisionAhead(revision, newest));
    return true;
  }
  if (!hub.keeps_history()) {
    reply.Error(commands::kErrWatchKeepsNothing);
    return true;
  }
  Revision instead = newest;
  if (hub.history().active() && hub.history().Knows(revision, &instead)) return false;
  reply.Error(commands::Compacted(instead));
  return true;
}

}  // namespace

WatchSearchReply::WatchSearchReply(WatchHub& hub, commands::SinceCall call,
                                   commands::ClientPort& client)
    : hub_(hub), call_(std::move(call)), client_(client), searched_(call_.revision) {
  if (Planted(Bug::kWatchResumesLate)) ++searched_;
  if (call_.waits) hub_.AddWait(call_.target, *this);
}

WatchSearchReply::~WatchSearchReply() {
  if (call_.waits) hub_.RemoveWait(call_.target, *this);
}

void WatchSearchReply::Wake(Revision known) {
  if (waiting_) searched_ = std::max(searched_, known);
  waiting_ = false;
  WakeClient(client_);
}

void WatchSearchReply::BeginAnswer() {
  Writing& writing = writing_.emplace();
  writing.up_to = search_->up_to();
  // Nothing behind what was found, then: there may have been revisions without events.
  if (search_->complete()) writing.up_to = std::max(writing.up_to, hub_.store().revision());
  if (Planted(Bug::kWatchSinceBehind)) writing.up_to += 3;
  Revision last = 0;
  search_->ForEach([&](Revision revision, const WatchEvent&) {
    if (writing.events.empty() || revision != last) writing.events.push_back(0);
    last = revision;
    ++writing.events.back();
  });
}

// [up-to, [[rev, event …] …]]. False: there is more to be written, in a later step.
bool WatchSearchReply::Answer(resp::ReplyWriter& reply, bool at_once) {
  if (!writing_) BeginAnswer();
  Writing& w = *writing_;
  resp::ReplyWriter out(&w.bytes, reply.version());
  const size_t most = at_once ? SIZE_MAX : kEventsPerStep;
  w.at = search_->ForEachFrom(w.at, most, [&](Revision revision, const WatchEvent& event) {
    if (w.left == 0) {
      w.left = w.events[w.begun++];
      out.Array(1 + w.left);
      out.Uint(revision);
    }
    ReplyEvent(out, event, true, call_.previous);
    --w.left;
  });
  if (w.begun < w.events.size() || w.left > 0) {
    REACH("an answer of WATCHKEY SINCE written in slices");
    WakeClient(client_);
    return false;
  }
  reply.Array(2);
  reply.Uint(w.up_to);
  reply.Array(w.events.size());
  reply.Raw(w.bytes);
  return true;
}

bool WatchSearchReply::Poll(bool expired, resp::ReplyWriter& reply) {
  if (writing_) return Answer(reply, expired);
  if (hub_.restoring()) {
    if (expired) reply.Error(commands::kErrLoading);
    return expired;
  }
  if (!hub_.Begin(call_.previous)) {
    if (expired) reply.Error(commands::kErrWatchNoHistory);
    return expired;
  }
  if (expired && waiting_) {
    // Nobody has woken it: there was nothing, whatever has left the history meanwhile.
    reply.Array(2);
    reply.Uint(hub_.store().revision());
    reply.Array(0);
    return true;
  }
  if (!search_) {
    if (Refused(hub_, searched_, reply)) return true;
    search_.emplace(call_.target.db, call_.target.prefix, call_.target.name, searched_,
                    call_.limit);
  }
  const WatchSearch::Progress progress = search_->Step(hub_.history());
  if (progress == WatchSearch::Progress::kGone) {
    REACH("watch history gone while it was searched");
    reply.Error(commands::Compacted(hub_.history().oldest()));
    return true;
  }
  const bool done = progress == WatchSearch::Progress::kDone;
  // What is found so far is an answer, too.
  if (expired || (done && (!call_.waits || search_->revisions() > 0)))
    return Answer(reply, expired);
  if (!done) {
    WakeClient(client_);
    return false;
  }
  searched_ = search_->up_to();
  search_.reset();
  waiting_ = true;
  return false;
}

// --- The plain form ------------------------------------------------------------------------------

// True: all is found, or (*refused) the reply is an error.
bool WatchBeginReply::Search(resp::ReplyWriter& reply, bool* refused) {
  if (searches_.empty()) {
    *refused = Refused(hub_, call_.revision, reply);
    if (*refused) return true;
    for (const WatchTarget& target : call_.targets)
      searches_.push_back(std::make_unique<WatchSearch>(target.db, target.prefix, target.name,
                                                        call_.revision, SIZE_MAX));
  }
  bool all = true;
  for (const auto& search : searches_) {
    const WatchSearch::Progress progress = search->Step(hub_.history());
    *refused = progress == WatchSearch::Progress::kGone;
    if (*refused) reply.Error(commands::Compacted(hub_.history().oldest()));
    if (*refused) return true;
    all &= progress == WatchSearch::Progress::kDone;
  }
  return all;
}

bool WatchBeginReply::Poll(bool expired, resp::ReplyWriter& reply) {
  if (hub_.restoring()) {
    if (expired) reply.Error(commands::kErrLoading);
    return expired;
  }
  const bool begun = hub_.Begin(call_.previous);
  if (call_.from && !begun) {
    if (expired) reply.Error(commands::kErrWatchNoHistory);
    return expired;
  }
  if (call_.from) {
    bool refused = false;
    if (!Search(reply, &refused)) {
      WakeClient(client_);
      // What is not found until then is told as a gap.
      if (!expired) return false;
    }
    if (refused) return true;
  }
  hub_.AddPlain(call_, searches_, client_, reply);
  return true;
}

}  // namespace clustron::server

#include "state/wait_server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "base/strings.h"
#include "commands/core/errors.h"
#include "commands/core/guard.h"
#include "commands/core/keys.h"
#include "commands/core/lock_reply.h"
#include "commands/core/registry.h"
#include "commands/core/waiting.h"
#include "resp/reply_output.h"
#include "resp/reply_writer.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::state {

using cluster::WaitEnd;
using cluster::WaitNews;
using store::KeyName;
using store::Wait;
using store::WaitOwner;
using store::WaitPlace;

namespace {

// Of one entry: the rest goes with the next, which follows at once.
constexpr size_t kEndsPerEntry = 10'000;

// Of LOCK ACQUIRE name ttl, options: of these only OWNER's value can be any word. Empty: none.
std::string_view LeaseOf(const Wait& wait) {
  for (size_t i = 4; i + 1 < wait.args.size(); ++i) {
    if (EqualsIgnoreCase(wait.args[i], "LEASE")) return wait.args[i + 1];
    if (EqualsIgnoreCase(wait.args[i], "OWNER")) ++i;
  }
  return {};
}

}  // namespace

// --- What may be ready ---------------------------------------------------------------------------

void WaitServer::NoteKey(int db, std::string_view key) {
  if (!WaitsOf(store_).Waited(db, key)) return;
  KeyName name{db, std::string(key)};
  if (noted_.insert(name).second) ready_.push_back(std::move(name));
  stirred_ = true;
}

void WaitServer::OnDb(int db) {
  for (const std::string& key : WaitsOf(store_).KeysOf(db)) OnKey(db, key);
}

void WaitServer::OnLock(int db, std::string_view name) {
  const store::WaitTable& waits = WaitsOf(store_);
  if (!waits.WaitedDb(db)) return;
  for (const WaitPlace place : waits.HeldBackBy(db, name))
    for (const std::string& key : waits.Find(place)->keys) OnKey(db, key);
}

// --- Serving -------------------------------------------------------------------------------------

bool WaitServer::Add(const cluster::ItemHeader& header, const commands::CommandSpec& spec,
                     std::span<const std::string_view> args, const commands::Verdict::Wait& wait) {
  CHECK(header.session.node != 0);
  Wait row{.id = {{header.session.node, header.session.boot}, header.sequence},
           .command_id = spec.id,
           .db = header.db,
           .resp_version = header.resp_version,
           .user = std::string(header.user),
           .args = {args.begin() + 1, args.end()},
           .type = wait.type};
  if (wait.timeout_ms != 0) row.deadline_ms = store_.elapsed_ms() + wait.timeout_ms;
  std::set<std::string_view> seen;
  for (const std::string_view key : wait.keys)
    if (seen.insert(key).second) row.keys.emplace_back(key);
  if (wait.lock) {
    if (!WaitsOf(store_).HasRoom(row)) return false;
    AddForLock(std::move(row), wait);
    return true;
  }
  std::vector<commands::KeyRef> written;
  CHECK(commands::KeysOf(spec, args, &written));
  for (const commands::KeyRef& key : written) {
    const std::string_view name = args[static_cast<size_t>(key.index)];
    if (seen.insert(name).second) row.targets.emplace_back(name);
  }
  store::WaitTable& waits = WaitsOf(store_);
  if (!waits.HasRoom(row)) return false;
  waits.Add(std::move(row));
  return true;
}

// An owner who asks again has lost the connection that waits for his ticket, or will CLAIM it no
// more: whoever asks last takes the place.
void WaitServer::AddForLock(Wait row, const commands::Verdict::Wait& wait) {
  store::LockTable& locks = LocksOf(store_);
  CHECK(row.keys.size() == 1);
  const std::string& name = row.keys.front();
  row.ticket = wait.ticket;
  if (wait.ticket == 0) {
    row.ticket = locks.Enqueue(row.db, name, *wait.lock, 0, row.id);
  } else {
    const store::WaitId before = locks.Find(row.db, name)->queue.Find(wait.ticket)->wait;
    locks.SetWait(row.db, name, wait.ticket, row.id);
    if (const WaitPlace* place = WaitsOf(store_).FindId(before)) {
      const Wait replaced = WaitsOf(store_).Remove(*place);
      Answer(replaced, WaitOutcome::kEnded,
             [](resp::ReplyWriter& reply) { reply.Error(commands::kErrWaitTakenOver); });
    }
  }
  WaitsOf(store_).Add(std::move(row));
}

void WaitServer::ServeAll() {
  for (const store::WaitId& id : std::exchange(lost_, {})) {
    const WaitPlace* place = WaitsOf(store_).FindId(id);
    if (place == nullptr) continue;
    const Wait lost = WaitsOf(store_).Remove(*place);
    // Who is away, and whose lease, if there is one, lives, was in the way of somebody else.
    const std::string_view lease = LeaseOf(lost);
    const bool passed_over =
        lost.parked && (lease.empty() || LeasesOf(store_).Find(lease) != nullptr);
    Answer(lost, WaitOutcome::kEnded, [&](resp::ReplyWriter& reply) {
      reply.Error(passed_over ? commands::kErrWaitPassedOver : commands::kErrWaitLeaseEnded);
    });
  }
  while (!ready_.empty()) {
    const KeyName key = std::move(ready_.front());
    ready_.pop_front();
    noted_.erase(key);
    ServeKey(key);
  }
}

void WaitServer::ServeKey(const KeyName& key) {
  store::WaitTable& waits = WaitsOf(store_);
  WaitPlace after = 0;
  while (const store::KeyRecord* record = store_.Find(key.db, key.name)) {
    const WaitPlace* next = waits.Next(key, record->type(), after);
    if (next == nullptr) return;
    after = *next;
    const Wait& wait = *waits.Find(after);
    if (!MayServe(wait)) {
      REACH("lock holds a waiter back");
      continue;
    }
    const uint64_t id = wait.id.id;
    const bool own = Own(wait);
    const bool answered = runner_.RunServed(wait, Begin(wait));
    if (own) sink_->EndServed(id, answered ? WaitOutcome::kServed : WaitOutcome::kWaitsOn);
    if (!answered) continue;
    REACH("waiter served");
    if (!Planted(Bug::kServedWaitsOn)) waits.Remove(after);
  }
}

// False: somebody's lock is in the way; or no such command can be, since a snapshot of another
// member may say anything.
bool WaitServer::MayServe(const Wait& wait) const {
  const commands::CommandSpec* spec = commands::Registry::Get().ById(wait.command_id);
  if (spec == nullptr || !spec->Is(commands::kBlocking) || !spec->ArityOk(wait.args.size() + 1))
    return false;
  if (!LocksOf(store_).guards_any()) return true;
  std::vector<std::string_view> args(wait.args.begin(), wait.args.end());
  args.insert(args.begin(), spec->name);
  resp::ReplyPrefix none(1);
  resp::ReplyWriter reply(&none, wait.resp_version);
  const commands::Caller caller{
      .db = wait.db, .resp_version = wait.resp_version, .user = wait.user};
  const commands::Context ctx(*spec, args, caller, store_, nullptr, 0, reply);
  return commands::CheckGuards(*spec, args, wait.db, {}, ctx).allowed;
}

void WaitServer::Granted(const store::WaitId& id, store::Revision token, int64_t ttl_ms) {
  const WaitPlace* place = WaitsOf(store_).FindId(id);
  CHECK(place != nullptr);
  const Wait wait = WaitsOf(store_).Remove(*place);
  CHECK(wait.for_lock());
  CHECK(!wait.parked || Planted(Bug::kLockTicketGoneGranted));
  Answer(wait, WaitOutcome::kServed, [token, ttl_ms](resp::ReplyWriter& reply) {
    commands::ReplyLockGranted(reply, token, ttl_ms);
  });
}

template <typename F>
void WaitServer::Answer(const Wait& wait, WaitOutcome outcome, F&& write) {
  if (!Own(wait)) return;
  const OwnCall call = sink_->BeginServed(wait.id.id);
  if (call.out != nullptr) {
    resp::ReplyWriter reply(call.out, wait.resp_version);
    write(reply);
  }
  sink_->EndServed(wait.id.id, outcome);
}

// --- Ends ----------------------------------------------------------------------------------------

void WaitServer::End(WaitPlace place, WaitEnd how) {
  const Wait wait = Remove(place);
  Answer(wait, WaitOutcome::kEnded, [&](resp::ReplyWriter& reply) {
    if (how == WaitEnd::kUnblocked) {
      reply.Error(commands::kErrUnblocked);
    } else if (wait.for_lock()) {
      commands::ReplyLockHeld(reply, store_, LocksOf(store_).Find(wait.db, wait.keys.front()));
    } else {
      commands::ReplyTimedOut(reply);
    }
  });
}

Wait WaitServer::Remove(WaitPlace place) {
  const Wait wait = WaitsOf(store_).Remove(place);
  if (!wait.for_lock()) return wait;
  const std::string& name = wait.keys.front();
  const store::Lock* lock = LocksOf(store_).Find(wait.db, name);
  if (lock != nullptr && lock->IsWaitedFor(wait.ticket, wait.id))
    LocksOf(store_).EndTicket(wait.db, name, wait.ticket);
  return wait;
}

void WaitServer::Hear(const WaitNews& news) {
  store::WaitTable& waits = WaitsOf(store_);
  const WaitOwner owner{news.owner.node, news.owner.boot};
  switch (news.what) {
    case WaitNews::What::kPark:
      REACH("waiters parked");
      waits.SetParked(owner, true);
      if (owner == own_ && !recovering_ && sink_ != nullptr) sink_->WaitersParked();
      return;
    case WaitNews::What::kBack:
      REACH("waiters back");
      waits.SetParked(owner, false);
      for (const WaitPlace place : waits.PlacesOf(owner)) {
        const Wait& wait = *waits.Find(place);
        for (const std::string& key : wait.keys) OnKey(wait.db, key);
      }
      return;
    case WaitNews::What::kEnd:
      if (const WaitPlace* place = waits.FindId({owner, news.id})) End(*place, news.how);
      return;
  }
  UNREACHABLE();
}

void WaitServer::DropOlder(const WaitOwner& owner) {
  store::WaitTable& waits = WaitsOf(store_);
  for (const WaitOwner& older : waits.OlderThan(owner))
    for (const WaitPlace place : waits.PlacesOf(older)) Remove(place);
}

uint64_t WaitServer::EndDue() {
  uint64_t ended = 0;
  for (; ended < kEndsPerEntry; ++ended) {
    const WaitPlace* place = WaitsOf(store_).Due(store_.elapsed_ms());
    if (place == nullptr) break;
    End(*place, WaitEnd::kTimeout);
  }
  if (ended > 0) REACH("wait timed out");
  return ended;
}

}  // namespace clustron::state

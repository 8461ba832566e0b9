#include "server/engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "base/reach.h"
#include "commands/errors.h"
#include "resp/reply_writer.h"

namespace clustron::server {

namespace {

constexpr int64_t kSweepNs = 100'000'000;
// Without a leader for so long, which is longer than commands wait for one, a node takes no writes.
constexpr int64_t kLeaderlessNs = 2'500'000'000;
// How often, and for how long, a new leader is announced.
constexpr int64_t kAnnounceOftenNs = 400'000'000;
constexpr int64_t kAnnounceOftenForNs = 2'000'000'000;
constexpr int64_t kAnnounceNs = 1'000'000'000;
constexpr int64_t kAnnounceForNs = 12'000'000'000;
// Before a node stops: how long clients that look for masters have to see that it is none any more,
// and how often they are told to look.
constexpr int64_t kLeaveNs = 500'000'000;
constexpr int64_t kWhoIsThereNs = 100'000'000;
constexpr int64_t kLeaveOftenNs = 100'000'000;
constexpr std::string_view kMasterChanged = "__Booksleeve_MasterChanged";
constexpr int64_t kNsPerS = 1'000'000'000;
// Nodes take turns as candidates: a damage is not forgotten between two of their attempts.
constexpr int64_t kDamageCertainNs = 1'500'000'000;
constexpr int64_t kDamageForgottenNs = 5'000'000'000;

// What nodes tell each other's clients; the first byte of the body.
constexpr uint8_t kPublishPlain = 0;
constexpr uint8_t kPublishSharded = 1;
constexpr uint8_t kHandOverBegins = 2;  // sequence number, the ballot that ends
constexpr uint8_t kWhoIsThere = 3;      // from a node that stops: tell who is connected to you
constexpr uint8_t kTheseAre = 4;        // the answer: see MasterWriterId

}  // namespace

Engine::Engine(const Clock& clock, Config& config, EngineHost& host, uint64_t cluster_seed)
    : clock_(clock),
      config_(config),
      host_(host),
      registry_(commands::Registry::Get()),
      multi_family_{registry_.Find("MULTI"), registry_.Find("EXEC"), registry_.Find("DISCARD"),
                    registry_.Find("WATCH"), registry_.Find("QUIT"), registry_.Find("RESET")},
      client_table_(clock, config),
      notifications_(hub_),
      executor_(cluster_seed),
      disk_low_water_(config.Int(Opt::kDiskLowWater)) {
  snapshots_.last_unix_s = clock.WallMs() / 1000;  // COMPAT: before the first, the start
  executor_.SetObserver(this);
  executor_.SetInnerCallCounter(this);
}

Engine::~Engine() {
  for (Session* session : sessions_) {
    client_table_.Remove(session->client);
    hub_.Forget(session->client);
    delete session;
  }
  for (Session* session : closed_) delete session;
}

void Engine::SetNode(std::unique_ptr<cluster::Node> node) {
  node_ = std::move(node);
  executor_.Attach(node_->session(), node_.get(), this, this);
  ShowSettings();
  if (executor_.revision() > 0) config_.ClusterSettingsKnown();
}

// --- Sessions ------------------------------------------------------------------------------------

Session* Engine::Open(Client::Address address, SessionSink* sink) {
  auto* session =
      new Session(*this, client_table_.NextId(), std::move(address), client_table_.NowMs());
  session->sink = sink;
  session->parser_.set_bulk_bytes_max(config_.Int(Opt::kProtoMaxBulkLen));
  if (!password().empty()) {
    session->client.RequireAuth();
    session->parser_.set_authenticated(false);
  }
  client_table_.Add(session->client);
  sessions_.insert(session);
  ++stats_.connections_received;
  return session;
}

void Engine::Close(Session* session) {
  session->sink = nullptr;
  session->client.closing = true;
  client_table_.Remove(session->client);
  hub_.Forget(session->client);
  sessions_.erase(session);
  std::erase_if(call_waiters_, [&](const CallWaiter& w) { return w.session == session; });
  for (size_t i = 0; i < round_waiters_.size(); ++i)
    if (round_waiters_[i].session == session) round_waiters_[i].session = nullptr;
  for (auto* list : {&tick_waiters_, &late_waiters_, &held_, &look_, &dirty_})
    std::erase(*list, session);
  session->in_ready_ = session->dirty_ = true;  // in no list any more, and in none again
  closed_.push_back(session);
}

void Engine::Reap() {
  std::erase_if(closed_, [](Session* session) {
    if (session->writes_ > 0 || session->parsing_) return false;
    delete session;
    return true;
  });
}

// --- Turns ---------------------------------------------------------------------------------------

// What maxmemory bounds is the data; buffers have bounds of their own. The leader's verdict travels
// with the items.
void Engine::CheckMemory() {
  const int64_t max_bytes = config_.Int(Opt::kMaxMemory);
  node_->SetOverMemory(max_bytes > 0 &&
                       executor_.store().used_bytes() > static_cast<size_t>(max_bytes));
}

void Engine::CheckDiskLowWater() {
  const int64_t bytes = config_.Int(Opt::kDiskLowWater);
  if (std::exchange(disk_low_water_, bytes) != bytes)
    node_->SetDiskLowWater(static_cast<uint64_t>(bytes));
}

void Engine::NoteStall() {
  constexpr int64_t kTickNs = 10'000'000;
  const int64_t now = clock_.MonotonicNs();
  const int64_t away_ms = last_tick_ns_ == 0 ? 0 : (now - last_tick_ns_ - kTickNs) / 1'000'000;
  stats_.loop_stall_max_ms = std::max(stats_.loop_stall_max_ms, away_ms);
  last_tick_ns_ = now;
}

void Engine::Tick() {
  NoteStall();
  CheckMemory();
  CheckDiskLowWater();
  node_->Tick();
  // The leader who was to tick is gone: nothing may be applied for long.
  if (!tick_waiters_.empty() && node_->ballot() != grant_ballot_) LookAtTickWaiters();
  const int64_t now = clock_.MonotonicNs();
  for (size_t i = 0; i < late_waiters_.size();) {
    Session* session = late_waiters_[i];
    LookLater(*session);
    ++i;
  }
  if (!held_.empty() && !client_table_.paused()) {
    std::vector<Session*> held;
    std::swap(held, held_);
    for (Session* session : held) {
      session->held_ = false;
      LookLater(*session);
    }
  }
  if (now - sweep_ns_ >= kSweepNs) {
    sweep_ns_ = now;
    client_table_.SweepLimits();
    stats_.Sample(client_table_.NowMs());
    StepAnnouncement(now);
    maintenance_.Step(client_table_.NowMs());
    StepDamage(now);
    StepFailover(now);
    StepShutdown(now);
  }
}

// Values freed in a turn while something waits to be freed: some 0.1 ms.
constexpr size_t kUpkeepPerTurn = 1000;

void Engine::EndOfTurn() {
  if (node_ == nullptr) return;
  for (int round = 0; round == 0 || (round < 8 && !node_->backlog()); ++round) {
    if (executor_.inline_open()) {
      std::string entry = executor_.SealInline();
      if (!entry.empty()) node_->CommitInline(std::move(entry));
    }
    node_->EndOfTurn();
    if (look_.empty()) break;
    std::vector<Session*> look;
    std::swap(look, look_);
    for (Session* session : look) session->in_ready_ = false;
    for (Session* session : look) {
      if (session->sink == nullptr) continue;
      Drain(*session);
      // What stopped the parser may be over.
      if (session->WantsInput() && !session->in_.empty()) Feed(*session, {});
    }
  }
  if (executor_.inline_open()) {
    std::string entry = executor_.SealInline();
    if (!entry.empty()) node_->CommitInline(std::move(entry));
  }
  upkeep_left_ = executor_.Upkeep(kUpkeepPerTurn);
  // The disk has filled up under an entry (RunWrite asks before, so others were faster): what may
  // show it waits until it is written. PING and the like go on.
  const bool unwritten = node_->InlineUnwritten();
  std::vector<Session*> dirty;
  std::swap(dirty, dirty_);
  for (Session* session : dirty) session->dirty_ = false;
  for (Session* session : dirty) {
    if (unwritten && session->shows_state_) {
      REACH("replies wait for room on the disk");
      MarkDirty(*session);
      continue;
    }
    if (session->sink != nullptr) session->sink->Flush(*session);
    session->shows_state_ = false;
  }
  if (!closed_.empty()) Reap();
}

// --- cluster::NodeHost ---------------------------------------------------------------------------

void Engine::Send(cluster::NodeId to, bool urgent, std::string message, paxos::Payload tail) {
  host_.SendToPeer(to, urgent, std::move(message), std::move(tail));
}

void Engine::InlineTick() {
  if (!executor_.inline_open()) OpenInline(node_->LiveElapsedMs(), node_->LiveWallMs());
}

void Engine::LeadershipChanged() {
  // StackExchange.Redis looks at the topology again on any message here. One that comes while it is
  // looking already is lost on it, and a look lasts up to its connect timeout (5 s) if a node is
  // down: so there are some more.
  takes_writes_ = true;
  hub_.Deliver(kMasterChanged, "*", false);
  leader_since_ns_ = announced_ns_ = clock_.MonotonicNs();
  maintenance_.EndHandOver();
  damaged_slot_ = 0;  // somebody could tell
  damage_error_.clear();
}

// Every node takes writes, so the clients of all notice that they take a little longer.
void Engine::HandingOver() {
  const uint64_t seq = maintenance_.NextSeq(clock_.WallMs());
  const cluster::Ballot ballot = node_->ballot();
  std::string body;
  Writer writer(&body);
  writer.U8(kHandOverBegins);
  writer.U64(seq);
  writer.U64(ballot.round);
  writer.U32(ballot.node);
  node_->Publish(body);
  maintenance_.BeginHandOver(seq, client_table_.NowMs());
}

void Engine::StepAnnouncement(int64_t now_ns) {
  if (node_->leader_in_sight()) {
    leaderless_since_ns_ = 0;
  } else if (leaderless_since_ns_ == 0) {
    leaderless_since_ns_ = now_ns;
  } else if (takes_writes_ && now_ns - leaderless_since_ns_ > kLeaderlessNs) {
    // Cut off, or without a majority: clients may do better elsewhere.
    takes_writes_ = false;
    hub_.Deliver(kMasterChanged, "*", false);
  }
  const int64_t age_ns = now_ns - leader_since_ns_;
  if (leader_since_ns_ == 0 || age_ns > kAnnounceForNs) return;
  if (now_ns - announced_ns_ < (age_ns < kAnnounceOftenForNs ? kAnnounceOftenNs : kAnnounceNs))
    return;
  // A client that looks while there is no leader finds followers alone and is content with that: of
  // a leader that may be dead nothing is said.
  if (!node_->leader_in_sight()) return;
  announced_ns_ = now_ns;
  hub_.Deliver(kMasterChanged, "*", false);
}

void Engine::SnapshotDone(bool ok, int64_t took_ns) {
  snapshots_.last_ok = ok;
  if (!ok) return;
  executor_.SnapshotSaved();
  ++snapshots_.written;
  snapshots_.last_unix_s = clock_.WallMs() / 1000;
  snapshots_.last_took_s = took_ns / 1'000'000'000;
}

// --- Publish -------------------------------------------------------------------------------------

uint64_t Engine::Publish(std::string_view channel, std::string_view message, bool sharded,
                         bool local_only) {
  if (!local_only && !node_->alone()) {
    std::string body;
    Writer writer(&body);
    writer.U8(sharded ? kPublishSharded : kPublishPlain);
    writer.Bytes(channel);
    writer.Raw(message);
    node_->Publish(body);
  }
  return hub_.Deliver(channel, message, sharded);
}

void Engine::Published(std::string_view body) {
  Reader reader(body);
  const uint8_t kind = reader.U8();
  if (kind == kHandOverBegins) {
    const uint64_t seq = reader.U64();
    cluster::Ballot ballot;
    ballot.round = reader.U64();
    ballot.node = reader.U32();
    // It may come late: then the next leader is in office already.
    if (reader.ok() && !(ballot < node_->ballot()))
      maintenance_.BeginHandOver(seq, client_table_.NowMs());
    return;
  }
  if (kind == kWhoIsThere) return TellWhoIsHere();
  if (kind == kTheseAre) {
    while (shutting_down_ && reader.ok() && reader.remaining() > 0) elsewhere_.insert(reader.U64());
    return;
  }
  const bool sharded = kind == kPublishSharded;
  const std::string_view channel = reader.Bytes();
  const std::string_view message = reader.Raw(reader.remaining());
  if (reader.ok()) hub_.Deliver(channel, message, sharded);
}

std::string_view Engine::password() const { return config_.Text(Opt::kRequirePass); }

// --- commands::NodePort --------------------------------------------------------------------------

commands::RoleView Engine::Role() const {
  commands::RoleView role;
  role.leader = node_->leading() || node_->alone();
  role.takes_writes = takes_writes_;
  role.applied_slot = executor_.applied_slot();
  const paxos::Replica& replica = node_->replica();
  if (!role.leader) {
    const cluster::NodeId leader = node_->leader();
    if (leader != 0 && leader != node_->self()) {
      role.connected =
          host_.AddressOf(leader, &role.leader_host, &role.leader_port) && node_->leader_in_sight();
    }
    return role;
  }
  for (const paxos::PeerStatus& peer : replica.peers()) {
    commands::RoleView::Follower follower{};
    if (!host_.AddressOf(peer.node, &follower.host, &follower.port)) continue;
    if (clock_.MonotonicNs() - peer.heard_ns > 1'000'000'000) continue;
    follower.durable_slot = peer.durable;
    role.followers.push_back(std::move(follower));
  }
  return role;
}

int64_t Engine::WallUs() const {
  const int64_t us = clock_.WallMs() * 1000 + (clock_.MonotonicNs() / 1000) % 1000;
  return std::max(us, executor_.wall_ms() * 1000);
}

Status Engine::BeginFailover(const commands::FailoverRequest& request) {
  if (node_->alone()) return Fail(Errc::kUnavailable, "ERR FAILOVER requires connected replicas.");
  if (!node_->leading())
    return Fail(Errc::kUnavailable, "ERR FAILOVER is not valid when server is a replica.");
  if (failover_target_ != 0) return Fail(Errc::kExists, "ERR FAILOVER already in progress.");
  cluster::NodeId best = 0;
  uint64_t best_slot = 0;
  for (const paxos::PeerStatus& peer : node_->replica().peers()) {
    if (!peer.voter || clock_.MonotonicNs() - peer.heard_ns > 1'000'000'000) continue;
    std::string host;
    int port = 0;
    if (!host_.AddressOf(peer.node, &host, &port)) continue;
    if (!request.host.empty()) {
      if (host == request.host && port == request.port) best = peer.node;
    } else if (best == 0 || peer.durable > best_slot) {
      best = peer.node;
      best_slot = peer.durable;
    }
  }
  if (best == 0) {
    return Fail(Errc::kNotFound, request.host.empty()
                                     ? "ERR FAILOVER requires connected replicas."
                                     : "ERR FAILOVER target HOST and PORT is not a replica.");
  }
  if (!node_->TransferLeadership(best))
    return Fail(Errc::kUnavailable, "ERR FAILOVER target is not a voting member.");
  failover_target_ = best;
  failover_deadline_ns_ =
      clock_.MonotonicNs() + (request.timeout_ms > 0 ? request.timeout_ms : 10'000) * 1'000'000;
  return {};
}

Status Engine::AbortFailover() {
  if (failover_target_ == 0) return Fail(Errc::kNotFound, "ERR No failover in progress.");
  failover_target_ = 0;
  return {};
}

void Engine::StepFailover(int64_t now_ns) {
  if (failover_target_ == 0) return;
  if (!node_->leading() || now_ns > failover_deadline_ns_) failover_target_ = 0;
}

// A candidate that lacks definite answers for a slot waits for ever if nobody has them. One that
// merely waits for a slow member has them soon.
void Engine::StepDamage(int64_t now_ns) {
  const paxos::Phase1Status status = node_->replica().phase1_status();
  const bool alone = node_->alone();
  if (status.running && status.waits_for_slot != 0) {
    if (damaged_slot_ != status.waits_for_slot) {
      damaged_slot_ = status.waits_for_slot;
      damaged_since_ns_ = now_ns;
      damage_error_.clear();
    }
    damage_seen_ns_ = now_ns;
  } else if (damaged_slot_ != 0 &&
             (node_->leader_in_sight() || now_ns - damage_seen_ns_ > kDamageForgottenNs)) {
    damaged_slot_ = 0;
    damage_error_.clear();
  }
  if (damaged_slot_ == 0 || !damage_error_.empty()) return;
  if (!alone && now_ns - damaged_since_ns_ < kDamageCertainNs) return;
  REACH("nobody can tell what a damaged slot held");
  const std::string slot = std::to_string(damaged_slot_);
  damage_error_ = "CLUSTERDOWN slot " + slot + " of the log is damaged and " +
                  (alone ? "there is no other member to repair it from"
                         : "the members in sight can't repair it") +
                  ": nothing was done; the server's log says what can be done";
  if (alone) return;  // said at the start
  host_.Warn(
      "HALTED: slot " + slot +
      " of the log is damaged on too many members: those in sight can't tell what it held, "
      "so nobody may lead and commands are answered with an error. Clients that send READONLY "
      "can read the state up to slot " +
      std::to_string(executor_.applied_slot()) +
      ". What can be done: start the members that are missing, or put back a good copy of "
      "the log file that a member's own log names as damaged; one more member that can tell "
      "is enough");
}

Status Engine::BeginSnapshot() {
  if (node_->snapshot_running())
    return Fail(Errc::kExists, "ERR Background save already in progress");
  node_->TakeSnapshotNow();
  return {};
}

bool Engine::SnapshotRunning() const { return node_->snapshot_running(); }

Status Engine::BeginShutdown(const commands::ShutdownRequest& request) {
  shutting_down_ = true;
  shutdown_ = request;
  const int64_t now = clock_.MonotonicNs();
  shutdown_deadline_ns_ = now + config_.Int(Opt::kShutdownTimeout) * kNsPerS;
  // Before leadership is handed over: who moves need not hear of that.
  shutdown_seq_ = maintenance_.NextSeq(clock_.WallMs());
  TellMoving(now);
  if (!request.now && node_->leading() && !node_->alone()) {
    // The one with the longest log takes over at once, before this node leaves.
    cluster::NodeId best = 0;
    uint64_t best_slot = 0;
    for (const paxos::PeerStatus& peer : node_->replica().peers()) {
      if (!peer.voter || clock_.MonotonicNs() - peer.heard_ns > 1'000'000'000) continue;
      if (best == 0 || peer.durable > best_slot) {
        best = peer.node;
        best_slot = peer.durable;
      }
    }
    if (best != 0) node_->TransferLeadership(best);
  }
  if (request.save == commands::ShutdownRequest::Save::kSave && !node_->snapshot_running())
    node_->TakeSnapshotNow();
  return {};
}

Status Engine::AbortShutdown() {
  if (!shutting_down_) return Fail(Errc::kNotFound, "ERR No shutdown in progress.");
  shutting_down_ = false;
  maintenance_.ForgetMoving();
  Stay();
  return {};
}

// Clients that asked are sent to another member while this node still serves them; how many have
// not gone yet.
size_t Engine::TellMoving(int64_t now_ns) {
  if (shutdown_.now || shutdown_deadline_ns_ <= now_ns || node_->alone()) return 0;
  bool others = false;
  std::vector<std::string> endpoints;
  for (const paxos::PeerStatus& peer : node_->replica().peers()) {
    std::string host;
    int port = 0;
    if (!peer.voter || now_ns - peer.heard_ns > kNsPerS ||
        !host_.AddressOf(peer.node, &host, &port))
      continue;
    others = true;
    // Every library splits at the colon: an address with more of them is of no use to any.
    if (host.find(':') == std::string::npos) endpoints.push_back(host + ":" + std::to_string(port));
  }
  // Without another member in sight there is nowhere to go.
  if (others) {
    const int64_t left_s = (shutdown_deadline_ns_ - now_ns + kNsPerS - 1) / kNsPerS;
    maintenance_.TellMoving(shutdown_seq_, std::max<int64_t>(left_s, 1), endpoints);
  }
  return maintenance_.Movers();
}

void Engine::StepShutdown(int64_t now_ns) {
  if (!shutting_down_) return;
  const bool handing_over = !shutdown_.now && node_->leading() && !node_->alone();
  const bool saving =
      shutdown_.save == commands::ShutdownRequest::Save::kSave && node_->snapshot_running();
  const bool writing = !node_->origin().Empty();
  const bool moving = TellMoving(now_ns) > 0;
  if ((handing_over || saving || writing || moving) && now_ns < shutdown_deadline_ns_) return;
  if (shutdown_.save == commands::ShutdownRequest::Save::kSave && !snapshots_.last_ok &&
      !shutdown_.force) {
    shutting_down_ = false;
    maintenance_.ForgetMoving();
    Stay();
    return;
  }
  if (Leaving(now_ns)) return;
  host_.Stop();
}

// The last thing before a stop. A client that writes to masters only (StackExchange.Redis) marks
// all but one as redundant: what it sends from the loss of that one until it has looked at all
// nodes again waits for the one that is gone, for seconds. So it is made to look while this node,
// not a master any more, still serves what is under way; whether that lasts still.
bool Engine::Leaving(int64_t now_ns) {
  if (shutdown_.now || shutdown_deadline_ns_ <= now_ns || node_->alone()) return false;
  if (leaving_since_ns_ == 0) {
    // Who knows this node alone is served to the end: it would refuse to write from here on.
    bool any = false;
    bool elsewhere = false;
    client_table_.ForEach([&](const Client& client) {
      if (!client.writes_to_masters_only()) return;
      any = true;
      elsewhere |= elsewhere_.contains(MasterWriterId(client));
    });
    if (!any) return false;
    if (asked_ns_ == 0) {
      asked_ns_ = now_ns;
      node_->Publish(std::string(1, static_cast<char>(kWhoIsThere)));
    }
    if (!elsewhere) return now_ns - asked_ns_ < kWhoIsThereNs;
    leaving_since_ns_ = now_ns;
    announced_ns_ = 0;
  }
  if (now_ns - announced_ns_ >= kLeaveOftenNs) {
    announced_ns_ = now_ns;
    client_table_.ForEach([&](Client& client) {
      if (elsewhere_.contains(MasterWriterId(client))) client.sent_elsewhere = true;
    });
    hub_.Deliver(kMasterChanged, "*", false);
  }
  return now_ns - leaving_since_ns_ < kLeaveNs;
}

// The stop was called off.
void Engine::Stay() {
  asked_ns_ = 0;
  elsewhere_.clear();
  if (leaving_since_ns_ == 0) return;
  leaving_since_ns_ = 0;
  client_table_.ForEach([](Client& client) { client.sent_elsewhere = false; });
  hub_.Deliver(kMasterChanged, "*", false);
}

// The same for all connections of one client, whichever node they lead to.
uint64_t Engine::MasterWriterId(const Client& client) {
  const std::string& peer = client.address().peer;
  std::string id = peer.substr(0, peer.rfind(':'));
  id += '\0';
  id += client.name();
  return HashBytes(id, 0);
}

void Engine::TellWhoIsHere() {
  std::string body;
  Writer writer(&body);
  writer.U8(kTheseAre);
  client_table_.ForEach([&](const Client& client) {
    if (client.writes_to_masters_only()) writer.U64(MasterWriterId(client));
  });
  node_->Publish(body);
}

uint64_t Engine::LastWriteSlot(const commands::ClientPort& client) const {
  const Client* found = client_table_.Find(client.id());
  return found == nullptr ? 0 : found->last_write_slot;
}

commands::Durability Engine::DurableAt(uint64_t slot) const {
  commands::Durability durability;
  durability.here = node_->DurableSlot() >= slot;
  for (const paxos::PeerStatus& peer : node_->replica().peers())
    if (peer.durable >= slot) ++durability.others;
  return durability;
}

}  // namespace clustron::server

#include "server/dispatch/engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"
#include "commands/core/errors.h"
#include "server/dispatch/engine_news.h"

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
// Nodes take turns as candidates: a damage is not forgotten between two of their attempts.
constexpr int64_t kDamageCertainNs = 1'500'000'000;
constexpr int64_t kDamageForgottenNs = 5'000'000'000;

// Why commands that need a majority are refused since `since_ms`.
void LogLeaderless(const cluster::Node& node, int64_t since_ms) {
  if (node.halted()) return;  // it said why, and answers with that
  const paxos::Replica& replica = node.replica();
  const int64_t now_ns = node.NowNs();
  int64_t heard = 1;
  paxos::Slot chosen = replica.chosen_slot();
  for (const paxos::PeerStatus& peer : replica.peers()) {
    heard += peer.voter && peer.heard_ns != 0 && now_ns - peer.heard_ns < 1'000'000'000 ? 1 : 0;
    chosen = std::max(chosen, peer.chosen);
  }
  const bool behind = node.leader() != paxos::kNoNode && node.leader() != node.self();
  if (behind && replica.applied_slot() < chosen) {
    Log(LogLevel::kWarning,
        "this node is behind: it has applied the log up to slot {}, and node {}, which leads, is "
        "at slot {}; commands that need a majority are refused here until it has caught up",
        replica.applied_slot(), node.leader(), chosen);
    return;
  }
  Log(LogLevel::kWarning,
      "no leader since {} ms: {} of {} voters are in reach, this one included; commands that "
      "need a majority are refused",
      since_ms, heard, replica.members().voters.size());
}

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
  executor_.Attach(node_->session(), &node_->parts().lead, this, this);
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

void Engine::CloseAtOnce(Client& client) {
  auto& session = static_cast<Session&>(client.link());
  session.CloseNow();
  if (session.sink != nullptr) session.sink->Flush(session);
}

void Engine::Close(Session* session) {
  session->sink = nullptr;
  session->client.closing = true;
  client_table_.Remove(session->client);
  hub_.Forget(session->client);
  sessions_.erase(session);
  std::erase_if(call_waiters_, [&](const CallWaiter& w) { return w.session == session; });
  for (auto* waiters : {&round_waiters_, &tick_waiters_})
    for (size_t i = 0; i < waiters->size(); ++i)
      if ((*waiters)[i].session == session) (*waiters)[i].session = nullptr;
  for (auto* list : {&late_waiters_, &held_, &look_, &dirty_}) std::erase(*list, session);
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
  node_->parts().proposer.SetOverMemory(max_bytes > 0 && executor_.store().used_bytes() >
                                                             static_cast<size_t>(max_bytes));
}

// Memory goes up and down around its limit: one line when it is reached, one when it is well below.
void Engine::TellOfMemory() {
  const uint64_t used = executor_.store().used_bytes();
  const uint64_t max_bytes = static_cast<uint64_t>(config_.Int(Opt::kMaxMemory));
  if (node_->parts().proposer.over_memory() && !told_over_memory_) {
    told_over_memory_ = true;
    Log(LogLevel::kWarning,
        "memory limit reached: the data takes {} bytes, more than {} (maxmemory): while this node "
        "leads, writes that may need memory are refused",
        used, max_bytes);
  } else if (told_over_memory_ && (max_bytes == 0 || used < max_bytes - max_bytes / 20)) {
    told_over_memory_ = false;
    Log(LogLevel::kNotice,
        "the data takes {} bytes: the memory limit ({}) no longer refuses writes", used, max_bytes);
  }
}

std::string_view Engine::RefusesWrites() const {
  if (!takes_writes_) return "no-leader";
  if (node_->log().disk_low()) return "disk";
  return node_->parts().proposer.over_memory() ? "memory" : "";
}

void Engine::CheckDiskLowWater() {
  const int64_t bytes = config_.Int(Opt::kDiskLowWater);
  if (std::exchange(disk_low_water_, bytes) != bytes)
    node_->parts().disk.SetLowWater(static_cast<uint64_t>(bytes));
}

void Engine::NoteStall() {
  constexpr int64_t kTickNs = 10'000'000;
  const int64_t now = clock_.MonotonicNs();
  const int64_t away_ms = last_tick_ns_ == 0 ? 0 : (now - last_tick_ns_ - kTickNs) / 1'000'000;
  stats_.loop_stall_max_ms = std::max(stats_.loop_stall_max_ms, away_ms);
  last_tick_ns_ = now;
}

// While clients are paused nothing may seem to change for them: what is due is seen gone, but
// stays.
void Engine::StepPause() {
  const bool paused = client_table_.paused();
  if (std::exchange(keeps_due_, paused) != paused) {
    Log(LogLevel::kDebug, "{}", paused ? "clients are paused" : "clients are no longer paused");
    node_->parts().lead.KeepDue(paused);
  }
  if (paused || held_.empty()) return;
  std::vector<Session*> held;
  std::swap(held, held_);
  for (Session* session : held) {
    session->held_ = session->client.held = false;
    LookLater(*session);
  }
}

void Engine::SealInline() {
  if (!executor_.inline_open()) return;
  std::string entry = executor_.SealInline(node_->parts().proposer.Flags());
  if (!entry.empty()) node_->parts().inline_path.Commit(std::move(entry));
}

void Engine::Tick() {
  NoteStall();
  CheckMemory();
  CheckDiskLowWater();
  node_->Tick();
  NoteElection();
  if (gave_up_ && (node_->leader_in_sight() || MajorityInSight())) gave_up_ = false;
  const int64_t now = clock_.MonotonicNs();
  for (size_t i = 0; i < late_waiters_.size();) {
    Session* session = late_waiters_[i];
    LookLater(*session);
    ++i;
  }
  StepPause();
  if (now - sweep_ns_ >= kSweepNs) {
    sweep_ns_ = now;
    stats_.strangers_closed += client_table_.SweepLimits().strangers;
    WarnOfStrangers(now);
    TellOfMemory();
    TellState(now);
    stats_.Sample(client_table_.NowMs());
    StepAnnouncement(now);
    maintenance_.Step(client_table_.NowMs());
    StepDamage(now);
    StepFailover(now);
    StepShutdown(now);
  }
}

// Why nobody led is what one wants to know of an election.
void Engine::NoteElection() {
  const paxos::Role role = node_->replica().role();
  const cluster::NodeId leader = node_->leader();
  if (role != noted_role_ && role == paxos::Role::kCandidate && !node_->alone()) {
    Log(LogLevel::kVerbose,
        "election: this node stands under ballot {}.{}, as {}; {} of {} nodes "
        "can be reached",
        node_->replica().ballot().round, node_->replica().ballot().node,
        noted_leader_ == 0
            ? "no leader is known"
            : fmt::format("nothing good was heard of the leader, node {}, for {} rounds",
                          noted_leader_, config_.Int(Opt::kElectionBadRounds)),
        VotersInSight(), node_->replica().members().voters.size());
  }
  noted_role_ = role;
  if (leader != 0) noted_leader_ = leader;
}

// Values freed in a turn while something waits to be freed: some 0.1 ms.
constexpr size_t kUpkeepPerTurn = 1000;

void Engine::WarnOfStrangers(int64_t now_ns) {
  constexpr int64_t kWarnNs = 10'000'000'000;
  if (stats_.strangers_closed < strangers_warned_) strangers_warned_ = 0;  // CONFIG RESETSTAT
  if (stats_.strangers_closed == strangers_warned_ || now_ns - strangers_warned_ns_ < kWarnNs)
    return;
  Log(LogLevel::kWarning, "closed {} connections that did not authenticate",
      stats_.strangers_closed - strangers_warned_);
  strangers_warned_ = stats_.strangers_closed;
  strangers_warned_ns_ = now_ns;
}

void Engine::EndOfTurn() {
  if (node_ == nullptr) return;
  StepPause();
  LookAtAnswers();
  for (int round = 0; round == 0 || (round < 8 && !node_->backlog()); ++round) {
    SealInline();
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
  SealInline();
  upkeep_left_ = executor_.Upkeep(kUpkeepPerTurn);
  // The disk has filled up under an entry (RunWrite asks before, so others were faster): what may
  // show it waits until it is written. PING and the like go on.
  const bool unwritten = node_->parts().inline_path.Unwritten();
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
  // What the kernel has not taken is theirs.
  if (client_table_.MemoryLimit() != 0) stats_.evicted_clients += client_table_.Evict();
  if (!closed_.empty()) Reap();
}

// --- cluster::NodeHost ---------------------------------------------------------------------------

void Engine::Halted(cluster::HaltCause cause, const std::string& reason) {
  halt_reason_ = reason;
  halt_error_ = "CLUSTERDOWN this node is halted: " + reason;
  // Errors are one line.
  for (char& c : halt_error_)
    if (c == '\r' || c == '\n') c = ' ';
  host_.Halted(cause, reason);
}

void Engine::InlineTick() {
  if (!executor_.inline_open())
    OpenInline(node_->parts().clock.LiveElapsedMs(), node_->parts().clock.LiveWallMs());
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
    if (std::exchange(told_leaderless_, false))
      Log(LogLevel::kNotice, "node {} leads: commands are answered again", node_->leader());
  } else if (leaderless_since_ns_ == 0) {
    leaderless_since_ns_ = now_ns;
  } else if (takes_writes_ && now_ns - leaderless_since_ns_ > kLeaderlessNs) {
    // Cut off, or without a majority: clients may do better elsewhere.
    takes_writes_ = false;
    told_leaderless_ = true;
    LogLeaderless(*node_, (now_ns - leaderless_since_ns_) / 1'000'000);
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
  Log(LogLevel::kVerbose, "a snapshot was {} within {} ms", ok ? "written" : "given up",
      took_ns / 1'000'000);
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
  if (kind == kFailoverAsked || kind == kFailoverAborted) {
    commands::FailoverRequest request;
    request.host = reader.Bytes();
    request.port = reader.U16();
    request.timeout_ms = static_cast<int64_t>(reader.U64());
    // It may come to one who leads no more, or not any more: then it is void, as FAILOVER may be.
    if (!reader.ok() || !node_->leading()) return;
    const Status done = kind == kFailoverAborted ? AbortFailover() : BeginFailover(request);
    if (!done) host_.Warn("FAILOVER asked for on another node: " + done.error().detail);
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
  role.advertised = static_cast<commands::AdvertisedRole>(config_.Int(Opt::kAdvertiseRole));
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
  const int64_t ms = node_ == nullptr ? clock_.WallMs() : node_->parts().clock.ShownWallMs();
  return ms * 1000 + (clock_.MonotonicNs() / 1000) % 1000;
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
  if (damaged_slot_ == 0) StepSetBack();
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

// No majority is left of those who were not set back.
void Engine::StepSetBack() {
  const std::string trouble = node_->leader_in_sight() ? std::string() : node_->roster().Trouble();
  if (trouble.empty()) {
    damage_error_.clear();
    return;
  }
  // Who else is becomes known one by one.
  std::string error = "CLUSTERDOWN " + trouble;
  if (damage_error_ == error) return;
  REACH("too many members were set back");
  damage_error_ = std::move(error);
  host_.Warn("HALTED: " + trouble);
}

Status Engine::BeginSnapshot() {
  if (node_->halted()) return Fail(Errc::kUnavailable, halt_error_);
  if (node_->parts().snapshots.running())
    return Fail(Errc::kExists, "ERR Background save already in progress");
  node_->parts().snapshots.Want();
  return {};
}

bool Engine::SnapshotRunning() const { return node_->parts().snapshots.running(); }

uint64_t Engine::LastWriteSlot(const commands::ClientPort& client) const {
  const Client* found = client_table_.Find(client.id());
  return found == nullptr ? 0 : found->last_write_slot;
}

commands::Durability Engine::DurableAt(uint64_t slot, uint64_t round) {
  return {.here = node_->parts().disk.DurableSlot() >= slot,
          .others = node_->parts().disk.OthersWithSlot(slot, round)};
}

// WAIT need not wait for a tick when the others have answered.
void Engine::LookAtAnswers() {
  if (late_waiters_.empty()) return;
  uint64_t answers = 0;
  for (const paxos::PeerStatus& peer : node_->replica().peers()) answers += peer.answered_probe;
  if (std::exchange(answers_seen_, answers) == answers) return;
  for (Session* session : late_waiters_) LookLater(*session);
}

}  // namespace clustron::server

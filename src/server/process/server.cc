#include "server/process/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/breather.h"
#include "base/check.h"
#include "base/host_port.h"
#include "base/log.h"
#include "base/log_format.h"
#include "persist/disk_size.h"
#include "server/config/config_rewrite.h"
#include "server/front/errors.h"
#include "server/observe/info_fields.h"
#include "server/process/directory_check.h"
#include "server/process/disk_limits.h"
#include "server/process/stop_signal.h"

namespace clustron::server {

namespace {

constexpr uint64_t kTickMs = 10;
constexpr int64_t kPeakNs = 100'000'000;  // between looks at the memory in use
constexpr int64_t kSpinNs = 20'000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kLockWaitNs = 5000 * kNsPerMs;
constexpr int kLockRetryMs = 50;
constexpr int64_t kLateNs = 50 * kNsPerMs;      // of a tick
constexpr int64_t kSettleNs = 1000 * kNsPerMs;  // a start waits no longer for its state
// A turn may take so long before the peers are right to think that this node hangs.
constexpr int64_t kBusyMaxNs = 10'000 * kNsPerMs;

cluster::Durability DurabilityOf(int64_t option) {
  switch (option) {
    case kDurabilityMemory:
      return cluster::Durability::kMemory;
    case kDurabilityAlways:
      return cluster::Durability::kAlways;
    default:
      return cluster::Durability::kEverySec;
  }
}

// What would end the process without a word, and comes back as an error of a call instead.
void IgnoreSignals() {
  for (const int number : {SIGPIPE, SIGHUP, SIGXFSZ}) signal(number, SIG_IGN);
}

}  // namespace

Server::Server(Config& config)
    : config_(config), supervisor_(clock_, config.Int(Opt::kSupervised)) {
  config_.set_listener(&live_options_);
}

Server::~Server() {
  config_.set_listener(nullptr);
  door_.Close();
  peers_.reset();
  engine_.reset();
  info_.reset();
  // The log's destructor drops what its worker has not finished: workers first.
  wal_worker_.reset();
  file_worker_.reset();
  storage_.log.reset();
  storage_.members.reset();
  storage_.snapshots.reset();
}

// --- Start ---------------------------------------------------------------------------------------

// Two processes on one directory would each break the other's promises.
Status Server::LockDirectory() {
  dir_ = config_.Text(Opt::kDir);
  const std::string path = dir_ + "/LOCK";
  lock_ = net::Fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock_.valid()) return config_.Wrong(Opt::kDir, path + ": " + std::strerror(errno));
  // A big process that was killed takes some time to be gone.
  const int64_t until_ns = clock_.MonotonicNs() + kLockWaitNs;
  for (bool said = false; flock(lock_.get(), LOCK_EX | LOCK_NB) != 0; said = true) {
    if (StopAsked()) return Stopped();
    if (clock_.MonotonicNs() > until_ns)
      return config_.Wrong(Opt::kDir, "another server uses the data directory " + dir_);
    if (!said)
      Log(LogLevel::kNotice, "the data directory {} is locked: waiting for its server to end",
          dir_);
    supervisor_.Busy("waiting for the lock of " + dir_);
    poll(nullptr, 0, kLockRetryMs);
  }
  return {};
}

Status Server::WritePidFile() {
  const std::string& path = config_.Text(Opt::kPidFile);
  if (path.empty()) return {};
  if (const Status written = ReplaceFile(path, std::to_string(getpid()) + "\n"); !written)
    return config_.Wrong(Opt::kPidFile, written.error().detail);
  own_files_.Add(path);
  return {};
}

// A directory that was taken for another's: its peers would look for it elsewhere, and those here
// for somebody else.
Status Server::CheckAddress(const persist::Identity& identity) const {
  const std::string& announce = config_.Text(Opt::kClusterAnnounce);
  if (announce.empty() || genesis_.alone()) return {};
  for (const cluster::Member& member : genesis_.members) {
    const std::string address = PrintHostPort(member.host, member.port);
    if (member.node != identity.node_id || address == announce) continue;
    return Fail(Errc::kInvalidArgument, dir_ + " holds the data of node " +
                                            std::to_string(identity.node_id) + " of cluster " +
                                            identity.cluster_id + ", which is at " + address +
                                            ", and this node is announced as " + announce +
                                            " (cluster-announce): wrong dir, or wrong address");
  }
  return {};
}

// Who this node is: from its data directory, or by forming a cluster now.
Status Server::FindIdentity() {
  ASSIGN_OR_RETURN(const Membership membership, FindMembership(config_));
  const auto& [initial, self] = membership;
  auto loaded = persist::IdentityFile::Load(fs_, dir_);
  if (!loaded) return std::unexpected(loaded.error());
  bool formed = false;
  if (*loaded) {
    ASSIGN_OR_RETURN(genesis_, cluster::DecodeGenesis((*loaded)->extra));
    formed = genesis_.formed;
    TRY(CheckAddress(**loaded));
  } else {
    TRY(CheckForeignData(fs_, dir_, config_));
  }
  const size_t count = *loaded ? genesis_.members.size() : initial.size();
  TRY(FitDescriptors(count));
  const bool many = count > 1;
  if (many) {
    const std::vector<cluster::Member>& members = formed ? genesis_.members : initial;
    size_t place = self;
    for (size_t i = 0; formed && i < members.size(); ++i)
      if (members[i].node == (*loaded)->node_id) place = i;
    ASSIGN_OR_RETURN(security_, DecidePeerSecurity(config_, members, place));
    if (!security_.warning.empty()) LogLine(LogLevel::kWarning, security_.warning);
    const uint16_t peer_port = members[place].peer_port;
    ASSIGN_OR_RETURN(peer_listener_, net::ListenTcp(security_.listen_address, peer_port, 128));
    if (const int64_t wanted = config_.Int(Opt::kClusterPort); wanted != 0 && wanted != peer_port)
      Log(LogLevel::kWarning,
          "cluster-port {} is not where the other members look for this node: port {} of the data "
          "directory holds",
          wanted, peer_port);
  }
  if (!formed) {
    if (initial.size() == 1) {
      if (config_.Bool(Opt::kClusterTakePlace))
        return config_.Wrong(Opt::kClusterTakePlace,
                             "which cluster? Its list of members (cluster-initial) is missing");
      if (*loaded)
        return Fail(Errc::kMismatch,
                    dir_ + " holds the beginning of cluster " + (*loaded)->cluster_id + " (" +
                        cluster::ListText(genesis_.members) +
                        "), which was never formed: there are no data in it. Start this node with "
                        "cluster-initial; or empty the directory, to begin alone");
      TRY(cluster::FormAlone(fs_, dir_, initial[0]));
    } else {
      TRY(Form(membership));
    }
    if (config_.Bool(Opt::kClusterTakePlace))
      Log(LogLevel::kNotice,
          "cluster-take-place has done its work: take it out of the configuration");
  } else if (config_.Given(Opt::kClusterInitial)) {
    ASSIGN_OR_RETURN(const std::string warning,
                     CheckInitial(dir_, (*loaded)->cluster_id, genesis_, initial));
    if (!warning.empty()) LogLine(LogLevel::kWarning, warning);
  }
  ASSIGN_OR_RETURN(
      identity_, persist::IdentityFile::Boot(fs_, dir_, Reader(cluster::RandomNonce()).U64() | 1));
  ASSIGN_OR_RETURN(genesis_, cluster::DecodeGenesis(identity_.extra));
  return {};
}

// Blocks until all nodes of the list are there. Clients are answered meanwhile.
Status Server::Form(const Membership& membership) {
  TRY(door_.Listen());
  const auto& first = membership.members[0];
  FormingClients clients(
      door_.Listening(),
      [this](int fd, bool unix_socket) {
        if (unix_socket || !door_.RefusesStranger(fd)) return std::string();
        return "-" + std::string(kErrProtectedMode) + "\r\n";
      },
      static_cast<size_t>(config_.Int(Opt::kMaxClients)),
      membership.self == 0
          ? "the other nodes of cluster-initial"
          : PrintHostPort(first.host, first.port) + ", the first node of cluster-initial");
  cluster::FormationConfig formation;
  formation.dir = dir_;
  formation.initial = membership.members;
  formation.self = membership.self;
  formation.secret = security_.secret;
  formation.callers_max = descriptors_.shares().half_open;
  formation.take_place = config_.Bool(Opt::kClusterTakePlace);
  formation.say = [](const std::string& line) { LogLine(LogLevel::kNotice, line); };
  formation.waits_for = [&](const std::string& what) { clients.WaitsFor(what); };
  formation.stop = [&] {
    supervisor_.Busy("forming a cluster: waits for " + clients.waits_for());
    return StopAsked();
  };
  TRY(cluster::FormCluster(fs_, peer_listener_, formation));
  door_.TakeEarly(clients.Stop());
  return {};
}

// As many clients as there are descriptors for.
Status Server::FitDescriptors(size_t members) {
  const uint64_t clients = static_cast<uint64_t>(config_.Int(Opt::kMaxClients));
  const bool peers = members > 1;
  const size_t listeners = config_.Words(Opt::kBind).size() +
                           (config_.Text(Opt::kUnixSocket).empty() ? 0 : 1) + (peers ? 1 : 0);
  descriptors_ = DescriptorBudget(members, listeners);
  const uint64_t have = descriptors_.Raise(clients);
  if (have < descriptors_.least())
    return Fail(Errc::kLimit,
                "only " + std::to_string(have) +
                    " descriptors can be open (ulimit -n), and at least " +
                    std::to_string(descriptors_.least()) + " are needed" +
                    (peers ? " by one of " + std::to_string(members) + " members" : ""));
  const uint64_t fits = descriptors_.shares().clients;
  if (fits >= clients) return {};
  Log(LogLevel::kWarning,
      "only {} descriptors can be open (ulimit -n): maxclients is lowered to {}", have, fits);
  config_.SetEffective(Opt::kMaxClients, std::to_string(fits));
  return {};
}

// Timings that can't work together, and such as cost more than one would think.
Status Server::CheckTimings() const {
  if (genesis_.alone()) return {};
  const int64_t heartbeat_ms = config_.Int(Opt::kHeartbeatMs);
  const int64_t round_ms = config_.Int(Opt::kElectionRoundMs);
  if (heartbeat_ms > round_ms)
    return Fail(Errc::kInvalidArgument, "cluster-heartbeat-ms " + std::to_string(heartbeat_ms) +
                                            " is above cluster-election-round-ms " +
                                            std::to_string(round_ms));
  const int64_t usable_ms =
      config_.Int(Opt::kLeaseMs) * 99 / 100 - config_.Int(Opt::kLeaseMarginMs);
  if (usable_ms <= heartbeat_ms)
    Log(LogLevel::kWarning,
        "cluster-lease-ms less 1 % and cluster-lease-margin-ms is {} ms, not above "
        "cluster-heartbeat-ms: the lease is over before it is renewed, so most reads go by quorum "
        "rounds",
        usable_ms);
  return {};
}

Status Server::BeginLog() {
  static constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kVerbose, LogLevel::kNotice,
                                         LogLevel::kWarning};
  static constexpr LogFormat kFormats[] = {LogFormat::kRedis, LogFormat::kIso, LogFormat::kJson};
  SetLogFormat(kFormats[config_.Int(Opt::kLogFormat)]);
  if (Status opened = OpenLog(config_.Text(Opt::kLogFile), kLevels[config_.Int(Opt::kLogLevel)]);
      !opened) {
    return config_.Wrong(Opt::kLogFile, opened.error().detail);
  }
  for (const std::string& warning : config_.warnings()) LogLine(LogLevel::kWarning, warning);
  return {};
}

// What the configuration asks for, or what a member of a cluster has to have.
Result<cluster::Durability> Server::DecideDurability() {
  const bool alone = genesis_.alone();
  cluster::Durability durability = DurabilityOf(config_.Int(Opt::kDurability));
  if (!alone && durability != cluster::Durability::kAlways) {
    if (config_.Given(Opt::kDurability))
      return config_.Wrong(Opt::kDurability,
                           "a member of a cluster must keep what it promised, so only `always` is "
                           "possible with peers");
    durability = cluster::Durability::kAlways;
    config_.SetEffective(Opt::kDurability, "always");
  }

  if (!alone && config_.Int(Opt::kWalCutAtSlot) != 0)
    return config_.Wrong(Opt::kWalCutAtSlot,
                         "this node has peers, which repair its log; only a node alone may give up "
                         "a part of its own");
  return durability;
}

void Server::MakeParts() {
  wal_worker_ = std::make_unique<net::Worker>(loop_);
  file_worker_ = std::make_unique<net::Worker>(loop_);
  engine_ = std::make_unique<Engine>(clock_, config_, *this, genesis_.hash_seed);
  info_ = std::make_unique<InfoFields>(*engine_, config_, identity_);
  engine_->SetInfo(info_.get());
  cluster::PeerConfig peer_config;
  peer_config.cluster_id = identity_.cluster_id;
  peer_config.node = identity_.node_id;
  peer_config.boot = identity_.boot;
  peer_config.secret = security_.secret;
  peer_config.loopback_only = security_.loopback_only;
  peer_config.queue_bytes_max = static_cast<size_t>(config_.Int(Opt::kPeerQueueBytes));
  peer_config.half_open_max = descriptors_.shares().half_open;
  peer_config.on_place_wanted = [this](cluster::NodeId node) { return OnPlaceWanted(node); };
  peers_ = std::make_unique<cluster::Peers>(loop_, peer_config);
}

// What the configuration says of this node's boot.
Result<BootOptions> Server::OptionsOfBoot(cluster::Durability durability) const {
  BootOptions options;
  options.dir = dir_;
  options.identity = identity_;
  options.genesis = genesis_;
  options.log.durability = durability;
  options.log.segment_bytes = static_cast<uint64_t>(config_.Int(Opt::kWalSegmentSize));
  options.log.spare_bytes = static_cast<uint64_t>(config_.Int(Opt::kDiskReserve));
  options.log.low_water_bytes = static_cast<uint64_t>(config_.Int(Opt::kDiskLowWater));
  options.cut_at_slot = static_cast<cluster::Slot>(config_.Int(Opt::kWalCutAtSlot));
  options.accept_loss = config_.Bool(Opt::kClusterAcceptLoss);
  for (const std::string& word : config_.Words(Opt::kSkipSlot)) {
    ASSIGN_OR_RETURN(const cluster::SkipWord skip, cluster::ParseSkip(word));
    options.skip_slots.push_back(skip);
  }
  options.node.snapshot_log_bytes_min = static_cast<uint64_t>(config_.Int(Opt::kSnapshotLogSize));
  options.node.hold_ns = config_.Int(Opt::kHoldMs) * kNsPerMs;
  // What this node and each peer may have on their way fits a link's queue, with room for the rest.
  const uint64_t flight = static_cast<uint64_t>(config_.Int(Opt::kPeerQueueBytes)) / 4;
  options.node.window_bytes = std::min(options.node.window_bytes, flight);
  options.node.paxos.flight_bytes_max = std::min(options.node.paxos.flight_bytes_max, flight);
  options.node.tick_ns = config_.Int(Opt::kTickMs) * kNsPerMs;
  options.node.paxos.heartbeat_ns = config_.Int(Opt::kHeartbeatMs) * kNsPerMs;
  options.node.paxos.round_ns = config_.Int(Opt::kElectionRoundMs) * kNsPerMs;
  options.node.paxos.bad_rounds_max = static_cast<uint32_t>(config_.Int(Opt::kElectionBadRounds));
  options.node.paxos.lease_ns = config_.Int(Opt::kLeaseMs) * kNsPerMs;
  options.node.paxos.lease_margin_ns = config_.Int(Opt::kLeaseMarginMs) * kNsPerMs;
  options.node.paxos.window_slots = static_cast<uint32_t>(config_.Int(Opt::kWindow));
  options.stop = StopAsked;
  options.seed = static_cast<uint64_t>(clock_.MonotonicNs()) ^ (uint64_t{identity_.node_id} << 48);
  return options;
}

Status Server::Start() {
  IgnoreSignals();
  CatchStopSignals();
  TRY(BeginLog());
  TRY(LockDirectory());
  TRY(WritePidFile());
  TRY(FindIdentity());

  ASSIGN_OR_RETURN(const cluster::Durability durability, DecideDurability());
  const bool alone = genesis_.alone();
  MakeParts();
  TRY(CheckTimings());
  ASSIGN_OR_RETURN(const uint64_t disk_bytes, persist::DiskBytes(dir_));
  if (const std::string line = FitToDisk(config_, dir_, disk_bytes); !line.empty())
    LogLine(LogLevel::kWarning, line);

  ASSIGN_OR_RETURN(BootOptions options, OptionsOfBoot(durability));
  const int64_t began = clock_.MonotonicNs();
  auto report = BootAndTell(std::move(options));
  if (!report) {
    Error error = report.error();
    if (!alone && error.code == Errc::kCorruption)
      error.detail +=
          ". A member whose data is lost comes back with an empty directory (set this one aside) "
          "and "
          "--cluster-take-place yes";
    return std::unexpected(std::move(error));
  }
  for (const std::string& note : report->notes) LogLine(LogLevel::kWarning, note);
  if (engine_->executor().revision() > 0) {
    for (const std::string& difference : config_.SeedDifferences())
      LogLine(LogLevel::kWarning, difference);
  }
  Log(LogLevel::kNotice,
      "node {} of cluster {}, boot {}: snapshot at slot {}, {} entries replayed to slot {} with "
      "digest {:016x}, in {} ms",
      identity_.node_id, identity_.cluster_id, identity_.boot, report->snapshot_slot,
      report->replayed, engine_->executor().applied_slot(), engine_->executor().digest(),
      (clock_.MonotonicNs() - began) / kNsPerMs);

  if (!engine_->executor().members().alone() && !engine_->node().halted()) {
    peers_->SetListener(&engine_->node());
    peers_->Listen(std::move(peer_listener_));
    FollowMembers();
  }
  return door_.open() ? Status() : door_.Listen();
}

// A big snapshot and a long log take minutes, and the supervisor hears that they go on.
Result<BootReport> Server::BootAndTell(BootOptions options) {
  SetBreather([this] {
    supervisor_.Progress("loading the data: at slot " +
                         std::to_string(engine_->executor().applied_slot()));
  });
  fs_.SetBreathing(true);
  auto report = Boot(fs_, *wal_worker_, *file_worker_, clock_, std::move(options), *peers_,
                     *engine_, &storage_);
  fs_.SetBreathing(false);
  SetBreather({});
  return report;
}

int Server::Run() {
  tick_ = std::make_unique<net::Timer>(loop_, [this] { OnTick(); });
  tick_->Start(kTickMs, kTickMs);
  for (const int number : {SIGTERM, SIGINT})
    signals_.push_back(std::make_unique<net::Signal>(loop_, number, [this] { OnSignal(); }));
  if (StopAsked()) OnSignal();  // it came between Start and here
  turn_ns_ = began_ns_ = clock_.MonotonicNs();
  const bool alone = engine_->executor().members().alone();
  if (!alone) SetBreather([this] { BreatheInTurn(); });
  // Where replies wait for the log's thread or for peers, it is they that want the core.
  if (config_.Int(Opt::kDurability) != kDurabilityAlways && alone) loop_.SetSpin(kSpinNs);
  loop_.Run([this] { EndOfTurn(); });
  SetBreather({});
  supervisor_.Stopping("stopping");
  door_.Close();
  tick_.reset();
  signals_.clear();
  // What is on its way to the disk arrives there first, and nothing new sets out.
  closing_ = true;
  peers_->SetListener(nullptr);
  if (exit_code_ == 0 && storage_.log->busy())
    loop_.Run([this] {
      if (!storage_.log->busy()) loop_.Stop();
    });
  if (exit_code_ == 0) {
    if (Status closed = storage_.log->Close(); !closed) {
      LogLine(LogLevel::kWarning, "closing the log: " + closed.error().detail);
      exit_code_ = 1;
    }
  }
  LogLine(LogLevel::kNotice, "bye");
  return exit_code_;
}

// --- Turns ---------------------------------------------------------------------------------------

// The state is whole, or won't be for long, and those who ask are told why.
bool Server::SomethingToTell() const {
  return engine_->node().Settled() || engine_->node().halted() ||
         engine_->Report().damaged_slot != 0 || turn_ns_ - began_ns_ > kSettleNs;
}

void Server::EndOfTurn() {
  if (!closing_) peers_->DeliverKept();
  if (tick_waits_ && loop_.after_input()) {
    tick_waits_ = false;
    engine_->Tick();
  }
  engine_->EndOfTurn();
  if (door_.open() && !closing_ && SomethingToTell()) {
    door_.Accept(*engine_);
    supervisor_.Ready("Ready to accept connections");
    Log(LogLevel::kNotice, "Ready to accept connections on port {}", config_.Int(Opt::kPort));
  }
  peers_->Flush();
  const bool more_end = door_.Reap();
  loop_.SetBusy(!closing_ && (more_end || engine_->WantsTurn()));
  turn_ns_ = clock_.MonotonicNs();
}

// A loop that was away for long first reads what came meanwhile: timers that look at the peers'
// silence must not run before that.
void Server::OnTick() {
  const int64_t now = clock_.MonotonicNs();
  const bool late = tick_ns_ != 0 && now - tick_ns_ > kLateNs;
  tick_ns_ = now;
  if (late) {
    tick_waits_ = true;
  } else if (!tick_waits_) {
    engine_->Tick();
  }
  if (now - peak_noted_ns_ < kPeakNs) return;
  peak_noted_ns_ = now;
  TellSupervisor();
  info_->NotePeak();
}

// A stop takes as long as others need to take over; one that is called off is none.
void Server::TellSupervisor() {
  const bool stopping = engine_->node_port().ShuttingDown();
  if (stopping) {
    supervisor_.Stopping("handing over, then stopping");
  } else if (stopping_told_) {
    supervisor_.Ready("Ready to accept connections");
  }
  stopping_told_ = stopping;
}

// Something takes long: the peers are told that this node lives, for a while.
void Server::BreatheInTurn() {
  if (closing_ || clock_.MonotonicNs() - turn_ns_ > kBusyMaxNs) return;
  engine_->node().TickWhileBusy();
  peers_->Breathe();
}

void Server::OnSignal() {
  LogLine(LogLevel::kNotice, "stopping on a signal");
  if (engine_->node_port().ShuttingDown()) {
    Stop();
    return;
  }
  [[maybe_unused]] const Status begun = engine_->node_port().BeginShutdown({});
}

// --- EngineHost ----------------------------------------------------------------------------------

void Server::Halted(cluster::HaltCause cause, const std::string& reason) {
  Log(LogLevel::kWarning,
      "HALTED: {}. This node takes part in nothing any more, and nothing on its disk was changed; "
      "commands are answered with an error. Clients that send READONLY can read the state up to "
      "slot {}",
      reason, engine_->executor().applied_slot());
  if (cause != cluster::HaltCause::kDiverged) return;
  if (const Status noted = NoteDivergence(fs_, dir_, reason); !noted)
    Log(LogLevel::kWarning, "that it is halted could not be noted on the disk: {}",
        noted.error().detail);
}

void Server::Fatal(const std::string& reason) {
  LogLine(LogLevel::kWarning, "can't go on: " + reason);
  // Nothing may be acknowledged from here on, not even by what is on the stack.
  std::fflush(nullptr);
  _exit(1);
}

void Server::Warn(const std::string& line) { LogLine(LogLevel::kWarning, line); }

void Server::Stop() { loop_.Stop(); }

// --- Peers ---------------------------------------------------------------------------------------

// Links to where the members are, now and after each change.
void Server::FollowMembers() {
  const cluster::AppliedMembers& members = engine_->executor().members();
  const auto dial = [this, &members] {
    std::vector<cluster::PeerAddress> addresses;
    for (const cluster::Member& member : members.all())
      addresses.push_back({member.node, member.host, member.peer_port});
    peers_->SetPeers(addresses);
  };
  dial();
  members.Follow([dial, &members] {
    Log(LogLevel::kNotice, "the members are {} from now on: version {} of the configuration",
        cluster::ListText(members.all()), members.record().version);
    dial();
  });
}

cluster::FormationAnswer Server::OnPlaceWanted(cluster::NodeId node) {
  constexpr int64_t kAliveNs = 1500 * kNsPerMs;
  constexpr int64_t kSayAgainNs = 60'000 * kNsPerMs;
  using State = cluster::FormationState;
  const cluster::Node& mine = engine_->node();
  const cluster::Member* place = engine_->executor().members().Find(node);
  if (place == nullptr || node == mine.self())
    return {State::kRefused, {}, "node " + std::to_string(node) + " of this cluster is not you"};
  const std::string address = PrintHostPort(place->host, place->port);
  bool alive = peers_->Connected(node);
  for (const paxos::PeerStatus& peer : mine.replica().peers())
    alive = alive ||
            (peer.node == node && peer.heard_ns != 0 && mine.NowNs() - peer.heard_ns < kAliveNs);
  if (alive)
    return {State::kRefused, {}, "node " + std::to_string(node) + " at " + address + " is alive"};
  cluster::PlaceGrant grant{cluster::EncodeGenesis(genesis_), engine_->executor().LatestBoot(node)};
  for (const cluster::MemberRecord& record : mine.roster().watch().records())
    if (record.node == node) grant.known_boot = std::max(grant.known_boot, record.boot);
  // Asked ten times a second until enough members answer.
  if (std::exchange(place_said_, node) != node || mine.NowNs() - place_said_ns_ > kSayAgainNs) {
    place_said_ns_ = mine.NowNs();
    Log(LogLevel::kWarning, "the place of node {} at {} is taken again by an empty directory", node,
        address);
  }
  return {State::kFormed, identity_.cluster_id, cluster::EncodePlaceGrant(grant)};
}

}  // namespace clustron::server

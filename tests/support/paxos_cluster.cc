#include "tests/support/paxos_cluster.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace clustron::paxos {

namespace {

constexpr int64_t kTickNs = 5'000'000;

std::string EncodeMembers(const Members& members) {
  std::string out;
  Writer w(&out);
  w.U32(static_cast<uint32_t>(members.voters.size()));
  for (NodeId node : members.voters) w.U32(node);
  w.U32(static_cast<uint32_t>(members.learners.size()));
  for (NodeId node : members.learners) w.U32(node);
  return out;
}

Members DecodeMembers(std::string_view bytes) {
  Reader r(bytes);
  Members members;
  for (uint32_t n = r.U32(); n > 0; --n) members.voters.push_back(r.U32());
  for (uint32_t n = r.U32(); n > 0; --n) members.learners.push_back(r.U32());
  CHECK(r.Done());
  return members;
}

}  // namespace

TestCluster::TestCluster(ClusterOptions options) : options_(options), rng_(options.seed) {
  Members members;
  for (NodeId id = 1; id <= options_.voters + options_.learners; ++id) {
    (id <= options_.voters ? members.voters : members.learners).push_back(id);
  }
  options_.config.members = members;
  for (NodeId id = 1; id <= options_.voters + options_.learners; ++id) {
    Node& node = nodes_[id];
    node.id = id;
    node.members = members;
    node.snapshot_members = members;
    node.offset_ns = rng_.Between(0, 1'000'000'000'000);
    node.rate = 1 + (rng_.Unit() * 2 - 1) * options_.drift;
    node.round_ns = options_.config.round_ns;
    node.bad_rounds_max = options_.config.bad_rounds_max;
    if (!options_.uneven_timings) continue;
    node.round_ns = rng_.Between(1, 6) * options_.config.heartbeat_ns;
    node.bad_rounds_max = static_cast<uint32_t>(rng_.Between(1, 4));
  }
  HealLinks();
  for (auto& [id, node] : nodes_) Start(node, {});
}

TestCluster::~TestCluster() = default;

// --- Time ---

void TestCluster::At(int64_t at_ns, std::function<void()> event) {
  events_.emplace(std::pair(at_ns, ++event_number_), std::move(event));
}

int64_t TestCluster::LocalNow(NodeId id) const {
  const Node& node = nodes_.at(id);
  return node.offset_ns + static_cast<int64_t>(static_cast<double>(now_ns_) * node.rate);
}

void TestCluster::RunFor(int64_t ns) {
  const int64_t end_ns = now_ns_ + ns;
  while (violation_.empty() && !events_.empty() && events_.begin()->first.first <= end_ns) {
    auto event = events_.extract(events_.begin());
    now_ns_ = event.key().first;
    event.mapped()();
  }
  now_ns_ = end_ns;
}

bool TestCluster::RunUntil(const std::function<bool()>& condition, int64_t ns_max) {
  const int64_t end_ns = now_ns_ + ns_max;
  while (now_ns_ < end_ns && violation_.empty()) {
    if (condition()) return true;
    RunFor(1'000'000);
  }
  return violation_.empty() && condition();
}

void TestCluster::ScheduleTick(Node& node) {
  At(now_ns_ + rng_.Between(kTickNs / 2, kTickNs), [this, &node, life = node.life] {
    if (node.life != life) return;
    if (!node.paused) {
      node.replica->Tick(LocalNow(node.id));
      Drain(node);
    }
    ScheduleTick(node);
  });
}

// --- Faults ---

void TestCluster::Isolate(NodeId node) {
  for (auto& [id, other] : nodes_) {
    if (id != node) Cut(id, node);
  }
}

void TestCluster::HealLinks() {
  for (auto& [from, a] : nodes_) {
    for (auto& [to, b] : nodes_) links_[from][to] = true;
  }
}

void TestCluster::SetLoss(double loss_percent, double doubling_percent) {
  options_.loss_percent = loss_percent;
  options_.doubling_percent = doubling_percent;
}

void TestCluster::Crash(NodeId id, bool keep_some) {
  Node& node = nodes_.at(id);
  CHECK(node.replica != nullptr);
  const size_t kept = keep_some ? static_cast<size_t>(rng_.Below(node.unsynced.size() + 1)) : 0;
  node.durable.insert(node.durable.end(), node.unsynced.begin(),
                      node.unsynced.begin() + static_cast<std::ptrdiff_t>(kept));
  for (size_t i = node.durable.size() - kept; i < node.durable.size(); ++i) {
    const Accepted& entry = node.durable[i].accepted;
    if (entry.slot != kNoSlot) node.durable_hashes[entry.slot] = HashOf(entry.value);
  }
  node.unsynced.clear();
  node.fsync_running = false;
  node.replica.reset();
  node.reads.clear();
  node.proposed.clear();
  ++node.life;
}

void TestCluster::Restart(NodeId id, const std::vector<Slot>& damage) {
  Node& node = nodes_.at(id);
  CHECK(node.replica == nullptr);
  Start(node, damage);
}

Recovered TestCluster::Recover(const Node& node) {
  Recovered recovered;
  recovered.restarted = node.ever_started;
  recovered.applied_up_to = node.snapshot.size() - 1;
  recovered.compacted_up_to = recovered.applied_up_to;
  recovered.chosen_hint = recovered.applied_up_to;
  std::map<Slot, Accepted> accepted;
  for (const LogRecord& record : node.durable) {
    recovered.promised = std::max(recovered.promised, record.ballot);
    if (record.type == LogRecord::Type::kAccept) {
      recovered.promised = std::max(recovered.promised, record.accepted.ballot);
      if (record.accepted.slot > recovered.applied_up_to) {
        accepted[record.accepted.slot] = record.accepted;
      }
    }
    if (record.type == LogRecord::Type::kChosen) {
      recovered.chosen_hint = std::max(recovered.chosen_hint, record.slot);
    }
  }
  for (Slot slot : node.damaged) {
    if (slot > recovered.applied_up_to && accepted.count(slot) == 0) {
      recovered.unknown.push_back(slot);
    }
  }
  for (auto& [slot, entry] : accepted) recovered.accepted.push_back(entry);
  return recovered;
}

void TestCluster::Start(Node& node, const std::vector<Slot>& damage) {
  ++node.life;
  node.members = node.snapshot_members;
  node.state = node.snapshot;
  Config config = options_.config;
  config.self = node.id;
  config.members = node.members;
  config.round_ns = node.round_ns;
  config.bad_rounds_max = node.bad_rounds_max;
  for (Slot slot : damage) {
    const size_t erased = std::erase_if(node.durable, [slot](const LogRecord& record) {
      return record.type == LogRecord::Type::kAccept && record.accepted.slot == slot;
    });
    if (erased != 0) node.damaged.insert(slot);
  }
  const Recovered recovered = Recover(node);
  if (auto violation = commitments_.OnRecovered(node.id, recovered)) Fail(*violation);
  node.invariants = Invariants(recovered.promised);
  agreement_.Restarted(node.id);
  node.replica = std::make_unique<Replica>(config, recovered, Rng(rng_.Next()), LocalNow(node.id));
  node.ever_started = true;
  Drain(node);
  ScheduleTick(node);
}

void TestCluster::HoldDisk(NodeId id, bool hold) {
  Node& node = nodes_.at(id);
  node.disk_held = hold;
  if (!hold && Up(id)) StartFsync(node);
}

void TestCluster::Compact(NodeId id) {
  Node& node = nodes_.at(id);
  node.snapshot = node.state;
  node.snapshot_members = node.members;
  const Slot upto = node.replica->applied_slot();
  node.replica->Compact(upto);
  // The highest promise survives compaction, as a log store has to see to.
  LogRecord promise;
  for (const LogRecord& record : node.durable) {
    promise.ballot = std::max({promise.ballot, record.ballot, record.accepted.ballot});
  }
  std::erase_if(node.durable, [upto](const LogRecord& record) {
    return record.type != LogRecord::Type::kAccept || record.accepted.slot <= upto;
  });
  LogRecord hint;
  hint.type = LogRecord::Type::kChosen;
  hint.slot = upto;
  node.durable.push_back(promise);
  node.durable.push_back(hint);
}

// --- The driver ---

void TestCluster::Drain(Node& node) {
  while (violation_.empty()) {
    node.replica->TakeReady(&ready_);
    if (!ready_.contradiction.empty()) return Fail(ready_.contradiction);
    CheckChosenIsDurable(node);
    ApplyChosen(node);
    CheckAll(node);
    if (ready_.Empty()) return;
    const bool sends = !ready_.send.empty();
    if (!ready_.persist.empty()) Persist(node, ready_.persist);
    for (const Outgoing& out : ready_.send) Send(node.id, out);
    for (const CatchUpNeed& need : ready_.catch_up) ServeCatchUp(node, need);
    if (ready_.leadership_changed && node.replica->role() != Role::kLeader) node.reads.clear();
    if (ready_.read_round_confirmed != 0) FinishReads(node, ready_.read_round_confirmed);
    if (sends) MaybeLosePower(node);
  }
}

void TestCluster::MaybeLosePower(Node& node) {
  if (!rng_.Percent(options_.power_loss_percent)) return;
  // Not in the middle of what called us.
  At(now_ns_, [this, &node, life = node.life] {
    if (node.life != life) return;
    Crash(node.id, false);
    At(now_ns_ + rng_.Between(0, 100'000'000), [this, &node, crashed = node.life] {
      if (node.life == crashed) Restart(node.id);
    });
  });
}

void TestCluster::Persist(Node& node, std::vector<LogRecord>& records) {
  uint64_t last = node.unsynced.empty() ? 0 : node.unsynced.back().seq;
  for (LogRecord& record : records) {
    CHECK(last == 0 || record.seq == last + 1);
    last = record.seq;
    trace_ = Mix64(trace_ ^ (record.seq * 31 + record.accepted.slot));
    node.unsynced.push_back(std::move(record));
  }
  StartFsync(node);
}

void TestCluster::StartFsync(Node& node) {
  if (node.fsync_running || node.disk_held || node.unsynced.empty()) return;
  node.fsync_running = true;
  const uint64_t seq = node.unsynced.back().seq;
  const int64_t done_ns = now_ns_ + rng_.Between(options_.fsync_ns_min, options_.fsync_ns_max);
  At(done_ns, [this, &node, seq, life = node.life] {
    if (node.life != life) return;
    node.fsync_running = false;
    if (node.disk_held) return;
    auto& unsynced = node.unsynced;
    while (!unsynced.empty() && unsynced.front().seq <= seq) {
      const Accepted& entry = unsynced.front().accepted;
      if (entry.slot != kNoSlot) node.durable_hashes[entry.slot] = HashOf(entry.value);
      node.durable.push_back(std::move(unsynced.front()));
      unsynced.erase(unsynced.begin());
    }
    node.replica->OnDurable(seq, LocalNow(node.id));
    StartFsync(node);
    Drain(node);
  });
}

void TestCluster::Send(NodeId from, const Outgoing& out) {
  CHECK(out.to != from);
  if (auto violation = commitments_.OnSend(*nodes_.at(from).replica, out.to, out.message,
                                           LocalNow(from), options_.config.lease_ns)) {
    return Fail(*violation);
  }
  Message message = out.message;
  if (options_.encode) {
    std::string bytes;
    Encode(out.message, &bytes);
    trace_ = Mix64(trace_ ^ bytes.size() ^ (uint64_t{from} << 32));
    Result<Message> decoded = Decode(bytes);
    if (!decoded)
      return Fail("message of node " + std::to_string(from) + ": " + decoded.error().detail);
    message = *std::move(decoded);
  }
  const int copies = rng_.Percent(options_.doubling_percent) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (rng_.Percent(options_.loss_percent)) continue;
    const bool straggles = rng_.Percent(options_.straggle_percent);
    const int64_t delay_ns = rng_.Between(
        options_.delay_ns_min, straggles ? options_.straggle_ns_max : options_.delay_ns_max);
    At(now_ns_ + delay_ns, [this, from, to = out.to, message] { Deliver(from, to, message); });
  }
}

void TestCluster::Deliver(NodeId from, NodeId to, const Message& message) {
  const auto it = nodes_.find(to);
  if (it == nodes_.end() || it->second.replica == nullptr || !links_[from][to]) return;
  if (it->second.paused) return;
  it->second.replica->Step(from, message, LocalNow(to));
  Drain(it->second);
}

void TestCluster::ServeCatchUp(Node& node, const CatchUpNeed& need) {
  const Slot compacted = node.snapshot.size() - 1;
  if (need.first > compacted) {
    CatchUpReply reply;
    reply.chosen = node.replica->chosen_slot();
    reply.compacted = compacted;
    std::map<Slot, Accepted> found;
    for (const auto* records : {&node.durable, &node.unsynced}) {
      for (const LogRecord& record : *records) {
        if (record.type != LogRecord::Type::kAccept) continue;
        if (record.accepted.slot < need.first || record.accepted.slot > need.last) continue;
        found[record.accepted.slot] = record.accepted;
      }
    }
    for (auto& [slot, entry] : found) {
      if (slot != need.first + reply.entries.size() || reply.entries.size() == 100) break;
      reply.entries.push_back(entry);
    }
    if (!reply.entries.empty()) Send(node.id, {need.peer, reply});
    return;
  }
  // A snapshot, in one piece.
  if (rng_.Percent(options_.loss_percent)) return;
  At(now_ns_ + rng_.Between(options_.delay_ns_max, 5 * options_.delay_ns_max),
     [this, from = node.id, to = need.peer, state = node.snapshot,
      members = node.snapshot_members] {
       Node& peer = nodes_.at(to);
       if (peer.replica == nullptr || !links_[from][to]) return;
       if (state.size() <= peer.state.size()) return;
       peer.state = peer.snapshot = state;
       peer.members = peer.snapshot_members = members;
       peer.replica->SetMembers(members, LocalNow(to));
       peer.replica->InstallSnapshot(state.size() - 1, LocalNow(to));
       Drain(peer);
     });
}

void TestCluster::ApplyChosen(Node& node) {
  while (const Accepted* entry = node.replica->NextChosen()) {
    if (entry->slot != node.state.size()) return Fail("applied out of order");
    const uint64_t hash = HashOf(entry->value);
    node.state.push_back(hash);
    trace_ = Mix64(trace_ ^ hash);
    if (const auto it = node.proposed.find(entry->slot); it != node.proposed.end()) {
      if (it->second == hash) acknowledged_ = std::max(acknowledged_, entry->slot);
      node.proposed.erase(it);
    }
    if (entry->value.kind == EntryKind::kConfig) {
      node.members = DecodeMembers(BytesOf(entry->value.payload));
      node.replica->SetMembers(node.members, LocalNow(node.id));
    }
    node.replica->Advance();
  }
}

// --- Checks ---

void TestCluster::Fail(const std::string& what) {
  if (violation_.empty()) violation_ = "t=" + std::to_string(now_ns_ / 1000) + " us: " + what;
}

void TestCluster::CheckAll(Node& node) {
  if (auto violation = node.invariants.Check(*node.replica)) return Fail(*violation);
  if (auto violation = agreement_.Check(*node.replica)) return Fail(*violation);
  CheckLeaseIsBacked(node);
  agreement_.BeginLeases();
  for (auto& [id, other] : nodes_) {
    if (other.replica == nullptr) continue;
    if (auto violation = agreement_.CheckLease(*other.replica, LocalNow(id))) {
      return Fail(*violation);
    }
  }
}

void TestCluster::CheckLeaseIsBacked(const Node& leader) {
  const Replica& replica = *leader.replica;
  if (!replica.LeaseValid(LocalNow(leader.id))) return;
  uint32_t bound = 1;
  for (NodeId voter : replica.members().voters) {
    const bool other = voter != leader.id;
    bound += other && commitments_.IsBound(voter, replica.ballot(), LocalNow(voter)) ? 1 : 0;
  }
  if (bound >= replica.members().voters.size() / 2 + 1) return;
  Fail("node " + std::to_string(leader.id) + ": lease without a majority bound to it");
}

void TestCluster::CheckChosenIsDurable(Node& leader) {
  const Replica& replica = *leader.replica;
  const Slot before = std::exchange(leader.durable_checked, replica.chosen_slot());
  if (replica.role() != Role::kLeader) return;
  for (Slot slot = std::max(before + 1, replica.own_noop_slot()); slot <= replica.chosen_slot();
       ++slot) {
    const Accepted* entry = replica.ChosenInMemory(slot);
    if (entry == nullptr || entry->ballot != replica.ballot()) continue;
    uint32_t disks = 0;
    for (NodeId voter : replica.members().voters) {
      const Node& node = nodes_.at(voter);
      const auto it = node.durable_hashes.find(slot);
      const bool has = it != node.durable_hashes.end() && it->second == HashOf(entry->value);
      disks += has || slot < node.snapshot.size() ? 1 : 0;
    }
    if (disks >= replica.members().voters.size() / 2 + 1) continue;
    return Fail("node " + std::to_string(leader.id) + ": slot " + std::to_string(slot) +
                " chosen, durable on " + std::to_string(disks));
  }
}

bool TestCluster::Read(NodeId id) {
  Node& node = nodes_.at(id);
  if (node.replica == nullptr || !node.replica->own_noop_chosen()) return false;
  const Slot index = node.replica->chosen_slot();
  if (node.replica->LeaseValid(LocalNow(id)) && rng_.Percent(50)) {
    CheckRead(node, index, acknowledged_);
    return true;
  }
  const uint64_t round = node.replica->StartReadRound(LocalNow(id));
  node.reads.push_back(
      {round, index, acknowledged_, node.replica->ballot(), commitments_.sent_count()});
  Drain(node);
  return true;
}

void TestCluster::FinishReads(Node& node, uint64_t confirmed) {
  std::erase_if(node.reads, [&](const Node::PendingRead& read) {
    if (read.round > confirmed) return false;
    CheckRead(node, read.index, read.acknowledged_before);
    const uint32_t answered = commitments_.AnsweredSince(read.ballot, read.begun_at);
    if (answered + 1 < node.replica->members().voters.size() / 2 + 1) {
      Fail("node " + std::to_string(node.id) + ": read round confirmed by too few");
    }
    return true;
  });
}

void TestCluster::CheckRead(const Node& node, Slot index, Slot acknowledged_before) {
  ++reads_done_;
  if (index >= acknowledged_before) return;
  Fail("stale read: node " + std::to_string(node.id) + " at slot " + std::to_string(index) +
       " after " + std::to_string(acknowledged_before) + " was acknowledged");
}

// --- Work ---

Slot TestCluster::Propose(NodeId id, size_t bytes) {
  Node& node = nodes_.at(id);
  if (node.replica == nullptr || !node.replica->CanPropose()) return kNoSlot;
  std::string payload = "entry " + std::to_string(++proposal_number_);
  payload.resize(std::max(bytes, payload.size()), '.');
  const Value value{EntryKind::kBatch, node.replica->ballot(),
                    std::make_shared<const std::string>(std::move(payload))};
  const Slot slot = node.replica->Propose(EntryKind::kBatch, value.payload, LocalNow(id));
  node.proposed[slot] = HashOf(value);
  Drain(node);
  return slot;
}

Slot TestCluster::ProposeConfig(NodeId id, const Members& members) {
  Node& node = nodes_.at(id);
  if (node.replica == nullptr || !node.replica->CanProposeConfig()) return kNoSlot;
  auto payload = std::make_shared<const std::string>(EncodeMembers(members));
  const Slot slot = node.replica->Propose(EntryKind::kConfig, payload, LocalNow(id));
  Drain(node);
  return slot;
}

NodeId TestCluster::Leader() const {
  for (const auto& [id, node] : nodes_) {
    if (node.replica == nullptr || !node.replica->own_noop_chosen()) continue;
    if (node.replica->LeaseValid(LocalNow(id))) return id;
  }
  return kNoNode;
}

bool TestCluster::Progress(int64_t ns_max) {
  const Slot before = std::max(acknowledged_, agreement_.last());
  int64_t next_ns = 0;
  return RunUntil(
      [&] {
        if (now_ns_ >= next_ns) {
          for (auto& [id, node] : nodes_) Propose(id);
          next_ns = now_ns_ + 20'000'000;
        }
        return acknowledged_ > before;
      },
      ns_max);
}

bool TestCluster::Converged() {
  const std::vector<uint64_t>* longest = nullptr;
  for (auto& [id, node] : nodes_) {
    if (node.replica == nullptr) continue;
    if (longest != nullptr && node.state != *longest) return false;
    longest = &node.state;
  }
  return longest != nullptr && longest->size() > acknowledged_;
}

Slot TestCluster::LastOnDisk(NodeId id) const {
  Slot last = 0;
  for (const LogRecord& record : nodes_.at(id).durable) last = std::max(last, record.accepted.slot);
  return last;
}

}  // namespace clustron::paxos

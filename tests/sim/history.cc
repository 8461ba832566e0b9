#include "tests/sim/history.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "cluster/log/wait_item.h"
#include "commands/core/registry.h"
#include "state/executor.h"
#include "tests/sim/watch_truth.h"

namespace clustron::sim {

namespace {

std::string Describe(const paxos::Value& value) {
  static constexpr const char* kKinds[] = {"?", "no-op", "filler", "batch", "config"};
  return std::string(kKinds[static_cast<size_t>(value.kind)]) + " first proposed under " +
         std::to_string(value.first_ballot.round) + "." + std::to_string(value.first_ballot.node) +
         " with " + std::to_string(paxos::BytesOf(value.payload).size()) + " bytes";
}

using ItemVisitor =
    std::function<void(const cluster::ItemHeader&, const std::vector<std::string_view>&)>;

// False: it has no items.
bool ForEachItem(const paxos::Value& value, cluster::EntryHeader* entry, const ItemVisitor& visit) {
  const std::string_view bytes = paxos::BytesOf(value.payload);
  Reader reader(bytes);
  if (bytes.empty() || !cluster::ReadEntryHeader(&reader, entry)) return false;
  for (uint32_t i = 0; i < entry->item_count; ++i) {
    cluster::ItemHeader header;
    std::vector<std::string_view> args;
    if (!cluster::ReadItem(&reader, &header, &args)) break;
    visit(header, args);
  }
  return true;
}

}  // namespace

History::SlotRecord& History::At(paxos::Slot slot) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  return slots_[slot];
}

void History::OnApplied(int node, paxos::Slot slot, const paxos::Value& value, uint64_t digest) {
  OnLogged(node, slot, value);
  if (!report_.failed()) OnState(node, slot, digest);
}

void History::OnLogged(int node, paxos::Slot slot, const paxos::Value& value) {
  SlotRecord& record = At(slot);
  if (!record.has_value) {
    record.has_value = true;
    record.applied_ns = loop_.now_ns();
    record.value = value;
  } else if (!(record.value == value)) {
    report_.Fail("one value per slot", "slot " + std::to_string(slot) + ": node " +
                                           std::to_string(node) + " applies a " + Describe(value) +
                                           ", before it was a " + Describe(record.value));
  }
}

void History::OnReadAsked(int node, uint64_t round) { asked_[node][round] = last_slot(); }

void History::OnReadGranted(int node, uint64_t round, paxos::Slot index) {
  auto& asked = asked_[node];
  const auto it = asked.find(round);
  if (it == asked.end()) return;  // answered before
  if (index < it->second) {
    report_.Fail("reads", "node " + std::to_string(node) + " may read at slot " +
                              std::to_string(index) + ", but slot " + std::to_string(it->second) +
                              " was applied somewhere before it asked");
  }
  report_.Count("read rounds checked");
  asked.erase(asked.begin(), std::next(it));
}

void History::ForgetAbove(paxos::Slot slot) {
  for (const auto& [session, replies] : replies_) forgotten_.insert(session);
  if (slots_.size() > slot + 1) slots_.resize(slot + 1);
}

// What is answered from here on are other items than those of the lost slots.
void History::LoseAbove(paxos::Slot slot) {
  ForgetAbove(slot);
  asked_.clear();
  for (; !noted_.empty() && noted_.back().slot > slot; noted_.pop_back())
    replies_[noted_.back().session].erase(noted_.back().sequence);
}

uint64_t History::BytesBehind(paxos::Slot slot) const {
  uint64_t bytes = 0;
  for (size_t i = slot + 1; i < slots_.size(); ++i)
    bytes += paxos::BytesOf(slots_[i].value.payload).size();
  return bytes;
}

void History::OnState(int node, paxos::Slot slot, uint64_t digest) {
  if (slot == 0) return;
  SlotRecord& record = At(slot);
  if (!record.has_digest) {
    record.has_digest = true;
    record.digest = digest;
  } else if (record.digest != digest) {
    report_.Fail("digests", "node " + std::to_string(node) + " differs at slot " +
                                std::to_string(slot) +
                                (record.has_value ? ": " + Describe(record.value) : ""));
  }
}

void History::OnReply(cluster::Session session, uint64_t sequence, std::string_view reply) {
  noted_.push_back({last_slot(), {session.node, session.boot}, sequence});
  auto [it, fresh] = replies_[{session.node, session.boot}].try_emplace(sequence, reply);
  if (!fresh) {
    report_.Fail("exactly once", "item " + std::to_string(sequence) + " of node " +
                                     std::to_string(session.node) + " was answered twice");
  }
}

// Stands for the node whose session is looked at.
class ReplayTap final : public state::ApplySink, public state::WaitSink {
 public:
  // `timeouts`: of the session's commands that may wait; `voids`: its items of nothing. `calls` is
  // told what becomes of the former.
  ReplayTap(Report* report, cluster::Session session,
            const std::map<uint64_t, std::string>* replies,
            const std::map<uint64_t, std::string>* timeouts,
            const std::set<std::pair<paxos::Slot, uint64_t>>* voids, bool forgotten,
            CallsThatWait* calls)
      : report_(*report),
        session_(session),
        replies_(*replies),
        timeouts_(*timeouts),
        voids_(*voids),
        forgotten_(forgotten),
        calls_(*calls) {}

  void BeginSlot(paxos::Slot slot, int64_t applied_ns) {
    slot_ = slot;
    applied_ns_ = applied_ns;
  }

  state::OwnCall BeginOwnItem(uint64_t sequence) override {
    reply_.TakeAll();
    // The others are void, or nobody waited for them any more.
    const bool is_void = voids_.contains({slot_, sequence});
    const bool wanted = replies_.contains(sequence) || (timeouts_.contains(sequence) && !is_void);
    return {.out = wanted ? &reply_ : nullptr, .client = nullptr};
  }
  void EndOwnItem(uint64_t sequence, bool waits) override {
    if (voids_.contains({slot_, sequence})) return;
    if (!waits) return Compare(sequence);
    const auto it = timeouts_.find(sequence);
    if (it == timeouts_.end()) return;
    CallThatWaits& call = calls_.by_timeout[it->second];
    call.session = session_;
    call.entered = slot_;
  }
  state::OwnCall BeginServed(uint64_t id) override {
    reply_.TakeAll();
    const bool wanted = replies_.contains(id) || timeouts_.contains(id);
    return {.out = wanted ? &reply_ : nullptr, .client = nullptr};
  }
  void EndServed(uint64_t id, state::WaitOutcome outcome) override {
    // The entry that served it may be lost, and another one has ended the wait.
    if (outcome != state::WaitOutcome::kWaitsOn && !forgotten_) Compare(id);
  }
  void WaitersParked() override {}
  void WaitersReplaced() override {}

  uint64_t compared() const { return compared_; }

 private:
  void Compare(uint64_t sequence) {
    const std::string reply = reply_.TakeAll();
    if (const auto call = timeouts_.find(sequence); call != timeouts_.end())
      NoteAnswer(&calls_.by_timeout[call->second], reply);
    const auto it = replies_.find(sequence);
    if (it == replies_.end()) return;  // nobody waited for it any more
    ++compared_;
    if (it->second == reply) return;
    report_.Fail("replay", "item " + std::to_string(sequence) + " of node " +
                               std::to_string(session_.node) + " boot " +
                               std::to_string(session_.boot) + " was answered " + it->second +
                               " and is answered " + reply + " by a replay of the log");
  }
  void NoteAnswer(CallThatWaits* call, const std::string& reply) const {
    call->session = session_;
    call->answered = slot_;
    call->answered_ns = applied_ns_;
    call->reply = reply;
    ++call->answers;
  }

  Report& report_;
  const cluster::Session session_;
  const std::map<uint64_t, std::string>& replies_;
  const std::map<uint64_t, std::string>& timeouts_;
  const std::set<std::pair<paxos::Slot, uint64_t>>& voids_;
  const bool forgotten_;
  CallsThatWait& calls_;
  paxos::Slot slot_ = 0;
  int64_t applied_ns_ = 0;
  uint64_t compared_ = 0;
  resp::ReplyChunks reply_;
};

void History::ReplaySession(cluster::Session session,
                            const std::map<uint64_t, std::string>& replies) {
  static const std::map<uint64_t, std::string> kNone;
  const auto timeouts = timeouts_.find({session.node, session.boot});
  ReplayTap tap(&report_, session, &replies,
                timeouts == timeouts_.end() ? &kNone : &timeouts->second,
                &voids_[{session.node, session.boot}],
                forgotten_.contains({session.node, session.boot}), &calls_);
  state::Executor executor(hash_seed_);
  executor.Attach(session, nullptr, &tap, nullptr);
  executor.SetWaitSink(&tap);
  executor.SetSkips(skips_);
  executor.SetExpirePerEntry(expire_per_entry_);
  executor.SetSupportedVersion(UINT16_MAX);
  paxos::Ballot newest;  // of the no-ops so far
  for (paxos::Slot slot = 1; slot < slots_.size() && !report_.failed(); ++slot) {
    const paxos::Value& value = slots_[slot].value;
    const uint64_t items_before = executor.items().applied;
    tap.BeginSlot(slot, slots_[slot].applied_ns);
    executor.Apply(slot, value, false);
    if (value.kind == paxos::EntryKind::kNoop) newest = std::max(newest, value.first_ballot);
    if (value.first_ballot < newest && executor.items().applied != items_before) {
      report_.Fail("void entries", "slot " + std::to_string(slot) + " takes effect, a " +
                                       Describe(value) + " behind a no-op of ballot " +
                                       std::to_string(newest.round));
    }
    if (slots_[slot].has_digest && slots_[slot].digest != executor.digest()) {
      report_.Fail("replay", "the digest at slot " + std::to_string(slot) +
                                 " differs: " + Describe(slots_[slot].value));
    }
  }
  report_.Count("replies compared with a replay", tap.compared());
}

void History::Dump(std::string_view needle) const {
  for (paxos::Slot slot = 1; slot < slots_.size(); ++slot) {
    cluster::EntryHeader entry;
    const auto print = [&](const cluster::ItemHeader& header,
                           const std::vector<std::string_view>& args) {
      std::string line;
      for (std::string_view arg : args) line += " " + std::string(arg.substr(0, 40));
      if (line.find(needle) == std::string::npos) return;
      std::fprintf(stderr, "slot %llu (%s) at %lld ms: node %u boot %u item %llu command %u:%s\n",
                   static_cast<unsigned long long>(slot), Describe(slots_[slot].value).c_str(),
                   static_cast<long long>(entry.elapsed_ms), header.session.node,
                   header.session.boot, static_cast<unsigned long long>(header.sequence),
                   header.command_id, line.c_str());
    };
    if (!ForEachItem(slots_[slot].value, &entry, print))
      std::fprintf(stderr, "slot %llu: %s\n", static_cast<unsigned long long>(slot),
                   Describe(slots_[slot].value).c_str());
  }
}

void History::FindCallsThatWait() {
  for (paxos::Slot slot = 1; slot < slots_.size(); ++slot) {
    cluster::EntryHeader entry;
    ForEachItem(slots_[slot].value, &entry,
                [&](const cluster::ItemHeader& header, const std::vector<std::string_view>& args) {
                  const cluster::Session& session = header.session;
                  if (header.kind == cluster::ItemKind::kWaits) {
                    const auto news = cluster::ReadWaitNews(session, args);
                    if (news && news->what == cluster::WaitNews::What::kPark)
                      calls_.parked.emplace_back(slot, news->owner);
                  }
                  if (session.node == 0) return;
                  calls_.begun.try_emplace({session.node, session.boot}, slot);
                  if (header.kind == cluster::ItemKind::kVoid)
                    voids_[{session.node, session.boot}].insert({slot, header.sequence});
                  if (header.kind != cluster::ItemKind::kCommand || args.size() < 2) return;
                  const auto* spec = commands::Registry::Get().ById(header.command_id);
                  if (spec == nullptr || !spec->MayWait(args)) return;
                  const bool first = spec->name == "BLMPOP";
                  timeouts_[{session.node, session.boot}][header.sequence] =
                      first ? args[1] : args.back();
                });
  }
}

void History::ReplayWatches(WatchTruth* truth) {
  state::Executor executor(hash_seed_);
  executor.Attach({.node = 999, .boot = 1}, nullptr, nullptr, nullptr);
  executor.SetSkips(skips_);
  executor.SetExpirePerEntry(expire_per_entry_);
  executor.SetSupportedVersion(UINT16_MAX);
  executor.news().changes().SetSink(truth);
  executor.news().changes().SetOwnNeeds(true, false);
  for (paxos::Slot slot = 1; slot < slots_.size() && !report_.failed(); ++slot) {
    executor.Apply(slot, slots_[slot].value, false);
    truth->CheckState(std::as_const(executor).store(), slot, &report_);
  }
}

bool History::CheckReplay() {
  for (paxos::Slot slot = 1; slot < slots_.size(); ++slot) {
    // `memory` leaves no trace of the inline path's entries.
    if (!slots_[slot].has_value) return false;
  }
  if (slots_.empty()) return false;
  FindCallsThatWait();
  // Also sessions none of whose clients got an answer.
  for (const auto& [session, timeouts] : timeouts_) replies_.try_emplace(session);
  static const std::map<uint64_t, std::string> kNone;
  if (replies_.empty()) ReplaySession({.node = 999, .boot = 1}, kNone);
  for (const auto& [session, replies] : replies_) {
    if (report_.failed()) return false;
    ReplaySession({.node = session.first, .boot = session.second}, replies);
  }
  return !report_.failed();
}

}  // namespace clustron::sim

// Much at once: clients that send many big values in one go. What matters is what that does to
// links, leader and everybody else (Cluster::CheckFlow); here each value that was acknowledged last
// must be the one that is read, unless a later one may have taken its place.
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

struct Bulk final : Workload {
  const char* name() const override { return "bulk"; }
  void Check(Report*) override {}
};

class BulkActor final : public Actor {
 public:
  BulkActor(World* w, int id, const ClientOptions& client) : Actor(w, id, client) {}

 private:
  static constexpr size_t kKeys = 8;
  static constexpr uint64_t kRead = uint64_t{1} << 63;
  struct Write {
    size_t key;
    std::string text;
    int64_t sent_ns;
  };

  std::string Key(size_t i) const {
    return "bulk:" + std::to_string(client_id_) + ":" + std::to_string(i);
  }
  void Act() override {
    client_id_ = client().id();
    const int64_t count = world().no_bulk ? 1 : rng().Between(1, 60);
    const int64_t size = rng().Between(100, rng().Percent(20) ? 40'000 : 8'000);
    for (int64_t i = 0; i < count; ++i) {
      const size_t key = rng().Below(kKeys);
      std::string text = world().UniqueValue() + ":";
      text.resize(static_cast<size_t>(size), 'x');
      client().Send({"SET", Key(key), text}, writes_.size());
      possible_[key].insert(writes_.size());
      writes_.push_back({key, text.substr(0, text.find(':')), now_ns()});
    }
    Read(rng().Below(kKeys));
  }
  void FinalAct() override {
    client_id_ = client().id();
    if (final_read_ < kKeys) Read(final_read_++);
  }
  void Read(size_t key) { client().Send({"GET", Key(key)}, kRead | key); }

  void Answered(uint64_t tag, const Reply& reply) override {
    const Outcome outcome = Judge(world(), reply);
    if (tag & kRead) {
      if (outcome == Outcome::kReply) Look(tag & ~kRead, reply);
      return;
    }
    std::set<uint64_t>& possible = possible_[writes_[tag].key];
    if (outcome == Outcome::kNo) possible.erase(tag);
    // Whatever was sent before it, and got an answer, is over by now. What nobody knows of may
    // still take effect.
    if (outcome == Outcome::kReply) {
      std::erase_if(possible, [&](uint64_t one) { return one < tag && !unknown_.contains(one); });
    } else if (outcome == Outcome::kUnknown) {
      unknown_.insert(tag);
    }
  }
  void Lost(uint64_t tag) override {
    if (!(tag & kRead)) unknown_.insert(tag);
  }
  void Look(size_t key, const Reply& reply) {
    if (!world().losses.empty()) return;
    const std::set<uint64_t>& possible = possible_[key];
    const std::string text = reply.text.substr(0, reply.text.find(':'));
    for (uint64_t write : possible)
      if (writes_[write].text == text) return;
    // Nothing was certainly written yet.
    bool certain = false;
    for (uint64_t write : possible) certain = certain || !unknown_.contains(write);
    if (text.empty() && !certain) return;
    world().report->Fail("bulk", Key(key) + " holds " + text + ", which was overwritten");
  }

  int client_id_ = 0;
  std::vector<Write> writes_;
  std::set<uint64_t> possible_[kKeys];  // writes that may be what the key holds
  std::set<uint64_t> unknown_;          // … whose outcome nobody knows
  size_t final_read_ = 0;
};

}  // namespace

std::unique_ptr<Workload> MakeBulk(const WorkloadSetup& setup, int actors) {
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<BulkActor>(setup.world, setup.first_actor_id + i, ClientOptions{}));
  }
  return std::make_unique<Bulk>();
}

}  // namespace clustron::sim

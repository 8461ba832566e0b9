// Hashes of a few fields, written and read by several clients.
#include <utility>

#include "base/numeric.h"
#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Model = test::HashModel;

struct Hashes final : Workload {
  struct One {
    std::string key;
    Record<Model::Op> ops = {};
  };
  World* world;
  std::vector<One> hashes;
  size_t next_final = 0;

  explicit Hashes(World* w) : world(w) { hashes.push_back({.key = "hash:0"}); }
  const char* name() const override { return "hashes"; }
  size_t Current() {
    if (hashes.back().ops.size() >= 300) {
      hashes.push_back({.key = "hash:" + std::to_string(hashes.size())});
    }
    return hashes.size() - 1;
  }
  void Check(Report* report) override {
    for (const One& hash : hashes) {
      CheckHistory<Model>(*world, report, hash.key, hash.ops.Kept());
    }
  }
};

bool IsRead(const Model::Op& op) {
  return op.kind == Model::Kind::kGet || op.kind == Model::Kind::kGetAll ||
         op.kind == Model::Kind::kLength;
}

class HashActor final : public Actor {
 public:
  HashActor(World* w, int id, const ClientOptions& client, Hashes* hashes)
      : Actor(w, id, client), hashes_(*hashes) {}

 private:
  void Act() override {
    const int64_t count = rng().Percent(world().burst_percent) ? rng().Between(2, 6) : 1;
    for (int64_t i = 0; i < count; ++i) One(hashes_.Current());
  }
  void FinalAct() override {
    if (hashes_.next_final >= hashes_.hashes.size()) return;
    const size_t hash = hashes_.next_final++;
    Issue(hash, {.kind = Model::Kind::kGetAll}, {"HGETALL", hashes_.hashes[hash].key});
  }
  void One(size_t hash) {
    const std::string key = hashes_.hashes[hash].key;
    const std::string field = "f" + std::to_string(rng().Below(5));
    const std::string number = "n" + std::to_string(rng().Below(2));
    const std::string value = world().UniqueValue();
    switch (rng().Below(12)) {
      case 0:
      case 1:
      case 2:
        Issue(hash, {.kind = Model::Kind::kSet, .field = field, .text = value},
              {"HSET", key, field, value});
        return;
      case 3:
      case 4:
        Issue(hash, {.kind = Model::Kind::kIncrBy, .field = number, .number = 3},
              {"HINCRBY", key, number, "3"});
        return;
      case 5:
        Issue(hash, {.kind = Model::Kind::kDelete, .field = field}, {"HDEL", key, field});
        return;
      case 6:
        if (rng().Percent(30)) {
          Issue(hash, {.kind = Model::Kind::kDrop}, {"DEL", key});
        } else {
          Issue(hash, {.kind = Model::Kind::kLength}, {"HLEN", key});
        }
        return;
      case 7:
      case 8:
        Issue(hash, {.kind = Model::Kind::kGetAll}, {"HGETALL", key});
        return;
      default:
        Issue(hash, {.kind = Model::Kind::kGet, .field = field}, {"HGET", key, field});
    }
  }
  void Issue(size_t hash, Model::Op op, std::initializer_list<std::string_view> args) {
    Hashes::One& one = hashes_.hashes[hash];
    const size_t place = one.ops.Begin(std::move(op), now_ns());
    client().Send(args, (static_cast<uint64_t>(hash) << 32) | place);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    Hashes::One& one = hashes_.hashes[tag >> 32];
    Model::Op& op = one.ops[tag & 0xffffffff];
    switch (Judge(world(), reply)) {
      case Outcome::kNo:
        one.ops.Drop(tag & 0xffffffff);
        return;
      case Outcome::kUnknown:
        Lost(tag);
        return;
      case Outcome::kReply:
        break;
    }
    op.return_ns = now_ns();
    op.answer = reply.ToAnswer();
    for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
      op.all[reply.elements[i].text] = reply.elements[i + 1].text;
    }
  }
  void Lost(uint64_t tag) override {
    Hashes::One& one = hashes_.hashes[tag >> 32];
    if (IsRead(one.ops[tag & 0xffffffff])) one.ops.Drop(tag & 0xffffffff);
  }

  Hashes& hashes_;
};

}  // namespace

std::unique_ptr<Workload> MakeHashes(const WorkloadSetup& setup, int actors) {
  auto hashes = std::make_unique<Hashes>(setup.world);
  for (int i = 0; i < actors; ++i) {
    setup.add(std::make_unique<HashActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                          hashes.get()));
  }
  return hashes;
}

}  // namespace clustron::sim

// Lists: pushed to, popped from, changed in between, elements moved from one to the other, also by
// clients that wait for them; and long lists, which snapshots write in slices.
#include <algorithm>
#include <utility>
#include <vector>

#include "tests/sim/workload.h"

namespace clustron::sim {

namespace {

using Model = test::ListsModel;
using test::Answer;

struct Lists final : Workload {
  // Two lists whose history is judged together.
  struct Pair {
    std::string keys[2];
    Record<Model::Op> ops = {};
  };
  World* world;
  std::vector<Pair> pairs;
  size_t next_final = 0;

  explicit Lists(World* w) : world(w) { AddPair(); }
  const char* name() const override { return "lists"; }
  void AddPair() {
    const std::string base = "list:" + std::to_string(pairs.size());
    pairs.push_back({.keys = {base + "a", base + "b"}});
  }
  size_t Current() {
    if (pairs.back().ops.size() >= 250) AddPair();
    return pairs.size() - 1;
  }
  void Check(Report* report) override {
    for (const Pair& pair : pairs)
      CheckHistory<Model>(*world, report, pair.keys[0], pair.ops.Kept());
  }
};

bool IsRead(const Model::Op& op) {
  return op.kind == Model::Kind::kLength || op.kind == Model::Kind::kAll;
}

constexpr uint64_t kAsked = UINT64_MAX;  // a tag: a question about something else

// Nothing was done: not every member has said yet that its program knows lists, or the reply would
// be longer than item-reply-max is at the time.
bool Refused(const Reply& reply) {
  return reply.IsError("ERR nothing was done") ||
         (reply.IsError("ERR") && reply.text.find("needs feature version") != std::string::npos);
}

class ListActor final : public Actor {
 public:
  ListActor(World* w, int id, const ClientOptions& client, Lists* lists)
      : Actor(w, id, client), lists_(*lists) {}

 private:
  void Act() override {
    // The cluster serves this client, if not with lists.
    if (std::exchange(refused_, false))
      return client().Send({"EXISTS", lists_.pairs[0].keys[0]}, kAsked);
    const int64_t count = rng().Percent(world().burst_percent) ? rng().Between(2, 6) : 1;
    for (int64_t i = 0; i < count; ++i) One(lists_.Current());
  }
  void FinalAct() override {
    if (lists_.next_final >= 2 * lists_.pairs.size()) return;
    const size_t next = lists_.next_final++;
    All(next / 2, static_cast<uint8_t>(next % 2));
  }
  void All(size_t pair, uint8_t list) {
    Issue(pair, {.kind = Model::Kind::kAll, .list = list},
          {"LRANGE", lists_.pairs[pair].keys[list], "0", "-1"});
  }
  void One(size_t pair) {
    const auto list = static_cast<uint8_t>(rng().Below(2));
    const std::string key = lists_.pairs[pair].keys[list];
    const std::string other = lists_.pairs[pair].keys[1 - list];
    const std::string value = world().UniqueValue();
    const bool back = rng().Percent(50);
    const bool to_back = rng().Percent(50);
    const auto end = [](bool at_back) { return at_back ? "RIGHT" : "LEFT"; };
    if (!last_.empty() && rng().Percent(30)) last_ = value;
    switch (rng().Below(20)) {
      case 16:
      case 17:
      case 18:
        return Wait(pair, list, back, to_back);
      case 0:
      case 1:
      case 2:
      case 3:
        last_ = value;
        return Issue(pair, {.kind = Model::Kind::kPush, .list = list, .back = back, .text = value},
                     {back ? "RPUSH" : "LPUSH", key, value});
      case 4:
      case 5:
      case 6:
        return Issue(pair, {.kind = Model::Kind::kPop, .list = list, .back = back},
                     {back ? "RPOP" : "LPOP", key});
      case 7:
      case 8:
        return Issue(pair,
                     {.kind = Model::Kind::kMove, .list = list, .back = back, .to_back = to_back},
                     {"LMOVE", key, other, end(back), end(to_back)});
      case 9:
        return Issue(pair,
                     {.kind = Model::Kind::kRotate, .list = list, .back = true, .to_back = false},
                     {"RPOPLPUSH", key, key});
      case 10:
        return Issue(pair, {.kind = Model::Kind::kRemove, .list = list, .text = last_},
                     {"LREM", key, "0", last_});
      case 11:
        return Issue(pair,
                     {.kind = Model::Kind::kInsert, .list = list, .text = value, .pivot = last_},
                     {"LINSERT", key, "BEFORE", last_, value});
      case 12:
        if (rng().Percent(20))
          return Issue(pair, {.kind = Model::Kind::kDrop, .list = list}, {"DEL", key});
        return Issue(pair, {.kind = Model::Kind::kLength, .list = list}, {"LLEN", key});
      default:
        return All(pair, list);
    }
  }
  // What waits is judged as its like that doesn't: it found an element, or none, at some time
  // between its call and its reply.
  void Wait(size_t pair, uint8_t list, bool back, bool to_back) {
    const std::string& key = lists_.pairs[pair].keys[list];
    const std::string& other = lists_.pairs[pair].keys[1 - list];
    const auto end = [](bool at_back) { return at_back ? "RIGHT" : "LEFT"; };
    const std::string timeout = Timeout();
    switch (rng().Below(6)) {
      case 0:
      case 1:
        return Issue(pair, {.kind = Model::Kind::kPop, .list = list, .back = back},
                     {back ? "BRPOP" : "BLPOP", key, timeout});
      case 2:
        return Issue(pair, {.kind = Model::Kind::kPopEither, .list = list, .back = back},
                     {back ? "BRPOP" : "BLPOP", key, other, timeout});
      case 3:
        return Issue(pair, {.kind = Model::Kind::kPopEither, .list = list, .back = back},
                     {"BLMPOP", timeout, "2", key, other, end(back), "COUNT", "1"});
      case 4:
        return Issue(pair,
                     {.kind = Model::Kind::kMove, .list = list, .back = back, .to_back = to_back},
                     {"BLMOVE", key, other, end(back), end(to_back), timeout});
      default:
        return Issue(pair,
                     {.kind = Model::Kind::kRotate, .list = list, .back = true, .to_back = false},
                     {"BRPOPLPUSH", key, key, timeout});
    }
  }
  // Mostly short. Who would wait for ever leaves at some time.
  std::string Timeout() {
    if (!rng().Percent(10)) return "0." + std::to_string(rng().Between(10, 99));
    if (rng().Percent(50)) return std::to_string(rng().Between(1, 2));
    world().loop->After(rng().Between(10, 3000) * kMillisecond,
                        [this, connection = client().connection()] {
                          if (client().connection() != connection || client().outstanding() == 0)
                            return;
                          world().report->Count("lists: left while waiting");
                          client().HangUp();
                        });
    return "0";
  }
  void Issue(size_t pair, Model::Op op, std::initializer_list<std::string_view> args) {
    const size_t place = lists_.pairs[pair].ops.Begin(std::move(op), now_ns());
    client().Send(args, (static_cast<uint64_t>(pair) << 32) | place);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kAsked) return;
    Lists::Pair& pair = lists_.pairs[tag >> 32];
    refused_ |= Refused(reply);
    if (Refused(reply)) return pair.ops.Drop(tag & 0xffffffff);
    switch (Judge(world(), reply)) {
      case Outcome::kNo:
        return pair.ops.Drop(tag & 0xffffffff);
      case Outcome::kUnknown:
        return Lost(tag);
      case Outcome::kReply:
        break;
    }
    Model::Op& op = pair.ops[tag & 0xffffffff];
    op.return_ns = now_ns();
    op.answer = reply.ToAnswer();
    if (op.kind == Model::Kind::kPop || op.kind == Model::Kind::kPopEither)
      NotePopped(pair, reply, &op);
    for (const Reply& element : reply.elements) op.all.push_back(element.text);
  }
  // [key, element] or [key, [element]].
  void NotePopped(const Lists::Pair& pair, const Reply& reply, Model::Op* op) {
    if (!reply.IsArray(2)) return;
    const Reply& popped = reply.elements[1];
    const bool alone = popped.IsArray(1);
    const std::string& element = alone ? popped.elements[0].text : popped.text;
    const size_t from = reply.elements[0].text == pair.keys[1] ? 1 : 0;
    op->answer = Answer::Text(op->kind == Model::Kind::kPop ? element
                                                            : std::to_string(from) + " " + element);
    if (!alone && !popped.IsBulk()) world().report->Fail("lists", "popped: " + reply.ToString());
  }
  void Lost(uint64_t tag) override {
    if (tag == kAsked) return;
    Lists::Pair& pair = lists_.pairs[tag >> 32];
    if (IsRead(pair.ops[tag & 0xffffffff])) pair.ops.Drop(tag & 0xffffffff);
  }

  Lists& lists_;
  bool refused_ = false;
  std::string last_ = "none";  // pushed, perhaps still there
};

// A queue that one actor fills with numbers, many at once, and another takes them from: long enough
// for several chunks and slices. What is taken off rises, and nothing that was acknowledged is left
// out between two that were taken.
struct LongList final : Workload {
  World* world;
  explicit LongList(World* w) : world(w) {}
  const char* name() const override { return "long list"; }
  void Check(Report*) override {}
};

class LongListActor final : public Actor {
 public:
  LongListActor(World* w, int id, const ClientOptions& client)
      : Actor(w, id, client), key_("queue:" + std::to_string(id)) {}

 private:
  static constexpr size_t kAtOnce = 200;
  static constexpr uint64_t kPush = 1, kPop = 2, kRead = 3;

  void Act() override {
    if (std::exchange(refused_, false)) return client().Send({"EXISTS", key_}, kAsked);
    if (unknown_) return Renew();
    if (length_ < 12 * kAtOnce || rng().Percent(50)) {
      std::vector<std::string> words = {"RPUSH", key_};
      for (size_t i = 0; i < kAtOnce; ++i) words.push_back(Element(next_ + i));
      const std::vector<std::string_view> args(words.begin(), words.end());
      client().Send(args, kPush);
    } else if (rng().Percent(50)) {
      client().Send({"LPOP", key_, std::to_string(kAtOnce)}, kPop);
    } else {
      Read();
    }
  }
  void FinalAct() override {
    if (!unknown_ && length_ > 0 && !std::exchange(read_last_, true)) Read();
  }
  // What a lost request did is not known: from then on another key is used.
  void Renew() {
    unknown_ = false;
    key_ += "'";
    first_ = next_ = 0;
    length_ = 0;
    Act();
  }
  void Read() {
    const size_t from = rng().Below(length_);
    from_ = from;
    client().Send({"LRANGE", key_, std::to_string(from), std::to_string(from + 50)}, kRead);
  }
  static std::string Element(uint64_t number) {
    // Numbers and texts, and now and then one too long to stand among others.
    if (number % 97 == 0) return std::string(300, 'x') + std::to_string(number);
    return number % 2 == 0 ? std::string(60, 'y') + std::to_string(number)
                           : std::to_string(number * 1000);
  }
  void Answered(uint64_t tag, const Reply& reply) override {
    if (tag == kAsked) return;
    refused_ |= Refused(reply);
    if (Refused(reply)) return;
    switch (Judge(world(), reply)) {
      case Outcome::kNo:
        return;
      case Outcome::kUnknown:
        return Lost(tag);
      case Outcome::kReply:
        break;
    }
    if (!world().losses.empty()) {
      unknown_ = true;  // a crash may have taken what was acknowledged
      return;
    }
    switch (tag) {
      case kPush:
        next_ += kAtOnce;
        length_ += kAtOnce;
        if (reply.integer != static_cast<int64_t>(length_)) Wrong("length " + reply.ToString());
        return;
      case kPop:
        Compare(reply, first_, std::min(kAtOnce, length_));
        first_ += std::min(kAtOnce, length_);
        length_ = next_ - first_;
        return;
      default:
        Compare(reply, first_ + from_, std::min<size_t>(51, length_ - from_));
    }
  }
  void Compare(const Reply& reply, uint64_t number, size_t count) {
    if (reply.elements.size() != count)
      return Wrong(std::to_string(reply.elements.size()) + " elements in place of " +
                   std::to_string(count));
    for (size_t i = 0; i < count; ++i)
      if (reply.elements[i].text != Element(number + i))
        return Wrong("element " + std::to_string(number + i) + " is " + reply.elements[i].text);
  }
  void Wrong(const std::string& what) { world().report->Fail("long list", key_ + ": " + what); }
  void Lost(uint64_t tag) override { unknown_ |= tag == kPush || tag == kPop; }

  std::string key_;
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  size_t length_ = 0;
  size_t from_ = 0;
  bool unknown_ = false;
  bool read_last_ = false;
  bool refused_ = false;
};

}  // namespace

std::unique_ptr<Workload> MakeLists(const WorkloadSetup& setup, int actors) {
  auto lists = std::make_unique<Lists>(setup.world);
  for (int i = 0; i < actors; ++i)
    setup.add(std::make_unique<ListActor>(setup.world, setup.first_actor_id + i, ClientOptions{},
                                          lists.get()));
  return lists;
}

std::unique_ptr<Workload> MakeLongList(const WorkloadSetup& setup) {
  setup.add(std::make_unique<LongListActor>(setup.world, setup.first_actor_id, ClientOptions{}));
  return std::make_unique<LongList>(setup.world);
}

}  // namespace clustron::sim

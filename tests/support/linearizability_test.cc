#include "tests/support/linearizability.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/models.h"

namespace clustron::test {
namespace {

using Verdict = LinearizabilityResult::Verdict;
using S = StringsModel;

S::Op One(int64_t call, int64_t ret, S::Command command) {
  S::Op op;
  op.call_ns = call;
  op.return_ns = ret;
  op.commands.push_back(std::move(command));
  return op;
}
S::Op Set(int64_t call, int64_t ret, std::string value) {
  return One(call, ret, {.kind = S::Kind::kSet, .text = std::move(value), .answer = Answer::Ok()});
}
S::Op Get(int64_t call, int64_t ret, Answer answer) {
  return One(call, ret, {.kind = S::Kind::kGet, .answer = std::move(answer)});
}
S::Op Incr(int64_t call, int64_t ret, int64_t result) {
  return One(call, ret, {.kind = S::Kind::kIncrBy, .number = 1, .answer = Answer::Integer(result)});
}
Verdict Judge(const std::vector<S::Op>& ops) { return CheckLinearizable<S>(ops).verdict; }

TEST_CASE("a sequential history is linearizable; a read of an old value is not") {
  CHECK(Judge({}) == Verdict::kYes);
  CHECK(Judge({Get(0, 1, Answer::Nil()), Set(2, 3, "a"), Get(4, 5, Answer::Text("a"))}) ==
        Verdict::kYes);
  CHECK(Judge({Set(0, 1, "a"), Set(2, 3, "b"), Get(4, 5, Answer::Text("a"))}) == Verdict::kNo);
  CHECK(Judge({Set(0, 1, "a"), Get(2, 3, Answer::Nil())}) == Verdict::kNo);
  CHECK(Judge({Get(0, 1, Answer::Text("a")), Set(2, 3, "a")}) == Verdict::kNo);
}

TEST_CASE("overlapping operations may go in either order, but for all readers in the same") {
  CHECK(Judge({Set(0, 10, "a"), Set(0, 10, "b"), Get(11, 12, Answer::Text("a"))}) == Verdict::kYes);
  CHECK(Judge({Set(0, 10, "a"), Set(0, 10, "b"), Get(11, 12, Answer::Text("b"))}) == Verdict::kYes);
  CHECK(Judge({Set(0, 10, "a"), Set(0, 10, "b"), Get(11, 12, Answer::Text("a")),
               Get(13, 14, Answer::Text("b"))}) == Verdict::kNo);
  // Two readers within the write: once seen, always seen.
  CHECK(Judge({Set(0, 10, "a"), Get(1, 2, Answer::Text("a")), Get(3, 4, Answer::Nil())}) ==
        Verdict::kNo);
  CHECK(Judge({Set(0, 10, "a"), Get(1, 2, Answer::Nil()), Get(3, 4, Answer::Text("a"))}) ==
        Verdict::kYes);
}

TEST_CASE("intervals are closed: touching operations overlap") {
  CHECK(Judge({Set(0, 5, "a"), Get(5, 6, Answer::Nil())}) == Verdict::kYes);
  CHECK(Judge({Set(0, 5, "a"), Get(6, 7, Answer::Nil())}) == Verdict::kNo);
}

TEST_CASE("an unknown outcome happens at any time after its call, once, or never") {
  CHECK(Judge({Set(0, kNever, "a"), Get(5, 6, Answer::Nil()), Get(100, 101, Answer::Nil())}) ==
        Verdict::kYes);
  CHECK(Judge({Set(0, kNever, "a"), Get(5, 6, Answer::Nil()), Get(100, 101, Answer::Text("a"))}) ==
        Verdict::kYes);
  CHECK(Judge({Get(5, 6, Answer::Text("a")), Set(7, kNever, "a")}) == Verdict::kNo);
  CHECK(Judge({Set(0, kNever, "a"), Get(5, 6, Answer::Text("a")), Set(7, 8, "b"),
               Get(9, 10, Answer::Text("a"))}) == Verdict::kNo);
  CHECK(Judge({Incr(0, kNever, 0), Incr(1, 2, 1), Incr(3, 4, 3)}) == Verdict::kYes);
  CHECK(Judge({Incr(0, kNever, 0), Incr(1, 2, 1), Incr(3, 4, 4)}) == Verdict::kNo);
}

TEST_CASE("a lost update and a doubled increment are found") {
  CHECK(Judge({Incr(0, 10, 1), Incr(0, 10, 2)}) == Verdict::kYes);
  CHECK(Judge({Incr(0, 10, 1), Incr(0, 10, 1)}) == Verdict::kNo);
  CHECK(Judge({Incr(0, 1, 1), Incr(2, 3, 3)}) == Verdict::kNo);
}

TEST_CASE("a key is not gone before its time, and does not come back") {
  const auto set = [](int64_t call, int64_t ret, int64_t from) {
    return One(
        call, ret,
        {.kind = S::Kind::kSetExpire, .text = "a", .expire_from = from, .answer = Answer::Ok()});
  };
  CHECK(Judge({set(0, 1, 100), Get(98, 99, Answer::Nil())}) == Verdict::kNo);
  CHECK(Judge({set(0, 1, 100), Get(98, 100, Answer::Nil())}) == Verdict::kYes);
  CHECK(Judge({set(0, 1, 100), Get(500, 501, Answer::Text("a"))}) == Verdict::kYes);
  CHECK(Judge({set(0, 1, 100), Get(101, 102, Answer::Nil()), Get(103, 104, Answer::Text("a"))}) ==
        Verdict::kNo);
  CHECK(EarliestEnd(0, 1000, 0.0) == 998'000'000);
  CHECK(EarliestEnd(0, 1000, 0.01) < 990'000'000);
}

TEST_CASE("conditions guard a transaction: a broken WATCH that committed is found") {
  S::Op transfer;
  transfer.call_ns = 10;
  transfer.return_ns = 20;
  transfer.conditions = {{.key = 0, .present = true, .value = "5"}};
  transfer.commands = {{.kind = S::Kind::kSet, .key = 0, .text = "4", .answer = Answer::Ok()},
                       {.kind = S::Kind::kSet, .key = 1, .text = "1", .answer = Answer::Ok()}};
  S::Op both;
  both.call_ns = 30;
  both.return_ns = 40;
  both.commands = {{.kind = S::Kind::kGet, .key = 0, .answer = Answer::Text("4")},
                   {.kind = S::Kind::kGet, .key = 1, .answer = Answer::Text("1")}};
  CHECK(Judge({Set(0, 1, "5"), transfer, both}) == Verdict::kYes);
  CHECK(Judge({Set(0, 1, "6"), transfer, both}) == Verdict::kNo);
  S::Op half = both;
  half.commands[1].answer = Answer::Nil();
  CHECK(Judge({Set(0, 1, "5"), transfer, half}) == Verdict::kNo);
  transfer.conditions_held = false;
  CHECK(Judge({Set(0, 1, "6"), transfer}) == Verdict::kYes);
  CHECK(Judge({Set(0, 1, "5"), transfer}) == Verdict::kNo);
  transfer.may_fail_spuriously = true;
  CHECK(Judge({Set(0, 1, "5"), transfer}) == Verdict::kYes);
}

TEST_CASE("a hash remembers its fields") {
  using H = HashModel;
  const auto op = [](int64_t t, H::Kind kind, std::string field, std::string text, Answer answer) {
    H::Op o;
    o.call_ns = t;
    o.return_ns = t;
    o.kind = kind;
    o.field = std::move(field);
    o.text = std::move(text);
    o.answer = std::move(answer);
    return o;
  };
  std::vector<H::Op> ops = {op(1, H::Kind::kSet, "f", "1", Answer::Integer(1)),
                            op(2, H::Kind::kSet, "f", "2", Answer::Integer(0)),
                            op(3, H::Kind::kSet, "g", "3", Answer::Integer(1)),
                            op(4, H::Kind::kDelete, "f", "", Answer::Integer(1)),
                            op(5, H::Kind::kLength, "", "", Answer::Integer(1)),
                            op(6, H::Kind::kGetAll, "", "", {})};
  ops.back().all = {{"g", "3"}};
  CHECK(CheckLinearizable<H>(ops).verdict == Verdict::kYes);
  ops.back().all = {{"f", "2"}, {"g", "3"}};
  CHECK(CheckLinearizable<H>(ops).verdict == Verdict::kNo);
}

using L = LockModel;
L::Op Acquire(int64_t call, int64_t ret, std::string owner, int64_t token, int64_t expire_from) {
  L::Op op;
  op.call_ns = call;
  op.return_ns = ret;
  op.owner = std::move(owner);
  op.token = token;
  op.expire_from = expire_from;
  op.done = true;
  return op;
}
L::Op LockOp(int64_t call, int64_t ret, L::Kind kind, int64_t token, bool done,
             std::string text = "") {
  L::Op op;
  op.call_ns = call;
  op.return_ns = ret;
  op.kind = kind;
  op.token = token;
  op.done = done;
  op.text = std::move(text);
  return op;
}
Verdict Judge(const std::vector<L::Op>& ops) { return CheckLinearizable<L>(ops).verdict; }

TEST_CASE("a lock is held by one at a time, until released or expired") {
  const L::Op first = Acquire(0, 1, "a", 5, 100);
  CHECK(Judge({first, Acquire(2, 3, "b", 6, 100)}) == Verdict::kNo);
  CHECK(Judge({first, Acquire(99, 101, "b", 6, 200)}) == Verdict::kYes);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kRelease, 5, true), Acquire(4, 5, "b", 6, 200)}) ==
        Verdict::kYes);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kRelease, 5, true), Acquire(4, 5, "b", 5, 200)}) ==
        Verdict::kNo);                                                 // tokens rise
  CHECK(Judge({first, Acquire(2, 3, "a", 5, 200)}) == Verdict::kYes);  // the same attempt
  CHECK(Judge({first, Acquire(2, 3, "a", 6, 200)}) == Verdict::kNo);
  L::Op renew = LockOp(50, 60, L::Kind::kRenew, 5, true);
  renew.expire_from = 300;
  CHECK(Judge({first, renew, Acquire(200, 201, "b", 6, 400)}) == Verdict::kNo);
  CHECK(Judge({first, renew, Acquire(200, 300, "b", 6, 400)}) == Verdict::kYes);
}

TEST_CASE("a guarded key changes under its token only") {
  const L::Op first = Acquire(0, 1, "a", 5, 100);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kPlainSet, 0, true, "x")}) == Verdict::kNo);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kPlainSet, 0, false, "x")}) == Verdict::kYes);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kDoSet, 4, true, "x")}) == Verdict::kNo);
  L::Op get = LockOp(4, 5, L::Kind::kGet, 0, false);
  get.answer = Answer::Text("x");
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kDoSet, 5, true, "x"), get}) == Verdict::kYes);
  CHECK(Judge({first, LockOp(2, 3, L::Kind::kDoSet, 5, false, "x")}) == Verdict::kNo);
  // Granted to somebody who never heard of it: held all the same.
  L::Op lost = Acquire(0, kNever, "z", 0, 100);
  L::Op refused = Acquire(2, 3, "b", 0, 0);
  refused.done = false;
  refused.holder_token = 7;
  CHECK(Judge({lost, refused, Acquire(4, 5, "c", 6, 200)}) == Verdict::kNo);
  CHECK(Judge({lost, refused, Acquire(99, 120, "c", 8, 200)}) == Verdict::kYes);
  CHECK(Judge({refused}) == Verdict::kNo);
}

TEST_CASE("a lease's keys end together and not early") {
  using E = LeaseModel;
  const auto op = [](int64_t call, int64_t ret, E::Kind kind, bool done, int64_t expire_from = 0) {
    E::Op o;
    o.call_ns = call;
    o.return_ns = ret;
    o.kind = kind;
    o.done = done;
    o.expire_from = expire_from;
    o.text = "v";
    return o;
  };
  const auto read = [&](int64_t call, int64_t ret, bool first, bool second) {
    E::Op o = op(call, ret, E::Kind::kRead, true);
    o.first = first ? Answer::Text("v") : Answer::Nil();
    o.second = second ? Answer::Text("v") : Answer::Nil();
    return o;
  };
  const std::vector<E::Op> start = {op(0, 1, E::Kind::kGrant, true, 100),
                                    op(2, 3, E::Kind::kDoSet, true)};
  const auto judge = [&](std::vector<E::Op> more) {
    std::vector<E::Op> ops = start;
    ops.insert(ops.end(), more.begin(), more.end());
    return CheckLinearizable<E>(ops).verdict;
  };
  CHECK(judge({read(4, 5, true, true)}) == Verdict::kYes);
  CHECK(judge({read(4, 5, true, false)}) == Verdict::kNo);
  CHECK(judge({read(4, 5, false, false)}) == Verdict::kNo);
  CHECK(judge({read(99, 101, false, false)}) == Verdict::kYes);
  CHECK(judge({op(50, 60, E::Kind::kKeepAlive, true, 300), read(150, 160, false, false)}) ==
        Verdict::kNo);
  CHECK(judge({op(50, kNever, E::Kind::kKeepAlive, true, 300), read(150, 160, false, false)}) ==
        Verdict::kYes);
  CHECK(judge({op(4, 5, E::Kind::kRevoke, true), read(6, 7, false, false)}) == Verdict::kYes);
  CHECK(judge({op(4, 5, E::Kind::kRevoke, true), read(6, 7, true, true)}) == Verdict::kNo);
  CHECK(judge({op(99, 120, E::Kind::kDoSet, false), read(121, 122, true, true)}) == Verdict::kNo);
}

// Every order that respects the intervals, with every subset of the unknown ones.
bool BruteForce(const std::vector<S::Op>& ops) {
  std::vector<size_t> order(ops.size());
  std::iota(order.begin(), order.end(), size_t{0});
  do {
    std::vector<S::State> states = {S::Initial()};
    std::vector<S::State> next;
    for (size_t i = 0; i < order.size() && !states.empty(); ++i) {
      bool in_time = true;
      for (size_t j = i + 1; j < order.size(); ++j) {
        in_time = in_time && ops[order[j]].return_ns >= ops[order[i]].call_ns;
      }
      next.clear();
      if (in_time) {
        for (const S::State& s : states) S::Step(s, ops[order[i]], &next);
      }
      // "Never" for an unknown one: it stands anywhere and does nothing.
      if (ops[order[i]].return_ns == kNever) next.insert(next.end(), states.begin(), states.end());
      states = next;
    }
    if (!states.empty()) return true;
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

TEST_CASE("verdicts equal those of trying every order") {
  int yes = 0;
  int no = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    std::vector<S::Op> ops;
    const int count = static_cast<int>(rng.Between(2, 6));
    for (int i = 0; i < count; ++i) {
      const int64_t call = rng.Between(0, 12);
      const int64_t ret = rng.Percent(20) ? kNever : call + rng.Between(0, 6);
      const std::string value = std::to_string(rng.Between(1, 3));
      switch (rng.Below(5)) {
        case 0:
          ops.push_back(Set(call, ret, value));
          break;
        case 1:
          ops.push_back(Incr(call, ret, rng.Between(1, 3)));
          break;
        case 2:
          ops.push_back(One(
              call, ret, {.kind = S::Kind::kDelete, .answer = Answer::Integer(rng.Between(0, 1))}));
          break;
        case 3:
          ops.push_back(One(call, ret,
                            {.kind = S::Kind::kSetExpire,
                             .text = value,
                             .expire_from = call + 3,
                             .answer = Answer::Ok()}));
          break;
        default:
          ops.push_back(Get(call, call + 3, rng.Percent(30) ? Answer::Nil() : Answer::Text(value)));
      }
    }
    const bool expected = BruteForce(ops);
    const Verdict verdict = Judge(ops);
    CHECK(verdict == (expected ? Verdict::kYes : Verdict::kNo));
    (expected ? yes : no) += 1;
  }
  CHECK(yes > 50);
  CHECK(no > 50);
}

TEST_CASE("long histories with some overlap are judged quickly, and one wrong read is found") {
  Rng rng(11);
  std::vector<S::Op> ops;
  std::string value;
  int64_t t = 0;
  for (int i = 0; i < 2000; ++i) {
    // A true order at moment t, with intervals reaching a little to both sides.
    t += 10;
    const int64_t call = t - rng.Between(0, 30);
    const int64_t ret = t + rng.Between(0, 30);
    if (rng.Percent(50)) {
      value = std::to_string(i);
      ops.push_back(Set(call, rng.Percent(3) ? kNever : ret, value));
    } else {
      ops.push_back(Get(call, ret, value.empty() ? Answer::Nil() : Answer::Text(value)));
    }
  }
  LinearizabilityResult result = CheckLinearizable<S>(ops);
  CHECK(result.verdict == Verdict::kYes);
  CHECK(result.steps < 100'000);
  for (size_t i = 1500; i < ops.size(); ++i) {
    if (ops[i].commands[0].kind != S::Kind::kGet) continue;
    ops[i].commands[0].answer = Answer::Text("never written");
    break;
  }
  result = CheckLinearizable<S>(ops);
  CHECK(result.verdict == Verdict::kNo);
  CHECK(result.explanation.find("never written") != std::string::npos);
}

TEST_CASE("a search that takes too long gives no verdict") {
  std::vector<S::Op> ops;
  for (int i = 0; i < 20; ++i) {
    ops.push_back(
        One(0, 100, {.kind = S::Kind::kAppend, .text = "a", .answer = Answer::Integer(i + 1)}));
    ops.push_back(Set(0, 100, std::to_string(i)));
  }
  ops.push_back(Get(101, 102, Answer::Text("x")));
  CHECK(CheckLinearizable<S>(ops, 1000).verdict == Verdict::kUndecided);
}

}  // namespace
}  // namespace clustron::test

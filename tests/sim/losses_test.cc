#include "tests/sim/losses.h"

#include <doctest/doctest.h>

namespace clustron::sim {
namespace {

using Model = test::StringsModel;

Model::Op Op(int64_t call, int64_t ret, Model::Kind kind, test::Answer answer) {
  Model::Op op;
  op.call_ns = call;
  op.return_ns = ret;
  op.commands.push_back({.kind = kind, .text = "v", .answer = std::move(answer)});
  return op;
}

// A set that is read back; a crash; nothing is there any more.
const std::vector<Model::Op> kSetThenGone = {
    Op(10, 20, Model::Kind::kSet, test::Answer::Ok()),
    Op(30, 40, Model::Kind::kGet, test::Answer::Text("v")),
    Op(130, 140, Model::Kind::kGet, test::Answer::Nil()),
};

bool Linearizable(const Losses& losses, const std::vector<Model::Op>& ops) {
  for (const auto& part : WithLosses(losses, ops)) {
    const auto verdict = test::CheckLinearizable<Model>(part, 10'000).verdict;
    if (verdict != test::LinearizabilityResult::Verdict::kYes) return false;
  }
  return true;
}

TEST_CASE("what was answered before the first lost slot must have stayed") {
  CHECK_FALSE(Linearizable({}, kSetThenGone));
  CHECK_FALSE(Linearizable({{.from_ns = 21, .crash_ns = 100}}, kSetThenGone));
  CHECK(Linearizable({{.from_ns = 15, .crash_ns = 100}}, kSetThenGone));
}

TEST_CASE("what was asked after a crash is not lost in it") {
  CHECK_FALSE(Linearizable({{.from_ns = 1, .crash_ns = 9}}, kSetThenGone));
}

TEST_CASE("what may have been forgotten may also have stayed") {
  std::vector<Model::Op> ops = kSetThenGone;
  ops.back() = Op(130, 140, Model::Kind::kGet, test::Answer::Text("v"));
  CHECK(Linearizable({{.from_ns = 15, .crash_ns = 100}}, ops));
}

TEST_CASE("an empty start is a history of its own") {
  const Losses losses = {{.crash_ns = 100, .everything = true}};
  CHECK(Linearizable(losses, kSetThenGone));
  std::vector<Model::Op> ops = kSetThenGone;
  ops.back() = Op(130, 140, Model::Kind::kGet, test::Answer::Text("v"));
  CHECK_FALSE(Linearizable(losses, ops));
}

}  // namespace
}  // namespace clustron::sim

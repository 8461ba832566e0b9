#include "base/chunked_stack.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "base/rng.h"

namespace clustron {
namespace {

TEST_CASE("a chunked stack is a stack, and what lies on it stays where it is") {
  Rng rng(5);
  ChunkedStack<std::unique_ptr<uint64_t>, 8> stack;
  std::vector<std::pair<uint64_t, const void*>> model;
  for (int step = 0; step < 20'000; step++) {
    const bool grows = step / 500 % 2 == 0;
    if (model.empty() || rng.Below(10) < (grows ? 8U : 2U)) {
      const uint64_t value = rng.Next();
      stack.emplace_back(std::make_unique<uint64_t>(value));
      model.emplace_back(value, &stack.back());
    } else {
      stack.pop_back();
      model.pop_back();
    }
    REQUIRE(stack.size() == model.size());
    REQUIRE(stack.empty() == model.empty());
    CHECK(stack.capacity() >= stack.size());
    CHECK(stack.capacity() <= stack.size() + 16);
    if (model.empty()) continue;
    const size_t at = rng.Below(model.size());
    CHECK(*stack[at] == model[at].first);
    CHECK(&stack[at] == model[at].second);
  }
  while (stack.size() < 20) stack.emplace_back(std::make_unique<uint64_t>(7));
  const size_t size = stack.size();
  const void* first = &stack[0];
  ChunkedStack<std::unique_ptr<uint64_t>, 8> taken(std::move(stack));
  CHECK(taken.size() == size);
  CHECK(&taken[0] == first);
  CHECK(stack.empty());
  CHECK(stack.capacity() == 0);
  stack.emplace_back(nullptr);
  CHECK(stack.size() == 1);
}

}  // namespace
}  // namespace clustron

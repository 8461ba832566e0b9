#include "store/index/posting_tree.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "base/rng.h"

namespace clustron::store {

namespace {

struct ByNumber {
  static bool Less(double a, double b) { return a < b; }
  static bool Equal(double a, double b) { return a == b; }
};
using Tree = PostingTree<double, ByNumber>;
using Pair = std::pair<double, uint32_t>;

std::vector<Pair> Pairs(const Tree& tree, Tree::Place from, uint64_t count) {
  std::vector<Pair> pairs;
  tree.ForEach(from, count, [&](double key, uint32_t id) { pairs.emplace_back(key, id); });
  return pairs;
}

Tree::Place SeekTo(const Tree& tree, double value) {
  return tree.Seek([&](double key, uint32_t) { return key < value; });
}

void CheckEqual(const Tree& tree, const std::set<Pair>& model) {
  tree.CheckInvariants();
  REQUIRE(tree.size() == model.size());
  const std::vector<Pair> all = Pairs(tree, tree.At(0), tree.size());
  CHECK(std::equal(all.begin(), all.end(), model.begin(), model.end()));
}

void CheckRange(const Tree& tree, const std::set<Pair>& model, double low, double high) {
  const Tree::Place from = SeekTo(tree, low);
  const Tree::Place to = SeekTo(tree, high);
  const auto begin = model.lower_bound({low, 0});
  const auto end = model.lower_bound({high, 0});
  REQUIRE(to.rank - from.rank == static_cast<uint64_t>(std::distance(begin, end)));
  const std::vector<Pair> range = Pairs(tree, from, to.rank - from.rank);
  CHECK(std::equal(range.begin(), range.end(), begin, end));
  const Tree::Place at = tree.At(from.rank);
  CHECK(at.leaf == from.leaf);
  CHECK(at.at == from.at);
}

}  // namespace

TEST_CASE("postings: random pairs as in a set, through growth and shrinking") {
  Rng rng(7);
  Tree tree;
  std::set<Pair> model;
  for (int phase = 0; phase < 6; phase++) {
    const unsigned insert_percent = phase % 2 == 0 ? 80 : 15;
    const uint64_t values = phase < 2 ? 5 : 3000;
    for (int i = 0; i < 8000; i++) {
      const Pair pair(static_cast<double>(rng.Below(values)),
                      static_cast<uint32_t>(rng.Below(phase < 4 ? 20'000 : 40)));
      const bool there = model.contains(pair);
      if (!there && rng.Percent(insert_percent)) {
        tree.Insert(pair.first, pair.second);
        model.insert(pair);
      } else if (!model.empty()) {
        const auto it = there ? model.find(pair) : std::prev(model.end());
        tree.Erase(it->first, it->second);
        model.erase(it);
      }
    }
    CheckEqual(tree, model);
    CheckRange(tree, model, 0, 2);
    CheckRange(tree, model, 1, 1500);
    CheckRange(tree, model, 2999, 5000);
    CheckRange(tree, model, 7, 7);
  }
  while (!model.empty()) {
    const auto it = std::next(model.begin(), static_cast<long>(rng.Below(model.size()) / 2));
    tree.Erase(it->first, it->second);
    model.erase(it);
    if (model.size() % 500 == 0) CheckEqual(tree, model);
  }
  CHECK(tree.size() == 0);
}

TEST_CASE(
    "postings: pairs that come in order fill their leaves; from one end to the other they go") {
  Tree tree;
  std::set<Pair> model;
  const size_t before = allocated_bytes;
  for (uint32_t i = 0; i < 50'000; i++) {
    tree.Insert(i, i);
    model.emplace(i, i);
  }
  CheckEqual(tree, model);
  CHECK((allocated_bytes - before) / 50'000 <= 13);
  for (uint32_t i = 0; i < 50'000; i++) {
    tree.Erase(i, i);
    if (i % 5000 == 0) tree.CheckInvariants();
  }
  CHECK(tree.size() == 0);
  CHECK(allocated_bytes == before);
  for (uint32_t i = 0; i < 20'000; i++) tree.Insert(-static_cast<double>(i), i);
  tree.CheckInvariants();
  for (uint32_t i = 0; i < 20'000; i++) {
    tree.Erase(-static_cast<double>(i), i);
    if (i % 5000 == 0) tree.CheckInvariants();
  }
  CHECK(allocated_bytes == before);
}

TEST_CASE("postings: a tree is freed in slices, and every key is handed back") {
  const size_t before = allocated_bytes;
  {
    Tree tree;
    for (uint32_t i = 0; i < 10'000; i++) tree.Insert(i % 100, i);
    size_t dropped = 0;
    const auto drop = [&](double) { dropped++; };
    CHECK(tree.FreeSome(1000, drop));
    CHECK(dropped >= 1000);
    CHECK(dropped < 1200);
    while (tree.FreeSome(1000, drop)) {
    }
    CHECK(dropped == 10'000);
  }
  CHECK(allocated_bytes == before);
}

}  // namespace clustron::store

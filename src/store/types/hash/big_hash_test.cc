// Hash values against a vector that keeps the order that history must give.
#include "store/types/hash/big_hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/alloc.h"
#include "store/types/hash/hash_value.h"
#include "store/types/hash/hash_word.h"

namespace clustron::store {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields All(const HashValue& h) {
  Fields out;
  h.ForEach([&](FieldValue fv) { out.emplace_back(fv.field, fv.value); });
  return out;
}

class Modelled {
 public:
  Modelled() : word_(HashWord::New()) {}
  ~Modelled() { HashWord::Destroy(word_); }
  Modelled(const Modelled&) = delete;
  Modelled& operator=(const Modelled&) = delete;

  HashValue& h() { return HashWord::From(&word_); }
  void Set(const std::string& field, const std::string& value, HashUndo* undo = nullptr) {
    const auto it = Find(field);
    const bool added = it == fields.end();
    if (added) {
      fields.emplace_back(field, value);
    } else {
      it->second = value;
    }
    if (fields.size() > kLimits.packed_fields_max ||
        std::max(field.size(), value.size()) > kLimits.packed_value_bytes_max) {
      big = true;
    }
    REQUIRE(HashWord::Set(h(), field, value, kLimits, 5, undo) == added);
  }
  void Remove(const std::string& field, HashUndo* undo = nullptr) {
    const auto it = Find(field);
    const bool there = it != fields.end();
    if (there && big) {
      *it = fields.back();
      fields.pop_back();
    } else if (there) {
      fields.erase(it);
    }
    REQUIRE(HashWord::Remove(h(), field, undo) == there);
  }
  void Compare() {
    REQUIRE(h().size() == fields.size());
    REQUIRE(h().packed() == !big);
    REQUIRE(All(h()) == fields);
    for (size_t i = 0; i < fields.size(); i++) {
      REQUIRE(h().At(i).field == fields[i].first);
      REQUIRE(h().Get(fields[i].first) == fields[i].second);
    }
    REQUIRE_FALSE(h().Has("no such field"));
  }

  static constexpr HashLimits kLimits{.packed_fields_max = 10, .packed_value_bytes_max = 12};
  Fields fields;
  bool big = false;

 private:
  Fields::iterator Find(const std::string& field) {
    return std::find_if(fields.begin(), fields.end(),
                        [&](const auto& f) { return f.first == field; });
  }
  uintptr_t word_;
};

TEST_CASE("hash agrees with a model that keeps its order, packed and as a table") {
  for (uint64_t seed = 1; seed <= 8; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    Modelled m;
    const uint64_t range = seed % 2 == 0 ? 9 : 800;
    for (int i = 0; i < 4000; i++) {
      const std::string field = "f" + std::to_string(rng.Below(range));
      if (rng.Percent(i % 1000 < 500 ? 70 : 30)) {
        const size_t size = rng.Below(seed % 4 == 0 ? 13 : 20);
        m.Set(field, std::string(size, static_cast<char>('a' + rng.Below(26))));
      } else {
        m.Remove(field);
      }
      if (i % 100 == 0) m.Compare();
    }
    m.Compare();
  }
}

TEST_CASE("undoing changes backwards restores content, order and encoding") {
  for (uint64_t seed = 1; seed <= 30; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    Modelled m;
    for (uint64_t i = rng.Below(40); i > 0; i--) {
      m.Set("f" + std::to_string(rng.Below(30)), std::to_string(i));
    }
    const Fields before = m.fields;
    const bool was_big = m.big;
    std::deque<HashUndo> undos;
    for (int i = 0; i < 100; i++) {
      HashUndo undo;
      const std::string field = "f" + std::to_string(rng.Below(30));
      if (rng.Percent(50)) {
        m.Set(field, std::string(rng.Below(14), 'z'), &undo);
      } else {
        m.Remove(field, &undo);
      }
      undos.push_back(std::move(undo));
    }
    m.Compare();
    if (rng.Percent(80)) {
      for (; !undos.empty(); undos.pop_back()) HashWord::Undo(m.h(), undos.back());
      m.fields = before;
      m.big = was_big;
    }
    m.Compare();
  }
}

TEST_CASE("HSCAN returns every field that is there throughout") {
  Modelled m;
  for (int i = 0; i < 500; i++) m.Set("stay" + std::to_string(i), "v");
  std::set<std::string> seen;
  uint64_t cursor = 0;
  int round = 0;
  do {
    cursor = m.h().Scan(cursor, 10, [&](FieldValue fv) { seen.emplace(fv.field); });
    for (int i = 0; i < 200; i++) {
      const std::string field = "come" + std::to_string(i) + "." + std::to_string(round % 5);
      round % 10 < 5 ? m.Set(field, "v") : m.Remove(field);
    }
    round++;
  } while (cursor != 0);
  for (int i = 0; i < 500; i++) CHECK(seen.contains("stay" + std::to_string(i)));
}

TEST_CASE("a frozen hash stays as it was, and a copy goes its own way") {
  Modelled m;
  for (int i = 0; i < 2000; i++) m.Set("f" + std::to_string(i), std::to_string(i));
  BigHash& big = *HashWord::Big(*reinterpret_cast<uintptr_t*>(&m.h()));
  const Fields before = m.fields;
  const HashFreeze freeze = big.Freeze();
  uintptr_t copy_word = HashWord::Copy(m.h());
  HashValue& copy = HashWord::From(&copy_word);
  for (int i = 0; i < 1500; i++) {
    m.Remove("f" + std::to_string(i));
    m.Set("g" + std::to_string(i), "new");
  }
  m.Compare();
  CHECK(All(copy) == before);
  HashWord::Set(copy, "only in the copy", "1", Modelled::kLimits, 5, nullptr);
  HashWord::Remove(copy, "f3", nullptr);
  CHECK(copy.Get("f4") == "4");
  m.Compare();
  HashWord::Destroy(copy_word);
  Fields frozen;
  for (size_t c = 0; c < freeze.chunk_count(); c++) {
    for (uint32_t i = 0; i < freeze.chunk(c).count; i++) {
      frozen.emplace_back(freeze.chunk(c).items[i]->field(), freeze.chunk(c).items[i]->value());
    }
  }
  CHECK(frozen == before);
}

TEST_CASE("a hash gives all of its memory back, and says how much it has") {
  const size_t before = allocated_bytes;
  {
    Modelled m;
    for (int i = 0; i < 5000; i++) {
      const std::string field = "f" + std::to_string(i);
      HashWord::Set(m.h(), field, std::string(50, 'v'), Modelled::kLimits, 5, nullptr);
    }
    const size_t used = allocated_bytes - before;
    CHECK(m.h().MemoryUsage() > used * 95 / 100);
    CHECK(m.h().MemoryUsage() < used * 105 / 100);
  }
  CHECK(allocated_bytes == before);
}

}  // namespace
}  // namespace clustron::store

// Lists against a deque, through every change and back; where they turn from one form to another.
#include "store/types/list/list_value.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/alloc.h"
#include "store/types/list/big_list.h"
#include "store/types/list/list_word.h"

namespace clustron::store {
namespace {

using Strings = std::deque<std::string>;

Strings All(const ListValue& list) {
  Strings out;
  list.ForEach(0, [&](const ListElement& element) {
    NumberText room;
    out.emplace_back(element.View(room));
    return true;
  });
  return out;
}

Strings AllBack(const ListValue& list) {
  Strings out;
  if (list.size() == 0) return out;
  list.ForEachBack(list.size() - 1, [&](const ListElement& element) {
    NumberText room;
    out.emplace_front(element.View(room));
    return true;
  });
  return out;
}

class Modelled {
 public:
  explicit Modelled(ListEnd grows = ListEnd::kBack) : word_(ListWord::New(grows)) {}
  ~Modelled() { ListWord::Destroy(word_); }
  Modelled(const Modelled&) = delete;
  Modelled& operator=(const Modelled&) = delete;

  ListValue& list() { return ListWord::From(&word_); }

  void Insert(size_t index, const std::string& text) {
    ListWord::Insert(list(), index, EncodedElement(text));
    model.insert(At(index), text);
  }
  void Erase(size_t index) {
    ListWord::Erase(list(), index);
    model.erase(At(index));
  }
  void EraseEqual(std::string text, size_t limit, bool from_back) {
    size_t expected = 0;
    while (expected < limit) {
      auto it = std::find(model.begin(), model.end(), text);
      if (from_back) {
        const auto back = std::find(model.rbegin(), model.rend(), text);
        it = back == model.rend() ? model.end() : std::prev(back.base());
      }
      if (it == model.end()) break;
      model.erase(it);
      expected++;
    }
    REQUIRE(ListWord::EraseEqual(list(), EncodedElement(text), limit, from_back) == expected);
  }
  void Cut(ListEnd end, size_t count) {
    const Strings gone = end == ListEnd::kFront ? Strings(model.begin(), At(count))
                                                : Strings(At(model.size() - count), model.end());
    const std::unique_ptr<BigList> cut = ListWord::Cut(list(), end, count);
    if (cut != nullptr) {
      REQUIRE(cut->size() == count);
      uint64_t bytes = 0;
      for (const std::string& text : gone) bytes += ListpackBytes(text);
      REQUIRE(cut->listpack_bytes() == bytes);
      while (cut->FreeSome(7)) {
      }
    }
    if (end == ListEnd::kFront) {
      model.erase(model.begin(), At(count));
    } else {
      model.resize(model.size() - count);
    }
  }
  void Check() {
    REQUIRE(list().size() == model.size());
    REQUIRE(All(list()) == model);
    REQUIRE(AllBack(list()) == model);
    uint64_t bytes = 0;
    for (const std::string& text : model) bytes += ListpackBytes(text);
    REQUIRE(list().listpack_bytes() == bytes);
  }
  void CheckAt(size_t index) {
    NumberText room;
    REQUIRE(list().At(index).View(room) == model[index]);
  }

  Strings model;

 private:
  Strings::iterator At(size_t index) { return model.begin() + static_cast<ptrdiff_t>(index); }
  uintptr_t word_;
};

// What a list may be full of.
std::string RandomText(Rng& rng, int kind) {
  switch (kind) {
    case 0:
      return std::to_string(rng.Below(100));
    case 1:
      return std::to_string(static_cast<int64_t>(rng.Next()) >> rng.Below(64));
    case 2:
      return "id:" + std::to_string(100'000 + rng.Below(900'000));
    case 3:
      return std::string(rng.Below(300), static_cast<char>('a' + rng.Below(4)));
    default:
      return RandomText(rng, static_cast<int>(rng.Below(4)));
  }
}

}  // namespace

TEST_CASE("list elements come back as they went in, integers too") {
  const std::string texts[] = {"",
                               "0",
                               "9",
                               "10",
                               "-1",
                               "-0",
                               "007",
                               "127",
                               "128",
                               "-128",
                               "-129",
                               "32767",
                               "32768",
                               "8388607",
                               "-8388609",
                               "2147483648",
                               "9223372036854775807",
                               "-9223372036854775808",
                               "9223372036854775808",
                               "+5",
                               "1 ",
                               std::string(239, 'x'),
                               std::string(240, 'y'),
                               std::string(70'000, 'z')};
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 30));
    Modelled m;
    m.Insert(0, text);
    m.Check();
    m.Insert(1, "other");
    m.Insert(0, text);
    m.Check();
    size_t equal = 0;
    m.list().Compare(0, false, EncodedElement(text), [&](bool same) {
      equal += same;
      return true;
    });
    CHECK(equal == 2);
  }
}

TEST_CASE("what a listpack takes is what Redis takes") {
  CHECK(ListpackBytes("") == 2);
  CHECK(ListpackBytes("abc") == 5);
  CHECK(ListpackBytes("127") == 2);
  CHECK(ListpackBytes("128") == 3);
  CHECK(ListpackBytes("-1") == 3);
  CHECK(ListpackBytes("4095") == 3);
  CHECK(ListpackBytes("4096") == 4);
  CHECK(ListpackBytes("40000") == 5);
  CHECK(ListpackBytes("8388608") == 6);
  CHECK(ListpackBytes("2147483648") == 10);
  CHECK(ListpackBytes(std::string(63, 'x')) == 65);
  CHECK(ListpackBytes(std::string(64, 'x')) == 67);
  CHECK(ListpackBytes(std::string(4095, 'x')) == 4099);
  CHECK(ListpackBytes(std::string(4096, 'x')) == 4103);
}

TEST_CASE("lists follow a deque through every change") {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    const size_t before = allocated_bytes;
    {
      const int kind = static_cast<int>(seed % 5);
      Modelled m(seed % 2 == 0 ? ListEnd::kFront : ListEnd::kBack);
      const size_t most = seed % 3 == 0 ? 60 : 6000;
      for (int step = 0; step < 300; step++) {
        const size_t size = m.model.size();
        switch (rng.Below(9)) {
          case 0:
          case 1: {
            for (size_t n = rng.Below(std::min<size_t>(most, 400)); n > 0; n--)
              m.Insert(0, RandomText(rng, kind));
            break;
          }
          case 2:
          case 3: {
            for (size_t n = rng.Below(std::min<size_t>(most, 400)); n > 0; n--)
              m.Insert(m.model.size(), RandomText(rng, kind));
            break;
          }
          case 4:
            m.Insert(rng.Below(size + 1), RandomText(rng, kind));
            break;
          case 5:
            if (size > 0) m.Erase(rng.Below(size));
            break;
          case 6:
            for (size_t n = rng.Below(size / 2 + 1); n > 0; n--)
              m.Erase(rng.Percent(50) ? 0 : m.model.size() - 1);
            break;
          case 7:
            if (size > 0) m.EraseEqual(m.model[rng.Below(size)], 1 + rng.Below(5), rng.Percent(50));
            break;
          default:
            if (size > most) m.Cut(rng.Percent(50) ? ListEnd::kFront : ListEnd::kBack, size / 2);
            break;
        }
        if (!m.model.empty()) m.CheckAt(rng.Below(m.model.size()));
        if (step % 10 == 0) m.Check();
      }
      m.Check();
    }
    CHECK(allocated_bytes == before);
  }
}

TEST_CASE("copies share what they have, and each changes alone") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    const size_t before = allocated_bytes;
    {
      Modelled m;
      for (int i = 0; i < 30'000; i++) m.Insert(m.model.size(), RandomText(rng, 4));
      uintptr_t word = ListWord::Copy(m.list());
      const Strings then = m.model;
      for (int i = 0; i < 50; i++) {
        m.Insert(rng.Below(m.model.size()), "new");
        m.Erase(rng.Below(m.model.size()));
        m.Insert(0, "first");
      }
      m.EraseEqual("7", 1000, false);
      m.Cut(ListEnd::kBack, 9000);
      m.Check();
      CHECK(All(ListWord::From(&word)) == then);
      ListWord::Destroy(word);
      m.Check();
    }
    CHECK(allocated_bytes == before);
  }
}

TEST_CASE("a list is freed in slices, what it shares stays") {
  const size_t before = allocated_bytes;
  {
    Modelled m;
    for (int i = 0; i < 100'000; i++) m.Insert(m.model.size(), "element:" + std::to_string(i));
    BigList* freed = ListWord::Big(ListWord::Copy(m.list()));
    m.Insert(50'000, "changed");
    int slices = 0;
    while (freed->FreeSome(1000)) slices++;
    CHECK(slices < 10);  // one chunk was its own
    delete freed;
    m.Check();
  }
  CHECK(allocated_bytes == before);
  BigList big;
  for (int i = 0; i < 100'000; i++) big.Push(ListEnd::kBack, EncodedElement("0123456789"));
  int slices = 0;
  while (big.FreeSome(1000)) slices++;
  CHECK(slices > 50);
}

TEST_CASE("elements of one length cost their bytes and little else") {
  BigList big;
  const size_t before = allocated_bytes;
  for (int i = 0; i < 1'000'000; i++) big.Push(ListEnd::kBack, EncodedElement("0123456789abcdef"));
  CHECK(allocated_bytes - before < 16'300'000);
  BigList numbers;
  const size_t then = allocated_bytes;
  for (int i = 0; i < 1'000'000; i++)
    numbers.Push(ListEnd::kBack, EncodedElement(std::to_string(1'000'000 + i)));
  CHECK(allocated_bytes - then < 3'100'000);
}

TEST_CASE("the limits of a listpack are Redis's") {
  CHECK(ListLimits(-2).Fits(8185, 100'000));
  CHECK_FALSE(ListLimits(-2).Fits(8186, 1));
  CHECK(ListLimits(-1).Fits(4089, 1));
  CHECK_FALSE(ListLimits(-1).Fits(4090, 1));
  CHECK(ListLimits(-9).Fits(65'529, 1));
  CHECK(ListLimits(5).Fits(100, 5));
  CHECK_FALSE(ListLimits(5).Fits(100, 6));
  CHECK_FALSE(ListLimits(5).Fits(8186, 2));
  CHECK(ListLimits(0).Fits(1, 1));
  CHECK(ListLimits(-2).FitsHalf(4089, 9));
  CHECK_FALSE(ListLimits(-2).FitsHalf(4090, 9));
  CHECK(ListLimits(10).FitsHalf(9000, 5));
  CHECK_FALSE(ListLimits(10).FitsHalf(10, 6));
}

}  // namespace clustron::store

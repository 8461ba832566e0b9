#include "store/types/string/string_value.h"

#include <string>

#include "store/keyspace/store.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/hash/hash_value.h"
#include "store/types/string/string_edit.h"
#include "tests/support/dies.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::store {

TEST_CASE("a value is never read as that of another type") {
  Store store(1);
  store.BeginEntry(1, 1);
  store.BeginItem();
  {
    Mutation m = store.Modify(0, "s");
    SetString(m, "text");
    m.Commit({});
  }
  {
    Mutation m = store.Modify(0, "h");
    SetHashField(m, "f", "v");
    m.Commit({});
  }
  CHECK(StringOf(*store.Find(0, "s")).size() == 4);
  CHECK(HashOf(*store.Find(0, "h")).size() == 1);
  CHECK(Dies([&] { StringOf(*store.Find(0, "h")); }));
  CHECK(Dies([&] { HashOf(*store.Find(0, "s")); }));
}

TEST_CASE("a range of a string is the same whether it is inline or in pieces") {
  Store store(1);
  store.BeginEntry(1, 1);
  store.BeginItem();
  std::string text(200'000, 'a');
  for (size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('b' + i % 20);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{44}, size_t{4096}, text.size()}) {
    CAPTURE(size);
    const std::string value = text.substr(0, size);
    {
      Mutation m = store.Modify(0, "k");
      SetString(m, value);
      m.Commit({});
    }
    const StringValue view = StringOf(*store.Find(0, "k"));
    Scratch scratch;
    CHECK(view.size() == size);
    CHECK(view.Bytes(scratch) == value);
    std::string joined;
    view.ForEachPiece([&](std::string_view piece) { joined += piece; });
    CHECK(joined == value);
    for (const size_t at : {size_t{0}, size_t{40}, size_t{65'520}, size, size + 1}) {
      for (const size_t want : {size_t{0}, size_t{1}, size_t{70'000}, SIZE_MAX}) {
        CAPTURE(at);
        CAPTURE(want);
        const std::string right = at >= size ? std::string() : value.substr(at, want);
        CHECK(view.Range(at, want, scratch) == right);
        std::string pieces;
        std::string shared;
        view.ForEachPiece(at, want, [&](std::string_view piece) { pieces += piece; });
        CHECK(pieces == right);
        view.SharePieces(
            at, want, [&](std::string_view piece) { shared += piece; },
            [&](SharedBytes piece) { shared += piece.view(); });
        CHECK(shared == right);
      }
    }
  }
}

}  // namespace clustron::store

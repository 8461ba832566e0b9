#include "store/types/string/big_string.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/rng.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {
namespace {

std::string Text(const BigString& big) {
  std::string out;
  for (size_t i = 0; i < big.piece_count(); i++) out += big.piece(i);
  return out;
}

TEST_CASE("long string agrees with std::string, and shared ones don't change") {
  for (uint64_t seed = 1; seed <= 6; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    BigString big;
    std::string model;
    std::unique_ptr<BigString> shared;
    std::string shared_model;
    SharedBytes piece;
    std::string piece_model;
    for (int i = 0; i < 400; i++) {
      const std::string bytes(1 + rng.Below(rng.Percent(10) ? 150'000 : 300),
                              static_cast<char>('a' + rng.Below(26)));
      switch (rng.Below(5)) {
        case 0:
          big.Append(bytes);
          model += bytes;
          break;
        case 1: {
          const size_t offset = rng.Below(model.size() + (rng.Percent(10) ? 200'000 : 50));
          big.Write(offset, bytes);
          if (model.size() < offset + bytes.size()) model.resize(offset + bytes.size());
          model.replace(offset, bytes.size(), bytes);
          break;
        }
        case 2: {
          const size_t size = model.size() - rng.Below(model.size() / 4 + 1);
          big.Truncate(size);
          model.resize(size);
          break;
        }
        case 3: {
          std::string scratch;
          const size_t offset = rng.Below(model.size() + 10);
          const size_t size = rng.Below(200'000);
          REQUIRE(big.Range(offset, size, scratch) ==
                  (offset < model.size() ? model.substr(offset, size) : ""));
          break;
        }
        default:
          if (rng.Percent(90)) break;
          shared = big.Share();
          shared_model = model;
          if (big.piece_count() > 1) {
            piece = big.SharePiece(big.piece_count() - 2, 100, 50'000);
            piece_model =
                model.substr((big.piece_count() - 2) * BigString::kPieceBytes + 100, 50'000);
          }
      }
      REQUIRE(big.size() == model.size());
      if (i % 40 == 0) {
        REQUIRE(Text(big) == model);
        if (shared != nullptr) REQUIRE(Text(*shared) == shared_model);
        REQUIRE(piece.view() == piece_model);
      }
    }
    REQUIRE(Text(big) == model);
  }
}

TEST_CASE("a piece that is on its way outlives its string") {
  const size_t before = allocated_bytes;
  SharedBytes piece;
  {
    BigString big;
    big.Append(std::string(150'000, 'x'));
    piece = big.SharePiece(1, 0, 1000);
    big.Write(0, std::string(150'000, 'y'));
  }
  CHECK(piece.view() == std::string(1000, 'x'));
  CHECK(allocated_bytes > before);
  piece = {};
  CHECK(allocated_bytes == before);
}

TEST_CASE("appending byte by byte moves each byte a few times only, and memory comes back") {
  BigString().Write(100'000, "x");  // the shared piece of zeros stays for good
  const size_t before = allocated_bytes;
  {
    BigString big;
    for (int i = 0; i < 200'000; i++) big.Append("x");
    CHECK(big.size() == 200'000);
    CHECK(big.piece_count() == 4);
    CHECK(big.MemoryUsage() < 300'000);
    CHECK(big.FreeSome(1));
    CHECK(big.piece_count() == 3);
  }
  CHECK(allocated_bytes == before);
}

}  // namespace
}  // namespace clustron::store

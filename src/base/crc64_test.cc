#include "base/crc64.h"

#include <doctest/doctest.h>

#include <string>

#include "base/key_slot.h"
#include "base/memory.h"
#include "base/rng.h"

namespace clustron {
namespace {

TEST_CASE("CRC-64 has the check values that Redis's has") {
  CHECK(Crc64("") == 0);
  CHECK(Crc64("123456789") == 0xe9c6d914c4b8d9caULL);
  // The trailer of `DUMP` of the string "v" in Redis 7.0 (RDB version 10).
  const std::string body("\x00\x01v\x0a\x00", 5);
  std::string trailer;
  for (uint64_t crc = Crc64(body), i = 0; i < 8; ++i, crc >>= 8)
    trailer.push_back(static_cast<char>(crc));
  CHECK(trailer == "\x91\x08\xce\xb2\x19\x38\x8a\xce");
}

TEST_CASE("CRC-64 of parts continues, wherever the cut") {
  const uint64_t seed = 5;
  CAPTURE(seed);
  Rng rng(seed);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<char>(rng.Next()));
  const std::string_view all = bytes;
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    CAPTURE(cut);
    CHECK(Crc64(all.substr(cut), Crc64(all.substr(0, cut))) == Crc64(all));
  }
}

TEST_CASE("CRC-64 of long pieces is the one of their bytes one by one") {
  const uint64_t seed = 6;
  CAPTURE(seed);
  Rng rng(seed);
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(rng.Next()));
  const std::string_view all = bytes;
  for (size_t from = 0; from < 20; ++from) {
    for (size_t size = 0; size + from <= all.size(); ++size) {
      CAPTURE(from);
      CAPTURE(size);
      const uint64_t before = from * 0x9e3779b97f4a7c15ULL;
      uint64_t expected = before;
      for (const char c : all.substr(from, size)) expected = Crc64({&c, 1}, expected);
      REQUIRE(Crc64(all.substr(from, size), before) == expected);
    }
  }
}

TEST_CASE("keys have the slots that Redis Cluster gives them") {
  CHECK(KeySlot("123456789") == 12739);  // 0x31c3
  CHECK(KeySlot("") == 0);
  CHECK(KeySlot("foo") == 12182);
  CHECK(KeySlot("{user1000}.following") == KeySlot("user1000"));
  CHECK(KeySlot("foo{bar}{zap}") == KeySlot("bar"));
  CHECK(KeySlot("foo{{bar}}zap") == KeySlot("{bar"));
  CHECK(KeySlot("foo{}bar") != KeySlot("bar"));  // an empty tag is none
  CHECK(KeySlot("foo{bar") != KeySlot("bar"));
}

TEST_CASE("memory figures follow what is allocated") {
  const uint64_t before = AllocatedBytes();
  std::string big(32 * 1024 * 1024, 'x');
  const MemoryUse use = ReadMemoryUse();
  CHECK(use.allocated_bytes >= before + big.size() / 2);
  CHECK(use.rss_bytes >= big.size());
  CHECK(MallocUsable(big.data()) >= big.size());
  CHECK(MallocUsable(nullptr) == 0);
  CHECK(!AllocatorName().empty());
  CHECK(!AllocatorReport().empty());
  std::string().swap(big);
  PurgeMemory();
  // Sanitizers keep freed blocks for a while.
  if (AllocatorName() != "libc") CHECK(AllocatedBytes() < use.allocated_bytes);
}

}  // namespace
}  // namespace clustron

#include "cluster/peer_frame.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

TEST_CASE("messages of both streams come out whole, however the bytes arrive") {
  std::string wire;
  const std::string big(150'000, 'b');
  AppendFrame(Stream::kBulk, false, std::string_view(big).substr(0, 65536), &wire);
  AppendFrame(Stream::kUrgent, true, "beat", &wire);
  AppendFrame(Stream::kBulk, false, std::string_view(big).substr(65536, 65536), &wire);
  AppendFrame(Stream::kBulk, true, std::string_view(big).substr(131072), &wire);
  AppendFrame(Stream::kUrgent, true, "", &wire);
  Rng rng(5);
  for (int round = 0; round < 20; ++round) {
    FrameReader reader;
    std::vector<std::string> got;
    for (size_t pos = 0; pos < wire.size();) {
      const size_t n = std::min<size_t>(wire.size() - pos, 1 + rng.Below(40000));
      reader.Feed(std::string_view(wire).substr(pos, n));
      pos += n;
      std::string message;
      for (;;) {
        auto more = reader.Next(&message);
        REQUIRE(more);
        if (!*more) break;
        got.push_back(message);
      }
    }
    CHECK(got == std::vector<std::string>{"beat", big, ""});
  }
}

TEST_CASE("the block of a big message does not go round with later ones") {
  FrameReader reader;
  std::string wire;
  const std::string piece(60'000, 'b');
  for (int i = 0; i < 20; ++i) AppendFrame(Stream::kBulk, i == 19, piece, &wire);
  for (int i = 0; i < 4; ++i) AppendFrame(Stream::kBulk, true, std::string(1000, 's'), &wire);
  reader.Feed(wire);
  std::string message;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(reader.Next(&message).value());
    CHECK(message.size() == (i == 0 ? 20 * piece.size() : 1000u));
    if (i > 0) CHECK(message.capacity() < piece.size());
  }
}

TEST_CASE("a flipped bit ends the link, never makes another message") {
  std::string wire;
  AppendFrame(Stream::kBulk, true, "payload", &wire);
  for (size_t bit = 0; bit < wire.size() * 8; ++bit) {
    std::string bad = wire;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    FrameReader reader;
    reader.Feed(bad);
    std::string message;
    const auto result = reader.Next(&message);
    CHECK((!result || !*result));  // an error, or a length that waits for more bytes
  }
}

TEST_CASE("a size given ahead is held to the limit and stands on the first frame only") {
  std::string wire;
  AppendFrame(Stream::kBulk, false, "abc", &wire, 6);
  AppendFrame(Stream::kBulk, true, "def", &wire);
  FrameReader good;
  good.Feed(wire);
  std::string message;
  REQUIRE(good.Next(&message).value_or(false));
  CHECK(message == "abcdef");

  FrameReader tight;
  tight.set_message_bytes_max(5);
  tight.Feed(wire);
  CHECK(tight.Next(&message).error().code == Errc::kLimit);

  std::string late;
  AppendFrame(Stream::kBulk, false, "abc", &late);
  AppendFrame(Stream::kBulk, true, "def", &late, 6);
  FrameReader wrong;
  wrong.Feed(late);
  CHECK(wrong.Next(&message).error().code == Errc::kCorruption);
}

TEST_CASE("hellos read back; strangers and other versions are named") {
  Hello hello;
  hello.cluster_id = "abc";
  hello.node = 3;
  hello.boot = 9;
  hello.nonce = std::string(16, 'n');
  const auto back = DecodeHello(EncodeHello(hello));
  REQUIRE(back);
  CHECK(back->cluster_id == "abc");
  CHECK(back->node == 3);
  CHECK(DecodeHello("GET / HTTP/1.1\r\n").error().code == Errc::kMismatch);
  hello.version = 7;
  CHECK(DecodeHello(EncodeHello(hello)).error().detail.find("version 7") != std::string::npos);
  CHECK(!DecodeHello(EncodeHello(hello).substr(0, 12)));
}

TEST_CASE("a proof depends on secret, role and both nonces") {
  const std::string proof = Proof("s", true, "a", "b");
  CHECK(proof.size() == 32);
  CHECK(proof == Proof("s", true, "a", "b"));
  CHECK(proof != Proof("t", true, "a", "b"));
  CHECK(proof != Proof("s", false, "a", "b"));
  CHECK(proof != Proof("s", true, "c", "b"));
  CHECK(proof != Proof("s", true, "a", "c"));
}

}  // namespace
}  // namespace clustron::cluster

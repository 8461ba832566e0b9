#include "cluster/wire/peer_frame.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <vector>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

// Of this process's address space.
size_t ResidentAndReserved() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// One frame, sealed by CRC.
void Append(Stream stream, bool last, std::string_view piece, std::string* wire,
            uint32_t total = 0) {
  std::string frame;
  AppendFrame(Check::kCrc, stream, last, piece, &frame, total);
  FrameSealer().Seal(&frame);
  wire->append(frame);
}

TEST_CASE("messages of both streams come out whole, however the bytes arrive") {
  std::string wire;
  const std::string big(150'000, 'b');
  Append(Stream::kBulk, false, std::string_view(big).substr(0, 65536), &wire);
  Append(Stream::kUrgent, true, "beat", &wire);
  Append(Stream::kBulk, false, std::string_view(big).substr(65536, 65536), &wire);
  Append(Stream::kBulk, true, std::string_view(big).substr(131072), &wire);
  Append(Stream::kUrgent, true, "", &wire);
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
  for (int i = 0; i < 20; ++i) Append(Stream::kBulk, i == 19, piece, &wire);
  for (int i = 0; i < 4; ++i) Append(Stream::kBulk, true, std::string(1000, 's'), &wire);
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
  Append(Stream::kBulk, true, "payload", &wire);
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

// What arrives of these frames, and "refused" for where the reader stops.
std::vector<std::string> Read(FrameReader* reader, std::string_view wire) {
  reader->Feed(wire);
  std::vector<std::string> got;
  for (std::string message;;) {
    const auto more = reader->Next(&message);
    if (!more) got.push_back("refused");
    if (!more || !*more) return got;
    got.push_back(message);
  }
}

TEST_CASE("behind a MAC frames arrive as they were sent, or the link ends") {
  const std::string key(32, 'k');
  std::vector<std::string> frames;
  FrameSealer sealer(FrameMac(key, Role::kDialer));
  CHECK(sealer.check() == Check::kMac);
  for (const char* text : {"one", "two", "three"}) {
    frames.emplace_back();
    AppendFrame(sealer.check(), Stream::kBulk, true, text, &frames.back());
    sealer.Seal(&frames.back());
  }
  const auto read = [&](const std::string& wire, Role sender = Role::kDialer, char k = 'k') {
    FrameReader reader;
    reader.Expect(FrameMac(std::string(32, k), sender));
    return Read(&reader, wire);
  };
  using Messages = std::vector<std::string>;
  const std::string all = frames[0] + frames[1] + frames[2];
  CHECK(read(all) == Messages{"one", "two", "three"});
  CHECK(read(all, Role::kAcceptor) == Messages{"refused"});  // sent back to its sender
  CHECK(read(all, Role::kDialer, 'j') == Messages{"refused"});
  CHECK(read(frames[1] + frames[0]) == Messages{"refused"});
  CHECK(read(frames[0] + frames[0]) == Messages{"one", "refused"});
  CHECK(read(frames[0] + frames[2]) == Messages{"one", "refused"});
  CHECK(read(HandshakeFrame("one")).empty());  // too short for a frame with a MAC: waits for more
  CHECK(read(HandshakeFrame("one") + HandshakeFrame("another")) == Messages{"refused"});
  for (size_t bit = 0; bit < frames[0].size() * 8; ++bit) {
    std::string bad = frames[0];
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const Messages got = read(bad);
    CHECK((got.empty() || got == Messages{"refused"}));
  }
}

TEST_CASE("several frames are sealed in one go, also of big messages") {
  const std::string key(32, 'k');
  FrameSealer sealer(FrameMac(key, Role::kAcceptor));
  const std::string big(150'000, 'b');
  std::string wire;
  AppendFrames(sealer.check(), Stream::kBulk, big, &wire);
  AppendFrames(sealer.check(), Stream::kUrgent, "beat", &wire);
  sealer.Seal(&wire);
  FrameReader reader;
  reader.Expect(FrameMac(key, Role::kAcceptor));
  CHECK(Read(&reader, wire) == std::vector<std::string>{big, "beat"});
}

TEST_CASE("a stranger's frame is refused by its length, before it is there") {
  FrameReader reader;
  reader.set_message_bytes_max(1024);
  CHECK(Read(&reader, HandshakeFrame(std::string(1024, 'x'))).size() == 1);
  CHECK(Read(&reader, HandshakeFrame(std::string(2000, 'x')).substr(0, 20)) ==
        std::vector<std::string>{"refused"});
}

TEST_CASE("a size given ahead is held to the limit and stands on the first frame only") {
  std::string wire;
  Append(Stream::kBulk, false, "abc", &wire, 6);
  Append(Stream::kBulk, true, "def", &wire);
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
  Append(Stream::kBulk, false, "abc", &late);
  Append(Stream::kBulk, true, "def", &late, 6);
  FrameReader wrong;
  wrong.Feed(late);
  CHECK(wrong.Next(&message).error().code == Errc::kCorruption);

  std::string more;
  Append(Stream::kBulk, false, "abc", &more, 5);
  Append(Stream::kBulk, true, "def", &more);
  FrameReader longer;
  longer.Feed(more);
  CHECK(longer.Next(&message).error().code == Errc::kCorruption);
}

TEST_CASE("what is urgent is small, whatever a member announces") {
  const std::string piece(60'000, 'u');
  std::string message;
  for (const bool announced : {true, false}) {
    FrameReader reader;
    Status refused;
    for (int i = 0; i < 5 && refused; ++i) {
      std::string wire;
      Append(Stream::kUrgent, false, piece, &wire, announced && i == 0 ? 1 << 20 : 0);
      reader.Feed(wire);
      if (const auto next = reader.Next(&message); !next) refused = std::unexpected(next.error());
    }
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::kLimit);
  }
}

TEST_CASE("memory is taken for what comes, not for what a member announces") {
  const size_t before = ResidentAndReserved();
  std::vector<std::unique_ptr<FrameReader>> readers;
  for (int i = 0; i < 40; ++i) {
    readers.push_back(std::make_unique<FrameReader>());
    std::string wire, message;
    Append(Stream::kBulk, false, "abc", &wire, 1 << 30);
    readers.back()->Feed(wire);
    REQUIRE_FALSE(readers.back()->Next(&message).value_or(true));
  }
  CHECK(ResidentAndReserved() - before < size_t{2} << 30);
  // Announced and sent, it comes whole.
  std::string big(40 << 20, 'b'), wire, message;
  big[20 << 20] = 'x';
  AppendFrames(Check::kCrc, Stream::kBulk, big, &wire);
  FrameSealer().Seal(&wire);
  FrameReader reader;
  reader.Feed(wire);
  REQUIRE(reader.Next(&message).value_or(false));
  CHECK(message == big);
}

}  // namespace
}  // namespace clustron::cluster

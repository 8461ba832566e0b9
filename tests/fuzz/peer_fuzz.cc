// Frames between nodes: whatever arrives, and in whatever pieces, the same messages come out or the
// stream is refused at the same place. The first byte chooses: raw bytes, or a message in frames.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "cluster/wire/formation_wire.h"
#include "cluster/wire/peer_frame.h"
#include "cluster/wire/peer_hello.h"

namespace {

using namespace clustron;
using namespace clustron::cluster;

FrameMac Mac() { return FrameMac(std::string(32, 'k'), Role::kDialer); }

std::vector<std::string> ReadFrames(std::string_view bytes, size_t step, Check check) {
  FrameReader reader;
  if (check == Check::kMac) reader.Expect(Mac());
  std::vector<std::string> messages;
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader.Feed(bytes.substr(at, step));
    for (;;) {
      std::string message;
      const Result<bool> next = reader.Next(&message);
      if (!next) {
        messages.emplace_back("refused");
        return messages;
      }
      if (!*next) break;
      messages.push_back(message);
    }
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const Check check : {Check::kCrc, Check::kMac})
    CHECK(ReadFrames(bytes, size + 1, check) == ReadFrames(bytes, 1, check));
  if (const auto hello = DecodeHello(bytes)) {
    const auto again = DecodeHello(EncodeHello(*hello));
    CHECK(again.has_value());
    CHECK(again->cluster_id == hello->cluster_id);
    CHECK(again->nonce == hello->nonce);
    CHECK(again->node == hello->node);
    CHECK(!LinkKey("secret", {std::string(bytes), EncodeHello(*hello)}).empty());
  }
  if (const auto answer = DecodeFormationAnswer(bytes))
    CHECK(DecodeFormationAnswer(EncodeFormationAnswer(*answer)).has_value());
  std::string sealed(bytes);
  CHECK(Unseal("secret", Role::kDialer, {"dialer", "acceptor"}, &sealed) != Unsealed::kOk);
  if (size == 0) return 0;

  const Check check = data[0] % 2 == 0 ? Check::kCrc : Check::kMac;
  // The input as two messages, cut into frames that take turns.
  const size_t half = (size + 1) / 2;
  const std::string_view urgent = bytes.substr(0, half);
  const std::string_view bulk = bytes.substr(half);
  const size_t piece = static_cast<size_t>(data[0]) + 1;
  std::string wire;
  for (size_t at = 0; at < half; at += piece) {
    AppendFrame(check, Stream::kUrgent, at + piece >= urgent.size(), urgent.substr(at, piece),
                &wire);
    if (at <= bulk.size())
      AppendFrame(check, Stream::kBulk, at + piece >= bulk.size(), bulk.substr(at, piece), &wire);
    if (at + piece >= bulk.size() && at + piece < half) {
      // The rest of the urgent one alone.
      AppendFrame(check, Stream::kUrgent, true, urgent.substr(at + piece), &wire);
      break;
    }
  }
  (check == Check::kMac ? FrameSealer(Mac()) : FrameSealer()).Seal(&wire);
  std::vector<std::string> expected{std::string(urgent), std::string(bulk)};
  std::vector<std::string> got = ReadFrames(wire, 7, check);
  std::sort(expected.begin(), expected.end());
  std::sort(got.begin(), got.end());
  CHECK(got == expected);
  return 0;
}

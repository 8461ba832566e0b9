// The bytes between two nodes: frames of at most 64 KB, each with a check. Messages are cut into
// frames so that heartbeats pass between the pieces of big ones: there are two streams, urgent and
// bulk, each in order. Described in peer_frame.md.
//
// The check is a CRC during the handshake and where there is no secret; else, from the handshake
// on, a MAC that only the two ends can make (frame_mac.h).
//
// Pure: no sockets in here. THREAD: any, one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "cluster/wire/frame_mac.h"

namespace clustron::cluster {

inline constexpr size_t kFrameBytesMax = 64 * 1024;
inline constexpr size_t kFrameTotalBytes = 4;
// An entry of the biggest command, with its head.
inline constexpr size_t kPeerMessageBytesMax = size_t{1} << 30;
// What is urgent is small.
inline constexpr size_t kUrgentMessageBytesMax = 256 * 1024;
// A message's announced size is believed so far; from there on as many times what has come of it.
inline constexpr size_t kAnnouncedBytesBelieved = 16 << 20;
inline constexpr size_t kAnnouncedTimesBelieved = 8;

enum class Stream : uint8_t { kBulk = 0, kUrgent = 1 };
enum class Check : uint8_t { kCrc, kMac };

constexpr size_t CheckBytes(Check check) {
  return check == Check::kCrc ? sizeof(uint32_t) : FrameMac::kTagBytes;
}
// Length, check, flags.
constexpr size_t FrameHeadBytes(Check check) { return sizeof(uint32_t) + CheckBytes(check) + 1; }

// Appends one frame with room for its check: a FrameSealer fills that in. `last`: the message ends
// with it. `total`: on the first of several, the size of the message, so that room is made for it
// once; else 0.
void AppendFrame(Check check, Stream stream, bool last, std::string_view piece, std::string* out,
                 uint32_t total = 0);
// Cuts a message into frames.
void AppendFrames(Check check, Stream stream, std::string_view message, std::string* out);

// Fills in the checks of frames in the order in which they leave.
class FrameSealer {
 public:
  FrameSealer() = default;  // by CRC
  explicit FrameSealer(FrameMac mac) : mac_(std::move(mac)) {}

  Check check() const { return mac_ ? Check::kMac : Check::kCrc; }
  // `frames`: whole ones, made for this kind of check.
  void Seal(std::string* frames);

 private:
  std::optional<FrameMac> mac_;
};

// One message of the handshake, ready to be sent. At most kFrameBytesMax bytes.
std::string HandshakeFrame(std::string_view message);

// Takes bytes as they come, gives whole messages.
class FrameReader {
 public:
  // Appends what arrived. Then call Next until it returns false.
  void Feed(std::string_view bytes) { in_.append(bytes); }
  // The next whole message. An error means a damaged or foreign stream: drop the link.
  Result<bool> Next(std::string* message);
  // Longer messages are refused. Tight until the other end has proved who it is.
  void set_message_bytes_max(size_t bytes) { message_bytes_max_ = bytes; }
  // The frames that follow are checked by this MAC.
  void Expect(FrameMac mac) { mac_ = std::move(mac); }

 private:
  // A message of the stream that is not all here yet.
  struct Part {
    std::string bytes;
    size_t announced = 0;  // 0: nothing was
  };

  bool Verify(std::string_view check, std::string_view body);
  Status Take(uint8_t flags, std::string_view piece, Part* part);

  std::string in_;
  size_t pos_ = 0;
  size_t message_bytes_max_ = kPeerMessageBytesMax;
  std::optional<FrameMac> mac_;
  Part parts_[2];  // by stream
};

}  // namespace clustron::cluster

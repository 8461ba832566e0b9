// The bytes between two nodes: a handshake, then frames of at most 64 KB, each with a checksum.
// Messages are cut into frames so that heartbeats pass between the pieces of big ones: there are
// two streams, urgent and bulk, each in order. Described in peer_frame.md.
//
// Pure: no sockets in here. THREAD: any, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clustron::cluster {

inline constexpr size_t kFrameBytesMax = 64 * 1024;
inline constexpr size_t kFrameHeadBytes = 9;
inline constexpr size_t kFrameTotalBytes = 4;
inline constexpr size_t kPeerMessageBytesMax = size_t{1} << 30;
inline constexpr uint16_t kPeerVersion = 1;

enum class Stream : uint8_t { kBulk = 0, kUrgent = 1 };

// Appends one frame. `last`: the message ends with it. `total`: on the first of several, the size
// of the message, so that room is made for it once; else 0.
void AppendFrame(Stream stream, bool last, std::string_view piece, std::string* out,
                 uint32_t total = 0);

// Takes bytes as they come, gives whole messages.
class FrameReader {
 public:
  // Appends what arrived. Then call Next until it returns false.
  void Feed(std::string_view bytes) { in_.append(bytes); }
  // The next whole message. An error means a damaged or foreign stream: drop the link.
  Result<bool> Next(std::string* message);
  // Longer messages are refused. Tight until the other end has proved who it is.
  void set_message_bytes_max(size_t bytes) { message_bytes_max_ = bytes; }

 private:
  std::string in_;
  size_t pos_ = 0;
  size_t message_bytes_max_ = kPeerMessageBytesMax;
  std::string parts_[2];  // by stream: the message being put together
};

// What a node says first. A dialer sends it, the other side answers with its own; then each proves
// that it knows the cluster's secret.
struct Hello {
  enum class Purpose : uint8_t { kLink = 1, kFormation = 2 };
  Purpose purpose = Purpose::kLink;
  uint16_t version = kPeerVersion;
  std::string cluster_id;  // empty: none yet
  uint32_t node = 0;
  uint64_t boot = 0;
  uint64_t feature_version = 1;
  std::string nonce;  // 16 random bytes
};

std::string EncodeHello(const Hello& hello);
Result<Hello> DecodeHello(std::string_view bytes);

// HMAC-SHA256 of both nonces and the prover's role under the shared secret.
std::string Proof(std::string_view secret, bool dialer, std::string_view dialer_nonce,
                  std::string_view acceptor_nonce);

}  // namespace clustron::cluster

#include "cluster/wire/peer_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"
#include "base/memory.h"
#include "base/strings.h"

namespace clustron::cluster {

namespace {

constexpr uint8_t kUrgentBit = 1;
constexpr uint8_t kLastBit = 2;
constexpr uint8_t kTotalBit = 4;  // four bytes with the size of the message come first
constexpr size_t kLengthBytes = sizeof(uint32_t);

}  // namespace

void AppendFrame(Check check, Stream stream, bool last, std::string_view piece, std::string* out,
                 uint32_t total) {
  CHECK(piece.size() <= kFrameBytesMax);
  const size_t total_bytes = total != 0 ? kFrameTotalBytes : 0;
  Writer writer(out);
  writer.U32(static_cast<uint32_t>(total_bytes + piece.size()));
  out->append(CheckBytes(check), '\0');
  writer.U8(static_cast<uint8_t>((stream == Stream::kUrgent ? kUrgentBit : 0) |
                                 (last ? kLastBit : 0) | (total != 0 ? kTotalBit : 0)));
  if (total != 0) writer.U32(total);
  out->append(piece);
}

void AppendFrames(Check check, Stream stream, std::string_view message, std::string* out) {
  uint32_t total = message.size() > kFrameBytesMax ? static_cast<uint32_t>(message.size()) : 0;
  do {
    const std::string_view piece = message.substr(0, kFrameBytesMax);
    message.remove_prefix(piece.size());
    AppendFrame(check, stream, message.empty(), piece, out, total);
    total = 0;
  } while (!message.empty());
}

void FrameSealer::Seal(std::string* frames) {
  const size_t check_bytes = CheckBytes(check());
  for (size_t pos = 0; pos < frames->size();) {
    char* frame = frames->data() + pos;
    const size_t body_bytes = 1 + Reader(std::string_view(frame, kLengthBytes)).U32();
    const std::string_view body(frame + kLengthBytes + check_bytes, body_bytes);
    if (mac_) {
      mac_->TagNext(body, frame + kLengthBytes);
    } else {
      const uint32_t crc = Crc32c(body);
      std::memcpy(frame + kLengthBytes, &crc, sizeof crc);
    }
    pos += kLengthBytes + check_bytes + body_bytes;
    CHECK(pos <= frames->size());
  }
}

std::string HandshakeFrame(std::string_view message) {
  std::string frame;
  AppendFrame(Check::kCrc, Stream::kUrgent, true, message, &frame);
  FrameSealer().Seal(&frame);
  return frame;
}

bool FrameReader::Verify(std::string_view check, std::string_view body) {
  if (!mac_) return Reader(check).U32() == Crc32c(body);
  char tag[FrameMac::kTagBytes];
  mac_->TagNext(body, tag);
  return EqualsConstantTime(check, std::string_view(tag, sizeof tag));
}

// Memory is taken for what has come, and for what was announced as far as that is believed.
Status FrameReader::Take(uint8_t flags, std::string_view piece, Part* part) {
  std::string& bytes = part->bytes;
  const size_t bytes_max = (flags & kUrgentBit) != 0
                               ? std::min(kUrgentMessageBytesMax, message_bytes_max_)
                               : message_bytes_max_;
  if ((flags & kTotalBit) != 0) {
    if (piece.size() < kFrameTotalBytes || !bytes.empty())
      return Fail(Errc::kCorruption, "frame with a size in the wrong place");
    part->announced = Reader(piece).U32();
    piece.remove_prefix(kFrameTotalBytes);
    if (part->announced > bytes_max) return Fail(Errc::kLimit, "message longer than the limit");
  }
  const size_t size = bytes.size() + piece.size();
  if (size > bytes_max) return Fail(Errc::kLimit, "message longer than the limit");
  if (part->announced != 0) {
    if (size > part->announced) return Fail(Errc::kCorruption, "message longer than announced");
    if (size > bytes.capacity() || bytes.empty())
      ReserveBig(&bytes, std::min(part->announced, std::max(kAnnouncedBytesBelieved,
                                                            kAnnouncedTimesBelieved * size)));
  }
  bytes.append(piece);
  return {};
}

Result<bool> FrameReader::Next(std::string* message) {
  for (;;) {
    const size_t check_bytes = CheckBytes(mac_ ? Check::kMac : Check::kCrc);
    const size_t head_bytes = kLengthBytes + check_bytes + 1;
    const std::string_view rest = std::string_view(in_).substr(pos_);
    if (rest.size() < head_bytes) break;
    const uint32_t size = Reader(rest).U32();
    if (size > std::min(kFrameBytesMax, message_bytes_max_) + kFrameTotalBytes)
      return Fail(Errc::kCorruption, "frame longer than the limit");
    if (rest.size() < head_bytes + size) break;
    const std::string_view body = rest.substr(kLengthBytes + check_bytes, 1 + size);
    if (!Verify(rest.substr(kLengthBytes, check_bytes), body))
      return Fail(Errc::kCorruption,
                  mac_ ? "frame that the other end has not sent" : "frame with a wrong checksum");
    const uint8_t flags = static_cast<uint8_t>(body[0]);
    pos_ += head_bytes + size;
    Part& part = parts_[flags & kUrgentBit];
    TRY(Take(flags, body.substr(1), &part));
    if ((flags & kLastBit) == 0) continue;
    // A plain move would leave the last message's block here.
    *message = std::exchange(part, {}).bytes;
    return true;
  }
  in_.erase(0, pos_);
  pos_ = 0;
  return false;
}

}  // namespace clustron::cluster

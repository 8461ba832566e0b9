#include "cluster/peer_frame.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"
#include "base/memory.h"

namespace clustron::cluster {

namespace {

constexpr std::string_view kMagic = "CLSTRN";
constexpr uint8_t kUrgentBit = 1;
constexpr uint8_t kLastBit = 2;
constexpr uint8_t kTotalBit = 4;  // four bytes with the size of the message come first

}  // namespace

void AppendFrame(Stream stream, bool last, std::string_view piece, std::string* out,
                 uint32_t total) {
  CHECK(piece.size() <= kFrameBytesMax);
  const char flags = static_cast<char>((stream == Stream::kUrgent ? kUrgentBit : 0) |
                                       (last ? kLastBit : 0) | (total != 0 ? kTotalBit : 0));
  std::string head(1, flags);
  if (total != 0) Writer(&head).U32(total);
  const uint32_t crc = Crc32c(piece, Crc32c(head));
  Writer writer(out);
  writer.U32(static_cast<uint32_t>(head.size() - 1 + piece.size()));
  writer.U32(crc);
  out->append(head);
  out->append(piece);
}

Result<bool> FrameReader::Next(std::string* message) {
  for (;;) {
    const std::string_view rest = std::string_view(in_).substr(pos_);
    if (rest.size() < kFrameHeadBytes) break;
    Reader reader(rest);
    const uint32_t size = reader.U32();
    const uint32_t crc = reader.U32();
    if (size > kFrameBytesMax + kFrameTotalBytes)
      return Fail(Errc::kCorruption, "frame longer than the limit");
    if (rest.size() < kFrameHeadBytes + size) break;
    const std::string_view body = rest.substr(8, 1 + size);
    if (Crc32c(body.substr(1), Crc32c(body.substr(0, 1))) != crc)
      return Fail(Errc::kCorruption, "frame with a wrong checksum");
    const uint8_t flags = static_cast<uint8_t>(body[0]);
    pos_ += kFrameHeadBytes + size;
    std::string& part = parts_[flags & kUrgentBit];
    std::string_view piece = body.substr(1);
    if ((flags & kTotalBit) != 0) {
      if (piece.size() < kFrameTotalBytes || !part.empty())
        return Fail(Errc::kCorruption, "frame with a size in the wrong place");
      const uint32_t total = Reader(piece).U32();
      piece.remove_prefix(kFrameTotalBytes);
      if (total > message_bytes_max_) return Fail(Errc::kLimit, "message longer than the limit");
      ReserveBig(&part, total);
    }
    if (part.size() + piece.size() > message_bytes_max_)
      return Fail(Errc::kLimit, "message longer than the limit");
    part.append(piece);
    if ((flags & kLastBit) == 0) continue;
    *message = std::exchange(part, {});  // a plain move would leave the last message's block here
    return true;
  }
  in_.erase(0, pos_);
  pos_ = 0;
  return false;
}

std::string EncodeHello(const Hello& hello) {
  std::string out(kMagic);
  Writer writer(&out);
  writer.U16(hello.version);
  writer.U8(static_cast<uint8_t>(hello.purpose));
  writer.Bytes(hello.cluster_id);
  writer.U32(hello.node);
  writer.U64(hello.boot);
  writer.U64(hello.feature_version);
  writer.Bytes(hello.nonce);
  return out;
}

Result<Hello> DecodeHello(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.Raw(kMagic.size()) != kMagic)
    return Fail(Errc::kMismatch, "the other end is no cluster node");
  Hello hello;
  hello.version = reader.U16();
  const uint8_t purpose = reader.U8();
  hello.cluster_id = reader.Bytes();
  hello.node = reader.U32();
  hello.boot = reader.U64();
  hello.feature_version = reader.U64();
  hello.nonce = reader.Bytes();
  if (!reader.Done() || (purpose != 1 && purpose != 2) || hello.nonce.size() != 16)
    return Fail(Errc::kCorruption, "malformed hello");
  hello.purpose = static_cast<Hello::Purpose>(purpose);
  if (hello.version != kPeerVersion)
    return Fail(Errc::kMismatch, "the other node speaks version " + std::to_string(hello.version) +
                                     ", this one " + std::to_string(kPeerVersion));
  return hello;
}

std::string Proof(std::string_view secret, bool dialer, std::string_view dialer_nonce,
                  std::string_view acceptor_nonce) {
  std::string text(1, dialer ? 'D' : 'A');
  text.append(dialer_nonce);
  text.append(acceptor_nonce);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
             &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(mac), size);
}

}  // namespace clustron::cluster

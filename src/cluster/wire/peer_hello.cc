#include "cluster/wire/peer_hello.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/coding.h"

namespace clustron::cluster {

namespace {

constexpr std::string_view kMagic = "CLSTRN";
constexpr std::string_view kFrameKeyInfo = "clustron peer frames";

std::string_view LabelOf(Hello::Purpose purpose) {
  return purpose == Hello::Purpose::kLink ? "link" : "formation";
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
             &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(mac), size);
}

std::string Sha256(std::string_view text) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha256(), nullptr) == 1);
  return std::string(reinterpret_cast<const char*>(hash), size);
}

// Each with its length, so that no two pairs look alike.
void AppendHellos(const Hellos& hellos, std::string* out) {
  Writer writer(out);
  writer.Bytes(hellos.dialer);
  writer.Bytes(hellos.acceptor);
}

}  // namespace

std::string EncodeHello(const Hello& hello) {
  std::string out(kMagic);
  Writer writer(&out);
  writer.U16(hello.version);
  writer.U8(static_cast<uint8_t>(hello.purpose));
  writer.Bytes(hello.cluster_id);
  writer.U32(hello.node);
  writer.U64(hello.boot);
  writer.U64(hello.feature_version);
  writer.U8(hello.has_secret ? 1 : 0);
  writer.Bytes(hello.nonce);
  return out;
}

Result<Hello> DecodeHello(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.Raw(kMagic.size()) != kMagic)
    return Fail(Errc::kMismatch, "the other end is no cluster node");
  Hello hello;
  hello.version = reader.U16();
  if (reader.ok() && hello.version != kPeerVersion)
    return Fail(Errc::kMismatch,
                "the other node speaks version " + std::to_string(hello.version) +
                    " of the peer protocol, this one version " + std::to_string(kPeerVersion) +
                    ": all nodes of a cluster need releases of Clustron that speak the same");
  const uint8_t purpose = reader.U8();
  hello.cluster_id = reader.Bytes();
  hello.node = reader.U32();
  hello.boot = reader.U64();
  hello.feature_version = reader.U64();
  const uint8_t has_secret = reader.U8();
  hello.nonce = reader.Bytes();
  if (!reader.Done() || (purpose != 1 && purpose != 2) || has_secret > 1 ||
      hello.nonce.size() != kNonceBytes || bytes.size() > kHelloBytesMax)
    return Fail(Errc::kCorruption, "malformed hello");
  hello.purpose = static_cast<Hello::Purpose>(purpose);
  hello.has_secret = has_secret == 1;
  return hello;
}

std::string Proof(std::string_view secret, Hello::Purpose purpose, Role prover,
                  const Hellos& hellos, std::string_view text) {
  std::string all;
  Writer writer(&all);
  writer.Bytes(LabelOf(purpose));
  writer.U8(static_cast<uint8_t>(prover));
  AppendHellos(hellos, &all);
  writer.Bytes(text);
  return HmacSha256(secret, all);
}

std::string LinkKey(std::string_view secret, const Hellos& hellos) {
  const auto dialer = DecodeHello(hellos.dialer);
  const auto acceptor = DecodeHello(hellos.acceptor);
  CHECK(dialer.has_value());
  CHECK(acceptor.has_value());
  std::string both;
  AppendHellos(hellos, &both);
  std::string info(kFrameKeyInfo);
  info.append(Sha256(both));
  return Hkdf(secret, dialer->nonce + acceptor->nonce, info);
}

std::string RandomNonce() {
  std::string nonce(kNonceBytes, '\0');
  CHECK(getrandom(nonce.data(), nonce.size(), 0) == static_cast<ssize_t>(nonce.size()));
  return nonce;
}

// One block of output is all that is needed.
std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info) {
  std::string text(info);
  text.push_back('\1');
  return HmacSha256(HmacSha256(salt, secret), text);
}

}  // namespace clustron::cluster

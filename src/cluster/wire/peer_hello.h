// What two nodes say to each other before either believes the other: a Hello each, then a proof
// each that it knows the cluster's secret. A proof covers both Hellos whole, so nothing in them can
// be changed on the way, and both nonces are in them, so no proof is good twice. From the same the
// key is derived that authenticates every frame behind the handshake. Described in peer_frame.md.
//
// Pure: no sockets in here. THREAD: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clustron::cluster {

inline constexpr uint16_t kPeerVersion = 2;
inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kHelloBytesMax = 1024;
inline constexpr size_t kProofBytes = 32;
// A shorter secret could be found by trying.
inline constexpr size_t kSecretBytesMin = 32;

// Who dialed, and who was dialed: what one end has said is never taken for the other's words.
enum class Role : uint8_t { kDialer = 'D', kAcceptor = 'A' };

struct Hello {
  enum class Purpose : uint8_t { kLink = 1, kFormation = 2 };
  Purpose purpose = Purpose::kLink;
  uint16_t version = kPeerVersion;
  std::string cluster_id;  // empty: none yet
  uint32_t node = 0;
  uint64_t boot = 0;
  uint64_t feature_version = 1;
  bool has_secret = false;  // for a clear error only: each end goes by its own configuration
  std::string nonce;        // RandomNonce()
};

std::string EncodeHello(const Hello& hello);
// Errors: no Hello, another version (both are named), malformed.
Result<Hello> DecodeHello(std::string_view bytes);

// Both Hellos of one conversation, as they went over the wire.
struct Hellos {
  std::string dialer;
  std::string acceptor;
};

// That `prover` knows the secret, has heard these Hellos and, when forming a cluster, says `text`.
// kProofBytes bytes. Without a secret it proves that both heard the same, no more.
std::string Proof(std::string_view secret, Hello::Purpose purpose, Role prover,
                  const Hellos& hellos, std::string_view text = {});

// The key of the frames behind the handshake: 32 bytes. REQUIRES: both Hellos decode.
std::string LinkKey(std::string_view secret, const Hellos& hellos);

// kNonceBytes bytes from the operating system.
std::string RandomNonce();

// HKDF-SHA-256 (RFC 5869), the first 32 bytes.
std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info);

}  // namespace clustron::cluster

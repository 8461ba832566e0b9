#include "cluster/wire/peer_hello.h"

#include <doctest/doctest.h>

#include "cluster/wire/formation_wire.h"
#include "cluster/wire/frame_mac.h"

namespace clustron::cluster {
namespace {

std::string Unhex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

Hello Example(char nonce) {
  Hello hello;
  hello.cluster_id = "abc";
  hello.node = 3;
  hello.boot = 9;
  hello.has_secret = true;
  hello.nonce = std::string(kNonceBytes, nonce);
  return hello;
}

TEST_CASE("hellos read back; strangers and other versions are named") {
  Hello hello = Example('n');
  const auto back = DecodeHello(EncodeHello(hello));
  REQUIRE(back);
  CHECK(back->cluster_id == "abc");
  CHECK(back->node == 3);
  CHECK(back->boot == 9);
  CHECK(back->has_secret);
  CHECK(back->nonce == hello.nonce);
  CHECK(DecodeHello("GET / HTTP/1.1\r\n").error().code == Errc::kMismatch);
  CHECK(!DecodeHello(EncodeHello(hello).substr(0, 12)));
  CHECK(!DecodeHello(EncodeHello(hello) + "x"));
  hello.version = 7;
  CHECK(DecodeHello(EncodeHello(hello)).error().detail.find("version 7") != std::string::npos);
  hello = Example('n');
  hello.nonce.resize(16);
  CHECK(!DecodeHello(EncodeHello(hello)));
  hello = Example('n');
  hello.cluster_id = std::string(kHelloBytesMax, 'c');
  CHECK(!DecodeHello(EncodeHello(hello)));
}

TEST_CASE("a node of the releases before is told both versions") {
  // Version 1: nonce of 16 bytes, no word about a secret.
  const std::string old = std::string("CLSTRN") + std::string("\1\0\1\3abc", 7) +
                          std::string("\3\0\0\0", 4) + std::string(16, '\1') + "\x10" +
                          std::string(16, 'n');
  const std::string detail = DecodeHello(old).error().detail;
  CHECK(detail.find("version 1") != std::string::npos);
  CHECK(detail.find("version 2") != std::string::npos);
}

TEST_CASE("a proof depends on secret, label, role, both Hellos whole, and the text") {
  const Hellos hellos{EncodeHello(Example('a')), EncodeHello(Example('b'))};
  const auto link = Hello::Purpose::kLink;
  const std::string proof = Proof("s", link, Role::kDialer, hellos);
  CHECK(proof.size() == kProofBytes);
  CHECK(proof == Proof("s", link, Role::kDialer, hellos));
  CHECK(proof != Proof("t", link, Role::kDialer, hellos));
  CHECK(proof != Proof("", link, Role::kDialer, hellos));
  CHECK(proof != Proof("s", Hello::Purpose::kFormation, Role::kDialer, hellos));
  CHECK(proof != Proof("s", link, Role::kAcceptor, hellos));
  CHECK(proof != Proof("s", link, Role::kDialer, hellos, "text"));
  CHECK(proof != Proof("s", link, Role::kDialer, {hellos.acceptor, hellos.dialer}));
  for (size_t i = 0; i < hellos.dialer.size(); ++i) {
    Hellos changed = hellos;
    changed.dialer[i] = static_cast<char>(changed.dialer[i] ^ 1);
    CHECK(proof != Proof("s", link, Role::kDialer, changed));
    changed = hellos;
    changed.acceptor[i] = static_cast<char>(changed.acceptor[i] ^ 1);
    CHECK(proof != Proof("s", link, Role::kDialer, changed));
  }
  // Where one ends and the other begins counts, too.
  CHECK(Proof("s", link, Role::kDialer, {"ab", "c"}) !=
        Proof("s", link, Role::kDialer, {"a", "bc"}));
}

TEST_CASE("the key of a link's frames depends on the secret and on both Hellos") {
  const Hellos hellos{EncodeHello(Example('a')), EncodeHello(Example('b'))};
  const std::string key = LinkKey("secret", hellos);
  CHECK(key.size() == 32);
  CHECK(key == LinkKey("secret", hellos));
  CHECK(key != LinkKey("Secret", hellos));
  CHECK(key != LinkKey("secret", {hellos.acceptor, hellos.dialer}));
  CHECK(key != LinkKey("secret", {hellos.dialer, EncodeHello(Example('c'))}));
  Hello other = Example('b');
  other.node = 4;  // not in the nonces, only in the hash of the Hellos
  CHECK(key != LinkKey("secret", {hellos.dialer, EncodeHello(other)}));
}

TEST_CASE("HKDF is RFC 5869's (its first test case), the MAC is AES-256-GCM's") {
  CHECK(Hkdf(std::string(22, '\x0b'), Unhex("000102030405060708090a0b0c"),
             Unhex("f0f1f2f3f4f5f6f7f8f9")) ==
        Unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
  // By Python's `cryptography`: AESGCM(b"k" * 32).encrypt(b"D" + 11 * b"\0", b"", b"frame"), and
  // with a 1 in the nonce's fifth byte.
  FrameMac mac(std::string(32, 'k'), Role::kDialer);
  char tag[FrameMac::kTagBytes];
  mac.TagNext("frame", tag);
  CHECK(std::string(tag, sizeof tag) == Unhex("69503588d2bf7d86c7d3f274711ce648"));
  mac.TagNext("frame", tag);
  CHECK(std::string(tag, sizeof tag) == Unhex("18e3d44f76f76e57cf828c657d316e6f"));
}

TEST_CASE("what is sealed opens with the same secret, role and Hellos only") {
  const Hellos hellos{EncodeHello(Example('a')), EncodeHello(Example('b'))};
  const auto open = [](std::string_view secret, Role sender, const Hellos& said, std::string text) {
    return Unseal(secret, sender, said, &text);
  };
  const std::string sealed = Seal("s", Role::kDialer, hellos, "state");
  std::string text = sealed;
  CHECK(Unseal("s", Role::kDialer, hellos, &text) == Unsealed::kOk);
  CHECK(text == "state");
  CHECK(open("t", Role::kDialer, hellos, sealed) == Unsealed::kOtherSecret);
  CHECK(open("s", Role::kAcceptor, hellos, sealed) == Unsealed::kOtherSecret);
  CHECK(open("s", Role::kDialer, {hellos.dialer, hellos.dialer}, sealed) == Unsealed::kOtherSecret);
  CHECK(open("s", Role::kDialer, hellos, "State" + sealed.substr(5)) == Unsealed::kOtherSecret);
  CHECK(open("s", Role::kDialer, hellos, sealed.substr(5)) == Unsealed::kMalformed);
  CHECK(open("s", Role::kDialer, hellos, "") == Unsealed::kMalformed);
  // A link's proof is no formation's.
  CHECK(open("s", Role::kDialer, hellos,
             "state" + Proof("s", Hello::Purpose::kLink, Role::kDialer, hellos, "state")) ==
        Unsealed::kOtherSecret);
}

}  // namespace
}  // namespace clustron::cluster

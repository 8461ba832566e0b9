// The handshake of the links, spoken by hand from either side: what does not prove that it knows
// the secret gets nothing in and hears nothing.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "cluster/wire/formation_wire.h"
#include "cluster/wire/peer_test_members.h"

namespace clustron::cluster {
namespace {

// One end of a link in the test's hands.
class Hand {
 public:
  Hand(net::Loop& loop, LinkedMember& member, net::Fd fd)
      : loop_(loop), member_(member), fd_(std::move(fd)) {}

  void Send(const std::string& bytes) {
    REQUIRE(RunUntil(loop_, {&member_}, [&] {
      return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(bytes.size());
    }));
  }
  // The next message, or nothing: the other end has hung up, or sends what is no frame.
  std::optional<std::string> Receive() {
    std::optional<std::string> message;
    REQUIRE(RunUntil(loop_, {&member_}, [&] {
      std::string text;
      const auto more = frames_.Next(&text);
      if (!more) return true;
      if (*more) {
        message = text;
        return true;
      }
      char buffer[4096];
      const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n > 0) frames_.Feed(std::string_view(buffer, static_cast<size_t>(n)));
      return n == 0 || (n < 0 && errno != EAGAIN);
    }));
    return message;
  }
  bool HungUp() { return !Receive().has_value(); }
  FrameReader& frames() { return frames_; }

 private:
  net::Loop& loop_;
  LinkedMember& member_;
  net::Fd fd_;
  FrameReader frames_;
};

constexpr Hello::Purpose kLink = Hello::Purpose::kLink;
constexpr Hello::Purpose kFormation = Hello::Purpose::kFormation;

std::string HelloOf(uint32_t node, char nonce = 'n', Hello::Purpose purpose = kLink) {
  Hello hello;
  hello.purpose = purpose;
  hello.cluster_id = "cluster";
  hello.node = node;
  hello.boot = 1;
  hello.has_secret = true;
  hello.nonce = std::string(kNonceBytes, nonce);
  return EncodeHello(hello);
}

std::string Frame(FrameSealer* sealer, std::string_view message) {
  std::string frame;
  AppendFrame(sealer->check(), Stream::kBulk, true, message, &frame);
  sealer->Seal(&frame);
  return frame;
}

// --- A member that is dialed ---------------------------------------------------------------------

// Node 1 is dialed by somebody who says that it is node 2.
struct Dialed {
  net::Loop loop;
  LinkedMember member{loop, 1};
  Hellos hellos;
  std::string its_proof;

  Dialed() { member.peers.SetPeers({{2, "127.0.0.1", 1}}); }  // nobody listens there
  Hand Dial() {
    auto fd = net::StartConnect("127.0.0.1", member.port);
    REQUIRE(fd.has_value());
    return Hand(loop, member, *std::move(fd));
  }
  // Up to where the dialer's proof is due.
  Hand Greet(const std::string& hello = HelloOf(2)) {
    Hand hand = Dial();
    hand.Send(HandshakeFrame(hello));
    hellos = {hello, hand.Receive().value_or("")};
    REQUIRE(DecodeHello(hellos.acceptor).has_value());
    its_proof = hand.Receive().value_or("");
    return hand;
  }
  std::string RightProof() const { return Proof(kTestSecret, kLink, Role::kDialer, hellos); }
  FrameSealer Sealer() const {
    return FrameSealer(FrameMac(LinkKey(kTestSecret, hellos), Role::kDialer));
  }
  // Hangs up, also on a message that comes at once behind this in place of a proof.
  void CheckRefused(const std::string& in_place_of_proof) {
    Hand hand = Greet();
    FrameSealer sealer = Sealer();
    hand.Send(HandshakeFrame(in_place_of_proof) + Frame(&sealer, "forged"));
    CHECK(hand.HungUp());
    CHECK(member.inbox.messages.empty());
  }
};

TEST_CASE("dialed: the right proof opens the link, and each side has proved itself") {
  Dialed test;
  Hand hand = test.Greet();
  CHECK(test.its_proof == Proof(kTestSecret, kLink, Role::kAcceptor, test.hellos));
  hand.Send(HandshakeFrame(test.RightProof()));
  hand.frames().Expect(FrameMac(LinkKey(kTestSecret, test.hellos), Role::kAcceptor));
  CHECK(hand.Receive() == "");
  FrameSealer sealer = test.Sealer();
  hand.Send(Frame(&sealer, "one"));
  hand.Send(Frame(&sealer, "!two"));
  REQUIRE(
      RunUntil(test.loop, {&test.member}, [&] { return test.member.inbox.messages.size() == 2; }));
  CHECK(test.member.inbox.messages[0] == std::pair<uint32_t, std::string>(2, "one"));
  CHECK(test.member.inbox.messages[1].second == "!two");
}

TEST_CASE("dialed: a proof that is wrong, empty, reflected, of another label or role is refused") {
  Dialed test;
  const Hellos& said = test.hellos;
  SUBCASE("another secret") {
    Hand hand = test.Greet();
    hand.Send(
        HandshakeFrame(Proof("another secret of 32 bytes or more", kLink, Role::kDialer, said)));
    CHECK(hand.HungUp());
  }
  SUBCASE("empty") { test.CheckRefused(""); }
  SUBCASE("cut short") {
    Hand hand = test.Greet();
    hand.Send(HandshakeFrame(test.RightProof().substr(0, 31)));
    CHECK(hand.HungUp());
  }
  SUBCASE("the member's own") {
    Hand hand = test.Greet();
    hand.Send(HandshakeFrame(test.its_proof));
    CHECK(hand.HungUp());
  }
  SUBCASE("for a formation") {
    Hand hand = test.Greet();
    hand.Send(HandshakeFrame(Proof(kTestSecret, kFormation, Role::kDialer, said)));
    CHECK(hand.HungUp());
  }
  SUBCASE("of another Hello than was sent") {
    Hand hand = test.Greet();
    hand.Send(
        HandshakeFrame(Proof(kTestSecret, kLink, Role::kDialer, {HelloOf(3), said.acceptor})));
    CHECK(hand.HungUp());
  }
  SUBCASE("without a secret") {
    Hand hand = test.Greet();
    hand.Send(HandshakeFrame(Proof("", kLink, Role::kDialer, said)));
    CHECK(hand.HungUp());
  }
  CHECK(test.member.inbox.messages.empty());
}

TEST_CASE("dialed: a whole conversation that was recorded is worth nothing the next time") {
  Dialed test;
  Hand first = test.Greet();
  const std::string proof = HandshakeFrame(test.RightProof());
  first.Send(proof);
  FrameSealer sealer = test.Sealer();
  const std::string message = Frame(&sealer, "once");
  first.Send(message);
  REQUIRE(
      RunUntil(test.loop, {&test.member}, [&] { return test.member.inbox.messages.size() == 1; }));
  Hand second = test.Greet();
  second.Send(proof + message);
  CHECK(second.HungUp());
  CHECK(test.member.inbox.messages.size() == 1);
}

TEST_CASE("dialed: messages before the proof are not heard") {
  Dialed test;
  SUBCASE("behind the Hello") { test.CheckRefused("a message"); }
  SUBCASE("before it") {
    Hand hand = test.Dial();
    hand.Send(HandshakeFrame("a message"));
    const auto refusal = hand.Receive();
    REQUIRE(refusal.has_value());
    CHECK(refusal->starts_with("!"));
    CHECK(hand.HungUp());
  }
  SUBCASE("too long for a Hello") {
    Hand hand = test.Dial();
    hand.Send(HandshakeFrame(HelloOf(2) + std::string(kHelloBytesMax, 'x')));
    CHECK(hand.HungUp());
  }
  CHECK(test.member.inbox.messages.empty());
}

TEST_CASE("dialed: behind the proof every frame is authenticated") {
  Dialed test;
  Hand hand = test.Greet();
  hand.Send(HandshakeFrame(test.RightProof()));
  FrameSealer sealer = test.Sealer();
  const std::string one = Frame(&sealer, "one");
  std::string two = Frame(&sealer, "two");
  hand.Send(one);
  REQUIRE(
      RunUntil(test.loop, {&test.member}, [&] { return test.member.inbox.messages.size() == 1; }));
  SUBCASE("repeated") { hand.Send(one); }
  SUBCASE("changed") {
    two.back() = 'x';
    hand.Send(two);
  }
  SUBCASE("left out") { hand.Send(Frame(&sealer, "three")); }
  SUBCASE("by CRC alone") { hand.Send(HandshakeFrame("one") + HandshakeFrame("another")); }
  hand.frames().Expect(FrameMac(LinkKey(kTestSecret, test.hellos), Role::kAcceptor));
  CHECK(hand.Receive() == "");
  CHECK(hand.HungUp());
  CHECK(test.member.inbox.messages.size() == 1);
}

TEST_CASE("dialed: a node of another release, cluster or place is told why") {
  Dialed test;
  const auto refusal = [&](const Hello& hello) {
    Hand hand = test.Dial();
    hand.Send(HandshakeFrame(EncodeHello(hello)));
    const auto answer = hand.Receive();
    REQUIRE(answer.has_value());
    CHECK(answer->starts_with("!"));
    CHECK(hand.HungUp());
    return *answer;
  };
  Hello hello = DecodeHello(HelloOf(2)).value();
  hello.version = 1;
  CHECK(refusal(hello).find("version 1") != std::string::npos);
  hello = DecodeHello(HelloOf(2)).value();
  hello.cluster_id = "other\r\n\xff";
  CHECK(refusal(hello).find("not of cluster other???") != std::string::npos);
  CHECK(refusal(DecodeHello(HelloOf(7)).value()).find("not a member") != std::string::npos);
  hello = DecodeHello(HelloOf(2)).value();
  hello.has_secret = false;
  CHECK(refusal(hello).find("started without one") != std::string::npos);
}

TEST_CASE("dialed: whoever wants to form a cluster learns by proof that there is one") {
  Dialed test;
  const std::string hello = HelloOf(2, 'n', kFormation);
  const auto ask = [&](const std::string& sealed_by, std::string* answer) {
    Hand hand = test.Dial();
    hand.Send(HandshakeFrame(hello));
    test.hellos = {hello, hand.Receive().value_or("")};
    hand.Send(HandshakeFrame(Seal(sealed_by, Role::kDialer, test.hellos, "\1")));
    *answer = hand.Receive().value_or("");
    CHECK(hand.HungUp());
  };
  std::string answer;
  ask(kTestSecret, &answer);
  REQUIRE(Unseal(kTestSecret, Role::kAcceptor, test.hellos, &answer) == Unsealed::kOk);
  const auto decoded = DecodeFormationAnswer(answer);
  REQUIRE(decoded.has_value());
  CHECK(decoded->state == FormationState::kFormed);
  CHECK(decoded->cluster_id == "cluster");
  ask("another secret of 32 bytes or more", &answer);
  CHECK(answer.starts_with("!"));
}

TEST_CASE("dialed: who holds many links open keeps no member out") {
  Dialed test;
  std::vector<Hand> idle;
  for (int i = 0; i < 80; ++i) {
    idle.push_back(test.Dial());
    idle.back().Send(HandshakeFrame(HelloOf(2)).substr(0, 10));
  }
  Hand hand = test.Greet();
  hand.Send(HandshakeFrame(test.RightProof()));
  FrameSealer sealer = test.Sealer();
  hand.Send(Frame(&sealer, "one"));
  CHECK(
      RunUntil(test.loop, {&test.member}, [&] { return test.member.inbox.messages.size() == 1; }));
  CHECK(idle.front().HungUp());
}

TEST_CASE("dialed: a member that dials again has one link") {
  Dialed test;
  Hand first = test.Greet();
  first.Send(HandshakeFrame(test.RightProof()));
  first.frames().Expect(FrameMac(LinkKey(kTestSecret, test.hellos), Role::kAcceptor));
  CHECK(first.Receive() == "");
  Hand second = test.Greet(HelloOf(2, 'm'));
  second.Send(HandshakeFrame(test.RightProof()));
  CHECK(first.HungUp());
  FrameSealer sealer = test.Sealer();
  second.Send(Frame(&sealer, "one"));
  CHECK(
      RunUntil(test.loop, {&test.member}, [&] { return test.member.inbox.messages.size() == 1; }));
}

// --- A member that dials -------------------------------------------------------------------------

// Node 1 dials what it takes for node 2.
struct Dialing {
  net::Loop loop;
  LinkedMember member{loop, 1};
  net::Fd listener;
  Hellos hellos;

  Dialing() {
    auto fd = net::ListenTcp("127.0.0.1", 0, 16);
    REQUIRE(fd.has_value());
    listener = *std::move(fd);
    member.peers.SetPeers({{2, "127.0.0.1", PortOf(listener)}});
  }
  // The next connection, its Hello taken.
  Hand Take() {
    net::Fd fd;
    REQUIRE(RunUntil(loop, {&member}, [&] {
      bool full = false;
      fd = net::Accept(listener.get(), &full);
      return fd.valid();
    }));
    Hand hand(loop, member, std::move(fd));
    hellos.dialer = hand.Receive().value_or("");
    return hand;
  }
  std::string RightProof() const { return Proof(kTestSecret, kLink, Role::kAcceptor, hellos); }
  std::string Welcome() const {
    FrameSealer sealer(FrameMac(LinkKey(kTestSecret, hellos), Role::kAcceptor));
    return Frame(&sealer, "");
  }
  // It hangs up on this, and never takes the link for one.
  void CheckRefused(Hand& hand, const std::string& bytes) {
    hand.Send(bytes);
    hand.Receive();  // perhaps its proof
    CHECK(hand.HungUp());
    CHECK(member.inbox.ups == 0);
    CHECK(!member.peers.Connected(2));
  }
};

TEST_CASE("dialing: the right proof opens the link, also one that begins with a refusal's mark") {
  Dialing test;
  Hand hand = test.Take();
  // Of 256 proofs one begins so.
  char nonce = 0;
  do {
    test.hellos.acceptor = HelloOf(2, ++nonce);
  } while (!test.RightProof().starts_with("!") && nonce != 0);
  while (!test.RightProof().starts_with("!")) {
    Hello hello = DecodeHello(test.hellos.acceptor).value();
    ++hello.boot;
    test.hellos.acceptor = EncodeHello(hello);
  }
  hand.Send(HandshakeFrame(test.hellos.acceptor) + HandshakeFrame(test.RightProof()));
  CHECK(hand.Receive() == Proof(kTestSecret, kLink, Role::kDialer, test.hellos));
  CHECK(!test.member.peers.Connected(2));
  hand.Send(test.Welcome());
  REQUIRE(RunUntil(test.loop, {&test.member}, [&] { return test.member.peers.Connected(2); }));
  test.member.peers.Send(2, Urgency::kBulk, "one");
  hand.frames().Expect(FrameMac(LinkKey(kTestSecret, test.hellos), Role::kDialer));
  CHECK(hand.Receive() == "one");
  // Only the dialer sends.
  FrameSealer sealer(FrameMac(LinkKey(kTestSecret, test.hellos), Role::kAcceptor));
  Frame(&sealer, "");
  hand.Send(Frame(&sealer, "answer"));
  CHECK(hand.HungUp());
  CHECK(test.member.inbox.messages.empty());
}

TEST_CASE("dialing: a proof that is wrong, empty, reflected, of another label or role is refused") {
  Dialing test;
  Hand hand = test.Take();
  test.hellos.acceptor = HelloOf(2);
  std::string proof;
  SUBCASE("another secret") {
    proof = Proof("another secret of 32 bytes or more", kLink, Role::kAcceptor, test.hellos);
  }
  SUBCASE("empty") {}
  SUBCASE("cut short") { proof = test.RightProof().substr(0, 31); }
  SUBCASE("a dialer's") { proof = Proof(kTestSecret, kLink, Role::kDialer, test.hellos); }
  SUBCASE("for a formation") {
    proof = Proof(kTestSecret, kFormation, Role::kAcceptor, test.hellos);
  }
  SUBCASE("of another Hello than was sent") {
    proof = Proof(kTestSecret, kLink, Role::kAcceptor, {test.hellos.dialer, HelloOf(2, 'm')});
  }
  SUBCASE("without a secret") { proof = Proof("", kLink, Role::kAcceptor, test.hellos); }
  test.CheckRefused(hand,
                    HandshakeFrame(test.hellos.acceptor) + HandshakeFrame(proof) + test.Welcome());
}

TEST_CASE("dialing: a recorded conversation is worth nothing the next time") {
  Dialing test;
  Hand first = test.Take();
  test.hellos.acceptor = HelloOf(2);
  const std::string recorded =
      HandshakeFrame(test.hellos.acceptor) + HandshakeFrame(test.RightProof());
  const std::string welcome = test.Welcome();
  first.Send(recorded);
  CHECK(first.Receive().has_value());  // its proof
  {
    Hand gone = std::move(first);
  }
  Hand second = test.Take();
  test.CheckRefused(second, recorded + welcome);
}

TEST_CASE("dialing: the proof that a member's own port gives is not taken for the other's") {
  Dialing test;
  Hand hand = test.Take();
  // Asked in the other's name with the dialer's own nonce.
  auto fd = net::StartConnect("127.0.0.1", test.member.port);
  REQUIRE(fd.has_value());
  Hand oracle(test.loop, test.member, *std::move(fd));
  Hello as_two = DecodeHello(test.hellos.dialer).value();
  as_two.node = 2;
  oracle.Send(HandshakeFrame(EncodeHello(as_two)));
  const std::string its_hello = oracle.Receive().value_or("");
  const std::string its_proof = oracle.Receive().value_or("");
  CHECK(its_proof.size() == kProofBytes);
  SUBCASE("with the Hello that it was made for") {
    test.CheckRefused(hand, HandshakeFrame(its_hello) + HandshakeFrame(its_proof));
  }
  SUBCASE("with another") {
    test.CheckRefused(hand, HandshakeFrame(HelloOf(2)) + HandshakeFrame(its_proof));
  }
}

TEST_CASE("dialing: no word is taken for the proof or the welcome") {
  Dialing test;
  Hand hand = test.Take();
  test.hellos.acceptor = HelloOf(2);
  const std::string greeting = HandshakeFrame(test.hellos.acceptor);
  const std::string proof = HandshakeFrame(test.RightProof());
  SUBCASE("welcome before the proof") { test.CheckRefused(hand, greeting + test.Welcome()); }
  SUBCASE("welcome at once") { test.CheckRefused(hand, HandshakeFrame("")); }
  SUBCASE("the Hello twice") { test.CheckRefused(hand, greeting + greeting); }
  SUBCASE("a welcome without a MAC") {
    test.CheckRefused(hand, greeting + proof + HandshakeFrame("") + HandshakeFrame(""));
  }
  SUBCASE("a welcome by another key") {
    FrameSealer sealer(FrameMac(std::string(32, 'k'), Role::kAcceptor));
    test.CheckRefused(hand, greeting + proof + Frame(&sealer, ""));
  }
  SUBCASE("its own words back") {
    test.CheckRefused(hand,
                      HandshakeFrame(test.hellos.dialer) +
                          HandshakeFrame(Proof(kTestSecret, kLink, Role::kDialer, test.hellos)));
  }
  SUBCASE("an endless Hello") {
    test.CheckRefused(hand, HandshakeFrame(HelloOf(2) + std::string(kHelloBytesMax, 'x')));
  }
}

TEST_CASE("without a secret links are made by CRC, and only to who has none either") {
  net::Loop loop;
  LinkedMember a(loop, 1, "");
  LinkedMember b(loop, 2, "");
  LinkedMember c(loop, 3);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}, {3, "127.0.0.1", c.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  c.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(
      RunUntil(loop, {&a, &b, &c}, [&] { return a.peers.Connected(2) && b.peers.Connected(1); }));
  a.peers.Send(2, Urgency::kBulk, "one");
  REQUIRE(RunUntil(loop, {&a, &b, &c}, [&] { return b.inbox.messages.size() == 1; }));
  int turns = 0;
  CHECK(RunUntil(loop, {&a, &b, &c}, [&] { return ++turns > 100; }));
  CHECK(!a.peers.Connected(3));
  CHECK(!c.peers.Connected(1));
}

}  // namespace
}  // namespace clustron::cluster

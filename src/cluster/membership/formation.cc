#include "cluster/membership/formation.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/clock.h"
#include "base/coding.h"
#include "base/host_port.h"
#include "base/strings.h"
#include "cluster/wire/formation_wire.h"
#include "cluster/wire/peer_frame.h"
#include "cluster/wire/peer_hello.h"

namespace clustron::cluster {

namespace {

constexpr int kCallTimeoutMs = 2000;
constexpr int kRoundMs = 100;
// A node that asks doesn't answer meanwhile, so those that only look around do it seldom and, by
// their place in the list, not together: else they would wait for each other.
constexpr size_t kLookAroundRounds = 16;
// Who calls has so long to prove that it knows the secret.
constexpr int64_t kCallerNsMax = 3'000'000'000;

using Ask = FormationAsk;
using State = FormationState;
using Answer = FormationAnswer;

Answer NoAnswer(std::string why) { return {State::kNone, {}, std::move(why)}; }

// Others' words for a log line.
std::string Shown(std::string_view text) {
  constexpr size_t kShownMax = 400;
  return Printable(text, kShownMax);
}

// Messages over a non-blocking socket; Send and Receive wait, with a deadline.
class Conversation {
 public:
  explicit Conversation(net::Fd fd) : fd_(std::move(fd)) {
    frames_.set_message_bytes_max(kHelloBytesMax);
  }

  int fd() const { return fd_.get(); }
  // From here on the other end may send as much as a sealed text has.
  void ExpectSealed() { frames_.set_message_bytes_max(kSealedBytesMax); }

  bool Send(std::string_view message) {
    const std::string out = HandshakeFrame(message);
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t n = send(fd_.get(), out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (n > 0) {
        sent += static_cast<size_t>(n);
      } else if (errno != EAGAIN && errno != EINTR) {
        return Broke(std::string("sending to it failed: ") + std::strerror(errno));
      } else if (!Wait(POLLOUT)) {
        return Broke("it takes no bytes");
      }
    }
    return true;
  }

  std::optional<std::string> Receive() {
    for (;;) {
      std::optional<std::string> message;
      if (!TryReceive(&message)) return std::nullopt;
      if (message) return message;
      if (!Wait(POLLIN)) {
        Broke("connected, but it gave no answer within 2 s");
        return std::nullopt;
      }
    }
  }

  // Waits for nothing: *message stays empty if none is complete. False: the conversation is over.
  bool TryReceive(std::optional<std::string>* message) {
    constexpr int kReadsMax = 32;
    std::string text;
    for (int i = 0; i < kReadsMax; ++i) {
      auto more = frames_.Next(&text);
      if (!more)
        return Broke(
            "what answers there is no cluster node, or something in between changes its bytes (" +
            more.error().detail + ")");
      if (*more) {
        *message = std::move(text);
        return true;
      }
      char buffer[4096];
      const ssize_t n = read(fd_.get(), buffer, sizeof buffer);
      if (n > 0) {
        frames_.Feed(std::string_view(buffer, static_cast<size_t>(n)));
      } else if (n == 0) {
        return Broke("it closed the connection");
      } else if (errno == EAGAIN) {
        return true;
      } else if (errno != EINTR) {
        return Broke(std::string("the connection broke: ") + std::strerror(errno));
      }
    }
    return true;
  }

  // Why the last of these failed.
  const std::string& trouble() const { return trouble_; }

 private:
  bool Broke(std::string why) {
    trouble_ = std::move(why);
    return false;
  }
  bool Wait(int16_t events) {
    pollfd entry{fd_.get(), events, 0};
    return poll(&entry, 1, kCallTimeoutMs) == 1;
  }
  net::Fd fd_;
  FrameReader frames_;
  std::string trouble_;
};

uint64_t RandomU64() {
  uint64_t value;
  CHECK(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

std::string RandomClusterId() {
  static constexpr char kHex[] = "0123456789abcdef";
  constexpr size_t kIdBytes = 16;
  std::string id;
  for (const char c : RandomNonce().substr(0, kIdBytes)) {
    id += kHex[static_cast<uint8_t>(c) >> 4];
    id += kHex[static_cast<uint8_t>(c) & 15];
  }
  return id;
}

class Former {
 public:
  Former(persist::Fs& fs, const net::Fd& listener, const FormationConfig& config)
      : fs_(fs), listener_(listener), config_(config) {}

  Status Run() {
    auto loaded = persist::IdentityFile::Load(fs_, config_.dir);
    if (!loaded) return std::unexpected(loaded.error());
    identity_ = *loaded;
    if (identity_) {
      ASSIGN_OR_RETURN(genesis_, DecodeGenesis(identity_->extra));
      if (genesis_.formed) return {};
      TRY(TakeCorrectedList());
    }
    if (config_.take_place) return TakePlace();
    config_.say("forming a cluster of " + std::to_string(config_.initial.size()) + " nodes as " +
                NameOf(config_.self));
    for (size_t round = 1; !formed_; ++round) {
      if (config_.stop()) return Fail(Errc::kUnavailable, "stopped while forming the cluster");
      const bool my_turn =
          (round + kLookAroundRounds / 2) % kLookAroundRounds == config_.self % kLookAroundRounds;
      if (config_.self == 0) {
        TRY(Lead());
      } else if (my_turn) {
        TRY(LookAround());
      }
      ServeFor(kRoundMs);
      TRY(std::exchange(trouble_, Status()));
    }
    config_.say("cluster " + identity_->cluster_id + " is formed");
    return {};
  }

 private:
  std::string NameOf(size_t i) const {
    return PrintHostPort(config_.initial[i].host, config_.initial[i].port);
  }

  // Nothing is formed before the first node has said so: its list may still be corrected.
  Status TakeCorrectedList() {
    const std::string before = ListText(genesis_.members);
    if (config_.take_place || SameList(genesis_.members, config_.initial)) return {};
    if (identity_->node_id != config_.self + 1)
      return Fail(Errc::kMismatch,
                  config_.dir + " holds the beginning of cluster " + identity_->cluster_id +
                      ", in whose list (" + before + ") this node is number " +
                      std::to_string(identity_->node_id) +
                      ", and in cluster-initial it is number " + std::to_string(config_.self + 1) +
                      ". That cluster was never formed and there are no data: empty the directory");
    if (config_.self != 0) return {};  // the first one's list counts, and is told anew
    config_.say("cluster-initial was " + before + " at an earlier start and has been corrected");
    genesis_.members = config_.initial;
    identity_->extra = EncodeGenesis(genesis_);
    return persist::IdentityFile::Update(fs_, config_.dir, *identity_);
  }

  Hello OwnHello() const {
    Hello hello;
    hello.purpose = Hello::Purpose::kFormation;
    hello.node = static_cast<uint32_t>(config_.self + 1);
    hello.has_secret = !config_.secret.empty();
    hello.nonce = RandomNonce();
    if (identity_) hello.cluster_id = identity_->cluster_id;
    return hello;
  }

  // --- Asking

  // What this node can say about secrets that differ.
  std::string OtherSecret() const {
    return config_.secret.empty() ? "it has a cluster secret, and this node was started without "
                                    "one (cluster-secret-file)"
                                  : "it has another cluster secret, or none";
  }

  Answer Call(size_t peer, Ask ask, std::string_view body) {
    auto fd = net::ConnectWithin(config_.initial[peer].host, config_.initial[peer].peer_port,
                                 kCallTimeoutMs);
    if (!fd) return NoAnswer("not reachable: " + fd.error().detail);
    Conversation talk(*std::move(fd));
    const Hello mine = OwnHello();
    Hellos hellos{EncodeHello(mine), {}};
    if (!talk.Send(hellos.dialer)) return NoAnswer(talk.trouble());
    const auto reply = talk.Receive();
    if (!reply) return NoAnswer(talk.trouble());
    if (reply->starts_with(kRefusal)) return NoAnswer("it says: " + Shown(reply->substr(1)));
    auto theirs = DecodeHello(*reply);
    if (!theirs) return NoAnswer(theirs.error().detail);
    // One that runs already has an id of its own cluster's.
    const bool runs = theirs->boot != 0;
    if (!runs && theirs->node == mine.node)
      return NoAnswer(
          "that is this node itself, or one that takes itself for the same place in "
          "cluster-initial");
    if (!runs && theirs->node != peer + 1)
      return NoAnswer("it takes itself for number " + std::to_string(theirs->node) +
                      " of cluster-initial, here it is number " + std::to_string(peer + 1) +
                      ": the lists must be the same, in the same order");
    hellos.acceptor = *reply;
    std::string text(1, static_cast<char>(ask));
    text.append(body);
    talk.ExpectSealed();
    if (!talk.Send(Seal(config_.secret, Role::kDialer, hellos, text)))
      return NoAnswer(talk.trouble());
    auto answer = talk.Receive();
    if (!answer) return NoAnswer(talk.trouble());
    if (answer->starts_with(kRefusal)) return NoAnswer("it says: " + Shown(answer->substr(1)));
    switch (Unseal(config_.secret, Role::kAcceptor, hellos, &*answer)) {
      case Unsealed::kOk:
        break;
      case Unsealed::kMalformed:
        return NoAnswer("its answer is too short to be one");
      case Unsealed::kOtherSecret:
        return NoAnswer(OtherSecret());
    }
    auto decoded = DecodeFormationAnswer(*answer);
    return decoded ? *std::move(decoded) : NoAnswer(decoded.error().detail);
  }

  // Rounds come ten times a second: of each node only what is new is said.
  void Complain(size_t peer, const std::string& what) {
    if (config_.waits_for) config_.waits_for(NameOf(peer) + ": " + what);
    SayIfNew("to " + NameOf(peer), "waiting for " + NameOf(peer) + ": " + what);
  }
  void Refused(const std::string& who, const std::string& why) {
    SayIfNew("from " + who, who + " was refused: " + why);
  }
  void SayIfNew(const std::string& about, const std::string& line) {
    if (std::exchange(said_[about], line) != line) config_.say(line);
  }

  Status Foreign(size_t peer, const std::string& cluster_id) const {
    return Fail(Errc::kMismatch,
                NameOf(peer) + " belongs to cluster " + cluster_id +
                    " already, so no new cluster can be formed with it. To put this node in the "
                    "place of a member of that cluster that is gone, with its data lost, start it "
                    "with that member's address, the cluster's list and --cluster-take-place yes; "
                    "members can't be added yet");
  }

  // --- Taking a place again

  // So many of the others must agree: a majority of all, or all that there are.
  size_t AgreementsNeeded() const {
    return std::min(config_.initial.size() - 1, config_.initial.size() / 2 + 1);
  }

  Status TakePlace() {
    // Whoever was killed a moment ago may still seem to be alive.
    constexpr int64_t kRefusedForNs = 6'000'000'000;
    if (identity_)
      return Fail(Errc::kMismatch, config_.dir + " holds the beginning of another cluster (" +
                                       identity_->cluster_id +
                                       "): --cluster-take-place yes is for an empty directory");
    config_.say("asking for the place of " + NameOf(config_.self) + " in its cluster");
    const int64_t began_ns = clock_.MonotonicNs();
    for (;;) {
      std::string cluster_id, refusal;
      PlaceGrant highest;
      size_t agreed = 0;
      for (size_t i = 0; i < config_.initial.size(); ++i) {
        if (i == config_.self) continue;
        const Answer answer = Call(i, Ask::kTakePlace, {});
        PlaceGrant grant;
        if (answer.state == State::kRefused) {
          refusal = NameOf(i) + " refuses: " + answer.text;
        } else if (!answer.usable()) {
          Complain(i, answer.text);
        } else if (answer.state != State::kFormed) {
          Complain(i, "it is not a member of a cluster yet");
        } else if (!DecodePlaceGrant(answer.text, &grant)) {
          Complain(i, "its answer can't be read");
        } else if (!cluster_id.empty() && answer.cluster_id != cluster_id) {
          return Fail(Errc::kMismatch,
                      "the nodes of cluster-initial belong to different clusters, " + cluster_id +
                          " and " + answer.cluster_id);
        } else {
          cluster_id = answer.cluster_id;
          highest.genesis = grant.genesis;
          highest.known_boot = std::max(highest.known_boot, grant.known_boot);
          ++agreed;
        }
      }
      if (!refusal.empty()) {
        if (clock_.MonotonicNs() - began_ns > kRefusedForNs)
          return Fail(Errc::kMismatch, "cluster-take-place: " + refusal);
        SayIfNew("refusal", refusal);
      } else if (agreed >= AgreementsNeeded()) {
        return Settle(cluster_id, highest);
      }
      if (config_.stop()) return Fail(Errc::kUnavailable, "stopped while asking for a place");
      poll(nullptr, 0, kRoundMs);
    }
  }

  Status Settle(const std::string& cluster_id, const PlaceGrant& grant) {
    ASSIGN_OR_RETURN(genesis_, DecodeGenesis(grant.genesis));
    const Member& wanted = config_.initial[config_.self];
    const auto place = std::find_if(
        genesis_.members.begin(), genesis_.members.end(),
        [&](const Member& m) { return m.host == wanted.host && m.port == wanted.port; });
    if (place == genesis_.members.end() || place->node != config_.self + 1)
      return Fail(Errc::kMismatch,
                  "cluster-take-place: " + NameOf(config_.self) + " is not number " +
                      std::to_string(config_.self + 1) + " of cluster " + cluster_id +
                      ": cluster-initial must be the list that it was formed with");
    genesis_.formed = true;
    persist::Identity identity;
    identity.cluster_id = cluster_id;
    identity.node_id = place->node;
    identity.boot = grant.known_boot;
    identity.set_back = true;
    identity.set_back_why = "it has taken the place of a member whose disk was lost";
    identity.extra = EncodeGenesis(genesis_);
    TRY(persist::IdentityFile::Create(fs_, config_.dir, identity));
    identity_ = identity;
    config_.say("has taken the place of node " + std::to_string(place->node) + " in cluster " +
                cluster_id);
    return {};
  }

  // It was told of a cluster by a first node that has come to nothing since.
  Status LeftOver(size_t peer, const std::string& cluster_id) const {
    return Fail(Errc::kMismatch,
                NameOf(peer) + " holds the beginning of a cluster, " + cluster_id +
                    ", that was never formed: no data, but no empty directory either. Stop it, "
                    "empty its data directory, and start it again");
  }

  // The first node of the list.
  Status Lead() {
    Status left_over;
    for (size_t i = 1; i < config_.initial.size(); ++i) {
      const Answer answer = Call(i, Ask::kState, {});
      if (!answer.usable()) {
        Complain(i, answer.text);
        return {};
      }
      const bool ours = identity_ && answer.cluster_id == identity_->cluster_id;
      if (answer.state == State::kEmpty || ours) continue;
      if (answer.state != State::kPrepared) return Foreign(i, answer.cluster_id);
      if (left_over) left_over = LeftOver(i, answer.cluster_id);
    }
    TRY(left_over);
    if (!identity_) {
      genesis_.hash_seed = RandomU64();
      genesis_.members = config_.initial;
      TRY(Create(RandomClusterId()));
    }
    std::string body;
    Writer writer(&body);
    writer.Bytes(identity_->cluster_id);
    writer.Bytes(EncodeGenesis(genesis_));
    for (size_t i = 1; i < config_.initial.size(); ++i) {
      const Answer answer = Call(i, Ask::kGenesis, body);
      if (!answer.usable()) {
        Complain(i, answer.text);
        return {};
      }
    }
    TRY(MarkFormed());
    for (size_t i = 1; i < config_.initial.size(); ++i) Call(i, Ask::kGo, identity_->cluster_id);
    return {};
  }

  // Any other: has the cluster been formed without this node hearing of it?
  Status LookAround() {
    for (size_t i = 0; i < config_.initial.size(); ++i) {
      if (i == config_.self) continue;
      const Answer answer = Call(i, Ask::kState, {});
      if (!answer.usable()) Complain(i, answer.text);
      if (answer.state != State::kFormed) continue;
      if (!identity_ || identity_->cluster_id != answer.cluster_id)
        return Foreign(i, answer.cluster_id);
      return MarkFormed();
    }
    return {};
  }

  // --- Answering

  // Somebody who has called this node.
  struct Caller {
    explicit Caller(net::Fd fd) : talk(std::move(fd)) {}
    Conversation talk;
    int64_t since_ns = 0;
    Hellos hellos;  // empty until its Hello has come
    uint32_t node = 0;
  };

  void ServeFor(int ms) {
    const int64_t end_ns = clock_.MonotonicNs() + int64_t{ms} * 1'000'000;
    for (;;) {
      const int64_t now_ns = clock_.MonotonicNs();
      const int64_t left_ms = (end_ns - now_ns) / 1'000'000;
      if (left_ms <= 0 || formed_) return;
      std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}};
      for (const auto& caller : callers_) polled.push_back({caller->talk.fd(), POLLIN, 0});
      if (poll(polled.data(), polled.size(), static_cast<int>(left_ms)) < 0) return;
      // Who waited while this node asked others is heard before it is judged.
      std::erase_if(callers_, [&](const std::unique_ptr<Caller>& caller) {
        return !Hear(*caller) || now_ns - caller->since_ns > kCallerNsMax;
      });
      bool full = false;
      net::Fd fd = net::Accept(listener_.get(), &full);
      if (!fd.valid()) continue;
      if (callers_.size() >= config_.callers_max) callers_.erase(callers_.begin());
      callers_.push_back(std::make_unique<Caller>(std::move(fd)));
      callers_.back()->since_ns = now_ns;
    }
  }

  // False: the conversation is over.
  bool Hear(Caller& caller) {
    std::optional<std::string> message;
    if (!caller.talk.TryReceive(&message)) return false;
    if (!message) return true;
    if (!caller.hellos.dialer.empty()) {
      Serve(caller, *std::move(message));
      return false;
    }
    auto theirs = DecodeHello(*message);
    if (!theirs) {
      caller.talk.Send(kRefusal + theirs.error().detail);
      return false;
    }
    if (theirs->purpose != Hello::Purpose::kFormation) {
      caller.talk.Send("!this node has not joined a cluster yet");
      return false;
    }
    caller.node = theirs->node;
    caller.hellos = {*message, EncodeHello(OwnHello())};
    caller.talk.ExpectSealed();
    return caller.talk.Send(caller.hellos.acceptor);
  }

  void Serve(Caller& caller, std::string request) {
    const std::string who = caller.node >= 1 && caller.node <= config_.initial.size()
                                ? NameOf(caller.node - 1)
                                : "a node that is not in cluster-initial";
    switch (Unseal(config_.secret, Role::kDialer, caller.hellos, &request)) {
      case Unsealed::kOk:
        break;
      case Unsealed::kMalformed:
        Refused(who, "its request is too short to be one");
        caller.talk.Send(std::string(1, kRefusal) + "the request is too short to be one");
        return;
      case Unsealed::kOtherSecret:
        // In the clear: it could not read what this node seals.
        Refused(who, OtherSecret());
        caller.talk.Send(std::string(1, kRefusal) +
                         (config_.secret.empty()
                              ? "the other has a cluster secret, and this node was started without "
                                "one (cluster-secret-file)"
                              : "the cluster secrets differ (cluster-secret-file)"));
        return;
    }
    const Answer answer = Act(static_cast<Ask>(request[0]), std::string_view(request).substr(1));
    caller.talk.Send(
        Seal(config_.secret, Role::kAcceptor, caller.hellos, EncodeFormationAnswer(answer)));
  }

  Answer Now() const {
    if (!identity_) return {State::kEmpty, {}, {}};
    return {genesis_.formed ? State::kFormed : State::kPrepared, identity_->cluster_id, {}};
  }

  Answer OtherList(const std::vector<Member>& theirs) {
    const std::string lists = "cluster-initial differs between the nodes: " + NameOf(config_.self) +
                              " has " + ListText(config_.initial) +
                              ", the first node of the list has " + ListText(theirs);
    SayIfNew("list", lists);
    return {State::kRefused, {}, lists};
  }

  Answer Act(Ask ask, std::string_view body) {
    Reader reader(body);
    switch (ask) {
      case Ask::kState:
      case Ask::kTakePlace:  // there is none to give yet: the answer says so
        return Now();
      case Ask::kGenesis: {
        const std::string cluster_id(reader.Bytes());
        auto genesis = DecodeGenesis(reader.Bytes());
        if (!reader.Done() || !genesis) return {State::kRefused, {}, "malformed genesis"};
        if (!SameList(genesis->members, config_.initial)) return OtherList(genesis->members);
        if (identity_ && identity_->cluster_id != cluster_id)
          return {State::kRefused, identity_->cluster_id, "it holds another cluster's data"};
        if (Status status = Prepare(cluster_id, *std::move(genesis)); !status) {
          trouble_ = status;
          return {State::kRefused, {}, status.error().detail};
        }
        return Now();
      }
      case Ask::kGo:
        if (identity_ && identity_->cluster_id == body && !genesis_.formed) trouble_ = MarkFormed();
        return Now();
    }
    return {State::kRefused, {}, "unknown request"};
  }

  // --- Keeping

  // What the first node proposes: for the first time, or again with a list that was corrected.
  Status Prepare(const std::string& cluster_id, Genesis genesis) {
    if (identity_ && (genesis_.formed || SameList(genesis_.members, genesis.members))) return {};
    genesis_ = std::move(genesis);
    if (!identity_) return Create(cluster_id);
    genesis_.formed = false;
    identity_->extra = EncodeGenesis(genesis_);
    return persist::IdentityFile::Update(fs_, config_.dir, *identity_);
  }

  Status Create(const std::string& cluster_id) {
    genesis_.formed = false;
    persist::Identity identity;
    identity.cluster_id = cluster_id;
    identity.node_id = static_cast<uint32_t>(config_.self + 1);
    identity.extra = EncodeGenesis(genesis_);
    TRY(persist::IdentityFile::Create(fs_, config_.dir, identity));
    identity_ = identity;
    return {};
  }

  Status MarkFormed() {
    genesis_.formed = true;
    identity_->extra = EncodeGenesis(genesis_);
    TRY(persist::IdentityFile::Update(fs_, config_.dir, *identity_));
    formed_ = true;
    return {};
  }

  persist::Fs& fs_;
  const net::Fd& listener_;
  const FormationConfig& config_;
  const SystemClock clock_;
  std::optional<persist::Identity> identity_;
  Genesis genesis_;
  bool formed_ = false;
  Status trouble_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::map<std::string, std::string> said_;  // last, by whom it is about
};

}  // namespace

std::string EncodeGenesis(const Genesis& genesis) {
  std::string out;
  Writer writer(&out);
  writer.U8(1);
  writer.U8(genesis.formed ? 1 : 0);
  writer.U64(genesis.hash_seed);
  writer.Varint(genesis.members.size());
  for (const Member& member : genesis.members) {
    writer.U32(member.node);
    writer.Bytes(member.host);
    writer.U16(member.port);
    writer.U16(member.peer_port);
  }
  return out;
}

Result<Genesis> DecodeGenesis(std::string_view bytes) {
  Reader reader(bytes);
  Genesis genesis;
  if (reader.U8() != 1) return Fail(Errc::kMismatch, "unknown version of the genesis record");
  genesis.formed = reader.U8() == 1;
  genesis.hash_seed = reader.U64();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    Member member;
    member.node = reader.U32();
    member.host = reader.Bytes();
    // Early versions kept the brackets of an IPv6 address.
    if (member.host.starts_with('[') && member.host.ends_with(']'))
      member.host = member.host.substr(1, member.host.size() - 2);
    member.port = reader.U16();
    member.peer_port = reader.U16();
    genesis.members.push_back(std::move(member));
  }
  if (!reader.Done() || genesis.members.empty())
    return Fail(Errc::kCorruption, "the genesis record is malformed");
  return genesis;
}

Status FormCluster(persist::Fs& fs, const net::Fd& listener, const FormationConfig& config) {
  CHECK(config.self < config.initial.size());
  return Former(fs, listener, config).Run();
}

Status FormAlone(persist::Fs& fs, const std::string& dir, const Member& self) {
  Genesis genesis;
  genesis.formed = true;
  genesis.hash_seed = RandomU64();
  genesis.members = {self};
  persist::Identity identity;
  identity.cluster_id = RandomClusterId();
  identity.node_id = self.node;
  identity.extra = EncodeGenesis(genesis);
  return persist::IdentityFile::Create(fs, dir, identity);
}

}  // namespace clustron::cluster

#include "cluster/wire/peer_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/strings.h"
#include "cluster/wire/bulk_queue.h"
#include "cluster/wire/formation_wire.h"
#include "net/connector.h"

namespace clustron::cluster {

namespace {

constexpr uint64_t kRedialMs = 100;
constexpr uint64_t kRedialMaxMs = 1000;
// Read at once from such a one: a Hello and a proof.
constexpr size_t kHandshakeReadBytes = 2048;
constexpr size_t kShownMax = 400;
// A peer that acknowledges nothing for so long is dialed anew: after a partition TCP itself would
// wait for up to two minutes with its next attempt.
constexpr int kSilenceMs = 3000;
constexpr uint64_t kWarnEveryMs = 5000;
constexpr int kKeepAliveS = 10;
// Of bulk: what an urgent message may find before it …
constexpr int kSliceBytes = 256 * 1024;
// … and what one turn of the loop frames and writes, per link.
constexpr size_t kTurnBytesMax = 2 << 20;
// Read in the middle of a long turn and kept for its end, per link; beyond that nothing is read.
constexpr size_t kKeptBytesMax = 64 << 20;

// Reads a little of what is there, before the other end has proved who it is; false: the link has
// ended.
bool ReadLittle(int fd, FrameReader* frames) {
  char buffer[kHandshakeReadBytes];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n > 0) frames->Feed(std::string_view(buffer, static_cast<size_t>(n)));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

// Reads what is there; false: the link has ended.
bool ReadAll(int fd, FrameReader* frames, uint64_t* count) {
  static thread_local std::string buffer(256 * 1024, '\0');
  for (int i = 0; i < 16; ++i) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n > 0) {
      *count += static_cast<uint64_t>(n);
      frames->Feed(std::string_view(buffer.data(), static_cast<size_t>(n)));
      if (static_cast<size_t>(n) < buffer.size()) return true;
      continue;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
  }
  return true;
}

}  // namespace

// --- The link that we dial and send on -----------------------------------------------------------

class Peers::Outbound {
 public:
  Outbound(Peers& owner, PeerAddress address)
      : owner_(owner), address_(std::move(address)), timer_(owner.loop_, [this] { OnTimer(); }) {
    Dial();
  }

  bool up() const { return state_ == State::kUp; }
  const PeerAddress& address() const { return address_; }

  void Send(bool urgent, std::string head, Payload tail) {
    if (state_ != State::kUp) return;
    if (urgent && head.size() + tail.size() <= kUrgentMessageBytesMax) {
      head.append(tail.view());
      AppendFrames(sealer_.check(), Stream::kUrgent, head, &urgent_);
      if (urgent_.size() <= owner_.config_.queue_bytes_max) return;
      Log(LogLevel::kWarning, "the link to node {} is stuck: dropped", address_.node);
      Drop();
      return;
    }
    if (bulk_.bytes() > owner_.config_.queue_bytes_max + bulk_.biggest()) {
      ++owner_.left_out_;
      if (!std::exchange(full_, true))
        Log(LogLevel::kWarning, "the link to node {} is slow: {} bytes wait, the rest is left out",
            address_.node, bulk_.bytes());
      return;
    }
    bulk_.Add(std::move(head), std::move(tail));
  }

  void Flush() {
    if (state_ != State::kUp || blocked_) return;
    Write();
  }

 private:
  // kHello: waits for the other's Hello; kProof: for its proof; kWelcome: for its word that it has
  // accepted ours.
  enum class State : uint8_t { kIdle, kConnecting, kHello, kProof, kWelcome, kUp };

  void Dial() {
    state_ = State::kConnecting;
    connector_ = std::make_unique<net::Connector>(
        owner_.loop_, address_.host, address_.port, owner_.config_.handshake_ms_max,
        [this](Result<net::Fd> fd) { OnConnected(std::move(fd)); });
  }

  void OnConnected(Result<net::Fd> fd) {
    connector_.reset();
    if (!fd) {
      Retry();
      return;
    }
    fd_ = *std::move(fd);
    if (owner_.config_.loopback_only && !net::PeerIsLoopback(fd_.get())) {
      Complain("it is on another machine, and there is no cluster secret (cluster-secret-file)");
      fd_.Reset();
      Retry();
      return;
    }
    net::SetNoDelay(fd_.get());
    net::SetSendTimeout(fd_.get(), kSilenceMs);
    net::SetUnsentMax(fd_.get(), kSliceBytes);
    poll_ = std::make_unique<net::Poll>(owner_.loop_, fd_.get(), [this](int e) { OnEvent(e); });
    poll_->Watch(net::Poll::kReadable);
    timer_.Start(owner_.config_.handshake_ms_max);
    frames_.set_message_bytes_max(kHelloBytesMax);
    hellos_.dialer = EncodeHello(owner_.OwnHello());
    Say(hellos_.dialer);
    state_ = State::kHello;
    Write();
  }

  void Say(std::string_view message) {
    AppendFrame(sealer_.check(), Stream::kUrgent, true, message, &urgent_);
  }

  void OnTimer() {
    if (state_ == State::kIdle) {
      Dial();
    } else if (state_ != State::kUp && state_ != State::kConnecting) {
      Complain("connected, but the handshake did not end in time");
      Drop();
    }
  }

  void Retry() {
    state_ = State::kIdle;
    delay_ms_ = std::min(kRedialMaxMs, std::max(kRedialMs, delay_ms_ * 2));
    timer_.Start(delay_ms_);
  }

  void Drop() {
    const bool was_up = state_ == State::kUp;
    poll_.reset();
    fd_.Reset();
    frames_ = {};
    sealer_ = {};
    urgent_.clear();
    bulk_.Clear();
    bulk_.SetCheck(Check::kCrc);
    sending_.clear();
    sent_ = 0;
    blocked_ = full_ = false;
    Retry();
    if (!was_up) return;
    Log(LogLevel::kNotice, "the link to node {} is down", address_.node);
    if (owner_.listener_ != nullptr) owner_.listener_->OnPeerDown(address_.node);
  }

  void OnEvent(int events) {
    if (events & net::Poll::kWritable) {
      blocked_ = false;
      if (!Write()) return;
    }
    if ((events & net::Poll::kReadable) && !Read()) Drop();
  }

  // False: the link is to be dropped.
  bool Read() {
    // What came before the end is still of interest: it may say why.
    const bool open = ReadLittle(fd_.get(), &frames_);
    std::string message;
    for (;;) {
      auto more = frames_.Next(&message);
      if (!more) return Complain(more.error().detail);
      if (!*more) break;
      if (!OnMessage(message)) return false;
    }
    if (!open) return state_ == State::kUp ? false : Complain("it ended the handshake");
    if (state_ == State::kWelcome) Write();
    return true;
  }

  // False: the link is to be dropped. A refusal comes only where no proof may stand: a proof may
  // begin with any byte.
  bool OnMessage(const std::string& message) {
    switch (state_) {
      case State::kHello:
        return message.starts_with(kRefusal)
                   ? Complain("it says: " + Printable(message.substr(1), kShownMax))
                   : OnHello(message);
      case State::kProof:
        return OnProof(message);
      case State::kWelcome:
        if (!message.empty()) return Complain("malformed handshake");
        OnWelcome();
        return true;
      default:
        return Complain("it sends on a link that only this node sends on");
    }
  }

  bool OnHello(const std::string& message) {
    auto hello = DecodeHello(message);
    if (!hello) return Complain(hello.error().detail);
    if (hello->purpose != Hello::Purpose::kLink || hello->cluster_id != owner_.config_.cluster_id ||
        hello->node != address_.node)
      return Complain("it is node " + std::to_string(hello->node) + " of cluster " +
                      Printable(hello->cluster_id, kShownMax));
    hellos_.acceptor = message;
    state_ = State::kProof;
    return true;
  }

  bool OnProof(const std::string& message) {
    const std::string& secret = owner_.config_.secret;
    if (!EqualsConstantTime(message,
                            Proof(secret, Hello::Purpose::kLink, Role::kAcceptor, hellos_)))
      return Complain("it does not know this node's cluster secret (cluster-secret-file)");
    Say(Proof(secret, Hello::Purpose::kLink, Role::kDialer, hellos_));
    if (!secret.empty()) frames_.Expect(FrameMac(LinkKey(secret, hellos_), Role::kAcceptor));
    state_ = State::kWelcome;
    return true;
  }

  void OnWelcome() {
    CHECK(urgent_.empty());
    const std::string& secret = owner_.config_.secret;
    if (!secret.empty()) sealer_ = FrameSealer(FrameMac(LinkKey(secret, hellos_), Role::kDialer));
    bulk_.SetCheck(sealer_.check());
    state_ = State::kUp;
    delay_ms_ = 0;
    complained_.clear();
    timer_.Stop();
    Log(LogLevel::kNotice, "linked to node {} at {}:{}", address_.node, address_.host,
        address_.port);
    if (owner_.listener_ != nullptr) owner_.listener_->OnPeerUp(address_.node);
  }

  // Always false.
  bool Complain(const std::string& why) {
    if (why == complained_) return false;  // once, not at every attempt
    complained_ = why;
    Log(LogLevel::kWarning, "no link to node {} at {}:{}: {}", address_.node, address_.host,
        address_.port, why);
    return false;
  }

  // False: the link was dropped.
  bool Write() {
    size_t written = 0;
    for (;;) {
      if (sent_ == sending_.size()) {
        sending_.clear();
        sent_ = 0;
        // Urgent frames go first; a slice of bulk at a time, so that they never wait for long.
        sending_.swap(urgent_);
        if (written < kTurnBytesMax) {
          bulk_.Take(kSliceBytes, &sending_);
        } else if (sending_.empty() && bulk_.bytes() > 0) {
          return WaitForTurn();
        }
        if (bulk_.bytes() == 0) full_ = false;
        if (sending_.empty()) {
          poll_->Watch(net::Poll::kReadable);
          return true;
        }
        sealer_.Seal(&sending_);
      }
      const ssize_t n =
          send(fd_.get(), sending_.data() + sent_, sending_.size() - sent_, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return WaitForTurn();
        Drop();
        return false;
      }
      sent_ += static_cast<size_t>(n);
      written += static_cast<size_t>(n);
      owner_.bytes_sent_ += static_cast<uint64_t>(n);
    }
  }

  // Goes on when the loop says that there is room, in another turn.
  bool WaitForTurn() {
    blocked_ = true;
    poll_->Watch(net::Poll::kReadable | net::Poll::kWritable);
    return true;
  }

  Peers& owner_;
  const PeerAddress address_;
  net::Timer timer_;
  std::unique_ptr<net::Connector> connector_;
  net::Fd fd_;
  std::unique_ptr<net::Poll> poll_;
  State state_ = State::kIdle;
  FrameReader frames_;
  Hellos hellos_;
  FrameSealer sealer_;
  std::string urgent_;  // frames waiting, not yet sealed
  BulkQueue bulk_;
  std::string sending_;  // being written, sealed
  size_t sent_ = 0;
  bool blocked_ = false;  // until the loop says that it is writable
  bool full_ = false;     // messages have been left out
  uint64_t delay_ms_ = 0;
  std::string complained_;
};

// --- A link that a peer dialed -------------------------------------------------------------------

class Peers::Inbound {
 public:
  Inbound(Peers& owner, net::Fd fd)
      : owner_(owner),
        fd_(std::move(fd)),
        poll_(owner.loop_, fd_.get(), [this](int) { OnReadable(); }),
        since_ms_(owner.loop_.NowMs()) {
    net::SetNoDelay(fd_.get());
    net::SetKeepAlive(fd_.get(), kKeepAliveS);
    frames_.set_message_bytes_max(kHelloBytesMax);
    poll_.Watch(net::Poll::kReadable);
  }
  bool dead() const { return dead_; }
  bool has_kept() const { return !kept_.empty(); }

  void Breathe() {
    if (state_ != State::kUp || dead_ || ended_ || kept_bytes_ > kKeptBytesMax) return;
    if (!ReadAll(fd_.get(), &frames_, &owner_.bytes_received_)) ended_ = true;
    std::string message;
    for (;;) {
      auto more = frames_.Next(&message);
      if (!more) ended_ = true;
      if (!more || !*more) return;
      if (owner_.TakenWhileBusy(node_, message)) continue;
      kept_bytes_ += message.size();
      kept_.push_back(std::move(message));
    }
  }
  void DeliverKept() {
    if (has_kept() || ended_) Deliver();
  }
  bool up() const { return state_ == State::kUp; }
  uint32_t node() const { return node_; }
  void Die() {
    dead_ = true;
    poll_.Watch(0);
  }
  // Takes too long to prove who it is.
  bool late() const {
    return !up() && owner_.loop_.NowMs() - since_ms_ > owner_.config_.handshake_ms_max;
  }

 private:
  // kHello: waits for the other's Hello; kProof: for its proof; kFormation: it tries to form a
  // cluster, and will ask.
  enum class State : uint8_t { kHello, kProof, kFormation, kUp };

  std::string NameOf(const Hello& hello) const {
    return "node " + std::to_string(hello.node) + " of cluster " +
           Printable(hello.cluster_id, kShownMax) + " at " + net::PeerName(fd_.get());
  }

  void Answer(const std::string& out) {
    // A fresh connection's buffer has room for a handshake.
    if (send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
      Die();
  }
  // `who`: what is known of the other end.
  void Refuse(const std::string& who, const std::string& why) {
    owner_.Warn("refused a link from " + who + ": " + why);
    Answer(HandshakeFrame(kRefusal + why));
    Die();
  }

  void OnReadable() {
    if (up() ? !ReadAll(fd_.get(), &frames_, &owner_.bytes_received_)
             : !ReadLittle(fd_.get(), &frames_))
      ended_ = true;
    Deliver();
  }

  // What a long turn's Breathe has read comes first, also of what it reads in here.
  void Deliver() {
    std::string message;
    while (!dead_) {
      if (kept_.empty()) {
        auto more = frames_.Next(&message);
        if (!more) {
          Die();
          return;
        }
        if (!*more) break;
      } else {
        message = std::move(kept_.front());
        kept_.pop_front();
        kept_bytes_ -= message.size();
      }
      OnMessage(std::move(message));
    }
    if (!ended_ || dead_) return;
    if (state_ == State::kProof)
      owner_.Warn("node " + std::to_string(node_) + " at " + net::PeerName(fd_.get()) +
                  " ended the handshake when it saw this node's proof: do the cluster secrets "
                  "differ (cluster-secret-file)?");
    Die();
  }

  void OnMessage(std::string message) {
    switch (state_) {
      case State::kHello:
        return OnHello(message);
      case State::kProof:
        return OnProof(message);
      case State::kFormation:
        return OnFormationRequest(message);
      case State::kUp:
        if (owner_.Take(node_, std::move(message))) return;
        Log(LogLevel::kWarning, "malformed message from node {}: link dropped", node_);
        Die();
    }
  }

  void OnHello(const std::string& message) {
    const PeerConfig& config = owner_.config_;
    auto hello = DecodeHello(message);
    if (!hello) return Refuse(net::PeerName(fd_.get()), hello.error().detail);
    Hello mine = owner_.OwnHello();
    if (hello->purpose == Hello::Purpose::kFormation) {
      mine.purpose = Hello::Purpose::kFormation;
      hellos_ = {message, EncodeHello(mine)};
      Answer(HandshakeFrame(hellos_.acceptor));
      frames_.set_message_bytes_max(kSealedBytesMax);
      state_ = State::kFormation;
      return;
    }
    if (hello->cluster_id != config.cluster_id)
      return Refuse(NameOf(*hello), "this is node " + std::to_string(config.node) + " of cluster " +
                                        config.cluster_id + ", not of cluster " +
                                        Printable(hello->cluster_id, kShownMax));
    if (!owner_.outbound_.contains(hello->node))
      return Refuse(NameOf(*hello),
                    "node " + std::to_string(hello->node) + " is not a member of this cluster");
    if (hello->has_secret != mine.has_secret)
      return Refuse(NameOf(*hello),
                    mine.has_secret
                        ? "this cluster has a secret, and node " + std::to_string(hello->node) +
                              " was started without one (cluster-secret-file)"
                        : "node " + std::to_string(config.node) +
                              " was started without the cluster's secret (cluster-secret-file)");
    node_ = hello->node;
    hellos_ = {message, EncodeHello(mine)};
    Answer(HandshakeFrame(hellos_.acceptor) +
           HandshakeFrame(Proof(config.secret, Hello::Purpose::kLink, Role::kAcceptor, hellos_)));
    state_ = State::kProof;
  }

  // Whatever else it asks: this cluster is formed, and which it is.
  void OnFormationRequest(std::string request) {
    const PeerConfig& config = owner_.config_;
    if (Unseal(config.secret, Role::kDialer, hellos_, &request) != Unsealed::kOk)
      return Refuse(net::PeerName(fd_.get()) + ", which tries to form a cluster",
                    "the cluster secrets differ (cluster-secret-file)");
    FormationAnswer answer{FormationState::kFormed, config.cluster_id, {}};
    const auto hello = DecodeHello(hellos_.dialer);
    if (hello && request.front() == static_cast<char>(FormationAsk::kTakePlace))
      answer = owner_.PlaceWanted(hello->node);
    Answer(HandshakeFrame(
        Seal(config.secret, Role::kAcceptor, hellos_, EncodeFormationAnswer(answer))));
    Die();
  }

  // In place of a proof that fails nothing is said: a proof of this node's has been seen already.
  void OnProof(const std::string& message) {
    const std::string& secret = owner_.config_.secret;
    if (!EqualsConstantTime(message,
                            Proof(secret, Hello::Purpose::kLink, Role::kDialer, hellos_))) {
      owner_.Warn("refused a link from " + net::PeerName(fd_.get()) +
                  ", which says that it is node " + std::to_string(node_) +
                  ": it did not prove that it knows the cluster secret");
      return Die();
    }
    FrameSealer sealer;
    if (!secret.empty()) {
      const std::string key = LinkKey(secret, hellos_);
      sealer = FrameSealer(FrameMac(key, Role::kAcceptor));
      frames_.Expect(FrameMac(key, Role::kDialer));
    }
    frames_.set_message_bytes_max(kPeerMessageBytesMax);
    state_ = State::kUp;
    std::string welcome;
    AppendFrame(sealer.check(), Stream::kUrgent, true, {}, &welcome);
    sealer.Seal(&welcome);
    Answer(welcome);
    owner_.EndOlderLinks(*this);
  }

  Peers& owner_;
  net::Fd fd_;
  net::Poll poll_;
  const uint64_t since_ms_;
  State state_ = State::kHello;
  FrameReader frames_;
  Hellos hellos_;
  uint32_t node_ = 0;
  Ring<std::string> kept_;
  size_t kept_bytes_ = 0;
  bool dead_ = false;
  bool ended_ = false;
};

// --- Peers ---------------------------------------------------------------------------------------

Peers::Peers(net::Loop& loop, PeerConfig config) : loop_(loop), config_(std::move(config)) {}

Peers::~Peers() = default;

void Peers::Listen(net::Fd listener) {
  accepts_ = std::make_unique<net::Listener>(loop_, std::move(listener),
                                             [this](net::Fd fd) { OnAccept(std::move(fd)); });
}

Hello Peers::OwnHello() const {
  Hello hello;
  hello.cluster_id = config_.cluster_id;
  hello.node = config_.node;
  hello.boot = config_.boot;
  hello.has_secret = !config_.secret.empty();
  hello.nonce = RandomNonce();
  return hello;
}

void Peers::SetPeers(const std::vector<PeerAddress>& peers) {
  for (auto it = outbound_.begin(); it != outbound_.end();) {
    const Outbound& link = *it->second;
    if (std::find(peers.begin(), peers.end(), link.address()) != peers.end()) {
      ++it;
      continue;
    }
    const bool was_up = link.up();
    const NodeId node = it->first;
    it = outbound_.erase(it);
    if (was_up && listener_ != nullptr) listener_->OnPeerDown(node);
  }
  for (const PeerAddress& peer : peers)
    if (peer.node != config_.node && !outbound_.contains(peer.node))
      outbound_.emplace(peer.node, std::make_unique<Outbound>(*this, peer));
}

void Peers::Warn(const std::string& line) {
  const uint64_t now_ms = loop_.NowMs();
  // Whoever is refused comes again and again; its port changes, so the line does.
  if (warned_ && now_ms - warned_ms_ < kWarnEveryMs) return;
  warned_ = true;
  warned_ms_ = now_ms;
  Log(LogLevel::kWarning, "{}", line);
}

void Peers::OnAccept(net::Fd fd) {
  if (config_.loopback_only && !net::PeerIsLoopback(fd.get())) {
    Warn("refused a link from " + net::PeerName(fd.get()) +
         ": it comes from another machine, and there is no cluster secret (cluster-secret-file)");
    return;
  }
  Reap();
  const auto half_open = [](const std::unique_ptr<Inbound>& link) { return !link->up(); };
  if (std::count_if(inbound_.begin(), inbound_.end(), half_open) >=
      static_cast<ptrdiff_t>(config_.half_open_max)) {
    Warn("too many links whose other end proves nothing: the oldest is ended");
    inbound_.erase(std::find_if(inbound_.begin(), inbound_.end(), half_open));
  }
  inbound_.push_back(std::make_unique<Inbound>(*this, std::move(fd)));
}

// Who dialed again has given up the link it had before.
void Peers::EndOlderLinks(const Inbound& newer) {
  for (const auto& link : inbound_)
    if (link.get() != &newer && link->up() && link->node() == newer.node()) link->Die();
}

void Peers::Reap() {
  std::erase_if(inbound_,
                [](const std::unique_ptr<Inbound>& link) { return link->dead() || link->late(); });
}

void Peers::Send(NodeId to, Urgency urgency, std::string head, Payload tail) {
  const auto it = outbound_.find(to);
  if (it == outbound_.end()) return;
  it->second->Send(urgency == Urgency::kUrgent, std::move(head), std::move(tail));
}

bool Peers::Take(NodeId from, std::string message) {
  return listener_ == nullptr || listener_->OnMessage(from, std::move(message));
}

bool Peers::TakenWhileBusy(NodeId from, std::string_view message) {
  return listener_ != nullptr && listener_->OnMessageWhileBusy(from, message);
}

FormationAnswer Peers::PlaceWanted(NodeId node) const {
  if (config_.on_place_wanted) return config_.on_place_wanted(node);
  return {FormationState::kRefused, {}, "places are not given here"};
}

void Peers::Flush() {
  Reap();
  for (auto& [node, link] : outbound_) link->Flush();
}

void Peers::Breathe() {
  for (const auto& link : inbound_) link->Breathe();
  for (auto& [node, link] : outbound_) link->Flush();
}

void Peers::DeliverKept() {
  // One that is accepted meanwhile has nothing kept.
  for (size_t i = 0; i < inbound_.size(); ++i) inbound_[i]->DeliverKept();
}

bool Peers::Connected(uint32_t node) const {
  const auto it = outbound_.find(node);
  return it != outbound_.end() && it->second->up();
}

}  // namespace clustron::cluster

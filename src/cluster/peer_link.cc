#include "cluster/peer_link.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/strings.h"
#include "cluster/bulk_queue.h"
#include "net/connector.h"

namespace clustron::cluster {

namespace {

constexpr uint64_t kRedialMs = 100;
constexpr uint64_t kRedialMaxMs = 1000;
constexpr size_t kInboundMax = 256;
// Before the other end has proved that it knows the secret.
constexpr size_t kHandshakeBytesMax = 4096;
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

std::string RandomNonce() {
  std::string nonce(16, '\0');
  CHECK(getrandom(nonce.data(), nonce.size(), 0) == static_cast<ssize_t>(nonce.size()));
  return nonce;
}

// --- The link that we dial and send on -----------------------------------------------------------

class Peers::Outbound {
 public:
  Outbound(Peers& owner, PeerAddress address)
      : owner_(owner), address_(std::move(address)), timer_(owner.loop_, [this] { OnTimer(); }) {
    Dial();
  }

  bool up() const { return state_ == State::kUp; }

  void Send(bool urgent, std::string head, std::shared_ptr<const std::string> tail) {
    if (state_ != State::kUp) return;
    if (urgent) {
      if (tail != nullptr) head.append(*tail);
      AppendFrames(Stream::kUrgent, head, &urgent_);
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
  enum class State : uint8_t { kIdle, kConnecting, kHello, kProof, kUp };

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
    net::SetNoDelay(fd_.get());
    net::SetSendTimeout(fd_.get(), kSilenceMs);
    net::SetUnsentMax(fd_.get(), kSliceBytes);
    poll_ = std::make_unique<net::Poll>(owner_.loop_, fd_.get(), [this](int e) { OnEvent(e); });
    poll_->Watch(net::Poll::kReadable);
    timer_.Start(owner_.config_.handshake_ms_max);
    nonce_ = RandomNonce();
    Hello hello;
    hello.cluster_id = owner_.config_.cluster_id;
    hello.node = owner_.config_.node;
    hello.boot = owner_.config_.boot;
    hello.nonce = nonce_;
    AppendFrame(Stream::kUrgent, true, EncodeHello(hello), &urgent_);
    state_ = State::kHello;
    Write();
  }

  void OnTimer() {
    if (state_ == State::kIdle) {
      Dial();
    } else if (state_ != State::kUp && state_ != State::kConnecting) {
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
    peer_nonce_.clear();
    urgent_.clear();
    bulk_.Clear();
    sending_.clear();
    sent_ = 0;
    blocked_ = full_ = false;
    Retry();
    if (was_up) owner_.listener_.OnPeerDown(address_.node);
  }

  void OnEvent(int events) {
    if (events & net::Poll::kWritable) {
      blocked_ = false;
      if (!Write()) return;
    }
    if ((events & net::Poll::kReadable) && !ReadHandshake()) Drop();
  }

  bool ReadHandshake() {
    uint64_t ignored = 0;
    // What came before the end is still of interest: it may say why.
    const bool open = ReadAll(fd_.get(), &frames_, &ignored);
    std::string message;
    for (;;) {
      auto more = frames_.Next(&message);
      if (!more) return false;
      if (!*more) return open;
      if (!message.empty() && message[0] == '!') {
        Complain(message.substr(1));
        return false;
      }
      if (state_ == State::kHello && peer_nonce_.empty()) {
        auto hello = DecodeHello(message);
        if (!hello) {
          Complain(hello.error().detail);
          return false;
        }
        if (hello->cluster_id != owner_.config_.cluster_id || hello->node != address_.node) {
          Complain("it is node " + std::to_string(hello->node) + " of cluster " +
                   hello->cluster_id);
          return false;
        }
        peer_nonce_ = hello->nonce;
      } else if (state_ == State::kHello) {
        if (!EqualsConstantTime(message,
                                Proof(owner_.config_.secret, false, nonce_, peer_nonce_))) {
          Complain("it does not know the cluster's secret");
          return false;
        }
        AppendFrame(Stream::kUrgent, true, Proof(owner_.config_.secret, true, nonce_, peer_nonce_),
                    &urgent_);
        state_ = State::kProof;
        if (!open) return false;
        if (!Write()) return true;
      } else if (state_ == State::kProof) {
        state_ = State::kUp;
        delay_ms_ = 0;
        complained_.clear();
        timer_.Stop();
        Log(LogLevel::kNotice, "linked to node {} at {}:{}", address_.node, address_.host,
            address_.port);
        owner_.listener_.OnPeerUp(address_.node);
      }
    }
  }

  void Complain(const std::string& why) {
    peer_nonce_.clear();
    if (why == complained_) return;  // once, not at every attempt
    complained_ = why;
    Log(LogLevel::kWarning, "no link to node {} at {}:{}: {}", address_.node, address_.host,
        address_.port, why);
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
          if (state_ == State::kUp || state_ == State::kHello || state_ == State::kProof)
            poll_->Watch(net::Poll::kReadable);
          return true;
        }
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
  std::string nonce_, peer_nonce_;
  std::string urgent_;  // frames waiting
  BulkQueue bulk_;
  std::string sending_;  // being written
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
    frames_.set_message_bytes_max(kHandshakeBytesMax);
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
      if (owner_.listener_.OnPeerMessageWhileBusy(node_, message)) continue;
      kept_bytes_ += message.size();
      kept_.push_back(std::move(message));
    }
  }
  void DeliverKept() {
    if (has_kept() || ended_) Deliver();
  }
  // Takes too long to prove who it is.
  bool late() const {
    return state_ != State::kUp &&
           owner_.loop_.NowMs() - since_ms_ > owner_.config_.handshake_ms_max;
  }

 private:
  enum class State : uint8_t { kHello, kProof, kUp };

  void Die() {
    dead_ = true;
    poll_.Watch(0);
  }

  std::string NameOf(const Hello& hello) const {
    return "node " + std::to_string(hello.node) + " of cluster " + hello.cluster_id + " at " +
           net::PeerName(fd_.get());
  }

  void Answer(std::string_view message) {
    std::string out;
    AppendFrame(Stream::kUrgent, true, message, &out);
    // A fresh connection's buffer has room for a handshake.
    if (send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
      Die();
  }
  // `who`: what is known of the other end.
  void Refuse(const std::string& who, const std::string& why) {
    owner_.Warn("refused a link from " + who + ": " + why);
    Answer("!" + why);
    Die();
  }

  void OnReadable() {
    if (!ReadAll(fd_.get(), &frames_, &owner_.bytes_received_)) ended_ = true;
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
      OnMessage(message);
    }
    if (ended_) Die();
  }

  void OnMessage(const std::string& message) {
    switch (state_) {
      case State::kHello: {
        auto hello = DecodeHello(message);
        if (!hello) {
          Refuse(net::PeerName(fd_.get()), hello.error().detail);
          return;
        }
        Hello mine;
        mine.purpose = hello->purpose;
        mine.cluster_id = owner_.config_.cluster_id;
        mine.node = owner_.config_.node;
        mine.boot = owner_.config_.boot;
        mine.nonce = nonce_ = RandomNonce();
        if (hello->purpose == Hello::Purpose::kFormation) {
          Answer(EncodeHello(mine));  // tells that this cluster is formed, and which it is
          Die();
          return;
        }
        if (hello->cluster_id != owner_.config_.cluster_id) {
          Refuse(NameOf(*hello), "this is node " + std::to_string(mine.node) + " of cluster " +
                                     mine.cluster_id + ", not of cluster " + hello->cluster_id);
          return;
        }
        if (owner_.outbound_.find(hello->node) == owner_.outbound_.end()) {
          Refuse(NameOf(*hello),
                 "node " + std::to_string(hello->node) + " is not a member of this cluster");
          return;
        }
        node_ = hello->node;
        peer_nonce_ = hello->nonce;
        Answer(EncodeHello(mine));
        Answer(Proof(owner_.config_.secret, false, peer_nonce_, nonce_));
        state_ = State::kProof;
        return;
      }
      case State::kProof:
        if (!EqualsConstantTime(message, Proof(owner_.config_.secret, true, peer_nonce_, nonce_))) {
          Refuse("node " + std::to_string(node_), "wrong cluster secret");
          return;
        }
        Answer("");
        frames_.set_message_bytes_max(kPeerMessageBytesMax);
        state_ = State::kUp;
        return;
      case State::kUp:
        if (!owner_.listener_.OnPeerMessage(node_, message)) {
          Log(LogLevel::kWarning, "malformed message from node {}: link dropped", node_);
          Die();
        }
        return;
    }
  }

  Peers& owner_;
  net::Fd fd_;
  net::Poll poll_;
  const uint64_t since_ms_;
  State state_ = State::kHello;
  FrameReader frames_;
  std::string nonce_, peer_nonce_;
  uint32_t node_ = 0;
  Ring<std::string> kept_;
  size_t kept_bytes_ = 0;
  bool dead_ = false;
  bool ended_ = false;
};

// --- Peers ---------------------------------------------------------------------------------------

Peers::Peers(net::Loop& loop, PeerConfig config, PeerListener& listener)
    : loop_(loop), config_(std::move(config)), listener_(listener) {}

Peers::~Peers() = default;

void Peers::Listen(net::Fd listener) {
  listen_fd_ = std::move(listener);
  listen_poll_ = std::make_unique<net::Poll>(loop_, listen_fd_.get(), [this](int) { OnAccept(); });
  listen_poll_->Watch(net::Poll::kReadable);
}

void Peers::SetPeers(const std::vector<PeerAddress>& peers) {
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

void Peers::OnAccept() {
  for (;;) {
    bool full = false;
    net::Fd fd = net::Accept(listen_fd_.get(), &full);
    if (!fd.valid()) return;
    Reap();
    if (inbound_.size() >= kInboundMax) continue;
    inbound_.push_back(std::make_unique<Inbound>(*this, std::move(fd)));
  }
}

void Peers::Reap() {
  std::erase_if(inbound_,
                [](const std::unique_ptr<Inbound>& link) { return link->dead() || link->late(); });
}

void Peers::Send(uint32_t to, bool urgent, std::string head,
                 std::shared_ptr<const std::string> tail) {
  const auto it = outbound_.find(to);
  if (it != outbound_.end()) it->second->Send(urgent, std::move(head), std::move(tail));
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

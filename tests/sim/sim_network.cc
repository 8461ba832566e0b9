#include "tests/sim/sim_network.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clustron::sim {

SimNetwork::SimNetwork(EventLoop* loop, int node_count, const NetworkOptions& options, Host* host)
    : loop_(*loop),
      node_count_(node_count),
      options_(options),
      host_(*host),
      links_(static_cast<size_t>(node_count) * static_cast<size_t>(node_count)),
      pairs_(links_.size()),
      up_(static_cast<size_t>(node_count), false),
      lives_(static_cast<size_t>(node_count), 0) {
  if (options_.bytes_per_s == 0 || options_.datagram) return;
  for (Link& link : links_) link.bytes_per_s = options_.bytes_per_s;
  links_[loop->rng().Below(links_.size())].bytes_per_s /= 10;
}

// Bulk leaves one after the other. False: so much waits that this is left out.
bool SimNetwork::FindRoom(Link& link, const std::string& message) {
  const size_t bytes = message.size();
  const int64_t now_ns = loop_.now_ns();
  const int64_t waits_ns = std::max<int64_t>(0, link.free_ns - now_ns);
  const auto waiting = static_cast<size_t>(static_cast<double>(waits_ns) / kSecond *
                                           static_cast<double>(link.bytes_per_s));
  if (waiting > options_.queue_bytes_max + link.biggest) {
    constexpr int64_t kHealthyNs = 5 * kSecond;
    ++counters_.left_out;
    if (options_.loss_percent == 0 && link.drained_ns > link.faulted_ns + kHealthyNs) {
      ++counters_.left_out_healthy;
      NoteNoRoom(link, waiting);
    }
    return false;
  }
  if (waits_ns == 0) {
    link.drained_ns = now_ns;
    link.sent_of.clear();
  }
  link.sent_of[message.substr(0, 2)] += bytes;
  link.biggest = std::max(waits_ns == 0 ? 0 : link.biggest, bytes);
  link.free_ns = now_ns + waits_ns +
                 static_cast<int64_t>(static_cast<double>(bytes) * kSecond /
                                      static_cast<double>(link.bytes_per_s));
  return true;
}

void SimNetwork::NoteNoRoom(const Link& link, size_t waiting) {
  if (!no_room_.empty()) return;
  const auto index = static_cast<int>(&link - links_.data());
  no_room_ = "from " + std::to_string(index / node_count_) + " to " +
             std::to_string(index % node_count_) + ": " + std::to_string(waiting) +
             " bytes wait; given to it since it was free, by kind of message:";
  for (const auto& [kind, bytes] : link.sent_of) {
    for (const char c : kind) no_room_ += " " + std::to_string(static_cast<uint8_t>(c));
    no_room_ += ": " + std::to_string(bytes) + ",";
  }
}

int64_t SimNetwork::Delay(const Link& link) {
  Rng& rng = loop_.rng();
  int64_t delay = options_.delay_ns;
  if (options_.jitter_ns > 0) {
    delay +=
        static_cast<int64_t>(-std::log(1.0 - rng.Unit()) * static_cast<double>(options_.jitter_ns));
  }
  if (options_.tail_percent > 0 && rng.Percent(options_.tail_percent)) {
    delay += rng.Between(0, options_.tail_ns);
  }
  if (loop_.now_ns() < link.clog_until_ns) delay += rng.Between(0, link.clog_ns);
  return delay;
}

void SimNetwork::Send(int from, int to, bool urgent, std::string message) {
  CHECK(from != to);
  ++counters_.sent;
  counters_.bytes += message.size();
  if (!up_[from]) return;
  const bool lose = loop_.now_ns() < At(from, to).lose_until_ns;
  if (lose || (options_.loss_percent > 0 && loop_.rng().Percent(options_.loss_percent))) {
    ++counters_.lost;
    return;
  }
  if (!options_.datagram) {
    if (!PairOf(from, to).connected) {
      ++counters_.lost;
      return;
    }
  } else if (options_.duplicate_percent > 0 && loop_.rng().Percent(options_.duplicate_percent)) {
    ++counters_.duplicated;
    Launch(from, to, urgent, message);
  }
  Launch(from, to, urgent, std::move(message));
}

void SimNetwork::Launch(int from, int to, bool urgent, std::string message) {
  Link& link = At(from, to);
  int64_t at_ns = loop_.now_ns() + Delay(link);
  if (!urgent && link.bytes_per_s > 0) {
    if (!FindRoom(link, message)) {
      ++counters_.lost;
      return;
    }
    at_ns += link.free_ns - loop_.now_ns();
  }
  if (!options_.datagram) {
    int64_t& last_ns = link.last_ns[urgent ? 1 : 0];
    at_ns = std::max(at_ns, last_ns + 1);
    last_ns = at_ns;
  }
  const uint32_t epoch = PairOf(from, to).epoch;
  loop_.At(at_ns,
           [this, from, to, urgent, epoch, life = lives_[from], m = std::move(message)]() mutable {
             Arrive(from, to, urgent, epoch, life, std::move(m));
           });
}

void SimNetwork::Arrive(int from, int to, bool urgent, uint32_t epoch, uint32_t life,
                        std::string message) {
  Link& link = At(from, to);
  Pair& pair = PairOf(from, to);
  const bool lost = options_.datagram ? link.blocked : (!pair.connected || pair.epoch != epoch);
  // Links are between processes: once one is there, nothing comes of the sender's earlier ones.
  const bool replaced = life < link.newest_life;
  if (lost || replaced || !up_[to]) {
    ++counters_.lost;
    return;
  }
  link.newest_life = life;
  if (link.blocked) {
    link.held_bytes += message.size();
    if (link.held_bytes > options_.held_bytes_max) {
      Drop(from, to);
      return;
    }
    link.held.push_back({urgent, std::move(message)});
    return;
  }
  ++counters_.delivered;
  loop_.Trace(message);
  host_.OnMessage(to, from, std::move(message));
}

void SimNetwork::SetUp(int node, bool up) {
  CHECK(up_[node] != up);
  up_[node] = up;
  if (up) ++lives_[node];
  for (int peer = 0; peer < node_count_; ++peer) {
    if (peer == node) continue;
    if (up) {
      TryConnect(node, peer);
    } else {
      Drop(node, peer);
    }
  }
}

void SimNetwork::TryConnect(int a, int b) {
  if (options_.datagram) {
    if (!up_[a] || !up_[b]) return;
    loop_.After(0, [this, a, b] {
      if (up_[a] && up_[b]) host_.OnLinkUp(a, b);
      if (up_[a] && up_[b]) host_.OnLinkUp(b, a);
    });
    return;
  }
  Pair& pair = PairOf(a, b);
  if (pair.connected || pair.connecting) return;
  if (!up_[a] || !up_[b] || At(a, b).blocked || At(b, a).blocked) return;
  pair.connecting = true;
  loop_.After(loop_.rng().Between(0, options_.reconnect_ns), [this, a, b] {
    Pair& p = PairOf(a, b);
    p.connecting = false;
    if (!up_[a] || !up_[b] || At(a, b).blocked || At(b, a).blocked) return;
    p.connected = true;
    ++p.epoch;
    const uint32_t epoch = p.epoch;
    host_.OnLinkUp(a, b);
    // Being told may have made the first one send, crash …: the other end looks again.
    if (PairOf(a, b).connected && PairOf(a, b).epoch == epoch) host_.OnLinkUp(b, a);
  });
}

void SimNetwork::Drop(int a, int b) {
  Pair& pair = PairOf(a, b);
  for (Link* link : {&At(a, b), &At(b, a)}) {
    counters_.lost += link->held.size();
    link->held.clear();
    link->held_bytes = 0;
    link->last_ns[0] = link->last_ns[1] = 0;
    link->free_ns = 0;
    link->faulted_ns = loop_.now_ns();
  }
  if (pair.connected) {
    pair.connected = false;
    ++counters_.breaks;
    loop_.After(0, [this, a, b] {
      if (up_[a]) host_.OnLinkDown(a, b);
      if (up_[b]) host_.OnLinkDown(b, a);
    });
  }
  TryConnect(a, b);
}

void SimNetwork::Break(int a, int b) { Drop(a, b); }

void SimNetwork::Block(int from, int to, bool block) {
  Link& link = At(from, to);
  if (link.blocked == block) return;
  link.blocked = block;
  link.faulted_ns = loop_.now_ns();
  if (options_.datagram) return;
  if (block) {
    link.blocked_since_ns = loop_.now_ns();
    const uint32_t epoch = PairOf(from, to).epoch;
    loop_.After(options_.break_after_ns, [this, from, to, epoch, since = loop_.now_ns()] {
      const Link& l = At(from, to);
      if (l.blocked && l.blocked_since_ns == since && PairOf(from, to).epoch == epoch) {
        Drop(from, to);
      }
    });
    return;
  }
  std::deque<Held> held = std::move(link.held);
  link.held.clear();
  link.held_bytes = 0;
  for (Held& h : held) Launch(from, to, h.urgent, std::move(h.message));
  TryConnect(from, to);
}

void SimNetwork::Clog(int from, int to, int64_t delay_ns, int64_t until_ns) {
  At(from, to).clog_ns = delay_ns;
  At(from, to).clog_until_ns = until_ns;
  At(from, to).faulted_ns = until_ns;
}

void SimNetwork::HealAll() {
  for (int a = 0; a < node_count_; ++a) {
    for (int b = 0; b < node_count_; ++b) {
      if (a == b) continue;
      At(a, b).clog_until_ns = 0;
      At(a, b).lose_until_ns = 0;
      Block(a, b, false);
    }
  }
}

void SimNetwork::MakeReliable() {
  HealAll();
  options_.loss_percent = 0;
  options_.duplicate_percent = 0;
  options_.tail_percent = 0;
}

}  // namespace clustron::sim

// Loads with a clock of their own: keepalives of many leases, and a probe that sees how long a
// server keeps others waiting.
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "tests/bench/load/work.h"

namespace clustron::load {
namespace {

std::string LeaseName(uint64_t n) {
  char text[32];
  std::snprintf(text, sizeof text, "l%012llu", static_cast<unsigned long long>(n));
  return text;
}

Request KeepaliveRequest(bool etcd, uint64_t n) {
  if (!etcd) return {{}, Command({"LEASE", "KEEPALIVE", LeaseName(n)})};
  std::string m;
  PutInt(&m, 1, n + 1);
  return {"/etcdserverpb.Lease/LeaseKeepAlive", m};
}

bool IsAlive(bool etcd, std::string_view reply) {
  if (!etcd) return reply.starts_with("*1\r\n:");
  Field ttl;
  return FindField(reply, 3, &ttl) && ttl.number > 0;
}

// One of the two questions of the probe: sent at each millisecond at which no answer is owed.
struct Question {
  std::unique_ptr<Wire> wire;
  Request request;
  int64_t sent_ns = 0;  // 0: none is under way
  std::vector<int64_t> waits;
  std::string error;
};

}  // namespace

// Leases from `from` on, one command each, `rate` a second, on `conns` connections; of `count`
// leases in a ring.
void RunKeepalive(const Options& options) {
  const bool etcd = options.etcd();
  const auto count = static_cast<uint64_t>(options.Int("count", 100'000)),
             rate = static_cast<uint64_t>(options.Int("rate", 10'000));
  const auto from = static_cast<uint64_t>(options.Int("from", 0));
  Loop loop;
  uint64_t sent = 0, answered = 0, lost = 0;
  std::vector<std::unique_ptr<Wire>> wires;
  for (int64_t i = 0; i < options.Int("conns", 100); i++) {
    wires.push_back(options.Connect(&loop, options.port(), [&](std::string_view r) {
      answered++;
      lost += !IsAlive(etcd, r);
    }));
  }
  const int64_t began = NowNs();
  loop.EachMillisecond([&] {
    const auto due = static_cast<uint64_t>(static_cast<double>(NowNs() - began) / 1e9 *
                                           static_cast<double>(rate));
    for (; sent < due; sent++) {
      Wire& w = *wires[sent % wires.size()];
      w.SendOn(KeepaliveRequest(etcd, (from + sent) % count));
      w.Flush();
    }
  });
  loop.RunUntil(began + options.Int("ms", 2000) * 1'000'000);
  std::printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu}\n",
              static_cast<unsigned long long>(sent), static_cast<unsigned long long>(answered),
              static_cast<unsigned long long>(lost));
}

// PING and SET, each at each millisecond at which its answer is not owed. A line on stdin asks for
// what was seen since the last one; the end of stdin ends it. `late_us`: by how much the probe
// itself came too late, so what it can't tell from a stall.
void RunProbe(const Options& options) {
  Loop loop;
  Question questions[2];
  questions[0].request = {{}, Command({"PING"})};
  questions[1].request = {{}, Command({"SET", options.Text("key", "probe"), "v"})};
  for (Question& q : questions) {
    q.wire = options.Connect(&loop, options.port(), [&q](std::string_view r) {
      q.waits.push_back(NowNs() - q.sent_ns);
      q.sent_ns = 0;
      if (r[0] == '-' && q.error.empty()) q.error = r.substr(1, r.size() - 3);
    });
  }
  int64_t last_ns = NowNs(), late_ns = 0;
  loop.EachMillisecond([&] {
    const int64_t now = NowNs();
    late_ns = std::max(late_ns, now - last_ns - 1'000'000);
    last_ns = now;
    for (Question& q : questions) {
      if (q.sent_ns != 0) continue;
      q.sent_ns = now;
      q.wire->Send(q.request);
      q.wire->Flush();
    }
  });
  bool ended = false;
  loop.OnReadable(STDIN_FILENO, [&] {
    char line[64];
    ended = read(STDIN_FILENO, line, sizeof line) <= 0;
    if (ended) return;
    for (Question& q : questions) {
      if (q.sent_ns != 0) q.waits.push_back(NowNs() - q.sent_ns);
    }
    std::printf("{%s, %s, \"late_us\": %" PRId64
                ", \"ping_error\": \"%s\", \"set_error\": \"%s\"}\n",
                Percentiles(&questions[0].waits, "ping_").c_str(),
                Percentiles(&questions[1].waits, "set_").c_str(), late_ns / 1000,
                questions[0].error.c_str(), questions[1].error.c_str());
    std::fflush(stdout);
    for (Question& q : questions) {
      q.waits.clear();
      q.error.clear();
    }
    late_ns = 0;
  });
  loop.Run([&] { return ended; }, INT64_MAX);
}

}  // namespace clustron::load

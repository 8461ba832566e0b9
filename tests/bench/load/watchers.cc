// Watches: how long after a put its watchers hear of it. A value is the time at which it was sent.
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/load/work.h"

namespace clustron::load {
namespace {

constexpr size_t kStampBytes = 19;
constexpr int64_t kSettleNs = 20'000'000'000;

std::string Stamp(int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%019" PRId64, ns);
  return text;
}

int64_t ReadStamp(std::string_view text) {
  return std::strtoll(std::string(text).c_str(), nullptr, 10);
}

Request PutRequest(bool etcd, const std::string& key, const std::string& value) {
  if (!etcd) return {{}, Command({"SET", key, value})};
  std::string m;
  PutBytes(&m, 1, key);
  PutBytes(&m, 2, value);
  return {"/etcdserverpb.KV/Put", m};
}

Request WatchRequest(bool etcd, const std::string& key) {
  if (!etcd) return {{}, Command({"SUBSCRIBE", "__watch@0__:k:" + key})};
  std::string create, m;
  PutBytes(&create, 1, key);
  PutBytes(&m, 1, create);
  return {"/etcdserverpb.Watch/Watch", m};
}

// What a watcher's connection was sent: how many watches began, and the stamps of the events.
struct Told {
  size_t begun = 0, gaps = 0;
  std::vector<int64_t> stamps;
};

void ReadClustron(std::string_view reply, Told* told) {
  if (Element(reply, 0) != "message") return;
  const std::string_view payload = Element(reply, 2);
  if (payload.starts_with("sync ")) {
    told->begun++;
  } else if (payload.starts_with("gap ") || payload.size() < kStampBytes) {
    told->gaps++;
  } else {
    told->stamps.push_back(ReadStamp(payload.substr(payload.size() - kStampBytes)));
  }
}

void ReadEtcd(std::string_view message, Told* told) {
  Field f;
  if (FindField(message, 3, &f) && f.number == 1) told->begun++;
  EachField(message, 11, [&](const Field& event) {
    Field pair, value;
    if (FindField(event.text, 2, &pair) && FindField(pair.text, 5, &value))
      told->stamps.push_back(ReadStamp(value.text));
  });
}

void ReadTold(bool etcd, std::string_view reply, Told* told) {
  etcd ? ReadEtcd(reply, told) : ReadClustron(reply, told);
}

std::vector<int> Ports(const Options& options) {
  std::vector<int> out;
  std::string text = options.Text("watch_ports", std::to_string(options.port())) + ",";
  for (size_t at = 0; at < text.size(); at = text.find(',', at) + 1)
    out.push_back(std::atoi(text.c_str() + at));
  return out;
}

// `watchers` watches over `keys` keys, on `conns` connections in turn of all nodes; `rate` puts a
// second in an open loop.
class Watchers {
 public:
  explicit Watchers(const Options& options)
      : etcd_(options.etcd()),
        keys_(static_cast<size_t>(options.Int("keys", 2500))),
        watchers_(static_cast<size_t>(options.Int("watchers", 10'000))),
        rate_(static_cast<size_t>(options.Int("rate", 5000))) {
    const auto conns = static_cast<size_t>(options.Int("conns", 100));
    const std::vector<int> ports = Ports(options);
    for (size_t i = 0; i < conns; i++) {
      watching_.push_back(options.Connect(&loop_, ports[i % ports.size()],
                                          [this](std::string_view r) { OnTold(r); }));
    }
    for (size_t i = 0; i < watchers_; i++)
      watching_[i * conns / watchers_]->SendOn(WatchRequest(etcd_, Key(i)));
    for (auto& w : watching_) w->Flush();
    if (rate_ == 0) return;
    for (int i = 0; i < 50; i++) {
      putting_.push_back(
          options.Connect(&loop_, options.port(), [this](std::string_view r) { OnPut(r); }));
    }
  }

  void Settle() {
    const int64_t end = NowNs() + kSettleNs;
    loop_.Run([this] { return told_.begun >= watchers_; }, end);
    if (told_.begun < watchers_)
      Fail("only " + std::to_string(told_.begun) + " watches have begun");
    std::printf("ready\n");
    std::fflush(stdout);
  }

  // Until nothing can be read from stdin any more.
  void Hold() {
    bool ended = false;
    loop_.OnReadable(STDIN_FILENO, [&] {
      char c;
      ended = read(STDIN_FILENO, &c, 1) <= 0;
    });
    loop_.Run([&] { return ended; }, INT64_MAX);
  }

  void Run(int64_t run_ns) {
    latencies_.clear();
    const int64_t began = NowNs();
    int64_t late_ns = 0, last_ns = began;
    bool running = true;
    loop_.EachMillisecond([&] {
      if (!running) return;
      const int64_t now = NowNs();
      late_ns = std::max(late_ns, now - last_ns - 1'000'000);
      last_ns = now;
      // What is due by now: late calls are made up for.
      const auto due =
          static_cast<size_t>(static_cast<double>(now - began) / 1e9 * static_cast<double>(rate_));
      while (sent_ < due) PutOne();
    });
    loop_.RunUntil(began + run_ns);
    running = false;
    const size_t each = watchers_ / keys_, expected = sent_ * each;
    loop_.Run([&] { return latencies_.size() >= expected; }, NowNs() + 2'000'000'000);
    const size_t events = latencies_.size();
    std::printf(
        "{\"puts\": %zu, \"answered\": %zu, \"expected\": %zu, \"events\": %zu, \"gaps\": %zu, "
        "\"generator_late_us\": %" PRId64 ", %s}\n",
        sent_, answered_, expected, events, told_.gaps, late_ns / 1000,
        Percentiles(&latencies_).c_str());
  }

 private:
  std::string Key(size_t i) const { return "watched:" + std::to_string(i % keys_); }

  void PutOne() {
    Wire& w = *putting_[sent_ % putting_.size()];
    w.Send(PutRequest(etcd_, Key(sent_ * 7919), Stamp(NowNs())));
    w.Flush();
    sent_++;
  }

  void OnPut(std::string_view reply) {
    if (!etcd_ && reply != "+OK\r\n") Fail("a put was answered " + std::string(reply));
    answered_ += !reply.empty();
  }

  void OnTold(std::string_view reply) {
    told_.stamps.clear();
    ReadTold(etcd_, reply, &told_);
    const int64_t now = NowNs();
    for (const int64_t stamp : told_.stamps) latencies_.push_back(now - stamp);
  }

  const bool etcd_;
  const size_t keys_, watchers_, rate_;
  Loop loop_;
  std::vector<std::unique_ptr<Wire>> watching_, putting_;
  Told told_;
  size_t sent_ = 0, answered_ = 0;
  std::vector<int64_t> latencies_;
};

}  // namespace

void RunWatchers(const Options& options) {
  Watchers watchers(options);
  watchers.Settle();
  if (options.Int("rate", 5000) == 0) return watchers.Hold();
  watchers.Run(options.Int("ms", 2000) * 1'000'000);
}

// One client puts a key that is watched and one that isn't, in turn; each put waits for its reply,
// and for its event.
void RunWatchLatency(const Options& options) {
  const bool etcd = options.etcd();
  Loop loop;
  Told told;
  size_t replies = 0;
  auto watch = options.Connect(&loop, Ports(options)[0],
                               [&](std::string_view r) { ReadTold(etcd, r, &told); });
  auto put = options.Connect(&loop, options.port(), [&](std::string_view) { replies++; });
  watch->SendOn(WatchRequest(etcd, "latency:watched"));
  watch->Flush();
  loop.Run([&] { return told.begun == 1; }, NowNs() + kSettleNs);
  if (told.begun == 0) Fail("the watch has not begun");
  std::vector<int64_t> plain, answered, heard;
  const int64_t end = NowNs() + options.Int("ms", 2000) * 1'000'000;
  while (NowNs() < end) {
    for (const bool watched : {false, true}) {
      const int64_t began = NowNs();
      told.stamps.clear();
      replies = 0;
      int64_t reply_ns = 0, event_ns = 0;
      put->Send(PutRequest(etcd, watched ? "latency:watched" : "latency:other", Stamp(began)));
      put->Flush();
      loop.Run(
          [&] {
            if (replies > 0 && reply_ns == 0) reply_ns = NowNs();
            if (!told.stamps.empty() && event_ns == 0) event_ns = NowNs();
            return reply_ns != 0 && (!watched || event_ns != 0);
          },
          began + kSettleNs);
      if (reply_ns == 0 || (watched && event_ns == 0)) Fail("no reply or no event within 20 s");
      (watched ? answered : plain).push_back(reply_ns - began);
      if (watched) heard.push_back(event_ns - began);
    }
  }
  std::printf("{%s, %s, %s}\n", Percentiles(&plain, "plain_").c_str(),
              Percentiles(&answered, "watched_").c_str(), Percentiles(&heard, "event_").c_str());
}

}  // namespace clustron::load

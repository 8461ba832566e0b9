// So many clients, each of which sends what comes next when it has its reply. `depth` requests at
// once; `limit` operations or `seconds`.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "tests/bench/load/work.h"

namespace clustron::load {
namespace {

class ClosedLoop {
 public:
  ClosedLoop(const std::string& name, const Options& options)
      : work_(options.etcd() ? MakeEtcdWork(name, options) : MakeClustronWork(name, options)),
        depth_(static_cast<size_t>(options.Int("depth", 1))),
        limit_(static_cast<uint64_t>(options.Int("limit", INT64_MAX))),
        clients_(static_cast<size_t>(options.Int("clients", 50))) {
    for (size_t i = 0; i < clients_.size(); i++) {
      clients_[i].wire =
          options.Connect(&loop_, options.port(), [this, i](std::string_view r) { OnReply(i, r); });
    }
  }

  void Run(int64_t warm_ns, int64_t run_ns) {
    const int64_t began = NowNs();
    for (size_t i = 0; i < clients_.size(); i++) SendBatch(i);
    if (warm_ns > 0) loop_.RunUntil(began + warm_ns);
    measuring_from_ = NowNs();
    done_ = 0;
    latencies_.clear();
    loop_.Run([this] { return answered_ >= limit_; }, measuring_from_ + run_ns);
    const double seconds = static_cast<double>(NowNs() - measuring_from_) / 1e9;
    std::printf("{\"operations\": %llu, \"seconds\": %.3f, \"rate\": %.1f, \"failed\": %llu, %s}\n",
                static_cast<unsigned long long>(done_), seconds,
                static_cast<double>(done_) / seconds, static_cast<unsigned long long>(failed_),
                Percentiles(&latencies_).c_str());
  }

 private:
  struct Client {
    std::unique_ptr<Wire> wire;
    size_t under_way = 0;
    int64_t began_ns = 0;  // of the operation; of the first of a batch
  };

  void SendBatch(size_t i) {
    Client& c = clients_[i];
    const uint64_t rest = limit_ - std::min(limit_, sent_);
    c.under_way = static_cast<size_t>(std::min<uint64_t>(depth_, rest));
    c.began_ns = NowNs();
    sent_ += c.under_way;
    for (size_t n = 0; n < c.under_way; n++) c.wire->Send(work_->Next(i));
    c.wire->Flush();
  }

  void OnReply(size_t i, std::string_view reply) {
    Client& c = clients_[i];
    const bool failed = reply.empty();
    failed_ += failed;
    if (failed || !work_->Done(i, reply)) {
      c.wire->Send(work_->Next(i));
      c.wire->Flush();
      return;
    }
    done_++;
    answered_++;
    latencies_.push_back(NowNs() - c.began_ns);
    if (--c.under_way == 0 && sent_ < limit_) SendBatch(i);
  }

  Loop loop_;
  std::unique_ptr<Work> work_;
  const size_t depth_;
  const uint64_t limit_;
  std::vector<Client> clients_;
  int64_t measuring_from_ = 0;
  uint64_t sent_ = 0, answered_ = 0, done_ = 0, failed_ = 0;
  std::vector<int64_t> latencies_;
};

}  // namespace

void RunClosedLoop(const std::string& name, const Options& options) {
  ClosedLoop loop(name, options);
  loop.Run(options.Int("warm_ms", 300) * 1'000'000, options.Int("ms", 2000) * 1'000'000);
}

}  // namespace clustron::load

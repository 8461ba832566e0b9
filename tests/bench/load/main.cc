// The load generator of scripts/bench-coordination and scripts/overload: load WHAT [NAME=VALUE …].
// One thread; prints JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/load/work.h"

namespace clustron::load {

Options::Options(int argc, char** argv, int from) {
  for (int i = from; i < argc; i++) {
    const std::string word = argv[i];
    const size_t at = word.find('=');
    if (at == std::string::npos) Fail("'" + word + "' is not NAME=VALUE");
    values_[word.substr(0, at)] = word.substr(at + 1);
  }
}

std::string Options::Text(const std::string& name, const std::string& otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : it->second;
}

int64_t Options::Int(const std::string& name, int64_t otherwise) const {
  const auto it = values_.find(name);
  return it == values_.end() ? otherwise : std::atoll(it->second.c_str());
}

std::unique_ptr<Wire> Options::Connect(Loop* loop, int port, Wire::OnReply on_reply) const {
  return etcd() ? ConnectGrpc(loop, port, std::move(on_reply))
                : ConnectResp(loop, port, std::move(on_reply));
}

std::string Percentiles(std::vector<int64_t>* ns, const std::string& prefix) {
  std::sort(ns->begin(), ns->end());
  const auto at = [ns](double share) {
    return ns->empty()
               ? 0.0
               : static_cast<double>(
                     (*ns)[static_cast<size_t>(share * static_cast<double>(ns->size() - 1))]) /
                     1000;
  };
  char text[200];
  std::snprintf(text, sizeof text,
                "\"%sp50_us\": %.1f, \"%sp99_us\": %.1f, \"%smax_us\": %.1f, \"%scount\": %zu",
                prefix.c_str(), at(0.5), prefix.c_str(), at(0.99), prefix.c_str(), at(1),
                prefix.c_str(), ns->size());
  return text;
}

}  // namespace clustron::load

int main(int argc, char** argv) {
  using namespace clustron::load;
  if (argc < 2) Fail("usage: load WHAT [NAME=VALUE ...]");
  const std::string what = argv[1];
  const Options options(argc, argv, 2);
  if (what == "watch-latency") {
    RunWatchLatency(options);
  } else if (what == "watchers") {
    RunWatchers(options);
  } else if (what == "keepalive") {
    RunKeepalive(options);
  } else if (what == "probe") {
    RunProbe(options);
  } else {
    RunClosedLoop(what, options);
  }
  return 0;
}

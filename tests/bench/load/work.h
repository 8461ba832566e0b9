// What the clients of a closed loop ask, one after the other: as commands of ours and as calls of
// etcd.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/load/wire.h"

namespace clustron::load {

// The words of the command line: NAME=VALUE.
class Options {
 public:
  Options(int argc, char** argv, int from);
  std::string Text(const std::string& name, const std::string& otherwise) const;
  int64_t Int(const std::string& name, int64_t otherwise) const;
  bool etcd() const { return Text("target", "clustron") == "etcd"; }
  int port() const { return static_cast<int>(Int("port", 6379)); }
  std::unique_ptr<Wire> Connect(Loop* loop, int port, Wire::OnReply on_reply) const;

 private:
  std::map<std::string, std::string> values_;
};

class Work {
 public:
  virtual ~Work() = default;
  // What this client sends next.
  virtual Request Next(size_t client) = 0;
  // Takes the reply; true if it ends an operation. A reply that is not what it should be ends the
  // program.
  virtual bool Done(size_t client, std::string_view reply) = 0;
};

// By the name of the work; ends the program where there is none of that name.
std::unique_ptr<Work> MakeClustronWork(const std::string& name, const Options& options);
std::unique_ptr<Work> MakeEtcdWork(const std::string& name, const Options& options);

// The modes. Each prints one line of JSON.
void RunClosedLoop(const std::string& name, const Options& options);
void RunWatchLatency(const Options& options);
void RunWatchers(const Options& options);
void RunKeepalive(const Options& options);
void RunProbe(const Options& options);

// Percentiles of nanoseconds as JSON fields in microseconds: "p50_us": …, "p99_us": …, "max_us": …
std::string Percentiles(std::vector<int64_t>* ns, const std::string& prefix = "");

}  // namespace clustron::load

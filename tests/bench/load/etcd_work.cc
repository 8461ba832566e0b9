#include <unistd.h>

#include <cstdio>

#include "base/rng.h"
#include "tests/bench/load/work.h"

namespace clustron::load {
namespace {

constexpr int64_t kLeaseSeconds = 600;

std::string PutMessage(std::string_view key, std::string_view value) {
  std::string m;
  PutBytes(&m, 1, key);
  PutBytes(&m, 2, value);
  return m;
}

// Calls of one step each. Whatever is answered has succeeded.
class Simple : public Work {
 public:
  explicit Simple(const Options& options)
      : keys_(static_cast<uint64_t>(options.Int("keys", 1'000'000))),
        value_(static_cast<size_t>(options.Int("size", 100)), 'v') {}
  bool Done(size_t /*client*/, std::string_view /*reply*/) override { return true; }

 protected:
  std::string Key() {
    char text[32];
    std::snprintf(text, sizeof text, "key:%012llu",
                  static_cast<unsigned long long>(rng_.Next() % keys_));
    return text;
  }
  const std::string& value() const { return value_; }

 private:
  const uint64_t keys_;
  const std::string value_;
  Rng rng_{17};
};

class Put : public Simple {
 public:
  using Simple::Simple;
  Request Next(size_t /*client*/) override {
    return {"/etcdserverpb.KV/Put", PutMessage(Key(), value())};
  }
};

class Txn4 : public Simple {
 public:
  using Simple::Simple;
  Request Next(size_t /*client*/) override {
    std::string m;
    for (int i = 0; i < 4; i++) {
      std::string op;
      PutBytes(&op, 2, PutMessage(Key(), value()));
      PutBytes(&m, 2, op);
    }
    return {"/etcdserverpb.KV/Txn", m};
  }
};

// Leases with ids of etcd's own, or with numbers from `from` on.
class Grant : public Work {
 public:
  explicit Grant(const Options& options)
      : ttl_(options.Int("ttl", kLeaseSeconds * 1000) / 1000),
        in_order_(options.Int("in_order", 0) != 0) {}
  Request Next(size_t /*client*/) override {
    std::string m;
    PutInt(&m, 1, static_cast<uint64_t>(ttl_));
    if (in_order_) PutInt(&m, 2, ++last_);
    return {"/etcdserverpb.Lease/LeaseGrant", m};
  }
  bool Done(size_t /*client*/, std::string_view /*reply*/) override { return true; }

 private:
  const int64_t ttl_;
  const bool in_order_;
  uint64_t last_ = 0;
};

// The lock service: each client has a lease of its own, as its sessions have.
class Lock : public Work {
 public:
  explicit Lock(const Options& options) : shared_name_(options.Int("one_name", 0) != 0) {}
  Request Next(size_t client) override {
    Client& c = clients_[client];
    std::string m;
    if (c.lease == 0) {
      PutInt(&m, 1, kLeaseSeconds);
      return {"/etcdserverpb.Lease/LeaseGrant", m};
    }
    if (!c.key.empty()) {
      PutBytes(&m, 1, c.key);
      return {"/v3lockpb.Lock/Unlock", m};
    }
    c.round++;
    PutBytes(&m, 1, shared_name_ ? name_ : name_ + ":" + std::to_string(client * 2 + c.round % 2));
    PutInt(&m, 2, c.lease);
    return {"/v3lockpb.Lock/Lock", m};
  }
  bool Done(size_t client, std::string_view reply) override {
    Client& c = clients_[client];
    Field f;
    if (c.lease == 0) {
      if (!FindField(reply, 2, &f)) Fail("etcd granted no lease");
      c.lease = f.number;
      return false;
    }
    if (c.key.empty()) {
      if (!FindField(reply, 2, &f)) Fail("etcd granted no lock");
      c.key = f.text;
      return false;
    }
    c.key.clear();
    return true;
  }

 private:
  struct Client {
    uint64_t lease = 0, round = 0;
    std::string key;
  };
  const bool shared_name_;
  // What an earlier run left held is another lock.
  const std::string name_ = "bench-lock/" + std::to_string(getpid());
  std::map<size_t, Client> clients_;
};

}  // namespace

std::unique_ptr<Work> MakeEtcdWork(const std::string& name, const Options& options) {
  if (name == "set") return std::make_unique<Put>(options);
  if (name == "txn4") return std::make_unique<Txn4>(options);
  if (name == "grant") return std::make_unique<Grant>(options);
  if (name == "lock") return std::make_unique<Lock>(options);
  Fail("no work of etcd is called '" + name + "'");
}

}  // namespace clustron::load

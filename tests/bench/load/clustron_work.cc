#include <unistd.h>

#include <cstdio>

#include "base/rng.h"
#include "tests/bench/load/work.h"

namespace clustron::load {
namespace {

std::string Numbered(const char* prefix, uint64_t n) {
  char text[48];
  std::snprintf(text, sizeof text, "%s%012llu", prefix, static_cast<unsigned long long>(n));
  return text;
}

[[noreturn]] void Unexpected(std::string_view reply) {
  Fail("the reply is " + std::string(reply.substr(0, 300)));
}

// Commands of one step each, whose reply begins with a known byte.
class Simple : public Work {
 public:
  explicit Simple(const Options& options)
      : keys_(static_cast<uint64_t>(options.Int("keys", 1'000'000))),
        in_order_(options.Int("in_order", 0) != 0),
        value_(static_cast<size_t>(options.Int("size", 100)), 'v'),
        at_(static_cast<uint64_t>(options.Int("from", 0))) {}
  bool Done(size_t /*client*/, std::string_view reply) override {
    if (reply.empty() || reply[0] == '-') Unexpected(reply);
    return true;
  }

 protected:
  uint64_t Key() { return in_order_ ? at_++ : rng_.Next() % keys_; }
  const uint64_t keys_;
  const bool in_order_;
  const std::string value_;
  Rng rng_{17};

 private:
  uint64_t at_;
};

class Set : public Simple {
 public:
  explicit Set(const Options& options) : Simple(options), prefix_(options.Text("prefix", "key:")) {}
  Request Next(size_t /*client*/) override {
    return {{}, Command({"SET", Numbered(prefix_.c_str(), Key()), value_})};
  }

 private:
  const std::string prefix_;
};

// A name that is not indexed, and two fields that may be: `groups` different cities, ages from 0
// to 99.
class Hset : public Simple {
 public:
  explicit Hset(const Options& options)
      : Simple(options),
        prefix_(options.Text("prefix", "hash:")),
        groups_(static_cast<uint64_t>(options.Int("groups", 1000))) {}
  Request Next(size_t /*client*/) override {
    const uint64_t key = Key();
    const uint64_t city = in_order_ ? key : rng_.Next();
    return {{},
            Command({"HSET", Numbered(prefix_.c_str(), key), "name", "somebody", "city",
                     "c" + std::to_string(city % groups_), "age",
                     std::to_string(city / groups_ % 100)})};
  }

 private:
  const std::string prefix_;
  const uint64_t groups_;
};

// One row of postings: half of the keys have each of the marks, and ten of them both.
class Marks : public Simple {
 public:
  using Simple::Simple;
  Request Next(size_t /*client*/) override {
    const uint64_t key = Key();
    const bool both = key < 10;
    const char* left = both || key % 2 == 0 ? "yes" : "no";
    const char* right = both || key % 2 == 1 ? "yes" : "no";
    return {{}, Command({"HSET", Numbered("mark:", key), "left", left, "right", right})};
  }
};

class Txn4 : public Simple {
 public:
  using Simple::Simple;
  Request Next(size_t /*client*/) override {
    std::vector<std::string> words{"TXN", "THEN", "4"};
    for (int i = 0; i < 4; i++) {
      words.insert(words.end(), {"3", "SET", Numbered("key:", Key()), value_});
    }
    return {{}, CommandOf(words)};
  }
};

class Grant : public Simple {
 public:
  explicit Grant(const Options& options) : Simple(options), ttl_(options.Text("ttl", "600000")) {}
  Request Next(size_t /*client*/) override {
    if (in_order_) return {{}, Command({"LEASE", "GRANT", ttl_, "ID", Numbered("l", Key())})};
    return {{}, Command({"LEASE", "GRANT", ttl_})};
  }

 private:
  const std::string ttl_;
};

// Acquires and releases: each client two names of its own in turn, or all the same name.
class Lock : public Work {
 public:
  explicit Lock(const Options& options) : shared_name_(options.Int("one_name", 0) != 0) {}
  Request Next(size_t client) override {
    Client& c = clients_[client];
    if (!c.token.empty()) return {{}, Command({"LOCK", "RELEASE", c.name, c.token})};
    c.round++;
    const std::string owner = "o" + std::to_string(client) + "/" + std::to_string(c.round);
    if (shared_name_) {
      c.name = name_;
      return {{}, Command({"LOCK", "ACQUIRE", c.name, "10000", "OWNER", owner, "WAIT", "10000"})};
    }
    c.name = name_ + ":" + std::to_string(client * 2 + c.round % 2);
    return {{}, Command({"LOCK", "ACQUIRE", c.name, "10000", "OWNER", owner})};
  }
  bool Done(size_t client, std::string_view reply) override {
    Client& c = clients_[client];
    if (c.token.empty()) {
      if (Element(reply, 0) != "1") Unexpected(reply);
      c.token = Element(reply, 1);
      return false;
    }
    if (reply != ":1\r\n") Unexpected(reply);
    c.token.clear();
    return true;
  }

 private:
  struct Client {
    std::string name, token;
    uint64_t round = 0;
  };
  const bool shared_name_;
  // What an earlier run left held is another lock.
  const std::string name_ = "bench-lock/" + std::to_string(getpid());
  std::map<size_t, Client> clients_;
};

}  // namespace

std::unique_ptr<Work> MakeClustronWork(const std::string& name, const Options& options) {
  if (name == "set") return std::make_unique<Set>(options);
  if (name == "hset") return std::make_unique<Hset>(options);
  if (name == "marks") return std::make_unique<Marks>(options);
  if (name == "txn4") return std::make_unique<Txn4>(options);
  if (name == "grant") return std::make_unique<Grant>(options);
  if (name == "lock") return std::make_unique<Lock>(options);
  Fail("no work is called '" + name + "'");
}

}  // namespace clustron::load

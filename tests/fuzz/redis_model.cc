// Numbers, globs, quoting and protocol errors compared with a real redis-server on random input:
// `make redis-model`. Skips, with a word, where there is no redis-server.
//
//   redis-model [--rounds N] [--seed X]
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "base/strings.h"
#include "resp/request_parser.h"
#include "tests/support/resp_client.h"

namespace {

using namespace clustron;

int passed = 0;
int failed = 0;

void Expect(const std::string& what, const std::string& ours, const std::string& redis) {
  if (ours == redis) {
    ++passed;
    return;
  }
  if (++failed <= 20)
    std::printf("FAILED %s\n  ours:  %s\n  redis: %s\n", what.c_str(), ours.c_str(), redis.c_str());
}

// A redis-server of our own on a unix socket in a folder of its own.
class RedisServer {
 public:
  RedisServer() {
    char folder[] = "/tmp/clustron-redis-XXXXXX";
    if (mkdtemp(folder) == nullptr) return;
    folder_ = folder;
    pid_ = fork();
    if (pid_ == 0) {
      const int null = open("/dev/null", O_WRONLY);
      dup2(null, 1);
      dup2(null, 2);
      // Debian's redis-tools has the server's binary under the other name.
      for (const char* binary : {"redis-server", "redis-check-rdb"}) {
        execlp(binary, "redis-server", "--port", "0", "--unixsocket", socket().c_str(), "--save",
               "", "--dir", folder_.c_str(), static_cast<char*>(nullptr));
      }
      _exit(127);
    }
  }
  ~RedisServer() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  // Null: it isn't there.
  std::unique_ptr<testing::RespClient> Connect() {
    for (int i = 0; i < 100; ++i) {
      if (waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
        return nullptr;
      }
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      socket().copy(address.sun_path, sizeof address.sun_path - 1);
      net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        return std::make_unique<testing::RespClient>(std::move(fd));
      usleep(50'000);
    }
    return nullptr;
  }

 private:
  std::string socket() const { return folder_ + "/s"; }
  std::string folder_;
  pid_t pid_ = -1;
};

std::string RandomText(Rng& rng, std::string_view alphabet, uint64_t max) {
  std::string text;
  for (uint64_t i = rng.Below(max + 1); i > 0; --i) text += alphabet[rng.Below(alphabet.size())];
  return text;
}

std::string RandomNumber(Rng& rng) {
  static constexpr const char* kEdges[] = {"9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "-9223372036854775809",
                                           "1e4932",
                                           "1e-4950",
                                           "inf",
                                           "-inf",
                                           "nan",
                                           "0x1f",
                                           "1e17",
                                           "infinity",
                                           "+5",
                                           "-0",
                                           "00",
                                           " 1"};
  if (rng.Percent(15)) return kEdges[rng.Below(std::size(kEdges))];
  if (rng.Percent(30)) return std::to_string(rng.Between(-1000000, 1000000));
  if (rng.Percent(40))
    return std::to_string(rng.Between(-9999, 9999)) + "." + RandomText(rng, "0123456789", 20);
  return RandomText(rng, "0123456789+-.e xinfa", 12);
}

void CompareNumbers(testing::RespClient& redis, Rng& rng) {
  const std::string text = RandomNumber(rng);
  redis.Call({"DEL", "n"});
  const auto integer = ParseInt64(text);
  Expect("INCRBY " + Quote(text),
         integer ? ":" + std::to_string(*integer) : "-ERR value is not an integer or out of range",
         redis.Call({"INCRBY", "n", text}));
  redis.Call({"DEL", "n"});
  const auto number = ParseLongDouble(text);
  std::string ours = "-ERR value is not a valid float";
  if (number && std::isinf(*number)) ours = "-ERR increment would produce NaN or Infinity";
  if (number && std::isfinite(*number)) ours = Quote(FormatLongDouble(*number));
  Expect("INCRBYFLOAT " + Quote(text), ours, redis.Call({"INCRBYFLOAT", "n", text}));
  // Scores are read as doubles; 7.0 prints them with 17 digits, so only what is taken is compared.
  const std::string added = redis.Call({"ZADD", "z", text, "m"});
  Expect("ZADD " + Quote(text), ParseDouble(text) ? "taken" : "refused",
         added.starts_with('-') ? "refused" : "taken");
}

void CompareGlobs(testing::RespClient& redis, Rng& rng) {
  const std::string pattern = RandomText(rng, "aabbcAB**?[]^-\\", 10);
  const std::string text = RandomText(rng, "abcAB[]-\\^", 8);
  redis.Call({"FLUSHALL"});
  redis.Call({"SET", text, ""});
  const std::string ours = GlobMatch(pattern, text) ? "[" + Quote(text) + "]" : "[]";
  Expect("KEYS " + Quote(pattern) + " of " + Quote(text), ours, redis.Call({"KEYS", pattern}));
}

void CompareQuoting(testing::RespClient& redis, Rng& rng) {
  const std::string line =
      "ECHO " + RandomText(rng, "ab\"'\\xn41 \t", 12);  // one or more words, or unbalanced
  const auto words = SplitArgs(line);
  if (!words) return;  // Redis closes the connection; protocol errors are compared below
  if (!redis.SendRaw(line + "\r\n").has_value()) return;
  const auto reply = redis.Read();
  const std::string ours =
      words->size() == 2 ? Quote((*words)[1]) : "-ERR wrong number of arguments for 'echo' command";
  Expect("inline " + Quote(line), ours, reply ? ToText(*reply) : reply.error().detail);
}

void CompareProtocol(RedisServer& server, Rng& rng) {
  const std::string input = RandomText(rng, "**$$$\r\r\n\n01234-+ a\"'", 25);
  resp::RequestParser parser;
  std::string_view rest = input;
  std::string ours = "none";
  for (bool more = true; more;) {
    switch (parser.Parse(rest)) {
      case resp::RequestParser::Outcome::kRequest:
      case resp::RequestParser::Outcome::kNothing:
        rest.remove_prefix(parser.consumed());
        break;
      case resp::RequestParser::Outcome::kNeedMore:
        more = false;
        break;
      case resp::RequestParser::Outcome::kError: {
        more = false;
        ours = "-" + std::string(parser.error());
        for (char& c : ours)
          if (c == '\r' || c == '\n') c = ' ';
      }
    }
  }
  const auto client = server.Connect();
  if (client == nullptr || !client->SendRaw(input).has_value()) return;
  shutdown(client->fd().get(), SHUT_WR);
  std::string redis = "none";
  while (const auto reply = client->Read()) {
    const std::string text = ToText(*reply);
    if (text.starts_with("-ERR Protocol error")) redis = text;
  }
  Expect("bytes " + Quote(input), ours, redis);
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 2000;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::signal(SIGPIPE, SIG_IGN);
  RedisServer server;
  const auto redis = server.Connect();
  if (redis == nullptr) {
    std::printf("SKIP comparison with redis-server: it is not installed or doesn't start\n");
    std::printf("0 passed, 0 failed, 1 skipped\n");
    return 0;
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Rng rng(seed);
  for (int i = 0; i < rounds; ++i) {
    CompareNumbers(*redis, rng);
    CompareGlobs(*redis, rng);
    CompareQuoting(*redis, rng);
    CompareProtocol(server, rng);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

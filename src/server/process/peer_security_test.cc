#include "server/process/peer_security.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "server/config/config.h"

// Behind our own headers: it has a CHECK of its own.
#include <doctest/doctest.h>

namespace clustron::server {
namespace {

struct SecretFile {
  std::string path;
  SecretFile(const std::string& content, mode_t mode) {
    char name[] = "/tmp/clustron-secret-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    close(fd);
    path = name;
    std::ofstream(path, std::ios::binary) << content;
    REQUIRE(chmod(path.c_str(), mode) == 0);
  }
  ~SecretFile() { unlink(path.c_str()); }
};

TEST_CASE(
    "a secret is read without its line's end; one that is short or open to others is refused") {
  const std::string secret(32, 's');
  CHECK(ReadClusterSecret(SecretFile(secret + "\r\n", 0600).path).value() == secret);
  CHECK(ReadClusterSecret(SecretFile(secret + "\nx", 0400).path).value() == secret + "\nx");

  const auto why = [](const std::string& content, mode_t mode) {
    const auto read = ReadClusterSecret(SecretFile(content, mode).path);
    return read ? std::string() : read.error().detail;
  };
  for (const mode_t mode : {0644, 0604, 0640, 0620, 0602, 0666})
    CHECK(why(secret, mode).find("chmod 600") != std::string::npos);
  CHECK(why(std::string(31, 's') + "\n", 0600).find("31 bytes") != std::string::npos);
  CHECK(why("", 0600).find("0 bytes") != std::string::npos);
  CHECK(why(std::string(70'000, 's'), 0600).find("64 KB") != std::string::npos);
  CHECK(ReadClusterSecret("/no/such/file").error().detail.starts_with("No such file"));
  CHECK(!ReadClusterSecret("/tmp"));
}

Result<PeerSecurity> Decide(std::vector<std::string> options, std::vector<std::string> hosts) {
  Config config;
  options.insert(options.begin(), "clustron-server");
  std::vector<char*> argv;
  for (std::string& option : options) argv.push_back(option.data());
  REQUIRE(config.LoadArguments(static_cast<int>(argv.size()), argv.data()));
  std::vector<cluster::Member> members;
  for (const std::string& host : hosts)
    members.push_back({static_cast<uint32_t>(members.size() + 1), host, 7001, 17001});
  return DecidePeerSecurity(config, members, 0);
}

TEST_CASE("without a secret peers are on this machine and nobody else can reach the port") {
  const auto local = Decide({}, {"127.0.0.1", "localhost", "127.8.8.8"});
  REQUIRE(local.has_value());
  CHECK(local->loopback_only);
  CHECK(local->listen_address == "127.0.0.1");  // and not on all addresses, as clients are
  CHECK(Decide({"--bind", "::1"}, {"::1", "::1"})->listen_address == "::1");

  CHECK(!Decide({}, {"127.0.0.1", "10.0.0.1"}));
  CHECK(!Decide({}, {"db1", "127.0.0.1"}));
  CHECK(!Decide({"--bind", "0.0.0.0"}, {"127.0.0.1", "127.0.0.1"}));
  const auto open = Decide({"--bind", "*"}, {"127.0.0.1", "127.0.0.1"});
  REQUIRE(!open);
  CHECK(open.error().detail.find("cluster-secret-file") != std::string::npos);

  const auto insecure = Decide({"--cluster-insecure", "yes"}, {"10.0.0.1", "10.0.0.2"});
  REQUIRE(insecure.has_value());
  CHECK(!insecure->warning.empty());
  CHECK(!insecure->loopback_only);

  const std::string secret(32, 's');
  const SecretFile file(secret, 0600);
  const auto secured =
      Decide({"--bind", "10.0.0.1", "--cluster-secret-file", file.path}, {"10.0.0.1", "db2"});
  REQUIRE(secured.has_value());
  CHECK(secured->warning.empty());
  CHECK(!secured->loopback_only);
  CHECK(secured->secret == secret);
  CHECK(secured->listen_address == "10.0.0.1");
}

TEST_CASE(
    "of several addresses peers are listened for at the one that the announced name stands for") {
  const SecretFile secret(std::string(32, 's'), 0600);
  const auto at = [&](std::vector<std::string> bind, const std::string& announced) {
    std::vector<std::string> options = {"--cluster-secret-file", secret.path, "--bind"};
    options.insert(options.end(), bind.begin(), bind.end());
    return Decide(options, {announced, "10.0.0.2"})->listen_address;
  };
  CHECK(at({"127.0.0.2", "127.0.0.1"}, "localhost") == "127.0.0.1");
  CHECK(at({"127.0.0.2", "127.0.0.1"}, "127.0.0.1") == "127.0.0.1");
  CHECK(at({"127.0.0.2", "127.0.0.3"}, "localhost") == "127.0.0.2");
}

}  // namespace
}  // namespace clustron::server

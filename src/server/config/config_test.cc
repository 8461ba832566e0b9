#include "server/config/config.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "server/config/config_foreign.h"
#include "server/config/config_rewrite.h"
#include "server/process/start_checks.h"
#include "store/keyspace/settings.h"

namespace clustron::server {

namespace {

std::string Error(const Status& status) { return status ? "" : status.error().detail; }

Status Load(Config& config, std::vector<const char*> args) {
  args.insert(args.begin(), "clustron-server");
  return config.LoadArguments(static_cast<int>(args.size()), args.data());
}

std::string Set(Config& config, std::vector<Config::PairView> pairs) {
  return Error(config.Set(pairs));
}

std::string GetAll(const Config& config, std::string_view pattern) {
  std::string text;
  for (const auto& [name, value] : config.Get(std::vector<std::string_view>{pattern})) {
    text += name + "=" + value + ";";
  }
  return text;
}

class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/clustron-config-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  static std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("arguments are directives with values, as redis-server takes them") {
  Config config;
  REQUIRE(Load(config, {"--port", "7000", "--bind", "127.0.0.1", "::1", "--maxmemory 1gb",
                        "--requirepass", "a b", "--save", ""}));
  CHECK(config.Int(Opt::kPort) == 7000);
  CHECK(config.Words(Opt::kBind) == std::vector<std::string>{"127.0.0.1", "::1"});
  CHECK(config.Int(Opt::kMaxMemory) == 1 << 30);
  CHECK(config.Text(Opt::kRequirePass) == "a b");
  CHECK(config.warnings().empty());
  CHECK(config.Given(Opt::kPort));
  CHECK(!config.Given(Opt::kTimeout));
}

TEST_CASE("a bad value is an error that names the line, the directive and the reason") {
  Config config;
  REQUIRE(config.LoadText("# text\n\n  port 7001  \r\nTIMEOUT \"5\"\n", "x.conf"));
  CHECK(config.Int(Opt::kPort) == 7001);
  CHECK(config.Int(Opt::kTimeout) == 5);
  CHECK(config.warnings().empty());

  CHECK(Error(config.LoadText("\nport abc", "x.conf")) ==
        "x.conf:2: 'port abc': argument couldn't be parsed into an integer");
  CHECK(Error(config.LoadText("port 1 2", "x.conf")) ==
        "x.conf:1: 'port 1 2': wrong number of arguments");
  CHECK(Error(config.LoadText("logfile \"a", "x.conf")) ==
        "x.conf:1: 'logfile \"a': Unbalanced quotes in configuration line");
  CHECK(Error(Load(config, {"--port", "99999"})) ==
        "arguments: 'port 99999': argument must be between 0 and 65535 inclusive");
  CHECK(Error(Load(config, {"/nonexistent/x.conf"})).starts_with("/nonexistent/x.conf: "));
  CHECK(Error(config.LoadText("bind 127.0.0.1 # lo", "x.conf")) ==
        "x.conf:1: 'bind 127.0.0.1 # lo': '#' is not an address (a comment must stand on a line of "
        "its own)");
  CHECK(
      Error(config.LoadText("port 7000 # mine", "x.conf")) ==
      "x.conf:1: 'port 7000 # mine': wrong number of arguments (a comment must stand on a line of "
      "its own)");
  CHECK(Error(config.LoadText("maxmemory-policy allkeys-lru", "x.conf")) ==
        "x.conf:1: 'maxmemory-policy allkeys-lru': argument(s) must be one of the following: "
        "noeviction");
}

TEST_CASE("unknown directives refuse the start, all of them at once, with the nearest known name") {
  Config config;
  REQUIRE(config.LoadText("frobnicate 3\nmaxmemory-polcy noeviction\ntimeout 1\n", "x.conf"));
  CHECK(Error(config.FinishLoading()) ==
        "x.conf:1: 'frobnicate 3': unknown directive (`ignore-unknown frobnicate` would let it "
        "pass)\nx.conf:2: 'maxmemory-polcy noeviction': unknown directive; 'maxmemory-policy' is "
        "the nearest known one (`ignore-unknown maxmemory-polcy` would let it pass)");
  for (const auto& [wrong, near] : {std::pair{"cluster-intial", "cluster-initial"},
                                    {"clusterinitial", "cluster-initial"},
                                    {"requirepas", "requirepass"},
                                    {"appendfsnyc", "appendfsync"},
                                    {"DURABILTY", "durability"},
                                    {"rename-comand", "rename-command"},
                                    {"prot", "port"},
                                    {"set-proc-titles", "set-proc-title"}}) {
    CAPTURE(wrong);
    Config typo;
    const std::string error = Error(Load(typo, {(std::string("--") + wrong).c_str(), "x"}));
    CHECK(error.find("unknown directive; '" + std::string(near) + "' is") != std::string::npos);
  }
}

TEST_CASE("ignore-unknown excuses what it names, wherever it stands, and nothing else") {
  Config config;
  CHECK(Load(config, {"--frobnicate", "1", "--ignore-unknown", "x Frobnicate", "--x", "2"}));
  Config more;
  REQUIRE(
      more.LoadText("ignore-unknown a\nb 1\nignore-unknown b c\na 2\nrename-command X Y\n"
                    "ignore-unknown rename-command",
                    "x"));
  CHECK(more.FinishLoading());
  CHECK(more.Text(Opt::kIgnoreUnknown) == "a b c rename-command");
  REQUIRE(more.LoadText("d 1", "x"));
  CHECK(Error(more.FinishLoading()).starts_with("x:1: 'd 1': unknown directive"));
}

TEST_CASE("a byte order mark is skipped, at the beginning only") {
  Config config;
  CHECK(config.LoadText("\xef\xbb\xbfport 7009\n", "x"));
  CHECK(config.Int(Opt::kPort) == 7009);
  REQUIRE(config.LoadText("timeout 1\n\xef\xbb\xbfport 7010\n", "x"));
  CHECK(!config.FinishLoading());
}

TEST_CASE("a data directory that is not there is an error of the line that named it") {
  const TempDir dir;
  const std::string file = dir.File("data", "");
  Config config;
  CHECK(Error(Load(config, {"--dir", "/nonexistent/data"})) ==
        "arguments: 'dir /nonexistent/data': No such file or directory");
  REQUIRE(config.LoadText("\ndir " + file, "x.conf"));
  CHECK(Error(config.FinishLoading()) == "x.conf:2: 'dir " + file + "': Not a directory");
  // The line that holds is meant.
  REQUIRE(config.LoadText("dir .", "y.conf"));
  CHECK(config.FinishLoading());
}

TEST_CASE("what would be unsafe to ignore is refused, the rest of Redis's directives explained") {
  for (const char* text :
       {"rename-command CONFIG x", "tls-port 6380", "replicaof 1.2.3.4 6379", "aclfile /etc/users",
        "loadmodule /x.so", "cluster-join a:1", "databases 17"}) {
    CAPTURE(text);
    Config config;
    Status status = config.LoadText(text, "x");
    if (status) status = config.FinishLoading();
    CHECK(Error(status).starts_with("x:1: '" + std::string(text) + "': "));
    CHECK(Error(status).find("unknown") == std::string::npos);
  }
  Config config;
  REQUIRE(
      config.LoadText("list-compress-depth 0\nlazyfree-lazy-eviction no\n"
                      "rdbcompression yes\nset-proc-title yes\ntls-port 0\naclfile \"\"\n",
                      "x"));
  REQUIRE(
      config.LoadText("io-threads 4\nsave 900 1\nsave 300 10 60 10000\nio-threads 1\n"
                      "databases 4\nhz 100\nappendonly no\ncluster-enabled yes",
                      "x"));
  CHECK(config.FinishLoading());
  REQUIRE(config.warnings().size() == 12);
  CHECK(config.warnings()[3] == "x:4: 'set-proc-title yes' is ignored: the title is left alone");
  CHECK(config.warnings()[6] == "x:1: 'io-threads 4' is ignored: io-threads is '1'");
  CHECK(config.Text(Opt::kSave) == "");
}

TEST_CASE("facts are told in values that Redis takes") {
  for (const char* text :
       {"hz often", "appendonly maybe", "appendfsync sometimes", "save 900", "save a b",
        "databases many", "databases 0", "io-threads -1", "io-threads 0", "io-threads 129",
        "hz 2147483648", "latency-monitor-threshold -1", "cluster-enabled 1"}) {
    CAPTURE(text);
    Config config;
    CHECK(Error(config.LoadText(text, "x")).starts_with("x:1: '" + std::string(text) + "': "));
  }
}

TEST_CASE("an address is listened on once") {
  const auto bind = [](const std::string& addresses) {
    Config config;
    return Error(config.LoadText("bind " + addresses, "x"));
  };
  for (const char* good : {"127.0.0.1 ::1", "* -::*", ":: 127.0.0.1", "127.0.0.1 127.0.0.2",
                           "-127.0.0.1 -192.0.2.1", "a b", "* a"}) {
    CAPTURE(good);
    CHECK(bind(good) == "");
  }
  for (const char* bad : {"127.0.0.1 127.0.0.1", "127.0.0.1 -127.0.0.1", "* 0.0.0.0", "* 127.0.0.1",
                          "127.0.0.1 0.0.0.0", "::1 0:0:0:0:0:0:0:1", "::* ::1", "a A", "-"}) {
    CAPTURE(bad);
    CHECK(bind(bad) != "");
  }
  CHECK(bind("* ::1 127.0.0.1") ==
        "x:1: 'bind * ::1 127.0.0.1': '*' and '127.0.0.1' are the same, or one holds the other");
}

TEST_CASE("each directive has one row, here or among Redis's") {
  std::vector<std::string_view> names = ForeignNames();
  for (std::string_view name : names) {
    CAPTURE(name);
    CHECK(FindOption(name) == nullptr);
    CHECK(FindForeign(Upper(name), "x").has_value());
  }
  for (const OptionRow& row : OptionRows()) names.push_back(row.spec.name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  CHECK(!FindForeign("set", "x"));
  CHECK(!FindForeign("set-", "x"));
  CHECK(!FindForeign("tls-", "x"));
}

TEST_CASE("include reads files in place, patterns too, and not for ever") {
  const TempDir dir;
  const std::string inner = dir.File("inner.conf", "timeout 7\n");
  const std::string outer = dir.File("outer.conf", "timeout 1\ninclude " + inner + "\nport 7002\n");
  Config config;
  REQUIRE(Load(config, {outer.c_str(), "--port", "7003"}));
  CHECK(config.Int(Opt::kTimeout) == 7);
  CHECK(config.Int(Opt::kPort) == 7003);
  CHECK(config.file() == std::filesystem::canonical(outer).string());

  CHECK(config.LoadText("include " + inner.substr(0, inner.size() - 10) + "no*.conf", "x"));
  CHECK(!config.LoadText("include /nonexistent/y.conf", "x"));
  const std::string loop = dir.File("loop.conf", "");
  dir.File("loop.conf", "include " + loop + "\n");
  CHECK(Error(config.LoadFile(loop)).find("nested too deeply") != std::string::npos);
}

TEST_CASE("a cluster's nodes are durable, whatever they were told") {
  Config alone;
  REQUIRE(Load(alone, {"--cluster-initial", "127.0.0.1:7001"}));
  CHECK(alone.Text(Opt::kDurability) == "everysec");
  CHECK(alone.Text(Opt::kAppendFsync) == "everysec");

  Config three;
  REQUIRE(Load(three, {"--cluster-initial", "a:1,b:2", "c:3"}));
  CHECK(three.Text(Opt::kClusterInitial) == "a:1,b:2,c:3");
  CHECK(three.Text(Opt::kDurability) == "always");
  CHECK(three.Text(Opt::kAppendFsync) == "always");

  Config weak;
  CHECK(!Load(weak, {"--cluster-initial", "a:1,b:2", "--durability", "memory"}));
  Config bad;
  CHECK(Error(Load(bad, {"--cluster-initial", "a:1,b"})).find("'b' is not HOST:PORT") !=
        std::string::npos);
  CHECK(!Load(bad, {"--cluster-initial", "a:1,a:1"}));
}

TEST_CASE("appendonly and appendfsync tell the durability, and may ask for more") {
  Config config;
  REQUIRE(Load(config, {"--durability", "memory"}));
  CHECK(config.Text(Opt::kAppendOnly) == "no");
  CHECK(Set(config, {{"appendonly", "no"}}) == "");
  CHECK(Set(config, {{"appendonly", "yes"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - can't set immutable "
        "config");
  Config always;
  REQUIRE(Load(always, {"--appendonly", "yes", "--appendfsync", "always"}));
  CHECK(always.Text(Opt::kDurability) == "always");
  CHECK(always.Text(Opt::kAppendOnly) == "yes");
}

TEST_CASE("CONFIG GET matches names and older names, in any case") {
  Config config;
  CHECK(GetAll(config, "MAXMEM*") ==
        "maxmemory-clients=0;maxmemory=0;maxmemory-policy=noeviction;");
  CHECK(GetAll(config, "slave-read-only") == "slave-read-only=no;");
  CHECK(GetAll(config, "replica-read-only") == "replica-read-only=no;");
  CHECK(GetAll(config, "databases") == "databases=16;");
  CHECK(GetAll(config, "DATAbases") == "DATAbases=16;");
  CHECK(GetAll(config, "nothing") == "");
  CHECK(config.Get(std::vector<std::string_view>{"time*", "t*out"}).size() == 1);
}

TEST_CASE("CONFIG SET is all or nothing") {
  Config config;
  CHECK(Set(config, {{"timeout", "10"}, {"proto-max-bulk-len", "1mb"}}) == "");
  CHECK(config.Int(Opt::kTimeout) == 10);
  const std::string bad = Set(config, {{"timeout", "20"}, {"proto-max-bulk-len", "x"}});
  CHECK(bad ==
        "ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must "
        "be a "
        "memory value");
  CHECK(config.Int(Opt::kTimeout) == 10);
  CHECK(Set(config, {{"timeout", "20"}, {"nope", "x"}}) ==
        "ERR Unknown option or number of arguments for CONFIG SET - 'nope'");
  CHECK(Set(config, {{"timeout", "20"}, {"timeout", "21"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter");
  CHECK(Set(config, {{"port", "1"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config");
  CHECK(Set(config, {{"timeout", "20"}, {"maxmemory-policy", "noeviction"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - a cluster-wide "
        "setting can't be set together with options of a node");
  CHECK(Set(config, {{"databases", "16"}}) == "");
  CHECK(Set(config, {{"port", "6379"}, {"bind", "*  -::*"}, {"dir", "./."}, {"timeout", "10"}}) ==
        "");
  CHECK(config.Int(Opt::kTimeout) == 10);
}

TEST_CASE("a change that can't be made to work is taken back") {
  struct Refuser : ConfigListener {
    Status OnConfigChanged(std::span<const Opt> changed) override {
      calls.push_back(changed.size());
      return clustron::Fail(Errc::kLimit, "Failed to do it");
    }
    std::vector<size_t> calls;
  } refuser;
  Config config;
  config.set_listener(&refuser);
  CHECK(Set(config, {{"maxclients", "5"}, {"timeout", "1"}}) ==
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - Failed to do it");
  CHECK(config.Int(Opt::kMaxClients) == 10000);
  CHECK(config.Int(Opt::kTimeout) == 0);
  CHECK(refuser.calls == std::vector<size_t>{2, 2});
}

TEST_CASE("output limits change class by class") {
  Config config;
  CHECK(config.output_limits().pubsub == OutputLimit{32 << 20, 8 << 20, 60});
  CHECK(Set(config, {{"client-output-buffer-limit", "normal 1mb 2kb 3"}}) == "");
  CHECK(config.output_limits().normal == OutputLimit{1 << 20, 2048, 3});
  CHECK(config.output_limits().pubsub == OutputLimit{32 << 20, 8 << 20, 60});
  CHECK(config.Text(Opt::kClientOutputBufferLimit) ==
        "normal 1048576 2048 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  for (std::string_view text :
       {"normal 1 2", "foo 1 2 3", "normal x 1 1", "normal 1 1 -1", "normal"}) {
    CAPTURE(text);
    CHECK(Set(config, {{"client-output-buffer-limit", text}}) != "");
  }
  REQUIRE(
      config.LoadText("client-output-buffer-limit pubsub 1 2 3\n"
                      "client-output-buffer-limit normal 4 5 6\n",
                      "x"));
  CHECK(config.output_limits().normal == OutputLimit{4, 5, 6});
  CHECK(config.output_limits().pubsub == OutputLimit{1, 2, 3});
}

TEST_CASE("cluster-wide settings in files are seeds; the rows agree with the store's") {
  Config config;
  REQUIRE(
      config.LoadText("hash-max-ziplist-entries 9\ntimeout 3\nnotify-keyspace-events KEA", "x"));
  CHECK(config.ClusterSeeds() == std::vector<Config::Pair>{{"hash-max-listpack-entries", "9"},
                                                           {"notify-keyspace-events", "AKE"}});
  CHECK(config.SeedDifferences().empty());
  config.SetEffective("hash-max-listpack-entries", "11");
  CHECK(config.ClusterSeeds()[0].second == "9");
  CHECK(config.SeedDifferences() ==
        std::vector<std::string>{"'hash-max-listpack-entries 9' is ignored: it is a cluster-wide "
                                 "setting, '11' since the cluster was formed or by CONFIG SET"});
  CHECK(config.Int(Opt::kHashMaxListpackEntries) == 11);

  size_t cluster_rows = 0;
  for (const OptionRow& row : OptionRows()) {
    const OptionSpec* setting = store::FindSetting(row.spec.name);
    CAPTURE(row.spec.name);
    CHECK((setting != nullptr) == (row.scope == Scope::kCluster));
    if (setting == nullptr) continue;
    cluster_rows++;
    CHECK(setting->default_value == row.spec.default_value);
    CHECK(setting->alias == row.spec.alias);
    CHECK(setting->type == row.spec.type);
  }
  CHECK(cluster_rows == store::SettingSpecs().size());
}

TEST_CASE("rewriting keeps comments, order and lines that are still true") {
  Config config;
  const std::string text =
      "# mine\n\nmaxmemory 1gb\ntimeout 5 \nfrobnicate 1\n  # indented\nsave \"\"\n"
      "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit pubsub 1 2 3\n"
      "timeout 6\n";
  REQUIRE(config.LoadText(text, "x"));
  CHECK(config.Int(Opt::kTimeout) == 6);
  REQUIRE(Set(config, {{"timeout", "9"}, {"requirepass", "a b"}, {"maxclients", "77"}}) == "");
  config.SetEffective("notify-keyspace-events", "AKE");
  config.ClusterSettingsKnown();
  CHECK(RewrittenConfig(config, text) ==
        "# mine\n\nmaxmemory 1gb\ntimeout 9\nfrobnicate 1\n  # indented\nsave \"\"\n"
        "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit pubsub 1 2 3\n"
        "\n# Generated by CONFIG REWRITE\nrequirepass \"a b\"\nmaxclients 77\n"
        "notify-keyspace-events AKE\n");
}

TEST_CASE("what the file says of cluster-wide settings stays while the cluster's are not known") {
  Config config;
  const std::string text = "hash-max-ziplist-entries 9\ntimeout 3\n";
  REQUIRE(config.LoadText(text, "x"));
  // As at every start: an empty state has the defaults.
  config.SetEffective("hash-max-listpack-entries", "128");
  config.SetEffective("notify-keyspace-events", "AKE");
  CHECK(RewrittenConfig(config, text) == text);
  config.ClusterSettingsKnown();
  CHECK(RewrittenConfig(config, text) ==
        "hash-max-listpack-entries 128\ntimeout 3\n\n# Generated by CONFIG REWRITE\n"
        "notify-keyspace-events AKE\n");
}

TEST_CASE("a rewritten file loads to the same values, and rewriting it again changes nothing") {
  Config config;
  REQUIRE(config.LoadText("port 7005\nbind 127.0.0.1 ::1\n", "x"));
  REQUIRE(Set(config, {{"proto-max-bulk-len", "3mb"},
                       {"requirepass", "q\"uo\\te#\n"},
                       {"client-output-buffer-limit", "pubsub 1kb 0 0"},
                       {"loglevel", "debug"},
                       {"slowlog-log-slower-than", "-1"}}) == "");
  const std::string text = RewrittenConfig(config, "");
  CHECK(text.find("proto-max-bulk-len 3mb\n") != std::string::npos);
  Config again;
  REQUIRE(again.LoadText(text, "y"));
  for (const OptionRow& row : OptionRows()) {
    CAPTURE(row.spec.name);
    CHECK(again.Text(row.opt) == config.Text(row.opt));
  }
  CHECK(again.warnings().empty());
  CHECK(RewrittenConfig(again, text) == text);
}

TEST_CASE("a rewritten file overrules what its includes say, wherever they stand") {
  const TempDir dir;
  const std::string more = dir.File("more.conf", "timeout 30\nmaxclients 50\nloglevel debug\n");
  const std::string text = "maxclients 60\ninclude " + more + "\n";
  Config config;
  REQUIRE(config.LoadText(text, "x"));
  CHECK(RewrittenConfig(config, text) == "maxclients 50\ninclude " + more + "\n");
  REQUIRE(Set(config, {{"timeout", "0"}, {"maxclients", "70"}}) == "");  // a default, and a line
  const std::string now = RewrittenConfig(config, text);
  Config again;
  REQUIRE(again.LoadText(now, "y"));
  for (const OptionRow& row : OptionRows()) {
    CAPTURE(row.spec.name);
    CHECK(again.Text(row.opt) == config.Text(row.opt));
  }
  CHECK(RewrittenConfig(again, now) == now);
}

TEST_CASE("what a start finds out by itself is not rewritten") {
  Config config;
  REQUIRE(config.LoadText("timeout 5\n", "x"));
  config.SetEffective(Opt::kWalSegmentSize, "1048576");
  config.SetEffective(Opt::kDurability, "always");
  CHECK(RewrittenConfig(config, "timeout 5\n") == "timeout 5\n");
}

TEST_CASE("what is secret does not get into messages about a line") {
  for (const char* line : {"masterauth hidden", "requirepass hidden hidden", "user default >hidden",
                           "tls-key-file-pass hidden"}) {
    CAPTURE(line);
    Config config;
    const Status loaded = config.LoadText(std::string(line) + "\n", "x");
    std::string said = loaded ? "" : loaded.error().detail;
    for (const std::string& warning : config.warnings()) said += warning;
    if (const Status finished = config.FinishLoading(); loaded && !finished)
      said += finished.error().detail;
    CHECK(said.find("x:1: '") != std::string::npos);
    CHECK(said.find("(redacted)") != std::string::npos);
    CHECK(said.find("hidden") == std::string::npos);
  }
}

TEST_CASE("lines of client-output-buffer-limit stay while they are true, class by class") {
  const std::string text =
      "client-output-buffer-limit normal 0 0 0\n"
      "client-output-buffer-limit replica 256mb 64mb 60\n"
      "client-output-buffer-limit pubsub 32mb 8mb 60\n";
  Config config;
  REQUIRE(config.LoadText(text, "x"));
  CHECK(RewrittenConfig(config, text) == text);
  REQUIRE(Set(config, {{"client-output-buffer-limit", "pubsub 1mb 2mb 3"}}) == "");
  CHECK(RewrittenConfig(config, text) ==
        "client-output-buffer-limit normal 0 0 0\n"
        "client-output-buffer-limit replica 256mb 64mb 60\n"
        "client-output-buffer-limit pubsub 1048576 2097152 3\n");
  // Several classes on a line, one of them twice; what no line names comes at the end.
  const std::string dense =
      "client-output-buffer-limit normal 0 0 0 slave 1 2 3\n"
      "client-output-buffer-limit normal 7 8 9\n";
  Config other;
  REQUIRE(other.LoadText(dense, "x"));
  REQUIRE(Set(other, {{"client-output-buffer-limit", "pubsub 4 5 6"}}) == "");
  CHECK(RewrittenConfig(other, dense) ==
        "client-output-buffer-limit normal 7 8 9\n"
        "client-output-buffer-limit slave 1 2 3\n"
        "\n# Generated by CONFIG REWRITE\n"
        "client-output-buffer-limit pubsub 4 5 6\n");
  const std::string excused = "ignore-unknown a\n# more\nignore-unknown b\na 1\n";
  Config third;
  REQUIRE(third.LoadText(excused, "x"));
  CHECK(RewrittenConfig(third, excused) == excused);
}

TEST_CASE("a configuration is checked without touching anything") {
  const TempDir dir;
  const std::string secret = dir.File("secret", std::string(32, 's'));
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  const std::string open_secret = dir.File("open", std::string(32, 's'));
  const auto checked = [](const std::string& text) {
    Config config;
    Status status = config.LoadText(text, "x");
    if (status) status = config.FinishLoading();
    return Error(status ? CheckConfig(config) : status);
  };
  CHECK(checked("port 0\nunixsocket /tmp/x.sock\n") == "");
  CHECK(checked("bind \"\"\nunixsocket /tmp/x.sock\n") == "");
  CHECK(checked("cluster-initial a:1,b:2,[::1]:7000\ncluster-announce [::1]:7000\n"
                "cluster-secret-file " +
                secret) == "");
  CHECK(checked("cluster-secret-file " + open_secret).find("chmod 600") != std::string::npos);
  for (const auto& [text, why] :
       {std::pair{"port 0", "'port 0': and no unixsocket is given"},
        {"bind \"\"", "x:1: 'bind ': no address, and no unixsocket is given"},
        {"cluster-announce a:9\ncluster-initial a:1,b:2",
         "x:2: 'cluster-initial a:1,b:2': this node, a:9 (cluster-announce), is not in the list"},
        {"port 0\nunixsocket s\ncluster-initial a:1,b:2", "with `port 0` it needs"},
        {"cluster-initial a:60000,b:2\ncluster-announce b:2", "a:60000 is out of range"},
        {"cluster-initial ::1:7000,b:2", "x:1: 'cluster-initial ::1:7000,b:2': '::1:7000' is not"},
        {"cluster-initial a:1@x,b:2", "'x' is not a port"},
        {"cluster-initial a:1,b:2,a:1@3", "'a:1@3' is there twice"},
        {"cluster-initial a:1,b:2\ncluster-announce b:2\ncluster-port 7", "write b:2@7 in"},
        {"cluster-initial a:1,b:2@8\ncluster-announce b:2\ncluster-port 7", "write b:2@7 in"},
        {"cluster-secret-file /nonexistent/s",
         "x:1: 'cluster-secret-file /nonexistent/s': No such"},
        {"cluster-initial a:1,b:2\ncluster-announce a:1",
         "x:1: 'cluster-initial a:1,b:2': a:1 is not on this machine, and there is no"},
        {"bind 0.0.0.0\ncluster-initial 127.0.0.1:6379,127.0.0.1:6380",
         "x:1: 'bind 0.0.0.0': 0.0.0.0 is open to other machines, and there is no"},
        {"logfile /nonexistent/log", "x:1: 'logfile /nonexistent/log': No such file"},
        {"logfile /tmp", "x:1: 'logfile /tmp': Is a directory"},
        {"pidfile /nonexistent/pid", "x:1: 'pidfile /nonexistent/pid': No such file"},
        {"cluster-election-round-ms 49", "x:1: 'cluster-election-round-ms 49': cluster-heartbeat"},
        {"cluster-heartbeat-ms 151", "x:1: 'cluster-heartbeat-ms 151': cluster-heartbeat-ms (151)"},
        {"durability memory\ncluster-initial a:1,b:2", "x:1: 'durability memory': this is for"}}) {
    CAPTURE(text);
    CHECK(checked(text).find(why) != std::string::npos);
  }
}

TEST_CASE("who the members are, and where their peers reach them") {
  const auto members = [](const std::string& text) {
    Config config;
    REQUIRE(config.LoadText(text, "x"));
    REQUIRE(config.FinishLoading());
    const auto found = FindMembership(config);
    REQUIRE(found);
    std::string out;
    for (const cluster::Member& member : found->members)
      out += std::to_string(member.node) + "=" + member.host + "/" + std::to_string(member.port) +
             "/" + std::to_string(member.peer_port) + " ";
    return out + std::to_string(found->self);
  };
  CHECK(members("") == "1=127.0.0.1/6379/16379 0");
  CHECK(members("port 60000") == "1=127.0.0.1/60000/0 0");
  CHECK(members("port 0\nunixsocket s") == "1=127.0.0.1/0/10000 0");
  CHECK(members("port 7002\ncluster-initial 127.0.0.1:7001 127.0.0.1:7002") ==
        "1=127.0.0.1/7001/17001 2=127.0.0.1/7002/17002 1");
  CHECK(members("cluster-announce [::1]:7\ncluster-initial [::1]:7@60001,b:60000@9") ==
        "1=::1/7/60001 2=b/60000/9 0");
  CHECK(members("cluster-announce a:1\ncluster-port 5\ncluster-initial a:1,b:2") ==
        "1=a/1/5 2=b/2/10002 0");
  CHECK(members("cluster-announce b:2\ncluster-port 5\ncluster-initial a:1,b:2@5") ==
        "1=a/1/10001 2=b/2/5 1");
}

TEST_CASE("CONFIG REWRITE replaces the file, and needs one") {
  const TempDir dir;
  const std::string path = dir.File("a.conf", "timeout 5\n");
  Config config;
  CHECK(Error(config.Rewrite()) == "ERR The server is running without a config file");
  REQUIRE(Load(config, {path.c_str()}));
  REQUIRE(Set(config, {{"timeout", "6"}}) == "");
  REQUIRE(config.Rewrite());
  CHECK(TempDir::Read(path) == "timeout 6\n");
}

}  // namespace clustron::server

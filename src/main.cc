// clustron-server [FILE.conf | -] [--directive value …]
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/memory.h"
#include "commands/core/version.h"
#include "server/config/config.h"
#include "server/config/config_rewrite.h"
#include "server/process/server.h"
#include "server/process/start_checks.h"
#include "server/process/stop_signal.h"
#include "state/applying_entry.h"

namespace {

using clustron::Status;
using clustron::server::Config;
using clustron::server::Opt;

constexpr const char* kUsage =
    "usage: clustron-server [FILE.conf | -] [--directive value ...]\n"
    "       clustron-server --check-config [FILE.conf | -] [--directive value ...]\n"
    "       clustron-server --version | --help\n"
    "\n"
    "Directives are those of redis.conf, and Clustron's own (docs/configuration.md):\n"
    "  --port 6379 --bind 127.0.0.1 --dir DIR --durability always|everysec|memory\n"
    "  --cluster-announce HOST:PORT --cluster-initial HOST:PORT,HOST:PORT,...\n"
    "  --cluster-secret-file FILE\n";

int Complain(const Status& status) {
  std::fprintf(stderr, "clustron-server: %s\n", status.error().detail.c_str());
  return 1;
}

// --check-config: what a start would say of the configuration, and nothing else.
int CheckOnly(int argc, char** argv) {
  Config config;
  Status status = config.LoadArguments(argc - 1, argv + 1);
  if (status) status = clustron::server::CheckConfig(config);
  for (const std::string& warning : config.warnings())
    std::fprintf(stderr, "note: %s\n", warning.c_str());
  if (!status) return Complain(status);
  std::puts("the configuration is good");
  return 0;
}

// Before anything that a fork would lose (threads, the loop).
Status GoToBackground(const Config& config) {
  if (config.Bool(Opt::kDaemonize) && daemon(1, 0) != 0)
    return clustron::Fail(clustron::Errc::kIo, "daemonize: fork failed");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc == 2 ? argv[1] : "";
  if (first == "--version" || first == "-v") {
    std::printf("Clustron server v=%s redis=%s\n", clustron::commands::kClustronVersion.data(),
                clustron::commands::kRedisVersion.data());
    return 0;
  }
  if (first == "--help" || first == "-h") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (argc > 1 && std::string_view(argv[1]) == "--check-config") return CheckOnly(argc, argv);
  Config config;
  if (Status loaded = config.LoadArguments(argc, argv); !loaded) return Complain(loaded);
  if (Status sound = clustron::server::CheckConfig(config); !sound) return Complain(sound);
  if (Status gone = GoToBackground(config); !gone) return Complain(gone);
  clustron::state::NameEntryWhenMemoryEnds();
  clustron::PurgeInBackground();  // threads don't outlive a fork
  clustron::server::Server server(config);
  if (Status started = server.Start(); !started) {
    if (!clustron::server::StopAsked()) return Complain(started);
    clustron::LogLine(clustron::LogLevel::kNotice, started.error().detail);
    return 0;
  }
  return server.Run();
}

// clustron-server [FILE.conf] [--directive value …]
#include <cstdio>

#include "server/config.h"
#include "server/server.h"

int main(int argc, char** argv) {
  clustron::server::Config config;
  if (clustron::Status loaded = config.LoadArguments(argc, argv); !loaded) {
    std::fprintf(stderr, "clustron-server: %s\n", loaded.error().detail.c_str());
    return 1;
  }
  clustron::server::Server server(config);
  if (clustron::Status started = server.Start(); !started) {
    std::fprintf(stderr, "clustron-server: %s\n", started.error().detail.c_str());
    return 1;
  }
  return server.Run();
}

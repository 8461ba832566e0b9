#include "server/process/live_options.h"

#include <sys/resource.h>

#include "base/log.h"

namespace clustron::server {

namespace {

// Descriptors for so many clients; Redis's complaint if the system doesn't give them.
Status RaiseDescriptors(uint64_t clients) {
  const uint64_t wanted = clients + kReservedDescriptors;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return {};
  const uint64_t have = limit.rlim_cur;
  limit.rlim_cur = wanted;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) limit.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return Fail(Errc::kLimit,
              "The operating system is not able to handle the specified number of clients, try "
              "with " +
                  std::to_string(ClientsWith(have)));
}

}  // namespace

Status LiveOptions::OnConfigChanged(std::span<const Opt> changed) {
  constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kVerbose, LogLevel::kNotice,
                                  LogLevel::kWarning};
  for (Opt opt : changed) {
    Log(LogLevel::kVerbose, "CONFIG SET {} {}", RowOf(opt).spec.name,
        opt == Opt::kRequirePass ? std::string_view("(not shown)") : config_.Text(opt));
    if (opt == Opt::kLogLevel) SetLogLevel(kLevels[config_.Int(Opt::kLogLevel)]);
    if (opt == Opt::kMaxClients) {
      TRY(RaiseDescriptors(static_cast<uint64_t>(config_.Int(Opt::kMaxClients))));
    }
  }
  return {};
}

}  // namespace clustron::server

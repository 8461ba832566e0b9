#include "server/process/live_options.h"

#include "base/log.h"

namespace clustron::server {

namespace {

// Descriptors for so many clients; Redis's complaint if the system doesn't give them.
Status MakeRoomFor(uint64_t clients, DescriptorBudget& descriptors) {
  if (clients > descriptors.shares().clients) descriptors.Raise(clients);
  if (clients <= descriptors.shares().clients) return {};
  return Fail(Errc::kLimit,
              "The operating system is not able to handle the specified number of clients, try "
              "with " +
                  std::to_string(descriptors.shares().clients));
}

}  // namespace

Status LiveOptions::OnConfigChanged(std::span<const Opt> changed) {
  constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kVerbose, LogLevel::kNotice,
                                  LogLevel::kWarning};
  for (Opt opt : changed) {
    Log(LogLevel::kVerbose, "CONFIG SET {} {}", RowOf(opt).spec.name,
        opt == Opt::kRequirePass ? std::string_view("(not shown)") : config_.Text(opt));
    if (opt == Opt::kLogLevel) SetLogLevel(kLevels[config_.Int(Opt::kLogLevel)]);
    if (opt == Opt::kMaxClients)
      TRY(MakeRoomFor(static_cast<uint64_t>(config_.Int(Opt::kMaxClients)), descriptors_));
  }
  return {};
}

}  // namespace clustron::server

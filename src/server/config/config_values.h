// Values of options that are more than a word: lists, addresses, buffer limits. Each function
// returns the canonical text, or a complaint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "base/result.h"

namespace clustron::server {

// Words between blanks; between blanks or commas.
std::vector<std::string> SplitWords(std::string_view text, std::string_view separators = " \t");

Result<std::string> CanonicalWords(std::string_view text);  // one blank between words

// HOST:PORT (base/host_port.h). Empty is allowed.
Result<std::string> CanonicalHostPort(std::string_view text);
// HOST:PORT or HOST:PORT@PEERPORT, different ones between blanks or commas; canonically with
// commas. Empty is allowed.
Result<std::string> CanonicalMembers(std::string_view text);
// Addresses to listen on, one blank between them, none of them twice.
Result<std::string> CanonicalAddresses(std::string_view text);

// A word of it. `peer_port` 0: not said.
struct MemberAddress {
  HostPort client;
  uint16_t peer_port = 0;
};
Result<MemberAddress> ParseMember(std::string_view word);
// Bytes ("100mb"), or a part of maxmemory ("5%", at most 100 %): as a number, percents are
// negative.
Result<std::string> CanonicalMemoryOrPercent(std::string_view text);
int64_t MemoryOrPercentNumber(std::string_view canonical);

// One class of client-output-buffer-limit.
struct OutputLimit {
  uint64_t hard_bytes = 0;  // 0: none
  uint64_t soft_bytes = 0;
  int64_t soft_s = 0;
  friend bool operator==(const OutputLimit&, const OutputLimit&) = default;
};
struct OutputLimits {
  OutputLimit normal, replica, pubsub;
};
inline constexpr std::string_view kOutputLimitsDefault =
    "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
// `<class> <hard> <soft> <seconds>` once or more; classes that aren't named stay as in `limits`.
Status ParseOutputLimits(std::string_view text, OutputLimits* limits);
std::string PrintOutputLimits(const OutputLimits& limits);
Result<std::string> CanonicalOutputLimits(std::string_view text);  // over the defaults

// Words as cluster::ParseSkip has them.
Result<std::string> CanonicalSkips(std::string_view text);

}  // namespace clustron::server

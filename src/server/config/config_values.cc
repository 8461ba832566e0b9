#include "server/config/config_values.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/check.h"
#include "base/numeric.h"
#include "base/option.h"
#include "base/strings.h"
#include "cluster/wire/skip_list.h"

namespace clustron::server {

namespace {

std::unexpected<Error> Complain(std::string text) {
  return Fail(Errc::kInvalidArgument, std::move(text));
}

std::string Join(const std::vector<std::string>& words, char separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text.push_back(separator);
    text.append(word);
  }
  return text;
}

}  // namespace

std::vector<std::string> SplitWords(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (true) {
    const size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(separators), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<std::string> CanonicalWords(std::string_view text) { return Join(SplitWords(text), ' '); }

namespace {

// What a word of `bind` stands for.
struct Listened {
  int family;         // AF_UNSPEC: a name, whose address is not known yet
  std::string bytes;  // of the address; a name
  bool any = false;   // all addresses of the family
};

Listened ListenedOn(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word == "*") word = "0.0.0.0";
  if (word == "::*") word = "::";
  const std::string text(word);
  for (const auto& [family, size] :
       {std::pair{AF_INET, sizeof(in_addr)}, {AF_INET6, sizeof(in6_addr)}}) {
    std::string bytes(size, '\0');
    if (inet_pton(family, text.c_str(), bytes.data()) == 1)
      return {family, bytes, bytes == std::string(size, '\0')};
  }
  return {AF_UNSPEC, Lower(text), false};
}

// One port can't be listened on twice.
bool SameSocket(const Listened& a, const Listened& b) {
  return a.family == b.family && (a.bytes == b.bytes || a.any || b.any);
}

}  // namespace

Result<std::string> CanonicalAddresses(std::string_view text) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-_%*";
  const std::vector<std::string> words = SplitWords(text);
  std::vector<Listened> before;
  for (const std::string& word : words) {
    if (word.find_first_not_of(kLetters) != std::string::npos || word == "-")
      return Complain("'" + word + "' is not an address");
    Listened one = ListenedOn(word);
    for (size_t i = 0; i < before.size(); i++)
      if (SameSocket(before[i], one))
        return Complain("'" + words[i] + "' and '" + word +
                        "' are the same, or one holds the other");
    before.push_back(std::move(one));
  }
  return Join(words, ' ');
}

Result<std::string> CanonicalHostPort(std::string_view text) {
  if (text.empty()) return std::string();
  ASSIGN_OR_RETURN(const HostPort address, ParseHostPort(text));
  return PrintHostPort(address.host, address.port);
}

Result<MemberAddress> ParseMember(std::string_view word) {
  MemberAddress member;
  const size_t at = word.find('@');
  ASSIGN_OR_RETURN(member.client, ParseHostPort(word.substr(0, at)));
  if (at != std::string_view::npos) {
    ASSIGN_OR_RETURN(member.peer_port, ParsePort(word.substr(at + 1)));
  }
  return member;
}

Result<std::string> CanonicalMembers(std::string_view text) {
  std::vector<std::string> words;
  std::vector<HostPort> seen;
  for (const std::string& word : SplitWords(text, ", \t")) {
    ASSIGN_OR_RETURN(const MemberAddress member, ParseMember(word));
    if (std::find(seen.begin(), seen.end(), member.client) != seen.end())
      return Complain("'" + word + "' is there twice");
    seen.push_back(member.client);
    words.push_back(PrintHostPort(member.client.host, member.client.port));
    if (member.peer_port != 0) words.back() += "@" + std::to_string(member.peer_port);
  }
  return Join(words, ',');
}

Result<std::string> CanonicalMemoryOrPercent(std::string_view text) {
  const std::string complaint = "argument must be a memory or percent value";
  if (text.ends_with('%')) {
    const auto percent = ParseInt64(text.substr(0, text.size() - 1));
    if (!percent || *percent < 0) return Complain(complaint);
    if (*percent > 100) return Complain("percentage argument must be less or equal to 100");
    return *percent == 0 ? std::string("0") : std::to_string(*percent) + "%";
  }
  const auto bytes = ParseMemory(text);
  if (!bytes) return Complain(complaint);
  return std::to_string(*bytes);
}

int64_t MemoryOrPercentNumber(std::string_view canonical) {
  const bool percent = canonical.ends_with('%');
  if (percent) canonical.remove_suffix(1);
  const int64_t number = ParseInt64(canonical).value_or(0);
  return percent ? -number : number;
}

Status ParseOutputLimits(std::string_view text, OutputLimits* limits) {
  const std::vector<std::string> words = SplitWords(text);
  if (words.size() % 4 != 0) {
    return Complain("Wrong number of arguments in buffer limit configuration.");
  }
  OutputLimits parsed = *limits;
  for (size_t i = 0; i < words.size(); i += 4) {
    OutputLimit* limit = nullptr;
    if (EqualsIgnoreCase(words[i], "normal")) limit = &parsed.normal;
    if (EqualsIgnoreCase(words[i], "slave")) limit = &parsed.replica;
    if (EqualsIgnoreCase(words[i], "replica")) limit = &parsed.replica;
    if (EqualsIgnoreCase(words[i], "pubsub")) limit = &parsed.pubsub;
    if (limit == nullptr) {
      return Complain("Invalid client class specified in buffer limit configuration.");
    }
    const auto hard = ParseMemory(words[i + 1]);
    const auto soft = ParseMemory(words[i + 2]);
    const auto seconds = ParseInt64(words[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0) {
      return Complain("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    *limit = {static_cast<uint64_t>(*hard), static_cast<uint64_t>(*soft), *seconds};
  }
  *limits = parsed;
  return {};
}

std::string PrintOutputLimits(const OutputLimits& limits) {
  const auto print = [](const char* name, const OutputLimit& limit) {
    return std::string(name) + " " + std::to_string(limit.hard_bytes) + " " +
           std::to_string(limit.soft_bytes) + " " + std::to_string(limit.soft_s);
  };
  return print("normal", limits.normal) + " " + print("slave", limits.replica) + " " +
         print("pubsub", limits.pubsub);
}

Result<std::string> CanonicalOutputLimits(std::string_view text) {
  OutputLimits limits;
  CHECK(ParseOutputLimits(kOutputLimitsDefault, &limits).has_value());
  TRY(ParseOutputLimits(text, &limits));
  return PrintOutputLimits(limits);
}

Result<std::string> CanonicalSkips(std::string_view text) {
  const std::vector<std::string> words = SplitWords(text, ", \t");
  for (const std::string& word : words) {
    if (const auto skip = cluster::ParseSkip(word); !skip) return std::unexpected(skip.error());
  }
  return Join(words, ' ');
}

}  // namespace clustron::server

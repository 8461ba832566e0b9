#include "server/config/config.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <ranges>
#include <system_error>

#include "base/check.h"
#include "base/glob.h"
#include "base/numeric.h"
#include "base/strings.h"
#include "commands/core/error_text.h"
#include "commands/core/errors.h"
#include "server/config/config_foreign.h"
#include "server/config/config_rewrite.h"
#include "server/config/errors.h"

namespace clustron::server {

namespace {

constexpr int kIncludeDepthMax = 16;

// Some editors begin a file with a byte order mark.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string Where(const std::string& origin, const std::string& directive) {
  return origin + ": '" + directive + "'";
}

std::unexpected<Error> Bad(const std::string& origin, const std::string& directive,
                           const std::string& why) {
  return Fail(Errc::kInvalidArgument, Where(origin, directive) + ": " + why);
}

std::string JoinFrom(const std::vector<std::string>& words, size_t first) {
  std::string text;
  for (size_t i = first; i < words.size(); i++) text.append(i == first ? "" : " ").append(words[i]);
  return text;
}

// A line for people to read: what is secret does not get into a log.
std::string Shown(const std::vector<std::string>& words) {
  constexpr std::string_view kSecrets[] = {"requirepass", "masterauth", "tls-key-file-pass",
                                           "tls-client-key-file-pass", "user"};
  const bool secret =
      std::any_of(std::begin(kSecrets), std::end(kSecrets),
                  [&](std::string_view name) { return EqualsIgnoreCase(name, words[0]); });
  return secret && words.size() > 1 ? words[0] + " (redacted)" : JoinFrom(words, 0);
}

// Redis's words for a pair that can't be set.
std::unexpected<Error> SetFailed(std::string_view name, std::string_view why) {
  return Fail(Errc::kInvalidArgument, commands::ConfigSetFailed(name, why));
}

// A directory may be written in several ways.
bool SameValue(const OptionRow& row, const std::string& a, const std::string& b) {
  if (a == b) return true;
  std::error_code error;
  return row.opt == Opt::kDir && std::filesystem::equivalent(a, b, error);
}

// What Redis takes for a value of the option, whatever holds here.
Status CheckFact(const OptionRow& row, const std::string& text) {
  if (row.opt == Opt::kSave) {
    const std::vector<std::string> words = SplitWords(text);
    const bool numbers = std::all_of(words.begin(), words.end(), [](const std::string& word) {
      return ParseInt64(word).value_or(-1) >= 0;
    });
    if (words.size() % 2 == 0 && numbers) return {};
    return Fail(Errc::kInvalidArgument, "Invalid save parameters");
  }
  TRY(ParseOption(row.spec, text));
  return {};
}

}  // namespace

Config::Config() : values_(kOptCount), given_(kOptCount, false), where_(kOptCount) {
  for (const OptionRow& row : OptionRows()) {
    auto value = ParseOption(row.spec, row.spec.default_value);
    CHECK(value.has_value());
    Assign(row.opt, *std::move(value));
  }
}

void Config::Assign(Opt opt, OptionValue value) {
  if (opt == Opt::kClientOutputBufferLimit) {
    CHECK(ParseOutputLimits(value.text, &output_limits_).has_value());
  }
  values_[static_cast<size_t>(opt)] = std::move(value);
}

Result<OptionValue> Config::Parse(const OptionRow& row, std::string_view text) const {
  if (!(row.flags & kOptRepeats)) return ParseOption(row.spec, text);
  if (row.opt == Opt::kIgnoreUnknown)
    return ParseOption(row.spec, Text(row.opt) + " " + std::string(text));
  OutputLimits limits = output_limits_;
  TRY(ParseOutputLimits(text, &limits));
  return OptionValue{PrintOutputLimits(limits), 0};
}

// ---- Loading ----

Status Config::LoadArguments(int argc, const char* const* argv) {
  int at = 1;
  if (at < argc && !std::string_view(argv[at]).starts_with("--")) {
    const std::string_view file = argv[at++];
    if (file == "-") {
      TRY(LoadStdin());
    } else {
      TRY(LoadFile(std::string(file)));
    }
  }
  // As Redis: a word that begins with "--" begins a directive, and may hold its value too.
  Line line{.origin = "arguments", .words = {}};
  for (; at < argc; at++) {
    const std::string_view word = argv[at];
    if (!word.starts_with("--")) {
      if (line.words.empty()) return Bad(line.origin, std::string(word), "not a directive");
      line.words.emplace_back(word);
      continue;
    }
    if (!line.words.empty()) TRY(LoadLine(line));
    const auto words = SplitArgs(word.substr(2));
    if (!words || words->empty()) return Bad(line.origin, std::string(word), "not a directive");
    line.words = *words;
  }
  if (!line.words.empty()) TRY(LoadLine(line));
  return FinishLoading();
}

Status Config::LoadFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  if (include_depth_ == 0) {
    char* absolute = realpath(path.c_str(), nullptr);
    file_ = absolute != nullptr ? absolute : path;
    std::free(absolute);
  }
  return LoadText(text, path);
}

Status Config::LoadStdin() {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile("/dev/stdin"));
  return LoadText(text, "stdin");
}

Status Config::LoadText(std::string_view text, std::string_view origin) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (int number = 1; !text.empty(); number++) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = raw.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || raw[first] == '#') continue;
    raw = raw.substr(first, raw.find_last_not_of(" \t\r") - first + 1);
    Line line{.origin = std::string(origin) + ":" + std::to_string(number), .words = {}};
    auto words = SplitArgs(raw);
    if (!words)
      return Bad(line.origin, std::string(raw), "Unbalanced quotes in configuration line");
    if (words->empty()) continue;  // other blanks than those above
    line.words = *std::move(words);
    TRY(LoadLine(line));
  }
  return {};
}

Status Config::LoadLine(const Line& line) {
  const std::string& name = line.words[0];
  if (EqualsIgnoreCase(name, "include")) return LoadInclude(line);
  if (const OptionRow* row = FindOption(name)) return LoadOption(*row, line);
  return LoadUnknown(line);
}

Status Config::LoadUnknown(const Line& line) {
  const std::string directive = Shown(line.words);
  const auto foreign = FindForeign(line.words[0], JoinFrom(line.words, 1));
  if (foreign && !foreign->refused) {
    warnings_.push_back(Where(line.origin, directive) +
                        " is ignored: " + std::string(foreign->reason));
    ignored_.push_back(line);
  } else {
    unknown_.push_back(line);  // a later line may excuse it
  }
  return {};
}

// All at once: nobody wants to start the server once for each.
Status Config::RefuseUnknown() const {
  const std::vector<std::string> excused = Words(Opt::kIgnoreUnknown);
  std::string complaints;
  for (const Line& line : unknown_) {
    const std::string& name = line.words[0];
    if (std::any_of(excused.begin(), excused.end(),
                    [&](const std::string& word) { return EqualsIgnoreCase(word, name); })) {
      continue;
    }
    complaints += (complaints.empty() ? "" : "\n") + Where(line.origin, Shown(line.words));
    if (const auto foreign = FindForeign(name, JoinFrom(line.words, 1))) {
      complaints += ": refused, as it can't be honoured: " + std::string(foreign->reason);
      continue;
    }
    const std::string_view nearest = NearestDirective(name);
    complaints += ": unknown directive";
    if (!nearest.empty()) complaints += "; '" + std::string(nearest) + "' is the nearest known one";
    complaints += " (`ignore-unknown " + name + "` would let it pass)";
  }
  if (complaints.empty()) return {};
  return Fail(Errc::kInvalidArgument, complaints);
}

Status Config::LoadInclude(const Line& line) {
  if (line.words.size() != 2) return Bad(line.origin, "include", "wrong number of arguments");
  if (include_depth_ >= kIncludeDepthMax) return Bad(line.origin, "include", "nested too deeply");
  glob_t found = {};
  // COMPAT: a pattern may match nothing; a plain name must exist.
  const int rc = glob(line.words[1].c_str(), GLOB_NOCHECK, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  if (paths.size() == 1 && paths[0] == line.words[1] &&
      paths[0].find_first_of("*?[") != std::string::npos) {
    return {};
  }
  include_depth_++;
  for (const std::string& path : paths) {
    if (Status status = LoadFile(path); !status) {
      include_depth_--;
      return Bad(line.origin, "include " + path, status.error().detail);
    }
  }
  include_depth_--;
  return {};
}

Status Config::LoadOption(const OptionRow& row, const Line& line) {
  const std::string directive = Shown(line.words);
  const auto bad = [&](std::string why) {
    for (size_t i = 1; i < line.words.size(); i++) {
      if (!line.words[i].starts_with('#')) continue;
      why += " (a comment must stand on a line of its own)";
      break;
    }
    return Bad(line.origin, directive, why);
  };
  const bool many = (row.flags & kOptManyWords) != 0;
  if (many ? line.words.size() < 2 : line.words.size() != 2)
    return bad("wrong number of arguments");
  const std::string text = many ? JoinFrom(line.words, 1) : line.words[1];
  if (row.flags & kOptFixed) {
    Status loaded = LoadFact(row, text, line);
    return loaded ? loaded : Status(bad(loaded.error().detail));
  }
  auto value = Parse(row, text);
  if (!value) return bad(value.error().detail);
  if (row.scope == Scope::kCluster) {
    std::erase_if(seeds_, [&](const Pair& seed) { return seed.first == row.spec.name; });
    seeds_.emplace_back(row.spec.name, value->text);
  }
  Assign(row.opt, *std::move(value));
  given_[static_cast<size_t>(row.opt)] = true;
  where_[static_cast<size_t>(row.opt)] = Where(line.origin, directive);
  return {};
}

Status Config::LoadFact(const OptionRow& row, const std::string& text, const Line& line) {
  TRY(CheckFact(row, text));
  if (row.opt == Opt::kAppendOnly) {
    wants_append_only_ = EqualsIgnoreCase(text, "yes");
  } else if (row.opt == Opt::kAppendFsync) {
    wants_fsync_always_ = EqualsIgnoreCase(text, "always");
  } else if (!EqualsIgnoreCase(text, Text(row.opt))) {
    warnings_.push_back(Where(line.origin, JoinFrom(line.words, 0)) + " is ignored: " +
                        std::string(row.spec.name) + " is '" + Text(row.opt) + "'");
  }
  return {};
}

Status Config::FinishLoading() {
  TRY(RefuseUnknown());
  struct stat dir;
  if (stat(Text(Opt::kDir).c_str(), &dir) != 0) return Wrong(Opt::kDir, std::strerror(errno));
  if (!S_ISDIR(dir.st_mode)) return Wrong(Opt::kDir, std::strerror(ENOTDIR));
  const size_t members = Words(Opt::kClusterInitial).size();
  if (members > 1 && Given(Opt::kDurability) && Int(Opt::kDurability) != kDurabilityAlways) {
    return Wrong(Opt::kDurability,
                 "this is for a node that is alone: a cluster's nodes must not forget what they "
                 "voted (--durability always)");
  }
  if (members > 1) {
    SetEffective(Opt::kDurability, "always");
  } else if (!Given(Opt::kDurability) && wants_append_only_ && wants_fsync_always_) {
    SetEffective(Opt::kDurability, "always");
    warnings_.push_back("durability is 'always', as 'appendfsync always' asks");
  }
  SetFacts();
  return {};
}

void Config::SetFacts() {
  const int64_t durability = Int(Opt::kDurability);
  Assign(Opt::kAppendOnly, *ParseOption(RowOf(Opt::kAppendOnly).spec,
                                        durability == kDurabilityMemory ? "no" : "yes"));
  Assign(Opt::kAppendFsync, *ParseOption(RowOf(Opt::kAppendFsync).spec,
                                         durability == kDurabilityAlways     ? "always"
                                         : durability == kDurabilityEverysec ? "everysec"
                                                                             : "no"));
}

// ---- Values ----

std::unexpected<Error> Config::Wrong(Opt opt, std::string_view why) const {
  const std::string& where = where_[static_cast<size_t>(opt)];
  const std::string directive = std::string(RowOf(opt).spec.name) + " " + Text(opt);
  return Fail(Errc::kInvalidArgument,
              (where.empty() ? "'" + directive + "'" : where) + ": " + std::string(why));
}

std::string Config::Ignored(std::string_view name) const {
  for (const Line& line : std::views::reverse(ignored_))
    if (EqualsIgnoreCase(line.words[0], name)) return JoinFrom(line.words, 1);
  return {};
}

std::vector<std::string> Config::Words(Opt opt) const { return SplitWords(Text(opt), " ,\t"); }

std::vector<std::string> Config::SeedDifferences() const {
  std::vector<std::string> differences;
  for (const auto& [name, text] : seeds_) {
    const std::string& now = Text(FindOption(name)->opt);
    if (now == text) continue;
    differences.push_back("'" + name + " " + text +
                          "' is ignored: it is a cluster-wide setting, '" + now +
                          "' since the cluster was formed or by CONFIG SET");
  }
  return differences;
}

void Config::SetEffective(Opt opt, std::string_view text) {
  auto value = ParseOption(RowOf(opt).spec, text);
  CHECK(value.has_value());
  Assign(opt, *std::move(value));
  if (opt == Opt::kDurability) SetFacts();
}

void Config::SetEffective(std::string_view name, std::string_view text) {
  if (const OptionRow* row = FindOption(name)) SetEffective(row->opt, text);
}

bool Config::MayRewrite(const OptionRow& row) const {
  if (row.flags & kOptFixed) return false;
  return row.scope != Scope::kCluster || cluster_settings_known_;
}

// ---- CONFIG GET, SET, REWRITE ----

std::vector<Config::Pair> Config::Get(std::span<const std::string_view> patterns) const {
  std::vector<Pair> pairs;
  const auto add = [&](std::string_view name, Opt opt) {
    for (std::string_view pattern : patterns) {
      if (!GlobMatch(pattern, name, true)) continue;
      // COMPAT: what is asked for by its whole name is shown as it was asked for.
      const bool whole = pattern.find_first_of("*?[\\") == std::string_view::npos;
      pairs.emplace_back(whole ? pattern : name, Text(opt));
      return;
    }
  };
  for (const OptionRow& row : OptionRows()) {
    add(row.spec.name, row.opt);
    if (!row.spec.alias.empty()) add(row.spec.alias, row.opt);
  }
  return pairs;
}

Status Config::Set(std::span<const PairView> pairs) {
  std::vector<Opt> changed;
  std::vector<OptionValue> old = values_;
  const auto take_back = [&] {
    for (const OptionRow& row : OptionRows()) {
      Assign(row.opt, std::move(old[static_cast<size_t>(row.opt)]));
    }
  };
  for (const auto& [name, text] : pairs) {
    if (FindOption(name) == nullptr) {
      return Fail(Errc::kInvalidArgument, UnknownOption(name));
    }
  }
  for (const auto& [name, text] : pairs) {
    const OptionRow& row = *FindOption(name);
    auto value = Parse(row, text);
    const bool told = value && SameValue(row, value->text, old[static_cast<size_t>(row.opt)].text);
    std::string_view refused;
    if (row.scope == Scope::kCluster) {
      refused = "a cluster-wide setting can't be set together with options of a node";
    } else if ((row.flags & (kOptStartOnly | kOptFixed)) && !told) {
      refused = "can't set immutable config";
    } else if (std::find(changed.begin(), changed.end(), row.opt) != changed.end()) {
      refused = commands::kDuplicateParameter;
    }
    if (!refused.empty() || !value) {
      take_back();
      return SetFailed(name, refused.empty() ? value.error().detail : refused);
    }
    if (row.flags & (kOptStartOnly | kOptFixed)) continue;  // it says what is so already
    Assign(row.opt, *std::move(value));
    changed.push_back(row.opt);
  }
  if (listener_ != nullptr) {
    if (Status status = listener_->OnConfigChanged(changed); !status) {
      take_back();
      // What did get changed is told again, so that it is undone there too.
      static_cast<void>(listener_->OnConfigChanged(changed));
      return SetFailed(pairs[0].first, status.error().detail);
    }
  }
  for (Opt opt : changed) given_[static_cast<size_t>(opt)] = true;
  return {};
}

Status Config::Rewrite() {
  if (file_.empty()) return Fail(Errc::kNotFound, std::string(kErrNoConfigFile));
  auto text = ReadWholeFile(file_);
  if (!text && access(file_.c_str(), F_OK) != 0) text = std::string();
  Status status = text ? ReplaceFile(file_, RewrittenConfig(*this, *text))
                       : Status(std::unexpected(text.error()));
  if (!status) return Fail(status.error().code, RewriteFailed(status.error().detail));
  return {};
}

}  // namespace clustron::server

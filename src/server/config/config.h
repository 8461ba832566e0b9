// This node's configuration: redis.conf and arguments in, typed values out, CONFIG GET/SET/REWRITE.
//
// CONFIG REWRITE is in config_rewrite.h. Options of scope `cluster` are replicated state
// (store/settings): files and arguments only seed them when a cluster is formed; here is kept what
// CONFIG GET shows, told by SetEffective.
//
// THREAD: core loop, once the server runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/option.h"
#include "base/result.h"
#include "commands/core/ports.h"
#include "server/config/config_table.h"
#include "server/config/config_values.h"

namespace clustron::server {

// Makes changed options work (listen elsewhere, log louder …).
class ConfigListener {
 public:
  virtual ~ConfigListener() = default;
  // The values are set already. An error takes all of them back; its detail ends the client's
  // reply ("Failed to …").
  virtual Status OnConfigChanged(std::span<const Opt> changed) = 0;
};

class Config final : public commands::ConfigPort {
 public:
  Config();  // defaults

  // --- Loading, before the server runs ---------------------------------------------------------

  // argv as the process got it: [FILE.conf | -] [--directive value …]. Errors name file and line.
  Status LoadArguments(int argc, const char* const* argv);
  // Settles what follows from several options together. LoadArguments calls it at its end.
  Status FinishLoading();
  Status LoadFile(const std::string& path);
  // `origin` is for messages. `include` lines are read relative to the working directory.
  Status LoadText(std::string_view text, std::string_view origin);
  // What is odd without being wrong (a directive of Redis that is not needed here …), to be logged
  // once at start.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // What the last line said of a directive of Redis that is ignored here; empty: nothing.
  std::string Ignored(std::string_view name) const;

  // --- Values ----------------------------------------------------------------------------------

  int64_t Int(Opt opt) const { return values_[static_cast<size_t>(opt)].number; }
  bool Bool(Opt opt) const { return Int(opt) != 0; }
  const std::string& Text(Opt opt) const { return values_[static_cast<size_t>(opt)].text; }
  // Given in a file or as an argument, or set since.
  bool Given(Opt opt) const { return given_[static_cast<size_t>(opt)]; }
  // An error about the option's value, with file, line and directive where it was given.
  std::unexpected<Error> Wrong(Opt opt, std::string_view why) const;
  // Words of a list (bind, cluster-initial: blanks or commas).
  std::vector<std::string> Words(Opt opt) const;
  const OutputLimits& output_limits() const { return output_limits_; }
  const std::string& file() const { return file_; }

  // Cluster-wide settings that files or arguments gave: name and canonical text. Seeds of a new
  // cluster; later a difference to the replicated value deserves a warning.
  const std::vector<Pair>& ClusterSeeds() const { return seeds_; }
  // What there is to warn about once the replicated values are known.
  std::vector<std::string> SeedDifferences() const;

  // --- While running ---------------------------------------------------------------------------

  void set_listener(ConfigListener* listener) { listener_ = listener; }
  // What is true now, whoever decided it: a replicated setting, durability after a join.
  // REQUIRES: canonical text.
  void SetEffective(Opt opt, std::string_view text);
  // By name; ignores names it doesn't know.
  void SetEffective(std::string_view name, std::string_view text);
  // The values of cluster-wide settings are those of a state in which something was done. Until
  // then they are no reason to rewrite what the file says: the first leader may be about to log it.
  void ClusterSettingsKnown() { cluster_settings_known_ = true; }
  bool MayRewrite(const OptionRow& row) const;

  // --- commands::ConfigPort --------------------------------------------------------------------
  std::vector<Pair> Get(std::span<const std::string_view> patterns) const override;
  // Cluster-wide settings don't come here: CONFIG SET of them alone is an item of the log.
  Status Set(std::span<const PairView> pairs) override;
  Status Rewrite() override;

 private:
  struct Line {
    std::string origin;  // "FILE:3", "arguments"
    std::vector<std::string> words;
  };
  Status LoadLine(const Line& line);
  Status LoadOption(const OptionRow& row, const Line& line);
  Status LoadFact(const OptionRow& row, const std::string& text, const Line& line);
  Status LoadInclude(const Line& line);
  Status LoadUnknown(const Line& line);
  Status RefuseUnknown() const;
  Status LoadStdin();
  Result<OptionValue> Parse(const OptionRow& row, std::string_view text) const;
  void Assign(Opt opt, OptionValue value);
  void SetFacts();

  std::vector<OptionValue> values_;  // by Opt
  std::vector<bool> given_;          // by Opt
  std::vector<std::string> where_;   // by Opt: "FILE:3: 'port 1'" of the line that holds
  std::vector<Line> unknown_;        // in the order in which they stand there
  std::vector<Line> ignored_;        // likewise
  OutputLimits output_limits_;
  std::vector<Pair> seeds_;
  std::vector<std::string> warnings_;
  std::string file_;  // absolute; empty: none
  int include_depth_ = 0;
  bool cluster_settings_known_ = false;
  bool wants_append_only_ = false;   // `appendonly yes`
  bool wants_fsync_always_ = false;  // `appendfsync always`
  ConfigListener* listener_ = nullptr;
};

}  // namespace clustron::server

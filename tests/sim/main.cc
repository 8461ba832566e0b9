// clustron-sim: whole clusters in virtual time, one seed after another, each in a process of its
// own so that a crash is a finding like any other.
//
//   clustron-sim [--seed N | --seeds A..B] [--seconds 60] [--nodes N] [--procs 2] [--regression]
//                [--bug NAME] [--bugs [NAME …]] [--trace] [--verify]
//
//   --regression  also the seeds of regression_seeds.txt
//   --bug NAME    with this bug planted
//   --bugs        every planted bug must be found, each with its options of bug_runs.h: on some
//                 twenty seeds around its recorded one, or else within 1..200; with --seeds, within
//                 those only. A seed that fails without the bug, too, proves nothing, and is a
//                 finding itself
//   --first       ends with the first seed that fails, and prints no trace
//   --trace       prints the trace of the one seed
//   --dump TEXT   the same, and at its end the log's items whose arguments contain the text
//   --flow        with slow links and small windows
//   --verify      runs each seed twice and compares the traces (else every 50th)
//   --probes      fails if a rare branch of the list below was never reached
//
// Exit code: 0 all well, 1 something was found (or a planted bug was not), 2 wrong arguments.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/numeric.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "tests/sim/bug_runs.h"
#include "tests/sim/cluster.h"
#include "tests/sim/probes.h"

namespace clustron::sim {
namespace {

struct Options {
  uint64_t first = 1;
  uint64_t last = 1;
  int64_t seconds = 60;
  int nodes = 0;
  int procs = 2;
  Bug bug = Bug::kNone;
  bool all_bugs = false;
  std::vector<Bug> bugs;
  bool first_only = false;
  bool trace = false;
  const char* dump = nullptr;
  bool verify = false;
  bool regression = false;
  bool flow = false;
  bool seeds_given = false;
  bool probes = false;
  std::string regression_file = "tests/sim/regression_seeds.txt";
};

// --- One seed, in its own process ----------------------------------------------------------------

Report* current_report = nullptr;

void OnAbort(int) {
  if (current_report != nullptr && current_report->tracing()) current_report->PrintTail();
  std::fflush(stderr);
  _exit(3);
}

struct RunOutcome {
  std::string failure;
  uint64_t trace_hash = 0;
};

// The knobs have a generator of their own, so that they can be told without a run.
Rng KnobRng(uint64_t seed) { return Rng(Mix64(seed ^ 0x6b6e6f6273)); }

RunOutcome RunSeed(uint64_t seed, const Options& options, bool keep_trace, FILE* out) {
  EventLoop loop(seed);
  Report report(&loop);
  current_report = &report;
  if (keep_trace) report.KeepTrace(options.trace);
  Rng knob_rng = KnobRng(seed);
  const Knobs knobs = DrawKnobs(knob_rng, options.nodes);
  RunOutcome outcome;
  {
    Cluster cluster(&loop, &report, knobs);
    if (keep_trace) cluster.DumpAtEnd(options.dump);
    cluster.Run(options.seconds * kSecond);
    outcome.failure = report.failure();
    outcome.trace_hash = loop.trace_hash();
    if (report.failed() && keep_trace) report.PrintTail();
    if (out != nullptr) {
      for (const auto& [what, count] : report.counts()) {
        std::fprintf(out, "count %llu %s\n", static_cast<unsigned long long>(count), what.c_str());
      }
      std::fprintf(out, "count %llu events\n", static_cast<unsigned long long>(loop.events_run()));
      std::fprintf(out, "count %llu virtual seconds\n",
                   static_cast<unsigned long long>(loop.now_ns() / kSecond));
    }
  }
  current_report = nullptr;
  return outcome;
}

// What the child writes is read line by line: "count N name", "reach N name", "fail text" …
[[noreturn]] void ChildMain(uint64_t seed, const Options& options, bool keep_trace, int fd) {
  FILE* out = fdopen(fd, "w");
  if (keep_trace) dup2(fd, STDERR_FILENO);
  flow_seeds = options.flow;
  signal(SIGABRT, OnAbort);
  signal(SIGSEGV, OnAbort);
  alarm(300);  // of real time: a livelock is a finding too
#ifdef CLUSTRON_SIM
  planted_bug = options.bug;
#endif
  const RunOutcome outcome = RunSeed(seed, options, keep_trace, out);
  if (outcome.failure.empty() && (options.verify || seed % 50 == 0)) {
    const RunOutcome again = RunSeed(seed, options, false, nullptr);
    if (again.trace_hash != outcome.trace_hash) {
      std::fprintf(out, "fail determinism: two runs of one seed differ\n");
    }
  }
#ifdef CLUSTRON_SIM
  for (const ReachProbe* probe = reach_probes; probe != nullptr; probe = probe->next) {
    std::fprintf(out, "reach %llu %s\n", static_cast<unsigned long long>(probe->count),
                 probe->name);
  }
#endif
  if (!outcome.failure.empty()) {
    std::fprintf(out, "fail %s\n", outcome.failure.c_str());
    std::fprintf(out, "endfail\n");
  }
  std::fprintf(out, "hash %016llx\n", static_cast<unsigned long long>(outcome.trace_hash));
  std::fflush(out);
  std::fflush(stderr);
  _exit(0);
}

// --- The parent ----------------------------------------------------------------------------------

struct Child {
  pid_t pid = 0;
  int fd = -1;
  uint64_t seed = 0;
  std::string output;
};

struct Finding {
  uint64_t seed;
  std::string text;
};

class Runner {
 public:
  explicit Runner(const Options& options) : options_(options) {}

  // Runs the seeds; stops early at the first finding if asked to.
  void Run(const std::vector<uint64_t>& seeds, bool stop_at_first);
  const std::vector<Finding>& findings() const { return findings_; }
  uint64_t seeds_run() const { return seeds_run_; }
  const std::map<std::string, uint64_t>& counts() const { return counts_; }
  const std::map<std::string, uint64_t>& reached() const { return reached_; }

 private:
  Child Launch(uint64_t seed, bool keep_trace);
  void Finish(Child& child);
  std::string Digest(Child& child, int status, bool count);

  const Options options_;
  std::vector<Finding> findings_;
  uint64_t seeds_run_ = 0;
  std::map<std::string, uint64_t> counts_;
  std::map<std::string, uint64_t> reached_;
};

Child Runner::Launch(uint64_t seed, bool keep_trace) {
  int fds[2];
  if (pipe(fds) != 0) std::abort();
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    if (!keep_trace) dup2(fds[1], STDERR_FILENO);
    ChildMain(seed, options_, keep_trace, fds[1]);
  }
  close(fds[1]);
  return {.pid = pid, .fd = fds[0], .seed = seed};
}

// The failure, if there is one.
std::string Runner::Digest(Child& child, int status, bool count) {
  std::string failure;
  std::string rest;  // what a CHECK printed
  std::istringstream lines(child.output);
  std::string line;
  bool in_failure = false;
  bool complete = false;
  while (std::getline(lines, line)) {
    unsigned long long n = 0;
    int at = 0;
    if (line.starts_with("fail ")) {
      failure += line.substr(5) + "\n";
      in_failure = true;
    } else if (line == "endfail") {
      in_failure = false;
    } else if (in_failure) {
      failure += line + "\n";
    } else if (std::sscanf(line.c_str(), "count %llu %n", &n, &at) == 1 && at > 0) {
      if (count) counts_[line.substr(static_cast<size_t>(at))] += n;
    } else if (std::sscanf(line.c_str(), "reach %llu %n", &n, &at) == 1 && at > 0) {
      if (count) reached_[line.substr(static_cast<size_t>(at))] += n;
    } else if (line.starts_with("hash ")) {
      complete = true;
    } else {
      rest += line + "\n";
    }
  }
  if (failure.empty() && !complete) {
    failure = WIFSIGNALED(status)
                  ? (WTERMSIG(status) == SIGALRM ? std::string("hangs")
                                                 : "signal " + std::to_string(WTERMSIG(status)))
                  : "crash";
    failure += "\n";
  }
  if (!failure.empty()) failure += rest;
  return failure;
}

void Runner::Finish(Child& child) {
  close(child.fd);
  int status = 0;
  waitpid(child.pid, &status, 0);
  ++seeds_run_;
  std::string failure = Digest(child, status, true);
  if (failure.empty()) return;
  findings_.push_back({child.seed, failure});
}

void Runner::Run(const std::vector<uint64_t>& seeds, bool stop_at_first) {
  std::vector<Child> running;
  size_t next = 0;
  while (next < seeds.size() || !running.empty()) {
    const bool more = !(stop_at_first && !findings_.empty());
    if (!more && running.empty()) break;
    while (more && next < seeds.size() && running.size() < static_cast<size_t>(options_.procs)) {
      running.push_back(Launch(seeds[next++], false));
    }
    std::vector<pollfd> fds;
    for (const Child& child : running) fds.push_back({child.fd, POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    for (size_t i = running.size(); i-- > 0;) {
      if (fds[i].revents == 0) continue;
      char buffer[16384];
      const ssize_t got = read(running[i].fd, buffer, sizeof buffer);
      if (got > 0) {
        running[i].output.append(buffer, static_cast<size_t>(got));
        continue;
      }
      Finish(running[i]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

// Runs a seed that failed again, with its trace.
std::string TraceOf(uint64_t seed, const Options& options) {
  int fds[2];
  if (pipe(fds) != 0) std::abort();
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    ChildMain(seed, options, true, fds[1]);
  }
  close(fds[1]);
  std::string output;
  char buffer[16384];
  for (ssize_t got; (got = read(fds[0], buffer, sizeof buffer)) > 0;) {
    output.append(buffer, static_cast<size_t>(got));
  }
  close(fds[0]);
  waitpid(pid, nullptr, 0);
  std::string kept;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("count ") && !line.starts_with("reach ")) kept += "    " + line + "\n";
  }
  return kept;
}

bool BugByName(std::string_view name, Bug* bug) {
  for (const BugRun& row : kBugRuns) {
    if (name == row.name || name == std::string_view(row.name).substr(1)) {
      *bug = row.bug;
      return true;
    }
  }
  return false;
}

std::vector<uint64_t> Range(uint64_t first, uint64_t last) {
  std::vector<uint64_t> seeds;
  for (uint64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  return seeds;
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// The lowest of these seeds with which the bug is found.
std::optional<Finding> Find(const Options& options, uint64_t first, uint64_t last) {
  Runner runner(options);
  runner.Run(Range(first, last), true);
  if (runner.findings().empty()) return std::nullopt;
  // All below the lowest have run, whichever process was faster.
  return *std::min_element(runner.findings().begin(), runner.findings().end(),
                           [](const Finding& a, const Finding& b) { return a.seed < b.seed; });
}

// A line for the bug; whether it was found, by a seed that finds nothing without it.
bool RunBug(Options options, const BugRun& row) {
  constexpr uint64_t kBefore = 4;
  constexpr uint64_t kAround = 20;
  constexpr uint64_t kMost = 200;
  options.bug = row.bug;
  options.flow = options.flow || row.flow;
  if (options.nodes == 0) options.nodes = row.nodes;
  std::optional<Finding> found;
  if (options.seeds_given) {
    found = Find(options, options.first, options.last);
  } else {
    const uint64_t from = row.seed > kBefore ? row.seed - kBefore : 1;
    found = Find(options, from, from + kAround - 1);
    if (!found) found = Find(options, 1, kMost);
  }
  std::string with = options.flow ? " --flow" : "";
  if (options.nodes != 0) with += " --nodes " + std::to_string(options.nodes);
  if (!found) {
    std::printf("%-26s NOT FOUND%s\n", row.name, with.c_str());
    return false;
  }
  options.bug = Bug::kNone;
  const std::optional<Finding> without = Find(options, found->seed, found->seed);
  std::printf("%-26s found by seed %4llu%s: %s\n", row.name,
              static_cast<unsigned long long>(found->seed), with.c_str(),
              FirstLine(found->text).substr(0, 140).c_str());
  if (without) std::printf("  AND WITHOUT IT: %s\n", FirstLine(without->text).c_str());
  return !without;
}

int RunBugs(const Options& options) {
  int found = 0;
  int missed = 0;
  for (const BugRun& row : kBugRuns) {
    const auto& wanted = options.bugs;
    if (row.rare && wanted.empty()) continue;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), row.bug) == wanted.end())
      continue;
    ++(RunBug(options, row) ? found : missed);
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", found, missed);
  return missed == 0 ? 0 : 1;
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

std::vector<uint64_t> RegressionSeeds(const std::string& path) {
  std::vector<uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string word = line.substr(0, line.find_first_of(" \t#"));
    if (const auto seed = ParseUint64(word)) seeds.push_back(*seed);
  }
  return seeds;
}

int RunSeeds(const Options& options) {
  if (options.trace) {
    std::printf("%s", TraceOf(options.first, options).c_str());
    return 0;
  }
  std::vector<uint64_t> seeds;
  if (options.regression) seeds = RegressionSeeds(options.regression_file);
  for (uint64_t seed : Range(options.first, options.last)) seeds.push_back(seed);
  Runner runner(options);
  runner.Run(seeds, options.first_only);
  for (size_t i = 0; i < runner.findings().size(); ++i) {
    const Finding& finding = runner.findings()[i];
    std::printf("seed %llu FAILED: %s", static_cast<unsigned long long>(finding.seed),
                finding.text.c_str());
    Rng knob_rng = KnobRng(finding.seed);
    std::printf("  %s\n", DrawKnobs(knob_rng, options.nodes).ToString().c_str());
    if (i < 3 && !options.first_only) std::printf("%s", TraceOf(finding.seed, options).c_str());
  }
  std::printf("--- counts\n");
  for (const auto& [what, count] : runner.counts()) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(count), what.c_str());
  }
  std::printf("--- reached\n");
  for (const auto& [what, count] : runner.reached()) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(count), what.c_str());
  }
  int missing = 0;
  for (const char* probe : kWantedProbes) {
    if (runner.reached().contains(probe) || runner.counts().contains(probe)) continue;
    std::printf("never reached: %s\n", probe);
    ++missing;
  }
  const double cpu_s = CpuSeconds();
  const auto virtual_it = runner.counts().find("virtual seconds");
  const double virtual_s =
      virtual_it == runner.counts().end() ? 0 : static_cast<double>(virtual_it->second);
  std::printf(
      "%llu seeds, %zu failed, %d probes not reached; %.0f virtual seconds in %.1f "
      "core-seconds: %.0f per core-second\n",
      static_cast<unsigned long long>(runner.seeds_run()), runner.findings().size(), missing,
      virtual_s, cpu_s, cpu_s > 0 ? virtual_s / cpu_s : 0);
  const size_t failed =
      runner.findings().size() + (options.probes ? static_cast<size_t>(missing) : 0);
  std::printf("%llu passed, %zu failed\n",
              static_cast<unsigned long long>(runner.seeds_run() - runner.findings().size()),
              failed);
  return failed == 0 ? 0 : 1;
}

bool ParseRange(std::string_view text, Options* options) {
  const size_t dots = text.find("..");
  const auto first = ParseUint64(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : ParseUint64(text.substr(dots + 2));
  if (!first || !last || *last < *first) return false;
  options->first = *first;
  options->last = *last;
  return true;
}

bool ParseArguments(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = ParseInt64(value);
    if (arg == "--trace") {
      options->trace = true;
    } else if (arg == "--dump" && i + 1 < argc) {
      options->trace = true;
      options->dump = argv[++i];
    } else if (arg == "--first") {
      options->first_only = true;
    } else if (arg == "--flow") {
      flow_seeds = options->flow = true;
    } else if (arg == "--verify") {
      options->verify = true;
    } else if (arg == "--regression") {
      options->regression = true;
    } else if (arg == "--probes") {
      options->probes = true;
    } else if (arg == "--bugs") {
      options->all_bugs = true;
      while (i + 1 < argc && argv[i + 1][0] != '-') {
        Bug bug;
        if (!BugByName(argv[++i], &bug)) return false;
        options->bugs.push_back(bug);
      }
    } else if ((arg == "--seed" || arg == "--seeds") && ParseRange(value, options)) {
      options->seeds_given = true;
      ++i;
    } else if (arg == "--seconds" && number && *number >= 10) {
      options->seconds = *number;
      ++i;
    } else if (arg == "--nodes" && number && *number >= 0 && *number <= 7) {
      options->nodes = static_cast<int>(*number);
      ++i;
    } else if (arg == "--procs" && number && *number >= 1) {
      options->procs = static_cast<int>(*number);
      ++i;
    } else if (arg == "--bug" && BugByName(value, &options->bug)) {
      ++i;
    } else {
      std::fprintf(stderr, "clustron-sim: what is %s?\n", argv[i]);
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace clustron::sim

int main(int argc, char** argv) {
  clustron::sim::Options options;
  if (!clustron::sim::ParseArguments(argc, argv, &options)) return 2;
  clustron::SetLogLevel(clustron::LogLevel::kNothing);  // nodes tell the trace what matters
  return options.all_bugs ? clustron::sim::RunBugs(options) : clustron::sim::RunSeeds(options);
}

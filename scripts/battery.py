#!/usr/bin/python3
"""The test battery: stages in order, each within its budget (Patience says how that is judged). Called by scripts/test; the table below is the truth that
docs/testing.md explains.

A stage is a command. Its result is its last line of the form "N passed, N failed[, N skipped]" (or doctest's summary); a stage
that prints none counts as one test, by its exit status. Lines beginning with "SKIP " say what was left out, and why. Everything
a stage prints goes to build/test-logs/STAGE.log.
"""
import os
import re
import resource
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)
LOGS = "build/test-logs"
TOTAL_S = 44 * 60  # all stages together; what has not begun by then has failed
JOBS = "-j%d" % (os.cpu_count() or 2)
PY = "/usr/bin/python3"


class Stage:
    def __init__(self, name, budget_s, command, quick=False, what="", full=True):
        self.name, self.budget_s, self.command, self.quick, self.what, self.full = (
            name, budget_s, command, quick, what, full)


def make(*targets, variant="release"):
    return ["make", "-s", JOBS, "V=" + variant, *targets]


def commit_seed():
    """A number that changes with every commit: fresh seeds, the same ones when a commit is run again."""
    r = subprocess.run(["git", "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True)
    return int(r.stdout.strip() or "1", 16)


def fresh_seeds(count):
    """That many seeds for the simulator which no commit has run before, most likely."""
    return "%d..%d" % (commit_seed(), commit_seed() + count - 1)


SEED = str(commit_seed())
CASES = [PY, "tests/commands/run_cases.py"]
REAL = [PY, "tests/integration/run.py"]

STAGES = [
    Stage("build", 900, make("server", "unit", "benches"), True, "the server, the unit tests and the micro benches; warnings are errors"),
    Stage("tidy", 60, [PY, "scripts/tidy.py"], True, "layers, formatter, banned calls, file lengths"),
    Stage("mutants-fit", 60, ["sh", "-c", "scripts/mutants --list >/dev/null && echo 1 passed, 0 failed"], True, "each mutation still fits its source"),
    Stage("unit", 120, ["build/release/unit-tests"], True, "doctest, beside the code"),
    Stage("layers", 120, ["sh", "-c", "make -s %s layers && echo 1 passed, 0 failed" % JOBS], True,
          "each layer's unit tests are linked against that layer and the lower ones alone"),
    Stage("crash-points", 150, ["sh", "-c", "build/release/unit-tests -ns -tc='*full battery*,rdb: redis*' && echo 3 passed, 0 failed"],
          False, "the log on simulated disks: over 100,000 recoveries from crashes and as many from damage; RDB with redis-server"),
    Stage("sim-build", 900, ["sh", "-c", "make -s %s V=sim build/sim/clustron-sim && echo 1 passed, 0 failed" % JOBS], False, "the simulator"),
    Stage("sim", 420, ["build/sim/clustron-sim", "--regression", "--probes", "--seeds", fresh_seeds(300)], False,
          "300 fresh seeds of 60 virtual seconds each, faults on, and all regression seeds; every probe reached"),
    Stage("sim-flow", 180, ["build/sim/clustron-sim", "--flow", "--seeds", fresh_seeds(40)], False,
          "40 fresh seeds with slow links and small windows"),
    Stage("sim-bugs", 420, ["build/sim/clustron-sim", "--bugs"], False,
          "every planted bug is found by a checker, on some twenty seeds around its recorded one, and not without the bug"),
    Stage("mutants", 900, ["scripts/mutants", "--sample", "4", SEED], False, "four of the mutations, others with each commit: each is found by a test"),
    Stage("sim-asan", 3600, ["sh", "-c", "make -s %s V=simasan build/simasan/clustron-sim && build/simasan/clustron-sim --regression --seeds 1..100" % JOBS],
          False, "the simulator under AddressSanitizer and UBSan, 100 seeds: by its name only, it is long", full=False),
    Stage("fuzz", 60, make("fuzz-smoke"), True, "parsers and decoders: the corpus, and 20,000 changed inputs each"),
    Stage("redis-model", 60, make("redis-model"), True, "numbers, globs, quoting, protocol errors beside a redis-server"),
    Stage("checkers", 30, [PY, "tests/integration/checkers_test.py"], True, "the tests' own checkers, on wrong histories"),
    Stage("cases-redis", 120, [*CASES, "--target", "redis"], True, "command cases against the real redis-server"),
    Stage("cases-everysec", 120, [*CASES, "--durability", "everysec"], True, "one node, inline path"),
    Stage("cases-memory", 120, [*CASES, "--durability", "memory"], False, "one node, nothing on disk"),
    Stage("cases-always", 180, [*CASES, "--durability", "always", "--coverage"], True, "one node, log path"),
    Stage("cases-cluster", 240, [*CASES, "--target", "cluster"], True, "three nodes, each client on another"),
    Stage("generated", 30, [PY, "scripts/gen_compat.py", "--check"], True, "redis-compat.md's table is the command table"),
    Stage("oracle", 90, [PY, "tests/commands/oracle.py", "--seed", SEED], True, "random commands: our replies against redis-server's"),
    Stage("oracle-always", 90, [PY, "tests/commands/oracle.py", "--durability", "always", "--seed", SEED], True, "the same by the log path"),
    Stage("oracle-cluster", 90, [PY, "tests/commands/oracle.py", "--target", "cluster", "--seed", SEED], True, "the same with one of three nodes"),
    Stage("bad-input", 420, [*REAL, "bad_input", "limits", "directives", "errands"], False, "malformed and excessive input, 10,000 connections, 100 MB; configuration"),
    Stage("faults", 300, [*REAL, "faults."], False, "kill -9, SIGSTOP, all nodes at once, with checked histories"),
    Stage("coordination", 300, [*REAL, "coordination.", "waiting.", "watching.", "maintenance."], False,
          "leases, locks and clients that wait, over dead leaders and lost majorities; planned maintenance"),
    Stage("partitions", 300, [*REAL, "partitions"], False, "cut networks in namespaces, with checked histories"),
    Stage("budget", 300, [*REAL, "budget"], False, "items, replies and clients that want too much memory, in little address space"),
    Stage("storage", 300, [*REAL, "storage", "formation"], False, "torn, rotten, full and lost disks; wrong formations"),
    Stage("members", 300, [*REAL, "set_back.", "versions.", "directories."], False,
          "directories put back from copies, lost disks, members whose state differs, two feature versions, directories of earlier builds"),
    Stage("flow", 300, [*REAL, "flow.", "disk_room."], False, "much at once; disks that fill and get room again, small disks"),
    Stage("peers", 240, [*REAL, "peers.", "strangers."], False, "peers without the secret, spoken by hand; clients without the password"),
    Stage("clocks-and-disks", 120, [*REAL, "clocks_and_disks"], False,
          "wrong and drifting clocks, failed fsyncs, half writes, stalls, by a library in front of the C library"),
    Stage("demo", 240, [PY, "scripts/demo", "packages"], False, "every Debian package into three nodes, leader killed midway"),
    Stage("compat-cli", 120, [PY, "tests/compat/run.py", "cli"], False, "redis-cli and redis-benchmark, as against redis-server"),
    Stage("compat-hiredis", 30, [PY, "tests/compat/run.py", "hiredis"], False, "hiredis"),
    Stage("compat-python", 120, [PY, "tests/compat/run.py", "python"], False, "redis-py"),
    Stage("compat-node", 180, [PY, "tests/compat/run.py", "node"], False, "ioredis 5, node-redis 5; leader and client moved under node-redis"),
    Stage("compat-dotnet", 240, [PY, "tests/compat/run.py", "dotnet", "--soak", "3"], False,
          "StackExchange.Redis, IDistributedCache, data protection keys"),
    Stage("dotnet-client", 240, [PY, "tests/compat/dotnet_client.py"], False,
          "the .NET library: its tests on one node and on three whose leader is killed or paused; its package; its examples under failover"),
    Stage("scenarios", 150, [PY, "tests/compat/scenarios.py"], False,
          "the acceptance scenarios over one multiplexer of StackExchange.Redis, RESP2, RESP3 and RESP3 with high integrity, over kills of the leader"),
    Stage("recipes", 100, [PY, "tests/compat/recipes.py"], False, "the recipes of examples/javascript, each with its check, over a kill of the leader"),
    Stage("compat-failover", 120, [PY, "tests/compat/failover.py", "--kills", "4"], False, "those clients over kills of the leader, and clients that wait for queues"),
    Stage("compat-tcl", 300, [PY, "tests/compat/tcl.py"], False, "Redis's own Tcl suite"),
]


def parse(text):
    """(passed, failed, skipped) from the last summary line, or None."""
    found = None
    for m in re.finditer(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", text, re.M):
        found = tuple(int(x or 0) for x in m.groups())
    if found:
        return found
    m = re.search(r"^(\d+) seeds, (\d+) failed", text, re.M)
    if m:
        return int(m.group(1)) - int(m.group(2)), int(m.group(2)), 0
    m = re.search(r"\[doctest\] test cases: *\d+ *\| *(\d+) passed *\| *(\d+) failed *\| *(\d+) skipped", text)
    return tuple(int(x) for x in m.groups()) if m else None


def session_cpu_s(session):
    """CPU seconds of all processes of a session, of ended ones too as soon as their parent knows."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += sum(int(x) for x in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


class Patience:
    """Tells a slow machine from a hang: a budget is of the time that a stage gets on the machine. Over it in wall time a stage goes on
    while it uses the CPU, until it has used what the cores could have given in its budget, or three times the budget is over."""

    STILL_S = 60  # without any use of the CPU for so long: it hangs
    LINE_S = 55  # between signs of life

    def __init__(self, stage, session, log_path):
        self.stage, self.session, self.path = stage, session, log_path
        self.began = self.said = self.moved = time.monotonic()
        self.cpu = 0.0

    def over(self):
        now = time.monotonic()
        cpu = session_cpu_s(self.session)
        if abs(cpu - self.cpu) >= 0.5:  # less: something has ended whose use nobody in the session counts
            self.cpu, self.moved = cpu, now
        if now - self.said >= self.LINE_S:
            self.said = now
            print("    ... %s: %d s, %d s of CPU; %s" % (self.stage.name, now - self.began, cpu, self.last_line()), flush=True)
        wall = now - self.began
        if wall <= self.stage.budget_s:
            return None
        if cpu >= self.stage.budget_s * (os.cpu_count() or 1):
            return "its budget of %d s is used up" % self.stage.budget_s
        if now - self.moved >= self.STILL_S:
            return "it stands still, over its budget of %d s" % self.stage.budget_s
        return "three times its budget of %d s is over" % self.stage.budget_s if wall > 3 * self.stage.budget_s else None

    def last_line(self):
        with open(self.path, "rb") as f:
            f.seek(max(0, os.path.getsize(self.path) - 500))
            lines = f.read().decode("utf-8", "replace").split("\n")
        return next((x.strip()[:100] for x in reversed(lines) if x.strip()), "nothing said yet")


def run(stage):
    """(passed, failed, skipped) of one stage, never longer than Patience has and a few seconds to clean up."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, stage.name + ".log")
    began = time.monotonic()
    with open(path, "wb") as log:
        p = subprocess.Popen(stage.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                             start_new_session=True)
        patience, over = Patience(stage, p.pid, path), None
        while over is None:
            try:
                status = p.wait(1)
                break
            except subprocess.TimeoutExpired:
                over = patience.over()
        if over is not None:
            os.killpg(p.pid, signal.SIGTERM)
            try:
                status = p.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                status = p.wait()
    seconds = time.monotonic() - began
    text = open(path, encoding="utf-8", errors="replace").read()
    result = parse(text)
    if result is None:
        result = (0, 1, 0) if status else (1, 0, 0)
    passed, failed, skipped = result
    if (status or over) and not failed:
        failed += 1
    note = ", stopped: " + over if over else ""
    line = "%-18s %6d passed, %d failed, %d skipped  (%.0f s%s)" % (stage.name, passed, failed, skipped, seconds, note)
    print(line, flush=True)
    for m in re.finditer(r"^SKIP .*$", text, re.M):
        print("    " + m.group(0))
    if failed:
        print("    the end of %s (exit status %s):" % (path, status))
        print("\n".join("    | " + x for x in text.splitlines()[-60:]), flush=True)
    return passed, failed, skipped


def main(argv):
    quick = "--quick" in argv
    names = [a for a in argv if not a.startswith("-")]
    if "--list" in argv:
        for s in STAGES:
            print("%-18s %5d s  %s%s" % (s.name, s.budget_s, s.what, "  (quick)" if s.quick else ""))
        return 0
    if "--markdown" in argv:
        print("| stage | budget, s | quick | what |\n| --- | ---: | --- | --- |")
        for s in STAGES:
            print("| %s | %d | %s | %s |" % (s.name, s.budget_s, "yes" if s.quick else "", s.what))
        return 0
    unknown = (set(argv) - {"--quick"}) - {s.name for s in STAGES}
    if unknown:
        sys.exit("no such stage: %s\nusage: battery.py [--list | --markdown | --quick] [STAGE ...]" % ", ".join(sorted(unknown)))
    chosen = [s for s in STAGES if (s.name in names if names else s.quick if quick else s.full)]
    total = [0, 0, 0]
    print("%d stages; what each prints is in %s/STAGE.log, the data of their servers under build/tmp" % (len(chosen), os.path.abspath(LOGS)), flush=True)
    began = time.monotonic()
    for s in chosen:
        wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        # On a machine that is busy with other things all stages together may take longer, as each may.
        if wall > TOTAL_S and (used.ru_utime + used.ru_stime > TOTAL_S or wall > 3 * TOTAL_S):
            print("%-18s not begun: %d s for all stages are over" % (s.name, TOTAL_S))
            total[1] += 1
            continue
        result = run(s)
        total = [a + b for a, b in zip(total, result)]
        if s.name == "build" and result[1]:
            break
    print("%d passed, %d failed" % (total[0], total[1]) + (", %d skipped" % total[2] if total[2] else ""))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/python3
"""The .NET library of clients/dotnet: builds it, its package and its examples, runs its tests, and the examples while the leader is killed.

    dotnet_client.py [FILTER]      FILTER: only the tests whose full name contains it

Ends with "N passed, N failed"; without a .NET SDK it says SKIP and why.
"""
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import cluster  # noqa: E402
import processes  # noqa: E402
import toolchains  # noqa: E402

EXAMPLES = ["Cache", "ConfigWatch", "ExactlyOnceHttp", "JobQueue", "LeaderElection", "MoneyTransfer", "Presence", "RateLimit", "Semaphore", "SlidingRateLimit"]
PACKAGES = 4
EXAMPLE_S = 9.0
AT_ONCE = 5  # each is a process with threads of its own: more would hardly begin before the leader is killed


def has_watchkey():
    """Whether the server has WATCHKEY; the tests that need it are left out otherwise."""
    node = processes.single()
    with node.connect() as c:
        known = c.call("COMMAND", "INFO", "WATCHKEY")[0] is not None
    node.stop()
    return known


def tests(target, name_filter):
    """Runs the xunit tests; (passed, failed)."""
    argv = ["dotnet", "test", os.path.join(target, "bin", "Clustron.Client.Tests", "release", "Clustron.Client.Tests.dll"),
            "--nologo", "--logger", "console;verbosity=normal", "--blame-hang-timeout", "90s"]
    wanted = ["FullyQualifiedName~" + name_filter] if name_filter else []
    if not has_watchkey():
        print("SKIP tests of watches on servers: this one has no WATCHKEY")
        wanted.append("Needs!=WATCHKEY")
    if wanted:
        argv += ["--filter", "&".join(wanted)]
    r = subprocess.run(argv, cwd=target, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       env=dict(toolchains.dotnet_env(), CLUSTRON_SERVER=processes.SERVER))
    counts = {word.lower(): int(n) for word, n in re.findall(r"^\s*(Passed|Failed): (\d+)\s*$", r.stdout, re.M)}
    passed, failed = counts.get("passed", 0), counts.get("failed", 0)
    failed = failed or (1 if r.returncode or not passed else 0)
    print("tests: %d passed, %d failed" % (passed, failed))
    if failed:
        print("\n".join("  " + line for line in r.stdout.splitlines() if not re.match(r"\s+Passed |\[xUnit", line)))
    return passed, failed


def examples(target, names):
    """Examples at once on one cluster, whose leader is killed and started again meanwhile; (passed, failed)."""
    c = cluster.Cluster(3).start()
    endpoints = ",".join("127.0.0.1:%d" % n.port for n in c.nodes)
    running = []
    for name in names:
        argv = ["dotnet", os.path.join(target, "bin", name, "release", name + ".dll"), endpoints, str(EXAMPLE_S)]
        running.append((name, subprocess.Popen(argv, cwd=target, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                               text=True, errors="replace", env=toolchains.dotnet_env())))
    time.sleep(EXAMPLE_S / 3)
    leader = c.leader()
    if leader:
        leader.kill()
        time.sleep(EXAMPLE_S / 6)
        leader.start(wait=False)
    passed = failed = 0
    for name, process in running:
        try:
            out, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out = process.communicate()[0] + "\nit did not end"
        good = leader is not None and process.returncode == 0 and out.rstrip().endswith("OK")
        passed, failed = passed + good, failed + (not good)
        print("example %s: %s" % (name, "; ".join(out.strip().splitlines()[-2:]) if good else "FAILED\n" + out))
    c.stop()
    return passed, failed


def main():
    processes.exit_on_sigterm()
    built = toolchains.dotnet_client()
    if isinstance(built, str):
        if not built:
            print("FAILED clients/dotnet does not compile: see the log in build/dotnet-client\n0 passed, 1 failed")
            return 1
        print("SKIP dotnet-client: %s\n0 passed, 0 failed, 1 skipped" % built)
        return 0
    target, packages = built
    print("packages: " + ", ".join(sorted(packages)))
    passed, failed = tests(target, sys.argv[1] if len(sys.argv) > 1 else "")
    if len(sys.argv) <= 1:
        for at in range(0, len(EXAMPLES), AT_ONCE):
            more = examples(target, EXAMPLES[at:at + AT_ONCE])
            passed, failed = passed + more[0], failed + more[1]
        passed, failed = passed + len(packages), failed + (len(packages) != PACKAGES)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

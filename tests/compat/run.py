#!/usr/bin/python3
"""Client suites against one node and against nodes of a cluster.

    run.py python|node|dotnet|hiredis|cli [--target single,cluster] [--soak SECONDS]

`--target redis` runs a suite against the real redis-server, to see that the suite is right. A suite whose tool is missing says
SKIP and why. Failovers are failover.py's.
"""
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import cluster  # noqa: E402
import processes  # noqa: E402
import toolchains  # noqa: E402


def start(kind):
    """The nodes of a target; a suite that takes one endpoint gets the first."""
    if kind == "redis":
        return [processes.redis_server()]
    if kind == "single":
        return [processes.single("everysec")]
    c = cluster.Cluster(3).start()
    leader = c.leader()
    # A follower first: suites that take one endpoint then see forwarding.
    return [n for n in c.nodes if n is not leader] + [leader]


def commands(suite, tool, ports):
    """(what to call this run, its argv) for each run of a suite against one target."""
    one = "127.0.0.1:%d" % ports[0]
    if suite == "python":
        yield "redis-py", [*tool, "suite.py", one]
    elif suite == "node":
        yield "ioredis", [*tool, "ioredis_suite.js", one]
        yield "node-redis RESP2", [*tool, "redis_suite.js", one, "2"]
        yield "node-redis RESP3", [*tool, "redis_suite.js", one, "3"]
        if len(ports) > 1:  # the last, since a node stops
            yield "node-redis, moved", [*tool, "moving.js", ",".join("127.0.0.1:%d" % p for p in ports)]
    elif suite == "dotnet":
        yield "StackExchange.Redis, one endpoint", [*tool, "suite", one]
        if len(ports) > 1:
            yield "StackExchange.Redis, all endpoints", [*tool, "suite", ",".join("127.0.0.1:%d" % p for p in ports)]
    elif suite == "hiredis":
        yield "hiredis", [*tool, "127.0.0.1", str(ports[0])]
    elif suite == "cli":
        yield "redis-cli", [*tool, os.path.join(HERE, "cli.py"), str(ports[0]), str(processes.redis_server().port)]


def tool_for(suite):
    if suite == "cli":
        return "redis-server is not installed" if not processes.redis_binary() else ([toolchains.PYTHON], HERE)
    return {"python": toolchains.python, "node": toolchains.node, "dotnet": toolchains.dotnet, "hiredis": toolchains.hiredis}[suite]()


def summary(text):
    found = re.findall(r"^(\d+) passed, (\d+) failed", text, re.M)
    return tuple(int(x) for x in found[-1]) if found else (0, 1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("suite", choices=["python", "node", "dotnet", "hiredis", "cli"])
    p.add_argument("--target", default="single,cluster")
    p.add_argument("--soak", default="5", help="seconds of each soak test")
    args = p.parse_args()
    processes.exit_on_sigterm()
    tool = tool_for(args.suite)
    if isinstance(tool, str):
        if not tool:
            print("FAILED the suite does not compile: see the log in build/\n0 passed, 1 failed")
            return 1
        print("SKIP %s: %s\n0 passed, 0 failed, 1 skipped" % (args.suite, tool))
        return 0
    argv, cwd = tool
    passed = failed = 0
    for kind in args.target.split(","):
        nodes = start(kind)
        ports = [n.port for n in nodes]
        for name, command in commands(args.suite, argv, ports):
            r = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env=dict(os.environ, SOAK_SECONDS=args.soak))
            p, f = summary(r.stdout)
            f = f or (1 if r.returncode else 0)
            passed, failed = passed + p, failed + f
            print("%s, %s: %d passed, %d failed" % (name, kind, p, f))
            if f:
                print("\n".join("  " + line for line in r.stdout.splitlines() if not line.startswith("ok ")))
                for n in nodes:
                    print("  %s on %d %s:\n%s" % (n.name, n.port, "runs" if n.running() else "HAS ENDED", n.tail(10)))
            sys.stdout.flush()
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

#!/usr/bin/python3
"""The recipes of examples/javascript, each with its check, all at once on three nodes whose leader is killed in the middle and started again.

    recipes.py [NAME ...]      only these

config_watch runs once more where the history of changes is short. Ends with "N passed, N failed"; without node or its packages it says SKIP and why.
"""
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import cluster  # noqa: E402
import processes  # noqa: E402
import toolchains  # noqa: E402

RECIPES = os.path.join(processes.ROOT, "examples", "javascript")
CHECK_S = 12.0
BEGIN_S = 60.0  # until a program has loaded its packages, on a busy machine
END_S = 60.0  # beyond the time of its check


class Recipe:
    """One program in its check, and what it said."""

    def __init__(self, name, endpoints, modules, seconds):
        self.name, self.lines, self.begun, self.seconds = name, [], threading.Event(), seconds
        self.process = subprocess.Popen(["node", os.path.join(RECIPES, name + ".js"), "--nodes", endpoints, "--check", str(seconds)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                        env=dict(os.environ, NODE_PATH=modules))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("BEGUN"):
                self.begun.set()
        self.begun.set()

    def end(self):
        """Whether it went well."""
        try:
            self.process.wait(self.seconds + END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.lines.append("it did not end")
        self.reader.join(5)
        return self.process.returncode == 0 and self.lines[-1:] == ["OK"]


def under_failover(names, modules, seconds, options=()):
    """Runs them on a cluster of their own; (passed, failed)."""
    c = cluster.Cluster(3, options=options).start()
    recipes = [Recipe(name, ",".join("127.0.0.1:%d" % n.port for n in c.nodes), modules, seconds) for name in names]
    for recipe in recipes:
        recipe.begun.wait(BEGIN_S)
    time.sleep(seconds / 3)
    leader = c.wait_leader()
    leader.kill()
    time.sleep(seconds / 6)
    leader.start(wait=False)
    passed = 0
    for recipe in recipes:
        good = recipe.end()
        passed += good
        print("%s: %s" % (recipe.name, "; ".join(recipe.lines[-2:-1]) if good else "FAILED\n  " + "\n  ".join(recipe.lines)), flush=True)
    c.stop()
    return passed, len(recipes) - passed


def as_a_reader(modules):
    """What a reader types, each until its end; (passed, failed)."""
    node = processes.single()
    with node.connect() as c:
        c.call("SET", "alice", "100")
    passed, lines = 0, [
        ("money_transfer alice bob 70 first", "transfer first: done\nalice has 30, bob has 70"),
        ("money_transfer alice bob 70 first", "transfer first: done\nalice has 30, bob has 70"),
        ("money_transfer alice bob 70 second", "transfer second: refused, there is not enough\nalice has 30, bob has 70"),
        ("money_transfer alice bob -5", "FAILED an amount is a whole number above 0, not -5"),
        ("job_queue work-hard", "FAILED add TEXT, work or dead is wanted"),
        ("job_queue dead", ""),
    ]
    for line, wanted in lines:
        name, *words = line.split()
        argv = ["node", os.path.join(RECIPES, name + ".js"), "--nodes", "127.0.0.1:%d" % node.port, *words]
        got = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                             env=dict(os.environ, NODE_PATH=modules)).stdout.strip()
        passed += got == wanted
        if got != wanted:
            print("%s: FAILED\n  %s\nwanted\n  %s" % (line, got, wanted))
    node.stop()
    print("as a reader starts them: %d of %d lines" % (passed, len(lines)))
    return passed, len(lines) - passed


def one_version():
    """Whether the recipes ask for the node-redis that they are tested with."""
    versions = []
    for path in (os.path.join(RECIPES, "package.json"), os.path.join(HERE, "node", "package.json")):
        with open(path, encoding="utf-8") as f:
            versions.append(json.load(f)["dependencies"]["redis"])
    print("node-redis: %s, tested with %s" % tuple(versions))
    return versions[0] == versions[1]


def main():
    processes.exit_on_sigterm()
    tool = toolchains.node()
    if isinstance(tool, str):
        print("SKIP recipes: %s\n0 passed, 0 failed, 1 skipped" % tool)
        return 0
    modules = os.path.join(tool[1], "node_modules")
    names = sorted(f[:-3] for f in os.listdir(RECIPES) if f.endswith(".js") and f not in ("clustron.js", "program.js"))
    chosen = sys.argv[1:] or names
    if set(chosen) - set(names):
        sys.exit("no such recipe: %s" % ", ".join(sorted(set(chosen) - set(names))))
    results = [(1, 0) if one_version() else (0, 1), under_failover(chosen, modules, CHECK_S)]
    if "config_watch" in chosen:
        print("with a short history of changes:")
        results.append(under_failover(["config_watch"], modules, CHECK_S / 2, ["--watch-history-size", "300kb"]))
    if not sys.argv[1:]:
        results.append(as_a_reader(modules))
    passed, failed = (sum(column) for column in zip(*results))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

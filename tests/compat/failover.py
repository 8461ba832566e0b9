#!/usr/bin/python3
"""Kills of the leader under client libraries that know all endpoints.

    failover.py [--kills 20] [--clients dotnet,ioredis,redis,python]

A 3-node cluster; every client writes unique fields all the time. The leader is killed (kill -9), restarted when the others have gone
on, and so forth. For each client: nothing acknowledged may be lost, and its errors must end within 3 s of the kill in 90 % of the
kills. Libraries that have blocking pops push elements to queues, too, at which consumers wait on each node: nothing comes twice, and
nothing is missing but what BLPOP took for a connection that broke. The same numbers are printed as a table.
"""
import argparse
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

WINDOW_S = 3.0
SHARE = 0.9
FAILOVER_S = 1.5  # a raw client's view: from the kill to the next acknowledged write


class Client:
    """One library's process, and what it said."""

    def __init__(self, name, argv, cwd, endpoints):
        self.name = name
        self.proc = subprocess.Popen([*argv, endpoints], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)
        self.ready = threading.Event()
        self.errors, self.result, self.other = [], None, []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.proc.stdout:
            if line.startswith("E "):
                at, text = line[2:].split(" ", 1)
                self.errors.append((int(at) / 1000, text.strip()))
            elif line.startswith("READY"):
                self.ready.set()
            elif line.startswith("RESULT "):
                self.result = dict(w.split("=") for w in line.split()[1:])
            else:
                self.other.append(line.rstrip())

    def finish(self, limit=60):
        self.proc.stdin.close()
        try:
            self.proc.wait(limit)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            self.other.append("did not end within %d s" % limit)
        self.reader.join(5)

    def windows(self, kills):
        """Seconds from each kill to the last error that belongs to it."""
        out = []
        for i, at in enumerate(kills):
            end = kills[i + 1] if i + 1 < len(kills) else float("inf")
            mine = [t - at for t, _ in self.errors if at <= t < end]
            out.append(max(mine, default=0.0))
        return out


def first_write_after(nodes, deadline):
    """When a write through one of `nodes` is acknowledged again, by a client that tries all the time."""
    while time.monotonic() < deadline:
        for n in nodes:
            try:
                with n.connect(timeout=0.3) as c:
                    c.call("SET", "__probe__", "1")
                    return time.monotonic()
            except Exception:
                pass
    return float("inf")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--clients", default="dotnet,ioredis,redis,python")
    args = p.parse_args()
    processes.exit_on_sigterm()
    skipped = 0
    commands = {}
    for name in args.clients.split(","):
        command = toolchains.failover_client(name)
        if isinstance(command, str):
            print("SKIP failover of %s: %s" % (name, command))
            skipped += 1
        else:
            commands[name] = command
    c = cluster.Cluster(3).start()
    endpoints = ",".join("127.0.0.1:%d" % p for p in c.ports)
    clients = [Client(name, argv, cwd, endpoints) for name, (argv, cwd) in commands.items()]
    failures = []
    kills, gaps = [], []
    try:
        for client in clients:
            if not client.ready.wait(30):
                failures.append("%s did not begin: %s" % (client.name, client.other[-5:]))
        time.sleep(1)
        for _ in range(args.kills):
            leader = c.wait_leader()
            kills.append(time.time())
            began = time.monotonic()
            leader.kill()
            rest = [n for n in c.nodes if n is not leader]
            gaps.append(first_write_after(rest, began + 15) - began)
            time.sleep(1.0)
            leader.start()
            time.sleep(1.5)
    finally:
        for client in clients:
            client.finish()
    checks = report(clients, kills, gaps, failures)
    print("%d passed, %d failed" % (checks - len(failures), len(failures)) + (", %d skipped" % skipped if skipped else ""))
    return 1 if failures else 0


def report(clients, kills, gaps, failures):
    """Prints the table, appends to failures; the number of checks made."""
    ordered = sorted(gaps)
    print("raw client: writes go on after median %.2f s, worst %.2f s" % (ordered[len(ordered) // 2], ordered[-1]))
    if sum(g <= FAILOVER_S for g in gaps) < SHARE * len(gaps):
        failures.append("failover took more than %.1f s: %s" % (FAILOVER_S, ["%.2f" % g for g in gaps]))
    print("%-8s %12s %6s %7s %7s   seconds from a kill to the last error: median, 90 %%, worst" %
          ("client", "acknowledged", "lost", "errors", "popped"))
    checks = 1
    for client in clients:
        checks += 2
        windows = sorted(client.windows(kills))
        if client.result is None:
            failures.append("%s gave no result: %s" % (client.name, client.other[-5:]))
            continue
        at90 = windows[max(0, int(SHARE * len(windows) + 0.999) - 1)]
        row = (client.name, client.result["acknowledged"], client.result["lost"], client.result["errors"], client.result.get("popped", "-"))
        print("%-8s %12s %6s %7s %7s   %.2f, %.2f, %.2f" % (*row, windows[len(windows) // 2], at90, windows[-1]))
        if client.result["lost"] != "0" or client.result["acknowledged"] == "0":
            failures.append("%s: %s" % (client.name, client.result))
        if at90 > WINDOW_S:
            failures.append("%s: errors for %.2f s after a kill" % (client.name, at90))
        if "popped" in client.result:
            checks += 1
            if client.result["popped"] == "0" or client.result["wrong"] != "0":
                failures.append("%s: clients that wait: %s; %s" % (client.name, client.result, client.other[-5:]))
        texts = {}
        for _, text in client.errors:
            texts[text[:90]] = texts.get(text[:90], 0) + 1
        for text, count in sorted(texts.items(), key=lambda kv: -kv[1])[:4]:
            print("         %6d x %s" % (count, text))
    for f in failures:
        print("FAILED " + f)
    return checks


sys.exit(main())

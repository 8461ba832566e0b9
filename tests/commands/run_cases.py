#!/usr/bin/python3
"""Runs the command cases of this folder. README.md describes the format; --help the options."""
import argparse
import glob
import os
import random
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import case_file  # noqa: E402
import cluster  # noqa: E402
import match  # noqa: E402
import processes  # noqa: E402
import resp  # noqa: E402

READ_TIMEOUT_S = 5.0
SILENCE_S = 0.03

# Commands that no case can name: each with its reason.
UNCOVERED = {
    "shutdown": "tests/integration",
    "failover": "tests/integration",
}


class Failed(Exception):
    """A step of a case that did not go as written."""

    def __init__(self, step, text):
        super().__init__(text)
        self.step = step


class Target:
    """What the cases run against: `ports` of its nodes, and how to restart it."""

    def __init__(self, kind, nodes, cluster_=None, host="127.0.0.1", ports=None):
        self.kind, self.nodes, self.cluster, self.host = kind, nodes, cluster_, host
        self.ports = ports or [n.port for n in nodes]
        self.admins = []

    def connect(self, node):
        return resp.Conn(self.ports[node % len(self.ports)], self.host, timeout=READ_TIMEOUT_S)

    def admin(self, node=0):
        while len(self.admins) <= node:
            self.admins.append(self.connect(len(self.admins)))
        return self.admins[node]

    def catch_up(self, node):
        """The node has applied what others have answered. Reads see to that themselves; the first message of SUBSCRIBE
        tells what the node has."""
        self.admin(node % len(self.ports)).call("DBSIZE")

    def reconnect(self):
        for c in self.admins:
            c.close()
        self.admins = []

    def restart(self):
        self.reconnect()
        if self.cluster:
            self.cluster.stop()
            self.cluster.start()
        else:
            for n in self.nodes:
                n.restart()

    def alive(self):
        return all(n.running() for n in self.nodes)


class Run:
    """One case against one target."""

    def __init__(self, target, case, number):
        self.target, self.case = target, case
        self.rng = random.Random(case.title)
        self.first = self.rng.randrange(len(target.ports))
        self.clients, self.nodes, self.current = {}, {}, "main"
        self.dead, self.owed = set(), {}
        self.variables = {"uniq": b"u%d" % number}
        self.out = []  # the commands to be sent in the next write
        self.order, self.repeat, self.patience = None, 1, 0.0
        self.settings = []
        self.last = None  # the last command's words, for @eventually

    def conn(self, name=None):
        name = name or self.current
        if name not in self.clients:
            node = self.nodes.setdefault(name, self.first + len(self.clients))
            if self.target.cluster and self.clients:
                self.target.catch_up(node)
            self.clients[name] = self.target.connect(node)
        return self.clients[name]

    def run(self):
        step = None
        try:
            for step in self.case.steps:
                self.step(step)
            self.flush()
            self.nothing_left(step)
        except match.Unknown as e:
            raise Failed(step, "nothing has set ${%s}" % e) from None
        except (socket.timeout, TimeoutError):
            raise Failed(step, "no reply within %g s" % READ_TIMEOUT_S) from None
        except (resp.Closed, ConnectionError) as e:
            raise Failed(step, "connection: %s" % e) from None
        except resp.ProtocolError as e:
            raise Failed(step, "not RESP: %s" % e) from None
        finally:
            self.clean_up()

    def step(self, s):
        if s.kind == ">":
            words = [match.substitute(w, self.variables) for w in s.value]
            self.last = words
            self.out.append(resp.encode(words) * self.repeat)
        elif s.kind == ">>":
            self.out.append(match.substitute(s.value, self.variables))
        elif s.kind == "<":
            self.flush()
            self.expect(s)
        elif s.kind == "!":
            self.flush()
            c = self.conn()
            c.send(*[match.substitute(w, self.variables) for w in s.value])
            r = self.reply(c)
            if isinstance(r, resp.Error):
                raise Failed(s, "preparation failed: -%s" % r)
        else:
            self.flush()
            getattr(self, "do_" + s.kind)(s)

    def flush(self):
        if self.out:
            data, self.out = b"".join(self.out), []
            self.conn().send_raw(data)

    @staticmethod
    def reply(c):
        return c.read()

    def expect(self, s):
        order, self.order = self.order, None
        repeat, self.repeat = self.repeat, 1
        patience, self.patience = self.patience, 0.0
        deadline = time.monotonic() + patience
        for _ in range(repeat):
            while True:
                r = self.conn().read()
                if match.matches(s.value, r, self.variables, order):
                    break
                if time.monotonic() > deadline:
                    raise Failed(s, "got\n" + match.show(r, 2))
                time.sleep(0.005)
                self.conn().send(*self.last)

    def nothing_left(self, step):
        """Nothing but the answer to RESET may be left on any connection."""
        for name, c in self.clients.items():
            if name in self.dead:
                continue
            c.send("RESET")
            r = c.read()
            if isinstance(r, resp.Status) and r == b"RESET":
                continue
            raise Failed(step, "a reply too many on client %s:\n%s" % (name, match.show(r, 2)))

    def clean_up(self):
        for c in self.clients.values():
            c.close()
        for node, name, value in reversed(self.settings):
            self.target.admin(node).call("CONFIG", "SET", name, value)

    # Directives.

    def do_client(self, s):
        self.current = s.value[0]
        if len(s.value) > 1 and self.current not in self.clients:
            self.nodes[self.current] = int(s.value[1]) - 1

    def hello(self, version, s):
        c = self.conn()
        c.send("HELLO", version)
        r = self.reply(c)
        if isinstance(r, resp.Error):
            raise Failed(s, "HELLO %d: -%s" % (version, r))

    def do_resp2(self, s):
        self.hello(2, s)

    def do_resp3(self, s):
        self.hello(3, s)

    def do_advance(self, s):
        time.sleep(s.value)

    def do_eventually(self, s):
        self.patience = s.value

    def do_unordered(self, s):
        self.order = "pairs" if s.value else "any"

    def do_repeat(self, s):
        self.repeat = s.value

    def do_pipeline(self, _):
        pass  # lines without a reply between them go out together anyway

    def do_silent(self, s):
        time.sleep(SILENCE_S)
        if self.conn().pending():
            raise Failed(s, "got\n" + match.show(self.conn().read(), 2))

    def do_closed(self, s):
        try:
            r = self.conn().read()
        except (resp.Closed, ConnectionError):
            self.dead.add(self.current)
            return
        raise Failed(s, "still open, and got\n" + match.show(r, 2))

    def do_close(self, _):
        self.conn().close()
        self.dead.add(self.current)

    def do_let(self, s):
        name, value = s.value
        self.variables[name] = match.substitute(value, self.variables)

    def do_config(self, s):
        name, value = s.value
        for node in range(len(self.target.ports)):
            admin = self.target.admin(node)
            old = admin.call("CONFIG", "GET", name)
            if not old:
                raise Failed(s, "no setting %s" % name)
            try:
                admin.call("CONFIG", "SET", name, value)
            except resp.Error as e:
                raise Failed(s, "CONFIG SET: -%s" % e) from None
            self.settings.append((node, name, old[1]))

    def do_restart(self, _):
        for c in self.clients.values():
            c.close()
        self.clients = {}
        self.target.restart()


def start_target(args):
    if args.addr:
        host, port = args.addr.rsplit(":", 1)
        return Target("single", [], host=host, ports=[int(port)])
    if args.target == "redis":
        server = processes.redis_server(options=["--enable-debug-command", "yes"])
        return server and Target("redis", [server])
    if args.target == "cluster":
        c = cluster.Cluster(3).start()
        return Target("cluster", c.nodes, c)
    return Target("single", [processes.single(args.durability)])


def skip_reason(case, target):
    if target.kind == "redis":
        if case.redis_skip:
            return case.redis_skip
        if any(s.kind == "restart" for s in case.steps):
            return "restarts the server"
    if case.only and target.kind != case.only[0] and not (target.kind == "redis" and case.only[0] == "single"):
        return case.only[1]
    return None


def run_all(cases, target, verbose):
    passed, failed, skipped = 0, 0, 0
    for number, case in enumerate(cases):
        where = "%s:%d" % (os.path.relpath(case.path), case.line)
        if skip_reason(case, target):
            skipped += 1
            continue
        began = time.monotonic()
        try:
            target.admin().call("FLUSHALL")
            Run(target, case, number).run()
            passed += 1
        except Failed as e:
            failed += 1
            place = "%s:%d" % (os.path.relpath(case.path), e.step.line) if e.step else where
            print("FAILED %s: %s\n  %s\n  %s" % (place, case.title, e.step.text.strip() if e.step else "", e))
        except (OSError, resp.Error) as e:
            failed += 1
            print("FAILED %s: %s\n  between cases: %s" % (where, case.title, e))
            if not target.alive():
                print("the server has ended:\n" + "\n".join(n.tail() for n in target.nodes))
                failed += 1
                break
            target.reconnect()
        if verbose:
            print("%s: %s (%.0f ms)" % (where, case.title, 1000 * (time.monotonic() - began)))
        sys.stdout.flush()
    return passed, failed, skipped


def replay_keeps_state(target):
    """A restart must bring back the same state: digests of the log, and every key as the clients see it."""
    with target.connect(0) as c:
        fill(c)
        keys = contents(c)
        before = resp.info(c, "paxos")["paxos_digest"]
    target.restart()
    with target.connect(0) as c:
        keys_after = contents(c)
        after = resp.info(c, "paxos")["paxos_digest"]
    if keys != keys_after:
        return "after a restart the keys differ:\n  %s" % sorted(set(keys.items()) ^ set(keys_after.items()))[:10]
    # Of a node alone; in a cluster others may have gone on meanwhile.
    if not target.cluster and after != before:
        return "the replay gives another digest: %s, %s" % (before, after)
    return None


def fill(c):
    """Some keys of each type, with and without deadlines."""
    for i in range(200):
        c.call("SET", "s%d" % i, "value %d" % i, *(["EX", 1000 + i] if i % 3 == 0 else []))
        c.call("HSET", "h%d" % (i % 20), "field%d" % i, i)
        c.call("SETBIT", "b%d" % (i % 7), i, 1)
        c.call("INCRBY", "n%d" % (i % 5), i)
        c.call("RPUSH", "l%d" % (i % 9), "element %d" % i)
    c.call("DEL", "s5", "s6", "h3", "l3")
    c.call("EXPIREAT", "s7", 4000000000)


def contents(c):
    out = {}
    for key in c.call("KEYS", "*"):
        kind = c.call("TYPE", key)
        reads = {b"string": ["GET", key], b"hash": ["HGETALL", key], b"list": ["LRANGE", key, 0, -1]}
        value = c.call(*reads[kind])
        value = sorted(value) if kind == b"hash" else value
        out[key] = (kind, str(value), c.call("PTTL", key) > 0)
    return out


def uncovered(cases, target):
    """Commands of the server that no case names."""
    named = set()
    for case in cases:
        for s in case.steps:
            if s.kind in (">", "!"):
                words = [w.decode("latin-1").lower() for w in s.value[:2]]
                named.add(words[0])
                named.add("|".join(words))
    c = target.admin()
    names = [n.decode().lower() for n in c.call("COMMAND", "LIST")]
    with_subcommands = {n.split("|")[0] for n in names if "|" in n}
    wanted = [n for n in names if n not in with_subcommands or n not in named]
    return sorted(n for n in wanted if n not in named and n not in UNCOVERED)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--target", choices=["single", "cluster", "redis"], default="single")
    p.add_argument("--durability", choices=["memory", "everysec", "always"], default="everysec")
    p.add_argument("--addr", help="HOST:PORT of a server that runs already")
    p.add_argument("--coverage", action="store_true", help="fail for commands that no case names")
    p.add_argument("-k", default="", help="only cases whose title contains this")
    p.add_argument("-v", action="store_true", help="print each case and its time")
    p.add_argument("files", nargs="*")
    args = p.parse_args()
    processes.exit_on_sigterm()
    files = args.files or sorted(glob.glob(os.path.join(HERE, "*.case")))
    try:
        cases = [c for f in files for c in case_file.parse(f)]
    except case_file.BadCase as e:
        print(e)
        print("0 passed, 1 failed")
        return 1
    chosen = [c for c in cases if args.k.lower() in c.title.lower()]
    target = start_target(args)
    if target is None:
        print("SKIP command cases against redis-server: it is not installed (deps/install)")
        print("0 passed, 0 failed, %d skipped" % len(chosen))
        return 0
    passed, failed, skipped = run_all(chosen, target, args.v)
    whole = not (args.files or args.k or args.addr)
    if whole and target.kind != "redis" and not (args.durability == "memory" and target.kind == "single"):
        complaint = replay_keeps_state(target)
        passed, failed = (passed, failed + 1) if complaint else (passed + 1, failed)
        if complaint:
            print("FAILED " + complaint)
    if args.coverage:
        missing = uncovered(cases, target)
        for name in missing:
            print("FAILED no case names the command %s" % name)
        passed, failed = (passed, failed + len(missing)) if missing else (passed + 1, failed)
    print("%d passed, %d failed" % (passed, failed) + (", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


sys.exit(main())

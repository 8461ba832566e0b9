"""Clients that write down what they saw, while something is done to the cluster."""
import random
import socket
import threading
import time

import resp
from history import FAILED, OK, UNKNOWN, History, check_counter, check_locks, check_register

# Errors of a command that certainly did not happen. UNCERTAIN and everything that cuts a connection leaves it open.
DEFINITE = {"CLUSTERDOWN", "MISCONF", "OOM", "LOADING", "NOAUTH", "READONLY", "EXECABORT", "BUSY"}
ACCOUNTS, STAKE = 5, 100


class Session:
    """One client: a connection to some node, another node after trouble. Runs in a thread of its own."""

    def __init__(self, workload, number):
        self.work, self.name = workload, "client%d" % number
        self.rng = random.Random("%s/%d" % (workload.seed, number))
        self.at = number
        self.conn = None
        self.serial = 0

    def connect(self):
        """A live connection, or None after a short wait."""
        if self.conn is None:
            node = self.work.nodes[self.at % len(self.work.nodes)]
            try:
                self.conn = node.connect(timeout=self.work.patience_s)
            except (OSError, resp.Error):
                self.at += 1
                time.sleep(0.02)
        return self.conn

    def drop(self):
        if self.conn:
            self.conn.close()
        self.conn = None
        self.at += 1

    def attempt(self, kind, key, value, commands, take):
        """Runs `commands` as one operation of the history; `take` makes its result of the last reply. The Op, or None."""
        conn = self.connect()
        if conn is None:
            return None
        op = self.work.history.begin(self.name, key, kind, value)
        try:
            replies = [conn.call(*c) for c in commands]
            self.work.history.finish(op, OK, take(replies))
        except resp.Error as e:
            definite = e.code in DEFINITE
            self.work.note(e)
            self.work.history.finish(op, FAILED if definite else UNKNOWN)
            self.drop()
        except (OSError, resp.ProtocolError) as e:
            self.work.note(e)
            # A read without an answer changed nothing.
            self.work.history.finish(op, FAILED if kind == "read" else UNKNOWN)
            self.drop()
        return op

    def run(self):
        steps = [getattr(self, "do_" + name) for name in self.work.kinds]
        while not self.work.stopped.is_set():
            self.rng.choice(steps)()
            time.sleep(self.work.pause_s)
        self.drop()

    # The workloads.

    def do_register(self):
        key = "reg%d" % self.rng.randrange(self.work.registers)
        if self.rng.random() < 0.5:
            self.serial += 1
            value = b"%s.%d" % (self.name.encode(), self.serial)
            self.attempt("write", key, value, [("SET", key, value)], lambda r: None)
        else:
            self.attempt("read", key, None, [("GET", key)], lambda r: r[0])

    def do_counter(self):
        key = "cnt%d" % self.rng.randrange(3)
        if self.rng.random() < 0.7:
            self.attempt("incr", key, 1, [("INCR", key)], lambda r: r[0])
        else:
            self.attempt("read", key, None, [("GET", key)], lambda r: int(r[0] or 0))

    def do_bank(self):
        """A transfer with WATCH, or a look at all accounts at once."""
        accounts = ["acct%d" % i for i in range(ACCOUNTS)]
        if self.rng.random() < 0.3:
            self.attempt("sum", "bank", None, [("MGET", *accounts)], lambda r: sum(int(x) for x in r[0]))
            return
        conn = self.connect()
        if conn is None:
            return
        a, b = self.rng.sample(accounts, 2)
        amount = self.rng.randrange(1, 20)
        try:
            conn.call("WATCH", a, b)
            x, y = (int(v) for v in conn.call("MGET", a, b))
            if x < amount:
                conn.call("UNWATCH")
                return
            conn.call("MULTI")
            conn.call("SET", a, x - amount)
            conn.call("SET", b, y + amount)
            if conn.call("EXEC") is not None:
                self.work.transfers += 1
        except (resp.Error, OSError, resp.ProtocolError) as e:
            self.work.note(e)
            self.drop()

    def do_lock(self):
        """Take a lock for a second at least, write under it, give it back."""
        name = "lock%d" % self.rng.randrange(2)
        conn = self.connect()
        if conn is None:
            return
        self.serial += 1
        owner = "%s.%d" % (self.name, self.serial)
        try:
            grant = conn.call("LOCK", "ACQUIRE", name, 5000, "OWNER", owner)
            if grant[0] != 1:
                return
            taken = time.monotonic()
            token = grant[1]
            op = self.work.history.begin(self.name, name, "hold", (token, owner))
            op.start = taken
            conn.call("LOCK", "DO", name, token, "SET", name, "%d" % token)
            # Past this moment the hold no longer counts: the release may be done before its answer is here.
            if time.monotonic() - taken < 4.0:
                self.work.history.finish(op, OK)
            conn.call("LOCK", "RELEASE", name, token)
        except (resp.Error, OSError, resp.ProtocolError) as e:
            self.work.note(e)
            self.drop()


class Workload:
    """`clients` sessions over `nodes` (processes.Process objects) until stop(); then check()."""

    def __init__(self, nodes, clients=6, kinds=("register", "counter", "bank"), seed=None, registers=4, pause_s=0.002, patience_s=5.0):
        self.nodes, self.kinds, self.registers = list(nodes), kinds, registers
        self.pause_s, self.patience_s = pause_s, patience_s
        self.seed = seed if seed is not None else random.randrange(1 << 32)
        self.history = History()
        self.stopped = threading.Event()
        self.transfers = 0
        self.errors = {}
        self.sessions = [Session(self, i) for i in range(clients)]
        self.threads = [threading.Thread(target=s.run, daemon=True) for s in self.sessions]

    def note(self, error):
        text = type(error).__name__ if isinstance(error, (socket.timeout, OSError)) else str(error)[:60]
        self.errors[text] = self.errors.get(text, 0) + 1

    def start(self):
        with self.nodes[0].connect() as c:
            c.call("MSET", *[x for i in range(ACCOUNTS) for x in ("acct%d" % i, STAKE)])
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.stopped.set()
        for t in self.threads:
            t.join(self.patience_s + 5)

    def progress(self):
        return sum(op.status == OK for op in self.history.ops)

    def check(self):
        """All complaints about the history, with the cluster healed."""
        out = []
        with self.nodes[0].connect() as c:
            for key, ops in self.history.by_key().items():
                kind = key.rstrip("0123456789")
                if kind == "reg":
                    final = self.history.begin("checker", key, "read")
                    self.history.finish(final, OK, c.call("GET", key))
                    complaint = check_register(ops + [final])
                elif kind == "cnt":
                    complaint = check_counter(ops, int(c.call("GET", key) or 0))
                elif kind == "lock":
                    complaint = check_locks(ops)
                else:
                    wrong = [op for op in ops if op.status == OK and op.result != ACCOUNTS * STAKE]
                    complaint = "money appeared or went: %r" % wrong[0] if wrong else None
                if complaint:
                    out.append("%s: %s" % (key, complaint))
            if "bank" in self.kinds:
                total = sum(int(x) for x in c.call("MGET", *["acct%d" % i for i in range(ACCOUNTS)]))
                if total != ACCOUNTS * STAKE:
                    out.append("the accounts hold %d, not %d" % (total, ACCOUNTS * STAKE))
        if not self.progress():
            out.append("nothing was ever acknowledged")
        return out

    def summary(self):
        n = self.history.counts()
        return "%d ok, %d failed, %d unknown, %d transfers; errors: %s; seed %d" % (
            n[OK], n[FAILED], n[UNKNOWN], self.transfers, self.errors, self.seed)

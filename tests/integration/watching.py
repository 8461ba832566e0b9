"""WATCHKEY and its channels over dead leaders, restarts, snapshots and slow readers, with real processes."""
import random
import threading
import time

import cluster
import processes
import resp
from testing import limited, until

PREFIX = "job:"
CHANNEL = "__watch@0__:p:" + PREFIX


def parse(message):
    """(words of the first line, [(word, reason, lease, key, value or None)])."""
    head, _, rest = message.partition(b"\n")
    words = head.split(b" ")
    events = []
    if words[0] in (b"sync", b"gap", b"reset"):
        return words, events
    while rest:
        line, _, rest = rest.partition(b"\n")
        word, reason, lease, key_size, value_size = line.split(b" ")
        key, rest = rest[: int(key_size)], rest[int(key_size):]
        value, rest = (rest[: int(value_size)], rest[int(value_size):]) if int(value_size) >= 0 else (None, rest)
        events.append((word, reason, lease, key, value))
    assert len(events) == int(words[2]), message
    return words, events


class Watcher:
    """Follows a prefix: over a channel, and behind a break by SINCE, at any node."""

    def __init__(self, nodes, rng):
        self.nodes, self.rng = nodes, rng
        self.seen = None  # everything up to here is in `events`
        self.events = []  # (revision, key, value)
        self.breaks = 0
        self.ends = False
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends:
            try:
                self.follow(self.rng.choice(self.nodes))
            except (OSError, resp.Error, resp.Closed):
                self.breaks += 1
                time.sleep(0.05)
            except Exception as e:  # the test looks at it
                self.error = e
                raise

    def take(self, revision, events):
        assert self.seen is None or revision > self.seen, (revision, self.seen)
        for key, value in events:
            self.events.append((revision, key, value))
        self.seen = revision

    def catch_up(self, conn, to):
        while self.seen < to:
            up_to, rows = conn.call("WATCHKEY", "SINCE", self.seen, "PREFIX", PREFIX)
            for revision, *events in rows:
                self.take(revision, [(e[3], e[4]) for e in events])
            self.seen = max(self.seen, up_to)

    def follow(self, node):
        with node.connect(timeout=5) as conn, node.connect(timeout=5) as asks:
            conn.send("SUBSCRIBE", CHANNEL)
            assert conn.result()[0] == b"subscribe"
            words, _ = parse(conn.result()[2])
            assert words[0] == b"sync"
            synced = int(words[1])
            if self.seen is None:
                self.seen = synced
            self.catch_up(asks, synced)
            told = synced
            conn.settimeout(1)
            while not self.ends:
                try:
                    reply = conn.result()
                except TimeoutError:
                    asks.call("PING")
                    continue
                words, events = parse(reply[2])
                if words[0] == b"gap":
                    self.catch_up(asks, int(words[2]))
                    told = int(words[2])
                elif words[0] == b"sync":
                    told = int(words[1])
                    self.seen = max(self.seen, told)
                else:
                    revision, previous = int(words[0]), int(words[1])
                    assert previous <= told, (previous, told)
                    told = revision
                    if revision > self.seen:
                        self.take(revision, [(e[3], e[4]) for e in events])

    def stop(self):
        self.ends = True
        self.thread.join(20)
        if self.error:
            raise self.error


class Writer:
    """Writes rising numbers to its key, each until it is acknowledged."""

    def __init__(self, nodes, number):
        self.nodes, self.key = nodes, b"%s%d" % (PREFIX.encode(), number)
        self.acknowledged, self.sent = 0, 0
        self.ends = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        rng = random.Random(self.key)
        while not self.ends:
            try:
                with rng.choice(self.nodes).connect(timeout=5) as conn:
                    while not self.ends:
                        self.sent += 1
                        conn.call("SET", self.key, b"%d" % self.sent)
                        self.acknowledged = self.sent
                        time.sleep(0.002)
            except (OSError, resp.Error, resp.Closed):
                time.sleep(0.05)

    def stop(self):
        self.ends = True
        self.thread.join(20)


def current(node, prefix=PREFIX):
    with node.connect() as conn:
        revision, rows = conn.call("WATCHKEY", "GET", "PREFIX", prefix)
        return revision, {row[0]: row[1] for row in rows}


@limited(120)
def test_watchers_go_on_at_other_nodes_over_dead_leaders():
    c = cluster.Cluster(3).start()
    watchers = [Watcher(c.nodes, random.Random(seed)) for seed in range(4)]
    until(lambda: all(w.seen is not None for w in watchers), "all watch")
    writers = [Writer(c.nodes, n) for n in range(5)]
    # Each node once, so that every watcher has to go: the leader, as long as it is not back from that.
    spared = set(c.nodes)
    while spared:
        time.sleep(1.5)
        lead = c.wait_leader()
        node = lead if lead in spared else min(spared, key=lambda n: n.port)
        spared.remove(node)
        node.kill()
        time.sleep(1.0)
        node.start()
    c.wait_leader()
    time.sleep(1.0)
    for w in writers:
        w.stop()
    c.wait_converged()
    revision, _ = current(c.nodes[0])
    until(lambda: all(w.error or w.seen >= revision - 1 for w in watchers), "all are told", 15)
    for w in watchers:
        w.stop()
        assert w.breaks > 0 or len(w.nodes) == 1
        for writer in writers:
            told = [int(value) for _, key, value in w.events if key == writer.key]
            # In the order in which they were written, each once; none that was acknowledged is missing.
            assert told == sorted(set(told)), (writer.key, told)
            missing = set(range(told[0] if told else 1, writer.acknowledged + 1)) - set(told)
            # What was sent and not acknowledged may not have happened.
            assert len(missing) <= writer.sent - len(told), (writer.key, sorted(missing)[:10])
            assert writer.acknowledged in told or writer.acknowledged == 0
    assert len({tuple(w.events) for w in watchers}) == 1 or all(
        set(watchers[0].events) ^ set(w.events) <= {e for e in set(watchers[0].events) | set(w.events) if e[0] <= max(x.events[0][0] for x in watchers)}
        for w in watchers
    )
    c.stop()


@limited(60)
def test_who_does_not_read_is_told_of_a_gap_and_lives():
    node = processes.single("everysec")
    with node.connect() as slow, node.connect() as writer:
        slow.send("SUBSCRIBE", "__watch@0__:k:big")
        slow.result()
        began = int(parse(slow.result()[2])[0][1])
        value = b"v" * 20_000
        for n in range(1500):
            writer.call("SET", "big", b"%d:" % n + value)
        until(lambda: int(resp.info(writer, "coordination")["watch_buffered_bytes"]) > 500_000, "its buffer fills")
        assert int(resp.info(writer, "coordination")["watch_buffered_bytes"]) <= 1 << 20
        assert any(row[6] == b"slow" for row in writer.call("WATCHKEY", "LIST"))
        told, gap, last = [], None, began
        slow.settimeout(10)
        while gap is None:
            words, events = parse(slow.result()[2])
            if words[0] == b"gap":
                gap = int(words[1]), int(words[2])
            else:
                assert int(words[1]) == last
                last = int(words[0])
                told.append(events[0][4])
        assert gap[0] == last, (gap, last)
        # The rest is in the history.
        at = gap[0]
        while at < gap[1]:
            at, rows = writer.call("WATCHKEY", "SINCE", at, "KEY", "big")
            told += [row[1][4] for row in rows]
        assert [int(v.split(b":")[0]) for v in told] == list(range(1500))
        writer.call("SET", "big", "x")
        words, events = parse(slow.result()[2])
        assert int(words[1]) == gap[1] and events[0][4] == b"x"
    node.stop()


@limited(90)
def test_the_history_goes_on_over_kills_and_behind_snapshots():
    c = cluster.Cluster(3, options=["--snapshot-log-size", "256kb", "--wal-segment-size", "128kb"]).start()
    lead = c.wait_leader()
    with lead.connect() as conn:
        until(lambda: conn.call("WATCHKEY", "REV") and conn.call("CONFIG", "GET", "watches")[1] == b"on", "the history begins")
        conn.call("SET", "key", 0)
        began, _ = conn.call("WATCHKEY", "GET", "key")
        away = c.followers()[0]
        away.kill()
        for n in range(1, 30):
            conn.call("SET", "key", n)
            for i in range(20):
                conn.call("SET", "other:%d" % i, b"x" * 5000)
    away.start()
    c.wait_converged(60)
    with away.connect() as conn:
        i = resp.info(conn, "paxos")
        assert "snapshot" in away.tail(200), i
        up_to, rows = conn.call("WATCHKEY", "SINCE", began, "KEY", "key")
        assert [int(row[1][4]) for row in rows] == list(range(1, 30))
    for node in c.nodes:
        node.kill()
    for node in c.nodes:
        node.start(wait=False)
    for node in c.nodes:
        node.wait_ready()
    c.wait_leader()
    for node in c.nodes:
        with node.connect() as conn:
            _, rows = conn.call("WATCHKEY", "SINCE", began, "KEY", "key")
            assert [int(row[1][4]) for row in rows] == list(range(1, 30))
    c.stop()


@limited(60)
def test_watches_go_on_behind_a_snapshot_that_a_running_node_gets():
    """A paused node is left behind by the log: its subscribers are told what it missed, or of a gap."""
    c = cluster.Cluster(3, options=["--snapshot-log-size", "256kb", "--wal-segment-size", "128kb"]).start()
    node = c.followers()[0]
    with node.connect(timeout=20) as sub:
        sub.send("SUBSCRIBE", "__watch@0__:k:key")
        sub.result()
        told = int(parse(sub.result()[2])[0][1])
        node.pause()
        with c.wait_leader(nodes=[n for n in c.nodes if n is not node]).connect() as conn:
            for n in range(60):
                conn.call("SET", "key", n)
                for i in range(20):
                    conn.call("SET", "other:%d" % i, b"x" * 5000)
        node.resume()
        c.wait_converged(40)
        values = []
        while not values or values[-1] != 59:
            words, events = parse(sub.result()[2])
            if words[0] == b"gap":
                assert int(words[1]) == told, (words, told)
                told = int(words[2])
                values.append(59)
            elif words[0] != b"sync":
                assert int(words[1]) == told
                told = int(words[0])
                values += [int(e[4]) for e in events]
        assert values == list(range(60)) or len(values) == 1 or values == sorted(set(values)), values
    c.stop()

"""Much at once: what one client sends holds up neither the others, nor the heartbeats, nor a leadership."""
import os
import resource
import select
import socket
import threading
import time

import cluster
import processes
import resp
import shim
from testing import Skip, limited, until

MB = 1 << 20
UNAVAILABLE = ("UNCERTAIN", "CLUSTERDOWN")  # no majority was heard for two seconds: the machine's doing, or ours
# Of redis-server's time, which has no log and here no fresh memory to write to: measured 7, the goal is 5. Of the leader's.
LEADER_TIMES, FOLLOWER_TIMES = 12, 2


class Small:
    """A client that sends one small SET after the other until it is stopped."""

    def __init__(self, node):
        self.node, self.over = node, threading.Event()
        self.count, self.worst, self.wrong, self.unavailable = 0, 0.0, [], []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with self.node.connect(timeout=60) as c:
            while not self.over.is_set():
                began = time.monotonic()
                try:
                    if c.call("SET", "small:%d" % self.node.port, self.count) != b"OK":
                        self.wrong.append("not OK")
                except resp.Error as e:
                    if e.code in UNAVAILABLE:
                        self.unavailable.append(e.code)
                    elif e.code != "LOADING":  # a node that catches up by a snapshot
                        self.wrong.append(repr(e))
                        return
                except OSError as e:
                    self.wrong.append(repr(e))
                    return
                self.worst = max(self.worst, time.monotonic() - began)
                self.count += 1
                time.sleep(0.005)

    def stop(self):
        self.over.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "a small client is stuck at %s" % self.node.name


def pipeline(node, requests, timeout=120.0):
    """Sends all requests without waiting for a reply; returns the replies, read meanwhile."""
    deadline = time.monotonic() + timeout
    with socket.create_connection((node.host, node.port), timeout=10) as s:
        s.setblocking(False)
        got, want, out, at = bytearray(), 0, memoryview(b""), 0
        requests = iter(requests)
        while True:
            if at == len(out):
                part = next(requests, None)
                if part is not None:
                    out, at, want = memoryview(part), 0, want + 1
            if at == len(out) and got.count(b"\r\n") >= want:
                return bytes(got).split(b"\r\n")[:-1]
            readable, writable, _ = select.select([s], [s] if at < len(out) else [], [], 1)
            if writable:
                at += s.send(out[at : at + MB])
            if readable:
                more = s.recv(MB)
                assert more, "the server closed the connection after %d replies" % got.count(b"\r\n")
                got += more
            assert time.monotonic() < deadline, "%d of %d replies after %g s" % (got.count(b"\r\n"), want, timeout)


def sets(count, size, prefix="bulk", keys=64):
    """SETs over few keys: what is measured is the way, not the memory."""
    value = b"v" * size
    for i in range(count):
        yield resp.encode(["SET", "%s:%d" % (prefix, i % keys), value])


def leader_known(node):
    with node.connect(timeout=30) as conn:
        return resp.info(conn, "paxos")["paxos_ballot"] != "0.0"


def standing(c):
    """The ballot, and what links had to leave out, as all nodes see it."""
    ballots, left_out = set(), 0
    for node in c.running():
        with node.connect(timeout=30) as conn:
            info = resp.info(conn, "paxos")
            ballots.add(info["paxos_ballot"])
            left_out += int(info["paxos_peer_messages_left_out"])
    return ballots, left_out


class Machine:
    """How long a small SET takes that has nothing to do with the cluster: on a redis-server beside it, by the same clients. What the machine
    and this process cost a client is in there, what the cluster does is not."""

    def __init__(self):
        self.server = processes.redis_server()
        if self.server is None:
            raise Skip("no redis-server to compare with")

    def bulk_s(self, requests):
        began = time.monotonic()
        assert set(pipeline(self.server, requests)) == {b"+OK"}
        return time.monotonic() - began


# What a small SET may wait beside a bulk: 0.3 s, and on a slower machine as long as the bulk needs for a few windows of 16 MB at the rate that
# it has there (its origin's, the one to each peer, and what is applied meanwhile), besides what any client has to wait there.
WAIT_S, WINDOWS, WINDOW, WAIT_TIMES = 0.3, 4, 16 * MB, 5
TRIES, BUSY = 3, 1.5


class Meter:
    """What part of the machine others had, since it was made."""

    def __init__(self, processes):
        self.processes = processes
        self.began, self.busy, self.own = time.monotonic(), *self.seconds()

    def seconds(self):
        """CPU seconds of the whole machine since its start, and of these processes and this one."""
        tick = os.sysconf("SC_CLK_TCK")
        with open("/proc/stat") as f:
            fields = [int(x) for x in f.readline().split()[1:9]]
        own = sum(os.times()[:2])
        for process in self.processes:
            with open("/proc/%d/stat" % process.pid) as f:
                own += sum(int(x) for x in f.read().rsplit(")", 1)[1].split()[11:13]) / tick
        return (sum(fields) - fields[3] - fields[4]) / tick, own

    def slower(self):
        """How much longer things take on what was left: 1 on a machine that did nothing else."""
        busy, own = self.seconds()
        others = (busy - self.busy) - (own - self.own)
        share = others / (time.monotonic() - self.began) / os.cpu_count()
        return 1 / (1 - min(0.9, max(0.0, share)))


def check_bulk(c, machine, target, bulk_bytes, lists, most_s=None, not_judged=()):
    """Sends lists(), so many bytes in all, at once to `target`, beside small clients of all nodes. Each time every request has its answer, and no process
    ends. In one of some tries: all is acknowledged, nobody waits for long, whoever led leads, links leave nothing out, and it took at most most_s(). The time of that try, as on a
    machine that does nothing else."""
    said = []
    for _ in range(TRIES):
        for node in c.nodes:
            assert node.running(), node.tail()
            until(lambda node=node: leader_known(node), "%s knows the leader" % node.name, 30)
        before, left_out_before = standing(c)
        bulk = lists()
        meter = Meter([*c.nodes, machine.server])
        took, worst, control, unavailable = send_beside_small_clients(c, machine, target, bulk, not_judged)
        slower = meter.slower()
        after, left_out = standing(c)
        most = slower * most_s() if most_s else float("inf")
        may_wait = slower * WAIT_S + WINDOWS * WINDOW * took / bulk_bytes + WAIT_TIMES * control
        print("        %.1f s (at most %.1f), slowest small SET %.3f s (at most %.3f), machine %.1f times slower" % (took, most, worst, may_wait, slower))
        wrong = []
        if worst > may_wait:
            wrong.append("a small SET took %.2f s, and may take %.2f s" % (worst, may_wait))
        if took > most:
            wrong.append("it took %.1f s, and may take %.1f s" % (took, most))
        # Heartbeats and links have time limits of their own: on a machine that has little time for us they pass.
        if slower < BUSY:
            if unavailable:
                wrong.append("answered: " + ", ".join(sorted(set(unavailable))))
            if before != after:
                wrong.append("leadership moved: %s, then %s" % (before, after))
            if left_out != left_out_before:
                wrong.append("links left out %d messages" % (left_out - left_out_before))
        if not wrong:
            return took / slower
        said.append("; ".join(wrong))
        c.wait_converged(90)
    raise AssertionError("in each of %d tries:\n%s\n%s" % (TRIES, "\n".join(said), c.logs()))


def send_beside_small_clients(c, machine, target, lists, not_judged):
    """Seconds for all of it, of the slowest small SET meanwhile, and of the slowest on redis-server."""
    small = [Small(n) for n in c.running()]
    control = Small(machine.server)
    results = [None] * len(lists)

    def run(i):
        results[i] = pipeline(target, lists[i])

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(lists))]
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - began
    for s in [*small, control]:
        s.stop()
    assert all(n.running() for n in c.nodes), c.logs(20)
    wrong = [w for s in small for w in s.wrong]
    assert wrong == [], "%s\n%s" % (wrong, c.logs())
    assert all(s.count > 0 for s in small), [s.count for s in small]
    judged = [s for s in small if s.node not in not_judged]
    unavailable = [code for s in judged for code in s.unavailable]
    for answer in set().union(*(r or [b"no replies"] for r in results)) - {b"+OK"}:
        code = answer.split(b" ")[0].decode().lstrip("-")
        assert code in UNAVAILABLE, "%s\n%s" % (answer, c.logs(20))
        unavailable.append(code)
    return took, max(s.worst for s in judged), control.worst, unavailable


@limited(400)
def test_a_bulk_through_the_leader_or_a_follower_holds_nobody_up():
    """600 MB in one pipeline, in values of 1 MB and of 64 KB."""
    machine, c = Machine(), cluster.Cluster(3).start()
    for count, size in ((600, MB), (9600, MB // 16)):
        bulk = lambda: [sets(count, size)]
        redis_s, leader_s = [], []

        def of_redis():
            redis_s.append(machine.bulk_s(sets(count, size)))
            return LEADER_TIMES * max(redis_s)

        leader_s.append(check_bulk(c, machine, c.leader(), count * size, bulk, of_redis))
        check_bulk(c, machine, c.followers()[0], count * size, bulk, lambda: FOLLOWER_TIMES * max(leader_s))
        c.wait_converged(60)
    c.stop()


@limited(300)
def test_many_clients_bulk_at_once():
    machine, c = Machine(), cluster.Cluster(3).start()
    check_bulk(c, machine, c.followers()[0], 300 * MB, lambda: [sets(3, MB, "c%d" % i, 1) for i in range(100)])
    c.wait_converged(60)
    c.stop()


@limited(300)
def test_a_bulk_while_a_follower_catches_up():
    machine, c = Machine(), cluster.Cluster(3).start()
    behind, other = c.followers()

    def lists():
        behind.kill()
        pipeline(other, sets(80, MB))
        behind.start(wait=False)
        behind.wait_ready(60)
        return [sets(60, MB)]

    check_bulk(c, machine, other, 60 * MB, lists, not_judged=[behind])
    c.wait_converged(90)
    c.stop()


@limited(300)
def test_two_gigabytes_pass_a_follower_that_has_little_memory_to_spare():
    """256 MB of address space beyond what the data takes, ten small clients beside it."""
    c = cluster.Cluster(3).start()
    follower = c.followers()[0]
    pipeline(c.leader(), sets(128, MB))
    c.wait_converged(60)
    with open("/proc/%d/statm" % follower.pid) as f:
        has = int(f.read().split()[0]) * resource.getpagesize()
    resource.prlimit(follower.pid, resource.RLIMIT_AS, (has + 256 * MB, has + 256 * MB))
    small = [Small(follower) for _ in range(10)]
    meter = Meter(c.nodes)
    assert set(pipeline(follower, sets(2048, MB), timeout=200)) == {b"+OK"}
    slower = meter.slower()
    for s in small:
        s.stop()
    print("        slowest small SET %.3f s, machine %.1f times slower" % (max(s.worst for s in small), slower))
    assert all(n.running() for n in c.nodes), c.logs(20)
    assert not any(s.wrong for s in small) and all(s.count > 0 for s in small), [(s.count, s.wrong) for s in small]
    if slower < BUSY:
        assert not any(s.unavailable for s in small) and max(s.worst for s in small) < 1, [(s.worst, s.unavailable) for s in small]
    c.wait_converged(60)
    c.stop()


@limited(300)
def test_a_bulk_onto_slow_disks():
    """Each fsync takes 40 ms longer, on every node: less is under way, so that small writes pass in between."""
    machine = Machine()
    directory = processes.temp_dir("cluster-")
    disks = [shim.Faults(directory, "faults%d" % i) for i in range(3)]
    c = cluster.Cluster(3, directory=directory, prefixes=[d.prefix for d in disks]).start()
    for disk in disks:
        disk.sync_stall_ms = 40
    for target in (c.leader(), c.followers()[0]):
        check_bulk(c, machine, target, 100 * MB, lambda: [sets(100, MB)])
    c.wait_converged(60)
    c.stop()


@limited(120)
def test_a_client_with_much_under_way_is_not_read_but_its_unread_replies_are_no_reason():
    c = cluster.Cluster(3).start()
    follower = c.followers()[0]
    under_way = []
    over = threading.Event()

    def watch():
        with follower.connect(timeout=60) as probe:
            while not over.is_set():
                under_way.append(int(resp.info(probe, "paxos")["paxos_own_writes_under_way_bytes"]))
                time.sleep(0.01)

    watcher = threading.Thread(target=watch, daemon=True)
    with socket.create_connection((follower.host, follower.port), timeout=10) as s:
        s.settimeout(60)
        with follower.connect() as probe:
            assert probe.call("SET", "big", b"b" * MB) == b"OK"
            watcher.start()
            # Far more than the server reads ahead, without reading a single reply; among them 20 of 1 MB.
            for i, request in enumerate(sets(100, MB // 2, keys=100)):
                s.sendall(request)
                if i % 5 == 4:
                    s.sendall(resp.encode(["GET", "big"]))
            until(lambda: probe.call("EXISTS", "bulk:99") == 1, "the writes go on although nobody reads", 60)
        over.set()
        watcher.join(60)
        # 16 MB, or one item.
        assert under_way and 0 < max(under_way) <= 16 * MB, max(under_way)
        got, want = 0, 100 * len(b"+OK\r\n") + 20 * (MB + len(b"$1048576\r\n\r\n"))
        while got < want:
            more = s.recv(MB)
            assert more, "closed after %d of %d bytes" % (got, want)
            got += len(more)
        assert got == want
    c.stop()

"""Commands that wait for keys (BLPOP …) over dead leaders, dead and paused nodes and lost majorities, with real processes."""
import threading
import time

import cluster
import resp
from testing import limited, rounds, until


class Waiter:
    """A connection with a command that waits."""

    def __init__(self, node, *command):
        before = blocked(node)
        self.conn = node.connect(timeout=30)
        self.conn.send(*command)
        until(lambda: blocked(node) > before, "the command waits")

    def answered(self):
        return self.conn.pending()

    def reply(self, timeout=10.0):
        self.conn.settimeout(timeout)
        try:
            return self.conn.result()
        except resp.Error as e:
            return e.text


def blocked(node):
    with node.connect() as c:
        return int(resp.info(c, "clients")["blocked_clients"])


def push(node, key, *elements):
    with node.connect() as c:
        return c.call("RPUSH", key, *elements)


class Unsure(Exception):
    """Whether it was pushed nobody knows."""


def pushed(nodes, key, element):
    """Through whichever node takes it."""
    for node in nodes * 100:
        try:
            conn = node.connect()
        except OSError:
            time.sleep(0.1)
            continue
        with conn:
            try:
                return conn.call("RPUSH", key, element)
            except OSError as e:
                raise Unsure() from e
            except resp.Error as e:
                if e.code == "UNCERTAIN":
                    raise Unsure() from e
                time.sleep(0.1)
    raise AssertionError("nobody takes a push")


@limited(90)
def test_who_waits_does_not_notice_a_new_leader():
    c = cluster.Cluster(3).start()
    old = c.wait_leader()
    others = [n for n in c.nodes if n is not old]
    waiters = [Waiter(others[i % 2], "BLPOP", "q", 0) for i in range(6)]
    mover = Waiter(others[0], "BLMOVE", "q", "done", "LEFT", "RIGHT", 0)
    old.kill()
    c.wait_leader(nodes=others)
    for i in range(6):
        assert pushed(others, "q", "e%d" % i) == 1
    pushed(others, "q", "moved")
    for i, waiter in enumerate(waiters):
        assert waiter.reply() == [b"q", b"e%d" % i]
    assert mover.reply() == b"moved"
    with others[1].connect() as conn:
        assert conn.call("LRANGE", "done", 0, -1) == [b"moved"]
        assert conn.call("EXISTS", "q") == 0
    c.stop()


@limited(90)
def test_nothing_is_taken_off_for_a_dead_node_and_a_paused_one_keeps_its_place():
    c = cluster.Cluster(3).start()
    lead = c.wait_leader()
    dead, paused = [n for n in c.nodes if n is not lead]
    Waiter(dead, "BLPOP", "q", 0)
    first = Waiter(paused, "BLPOP", "q", 0)
    second = Waiter(lead, "BLPOP", "q", 0)
    third = Waiter(lead, "BLPOP", "q", 0)
    dead.kill()
    time.sleep(2)
    push(lead, "q", "1")
    assert first.reply() == [b"q", b"1"]
    dead.start()
    c.wait_converged()
    # Its clients of before are gone with it.
    push(lead, "q", "2")
    assert second.reply() == [b"q", b"2"]
    fourth = Waiter(dead, "BLPOP", "late", 0)
    fifth = Waiter(lead, "BLPOP", "late", 0)
    dead.pause()
    time.sleep(3)
    push(lead, "q", "3")
    assert third.reply() == [b"q", b"3"]
    push(lead, "late", "a")
    assert fifth.reply() == [b"late", b"a"]
    dead.resume()
    c.wait_converged()
    sixth = Waiter(lead, "BLPOP", "late", 0)
    push(lead, "late", "b")
    assert fourth.reply() == [b"late", b"b"]
    push(lead, "late", "c")
    assert sixth.reply() == [b"late", b"c"]
    c.stop()


@limited(120)
def test_a_lock_is_not_granted_to_a_client_of_a_leader_that_was_just_killed():
    """Nor of another node: the release comes first of all behind its end, and is no sooner than that."""
    for victim_leads in (True, False):
        c = cluster.Cluster(3).start()
        lead = c.wait_leader()
        victim = lead if victim_leads else next(n for n in c.nodes if n is not lead)
        holder, other = [n for n in c.nodes if n is not victim]
        with holder.connect(timeout=20) as conn:
            tokens = [conn.call("LOCK", "ACQUIRE", "lock%d" % i, 600_000)[1] for i in range(20)]
            waiters, dead = [], []
            for i in range(20):
                dead.append(Waiter(victim, "LOCK", "ACQUIRE", "lock%d" % i, 600_000, "OWNER", "dead", "WAIT", 0))
                waiters.append(Waiter(other, "LOCK", "ACQUIRE", "lock%d" % i, 600_000, "OWNER", "alive", "WAIT", 0))
            victim.kill()
            if not victim_leads:
                time.sleep(0.02)  # its links have broken
            assert conn.pipeline([("LOCK", "RELEASE", "lock%d" % i, token) for i, token in enumerate(tokens)]) == [1] * 20
            for waiter in waiters:
                assert waiter.reply()[0] == 1
        c.kill()


@limited(90)
def test_a_planned_stop_loses_no_element():
    c = cluster.Cluster(3).start()
    lead = c.wait_leader()
    for stops in [n for n in c.nodes if n is not lead] + [lead]:
        others = [n for n in c.nodes if n is not stops]
        waiters = [Waiter(stops, "BLPOP", "q", 0) for _ in range(5)]
        stopper = threading.Thread(target=stops.stop)
        stopper.start()
        sure = []
        for i in range(300):
            try:
                if pushed(others, "q", "%s-%d" % (stops.name, i)):
                    sure.append(b"%s-%d" % (stops.name.encode(), i))
            except Unsure:
                pass
        stopper.join()
        # What was taken off has reached its client.
        taken = []
        for waiter in waiters:
            try:
                taken.append(waiter.conn.result()[1])
            except OSError:
                pass
        with others[0].connect() as conn:
            there = conn.call("LRANGE", "q", 0, -1)
            conn.call("DEL", "q")
        assert len(taken) + len(there) >= len(sure) and set(sure) <= set(taken) | set(there), (len(sure), len(taken), len(there))
        stops.start()
        c.wait_converged()
        c.wait_leader()
    c.stop()


@limited(90)
def test_a_wait_that_nobody_can_end_is_uncertain():
    c = cluster.Cluster(3).start()
    c.wait_leader()
    node = c.followers()[0]
    waiter = Waiter(node, "BLPOP", "q", 2)
    for_ever = Waiter(node, "BLPOP", "q", 0)
    others = [n for n in c.nodes if n is not node]
    for other in others:
        other.kill()
    assert waiter.reply(timeout=20).startswith(b"UNCERTAIN"), "who waited with an end"
    assert not for_ever.answered()
    for other in others:
        other.start()
    c.wait_leader()
    pushed(c.nodes, "q", "x")
    assert for_ever.reply() == [b"q", b"x"]
    with node.connect() as conn:
        assert conn.call("EXISTS", "q") == 0
    c.stop()


@limited(120)
def test_many_wait_and_cost_the_log_nothing():
    c = cluster.Cluster(3, options=["--maxclients", "3000"]).start()
    lead = c.wait_leader()
    conns = []
    for i in range(2400):
        conn = c.nodes[i % 3].connect(timeout=30)
        conn.send("BLPOP", "q" if i < 1200 else "q%d" % i, 0)
        conns.append(conn)
    until(lambda: sum(blocked(n) for n in c.nodes) == 2400, "all wait", 30)
    before = cluster.Cluster.position(lead)
    time.sleep(3)
    assert cluster.Cluster.position(lead) == before, "nobody has come, and nobody has gone"
    began = time.monotonic()
    push(lead, "q", *["e%d" % i for i in range(1200)])
    got = [conn.result() for conn in conns[:1200]]
    assert sorted(got) == sorted([b"q", b"e%d" % i] for i in range(1200))
    print("        one push served 1200 clients of three nodes in %.2f s" % (time.monotonic() - began))
    for i in range(1200, 1260):
        push(c.nodes[i % 3], "q%d" % i, "x")
        assert conns[i].result() == [b"q%d" % i, b"x"]
    for conn in conns:
        conn.close()
    until(lambda: sum(blocked(n) for n in c.nodes) == 0, "all are gone", 30)
    push(lead, "q2000", "stays")
    with lead.connect() as conn:
        assert conn.call("LLEN", "q2000") == 1
    c.stop()


class Consumer(threading.Thread):
    """Moves elements into a list of its own, one by one, through whichever node is there."""

    def __init__(self, nodes, name):
        super().__init__(daemon=True)
        self.nodes, self.name_, self.done, self.taken = nodes, name, False, []

    def run(self):
        at = 0
        while not self.done:
            at += 1
            try:
                with self.nodes[at % len(self.nodes)].connect(timeout=20) as conn:
                    while not self.done:
                        element = conn.call("BLMOVE", "queue", "taken:" + self.name_, "LEFT", "RIGHT", "0.7")
                        if isinstance(element, bytes):
                            self.taken.append(element)
            except (OSError, resp.Error):
                time.sleep(0.05)


@limited(150)
def test_a_queue_over_dying_nodes_loses_and_doubles_nothing():
    c = cluster.Cluster(3).start()
    c.wait_leader()
    consumers = [Consumer(c.nodes[i:] + c.nodes[:i], str(i)) for i in range(3)]
    for consumer in consumers:
        consumer.start()
    sure, unsure, number = [], [], 0
    for _ in range(rounds(3, 30)):
        for _ in range(60):
            number += 1
            element = b"e%d" % number
            try:
                pushed(c.nodes, "queue", element)
                sure.append(element)
            except Unsure:
                unsure.append(element)
        victim = c.nodes[number % 3] if number % 2 else (c.leader() or c.nodes[0])
        victim.kill()
        for _ in range(20):
            number += 1
            element = b"e%d" % number
            try:
                pushed([n for n in c.nodes if n is not victim], "queue", element)
                sure.append(element)
            except Unsure:
                unsure.append(element)
        victim.start()
        c.wait_leader()
    for consumer in consumers:
        consumer.done = True
    for consumer in consumers:
        consumer.join(30)
    c.wait_converged()
    with c.wait_leader().connect() as conn:
        lists = [conn.call("LRANGE", "taken:%d" % i, 0, -1) for i in range(3)]
        lists.append(conn.call("LRANGE", "queue", 0, -1))
    there = [e for elements in lists for e in elements]
    assert len(there) == len(set(there)), "an element is there twice"
    assert set(sure) <= set(there), "lost: %s" % sorted(set(sure) - set(there))
    assert set(there) <= set(sure) | set(unsure)
    for i, consumer in enumerate(consumers):
        assert len(consumer.taken) == len(set(consumer.taken)), "an element was handed out twice"
        assert set(consumer.taken) <= set(lists[i]), "handed out, but not there"
    print("        %d elements, %d uncertain" % (number, len(unsure)))
    c.stop()

"""Leases, locks and stored replies over dead leaders, restarts and lost majorities, with real processes."""
import os
import re
import shutil
import subprocess
import time

import cluster
import processes
import resp
from testing import Skip, limited, until

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "coordination.md")


def call(node, *args, timeout=10.0):
    """One command on a connection of its own: its reply in plain values, an error as its text."""
    with node.connect(timeout=timeout) as c:
        try:
            return c.call(*args)
        except resp.Error as e:
            return e.text


def token_of(reply):
    assert reply[0] == 1, reply
    return reply[1]


def test_what_asks_the_leaders_memory_is_answered_in_its_turn():
    """Keepalives and the like don't wait for the 10 ms tick, on no node."""
    c = cluster.Cluster(3).start()
    lead = c.wait_leader()
    call(lead, "LEASE", "GRANT", 60000, "ID", "l")
    call(lead, "LOCK", "ACQUIRE", "n", 60000)
    for node in c.nodes:
        with node.connect() as conn:
            for command in (("LEASE", "KEEPALIVE", "l"), ("LEASE", "TTL", "l"), ("LOCK", "INFO", "n")):
                took = []
                for _ in range(50):
                    began = time.monotonic()
                    conn.call(*command)
                    took.append(time.monotonic() - began)
                took.sort()
                # Of all that wait for ticks, next to none is answered sooner; a busy machine delays some, not nearly all.
                assert took[5] < 0.005, "%s on %s: most over %.1f ms" % (" ".join(command), node.name, took[5] * 1000)
    c.stop()


def test_leases_and_locks_end_within_a_tick_of_their_time():
    """Never before it, and the clients of any node are told at once."""
    c = cluster.Cluster(3).start()
    c.wait_leader()
    late = []
    for i in range(9):
        asked, told = c.nodes[i % 3], c.nodes[(i + 1) % 3]
        with asked.connect() as conn, told.connect() as sub:
            sub.call("SUBSCRIBE", "__lease__:l%d" % i)
            sub.call("SUBSCRIBE", "__lock@0__:n%d" % i)
            began = time.monotonic()
            conn.call("LEASE", "GRANT", 300, "ID", "l%d" % i)
            conn.call("LOCK", "ACQUIRE", "n%d" % i, 300)
            said = []
            while len(said) < 2:
                message = sub.read()
                if message[0] != b"message" or not message[2].startswith(b"expired "):
                    continue
                said.append(message[1])
                late.append(time.monotonic() - began - 0.3)
    assert min(late) >= 0, late
    late.sort()
    # A busy machine delays some.
    assert late[len(late) // 2] < 0.1, late
    c.stop()


@limited(90)
def test_leases_locks_and_stored_replies_survive_the_leader_and_a_restart():
    c = cluster.Cluster(3).start()
    old = c.wait_leader()
    other = [n for n in c.nodes if n is not old][0]
    call(other, "LEASE", "GRANT", 2000, "ID", "brief")
    call(other, "SET", "mortal", "1", "LEASE", "brief")
    call(other, "LEASE", "GRANT", 600000, "ID", "lasting", "OWNER", "me")
    call(other, "SET", "kept", "1", "LEASE", "lasting")
    token = token_of(call(other, "LOCK", "ACQUIRE", "lock", 600000, "OWNER", "me"))
    assert call(other, "ONCE", "r1", 600000, "INCR", "n") == 1
    time.sleep(1.5)
    old.kill()
    killed = time.monotonic()
    # A new leader knows no remaining times: all have their whole TTL again, so nothing ends early.
    granted, remaining, _ = call(other, "LEASE", "TTL", "brief")
    assert granted == 2000 and remaining > 1000, remaining
    time.sleep(max(0.0, killed + 1.6 - time.monotonic()))
    assert call(other, "EXISTS", "mortal") == 1
    until(lambda: call(other, "EXISTS", "mortal") == 0, "the lease ends under the new leader", 5)
    assert call(other, "LEASE", "TTL", "brief") is None

    def all_there(node):
        assert call(node, "LEASE", "GRANT", 1000, "ID", "lasting", "OWNER", "me")[1] == 600000
        assert call(node, "LEASE", "TTL", "lasting", "KEYS")[3] == [b"kept"]
        assert call(node, "LOCK", "CHECK", "lock", token) == 1
        assert call(node, "SET", "lock", "x").startswith(b"LOCKED ")
        assert call(node, "LOCK", "ACQUIRE", "lock", 1000, "OWNER", "me") == [1, token, 600000]
        assert call(node, "ONCE", "r1", 600000, "INCR", "n") == 1
        assert call(node, "GET", "n") == b"1"

    all_there(other)
    old.start()
    c.wait_converged()
    c.kill()
    for n in c.nodes:
        n.start(wait=False)
    c.wait_leader(30)
    for n in c.nodes:
        all_there(n)
    # Behind a snapshot as behind a log.
    for n in c.nodes:
        call(n, "SAVE")
    c.stop()
    for n in c.nodes:
        n.start(wait=False)
    c.wait_leader(30)
    for n in c.nodes:
        all_there(n)
    assert call(other, "LOCK", "BREAK", "lock") == 1
    assert token_of(call(other, "LOCK", "ACQUIRE", "lock", 1000)) > token
    c.stop()


@limited(90)
def test_under_cluster_reads_quorum_nothing_rests_on_the_leaders_lease():
    """As on a machine whose clock stood still: the leader's lease seems valid for long, and the others are not there. Nothing that it could
    say by the lease alone may be answered."""
    c = cluster.Cluster(3, options=["--cluster-reads", "quorum", "--cluster-lease-ms", "20000"]).start()
    lead = c.wait_leader()
    call(lead, "LEASE", "GRANT", 60000, "ID", "l")
    token = token_of(call(lead, "LOCK", "ACQUIRE", "n", 60000, "OWNER", "me"))
    call(lead, "SET", "k", "v")
    asked = [
        ("LEASE", "KEEPALIVE", "l"),
        ("LEASE", "TTL", "l"),
        ("LOCK", "RENEW", "n", token, 60000),
        ("LOCK", "CHECK", "n", token),
        ("LOCK", "INFO", "n"),
        ("GET", "k"),
        ("EXISTS", "due"),
    ]
    for command in asked:
        assert not isinstance(call(lead, *command), str) and not str(call(lead, *command)).startswith("CLUSTERDOWN"), command
    call(lead, "SET", "due", "v", "PX", "400")
    conns = [lead.connect(timeout=20) for _ in asked]
    for conn in conns:
        assert conn.call("PING") == b"PONG"
    for n in c.followers():
        n.pause()
    try:
        for conn, command in zip(conns, asked):
            conn.send(*command)
        for conn, command in zip(conns, asked):
            answer = conn.read()
            assert isinstance(answer, resp.Error) and answer.code in ("CLUSTERDOWN", "UNCERTAIN"), (command, answer)
    finally:
        for n in c.running():
            n.resume()
    c.wait_leader(60)
    assert call(lead, "GET", "k") == b"v" and call(lead, "LOCK", "CHECK", "n", token) == 1
    c.stop()


@limited(90)
def test_without_a_majority_every_command_has_an_answer_in_time():
    """-CLUSTERDOWN for what never left its node, -UNCERTAIN only for what may still happen; then it didn't, or did once."""
    c = cluster.Cluster(3).start()
    lead = c.wait_leader()
    alone, gone = [n for n in c.nodes if n is not lead]
    call(lead, "LEASE", "GRANT", 600000, "ID", "l")
    token = token_of(call(lead, "LOCK", "ACQUIRE", "n", 600000))
    gone.kill()
    lead.kill()
    commands = (
        ("SET", "a", 1),
        ("GET", "a"),
        ("LEASE", "KEEPALIVE", "l"),
        ("LEASE", "TTL", "l"),
        ("LEASE", "LIST"),
        ("LEASE", "GRANT", 1000, "ID", "new"),
        ("LOCK", "INFO", "n"),
        ("LOCK", "RENEW", "n", token, 1000),
        ("LOCK", "CHECK", "n", token),
        ("LOCK", "ACQUIRE", "m", 1000),
        ("TXN", "THEN", 1, 2, "GET", "a"),
        ("ONCE", "r", 1000, "INCR", "x"),
    )
    time.sleep(1.0)  # until it is known that the leader is gone
    waiting = [alone.connect() for _ in commands]
    began = time.monotonic()
    for conn, command in zip(waiting, commands):
        conn.send(*command)
    for conn, command in zip(waiting, commands):
        reply = conn.read()
        took = time.monotonic() - began
        assert isinstance(reply, resp.Error) and reply.code == "CLUSTERDOWN", (command, reply)
        assert 1.8 < took < 6.0, (command, took)
        conn.close()
    with alone.connect() as conn:  # one connection that many share: what stands behind is not held again and again
        pipeline = [("EXPIRE", "a", 100), ("LEASE", "KEEPALIVE", "l"), ("GET", "a"), ("SET", "a", 1)] * 5
        began = time.monotonic()
        for command in pipeline:
            conn.send(*command)
        for command in pipeline:
            reply = conn.read()
            assert isinstance(reply, resp.Error) and reply.code == "CLUSTERDOWN", (command, reply)
        took = time.monotonic() - began
        assert took < 8.0, took  # held one after the other it would be 20 s and more
        assert conn.call("PING") == b"PONG"
    assert call(alone, "LOCK", "HELP")
    with alone.connect() as conn:
        conn.call("READONLY")
        assert conn.call("LOCK", "CHECK", "n", token) == 1  # its own state may be read on demand
    gone.start(wait=False)
    c.wait_leader(30, nodes=[alone, gone])
    assert call(alone, "MGET", "a", "x") == [None, None]
    assert call(alone, "LEASE", "TTL", "new") is None
    assert call(alone, "LOCK", "INFO", "m") is None
    assert call(alone, "LOCK", "CHECK", "n", token) == 1
    c.stop()


def test_tokens_rise_over_an_unclean_end_of_a_single_node():
    """Below `always` the log may lose its end, but no token is given twice."""
    for durability in ("everysec", "memory"):
        node = processes.single(durability)
        token = 0
        for _ in range(3):
            now = token_of(call(node, "LOCK", "ACQUIRE", "n", 600000, "OWNER", "me"))
            rev = call(node, "TXN", "THEN", 1, 3, "SET", "k", 1)[1]
            call(node, "LOCK", "BREAK", "n")
            assert rev > now > token, (durability, rev, now, token)
            last = token_of(call(node, "LOCK", "ACQUIRE", "n", 600000, "OWNER", "you"))
            node.kill()
            node.start()
            call(node, "LOCK", "BREAK", "n")  # there is it that survived
            token = last
        node.stop()


def test_time_goes_on_for_keys_while_a_single_node_is_dead():
    """However it ended, and however short before that it wrote; leases and locks start anew."""
    node = processes.single()
    call(node, "SET", "lasting", 1, "EX", 100)
    for end in (node.stop, node.kill, node.kill):
        call(node, "SET", "brief", 1, "PX", 1500)
        call(node, "LEASE", "GRANT", 1500, "ID", "l")
        left = call(node, "PTTL", "lasting")
        end()
        time.sleep(2.0)
        node.start()
        assert call(node, "PTTL", "lasting") < left - 1900, (end, left, call(node, "PTTL", "lasting"))
        assert call(node, "EXISTS", "brief") == 0
        assert call(node, "LEASE", "TTL", "l")[1] > 1000
    node.stop()


def shown_as_run(block):
    """A block of lines for redis-cli, and what it shows of their replies, on a fresh node."""
    shown = block.splitlines()
    node = processes.single()
    commands = "".join(line[2:] + "\n" for line in shown if line.startswith("> "))
    cli = ["redis-cli", "-p", str(node.port), "--no-raw"]
    got = subprocess.run(cli, input=commands, capture_output=True, text=True, timeout=20).stdout.splitlines()
    assert [line for line in got if line] == [line for line in shown if not line.startswith("> ")], "\n".join(got)
    node.stop()


def test_the_examples_of_the_documentation_run_as_shown():
    if not shutil.which("redis-cli"):
        raise Skip("redis-cli is not installed")
    with open(DOCS, encoding="utf-8") as f:
        text = f.read()
    shown_as_run(re.search(r"```\n(> .*?)```", text, re.S).group(1))
    recipes = re.findall(r"```\n(> .*?)```", re.search(r"^## Recipes\n(.*?)^## ", text, re.S | re.M).group(1), re.S)
    assert len(recipes) >= 7
    for block in recipes:
        shown_as_run(block)


def test_the_python_of_the_documentation_runs():
    python = next((p for p in (shutil.which("python3"), "/usr/bin/python3")
                   if p and subprocess.run([p, "-c", "import redis"], capture_output=True).returncode == 0), None)
    if python is None:
        raise Skip("redis-py is not installed")
    with open(DOCS, encoding="utf-8") as f:
        blocks = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    assert blocks
    node = processes.single()
    for block in blocks:
        assert "port=6379" in block
        r = subprocess.run([python, "-c", block.replace("port=6379", "port=%d" % node.port)], capture_output=True, text=True, timeout=30)
        assert r.returncode == 0, r.stderr
    node.stop()

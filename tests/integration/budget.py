"""What one item, one reply or one client may cost: address space is limited, and nobody may end for it."""
import os

import cluster
import processes
import resp
from testing import limited, until

# Code, threads, arenas and a value or two; far less than the replies below.
SPACE = 2_500_000_000
MB = 1_000_000


def limit_space(node, size=SPACE):
    """From now on, and after each restart."""
    node.prefix = ["prlimit", "--as=%d" % size]
    return node


def transaction(conn, commands):
    """Sends MULTI … EXEC in one go; EXEC's reply."""
    conn.send_raw(b"".join(resp.encode(c) for c in [("MULTI",), *commands, ("EXEC",)]))
    for _ in range(len(commands) + 1):
        conn.read()
    return conn.read()


def outcome(conn, *command):
    conn.send(*command)
    return conn.read()


def poison(conn):
    """Items whose replies or work would be gigabytes; each must be refused, and do nothing."""
    value = os.urandom(1000) * 1000
    conn.call("SET", "big", value)
    conn.call("HSET", "h", *[w for i in range(200) for w in ("f%d" % i, value[:5000])])
    conn.call("SET", "n", "1")
    wide = {
        "GET": ("GET", "big"),
        "MGET": ("MGET", *["big"] * 10),
        "GETRANGE": ("GETRANGE", "big", 0, -1),
        "HGETALL": ("HGETALL", "h"),
        "HRANDFIELD": ("HRANDFIELD", "h", -1000, "WITHVALUES"),
        "SETRANGE": ("SETRANGE", "far", 500_000_000, "x"),
        "COPY": ("COPY", "big", "copy", "REPLACE"),
        "BITOP": ("BITOP", "NOT", "big2", "big"),
    }
    for name, command in wide.items():
        commands = [("INCR", "n")]
        for i in range(3000):
            # Each to another key, so that it would stay.
            commands.append(tuple("%s%d" % (w, i) if w in ("far", "copy", "big2") else w for w in command))
        r = transaction(conn, commands)
        assert isinstance(r, resp.Error) and r.code == "EXECABORT", (name, r)
        assert conn.call("GET", "n") == b"1", name
        assert conn.call("DBSIZE") == 3, name
        assert conn.call("STRLEN", "big") == len(value)
    branch = ["TXN", "THEN", "1000", "2", "INCR", "n"]
    for _ in range(999):
        branch += ["2", "GET", "big"]
    r = outcome(conn, *branch)
    assert isinstance(r, resp.Error) and r.code == "TXNLIMIT", r
    r = outcome(conn, "ONCE", "request", "60000", *branch)
    assert isinstance(r, resp.Error) and r.code == "ERR", r
    # The id is as good as new.
    assert conn.call("ONCE", "request", "60000", "INCR", "n") == 2
    conn.call("SET", "n", "1")
    # What is within the budget is answered whole.
    r = transaction(conn, [("INCR", "n")] + [("GET", "big")] * 50)
    assert r[0] == 2 and all(x == value for x in r[1:])
    conn.call("SET", "n", "1")


def intact(conn):
    assert conn.call("GET", "n") == b"1"
    assert conn.call("DBSIZE") == 3
    assert conn.call("STRLEN", "big") == MB


@limited(300)
def test_no_item_ends_a_node_alone_with_little_address_space():
    for durability in ("always", "everysec"):
        node = limit_space(processes.single(durability, start=False)).start()
        with node.connect(timeout=60) as conn:
            poison(conn)
        for _ in range(2):
            node.kill()
            node.start(timeout=60)
            with node.connect(timeout=60) as conn:
                intact(conn)
        node.kill()


@limited(300)
def test_no_item_ends_the_nodes_of_a_cluster_with_little_address_space():
    c = cluster.Cluster(3)
    for node in c.nodes:
        limit_space(node)
    c.start()
    with c.followers()[0].connect(timeout=90) as conn:
        poison(conn)
    assert len(c.running()) == 3, c.logs()
    c.wait_converged(60)
    c.kill()
    c.start(timeout=60)
    c.wait_converged(60)
    for node in c.nodes:
        with node.connect(timeout=60) as conn:
            intact(conn)


@limited(120)
def test_an_output_limit_ends_the_connection_not_the_effect():
    node = processes.single("everysec")
    with node.connect(timeout=30) as other:
        other.call("SET", "big", b"v" * MB)
        other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 5mb 0 0")
        with node.connect(timeout=30) as conn:
            conn.send_raw(b"".join(resp.encode(c) for c in [("MULTI",), ("INCR", "n"), *[("GET", "big")] * 20, ("INCR", "n"), ("EXEC",)]))
            try:
                while True:
                    conn.read()
            except (resp.Closed, ConnectionError):
                pass
        assert other.call("GET", "n") == b"2"
        with node.connect(timeout=30) as conn:
            try:
                conn.call("MGET", *["big"] * 20)
                raise AssertionError("an answer over the limit")
            except (resp.Closed, ConnectionError):
                pass
        other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
        assert len(other.call("MGET", *["big"] * 20)) == 20


@limited(180)
def test_what_clients_do_not_read_is_bounded_by_maxmemory_clients():
    node = processes.single("everysec", options=["--maxmemory-clients", "50mb"])
    with node.connect(timeout=30) as watcher:
        watcher.call("CLIENT", "NO-EVICT", "ON")
        watcher.call("SET", "big", b"v" * MB)
        base = int(resp.info(watcher, "memory")["used_memory_rss"])
        greedy = [node.connect(timeout=30) for _ in range(10)]
        for c in greedy:
            c.send("MGET", *["big"] * 500)

        def evicted():
            return int(resp.info(watcher, "stats")["evicted_clients"]) >= 9

        until(evicted, "those who take too much are closed", 60)
        rss = int(resp.info(watcher, "memory")["used_memory_rss"])
        assert rss - base < 250 * MB, "%d MB" % ((rss - base) // MB)
        assert int(resp.info(watcher, "memory")["mem_clients_normal"]) < 60 * MB
        for c in greedy:
            c.close()
        # Small ones are left alone.
        with node.connect(timeout=30) as small:
            assert small.call("GET", "big") == b"v" * MB

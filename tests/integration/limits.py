"""Many connections and big values."""
import os
import resource
import time

import cluster
import processes
import resp
from testing import Skip, limited, until


def raise_file_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):
        raise Skip("the limit of open files is %d and cannot be raised" % hard) from None


@limited(90)
def test_10000_connections():
    raise_file_limit(12000)
    node = processes.single("memory", options=["--maxclients", "10010"])
    conns = []
    try:
        for i in range(10000):
            conns.append(node.connect(timeout=20))
        for round_ in range(2):
            for i, c in enumerate(conns):
                c.send("SET", "c%d" % i, round_)
            for c in conns:
                assert c.result() == b"OK"
        assert int(resp.info(conns[0], "clients")["connected_clients"]) >= 10000
        # One too many is told so.
        extra = []
        refused = None
        for _ in range(20):
            c = node.connect()
            extra.append(c)
            c.send("PING")
            try:
                r = c.read()
            except (resp.Closed, ConnectionError):
                refused = "closed"
                break
            if isinstance(r, resp.Error):
                refused = r.text
                break
        assert refused == b"ERR max number of clients reached", refused
        for c in extra:
            c.close()
    finally:
        for c in conns:
            c.close()

    def few():
        with node.connect() as c:
            return int(resp.info(c, "clients")["connected_clients"]) < 10

    until(few, "all connections are gone")


@limited(120)
def test_100_megabyte_values_do_not_cost_the_leader_its_place():
    c = cluster.Cluster(3).start()
    leader = c.leader()
    value = os.urandom(1_000_000) * 100
    with leader.connect(timeout=60) as conn:
        conn.call("SET", "large", value)
        assert conn.call("STRLEN", "large") == len(value)
    with c.followers()[0].connect(timeout=60) as conn:
        assert conn.call("GET", "large") == value
        conn.call("SET", "large2", value)
        assert conn.call("APPEND", "large2", "x") == len(value) + 1
    c.wait_converged(60)
    assert c.leader() is leader, "the leader changed: a heartbeat was missed\n" + c.logs()
    leader.kill()
    c.wait_leader()
    leader.start(timeout=60)
    c.wait_converged(60)
    with leader.connect(timeout=60) as conn:
        assert conn.call("GETRANGE", "large", 99_000_000, 99_000_009) == value[99_000_000:99_000_010]


@limited(60)
def test_a_value_over_the_limit_is_refused():
    node = processes.single("memory", options=["--proto-max-bulk-len", "1mb"])
    with node.connect() as c:
        c.call("SET", "k", b"x" * 1_000_000)
        try:
            c.call("SETRANGE", "k", 536_870_911, "xx")
            raise AssertionError("a string over proto-max-bulk-len was made")
        except resp.Error as e:
            assert "exceeds maximum allowed size" in str(e), e
    with node.connect() as c:
        try:
            c.call("SET", "k", b"x" * 1_100_000)
            raise AssertionError("taken")
        except resp.Error as e:
            assert "invalid bulk length" in str(e), e
        except ConnectionError:
            pass


@limited(60)
def test_idle_connections_are_closed_when_asked():
    node = processes.single("memory", options=["--timeout", "1"])
    with node.connect() as c:
        assert c.call("PING") == b"PONG"
        began = time.monotonic()
        try:
            c.read()
            raise AssertionError("something came")
        except (resp.Closed, ConnectionError):
            pass
        assert 0.8 < time.monotonic() - began < 5


@limited(60)
def test_unix_socket_and_protected_mode():
    directory = processes.temp_dir()
    path = os.path.join(directory, "server.sock")
    node = processes.single("memory", directory=directory, options=["--unixsocket", path, "--unixsocketperm", "700"])
    until(lambda: os.path.exists(path), "the socket")
    with resp.Conn(0, unix=path) as c:
        assert c.call("SET", "k", "v") == b"OK"
    assert os.stat(path).st_mode & 0o777 == 0o700
    node.stop()
    assert not os.path.exists(path), "the socket is left behind"


@limited(60)
def test_the_memory_of_a_big_value_comes_back():
    size = 80_000_000
    value = b"v" * size

    def used(node):
        with node.connect() as c:
            return int(resp.info(c, "memory")["used_memory"])

    def once(nodes):
        with nodes[0].connect(timeout=60) as conn:
            conn.call("SET", "large", value)
            conn.call("DEL", "large")
            for i in range(10):
                conn.call("SET", "small", "x" * 1000)
            # What is left is less than the smallest copy of it, also while the client stays.
            for node in nodes:
                until(lambda n=node: used(n) < size // 2, "%s gives it back" % node.name)
                assert int(resp.info(conn, "clients")["client_recent_max_input_buffer"]) < size

    for durability in ("memory", "everysec", "always"):
        node = processes.single(durability, name=durability)
        once([node])
        node.kill()
    c = cluster.Cluster(3).start()
    leader = c.leader()
    once([leader, *[n for n in c.nodes if n is not leader]])

"""What clients that asked for it are told of planned maintenance (CLIENT MAINT_NOTIFICATIONS), over raw RESP3 connections."""
import socket
import time

import cluster
import processes
import resp
from testing import limited, until

SHARDS = b'["1"]'


def asking(node, *words, hello=3):
    conn = node.connect()
    if hello == 3:
        conn.call("HELLO", "3")
    assert conn.call("CLIENT", "MAINT_NOTIFICATIONS", "ON", *words) == b"OK"
    return conn


def silent(conn, seconds=0.3):
    """Whether nothing more comes."""
    conn.settimeout(seconds)
    try:
        assert conn.pushes == [] and conn.read() is None, "something came"
    except socket.timeout:
        return True
    finally:
        conn.settimeout(10)
    return False


def told(conn):
    """The next push."""
    return conn.pushes.pop(0) if conn.pushes else resp.plain(conn.read())


def gone(conn):
    """Whether the server has closed it."""
    try:
        while True:
            conn.read()
    except (resp.Closed, ConnectionError):
        return True


def started_again(c, node):
    node.start()
    c.wait_converged()
    time.sleep(0.5)  # it has heard that the others live


def stop_by_command(node):
    with node.connect() as admin:
        admin.send("SHUTDOWN", "NOSAVE")
        until(lambda: shutting_down(node), "the stop has begun")


def shutting_down(node):
    """What a new client hears tells whether the stop is on."""
    with asking(node) as probe:
        try:
            probe.settimeout(0.3)
            return told(probe)[0] == b"MOVING"
        except socket.timeout:
            return False


@limited(60)
def test_clients_of_a_node_that_stops_are_sent_to_a_living_member_and_served_until_they_go():
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    others = {b"127.0.0.1:%d" % n.port for n in c.nodes if n is not node}
    asked = [asking(node, "moving-endpoint-type", "external-ip"), asking(node)]
    none = asking(node, "moving-endpoint-type", "none")
    changed = asking(node)
    assert changed.call("CLIENT", "MAINT_NOTIFICATIONS", "OFF") == b"OK"
    reset = asking(node)
    assert reset.call("RESET") == b"RESET" and reset.call("HELLO", "3")
    old = asking(node, hello=2)  # RESP2 has no pushes
    began = time.monotonic()
    stop_by_command(node)
    moves = [told(conn) for conn in asked]
    for move in moves:
        assert move[0] == b"MOVING" and 5 <= move[2] <= 10 and move[3] in others, move
    assert moves[0] == moves[1], "one address, one target, one number"
    assert told(none) == [b"MOVING", moves[0][1], moves[0][2], None]
    # All are still served, and the push stands between whole replies.
    for conn in (*asked, none, changed, reset, old):
        assert conn.call("SET", "k", "v") == b"OK" and conn.call("GET", "k") == b"v" and conn.pushes == []
    # The wish outlives a change of the protocol.
    assert old.call("HELLO", "3") and told(old)[:2] == moves[0][:2] and old.call("HELLO", "2")
    host, port = moves[0][3].decode().split(":")
    with resp.Conn(int(port), host) as there:
        assert there.call("GET", "k") == b"v"
    # The node leaves when all whom it told have gone; those whom it did not tell do not keep it.
    for conn in (*asked, none):
        assert node.running()
        conn.close()
    assert node.wait_exit(5) == 0, node.tail()
    assert time.monotonic() - began < 8
    assert gone(changed) and gone(reset) and gone(old)


@limited(60)
def test_who_does_not_move_keeps_a_node_no_longer_than_shutdown_timeout():
    c = cluster.Cluster(3, options=("--shutdown-timeout", "2")).start()
    for how in ("leader", "follower"):
        node = c.wait_leader() if how == "leader" else c.followers()[0]
        conn = asking(node)
        began = time.monotonic()
        node.proc.terminate()
        assert told(conn)[:1] == [b"MOVING"]
        assert conn.call("PING") == b"PONG"
        assert node.wait_exit(6) == 0, node.tail()
        assert 1.5 < time.monotonic() - began < 5
        assert gone(conn)
        started_again(c, node)


@limited(60)
def test_stops_that_nobody_has_to_hear_of():
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    # NOW: no time to move.
    conn = asking(node)
    with node.connect() as admin:
        admin.send("SHUTDOWN", "NOW")
        assert node.wait_exit(5) == 0, node.tail()
    assert gone(conn) and conn.pushes == []
    started_again(c, node)
    # ABORT: told, served on, and told again the next time.
    conn = asking(node)
    stop_by_command(node)
    first = told(conn)
    with node.connect() as admin:
        assert admin.call("SHUTDOWN", "ABORT") == b"OK"
    time.sleep(0.3)
    assert conn.call("PING") == b"PONG" and node.running()
    stop_by_command(node)
    second = told(conn)
    assert second[0] == b"MOVING" and second[1] > first[1]
    conn.close()
    assert node.wait_exit(5) == 0, node.tail()


def writing_to_masters_only(node):
    """The two connections of a StackExchange.Redis: one that looks at roles, one that is told to look."""
    look, hear = node.connect(), node.connect()
    for conn in (look, hear):
        assert conn.call("CLIENT", "SETINFO", "LIB-NAME", "SE.Redis") == b"OK"
    assert hear.call("SUBSCRIBE", "__Booksleeve_MasterChanged")[0] == b"subscribe"
    return look, hear


@limited(60)
def test_a_client_that_writes_to_masters_only_is_made_to_look_elsewhere_before_its_node_stops():
    c = cluster.Cluster(3).start()
    time.sleep(0.5)
    for node in (c.wait_leader(), c.followers()[0]):
        look, hear = writing_to_masters_only(node)
        elsewhere = [writing_to_masters_only(n)[0] for n in c.nodes if n is not node]
        alone = node.connect()  # another client, which knows this node only
        assert alone.call("CLIENT", "SETINFO", "LIB-NAME", "SE.Redis") == b"OK"
        assert alone.call("CLIENT", "SETNAME", "alone") == b"OK"
        assert resp.info(look, "replication")["role"] == "master"
        began = time.monotonic()
        node.proc.terminate()
        # Told to look, it finds no master here; what is under way is served meanwhile.
        until(lambda look=look: resp.info(look, "replication")["role"] == "slave", "a stopping node is no master")
        at = time.monotonic()
        hear.settimeout(5)
        while hear.read()[0] == b"message" and time.monotonic() - at < 0.1:
            pass
        assert look.call("SET", "k", "v") == b"OK"
        assert resp.info(alone, "replication")["role"] == "master", "it would write to nobody from here on"
        assert all(resp.info(conn, "replication")["role"] == "master" for conn in elsewhere)
        assert node.wait_exit(5) == 0, node.tail()
        assert time.monotonic() - began < 3
        started_again(c, node)
    # Called off: a master again. MAINT_NOTIFICATIONS' clients keep the stop from ending.
    node = c.followers()[0]
    stays = asking(node)
    look, _ = writing_to_masters_only(node)
    stop_by_command(node)
    assert resp.info(look, "replication")["role"] == "master", "only the last moment counts"
    with node.connect() as admin:
        assert admin.call("SHUTDOWN", "ABORT") == b"OK"
    assert resp.info(look, "replication")["role"] == "master"
    assert told(stays)[0] == b"MOVING"
    # Nobody else in sight, or NOW: it stops at once.
    began = time.monotonic()
    look.send("SHUTDOWN", "NOW")
    assert node.wait_exit(5) == 0 and time.monotonic() - began < 0.5 + 1, node.tail()


@limited(60)
def test_a_hand_over_of_leadership_is_told_to_the_clients_of_all_nodes():
    c = cluster.Cluster(3).start()
    before = 0
    for _ in range(3):
        leader = c.wait_leader()
        conns = [asking(n) for n in c.nodes]
        other = leader.connect()
        other.call("HELLO", "3")
        with leader.connect() as admin:
            assert admin.call("FAILOVER") == b"OK"
        for conn in conns:
            begin, end = told(conn), told(conn)
            assert begin[0] == b"FAILING_OVER" and begin[1] > before and begin[2:] == [5, SHARDS], begin
            assert end == [b"FAILED_OVER", begin[1] + 1, SHARDS], end
            # It comes when there is somebody who takes writes.
            began = time.monotonic()
            assert conn.call("SET", "k", "v") == b"OK"
            assert time.monotonic() - began < 0.5
        before = begin[1] + 1
        assert silent(other)
        for conn in (*conns, other):
            conn.close()


@limited(60)
def test_a_leader_that_stops_tells_its_clients_to_move_and_the_others_of_the_hand_over():
    c = cluster.Cluster(3).start()
    leader = c.wait_leader()
    rest = [n for n in c.nodes if n is not leader]
    here, there = asking(leader), asking(rest[0])
    leader.proc.terminate()
    assert told(here)[0] == b"MOVING"
    assert [told(there)[0], told(there)[0]] == [b"FAILING_OVER", b"FAILED_OVER"]
    assert silent(here), "who moves need not hear of the hand-over"
    assert here.call("SET", "k", "v") == b"OK"
    here.close()
    assert leader.wait_exit(5) == 0, leader.tail()


@limited(60)
def test_a_single_node_stops_at_once():
    """There is nowhere to go."""
    node = processes.single()
    conn = asking(node)
    began = time.monotonic()
    node.proc.terminate()
    assert node.wait_exit(5) == 0
    assert time.monotonic() - began < 2
    assert gone(conn) and conn.pushes == []

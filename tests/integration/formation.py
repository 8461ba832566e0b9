"""Clusters that are put together wrongly: each ends in a clear message, never in two histories."""
import os
import shutil
import socket
import time

import cluster
import peer_wire
import processes
import resp
from peer_wire import Impostor, frame
from testing import limited, until


def no_service(node):
    """The node runs, and gives no answer about data."""
    try:
        with node.connect(timeout=8) as c:
            c.call("SET", "x", "1")
        return False
    except (resp.Error, OSError):
        return True


@limited(60)
def test_a_cluster_forms_only_when_all_its_nodes_are_there():
    c = cluster.Cluster(3)
    for n in c.nodes[:2]:
        n.start(wait=False)
    time.sleep(2)
    for n in c.nodes[:2]:
        assert n.running(), n.tail()
        assert no_service(n), "two of three nodes formed a cluster"
    c.nodes[2].start(wait=False)
    c.wait_leader()
    with c.nodes[2].connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"


def answers_ping(node):
    with socket.create_connection((node.host, node.port), timeout=5) as s:
        s.sendall(b"PING\r\n")
        return s.recv(100) == b"+PONG\r\n"


@limited(90)
def test_idle_clients_and_silent_callers_keep_no_cluster_from_forming():
    c = cluster.Cluster(3, options=["--maxclients", "20"])
    for n in c.nodes:
        n.prefix = ["/bin/sh", "-c", 'ulimit -n 96 && exec "$@"', "sh"]
    for n in c.nodes[:2]:
        n.start(wait=False)
    until(lambda: all(listens(n) for n in c.nodes[:2]), "two nodes listen", 15)
    idle = []
    for n in c.nodes[:2]:
        first = socket.create_connection((n.host, n.port), timeout=5)
        for port in (n.port, n.port + 10000):
            for _ in range(150):
                idle.append(socket.create_connection((n.host, port), timeout=5))
            assert answers_ping(n), n.tail()
        assert n.running(), n.tail()
        # Who was there first has made room, and no more are held than are allowed.
        first.settimeout(5)
        assert first.recv(1) == b""
        first.close()
    c.nodes[2].start(wait=False)
    until(lambda: all("is formed" in n.tail() for n in c.nodes), "it forms", 20)
    for s in idle:
        s.close()
    c.wait_leader(20)
    for n in c.nodes:
        with n.connect() as conn:
            assert conn.call("SET", "k", "v") == b"OK"


def listens(node):
    try:
        return answers_ping(node)
    except OSError:
        return False


@limited(60)
def test_an_empty_node_does_not_form_with_members_of_a_cluster():
    old = cluster.Cluster(3).start()
    with old.nodes[0].connect() as c:
        c.call("SET", "k", "old")
    new = cluster.Cluster(1)
    stranger = new.nodes[0]
    stranger.argv = new.argv(0, stranger.dir, initial="%s,127.0.0.1:%d" % (new.initial, old.ports[0]), secret_file=old.secret_file)
    stranger.start(wait=False)
    status = stranger.wait_exit(15)
    assert status not in (None, 0), "still runs, or ended well: %s\n%s" % (status, stranger.tail())
    assert "cluster-take-place" in stranger.tail() and "cluster-join" not in stranger.tail(), stranger.tail()
    with old.nodes[1].connect() as c:
        assert c.call("GET", "k") == b"old"


@limited(60)
def test_a_wrong_secret_keeps_a_node_out_and_is_said():
    c = cluster.Cluster(3)
    wrong = os.path.join(c.dir, "wrong")
    with open(wrong, "w") as f:
        f.write("another secret of more than 32 bytes\n")
    os.chmod(wrong, 0o600)
    c.nodes[2].argv = c.argv(2, c.nodes[2].dir, secret_file=wrong)
    for n in c.nodes:
        n.start(wait=False)
    time.sleep(3)
    for n in c.nodes:
        assert not n.running() or no_service(n)
    # Both sides say so, and whom they mean.
    assert "waiting for 127.0.0.1:%d: it says: the cluster secrets differ" % c.nodes[2].port in c.nodes[0].tail(100), c.logs(20)
    assert "127.0.0.1:%d was refused: it has another cluster secret" % c.nodes[0].port in c.nodes[2].tail(100), c.logs(20)
    if c.nodes[2].running():
        c.nodes[2].kill()
    c.nodes[2].argv = c.argv(2, c.nodes[2].dir)
    c.nodes[2].start(wait=False)
    c.wait_leader()


def hello(node, **fields):
    return frame(peer_wire.hello(node, **fields))


def saying(answers):
    """A conversation: the first and the second message of a caller are answered so; None: hangs up."""

    def converse(_, conn):
        for answer in answers:
            conn.recv(65536)
            if answer is None:
                return
            conn.sendall(answer)
        conn.recv(65536)

    return converse


@limited(90)
def test_what_keeps_a_cluster_from_forming_is_called_what_it_is():
    c = cluster.Cluster(2)
    first, other = c.nodes[0], "127.0.0.1:%d" % c.ports[1]
    first.start(wait=False)
    until(lambda: "waiting for %s: not reachable: Connection refused" % other in first.tail(), "nobody listens there")
    for answers, said in (
        ((None,), "it closed the connection"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "what answers there is no cluster node"),
        ((hello(2)[:-1] + b"x",), "frame with a wrong checksum"),
        ((frame(b"Welcome to the telnet server of another program"),), "the other end is no cluster node"),
        ((frame(b"!this node is having its tea"),), "it says: this node is having its tea"),
        ((hello(2, version=9),), "the other node speaks version 9 of the peer protocol, this one version 2"),
        ((hello(1),), "this node itself"),
        ((hello(3),), "it takes itself for number 3 of cluster-initial, here it is number 2"),
        ((hello(2), None), "it closed the connection"),
        ((hello(2), frame(b"short")), "too short to be one"),
        ((hello(2), frame(b"!no")), "it says: no"),
        ((hello(2), frame(b"\x01\x00\x00" + b"m" * 32)), "it has another cluster secret, or none"),
    ):
        before = len(first.tail(1000))
        impostor = Impostor(c.ports[1] + processes.PEER_OFFSET, saying(answers))
        try:
            text = "waiting for %s: " % other
            until(lambda: said in first.tail(1000)[before:] and text in first.tail(1000)[before:], said + "\n" + first.tail(5))
            lines = first.tail(1000)[before:]
            assert ("secret" in lines) == ("secret" in said), lines
        finally:
            impostor.close()
        # Told apart from what comes next.
        until(lambda: first.tail(1).rstrip().endswith("Connection refused"), "the impostor is gone")
    # Nothing of it has done harm.
    c.nodes[1].start(wait=False)
    c.wait_leader()


@limited(60)
def test_a_node_without_a_secret_is_told_that_it_has_none():
    c = cluster.Cluster(2)
    argv = c.nodes[1].argv
    at = argv.index("--cluster-secret-file")
    c.nodes[1].argv = argv[:at] + argv[at + 2 :]
    for n in c.nodes:
        n.start(wait=False)
    until(lambda: "started without one" in c.nodes[0].tail() and "started without one" in c.nodes[1].tail(), c.logs())


@limited(60)
def test_lists_in_another_order_are_named():
    c = cluster.Cluster(3)
    words = c.initial.split(",")
    c.nodes[1].argv = c.argv(1, c.nodes[1].dir, initial=",".join([words[0], words[2], words[1]]))
    for n in c.nodes:
        n.start(wait=False)
    until(lambda: "it takes itself for number 3 of cluster-initial, here it is number 2" in c.nodes[0].tail(), c.logs())


@limited(60)
def test_lists_of_other_nodes_are_shown_both():
    c = cluster.Cluster(3)
    words = c.initial.split(",")
    other = ",".join([words[0], words[1], "127.0.0.1:%d" % processes.free_ports(1)[0]])
    c.nodes[1].argv = c.argv(1, c.nodes[1].dir, initial=other)
    for n in c.nodes:
        n.start(wait=False)
    for n in c.nodes[:2]:
        until(lambda: other in n.tail(100) and c.initial in n.tail(100), n.tail(20))
        assert no_service(n)


@limited(90)
def test_the_beginning_of_a_cluster_is_called_that():
    c = cluster.Cluster(3)
    words = c.initial.split(",")
    other = ",".join([words[0], "127.0.0.1:%d" % processes.free_ports(1)[0], words[2]])
    right = c.nodes[2].argv
    c.nodes[2].argv = c.argv(2, c.nodes[2].dir, initial=other)
    for n in c.nodes:
        n.start(wait=False)
    # The second node has been told of the cluster, the third has refused.
    until(lambda: "cluster-initial differs" in c.nodes[0].tail(100), c.logs())
    c.kill()
    c.nodes[2].argv = right

    def emptied(n):
        shutil.rmtree(n.dir)
        n.start(wait=False)

    emptied(c.nodes[0])
    for n in c.nodes[1:]:
        n.start(wait=False)
    assert c.nodes[0].wait_exit(20) not in (None, 0), c.logs()
    said = c.nodes[0].tail()
    assert "127.0.0.1:%d holds the beginning of a cluster" % c.nodes[1].port in said and "empty its data directory" in said, said
    c.nodes[1].kill()
    emptied(c.nodes[1])
    c.nodes[0].start(wait=False)
    for n in c.nodes:
        n.wait_ready()
    c.wait_leader()


@limited(90)
def test_a_list_may_be_corrected_until_the_cluster_is_formed():
    for wrong in ((0,), (0, 1)):
        c = cluster.Cluster(3)
        words = c.initial.split(",")
        other = ",".join([words[0], words[1], words[2].replace("127.0.0.1", "localhost")])  # reached all the same
        right = [n.argv for n in c.nodes]
        for i in wrong:
            c.nodes[i].argv = c.argv(i, c.nodes[i].dir, initial=other)
        for n in c.nodes:
            n.start(wait=False)
        # The first node has made a cluster of its list, and the last one refuses it.
        until(lambda: "cluster-initial differs" in c.nodes[0].tail(100), c.logs)
        c.kill()
        for n, argv in zip(c.nodes, right):
            n.argv = argv
            n.start(wait=False)
        for n in c.nodes:
            n.wait_ready()
        c.wait_leader()
        c.kill()


@limited(60)
def test_the_beginning_of_a_cluster_is_no_server_alone():
    c = cluster.Cluster(3)
    words = c.initial.split(",")
    other = ",".join([words[0], words[1], "127.0.0.1:%d" % processes.free_ports(1)[0]])
    c.nodes[1].argv = c.argv(1, c.nodes[1].dir, initial=other)
    for n in c.nodes:
        n.start(wait=False)
    until(lambda: "cluster-initial differs" in c.nodes[0].tail(100), c.logs())
    c.kill()
    alone = c.nodes[0]
    at = alone.argv.index("--cluster-initial")
    alone.argv = alone.argv[:at] + alone.argv[at + 2 :]
    alone.start(wait=False)
    assert alone.wait_exit(20) not in (None, 0)
    said = alone.tail()
    assert "was never formed" in said and "Start this node with cluster-initial" in said, said


@limited(90)
def test_servers_that_were_alone_are_no_cluster():
    c = cluster.Cluster(3)
    for i, n in enumerate(c.nodes):
        argv = c.argv(i, n.dir)
        at = argv.index("--cluster-initial")
        alone = argv[:at] + argv[at + 2 :]
        n.argv = alone
        n.start()
        with n.connect() as conn:
            conn.call("SET", "who", str(i))
        n.stop()
    # Their data are three truths: none of them takes the list.
    for i, n in enumerate(c.nodes):
        n.argv = c.argv(i, n.dir)
        n.start(wait=False)
    for n in c.nodes:
        assert n.wait_exit(15) not in (None, 0), "%s\n%s" % ("still runs", n.tail())
        said = n.tail()
        assert "formed alone" in said and c.initial in said and "cluster-initial" in said, said
    # Without it they are what they were.
    for i, n in enumerate(c.nodes):
        at = n.argv.index("--cluster-initial")
        n.argv = n.argv[:at] + n.argv[at + 2 :]
        n.start()
        with n.connect() as conn:
            assert conn.call("GET", "who") == b"%d" % i
        n.stop()


@limited(60)
def test_the_data_of_a_redis_server_are_not_taken_for_an_empty_directory():
    named = ["--dbfilename", "prod.rdb", "--appenddirname", "my-aof-dir", "--appendfilename", "my.aof"]
    for name in ("dump.rdb", "appendonlydir", "prod.rdb", "my-aof-dir", "my.aof"):
        node = processes.single("everysec", start=False, options=named)
        os.makedirs(node.dir, exist_ok=True)
        path = os.path.join(node.dir, name)
        if name.endswith("dir"):
            os.mkdir(path)
        else:
            with open(path, "w") as f:
                f.write("REDIS0011")
        node.start(wait=False)
        assert node.wait_exit(10) not in (None, 0), node.tail()
        assert path in node.tail() and "redis-server" in node.tail() and "dir" in node.tail(), node.tail()
        # With data of its own beside it, it starts.
        os.rename(path, path + ".away")
        node.start()
        node.stop()
        os.rename(path + ".away", path)
        node.start()
        node.stop()


@limited(60)
def test_nodes_of_two_clusters_mixed_up_stay_apart():
    a, b = cluster.Cluster(3).start(), cluster.Cluster(3).start()
    for c, value in ((a, "a"), (b, "b")):
        with c.nodes[0].connect() as conn:
            conn.call("SET", "who", value)
        c.wait_converged()
    lost, foreign = a.nodes[2], b.nodes[2]
    lost.stop()
    foreign.stop()
    # The data of a node of B, started as the third node of A.
    lost.argv = a.argv(2, foreign.dir)
    lost.start(wait=False)
    time.sleep(3)
    # It says whose the data are, and ends.
    lost.wait_exit(5)
    assert "holds the data of node 3 of cluster" in lost.tail(100), lost.tail(100)
    # Under its own address, but told of A's nodes: it stays a member of B.
    lost.argv = b.argv(2, foreign.dir)
    lost.port = foreign.port
    lost.start()
    with lost.connect(timeout=8) as conn:
        assert conn.call("GET", "who") == b"b"
    lost.kill()
    with a.wait_leader(nodes=a.nodes[:2]).connect() as conn:
        assert conn.call("GET", "who") == b"a"
    with b.wait_leader(nodes=b.nodes[:2]).connect() as conn:
        assert conn.call("GET", "who") == b"b"


@limited(30)
def test_a_value_that_makes_no_sense_stops_the_start():
    for options in (["--durability", "sometimes"], ["--port", "notaport"], ["--maxclients", "-5"]):
        node = processes.single("memory", options=options, start=False)
        node.start(wait=False)
        status = node.wait_exit(10)
        assert status not in (None, 0), "%s: %s\n%s" % (options, status, node.tail())
        assert options[0].lstrip("-") in node.tail() or options[1] in node.tail(), node.tail()


@limited(30)
def test_weak_durability_is_refused_with_peers():
    c = cluster.Cluster(3)
    node = c.nodes[0]
    argv = list(node.argv)
    argv[argv.index("--durability") + 1] = "everysec"
    node.argv = argv
    node.start(wait=False)
    assert node.wait_exit(10) not in (None, 0), node.tail()
    assert "durability" in node.tail().lower(), node.tail()


@limited(60)
def test_a_configuration_file_and_config_rewrite():
    directory = processes.temp_dir()
    path = os.path.join(directory, "server.conf")
    with open(path, "w") as f:
        f.write("# a comment\nmaxclients 123\nset-proc-title no\nhash-max-listpack-entries 7\nrequirepass \"a b\"\n")
    port = processes.free_ports(1)[0]
    argv = [processes.SERVER, path, "--port", str(port), "--dir", directory, "--durability", "memory"]
    node = processes.Process(argv, port, directory)
    node.start(wait=False)

    def answers():
        try:
            with node.connect() as c:
                c.call("AUTH", "a b")
                assert c.call("CONFIG", "GET", "hash-max-listpack-entries") == [b"hash-max-listpack-entries", b"7"]
                return True
        except OSError:
            return False

    until(answers, "the node answers")
    assert "set-proc-title" in node.tail(100), node.tail()
    with node.connect() as c:
        try:
            c.call("GET", "k")
            raise AssertionError("served without a password")
        except resp.Error as e:
            assert e.code == "NOAUTH", e
        c.call("AUTH", "a b")
        assert c.call("CONFIG", "GET", "maxclients") == [b"maxclients", b"123"]
        c.call("CONFIG", "SET", "maxclients", "124")
        assert c.call("CONFIG", "REWRITE") == b"OK"
    with open(path) as f:
        text = f.read()
    assert "maxclients 124" in text and "# a comment" in text, text
    assert "hash-max-listpack-entries 7" in text, text
    # In memory the state begins anew with each start, and so does what the file says of it: nobody is answered before.
    for _ in range(10):
        node.restart()
        until(answers, "the node answers again")
        with node.connect() as c:
            c.call("AUTH", "a b")
            assert c.call("CONFIG", "GET", "hash-max-listpack-entries") == [b"hash-max-listpack-entries", b"7"]
    assert "it is a cluster-wide setting" not in node.tail(1000), node.tail()
    node.stop()

"""The peer port: what does not know the cluster's secret gets nothing in, while a cluster is formed and when it runs."""
import os
import socket
import struct
import time

import cluster
import peer_wire
import processes
from peer_wire import FORMATION, LINK, Impostor, Talk, hello, proof, sealed
from testing import limited, until

ASK_STATE, ASK_GENESIS, ASK_GO = b"\1", b"\2", b"\3"
EMPTY, FORMED = b"\1", b"\3"


def has_identity(node):
    return any(f.startswith("identity") for f in os.listdir(node.dir))


def secret_of(c):
    with open(c.secret_file, "rb") as f:
        return f.read().rstrip()


def genesis(c, cluster_id=b"forged"):
    """What the first of the list sends to the others: the cluster's id, and the members."""
    body = b"\1\0" + struct.pack("<Q", 7) + bytes([len(c.ports)])
    for i, port in enumerate(c.ports):
        body += struct.pack("<I", i + 1) + peer_wire.sized(b"127.0.0.1") + struct.pack("<HH", port, port + processes.PEER_OFFSET)
    return peer_wire.sized(cluster_id) + peer_wire.sized(body)


def wrong_seals(secret, role, dialer, acceptor, text, recorded):
    """Everything that must not pass for `text` sealed by the secret."""
    other = b"A" if role == b"D" else b"D"
    yield "another secret", sealed(b"another secret of more than 32 bytes", role, dialer, acceptor, text)
    yield "no secret", sealed(b"", role, dialer, acceptor, text)
    yield "empty proof", text
    yield "nothing", b""
    yield "another label", text + proof(secret, LINK, role, dialer, acceptor, text)
    yield "the other role", sealed(secret, other, dialer, acceptor, text)
    yield "another text", text + proof(secret, FORMATION, role, dialer, acceptor, b"\1")
    yield "another Hello", sealed(secret, role, hello(1, nonce=b"m" * 32), acceptor, text)
    if recorded:
        yield "replayed", recorded


@limited(90)
def test_a_node_that_waits_to_be_formed_believes_no_one_without_the_secret():
    c = cluster.Cluster(2)
    node, secret = c.nodes[1], secret_of(c)
    node.start(wait=False)
    port = c.ports[1] + processes.PEER_OFFSET

    def greet():
        talk = Talk(port)
        mine = hello(1)
        talk.send(mine)
        return talk, mine, talk.receive()

    until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), "it listens")
    # What a right conversation looks like: recorded, for later.
    talk, mine, theirs = greet()
    recorded = sealed(secret, b"D", mine, theirs, ASK_STATE)
    talk.send(recorded)
    answer = talk.receive()
    assert answer == sealed(secret, b"A", mine, theirs, EMPTY + b"\0\0"), answer
    # Reflected: its own answer as a request.
    reflected = answer
    asked = ASK_GENESIS + genesis(c)
    names = [name for name, _ in wrong_seals(secret, b"D", b"", b"", asked, recorded)] + ["reflected"]
    for name in names:
        talk, mine, theirs = greet()
        forged = dict(wrong_seals(secret, b"D", mine, theirs, asked, recorded)).get(name, reflected)
        talk.send(forged)
        refusal = talk.receive()
        assert refusal is None or refusal.startswith(b"!"), (name, refusal)
        assert talk.receive() is None, name
    # A request before any Hello, and one for a link.
    for first in (asked, hello(1, purpose=LINK)):
        talk = Talk(port)
        talk.send(first)
        assert talk.receive().startswith(b"!")
        assert talk.receive() is None
    # Somebody who says nothing, or too much, keeps nobody waiting.
    idle = [Talk(port) for _ in range(80)]
    flood = Talk(port)
    flood.send(hello(1) + b"x" * 2000)
    assert flood.receive() is None
    assert node.running() and not has_identity(node), node.tail()
    # And one who knows the secret is heard.
    talk, mine, theirs = greet()
    talk.send(sealed(secret, b"D", mine, theirs, asked))
    assert talk.receive()[:1] == b"\2", "prepared"
    assert has_identity(node)
    for t in idle:
        t.close()


class FalseMember(Impostor):
    """Answers Hellos as node `number`, and requests with what `seal` makes of (dialer, acceptor)."""

    def __init__(self, port, number, seal, boot=0, cluster_id=b""):
        self.requests = []

        def converse(talk, _):
            dialer = talk.receive()
            mine = hello(number, boot=boot, cluster_id=cluster_id, nonce=os.urandom(32))
            talk.send(mine)
            self.requests.append(talk.receive())
            talk.send(seal(dialer, mine))
            talk.receive()

        super().__init__(port, converse)


@limited(120)
def test_the_first_node_forms_no_cluster_with_one_that_does_not_know_the_secret():
    c = cluster.Cluster(2)
    node, secret = c.nodes[0], secret_of(c)
    node.start(wait=False)
    port = c.ports[1] + processes.PEER_OFFSET
    state = EMPTY + b"\0\0"
    recorded = []

    def right(dialer, acceptor):
        if recorded:
            raise OSError("hangs up on the genesis, so that the cluster is not formed yet")
        recorded.append(sealed(secret, b"A", dialer, acceptor, state))
        return recorded[-1]

    def asked_for(seal, **options):
        """What the node asks of such an impostor: the kinds of its requests."""
        impostor = FalseMember(port, 2, seal, **options)
        try:
            until(lambda: len(impostor.requests) >= 3, "it asks", 20)
            return {r[:1] for r in impostor.requests if r}
        finally:
            impostor.close()

    names = [name for name, _ in wrong_seals(secret, b"A", b"", b"", state, b"x")]
    for name in names:
        if name == "replayed":
            continue
        got = asked_for(lambda d, a, name=name: dict(wrong_seals(secret, b"A", d, a, state, None))[name])
        assert got == {ASK_STATE}, (name, got)
        assert not has_identity(node), name
    # That a cluster is formed already is believed as little.
    got = asked_for(lambda d, a: sealed(b"another secret of more than 32 bytes", b"A", d, a, FORMED + b"\6forged\0"), boot=9, cluster_id=b"forged")
    assert got == {ASK_STATE} and node.running() and not has_identity(node), node.tail()
    # One who knows the secret is believed; his words of then are worth nothing later.
    assert ASK_GENESIS in asked_for(right)
    until(lambda: has_identity(node), "it has made a genesis")
    old = recorded[0]
    assert asked_for(lambda d, a: old) == {ASK_STATE}
    assert node.running(), node.tail()


@limited(60)
def test_a_forged_peer_writes_nothing_and_ends_no_session():
    c = cluster.Cluster(3).start()
    secret = secret_of(c)
    with c.nodes[0].connect() as conn:
        conn.call("SET", "n", "1")
        cluster_id = [l.split("cluster ")[1].split(",")[0] for l in c.nodes[0].tail(100).splitlines() if " of cluster " in l][0].encode()
    # A SET of key "forged" in the name of node 2, whose boot number is the highest there is.
    item = b"\x02" + struct.pack("<QI", 1, 1) + b"\1\0\0\0forged"
    for i, node in enumerate(c.nodes):
        for other in (j + 1 for j in range(3) if j != i):
            mine = hello(other, purpose=LINK, cluster_id=cluster_id, boot=4_000_000_000)
            for by in (lambda t: b"", lambda t: proof(b"", LINK, b"D", mine, t), lambda t: item, None):
                talk = Talk(c.ports[i] + processes.PEER_OFFSET)
                talk.send(mine)
                theirs, its_proof = talk.receive(), talk.receive()
                assert its_proof == proof(secret, LINK, b"A", mine, theirs)
                talk.send(by(theirs) if by else its_proof)
                try:
                    for _ in range(3):
                        talk.send(item)
                except OSError:
                    pass
                assert talk.receive() is None
    for node in c.nodes:
        with node.connect() as conn:
            assert conn.call("INCR", "n") > 1
            assert conn.call("GET", "forged") is None
    c.wait_converged()


@limited(60)
def test_strangers_at_the_peer_port_keep_no_member_out():
    c = cluster.Cluster(3).start()
    idle = [Talk(p + processes.PEER_OFFSET) for p in c.ports for _ in range(200)]
    c.nodes[2].kill()
    c.nodes[2].start()
    c.wait_converged()
    with c.nodes[2].connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"
    time.sleep(4)
    # Who has proved nothing for so long is hung up on.
    for talk in idle:
        talk.sock.settimeout(5)
        assert talk.receive() is None
        talk.close()


def refused(argv, directory, port):
    node = processes.Process(argv, port, directory)
    node.start(wait=False)
    status = node.wait_exit(10)
    assert status not in (None, 0), "%s\n%s" % (argv, node.tail())
    return node.tail()


def without(argv, *names):
    argv = list(argv)
    for name in names:
        if name in argv:
            at = argv.index(name)
            del argv[at : at + 2]
    return argv


def few_descriptors(node, count):
    node.prefix = ["/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(count)]


@limited(90)
def test_strangers_at_the_peer_port_take_no_descriptor_of_the_log():
    c = cluster.Cluster(3, options=["--wal-segment-size", "64kb"])
    for node in c.nodes:
        few_descriptors(node, 80)
    c.start()
    leader = c.leader()
    with leader.connect() as conn:
        clients = [leader.connect() for _ in range(int(conn.call("CONFIG", "GET", "maxclients")[1]) - 1)]
        strangers = []
        for i in range(30):
            for _ in range(10):
                strangers.append(socket.create_connection((leader.host, leader.port + processes.PEER_OFFSET), timeout=5))
            while len(strangers) > 150:
                strangers.pop(0).close()
            # Each needs files of the log that are not there yet.
            assert conn.call("SET", "k%d" % i, "v" * 200000) == b"OK"
        assert conn.call("SAVE") == b"OK"
        assert all(other.call("PING") == b"PONG" for other in clients)
    assert all(node.running() for node in c.nodes), [node.tail() for node in c.nodes]
    for s in strangers:
        s.close()


@limited(60)
def test_a_member_without_cluster_initial_needs_what_a_member_needs():
    c = cluster.Cluster(3).start()
    node = c.nodes[2]
    node.stop()
    at = node.argv.index("--cluster-initial")
    node.argv[at : at + 2] = []
    few_descriptors(node, 50)
    node.start(wait=False)
    assert node.wait_exit(15) not in (None, 0), node.tail()
    assert "are needed by one of 3 members" in node.tail(), node.tail()
    few_descriptors(node, 64)
    node.start()
    with node.connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"


@limited(60)
def test_a_secret_that_others_can_read_or_guess_is_refused():
    c = cluster.Cluster(2)
    node = c.nodes[0]
    for mode in (0o644, 0o640, 0o604, 0o622):
        os.chmod(c.secret_file, mode)
        said = refused(node.argv, node.dir, node.port)
        assert "cluster-secret-file" in said and "chmod 600" in said, said
    os.chmod(c.secret_file, 0o600)
    with open(c.secret_file, "wb") as f:
        f.write(b"s" * 31 + b"\n")
    said = refused(node.argv, node.dir, node.port)
    assert "cluster-secret-file" in said and "31 bytes" in said, said
    os.unlink(c.secret_file)
    assert "No such file" in refused(node.argv, node.dir, node.port)
    # A node alone says so, too.
    with open(c.secret_file, "wb") as f:
        f.write(b"short")
    alone = without(node.argv, "--cluster-initial", "--cluster-announce")
    assert "cluster-secret-file" in refused(alone, os.path.join(c.dir, "alone"), node.port)


@limited(90)
def test_without_a_secret_peers_stay_on_this_machine():
    c = cluster.Cluster(2)
    bare = [without(n.argv, "--cluster-secret-file") for n in c.nodes]
    # Members elsewhere, or a port that is open to others.
    elsewhere = "10.0.0.1:%d" % c.ports[1]
    argv = without(bare[0], "--cluster-initial") + ["--cluster-initial", "127.0.0.1:%d,%s" % (c.ports[0], elsewhere)]
    said = refused(argv, c.nodes[0].dir, c.ports[0])
    assert elsewhere in said and "cluster-secret-file" in said and "cluster-insecure" in said, said
    said = refused(bare[0] + ["--bind", "0.0.0.0"], c.nodes[0].dir, c.ports[0])
    assert "bind" in said and "0.0.0.0 is open" in said and "cluster-secret-file" in said, said
    # On loopback addresses it works, and nobody else can reach the peer port.
    for node, argv in zip(c.nodes, bare):
        node.argv = argv
    c.start()
    with c.nodes[0].connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"
    listening = [l.split()[1] for l in open("/proc/net/tcp") if l.split()[3] == "0A"]
    for port in c.ports:
        at = [a for a in listening if a.endswith(":%04X" % (port + processes.PEER_OFFSET))]
        assert at == ["0100007F:%04X" % (port + processes.PEER_OFFSET)], at
    assert "cluster-insecure is on" not in c.nodes[0].tail(100)
    # Whoever insists is warned, at each start.
    for node in c.nodes:
        node.stop()
        node.argv = node.argv + ["--bind", "0.0.0.0", "--protected-mode", "no", "--cluster-insecure", "yes"]
    for times in (1, 2):
        for node in c.nodes:
            node.start(wait=False)
        c.wait_leader()
        assert c.nodes[0].tail(1000).count("cluster-insecure is on") == times
        for node in c.nodes:
            node.stop()

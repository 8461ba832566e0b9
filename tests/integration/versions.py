"""Clusters of two builds: the feature version in force, and what becomes of a program that is too old for it; entries that nobody can apply."""
import os
import re
import shutil
import subprocess

import cluster
import processes
import resp
from testing import alarms, limited, paxos, paxos_or_none, refuses_all_but_stale_reads, until


def build(version):
    """A server that says that it knows the log's rules up to this version: one file is compiled anew, then linked."""
    if "CLUSTRON_SERVER" in os.environ:
        variant = os.path.basename(os.path.dirname(os.environ["CLUSTRON_SERVER"]))
    else:
        variant = "release"
    made = subprocess.run(
        ["make", "-s", "-j2", "server", "V=" + variant, "FEATURE_VERSION=%d" % version], cwd=processes.ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr[-2000:]
    return os.path.join(processes.ROOT, "build", variant, "clustron-server-v%d" % version)


def in_force(node):
    return int(paxos(node)["paxos_feature_version"])


def halted(node):
    return paxos(node)["paxos_halted"]


def with_program(node, path):
    node.argv = [path] + node.argv[1:]


@limited(300)
def test_the_version_rises_when_all_know_it_and_a_program_that_is_too_old_is_told_both():
    old, new = build(2), build(3)
    c = cluster.Cluster(3)
    for n, path in zip(c.nodes, (old, old, new)):
        with_program(n, path)
    c.start()
    with c.nodes[2].connect() as conn:
        assert conn.call("SET", "k", "1") == b"OK"
    until(lambda: [in_force(n) for n in c.nodes] == [2, 2, 2], "all know version 2")

    # Upgraded one after the other. One that is down has not announced what it will know.
    c.nodes[1].stop()
    with_program(c.nodes[1], new)
    c.nodes[1].start()
    c.nodes[0].stop()
    c.wait_leader()
    assert in_force(c.nodes[1]) == 2 and in_force(c.nodes[2]) == 2
    with_program(c.nodes[0], new)
    c.nodes[0].start()
    until(lambda: [in_force(n) for n in c.nodes] == [3, 3, 3], "all know version 3")

    # Back to the old program: it is told both numbers, changes nothing, and the others go on and say whom they refuse.
    c.nodes[0].stop()
    with_program(c.nodes[0], old)
    c.nodes[0].start(wait=False)
    until(lambda: "feature version 3" in c.nodes[0].tail(100) and "knows up to 2" in c.nodes[0].tail(100), c.nodes[0].tail(20))
    with c.wait_leader(nodes=c.nodes[1:]).connect() as conn:
        assert conn.call("INCR", "k") == 2
    c.nodes[0].kill()
    with_program(c.nodes[0], new)
    c.nodes[0].start()
    c.wait_converged()


@limited(300)
def test_a_node_that_lags_and_is_too_old_halts_and_takes_nothing():
    """Its own log says nothing of the later version: what its peers say is all that it can go by. So it is when a machine is put back
    as it was before the upgrade, program and directory."""
    old, new = build(2), build(3)
    c = cluster.Cluster(3)
    for n in c.nodes:
        with_program(n, old)
    c.start()
    until(lambda: [in_force(n) for n in c.nodes] == [2, 2, 2], "all know version 2")
    lags = c.nodes[2]
    lags.stop()
    before = lags.dir + ".before"
    shutil.copytree(lags.dir, before)
    for n in c.nodes:
        n.stop()
        with_program(n, new)
        n.start(wait=False)
    c.wait_leader()
    until(lambda: [in_force(n) for n in c.nodes] == [3, 3, 3], "all know version 3")
    c.wait_converged()

    lags.stop()
    shutil.rmtree(lags.dir)
    os.rename(before, lags.dir)
    with_program(lags, old)
    lags.start()
    others = c.nodes[:2]
    until(lambda: "feature version 3" in lags.tail(100) and "up to 2" in lags.tail(100), lambda: c.logs(20), 30)
    # It runs, under the version that it knows, and has taken nothing from them. (That they refuse it, too, if it comes to that: versions_test.cc.)
    assert in_force(lags) == 2
    with c.wait_leader(nodes=others).connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"
    with lags.connect() as conn:
        conn.call("READONLY")
        assert conn.call("GET", "k") is None
    assert in_force(lags) == 2
    lags.stop()
    with_program(lags, new)
    lags.start()
    until(lambda: in_force(lags) == 3, lambda: c.logs(20), 30)
    c.wait_converged()


def filled(conn, number):
    """Something of everything that a directory keeps, under names with this number; what proves it later."""
    call = conn.call
    for i in range(70):
        call("SET", "s%d:%d" % (number, i), "v%d" % i)
    call("HSET", "h%d" % number, *[w for i in range(200) for w in ("f%d" % i, str(i))])
    call("SET", "big%d" % number, "x" * 300_000)
    call("SET", "ttl%d" % number, "v", "EX", "5000")
    call("SET", "at%d" % number, "v", "EXAT", "4000000000")
    call("LEASE", "GRANT", "600000", "ID", "lease%d" % number)
    call("SET", "leased%d" % number, "v", "LEASE", "lease%d" % number)
    token = call("LOCK", "ACQUIRE", "lock%d" % number, "600000", "OWNER", "me")[1]
    assert call("ONCE", "once%d" % number, "600000", "INCR", "n%d" % number) == 1
    return number, token


def all_there(conn, proof):
    number, token = proof
    call = conn.call
    assert [call("GET", "s%d:%d" % (number, i)) for i in range(70)] == [b"v%d" % i for i in range(70)]
    assert call("HLEN", "h%d" % number) == 200 and call("HGET", "h%d" % number, "f199") == b"199"
    assert call("GET", "big%d" % number) == b"x" * 300_000
    assert 0 < call("TTL", "ttl%d" % number) <= 5000
    assert call("EXPIRETIME", "at%d" % number) == 4_000_000_000
    assert call("LEASE", "TTL", "lease%d" % number, "KEYS")[3] == [b"leased%d" % number]
    assert call("LOCK", "CHECK", "lock%d" % number, token) == 1
    assert call("ONCE", "once%d" % number, "600000", "INCR", "n%d" % number) == 1, "it has run once more"
    assert call("GET", "n%d" % number) == b"1"


@limited(300)
def test_directories_of_the_first_version_are_loaded_whole_and_raise_no_alarm():
    """A program of the first feature version writes them, each member's snapshot at another slot; then all are upgraded at once."""
    first = build(1)
    c = cluster.Cluster(3)
    alone = processes.single("everysec", start=False, name="alone")
    programs = [n.argv[0] for n in c.nodes]
    for n in [*c.nodes, alone]:
        with_program(n, first)
    c.start()
    alone.start()
    proofs = []
    for number, n in enumerate(c.nodes):
        with n.connect(timeout=30) as conn:
            proofs.append(filled(conn, number))
            assert conn.call("SAVE") == b"OK"
    with alone.connect() as conn:
        proof = filled(conn, 9)
        conn.call("SAVE")
        conn.call("SET", "behind", "the snapshot")
    assert [in_force(n) for n in [*c.nodes, alone]] == [1] * 4
    c.wait_converged()
    c.kill()
    alone.kill()
    for n in [*c.nodes, alone]:
        with_program(n, programs[0])
        n.start(wait=False)
    alone.wait_ready()
    c.wait_leader(30)
    with alone.connect() as conn:
        all_there(conn, proof)
        assert conn.call("GET", "behind") == b"the snapshot"
    with c.nodes[0].connect() as conn:
        newest = int(resp.info(conn, "paxos")["paxos_feature_version_supported"])
    until(lambda: {in_force(n) for n in [*c.nodes, alone]} == {newest}, "the version rises", 30)
    # Far enough for several digests to be compared, then over restarts of one and of all.
    for turn in range(3):
        for n in c.nodes:
            with n.connect(timeout=30) as conn:
                for proof in proofs:
                    all_there(conn, proof)
                for i in range(80):
                    conn.call("SET", "after%d" % (i % 7), "%d:%d" % (turn, i))
        c.wait_converged()
        for n in c.nodes:
            assert alarms(n) == [], c.logs(20)
            assert not os.path.exists(os.path.join(n.dir, "DIVERGED"))
        if turn == 0:
            c.nodes[0].kill()
            c.nodes[0].start()
            c.wait_leader(30)
        elif turn == 1:
            c.kill()
            c.start()


def two_or_more(nodes):
    nodes = list(nodes)
    return nodes if len(nodes) >= 2 else None


def refuses(node, *command):
    """It has no leader, or has halted."""
    with node.connect(timeout=10) as conn:
        try:
            conn.call(*command)
        except resp.Error as e:
            return e.code == "CLUSTERDOWN"
    return False


def skip_word(text):
    """What a log file says about the way past an entry."""
    words = re.findall(r"--skip-slot (\d+:[0-9a-f]{16})", text)
    assert words, text[-2000:]
    return words[-1]


@limited(300)
def test_an_entry_that_no_program_knows_is_left_out_by_all():
    old, new = build(2), build(3)
    c = cluster.Cluster(3)
    for n, path in zip(c.nodes, (new, new, old)):
        with_program(n, path)
    c.start()
    with c.nodes[0].connect() as conn:
        conn.call("SET", "k", "v")
    c.nodes[2].stop()
    with_program(c.nodes[2], new)
    c.nodes[2].start()
    # The last entry of the log is the one that raises the version.
    until(lambda: [in_force(n) for n in c.nodes] == [3, 3, 3], "all know version 3")
    c.wait_converged()
    c.kill()
    for n in c.nodes:
        with_program(n, old)
        n.start(wait=False)
    # A vote that its log does not know to be chosen makes no node halt: when the other two have come to the entry, nobody is left
    # who could choose it anew with the third, which has no leader then.
    at_the_entry = until(lambda: two_or_more(n for n in c.nodes if paxos_or_none(n, "paxos_halted")), lambda: c.logs(20), 30)
    for n in at_the_entry:
        assert "HALTED" in n.tail(100) and "knows up to 2" in n.tail(100), n.tail(20)
        assert n.running(), n.tail()
        assert refuses_all_but_stale_reads(n, "k") == b"v"
    for n in c.nodes:
        n.wait_ready()
        assert refuses(n, "GET", "k"), n.tail(20)
    word = skip_word(at_the_entry[0].tail(100))
    c.kill()
    # Not by all: those who leave it out have no link to the one that does not.
    for n in c.nodes[:2]:
        n.start(wait=False, extra=["--skip-slot", word])
    c.nodes[2].start(wait=False)
    with c.wait_leader(nodes=c.nodes[:2]).connect() as conn:
        assert conn.call("SET", "k", "w") == b"OK"
    # Whether it comes to the entry by itself or is refused before that depends on what its log knows to be chosen.
    refused = "is refused: its skip-slot is %s, here it is none" % word
    until(lambda: refused in c.nodes[2].tail(100) or paxos_or_none(c.nodes[2], "paxos_halted"), c.nodes[2].tail(20))
    assert refuses(c.nodes[2], "GET", "k"), "a node without links answers"
    c.nodes[2].kill()
    c.nodes[2].start(wait=False, extra=["--skip-slot", word])
    c.wait_leader()
    c.wait_converged()
    # It is durable.
    c.kill()
    c.start()
    with c.nodes[1].connect() as conn:
        assert conn.call("GET", "k") == b"w"
    assert not any(halted(n) for n in c.nodes)


@limited(120)
def test_an_entry_that_needs_more_memory_than_there_is_names_the_way_past_it():
    node = processes.single("everysec")
    with open("/proc/%d/status" % node.pid) as f:
        idle = int(re.search(r"VmSize:\s+(\d+) kB", f.read()).group(1)) << 10
    with node.connect() as conn:
        conn.call("SET", "before", "1")
        conn.call("SETRANGE", "zeros", 200_000_000, "x")
        conn.call("BITOP", "NOT", "big", "zeros")  # a small entry that takes 200 MB
        conn.call("SET", "after", "2")
    node.kill()
    small = processes.Process(node.argv, node.port, node.dir, "small", prefix=["prlimit", "--as=%d" % (idle + (120 << 20))])
    small.start(wait=False)
    assert small.wait_exit(30) == 1, small.tail()  # by itself, not by a signal
    assert "out of memory while slot" in small.tail(), small.tail()
    word = skip_word(small.tail(100))
    small.start(extra=["--skip-slot", word])
    with small.connect() as conn:
        assert conn.call("MGET", "before", "after") == [b"1", b"2"]
        assert conn.call("EXISTS", "big") == 0
    small.kill()
    small.start()  # it is durable
    with small.connect() as conn:
        assert conn.call("EXISTS", "big") == 0
    small.kill()


@limited(120)
def test_a_member_that_lost_its_disk_leaves_out_what_the_others_do():
    c = cluster.Cluster(3, options=["--snapshot-log-size", "64kb", "--wal-segment-size", "64kb"]).start()
    node = c.nodes[2]

    def write(count):
        with c.wait_leader().connect() as conn:
            for i in range(count):
                conn.call("SET", "k%d" % (i % 10), "x" * 10_000)

    write(60)
    c.stop()
    # A slot to come: the others' snapshots are of before it was said.
    words = ["--skip-slot", "1000000:0123456789abcdef"]
    shutil.rmtree(node.dir)
    for n in c.nodes[:2]:
        n.start(wait=False, extra=words)
    c.wait_leader(nodes=c.nodes[:2])
    node.start(extra=words + ["--cluster-take-place", "yes"], timeout=40)
    c.wait_converged()
    assert "loading node" in open(node.log, errors="replace").read(), node.tail(100)
    # It votes again: else the others may not go.
    until(lambda: paxos(node)["paxos_set_back"] == "0" and paxos(c.nodes[0])["paxos_set_back_members"] == "", lambda: c.logs(20), 60)
    # Its links begin anew with what it leaves out.
    c.nodes[0].restart()
    c.nodes[1].kill()
    write(10)
    assert "is refused" not in c.nodes[0].tail(100), c.nodes[0].tail(20)


@limited(60)
def test_what_skip_slot_must_not_do():
    node = processes.single("always")
    with node.connect() as conn:
        conn.call("SET", "k", "1")
        conn.call("SAVE")
        conn.call("SAVE")
    node.stop()
    for word, said in (
        ("x:0123456789abcdef", "SLOT:HASH"),
        ("5:abc", "SLOT:HASH"),
        ("1:0123456789abcdef", "is applied here already"),
    ):
        node.start(wait=False, extra=["--skip-slot", word])
        assert node.wait_exit(10) not in (None, 0), node.tail()
        assert said in node.tail(3), node.tail(5)
    node.start()
    with node.connect() as conn:
        assert conn.call("GET", "k") == b"1"


@limited(180)
def test_a_copy_that_nobody_could_notice_ends_in_a_halt_and_not_in_silence():
    c = cluster.Cluster(3).start()
    a, b, rich = c.nodes
    c.wait_converged()
    b.kill()
    c.wait_leader(nodes=[a, rich])
    # A copy of the running node; what is acknowledged afterwards only the third node has seen.
    aside = a.dir + ".copy"
    a.pause()
    shutil.copytree(a.dir, aside)
    a.resume()
    c.wait_leader(nodes=[a, rich])
    with rich.connect() as conn:
        for i in range(300):
            assert conn.call("SET", "k%d" % i, "acknowledged") == b"OK"
    a.kill()
    rich.kill()
    shutil.rmtree(a.dir)
    os.rename(aside, a.dir)
    a.start(wait=False)
    b.start(wait=False)
    with c.wait_leader(nodes=[a, b], timeout=30).connect() as conn:
        for i in range(3):
            conn.call("SET", "k%d" % i, "another truth")
    rich.start(wait=False)
    rich.wait_ready()

    # Either nobody knows who is wrong yet, and everybody says so, or a majority contradicted the third node, and it halted.
    def said():
        try:
            return paxos(rich)["paxos_halted"] or all(alarms(n) for n in (a, b, rich))
        except (OSError, resp.Error):
            return False

    until(said, lambda: c.logs(20), 40)
    # The only copy of what was acknowledged is still there, and can be read.
    with rich.connect() as conn:
        conn.call("READONLY")
        assert conn.call("GET", "k100") == b"acknowledged", c.logs(30)
    print("        " + "; ".join("%s: %s" % (n.name, ", ".join(alarms(n))[:150]) for n in c.nodes))

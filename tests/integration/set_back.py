"""Directories of members that are put back from a copy, or lost."""
import os
import random
import shutil
import struct
import time

import cluster
import processes
import resp
from testing import limited, no_complaints, paxos, paxos_or_none, refuses_all_but_stale_reads, rounds, until
from workload import Workload


def call(node, *command):
    with node.connect(timeout=5.0) as c:
        return c.call(*command)


def copy_of(node):
    copy = processes.temp_dir("copy-")
    shutil.rmtree(copy)
    shutil.copytree(node.dir, copy)
    return copy


def copy_before_twenty(c, node):
    """A copy of its directory, made one life ago; behind it the node has acknowledged that `n` became 20."""
    node.stop()
    copy = copy_of(node)
    node.start()
    for _ in range(20):
        call(node, "INCR", "n")
    c.wait_converged()
    return copy


def put_back(node, copy):
    assert not node.running()
    shutil.rmtree(node.dir)
    shutil.copytree(copy, node.dir)


def logged(node, text):
    with open(node.log, errors="replace") as f:
        return text in f.read()


def other(c, node):
    return next(n for n in c.running() if n is not node)


def set_back(node):
    """Whether it says so; None while it can't say."""
    try:
        return paxos(node)["paxos_set_back"]
    except (OSError, resp.Error):
        return None


def recovered(c, node):
    """The node votes again, and its peers know."""
    until(lambda: set_back(node) == "0" and logged(node, "it votes again"), "the node recovers", 30)
    for n in c.running():
        until(lambda: paxos(n)["paxos_set_back_members"] == "", "its peers know", 10)
    c.wait_converged()


def let_them_note(c, writer, noting):
    """What all have acknowledged is told (four times a second) and noted in the logs (each second): after enough turns of their loops, and
    when the log of `noting` has what came behind that."""
    for _ in range(25):
        for n in c.running():
            assert call(n, "PING") == b"PONG"
        time.sleep(0.1)
    call(writer, "SET", "noted", "1")
    chosen = int(paxos(writer)["paxos_chosen_slot"])
    until(lambda: int(paxos(noting)["paxos_durable_slot"]) >= chosen, "its log has it", 20)


@limited(90)
def test_a_copy_from_before_the_last_start_is_put_back():
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    copy = copy_before_twenty(c, node)
    node.stop()
    put_back(node, copy)
    node.start()
    until(lambda: logged(node, "SET BACK"), "the node says it")
    until(lambda: any(logged(n, "was SET BACK") for n in c.nodes if n is not node), "a peer says it")
    recovered(c, node)
    assert call(node, "GET", "n") == b"20"
    assert call(node, "INCR", "n") == 21
    # With its vote: one of the others is away.
    other(c, node).kill()
    c.wait_leader()
    assert call(node, "INCR", "n") == 22


@limited(90)
def test_a_copy_made_while_it_ran_is_put_back_while_the_leader_is_away():
    c = cluster.Cluster(3).start()
    leader = c.wait_leader()
    node = c.followers()[0]
    third = next(n for n in c.nodes if n not in (leader, node))
    node.pause()  # as a volume is copied: at one moment
    try:
        copy = copy_of(node)
    finally:
        node.resume()
    for i in range(200):
        call(leader, "SET", "k%d" % (i % 10), str(i))
    let_them_note(c, leader, third)
    node.kill()
    third.kill()
    leader.kill()
    put_back(node, copy)
    third.start()
    node.start()
    until(lambda: set_back(node) == "1", "it is told")
    assert paxos(node)["paxos_set_back_why"] != ""
    # Nobody may lead, for one of the two has no vote.
    try:
        call(third, "SET", "x", "1")
        raise AssertionError("written by a majority of which one has forgotten")
    except resp.Error as e:
        assert e.code == "CLUSTERDOWN", e
    leader.start()
    c.wait_leader()
    recovered(c, node)
    for i in range(190, 200):
        assert call(node, "GET", "k%d" % (i % 10)) == str(i).encode()


@limited(90)
def test_a_copy_of_a_running_member_is_put_back_under_the_same_boot_while_its_peers_are_up():
    """The life of the copy and one of the directory it replaces have one number: what tells them apart is the nonce."""
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    node.pause()
    try:
        copy = copy_of(node)
    finally:
        node.resume()
    node.kill()
    node.start()
    for i in range(20):
        call(node, "INCR", "n")
    c.wait_converged()
    boot = paxos(node)["paxos_boot"]
    node.kill()
    put_back(node, copy)
    node.start()
    until(lambda: logged(node, "SET BACK"), lambda: "the node says it\n" + c.logs(20))
    assert "boot %s" % boot in open(node.log, errors="replace").read(), node.tail()
    recovered(c, node)
    assert int(paxos(node)["paxos_boot"]) > int(boot)
    assert call(node, "GET", "n") == b"20" and call(node, "INCR", "n") == 21


@limited(120)
def test_of_five_voters_one_is_put_back_while_a_minority_is_away():
    c = cluster.Cluster(5).start(60)
    node, away = c.followers()[:2]
    copy = copy_before_twenty(c, node)
    node.kill()
    away.kill()
    put_back(node, copy)
    node.start()
    until(lambda: set_back(node) == "1", lambda: "it is told\n" + c.logs(20), 30)
    # Three of five go on without its vote; it has none before the one that is away was asked, too.
    assert call(c.wait_leader(nodes=[n for n in c.running() if n is not node]), "INCR", "n") == 21
    for _ in range(15):
        assert set_back(node) == "1"
        time.sleep(0.1)
    away.start()
    recovered(c, node)
    # With its vote: two others are away.
    for n in [n for n in c.nodes if n is not node][:2]:
        n.kill()
    c.wait_leader(20)
    assert call(node, "INCR", "n") == 22


@limited(90)
def test_a_copy_two_lives_old_of_the_leader_is_put_back_under_load():
    c = cluster.Cluster(3).start()
    node = c.wait_leader()
    node.stop()
    copy = copy_of(node)
    node.start()
    work = Workload(c.nodes).start()
    until(lambda: work.progress() > 100, "clients go on")
    node.kill()
    node.start()
    before = work.progress()
    until(lambda: work.progress() > before + 100, "clients go on")
    node.kill()
    put_back(node, copy)
    node.start()
    recovered(c, node)
    before = work.progress()
    until(lambda: work.progress() > before + 100, "clients go on")
    work.stop()
    c.wait_converged()
    no_complaints(work)


@limited(90)
def test_everything_is_restarted_and_nobody_is_set_back():
    c = cluster.Cluster(3).start()
    for turn in range(3):
        call(c.wait_leader(), "INCR", "n")
        c.kill()
        for n in c.nodes:
            n.start(wait=False)
        for n in c.nodes:
            n.wait_ready()
        c.wait_leader()
        for n in c.nodes:
            assert paxos(n)["paxos_set_back"] == "0"
            assert paxos(n)["paxos_set_back_members"] == ""
    # One is down while another restarts.
    a, b = c.nodes[0], c.nodes[1]
    a.kill()
    b.kill()
    b.start()
    c.wait_leader()
    assert call(b, "GET", "n") == b"3"


@limited(90)
def test_of_two_voters_one_is_set_back_and_a_loss_is_accepted():
    c = cluster.Cluster(2).start()
    node = c.nodes[0]
    node.stop()
    copy = copy_of(node)
    node.start()
    c.wait_leader()
    for i in range(10):
        call(c.nodes[1], "INCR", "n")
    before = call(c.nodes[1], "LOCK", "ACQUIRE", "before", 60000)[1]
    node.stop()
    put_back(node, copy)
    node.start(wait=False)

    def refused(n):
        try:
            call(n, "INCR", "n")
            return False
        except resp.Error as e:
            return e.code == "CLUSTERDOWN" and "cluster-accept-loss" in str(e)
        except OSError:
            return False

    until(lambda: all(refused(n) for n in c.nodes), "both say what can be done", 20)
    # On one node alone it changes nothing.
    arguments = [list(n.argv) for n in c.nodes]
    node.stop()
    node.argv = arguments[0] + ["--cluster-accept-loss", "yes"]
    node.start(wait=False)
    time.sleep(2)
    until(lambda: refused(c.nodes[1]), "the other has not accepted it")
    c.nodes[1].stop()
    c.nodes[1].argv = arguments[1] + ["--cluster-accept-loss", "yes"]
    c.nodes[1].start(wait=False)
    c.wait_leader()
    assert logged(node, "cluster-accept-loss: this node votes again")
    c.wait_converged()
    for n in c.nodes:
        assert call(n, "GET", "n") == b"10"
    # No token that may have been lost is given again.
    token = call(node, "LOCK", "ACQUIRE", "after", 60000)[1]
    assert token > before + 2**36, (before, token)
    until(lambda: paxos(node)["paxos_set_back"] == "0", "it has recovered", 20)
    # It held once.
    c.wait_leader()
    node.stop()
    put_back(node, copy)
    node.start(wait=False)
    until(lambda: refused(c.nodes[1]), "not accepted once more", 20)


@limited(120)
def test_a_loss_is_accepted_for_all_that_were_set_back_the_slower_ones_too():
    c = cluster.Cluster(5).start()
    c.stop()
    copies = [copy_of(n) for n in c.nodes[:4]]
    c.start()
    for i in range(30):
        call(c.nodes[i % 5], "SET", "big%d" % i, "x" * 1_000_000)
    c.wait_converged()
    c.stop()
    copies[3] = copy_of(c.nodes[3])
    c.start()
    call(c.nodes[0], "SET", "last", "1")
    c.wait_converged()
    c.stop()
    for n, copy in zip(c.nodes, copies):
        put_back(n, copy)
    for n in c.nodes:
        n.argv += ["--cluster-accept-loss", "yes"]
    # First the two that have most. The last write may be in the votes of the fifth alone, so nobody leads without it.
    for n in c.nodes[3:]:
        n.start(wait=False)
    until(lambda: set_back(c.nodes[3]) == "1", "the fifth has told the fourth", 20)
    for n in c.nodes[:3]:
        n.start(wait=False)
    c.wait_leader(30)
    for n in c.nodes:
        until(lambda: set_back(n) == "0", "all recover", 20)
    c.wait_converged()
    answers = [call(n, "GET", "last") for n in c.nodes]
    assert answers == [b"1"] * 5, (answers, c.logs())


@limited(60)
def test_alone_an_old_directory_is_an_old_directory():
    directory = processes.temp_dir("alone-")
    [port] = processes.free_ports(1)
    n = processes.Process([processes.SERVER, "--port", str(port), "--dir", directory, "--durability", "always"], port, directory, "alone")
    n.start()
    call(n, "INCR", "n")
    n.stop()
    copy = copy_of(n)
    n.start()
    call(n, "INCR", "n")
    n.stop()
    put_back(n, copy)
    n.start()
    assert call(n, "INCR", "n") == 2
    assert paxos(n)["paxos_set_back"] == "0"


def empty(node):
    assert not node.running()
    shutil.rmtree(node.dir)
    os.makedirs(node.dir)


@limited(90)
def test_a_member_that_lost_its_disk_takes_its_place_under_load():
    c = cluster.Cluster(3).start()
    work = Workload(c.nodes).start()
    until(lambda: work.progress() > 200, "clients make progress")
    for node in (c.wait_leader(), c.followers()[0]):
        node.kill()
        empty(node)
        argv = list(node.argv)
        node.argv = argv + ["--cluster-take-place", "yes"]
        node.start()
        recovered(c, node)
        before = work.progress()
        until(lambda: work.progress() > before + 100, "clients go on")
        # The option that was left in does nothing more.
        node.stop()
        node.start()
        c.wait_converged()
        assert paxos(node)["paxos_set_back"] == "0"
        node.stop()
        node.argv = argv
        node.start()
    work.stop()
    c.wait_converged()
    no_complaints(work)
    # Each has its vote.
    c.nodes[0].kill()
    c.wait_leader()
    call(c.nodes[1], "SET", "k", "v")
    assert call(c.nodes[2], "GET", "k") == b"v"


@limited(180)
def test_directories_are_copied_put_back_and_lost_at_random_under_load():
    rng = random.Random(time.time())
    seed = rng.randrange(1 << 32)
    rng.seed(seed)
    print("        seed %d" % seed)
    c = cluster.Cluster(rng.choice((3, 3, 5)), options=["--snapshot-log-size", "256kb", "--wal-segment-size", "128kb"]).start()
    work = Workload(c.nodes).start()
    copies = {}

    def fresh(node):
        """What its log says from here on is of its next start."""
        open(node.log, "w").close()

    for _ in range(rounds(20, 20)):
        node = rng.choice(c.nodes)
        what = rng.choice(("kill", "kill the leader", "copy", "copy while it runs", "put back", "put back", "lose"))
        if what == "kill the leader":
            node = c.wait_leader()
        if what == "copy":
            node.stop()
            copies[node] = copy_of(node)
            node.start()
        elif what == "copy while it runs":
            node.pause()
            try:
                copies[node] = copy_of(node)
            finally:
                node.resume()
        elif what == "put back" and node in copies:
            time.sleep(1.2)  # what it acknowledged is known, and kept, by the others
            node.kill()
            put_back(node, copies[node])
            fresh(node)
            node.start()
            until(lambda: logged(node, "it votes again"), "it recovers", 30)
        elif what == "lose":
            node.kill()
            empty(node)
            node.start(extra=["--cluster-take-place", "yes"], timeout=40)
            until(lambda: logged(node, "it votes again"), "it recovers", 30)
        else:
            node.kill()
            time.sleep(rng.random())
            node.start()
        before = work.progress()
        until(lambda: all(set_back(n) == "0" and paxos(n)["paxos_set_back_members"] == "" for n in c.nodes), "nobody is set back", 30)
        until(lambda: work.progress() > before + 20, "clients go on after: " + what, 30)
    work.stop()
    c.wait_converged()
    no_complaints(work)


@limited(90)
def test_places_are_not_given_twice_or_to_strangers():
    c = cluster.Cluster(3).start()
    node = c.nodes[1]
    # Without the option an empty directory is told of it.
    node.stop()
    empty(node)
    node.start(wait=False)
    assert node.wait_exit() != 0
    assert "--cluster-take-place" in node.tail(), node.tail()
    # The secret is needed.
    wrong = os.path.join(c.dir, "wrong-secret")
    with open(wrong, "wb") as f:
        f.write(b"another secret, which is long enough to be one\n")
    os.chmod(wrong, 0o600)
    stranger = processes.Process(
        c.argv(1, node.dir, ["--cluster-take-place", "yes"], secret_file=wrong), node.port, node.dir, "stranger"
    )
    stranger.start(wait=False)
    time.sleep(3)
    stranger.kill()
    assert not os.path.exists(os.path.join(node.dir, "identity.a"))
    # Who is alive keeps its place.
    node.argv.extend(["--cluster-take-place", "yes"])
    node.start()
    recovered(c, node)
    second = processes.temp_dir("second-")
    port, peer_port = processes.free_ports(2)
    members = c.initial.split(",")
    members[1] += "@%d" % peer_port
    twin = processes.Process(c.argv(1, second, ["--cluster-take-place", "yes"], initial=",".join(members)), port, second, "twin")
    twin.argv[twin.argv.index("--port") + 1] = str(port)
    twin.start(wait=False)
    assert twin.wait_exit(25) != 0
    assert "alive" in twin.tail(), twin.tail()
    c.wait_converged()


@limited(90)
def test_a_place_that_is_asked_for_while_another_member_is_down_is_said_once():
    c = cluster.Cluster(3).start()
    node, down, there = c.nodes[2], c.nodes[1], c.nodes[0]
    node.kill()
    down.kill()
    empty(node)
    node.start(wait=False, extra=["--cluster-take-place", "yes"])

    def said():
        with open(there.log, errors="replace") as f:
            return f.read().count("the place of node 3")

    until(said, "it is asked", 20)
    time.sleep(2)
    assert said() == 1
    down.start()
    recovered(c, node)


def crc64(data):
    """As snapshot files end with it: Jones' polynomial, reflected."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    crc = 0
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


@limited(120)
def test_a_member_whose_state_a_majority_contradicts_halts_and_the_others_go_on():
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    for i in range(100):
        call(node, "SET", "k%d" % i, "v")
    # Its snapshot says that something else was applied, with a right checksum: no check of a file can find that.
    call(node, "SAVE")
    _, digest = c.wait_converged()
    node.kill()
    places = os.path.join(node.dir, "snapshots")
    newest = os.path.join(places, max(f for f in os.listdir(places) if f.endswith(".rdb")))
    with open(newest, "rb") as f:
        body = bytearray(f.read()[:-8])
    at = body.find(struct.pack("<Q", int(digest, 16)))
    assert at > 0, "the snapshot is of another slot"
    body[at] ^= 1
    with open(newest, "wb") as f:
        f.write(bytes(body) + struct.pack("<Q", crc64(body)))
    node.start()
    others = [n for n in c.nodes if n is not node]

    def halted():
        call(c.wait_leader(nodes=others), "INCR", "n")
        return paxos(node)["paxos_halted"]

    why = until(halted, lambda: "it halts\n" + c.logs(20), 60)
    print("        " + why)
    assert logged(node, "HALTED") and node.running(), node.tail()
    assert os.path.exists(os.path.join(node.dir, "DIVERGED"))
    assert any(logged(n, "differs") or logged(n, "diverged") or logged(n, "contradict") for n in others), c.logs(20)
    # What it has can be read by who asks for it, and nobody is answered by mistake.
    assert refuses_all_but_stale_reads(node, "k1") == b"v"
    # The others go on, also over a change of leader, and are not halted.
    before = int(call(others[0], "GET", "n"))
    others[0].kill()
    others[0].start()
    assert call(c.wait_leader(nodes=others), "INCR", "n") == before + 1
    for n in others:
        assert paxos(n)["paxos_halted"] == "" and not os.path.exists(os.path.join(n.dir, "DIVERGED"))
    # For good: a restart changes nothing.
    node.kill()
    node.start(wait=False)
    until(lambda: paxos_or_none(node, "paxos_halted"), lambda: node.tail(), 20)


def saved(node):
    """False: it is writing a snapshot already."""
    try:
        return call(node, "SAVE") is not None
    except resp.Error:
        return False


@limited(180)
def test_a_log_written_on_from_an_earlier_state_replaces_nothing_that_was_acknowledged():
    """Two nodes acknowledge writes; one of them is put back and goes on with the third. The other comes back last: it has the only copy."""
    for compacted in (False, True):
        c = cluster.Cluster(3, options=["--snapshot-log-size", "256kb", "--wal-segment-size", "128kb"]).start(90)
        keeper, old, third = c.nodes
        for i in range(150):
            call(keeper, "SET", "k%d" % i, "v")
        c.wait_converged()
        c.stop()
        copy = copy_of(old)
        for n in (keeper, old):
            n.start(wait=False)
        for n in (keeper, old):
            n.wait_ready()
        c.wait_leader(30, nodes=[keeper, old])
        for i in range(200):
            call(keeper, "SET", "acknowledged%d" % i, "precious")
        time.sleep(1.5)  # it is on disk there that this is chosen
        keeper.stop()
        old.stop()
        put_back(old, copy)
        for life in range(3 if compacted else 1):
            for n in (old, third):
                n.start(wait=False)
            for n in (old, third):
                n.wait_ready()
            c.wait_leader(30, nodes=[old, third])
            for _ in range(2):
                for i in range(100):
                    call(old, "SET", "other%d" % i, "x" * 5000 if compacted else "x")
                for n in (old, third) if compacted else ():
                    until(lambda: saved(n), n.tail)
            if life < 2 and compacted:
                old.stop()
                third.stop()
        keeper.start(wait=False)
        until(lambda: logged(keeper, "HALTED: the majority has another log than this node"), keeper.tail, 20)
        with keeper.connect() as k:
            k.call("READONLY")
            assert k.call("GET", "acknowledged0") == b"precious" and k.call("GET", "acknowledged199") == b"precious"
            assert k.call("GET", "other0") is None
        # The others say so. They go on where the one that was put back has started anew with more than it had lost: else it is told now
        # that it was set back, and has no vote before a member in the halted one's place knows of it.
        until(lambda: logged(old, "DIVERGED: the log of node") and logged(third, "DIVERGED: the log of node"), old.tail, 20)
        if compacted:
            call(old, "SET", "goes", "on")
            assert call(third, "GET", "goes") == b"on"
        c.kill()


@limited(180)
def test_a_node_killed_while_it_loads_a_peers_snapshot_trusts_that_file_or_none():
    c = cluster.Cluster(3).start()
    behind, *others = c.followers() + [c.leader()]
    call(behind, "SET", "early", "1")
    c.wait_converged()
    behind.kill()
    value = "v" * 20
    with c.wait_leader().connect(timeout=60) as conn:
        for part in range(60):
            words = ["MSET"]
            for i in range(4000):
                words += ["k%d:%d" % (part, i), value]
            assert conn.call(*words) == b"OK"
    # What it has missed is not in the others' logs any more: a whole segment goes behind the last snapshot but one.
    for _ in range(3):
        with c.wait_leader().connect(timeout=60) as conn:
            for i in range(40):
                assert conn.call("SET", "filler", "x" * 2_000_000) == b"OK"
        for n in others:
            with n.connect(timeout=60) as conn:
                assert conn.call("SAVE") == b"OK"
    first = [os.path.join(n.dir, "wal", "%016d.log" % 1) for n in others]
    until(lambda: not any(os.path.exists(f) for f in first), "the first segments are gone", 30)
    # The file has its name when the loading begins, and that takes some time.
    for attempt in range(5):
        size = os.path.getsize(behind.log)
        behind.start(wait=False)

        def loading():
            with open(behind.log, "rb") as f:
                f.seek(size)
                return b"too far behind for the log: loading" in f.read()

        until(loading, lambda: c.logs(20), 60, every=0.002)
        behind.kill()
        with open(behind.log, "rb") as f:
            f.seek(size)
            if b"is loaded, in" not in f.read():
                break
        # Too late. Once more, with an empty place.
        empty(behind)
        behind.argv = behind.argv + ["--cluster-take-place", "yes"] * ("--cluster-take-place" not in behind.argv)
    else:
        raise AssertionError("never killed in time")
    places = os.path.join(behind.dir, "snapshots")
    newest = os.path.join(places, max(f for f in os.listdir(places) if f.endswith(".rdb")))
    with open(newest, "rb") as f:
        whole = f.read()
    # It starts from that file.
    aside = behind.dir + ".aside"
    shutil.copytree(behind.dir, aside)
    behind.start()
    c.wait_converged(60)
    assert call(behind, "GET", "k59:3999") == value.encode()
    behind.kill()
    # A later start that finds it rotten: never from the one before, with votes of slots that this one covers.
    shutil.rmtree(behind.dir)
    os.rename(aside, behind.dir)
    behind.start(wait=False)
    until(lambda: set_back(behind) is not None or not behind.running(), "it has started once", 30)
    behind.kill()
    rotten = bytearray(whole)
    rotten[len(rotten) // 2] ^= 8
    files = [f for f in os.listdir(places) if f.endswith(".rdb")]
    with open(os.path.join(places, os.path.basename(newest)), "wb") as f:
        f.write(rotten)
    for f in files:
        if f > os.path.basename(newest):
            os.unlink(os.path.join(places, f))
    behind.start(wait=False)
    assert behind.wait_exit(30) not in (None, 0), behind.tail()
    assert "snapshot" in behind.tail(5) and ("begins behind slot" in behind.tail(5) or "is sound" in behind.tail(5)), behind.tail()
    c.wait_converged(60, nodes=others)

"""Disks that fill up, files that are torn, rotten or gone."""
import errno
import glob
import os
import shutil
import subprocess
import threading
import time

import cluster
import processes
import resp
from testing import Skip, limited, paxos, until


def largest(directory, patterns=("**/*",)):
    """The log file that was written last: the one whose tail matters."""
    files = [f for p in patterns for f in glob.glob(os.path.join(directory, p), recursive=True) if os.path.isfile(f)]
    return [f for f in files if os.path.basename(f) not in ("log.txt", "secret") and os.path.getsize(f) > 0]


def wal_files(directory):
    """Segments in the order of their numbers."""
    found = sorted(f for f in largest(directory) if "wal" in f.lower() and not f.endswith((".tmp", ".json")))
    assert found, "no log segments in %s: %s" % (directory, os.listdir(directory))
    return found


def find_value(directory, value):
    """(file, offset) of `value` in the log."""
    for path in wal_files(directory):
        with open(path, "rb") as f:
            at = f.read().find(value)
        if at >= 0:
            return path, at
    raise AssertionError("%r is not in the log" % value)


def flip(path, offset):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ 0x10]))


def fill(conn, count, prefix="k", size=100):
    for at in range(0, count, 500):
        replies = conn.pipeline([("SET", "%s%d" % (prefix, i), b"%d:" % i + b"v" * size) for i in range(at, min(at + 500, count))])
        assert all(r == b"OK" for r in replies), replies[:3]


@limited(60)
def test_a_torn_tail_is_cut():
    node = processes.single("always")
    with node.connect() as c:
        fill(c, 1000)
        c.call("SET", "last", "MARK-OF-THE-LAST-RECORD")
    node.kill()
    path, at = find_value(node.dir, b"MARK-OF-THE-LAST-RECORD")
    # As if the machine had died in the middle of writing that record: its second half never reached the disk.
    with open(path, "r+b") as f:
        f.seek(at + 8)
        f.write(b"\0" * 64)
    node.start()
    with node.connect() as c:
        assert c.call("DBSIZE") in (1000, 1001)
        assert c.call("GET", "k999") == b"999:" + b"v" * 100
        c.call("SET", "after", "1")
    node.restart(graceful=False)
    with node.connect() as c:
        assert c.call("GET", "after") == b"1"


def error_of(conn, *command):
    """The text of the error that a command is answered with, and how long that took."""
    began = time.monotonic()
    try:
        raise AssertionError("%s was answered: %r" % (command, conn.call(*command)))
    except resp.Error as e:
        return str(e), time.monotonic() - began


def halted_slot(node):
    return int(paxos(node)["paxos_halted_slot"])


def check_given_up_by_hand(durability):
    node = processes.single(durability)
    with node.connect() as c:
        fill(c, 500)
        c.call("SET", "victim", "MARK-OF-A-COMMITTED-RECORD")
        fill(c, 500, "later")
        token = c.call("LOCK", "ACQUIRE", "l1", "100000")
    node.kill()
    path, at = find_value(node.dir, b"MARK-OF-A-COMMITTED-RECORD")
    flip(path, at)
    node.start()
    slot = until(lambda: halted_slot(node), "the node knows that it cannot go on")
    said = node.tail(100)
    for words in ("HALTED: slot %d " % slot, os.path.basename(path) + " at ", "no other member", "--wal-cut-at-slot %d," % slot):
        assert words in said, (words, said)
    with node.connect() as c:
        for command in (("SET", "x", "1"), ("GET", "k1"), ("EXPIRE", "k1", "100"), ("LEASE", "GRANT", "x", "10000")):
            text, took = error_of(c, *command)
            assert text.startswith("CLUSTERDOWN slot %d of the log is damaged" % slot), text
            assert took < 0.5, "%s took %g s" % (command, took)
        assert c.call("PING") == b"PONG"
        assert int(resp.info(c, "paxos")["paxos_damaged_slots"]) >= 1
        c.call("READONLY")
        assert c.call("GET", "k499") == b"499:" + b"v" * 100 and c.call("GET", "later0") is None
    # Nothing is given up by accident: not by a restart, not with another slot's number.
    node.restart(graceful=False)
    assert until(lambda: halted_slot(node), "it is halted still") == slot
    node.stop()
    node.start(extra=("--wal-cut-at-slot", str(slot + 1)))
    assert until(lambda: halted_slot(node), "it is halted still") == slot
    node.stop()
    node.start(extra=("--wal-cut-at-slot", str(slot)))
    said = node.tail(100)
    assert "the log was cut before slot %d" % slot in said and "given up and lost" in said, said
    for graceful in (None, False, True):
        if graceful is not None:
            node.restart(graceful=graceful)
        with node.connect() as c:
            assert c.call("GET", "k499") == b"499:" + b"v" * 100
            assert c.call("GET", "victim") is None and c.call("GET", "later499") is None
            assert c.call("INCR", "goes on") == {None: 1, False: 2, True: 3}[graceful]
            assert int(resp.info(c, "paxos")["paxos_halted_slot"]) == 0
    with node.connect() as c:
        again = c.call("LOCK", "ACQUIRE", "l2", "100000")
        assert again[1] > token[1], "a token was given twice: %r, %r" % (token, again)
    # The option left in place does no harm.
    node.stop()
    node.start(extra=("--wal-cut-at-slot", str(slot)))
    assert "nothing was cut" in node.tail(100)
    with node.connect() as c:
        assert c.call("GET", "goes on") == b"3"


@limited(60)
def test_a_damaged_log_of_a_single_node_is_explained_and_can_be_cut_by_hand():
    check_given_up_by_hand("always")


@limited(60)
def test_a_damaged_log_below_always_too():
    check_given_up_by_hand("everysec")


@limited(60)
def test_a_log_with_peers_is_not_cut():
    c = cluster.Cluster(3).start()
    node = c.followers()[0]
    node.stop()
    node.start(wait=False, extra=("--wal-cut-at-slot", "5"))
    assert node.wait_exit(10) == 1 and "this node has peers" in node.tail(), node.tail()
    node.start()
    c.wait_converged()


@limited(90)
def test_rot_in_the_middle_of_one_log_is_repaired_from_peers():
    c = cluster.Cluster(3).start()
    with c.leader().connect() as conn:
        fill(conn, 500)
        conn.call("SET", "victim", "MARK-OF-A-COMMITTED-RECORD")
        fill(conn, 500, "later")
    c.wait_converged()
    node = c.followers()[0]
    node.kill()
    flip(*find_value(node.dir, b"MARK-OF-A-COMMITTED-RECORD"))
    node.start()
    c.wait_leader()
    c.wait_converged()
    assert "damaged" in node.tail(200).lower(), node.tail()
    with node.connect() as conn:
        assert conn.call("GET", "victim") == b"MARK-OF-A-COMMITTED-RECORD"
        assert conn.call("DBSIZE") == 1001
    # It goes on as a voter like the others, also over a restart.
    node.stop()
    other = next(n for n in c.followers() if n is not node)
    other.kill()
    node.start()
    c.wait_leader()
    with node.connect() as conn:
        assert conn.call("GET", "victim") == b"MARK-OF-A-COMMITTED-RECORD"
    other.start()
    c.wait_converged()


@limited(90)
def test_rot_in_a_majority_of_logs_halts_the_cluster_and_says_so():
    c = cluster.Cluster(3).start()
    with c.leader().connect() as conn:
        fill(conn, 300)
        conn.call("SET", "victim", "MARK-OF-A-COMMITTED-RECORD")
        fill(conn, 300, "later")
    c.wait_converged()
    c.kill()
    places = [find_value(node.dir, b"MARK-OF-A-COMMITTED-RECORD") for node in c.nodes]
    for place in places:
        flip(*place)
    for node in c.nodes:
        node.start()
    # Whoever tries to lead finds that nobody can tell what the slot held, and says so; the others have no leader.
    slot = until(lambda: next(filter(None, map(halted_slot, c.nodes)), None), "a node says that it is halted", 20)
    for node in c.nodes:
        assert "damaged (slot %d)" % slot in node.tail(200), node.tail(200)
        with node.connect(timeout=8) as conn:
            for command in (("GET", "victim"), ("SET", "x", "1")):
                assert error_of(conn, *command)[0].startswith("CLUSTERDOWN ")
    halted = [n for n in c.nodes if "HALTED: slot %d " % slot in n.tail(200)]
    assert halted, c.logs(30)

    def told_why():
        for n in halted:
            with n.connect(timeout=8) as conn:
                if error_of(conn, "SET", "x", "1")[0].startswith("CLUSTERDOWN slot %d of the log is damaged" % slot):
                    return True

    until(told_why, "clients are told why", 10)
    # What it says helps: one good copy put back, and all goes on.
    c.nodes[0].kill()
    flip(*places[0])
    c.nodes[0].start()
    c.wait_leader(30)
    c.wait_converged()
    with c.nodes[1].connect() as conn:
        assert conn.call("GET", "victim") == b"MARK-OF-A-COMMITTED-RECORD"
    assert list(map(halted_slot, c.nodes)) == [0, 0, 0]


@limited(60)
def test_a_deleted_data_directory_does_not_come_back_under_its_old_name():
    c = cluster.Cluster(3).start()
    with c.nodes[0].connect() as conn:
        fill(conn, 200)
    c.wait_converged()
    node = c.followers()[0]
    node.kill()
    shutil.rmtree(node.dir)
    os.makedirs(node.dir)
    node.start(wait=False)
    status = node.wait_exit(15)
    if status is not None:
        assert status != 0 and "cluster-take-place" in node.tail(), node.tail()
    else:
        with node.connect() as conn:
            try:
                raise AssertionError("an empty node answered %r" % conn.call("DBSIZE"))
            except resp.Error:
                pass
    with c.wait_leader().connect() as conn:
        assert conn.call("DBSIZE") == 200


def small_disk(megabytes):
    path = processes.temp_dir("disk-")
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "tmpfs", path], capture_output=True)
    if r.returncode:
        os.rmdir(path)
        raise Skip("no tmpfs can be mounted: %s" % r.stderr.decode().strip())
    return path


def take_room(disk, leave=0):
    """Fills a file named ballast until so many bytes are free. Unbuffered: a buffer's rest would be written by close()."""
    with open(os.path.join(disk, "ballast"), "ab", buffering=0) as f:
        try:
            while leave == 0 or shutil.disk_usage(disk).free > leave:
                f.write(b"\0" * (1 << 16))
        except OSError as e:
            assert e.errno == errno.ENOSPC, e


@limited(90)
def test_a_full_disk_refuses_writes_and_comes_back():
    disk = small_disk(700)
    try:
        node = processes.single("everysec", directory=disk)
        ballast = os.path.join(disk, "ballast")
        with node.connect() as c:
            fill(c, 1000)
            refused = None
            take_room(disk, leave=20_000_000)

            def write_until_refused():
                for i in range(50):
                    try:
                        c.call("SET", "big%d" % i, b"x" * 1_000_000)
                    except resp.Error as e:
                        return e
                return None

            refused = until(write_until_refused, "a write is refused", 40)
            assert refused.code == "MISCONF", refused
            assert resp.info(c, "persistence")["aof_last_write_status"] == "err"
            assert c.call("GET", "k999") is not None
            assert c.call("DEL", "k999") == 1
            os.remove(ballast)

            def accepted():
                try:
                    return c.call("SET", "again", "1")
                except resp.Error:
                    return None

            until(accepted, "writes are accepted again", 15)
            assert resp.info(c, "persistence")["aof_last_write_status"] == "ok"
        node.restart()
        with node.connect() as c:
            assert c.call("GET", "again") == b"1" and c.call("GET", "k998") is not None and c.call("GET", "k999") is None
        node.stop()
    finally:
        processes.end_all()
        subprocess.run(["umount", "-l", disk], capture_output=True)


@limited(90)
def test_the_log_is_let_go_behind_snapshots_and_a_snapshot_is_taken_once_per_limit():
    node = processes.single("everysec", options=["--snapshot-log-size", "8mb", "--wal-segment-size", "1mb"])
    with node.connect() as c:
        first = resp.info(c, "persistence")
        assert abs(int(first["rdb_last_save_time"]) - time.time()) < 60 and first["rdb_last_bgsave_time_sec"] == "-1", first
        for _ in range(40):
            fill(c, 1000, size=2000)
            until(lambda: resp.info(c, "persistence")["rdb_bgsave_in_progress"] == "0", "the snapshot is finished", 20)
        # 85 MB of log with 2 MB of data: ten snapshots at most, and not one behind the other.
        end = resp.info(c, "persistence")
        assert 3 <= int(end["rdb_saves"]) <= 11 and int(end["rdb_last_bgsave_time_sec"]) >= 0, end
        # From the last but one on; what is not on disk yet is kept too.
        end = until(lambda: (lambda i: int(i["log_bytes"]) < 25_000_000 and i)(resp.info(c, "persistence")), "old log is let go", 30)
        assert int(end["log_bytes"]) > 8_000_000 and end["aof_current_size"] == end["log_bytes"], end
        # The last round may have brought one more snapshot that is being taken; then there is nothing to do, and nothing is done.
        def idle():
            before = resp.info(c, "persistence")
            time.sleep(1)
            after = resp.info(c, "persistence")
            return before["rdb_bgsave_in_progress"] == "0" and before["rdb_saves"] == after["rdb_saves"] and after

        assert int(until(idle, "no snapshot without a reason", 10)["rdb_saves"]) <= 12, end
    assert len(wal_files(node.dir)) < 30
    node.restart(graceful=False)
    with node.connect() as c:
        assert c.call("DBSIZE") == 1000 and c.call("GET", "k999") == b"999:" + b"v" * 2000
    node.stop()


class Watcher:
    """Sends PING, or reads a key, all the time on a connection of its own; how long the slowest answer took."""

    def __init__(self, node, *command):
        self.command, self.worst, self.count, self.wrong = command, 0.0, 0, []
        self.over = threading.Event()
        self.conn = node.connect(timeout=20)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            began = time.monotonic()
            try:
                answer = self.conn.call(*self.command)
                if answer not in (b"PONG", b"the value"):
                    self.wrong.append(answer)
            except (OSError, resp.Error) as e:
                self.wrong.append(e)
                return
            self.worst = max(self.worst, time.monotonic() - began)
            self.count += 1
            time.sleep(0.002)

    def stop(self):
        self.over.set()
        self.thread.join(25)
        self.conn.close()
        assert not self.thread.is_alive()


@limited(90)
def test_when_even_the_reserve_is_used_up_writes_are_refused_and_nobody_waits():
    """Below `always` a turn's replies wait for its write: what has no room must not be begun."""
    disk = small_disk(48)
    watchers = []
    try:
        small = ["--wal-segment-size", "1mb", "--disk-reserve", "1mb", "--disk-low-water", "4mb", "--save", ""]
        node = processes.single("everysec", directory=disk, options=small)
        with node.connect(timeout=15) as c:
            c.call("SET", "read", "the value")
            # Deletes are let through on a full disk: with such names they take room in the log.
            names = ["%d:" % i + "n" * 20_000 for i in range(400)]
            for name in names:
                c.call("SET", name, "v")
            ballast = os.path.join(disk, "ballast")
            take_room(disk)
            assert shutil.disk_usage(disk).free < 65536
            watchers = [Watcher(node, "PING"), Watcher(node, "GET", "read")]

            def refusal(*command):
                began = time.monotonic()
                try:
                    answer = c.call(*command)
                except resp.Error as e:
                    answer = e
                took = time.monotonic() - began
                assert took < 1, "%s took %.1f s" % (command[0], took)
                if isinstance(answer, resp.Error):
                    assert answer.code == "MISCONF", answer
                    return answer
                return None

            until(lambda: refusal("SET", "big", b"x" * 10_000), "a write is refused", 10)
            gone = 0
            while gone < len(names) and not refusal("DEL", names[gone]):
                gone += 1
            assert 10 < gone < len(names), "the log never ran full: %d deletes" % gone
            for _ in range(20):
                assert refusal("DEL", names[-1]) and refusal("SET", "a", "1" * 300_000)
                time.sleep(0.05)
            # In a transaction, and behind replies of the same write.
            c.call("MULTI")
            c.call("DEL", names[-1])
            try:
                raise AssertionError(c.call("EXEC"))
            except resp.Error as e:
                assert e.code in ("MISCONF", "EXECABORT"), e
            replies = c.pipeline([("PING",), ("GET", "read"), ("DEL", names[-1]), ("GET", "read")])
            assert replies[:2] == [b"PONG", b"the value"] and replies[3] == b"the value", replies
            assert isinstance(replies[2], resp.Error) and replies[2].code == "MISCONF", replies
            for watcher in watchers:
                watcher.stop()
                print("        %s: %d answers, slowest %.3f s" % (watcher.command[0], watcher.count, watcher.worst))
                assert watcher.wrong == [] and watcher.count > 100
                assert watcher.worst < 0.5, "%s waited %.1f s" % (watcher.command[0], watcher.worst)
            left = c.call("DBSIZE")
            assert left == 1 + len(names) - gone + c.call("EXISTS", "big")
            # What was refused has not happened, what was answered has, also after a crash on the full disk.
            node.kill()
            node.start()
        with node.connect(timeout=15) as c:
            assert c.call("DBSIZE") == left and c.call("EXISTS", names[gone]) == 1 and c.call("EXISTS", names[gone - 1]) == 0
            os.remove(ballast)
            until(lambda: not refusal("SET", "again", "1"), "writes are accepted again", 15)
        node.restart()
        with node.connect() as c:
            assert c.call("GET", "again") == b"1" and c.call("DBSIZE") == left + 1
        node.stop()
    finally:
        for watcher in watchers:
            watcher.over.set()
        processes.end_all()
        subprocess.run(["umount", "-l", disk], capture_output=True)


@limited(180)
def test_a_full_disk_on_the_leader_moves_leadership():
    disk = small_disk(700)
    c = None
    try:
        c = cluster.Cluster(3)
        # Node 1's directory on the small disk; it leads when the test begins.
        c.nodes[0].argv = c.argv(0, disk)
        c.nodes[0].dir, c.nodes[0].log = disk, os.path.join(c.dir, "node1.log")
        c.start()
        if c.leader() is not c.nodes[0]:
            with c.leader().connect() as conn:
                conn.call("FAILOVER", "TO", "127.0.0.1", c.nodes[0].port)
            until(lambda: c.leader() is c.nodes[0], "node 1 leads")
        take_room(disk, leave=10_000_000)
        with c.nodes[1].connect(timeout=10) as conn:

            def write():
                try:
                    return conn.call("SET", "big", b"x" * 1_000_000)
                except resp.Error:
                    return None

            for _ in range(40):
                write()
            until(lambda: c.leader([c.nodes[1], c.nodes[2]]), "a node with room leads", 20)
            until(write, "writes go on", 20)
            said = lambda text: open(c.nodes[0].log, errors="replace").read().count(text)
            assert said("leadership is given away: this node's disk is low") == 1, c.logs()
            assert said("disk low: ") == 1, c.logs()
            # The log itself fills what is left, until this node's vote waits for room: said once, with the slot.
            began = "the log waits for room on the disk"

            def paxos():
                with c.nodes[0].connect(timeout=10) as node:
                    return resp.info(node, "paxos")

            def fill():
                # All but what the log has kept back for itself.
                take_room(disk)
                write()
                return said(began)

            until(fill, lambda: "it waits for room\n" + c.logs(20), 60)
            since = int(paxos()["paxos_not_durable_since"])
            assert since > 0 and "slots from %d on are not durable" % since in open(c.nodes[0].log).read(), (since, c.nodes[0].tail())
            assert until(write, "the others go on", 20)
            os.unlink(os.path.join(disk, "ballast"))
            until(lambda: said("the log no longer waits for room"), "its end is said", 30)
            until(lambda: paxos()["paxos_not_durable_since"] == "0", "INFO knows", 30)
            until(lambda: said("the disk has room again"), "so is the disk's", 30)
            assert said(began) == said("the log no longer waits for room") and said(began) < 5, c.nodes[0].tail(50)
        c.wait_converged(60)
    finally:
        if c:
            c.kill()
        subprocess.run(["umount", "-l", disk], capture_output=True)


class Load:
    """Writes without a pause until told to stop."""

    def __init__(self, node):
        self.node = node
        self.over = threading.Event()
        self.failed = []
        self.done = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with self.node.connect(timeout=30) as c:
            while not self.over.is_set():
                replies = c.pipeline([("SET", "load%d" % (self.done % 5000 + i), self.done) for i in range(20)])
                self.failed += [r for r in replies if r != b"OK"]
                self.done += len(replies)

    def stop(self):
        self.over.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


@limited(180)
def test_a_node_that_missed_a_million_keys_loads_them_without_standing_still():
    c = cluster.Cluster(3, options=["--snapshot-log-size", "16mb", "--save", ""]).start()
    leader = c.leader()
    late = c.followers()[0]
    late.kill()
    value = b"v" * 80  # more in all than the 64 MB that a node keeps in memory for those who are late
    with leader.connect(timeout=60) as conn:
        for at in range(0, 1_000_000, 10_000):
            replies = conn.pipeline([("SET", "key:%010d" % i, value) for i in range(at, at + 10_000)])
            assert all(r == b"OK" for r in replies), replies[:3]
        missed_to = int(resp.info(conn, "paxos")["paxos_chosen_slot"])
    # The log goes back to the snapshot before the last: the second one leaves the late node behind. On either node:
    # what one of them still has, in memory or in a segment that is not yet gone, comes as log.
    for turn in range(2):
        for n in c.nodes:
            if n is late:
                continue
            with n.connect(timeout=60) as conn, leader.connect() as writer:
                until(lambda: int(resp.info(conn, "persistence")["rdb_bgsave_in_progress"]) == 0, "no snapshot is being written", 60)
                writer.call("SET", "between snapshots", turn)
                conn.call("SAVE")
    for n in c.nodes:
        if n is not late:
            with n.connect() as conn:
                until(lambda: int(resp.info(conn, "paxos")["paxos_first_slot"]) > missed_to, "the log has gone on", 30)
            assert not os.path.exists(os.path.join(n.dir, "wal", "%016d.log" % 1)), "the segment with what was missed is there"
    load = Load(leader)
    late.start(wait=False)  # loading may be over in a second
    refused = set()
    seen_loading = []

    def loaded():
        try:
            conn = late.connect(timeout=30)
        except OSError:
            return False
        with conn:
            if resp.info(conn, "persistence")["loading"] == "1":
                seen_loading.append(time.monotonic())
            conn.call("READONLY")  # reads what there is, and doesn't wait
            conn.send("GET", "key:0000999999")
            reply = conn.read()
            if isinstance(reply, resp.Error):
                refused.add(reply.code)
            return reply == value

    until(loaded, "the late node has the keys", 90, every=0.01)
    load.stop()
    assert load.failed == [], load.failed[:3]
    assert seen_loading, "it had no need of a snapshot"
    assert refused == {"LOADING"}, refused
    c.wait_converged(60)
    assert c.leader() is leader, "the leader changed\n" + c.logs()
    with late.connect() as conn:
        assert conn.call("DBSIZE") >= 1_000_000
        info = resp.info(conn)
        assert int(info["loading"]) == 0
        print("        longest stall %s ms, answered %d times while loading; refused with %s; %d writes meanwhile"
              % (info["loop_stall_max_ms"], len(seen_loading), sorted(refused), load.done))
        # Who stands still answers when it has loaded, or once between two pieces.
        assert len(seen_loading) >= 3, "answered %d times while loading" % len(seen_loading)


@limited(60)
def test_info_is_true_behind_a_snapshot_a_peak_and_a_restart():
    node = processes.single("everysec")

    def info(field):
        with node.connect() as c:
            return int(resp.info(c)[field])

    with node.connect(timeout=30) as c:
        fill(c, 100)
        c.call("SAVE")
        fill(c, 7, prefix="later")
        assert info("rdb_changes_since_last_save") == 7
        c.call("SET", "large", "v" * 30_000_000)
        time.sleep(0.3)
        c.call("DEL", "large")
    # The numbers that a start leaves out are no changes.
    assert info("used_memory_peak") > 30_000_000
    node.restart(graceful=False)
    until(lambda: info("revision") > 1_000_000, "numbers are left out")
    assert info("rdb_changes_since_last_save") == 9


@limited(60)
def test_the_log_file_says_why_there_is_no_snapshot():
    node = processes.single("everysec")
    os.rename(os.path.join(node.dir, "snapshots"), os.path.join(node.dir, "away"))
    with node.connect() as c:
        for _ in range(3):
            try:
                c.call("SAVE")
                raise AssertionError("saved to nowhere")
            except resp.Error as e:
                assert e.text == b"ERR the snapshot could not be written. Check logs.", e.text
        os.rename(os.path.join(node.dir, "away"), os.path.join(node.dir, "snapshots"))
        assert c.call("SAVE") == b"OK"
    lines = [line for line in node.tail().splitlines() if "snapshot" in line and "replayed" not in line]
    assert len(lines) == 2, lines
    assert "a snapshot could not be written: open" in lines[0] and "No such file" in lines[0], lines
    assert "can be written again" in lines[1], lines

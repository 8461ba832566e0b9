"""Real processes whose clocks are wrong and whose disks fail, stall and write half: tests/support/faults_shim.c."""
import time

import cluster
import processes
import resp
import shim
from testing import limited, no_complaints, paxos, until
from workload import Workload

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS


def faulty_single(durability="always", **numbers):
    """A node alone and what goes wrong with it."""
    node = processes.single(durability, start=False)
    wrong = shim.Faults(processes.temp_dir("faults-"), **numbers)
    node.prefix = list(wrong.prefix)
    return node, wrong


def faulty_cluster(count=3, drifts=None):
    directory = processes.temp_dir("cluster-")
    wrong = [shim.Faults(directory, "faults%d" % i, drift_ppm=drifts[i] if drifts else 0) for i in range(count)]
    c = cluster.Cluster(count, directory=directory, prefixes=[w.prefix for w in wrong])
    return c, dict(zip(c.nodes, wrong))


def time_ahead_s(conn):
    """By how much the server's TIME is ahead of this machine's clock."""
    seconds, us = (int(x) for x in conn.call("TIME"))
    return seconds + us / 1e6 - time.time()


def wall_ahead_ms(conn):
    return int(resp.info(conn, "coordination")["wall_clock_ahead_ms"])


def write_until_it_dies(node, prefix):
    """How many numbered writes were acknowledged before the process ended."""
    done = 0
    try:
        with node.connect(timeout=5) as c:
            while done < 1_000_000:
                if c.call("SET", "%s%d" % (prefix, done), str(done)) != b"OK":
                    break
                done += 1
    except (OSError, resp.Closed, resp.Error):
        pass
    return done


@limited(60)
def test_a_failed_fsync_ends_the_process_and_loses_nothing_acknowledged():
    node, wrong = faulty_single()
    node.start()
    for life in range(3):
        with node.connect() as c:
            for i in range(50):
                assert c.call("SET", "life%d:%d" % (life, i), "v") == b"OK"
        wrong.sync_errors = 1
        done = write_until_it_dies(node, "late%d:" % life)
        assert node.wait_exit() not in (None, 0), "it goes on after a failed fsync"
        assert wrong.sync_errors_made == life + 1
        assert "fdatasync" in node.tail() or "fsync" in node.tail(), node.tail()
        wrong.clear()
        node.start()
        with node.connect() as c:
            for earlier in range(life + 1):
                assert all(c.call("GET", "life%d:%d" % (earlier, i)) == b"v" for i in range(50))
            assert all(c.call("GET", "late%d:%d" % (life, i)) == b"%d" % i for i in range(done))


@limited(90)
def test_a_cluster_outlives_failed_fsyncs_of_its_leader():
    c, wrong = faulty_cluster()
    c.start()
    work = Workload(c.nodes, kinds=("register", "counter", "bank")).start()
    for _ in range(2):
        leader = c.wait_leader()
        before = work.progress()
        until(lambda: work.progress() > before + 50, "clients make progress")
        wrong[leader].sync_errors = 1
        assert leader.wait_exit() not in (None, 0), "the leader goes on after a failed fsync"
        before = work.progress()
        until(lambda: work.progress() > before + 50, "clients go on without it", 20)
        wrong[leader].clear()
        leader.start()
    work.stop()
    c.wait_converged()
    no_complaints(work)


@limited(60)
def test_short_writes_are_written_to_their_end():
    node, wrong = faulty_single("everysec", short_writes=2)
    node.start()
    big = b"x" * 3_000_000
    with node.connect() as c:
        replies = c.pipeline([("SET", "k%d" % i, b"%d:" % i + b"v" * (i % 700)) for i in range(3000)])
        assert all(r == b"OK" for r in replies)
        assert c.call("SET", "big", big) == b"OK"
        c.call("BGSAVE")
        until(lambda: resp.info(c, "persistence")["rdb_bgsave_in_progress"] == "0", "the snapshot is written")
        assert c.call("INCR", "after") == 1
    assert wrong.written_short > 2
    node.kill()
    node.start()
    with node.connect() as c:
        assert all(c.call("GET", "k%d" % i) == b"%d:" % i + b"v" * (i % 700) for i in range(0, 3000, 7))
        assert c.call("GET", "big") == big and c.call("GET", "after") == b"1"


@limited(90)
def test_a_cluster_whose_disks_write_half_is_right():
    c, wrong = faulty_cluster()
    for w in wrong.values():
        w.short_writes = 3
    c.start()
    work = Workload(c.nodes).start()
    leader = c.wait_leader()
    until(lambda: work.progress() > 300, "clients make progress", 20)
    leader.kill()
    leader.start()
    before = work.progress()
    until(lambda: work.progress() > before + 100, "clients go on", 20)
    work.stop()
    assert all(w.written_short > 0 for w in wrong.values())
    c.wait_converged()
    no_complaints(work)


@limited(90)
def test_a_disk_that_stalls_holds_up_writes_and_nothing_else():
    c, wrong = faulty_cluster()
    c.start()
    leader = c.wait_leader()
    with leader.connect() as conn:
        assert conn.call("SET", "k", "v") == b"OK"
        # The others are a majority: nobody waits for this one.
        wrong[leader].sync_stall_ms = 3000
        began = time.monotonic()
        for i in range(20):
            assert conn.call("SET", "k%d" % i, "v") == b"OK"
            assert conn.call("GET", "k") == b"v"
        took = time.monotonic() - began
        assert took < 30, "20 SETs took %.1f s: they wait for the slow disk" % took
        wrong[leader].clear()
    # With all of them as slow, writes take as long, and are acknowledged.
    for w in wrong.values():
        w.sync_stall_ms = 300
    with c.wait_leader().connect() as conn:
        assert conn.call("SET", "slow", "v") == b"OK"
    for w in wrong.values():
        w.clear()
    c.wait_converged()


@limited(60)
def test_alone_a_disk_that_stalls_leaves_reads_alone():
    node, wrong = faulty_single()
    node.start()
    reads_beside_a_slow_write(node, wrong, "sync_stall_ms")


def reads_beside_a_slow_write(node, wrong, stall):
    """The write is answered as uncertain after two seconds, or in time on a disk that is faster than that. Before it is answered, by then at
    the latest, any number of reads are; on a machine that is busy in one of some tries."""
    for attempt in range(5):
        with node.connect() as writer, node.connect() as reader:
            assert writer.call("SET", "k", "v%d" % attempt) == b"OK"
            setattr(wrong, stall, 5000)
            writer.send("SET", "k", "w")
            answered_before = False
            for _ in range(20):
                assert reader.call("PING") == b"PONG"
                value = reader.call("GET", "k")
                assert value == b"v%d" % attempt or writer.pending(), "what no disk has is seen: %r" % value
                answered_before = answered_before or writer.pending()
            setattr(wrong, stall, 0)
            answer = writer.read()
            assert answer == b"OK" or isinstance(answer, resp.Error) and answer.code == "UNCERTAIN", answer
            until(lambda: reader.call("GET", "k") == b"w", "it has taken effect once the disk had it", 30)
            if not answered_before:
                return
    raise AssertionError("the reads waited for the disk, or the write did not, in each of 5 tries")


@limited(90)
def test_disks_whose_writes_stall_hold_up_writes_and_nothing_else():
    """As the tests above, but it is the write that hangs, before there is anything to fsync."""
    node, wrong = faulty_single()
    node.start()
    reads_beside_a_slow_write(node, wrong, "write_stall_ms")
    node.kill()
    c, wrong = faulty_cluster()
    c.start()
    leader = c.wait_leader()
    ballot = paxos_ballot(leader)
    with leader.connect(timeout=40) as conn:
        # The others are a majority.
        wrong[leader].write_stall_ms = 3000
        began = time.monotonic()
        for i in range(20):
            assert conn.call("SET", "k%d" % i, "v") == b"OK"
        took = time.monotonic() - began
        assert took < 30, "20 SETs took %.1f s: they wait for the slow disk" % took
        assert paxos_ballot(leader) == ballot, "a slow disk has cost the leadership"
        # A follower too: no majority without a stall, yet what is answered is right, and reads are not held up.
        wrong[c.followers()[0]].write_stall_ms = 1000
        conn.send("SET", "slow", "v")
        answer = conn.read()
        assert answer == b"OK" or isinstance(answer, resp.Error) and answer.code == "UNCERTAIN", answer
        until(lambda: conn.call("GET", "slow") == b"v", "it takes effect", 30)
    for w in wrong.values():
        w.clear()
    c.wait_converged()


def paxos_ballot(node):
    return paxos(node)["paxos_ballot"]


def ends_at(conn, key, in_s):
    """SET key … EXAT, by this machine's clock."""
    assert conn.call("SET", key, "v", "PXAT", str(int((time.time() + in_s) * 1000))) == b"OK"


@limited(90)
def test_a_leader_that_is_wrong_for_a_second_carries_nobody_away():
    c, wrong = faulty_cluster()
    c.start()
    for ahead_ms in (HOUR_MS, 10 * YEAR_MS, -10 * YEAR_MS):
        leader = c.wait_leader()
        with leader.connect() as conn:
            ends_at(conn, "before", 1800)
            wrong[leader].wall_ahead_ms = ahead_ms
            until(lambda: abs(wall_ahead_ms(conn)) > HOUR_MS - 5000, "the node says that its clock is not believed")
            ends_at(conn, "during", 1800)
            assert conn.call("EXISTS", "before", "during") == 2, "ended early while the clock was wrong"
            assert conn.call("PEXPIREAT", "during", str(int((time.time() + 1700) * 1000))) == 1
            for n in c.nodes:
                with n.connect() as other:
                    assert abs(time_ahead_s(other)) < 5, "TIME is %g s ahead" % time_ahead_s(other)
                    assert n is leader or wall_ahead_ms(other) == 0
            time.sleep(1)
            wrong[leader].clear()
            until(lambda: wall_ahead_ms(conn) == 0, "its clock is believed again")
        assert "not believed" in leader.tail(), leader.tail()
        for n in c.nodes:
            with n.connect() as other:
                assert abs(time_ahead_s(other)) < 5, "TIME is %g s ahead afterwards" % time_ahead_s(other)
                assert other.call("EXISTS", "before", "during") == 2
                assert 1_000_000 < other.call("PTTL", "during") < 1_750_000
    # Neither a failover nor a restart brings it back.
    leader.kill()
    c.wait_leader(nodes=[n for n in c.nodes if n is not leader])
    leader.start()
    for n in c.nodes:
        with n.connect() as other:
            assert abs(time_ahead_s(other)) < 5 and other.call("EXISTS", "before", "during") == 2


@limited(60)
def test_a_cluster_forms_right_with_one_clock_ten_years_ahead():
    c, wrong = faulty_cluster()
    wrong[c.nodes[0]].wall_ahead_ms = 10 * YEAR_MS
    c.start()
    for n in c.nodes:
        with n.connect() as conn:
            ends_at(conn, "k%d" % n.port, 600)
            assert abs(time_ahead_s(conn)) < 5
    with c.wait_leader().connect() as conn:
        assert conn.call("EXISTS", *("k%d" % n.port for n in c.nodes)) == 3


@limited(60)
def test_alone_a_clock_that_was_ahead_is_put_right_at_once():
    node, wrong = faulty_single("everysec", wall_ahead_ms=10 * YEAR_MS)  # before NTP
    node.start()
    with node.connect() as c:
        assert abs(time_ahead_s(c) - 10 * YEAR_MS / 1000) < 10, "a machine is believed at its start"
        c.call("SET", "k", "v")
        wrong.wall_ahead_ms = 0
        until(lambda: abs(time_ahead_s(c)) < 2, "TIME is right as soon as the machine's clock is")
        time.sleep(0.2)
        ends_at(c, "end", 600)
        assert c.call("EXISTS", "k", "end") == 2
        # From then on it runs: a leap forward has to stand for a minute.
        wrong.wall_ahead_ms = 10 * YEAR_MS
        until(lambda: wall_ahead_ms(c) > 9 * YEAR_MS, "the leap is not believed")
        assert c.call("EXISTS", "k", "end") == 2 and abs(time_ahead_s(c)) < 5
        wrong.wall_ahead_ms = 0
        until(lambda: wall_ahead_ms(c) == 0, "it is believed again")
        assert c.call("EXISTS", "k", "end") == 2
    # At a start a leap by years has to stand, too: what ends later than that is still there.
    wrong.wall_ahead_ms = 10 * YEAR_MS
    node.restart()
    with node.connect() as c:
        assert c.call("EXISTS", "k", "end") == 2 and abs(time_ahead_s(c)) < 30
        assert wall_ahead_ms(c) > 9 * YEAR_MS


@limited(90)
def test_clocks_that_drift_apart_break_no_lease():
    # 0.4 % either way: within the 1 % that leases allow for.
    c, _ = faulty_cluster(drifts=(4000, -4000, 0))
    c.start()
    work = Workload(c.nodes).start()
    for _ in range(2):
        leader = c.wait_leader()
        before = work.progress()
        until(lambda: work.progress() > before + 200, "clients make progress", 20)
        leader.pause()
        before = work.progress()
        until(lambda: work.progress() > before + 50, "clients go on without the leader", 20)
        leader.resume()
    work.stop()
    c.wait_converged()
    no_complaints(work)


@limited(90)
def test_refreshes_cost_far_fewer_entries_than_reads():
    c = cluster.Cluster(3).start()
    slots = lambda: c.wait_converged()[0]
    with c.nodes[0].connect() as one, c.nodes[1].connect() as two:
        # Two nodes in turn, as a cache behind two web servers: for 50 ms all is exact, at most an entry a millisecond; then pads grow
        # with the time for which the TTL has been asked for, up to 1 s, and there is about an entry a pad.
        one.call("HSET", "session", "data", "v")
        for conn in (one, two):
            conn.call("EXPIRE", "session", "20")
        before, began = slots(), time.monotonic()
        for _ in range(1500):
            for conn in (one, two):
                assert conn.call("HGET", "session", "data") == b"v"
                asked = time.monotonic()
                assert conn.call("EXPIRE", "session", "20") == 1
        took = time.monotonic() - began
        # Before the wait for the others, however long that takes.
        left = one.call("PTTL", "session")
        assert 20_000 - 1000 * (time.monotonic() - asked) - 2 <= left <= 21_000, left
        cost = slots() - before
        assert cost <= 70 + 2 * took, "%d entries for 3000 refreshes in %.1f s" % (cost, took)
        # Those that shrink are exact, and each is an entry.
        for ms in range(19_000, 18_990, -1):
            assert two.call("PEXPIRE", "session", str(ms)) == 1
            assert two.call("PTTL", "session") <= ms

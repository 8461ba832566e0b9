"""Small disks, disks that fill up with data and heal, and what is said about it."""
import os
import subprocess
import time

import cluster
import processes
import resp
from storage import small_disk
from testing import limited, until

MB = 1 << 20


def unmount(*disks):
    processes.end_all()
    for disk in disks:
        subprocess.run(["umount", "-l", disk], capture_output=True)


def fill_until_refused(conn, size=MB, most=2000):
    """SETs of new keys until one is refused for the disk's sake; how many were taken."""
    for i in range(most):
        try:
            conn.call("SET", "big:%d" % i, b"x" * size)
        except resp.Error as e:
            assert e.code == "MISCONF", e
            return i
    raise AssertionError("nothing was refused in %d writes" % most)


def writes_again(conn, size=MB):
    def write():
        try:
            return conn.call("SET", "again", b"y" * size)
        except resp.Error as e:
            assert e.code in ("MISCONF", "CLUSTERDOWN", "UNCERTAIN"), e
            return None

    return write


@limited(120)
def test_a_disk_filled_with_data_heals_after_flushall_del_and_growth():
    for durability in ("everysec", "always"):
        disk = small_disk(450)
        try:
            node = processes.single(durability, directory=disk)
            with node.connect(timeout=30) as c:
                taken = fill_until_refused(c)
                assert taken > 50, taken
                assert resp.info(c, "persistence")["disk_low"] == "1"
                c.call("FLUSHALL")
                until(writes_again(c), "writes after FLUSHALL (%s)\n%s" % (durability, node.tail()), 20)
                until(lambda: resp.info(c, "persistence")["disk_low"] == "0", "disk_low ends", 10)
                # It fills up again; now half of the keys go one by one.
                taken = fill_until_refused(c)
                for i in range(0, taken, 2):
                    c.call("DEL", "big:%d" % i)
                until(writes_again(c), "writes after DEL (%s)\n%s" % (durability, node.tail()), 20)
                kept = c.call("DBSIZE")
                fill_until_refused(c)
                subprocess.run(["mount", "-o", "remount,size=1500m", disk], check=True)
                until(writes_again(c), "writes after the disk has grown (%s)" % durability, 20)
            node.restart()
            with node.connect(timeout=30) as c:
                assert c.call("DBSIZE") >= kept and c.call("STRLEN", "again") == MB
            node.stop()
            text = open(node.log).read()
            assert "disk low: " in text and disk in text and "(disk-low-water)" in text, text
            assert "the disk has room again" in text, text
        finally:
            unmount(disk)


@limited(180)
def test_full_disks_of_a_cluster_heal_on_leader_and_follower():
    disks = [small_disk(450) for _ in range(3)]
    try:
        c = cluster.Cluster(3)
        for i, disk in enumerate(disks):
            c.nodes[i].argv = c.argv(i, disk)
            c.nodes[i].dir, c.nodes[i].log = disk, os.path.join(c.dir, "node%d.log" % (i + 1))
        c.start()
        with c.nodes[0].connect(timeout=60) as conn:
            taken = 0
            refused = None
            while refused is None:
                try:
                    conn.call("SET", "big:%d" % taken, b"x" * MB)
                    taken += 1
                except resp.Error as e:
                    if e.code == "MISCONF":
                        refused = e
                    else:
                        assert e.code in ("CLUSTERDOWN", "UNCERTAIN"), e
                assert taken < 2000
            until(lambda: conn.call("FLUSHALL") == b"OK", "FLUSHALL", 20)
            until(writes_again(conn), "writes after FLUSHALL\n" + c.logs(), 30)

            def room(node):
                with node.connect(timeout=30) as probe:
                    info = resp.info(probe, "all")
                    return info["disk_low"] == "0" and info["paxos_not_durable_since"] == "0"

            for node in c.nodes:
                until(lambda node=node: room(node), "room at %s\n%s" % (node.name, node.tail()), 30)
            # Full again; now the disks grow.
            again = 0
            while True:
                try:
                    conn.call("SET", "more:%d" % again, b"x" * MB)
                    again += 1
                except resp.Error as e:
                    if e.code == "MISCONF":
                        break
                    assert e.code in ("CLUSTERDOWN", "UNCERTAIN"), e
                assert again < 2000
            for disk in disks:
                subprocess.run(["mount", "-o", "remount,size=1500m", disk], check=True)
            until(writes_again(conn), "writes after the disks have grown\n" + c.logs(), 30)
            for node in c.nodes:
                until(lambda node=node: room(node), "room at %s\n%s" % (node.name, node.tail()), 30)
            assert conn.call("EXISTS", *["more:%d" % i for i in range(again)]) == again
        c.wait_converged(30)
        c.stop()
    finally:
        unmount(*disks)


@limited(90)
def test_small_volumes_take_writes():
    for megabytes in (64, 250):
        disk = small_disk(megabytes)
        try:
            node = processes.single("everysec", directory=disk)
            with node.connect(timeout=30) as c:
                # Twenty times over, more than the disk holds.
                refused = 0
                for i in range(20 * megabytes):
                    try:
                        c.call("SET", "key:%d" % (i % 4), b"v" * (MB // 4))
                    except resp.Error as e:
                        # Faster than the disk lets the log go: for a moment only.
                        assert e.code == "MISCONF", e
                        refused += 1
                        until(writes_again(c, 1), "writes go on (%d MB)\n%s" % (megabytes, node.tail()), 10)
                print("        %d MB: %d of %d writes refused" % (megabytes, refused, 20 * megabytes))
                c.call("DEL", "again")
                until(lambda: resp.info(c, "persistence")["disk_low"] == "0", "room", 10)
                assert resp.info(c, "persistence")["disk_low"] == "0"
                assert int(c.call("CONFIG", "GET", "disk-low-water")[1]) <= megabytes * MB // 8
            node.restart()
            with node.connect(timeout=30) as c:
                assert c.call("DBSIZE") == 4
            node.stop()
        finally:
            unmount(disk)


@limited(150)
def test_without_inodes_writes_are_refused_and_reads_go_on():
    for durability in ("everysec", "always"):
        disk = small_disk(4000)
        try:
            directory = os.path.join(disk, "data")
            os.mkdir(directory)
            node = processes.single(durability, directory=directory, options=["--wal-segment-size", "1mb"])
            with node.connect(timeout=10) as c, node.connect(timeout=3) as other:
                c.call("SET", "a", "1")
                usage = os.statvfs(disk)
                used = usage.f_files - usage.f_ffree
                subprocess.run(["mount", "-o", "remount,nr_inodes=%d" % used, disk], check=True)
                fill_until_refused(c, MB // 3, 40)
                # Longer than a leader waits for a disk that takes nothing.
                for _ in range(12):
                    assert other.call("PING") == b"PONG"
                    assert other.call("GET", "a") == b"1"
                    time.sleep(1)
                info = resp.info(c, "all")
                assert info["disk_low"] == "1" and info["paxos_refuses_writes"] == "disk", info
                subprocess.run(["mount", "-o", "remount,nr_inodes=%d" % (used + 1000), disk], check=True)
                until(writes_again(c), "writes with more inodes (%s)\n%s" % (durability, node.tail()), 10)
            node.stop()
            text = open(node.log).read()
            assert "more files (inodes) can be made in " + directory in text, text
            assert "no longer the leader" not in text and "no leader since" not in text, text
        finally:
            unmount(disk)


@limited(60)
def test_a_start_says_what_a_disk_is_too_small_for():
    disk = small_disk(64)
    try:
        node = processes.single("everysec", directory=disk, options=["--disk-low-water", "60mb", "--disk-reserve", "16mb"])
        text = open(node.log).read()
        assert "disk-low-water" in text and "disk-reserve" in text and "will be refused" in text, text
        with node.connect() as c:
            until(lambda: resp.info(c, "paxos")["paxos_refuses_writes"] == "disk", "INFO says why", 10)
        node.stop()
    finally:
        unmount(disk)


@limited(60)
def test_no_state_that_refuses_writes_is_silent():
    node = processes.single("everysec", options=["--maxmemory", "10mb", "--maxmemory-policy", "noeviction"])
    with node.connect() as c:
        c.call("SET", "a", b"x" * (11 * MB))
        try:
            raise AssertionError(c.call("SET", "b", b"x" * 100))
        except resp.Error as e:
            assert e.code == "OOM", e
        until(lambda: "memory limit reached" in open(node.log).read(), "a line in the log", 5)
        assert resp.info(c, "paxos")["paxos_refuses_writes"] == "memory"
        c.call("DEL", "a")
        until(lambda: "no longer refuses writes" in open(node.log).read(), "a line at its end", 10)
        assert resp.info(c, "paxos")["paxos_refuses_writes"] == "no"
    node.stop()
    text = open(node.log).read()
    assert text.count("memory limit reached") == 1, text

    c = cluster.Cluster(3).start()
    last = c.leader()
    for node in c.nodes:
        if node is not last:
            node.kill()
    until(lambda: "no leader since" in open(last.log).read(), "no majority is said", 15)
    with last.connect() as conn:
        assert resp.info(conn, "paxos")["paxos_refuses_writes"] == "no-leader"
    assert "1 of 3 voters are in reach" in open(last.log).read(), last.tail()
    for node in c.nodes:
        if node is not last:
            node.start(wait=False)
    until(lambda: "commands are answered again" in open(last.log).read(), "and its end", 20)
    c.stop()

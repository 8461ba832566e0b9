"""What operators and clients meet in daily use, on real processes."""
import json
import os
import re
import time

import cluster
import processes
import resp
from testing import Skip, limited, until


def error_of(conn, *command):
    try:
        return "no error: %r" % (conn.call(*command),)
    except resp.Error as e:
        return str(e)


@limited(90)
def test_failover_from_a_node_that_does_not_lead():
    c = cluster.Cluster(3).start()
    for _ in range(2):
        old = c.wait_leader()
        others = [n for n in c.nodes if n is not old]
        with others[0].connect() as conn:
            assert error_of(conn, "FAILOVER", "TO", "127.0.0.1", 1).startswith("ERR FAILOVER target"), "a stranger"
            # To the very node that is asked.
            assert conn.call("FAILOVER", "TO", "127.0.0.1", others[0].port) == b"OK"
            until(lambda: conn.call("ROLE")[0] == b"master", "the node that asked for it leads", 20)
    with c.nodes[0].connect() as conn:
        leader = c.wait_leader()
        follower = next(n for n in c.nodes if n is not leader)
        with follower.connect() as other:
            assert other.call("FAILOVER") == b"OK"
        until(lambda: c.wait_leader() is not leader, "another leads", 20)
        assert conn.call("SET", "k", "v") == b"OK"


@limited(60)
def test_a_restarted_follower_sees_its_leader_while_nobody_writes():
    c = cluster.Cluster(3).start()
    leader = c.wait_leader()
    follower = next(n for n in c.nodes if n is not leader)
    with leader.connect() as conn:
        for i in range(20):
            conn.call("SET", "k", i)
    c.wait_converged()
    with leader.connect() as conn:
        slot = resp.info(conn, "paxos")["paxos_applied_slot"]
    time.sleep(1)  # what is chosen is in its log
    follower.kill()
    follower.start()
    with follower.connect() as conn:
        until(lambda: resp.info(conn, "replication")["master_link_status"] == "up", "it sees its leader", 10)
        # As long as it would take it to say that there is none.
        time.sleep(3)
        assert resp.info(conn, "replication")["master_link_status"] == "up"
        if resp.info(conn, "paxos")["paxos_applied_slot"] == slot:
            assert not any("no leader since" in line for line in open(follower.log))
    c.stop()


@limited(90)
def test_without_a_majority_only_the_first_command_waits():
    c = cluster.Cluster(3).start()
    for n in c.nodes[1:]:
        n.pause()
    with c.nodes[0].connect(timeout=30) as conn:
        until(lambda: "CLUSTERDOWN" in error_of(conn, "SET", "k", "1"), "it gives up", 30)
        # All of these within less than two of the first.
        began = time.monotonic()
        for i in range(20):
            text = error_of(conn, *(("SET", "k", "1"), ("GET", "k"))[i % 2])
            assert text.startswith("CLUSTERDOWN ") and "1 of 3 nodes can be reached, 2 are needed" in text, text
        assert time.monotonic() - began < 15, "each of them waited"
        assert conn.call("PING") == b"PONG"
        for n in c.nodes[1:]:
            n.resume()
        until(lambda: error_of(conn, "SET", "k", "2") == "no error: b'OK'", "it goes on", 30)
    c.stop()


@limited(60)
def test_a_limit_of_memory_is_the_cluster_s():
    c = cluster.Cluster(3, options=["--maxmemory", "300mb"]).start()
    conns = [n.connect() for n in c.nodes]
    for conn in conns:
        until(lambda: conn.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"314572800"], "the seed is known")
    assert conns[1].call("CONFIG", "SET", "maxmemory", "1mb") == b"OK"
    for conn in conns:
        until(lambda: conn.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"1048576"], "all have it")
    conns[2].call("SET", "big", b"x" * 2_000_000)
    for _ in range(2):
        for conn in conns:
            until(lambda: error_of(conn, "SET", "k", "v").startswith("OOM "), "it holds for all")
        old = c.leader()
        with old.connect() as conn:
            assert conn.call("FAILOVER") == b"OK"
        until(lambda: c.leader() not in (None, old), "another leads", 20)
    for conn in conns:
        conn.close()


@limited(60)
def test_logs_say_more_when_asked_and_in_other_forms():
    for form, shape in (
        ("redis", r"^\d+:M \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] "),
        ("iso", r"^\d+:M \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d [.*#-] "),
        ("json", r'^\{"time":"\d{4}-'),
    ):
        node = processes.single("everysec", options=["--loglevel", "verbose", "--log-format", form])
        with node.connect() as c:
            c.call("CONFIG", "SET", "timeout", "77")
            c.call("CONFIG", "SET", "requirepass", "hush")
            c.call("CONFIG", "SET", "hash-max-listpack-entries", "7")
            c.call("SAVE")
        node.stop()
        text = node.tail(1000)
        for line in text.splitlines():
            assert re.search(shape, line), line
            if form == "json":
                assert {"time", "pid", "level", "message"} == set(json.loads(line)), line
        for said in ("accepted 127.0.0.1:", "closed 127.0.0.1:", "CONFIG SET timeout 77", "CONFIG SET requirepass (not shown)",
                     "hash-max-listpack-entries is '7'", "a snapshot was written"):
            assert said in text, said + "\n" + text
        assert "hush" not in text, text


@limited(60)
def test_the_debug_level_tells_how_things_stand():
    node = processes.single("everysec", options=["--loglevel", "verbose"])
    with node.connect() as c:
        c.call("SET", "k", "v")
        c.call("SET", "j", "v", "EX", "1000")
        assert "clients connected" not in node.tail(1000)
        c.call("CONFIG", "SET", "loglevel", "debug")
        c.call("CLIENT", "PAUSE", "100", "WRITE")
        for said in (r"\. clients are paused", r"\. clients are no longer paused", r"\. 1 clients connected \(0 blocked\), \d+ bytes in use",
                     r"\. DB 0: 2 keys \(1 volatile\)", r"\. leader 1, ballot \d+\.1, 1 of 1 nodes in reach, slots applied \d+"):
            until(lambda: re.search(said, node.tail(1000)), said, 20)
    node.stop()


@limited(60)
def test_an_election_says_why():
    c = cluster.Cluster(3, options=["--loglevel", "verbose"]).start()
    leader = c.wait_leader()
    leader.kill()
    rest = [n for n in c.nodes if n is not leader]
    c.wait_leader(nodes=rest)
    assert any("election: this node stands under ballot" in n.tail(1000) and "nothing good was heard" in n.tail(1000) for n in rest), c.logs()


@limited(60)
def test_config_set_of_what_holds_already_is_taken():
    node = processes.single("everysec")
    with node.connect() as c:
        for name in ("bind", "port", "dir", "durability", "unixsocket", "logfile", "databases", "save", "appendonly", "cluster-initial"):
            value = c.call("CONFIG", "GET", name)[1]
            assert c.call("CONFIG", "SET", name, value) == b"OK", name
        assert c.call("CONFIG", "SET", "dir", node.dir + "/../" + os.path.basename(node.dir)) == b"OK"
        for name, value in (("port", "1"), ("dir", "/"), ("bind", "127.0.0.1"), ("durability", "memory")):
            assert "can't set immutable config" in error_of(c, "CONFIG", "SET", name, value), name
        assert c.call("CONFIG", "SET", "timeout", "5", "port", node.port) == b"OK"
        assert c.call("CONFIG", "GET", "timeout") == [b"timeout", b"5"]
    node.stop()


@limited(60)
def test_who_is_a_master_to_whom():
    c = cluster.Cluster(3).start()
    leader = c.wait_leader()
    follower = next(n for n in c.nodes if n is not leader)

    def shown(conn, *hello):
        role = conn.call("HELLO", "3", *hello)[b"role"]
        info = re.search(r"role:(\w+)", conn.call("INFO", "replication").decode()).group(1)
        return role.decode(), conn.call("ROLE")[0].decode(), info

    masters, replicas = ("master",) * 3, ("replica", "slave", "slave")
    with follower.connect() as plain, follower.connect() as named, follower.connect() as told:
        assert shown(plain) == replicas
        assert shown(named, "SETNAME", "web-1(SE.Redis-v2.8.0)") == masters
        told.call("CLIENT", "SETINFO", "LIB-NAME", "SE.Redis")
        assert shown(told, "SETNAME", "mine") == masters
        told.call("CONFIG", "SET", "cluster-advertise-role", "leader")
        assert shown(told) == replicas and shown(named) == replicas
        told.call("CONFIG", "SET", "cluster-advertise-role", "all")
        assert shown(told) == masters and shown(plain) == masters
        assert plain.call("SET", "k", "v") in (b"OK", "OK")
    with leader.connect() as conn:
        assert shown(conn) == masters
        info = conn.call("INFO", "server").decode()
        assert "redis_mode:standalone" in info and "clustron_mode:cluster" in info, info
        assert "INFO paxos" in error_of(conn, "CLUSTER", "INFO")


@limited(60)
def test_memory_stats_have_all_fields_of_redis():
    redis = processes.redis_server()
    if redis is None:
        raise Skip("no redis-server")
    node = processes.single("memory")
    fields = []
    for server in (redis, node):
        with server.connect() as c:
            c.call("SET", "k", "v")
            stats = c.call("MEMORY", "STATS")
            fields.append([name.decode() for name in stats[::2]])
            assert len(stats[stats.index(b"db.0") + 1]) == 6, stats
    assert set(fields[0]) <= set(fields[1]), set(fields[0]) - set(fields[1])
    redis.kill()
    node.kill()

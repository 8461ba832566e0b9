"""Cut networks: real nodes in network namespaces, clients outside that always reach every node."""
import random
import time

import cluster
import netns
import resp
from testing import Skip, limited, no_complaints, rounds, until
from workload import Workload


def lan_cluster(count=3):
    why = netns.available()
    if why:
        raise Skip(why)
    lan = netns.Lan(count)
    ports = [7001] * count
    c = cluster.Cluster(count, ports=ports, hosts=lan.hosts, prefixes=[lan.prefix(i) for i in range(count)])
    try:
        return lan, c.start()
    except Exception:
        lan.close()
        raise


def under(cut, heal_between=True, kinds=("register", "counter", "bank", "lock"), times=3):
    """Runs a workload while `cut(lan, cluster, leader index, rng)` divides the network `times` times."""
    lan, c = lan_cluster()
    try:
        rng = random.Random(11)
        work = Workload(c.nodes, kinds=kinds, patience_s=6.0).start()
        for _ in range(rounds(times, times * 10)):
            leader = c.nodes.index(c.wait_leader())
            cut(lan, c, leader, rng)
            time.sleep(1.0)
            before = work.progress()
            until(lambda: work.progress() > before + 20, "a majority goes on", 15)
            if heal_between:
                lan.heal()
                time.sleep(0.5)
        lan.heal()
        c.wait_leader()
        work.stop()
        c.wait_converged()
        no_complaints(work)
    finally:
        c.kill()
        lan.close()


@limited(90)
def test_the_leader_alone():
    under(lambda lan, c, leader, rng: lan.split([i for i in range(3) if i != leader]))


@limited(90)
def test_a_follower_alone_does_not_disturb():
    lan, c = lan_cluster()
    try:
        leader = c.wait_leader()
        i = c.nodes.index(leader)
        follower = (i + 1) % 3
        work = Workload([n for n in c.nodes if n is not c.nodes[follower]], patience_s=6.0).start()
        for _ in range(rounds(2, 20)):
            lan.split([k for k in range(3) if k != follower])
            time.sleep(2.0)
            lan.heal()
            time.sleep(1.0)
            assert c.leader() is leader, "a rejoining node unseated a good leader"
        work.stop()
        c.wait_converged()
        no_complaints(work)
    finally:
        c.kill()
        lan.close()


@limited(90)
def test_one_way_cuts():
    def cut(lan, c, leader, rng):
        other = rng.choice([i for i in range(3) if i != leader])
        lan.cut(*((leader, other) if rng.random() < 0.5 else (other, leader)))

    under(cut, times=4)


@limited(90)
def test_the_leader_hears_but_is_not_heard():
    def cut(lan, c, leader, rng):
        for other in range(3):
            if other != leader:
                lan.cut(leader, other)

    under(cut)


@limited(90)
def test_a_chain():
    """A-B-C without A-C: whoever leads, B reaches a majority."""

    def cut(lan, c, leader, rng):
        ends = [leader, rng.choice([i for i in range(3) if i != leader])]
        lan.cut(ends[0], ends[1])
        lan.cut(ends[1], ends[0])

    under(cut)


@limited(60)
def test_the_minority_answers_nothing_it_cannot_know():
    lan, c = lan_cluster()
    try:
        leader = c.wait_leader()
        with leader.connect() as conn:
            conn.call("SET", "k", "old")
        i = c.nodes.index(leader)
        lan.split([k for k in range(3) if k != i])
        rest = [n for n in c.nodes if n is not leader]
        c.wait_leader(nodes=rest)
        with rest[0].connect() as conn:
            conn.call("SET", "k", "new")
        with leader.connect(timeout=8) as conn:
            for command in (("GET", "k"), ("SET", "k", "mine")):
                try:
                    raise AssertionError("the minority answered %s with %r" % (command, conn.call(*command)))
                except resp.Error as e:
                    assert e.code in ("CLUSTERDOWN", "UNCERTAIN"), e
        lan.heal()
        c.wait_leader()
        c.wait_converged()
        with leader.connect() as conn:
            value = conn.call("GET", "k")
            assert value in (b"new", b"mine"), value
    finally:
        c.kill()
        lan.close()

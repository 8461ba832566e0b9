"""Data directories that released builds wrote, kept as archives in directories/: every later build loads them whole.

    directories.py SERVER NAME      writes directories/NAME.tar.xz with that server (a build of the day when NAME's version is new)

An archive has a node alone, three nodes of a cluster as kill -9 left them, and what they held. Nodes 1 and 3 have snapshots of
different slots, node 2 has none: it replays the whole log. So when they run again the digests of what the old build had in its
snapshots are held against what the new one makes of the same entries. Ports are a part of a directory, and lie where no other
test looks for some.
"""
import json
import os
import random
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import cluster  # noqa: E402
import processes  # noqa: E402
import resp  # noqa: E402
from testing import alarms, limited, paxos, until  # noqa: E402

ARCHIVES = os.path.join(HERE, "directories")
PORTS = [19871, 19872, 19873]
DATABASES = (0, 3)
FAR_S = 4_000_000_000  # the year 2096
WRITES = 500


def text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def random_write(rng, knows_lists):
    """A command on one of few keys, so that most of them meet a value."""
    number = rng.randrange(40)
    member = rng.choice(["%d" % rng.randrange(1000), "m%d" % rng.randrange(300), "x" * rng.randrange(200)])
    commands = [
        ("SET", "s%d" % number, member),
        ("SET", "s%d" % number, member, "EXAT", FAR_S + number),
        ("APPEND", "s%d" % number, member),
        ("SETRANGE", "s%d" % number, rng.randrange(3000), member),
        ("SETBIT", "b%d" % number, rng.randrange(50_000), 1),
        ("INCRBY", "n%d" % number, rng.randrange(1000)),
        ("HSET", "h%d" % number, "f%d" % rng.randrange(900), member, "g%d" % rng.randrange(900), "1"),
        ("HINCRBY", "h%d" % number, "count", "3"),
        ("HDEL", "h%d" % number, "f%d" % rng.randrange(900)),
        ("DEL", rng.choice("sbnh") + "%d" % number),
        ("RENAME", "h%d" % number, "h%d" % rng.randrange(40)),
        ("COPY", "s%d" % number, "s%d" % rng.randrange(40), "REPLACE"),
        ("MOVE", "s%d" % number, "3"),
        ("EXPIREAT", "h%d" % number, FAR_S),
        ("PERSIST", "h%d" % number),
    ]
    if knows_lists:
        commands += [
            ("RPUSH", "l%d" % number, *["%s:%d" % (member, i) for i in range(rng.randrange(1, 60))]),
            ("LPUSH", "l%d" % number, member),
            ("LPOP", "l%d" % number),
            ("LSET", "l%d" % number, 0, member),
            ("LTRIM", "l%d" % number, 0, 500),
            ("LMOVE", "l%d" % number, "l%d" % rng.randrange(40), "LEFT", "RIGHT"),
        ]
    return rng.choice(commands)


def write_some(conn, seed):
    rng = random.Random(seed)
    try:
        conn.call("LLEN", "none")
        knows_lists = True
    except resp.Error:
        knows_lists = False
    for _ in range(WRITES):
        conn.call("SELECT", rng.choice(DATABASES))
        try:
            conn.call(*random_write(rng, knows_lists))
        except resp.Error as e:
            assert e.code in ("ERR", "WRONGTYPE"), e  # no such key, wrong type: in the log all the same
    conn.call("SELECT", 0)
    conn.call("SET", "big", "x" * 300_000)
    for at in range(0, 3_000, 100):
        conn.call("HSET", "bighash", *[w for i in range(at, at + 100) for w in ("field:%d" % i, "value:%d" % i)])
    conn.call("MULTI")
    conn.call("INCR", "multi")
    conn.call("INCR", "multi")
    conn.call("EXEC")
    conn.call("TXN", "IF", 1, "EXISTS", "multi", "THEN", 1, 3, "SET", "txn", "done")
    # These end while nobody runs them: what stays of them is that no token and no revision is given again.
    conn.call("LEASE", "GRANT", 600_000, "ID", "lease%d" % seed)
    conn.call("SET", "leased%d" % seed, "v", "LEASE", "lease%d" % seed)
    conn.call("ONCE", "once%d" % seed, 600_000, "INCR", "once")
    return conn.call("LOCK", "ACQUIRE", "lock", 600_000, "OWNER", "me%d" % seed)[1]


def contents(conn):
    """{database: {key: [type, value, when it ends]}}, leased keys apart."""
    out = {}
    for db in DATABASES:
        conn.call("SELECT", db)
        keys, cursor = set(), b"0"
        while True:
            cursor, some = conn.call("SCAN", cursor, "COUNT", 1000)
            keys.update(some)
            if cursor == b"0":
                break
        held = {}
        for key in sorted(k for k in keys if not k.startswith(b"leased")):
            kind = text(conn.call("TYPE", key))
            if kind == "string":
                value = text(conn.call("GET", key))
            elif kind == "hash":
                flat = [text(w) for w in conn.call("HGETALL", key)]
                value = sorted(map(list, zip(flat[::2], flat[1::2])))
            else:
                value = [text(e) for e in conn.call("LRANGE", key, 0, -1)]
            held[text(key)] = [kind, value, conn.call("PEXPIRETIME", key)]
        out[str(db)] = held
    conn.call("SELECT", 0)
    return out


def make_nodes(directory):
    nodes = cluster.Cluster(3, ports=PORTS, directory=os.path.join(directory, "cluster"))
    alone = processes.single("everysec", directory=os.path.join(directory, "alone"), start=False, name="alone")
    return nodes, alone


def write_archive(server, name):
    processes.SERVER = server
    directory = processes.temp_dir("directories-")
    c, alone = make_nodes(directory)
    c.start()
    alone.start()
    tokens = {}
    with c.wait_leader().connect(timeout=60) as conn:
        write_some(conn, 1)
        with c.nodes[0].connect(timeout=60) as first:
            first.call("SAVE")
        write_some(conn, 2)
        with c.nodes[2].connect(timeout=60) as third:
            third.call("SAVE")
        tokens["cluster"] = write_some(conn, 3) if conn.call("LOCK", "BREAK", "lock") else 0
        held = {"cluster": contents(conn)}
    with alone.connect(timeout=60) as conn:
        write_some(conn, 4)
        conn.call("SAVE")
        conn.call("LOCK", "BREAK", "lock")
        tokens["alone"] = write_some(conn, 5)
        held["alone"] = contents(conn)
        version = int(resp.info(conn, "paxos")["paxos_feature_version"])
    slot, digest = c.wait_converged()
    c.kill()
    alone.kill()
    with open(os.path.join(directory, "held.json"), "w", encoding="utf-8") as f:
        json.dump({"held": held, "tokens": tokens, "feature_version": version, "slot": slot, "digest": digest}, f)
    path = os.path.join(ARCHIVES, name + ".tar.xz")
    with tarfile.open(path, "w:xz", preset=9) as tar:
        for entry in sorted(os.listdir(directory)):
            tar.add(os.path.join(directory, entry), entry, filter=lambda i: None if i.name.endswith(("log.txt", "/lock", "/spare")) else i)
    print("%s: feature version %d, slot %d, %d bytes" % (path, version, slot, os.path.getsize(path)))


def loads_whole(name):
    directory = processes.temp_dir("directories-")
    with tarfile.open(os.path.join(ARCHIVES, name)) as tar:
        tar.extractall(directory)
    with open(os.path.join(directory, "held.json"), encoding="utf-8") as f:
        written = json.load(f)
    c, alone = make_nodes(directory)
    assert os.listdir(os.path.join(c.nodes[0].dir, "snapshots")) and not os.listdir(os.path.join(c.nodes[1].dir, "snapshots"))
    alone.start()
    c.start(timeout=60)
    for node, what in ((alone, "alone"), (c.wait_leader(), "cluster")):
        with node.connect(timeout=60) as conn:
            assert contents(conn) == written["held"][what], "%s of %s" % (what, name)
            # No token is given twice, whether the lock's time is over by now or not.
            conn.call("LOCK", "BREAK", "lock")
            assert conn.call("LOCK", "ACQUIRE", "lock", 60_000, "OWNER", "new")[1] > written["tokens"][what]
    newest = int(paxos(alone)["paxos_feature_version_supported"])
    until(lambda: {int(paxos(n)["paxos_feature_version"]) for n in [*c.nodes, alone]} == {newest}, "the version rises", 30)
    assert int(paxos(c.nodes[1])["paxos_applied_slot"]) >= written["slot"]
    with c.nodes[0].connect(timeout=30) as conn:  # far enough for several digests to be compared
        for i in range(200):
            conn.call("SET", "after", i)
    c.wait_converged()
    for n in [*c.nodes, alone]:
        assert alarms(n) == [] and not os.path.exists(os.path.join(n.dir, "DIVERGED")), n.tail()
    # And once more, from what this build has written behind it.
    c.kill()
    c.start(timeout=60)
    with c.wait_leader().connect(timeout=60) as conn:
        assert conn.call("GET", "after") == b"199"
    c.wait_converged()
    c.stop()
    alone.stop()


@limited(200)
def test_directories_of_earlier_builds_are_loaded_whole():
    names = sorted(n for n in os.listdir(ARCHIVES) if n.endswith(".tar.xz"))
    assert names, "no archive"
    for name in names:
        loads_whole(name)


if __name__ == "__main__":
    write_archive(os.path.abspath(sys.argv[1]), sys.argv[2])

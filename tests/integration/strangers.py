"""Clients that nobody knows: from other machines without a password to give, or silent, or in great numbers."""
import os
import shutil
import socket
import time

import netns
import processes
import resp
from testing import Skip, limited, until

PASSWORD = "the password"


def rss_mb(node):
    with open("/proc/%d/status" % node.pid) as f:
        return [int(line.split()[1]) for line in f if line.startswith("VmRSS:")][0] // 1024


def server(*options):
    node = processes.single("memory", options=["--requirepass", PASSWORD, *options], start=False)
    node.password = PASSWORD
    return node.start()


def stranger(node):
    return resp.Conn(node.port, node.host, timeout=5)


def closed(conn):
    """Whether the server has hung up, whatever it said before."""
    try:
        while True:
            conn._fill()
    except socket.timeout:
        return False
    except (resp.Closed, ConnectionError):
        return True


@limited(60)
def test_a_stranger_who_never_reads_costs_nothing():
    node = server()
    before = rss_mb(node)
    bad = resp.encode(["AUTH", "bad"]) * 5000
    for _ in range(5):
        c = stranger(node)
        sent = 0
        try:
            while sent < 70 << 20:
                sent += c.sock.send(bad)
        except OSError:
            pass
        assert sent < 70 << 20, "all of it was taken"
        c.close()
    assert rss_mb(node) < before + 20, "%d MB, then %d" % (before, rss_mb(node))
    # Who reads may go on trying, and a client with the password may leave more unread.
    with stranger(node) as c:
        for _ in range(2000):
            c.send("AUTH", "bad")
            assert c.read().code == "WRONGPASS"
    with node.connect() as c:
        c.call("SET", "k", "v" * 100_000)
        c.sock.sendall(resp.encode(["GET", "k"]) * 100)
        for _ in range(100):
            assert len(c.result()) == 100_000


@limited(60)
def test_a_stranger_may_say_little():
    node = server()
    before = rss_mb(node)
    for request, said in (
        (b"*11\r\n", b"unauthenticated multibulk length"),
        (b"*2\r\n$16385\r\n", b"unauthenticated bulk length"),
        (b"x" * 70_000, b"too big inline request"),
    ):
        with stranger(node) as c:
            c.send_raw(request)
            r = c.read()
            assert isinstance(r, resp.Error) and said in r.text, r
            assert closed(c)
    # As long as a request may be, but never whole.
    conns = []
    for _ in range(300):
        c = stranger(node)
        try:
            c.send_raw(b"*10\r\n" + (b"$16384\r\n" + b"x" * 16384 + b"\r\n") * 9)
        except OSError:
            pass
        conns.append(c)
    time.sleep(0.5)
    # 64 KB of input each, in buffers that grow by doubling.
    assert rss_mb(node) < before + 300 * 128 // 1024 + 8, "%d MB, then %d" % (before, rss_mb(node))
    assert all(closed(c) for c in conns)
    # Long words are no reason to refuse the right password behind them.
    with stranger(node) as c:
        c.send("AUTH", "u" * 16384, "p" * 16384)
        assert c.read().code == "WRONGPASS"
        c.sock.sendall(resp.encode(["AUTH", PASSWORD]) + resp.encode(["SET", "k", "v" * 1_000_000]))
        assert c.result() == b"OK" and c.result() == b"OK"


@limited(60)
def test_a_stranger_has_ten_seconds():
    node = server()
    opened = time.monotonic()
    silent, busy, was_known = stranger(node), stranger(node), node.connect()
    known = node.connect()
    was_known.call("RESET")
    reset = time.monotonic()
    answered = opened
    try:
        while time.monotonic() < opened + 60:
            busy.send("PING")
            assert busy.read().code == "NOAUTH"
            answered = time.monotonic()
            time.sleep(0.2)
    except (OSError, resp.Closed):
        pass
    # It is heard for ten seconds (by the server's clock, from a moment between the two), and then no more.
    ended = time.monotonic()
    assert answered - opened < 50, "a stranger is answered after 50 s"
    assert ended - opened >= 9, "a stranger had only %.1f s" % (ended - opened)
    for c in (silent, was_known):
        c.settimeout(30)
        assert closed(c)
    assert time.monotonic() - reset >= 9, "who had been known had only %.1f s" % (time.monotonic() - reset)
    assert known.call("PING") == b"PONG"
    with node.connect() as c:
        assert resp.info(c, "stats")["unauthenticated_connections_closed"] == "3"
    assert "did not authenticate" in node.tail(), node.tail()


@limited(60)
def test_strangers_keep_nobody_out_who_has_the_password():
    node = server("--maxclients", "20")
    strangers = [stranger(node) for _ in range(30)]
    known = []
    for i in range(20):
        known.append(node.connect())
        strangers.append(stranger(node))
        assert known[-1].call("SET", "k%d" % i, "v") == b"OK"
    # All places are taken by clients with the password: a newcomer is told so, and no one of them leaves.
    with stranger(node) as c:
        assert c.read().text == b"ERR max number of clients reached"
    for c in known:
        assert c.call("PING") == b"PONG"
    known.pop().close()
    until(lambda: len(known[0].call("CLIENT", "LIST").splitlines()) == 19, "the place is free")
    with node.connect() as c:
        assert c.call("PING") == b"PONG"
    assert all(closed(c) for c in strangers)
    # A storm of them.
    for _ in range(1000):
        strangers.append(stranger(node))
    for c in known:
        assert c.call("PING") == b"PONG"
    with node.connect() as c:
        assert c.call("PING") == b"PONG"


@limited(120)
def test_protected_mode_is_redis_s():
    why = netns.available()
    if why:
        raise Skip(why)
    redis, cli = processes.redis_binary(), shutil.which("redis-cli")
    if cli is None:
        raise Skip("no redis-cli")
    lan = netns.Lan(1)
    host, prefix = lan.hosts[0], lan.prefix(0)

    def argv(kind, directory, options):
        if kind == "redis":
            # Debian's redis-tools has the server under another name: what it is called decides what it does.
            named = ["bash", "-c", 'exec -a redis-server "$@"', "-", redis]
            return [*named, "--port", "7001", "--dir", directory, "--save", "", *options]
        return [processes.SERVER, "--port", "7001", "--dir", directory, "--durability", "memory", *options]

    def told(options, here=()):
        """What PING is told, from outside, of each server; `here`: what its own machine says first."""
        answers = {}
        for kind in ("redis", "clustron") if redis else ("clustron",):
            directory = processes.temp_dir("protected-")
            node = processes.Process(argv(kind, directory, options), 7001, directory, kind, prefix=prefix, host=host).start()
            if here:
                assert os.system(" ".join([*prefix, cli, "-p", "7001", *here, ">/dev/null"])) == 0
            with resp.Conn(7001, host, timeout=5) as c:
                try:
                    c.send("PING")
                    r = c.read()
                except ConnectionError as e:
                    r = e
                # Of the advice at its end each has its own.
                answers[kind] = str(r).split(" interface.")[0] if isinstance(r, resp.Error) else r
            node.kill()
        if redis:
            assert answers["clustron"] == answers["redis"], (options, answers)
        return answers["clustron"]

    try:
        any_address = ["--bind", "0.0.0.0"]
        for options in (any_address, ["--bind", host, "127.0.0.1"], []):
            for more in ([], ["--protected-mode", "yes"]):
                assert str(told(options + more)).startswith("DENIED Redis is running in protected mode"), options + more
            assert told(options + ["--protected-mode", "no"]) == b"PONG"
            assert str(told(options + ["--requirepass", "x"])).startswith("NOAUTH")
        assert told(any_address, here=("CONFIG", "SET", "protected-mode", "no")) == b"PONG"
        assert str(told(any_address, here=("CONFIG", "SET", "requirepass", "x"))).startswith("NOAUTH")
        assert str(told(any_address + ["--requirepass", "x"], here=("-a", "x", "CONFIG", "SET", "requirepass", '""'))).startswith("DENIED")
    finally:
        processes.end_all()
        lan.close()

"""Configuration, tried by real starts: it fails closed, and what the documentation lists works."""
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import cluster
import processes
import resp
from testing import Skip, limited, until

DOC = os.path.join(processes.ROOT, "docs", "configuration.md")


def check(*words, stdin=b""):
    """--check-config: its status, and all it says."""
    r = subprocess.run([processes.SERVER, "--check-config", *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return r.returncode, r.stdout.decode("utf-8", "replace")


def conf(text, name="x.conf"):
    path = os.path.join(processes.temp_dir("conf-"), name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def refused(options, *said, path=None):
    """A real start with them ends at once, and says all of `said`."""
    node = processes.single("memory", options=options, start=False)
    if path:
        node.argv.insert(1, path)
    node.start(wait=False)
    status = node.wait_exit(15)
    text = node.tail(100)
    node.kill()
    assert status == 1, "%s: status %s\n%s" % (options, status, text)
    for words in said:
        assert words in text, "%r is not in\n%s" % (words, text)


@limited(60)
def test_an_unknown_directive_refuses_the_start():
    refused(["--no-such-directive", "5"], "'no-such-directive 5': unknown directive")
    refused(["--cluster-intial", "127.0.0.1:1,127.0.0.1:2"], "'cluster-initial' is the nearest known one")
    path = conf("port 1\n\nmaxmemroy 1gb\nfrobnicate yes\n")
    refused([], path + ":3: 'maxmemroy 1gb': unknown directive; 'maxmemory'", path + ":4: 'frobnicate yes'", path=path)
    node = processes.single("memory", options=["--ignore-unknown", "frobnicate maxmemroy"], start=False)
    node.argv.insert(1, path)
    node.start()
    with node.connect() as c:
        assert c.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"0"]
    node.stop()


@limited(60)
def test_a_missing_data_directory_refuses_the_start():
    directory = os.path.join(processes.temp_dir(), "not", "there")
    path = conf("# mine\ndir %s\n" % directory)
    rc, text = check(path)
    assert rc == 1 and path + ":2: 'dir %s': No such file or directory" % directory in text, text
    node = processes.single("memory", start=False)
    node.argv = [processes.SERVER, path, "--port", str(node.port)]
    node.start(wait=False)
    assert node.wait_exit(10) == 1, node.tail()
    assert not os.path.exists(directory)


@limited(60)
def test_what_a_start_cannot_have_is_named_with_file_and_line():
    taken = processes.single("memory")
    for line, why in (
        ("bind 127.0.0.1 # lo", "a comment must stand on a line of its own"),
        ("bind 192.0.2.1", "Cannot assign requested address"),
        ("bind no-such-host.invalid", ""),
        ("port %d" % taken.port, "Address already in use"),
        ("unixsocket /nonexistent/s.sock", "No such file or directory"),
        ("logfile /nonexistent/log", "No such file or directory"),
        ("pidfile /nonexistent/pid", "No such file or directory"),
        ("cluster-secret-file /nonexistent/secret", "No such file or directory"),
        ("cluster-announce nowhere", "is not HOST:PORT"),
        ("maxmemory-policy allkeys-lru", "noeviction"),
        ("databases 32", "between 1 and 16"),
        ("include /nonexistent/inner.conf", "No such file or directory"),
        ("requirepass \"half", "Unbalanced quotes"),
    ):
        path = conf("timeout 0\n%s\n" % line)
        node = processes.single("memory", start=False)
        node.argv = [processes.SERVER, path, "--dir", node.dir, "--durability", "memory"]
        if not line.startswith("port"):
            node.argv += ["--port", str(node.port)]
        node.start(wait=False)
        assert node.wait_exit(15) == 1, "%s\n%s" % (line, node.tail())
        text = node.tail()
        assert "%s:2: '%s" % (path, line.split()[0]) in text and why in text, "%s\n%s" % (line, text)
    taken.stop()


@limited(30)
def test_check_config_says_what_a_start_would():
    directory = processes.temp_dir()
    good = conf(b"\xef\xbb\xbfport 6379\r\ndir %s\nset-proc-title yes\n" % directory.encode())
    rc, text = check(good)
    assert rc == 0 and "good" in text, text
    # The reason is that of the directive, not of one whose name begins alike.
    assert "'set-proc-title yes' is ignored: the title is left alone" in text, text
    assert os.listdir(directory) == [], "it touched the data directory"
    for words, status in (([good, "--port", "x"], 1), ([good, "--nope", "1"], 1), ([good, "--nope", "1", "--ignore-unknown", "nope"], 0), ([], 0)):
        assert check(*words)[0] == status, words
    for line in ("databases 0", "io-threads 0", "io-threads 129", 'bind ""', "bind 127.0.0.1 127.0.0.1", "bind * 127.0.0.1"):
        rc, text = check("-", stdin=line.encode())
        assert rc == 1 and "stdin:1: '%s" % line.replace('"', "") in text, (line, text)
    assert check("-", stdin=b"port 1\n")[0] == 0
    rc, text = check("-", stdin=b"port 1\nprot 1\n")
    assert rc == 1 and "stdin:2: 'prot 1'" in text, text


@limited(60)
def test_every_directive_of_redis_is_known():
    redis = processes.redis_server()
    if redis is None:
        raise Skip("no redis-server here")
    with redis.connect() as c:
        pairs = c.call("CONFIG", "GET", "*")
    redis.stop()
    theirs = {pairs[i].decode(): pairs[i + 1].decode() for i in range(0, len(pairs), 2)}
    ours = open(DOC, encoding="utf-8").read()
    words = []
    for name, value in theirs.items():
        if name not in ("dir", "pidfile", "logfile", "port", "save"):
            words += ["--" + name, *(value.split() or [""])]
    rc, text = check(*words)
    assert "unknown directive" not in text, text
    # All complaints are about what can't be honoured; so no value of Redis's stopped the reading.
    assert all("refused, as" in line for line in text.splitlines() if not line.startswith("note: ")), text
    # The documented names are those that pass.
    section = ours[ours.index("Ignored, with a warning that gives the reason") :]
    names = re.findall(r"`([a-z_-]+)`(?=[,:])", section)
    rc, text = check(*(word for name in names for word in ("--" + name, "1")))
    assert rc == 0 and len(names) > 100, text
    for name in names:
        assert "'%s 1' is ignored" % name in text or "'%s (redacted)' is ignored" % name in text, name
    missing = set(theirs) - set(re.findall(r"[a-z_-]+", ours))
    assert missing <= {"slave-read-only", "hash-max-ziplist-entries", "hash-max-ziplist-value", "list-max-ziplist-size"}, missing


@limited(60)
def test_config_set_of_the_value_that_holds():
    node = processes.single("memory")
    with node.connect() as c:
        assert c.call("CONFIG", "SET", "maxmemory-policy", "noeviction") == b"OK"
        try:
            c.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            raise AssertionError("taken")
        except resp.Error as e:
            assert "noeviction" in str(e), e
    node.stop()


# Of every directive: values that a node alone takes, and values that refuse the start. A pair is what is given and what CONFIG GET
# says then. None: not tried alone (a cluster is needed, or the test of its own is named).
YES_NO = (["yes", "no"], ["maybe", ""])
VALUES = {
    "bind": (["127.0.0.1", "127.0.0.1 -::1", ("*", "*"), "localhost", "* -::*", "127.0.0.1 -192.0.2.1"],
             ["192.0.2.1", "no such,host", "", "127.0.0.1 127.0.0.1", "* 127.0.0.1", "-192.0.2.1"]),
    "port": (["@PORT"], ["-1", "65536", "x", "0"]),
    "unixsocket": (["@DIR/s.sock"], ["/nonexistent/s.sock", "@DIR/" + "x" * 120]),
    "unixsocketperm": (["0", "700", "777"], ["1000", "8", "-1"]),
    "tcp-backlog": (["1", "511", "2147483647"], ["0", "-1", "2147483648"]),
    "tcp-keepalive": (["0", "1", "300", "2147483647"], ["-1", "2147483648"]),
    "timeout": (["0", "1", "2147483647"], ["-1", "x"]),
    "shutdown-timeout": (["0", "10", "2147483647"], ["-1", "x"]),
    "protected-mode": YES_NO,
    "requirepass": (["", "a b", "x" * 512], []),
    "maxclients": (["1", "100", "10000"], ["0", "-1", "4294967296"]),
    "client-output-buffer-limit": (
        [
            ("normal 1mb 2kb 3", "normal 1048576 2048 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
            ("replica 1 2 3", "normal 0 0 0 slave 1 2 3 pubsub 33554432 8388608 60"),
            ("pubsub 0 0 0 normal 0 0 0", "normal 0 0 0 slave 268435456 67108864 60 pubsub 0 0 0"),
        ],
        ["normal 1 2", "other 1 2 3", "normal -1 0 0"],
    ),
    "client-query-buffer-limit": ([("1mb", "1048576"), ("1gb", "1073741824")], ["1023kb", "x"]),
    "proto-max-bulk-len": ([("1mb", "1048576"), ("512mb", "536870912")], ["1023kb", "-1"]),
    "maxmemory": (["0", ("1gb", "1073741824"), ("100m", "100000000")], ["-1", "1tb", "half"]),
    "daemonize": (["no"], ["maybe"]),  # yes: test_a_server_in_the_background
    "supervised": (["no", "systemd", "upstart", "auto"], ["runit"]),
    "pidfile": (["", "@DIR/pid"], ["/nonexistent/pid", "/"]),
    "log-format": (["redis", "iso", "json"], ["xml"]),
    "cluster-advertise-role": (["auto", "leader", "all"], ["none"]),
    "loglevel": (["debug", "verbose", "notice", "warning"], ["nothing", "loud"]),
    "logfile": (["", "@DIR/other.log"], ["/nonexistent/log", "/"]),
    "dir": (["@DIR"], ["/nonexistent", "/dev/null", ""]),
    "durability": (["always", "everysec", "memory"], ["sometimes", ""]),
    "slowlog-log-slower-than": (["-1", "0", "10000"], ["-2", "x"]),
    "slowlog-max-len": (["0", "128"], ["-1"]),
    "expire-coalesce": YES_NO,
    "watch-buffer-size": (["1024", ("2mb", "2097152")], ["1023", "x"]),
    "ignore-unknown": (["a", "a b"], []),
    "cluster-initial": (["127.0.0.1:@PORT"], ["a", "a:0", "::1:7000", "a:1,a:1", "a:1@0"]),
    "cluster-announce": (["", "db1:6379", "[::1]:7000"], ["db1", "[db1]:1", "::1:7000", "db1:65536"]),
    "cluster-port": (["0", "1", "65535"], ["-1", "65536"]),
    "cluster-secret-file": ([""], ["/nonexistent/secret"]),  # more: peers
    "cluster-insecure": YES_NO,
    "cluster-take-place": (["no"], ["maybe", "yes"]),  # yes: set_back
    "cluster-accept-loss": YES_NO,
    "skip-slot": ([""], ["1", "x:y", "1:"]),
    "maxmemory-clients": (["0", "5%", "100%", ("100mb", "104857600")], ["101%", "-1", "x"]),
    "cluster-reads": (["lease", "quorum"], ["often"]),
    "item-reply-max": ([("1kb", "1024"), ("512mb", "536870912")], ["1023", "x"]),
    "cluster-heartbeat-ms": (["50", "1", "150"], ["0", "151", "60001"]),
    "cluster-election-round-ms": (["150", "50", "600000"], ["4", "5", "49", "600001"]),
    "cluster-election-bad-rounds": (["1", "3", "100"], ["0", "101"]),
    "cluster-lease-ms": (["450", "10", "600000"], ["9", "600001"]),
    "cluster-lease-margin-ms": (["0", "20", "60000"], ["-1", "60001"]),
    "cluster-hold-ms": (["10", "2000", "600000"], ["9", "600001"]),
    "cluster-tick-ms": (["1", "100", "60000"], ["0", "60001"]),
    "cluster-window": (["1", "32", "64"], ["0", "65"]),
    "cluster-peer-queue-size": ([("1mb", "1048576"), ("64mb", "67108864")], ["1023kb"]),
    "wal-segment-size": ([("64kb", "65536"), ("1mb", "1048576")], ["63kb"]),
    "disk-reserve": (["0", ("1mb", "1048576")], ["-1"]),
    "disk-low-water": (["0", ("128mb", "134217728")], ["-1"]),
    "wal-cut-at-slot": (["0", "7"], ["-1"]),
    "snapshot-log-size": ([("64kb", "65536"), ("256mb", "268435456")], ["63kb"]),
    # Facts: any value that Redis takes starts, and the fact holds.
    "databases": ([("16", "16"), ("1", "16")], ["17", "0", "x"]),
    "hz": ([("10", "10"), ("500", "10")], ["x"]),
    "io-threads": ([("4", "1"), ("128", "1")], ["x", "0", "129"]),
    "cluster-enabled": ([("no", "no"), ("yes", "no")], ["maybe"]),
    "replica-read-only": ([("yes", "no"), ("no", "no")], ["maybe"]),
    "save": ([("", ""), ("900 1 300 10", "")], ["900", "a b"]),
    "appendonly": ([("yes", "yes"), ("no", "yes")], ["maybe"]),
    "appendfsync": ([("always", "everysec"), ("everysec", "everysec"), ("no", "everysec")], ["never"]),
    "latency-monitor-threshold": ([("0", "0"), ("100", "0")], ["x"]),
    "database-names": (["", ("2=b 1=a", "1=a 2=b")], ["a", "16=a", "1=1"]),
    "hash-max-listpack-entries": (["0", "512", "65536"], ["-1", "x"]),
    "hash-max-listpack-value": (["0", "64", ("8kb", "8192")], ["-1"]),
    "list-max-listpack-size": (["-5", "-2", "1", "128"], ["x", "99999999999"]),
    "maxmemory-policy": (["noeviction"], ["allkeys-lru", "volatile-ttl"]),
    "notify-keyspace-events": (["", ("KEA", "AKE"), ("Kx", "xK")], ["?"]),
    "index-query-limit": (["1", "100000000"], ["0", "100000001", "many"]),
    "watch-history-size": (["0", ("1mb", "1048576")], ["-1", "2tb"]),
    "watches": (["off", "on", "previous"], ["always"]),
}
ALIASES = {"slave-read-only", "hash-max-ziplist-entries", "hash-max-ziplist-value", "list-max-ziplist-size"}


def start_with(name, value):
    """A node that is started with that directive alone, beside port, dir and durability; what the value was."""
    node = processes.single("everysec", start=False)
    value = value.replace("@PORT", str(node.port)).replace("@DIR", node.dir)
    words = value.split() if name in ("bind", "client-output-buffer-limit", "save", "ignore-unknown") else [value]
    defaults = {"--port": str(node.port), "--dir": node.dir, "--durability": "everysec"}
    defaults.pop("--" + name, None)
    if name == "port" and value == "0":  # somewhere to listen all the same would be a unix socket
        defaults.pop("--port", None)
    node.argv = [processes.SERVER, *(w for pair in defaults.items() for w in pair), "--" + name, *(words or [""])]
    return node, value


@limited(300)
def test_every_documented_value_is_tried_by_a_real_start():
    node = processes.single("everysec")
    with node.connect() as c:
        pairs = c.call("CONFIG", "GET", "*")
    node.stop()
    names = {name.decode() for name in pairs[::2]} - ALIASES
    assert names == set(VALUES), "without values here: %s; unknown: %s" % (names - set(VALUES), set(VALUES) - names)
    documented = open(DOC, encoding="utf-8").read()
    for name, (good, bad) in VALUES.items():
        assert "`%s`" % name in documented or "`%s " % name in documented, name + " is not in docs/configuration.md"
        for value in good:
            given, told = value if isinstance(value, tuple) else (value, value)
            node, given = start_with(name, given)
            told = told.replace("@PORT", str(node.port)).replace("@DIR", node.dir)
            node.start(wait=False)
            try:
                with until_connected(node) as c:
                    if name == "requirepass" and given:
                        assert c.call("AUTH", given) == b"OK"
                    assert c.call("PING") == b"PONG", (name, given)
                    assert c.call("CONFIG", "GET", name) == [name.encode(), told.encode()], (name, given, c.call("CONFIG", "GET", name))
                    if name == "unixsocket":
                        assert os.path.exists(given)
            except (OSError, AssertionError) as e:
                raise AssertionError("%s %s: %s\n%s" % (name, given, e, node.tail())) from e
            node.kill()
        for value in bad:
            node, value = start_with(name, value)
            node.start(wait=False)
            status = node.wait_exit(15)
            text = node.tail()
            node.kill()
            assert status == 1, "%s %r: %s\n%s" % (name, value, status, text)
            assert "'%s" % name in text, text


def until_connected(node):
    def attempt():
        assert node.running(), node.tail()
        try:
            return node.connect()
        except OSError:
            return None

    return until(attempt, "it listens", 15)


@limited(60)
def test_a_node_with_a_unix_socket_alone():
    node = processes.single("everysec", start=False)
    path = os.path.join(node.dir, "s.sock")
    node.argv = [processes.SERVER, "--port", "0", "--unixsocket", path, "--dir", node.dir]
    for _ in range(2):  # formed, and found again
        node.start(wait=False)
        until(lambda: os.path.exists(path) or not node.running(), "the socket is there")

        def ping():
            assert node.running(), node.tail()
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                try:
                    s.connect(path)
                    s.sendall(b"INCR n\r\n")
                    return s.recv(100)
                except OSError:
                    return b""

        assert until(ping, "an answer", 15).startswith(b":")
        node.stop()


def few_descriptors(node, count):
    node.prefix = ["/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(count)]
    return node


@limited(60)
def test_replies_that_linger_take_no_descriptors():
    node = few_descriptors(processes.single("always", start=False, options=["--wal-segment-size", "64kb"]), 64).start()
    with node.connect() as c:
        gone = []
        # Each has heard its last reply, and stays.
        for i in range(200):
            s = socket.create_connection((node.host, node.port), timeout=5)
            s.sendall(b"*1\r\n$x\r\n")
            assert s.recv(100).startswith(b"-ERR Protocol error"), i
            gone.append(s)
            assert len(os.listdir("/proc/%d/fd" % node.pid)) < 64
            if i % 10 == 0:
                assert c.call("SET", "k%d" % i, "v" * 100000) == b"OK"
        assert c.call("SAVE") == b"OK"
        for s in gone:
            s.close()


@limited(90)
def test_few_descriptors():
    def limited_node(count):
        return few_descriptors(processes.single("everysec", start=False), count)

    for count in (43, 44, 64, 97, 128, 1024):
        node = limited_node(count)
        node.start()
        with node.connect() as c:
            told = int(c.call("CONFIG", "GET", "maxclients")[1])
            assert 0 < told < count, (count, told)
            # So many can be there, and work; the next hears why not.
            others = [node.connect() for _ in range(min(told, 150) - 1)]
            for other in others:
                assert other.call("SET", "k", "v") == b"OK"
            if told <= 150:
                try:
                    with node.connect() as one_more:
                        one_more.call("PING")
                    raise AssertionError("more than maxclients with %d" % count)
                except (resp.Error, OSError):
                    pass
            for other in others:
                other.close()
            assert c.call("SAVE") == b"OK"
            for value in (told, 1, told // 2 + 1, told):
                assert c.call("CONFIG", "SET", "maxclients", value) == b"OK"
            try:
                c.call("CONFIG", "SET", "maxclients", told + 1)
                raise AssertionError("more than there are descriptors for with %d" % count)
            except resp.Error as e:
                assert str(e).endswith("try with %d" % told), e
        node.kill()
    for count in (16, 42):
        node = limited_node(count)
        node.start(wait=False)
        assert node.wait_exit(15) not in (None, 0), node.tail()
        assert node.tail().strip(), "no word"


@limited(60)
def test_a_server_in_the_background():
    node = processes.single("everysec", start=False)
    pid = os.path.join(node.dir, "pid")
    node.argv += ["--daemonize", "yes", "--pidfile", pid, "--logfile", os.path.join(node.dir, "server.log")]
    node.start(wait=False)
    try:
        assert node.wait_exit(15) == 0, node.tail()
        with until_running(node) as c:
            assert c.call("SET", "k", "v") == b"OK"
        with open(pid) as f:
            os.kill(int(f.read()), 15)
        until(lambda: not os.path.exists(pid), "the pid file goes with the server", 15)
    finally:
        # Whatever has failed, it does not outlive the test: it is nobody's child any more.
        for left in processes_of(node.dir):
            os.kill(left, 9)


def with_files(node):
    """The node's pid file and unix socket, which it is to have."""
    paths = [os.path.join(node.dir, "pid"), os.path.join(node.dir, "s.sock")]
    node.argv += ["--pidfile", paths[0], "--unixsocket", paths[1]]
    return paths


@limited(60)
def test_a_second_start_by_mistake_takes_nothing_from_the_first():
    first = processes.single("everysec", start=False)
    paths = with_files(first)
    first.start()
    before = [os.lstat(path).st_ino for path in paths]
    second = processes.Process(first.argv, first.port, first.dir, "second")
    second.log = first.log + ".second"
    second.start(wait=False)
    assert second.wait_exit(20) == 1, second.tail()
    assert "another server uses the data directory" in second.tail(), second.tail()
    # A directory of its own, and the same socket.
    third = processes.single("everysec", start=False)
    third.argv += ["--unixsocket", paths[1]]
    third.start(wait=False)
    assert third.wait_exit(20) == 1 and "'unixsocket " in third.tail() and "in use" in third.tail(), third.tail()
    assert [os.lstat(path).st_ino for path in paths] == before
    with open(paths[0]) as f:
        assert int(f.read()) == first.pid
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(paths[1])
        s.sendall(b"PING\r\n")
        assert s.recv(100) == b"+PONG\r\n"
    first.stop()
    assert not any(os.path.lexists(path) for path in paths)
    # What a killed server leaves is in nobody's way.
    first.start()
    first.kill()
    assert all(os.path.lexists(path) for path in paths)
    first.start()
    first.stop()
    assert not any(os.path.lexists(path) for path in paths)


@limited(60)
def test_a_stop_during_a_start_leaves_no_files():
    for number in (signal.SIGTERM, signal.SIGINT):
        node = cluster.Cluster(2).nodes[0]
        paths = with_files(node)
        node.start(wait=False)
        with until_connected(node):
            until(lambda: all(os.path.exists(path) for path in paths) and "forming a cluster" in node.tail(), "it forms a cluster")
            node.signal(number)
            assert node.wait_exit(10) == 0, node.tail()
        assert not any(os.path.lexists(path) for path in paths), paths
    node = processes.single("everysec", start=False)
    with_files(node)
    with open(os.path.join(node.dir, "LOCK"), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        node.start(wait=False)
        until(lambda: "waiting for its server to end" in node.tail(), "it waits")
        node.signal(signal.SIGTERM)
        assert node.wait_exit(4) == 0, node.tail()


@limited(60)
def test_a_limit_on_the_size_of_files_is_a_full_disk():
    node = processes.single("everysec", start=False)
    node.prefix = ["/bin/sh", "-c", 'ulimit -f "$0" && exec "$@"', "20000"]
    node.start()
    with node.connect() as c:
        assert c.call("GET", "k") is None
        try:
            raise AssertionError(c.call("SET", "k", "v"))
        except resp.Error as e:
            assert e.code == "MISCONF", e
    assert "disk low: the file system refuses more" in node.tail() and "File too large" in node.tail(), node.tail()
    node.stop()


def processes_of(directory):
    """The ids of processes with this directory in their command lines."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if directory.encode() in f.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def until_running(node):
    def attempt():
        try:
            return node.connect()
        except OSError:
            return None

    return until(attempt, "it listens", 15)


class Systemd:
    """The socket that NOTIFY_SOCKET names, and what came."""

    def __init__(self):
        self.path = os.path.join(processes.temp_dir("systemd-"), "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(0.1)
        self.said = ""

    def start(self, node):
        node.prefix = ["/usr/bin/env", "NOTIFY_SOCKET=" + self.path]
        node.start(wait=False)

    def hears(self, text, seconds=20):
        def more():
            try:
                self.said += self.sock.recv(4096).decode() + "\n"
            except TimeoutError:
                pass
            return text in self.said

        until(more, "systemd hears %r, not only\n%s" % (text, self.said), seconds)


@limited(90)
def test_while_forming_a_node_answers_and_systemd_is_told():
    c = cluster.Cluster(3, options=["--supervised", "systemd"])
    first, systemd = c.nodes[0], Systemd()
    systemd.start(first)
    with until_connected(first) as conn:
        assert conn.call("PING") == b"PONG"
        assert conn.call("PING", "hello") == b"hello"
        for command in (("GET", "k"), ("SET", "k", "v"), ("INFO",), ("HELLO", "3"), ("CONFIG", "GET", "*")):
            try:
                conn.call(*command)
                raise AssertionError("%s was answered" % command[0])
            except resp.Error as e:
                assert str(e).startswith("CLUSTERDOWN forming: waits for "), e
        missing = "127.0.0.1:%d" % c.ports[1]

        def names_it():
            try:
                conn.call("GET", "k")
            except resp.Error as e:
                return missing in str(e)

        until(names_it, "it names who is missing")
        systemd.hears("STATUS=forming a cluster: waits for " + missing)
        systemd.hears("EXTEND_TIMEOUT_USEC=")
        assert "READY=1" not in systemd.said
        c.nodes[1].start(wait=False)
        with until_connected(c.nodes[1]) as other:
            assert other.call("PING") == b"PONG"
        c.nodes[2].start(wait=False)
        c.wait_leader()
        # The connection lived on.
        assert conn.call("SET", "k", "v") == b"OK"
    systemd.hears("READY=1")
    first.proc.terminate()
    systemd.hears("STOPPING=1")
    first.wait_exit(20)
    assert systemd.said.index("READY=1") < systemd.said.index("STOPPING=1")


@limited(60)
def test_systemd_hears_that_a_start_replays_the_log():
    node = processes.single("always", start=False)
    node.start()
    with node.connect() as c:
        for i in range(100):
            c.call("SET", "k%d" % i, "v")
    node.stop()
    systemd = Systemd()
    systemd.start(node)
    systemd.hears("READY=1")
    loading, ready = systemd.said.split("READY=1", 1)
    assert "STATUS=loading the data: at slot " in loading and "EXTEND_TIMEOUT_USEC=" in loading, systemd.said
    assert "loading" not in ready, systemd.said
    node.stop()


@limited(60)
def test_a_directory_that_is_just_being_left():
    node = processes.single("everysec", start=False)
    os.makedirs(node.dir, exist_ok=True)
    held = open(os.path.join(node.dir, "LOCK"), "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    node.start(wait=False)
    until(lambda: "waiting for its server to end" in node.tail(), "it waits")
    time.sleep(1)
    assert node.running(), node.tail()
    held.close()
    node.wait_ready()
    second = processes.single("everysec", directory=node.dir, start=False)
    second.log = os.path.join(processes.temp_dir(), "log.txt")
    second.start(wait=False)
    assert second.wait_exit(30) == 1, second.tail()
    assert "another server uses the data directory" in second.tail(), second.tail()
    with node.connect() as c:
        assert c.call("SET", "k", "v") == b"OK"


@limited(90)
def test_a_cluster_on_ipv6_with_peer_ports_of_its_own():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        raise Skip("no IPv6 here") from None
    ports = processes.free_ports(6)
    initial = ",".join("[::1]:%d@%d" % (ports[i], ports[i + 3]) for i in range(3))
    nodes = []
    for i in range(3):
        directory = processes.temp_dir()
        argv = [processes.SERVER, "--port", str(ports[i]), "--dir", directory, "--cluster-initial", initial]
        argv += ["--cluster-announce", "[::1]:%d" % ports[i], *([] if i else ["--bind", "127.0.0.1 ::1"])]
        nodes.append(processes.Process(argv, ports[i], directory, "node %d" % (i + 1)).start(wait=False))
    with until_connected(nodes[0]) as c:
        until(lambda: answers(c), "a leader is there", 30)
    for node in nodes:
        with node.connect() as c:
            until(lambda: answers(c), "a leader is there", 30)
            role = c.call("ROLE")
            if role[0] == b"slave":
                assert role[1] == b"::1" and role[2] in ports, role
    for node in nodes:
        node.stop()


def answers(conn):
    try:
        return conn.call("SET", "k", "v") == b"OK"
    except resp.Error:
        return False

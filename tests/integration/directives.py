"""Configuration, tried by real starts: it fails closed, and what the documentation lists works."""
import os
import re
import subprocess

import processes
import resp
from testing import Skip, limited

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
        ("databases 32", "between 0 and 16"),
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
        if name not in ("dir", "pidfile", "logfile", "port", "save", "maxmemory-clients"):
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
        assert "'%s 1' is ignored" % name in text, name
    missing = set(theirs) - set(re.findall(r"[a-z_-]+", ours)) - {"maxmemory-clients"}
    assert missing <= {"slave-read-only", "hash-max-ziplist-entries", "hash-max-ziplist-value"}, missing


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

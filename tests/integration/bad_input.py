"""Clients that do not behave: a clear outcome each time, and everybody else goes on."""
import random
import socket
import time

import processes
import resp
from testing import limited, rounds, until


def raw(node, data, read_until_close=True, timeout=3.0):
    """What comes back for raw bytes, until the server closes or goes silent."""
    with socket.create_connection((node.host, node.port), timeout=timeout) as s:
        out = b""
        try:
            s.sendall(data)
            while True:
                chunk = s.recv(65536)
                if not chunk:
                    return out, True
                out += chunk
        except socket.timeout:
            return out, False
        except ConnectionError:
            return out, True


def healthy(node):
    with node.connect(timeout=5) as c:
        assert c.call("SET", "healthy", "yes") == b"OK" and c.call("GET", "healthy") == b"yes"


MALFORMED = [
    (b"*1\r\n$notanumber\r\n", b"-ERR Protocol error: invalid bulk length"),
    (b"*notanumber\r\n", b"-ERR Protocol error: invalid multibulk length"),
    (b"*99999999999999999999\r\n", b"-ERR Protocol error: invalid multibulk length"),
    (b"*2147483648\r\n", b"-ERR Protocol error: invalid multibulk length"),
    (b"*1\r\n$-5\r\n", b"-ERR Protocol error: invalid bulk length"),
    (b"*1\r\n$99999999999\r\n", b"-ERR Protocol error: invalid bulk length"),
    (b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length"),
    (b"*2\r\n$3\r\nGET\r\n:1\r\n", b"-ERR Protocol error: expected '$', got ':'"),
    (b"GET \"unbalanced\r\n", b"-ERR Protocol error: unbalanced quotes in request"),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + b"1" * 70000, b"-ERR Protocol error: too big bulk count string"),
    (b"a" * 70000, b"-ERR Protocol error: too big inline request"),
    (b"*" + b"1" * 70000, b"-ERR Protocol error: too big mbulk count string"),
]


@limited(60)
def test_malformed_requests_get_an_error_and_are_cut_off():
    node = processes.single("memory")
    redis = processes.redis_server()
    for data, wanted in MALFORMED:
        got, closed = raw(node, data)
        assert got.startswith(wanted) and closed, "%r: %r, closed %s" % (data[:60], got[:200], closed)
        if redis:
            theirs, _ = raw(redis, data)
            assert got == theirs, "%r: redis-server says %r, we %r" % (data[:60], theirs[:200], got[:200])
    healthy(node)


@limited(60)
def test_harmless_oddities_are_served():
    node = processes.single("memory")
    for data, wanted in [
        (b"\r\n\r\nPING\r\n", b"+PONG\r\n"),
        (b"*0\r\n*-1\r\nPING\r\n", b"+PONG\r\n"),
        (b"PING\n", b"+PONG\r\n"),
        (b"*1\r\n$4\r\npInG\r\n", b"+PONG\r\n"),
        (b"SET 'a b' \"c\\x41\\n\"\r\nGET 'a b'\r\n", b"+OK\r\n$3\r\ncA\n\r\n"),
    ]:
        got, _ = raw(node, data, timeout=0.3)
        assert got == wanted, (data, got)
    healthy(node)


@limited(60)
def test_half_commands_cost_nothing_and_are_not_run():
    node = processes.single("memory")
    whole = resp.encode(["SET", "half", "x" * 1000])
    open_ones = []
    for cut in range(1, len(whole), 37):
        s = socket.create_connection((node.host, node.port))
        s.sendall(whole[:cut])
        open_ones.append(s)
    healthy(node)
    for s in open_ones:
        s.close()
    with node.connect() as c:
        assert c.call("EXISTS", "half") == 0
        # And one byte at a time it is still one command.
        for byte in resp.encode(["SET", "slow", "y"]):
            c.send_raw(bytes([byte]))
        assert c.result() == b"OK"


@limited(60)
def test_random_bytes_never_end_the_server():
    node = processes.single("memory")
    rng = random.Random(5)
    words = [b"*3\r\n", b"$3\r\n", b"SET", b"\r\n", b"$-1\r\n", b"HELLO 3\r\n", b"MULTI\r\n", b"EXEC\r\n", b"GET k\r\n", b"*-1\r\n",
             b"\0\xff", b"SUBSCRIBE c\r\n", b"CLIENT REPLY OFF\r\n", b"$5\r\nhello\r\n", b"*1\r\n", b"HSET h f v\r\n", b"RESET\r\n", b"'", b"\""]
    for _ in range(rounds(300, 5000)):
        data = b"".join(rng.choice(words) if rng.random() < 0.9 else rng.randbytes(5) for _ in range(rng.randrange(1, 40)))
        with socket.create_connection((node.host, node.port)) as s:
            s.sendall(data)
            s.settimeout(0.002)
            try:
                s.recv(4096)
            except (socket.timeout, ConnectionError):
                pass
        assert node.running(), "ended by %r\n%s" % (data, node.tail())
    healthy(node)


@limited(90)
def test_a_reader_that_never_reads_is_cut_off_at_its_limit():
    node = processes.single("memory", options=["--client-output-buffer-limit", "normal 16mb 0 0"])
    with node.connect() as c:
        c.call("SET", "big", b"x" * 1_000_000)
        before = int(resp.info(c, "memory")["used_memory"])
        s = socket.create_connection((node.host, node.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(10)
        try:
            for _ in range(20):
                s.sendall(b"GET big\r\n" * 20)
        except (ConnectionError, socket.timeout):
            pass
        until(lambda: resp.info(c, "clients")["connected_clients"] == "1", "the reader that does not read is cut off")
        until(lambda: int(resp.info(c, "memory")["used_memory"]) < before + 40_000_000, "its memory is given back")
        s.close()
    healthy(node)


@limited(60)
def test_of_output_over_its_limit_nothing_is_sent_and_no_more_is_made():
    node = processes.single("memory", options=["--client-output-buffer-limit", "normal 4mb 0 0"])
    with node.connect() as c:
        c.call("SET", "big", b"x" * 1_000_000)
        for request in (b"MGET" + b" big" * 20 + b"\r\n", b"GET big\r\n" * 20, b"MULTI\r\n" + b"GET big\r\n" * 20 + b"EXEC\r\n"):
            got, closed = raw(node, request)
            assert closed and len(got) < 1000, (request[:10], len(got), closed)
        # Six thousand values would fit into one read of requests.
        got, closed = raw(node, b"GET big\r\n" * 6000)
        assert closed and not got
        peak = int(resp.info(c, "memory")["used_memory_peak"])
        assert peak < 100_000_000, "%d bytes were used for a client whose limit is 4 MB" % peak
        assert "client-output-buffer-limit" in node.tail(50)
    healthy(node)


@limited(60)
def test_a_subscriber_that_never_reads_does_not_hold_up_the_others():
    node = processes.single("memory", options=["--client-output-buffer-limit", "pubsub 8mb 2mb 1"])
    lazy = node.connect()
    lazy.call("SUBSCRIBE", "c")
    with node.connect() as good, node.connect() as publisher:
        good.call("SUBSCRIBE", "c")
        payload = b"m" * 100_000
        for i in range(300):
            publisher.call("PUBLISH", "c", payload)
            assert good.result()[2] == payload
        until(lambda: publisher.call("PUBSUB", "NUMSUB", "c") == [b"c", 1], "the lazy one is cut off", 15)


@limited(60)
def test_input_buffers_have_a_limit():
    node = processes.single("memory", options=["--client-query-buffer-limit", "2mb"])
    with socket.create_connection((node.host, node.port), timeout=5) as s:
        try:
            s.sendall(b"*2\r\n$3\r\nGET\r\n$400000000\r\n")
            for _ in range(100):
                s.sendall(b"x" * 1_000_000)
                time.sleep(0.005)
            ended = s.recv(100) == b""
        except ConnectionError:
            ended = True
    assert ended, "100 MB were taken with a limit of 2 MB"
    healthy(node)

"""A raw RESP2/RESP3 client: what it reads keeps the exact kind of every reply.

The ordinary client libraries hide what these tests are about (which null, which error text, push or reply), and there is no
RESP3 client library in Debian. Conn.call() gives plain Python values for scripts that only want data.
"""
import socket


class Status(bytes):
    """A simple string."""


class Double(bytes):
    """A RESP3 double, as it was spelled."""


class BigNumber(bytes):
    """A RESP3 big number, as it was spelled."""


class Verbatim(bytes):
    """A RESP3 verbatim string, its `txt:` prefix included."""


class Map(list):
    """A RESP3 map as a flat list: key, value, key, value."""


class Set(list):
    """A RESP3 set."""


class Push(list):
    """An out-of-band RESP3 message."""


class Null:
    """One of the three nulls; `kind` is how it was spelled: $ * or _."""

    def __init__(self, kind):
        self.kind = kind

    def __repr__(self):
        return {"$": "$-1", "*": "*-1", "_": "_"}[self.kind]


NULL_BULK, NULL_ARRAY, NULL = Null("$"), Null("*"), Null("_")


class Error(Exception):
    """An error reply. `text` is the line behind the dash."""

    def __init__(self, text):
        super().__init__(text.decode("utf-8", "replace"))
        self.text = text

    @property
    def code(self):
        return self.text.split(b" ", 1)[0].decode("utf-8", "replace")


class ProtocolError(Exception):
    """The server sent something that is not RESP."""


class Closed(ConnectionError):
    """The server closed the connection."""


def encode(args):
    """One command as a multibulk request. Arguments are bytes, str or numbers."""
    out = [b"*%d\r\n" % len(args)]
    for a in args:
        if not isinstance(a, (bytes, bytearray, memoryview)):
            a = str(a).encode()
        out.append(b"$%d\r\n" % len(a))
        out.append(a)
        out.append(b"\r\n")
    return b"".join(out)


def plain(reply):
    """Drops the exact kinds: nulls become None, maps dicts, doubles floats. Errors stay objects inside arrays."""
    if isinstance(reply, Null):
        return None
    if isinstance(reply, Map):
        it = iter([plain(x) for x in reply])
        return dict(zip(it, it))
    if isinstance(reply, list):
        return [plain(x) for x in reply]
    if isinstance(reply, Double):
        return float(reply)
    if isinstance(reply, Verbatim):
        return bytes(reply[4:])
    if isinstance(reply, bytes):
        return bytes(reply)
    return reply


class Conn:
    """One connection. Not thread safe. Every read ends within `timeout` seconds by socket.timeout."""

    def __init__(self, port, host="127.0.0.1", timeout=10.0, unix=None):
        if unix:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(unix)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = bytearray()
        self.pos = 0
        self.pushes = []

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    # Requests.

    def send(self, *args):
        self.sock.sendall(encode(args))

    def send_raw(self, data):
        self.sock.sendall(data)

    def call(self, *args):
        """Sends one command; its reply in plain values. Raises Error for an error reply."""
        self.send(*args)
        return self.result()

    def result(self):
        """The next reply in plain values; pushes are put aside in self.pushes."""
        while True:
            r = self.read()
            if isinstance(r, Push):
                self.pushes.append(plain(r))
                continue
            if isinstance(r, Error):
                raise r
            return plain(r)

    def pipeline(self, commands):
        """Sends all commands in one write; the list of replies, errors as objects."""
        self.sock.sendall(b"".join(encode(c) for c in commands))
        return [plain(self.read()) for _ in commands]

    # Replies.

    def _fill(self):
        if self.pos > 65536:
            del self.buf[: self.pos]
            self.pos = 0
        data = self.sock.recv(262144)
        if not data:
            raise Closed("closed by the server")
        self.buf += data

    def _line(self):
        while True:
            end = self.buf.find(b"\r\n", self.pos)
            if end >= 0:
                line = bytes(self.buf[self.pos : end])
                self.pos = end + 2
                return line
            self._fill()

    def _exactly(self, n):
        while len(self.buf) - self.pos < n + 2:
            self._fill()
        data = bytes(self.buf[self.pos : self.pos + n])
        if self.buf[self.pos + n : self.pos + n + 2] != b"\r\n":
            raise ProtocolError("no CRLF behind a bulk of %d" % n)
        self.pos += n + 2
        return data

    def pending(self):
        """Whether bytes have arrived that no read() has taken yet; waits for nothing."""
        if len(self.buf) > self.pos:
            return True
        timeout = self.sock.gettimeout()
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(65536)
            self.buf += data
            return bool(data)
        except (BlockingIOError, InterruptedError):
            return False
        finally:
            self.sock.settimeout(timeout)

    def read(self):
        """The next reply or push with its exact kind. An error reply is returned, not raised."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest)
        if kind == b"-":
            return Error(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            return NULL_BULK if n < 0 else self._exactly(n)
        if kind == b"*":
            n = int(rest)
            return NULL_ARRAY if n < 0 else [self.read() for _ in range(n)]
        if kind == b"%":
            return Map([self.read() for _ in range(2 * int(rest))])
        if kind == b"~":
            return Set([self.read() for _ in range(int(rest))])
        if kind == b">":
            return Push([self.read() for _ in range(int(rest))])
        if kind == b"_":
            return NULL
        if kind == b"#":
            if rest not in (b"t", b"f"):
                raise ProtocolError("boolean %r" % rest)
            return rest == b"t"
        if kind == b",":
            return Double(rest)
        if kind == b"(":
            return BigNumber(rest)
        if kind == b"=":
            return Verbatim(self._exactly(int(rest)))
        if kind == b"!":
            return Error(self._exactly(int(rest)))
        raise ProtocolError("reply begins with %r" % line[:40])


def info(conn, section=None):
    """INFO as a dict of text."""
    raw = conn.call("INFO", section) if section else conn.call("INFO")
    out = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        if line and not line.startswith("#") and ":" in line:
            k, v = line.split(":", 1)
            out[k] = v
    return out

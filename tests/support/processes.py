"""Server processes for tests and scripts: one node, a cluster, or the real redis-server as the oracle.

Whatever is started here is ended here, by its own process id. Ports come from CLUSTRON_TEST_PORTS (FROM-TO, default 20000-21900):
peers use PORT + 10000, so the range stays below 22768, where the system's own ephemeral ports begin 10,000 higher.
"""
import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import resp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVER = os.environ.get("CLUSTRON_SERVER", os.path.join(ROOT, "build", "clustron-server"))
PEER_OFFSET = 10000

_live = []
_dirs = []


@atexit.register
def end_all():
    for process in list(_live):
        process.kill()
    while _dirs:
        shutil.rmtree(_dirs.pop(), ignore_errors=True)


# SIGTERM ends the harness the ordinary way, so that the servers it started end too.
def exit_on_sigterm():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(_terminated()))


def _terminated():
    end_all()
    return 143


def _bindable(port, host="127.0.0.1"):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
            return True
        except OSError:
            return False


def free_ports(count):
    """`count` neighbouring ports that are free now, together with their peer ports."""
    first, last = (int(x) for x in os.environ.get("CLUSTRON_TEST_PORTS", "20000-21900").split("-"))
    for _ in range(200):
        base = random.randrange(first, last - count)
        if all(_bindable(base + i) and _bindable(base + i + PEER_OFFSET) for i in range(count)):
            return [base + i for i in range(count)]
    raise RuntimeError("no free ports between %d and %d" % (first, last))


def temp_dir(prefix="clustron-"):
    """A directory that goes away with this process, unless CLUSTRON_KEEP is set."""
    base = os.environ.get("CLUSTRON_TMP") or os.path.join(ROOT, "build", "tmp")
    os.makedirs(base, exist_ok=True)
    path = tempfile.mkdtemp(prefix=prefix, dir=base)
    if not os.environ.get("CLUSTRON_KEEP"):
        _dirs.append(path)
    return path


def redis_binary():
    """argv prefix of the real redis-server, or None. Debian's redis-tools has the same binary under another name."""
    path = shutil.which("redis-server")
    if path:
        return path
    return shutil.which("redis-check-rdb")


class Process:
    """One server process: its port, data directory and log. Restartable with the same arguments."""

    def __init__(self, argv, port, directory, name="server", executable=None, prefix=(), host="127.0.0.1", password=None):
        self.argv, self.executable, self.prefix = list(argv), executable, list(prefix)
        self.port, self.dir, self.name, self.host, self.password = port, directory, name, host, password
        self.log = os.path.join(directory, "log.txt")
        self.proc = None

    def start(self, wait=True, extra=(), timeout=20.0):
        os.makedirs(self.dir, exist_ok=True)
        out = open(self.log, "ab")
        self.proc = subprocess.Popen(
            self.prefix + self.argv + list(extra),
            executable=None if self.prefix else self.executable,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=self.dir,
        )
        out.close()
        _live.append(self)
        if wait:
            self.wait_ready(timeout)
        return self

    @property
    def pid(self):
        return self.proc.pid

    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def wait_ready(self, timeout=20.0):
        """Until the port answers PING with anything but LOADING."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.running():
                raise RuntimeError("%s ended with %s at its start:\n%s" % (self.name, self.proc.returncode, self.tail()))
            try:
                with self.connect(timeout=2.0) as c:
                    c.send("PING")
                    r = c.read()
                    if not (isinstance(r, resp.Error) and r.code == "LOADING"):
                        return
            except (OSError, resp.Closed, resp.Error):
                pass
            time.sleep(0.01)
        raise RuntimeError("%s does not answer on %d:\n%s" % (self.name, self.port, self.tail()))

    def wait_exit(self, timeout=20.0):
        """The exit status, or None when it still runs at the time-out."""
        try:
            status = self.proc.wait(timeout)
            if self in _live:
                _live.remove(self)
            return status
        except subprocess.TimeoutExpired:
            return None

    def connect(self, timeout=10.0):
        conn = resp.Conn(self.port, self.host, timeout=timeout)
        if self.password:
            try:
                conn.call("AUTH", self.password)
            except BaseException:
                conn.close()
                raise
        return conn

    def signal(self, number):
        self.proc.send_signal(number)

    def kill(self):
        """kill -9, also of a stopped process; waits until it is gone."""
        if self.proc is None:
            return
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        if self in _live:
            _live.remove(self)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout=20.0):
        """SIGTERM and a graceful end; raises when it doesn't come in time."""
        if not self.running():
            return self.proc.returncode if self.proc else None
        self.proc.terminate()
        status = self.wait_exit(timeout)
        if status is None:
            tail = self.tail()
            self.kill()
            raise RuntimeError("%s did not stop within %g s:\n%s" % (self.name, timeout, tail))
        return status

    def restart(self, graceful=True):
        self.stop() if graceful else self.kill()
        return self.start()

    def tail(self, lines=30):
        try:
            with open(self.log, "rb") as f:
                return b"\n".join(f.read().splitlines()[-lines:]).decode("utf-8", "replace")
        except OSError:
            return ""


def single(durability="everysec", directory=None, port=None, options=(), name="single", start=True):
    """A node without peers."""
    port = port or free_ports(1)[0]
    directory = directory or temp_dir()
    argv = [SERVER, "--port", str(port), "--dir", directory, "--durability", durability, *options]
    p = Process(argv, port, directory, name)
    return p.start() if start else p


def redis_server(port=None, options=()):
    """The oracle: Redis without persistence. None when the machine has none."""
    binary = redis_binary()
    if not binary:
        return None
    port = port or free_ports(1)[0]
    directory = temp_dir("redis-")
    argv = ["redis-server", "--port", str(port), "--dir", directory, "--save", "", "--appendonly", "no", *options]
    return Process(argv, port, directory, "redis-server", executable=binary).start()

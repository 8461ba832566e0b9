"""A local cluster of clustron-server processes."""
import os
import time

import processes
import resp


# Where clients come from other hosts: protected mode refuses them without one.
PASSWORD = "a password of the tests"


class Cluster:
    """`count` nodes on neighbouring ports, formed with --cluster-initial. Nodes are processes.Process objects in `nodes`."""

    def __init__(self, count=3, ports=None, directory=None, options=(), secret=b"a secret of the tests, over 32 bytes\n", hosts=None, prefixes=None):
        self.ports = ports or processes.free_ports(count)
        self.hosts = hosts or ["127.0.0.1"] * count
        self.dir = directory or processes.temp_dir("cluster-")
        self.secret_file = os.path.join(self.dir, "secret")
        os.makedirs(self.dir, exist_ok=True)
        with open(os.open(self.secret_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(secret)
        self.initial = ",".join("%s:%d" % (h, p) for h, p in zip(self.hosts, self.ports))
        self.nodes = []
        for i in range(count):
            directory = os.path.join(self.dir, "node%d" % (i + 1))
            self.nodes.append(
                processes.Process(
                    self.argv(i, directory, options),
                    self.ports[i],
                    directory,
                    "node %d" % (i + 1),
                    host=self.hosts[i],
                    prefix=prefixes[i] if prefixes else (),
                    password=PASSWORD if self.hosts[i] != "127.0.0.1" else None,
                )
            )

    def argv(self, i, directory, options=(), initial=None, secret_file=None):
        os.makedirs(directory, exist_ok=True)
        return [
            processes.SERVER,
            *["--port", str(self.ports[i])],
            *(["--bind", self.hosts[i], "--requirepass", PASSWORD] if self.hosts[i] != "127.0.0.1" else []),
            *["--dir", directory],
            *["--durability", "always"],
            *["--cluster-announce", "%s:%d" % (self.hosts[i], self.ports[i])],
            *["--cluster-initial", initial or self.initial],
            *["--cluster-secret-file", secret_file or self.secret_file],
            *options,
        ]

    def start(self, timeout=30.0):
        for n in self.nodes:
            n.start(wait=False)
        for n in self.nodes:
            n.wait_ready(timeout)
        self.wait_leader(timeout)
        return self

    def stop(self):
        for n in self.nodes:
            if n.running():
                n.proc.terminate()
        for n in self.nodes:
            n.stop()

    def kill(self):
        for n in self.nodes:
            n.kill()

    def running(self):
        return [n for n in self.nodes if n.running()]

    def leader(self, nodes=None):
        """The node that says it leads and whose write succeeds, or None."""
        for n in nodes or self.running():
            try:
                with n.connect(timeout=1.0) as c:
                    if c.call("ROLE")[0] == b"master" and c.call("PING") == b"PONG":
                        return n
            except (OSError, resp.Error):
                pass
        return None

    def wait_leader(self, timeout=15.0, nodes=None):
        """Until a node leads and a write through it is acknowledged."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            n = self.leader(nodes)
            if n:
                try:
                    with n.connect(timeout=3.0) as c:
                        c.call("SET", "__harness__", "1")
                        c.call("DEL", "__harness__")
                        return n
                except (OSError, resp.Error):
                    pass
            time.sleep(0.02)
        raise RuntimeError("no leader within %g s\n%s" % (timeout, self.logs()))

    def followers(self):
        lead = self.leader()
        return [n for n in self.running() if n is not lead]

    def wait_converged(self, timeout=30.0, nodes=None):
        """Until all nodes report the same applied slot and digest; returns (slot, digest)."""
        deadline = time.monotonic() + timeout
        last = None
        while time.monotonic() < deadline:
            try:
                last = [self.position(n) for n in nodes or self.running()]
                if len(set(last)) == 1:
                    return last[0]
            except (OSError, resp.Error) as e:
                last = e
            time.sleep(0.05)
        raise RuntimeError("the nodes did not converge within %g s: %s\n%s" % (timeout, last, self.logs()))

    @staticmethod
    def position(node):
        with node.connect(timeout=2.0) as c:
            i = resp.info(c, "paxos")
            return int(i["paxos_applied_slot"]), i["paxos_digest"]

    def logs(self, lines=8):
        return "\n".join("--- %s (port %d)\n%s" % (n.name, n.port, n.tail(lines)) for n in self.nodes)

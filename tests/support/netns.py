"""A small LAN of network namespaces on this machine, whose links can be cut in one direction. Needs root and iproute2."""
import atexit
import os
import subprocess


def available():
    """None, or why there can be no namespaces here."""
    if os.geteuid() != 0:
        return "not root"
    try:
        name = "clt%d" % os.getpid()
        _ip("netns", "add", name)
        try:
            _ip("netns", "exec", name, "true")
        finally:
            _ip("netns", "del", name)
        _ip("link", "add", name, "type", "bridge")
        _ip("link", "del", name)
    except (OSError, RuntimeError) as e:
        return "no network namespaces or bridges: %s" % e
    return None


def _ip(*args):
    r = subprocess.run(["ip", *[str(a) for a in args]], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError("ip %s: %s" % (" ".join(str(a) for a in args), r.stderr.strip()))


class Lan:
    """`count` namespaces, each with one address; the tests themselves stay outside and always reach all of them.

    A cut link is a wrong hardware address in the sender's neighbour table: packets leave and never arrive, silently.
    """

    def __init__(self, count):
        number = os.getpid() % 200
        self.tag = "cl%d" % os.getpid()
        self.bridge = self.tag + "b"
        self.net = "10.%d.%d" % (100 + number % 100, os.getpid() // 200 % 250)
        self.names = ["%sn%d" % (self.tag, i) for i in range(count)]
        self.hosts = ["%s.%d" % (self.net, i + 1) for i in range(count)]
        self.cuts = set()
        atexit.register(self.close)
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", self.net + ".254/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        for i, name in enumerate(self.names):
            _ip("netns", "add", name)
            _ip("link", "add", "%sv%d" % (self.tag, i), "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", "%sv%d" % (self.tag, i), "master", self.bridge, "up")
            _ip("-n", name, "addr", "add", self.hosts[i] + "/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def prefix(self, i):
        """What a command needs in front of it to run on host i. The process keeps its id."""
        return ["ip", "netns", "exec", self.names[i]]

    def cut(self, sender, receiver):
        """Nothing from `sender` reaches `receiver` any more; the other direction stays."""
        if (sender, receiver) not in self.cuts:
            _ip("-n", self.names[sender], "neigh", "replace", self.hosts[receiver], "lladdr", "02:00:00:00:00:99", "dev", "eth0",
                "nud", "permanent")
            self.cuts.add((sender, receiver))

    def mend(self, sender, receiver):
        if (sender, receiver) in self.cuts:
            _ip("-n", self.names[sender], "neigh", "del", self.hosts[receiver], "dev", "eth0")
            self.cuts.discard((sender, receiver))

    def split(self, *groups):
        """Only members of the same group reach each other; hosts in no group reach nobody."""
        together = {(a, b) for g in groups for a in g for b in g}
        for a in range(len(self.hosts)):
            for b in range(len(self.hosts)):
                if a != b:
                    self.mend(a, b) if (a, b) in together else self.cut(a, b)

    def heal(self):
        for a, b in list(self.cuts):
            self.mend(a, b)

    def close(self):
        for i in range(len(self.names)):
            subprocess.run(["ip", "link", "del", "%sv%d" % (self.tag, i)], capture_output=True)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)

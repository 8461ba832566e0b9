"""What the scripts that measure coordination share: the load generator, etcd beside ours, and what a process costs."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

import processes

LOAD = os.path.join(processes.ROOT, "build", "release", "load")
PATIENCE_S = 120


def need_generator():
    """Ends the program with a word if the generator or the server has not been built."""
    for path in (LOAD, processes.SERVER):
        if not os.path.exists(path):
            sys.exit("%s is not there: run `make server load` first" % os.path.relpath(path, processes.ROOT))


def words(what, options):
    return [LOAD, what, *("%s=%s" % (name, value) for name, value in options.items() if value is not None)]


def run(what, **options):
    """One run of the generator; what it printed, as a dict."""
    r = subprocess.run(words(what, options), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S)
    if r.returncode != 0:
        raise RuntimeError("load %s: %s" % (what, r.stderr.strip() or "ended with %d" % r.returncode))
    return json.loads(r.stdout.splitlines()[-1])


class Background:
    """A generator that goes on until end(): a probe, or watchers that only listen."""

    def __init__(self, what, wait_ready=False, **options):
        self.process = subprocess.Popen(words(what, options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if wait_ready and self.process.stdout.readline() != "ready\n":
            self.end()
            raise RuntimeError("load %s did not get ready" % what)

    def take(self):
        """What a probe has seen since the last time."""
        self.process.stdin.write("take\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the probe has ended: its connection was closed")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def cpu_seconds(pids):
    """Of all threads of processes that run."""
    total = 0
    for pid in pids:
        for task in os.listdir("/proc/%d/task" % pid):
            try:
                with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass  # it has just ended
    return total / 1e9


def loop_cpu_ms(pid):
    """Of a server's own thread, its loop, since its start."""
    with open("/proc/%d/task/%d/schedstat" % (pid, pid)) as f:
        return int(f.read().split()[0]) / 1e6


def memory_mb(pid, name):
    """VmRSS, or VmHWM for the highest since clear_peak()."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^%s:\s+(\d+)" % name, f.read(), re.M).group(1)) / 1024


def clear_peak(pid):
    with open("/proc/%d/clear_refs" % pid, "w") as f:
        f.write("5")


class Etcd:
    """Three nodes of Debian's etcd on loopback, with its defaults: every answer to a write has been fsynced by a majority."""

    def __init__(self, count=3):
        ports = processes.free_ports(count)
        directory = processes.temp_dir("etcd-")
        peers = ["http://127.0.0.1:%d" % (p + processes.PEER_OFFSET) for p in ports]
        self.ports, self.nodes = ports, []
        for i, port in enumerate(ports):
            client, where = "http://127.0.0.1:%d" % port, os.path.join(directory, "node%d" % (i + 1))
            argv = ["etcd", "--name", "n%d" % i, "--data-dir", os.path.join(where, "data"), "--log-level", "error", "--logger", "zap"]
            argv += ["--listen-client-urls", client, "--advertise-client-urls", client]
            argv += ["--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i]]
            argv += ["--initial-cluster", ",".join("n%d=%s" % (n, url) for n, url in enumerate(peers))]
            self.nodes.append(processes.Process(argv, port, where, "etcd %d" % i))

    @staticmethod
    def missing():
        """What has to be installed, or None."""
        lacking = [name for name, command in (("etcd-server", "etcd"), ("etcd-client", "etcdctl")) if not shutil.which(command)]
        return " and ".join(lacking) or None

    @staticmethod
    def version():
        return re.search(r"[\d.]+", subprocess.run(["etcd", "--version"], capture_output=True, text=True).stdout).group(0)

    def start(self):
        for n in self.nodes:
            n.start(wait=False)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.leader_port():
                return self
            time.sleep(0.2)
        raise RuntimeError("etcd has no leader within 30 s:\n" + "\n".join(n.tail() for n in self.nodes))

    def leader_port(self):
        urls = ",".join("127.0.0.1:%d" % p for p in self.ports)
        env = dict(os.environ, ETCDCTL_API="3")
        r = subprocess.run(["etcdctl", "--endpoints", urls, "endpoint", "status", "-w", "json"], capture_output=True, text=True, env=env, timeout=30)
        for row in json.loads(r.stdout) if r.returncode == 0 and r.stdout else []:
            status = row["Status"]
            if status.get("leader", 0) and status["leader"] == status["header"]["member_id"]:
                return int(row["Endpoint"].rpartition(":")[2])
        return None

    def kill(self):
        for n in self.nodes:
            n.kill()


def busy_share(seconds=1.0):
    """How much of the machine's CPU time is used now, 0 to 1: what others take, as long as nothing of ours runs."""
    def total():
        with open("/proc/stat") as f:
            fields = [int(x) for x in f.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    all_before, idle_before = total()
    time.sleep(seconds)
    all_after, idle_after = total()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def machine():
    """One sentence on where this is measured, and what else runs there."""
    return "%d cores, %.0f GB of memory; %.0f %% of the CPU was in use by others when this began." % (
        os.cpu_count(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 100 * busy_share())

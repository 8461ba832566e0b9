#!/usr/bin/python3
"""Redis's own Tcl suite, run from outside against one of our nodes: tcl.py [UNIT ...]

The driver lies beside the checkout (../shared/compat/redis-tcl.py) and fetches the suite from Debian's source package; without
either this says SKIP. A test that fails here and passes against redis-server must be in tcl_misses.tsv, with its reason; one that is
listed there and passes must be taken out. One whose reason begins with "not run: " would fail, and leave something behind (a pause, held
clients) for those after it: it is left out.
"""
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import processes  # noqa: E402

DRIVER = os.path.join(processes.ROOT, "..", "shared", "compat", "redis-tcl.py")
MISSES = os.path.join(HERE, "tcl_misses.tsv")
UNITS = ["unit/type/string", "unit/type/incr", "unit/type/hash", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/dump", "unit/expire", "unit/protocol", "unit/quit", "unit/scan",
         "unit/multi", "unit/pubsub", "unit/keyspace", "unit/info-command", "unit/querybuf", "unit/introspection",
         "unit/introspection-2", "unit/pause", "unit/bitops", "unit/bitfield", "unit/slowlog", "unit/latency-monitor", "unit/other"]
BAD = ("err", "timeout", "notrun")
NOT_RUN = "not run: "


def source_package():
    """The .dsc of Debian's redis, fetched once into build/redis-source without touching the system's own apt lists."""
    place = os.path.join(processes.ROOT, "build", "redis-source")
    parts = os.path.join(place, "sources")
    os.makedirs(os.path.join(place, "lists", "partial"), exist_ok=True)
    os.makedirs(parts, exist_ok=True)
    found = glob.glob(os.path.join(place, "redis_*.dsc"))
    if found:
        return found[0]
    for path in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]:
        if os.path.exists(path):
            text = re.sub(r"(?m)^(Types:.*|deb(?=\s))", _as_source, open(path).read())
            with open(os.path.join(parts, os.path.basename(path)), "w") as f:
                f.write(text)
    apt = ["apt-get", "-q", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", "Dir::Etc::sourceparts=" + parts,
           "-o", "Dir::State::lists=" + os.path.join(place, "lists"), "-o", "APT::Sandbox::User=root"]
    for command in (["update"], ["source", "--download-only", "redis"]):
        subprocess.run([*apt, *command], cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    found = glob.glob(os.path.join(place, "redis_*.dsc"))
    return found[0] if found else None


def _as_source(m):
    return "Types: deb-src" if m.group(1).startswith("Types:") else "deb-src"


def baseline():
    """Tests that redis-server itself does not pass in this mode."""
    path = os.path.join(os.path.dirname(DRIVER), "redis-tcl-baseline.tsv")
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8") if not line.startswith("#")]
    return {(r[0], r[1]) for r in rows if len(r) > 2 and r[2] != "ok"}


def known_misses():
    out = {}
    with open(MISSES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                unit, test, reason = line.rstrip("\n").split("\t")
                out[unit, test] = reason
    return out


def main(units):
    processes.exit_on_sigterm()
    if not os.path.exists(DRIVER):
        print("SKIP Redis's Tcl suite: no ../shared/compat beside this checkout\n0 passed, 0 failed, 1 skipped")
        return 0
    dsc = source_package()
    if not dsc:
        print("SKIP Redis's Tcl suite: its source package could not be fetched\n0 passed, 0 failed, 1 skipped")
        return 0
    known, theirs = known_misses(), baseline()
    left_out = [word for (unit, test), reason in known.items() if unit in units and reason.startswith(NOT_RUN) for word in ("--skiptest", test)]
    node = processes.single("everysec")
    out = os.path.join(processes.temp_dir(), "results.tsv")
    r = subprocess.run(["/usr/bin/python3", DRIVER, "127.0.0.1", str(node.port), *units, *left_out, "--out", out],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env=dict(os.environ, REDIS_TCL_DSC=dsc))
    print(r.stdout)
    if r.returncode == 2 or not os.path.exists(out):
        print("FAILED the driver could not run\n0 passed, 1 failed")
        return 1
    rows = [line.rstrip("\n").split("\t") for line in open(out, encoding="utf-8", errors="replace")]
    results = {(row[0], row[1]): row[2:] for row in rows if len(row) >= 3 and not row[0].startswith("#")}
    passed, failed, skipped = 0, 0, 0
    for test, (result, *detail) in sorted(results.items()):
        if result == "ok":
            passed += 1
            if test in known:
                failed += 1
                print("FAILED %s: %s passes now: take it out of tcl_misses.tsv" % test)
        elif result in BAD and test not in theirs and test not in known:
            failed += 1
            print("FAILED %s: %s: %s %s" % (*test, result, detail[-1][:300] if detail else ""))
        else:
            skipped += 1
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:] or UNITS))

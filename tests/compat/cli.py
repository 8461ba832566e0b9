#!/usr/bin/python3
"""redis-cli and redis-benchmark: the same invocations against our server and the real redis-server must print the same.

    cli.py PORT REDIS_PORT       both servers are flushed
"""
import re
import subprocess
import sys

OURS, REDIS = sys.argv[1], sys.argv[2]

# (arguments, standard input). One after the other on both servers.
SAME = [
    (["SET", "greeting", "hello world"], None),
    (["GET", "greeting"], None),
    (["--no-raw", "GET", "greeting"], None),
    (["--no-raw", "GET", "none"], None),
    (["--no-raw", "SET", "bin", "a\x01\xfc\"\n"], None),
    (["--no-raw", "GET", "bin"], None),
    (["--no-raw", "HSET", "h", "f1", "v1", "f2", "v2"], None),
    (["--no-raw", "HGETALL", "h"], None),
    (["-3", "--no-raw", "HGETALL", "h"], None),
    (["--json", "HGETALL", "h"], None),
    (["--csv", "HGETALL", "h"], None),
    (["--no-raw", "HGET", "greeting", "f"], None),
    (["--no-raw", "NOSUCHCOMMAND", "a", "b"], None),
    (["--no-raw", "GET"], None),
    (["-e", "GET"], None),
    (["-n", "3", "SET", "other", "db"], None),
    (["-n", "3", "DBSIZE"], None),
    (["-r", "5", "INCR", "n"], None),
    (["-x", "SET", "fromstdin"], "text\nof two lines\n"),
    (["GET", "fromstdin"], None),
    (["-X", "tag", "SET", "tagged", "tag"], "value of a tag"),
    (["--no-raw"], "MULTI\nSET a 1\nINCR a\nEXEC\nGET a\n"),
    (["--no-raw"], "MULTI\nNOSUCH\nEXEC\n"),
    (["--no-raw"], "SELECT 2\nSET x y\nDBSIZE\nFLUSHDB\nDBSIZE\n"),
    (["--no-raw"], "WATCH a\nMULTI\nDISCARD\nUNWATCH\nPING hi\nECHO \"a b\"\n"),
    (["--no-raw"], "SET t v EX 100\nTTL t\nPERSIST t\nTTL t\nEXPIRE t 50 GT\nOBJECT ENCODING t\n"),
    (["--scan", "--pattern", "gree*"], None),
    (["--no-raw", "COMMAND", "COUNT", "extra"], None),
    (["--no-raw", "COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"], None),
    (["--no-raw", "CLUSTER", "NODES"], None),
    (["--no-raw", "CLIENT", "SETNAME", "a b"], None),
    (["--no-raw", "SETBIT", "bits", "7", "1"], None),
    (["--no-raw", "BITFIELD", "bits", "GET", "u8", "0", "OVERFLOW", "FAIL", "INCRBY", "u2", "0", "3"], None),
    (["--pipe"], "".join("SET pipe%d value\r\n" % i for i in range(2000))),
    (["--no-raw", "DBSIZE"], None),
    (["--bigkeys", "-i", "0"], None),
    (["--no-raw", "FLUSHALL"], None),
    (["--no-raw", "DBSIZE"], None),
]

# What differs between any two servers or runs.
VOLATILE = [
    (r"All data transferred.*", ""),
    (r"\[\d\d\.\d\d%\].*", ""),  # progress of --bigkeys depends on the order of SCAN
    (r"Biggest (string|  hash) found.*", ""),
    (r"avg size [\d.]+", ""),
    (r"\(it is no Redis Cluster: INFO paxos[^)]*\)", ""),  # where ours says more
]

BENCHMARKS = ["ping", "set", "get", "incr", "hset", "mset"]


def run(argv, text=None, limit=60):
    try:
        r = subprocess.run(argv, input=(text or "").encode(), capture_output=True, timeout=limit)
        return r.returncode, (r.stdout + r.stderr).decode("utf-8", "backslashreplace")
    except subprocess.TimeoutExpired as e:
        return "timeout", (e.stdout or b"").decode("utf-8", "backslashreplace")


def cli(port, args, text):
    status, out = run(["redis-cli", "-p", port, *args], text)
    for pattern, replacement in VOLATILE:
        out = re.sub(pattern, replacement, out)
    lines = [line.strip() for line in out.replace("\r", "\n").split("\n")]
    return status, "\n".join(line for line in lines if line)


def main():
    passed, failed = 0, 0
    for port in (OURS, REDIS):
        run(["redis-cli", "-p", port, "FLUSHALL"])
    for args, text in SAME:
        ours, theirs = cli(OURS, args, text), cli(REDIS, args, text)
        if ours == theirs:
            passed += 1
            continue
        failed += 1
        print("FAILED redis-cli %s\n  ours:  %s\n  redis: %s" % (" ".join(args), ours, theirs))
    for name in BENCHMARKS:
        for depth in ("1", "16"):
            count = "2000" if depth == "1" else "20000"
            status, out = run(["redis-benchmark", "-p", OURS, "-t", name, "-n", count, "-P", depth, "-c", "20", "-q"])
            good = status == 0 and "requests per second" in out and "rror" not in out
            passed, failed = (passed + 1, failed) if good else (passed, failed + 1)
            if not good:
                print("FAILED redis-benchmark -t %s -P %s: %s %s" % (name, depth, status, out[-400:]))
    for args, wanted in ((["--latency", "-i", "1", "--raw"], r"\d"), (["INFO"], "redis_version:7")):
        status, out = run(["timeout", "2", "redis-cli", "-p", OURS, *args], limit=10)
        good = re.search(wanted, out) is not None
        passed, failed = (passed + 1, failed) if good else (passed, failed + 1)
        if not good:
            print("FAILED redis-cli %s: %s" % (" ".join(args), out[-400:]))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

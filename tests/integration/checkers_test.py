#!/usr/bin/python3
"""The checkers against histories that are known to be right or wrong, and the case runner's matcher against wrong replies."""
import os
import random
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
for place in (HERE, os.path.join(ROOT, "scripts"), os.path.join(os.path.dirname(HERE), "support"), os.path.join(os.path.dirname(HERE), "commands")):
    sys.path.insert(0, place)
import battery  # noqa: E402
import case_file  # noqa: E402
import match  # noqa: E402
import resp  # noqa: E402
from history import OK, UNKNOWN, FOREVER, Op, check_counter, check_locks, check_register  # noqa: E402


def op(kind, value, start, end, result=None, status=OK):
    return Op("c", "k", kind, value, start, FOREVER if status == UNKNOWN else end, status, result)


REGISTERS = [
    (True, "sequential", [op("write", 1, 0, 1), op("read", None, 2, 3, 1)]),
    (False, "stale read", [op("write", 1, 0, 1), op("write", 2, 2, 3), op("read", None, 4, 5, 1)]),
    (False, "lost write", [op("write", 1, 0, 1), op("read", None, 2, 3, None)]),
    (True, "overlapping write may come first", [op("write", 1, 0, 5), op("read", None, 1, 2, None), op("read", None, 3, 4, 1)]),
    (False, "seen, then gone", [op("write", 1, 0, 9), op("read", None, 1, 2, 1), op("read", None, 3, 4, None)]),
    (True, "unknown write seen late", [op("write", 1, 0, 0, status=UNKNOWN), op("read", None, 5, 6, None), op("read", None, 7, 8, 1)]),
    (False, "unknown write seen, gone, seen", [op("write", 1, 0, 0, status=UNKNOWN), op("read", None, 1, 2, 1),
                                               op("write", 2, 3, 4), op("read", None, 5, 6, 1)]),
    (True, "unknown write never seen", [op("write", 1, 0, 0, status=UNKNOWN), op("write", 2, 3, 4), op("read", None, 5, 6, 2)]),
    (False, "two readers disagree on the order", [
        op("write", 1, 0, 10), op("write", 2, 0, 10), op("read", None, 1, 2, 1), op("read", None, 3, 4, 2), op("read", None, 5, 6, 1)]),
    (False, "value from nowhere", [op("write", 1, 0, 1), op("read", None, 2, 3, 7)]),
]

COUNTERS = [
    (True, "in order", [op("incr", 1, 0, 1, 1), op("incr", 1, 2, 3, 2), op("read", None, 4, 5, 2)], 2),
    (False, "same reply twice", [op("incr", 1, 0, 1, 1), op("incr", 1, 0, 1, 1)], 2),
    (False, "acknowledged and lost", [op("incr", 1, 0, 1, 1), op("incr", 1, 2, 3, 2)], 1),
    (False, "applied twice", [op("incr", 1, 0, 1, 1)], 2),
    (True, "unknown one may count", [op("incr", 1, 0, 1, 1), op("incr", 1, 0, 0, status=UNKNOWN)], 2),
    (False, "falls along real time", [op("incr", 1, 0, 1, 2), op("incr", 1, 2, 3, 1)], 2),
    (False, "stale read", [op("incr", 1, 0, 1, 1), op("read", None, 2, 3, 0)], 1),
    (False, "seen before anybody began", [op("read", None, 0, 1, 1), op("incr", 1, 2, 3, 1)], 1),
]

LOCKS = [
    (True, "one after the other", [op("hold", (1, "a"), 0, 1), op("hold", (2, "b"), 2, 3)]),
    (False, "held twice", [op("hold", (1, "a"), 0, 5), op("hold", (2, "b"), 2, 3)]),
    (False, "token falls", [op("hold", (5, "a"), 0, 1), op("hold", (2, "b"), 2, 3)]),
]

# An expectation, a reply that matches it, one that does not.
MATCHES = [
    ("+OK", resp.Status(b"OK"), b"OK"),
    ('"OK"', b"OK", resp.Status(b"OK")),
    (":3", 3, 4),
    (":1..3", 3, 0),
    (":>3", 4, 3),
    ("#t", True, 1),
    (":1", 1, True),
    ("_", resp.NULL_ARRAY, b""),
    ("$-1", resp.NULL_BULK, resp.NULL_ARRAY),
    ("-ERR x…", resp.Error(b"ERR xyz"), resp.Error(b"WRONGTYPE")),
    ("-ERR x", resp.Error(b"ERR x"), resp.Error(b"ERR xyz")),
    ('["a" :1]', [b"a", 1], [b"a"]),
    ('["a" ...]', [b"a", 1], [b"b", 1]),
    ('["a"]', [b"a"], resp.Set([b"a"])),
    ('~["a" "b"]', resp.Set([b"b", b"a"]), resp.Set([b"b", b"b"])),
    ('%["a" :1 "b" :2]', resp.Map([b"b", 2, b"a", 1]), resp.Map([b"b", 1, b"a", 2])),
    (",1.5", resp.Double(b"1.50"), b"1.5"),
    ("/^a.c$/", b"abc", b"ab"),
    ("$?", b"x", resp.NULL_BULK),
]


def random_histories(seed, count):
    """Histories that a real register produced, each with its clients' views widened: all must pass; with one read altered, most fail."""
    rng = random.Random(seed)
    for _ in range(count):
        state, now, ops = None, 0.0, []
        for i in range(60):
            now += 1
            slack = lambda: rng.random() * 4  # noqa: E731
            if rng.random() < 0.4:
                state = i
                ops.append(op("write", i, now - slack(), now + slack(), status=UNKNOWN if rng.random() < 0.2 else OK))
            else:
                ops.append(op("read", None, now - slack(), now + slack(), state))
        yield rng, ops


def patience(code, budget_s, still_s=60):
    """Why the battery ends a stage that runs this Python code; None: it lets it end by itself."""
    stage = battery.Stage("test", budget_s, [battery.PY, "-c", code])
    battery.Patience.STILL_S = still_s
    with tempfile.NamedTemporaryFile() as log:
        p = subprocess.Popen(stage.command, stdout=log, start_new_session=True)
        judge, why = battery.Patience(stage, p.pid, log.name), None
        while why is None and p.poll() is None:
            time.sleep(0.05)
            why = judge.over()
        p.kill()
        p.wait()
    return why


# Over its budget in wall time, but not in what the machine could have given: it may go on. Sleeping or using all up: it may not.
OVER_AND_AT_WORK = """import time
end = time.monotonic() + 4.5
while time.monotonic() < end:
    busy = time.process_time() + 0.02
    while time.process_time() < busy:
        pass
    time.sleep(0.08)
"""
PATIENCE = [
    ("import time; time.sleep(0.3)", 5, 60, None),
    (OVER_AND_AT_WORK, 4, 60, None),
    ("import time; time.sleep(60)", 0.2, 0.5, "stands still"),
    ("import time; time.sleep(60)", 0.3, 60, "three times its budget"),
    ("while True: pass", 0.2, 60, "used up"),
]


def main():
    passed, failed = 0, 0

    def tell(good, what):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        if not good:
            print("FAILED " + what)

    for right, what, ops in REGISTERS:
        tell((check_register(ops) is None) == right, "register: " + what)
    for right, what, ops, final in COUNTERS:
        tell((check_counter(ops, final) is None) == right, "counter: " + what)
    for right, what, ops in LOCKS:
        tell((check_locks(ops) is None) == right, "lock: " + what)
    for text, good, bad in MATCHES:
        expected = case_file.expectation([(1, text)])
        tell(match.matches(expected, good, {}), "%s must match %r" % (text, good))
        tell(not match.matches(expected, bad, {}), "%s must not match %r" % (text, bad))
    for code, budget_s, still_s, expected in PATIENCE:
        why = patience(code, budget_s, still_s)
        # A slow machine may see three times the budget pass before the CPU time is used up.
        good = why == expected if expected is None else why is not None and (expected in why or "three times" in why)
        tell(good, "the battery says %r of %r" % (why, code))
    found = 0
    for rng, ops in random_histories(7, 100):
        tell(check_register(list(ops)) is None, "a right history is refused")
        reads = [o for o in ops if o.kind == "read" and o.result is not None]
        # A read of the value long before: nothing that overlaps it can explain that.
        late = [r for r in reads if r.start > 45]
        early = [r for r in reads if r.end < 20]
        if late and early and late[-1].result != early[0].result:
            late[-1].result = early[0].result
            found += check_register(ops) is not None
    tell(found > 50, "stale reads found in only %d altered histories" % found)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

"""Histories of concurrent operations, and checkers for them. checkers_test.py shows that wrong histories are found."""
import threading
import time

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
FOREVER = float("inf")


class Op:
    """One operation as its client saw it. UNKNOWN may have happened at any time since `start`, or never."""

    __slots__ = ("client", "key", "kind", "value", "start", "end", "status", "result")

    def __init__(self, client, key, kind, value, start, end=FOREVER, status=UNKNOWN, result=None):
        self.client, self.key, self.kind, self.value = client, key, kind, value
        self.start, self.end, self.status, self.result = start, end, status, result

    def __repr__(self):
        return "%s %s %s(%r) -> %s %r [%.4f, %.4f]" % (
            self.client, self.key, self.kind, self.value, self.status, self.result, self.start, self.end)


class History:
    """Thread safe. Operations in the order of their starts, per key."""

    def __init__(self):
        self.ops = []
        self.lock = threading.Lock()

    def begin(self, client, key, kind, value=None):
        op = Op(client, key, kind, value, time.monotonic())
        with self.lock:
            self.ops.append(op)
        return op

    @staticmethod
    def finish(op, status, result=None):
        op.result, op.status = result, status
        op.end = time.monotonic() if status != UNKNOWN else FOREVER

    def by_key(self):
        keys = {}
        for op in self.ops:
            if op.status != FAILED:
                keys.setdefault(op.key, []).append(op)
        return keys

    def counts(self):
        out = {OK: 0, FAILED: 0, UNKNOWN: 0}
        for op in self.ops:
            out[op.status] += 1
        return out


def check_register(ops, initial=None):
    """Whether reads and writes of one register (each write a value of its own) are linearizable: the search of Wing and Gong with
    Lowe's memory of visited (done operations, state) pairs. Returns None, or what contradicts."""
    read = {op.result for op in ops if op.kind == "read" and op.status == OK}
    # A write that nobody saw and whose outcome is unknown can always come last, so it cannot contradict anything.
    ops = [op for op in ops if op.status == OK or (op.kind == "write" and op.value in read)]
    ops.sort(key=lambda op: op.start)
    bits = {id(op): 1 << i for i, op in enumerate(ops)}
    every = (1 << len(ops)) - 1
    must = sum(bits[id(op)] for op in ops if op.status == OK)
    ends = sorted((op for op in ops if op.status == OK), key=lambda op: op.end)

    def candidates(done, first_open_end):
        """Operations that may come next: begun before the earliest end among those not done."""
        for op in ops[first_index(done) :]:
            if op.start > first_open_end:
                return
            if not done & bits[id(op)]:
                yield op

    def first_index(done):
        rest = ~done & every
        return (rest & -rest).bit_length() - 1 if rest else len(ops)

    def next_end(done, position):
        while position < len(ends) and done & bits[id(ends[position])]:
            position += 1
        return position

    seen = set()
    stack = [(0, initial, 0)]
    best = 0
    while stack:
        done, state, position = stack.pop()
        if done & must == must:
            return None
        if (done, state) in seen:
            continue
        seen.add((done, state))
        position = next_end(done, position)
        best = max(best, bin(done).count("1"))
        limit = ends[position].end if position < len(ends) else FOREVER
        for op in candidates(done, limit):
            if op.kind == "write":
                stack.append((done | bits[id(op)], op.value, position))
            elif op.result == state:
                stack.append((done | bits[id(op)], state, position))
    return "not linearizable beyond %d of %d operations, around %r" % (best, len(ops), ops[min(best, len(ops) - 1)])


def check_counter(ops, final):
    """INCR and GET of one counter that begins at 0, with its value after all of them. Returns None, or what contradicts."""
    adds = [op for op in ops if op.kind == "incr"]
    acknowledged = [op for op in adds if op.status == OK]
    replies = [op.result for op in acknowledged]
    if len(set(replies)) != len(replies):
        return "two increments got the same reply: %s" % sorted(r for r in set(replies) if replies.count(r) > 1)[:5]
    if not len(acknowledged) <= final <= len(adds):
        return "%d acknowledged, %d tried, but the counter is %d" % (len(acknowledged), len(adds), final)
    # Along real time replies never fall: whatever began after an operation ended sees at least its value.
    events = sorted([(op.end, 1, op) for op in ops if op.status == OK] + [(op.start, 0, op) for op in ops], key=lambda e: e[:2])
    highest, floor = 0, {}
    for _, is_end, op in events:
        if is_end:
            if op.result < floor[id(op)] + (op.kind == "incr"):
                return "%r, although %d was seen before it began" % (op, floor[id(op)])
            highest = max(highest, op.result)
        else:
            floor[id(op)] = highest
    # And nothing is seen before as many increments have begun.
    begun = 0
    for _, is_end, op in events:
        if is_end and op.result > begun:
            return "%r, but only %d increments had begun" % (op, begun)
        begun += not is_end and op.kind == "incr"
    return None


def check_locks(ops):
    """Grants of one lock: tokens rise along real time, and two holders who both know that they hold it never overlap.

    A hold is an Op of kind "hold": from the reply to ACQUIRE until RELEASE is sent; its value is (token, owner). Returns None, or what
    contradicts.
    """
    holds = sorted((op for op in ops if op.kind == "hold" and op.status == OK), key=lambda op: op.start)
    for a, b in zip(holds, holds[1:]):
        if b.value[0] <= a.value[0]:
            return "the token does not rise: %r then %r" % (a, b)
        if b.start < a.end:
            return "held twice: %r and %r" % (a, b)
    return None

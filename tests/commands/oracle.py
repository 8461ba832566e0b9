#!/usr/bin/python3
"""Random commands to our server and to redis-server: every reply must be the same.

    oracle.py [--seed N] [--count N] [--durability always] [--target cluster] [--addr HOST:PORT]

Commands are built from the templates below over few keys of all types, so that they meet existing keys, missing keys, wrong types,
edge values and wrong arguments. Where replies are free to differ (order of big collections, random choices) they are compared as far
as they are bound. DBSIZE is left out: a key set with an end in the past counts in Redis until it is met. A difference is printed with the commands that led to it on that key; the last line is "N passed, N failed".
"""
import argparse
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import cluster  # noqa: E402
import match  # noqa: E402
import processes  # noqa: E402
import resp  # noqa: E402

# One template a line. K key, F field, V value, I integer, D float, B bit offset, T a duration in seconds (long or none), M one in
# ms, L a list's key, N a small integer, A absolute time in seconds, P absolute ms, X a wrong word, G glob; [..] optional, a|b choice, {..} repeated 1-3 times.
TEMPLATES = """
SET K V [NX|XX] [GET] [EX T|PX M|EXAT A|PXAT P|KEEPTTL]
SET K V X
GET K
GETSET K V
GETDEL K
GETEX K [EX T|PX M|EXAT A|PXAT P|PERSIST|X]
SETNX K V
SETEX K T V
PSETEX K M V
MGET {K}
MSET {K V}
MSETNX {K V}
APPEND K V
STRLEN K
INCR K
DECR K
INCRBY K I
DECRBY K I
INCRBYFLOAT K D
GETRANGE K I I
SUBSTR K I I
SETRANGE K R V
SETBIT K B 0|1|2
GETBIT K B
BITCOUNT K [I I [BYTE|BIT|X]]
BITPOS K 0|1|2 [I [I [BYTE|BIT]]]
BITOP AND|OR|XOR|NOT|X K {K}
BITFIELD K GET u8 B
BITFIELD K SET i16 B I INCRBY u4 #1 I
BITFIELD K OVERFLOW SAT|FAIL|WRAP|X INCRBY i8 B I GET i64 0
BITFIELD_RO K GET u3 B
BITFIELD K GET u64 0
LCS K K [LEN|IDX] [MINMATCHLEN I] [WITHMATCHLEN]
HSET K {F V}
HSET K F
HMSET K {F V}
HSETNX K F V
HGET K F
HMGET K {F}
HGETALL K
HKEYS K
HVALS K
HLEN K
HDEL K {F}
HEXISTS K F
HSTRLEN K F
HINCRBY K F I
HINCRBYFLOAT K F D
HSCAN K 0 [MATCH G] [COUNT I]
HRANDFIELD K I
RPUSH L {V}
LPUSH L {V}
RPUSH L {I}
RPUSHX L {V}
LPUSHX L {V}
LPOP L [N]
RPOP L [N]
LLEN L
LINDEX L N
LSET L N V
LINSERT L BEFORE|AFTER|X V V
LRANGE L I I
LRANGE L 0 -1
LRANGE L N N
LREM L N V
LTRIM L N N
LPOS L V [RANK N] [COUNT N] [MAXLEN N]
LMOVE L L LEFT|RIGHT|X LEFT|RIGHT
RPOPLPUSH L L
LMPOP 2 L L LEFT|RIGHT|X [COUNT N]
LMPOP N L LEFT
DEL {L}
TYPE L
COPY L L [REPLACE]
RENAME L L
OBJECT ENCODING L
RESTORE K 0 V [REPLACE]
DEL {K}
UNLINK {K}
EXISTS {K}
TYPE K
RENAME K K
RENAMENX K K
COPY K K [DB J] [REPLACE]
MOVE K J
TOUCH {K}
KEYS G
SCAN 0 [MATCH G] [COUNT 1000] [TYPE string|hash|list]
OBJECT ENCODING K
OBJECT REFCOUNT K
OBJECT X K
EXPIRE K T [NX|XX|GT|LT|X]
PEXPIRE K M [NX|XX|GT|LT]
EXPIREAT K A [NX|XX|GT|LT]
PEXPIREAT K P [NX|XX|GT|LT]
EXPIRE K I
PERSIST K
TTL K
PTTL K
EXPIRETIME K
PEXPIRETIME K
MULTI
EXEC
DISCARD
WATCH {K}
UNWATCH
SELECT J
SWAPDB J J
FLUSHDB [ASYNC|SYNC|X]
FLUSHALL X
PING [V]
ECHO V
SUBSCRIBE
PUBLISH K V
PUBSUB NUMPAT
PUBSUB CHANNELS
PUBSUB NUMSUB K
PUBSUB X
COMMAND GETKEYS MSET K V K V
COMMAND GETKEYS GET
CLIENT GETNAME
CLIENT SETNAME X
CLIENT X
CLIENT NO-EVICT X
CLIENT REPLY X
CONFIG GET X
CONFIG SET X V
HELLO I X
RESET X
OBJECT FREQ K
MEMORY X
DEBUG
TIME X
SAVE X Y
LASTSAVE X
RANDOMKEY X
NOSUCHCOMMAND V V
"""

KEYS = ["k%d" % i for i in range(6)] + ["h1", "h2", "", "bin\x00\xff\r\n"]
LISTS = ["l1", "l2", "l3", "l1", "l2", "k0", "h1"]
SHORT_INTS = ["0", "1", "-1", "2", "-3", "7", "abc", "1.5", "9223372036854775807"]
FIELDS = ["f1", "f2", "f3", "", "fé", "10"]
VALUES = ["", "a", "hello", "10", "-1", "3.5", "9223372036854775807", "-9223372036854775808", "1e3", " 1", "0x10", "\xff\x00", "inf", "nan",
          "x" * 44, "x" * 45, "y" * 70, "007", "+5", "1.0e-5", "123456789012345678901234567890"]
INTS = ["0", "1", "-1", "2", "5", "-5", "100", "-100", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "abc", "", "1.5"]
FLOATS = ["0", "1", "0.1", "-2.5", "1e10", "3.0e3", "inf", "-inf", "nan", "abc", "1e400", "0.30000000000000004", "5e-324"]
RANGES = ["0", "1", "5", "60", "-1", "536870912", "abc"]
BITS = ["0", "1", "7", "8", "63", "64", "1000", "-1", "4294967296", "abc", "#1", "#-1"]
TIMES = ["1000", "50000", "1000000", "0", "-1", "abc", "9223372036854775807", "1.5"]
MILLIS = ["1000000", "50000000", "0", "-1", "abc", "9223372036854775807"]
ABSOLUTE = ["4000000000", "2500000000", "1", "0", "-1", "abc", "9223372036854775807"]
ABSOLUTE_MS = ["4000000000000", "2500000000000", "1", "-1", "abc"]
GLOBS = ["*", "k*", "h?", "[kh]1", "*[^1]", "nothing", "k[0-3]", "\\k1"]
DBS = ["0", "0", "0", "1", "2", "15", "16", "-1", "abc"]
WRONG = ["NONSENSE", "", "0", "nx"]
SLOTS = {"K": KEYS, "F": FIELDS, "V": VALUES, "I": INTS, "D": FLOATS, "R": RANGES, "B": BITS, "T": TIMES, "M": MILLIS, "A": ABSOLUTE,
         "P": ABSOLUTE_MS, "G": GLOBS, "J": DBS, "X": WRONG, "Y": WRONG, "Z": WRONG, "L": LISTS, "N": SHORT_INTS}

UNORDERED = {"KEYS", "HKEYS", "HVALS", "SCAN", "HSCAN", "HGETALL"}
NEAR = {"TTL": 2, "PTTL": 2000, "EXPIRETIME": 2, "PEXPIRETIME": 2000}


def tokens(template):
    """Splits a template into words and groups: 'a', ['a', 'b'] for [..], ('a', ..) for {..}."""
    out, stack = [], []
    for word in template.replace("[", " [ ").replace("]", " ] ").replace("{", " { ").replace("}", " } ").split():
        if word in "[{":
            stack.append((word, out))
            out = []
        elif word in "]}":
            kind, outer = stack.pop()
            outer.append((kind, out))
            out = outer
        else:
            out.append(word)
    return out


def expand(rng, parts):
    """A random command of a template. Alternatives hold until the next word with a bar: `EX T|PX M` is EX T or PX M."""
    out = []
    alternatives = [[]]
    for part in parts:
        if isinstance(part, tuple):
            alternatives[-1].append(part)
            continue
        pieces = part.split("|")
        alternatives[-1].append(pieces[0])
        for piece in pieces[1:]:
            alternatives.append([piece])
    for item in (rng.choice(alternatives) if len(alternatives) > 1 else alternatives[0]):
        if isinstance(item, tuple):
            kind, inner = item
            if kind == "[":
                if rng.random() < 0.4:
                    out += expand(rng, inner)
            else:
                for _ in range(rng.randrange(1, 4)):
                    out += expand(rng, inner)
        elif item in SLOTS:
            out.append(rng.choice(SLOTS[item][: 6 if rng.random() < 0.7 else None]))
        else:
            out.append(item)
    return out


class Generator:
    def __init__(self, seed, known=None):
        """`known`: the server's command names; templates of others are left out (redis-compat.md names them)."""
        self.rng = random.Random(seed)
        lines = TEMPLATES.strip().splitlines()
        self.lines = [x for x in lines if not known or x.split()[0].lower() in known or x.startswith("NOSUCH")]

    def command(self):
        """A command; one in twelve with a word too many or too few."""
        rng = self.rng
        out = []
        depth, buffer = 0, []
        for word in self.rng.choice(self.lines).replace("[", " [ ").replace("]", " ] ").replace("{", " { ").replace("}", " } ").split():
            if word in "[{":
                depth += 1
            if depth:
                buffer.append(word)
            elif "|" in word:
                out += expand(rng, [rng.choice(word.split("|"))])
            else:
                out += expand(rng, [word])
            if word in "]}":
                depth -= 1
                if depth == 0:
                    out += expand(rng, tokens(" ".join(buffer)))
                    buffer = []
        if rng.random() < 0.04:
            out.append(rng.choice(VALUES))
        elif rng.random() < 0.04 and len(out) > 1:
            out.pop()
        if rng.random() < 0.1:
            out[0] = out[0].lower()
        return [w.encode("latin-1") for w in out]


def comparable(command, reply):
    """A reply with what is free to differ taken out."""
    name = command[0].upper().decode("latin-1")
    if isinstance(reply, resp.Error):
        return "-" + reply.text.decode("latin-1")
    if name in UNORDERED and isinstance(reply, list):
        return unordered(name, reply)
    if name == "HRANDFIELD" and isinstance(reply, list):
        return len(reply)
    if name == "OBJECT" and reply == b"listpack":
        return match.show(b"quicklist")  # a short list's encoding until Redis 7.0
    if name in NEAR and isinstance(reply, int) and reply > 0:
        return "about %d" % round(reply / (NEAR[name] * 50))
    return match.show(reply)


def unordered(name, reply):
    if name in ("SCAN", "HSCAN") and len(reply) == 2 and isinstance(reply[1], list):
        return [match.show(reply[0]), sorted(match.show(r) for r in reply[1])]
    return sorted(match.show(r) for r in reply)


class Pair:
    """The same connection to both servers."""

    def __init__(self, ours, theirs, protocol):
        self.conns = [ours(), theirs()]
        for c in self.conns:
            c.call("FLUSHALL")
            if protocol == 3:
                c.call("HELLO", 3)

    def both(self, commands):
        """Replies of both to a pipeline: ([ours], [theirs])."""
        data = b"".join(resp.encode(c) for c in commands)
        for c in self.conns:
            c.send_raw(data)
        return tuple([c.read() for _ in commands] for c in self.conns)

    def close(self):
        for c in self.conns:
            c.close()


# Random choices, clocks, and what changes the connection rather than gives a reply.
VOLATILE = {b"TIME", b"LASTSAVE", b"RANDOMKEY", b"SAVE", b"INFO"}


def awkward(command):
    name = command[0].upper()
    two = b" ".join(command[:2]).upper()
    if name in VOLATILE or two.startswith(b"CLIENT REPLY") or two in (b"COMMAND", b"COMMAND INFO", b"COMMAND DOCS", b"COMMAND LIST"):
        return True
    if two == b"OBJECT REFCOUNT":
        return True  # arguments of a queued SET have one more owner in Redis
    return len(command) <= 2 and name in (b"SUBSCRIBE", b"HELLO", b"RESET", b"HRANDFIELD")


def loosely_equal(a, b):
    """Inside EXEC nobody says which reply belongs to which command: times may differ a little, orders and choices freely."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b)
    if isinstance(a, int) and isinstance(b, int):
        return a == b or (min(a, b) > 900 and abs(a - b) < 2500)
    if b"quicklist" in (a, b):
        return {a, b} <= {b"quicklist", b"listpack"}
    return match.show(a) == match.show(b)


def same(command, a, b):
    if command[0].upper() == b"EXEC" and isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return all(loosely_equal(x, y) for x, y in zip(a, b))
    if command[0].upper() in (b"SCAN", b"HSCAN") and isinstance(a, list) and isinstance(b, list) and (a[0] != b"0" or b[0] != b"0"):
        return True  # cursors are the servers' own; a part says nothing about the whole
    if command[0].upper() in (b"EXPIRE", b"PEXPIRE") and isinstance(a, int) and isinstance(b, int) and command[-1].upper() in (b"GT", b"LT"):
        return True  # the same TTL again: whether a millisecond has passed since decides
    return comparable(command, a) == comparable(command, b)


def history(log, command):
    """The last commands that share a word with this one: most often enough to see why."""
    words = set(command[1:]) & {k.encode("latin-1") for k in KEYS}
    mine = [c for c in log if words & set(c) or c[0].upper() in (b"MULTI", b"EXEC", b"SELECT", b"DISCARD", b"WATCH", b"FLUSHDB", b"SWAPDB")]
    return mine[-12:]


def run_round(pair, gen, count, differences, limit):
    log = []
    while count > 0 and len(differences) < limit:
        batch = []
        for command in (gen.command() for _ in range(20)):
            if command[0].upper() in (b"FLUSHDB", b"FLUSHALL", b"SWAPDB", b"SETBIT", b"BITFIELD"):
                # With keys created before a flush, one that is absent all the time may count as changed here; so does a value that
                # only became raw.
                batch.append([b"UNWATCH"])
            if not awkward(command):
                batch.append(command)
        ours, theirs = pair.both(batch)
        count -= len(batch)
        for command, a, b in zip(batch, ours, theirs):
            if not same(command, a, b):
                differences.append((list(history(log, command)), command, a, b))
            log.append(command)
        del log[:-400]


def quote(command):
    return " ".join('"%s"' % repr(w)[2:-1] if not w or any(c <= 32 or c > 126 for c in w) else w.decode() for w in command)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--count", type=int, default=60000)
    p.add_argument("--limit", type=int, default=20, help="stop after so many differences")
    p.add_argument("--durability", default="everysec")
    p.add_argument("--target", choices=["single", "cluster"], default="single")
    p.add_argument("--addr")
    args = p.parse_args()
    processes.exit_on_sigterm()
    redis = processes.redis_server()
    if redis is None:
        print("SKIP comparison with redis-server: it is not installed (deps/install)\n0 passed, 0 failed, 1 skipped")
        return 0
    if args.addr:
        host, port = args.addr.rsplit(":", 1)
        ours = lambda: resp.Conn(int(port), host)  # noqa: E731
    elif args.target == "cluster":
        c = cluster.Cluster(3).start()
        ours = random.Random(args.seed).choice(c.nodes).connect
    else:
        ours = processes.single(args.durability).connect
    print("seed %d" % args.seed)
    with ours() as c:
        known = {name.decode().lower() for name in c.call("COMMAND", "LIST")}
    differences, per_round = [], 3000
    for number in range(max(1, args.count // per_round)):
        pair = Pair(ours, redis.connect, 2 + number % 2)
        run_round(pair, Generator("%d/%d" % (args.seed, number), known), per_round, differences, args.limit)
        pair.close()
        if len(differences) >= args.limit:
            break
    for before, command, a, b in differences:
        print("FAILED %s\n  ours:\n%s\n  redis:\n%s\n  after:" % (quote(command), match.show(a, 2), match.show(b, 2)))
        for c in before:
            print("    " + quote(c))
    done = max(1, args.count // per_round)
    print("%d passed, %d failed" % (max(0, done - len(differences)), len(differences)))
    return 1 if differences else 0


sys.exit(main())

#!/usr/bin/python3
"""The house in figures: how the code is laid out, and what may only get better.

    scripts/house.py           prints the table
    scripts/house.py --check   fails where a figure is worse than LIMITS, or better (then LIMITS follows)
    scripts/house.py --rooms   the layers and rooms with what they include, as docs/architecture.md shows them

Counted are the files of src/ as git knows them, tests apart; functions and classes as ctags sees them. Lines of code have something
besides a comment on them.
"""
import collections
import glob
import json
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)

# The worst that is allowed, and where it should go. Classes that are above the goal stand with their own figures: methods, data
# members, .cc files that their methods are in.
LIMITS = {
    "type_branches": 5,
    "friends": 10,
    "back_arrows": 0,
}
GOALS = {
    "file_median": 180, "file_max": 700, "function_p90": 25, "function_max": 60, "type_branches": 0, "command_names": 0,
    "friends": 0, "back_arrows": 0, "error_literals": 0,
}
CLASS_METHODS, CLASS_MEMBERS, CLASS_FILES = 40, 20, 1
CLASS_LIMITS = {
    "cluster::LogStore": [64, 48, 2],
    "paxos::Replica": [55, 1, 1],
    "paxos::Replica::Impl": [48, 28, 2],
    "resp::ReplyWriter": [58, 14, 1],
    "server::Server": [28, 33, 1],
    "state::Executor": [83, 38, 2],
    "store::Store": [102, 33, 4],
}
ASSERTIONS_GOAL = 20  # per 1,000 lines of code, in each layer but base and net
ASSERTIONS = {"cluster": 10.4, "cluster/paxos": 9.8, "commands": 1.4, "persist": 12.7, "resp": 3.9, "server": 8.5, "state": 19.6, "store": 18.5}

# A type's own rooms: what is in there may know it.
TYPES = sorted(os.path.basename(os.path.dirname(f)) for f in glob.glob("src/store/types/*/*_type.h"))
TYPE_ROOMS = ("src/store/types/", *("src/commands/%s/" % t for t in TYPES))
# A first value ("Type type = Type::kString") is no branch.
TYPE_BRANCH = r"(?<![^=!<>]= )(?<!:)\b(?:store::)?Type::k(%s)\b|\bis_hash\(\)|\bkind [!=]= \w*Kind::k(%s)\b" % (("|".join(t.capitalize() for t in TYPES),) * 2)
COMMAND_NAME = r"(->|\.)handler [!=]= [^n]|\b\w*(spec|row|one|command\(\))(\.|->)id [!=]= [^0]|\bname [!=]= \"[A-Z]|\bspec == (find|Find)"
# Of a reply: it begins with its code. Texts of the parser of requests, too, which is why Error("…") counts.
ERROR_CODES = (
    "BUSY BUSYKEY CLUSTERDOWN COMPACTED DENIED ERR EXECABORT FENCED LOADING LOCKED MISCONF NOAUTH NOLEASE NOPERM NOPROTO NOSCRIPT NOTXN OOM TXNLIMIT "
    "UNBLOCKED UNCERTAIN WRONGPASS WRONGTYPE")
ERROR_LITERAL = r"\bError\(\"|\"(%s) " % ERROR_CODES.replace(" ", "|")


def tracked(pattern):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", pattern], capture_output=True, text=True, check=True)
    return sorted(f for f in set(out.stdout.split()) if os.path.isfile(f))


def is_test(path):
    return path.endswith("_test.cc") or os.path.basename(path).startswith(("test_", "fake_"))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def without_comments(text):
    keep = re.compile(r'"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])\'|//[^\n]*|/\*.*?\*/', re.S)
    return keep.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else "\n" * m.group(0).count("\n"), text)


def code_lines(text):
    return sum(1 for line in without_comments(text).split("\n") if line.strip())


def layer_of(path):
    return "/".join(path.split("/")[1:-1]) or "main"


def tags(files):
    """(kind, name, class or "", path, first line, last line) of all that ctags finds."""
    out = subprocess.run(
        ["ctags", "--output-format=json", "--fields=+neKS", "--kinds-C++=+pfm", "--language-force=C++", "-f", "-", *files],
        capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        t = json.loads(line)
        scope = t.get("scope", "") if t.get("scopeKind") in ("class", "struct") else ""
        yield t.get("kind"), t["name"], scope, t["path"], t.get("line", 0), t.get("end", 0)


def tidy_tables():
    """BACK_ARROWS of scripts/tidy.py, without running it."""
    text = read("scripts/tidy.py")
    return eval(re.search(r"^BACK_ARROWS = (\{.*?^\}|set\(\))", text, re.S | re.M).group(1))


def measure():
    sources = [f for f in tracked("src/*.cc") + tracked("src/*.h")]
    code = [f for f in sources if not is_test(f)]
    tests = [f for f in sources if is_test(f)] + tracked("tests/*.cc") + tracked("tests/*.h")
    scripted = [f for f in tracked("tests/*") if f.endswith((".py", ".case", ".cs", ".js", ".c", ".php", ".rb"))]
    text = {f: read(f) for f in code}
    plain = {f: without_comments(t) for f, t in text.items()}
    size = {f: t.count("\n") for f, t in text.items()}
    lines = collections.Counter()
    asserts = collections.Counter()
    for f in code:
        top = f.split("/")[1]
        top = "cluster/paxos" if f.startswith("src/cluster/paxos/") else top
        lines[top] += code_lines(text[f])
        asserts[top] += len(re.findall(r"\b(?:D?CHECK|static_assert|AssertOwner)\(", plain[f]))
    functions, methods, members, homes = [], collections.Counter(), collections.Counter(), collections.defaultdict(set)
    for kind, name, scope, path, first, last in tags(code):
        if kind == "function" and last:
            functions.append((last - first + 1, name, path))
        owner = re.sub(r"^clustron::", "", scope)
        if kind in ("prototype", "function") and path.endswith(".h") and scope:
            methods[owner] += 1
        elif kind == "member" and path.endswith(".h"):
            members[owner] += 1
        if kind == "function" and path.endswith(".cc") and scope:
            homes[owner].add(path)
    functions.sort()
    count = lambda pattern, where: sum(len(re.findall(pattern, re.sub(r"static_assert\([^;]*;", "", plain[f]))) for f in code if where(f))
    figures = {
        "file_median": int(statistics.median(size.values())),
        "file_max": max(size.values()),
        "function_p90": functions[len(functions) * 9 // 10][0],
        "function_max": functions[-1][0],
        "type_branches": count(TYPE_BRANCH, lambda f: not f.startswith(TYPE_ROOMS)),
        "command_names": count(COMMAND_NAME, lambda f: f.startswith(("src/server/", "src/state/", "src/commands/core/"))),
        "friends": count(r"\bfriend (class|struct) ", lambda f: True),
        "back_arrows": len(tidy_tables()),
        "error_literals": count(ERROR_LITERAL, lambda f: not os.path.basename(f).startswith("error")),
    }
    classes = {c: [methods[c], members[c], len(homes[c])] for c in set(methods) | set(members)
               if (methods[c] > CLASS_METHODS or members[c] > CLASS_MEMBERS or len(homes[c]) > CLASS_FILES) and c in homes}
    density = {layer: round(1000 * asserts[layer] / lines[layer], 1) for layer in lines}
    test_lines = sum(code_lines(read(f)) for f in tests)
    extra = {
        "longest": functions[-1][1:], "biggest": max(size, key=size.get),
        "tests_cpp": round(test_lines / sum(lines.values()), 2),
        "tests_all": round((test_lines + sum(read(f).count("\n") for f in scripted)) / sum(lines.values()), 2),
        "code": sum(lines.values()),
    }
    return figures, classes, density, extra


# From the top down. What a room includes is read from the code.
ROOMS = [
    ("server/process", "the program: wiring, sockets, start, stop, what a start checks"),
    ("server/dispatch", "the engine: which way a command goes, and its place in its connection's queue"),
    ("server/ops", "leaving, handing over the lead, what an operator is told"),
    ("server/observe", "INFO, statistics, keyspace notifications, subscriptions"),
    ("server/front", "clients and their sessions"),
    ("server/config", "directives: table, values, files, CONFIG REWRITE"),
    ("state", "the replicated state machine: entries applied, commands run, snapshots written and loaded"),
    ("cluster/node", "this node of the cluster: origin, batches, reads, time, leader's duties, snapshots sent"),
    ("cluster/membership", "who belongs to the cluster: formation, the configuration that is applied, who was set back"),
    ("cluster/wire", "links between nodes: frames, hello, introduction"),
    ("cluster/log", "the log on disk, entries and items, the feature version"),
    ("cluster/paxos", "the consensus core: pure, no I/O, no clock"),
    ("commands/admin", "CLIENT, CONFIG, COMMAND, connections, the server itself"),
    ("commands/pubsub", "channels"),
    ("commands/transaction", "MULTI, TXN, ONCE"),
    ("commands/coordination", "LEASE, LOCK"),
    ("commands/watch", "WATCHKEY"),
    ("commands/index", "INDEX"),
    ("commands/hash", "hashes"),
    ("commands/list", "lists"),
    ("commands/string", "strings, counters, bitmaps"),
    ("commands/generic", "keys of any type: expiry, scans, OBJECT"),
    ("commands/core", "rows, registry, context, guards, errors, the ports to the server"),
    ("store/snapshot", "the walk over a state that goes on changing; loading"),
    ("store/tables", "tables beside the keys: ONCE's replies, leases, locks, indexes"),
    ("store/index", "queries: the language, contents of indexes, plans, pages, sums"),
    ("store/types", "the rows of all types"),
    ("store/types/hash", "hashes, packed and big"),
    ("store/types/list", "lists, in chunks and groups of chunks"),
    ("store/types/string", "strings of many pieces"),
    ("store/keyspace", "tables of keys, records, mutation, undo, expiry"),
    ("persist", "files, write-ahead log, snapshot files"),
    ("resp", "RESP2 and RESP3: requests in, replies out"),
    ("net", "event loop, sockets, worker threads"),
    ("base", "results, checks, coding, clocks, random numbers, logging"),
]


def rooms():
    """One line for each room: what is in there, and which rooms its files include."""
    uses = collections.defaultdict(set)
    for f in tracked("src/*.cc") + tracked("src/*.h"):
        room = os.path.dirname(f)[len("src/"):]
        if is_test(f) or not room:
            continue
        uses[room] |= {os.path.dirname(i) for i in re.findall(r'^#include "([^"]+)"', read(f), re.M)} - {room, "base"}
    names = [name for name, _ in ROOMS]
    if set(names) != set(uses):
        sys.exit("house: rooms without a line in ROOMS of scripts/house.py, or lines without a room: %s" % (set(names) ^ set(uses)))
    out = ["| room | what is in there | includes, besides base |", "| --- | --- | --- |"]
    for name, what in ROOMS:
        out.append("| `%s` | %s | %s |" % (name, what, " ".join(r for r in names if r in uses[name])))
    return "\n".join(out) + "\n"


# Why a figure is not where it should be.
WHY_UNASSERTED = "most of its conditions are about bytes from outside, and are errors, not assertions"
WHY = {
    "type_branches": "conditions and refreshes that are about strings or hashes alone (TXN's VALUE and FIELD, DELEX, GETEX); a string that is built in its record",
    "friends": "a class's own parts: what undoes, changes, walks and loads the store; a record's editor",
    "cluster/paxos": "what must hold of a whole replica is checked after each step, from outside: cluster/paxos/invariants.h",
    "store::Store": "the keyspace's whole vocabulary; its parts (tables, wheels, journal, garbage) are classes already, and most methods are one line",
    "state::Executor": "implements StateMachine and what commands need of it; sessions, news and waiters are classes of their own",
    "cluster::LogStore": "one group commit, whose order its members keep; index, reader, space and tasks are classes of their own",
    "resp::ReplyWriter": "one method for each kind of reply",
    "paxos::Replica": "a front of Impl: what a node asks of the core",
    "paxos::Replica::Impl": "wires the roles (acceptor, phase 1, learner, outbox …), each a class of its own",
    "server::Server": "owns the parts of the process in the order in which they begin and end",
}


NAMES = {
    "file_median": "lines of a file, median", "file_max": "the longest", "function_p90": "lines of a function, 90 of 100 have at most",
    "function_max": "the longest one", "type_branches": "branches on a value's type outside the types' own rooms",
    "command_names": "code that asks for a command by name, handler or id", "friends": "friend classes",
    "back_arrows": "includes against the table of layers", "error_literals": "error texts outside their home",
}


def show(figures, classes, density, extra):
    print("| figure | now | goal | why not |\n| --- | ---: | ---: | --- |")
    for key, value in figures.items():
        print("| %s | %s | %s | %s |" % (NAMES[key], value, GOALS[key], WHY.get(key, "") if value > GOALS[key] else ""))
    print("| lines of tests to a line of code: all, C++ alone | %s, %s | 1 | |" % (extra["tests_all"], extra["tests_cpp"]))
    for layer, value in sorted(density.items()):
        if layer not in ("base", "net", "main.cc"):
            why = WHY.get(layer, WHY_UNASSERTED) if value < ASSERTIONS_GOAL else ""
            print("| assertions in 1,000 lines of code, %s | %s | %d | %s |" % (layer, value, ASSERTIONS_GOAL, why))
    for name, (m, d, f) in sorted(classes.items(), key=lambda c: -c[1][0]):
        print("| %s: methods, data members, .cc files | %d, %d, %d | %d, %d, %d | %s |" % (
            name, m, d, f, CLASS_METHODS, CLASS_MEMBERS, CLASS_FILES, WHY[name]))
    print("\n%d lines of code; the longest function is %s in %s, the longest file %s" % (extra["code"], *extra["longest"], extra["biggest"]))


def check(figures, classes, density):
    bad = []
    for key, value in figures.items():
        limit = max(LIMITS.get(key, 0), GOALS[key])
        if value > limit:
            bad.append("%s: %s, at most %s" % (NAMES[key], value, limit))
        elif value < LIMITS.get(key, 0) and LIMITS[key] > GOALS[key]:
            bad.append("%s: %s now: write it into LIMITS of scripts/house.py" % (NAMES[key], value))
    for name, now in classes.items():
        limit = CLASS_LIMITS.get(name, [CLASS_METHODS, CLASS_MEMBERS, CLASS_FILES])
        if any(n > max(l, g) for n, l, g in zip(now, limit, (CLASS_METHODS, CLASS_MEMBERS, CLASS_FILES))):
            bad.append("%s: methods, data members, .cc files %s, at most %s" % (name, now, limit))
    for name in set(CLASS_LIMITS) - set(classes):
        bad.append("%s has become small: take it out of CLASS_LIMITS in scripts/house.py" % name)
    for layer, least in ASSERTIONS.items():
        if density[layer] < min(least, ASSERTIONS_GOAL):
            bad.append("assertions in 1,000 lines of %s: %s, at least %s" % (layer, density[layer], least))
    return bad


if __name__ == "__main__":
    if "--rooms" in sys.argv:
        print(rooms(), end="")
        sys.exit(0)
    figures, classes, density, extra = measure()
    if "--check" in sys.argv:
        found = check(figures, classes, density)
        print("\n".join(found))
        sys.exit(1 if found else 0)
    show(figures, classes, density, extra)

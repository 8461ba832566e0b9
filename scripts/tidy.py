#!/usr/bin/python3
"""Style as a test: what can be checked without a compiler. See docs/testing.md for the list.

    scripts/tidy.py            all checks
    scripts/tidy.py layers …   only those named
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)

FORMATTER = "clang-format-19"
LINE_LENGTH = 100
FILE_LINES = 700

# Which folder of src/ may include which; a folder may always include itself, and "store" names all folders in there. Dependencies
# point downwards only. Test code (*_test.cc, tests/) may include anything from here; `make layers` links it against lower layers alone.
LAYERS = {
    "base": set(),
    "net": {"base"},
    "resp": {"base"},
    "persist": {"base"},
    "store/keyspace": {"base"},
    "store/types/string": {"store/keyspace", "base"},
    "store/types/hash": {"store/keyspace", "base"},
    "store/types/list": {"store/keyspace", "base"},
    "store/types": {"store/types/hash", "store/types/list", "store/types/string", "store/keyspace", "base"},
    "store/index": {"store/keyspace", "base"},
    "store/tables": {"store/index", "store/keyspace", "base"},
    "store/snapshot": {"store/keyspace", "base"},
    "commands/core": {"store", "persist", "resp", "base"},
    "commands/generic": {"commands/core", "store", "persist", "resp", "base"},
    "commands/string": {"commands/generic", "commands/core", "store", "resp", "base"},
    "commands/hash": {"commands/generic", "commands/core", "store", "resp", "base"},
    "commands/list": {"commands/generic", "commands/core", "store", "resp", "base"},
    "commands/transaction": {"commands/core", "store", "resp", "base"},
    "commands/index": {"commands/generic", "commands/core", "store", "resp", "base"},
    "commands/coordination": {"commands/core", "store", "resp", "base"},
    "commands/watch": {"commands/generic", "commands/core", "store", "resp", "base"},
    "commands/pubsub": {"commands/core", "store", "resp", "base"},
    "commands/admin": {"commands/core", "store", "resp", "base"},
    "cluster/paxos": {"base"},
    "cluster/log": {"cluster/paxos", "persist", "base"},
    "cluster/wire": {"cluster/paxos", "net", "base"},
    "cluster/membership": {"cluster/wire", "cluster/paxos", "persist", "net", "base"},
    "cluster/node": {"cluster/membership", "cluster/wire", "cluster/log", "cluster/paxos", "persist", "base"},
    "state": {"commands/core", "cluster", "store", "persist", "resp", "base"},
    "server/config": {"commands/core", "cluster/wire", "store", "base"},
    "server/front": {"server/config", "commands/core", "cluster/log", "resp", "net", "base"},
    "server/observe": {"server/front", "server/config", "state", "commands", "cluster", "store", "persist", "resp", "base"},
    "server/ops": {"server/observe", "server/front", "server/config", "state", "commands", "cluster", "store", "resp", "base"},
    "server/dispatch": {"server/ops", "server/observe", "server/front", "server/config", "state", "commands", "cluster", "store", "resp", "base"},
    "server/process": {"server", "state", "commands", "cluster", "persist", "resp", "net", "base"},
}

# Includes against the table that are known: there may be fewer, never more.
BACK_ARROWS = set()

# Files above FILE_LINES that are known: they may shrink, never grow. Take a file out when it fits.
LONG_FILES = {}

# (pattern, where it is banned, where it is allowed all the same, why)
DETERMINISTIC = r"^src/(store|commands|resp|state|cluster/paxos)/"
BANNED = [
    (r"\btime\s*\(\s*(NULL|nullptr|0|&)", r"^src/", r"^src/base/clock", "the clock is handed in (base/clock.h)"),
    (r"\b(gettimeofday|clock_gettime|system_clock|steady_clock|high_resolution_clock|localtime|gmtime)\b",
     r"^src/", r"^src/(base|net)/|^src/cluster/membership/formation", "the clock is handed in (base/clock.h)"),
    (r"\b(s?rand|random|drand48|rand_r)\s*\(", r"^src/", None, "randomness comes from base/rng.h with a seed"),
    (r"\bstd::(random_device|mt19937|default_random_engine)", r"^(src|tests)/", r"^src/base/", "use base/rng.h"),
    (r"\b(uv_hrtime|uv_now)\b", r"^src/", r"^src/(net|base)/", "the clock is handed in (base/clock.h)"),
    (r"\bthrow\b(?!\s*\()", r"^src/", None, "errors are values (base/result.h)"),
    (r"\bstd::(mutex|atomic|lock_guard|unique_lock|thread)\b", r"^src/(store|resp|commands|cluster/paxos)/", None,
     "only the core loop touches state"),
    (r"#include <(regex|iostream)>", r"^src/", None, "too heavy"),
    (r"#include <(uv\.h)>", r"^src/", r"^src/net/", "libuv stays in src/net"),
    (r"#include <spdlog/", r"^src/", r"^src/base/log", "spdlog stays in base/log"),
    (r"\b(sprintf|strcpy|strcat|atoi|atol|strtok)\s*\(", r"^src/", None, "unbounded or without errors"),
    (r"\bstd::(cout|cerr)\b", r"^src/", None, "log through base/log.h"),
    (r"\b(usleep|sleep_for|nanosleep)\b", r"^src/", r"^src/base/", "the loop never sleeps"),
    (r"%p\b|\bstd::hash<", DETERMINISTIC, None, "addresses and library hashes differ between nodes"),
]

failures = []


def fail(check, where, text):
    failures.append(check)
    print("%s: %s [%s]" % (where, text, check))


def tracked(*patterns):
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], capture_output=True, text=True, check=True
    ).stdout
    return sorted(f for f in set(out.splitlines()) if os.path.isfile(f))


def lines(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")


def is_test(path):
    return path.startswith("tests/") or path.endswith("_test.cc")


def cpp():
    return tracked("src/*.cc", "src/*.h", "tests/*.cc", "tests/*.h")


def code_only(text):
    """Lines without comments and string contents, so that prose can name what code must not."""
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    return [re.sub(r"//.*", "", line) for line in text.split("\n")]


def check_layers():
    may = {room: {r for r in LAYERS for a in allowed if r == a or r.startswith(a + "/")} for room, allowed in LAYERS.items()}
    order = list(LAYERS)
    for room in order:
        for lower in may[room]:
            if order.index(lower) > order.index(room):
                fail("layers", "src/" + room, "may include %s, which stands above it" % lower)
    back = set()
    for path in tracked("src/*.cc", "src/*.h", "src/*.inc"):
        room = os.path.dirname(path)[len("src/"):]
        if is_test(path) or path == "src/main.cc":
            continue
        if room not in LAYERS:
            fail("layers", path, "%s is not in the table of layers" % room)
            continue
        for n, line in enumerate(lines(path), 1):
            m = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not m or ('"' not in line and not os.path.exists("src/" + m.group(1))):
                continue
            target = os.path.dirname(m.group(1))
            if not os.path.exists("src/" + m.group(1)) or "<" in line:
                fail("layers", "%s:%d" % (path, n), "include %s by its path from src/, in quotation marks" % m.group(1))
            elif target != room and target not in may[room]:
                back.add((path[len("src/"):], m.group(1)))
    for path, target in sorted(back - BACK_ARROWS):
        fail("layers", "src/" + path, "must not include %s" % target)
    for path, target in sorted(BACK_ARROWS - back):
        fail("layers", "src/" + path, "does not include %s any more: take it out of BACK_ARROWS" % target)


def check_headers():
    for path in tracked("src/*.h", "tests/*.h"):
        if "#pragma once" not in lines(path):
            fail("headers", path, "no #pragma once")


def check_banned():
    for path in cpp():
        text = open(path, encoding="utf-8").read()
        # Includes are strings to code_only(), so they are looked at in the raw text.
        raw, code = text.split("\n"), code_only(text)
        for pattern, where, allowed, why in BANNED:
            if not re.search(where, path) or (allowed and re.search(allowed, path)):
                continue
            if is_test(path) and not re.match(where, "tests/"):
                continue
            for n, line in enumerate(raw if pattern.startswith("#include") else code, 1):
                if re.search(pattern, line):
                    fail("banned", "%s:%d" % (path, n), "%s: %s" % (line.strip()[:80], why))


def check_order():
    """Iterating an unordered container where the order can reach a reply or the state."""
    for path in tracked("src/*.cc", "src/*.h"):
        if not re.search(DETERMINISTIC, path) or is_test(path):
            continue
        text = "\n".join(code_only(open(path, encoding="utf-8").read()))
        other = path[:-3] + ".h" if path.endswith(".cc") else None
        declared = text + ("\n".join(code_only(open(other, encoding="utf-8").read())) if other and os.path.exists(other) else "")
        for name in set(re.findall(r"unordered_(?:map|set)<[^;{}]*>\s+(\w+)\s*[;={]", declared)):
            for m in re.finditer(r"for \([^;)]*:\s*%s\)|\b%s\.begin\(\)" % (name, name), text):
                n = text.count("\n", 0, m.start()) + 1
                fail("order", "%s:%d" % (path, n), "iterates unordered %s" % name)


def check_lines():
    for path in cpp():
        body = lines(path)
        for n, line in enumerate(body, 1):
            if len(line) > LINE_LENGTH and "http" not in line and not re.match(r"#include", line):
                fail("lines", "%s:%d" % (path, n), "%d columns" % len(line))
            if line != line.rstrip():
                fail("lines", "%s:%d" % (path, n), "space at the end of the line")
        if path.startswith("src/") and len(body) - 1 > LONG_FILES.get(path, FILE_LINES):
            fail("lines", path, "%d lines: look for the second idea in it" % (len(body) - 1))
    for path, limit in LONG_FILES.items():
        if not os.path.exists(path) or len(lines(path)) - 1 <= FILE_LINES:
            fail("lines", path, "fits now: take it out of LONG_FILES")


def check_leftovers():
    for path in tracked("src", "tests", "scripts", "deps", "docs", "Makefile", "*.md"):
        if path == "scripts/tidy.py" or path.endswith((".json", ".bin")) or "/corpus/" in path:
            continue
        for n, line in enumerate(lines(path), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\|)", line) and "XX XXX" not in line:
                fail("leftovers", "%s:%d" % (path, n), line.strip()[:100])
            if ROOT + "/" in line:
                fail("leftovers", "%s:%d" % (path, n), "names this checkout's own place")


def check_format():
    files = cpp()

    # Starting the formatter costs more than most files: many go to one process.
    batches = [files[i::16] for i in range(16)]

    def some(batch):
        r = subprocess.run([FORMATTER, "--dry-run", "-Werror", *batch], capture_output=True, text=True)
        return re.findall(r"^([^\s:]+):(\d+):\d+: error: (.*)$", r.stderr, re.M) or ([(r.stderr.strip()[:200], "0", "")] if r.returncode else [])

    try:
        told = set()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(some, batches):
                for path, line, text in found:
                    if path not in told:
                        fail("format", path, "make format changes it, from line %s on: %s" % (line, text))
                    told.add(path)
    except FileNotFoundError:
        fail("format", FORMATTER, "not installed (deps/install)")


def check_python():
    for path in tracked("*.py", "scripts/*"):
        text = open(path, encoding="utf-8", errors="replace").read()
        if not (path.endswith(".py") or text.startswith("#!/usr/bin/python3")):
            continue
        try:
            compile(text, path, "exec")
        except SyntaxError as e:
            fail("python", "%s:%s" % (path, e.lineno), str(e))


def check_generated():
    """What scripts print into the docs is what they print now: the battery's stages, the rooms of src/."""
    for path, mark, command in (
        ("docs/testing.md", "stages", ["scripts/battery.py", "--markdown"]),
        ("docs/architecture.md", "rooms", ["scripts/house.py", "--rooms"]),
    ):
        text = open(path, encoding="utf-8").read()
        r = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if r.returncode:
            fail("generated", path, "%s: %s" % (" ".join(command), r.stderr.strip()))
            continue
        table = r.stdout
        wanted = re.sub(r"(<!-- %s -->\n).*(<!-- /%s -->)" % (mark, mark), lambda m: m.group(1) + table + m.group(2), text, flags=re.S)
        if "--fix" in sys.argv:
            open(path, "w", encoding="utf-8").write(wanted)
        elif wanted != text or not table:
            fail("generated", path, "not what %s says: scripts/tidy.py generated --fix" % " ".join(command))


def check_way():
    """What docs/architecture.md says by file and function: each is defined where it says."""
    path = "docs/architecture.md"
    text = open(path, encoding="utf-8").read()
    for mark, least in (("way", 20), ("ask", 15)):
        part = re.search(r"<!-- %s -->\n(.*?)<!-- /%s -->" % (mark, mark), text, flags=re.S)
        steps = re.findall(r"^ +(src/\S+?):(.+)$", part.group(1), flags=re.M) if part else []
        if len(steps) < least:
            fail("way", path, "<!-- %s -->: %d of at least %d lines" % (mark, len(steps), least))
        for file, functions in steps:
            source = open(file, encoding="utf-8").read() if os.path.exists(file) else ""
            for function in functions.split(", "):
                if not re.search(r"^\S[^\n;]*?\b%s\(" % re.escape(function), source, flags=re.M):
                    fail("way", path, "%s: no definition of %s" % (file, function))


def check_house():
    """The figures of scripts/house.py: nothing worse than it is."""
    try:
        r = subprocess.run([sys.executable, "scripts/house.py", "--check"], capture_output=True, text=True)
    except FileNotFoundError:
        r = None
    for line in (r.stdout + r.stderr).splitlines() if r and r.returncode else []:
        fail("house", "src", line)


CHECKS = {
    "generated": check_generated,
    "house": check_house,
    "way": check_way,
    "layers": check_layers,
    "headers": check_headers,
    "banned": check_banned,
    "order": check_order,
    "lines": check_lines,
    "leftovers": check_leftovers,
    "format": check_format,
    "python": check_python,
}


def main(names):
    for name in names or CHECKS:
        CHECKS[name]()
    ran = list(names or CHECKS)
    bad = sorted(set(failures))
    print("%d passed, %d failed" % (len(ran) - len(bad), len(bad)))
    return 1 if bad else 0


sys.exit(main([a for a in sys.argv[1:] if a != "--fix"]))

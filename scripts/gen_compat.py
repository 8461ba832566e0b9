#!/usr/bin/python3
"""Writes the command table in redis-compat.md from what the built server says about itself: scripts/gen_compat.py [--check]

The names come from COMMAND LIST and COMMAND DOCS of a server that this starts, compared with the list of redis-server's. Everything
outside the markers is written by hand. --check only says whether the file is up to date.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import processes  # noqa: E402
import resp  # noqa: E402

PATH = os.path.join(ROOT, "redis-compat.md")
# What 7.2 added to the list of redis-server 7.0, which is the one at hand.
SINCE_7_2 = {"client|setinfo", "client|no-touch", "waitaof", "cluster|myshardid"}


def commands(conn):
    """{name: (group, since, summary)} with subcommands as container|sub."""
    out = {}
    flat = conn.call("COMMAND", "DOCS")
    for name, doc in pairs(flat):
        add(out, name.decode(), dict(pairs(doc)))
    return out


def pairs(reply):
    return list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2]))


def add(out, name, doc):
    text = lambda key: doc.get(key, b"").decode()  # noqa: E731
    subcommands = doc.get(b"subcommands")
    if subcommands:
        for sub, inner in pairs(subcommands):
            add(out, sub.decode(), dict(pairs(inner)))
    # A container with arguments is a command of its own, too (TXN).
    container = bool(subcommands) and not doc.get(b"arguments")
    out[name.lower()] = (text(b"group"), text(b"since"), text(b"summary"), container)


def listed(names):
    return ", ".join("`%s`" % n.upper().replace("|", " ") for n in sorted(names)) or "none"


def table(ours, theirs):
    theirs_names = {n for n, row in theirs.items() if not row[3]} | SINCE_7_2
    groups = sorted({row[0] for row in list(ours.values()) + list(theirs.values())})
    lines = ["| group | here | in Redis, not here |", "| --- | --- | --- |"]
    for group in groups:
        have = {n for n, row in ours.items() if row[0] == group and not row[3]}
        lack = {n for n in theirs_names if n in theirs and theirs[n][0] == group and n not in ours}
        extensions = have - theirs_names
        text = listed(have - extensions) if have - extensions else ""
        if extensions:
            text += ("<br>" if text else "") + "only here: " + listed(extensions)
        lines.append("| %s | %s | %s |" % (group, text, listed(lack) if lack else ""))
    shared = len([n for n in ours if n in theirs_names])
    lines.append("")
    lines.append("%d commands and subcommands of Redis 7.2's %d, and %d that only Clustron has." % (
        shared, len(theirs_names), len([n for n, row in ours.items() if n not in theirs_names and not row[3]])))
    return "\n".join(lines) + "\n"


def main():
    redis = processes.redis_server()
    if redis is None:
        print("SKIP the table of commands: redis-server is not installed (deps/install)\n0 passed, 0 failed, 1 skipped")
        return 0
    with processes.single("memory").connect() as a, redis.connect() as b:
        generated = table(commands(a), commands(b))
    with open(PATH, encoding="utf-8") as f:
        text = f.read()
    wanted = re.sub(r"(<!-- commands -->\n).*(<!-- /commands -->)", lambda m: m.group(1) + generated + m.group(2), text, flags=re.S)
    if "--check" in sys.argv:
        print("" if wanted == text else "FAILED redis-compat.md is not up to date: scripts/gen_compat.py")
        print("1 passed, 0 failed" if wanted == text else "0 passed, 1 failed")
        return 0 if wanted == text else 1
    with open(PATH, "w", encoding="utf-8") as f:
        f.write(wanted)
    return 0


sys.exit(main())

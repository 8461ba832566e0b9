"""Reads *.case files: the grammar of README.md, without running anything."""
import re

ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}


class BadCase(Exception):
    """A case file that does not say anything runnable."""


class Step:
    """One line of a case. `kind` is '>', '!', '>>', '<' or the directive's name; `value` is what it parsed to."""

    __slots__ = ("line", "text", "kind", "value")

    def __init__(self, line, text, kind, value):
        self.line, self.text, self.kind, self.value = line, text, kind, value


class Case:
    def __init__(self, path, line, title):
        self.path, self.line, self.title = path, line, title
        self.steps = []
        self.redis_skip = None
        self.only = None


def split_args(text):
    """Words as redis-cli splits them. The words keep their ${name} references."""
    out, i, n = [], 0, len(text)
    while True:
        while i < n and text[i] in " \t":
            i += 1
        if i >= n:
            return out
        word = bytearray()
        while i < n and text[i] not in " \t":
            if text[i] in "\"'":
                part, i = quoted(text, i)
                word += part
                if i < n and text[i] not in " \t":
                    raise BadCase("text right behind a closing quote: %r" % text[i:])
            else:
                word += text[i].encode()
                i += 1
        out.append(bytes(word))


def quoted(text, i):
    """The bytes of the quoted string at text[i], and the index behind it."""
    quote, i, out = text[i], i + 1, bytearray()
    while i < len(text):
        c = text[i]
        if c == quote:
            return bytes(out), i + 1
        if c == "\\" and quote == '"' and i + 1 < len(text):
            if text[i + 1] == "x" and re.match(r"[0-9a-fA-F]{2}", text[i + 2 : i + 4]):
                out.append(int(text[i + 2 : i + 4], 16))
                i += 4
                continue
            out += ESCAPES.get(text[i + 1], text[i + 1].encode())
            i += 2
            continue
        if c == "\\" and quote == "'" and text[i + 1 : i + 2] == "'":
            out += b"'"
            i += 2
            continue
        out += c.encode()
        i += 1
    raise BadCase("no closing quote")


# Expectations are small tuples: (kind, ...). Aggregates hold a list of expectations.

AGGREGATES = {"*": "array", "%": "map", "~": "set", ">": "push"}


def expectation(lines):
    """Takes the next expectation from `lines`, a list of (number, text) that it shortens."""
    number, text = lines.pop(0)
    text = text.strip()
    m = re.fullmatch(r"([*%~>])(\d+)", text)
    if m:
        count = int(m.group(2)) * (2 if m.group(1) == "%" else 1)
        items = []
        for _ in range(count):
            if not lines:
                raise BadCase("%s ends early: %d of %d items" % (text, len(items), count))
            items.append(expectation(lines))
        return (AGGREGATES[m.group(1)], items)
    if text.startswith("+"):
        return ("status", text[1:].encode())
    if text.startswith("-"):
        return error_of(text)
    item, end = inline(text, 0)
    if text[end:].strip():
        raise BadCase("what is %r?" % text[end:])
    return item


def error_of(text):
    for dots in ("…", "..."):
        if text.endswith(dots):
            return ("error-prefix", text[1 : -len(dots)].encode())
    return ("error", text[1:].encode())


def inline(text, i):
    """One item that ends within its line; returns it and the index behind it."""
    rest = text[i:]
    m = re.match(r"([*%~>]?)\[", rest)
    if m:
        return bracketed(text, i + m.end(), AGGREGATES[m.group(1) or "*"])
    if rest.startswith('"') or rest.startswith("'"):
        value, end = quoted(text, i)
        return ("bulk", value), end
    if rest.startswith('-"') or rest.startswith('+"'):
        value, end = quoted(text, i + 1)
        return ("error" if rest[0] == "-" else "status", value), end
    if rest.startswith('="'):
        value, end = quoted(text, i + 1)
        return ("verbatim", value), end
    if rest.startswith("/"):
        end = re.match(r"/((?:\\.|[^/\\])*)/", rest)
        if not end:
            raise BadCase("no closing slash")
        return ("regex", end.group(1)), i + end.end()
    word = re.match(r"[^\s\]]+", rest)
    if not word:
        raise BadCase("nothing expected")
    return short(word.group(0)), i + word.end()


def bracketed(text, i, kind):
    items = []
    while True:
        while i < len(text) and text[i] in " ,":
            i += 1
        if i >= len(text):
            raise BadCase("no closing bracket")
        if text[i] == "]":
            return (kind, items), i + 1
        item, i = inline(text, i)
        items.append(item)


def short(w):
    """An expectation of one word."""
    if w in ("_", "$-1", "*-1"):
        return ("null", w)
    if w == "*":
        return ("any-array",)
    if w in ("...", "…"):
        return ("rest",)
    for prefix, kind in ((":?", "any-int"), ("$?", "any-bulk"), ("?", "any")):
        if w.startswith(prefix):
            return (kind, w[len(prefix) :])
    if w in ("#t", "#f"):
        return ("bool", w == "#t")
    if w[0] == "+":
        return ("status", w[1:].encode())
    if w[0] == "-":
        return error_of(w)
    if w[0] == ",":
        return ("double", w[1:].encode())
    if w[0] == "(":
        return ("big", w[1:].encode())
    if w[0] == ":":
        return ("int", w[1:])
    raise BadCase("unknown expectation %r" % w)


def seconds_of(text):
    m = re.fullmatch(r"\s*([\d.]+)\s*(ms|s)\s*", text)
    if not m:
        raise BadCase("a time like 20ms or 2s, not %r" % text)
    return float(m.group(1)) / (1000 if m.group(2) == "ms" else 1)


def directive(word, rest):
    """The parsed value of `@word rest`."""
    if word in ("advance", "eventually"):
        return seconds_of(rest)
    if word == "repeat":
        return int(rest)
    if word == "let":
        m = re.match(r"(\w+)\s*=\s*", rest)
        if not m:
            raise BadCase("@let name = \"bytes\" [* count]")
        value, end = quoted(rest, m.end())
        times = re.fullmatch(r"\s*(?:\*\s*(\d+)\s*)?", rest[end:])
        if not times:
            raise BadCase("what is %r?" % rest[end:])
        return m.group(1), value * int(times.group(1) or 1)
    if word == "unordered":
        if rest not in ("", "pairs"):
            raise BadCase("@unordered or @unordered pairs")
        return rest == "pairs"
    if word in ("client", "config"):
        return rest.split(None, 1)
    if word in ("resp2", "resp3", "silent", "closed", "close", "restart", "pipeline"):
        if rest:
            raise BadCase("@%s takes nothing" % word)
        return None
    raise BadCase("unknown directive @%s" % word)


def scope(holder, word, rest):
    """@redis and @only, for a case or a whole file. True when it was one of them."""
    if word == "redis":
        m = re.fullmatch(r"skip:\s*(\S.*)", rest)
        if not m:
            raise BadCase("@redis skip: reason")
        holder.redis_skip = m.group(1)
    elif word == "only":
        m = re.fullmatch(r"(single|cluster):\s*(\S.*)", rest)
        if not m:
            raise BadCase("@only single|cluster: reason")
        holder.only = m.groups()
    else:
        return False
    return True


def parse(path):
    """All cases of a file. Raises BadCase with the place."""
    head = Case(path, 0, "head")
    cases, expected, case = [], [], None
    with open(path, encoding="utf-8") as f:
        source = f.read().split("\n")

    def flush():
        while expected:
            number, text = expected[0]
            case.steps.append(Step(number, text, "<", expectation(expected)))

    for number, raw in enumerate(source, 1):
        line = raw.rstrip()
        try:
            if line.startswith("<"):
                if case is None:
                    raise BadCase("a reply before the first case")
                expected.append((number, line[1:]))
                continue
            if case is not None:
                flush()
            if not line or line.startswith("#"):
                continue
            if line.startswith("== "):
                case = Case(path, number, line[3:].strip())
                case.redis_skip, case.only = head.redis_skip, head.only
                cases.append(case)
                continue
            m = re.match(r"@(\w+)\s*(.*)", line)
            if m and scope(case or head, m.group(1), m.group(2)):
                continue
            if case is None:
                raise BadCase("before the first `== title`")
            if m:
                case.steps.append(Step(number, line, m.group(1), directive(m.group(1), m.group(2))))
            elif line.startswith(">>"):
                case.steps.append(Step(number, line, ">>", quoted(line[2:].strip(), 0)[0]))
            elif line[0] in ">!":
                words = split_args(line[1:])
                if not words:
                    raise BadCase("no command")
                case.steps.append(Step(number, line, line[0], words))
            else:
                raise BadCase("what is %r?" % line)
        except BadCase as e:
            raise BadCase("%s:%d: %s" % (path, number, e)) from None
    try:
        if case is not None:
            flush()
    except BadCase as e:
        raise BadCase("%s: at its end: %s" % (path, e)) from None
    return cases

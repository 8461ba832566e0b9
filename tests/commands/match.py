"""Compares a reply with an expectation of case_file.py."""
import re

import resp

KINDS = {"array": list, "map": resp.Map, "set": resp.Set, "push": resp.Push}
EXACT = {resp.Map, resp.Set, resp.Push}
VARIABLE = re.compile(rb"\$\{(\w+)\}")


class Unknown(Exception):
    """A ${name} that nothing has set."""


def substitute(data, variables):
    def value(m):
        name = m.group(1).decode()
        if name not in variables:
            raise Unknown(name)
        return variables[name]

    return VARIABLE.sub(value, data) if b"${" in data else data


def is_text(reply):
    return isinstance(reply, bytes) and not isinstance(reply, (resp.Double, resp.BigNumber))


def is_bulk(reply):
    return type(reply) is bytes


def is_int(reply):
    return isinstance(reply, int) and not isinstance(reply, bool)


def int_matches(spec, reply, variables):
    spec = substitute(spec.encode(), variables).decode()
    if ".." in spec:
        low, high = spec.split("..")
        return int(low) <= reply <= int(high)
    for sign, test in ((">=", reply.__ge__), ("<=", reply.__le__), (">", reply.__gt__), ("<", reply.__lt__)):
        if spec.startswith(sign):
            return test(int(spec[len(sign) :]))
    return reply == int(spec)


def double_matches(spec, reply):
    return reply == spec or float(reply) == float(spec)


def matches(expected, reply, variables, order=None):
    """Whether `reply` is as expected; sets captured variables. `order` is None, "any" or "pairs" for this array."""
    kind, rest = expected[0], expected[1:]
    if kind in KINDS:
        return array_matches(kind, rest[0], reply, variables, order)
    if kind == "any":
        return remember(rest[0], reply, variables)
    if kind == "any-int":
        return is_int(reply) and remember(rest[0], reply, variables)
    if kind == "any-bulk":
        return is_text(reply) and remember(rest[0], reply, variables)
    if kind == "any-array":
        return isinstance(reply, list)
    if kind == "null":
        return isinstance(reply, resp.Null) and (rest[0] == "_" or repr(reply) == rest[0])
    if kind == "status":
        return isinstance(reply, resp.Status) and reply == substitute(rest[0], variables)
    if kind == "error":
        return isinstance(reply, resp.Error) and reply.text == substitute(rest[0], variables)
    if kind == "error-prefix":
        return isinstance(reply, resp.Error) and reply.text.startswith(substitute(rest[0], variables))
    if kind == "bulk":
        return is_bulk(reply) and reply == substitute(rest[0], variables)
    if kind == "verbatim":
        return isinstance(reply, resp.Verbatim) and reply == substitute(rest[0], variables)
    if kind == "regex":
        pattern = substitute(rest[0].encode("utf-8"), variables)
        return is_text(reply) and re.search(pattern, reply, re.S) is not None
    if kind == "bool":
        return isinstance(reply, bool) and reply == rest[0]
    if kind == "double":
        return isinstance(reply, resp.Double) and double_matches(rest[0], reply)
    if kind == "big":
        return isinstance(reply, resp.BigNumber) and reply == rest[0]
    if kind == "int":
        return is_int(reply) and int_matches(rest[0], reply, variables)
    raise AssertionError(kind)


def remember(name, reply, variables):
    if name:
        variables[name] = reply if isinstance(reply, bytes) else str(reply).encode()
    return True


def array_matches(kind, items, reply, variables, order):
    if not isinstance(reply, list) or type(reply) is not KINDS[kind]:
        return False
    if items and items[-1] == ("rest",):
        items = items[:-1]
        reply = reply[: len(items)]
    if len(items) != len(reply):
        return False
    if kind == "map" or order == "pairs":
        return in_any_order(paired(items), paired(reply), variables)
    if kind == "set" or order == "any":
        return in_any_order([(e,) for e in items], [(r,) for r in reply], variables)
    return all(matches(e, r, variables) for e, r in zip(items, reply))


def paired(flat):
    return list(zip(flat[::2], flat[1::2])) if len(flat) % 2 == 0 else [(x,) for x in flat]


def in_any_order(expected, replies, variables):
    """Each expected group takes the first reply group left that it matches; patterns go last."""
    left = list(replies)
    for group in sorted(expected, key=lambda g: sum(e[0].startswith("any") or e[0] == "regex" for e in g)):
        for i, candidate in enumerate(left):
            if len(group) == len(candidate) and all(matches(e, r, variables) for e, r in zip(group, candidate)):
                del left[i]
                break
        else:
            return False
    return not left


def show(reply, depth=0):
    """A reply as a case file would write it."""
    pad = "  " * depth
    if isinstance(reply, list):
        mark = {resp.Map: "%", resp.Set: "~", resp.Push: ">"}.get(type(reply), "*")
        count = len(reply) // 2 if mark == "%" else len(reply)
        lines = [pad + mark + str(count)] + [show(r, depth + 1) for r in reply[:60]]
        return "\n".join(lines + ([pad + "  ..."] if len(reply) > 60 else []))
    if isinstance(reply, resp.Status):
        return pad + "+" + reply.decode("utf-8", "backslashreplace")
    if isinstance(reply, resp.Error):
        return pad + "-" + reply.text.decode("utf-8", "backslashreplace")
    if isinstance(reply, bool):
        return pad + ("#t" if reply else "#f")
    if isinstance(reply, int):
        return pad + ":%d" % reply
    if isinstance(reply, resp.Null):
        return pad + repr(reply)
    mark = {resp.Double: ",", resp.BigNumber: "(", resp.Verbatim: "="}.get(type(reply), "")
    if mark in (",", "("):
        return pad + mark + reply.decode()
    text = reply if len(reply) <= 300 else reply[:300] + b"<... %d bytes>" % len(reply)
    return pad + mark + '"' + repr(text)[2:-1].replace('"', '\\"').replace("\\'", "'") + '"'

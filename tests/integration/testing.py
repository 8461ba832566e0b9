"""What the tests of this folder share: skipping, limits, the long form, waiting, and what a node says."""
import time

import resp

LONG = False


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


def limited(seconds):
    """Marks a test that may take longer than the usual 60 s."""

    def mark(function):
        function.limit_s = seconds
        return function

    return mark


def rounds(short, long):
    """How often a fault loop goes round."""
    return long if LONG else short


def until(condition, what, seconds=10.0, every=0.02):
    """Waits until condition() is true; its value. `what`: text, or a function that gives it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(every)


def no_complaints(work):
    """Stops nothing; checks a stopped workload's history and prints its numbers."""
    complaints = work.check()
    print("        " + work.summary())
    assert not complaints, "\n".join(complaints)


def paxos(node):
    """INFO paxos."""
    with node.connect(timeout=5) as conn:
        return resp.info(conn, "paxos")


def alarms(node):
    """What a node says of states that do not go together; empty: all is well."""
    i = paxos(node)
    found = [i["paxos_halted"]] if i["paxos_halted"] else []
    return found + ["%s=%s" % (f, i[f]) for f in ("paxos_diverged_slot", "paxos_set_back") if i[f] != "0"]


def paxos_or_none(node, field):
    """None: it does not listen yet, or no more."""
    try:
        return paxos(node)[field]
    except (OSError, resp.Error):
        return None


def refuses_all_but_stale_reads(node, key):
    """As a halted node does; the key's value there."""
    with node.connect() as conn:
        try:
            conn.call("GET", key)
            raise AssertionError("a halted node answers")
        except resp.Error as e:
            assert e.code == "CLUSTERDOWN" and "halted" in str(e), e
        conn.call("READONLY")
        return conn.call("GET", key)

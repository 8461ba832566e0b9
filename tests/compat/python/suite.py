#!/usr/bin/python3
"""redis-py as applications use it: suite.py HOST:PORT. The last line is "N passed, N failed"."""
import os
import sys
import threading
import time
import traceback

import redis

HOST, PORT = sys.argv[1].rsplit(":", 1)
PREFIX = "py:%d:%d:" % (os.getpid(), time.time_ns())


def key(name):
    return PREFIX + name


def connect(**options):
    return redis.Redis(HOST, int(PORT), **options)


def until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time: " + what
        time.sleep(0.01)


def test_info_and_clients():
    r = connect(client_name="suite")
    assert r.ping()
    assert r.info()["redis_version"].startswith("7.")
    assert r.info("replication")["role"] in ("master", "slave")
    assert any(c["name"] == "suite" for c in r.client_list())
    assert r.client_getname() == "suite" or r.client_getname() == b"suite"
    assert r.config_get("maxclients")["maxclients"].isdigit()
    assert abs(r.time()[0] - time.time()) < 60
    assert r.echo("x") == b"x"
    assert r.command_count() > 100
    assert r.command()["get"]["arity"] == 2


def test_strings():
    r = connect(decode_responses=True)
    assert r.set(key("a"), "ü") is True
    assert r.get(key("a")) == "ü"
    assert r.set(key("a"), "x", nx=True) is None
    assert r.set(key("a"), "b", px=100000, get=True) == "ü"
    assert 90000 < r.pttl(key("a")) <= 100000
    assert r.getex(key("a"), persist=True) == "b"
    assert r.ttl(key("a")) == -1
    assert r.incr(key("n"), 5) == 5 and r.decr(key("n")) == 4
    assert r.incrbyfloat(key("f"), "1.5") == 1.5
    assert r.mset({key("m1"): 1, key("m2"): 2})
    assert r.msetnx({key("m2"): 3, key("m3"): 3}) is False
    assert r.mget(key("m1"), key("m3"), key("m2")) == ["1", None, "2"]
    assert r.append(key("a"), "cd") == 3 and r.getrange(key("a"), 1, -1) == "cd"
    assert r.setrange(key("a"), 5, "z") == 6 and r.strlen(key("a")) == 6
    assert r.getdel(key("a")) == "b" + "cd" + "\0\0" + "z"
    assert r.setbit(key("bits"), 7, 1) == 0 and r.bitcount(key("bits")) == 1
    assert r.bitop("NOT", key("inv"), key("bits")) == 1 and r.bitpos(key("inv"), 0) == 7
    field = r.bitfield(key("bf"))
    assert field.set("u8", 0, 255).incrby("u8", 0, 10).get("u8", 0).execute() == [0, 9, 9]


def test_binary():
    r = connect()
    every = bytes(range(256))
    r.set(key("").encode() + every, every)
    assert r.get(key("").encode() + every) == every


def test_hashes():
    r = connect(decode_responses=True)
    assert r.hset(key("h"), mapping={"a": 1, "b": "x"}) == 2
    assert r.hgetall(key("h")) == {"a": "1", "b": "x"}
    assert r.hsetnx(key("h"), "a", 2) == 0
    assert r.hmget(key("h"), "a", "none") == ["1", None]
    assert r.hincrby(key("h"), "a", 2) == 3 and r.hincrbyfloat(key("h"), "a", 0.5) == 3.5
    assert r.hexists(key("h"), "b") and r.hlen(key("h")) == 2 and r.hstrlen(key("h"), "b") == 1
    assert sorted(r.hkeys(key("h"))) == ["a", "b"] and sorted(r.hvals(key("h"))) == ["3.5", "x"]
    assert r.hdel(key("h"), "a", "none") == 1
    assert r.hrandfield(key("h")) == "b"
    r.hset(key("big"), mapping={"f%d" % i: i for i in range(5000)})
    assert {f: int(v) for f, v in r.hscan_iter(key("big"), count=100)} == {"f%d" % i: i for i in range(5000)}


def test_lists():
    r = connect(decode_responses=True)
    l, m = key("l"), key("m")
    assert r.rpush(l, "a", 1, "b") == 3 and r.lpush(l, "first") == 4
    assert r.lpushx(key("none"), "x") == 0 and r.rpushx(l, "last") == 5
    assert r.lrange(l, 0, -1) == ["first", "a", "1", "b", "last"]
    assert r.lindex(l, -1) == "last" and r.llen(l) == 5 and r.lpos(l, "1") == 2
    assert r.lpos(l, "a", count=0, maxlen=10) == [1]
    assert r.lset(l, 0, "FIRST") and r.linsert(l, "AFTER", "1", "more") == 6
    assert r.lrem(l, 0, "more") == 1 and r.ltrim(l, 0, 3)
    assert r.lpop(l) == "FIRST" and r.rpop(l, 2) == ["b", "1"]
    assert r.lmove(l, m, "LEFT", "RIGHT") == "a" and not r.exists(l)
    assert r.rpoplpush(m, m) == "a" and r.lpop(key("none")) is None and r.lpop(key("none"), 2) is None
    assert r.lmpop(2, l, m, direction="LEFT", count=5) == [m, ["a"]]
    r.rpush(l, *range(5000))
    assert r.lrange(l, 0, -1) == [str(i) for i in range(5000)]
    binary = connect()
    assert binary.restore(m, 0, binary.dump(l)) == b"OK" and binary.llen(m) == 5000


def test_lists_that_are_waited_for():
    r = connect(decode_responses=True)
    q, m = key("queue"), key("taken")
    assert r.blpop(q, timeout=1) is None and r.blmove(q, m, timeout=1) is None
    got = []
    workers = [threading.Thread(target=lambda: got.append(connect(decode_responses=True).blpop([key("none"), q], timeout=20)))
               for _ in range(20)]
    for w in workers:
        w.start()
    for i in range(20):
        r.rpush(q, i)
    for w in workers:
        w.join(20)
    assert sorted(int(e) for k, e in got if k == q) == list(range(20)) and not r.exists(q)
    r.rpush(q, "x", "y", "z")
    assert r.brpop(q) == (q, "z") and r.brpoplpush(q, m) == "y" and r.blmpop(1, 2, m, q, direction="LEFT") == [m, ["y"]]
    waiting = connect(decode_responses=True)
    client = waiting.client_id()
    replies = []
    t = threading.Thread(target=lambda: replies.append(waiting.blpop(key("none"), timeout=20)))
    t.start()
    until(lambda: r.client_unblock(client), "the client waits")
    t.join(10)
    assert replies == [None]


def test_keys_and_expiry():
    r = connect(decode_responses=True)
    for i in range(100):
        r.set(key("k%d" % i), i)
    assert len(set(r.scan_iter(match=key("k*"), count=10))) == 100
    assert r.exists(key("k1"), key("k2"), key("none")) == 2
    assert r.rename(key("k1"), key("renamed")) and r.type(key("renamed")) == "string"
    assert r.renamenx(key("renamed"), key("k2")) is False
    assert r.copy(key("renamed"), key("copied"))
    assert r.expire(key("copied"), 100, nx=True) == 1 and r.expire(key("copied"), 50, gt=True) == 0
    assert r.expiretime(key("copied")) - time.time() > 90
    assert r.pexpireat(key("copied"), int(time.time() * 1000) + 40)
    until(lambda: not r.exists(key("copied")), "expiry")
    assert r.touch(key("k2"), key("k3")) == 2 and r.unlink(key("k2"), key("k3")) == 2
    assert r.object("ENCODING", key("k4")) == "int"


def test_pipelines_and_transactions():
    r = connect(decode_responses=True)
    with r.pipeline(transaction=False) as p:
        for i in range(5000):
            p.set(key("p"), i).get(key("p"))
        replies = p.execute()
    assert replies[1::2] == [str(i) for i in range(5000)]
    with r.pipeline() as p:
        assert p.set(key("t"), 1).incr(key("t")).execute() == [True, 2]
    with r.pipeline() as p:
        p.set(key("t"), "text").incr(key("t")).get(key("t"))
        replies = p.execute(raise_on_error=False)
    assert isinstance(replies[1], redis.ResponseError) and replies[2] == "text"


def test_watch_races():
    r = connect()
    r.set(key("n"), 0)
    conflicts = []

    def add(times):
        mine = connect()
        for _ in range(times):

            def body(p):
                n = int(p.get(key("n")))
                p.multi()
                p.set(key("n"), n + 1)

            while True:
                with mine.pipeline() as p:
                    try:
                        p.watch(key("n"))
                        body(p)
                        p.execute()
                        break
                    except redis.WatchError:
                        conflicts.append(1)

    threads = [threading.Thread(target=add, args=(40,)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert int(r.get(key("n"))) == 160, (r.get(key("n")), len(conflicts))


def test_pubsub():
    r = connect()
    p = r.pubsub()
    p.subscribe(key("news"))
    p.psubscribe(key("n*"))
    kinds = [p.get_message(timeout=5)["type"] for _ in range(2)]
    assert kinds == ["subscribe", "psubscribe"], kinds
    for i in range(100):
        r.publish(key("news"), i)
    got = [p.get_message(timeout=5) for _ in range(200)]
    assert [int(m["data"]) for m in got if m["type"] == "message"] == list(range(100))
    assert [int(m["data"]) for m in got if m["type"] == "pmessage"] == list(range(100))
    assert r.pubsub_numsub(key("news"))[0][1] in (0, 1)
    p.unsubscribe()
    p.punsubscribe()
    p.close()


def test_errors():
    r = connect()
    r.set(key("s"), "v")
    for command, text in (
        (("HGET", key("s"), "f"), "WRONGTYPE"),
        (("NOSUCH",), "unknown command"),
        (("INCR", key("s")), "not an integer"),
        (("SET", key("s")), "wrong number of arguments"),
    ):
        try:
            r.execute_command(*command)
        except redis.ResponseError as e:
            assert text in str(e) or text == "WRONGTYPE", e
        else:
            raise AssertionError(command)


def test_large_value():
    r = connect()
    value = os.urandom(15_000_000)
    r.set(key("large"), value)
    assert r.get(key("large")) == value
    r.unlink(key("large"))


def test_databases():
    a, b = connect(db=3), connect(db=4)
    a.set(key("d"), "3")
    assert b.get(key("d")) is None
    assert a.move(key("d"), 4) and b.get(key("d")) == b"3"


def test_replies_that_it_reads_otherwise():
    """What redis-compat.md says of FLUSHDB PREFIX and OBJECT REVISION."""
    r = connect()
    try:
        r.execute_command("WATCHKEY", "REV")
    except redis.ResponseError:
        return  # a redis-server
    r.mset({key("f:1"): 1, key("f:2"): 2})
    assert r.execute_command("FLUSHDB", "PREFIX", key("f:1")) is False and not r.exists(key("f:1"))
    assert r.object("REVISION", key("f:2")) > 0
    try:
        r.execute_command("OBJECT", "REVISION", key("f:2"))
        raise AssertionError("it has learned OBJECT REVISION")
    except TypeError:
        pass
    r.response_callbacks.pop("FLUSHDB")
    assert r.execute_command("FLUSHDB", "PREFIX", key("f:")) == 1


def test_comes_back():
    r, admin = connect(retry_on_error=[redis.ConnectionError]), connect()
    for i in range(5):
        admin.client_kill_filter(_id=r.client_id())
        assert r.set(key("back"), i)


def main():
    passed, failed = 0, 0
    for name, body in list(globals().items()):
        if not name.startswith("test_"):
            continue
        began = time.monotonic()
        try:
            body()
            passed += 1
            print("ok      %s (%.0f ms)" % (name, 1000 * (time.monotonic() - began)))
        except Exception:
            failed += 1
            print("FAILED  %s\n%s" % (name, traceback.format_exc()))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())

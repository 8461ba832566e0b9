#!/usr/bin/python3
"""One client of ../failover.py: redis-py, tried on the next endpoint after every error.

Users write unique fields until standard input ends; an error is a line "E unix-ms text"; then every acknowledged field must be there.
"""
import os
import sys
import threading
import time

import redis

USERS = 8
ENDPOINTS = [e.rsplit(":", 1) for e in sys.argv[1].split(",")]
RUN = "fo:py:%d" % os.getpid()
stopped = threading.Event()
acknowledged = [[] for _ in range(USERS)]
errors = [0] * USERS


def connect(at):
    host, port = ENDPOINTS[at % len(ENDPOINTS)]
    return redis.Redis(host, int(port), socket_connect_timeout=1, socket_timeout=5)


def user(number):
    at = number
    r = connect(at)
    i = 0
    while not stopped.is_set():
        try:
            r.hset("%s:%d" % (RUN, number), i, 1)
            acknowledged[number].append(b"%d" % i)
            time.sleep(0.002)
        except redis.RedisError as e:
            errors[number] += 1
            print("E %d %s: %s" % (time.time() * 1000, type(e).__name__, str(e).split("\n")[0]), flush=True)
            at += 1
            r = connect(at)
            time.sleep(0.01)
        i += 1


def main():
    threads = [threading.Thread(target=user, args=(n,)) for n in range(USERS)]
    for t in threads:
        t.start()
    print("READY", flush=True)
    sys.stdin.read()
    stopped.set()
    for t in threads:
        t.join()
    r = connect(0)
    lost = sum(len(set(acknowledged[n]) - set(r.hkeys("%s:%d" % (RUN, n)))) for n in range(USERS))
    print("RESULT acknowledged=%d lost=%d errors=%d" % (sum(map(len, acknowledged)), lost, sum(errors)))
    return 1 if lost else 0


sys.exit(main())

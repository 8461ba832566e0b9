#!/usr/bin/python3
"""One client of ../failover.py: redis-py, tried on the next endpoint after every error.

Users write unique fields until standard input ends; an error is a line "E unix-ms text"; then every acknowledged field must be there.
Beside them elements are pushed to two queues that consumers wait at, one with BLMOVE into a list of what is done, one with BLPOP. What
was pushed with an acknowledgement comes to one consumer, once; an element is missing only where the connection that it was taken for
broke: with BLPOP at most one for each such error, with BLMOVE none, for then it is in the list of what is done.
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


class Queue:
    """A list, its producer and its consumers, each of which begins at another endpoint."""

    def __init__(self, name, take, done=None):
        self.name, self.take, self.done = "%s:%s" % (RUN, name), take, done and "%s:%s" % (RUN, done)
        self.pushed, self.got, self.breaks = [], [], 0
        self.producing, self.consuming = True, True
        self.producer = threading.Thread(target=self.produce, daemon=True)
        self.consumers = [threading.Thread(target=self.consume, args=(at,), daemon=True) for at in range(len(ENDPOINTS))]
        for t in [self.producer, *self.consumers]:
            t.start()

    def produce(self):
        at, i = 0, 0
        r = connect(at)
        while self.producing:
            try:
                r.rpush(self.name, i)
                self.pushed.append(b"%d" % i)
                time.sleep(0.005)
            except redis.RedisError:
                at += 1
                r = connect(at)
                time.sleep(0.01)
            i += 1

    def consume(self, at):
        r = connect(at)
        while True:
            try:
                element = self.take(r, self)
                if element is not None:
                    self.got.append(element)
                elif not self.consuming:  # a second without an element, and no more come
                    return
            except redis.RedisError as e:
                self.breaks += 1
                print("E %d waiting: %s: %s" % (time.time() * 1000, type(e).__name__, str(e).split("\n")[0]), flush=True)
                at += 1
                r = connect(at)
                time.sleep(0.01)

    def end(self):
        """What is wrong."""
        self.producing = False
        self.producer.join()
        self.consuming = False
        until = time.monotonic() + 20
        for t in self.consumers:
            t.join(max(0, until - time.monotonic()))
        wrong = ["%s: a consumer hangs" % self.name] if any(t.is_alive() for t in self.consumers) else []
        if len(set(self.got)) != len(self.got):
            wrong.append("%s: %d elements came twice" % (self.name, len(self.got) - len(set(self.got))))
        done = connect(0).lrange(self.done, 0, -1) if self.done else []
        if len(set(done)) != len(done):
            wrong.append("%s: elements stand twice" % self.done)
        missing = set(self.pushed) - set(self.got) - set(done)
        if len(missing) > (0 if self.done else self.breaks):
            wrong.append("%s: %d elements are missing: %s" % (self.name, len(missing), sorted(missing)[:5]))
        return wrong


def main():
    threads = [threading.Thread(target=user, args=(n,)) for n in range(USERS)]
    for t in threads:
        t.start()
    queues = [Queue("moved", lambda r, q: r.blmove(q.name, q.done, 1), "done"),
              Queue("popped", lambda r, q: (r.blpop(q.name, 1) or (None, None))[1])]
    print("READY", flush=True)
    sys.stdin.read()
    stopped.set()
    for t in threads:
        t.join()
    r = connect(0)
    lost = sum(len(set(acknowledged[n]) - set(r.hkeys("%s:%d" % (RUN, n)))) for n in range(USERS))
    wrong = [text for q in queues for text in q.end()]
    print("RESULT acknowledged=%d lost=%d errors=%d popped=%d wrong=%d" % (
        sum(map(len, acknowledged)), lost, sum(errors), sum(len(q.got) for q in queues), len(wrong)))
    for text in wrong:
        print(text)
    return 1 if lost or wrong else 0


sys.exit(main())

// What the recipes share: a connection that moves to another node, what may be sent again, leases and locks that are kept alive.
//
// A call ends in one of four ways:
//   a reply      the command was done
//   ServerError  a definite error by its `code` (LOCKED, FENCED, NOLEASE, ERR ...): nothing was changed
//   Unavailable  no node or no majority was in reach in time: nothing was changed, now or later
//   Uncertain    nobody knows: the command may have taken effect, or may yet
// Every node takes every command, so there is no redirection to follow: a node that can't serve is left for the next one.
'use strict';
const { randomUUID } = require('crypto');
const { createClient, ErrorReply } = require('redis');

const now = () => performance.now(); // monotonic, milliseconds: never the wall clock
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
const unique = (name) => `${name}/${randomUUID()}`;

class ServerError extends Error {
  constructor(text) {
    super(text);
    this.code = text.split(' ', 1)[0];
  }
}
class Unavailable extends Error {}
class Uncertain extends Error {}

// No fault of the caller's: who runs for long goes on when it is over.
const passes = (e) => e instanceof Unavailable || e instanceof Uncertain;
// For giving back what ends by itself, too.
const unlessItPasses = (e) => {
  if (!passes(e)) throw e;
};

// Errors that say: nothing was done, and it may be tried again.
const LATER = new Set(['CLUSTERDOWN', 'LOADING', 'BUSY']);

// For checks: so many of all answers are lost, and so many come late. What is sent again wrongly is done twice then.
let lost = 0, late = 0;
const disturbAnswers = () => { [lost, late] = [0.03, 0.1]; };

// A connection to one node. `socket.close()` ends it; whatever is unanswered then is rejected.
async function connect(endpoint, options = {}) {
  const at = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, at).replace(/^\[|\]$/g, ''), port = Number(endpoint.slice(at + 1));
  const socket = { host, port, connectTimeout: 3000, reconnectStrategy: false };
  // Node-redis itself sends nothing again, and keeps nothing for later: what may be repeated is decided here.
  const password = process.env.CLUSTRON_PASSWORD;
  const client = createClient({ socket, password, disableOfflineQueue: true, maintNotifications: 'disabled', ...options });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (e) {
    throw /^(WRONGPASS|NOAUTH)/.test(e.message) ? new ServerError(e.message) : e; // no other node will take it
  }
  return client;
}

// Messages of a channel, as Buffers, until the connection ends. Errors are those of a call.
async function subscribe(client, channel, listener) {
  try {
    await client.subscribe(channel, listener, true);
  } catch (e) {
    if (!(e instanceof ErrorReply)) throw new Unavailable(e.message);
    const error = new ServerError(e.message);
    throw LATER.has(error.code) ? new Unavailable(e.message) : error;
  }
}

function close(client) {
  if (client.isOpen) client.destroy();
}

class Clustron {
  // `answerMs`: a node that says nothing for so long is given up; above any BLOCK, WAIT or time-out of a command that waits.
  // `repeatMs`: how long a call is repeated. `at`: which endpoint comes first.
  constructor(endpoints, { answerMs = 4000, repeatMs = 20000, at = 0 } = {}) {
    Object.assign(this, { endpoints, answerMs, repeatMs, at, link: null });
  }

  // Sends a command again only if it certainly was not done.
  call(...words) {
    return this.run(words, false);
  }

  // For what may be done twice: it is sent again when its outcome is unknown, too.
  repeat(...words) {
    return this.run(words, true);
  }

  // Once, however often it is sent. `id` names the request, not the attempt; it is known for `keepMs`.
  once(id, keepMs, ...words) {
    return this.run(['ONCE', id, keepMs, ...words], true);
  }

  close() {
    this.leave(this.link);
    this.closed = true;
  }

  async run(words, safe) {
    const end = now() + this.repeatMs;
    let uncertain = null; // an earlier attempt may have taken effect, so no later one can say that nothing was done
    for (let pause = 20; ; pause = Math.min(2 * pause, 500)) {
      let failure;
      try {
        return await this.attempt(words.map((word) => (Buffer.isBuffer(word) ? word : String(word))));
      } catch (e) {
        if (e instanceof ServerError || (e instanceof Uncertain && !safe)) throw e;
        failure = e;
      }
      if (failure instanceof Uncertain) uncertain = failure;
      if (this.closed || now() + pause > end) throw uncertain ?? failure;
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  async attempt(words) {
    let link, client;
    try {
      link = this.link ??= connect(this.endpoints[this.at % this.endpoints.length]);
      client = await link;
    } catch (e) {
      this.leave(link);
      if (e instanceof ServerError) throw e;
      throw new Unavailable(`${e.message}: nothing was sent`);
    }
    let timer;
    const silence = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('no answer in time')), this.answerMs); });
    try {
      const reply = await Promise.race([client.sendCommand(words), silence]);
      if (Math.random() < late) await sleep(30 * Math.random());
      if (Math.random() < lost) throw new Error('the answer is lost');
      return reply;
    } catch (e) {
      if (!(e instanceof ErrorReply)) {
        this.leave(link);
        throw new Uncertain(`${words.slice(0, 3).join(' ')}: ${e.message}`);
      }
      const error = new ServerError(e.message);
      if (error.code === 'UNCERTAIN') {
        this.leave(link);
        throw new Uncertain(e.message);
      }
      if (!LATER.has(error.code)) throw error;
      if (error.code !== 'BUSY') this.leave(link);
      throw new Unavailable(e.message);
    } finally {
      clearTimeout(timer);
    }
  }

  // The next call goes to the next node.
  leave(link) {
    if (!link || this.link !== link) return;
    this.link = null;
    this.at++;
    link.then(close, () => {});
  }
}

// Something that ends by itself unless it is renewed: a lease, or a lock with a time to live. It may be relied on until the time at which the
// last renewal that was answered was sent, plus the time to live, whatever is heard or not heard: `alive`, and `signal` aborts then.
class Kept {
  // `renew(db)`: what is left in ms, or null if it is gone. `sent`: when it was asked for. It is kept from start() on.
  constructor(db, ttlMs, sent, renew) {
    Object.assign(this, { ttlMs, until: sent + ttlMs, renew, ended: new AbortController() });
    // A connection of its own: nothing long stands before a renewal.
    this.db = new Clustron(db.endpoints, { at: db.at, answerMs: ttlMs / 4, repeatMs: ttlMs / 4 });
  }

  start() {
    this.watch();
    this.going = this.go();
    return this;
  }

  get alive() {
    return !this.ended.signal.aborted && now() < this.until;
  }

  get signal() {
    return this.ended.signal;
  }

  end() {
    clearTimeout(this.timer);
    this.db.close();
    this.ended.abort();
  }

  watch() {
    clearTimeout(this.timer);
    if (this.signal.aborted) return;
    if (now() >= this.until) this.end();
    else this.timer = setTimeout(() => this.watch(), this.until - now() + 1);
  }

  async go() {
    while (!this.signal.aborted) {
      await sleep(this.ttlMs / 3);
      if (!this.signal.aborted) await this.refresh();
    }
  }

  // Whether it is certainly alive now.
  async refresh() {
    const sent = now();
    try {
      if ((await this.renew(this.db)) === null) this.end();
      else this.until = Math.max(this.until, sent + this.ttlMs);
    } catch (e) {
      if (e instanceof ServerError) this.end();
    }
    this.watch();
    return this.alive;
  }
}

// A new lease. Its id is new with each call, so sent again it is the same lease; once ended it never lives again.
async function grantLease(db, ttlMs, owner) {
  const id = randomUUID();
  const sent = now();
  await db.repeat('LEASE', 'GRANT', ttlMs, 'ID', id, 'OWNER', owner);
  const lease = new Kept(db, ttlMs, sent, async (own) => (await own.repeat('LEASE', 'KEEPALIVE', id))[0]);
  lease.id = id;
  lease.revoke = async () => {
    lease.end();
    await db.repeat('LEASE', 'REVOKE', id).catch(unlessItPasses);
  };
  return lease.start();
}

// One attempt for a lock: a handle with its token, or null if it was not to be had within `waitMs`. OWNER is of this attempt alone: sent again
// it gets the same grant, and nobody else can. `db` waits meanwhile: give it a connection that others don't need.
async function acquireLock(db, name, ttlMs, { waitMs, options = [], me = 'recipe' }) {
  const owner = unique(me);
  const sent = now();
  const [got, token] = await db.repeat('LOCK', 'ACQUIRE', name, ttlMs, 'OWNER', owner, ...options, 'WAIT', waitMs);
  if (got !== 1) return null;
  const lock = new Kept(db, ttlMs, sent, (own) => own.repeat('LOCK', 'RENEW', name, token, ttlMs));
  lock.token = token;
  lock.release = async () => {
    lock.end();
    await db.repeat('LOCK', 'RELEASE', name, token).catch(unlessItPasses);
  };
  // It may have been granted long ago, and the answer came late.
  if (await lock.refresh()) return lock.start();
  await lock.release();
  return null;
}

// A message of a channel __watch@<db>__:...: { kind: 'sync' | 'reset' | 'gap' | 'events', ... }. Values may hold any bytes, so `bytes` is a Buffer.
function watchMessage(bytes) {
  const line = (from) => {
    const end = bytes.indexOf(10, from);
    return [bytes.toString('latin1', from, end < 0 ? bytes.length : end).split(' '), end + 1];
  };
  let [words, at] = line(0);
  if (words[0] === 'sync') return { kind: 'sync', rev: Number(words[1]) };
  if (words[0] === 'reset') return { kind: 'reset', rev: Number(words[1]), why: words[2] };
  if (words[0] === 'gap') return { kind: 'gap', from: Number(words[1]), rev: Number(words[2]) };
  const events = [];
  const [rev, previous, count] = words.map(Number);
  while (events.length < count) {
    [words, at] = line(at);
    const [what, reason, lease] = words;
    const [keyLength, valueLength] = words.slice(3).map(Number);
    const key = bytes.toString('utf8', at, (at += keyLength));
    const value = valueLength < 0 ? null : bytes.toString('utf8', at, (at += valueLength));
    events.push({ what, reason, lease, key, value });
  }
  return { kind: 'events', rev, previous, events };
}

module.exports = {
  Clustron, Kept, ServerError, Unavailable, Uncertain,
  acquireLock, close, connect, disturbAnswers, grantLease, now, passes, sleep, subscribe, unique, watchMessage,
};

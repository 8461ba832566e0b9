// A copy of the configuration in every process, which follows each change and misses none, whatever breaks meanwhile.
//
//     node config_watch.js [--nodes HOST:PORT,...] [PREFIX]      prints the keys with the prefix (config:), then each change
//     node config_watch.js --check [SECONDS]
//
// Changes come as messages of a channel. A message names the revision before it, so a hole is seen, and filled by WATCHKEY SINCE on any node. Where the
// history no longer goes back that far (COMPACTED), or the database was flushed or swapped, all is read anew.
'use strict';
const { Clustron, ServerError, close, connect, sleep, subscribe, unique, watchMessage } = require('./clustron.js');
const { program } = require('./program.js');

const QUIET_MS = 10000; // so often it is asked whether the channel has told everything

class ConfigWatch {
  // `changed(key, value, rev)`: value null: deleted. `anew(false)`: what follows comes from reading all, and not every
  // change was told; `anew(true)`: that was it.
  constructor(endpoints, prefix, changed, { at = 0, anew = () => {} } = {}) {
    Object.assign(this, { endpoints, prefix, changed, at, anew });
    this.db = new Clustron(endpoints, { at });
    this.values = new Map(); // key: { value, rev }
    this.changes = 0;
    this.seen = null; // everything up to this revision is in `values`
  }

  async run(stop) {
    for (; !stop.aborted; this.at++) {
      let client;
      try {
        client = await connect(this.endpoints[this.at % this.endpoints.length]);
        await this.listen(client, stop);
      } catch (e) {
        if (e instanceof ServerError) throw e;
        await sleep(50); // this node can't be reached, or does not serve: the next one
      } finally {
        if (client) close(client);
      }
    }
    this.db.close();
  }

  // Until the connection ends. What comes is handled one by one, in order.
  async listen(client, stop) {
    this.client = client;
    const done = new AbortController();
    let timer;
    try {
      await new Promise((leave, fail) => {
        let work = Promise.resolve();
        const handle = (step) => {
          work = work.then(step);
          work.catch(fail);
        };
        client.once('end', leave).once('error', leave);
        stop.addEventListener('abort', leave, { signal: done.signal });
        timer = setInterval(() => handle(() => this.compare(leave)), QUIET_MS);
        subscribe(client, `__watch@0__:p:${this.prefix}`, (bytes) => handle(() => this.take(watchMessage(bytes)))).catch(fail);
        this.idle = () => work;
      });
    } finally {
      clearInterval(timer);
      done.abort();
      await this.idle().catch(() => {}); // `fail` has told of it
    }
  }

  async take(message) {
    if (this.seen === null) return this.readAnew(message.rev);
    if (message.rev <= this.seen) return undefined;
    if (message.kind === 'reset') return this.readAnew(message.rev);
    if (message.kind !== 'events' || message.previous > this.seen) return this.catchUp(message.rev);
    for (const { what, key, value } of message.events) await this.apply(what, key, value, message.rev);
    this.seen = message.rev;
    return undefined;
  }

  async apply(what, key, value, rev) {
    const known = this.values.get(key);
    if (known && known.rev >= rev) return; // a long value that was read later than it was told
    if (what === 'del') {
      if (known) this.tell(key, null, rev);
      this.values.delete(key);
      return;
    }
    if (value === null) {
      // Not told because of its length. If it is gone, or was changed again, the message that says so is still to come.
      const [, [row]] = await this.db.repeat('WATCHKEY', 'GET', key);
      if (!row) return;
      [, value, rev] = row;
    }
    this.values.set(key, { value, rev });
    this.tell(key, value, rev);
  }

  tell(key, value, rev) {
    this.changes++;
    this.changed(key, value, rev);
  }

  // All that came behind `seen`, up to `rev` at least.
  async catchUp(rev) {
    while (this.seen < rev) {
      let reply;
      try {
        reply = await this.db.repeat('WATCHKEY', 'SINCE', this.seen, 'PREFIX', this.prefix);
      } catch (e) {
        if (e.code !== 'COMPACTED') throw e;
        return this.readAnew(rev);
      }
      const [upTo, revisions] = reply;
      for (const [of, ...events] of revisions) {
        if (events[0][0] === 'reset') return this.readAnew(rev);
        for (const [what, , , key, value] of events) await this.apply(what, key, value, of);
      }
      if (!revisions.length && upTo < rev) await sleep(5); // that node is yet to hear of it
      this.seen = upTo;
    }
    return undefined;
  }

  async readAnew(rev) {
    const [upTo, rows] = await this.db.repeat('WATCHKEY', 'GET', 'PREFIX', this.prefix);
    this.anew(false);
    const keys = new Set(rows.map(([key]) => key));
    for (const key of [...this.values.keys()]) if (!keys.has(key)) await this.apply('del', key, null, upTo);
    for (const [key, value, modified] of rows) await this.apply('put', key, value, modified);
    this.anew(true);
    this.seen = upTo;
    return this.catchUp(rev); // the node of the channel may be ahead of the one that was read
  }

  // A node that is cut off from the others tells nothing, and does not know it. Another node is asked; if the channel has kept something back, its
  // connection is given up. So the copy is never older than QUIET_MS.
  async compare(leave) {
    if (this.seen === null) return leave();
    const before = this.changes;
    await this.catchUp((await this.db.repeat('WATCHKEY', 'REV'))[0]);
    return this.changes === before ? undefined : leave();
  }
}

async function main(endpoints, [prefix = 'config:']) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  await new ConfigWatch(endpoints, prefix, (key, value, rev) => console.log(rev, key, value === null ? 'is deleted' : `= ${value}`)).run(stop.signal);
}

// Watchers at all nodes, whose connections are cut all the time; changes that make gaps (more than 1 MiB at once) and values that are not told (above
// 64 KB). Numbers are written in turn: each watcher is told every one, in order, or that it read anew; at the end all copies are the truth.
async function check(endpoints, run) {
  const prefix = `${unique('check-config')}:`;
  const db = new Clustron(endpoints);
  const history = Number((await db.repeat('CONFIG', 'GET', 'watch-history-size'))[1]);
  const stop = new AbortController();
  const isLong = (n) => n % 20 === 0 && n % 50 !== 0; // read when told, so a later one may be told in its place
  const number = (value) => Number(value.split(' ', 1)[0]);
  const watchers = endpoints.map((_, at) => {
    const log = [];
    const changed = (key, value) => {
      if (value !== null && !isLong(number(value))) log.push(number(value));
    };
    const watch = new ConfigWatch(endpoints, prefix, changed, { at, anew: (done) => log.push(done) });
    return { log, watch, running: watch.run(stop.signal) };
  });
  const cutting = setInterval(() => close(watchers[Math.floor(Math.random() * watchers.length)].watch.client ?? { isOpen: false }), 300);
  let last = 0;
  const writing = (async () => {
    while (watchers.some(({ watch }) => watch.seen === null)) await sleep(10);
    while (!run.over) {
      const n = ++last;
      if (n % 50 === 0) await db.repeat('MSET', ...Array.from({ length: 30 }, (_, i) => [`${prefix}wide${i}`, `${n} ${'x'.repeat(50000)}`]).flat());
      else if (isLong(n)) await db.repeat('SET', `${prefix}long`, `${n} ${'x'.repeat(100000)}`);
      else if (n % 10 === 0) await db.repeat('TXN', 'THEN', 2, 2, 'DEL', `${prefix}${(n - 1) % 7}`, 3, 'SET', `${prefix}n`, n);
      else await db.repeat('SET', `${prefix}${n % 7}`, `${n} ${'x'.repeat(1000)}`);
      run.step();
      await sleep(5);
    }
  })();
  await Promise.race([writing, ...watchers.map(({ running }) => running)]);
  clearInterval(cutting);
  const truth = async () => JSON.stringify((await db.repeat('WATCHKEY', 'GET', 'PREFIX', prefix))[1].map(([key, value]) => [key, value]));
  const copy = ({ watch }) => JSON.stringify([...watch.values].map(([key, { value }]) => [key, value]).sort(([a], [b]) => (a < b ? -1 : 1)));
  const wanted = await truth();
  for (let waited = 0; watchers.some((watcher) => copy(watcher) !== wanted); waited += 50) {
    if (waited > 10000) throw new Error('a copy is not the truth');
    await sleep(50);
  }
  stop.abort();
  await Promise.all(watchers.map(({ running }) => running));
  let anew = 0;
  for (const [at, { log }] of watchers.entries()) {
    let told = 0, free = false;
    for (const n of log) {
      if (typeof n === 'boolean') {
        free = !n;
        anew += free;
      } else if (free || n === told) { // a number may come several times: of an MSET, or sent again
        told = Math.max(told, n);
      } else {
        for (let missed = told + 1; missed < n; missed++) if (!isLong(missed)) throw new Error(`watcher ${at} was told ${n} behind ${told}`);
        if (n < told) throw new Error(`watcher ${at} was told ${n} behind ${told}`);
        told = n;
      }
    }
    if (told !== last && !isLong(last)) throw new Error(`watcher ${at} ended with ${told} of ${last}`);
  }
  if (history < 1 << 20 && anew <= watchers.length) throw new Error('nothing was read anew: nothing was shown');
  await db.repeat('FLUSHDB', 'PREFIX', prefix);
  return `${last} changes, told to ${watchers.length} watchers, who read anew ${anew} times`;
}

program({ main, check });

// A cache in each process in front of the cluster, told by the cluster what has changed, whoever changed it.
//
//     node cache.js [--nodes HOST:PORT,...] KEY      reads the key every second, and says where from; change it by redis-cli meanwhile
//     node cache.js --check [SECONDS]
//
// An entry is dropped when its key changes. On any doubt (a lost connection, a gap) everything is. A value that was being read while its key changed
// is not kept. And the cache is used only while it has lately asked on the very connection that tells of changes, and was answered: what is
// read from it is never older than MAX_STALE_MS, also if that node is cut off or paused.
'use strict';
const { Clustron, ServerError, close, connect, now, sleep, subscribe, unique, watchMessage } = require('./clustron.js');
const { program } = require('./program.js');

const MAX_STALE_MS = 1000;
const ENTRIES_MAX = 10000;

class Cache {
  constructor(endpoints, prefix, { at = 0 } = {}) {
    Object.assign(this, { endpoints, prefix, at, db: new Clustron(endpoints, { at }) });
    this.entries = new Map();
    this.reads = new Set(); // under way
    this.goodUntil = -Infinity;
    this.hits = this.misses = 0;
  }

  async get(key) {
    if (now() < this.goodUntil && this.entries.has(key)) {
      this.hits++;
      return this.entries.get(key);
    }
    this.misses++;
    const read = { key, keep: now() < this.goodUntil };
    this.reads.add(read);
    try {
      const value = await this.db.repeat('GET', key);
      if (read.keep) {
        if (this.entries.size >= ENTRIES_MAX) this.entries.delete(this.entries.keys().next().value);
        this.entries.set(key, value);
      }
      return value;
    } finally {
      this.reads.delete(read);
    }
  }

  // Whoever sets a key reads it back, or what came behind it.
  async set(key, value) {
    try {
      await this.db.repeat('SET', key, value);
    } finally {
      this.drop(key);
    }
  }

  drop(key) {
    this.entries.delete(key);
    for (const read of this.reads) if (read.key === key) read.keep = false;
  }

  dropAll() {
    this.entries.clear();
    for (const read of this.reads) read.keep = false;
  }

  async run(stop) {
    for (; !stop.aborted; this.at++) {
      let client;
      try {
        // RESP3: commands and messages on one connection.
        client = await connect(this.endpoints[this.at % this.endpoints.length], { RESP: 3 });
        await this.listen(client, stop);
      } catch (e) {
        if (e instanceof ServerError) throw e;
      } finally {
        this.goodUntil = -Infinity;
        this.dropAll();
        if (client) close(client);
      }
      await sleep(20);
    }
    this.db.close();
  }

  async listen(client, stop) {
    this.client = client;
    await subscribe(client, `__watch@0__:p:${this.prefix}`, (bytes) => {
      const message = watchMessage(bytes);
      if (message.kind === 'events') for (const { key } of message.events) this.drop(key);
      else if (message.kind !== 'sync') this.dropAll();
    });
    // A linearizable read: answered, this node knew all that had been acknowledged when it was asked, and has told it.
    while (!stop.aborted && client.isReady) {
      const asked = now();
      let timer;
      const silence = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('silent')), MAX_STALE_MS); });
      try {
        await Promise.race([client.sendCommand(['WATCHKEY', 'REV']), silence]);
      } catch (e) {
        if (!/^(CLUSTERDOWN|UNCERTAIN|LOADING)/.test(e.message)) return; // the next node
        if (now() > this.goodUntil + MAX_STALE_MS) return;
        continue;
      } finally {
        clearTimeout(timer);
      }
      this.goodUntil = asked + MAX_STALE_MS;
      await sleep(MAX_STALE_MS / 4);
    }
  }
}

async function main(endpoints, [key]) {
  if (!key) throw new Error('KEY is wanted');
  const cache = new Cache(endpoints, key);
  cache.run(new AbortController().signal);
  for (;;) {
    const before = cache.hits;
    const value = await cache.get(key);
    console.log(value, cache.hits > before ? '(from the cache)' : '(from the cluster)');
    await sleep(1000);
  }
}

// Counters that a writer raises, each every two seconds or so, read through caches at all nodes whose connections are cut now and then. No cache goes back, none is
// staler than it may be.
async function check(endpoints, run) {
  const SLACK_MS = 200; // between a reply and a message that left the node together, on a busy machine
  const prefix = `${unique('check-cache')}:`;
  const keys = Array.from({ length: 60 }, (_, i) => prefix + i);
  const written = new Map(keys.map((key) => [key, []])); // { value, at }: when it was acknowledged
  const stop = new AbortController();
  const caches = endpoints.map((_, at) => new Cache(endpoints, prefix, { at }));
  const running = caches.map((cache) => cache.run(stop.signal));
  const db = new Clustron(endpoints);
  const writer = async () => {
    for (let n = 1; !run.over; n++) {
      const key = keys[n % keys.length];
      await db.repeat('SET', key, n);
      written.get(key).push({ value: n, at: now() });
      run.step();
      await sleep(25);
    }
  };
  const reader = async (cache) => {
    const last = new Map();
    while (!run.over) {
      for (const key of keys) {
        const began = now();
        const value = Number((await cache.get(key)) ?? 0);
        if (value < (last.get(key) ?? 0)) throw new Error(`${key} went back from ${last.get(key)} to ${value}`);
        last.set(key, value);
        const allowed = began - MAX_STALE_MS - SLACK_MS;
        const missed = written.get(key).find((write) => write.value > value && write.at < allowed);
        if (missed) throw new Error(`${key}: ${value} was read ${began - missed.at} ms behind ${missed.value}`);
      }
      await sleep(30);
    }
  };
  const cutting = setInterval(() => {
    const { client } = caches[Math.floor(Math.random() * caches.length)];
    if (client) close(client);
  }, 2000);
  await Promise.race([Promise.all([writer(), ...caches.map(reader)]), ...running]);
  clearInterval(cutting);
  const hits = caches.reduce((sum, cache) => sum + cache.hits, 0), misses = caches.reduce((sum, cache) => sum + cache.misses, 0);
  stop.abort();
  if (!hits) throw new Error(`no hits, ${misses} misses: nothing was shown`);
  await db.repeat('DEL', ...keys);
  return `${hits} hits, ${misses} misses`;
}

program({ main, check });

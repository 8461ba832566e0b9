// One client of ../failover.py: node failover.js ioredis|redis HOST:PORT,HOST:PORT,...
// Users write unique fields until standard input ends; an error is a line "E unix-ms text"; then every acknowledged field must be there.
// Beside them elements are pushed to two queues that consumers wait at, with BLMOVE and with BLPOP: queues.js.
'use strict';
const Redis = require('ioredis');
const { createClient } = require('redis');
const { Queues } = require('./queues.js');

const [library, list] = process.argv.slice(2);
const endpoints = list.split(',').map((e) => ({ host: e.split(':')[0], port: Number(e.split(':')[1]) }));
const USERS = 8;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Neither library takes several endpoints of a standalone server: on every reconnection the next one is tried.
function open(at = 0) {
  if (library === 'ioredis') {
    const redis = new Redis({
      ...endpoints[at % endpoints.length],
      connectTimeout: 1000,
      maxRetriesPerRequest: 1,
      retryStrategy() {
        Object.assign(redis.options, endpoints[++at % endpoints.length]);
        return 20;
      },
    });
    let closes = 0;
    redis.on('error', () => {});
    redis.on('close', () => { closes++; });
    return {
      set: (k, f, v) => redis.hset(k, f, v),
      fields: (k) => redis.hkeys(k),
      // The library itself sends again what a lost connection left without an answer.
      push: (k, v) => redis.call('ONCE', `${k}:${v}`, 60000, 'RPUSH', k, v),
      breaks: () => closes,
      range: (k) => redis.lrange(k, 0, -1),
      waitMove: (from, to, s) => redis.blmove(from, to, 'LEFT', 'RIGHT', s),
      waitPop: async (k, s) => (await redis.blpop(k, s))?.[1] ?? null,
      close: () => redis.disconnect(),
    };
  }
  const state = { client: null, live: null, breaks: 0 };
  const connect = async () => {
    for (;;) {
      const client = createClient({ socket: { ...endpoints[at++ % endpoints.length], connectTimeout: 1000, reconnectStrategy: false } });
      client.on('error', () => {
        if (state.live !== client) return;
        state.live = null;
        state.breaks++;
        state.client = connect();
      });
      try {
        await client.connect();
        state.live = client;
        return client;
      } catch (e) {
        await sleep(20);
      }
    }
  };
  state.client = connect();
  return {
    set: async (k, f, v) => (await state.client).hSet(k, f, v),
    fields: async (k) => (await state.client).hKeys(k),
    push: async (k, v) => (await state.client).rPush(k, v),
    breaks: () => state.breaks,
    range: async (k) => (await state.client).lRange(k, 0, -1),
    waitMove: async (from, to, s) => (await state.client).blMove(from, to, 'LEFT', 'RIGHT', s),
    waitPop: async (k, s) => (await (await state.client).blPop(k, s))?.element ?? null,
    close: async () => (await state.client).destroy(),
  };
}

async function main() {
  const db = open();
  const run = `fo:${library}:${process.pid}`;
  let stopped = false;
  let errors = 0;
  process.stdin.on('end', () => { stopped = true; });
  process.stdin.resume();
  await db.set(run, 'ready', '1');
  const queues = new Queues(open, endpoints.length, run, (e) => console.log(`E ${Date.now()} waiting: ${e.message.split('\n')[0]}`));
  queues.begin();
  console.log('READY');
  const acknowledged = await Promise.all([...Array(USERS).keys()].map(async (id) => {
    const mine = [];
    for (let i = 0; !stopped; i++) {
      try {
        await db.set(`${run}:${id}`, String(i), '1');
        mine.push(String(i));
        await sleep(2);
      } catch (e) {
        errors++;
        console.log(`E ${Date.now()} ${e.message.split('\n')[0]}`);
        await sleep(10);
      }
    }
    return mine;
  }));
  let lost = 0;
  for (let id = 0; id < USERS; id++) {
    let there;
    for (let tries = 0; !there; tries++) {
      try {
        there = new Set(await db.fields(`${run}:${id}`));
      } catch (e) {
        if (tries > 50) throw e;
        await sleep(100);
      }
    }
    lost += acknowledged[id].filter((f) => !there.has(f)).length;
  }
  const waited = await queues.end();
  console.log(`RESULT acknowledged=${acknowledged.flat().length} lost=${lost} errors=${errors} ` +
    `popped=${waited.popped} wrong=${waited.wrong.length}`);
  for (const text of waited.wrong) console.log(text);
  await db.close();
  process.exit(lost || waited.wrong.length ? 1 : 0);
}

main();

// node redis_suite.js HOST:PORT [RESP]
'use strict';
const assert = require('assert');
const { createClient, RESP_TYPES, WatchError } = require('redis');
const { test, key, sleep, until, endpoint, run } = require('./harness');

const RESP = Number(process.argv[3] || 2);

async function connect() {
  const client = createClient({ socket: { ...endpoint(), reconnectStrategy: () => 50 }, RESP });
  client.on('error', () => {}); // drops are the point of one test; the library comes back by itself
  await client.connect();
  return client;
}

async function withClient(body) {
  const client = await connect();
  try {
    await body(client);
  } finally {
    client.destroy();
  }
}

test('handshake, ping, info', () => withClient(async (c) => {
  assert.equal(await c.ping(), 'PONG');
  assert.match(await c.info('server'), /redis_version:7\./);
  const me = await c.clientInfo();
  assert.ok(me.id > 0);
}));

test('strings', () => withClient(async (c) => {
  assert.equal(await c.set(key('a'), 'ü', { EX: 100 }), 'OK');
  assert.equal(await c.get(key('a')), 'ü');
  assert.equal(await c.set(key('a'), 'x', { condition: 'NX' }), null);
  assert.equal(await c.getEx(key('a'), { type: 'PX', value: 50000 }), 'ü');
  assert.ok((await c.pTTL(key('a'))) > 40000);
  assert.equal(await c.incrBy(key('n'), 9), 9);
  assert.equal(await c.append(key('a'), '!'), 3);
  assert.deepEqual(await c.mGet([key('a'), key('none')]), ['ü!', null]);
  const binary = Buffer.from([...Array(256).keys()]);
  await c.set(key('bin'), binary);
  const raw = c.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  assert.deepEqual(await raw.get(key('bin')), binary);
  assert.equal(await c.setBit(key('bits'), 9, 1), 0);
  assert.equal(await c.bitCount(key('bits')), 1);
}));

test('hashes', () => withClient(async (c) => {
  assert.equal(await c.hSet(key('h'), { a: '1', b: '2' }), 2);
  assert.deepEqual({ ...(await c.hGetAll(key('h'))) }, { a: '1', b: '2' });
  assert.equal(await c.hIncrBy(key('h'), 'a', 4), 5);
  assert.deepEqual(await c.hmGet(key('h'), ['a', 'none']), ['5', null]);
  const many = {};
  for (let i = 0; i < 2000; i++) many['f' + i] = String(i);
  await c.hSet(key('big'), many);
  const seen = {};
  for await (const entries of c.hScanIterator(key('big'), { COUNT: 100 })) {
    for (const { field, value } of entries) seen[field] = value;
  }
  assert.deepEqual(seen, many);
}));

test('lists', () => withClient(async (c) => {
  const l = key('l');
  assert.equal(await c.rPush(l, ['a', 'b', 'c']), 3);
  assert.equal(await c.lPush(l, 'first'), 4);
  assert.deepEqual(await c.lRange(l, 0, -1), ['first', 'a', 'b', 'c']);
  assert.equal(await c.lInsert(l, 'AFTER', 'a', 'x'), 5);
  assert.equal(await c.lSet(l, 0, 'FIRST'), 'OK');
  assert.equal(await c.lRem(l, 0, 'x'), 1);
  assert.equal(await c.lMove(l, key('m'), 'LEFT', 'LEFT'), 'FIRST');
  assert.deepEqual(await c.lPopCount(l, 2), ['a', 'b']);
  assert.equal(await c.rPopLPush(l, key('m')), 'c');
  assert.equal(await c.lLen(l), 0);
  assert.deepEqual(await c.lRange(key('m'), 0, -1), ['c', 'FIRST']);
}));

test('lists that are waited for', () => withClient(async (c) => {
  const q = key('queue');
  const worker = c.duplicate();
  await worker.connect();
  try {
    const taken = worker.blPop([key('none'), q], 20);
    await c.rPush(q, 'a');
    assert.deepEqual({ ...await taken }, { key: q, element: 'a' });
    assert.equal(await worker.blPop(q, 0.05), null);
    const moved = worker.blMove(q, key('moved'), 'LEFT', 'RIGHT', 20);
    await c.rPush(q, 'b');
    assert.equal(await moved, 'b');
    assert.equal(await worker.brPopLPush(key('moved'), q, 1), 'b');
  } finally {
    worker.destroy ? worker.destroy() : await worker.disconnect();
  }
}));

test('implicit pipelining keeps order', () => withClient(async (c) => {
  const replies = await Promise.all([...Array(2000).keys()].flatMap((i) => [c.set(key('p'), String(i)), c.get(key('p'))]));
  replies.forEach((r, i) => assert.equal(r, i % 2 ? String((i - 1) / 2) : 'OK'));
}));

test('transactions and optimistic locking', () => withClient(async (c) => {
  assert.deepEqual(await c.multi().set(key('t'), '1').incr(key('t')).exec(), ['OK', 2]);
  await withClient(async (other) => {
    await c.watch(key('t'));
    await other.set(key('t'), 'changed');
    await assert.rejects(c.multi().set(key('t'), 'mine').exec(), WatchError);
    assert.equal(await other.get(key('t')), 'changed');
  });
}));

test('pub/sub', () => withClient(async (c) => {
  const subscriber = await connect();
  const heard = [];
  await subscriber.subscribe(key('news'), (message) => heard.push(message));
  await subscriber.pSubscribe(key('n*'), (message) => heard.push('p' + message));
  await subscriber.sSubscribe(key('shard'), (message) => heard.push('s' + message));
  for (let i = 0; i < 100; i++) await c.publish(key('news'), String(i));
  await c.sPublish(key('shard'), 'x');
  await until(() => heard.length === 201, 'messages');
  assert.deepEqual(heard.filter((m) => /^\d/.test(m)), [...Array(100).keys()].map(String));
  await subscriber.unsubscribe(key('news'));
  await subscriber.pUnsubscribe(key('n*'));
  await subscriber.sUnsubscribe(key('shard'));
  subscriber.destroy();
}));

test('keys, scan, expiry', () => withClient(async (c) => {
  for (let i = 0; i < 200; i++) await c.set(key('s' + i), 'v');
  const seen = new Set();
  for await (const keys of c.scanIterator({ MATCH: key('s*'), COUNT: 30 })) keys.forEach((k) => seen.add(k));
  assert.ok(seen.size >= 200);
  assert.equal(await c.expire(key('s1'), 100), 1);
  assert.ok((await c.expireTime(key('s1'))) > Date.now() / 1000 + 90);
  await c.pExpire(key('s1'), 30);
  await until(async () => !(await c.exists(key('s1'))), 'expiry');
  assert.equal(await c.type(key('s2')), 'string');
  assert.equal(await c.copy(key('s2'), key('copy')), 1);
}));

test('errors arrive with their text', () => withClient(async (c) => {
  await assert.rejects(c.sendCommand(['NOSUCH']), /ERR unknown command/);
  await c.set(key('str'), 'v');
  await assert.rejects(c.hGet(key('str'), 'f'), /WRONGTYPE/);
}));

test('comes back after its connection is killed', () => withClient(async (c) => {
  await withClient(async (admin) => {
    for (let i = 0; i < 5; i++) {
      const id = await c.clientId();
      await admin.sendCommand(['CLIENT', 'KILL', 'ID', String(id)]);
      await until(async () => (await c.clientId().catch(() => id)) !== id, 'a new connection');
      assert.equal(await c.set(key('back'), String(i)), 'OK');
      await sleep(10);
    }
  });
}));

run();

// node ioredis_suite.js HOST:PORT
'use strict';
const assert = require('assert');
const Redis = require('ioredis');
const { test, key, sleep, until, endpoint, run } = require('./harness');

const connect = (options = {}) => new Redis({ ...endpoint(), ...options });

async function withClient(body, options) {
  const redis = connect(options);
  try {
    await body(redis);
  } finally {
    redis.disconnect();
  }
}

test('ready check, ping, info', () => withClient(async (redis) => {
  assert.equal(await redis.ping(), 'PONG');
  assert.match(await redis.info(), /redis_version:7\./);
  assert.match(await redis.client('LIST'), /lib-name=ioredis|id=\d+/);
}));

test('strings', () => withClient(async (redis) => {
  assert.equal(await redis.set(key('a'), 'ü'), 'OK');
  assert.equal(await redis.get(key('a')), 'ü');
  assert.equal(await redis.set(key('a'), 'x', 'NX'), null);
  assert.equal(await redis.set(key('a'), 'b', 'EX', 100, 'GET'), 'ü');
  assert.ok((await redis.ttl(key('a'))) > 90);
  assert.equal(await redis.incrby(key('n'), 7), 7);
  assert.equal(await redis.incrbyfloat(key('f'), 0.5), '0.5');
  assert.equal(await redis.mset({ [key('m1')]: 1, [key('m2')]: 2 }), 'OK');
  assert.deepEqual(await redis.mget(key('m1'), key('none'), key('m2')), ['1', null, '2']);
  const binary = Buffer.from([...Array(256).keys()]);
  await redis.set(key('bin'), binary);
  assert.deepEqual(await redis.getBuffer(key('bin')), binary);
  assert.equal(await redis.del(key('bin'), key('none')), 1);
}));

test('hashes and their scan stream', () => withClient(async (redis) => {
  assert.equal(await redis.hset(key('h'), { a: 1, b: 2 }), 2);
  assert.deepEqual(await redis.hgetall(key('h')), { a: '1', b: '2' });
  assert.deepEqual(await redis.hmget(key('h'), 'a', 'none'), ['1', null]);
  assert.equal(await redis.hincrby(key('h'), 'a', 4), 5);
  const big = {};
  for (let i = 0; i < 3000; i++) big['f' + i] = String(i);
  await redis.hset(key('big'), big);
  const seen = {};
  for await (const part of redis.hscanStream(key('big'), { count: 200 })) {
    for (let i = 0; i < part.length; i += 2) seen[part[i]] = part[i + 1];
  }
  assert.deepEqual(seen, big);
}));

test('lists', () => withClient(async (redis) => {
  const l = key('l');
  assert.equal(await redis.rpush(l, 'a', 'b', 'c'), 3);
  assert.equal(await redis.lpush(l, 'first'), 4);
  assert.deepEqual(await redis.lrange(l, 0, -1), ['first', 'a', 'b', 'c']);
  assert.equal(await redis.lpos(l, 'b'), 2);
  assert.equal(await redis.linsert(l, 'BEFORE', 'b', 'x'), 5);
  assert.equal(await redis.lrem(l, 0, 'x'), 1);
  assert.equal(await redis.lmove(l, key('m'), 'LEFT', 'RIGHT'), 'first');
  assert.deepEqual(await redis.lpop(l, 2), ['a', 'b']);
  assert.deepEqual(await redis.lmpop(2, key('none'), l, 'RIGHT', 'COUNT', 3), [l, ['c']]);
  assert.equal(await redis.rpop(l), null);
  const dump = await redis.dumpBuffer(key('m'));
  assert.equal(await redis.restore(key('restored'), 0, dump), 'OK');
  assert.deepEqual(await redis.lrange(key('restored'), 0, -1), ['first']);
}));

test('lists that are waited for', () => withClient(async (redis) => {
  const q = key('queue');
  const workers = [...Array(20).keys()].map(() => redis.duplicate());
  try {
    const taken = workers.map((w) => w.blpop(key('none'), q, 20));
    for (let i = 0; i < 20; i++) await redis.rpush(q, i);
    const got = await Promise.all(taken);
    assert.deepEqual(got.map(([k, v]) => [k, Number(v)]).sort((a, b) => a[1] - b[1]), [...Array(20).keys()].map((i) => [q, i]));
    assert.equal(await workers[0].brpop(q, 0.05), null);
    const moved = workers[1].blmove(q, key('moved'), 'LEFT', 'RIGHT', 20);
    await redis.rpush(q, 'x');
    assert.equal(await moved, 'x');
    assert.deepEqual(await redis.blmpop(1, 1, key('moved'), 'LEFT'), [key('moved'), ['x']]);
  } finally {
    workers.forEach((w) => w.disconnect());
  }
}));

test('pipeline of 5,000 commands', () => withClient(async (redis) => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 2500; i++) pipeline.set(key('p' + i), i).get(key('p' + i));
  const replies = await pipeline.exec();
  assert.equal(replies.length, 5000);
  replies.forEach(([error, value], i) => assert.ok(!error && value === (i % 2 ? String((i - 1) / 2) : 'OK')));
}));

test('auto pipelining', () => withClient(async (redis) => {
  const values = await Promise.all([...Array(200).keys()].map((i) => redis.incr(key('auto' + (i % 10)))));
  assert.equal(values.reduce((a, b) => a + b), 10 * 210);
}, { enableAutoPipelining: true }));

test('transactions', () => withClient(async (redis) => {
  const replies = await redis.multi().set(key('t'), 1).incr(key('t')).hget(key('t'), 'f').exec();
  assert.deepEqual(replies.slice(0, 2), [[null, 'OK'], [null, 2]]);
  assert.match(replies[2][0].message, /WRONGTYPE/);
  await redis.watch(key('t'));
  await withClient((other) => other.set(key('t'), 'changed'));
  assert.equal(await redis.multi().set(key('t'), 'mine').exec(), null);
  assert.equal(await redis.get(key('t')), 'changed');
}));

test('pub/sub with patterns, on one connection each', () => withClient(async (redis) => {
  const subscriber = connect();
  const heard = [];
  subscriber.on('message', (channel, message) => heard.push(channel + '=' + message));
  subscriber.on('pmessage', (pattern, channel, message) => heard.push(pattern + '~' + message));
  await subscriber.subscribe(key('news'));
  await subscriber.psubscribe(key('n*'));
  for (let i = 0; i < 100; i++) await redis.publish(key('news'), i);
  await until(() => heard.length === 200, 'messages');
  assert.equal(heard.filter((m) => m.startsWith(key('news='))).join(), [...Array(100).keys()].map((i) => key('news=') + i).join());
  await subscriber.unsubscribe(key('news'));
  assert.equal(await subscriber.punsubscribe(key('n*')), 0);
  assert.equal(await subscriber.ping(), 'PONG');
  subscriber.disconnect();
}));

test('scan stream', () => withClient(async (redis) => {
  for (let i = 0; i < 300; i++) await redis.set(key('scan' + i), i);
  const seen = new Set();
  for await (const part of redis.scanStream({ match: key('scan*'), count: 50 })) part.forEach((k) => seen.add(k));
  assert.equal(seen.size, 300);
}));

test('expiry', () => withClient(async (redis) => {
  await redis.set(key('e'), 'v', 'PX', 50);
  await until(async () => (await redis.get(key('e'))) === null, 'expiry');
  await redis.set(key('e'), 'v');
  assert.equal(await redis.pexpire(key('e'), 60000), 1);
  assert.equal(await redis.persist(key('e')), 1);
  assert.equal(await redis.ttl(key('e')), -1);
}));

test('errors arrive with their text', () => withClient(async (redis) => {
  await assert.rejects(redis.call('NOSUCH', 'a'), /ERR unknown command/);
  await assert.rejects(redis.call('GET'), /wrong number of arguments/);
}));

test('10 MB value', () => withClient(async (redis) => {
  const value = Buffer.alloc(10e6, 'ab');
  await redis.set(key('large'), value);
  assert.ok((await redis.getBuffer(key('large'))).equals(value));
  await redis.unlink(key('large'));
}));

test('comes back after its connection is killed', () => withClient(async (redis) => {
  await withClient(async (admin) => {
    for (let i = 0; i < 5; i++) {
      const id = await redis.client('ID');
      await admin.client('KILL', 'ID', id);
      await until(async () => (await redis.client('ID').catch(() => id)) !== id, 'a new connection');
      assert.equal(await redis.set(key('back'), i), 'OK');
      await sleep(10);
    }
  });
}));

run();

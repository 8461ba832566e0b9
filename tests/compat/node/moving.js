// node moving.js HOST:PORT,...,HOST:PORT: of a whole cluster, the leader last. Its nodes do not survive this.
// Leadership and then the client itself are moved away while it works: node-redis must not notice.
'use strict';
const assert = require('assert');
const { createClient } = require('redis');
const { test, key, sleep, until, run } = require('./harness');

const endpoints = process.argv[2].split(',').map((e) => ({ host: e.split(':')[0], port: Number(e.split(':')[1]) }));
const leader = endpoints[endpoints.length - 1];
const USERS = 8;

async function connect(socket, options = {}) {
  const client = createClient({ socket: { ...socket, reconnectStrategy: false }, RESP: 3, ...options });
  client.on('error', () => {});
  await client.connect();
  return client;
}

// Clients that write all the time while `disturb` runs; no command may fail, and nothing may be done twice or be lost.
async function undisturbed(client, name, disturb) {
  let stopped = false;
  const acknowledged = Promise.all([...Array(USERS).keys()].map(async (id) => {
    let count = 0;
    for (; !stopped; count++) {
      assert.equal(await client.incr(key(name + id)), count + 1);
      assert.equal(await client.get(key(name + id)), String(count + 1));
    }
    return count;
  }));
  try {
    await Promise.race([acknowledged, disturb()]);
  } finally {
    stopped = true;
  }
  for (const count of await acknowledged) assert.ok(count > 10, 'the client stood still');
}

test('FAILOVER disturbs nobody', async () => {
  const client = await connect(leader, { maintNotifications: 'enabled' });
  const admin = await connect(endpoints[0], { maintNotifications: 'disabled' });
  const boss = await connect(leader, { maintNotifications: 'disabled' });
  await undisturbed(client, 'failover', async () => {
    await sleep(300);
    assert.equal(await boss.sendCommand(['FAILOVER', 'TO', endpoints[0].host, String(endpoints[0].port)]), 'OK');
    await until(async () => (await admin.sendCommand(['ROLE']))[0] === 'master', 'the new leader');
    await sleep(300);
    assert.equal(await admin.sendCommand(['FAILOVER', 'TO', leader.host, String(leader.port)]), 'OK');
    await until(async () => (await boss.sendCommand(['ROLE']))[0] === 'master', 'the old leader again');
    await sleep(300);
  });
  for (const c of [client, admin, boss]) c.destroy();
});

test('SHUTDOWN of the node in use disturbs nobody', async () => {
  const client = await connect(leader, { maintNotifications: 'enabled' });
  const boss = await connect(leader, { maintNotifications: 'disabled' });
  const port = async () => Number(/^tcp_port:(\d+)/m.exec(await client.info('server'))[1]);
  assert.equal(await port(), leader.port);
  await undisturbed(client, 'shutdown', async () => {
    await sleep(300);
    const began = Date.now();
    boss.sendCommand(['SHUTDOWN', 'NOSAVE']).catch(() => {});
    await until(() => !boss.isOpen || !boss.isReady, 'the end of the node', 15000);
    // It goes when its clients have gone, not when its time is over.
    assert.ok(Date.now() - began < 5000, 'the node waited for clients that had gone');
    await sleep(1000);
    assert.notEqual(await port(), leader.port);
  });
  client.destroy();
});

run();

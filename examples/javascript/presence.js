// Who is there: a member's key lives as long as its lease, and everybody who follows is told of those who come, leave or die.
//
//     node presence.js [--nodes HOST:PORT,...] join NAME      is there until it is ended, by whatever means
//     node presence.js [--nodes HOST:PORT,...] show           who is there, whenever that changes
//     node presence.js --check [SECONDS]
//
// A member vanishes no sooner than a time to live behind its last keepalive. WATCHKEY WAIT tells all that has happened since a revision, on any node, so
// nothing is missed when a connection or a node is lost.
'use strict';
const { Clustron, grantLease, now, passes, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

// Stays in `room` until `stop` aborts. A lease that was lost, say over a long pause of this process, is a new membership.
async function join(endpoints, room, name, ttlMs, stop) {
  const db = new Clustron(endpoints);
  while (!stop.aborted) {
    let lease;
    try {
      lease = await grantLease(db, ttlMs, room);
      await db.repeat('SET', `${room}:${lease.id}`, name, 'LEASE', lease.id);
      await new Promise((resolve) => {
        if (lease.signal.aborted || stop.aborted) return resolve();
        lease.signal.addEventListener('abort', resolve);
        stop.addEventListener('abort', resolve, { signal: lease.signal });
      });
    } catch (e) {
      if (!passes(e) && e.code !== 'NOLEASE') throw e;
    } finally {
      await lease?.revoke();
    }
  }
  db.close();
}

// Tells `changed(what, key, name)` of all who are there, then of each change: 'joined' or 'left'.
async function follow(endpoints, room, stop, changed) {
  const db = new Clustron(endpoints, { answerMs: 4000 });
  const here = new Map();
  const put = (key, name) => {
    if (!here.has(key)) changed('joined', key, name);
    here.set(key, name);
  };
  const del = (key) => {
    if (here.has(key)) changed('left', key, here.get(key));
    here.delete(key);
  };
  for (let rev = null; !stop.aborted; ) {
    let revisions = [];
    try {
      if (rev === null) {
        let rows;
        [rev, rows] = await db.repeat('WATCHKEY', 'GET', 'PREFIX', `${room}:`);
        const keys = new Set(rows.map(([key]) => key));
        for (const key of [...here.keys()]) if (!keys.has(key)) del(key);
        for (const [key, name] of rows) put(key, name);
      }
      [rev, revisions] = await db.repeat('WATCHKEY', 'WAIT', rev, 'PREFIX', `${room}:`, 'BLOCK', 1000);
    } catch (e) {
      if (e.code === 'COMPACTED') rev = null; // what happened since is no longer known: read anew
      else if (!passes(e)) throw e;
    }
    for (const [, ...events] of revisions) {
      for (const [what, , , key, name] of events) {
        if (what === 'put') put(key, name);
        else if (what === 'del') del(key);
        else rev = null; // flushed or swapped
      }
    }
  }
  db.close();
}

async function main(endpoints, [what, name]) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  if (what === 'join' && name) return join(endpoints, 'presence:room', name, 5000, stop.signal);
  if (what === 'show') return follow(endpoints, 'presence:room', stop.signal, (change, key, who) => console.log(`${who} ${change}`));
  throw new Error('join NAME or show is wanted');
}

// Members who leave and members who vanish. Each follower, at whatever node, sees every membership begin and end, once, and none end too early.
async function check(endpoints, run) {
  const TTL_MS = 1200;
  const room = unique('check-room');
  const db = new Clustron(endpoints);
  const stop = new AbortController();
  const members = new Map(); // key: its lease; `left`: it was revoked
  const seen = endpoints.map(() => ({ joined: [], left: [] }));
  const followers = endpoints.map((_, at) => follow([...endpoints.slice(at), ...endpoints.slice(0, at)], room, stop.signal, (what, key) => {
    seen[at][what].push(key);
    const lease = members.get(key);
    if (what === 'left' && !lease.left && now() < lease.until) throw new Error(`${key} left ${lease.until - now()} ms too early`);
  }));
  const member = async (name) => {
    for (let i = 0; !run.over; i++) {
      const lease = await grantLease(db, TTL_MS, room);
      members.set(`${room}:${lease.id}`, lease);
      try {
        await db.repeat('SET', `${room}:${lease.id}`, name, 'LEASE', lease.id);
        lease.there = true;
        await sleep(200 + 600 * Math.random());
      } catch (e) {
        if (e.code !== 'NOLEASE') throw e;
      }
      run.step();
      lease.left = i % 3 !== 0;
      if (lease.left) await lease.revoke();
      else lease.end(); // nobody renews it
    }
  };
  await Promise.race([Promise.all(['ann', 'bob', 'eve', 'ian'].map(member)), ...followers]);
  const all = (await db.repeat('LEASE', 'LIST', 'OWNER', room)).length;
  for (let waited = 0; (await db.repeat('LEASE', 'LIST', 'OWNER', room)).length; waited += 100) {
    if (waited > 10000) throw new Error('a lease does not end');
    await sleep(100);
  }
  await sleep(1500);
  stop.abort();
  await Promise.all(followers);
  for (const [at, { joined, left }] of seen.entries()) {
    if (joined.length !== left.length || new Set(joined).size !== joined.length || joined.some((key) => !left.includes(key)))
      throw new Error(`follower ${at}: ${joined.length} joined, ${left.length} left`);
    for (const [key, lease] of members) if (lease.there && !joined.includes(key)) throw new Error(`follower ${at} never saw ${key}`);
  }
  return `${members.size} memberships, each seen to begin and end by ${endpoints.length} followers; ${all} ended by their time to live at the end`;
}

program({ main, check });

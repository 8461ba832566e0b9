// So many at a time, whatever process or machine they are in. Whoever dies frees his permit by its time to live.
//
//     node semaphore.js [--nodes HOST:PORT,...] NAME PERMITS      takes a permit, works for 5 s, gives it back, again and again
//     node semaphore.js --check [SECONDS]
//
// First come, first served. A lock with LIMIT guards no key by its name, so the work shows its token with every write: LOCK DO.
'use strict';
const { Clustron, ServerError, acquireLock, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

// Works under one of `permits`: `work(permit)`. `permit.signal` aborts when it is lost: then the work must stop.
async function withPermit(waiting, name, permits, ttlMs, me, work) {
  const permit = await acquireLock(waiting, name, ttlMs, { waitMs: 1000, options: ['LIMIT', permits], me });
  if (!permit) return false;
  try {
    await work(permit);
  } finally {
    if (!permit.abandoned) await permit.release();
  }
  return true;
}

async function main(endpoints, [name, permits]) {
  if (!permits) throw new Error('NAME PERMITS is wanted');
  const db = new Clustron(endpoints), waiting = new Clustron(endpoints, { answerMs: 5000 });
  for (;;) {
    const got = await withPermit(waiting, name, permits, 10000, `worker-${process.pid}`, async (permit) => {
      console.log(`permit ${permit.token}`);
      for (let i = 0; i < 5 && permit.alive; i++) {
        await db.once(unique('work'), 60000, 'LOCK', 'DO', name, permit.token, 'HINCRBY', `${name}:work`, permit.token, 1);
        await sleep(1000);
      }
    });
    if (!got) console.log('all permits are out');
  }
}

// Workers who give back, and some who vanish. Never more believe that they have a permit than there are, and none is lost for good.
async function check(endpoints, run) {
  const PERMITS = 3, WORKERS = 6, TTL_MS = 1500;
  const name = unique('check-permits');
  let inside = 0, most = 0, jobs = 0, late = 0;
  const refused = (e) => {
    if (e.code !== 'FENCED') throw e;
    late++;
  };
  const worker = async (at) => {
    const ghosts = [];
    const db = new Clustron(endpoints, { at }), waiting = new Clustron(endpoints, { at, answerMs: 5000 });
    while (!run.over) {
      await withPermit(waiting, name, PERMITS, TTL_MS, `host-${at % 2}`, async (permit) => {
        most = Math.max(most, ++inside);
        let left = false;
        const leave = () => {
          if (!left) inside--;
          left = true;
        };
        permit.signal.addEventListener('abort', leave);
        const write = () => db.once(unique(name), 60000, 'LOCK', 'DO', name, permit.token, 'INCR', `${name}:jobs`);
        try {
          await write();
          if (++jobs % 15 === 0) {
            // Vanishes: nobody renews the permit, nobody gives it back. The worker starts again at once; what is left of him wakes up much later.
            permit.abandoned = true;
            permit.end();
            const wrong = () => {
              throw new Error(`a write with permit ${permit.token}, which was lost`);
            };
            ghosts.push(sleep(3 * TTL_MS).then(write).then(wrong, refused));
            return;
          }
          await sleep(50);
          if (permit.alive) run.step();
        } catch (e) {
          refused(e);
        } finally {
          leave();
        }
      });
    }
    await Promise.all(ghosts);
    db.close();
    waiting.close();
  };
  await Promise.all([...Array(WORKERS).keys()].map(worker));
  if (most !== PERMITS) throw new Error(`${most} at once, with ${PERMITS} permits`);
  const db = new Clustron(endpoints);
  if (!late) throw new Error('nobody vanished: nothing was shown');
  const counted = Number(await db.repeat('GET', `${name}:jobs`));
  if (counted !== jobs) throw new Error(`${jobs} jobs were answered, ${counted} were done`);
  await db.repeat('DEL', `${name}:jobs`);
  return `${jobs} jobs, ${most} at once, ${late} late writes refused`;
}

program({ main, check });

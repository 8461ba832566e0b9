// A queue of jobs over lists: a job whose worker dies is done by another one, each job takes effect once, and one that never succeeds is put aside.
//
//     node job_queue.js [--nodes HOST:PORT,...] add TEXT           puts a job
//     node job_queue.js [--nodes HOST:PORT,...] work               a worker; start several, and end some in the middle
//     node job_queue.js [--nodes HOST:PORT,...] dead               the jobs that were put aside
//     node job_queue.js --check [SECONDS]
//
// jobs:todo holds ids, jobs:job:ID a job's text and tries, jobs:doing:WORKER what that worker has taken, jobs:dead what was put aside. A worker is
// a lease: while it lives nobody touches his list; once it has ended, it never lives again, and others put back what he had.
'use strict';
const { fork } = require('child_process');
const { randomUUID } = require('crypto');
const { Clustron, Uncertain, disturbAnswers, grantLease, passes, sleep, unique } = require('./clustron.js');
const { program } = require('./program.js');

const KEEP_MS = 3600 * 1000; // far above the time for which anything is sent again
const TRIES = 3;

class JobQueue {
  constructor(endpoints, prefix = 'jobs', at = 0) {
    this.db = new Clustron(endpoints, { at });
    this.waiting = new Clustron(endpoints, { at, answerMs: 6000 });
    this.prefix = prefix;
    this.todo = `${prefix}:todo`;
    this.dead = `${prefix}:dead`;
  }

  job(id) {
    return `${this.prefix}:job:${id}`;
  }

  // The id is made before the first attempt, so a job that is sent again is one job.
  async add(text, id = randomUUID()) {
    await this.db.once(`${this.prefix}:add:${id}`, KEEP_MS,
      'TXN', 'THEN', 2, 6, 'HSET', this.job(id), 'text', text, 'tries', 0, 3, 'RPUSH', this.todo, id);
    return id;
  }

  // Works until `stop.aborted`. `handle(text, id)` gives the commands, as arrays, that are done together with the end of the job; or it throws.
  async work(stop, ttlMs, handle) {
    // Finds the lists of all workers, also of those that wrote their first element after somebody looked.
    await this.db.repeat('INDEX', 'CREATE', `${this.prefix}:doing`, 'ON', 'KEYS', 'PREFIX', 1, `${this.prefix}:doing:`);
    while (!stop.aborted) {
      let lease, recovering;
      try {
        lease = await grantLease(this.db, ttlMs, `${this.prefix}:worker`);
        recovering = this.recoverAll(lease, ttlMs);
        recovering.catch(() => lease.end()); // told below
        while (lease.alive && !stop.aborted) await this.workOnce(lease, handle);
      } catch (e) {
        if (!passes(e)) throw e;
      } finally {
        await lease?.revoke(); // what is still in its list is put back like a dead worker's
        await recovering?.catch((e) => {
          if (!passes(e)) throw e;
        });
      }
    }
  }

  async workOnce(lease, handle) {
    const doing = `${this.prefix}:doing:${lease.id}`;
    // First what is there: a BLMOVE without an answer may have taken a job.
    let [id] = await this.db.repeat('LRANGE', doing, 0, 0);
    if (id === undefined) {
      try {
        id = await this.waiting.call('BLMOVE', this.todo, doing, 'LEFT', 'RIGHT', 1);
      } catch (e) {
        if (!(e instanceof Uncertain) && e.code !== 'UNBLOCKED') throw e;
      }
      if (id === undefined || id === null) return;
    }
    const text = await this.db.repeat('HGET', this.job(id), 'text');
    let effects;
    try {
      effects = await handle(text, id);
    } catch (e) {
      return void (await this.giveBack(doing, id, ['ALIVE', lease.id]));
    }
    // Effects and end are one step, and only while nobody can have taken the job away: another one does it otherwise.
    const commands = [['LREM', doing, 1, id], ['DEL', this.job(id)], ...effects];
    await this.db.once(unique(`${this.prefix}:end`), KEEP_MS, 'TXN', 'IF', 1, 'ALIVE', lease.id,
      'THEN', commands.length, ...commands.flatMap((command) => [command.length, ...command]));
  }

  // From a worker's list back to the queue's end, or aside if it was tried too often: if the list is still as it was seen. Then a repetition finds
  // another revision, and does nothing.
  async giveBack(doing, id, ...conditions) {
    const [, , [revision, [first], tries]] = await this.db.repeat('TXN', 'THEN', 3,
      3, 'OBJECT', 'REVISION', doing, 4, 'LRANGE', doing, 0, 0, 3, 'HGET', this.job(id), 'tries');
    if (first !== id) return;
    const target = Number(tries) + 1 >= TRIES ? this.dead : this.todo;
    await this.db.repeat('TXN', 'IF', 1 + conditions.length, 'REV', doing, '=', revision, ...conditions.flat(),
      'THEN', 3, 4, 'LREM', doing, 1, id, 4, 'HINCRBY', this.job(id), 'tries', 1, 3, 'RPUSH', target, id);
  }

  // Of all workers who have taken something.
  async lists() {
    try {
      return (await this.db.repeat('INDEX', 'QUERY', `${this.prefix}:doing`, 'LIMIT', 100000))[2];
    } catch (e) {
      if (/is being built/.test(e.message)) return []; // in a large database: later
      throw e;
    }
  }

  // What dead workers had, while this one lives.
  async recoverAll(lease, everyMs) {
    for (; lease.alive; await sleep(everyMs)) {
      for (const doing of await this.lists()) {
        // An id is never granted again, so who is gone now is gone for good.
        if ((await this.db.repeat('LEASE', 'TTL', doing.slice(`${this.prefix}:doing:`.length))) !== null) continue;
        for (const id of await this.db.repeat('LRANGE', doing, 0, -1)) await this.giveBack(doing, id);
      }
    }
  }
}

async function main(endpoints, [what, text]) {
  const queue = new JobQueue(endpoints);
  if (what === 'add' && text) {
    console.log(await queue.add(text));
  } else if (what === 'dead') {
    const ids = await queue.db.repeat('LRANGE', queue.dead, 0, -1);
    for (const id of ids) console.log(id, await queue.db.repeat('HGET', queue.job(id), 'text'));
  } else if (what === 'work') {
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    await queue.work(stop.signal, 5000, async (job, id) => {
      console.log(`works at ${id}: ${job}`);
      await sleep(1000);
      return [['HINCRBY', 'jobs:results', job, 1]];
    });
  } else {
    throw new Error('add TEXT, work or dead is wanted');
  }
  queue.db.close();
  queue.waiting.close();
}

// Of the check: a worker in a process of its own, for jobs that end it.
async function checkWorker(endpoints, [prefix, at]) {
  const queue = new JobQueue(endpoints, prefix, Number(at));
  disturbAnswers();
  await queue.work({ aborted: false }, 800, async (text, id) => {
    if (text === 'fails') throw new Error('as it must');
    if (text === 'kills') process.kill(process.pid, 'SIGKILL');
    await sleep(50);
    return [['HINCRBY', `${prefix}:results`, id, 1]];
  });
}

// Workers die, and are paused for longer than their leases live. Each good job takes effect once; each that fails or kills its worker ends aside; nothing is left over.
async function check(endpoints, run) {
  const prefix = unique('check-jobs');
  const queue = new JobQueue(endpoints, prefix);
  const workers = [];
  let ended = false, died = 0;
  const begin = (at) => {
    workers[at] = fork(__filename, ['--nodes', endpoints.join(','), 'check-worker', prefix, String(at)]);
    workers[at].on('exit', (status) => {
      if (ended) return;
      if (status !== null) throw new Error(`a worker ended with ${status}`);
      died++;
      begin(at);
    });
  };
  [0, 1, 2].forEach(begin);
  let paused = 0;
  const pausing = setInterval(() => {
    const worker = workers[Math.floor(Math.random() * workers.length)];
    worker.kill('SIGSTOP');
    setTimeout(() => worker.kill('SIGCONT'), 3000);
    paused++;
  }, 3500);
  const good = [], bad = [];
  for (let i = 0; !run.over; i++) {
    const kind = i === 20 || i === 60 ? 'kills' : i % 25 === 5 ? 'fails' : 'good';
    (kind === 'good' ? good : bad).push(await queue.add(kind));
    await sleep(20);
  }
  const read = () => queue.db.repeat('TXN', 'THEN', 2, 2, 'HGETALL', `${prefix}:results`, 4, 'LRANGE', queue.dead, 0, -1);
  clearInterval(pausing);
  let results, dead;
  for (let waited = 0; ; waited += 100) {
    const [, , [pairs, aside]] = await read();
    results = new Map(pairs.flatMap((id, i) => (i % 2 ? [] : [[id, Number(pairs[i + 1])]])));
    dead = aside;
    if (results.size >= good.length && dead.length >= bad.length) break;
    if (waited > 20000) throw new Error(`${results.size} of ${good.length} jobs done, ${dead.length} of ${bad.length} aside`);
    await sleep(100);
  }
  run.step();
  await sleep(500); // for whatever comes twice
  const [, , [pairs]] = await read();
  ended = true;
  for (const worker of workers) worker.kill('SIGKILL');
  const left = await queue.db.repeat('LLEN', queue.todo);
  if (pairs.length !== 2 * good.length || good.some((id) => results.get(id) !== 1)) throw new Error('a job took effect twice or was lost');
  if (dead.length !== bad.length || bad.some((id) => !dead.includes(id)) || left) throw new Error('a job that never succeeds is not aside');
  if (!died) throw new Error('no worker died: nothing was shown');
  await queue.db.repeat('INDEX', 'DROP', `${prefix}:doing`);
  await queue.db.repeat('FLUSHDB', 'PREFIX', prefix);
  return `${good.length} jobs done once, ${bad.length} put aside, ${died} workers died, ${paused} were paused`;
}

if (process.argv.includes('check-worker')) program({ main: (endpoints, words) => checkWorker(endpoints, words.slice(1)) });
else program({ main, check });
